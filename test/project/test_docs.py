# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every command line of ours in README.md and docs/ is run, on files of the names that it has."""
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import cv2
from depth_estimation_ros import cli
from depth_estimation_ros.commands.arguments import parser
from depth_estimation_ros.synthetic.bag import synthesize
from depth_estimation_ros.synthetic.drive import drive_camera, Plan, SyntheticDrive
from domains import free_domain
from films import CALIBRATION, drawing, write_film
from harness import REPOSITORY
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags (the extra cli) is not installed')
PAGES = [REPOSITORY / 'README.md', *sorted((REPOSITORY / 'docs').glob('*.md'))]
DRIVE = '2011_09_26/2011_09_26_drive_0052_sync'
# What a robot, a network or another program must be there for; these are understood only.
ELSEWHERE = {
    r'^(view|setup)$': 'a running node or camera: test_view, test_setup',
    r'^(view|camera) 0 ': 'a webcam',
    r'^evaluate recording ': 'a recording of the node: test_evaluate',
    r'^bag play ': 'a node that reads it: test_player',
    r'^annotate s3://': 'a store: test_shelves',
    r'^calibrate ': 'boards, a floor, a live camera: test_calibrate',
    r'^models fetch ': 'the network: test_downloads, against a server of its own',
    r'--model meter_kitti': 'weights that are fetched: test_meter'}


def command_lines():
    """Yield the command lines in the code blocks, without the program's name."""
    for page in PAGES:
        for block in re.findall(r'```sh\n(.*?)```', page.read_text(), re.S):
            for line in block.replace('\\\n', ' ').splitlines():
                words = shlex.split(line, comments=True)
                if words[:3] == ['ros2', 'run', 'depth_estimation_ros']:
                    words = words[3:]
                if words and words[0].rpartition('/')[2] == 'depth_estimation':
                    yield shlex.join(words[1:])


DOMAIN = free_domain()  # one for all: they run one after the other
LINES = list(dict.fromkeys(command_lines()))


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Return a folder with what the docs call a film, photos, a bag ..."""
    folder = tmp_path_factory.mktemp('files')
    write_film(folder / 'film.mp4', 3)
    (folder / 'camera.yaml').write_text(CALIBRATION)
    for name in ('photos', 'images', 'depth'):
        (folder / name).mkdir()
    cv2.imwrite(str(folder / 'photos/a.png'), drawing(1))
    cv2.imwrite(str(folder / 'images/0.png'), drawing(2))
    cv2.imwrite(str(folder / 'depth/0.png'), np.full((96, 320), 4000, np.uint16))
    synthesize(SyntheticDrive(Plan(seed=1, frames=2), drive_camera('', 82.0, (320, 96))),
               folder / 'street')
    for name in ('bag', 'kitti_bag'):
        (folder / name).symlink_to(folder / 'street')
    drive = REPOSITORY.parent / 'shared/data/kitti_raw' / DRIVE
    if drive.is_dir():
        (folder / DRIVE).parent.mkdir()
        for file in drive.parent.iterdir():
            (folder / DRIVE).parent.joinpath(file.name).symlink_to(file)
    return folder


def test_there_are_lines():
    assert len(LINES) > 25 and 'models' in LINES
    assert all(any(re.search(pattern, line) for line in LINES) for pattern in ELSEWHERE)


@pytest.mark.parametrize('line', LINES)
def test_it_is_understood(line):
    parser().parse_args(cli._split(shlex.split(line))[0])


@pytest.mark.parametrize('line', [line for line in LINES if not any(
    re.search(pattern, line) for pattern in ELSEWHERE)])
def test_it_runs(line, files, tmp_path):
    words = shlex.split(line)
    made = {'synthesize': 2, 'from-kitti': 3}.get(words[1]) if words[0] == 'bag' else None
    made = made and words[made]
    for file in files.iterdir():
        if file.name != made:
            (tmp_path / file.name).symlink_to(file)
    if DRIVE in words and not (files / DRIVE).exists():
        pytest.skip('the real drive of ../shared is not here')
    if words[0] == 'view':
        words += ['--port', '0']
    if words[:2] == ['bag', 'synthesize']:
        words += ['--frames', '2']
    process = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', *words], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, 'PYTHONPATH': str(REPOSITORY), 'ROS_DOMAIN_ID': str(DOMAIN)})
    try:
        said = ''
        if words[0] == 'view':
            said = process.stdout.readline()  # the address
        if words[0] == 'camera':
            time.sleep(4)
        if words[0] in ('view', 'camera'):
            process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 0, said + rest
    assert 'Traceback' not in rest


def test_the_layout_for_foxglove_shows_topics_of_the_node():
    layout = json.loads((REPOSITORY / 'config/foxglove.json').read_text())
    panels = layout['configById']

    def named(node):
        return [node] if isinstance(node, str) else named(node['first']) + named(node['second'])

    assert set(named(layout['layout'])) == set(panels)
    shown = {panels['Image!depth']['imageMode'][kind] for kind in (
        'imageTopic', 'calibrationTopic')} | set(panels['3D!points']['topics'])
    readme = (REPOSITORY / 'README.md').read_text()
    assert all(f'| `{topic[1:]}` |' in readme for topic in shown)
