# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from parameters, and from tf by a MOCK of tf2_ros, which is not on PyPI."""
import math
import sys
import types

from builtin_interfaces.msg import Time
from depth_estimation_ros.cloud.poses import FrameError, pose_from
from depth_estimation_ros.node.frames import Frames, tf2_ros
from geometry_msgs.msg import TransformStamped
import numpy as np
import pytest


def test_six_numbers_are_the_pose_that_static_transform_publisher_takes():
    # REP 103: a camera's optical frame (z forward, x right) in its body (x forward, y left).
    pose = pose_from([1.0, 2.0, 3.0, -math.pi / 2, 0.0, -math.pi / 2])
    assert pose.apply(np.array([[0.0, 0.0, 5.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])) == (
        pytest.approx(np.array([[6.0, 2.0, 3.0], [1.0, 1.0, 3.0], [1.0, 2.0, 2.0]])))
    # The axes stay fixed: roll first, then yaw about the parent's z.
    assert pose_from([0, 0, 0, math.pi / 2, 0, math.pi / 2]).apply(
        np.array([[0.0, 1.0, 0.0]])) == pytest.approx(np.array([[0.0, 0.0, 1.0]]))
    # Nose down is a positive pitch.
    assert pose_from([0, 0, 0, 0, 0.1, 0]).apply(np.array([[1.0, 0.0, 0.0]]))[0, 2] < 0


@pytest.mark.parametrize('values', [[1.0, 2.0, 3.0], [0, 0, 0, 0, 0, math.nan]])
def test_what_is_no_pose_is_refused(values):
    with pytest.raises(FrameError, match='x, y, z, roll, pitch, yaw'):
        pose_from(values)


@pytest.fixture(autouse=True)
def anew():
    """Look for tf2_ros in each test anew."""
    tf2_ros.cache_clear()
    yield
    tf2_ros.cache_clear()


def mock_tf2_ros(known):
    """Return a MOCK tf2_ros: `known` holds (target, source) -> (transform, first, last second)."""
    mock = types.ModuleType('tf2_ros')
    mock.TransformException = type('TransformException', (Exception,), {})
    mock.ExtrapolationException = type(
        'ExtrapolationException', (mock.TransformException,), {})

    class Buffer:
        def __init__(self, node):
            assert node == 'the node'

        def lookup_transform(self, target, source, time):
            if (target, source) not in known:
                raise mock.TransformException('no such frame')
            transform, first, last = known[target, source]
            second = time.nanoseconds * 1e-9
            if first > last or second and not first <= second <= last:
                raise mock.ExtrapolationException('not at that time')
            transform.header.stamp = Time(sec=int(last))
            return transform

    mock.Buffer = Buffer
    mock.TransformListener = lambda buffer, node: (buffer, node)
    return mock


def test_tf_gives_the_pose_at_the_time_of_the_picture(monkeypatch):
    quarter = TransformStamped()
    quarter.transform.translation.x = 2.0
    quarter.transform.rotation.z = quarter.transform.rotation.w = math.sqrt(0.5)
    monkeypatch.setitem(sys.modules, 'tf2_ros', mock_tf2_ros(
        {('camera', 'lidar'): (quarter, 10, 20)}))
    frames = Frames('the node')
    pose = frames.look_up('camera', 'lidar', Time(sec=15))
    assert pose.apply(np.array([[1.0, 0.0, 0.0]])) == pytest.approx(np.array([[2.0, 1.0, 0.0]]))
    with pytest.raises(FrameError, match="'lidar' is in 'camera' only up to 1.50 s before"):
        frames.look_up('camera', 'lidar', Time(sec=21, nanosec=500_000_000))
    with pytest.raises(FrameError, match='only after the picture'):
        frames.look_up('camera', 'lidar', Time(sec=9))
    with pytest.raises(FrameError, match="no transform from 'sonar' to 'camera'"):
        frames.look_up('camera', 'sonar', Time(sec=15))


def test_transforms_of_two_clocks_have_no_time_in_common(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tf2_ros', mock_tf2_ros(
        {('camera', 'lidar'): (TransformStamped(), 20, 10)}))
    with pytest.raises(FrameError, match="'lidar' to 'camera' are never of one time: check"):
        Frames('the node').look_up('camera', 'lidar', Time(sec=15))


def test_without_tf2_ros_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tf2_ros', None)  # as if it were not installed
    frames = Frames('the node')
    frames.listen()
    with pytest.raises(FrameError, match='tf2_ros is not there.*: install it'):
        frames.look_up('camera', 'lidar', Time(sec=15))
