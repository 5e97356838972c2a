# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the catalogue says of monodepth2's published variants and of RT-MonoDepth."""
from __future__ import annotations

import re

from depth_estimation_ros.models import monodepth2, rt_monodepth
from depth_estimation_ros.models.contract import ScaleKind
from depth_estimation_ros.models.weights import load_checkpoint
from key_init import synth, write_monodepth2_checkpoint
import pytest
import torch

ENTRIES = {entry.name: entry for entry in monodepth2.ENTRIES}
VARIANTS = [entry for entry in monodepth2.ENTRIES if entry.downloads]

# README.md of nianticlabs/monodepth2 b676244: its table, and what it links below the table.
WITH_MD5 = {f'monodepth2_{supervision}_{rest}'
            for supervision in ('mono', 'stereo', 'mono_stereo')
            for rest in ('640x192', '1024x320', 'no_pt_640x192')}
WITHOUT = {'monodepth2_mono_odom_640x192', 'monodepth2_mono_stereo_odom_640x192',
           'monodepth2_mono_resnet50_640x192', 'monodepth2_mono_resnet50_no_pt_640x192'}


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    return {layers: load_checkpoint(write_monodepth2_checkpoint(
        tmp_path_factory.mktemp('resnet'), layers), monodepth2.FILES).files for layers in (18, 50)}


def test_every_published_variant_has_an_entry():
    assert {entry.name for entry in VARIANTS} == WITH_MD5 | WITHOUT
    assert ENTRIES.keys() - {entry.name for entry in VARIANTS} == {'monodepth2'}
    assert len(ENTRIES) == len(monodepth2.ENTRIES)


@pytest.mark.parametrize('entry', VARIANTS, ids=lambda entry: entry.name)
def test_a_variant_is_one_archive_of_its_owners(entry):
    archive, = entry.downloads
    stem = entry.name.removeprefix('monodepth2_')
    assert archive.name == f'{stem}.zip'
    owners = stem.replace('mono_stereo', 'mono%2Bstereo')
    assert archive.url == ('https://storage.googleapis.com/niantic-lon-static/research/'
                           f'monodepth2/{owners}.zip')
    if entry.name in WITH_MD5:
        assert re.fullmatch('[0-9a-f]{32}', archive.md5)
    else:
        assert archive.md5 is None
    assert archive.sha256 is None


def test_no_two_archives_are_the_same():
    archives = [entry.downloads[0] for entry in VARIANTS]
    assert len({archive.url for archive in archives}) == len(archives)
    assert len({archive.md5 for archive in archives if archive.md5}) == len(WITH_MD5)


@pytest.mark.parametrize('entry', VARIANTS, ids=lambda entry: entry.name)
def test_an_entry_promises_what_its_checkpoint_gives(checkpoints, entry):
    files = checkpoints[50 if 'resnet50' in entry.name else 18]
    width, height = map(int, entry.input_size.split('x'))
    assert entry.name.endswith(entry.input_size)
    network = entry.build({**files, 'encoder.pth': {
        **files['encoder.pth'], 'width': width, 'height': height,
        'use_stereo': 'stereo' in entry.name}})
    assert entry.scale is network.contract.kind
    assert (entry.scale is ScaleKind.METRIC_ON_TRAINING_CAMERA) == ('stereo' in entry.name)
    assert (network.input_width, network.input_height) == (width, height)
    count = sum(p.numel() for p in network.module.parameters())
    assert entry.parameters == round(count / 1e6, 1)
    for file, mark in zip(entry.files, entry.marks):
        assert mark in files[file]


@pytest.mark.parametrize(('name', 'published'), [
    ('mono_640x192', ('0.115', '0.877')), ('stereo_640x192', ('0.109', '0.864')),
    ('mono_stereo_640x192', ('0.106', '0.874')), ('mono_1024x320', ('0.115', '0.879')),
    ('stereo_1024x320', ('0.107', '0.874')), ('mono_stereo_1024x320', ('0.106', '0.876')),
    ('mono_no_pt_640x192', ('0.132', '0.845')), ('stereo_no_pt_640x192', ('0.130', '0.831')),
    ('mono_stereo_no_pt_640x192', ('0.127', '0.836')),
    ('mono_resnet50_640x192', ('0.110', '0.883'))])
def test_published_figures_say_how_they_were_scaled(name, published):
    words = ENTRIES[f'monodepth2_{name}'].published
    assert re.findall(r'0\.\d{3}', words) == list(published)
    assert ('x 5.4 to metres' in words) == ('stereo' in name)
    assert ('median' in words) == ('stereo' not in name)


@pytest.mark.parametrize('entry', (*monodepth2.ENTRIES, *rt_monodepth.ENTRIES),
                         ids=lambda entry: entry.name)
def test_every_entry_says_what_a_user_chooses_by(entry):
    assert not entry.commercial and 'non-commercial' in entry.licence
    assert entry.source.startswith('https://github.com/')
    assert 'KITTI' in entry.training and entry.published
    assert re.search('640x192|1024x320', entry.input_size)
    assert len(entry.files) == len(entry.marks) == 2
    assert not entry.shipped


def test_the_plain_name_takes_any_variant_and_fetches_none(checkpoints):
    plain = ENTRIES['monodepth2']
    assert plain.scale is None and not plain.downloads
    assert {plain.build(files).description for files in checkpoints.values()} == {
        'monodepth2 ResNet-18 640x192, stereo-trained',
        'monodepth2 ResNet-50 640x192, stereo-trained'}


@pytest.mark.parametrize(('asked', 'given'), [((500, 190), (512, 192)), ((64, 64), (64, 64))])
def test_an_input_size_is_rounded_to_multiples_of_32(checkpoints, asked, given):
    network = monodepth2.build(checkpoints[18]).resized(*asked)
    assert network.multiple == 32
    assert (network.input_width, network.input_height) == given
    rgb = torch.from_numpy(synth(*given[::-1])).permute(2, 0, 1)[None] / 255
    assert network.module(rgb)[0].shape == (1, 1, *given[::-1])
