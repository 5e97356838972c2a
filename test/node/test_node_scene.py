# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Streets and rooms over DDS: who reads them, what is said of it, what happens to the scale."""
import time

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.models import networks
from depth_estimation_ros.synthetic.drive import drive_camera, Mount, Plan, SyntheticDrive
from harness import depth_array, image, info, served
import numpy as np
import pytest

CAMERA = drive_camera('', 80.0, (320, 192))


def seen(kind, seed=3, height=1.65):
    """Return a generated picture (192, 320, 3) uint8 RGB."""
    return SyntheticDrive(Plan(seed=seed, frames=1, kind=kind, mount=Mount(height)),
                          CAMERA).frame(0).image


STREET, ROOM = seen('residential'), seen('class room', 7, 1.2)


@pytest.fixture(scope='module')
def running():
    """Run the node on what the package ships, in fp32, for exact comparison."""
    with served({'precision': 'fp32', 'compile': False},
                outputs=('depth/image_rect', 'points')) as both:
        yield both


@pytest.fixture(scope='module')
def expected():
    """Return what gives the depth of a picture by the network for a scene."""
    estimator = DepthEstimator(networks.open_network('compact').network, 'cpu', 'fp32')

    def depth(picture, scene):
        [estimate] = estimator.estimate([(picture, CAMERA)], DepthOptions(scene=scene), {'depth'})
        return estimate.depth
    return depth


def test_it_takes_a_street_for_one_and_then_a_room(running, robot, expected):
    node, _ = running
    assert 'compact.npz sha256' in node.log and 'compact_rooms.npz sha256' in node.log
    for picture, scene, count in ((STREET, 'street', 1), (ROOM, 'room', 30),
                                  (STREET, 'street', 30)):
        for _ in range(count):
            depth = depth_array(robot.ask(image(picture, 'rgb8')))
        robot.wait_value('scene', f'{scene} (auto)')
        np.testing.assert_allclose(depth, expected(picture, scene), rtol=1e-5)
        assert 0.3 < float(robot.values()['right by the confidence'].strip('%')) / 100 <= 1


def test_a_scene_that_is_told_holds_from_the_next_frame_on(robot, expected):
    robot.set(scene='room')
    depth = depth_array(robot.ask(image(STREET, 'rgb8')))
    np.testing.assert_allclose(depth, expected(STREET, 'room'), rtol=1e-5)
    robot.wait_value('scene', 'room')
    robot.set(scene='street')
    depth = depth_array(robot.ask(image(STREET, 'rgb8')))
    np.testing.assert_allclose(depth, expected(STREET, 'street'), rtol=1e-5)
    robot.set(scene='auto')


def test_pictures_that_it_does_not_know_are_a_warning_while_they_come(robot):
    hanging = np.ascontiguousarray(STREET[::-1, ::-1])
    for _ in range(12):  # until the seconds before are forgotten
        robot.ask(image(hanging, 'rgb8'))
        time.sleep(0.3)
    sentence, status = robot.wait_sentence('unlike what the network knows')
    assert sentence.startswith('/image: these pictures') and status.level == b'\x01'
    assert 'rotation' in sentence and 'model' in sentence


def test_a_scene_where_the_model_leaves_no_choice_is_refused(robot):
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    robot.set(model='compact-rooms', scene='room')
    assert robot.transition('configure') is False
    assert "scene 'room' chooses between two networks" in robot.wait_status(
        'configure failed').message
    robot.set(scene='auto')
    assert robot.transition('configure') and robot.transition('activate')
    robot.wait_for_node()
    [result] = robot.set(scene='street')
    assert not result.successful and 'set scene to auto, or model to compact' in result.reason
    robot.send_info(info(CAMERA))
    robot.ask(image(STREET, 'rgb8'))
