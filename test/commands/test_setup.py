# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`depth_estimation setup`: questions, a parameter file, and the node for a few seconds."""
from contextlib import contextmanager
import os
import pty
import re
import subprocess
import sys

from depth_estimation_ros.node.parameters import BY_NAME
from domains import free_domain
from films import write_film
from harness import REPOSITORY
import pytest
import yaml

EMPTY = free_domain()  # nobody publishes there
CLI = [sys.executable, '-m', 'depth_estimation_ros.cli']


@contextmanager
def camera(domain, folder, *more):
    """Publish a film for as long as the block lasts."""
    process = subprocess.Popen(
        [*CLI, 'camera', str(write_film(folder / 'street.mp4', 8)), '--fov', '80', *more],
        cwd=REPOSITORY, env={**os.environ, 'ROS_DOMAIN_ID': str(domain)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def setup(domain, *arguments, **more):
    return subprocess.run([*CLI, 'setup', *map(str, arguments)], cwd=REPOSITORY, text=True,
                          capture_output=True, timeout=150,
                          env={**os.environ, 'ROS_DOMAIN_ID': str(domain)}, **more)


def parameters(file):
    return yaml.safe_load(file.read_text())['/**']['ros__parameters']


def test_options_instead_of_questions(tmp_path):
    domain, output = free_domain(), tmp_path / 'depth.yaml'
    with camera(domain, tmp_path, '--compressed'):
        done = setup(domain, '--height', 0.3, '--scene', 'room', '--output', output, '--seconds',
                     2, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        assert 'the camera is /image/compressed' in done.stdout
        assert float(re.search(r'([\d.]+) depth images a second', done.stdout)[1]) > 0
        assert 'scene: room' in done.stdout
        assert f'params_file:={output} image:=/image\n' in done.stdout
        assert parameters(output) == {'scene': 'room', 'camera_height': 0.3,
                                      'image_transport': 'compressed'}
        assert set(parameters(output)) <= set(BY_NAME)
        # It is not written over, and a topic that is misspelt is named.
        for arguments, words in (((), 'is there already'),
                                 (('--overwrite', '--image', '/imag/compressed'),
                                  'did you mean /image/compressed?')):
            again = setup(domain, '--height', 0, '--scene', 'auto', '--output', output, *arguments)
            assert again.returncode == 1 and words in again.stderr
            assert again.stderr.count('\n') == 1
        assert parameters(output)['scene'] == 'room'


def test_questions_on_a_terminal(tmp_path):
    domain, output = free_domain(), tmp_path / 'depth.yaml'
    with camera(domain, tmp_path):
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [*CLI, 'setup', '--output', str(output), '--seconds', '1'], cwd=REPOSITORY, stdin=its,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})
        os.write(ours, b'high\n1.6\nhouse\nstreet\n')
        said, _ = process.communicate(timeout=150)
        os.close(ours)
        os.close(its)
    assert process.returncode == 0, said
    assert 'a number of metres' in said and 'it is one of auto, street, room' in said
    assert parameters(output) == {'scene': 'street', 'camera_height': 1.6}


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--height', 0, '--scene', 'auto'), 'start the camera'),
    (('--height', 'nan'), '--height nan is out of range'),
    (('--seconds', 0), '--seconds 0 is out of range')])
def test_what_cannot_be_set_up_is_one_sentence(tmp_path, arguments, words):
    output = tmp_path / 'depth.yaml'
    done = setup(EMPTY, '--output', output, *arguments, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and words in done.stderr and done.stderr.count('\n') == 1
    assert not output.exists()
