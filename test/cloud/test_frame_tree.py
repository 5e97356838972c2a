# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""tf out of a recording: the rules of tf2, and nothing that is no transform."""
from types import SimpleNamespace as Fields

from depth_estimation_ros.cloud.frame_tree import FrameTree, KEPT, MOST_FRAMES
from depth_estimation_ros.cloud.poses import FrameError, pose_from, rotation_of
from depth_estimation_ros.drives.bag_messages import quaternion
import numpy as np
import pytest

SECOND = 10**9


def link(parent, child, values=(0, 0, 0, 0, 0, 0), stamp=0, q=None):
    pose = pose_from([float(value) for value in values])
    q = quaternion(pose.rotation) if q is None else q
    return Fields(
        header=Fields(frame_id=parent, stamp=Fields(sec=stamp // SECOND, nanosec=stamp % SECOND)),
        child_frame_id=child, transform=Fields(
            translation=Fields(**dict(zip('xyz', pose.translation))),
            rotation=Fields(**dict(zip('xyzw', q)))))


def tree(*links, static=True):
    made = FrameTree()
    for one in links:
        made.add(one, static)
    return made


def test_poses_are_chained_up_and_down():
    made = tree(link('base', 'mast', (1, 2, 3, 0, 0, np.pi / 2)),
                link('mast', 'camera', (0.5, 0, 0, 0.1, 0.2, 0.3)),
                link('/base', 'velo', (0, 0, 2, 0, 0, 0)))
    pose = made.look_up('velo', 'camera', 5)
    mast, camera = pose_from([1, 2, 3, 0, 0, np.pi / 2]), pose_from([0.5, 0, 0, 0.1, 0.2, 0.3])
    point = np.array([[0.3, -0.4, 5.0]])
    np.testing.assert_allclose(
        pose.apply(point), mast.apply(camera.apply(point)) - [0, 0, 2], atol=1e-12)
    there = made.look_up('camera', 'velo', 5)
    np.testing.assert_allclose(there.apply(pose.apply(point)), point, atol=1e-12)
    np.testing.assert_allclose(made.look_up('mast', 'mast', 0).rotation, np.eye(3))


def test_between_two_transforms_the_shortest_way_is_taken():
    made = tree(link('odom', 'base', (0, 0, 0, 0, 0, 0), SECOND),
                link('odom', 'base', (4, 0, 0, 0, 0, 1.0), 2 * SECOND), static=False)
    pose = made.look_up('odom', 'base', SECOND + SECOND // 4)
    np.testing.assert_allclose(pose.translation, [1, 0, 0])
    np.testing.assert_allclose(pose.rotation, pose_from([0, 0, 0, 0, 0, 0.25]).rotation,
                               atol=1e-9)
    # The same rotation by the other sign of its quaternion is no turn.
    turned = -np.array(quaternion(np.eye(3)))
    made.add(link('odom', 'base', (4, 0, 0, 0, 0, 0), 3 * SECOND, tuple(turned)), False)
    made.add(link('odom', 'base', (4, 0, 0, 0, 0, 0), 4 * SECOND), False)
    np.testing.assert_allclose(made.look_up('odom', 'base', 7 * SECOND // 2).rotation,
                               np.eye(3), atol=1e-9)


@pytest.mark.parametrize('stamp', [SECOND - 1, 2 * SECOND + 1])
def test_a_moving_frame_is_never_taken_for_where_it_was(stamp):
    made = tree(link('odom', 'base', stamp=SECOND), link('odom', 'base', stamp=2 * SECOND),
                static=False)
    with pytest.raises(FrameError, match="no transform from 'base' to 'odom'"):
        made.look_up('odom', 'base', stamp)


def test_ten_seconds_are_kept_and_a_recording_that_begins_again_begins_anew():
    made = tree(*(link('odom', 'base', stamp=number * SECOND) for number in range(30)),
                static=False)
    assert len(made._moving['base']) == KEPT // SECOND + 1
    made.add(link('odom', 'base', (1, 0, 0, 0, 0, 0), 5 * SECOND), False)
    assert made.look_up('odom', 'base', 5 * SECOND).translation[0] == 1


@pytest.mark.parametrize('bad', [
    link('a', 'b', q=(0, 0, 0, 0)), link('a', 'b', q=(0, 0, 0, float('nan'))),
    link('a', 'b', (0, 0, 0, 0, 0, 0), q=(9, 0, 0, 0)), link('a', 'a')])
def test_what_is_no_transform_is_left_out(bad):
    with pytest.raises(FrameError):
        tree(bad).look_up('a', 'b', 0)


def test_a_circle_ends_and_frames_are_bounded():
    made = tree(link('a', 'b'), link('b', 'a'))
    with pytest.raises(FrameError):
        made.look_up('c', 'a', 0)
    many = tree(*(link('map', f'frame{number}') for number in range(MOST_FRAMES + 50)))
    assert len(many._static) == MOST_FRAMES
    assert np.allclose(rotation_of(0, 0, 0, 1), np.eye(3))
