# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fresh the depth is: measured inside the node, said in `/diagnostics` and by `stats`."""
from __future__ import annotations

from contextlib import contextmanager
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

from depth_estimation_ros.commands.stats import table
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.diagnostics import FrameStatistics, SPANS, WINDOW
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from domains import free_domain
from harness import command, image, info, REPOSITORY, served
from key_init import synth, write_monodepth2_checkpoint
import pytest

CAMERA = PinholeCamera(320, 96, 185.6, 184.3, 156.8, 45.1)
PICTURE = synth(96, 320)[..., ::-1]
FIGURES = ('p50', 'p95', 'max')


def milliseconds(values: dict[str, str], name: str) -> list[float]:
    """Return p50, p95 and max of one quantity."""
    return [float(values[f'{name} {figure} (ms)']) for figure in FIGURES]


# -- the figures --


def test_percentiles_are_of_the_last_frames_in_milliseconds():
    statistics = FrameStatistics()
    for i in range(WINDOW + 1):  # 0 is forgotten, 1 to 200 ms are left
        statistics.receive(i * 1e-3)
        statistics.start(i * 2e-3)
        statistics.process(i * 4e-3, i * 1e-3)
    values = statistics.values()
    assert milliseconds(values, 'age at receive') == pytest.approx([100.5, 190.05, 200], abs=0.06)
    assert milliseconds(values, 'age at start') == pytest.approx([201, 380.1, 400], abs=0.06)
    assert milliseconds(values, 'age') == pytest.approx([402, 760.2, 800], abs=0.06)
    assert milliseconds(values, 'forward') == pytest.approx([100.5, 190.05, 200], abs=0.06)
    assert values['frames received'] == values['frames processed'] == str(WINDOW + 1)


def test_what_is_not_known_is_no_figure():
    statistics = FrameStatistics()
    statistics.receive(None)
    statistics.start(None)
    statistics.process(None, None)
    values = statistics.values()
    assert values['frames processed'] == '1'
    for name in SPANS:
        assert [values[f'{name} {figure} (ms)'] for figure in FIGURES] == ['nan'] * 3


def test_measuring_costs_a_frame_next_to_nothing():
    statistics = FrameStatistics()

    def cost() -> float:
        began = time.perf_counter()
        for _ in range(1000):
            statistics.receive(0.01)
            statistics.start(0.01)
            statistics.process(0.01, 0.01)
        return (time.perf_counter() - began) / 1000

    assert min(cost() for _ in range(20)) < 20e-6


# -- the node --


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Return a small checkpoint."""
    return write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'), width=320, height=96)


@contextmanager
def reading(weights, output: str):
    """Give a robot that has got an output of a node."""
    parameters = {'model': 'monodepth2', 'weights': str(weights)}
    with served(parameters, outputs=(output,)) as (_, robot):
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE), output, timeout=30)
        yield robot


@pytest.fixture(scope='module')
def robot(weights):
    """Run a node and a robot that reads its depth."""
    with reading(weights, 'depth/image_rect') as robot:
        yield robot


def test_ages_grow_on_the_way_and_the_forward_pass_lies_between(robot):
    for _ in range(10):
        robot.ask(image(PICTURE))
    robot.ask(image(PICTURE), stamp=time.time_ns() - 30 * 10**9)
    values = robot.values()
    receive, start, publish, forward = (milliseconds(values, name) for name in SPANS)
    # The oldest is one and the same; a frame that found no reader was received, but no more.
    assert 30_000 < receive[2] <= start[2] < publish[2] < 60_000
    assert 0 < start[0] < publish[0]
    assert 0 < forward[0] <= forward[1] <= forward[2] < 10_000
    assert forward[0] < publish[0] - start[0] + 5, 'medians add up but nearly'


def test_a_frame_that_comes_late_is_late_at_receive(robot):
    forward = milliseconds(robot.values(), 'forward')
    for _ in range(30):  # most of those that have come
        robot.ask(image(PICTURE), stamp=time.time_ns() - 200_000_000)
    values = robot.values()
    assert 200 < milliseconds(values, 'age at receive')[0] < milliseconds(values, 'age')[0] < 5000
    assert milliseconds(values, 'forward')[0] < forward[2] + 100, 'the network is as fast as ever'


def test_a_stamp_of_another_clock_gives_no_age_but_a_forward_pass(robot):
    count = int(robot.values()['frames processed'])
    before = milliseconds(robot.values(), 'age')
    robot.ask(image(PICTURE), stamp=time.time_ns() - 3_600_000_000_000)
    robot.wait_value('frames processed', str(count + 1))
    assert milliseconds(robot.values(), 'age') == before
    assert 'no age is known' in robot.wait_sentence('stamps lie')[0]


def test_where_the_network_is_not_asked_it_takes_no_time(weights):
    with reading(weights, 'depth/camera_info') as robot:
        values = robot.values()
    assert milliseconds(values, 'age')[0] > 0
    assert values['forward p50 (ms)'] == 'nan', 'the pass that warmed it up is no frame'


# -- the command --


def test_stats_once_prints_the_nodes_table(robot):
    robot.ask(image(PICTURE))
    done = command('stats', '--once', environment={'ROS_DOMAIN_ID': str(robot.process.domain)})
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('depth_estimation: ')
    rows = {line[:16].strip(): line[16:].split() for line in done.stdout.splitlines()[1:]}
    receive, start, publish = (
        float(rows[f'age at {moment}'][-3]) for moment in ('receive', 'start', 'publish'))
    assert 0 < receive < publish and 0 < start < publish
    assert 0 < float(rows['forward pass'][0]) < publish
    assert len(rows['age at publish']) == 4, 'the rate is beside the ages'


def test_stats_names_what_it_hears_instead(robot):
    done = command('stats', 'front/depth_estimation', '--timeout', 3,
                   environment={'ROS_DOMAIN_ID': str(robot.process.domain)})
    assert done.returncode == 1 and done.stdout == ''
    assert 'named front/depth_estimation' in done.stderr
    assert '(there are: depth_estimation)' in done.stderr


def test_without_a_node_stats_says_so_in_one_sentence():
    done = command('stats', '--timeout', 0.5,
                   environment={'ROS_DOMAIN_ID': str(free_domain())})
    assert done.returncode == 1 and done.stdout == ''
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith('depth_estimation stats: no depth node was heard on /diagnostics')
    assert 'ROS_DOMAIN_ID' in sentence


@pytest.mark.parametrize('terminal', (True, False), ids=('terminal', 'pipe'))
def test_stats_goes_on_until_ctrl_c(robot, terminal):
    if terminal:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    else:
        ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'stats', '/depth_estimation'],
        cwd=REPOSITORY, env={**os.environ, 'ROS_DOMAIN_ID': str(robot.process.domain)},
        stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    try:
        said = ''
        while said.count('forward pass') < 2:
            piece = os.read(ours, 10_000)
            assert piece, process.stderr.read()
            said += piece.decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0 and process.stderr.read() == b''
    finally:
        process.kill()
        process.stderr.close()
        os.close(ours)
    if terminal and pytest.importorskip('rich', reason='rich draws the table in place'):
        assert re.search(r'\x1b\[\d*A', said), 'back up to where the table begins'
    else:
        assert '\n\n' in said
    assert ('\x1b' in said) == terminal


# -- its words --


def status(level: bytes = DiagnosticStatus.OK, message: str = 'working', **values: str):
    """Return a status as a node gives it, with values added."""
    values = {'frames received': '12', 'input rate (Hz)': '10.0', 'age p50 (ms)': '31.5',
              'age p95 (ms)': 'nan', **values}
    return DiagnosticStatus(level=level, name='robot/depth_estimation: left', message=message,
                            values=[KeyValue(key=k, value=v) for k, v in values.items()])


def test_the_table_says_what_was_dropped_and_what_is_wrong():
    lines = table(status(DiagnosticStatus.WARN, '/image: it is dark', **{
        'complaint 2': '/info: none', 'frames dropped: max_age': '3',
        'frames dropped: newer frame': '4'}))
    assert lines[0] == 'robot/depth_estimation: left: WARNING: /image: it is dark'
    assert lines[1] == '  /info: none'
    assert lines[-1].split(maxsplit=1) == ['dropped', '3 max_age, 4 newer frame (of 12 received)']
    assert lines[3].split() == ['age', 'at', 'receive', '10.0', '-', '-', '-']
    assert lines[5].split() == ['age', 'at', 'publish', '31.5', '-', '-']


def test_a_node_that_has_fallen_silent_is_not_shown_as_working():
    assert 'silent' not in table(status(), 1.0)[0]
    assert 'silent for 8 s' in table(status(), 8.0)[0]
