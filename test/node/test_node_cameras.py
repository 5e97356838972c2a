# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras, one node, one network: each with topics, frame, scale and state of its own."""
import time

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import depth_array, image, info, NodeProcess, Robot, wait
from key_init import synth, write_monodepth2_checkpoint
import numpy as np
import pytest

FRONT = PinholeCamera(320, 96, 185.6, 184.32, 156.8, 45.12)
LEFT = PinholeCamera(240, 160, 185.6, 184.32, 120.0, 78.0)
CAMERAS = {'front': FRONT, 'left': LEFT}
OUTPUTS = ('depth/image_rect', 'depth/camera_info', 'points')


@pytest.fixture(scope='module')
def parameters(tmp_path_factory):
    weights = write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'), width=320, height=96)
    return {'model': 'monodepth2', 'weights': str(weights), 'max_depth': 1000.0}


@pytest.fixture(scope='module')
def running(parameters):
    """Run a node of two cameras, and a robot for each."""
    node = NodeProcess({**parameters, 'cameras': list(CAMERAS), 'left.depth_scale': 10.8})
    robots = {name: Robot(node, camera=name, outputs=OUTPUTS) for name in CAMERAS}
    for robot in robots.values():
        robot.wait_for_node()
    yield node, robots
    for robot in robots.values():
        robot.close()
    node.stop()


@pytest.fixture
def robots(running):
    """Return the robots with nothing received yet and the cameras known."""
    _, robots = running
    for name, robot in robots.items():
        robot.forget()
        robot.send_info(info(CAMERAS[name], frame=f'{name}_optical'))
    return robots


def picture(camera, name):
    return image(synth(camera.height, camera.width)[..., ::-1], frame=f'{name}_optical')


def test_each_camera_has_its_own_topics_frame_and_intrinsics(robots):
    for name, robot in robots.items():
        camera = CAMERAS[name]
        stamp = robot.send(picture(camera, name))
        depth = robot.wait_message('depth/image_rect', stamp)
        grid = robot.wait_message('depth/camera_info', stamp)
        points = robot.wait_message('points', stamp)
        for message in (depth, grid, points):
            assert message.header.frame_id == f'{name}_optical'
        assert (depth.width, depth.height) == (camera.width, camera.height)
        assert (grid.k[0], grid.k[2]) == pytest.approx((camera.fx, camera.cx))


def test_together_they_get_the_depth_that_each_gets_alone(robots, parameters):
    together = {}
    stamps = {name: robot.send(picture(CAMERAS[name], name)) for name, robot in robots.items()}
    for name, robot in robots.items():
        together[name] = depth_array(robot.wait_message('depth/image_rect', stamps[name]))
    alone = NodeProcess(parameters)
    try:
        for name, camera in CAMERAS.items():
            robot = Robot(alone, outputs=('depth/image_rect',))
            try:
                robot.wait_for_node()
                robot.send_info(info(camera, frame=f'{name}_optical'))
                expected = depth_array(robot.ask(picture(camera, name)))
            finally:
                robot.close()
            factor = {'front': 1.0, 'left': 2.0}[name]  # left.depth_scale is twice the contract's
            np.testing.assert_allclose(together[name], factor * expected, rtol=0.02)
    finally:
        alone.stop()


def test_what_is_missing_is_asked_for_by_the_cameras_name(parameters):
    node = NodeProcess({**parameters, 'cameras': list(CAMERAS)})
    try:
        wait(lambda: '/left/image: no image' in node.log, 60, lambda: node.log)
        line = next(line for line in node.log.splitlines() if '/left/image: no image' in line)
        assert 'remap left/image to' in line and 'front/depth' not in line
    finally:
        node.stop()


def test_none_waits_for_another(robots):
    for _ in range(3):  # while nothing comes from the left
        robots['front'].ask(picture(FRONT, 'front'))


def test_a_bad_picture_of_one_does_not_touch_the_other(robots):
    wrong = picture(PinholeCamera(100, 90, 50.0, 50.0, 50.0, 45.0), 'left')  # another aspect
    robots['left'].send(wrong)
    robots['front'].ask(picture(FRONT, 'front'))
    sentence, status = robots['left'].wait_sentence('100x90')
    assert sentence.startswith('/left/camera_info') and status.name == 'depth_estimation: left'
    assert robots['front'].wait_status('working').level == b'\x00'


def test_each_has_its_own_counts_and_scale_in_diagnostics(robots):
    for _ in range(2):
        robots['front'].ask(picture(FRONT, 'front'))
        time.sleep(0.05)
    values = {name: robot.values() for name, robot in robots.items()}
    assert values['front']['image topic'] == '/front/image'
    assert values['left']['image topic'] == '/left/image'
    assert values['front']['scale (m per model unit)'] == '5.4'
    assert values['left']['scale (m per model unit)'] == '10.8'
    assert 'depth_scale' in values['left']['scale source']
    assert int(values['front']['frames processed']) > int(values['left']['frames processed'])


def test_the_scale_of_one_may_change_while_it_runs(robots):
    left = robots['left']
    before = depth_array(left.ask(picture(LEFT, 'left')))
    left.set(**{'left.depth_scale': 21.6})
    after = depth_array(left.ask(picture(LEFT, 'left')))
    left.set(**{'left.depth_scale': 10.8})
    np.testing.assert_allclose(after, 2 * before, rtol=1e-4)


def test_a_contradiction_at_start_leaves_the_cameras_as_they_are(parameters):
    node = NodeProcess({**parameters, 'cameras': list(CAMERAS), 'min_depth': 2000.0,
                        'points': {'min_height': 2.0, 'max_height': 1.0}})
    robot = Robot(node, camera='left', outputs=('depth/image_rect',))
    try:
        assert 'min_depth' in robot.wait_status('configure failed', 30).message
        assert robot.set(min_depth=0.1)[0].successful, 'one of two, so that the other may follow'
        assert not robot.transition('configure')
        assert robot.set(points__min_height=-1e3)[0].successful
        assert not robot.transition('configure'), 'a height band takes a height'
        assert robot.set(points__max_height=1e3)[0].successful
        assert robot.transition('configure') and robot.transition('activate')
        robot.wait_for_node()
        robot.send_info(info(LEFT, frame='left_optical'))
        robot.ask(picture(LEFT, 'left'))
    finally:
        robot.close()
        node.stop()


@pytest.mark.parametrize('cameras', [['front', 'front'], ['front left'], ['', 'left'], 'front'])
def test_names_that_are_none_are_one_sentence(parameters, cameras):
    node = NodeProcess({**parameters, 'cameras': cameras})
    try:
        wait(lambda: 'configure failed: parameter cameras' in node.log, 60, lambda: node.log)
        assert node.process.poll() is None
    finally:
        node.stop()
