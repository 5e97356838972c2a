# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node without a model given: on the network that comes with the package."""
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import depth_array, image, info, served, wait
from key_init import synth
import numpy as np
import pytest
from sensor_msgs.msg import Image

CAMERA = PinholeCamera(320, 192, 200.0, 200.0, 159.5, 95.5)
PICTURE = synth(192, 320)[..., ::-1]


@pytest.fixture(scope='module')
def running():
    """Run the node without a model or weights given, and a robot that reads its depth."""
    with served({'max_depth': 1000.0},
                outputs=('depth/image_rect', 'depth/camera_info', 'points')) as both:
        yield both


def reads_confidence(robot):
    """Let the robot read the confidence."""
    robot.subscriptions['depth/confidence'] = robot.node.create_subscription(
        Image, 'depth/confidence', lambda m: robot._collect('depth/confidence', m), 10)
    wait(lambda: 'confidence' in robot.values()['readers'], 10, lambda: 'not seen as a reader')


def test_it_works_without_weights_and_says_what_its_metres_are(running, robot):
    node, _ = running
    depth = robot.ask(image(PICTURE))
    assert (depth.encoding, depth.width, depth.height) == ('32FC1', 320, 192)
    assert 'compact.npz sha256' in node.log and 'metric from intrinsics' in node.log
    robot.forget()
    values = robot.values()
    assert values['model'].startswith('compact')
    assert values['scale (m per model unit)'] == '1'
    assert values['scale source'].startswith('metric from intrinsics')
    assert 'confidence' not in values['readers']


def test_confidence_belongs_to_its_depth(robot):
    reads_confidence(robot)
    stamp = robot.send(image(PICTURE, frame='optical'))
    depth = robot.wait_message('depth/image_rect', stamp)
    confidence = robot.wait_message('depth/confidence', stamp)
    assert confidence.header == depth.header and confidence.encoding == '32FC1'
    shown, metres = depth_array(confidence), depth_array(depth)
    assert shown.shape == metres.shape
    assert shown.min() >= 0 and 0 < shown.max() <= 1
    np.testing.assert_array_equal(shown[np.isnan(metres)], 0)
    robot.set(depth_encoding='16UC1', publish_size='network')
    stamp = robot.send(image(PICTURE))
    small = robot.wait_message('depth/confidence', stamp)
    grid = robot.wait_message('depth/camera_info', stamp)
    assert small.encoding == '32FC1' and (small.width, small.height) == (grid.width, grid.height)
    robot.set(depth_encoding='32FC1', publish_size='full')


def test_the_networks_input_follows_the_camera(robot):
    robot.set(publish_size='network')
    sizes = []
    for focal in (200.0, 400.0):
        camera = PinholeCamera(640, 384, focal, focal, 319.5, 191.5)
        robot.send_info(info(camera))
        stamp = robot.send(image(synth(384, 640)))
        robot.wait_message('depth/image_rect', stamp)
        grid = robot.wait_message('depth/camera_info', stamp)
        sizes.append((grid.width, grid.height))
        expected = camera.resized(*sizes[-1])
        assert (grid.k[0], grid.k[4]) == pytest.approx((expected.fx, expected.fy))
        assert robot.wait_status(f'network input: {grid.width}x{grid.height}')
    robot.set(publish_size='full')
    assert sizes[0] > sizes[1], 'a long lens needs fewer pixels'


def test_a_camera_beyond_the_training_is_a_warning_that_names_it(robot):
    tele = PinholeCamera(320, 192, 600.0, 600.0, 159.5, 95.5)
    robot.send_info(info(tele))
    robot.ask(image(PICTURE))
    sentence, status = robot.wait_sentence('30 degrees')
    assert sentence.startswith('/camera_info: this camera (320x192')
    assert '50 to 110' in sentence and status.level == b'\x01'


def test_weights_of_another_network_are_one_sentence(running, robot, tmp_path):
    np.savez(tmp_path / 'other.npz', w=np.zeros(3, np.float32))
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    try:
        robot.set(weights=str(tmp_path / 'other.npz'))
        assert robot.transition('configure') is False
        assert "compact.npz is not that of 'compact'" in robot.wait_status(
            'configure failed').message
    finally:
        robot.set(weights='')
        assert robot.transition('configure') and robot.transition('activate')
    robot.wait_for_node()
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))
