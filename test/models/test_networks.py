# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a name to a network: where its weights are, its input, what the catalogue says."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
import hashlib
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import shutil
import threading

from depth_estimation_ros import cli
from depth_estimation_ros.commands import models
from depth_estimation_ros.models import catalogue, downloads, exports, networks
from depth_estimation_ros.models.contract import Download, ModelError, ScaleKind
from depth_estimation_ros.models.downloads import DownloadError
from depth_estimation_ros.models.weights import WeightsError
from key_init import write_monodepth2_checkpoint
import pytest

NAME = 'monodepth2_mono_stereo_640x192'


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep this machine's cache out of it, and return an empty one."""
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'))


@pytest.fixture
def published(checkpoint, monkeypatch):
    """Have a loopback server stand in for the official host of NAME; its licence is a free one."""
    handler = partial(SimpleHTTPRequestHandler, directory=checkpoint)
    monkeypatch.setattr(SimpleHTTPRequestHandler, 'log_message', lambda *_: None)
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entry = replace(catalogue.find(NAME), commercial=True, downloads=tuple(
        Download(f'http://127.0.0.1:{server.server_port}/{name}', name)
        for name in ('encoder.pth', 'depth.pth')))
    monkeypatch.setitem(catalogue.CATALOGUE, NAME, entry)
    yield entry
    server.shutdown()


def test_compact_needs_nothing():
    loaded = networks.open_network('compact')
    assert loaded.network.contract.kind is ScaleKind.METRIC_FROM_INTRINSICS
    rooms = networks.open_network(loaded.entry.rooms)
    assert loaded.sha256 == {'compact.npz': loaded.entry.shipped[1], **rooms.sha256}
    assert loaded.network.rooms.description == rooms.network.description
    assert networks.open_network('compact', input_size='320x96').network.rooms.input_width == 320


def test_weights_of_ones_own_are_one_network(tmp_path):
    own = shutil.copy(networks.open_network('compact').path, tmp_path / 'mine.npz')
    assert networks.open_network('compact', own).network.rooms is None


def test_missing_weights_are_two_commands_that_help_and_no_download(published, cache):
    commands = f"'depth_estimation models fetch {NAME}'.*--from FOLDER"
    with pytest.raises(WeightsError, match=commands):
        networks.open_network(NAME)
    assert not cache.exists()


def test_weights_that_were_fetched_are_found(published):
    downloads.fetch(published)
    loaded = networks.open_network(NAME)
    assert loaded.path == downloads.place(published) and loaded.network.input_width == 640


def test_weights_come_by_themselves_only_where_that_is_allowed(published, checkpoint):
    loaded = networks.open_network(NAME, download=True)
    assert loaded.sha256 == {
        name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
        for name in ('encoder.pth', 'depth.pth')}


def test_a_licence_is_never_accepted_by_itself(published, monkeypatch, cache):
    monkeypatch.setitem(catalogue.CATALOGUE, NAME, replace(published, commercial=False))
    with pytest.raises(DownloadError, match='--accept-license'):
        networks.open_network(NAME, download=True)
    with pytest.raises(WeightsError, match=f'fetch {NAME} --accept-license'):
        networks.open_network(NAME)


def test_a_path_overrules_what_was_fetched(checkpoint):
    assert networks.open_network(NAME, checkpoint).path == checkpoint
    with pytest.raises(WeightsError, match='does not exist'):
        networks.open_network(NAME, checkpoint / 'nowhere')
    with pytest.raises(WeightsError, match='does not exist: set weights to the checkpoint of'):
        networks.open_network('depth_anything_v2_metric_outdoor_small', checkpoint / 'nowhere')


def test_the_input_is_rounded_to_the_networks_multiple(checkpoint):
    network = networks.open_network('monodepth2', checkpoint, '500x100').network
    assert (network.input_width, network.input_height) == (512, 96)
    network = networks.open_network('compact', input_size='640x192').network
    assert network.size_for is None and (network.input_width, network.input_height) == (640, 192)
    # Its reflected borders need two pixels at 1/32 of the size.
    assert networks.open_network('monodepth2', checkpoint, '640x32').network.input_height == 64


@pytest.mark.parametrize(
    'text', ['', 'big', '640', '640x', '0x192', '9999x192', '-64x64', '6.4x2'])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(networks.InputSizeError, match='input_size.*640x192'):
        networks.open_network('compact', input_size=text)


def test_a_network_of_one_size_refuses_others(checkpoint):
    fixed = replace(networks.open_network('monodepth2', checkpoint).network, multiple=None)
    assert fixed.resized(640, 192) is fixed
    with pytest.raises(ModelError, match="input_size to 'auto'"):
        fixed.resized(320, 96)


def test_a_door_names_its_weights_itself(tmp_path):
    with pytest.raises(WeightsError, match='leave weights empty'):
        networks.open_network(f'onnx:{tmp_path}/net.onnx', 'net.onnx')


def test_the_table_has_every_network_and_what_its_numbers_mean(capsys):
    assert cli.main(['models']) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line for line in printed.splitlines() if line}
    for name, entry in catalogue.CATALOGUE.items():
        assert len(rows[name].split()) == 6 and len(rows[name]) <= 80
        assert entry.commercial == ('non-comm.' not in rows[name] and 'NC' not in rows[name])
    assert max(map(len, printed.splitlines())) <= 80
    assert rows['compact'].split()[1:] == ['both', '5', 'own', 'Apache-2.0', 'yes']
    assert rows[NAME].endswith('no') and rows['densedepth_nyu'].split()[1] == 'rooms'


def test_one_network_is_told_in_full(capsys):
    assert cli.main(['models', 'show', 'meter_kitti']) == 0
    printed = capsys.readouterr().out
    for word in ('MIT', '0.7', 'metric on its training camera', 'KITTI', 'https://'):
        assert word in printed


def test_weights_are_fetched_by_a_command(published, capsys):
    assert cli.main(['models', 'fetch', NAME]) == 0
    assert str(downloads.place(published)) in capsys.readouterr().out
    assert models.table().splitlines()[
        1 + list(catalogue.CATALOGUE).index(NAME)].endswith('yes')


def test_a_robot_without_a_network_takes_a_file(published, checkpoint, capsys):
    assert cli.main(['models', 'fetch', NAME, '--from', str(checkpoint)]) == 0
    assert networks.open_network(NAME).network.input_width == 640


@pytest.mark.parametrize('name, words', [
    ('depth-anything-3', 'you mean depth_anything_3_metric_large'), ('DA3-large', 'onnx:FILE'),
    ('Metric3D-ViT-S', 'mean metric3d_v2_small or'), ('moge-2-vits', 'mean moge_2_small, '),
    ('UniDepthV2', 'not for commercial use'), ('depth_pro', 'research only'),
    ('metric_video_depth_anything_small', 'temporal.window'), ('yolo11-depth', 'AGPL'),
    ('depth_anything_v2_metric_indor_small', 'you mean depth_anything_v2_metric_indoor_small')])
def test_names_that_people_know_are_answered_with_the_way_to_them(name, words, capsys):
    assert cli.main(['models', 'show', name]) == 1
    said = capsys.readouterr().err
    assert words in said and said.count('\n') == 1


@pytest.mark.parametrize('arguments, words', [
    (['fetch', 'midas'], 'not in the catalogue'), (['show', 'midas'], 'not in the catalogue'),
    (['fetch', NAME], '--accept-license'), (['fetch', 'monodepth2'], 'no address is known')])
def test_what_cannot_be_fetched_is_one_sentence(arguments, words, capsys):
    assert cli.main(['models', *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1


@pytest.mark.parametrize(('name', 'near'), [
    ('compact-room', 'did you mean compact-rooms'), ('densedepth', 'did you mean densedepth_'),
    ('rt_monodepth_small', 'did you mean rt_monodepth_s'), ('zzz', "models' lists what there is")])
def test_a_name_that_there_is_not_gets_those_that_are_near(name, near):
    with pytest.raises(ModelError) as error:
        catalogue.find(name)
    assert near in str(error.value) and len(str(error.value)) < 400


def test_every_entry_says_for_which_scenes_it_is():
    found = {entry.name: entry.scenes for entry in catalogue.CATALOGUE.values()}
    assert set(found.values()) == {'streets', 'rooms', 'streets, rooms'}
    assert [name for name, scenes in found.items() if 'rooms' in scenes] == [
        'compact', 'compact-rooms', 'densedepth_nyu', 'meter_nyu',
        *(f'depth_anything_v2_metric_indoor_{size}' for size in ('small', 'base', 'large')),
        *(entry.name for entry in exports.ENTRIES)]
