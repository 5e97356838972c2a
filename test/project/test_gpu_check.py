# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check for a machine with a GPU: what is packed for it, and steps that are cut short."""
from __future__ import annotations

import json
from pathlib import Path
import sys

from benchmarks.gpu_check import _place, Check
from harness import wait
import pytest

SITE = 'lib/python3.12/site-packages'


@pytest.mark.parametrize(('name', 'place'), [
    ('rclpy/node.py', f'{SITE}/rclpy/node.py'),
    ('six.py', f'{SITE}/six.py'),
    ('ros_rcl-1.data/data/lib/librcl.so', 'lib/librcl.so'),
    ('ros_rcl-1.data/platlib/rcl/a.so', f'{SITE}/rcl/a.so'),
    ('ros_rcl-1.data/data/share/rcl/package.xml', 'share/rcl/package.xml'),
    ('ros_rcl-1.data/data/lib/', None),
    ('ros_rcl-1.data/data/include/rcl/rcl.h', None),
    ('ros_rcl-1.data/data/share/rcl/cmake/rclConfig.cmake', None),
    ('ros_rcl-1.data/data/lib/librcl.a', None),
    ('ros_rcl-1.data/scripts/ros2', None)])
def test_files_of_wheels_go_where_an_environment_has_them(name, place):
    assert _place(name, SITE) == place


def told(out) -> dict:
    return json.loads((out / 'steps.json').read_text())


def test_each_step_leaves_what_it_told_as_soon_as_it_ends(tmp_path):
    steps = Check(tmp_path / 'out', 60)
    assert steps.step('good', 30, sys.executable, '-c', 'print("a figure")')
    assert told(tmp_path / 'out')['good']['exit'] == 0 and steps.all_well
    assert (tmp_path / 'out/good.log').read_text() == 'a figure\n'
    assert not steps.step('bad', 30, sys.executable, '-c', 'raise SystemExit(3)')
    assert told(tmp_path / 'out')['bad']['exit'] == 3 and not steps.all_well


def test_a_step_that_takes_too_long_is_ended_with_all_that_it_began(tmp_path):
    steps = Check(tmp_path / 'out', 60)
    assert not steps.step('slow', 5.0, 'sh', '-c', 'sleep 99 & echo $!; wait')
    assert 'stopped after 5 s' in told(tmp_path / 'out')['slow']['exit']
    child = int((tmp_path / 'out/slow.log').read_text())

    def state() -> str:
        try:
            return Path(f'/proc/{child}/stat').read_text().rpartition(')')[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return 'gone'

    wait(lambda: state() in ('gone', 'Z'), 10, state)  # a signal is not there at once


def test_without_time_a_step_is_not_begun(tmp_path):
    steps = Check(tmp_path / 'out', 12)
    assert not steps.step('late', 60, sys.executable, '-c', '1')
    assert told(tmp_path / 'out')['late'] == {'exit': 'no time was left'}
