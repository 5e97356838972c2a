# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a command may write, replace and remove in a folder that the user named."""
import json
import multiprocessing
from pathlib import Path

from depth_estimation_ros.commands.outputs import (
    MANIFEST, OutputError, Outputs, refuse_file, refuse_inputs)
import pytest


def fill(folder, *names, command='predict', **options):
    """Run `command` once: it makes these files."""
    with Outputs(folder, command, **options) as outputs:
        outputs.check(names)
        outputs.clear()
        for name in names:
            outputs.write_bytes(name, b'ours')


def files(folder):
    """Return what lies in a folder, but the manifest."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*')
                  if path.is_file() and path.name != MANIFEST)


def test_the_next_run_replaces_and_removes_what_ours_made_and_nothing_else(tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'mine')
    fill(tmp_path, 'a.png', 'depth/b.png')
    fill(tmp_path, 'a.png')
    assert files(tmp_path) == ['a.png', 'photo.jpg'] and not (tmp_path / 'depth').exists()


def test_what_was_changed_since_is_the_users(tmp_path):
    fill(tmp_path, 'a.png', 'b.png')
    (tmp_path / 'a.png').write_bytes(b'better, by hand')
    with pytest.raises(OutputError, match='no earlier predict made it as it is.*--overwrite'):
        fill(tmp_path, 'a.png')
    fill(tmp_path, 'c.png')
    assert files(tmp_path) == ['a.png', 'c.png']
    fill(tmp_path, 'a.png', overwrite=True)
    assert (tmp_path / 'a.png').read_bytes() == b'ours'


def test_another_command_s_files_are_in_the_way(tmp_path):
    fill(tmp_path, 'a.png', command='demo')
    with pytest.raises(OutputError, match='no earlier predict'):
        fill(tmp_path, 'a.png')
    fill(tmp_path, 'a.png', overwrite=True)
    fill(tmp_path, 'd.png', command='demo')
    assert files(tmp_path) == ['a.png', 'd.png'], 'what predict has replaced is its own'


@pytest.mark.parametrize('how', ['..', 'absolute', 'link', 'linked folder'])
def test_a_manifest_of_any_origin_reaches_nothing_outside_of_the_folder(tmp_path, how):
    folder, victim = tmp_path / 'out', tmp_path / 'elsewhere/photo.jpg'
    folder.mkdir()
    victim.parent.mkdir()
    victim.write_bytes(b'mine')
    (folder / 'inner').symlink_to(victim.parent)
    (folder / 'link.jpg').symlink_to(victim)
    name = {'..': '../elsewhere/photo.jpg', 'absolute': str(victim), 'link': 'link.jpg',
            'linked folder': 'inner/photo.jpg'}[how]
    for seen in (victim.stat(), (folder / 'link.jpg').lstat()):
        with (folder / MANIFEST).open('a') as manifest:
            print(json.dumps({'command': 'predict', 'file': name, 'size': seen.st_size,
                              'time': seen.st_mtime_ns}), file=manifest)
    fill(folder, 'a.png')
    assert victim.read_bytes() == b'mine'


@pytest.mark.parametrize('text', [
    b'', b'\0\xff', b'[' * 100_000, b'[]', b'{"command": "predict"}', b'5\nnull\n"x"',
    b'{"command": "predict", "file": "\\u0000", "size": "x", "time": null}',
    b'{"command": "predict", "file": 7}', b'{"command": "predict", "settings": 7}',
    b'{"command": ["predict"], "file": {"a": 1}}',
    b'{"command": "predict", "file": "a.png", "size": [1], "time": {}}'])
def test_a_manifest_that_is_none_costs_nothing(tmp_path, text):
    (tmp_path / MANIFEST).write_bytes(text)
    (tmp_path / 'a.png').write_bytes(b'mine')
    with pytest.raises(OutputError, match='is there already'):
        fill(tmp_path, 'a.png')
    fill(tmp_path, 'b.png')
    assert (tmp_path / 'a.png').read_bytes() == b'mine'


def test_a_manifest_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'mine')
    (tmp_path / MANIFEST).symlink_to(tmp_path / 'photo.jpg')
    with pytest.raises(OutputError):
        fill(tmp_path, 'a.png')
    assert (tmp_path / 'photo.jpg').read_bytes() == b'mine'


def test_what_failed_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), Outputs(tmp_path / 'a/b', 'predict') as outputs:
        outputs.begin({'every': 1})
        with outputs.write('depth/x.png') as part:
            part.write_bytes(b'half')
            raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_or_contains_an_input_is_refused(tmp_path):
    inside = tmp_path / 'photos/0001.jpg'
    inside.parent.mkdir()
    inside.touch()
    (tmp_path / 'link').symlink_to(inside.parent)
    for output, word in ((tmp_path, 'contains'), (inside.parent, 'contains'),
                         (tmp_path / 'link', 'contains'), (inside, 'is the input')):
        with pytest.raises(OutputError, match=word):
            refuse_inputs(output, [inside])
    refuse_inputs(inside.parent / 'out', [inside])  # beside it is no danger


def test_a_single_file_is_written_over_only_when_told(tmp_path):
    file = tmp_path / 'scale.yaml'
    refuse_file(file, False)
    file.touch()
    with pytest.raises(OutputError, match='--overwrite'):
        refuse_file(file, False)
    refuse_file(file, True)
    with pytest.raises(OutputError, match='give another --output$'):
        refuse_file(tmp_path, True)
    with pytest.raises(OutputError, match='is no folder'):
        refuse_file(tmp_path / 'no/scale.yaml', False)


def hold(folder, held, done):
    with Outputs(folder, 'predict') as outputs:
        outputs.write_bytes('a.png', b'ours')
        held.set()
        done.wait(60)


def test_two_runs_do_not_fill_one_folder(tmp_path):
    fork = multiprocessing.get_context('fork')
    held, done = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(tmp_path, held, done), daemon=True)
    other.start()
    assert held.wait(20)
    with pytest.raises(OutputError, match='another run is writing'):
        fill(tmp_path, 'b.png')
    done.set()
    other.join(20)
    fill(tmp_path, 'b.png')
    assert files(tmp_path) == ['b.png']


def test_a_place_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match='cannot be made a folder'):
        Outputs(tmp_path / 'file/out', 'predict')
    with pytest.raises(OutputError, match='give another --output'):
        fill(Path('/proc/self/out'), 'a.png')


def test_way_is_made_for_bags_where_nothing_else_is_in_any_of_their_folders(tmp_path):
    names = ['input/a.mcap', 'output/b.mcap']
    fill(tmp_path, *names, command='demo')
    (tmp_path / 'output/notes.txt').write_text('mine')
    outputs = Outputs(tmp_path, 'demo')
    with pytest.raises(OutputError, match='notes.txt is in the way of a bag'):
        outputs.make_way(['input', 'output', 'none'], names)
    assert files(tmp_path) == ['input/a.mcap', 'output/b.mcap', 'output/notes.txt']
    (tmp_path / 'output/notes.txt').unlink()
    outputs.make_way(['input', 'output', 'none'], names)
    assert files(tmp_path) == [] and not (tmp_path / 'input').exists()
