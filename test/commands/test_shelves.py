# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a store: a server that speaks S3 on loopback (moto), through fsspec and s3fs."""
from __future__ import annotations

import json
import logging
import os
from pathlib import Path
import signal
import subprocess
import sys

from depth_estimation_ros.commands.shelves import find_units, ShelfError, SUMMARY, UNFINISHED
from harness import command, REPOSITORY, wait
import pytest
from test_annotate import bytes_of, FAST, record, run

s3fs = pytest.importorskip('s3fs', reason='s3fs (the extra scale) is not installed')
moto = pytest.importorskip('moto.server', reason='moto or flask-cors is not installed')

ACCESS = {'AWS_ACCESS_KEY_ID': 'testing', 'AWS_SECRET_ACCESS_KEY': 'testing',
          'AWS_DEFAULT_REGION': 'us-east-1'}
FAST_OPTIONS = [word for parameter in FAST for word in ('--param', parameter)]


@pytest.fixture(scope='module')
def store():
    """Return an S3 store of this machine with a bucket `fleet`; commands find it."""
    logging.getLogger('werkzeug').setLevel(logging.WARNING)  # a line for each request
    server = moto.ThreadedMotoServer(ip_address='127.0.0.1', port=0)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ.update({**ACCESS, 'AWS_ENDPOINT_URL': f'http://{host}:{port}'})
    files = s3fs.S3FileSystem(use_listings_cache=False)
    files.mkdir('fleet')
    yield files
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope='module')
def shelf(store, tmp_path_factory):
    """Put four recordings into the store; return what is made of them on this machine."""
    place = tmp_path_factory.mktemp('shelf')
    for number in range(4):
        record(place / f'shelf/day{number % 2}/drive{number}', 4 + number)
    store.put(f'{place}/shelf/', 'fleet/shelf/', recursive=True)
    run([str(place / 'shelf')], place / 'out', parameters=FAST)
    return bytes_of(place / 'out')


def annotate(*arguments):
    """Run the command on the store."""
    return command('annotate', *arguments, *FAST_OPTIONS, environment={
        **ACCESS, 'AWS_ENDPOINT_URL': os.environ['AWS_ENDPOINT_URL']})


def bytes_there(store, place: str) -> dict[str, bytes]:
    """Return the recordings below a place, as `bytes_of` does."""
    return {path[len(place) + 1:]: store.cat_file(path) for path in store.find(place)
            if not path.endswith(SUMMARY)}


def test_depth_of_a_store_is_that_of_this_machine_and_is_made_once(store, shelf):
    done = annotate('s3://fleet/shelf', '--output', 's3://fleet/out', '--jobs', '2')
    assert done.returncode == 0, done.stderr
    assert bytes_there(store, 'fleet/out') == shelf
    summary = json.loads(store.cat_file(f'fleet/out/day0/drive0/{SUMMARY}'))
    assert summary['source'] == 's3://fleet/shelf/day0/drive0' and UNFINISHED not in summary
    again = annotate('s3://fleet/shelf', '--output', 's3://fleet')
    assert again.returncode == 1 and 'which is never written to' in again.stderr
    again = annotate('s3://fleet/shelf/day*', '--output', 's3://fleet/out2', '--shard', '1/4')
    assert again.returncode == 0 and again.stdout.count('done') == 1, again.stderr
    again = annotate('s3://fleet/shelf', '--output', 's3://fleet/out')
    assert again.returncode == 0 and again.stdout.count('was there') == 4


def test_from_a_store_to_a_disk_and_back(store, shelf, tmp_path):
    done = annotate('s3://fleet/shelf', '--output', tmp_path / 'out')
    assert done.returncode == 0, done.stderr
    assert bytes_of(tmp_path / 'out') == shelf
    store.get('fleet/shelf/day1/drive1/', f'{tmp_path}/drive1/', recursive=True)
    done = annotate(tmp_path / 'drive1', '--output', 's3://fleet/back')
    assert done.returncode == 0, done.stderr
    assert {f'day1/{name}': data for name, data in bytes_there(store, 'fleet/back').items()} == {
        name: data for name, data in shelf.items() if name.startswith('day1/drive1/')}


def test_what_was_killed_on_its_way_into_a_store_is_made_again(store, shelf):
    driver = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'annotate', 's3://fleet/shelf',
         '--output', 's3://fleet/killed', *FAST_OPTIONS], cwd=REPOSITORY,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: store.find('fleet/killed'), 90, lambda: 'nothing was begun')
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    # Whatever the moment was: one that has begun to arrive.
    kept = json.loads(store.cat_file(f'fleet/killed/day0/drive0/{SUMMARY}'))
    store.pipe_file(f'fleet/killed/day0/drive0/{SUMMARY}',
                    json.dumps({**kept, UNFINISHED: True}).encode())
    store.pipe_file('fleet/killed/day0/drive0/drive0.mcap', b'a part')
    done = annotate('s3://fleet/shelf', '--output', 's3://fleet/killed')
    assert done.returncode == 0, done.stderr
    assert bytes_there(store, 'fleet/killed') == shelf


def test_what_another_put_there_is_never_written_over(store, shelf):
    store.pipe_file('fleet/others/drive0/drive0.mcap', b'mine')
    for more in ([], ['--overwrite']):
        done = annotate('s3://fleet/shelf/day0/drive0', '--output', 's3://fleet/others', *more)
        assert done.returncode == 1 and 'was not made by this command' in done.stderr
    done = annotate('s3://fleet/shelf/day0/drive0', '--output', 's3://fleet/mixed')
    store.pipe_file('fleet/mixed/drive0/notes.txt', b'mine')
    done = annotate('s3://fleet/shelf/day0/drive0', '--output', 's3://fleet/mixed',
                    '--param', 'max_depth:=20', '--overwrite')
    assert done.returncode == 1 and 'notes.txt' in done.stderr
    assert store.cat_file('fleet/others/drive0/drive0.mcap') == b'mine'
    assert store.cat_file('fleet/mixed/drive0/notes.txt') == b'mine'


@pytest.mark.parametrize(('name', 'words'), [
    ('s3://nowhere/shelf', 's3://nowhere/shelf'),
    ('s3://fleet/nothing', 'is no recording and holds none'),
    ('s3://', 'names no place in a store'),
    ('nosuch://fleet/shelf', 'in no store that fsspec knows'),
    ('hdfs://fleet/shelf', "pip install 'depth_estimation_ros[scale]'")])
def test_a_store_that_is_none_is_one_sentence(store, name, words):
    with pytest.raises(ShelfError) as error:
        find_units([name], 's3://fleet/out')
    assert words in str(error.value) and '\n' not in str(error.value)


def test_a_key_that_leads_out_of_the_output_is_no_recording(store, shelf, tmp_path):
    for key in ('fleet/odd/../../out/drive0.mcap', 'fleet/odd/a/../drive0.mcap'):
        store.pipe_file(key, b'a part')
    store.pipe_file('fleet/odd/day0/drive0.mcap', b'a part')
    assert find_units(['s3://fleet/odd'], str(tmp_path)) == [
        ('s3://fleet/odd/day0', f'{tmp_path}/day0')]


def test_too_small_a_disk_is_said_before_anything_is_fetched(store, shelf, monkeypatch):
    from depth_estimation_ros.commands import shelves
    monkeypatch.setattr(shelves.shutil, 'disk_usage', lambda _: type('Disk', (), {'free': 9}))
    with pytest.raises(ShelfError, match='set TMPDIR to a larger disk'):
        with shelves.place_of('s3://fleet/shelf/day0/drive0').at_hand():
            pass


def test_a_single_file_of_a_store_is_a_recording(store, shelf):
    from depth_estimation_ros.commands import shelves
    [unit] = find_units(['s3://fleet/shelf/day0/drive0/drive0.mcap'], '/tmp/out')
    assert unit == ('s3://fleet/shelf/day0/drive0/drive0.mcap', '/tmp/out/drive0')
    with shelves.place_of(unit.source).at_hand() as path:
        assert Path(path).is_file()
        assert Path(path).read_bytes() == store.cat_file('fleet/shelf/day0/drive0/drive0.mcap')
    assert not Path(path).exists()
