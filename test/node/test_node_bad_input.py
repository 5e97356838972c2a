# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What drivers get wrong: one sentence that names the topic, and the next good frame is served."""
import time

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.stream import INFO_STAYS
from harness import depth_array, image, info, NodeProcess, Robot, served, wait
from key_init import synth, write_monodepth2_checkpoint
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import CameraInfo

CAMERA = PinholeCamera(320, 96, 185.6, 184.3, 156.8, 45.1)
PICTURE = np.ascontiguousarray(synth(96, 320)[..., ::-1])


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    """Run the node with short patience."""
    folder = tmp_path_factory.mktemp('r18')
    write_monodepth2_checkpoint(folder, width=320, height=96)
    with served({'model': 'monodepth2', 'weights': str(folder), 'max_depth': 1000.0,
                 'camera_info_timeout': 0.5},
                outputs=('depth/image_rect', 'depth/camera_info', 'points')) as (node, robot):
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        yield node, robot


@pytest.fixture
def robot(running):
    """Return the robot; after each test a good frame must be served."""
    node, robot = running
    robot.forget()
    yield robot
    robot.send_info(info(CAMERA))
    depth = robot.ask(image(PICTURE))
    assert (depth.width, depth.height) == (320, 96)
    assert node.process.poll() is None and 'Traceback' not in node.log


def changed(**fields):
    """Return a good image with some fields changed."""
    message = image(PICTURE)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def complaint(robot, message, words, topic='/image'):
    """Publish a bad image; one sentence in the diagnostics names its topic and says `words`."""
    dropped = f'frames dropped: bad {topic.strip("/")}'
    before = int(robot.values().get(dropped, 0))
    stamp = robot.send(message)
    robot.wait_value(dropped, str(before + 1))
    robot.diagnostics.clear()  # what was said before this image
    sentence, status = robot.wait_sentence(words)
    assert sentence.startswith(f'{topic}: ')
    assert status.level == b'\x02'
    assert '\n' not in sentence and len(sentence) < 500
    assert stamp not in robot.received['depth/image_rect']


def forget_the_camera(robot):
    """Deactivate and activate the node, which has no CameraInfo then."""
    assert robot.transition('deactivate') and robot.transition('activate')
    robot.wait_for_node()


def test_no_camera_info(robot):
    forget_the_camera(robot)
    time.sleep(0.6)
    wait(lambda: robot.send(image(PICTURE)) and robot.values().get(
        'frames dropped: no camera_info'), 15, lambda: 'no image was dropped')
    status = robot.wait_status('no CameraInfo')
    assert status.message.startswith('/camera_info: ')


def test_an_image_that_comes_before_the_first_camera_info_is_answered(robot):
    forget_the_camera(robot)
    dropped = int(robot.values().get('frames dropped: no camera_info', 0))
    first = robot.send(image(PICTURE))
    time.sleep(0.3)  # the node has room for one
    second = robot.send(image(PICTURE))
    time.sleep(0.3)
    assert not robot.received['depth/image_rect']
    robot.send_info(info(CAMERA))
    wait(lambda: second in robot.received['depth/image_rect'], 15,
         lambda: 'the last image before it had no answer')
    assert first not in robot.received['depth/image_rect']
    assert int(robot.values()['frames dropped: no camera_info']) == dropped + 1


@pytest.mark.parametrize('bad, words', [
    (dict(k=[0.0] * 9, p=[0.0] * 12), 'not calibrated'),
    (dict(width=0, height=0, k=[0.0] * 9, p=[0.0] * 12, r=[0.0] * 9, d=[]), 'not calibrated'),
    (dict(p=[float('nan')] * 12), 'NaN'),
    (dict(k=[float('inf')] * 9), 'infinity'),
    (dict(p=[6.95e-310, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), 'focal lengths'),
    (dict(width=640, height=480), '640x480'),
    (dict(width=0, height=0), '0x0'),
    (dict(d=[0.1, 0.0, 0.0, 0.0, 0.0], distortion_model='thin_plate'), 'thin_plate'),
    (dict(d=[0.1, 0.0], distortion_model='plumb_bob'), 'coefficients'),
])
def test_camera_info_that_cannot_be_used(robot, bad, words):
    robot.send_info(info(CAMERA, **bad))
    complaint(robot, image(PICTURE), words, '/camera_info')


def test_a_size_beyond_all_cameras_costs_nothing_until_it_is_a_picture(running, robot):
    node, _ = running
    forget_the_camera(robot)  # the node prepares for the first one only
    before = node.resident_memory()
    huge = info(PinholeCamera(4_000_000_000, 3_000_000_000, 2.3e9, 5.7e9, 2e9, 1.4e9))
    wait(lambda: robot.send_info(huge) or '4000000000x3000000000' in robot.values()['camera_info'],
         15, lambda: 'the node did not prepare for the first image')
    time.sleep(0.5)  # with a size that it may prepare for, this takes a tenth of a second
    values = robot.values()
    assert node.resident_memory() - before < 50 and values['frames waiting'] == '0'
    assert 'failed' not in ' '.join(values)


def test_frames_without_a_name_warn_and_serve(robot):
    robot.send_info(info(CAMERA, frame=''))
    robot.ask(image(PICTURE, frame=''))
    assert robot.wait_sentence('frame_id is empty')[0].startswith('/image: ')


def test_camera_info_of_another_frame_warns_and_serves(robot):
    robot.send_info(info(CAMERA, frame=''))
    robot.ask(image(PICTURE))
    sentence, status = robot.wait_sentence('/camera_info: its frame_id')
    assert sentence.startswith('/camera_info: ') and status.level != b'\x00'


def test_a_frame_id_of_megabytes_is_no_log_of_megabytes(running, robot):
    node, _ = running
    before = len(node.log)
    robot.send_info(info(CAMERA, frame='other'))
    robot.ask(image(PICTURE, frame='a line\n[ERROR] of another' + 2_000_000 * 'x'))
    sentence, _ = robot.wait_sentence(r'a line\n[ERROR] of another')
    assert len(sentence) < 500 and len(node.log) - before < 20_000
    assert '\n[ERROR] of another' not in node.log


@pytest.mark.parametrize('bad, words', [
    (dict(encoding='32FC1'), '32FC1'),
    (dict(encoding='jpeg'), 'jpeg'),
    (dict(encoding=''), 'encoding'),
    (dict(step=100), 'step is 100'),
    (dict(height=97), '97'),
    (dict(height=2**31), 'data holds'),
    (dict(width=2**31), 'step'),
    (dict(width=0, height=0), '0 x 0'),
    (dict(encoding='mono16', step=961), 'even'),
    (dict(encoding='yuyv', width=319), 'even width'),
    (dict(encoding='a line\n[ERROR] of another' + 8_000_000 * 'x'), r'a line\n[ERROR]'),
])
def test_images_that_lie_about_themselves(robot, bad, words):
    robot.send_info(info(CAMERA))
    complaint(robot, changed(**bad), words)


def test_data_that_was_cut(robot):
    robot.send_info(info(CAMERA))
    message = image(PICTURE)
    message.data = message.data[:1000]
    complaint(robot, message, '1000 bytes')


def test_an_image_that_changes_size_mid_stream(robot):
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))
    half = robot.ask(image(np.ascontiguousarray(PICTURE[::2, ::2])))  # the same aspect: scaled
    assert (half.width, half.height) == (160, 48)
    complaint(robot, image(np.ascontiguousarray(PICTURE[:, :96])), 'another aspect',
              '/camera_info')
    other = PinholeCamera(96, 96, 185.6, 184.3, 48.0, 45.1)
    robot.send_info(info(other))
    assert robot.ask(image(np.ascontiguousarray(PICTURE[:, :96]))).width == 96


def test_a_picture_of_one_pixel(robot):
    robot.send_info(info(PinholeCamera(1, 1, 0.58, 1.92, 0.49, 0.47)))
    depth = robot.ask(image(PICTURE[:1, :1]))
    assert depth_array(depth).shape == (1, 1)


@pytest.mark.parametrize('frame, kept', [('camera', True), ('elsewhere', False)])
def test_of_two_calibrations_on_one_topic_one_is_kept_and_both_nodes_are_named(
        robot, frame, kept):
    other = PinholeCamera(320, 96, 195.0, 194.0, 156.8, 45.1)
    robot.send_info(info(CAMERA, frame=frame))
    node = rclpy.create_node('rear_driver', context=robot.context)
    publisher = node.create_publisher(CameraInfo, '/camera_info', 10)
    try:
        wait(publisher.get_subscription_count, 15, lambda: 'the node does not listen')
        time.sleep(0.5)
        used = []
        for _ in range(4):
            robot.send_info(info(CAMERA, frame=frame))
            publisher.publish(info(other))
            time.sleep(0.05)
            used.append(robot.ask(image(PICTURE), 'depth/camera_info').k[0])
        # One that has the frame of the images is believed before one that has not.
        assert used == [pytest.approx((CAMERA if kept else other).fx)] * 4
        sentence, status = robot.wait_sentence('publish different calibrations')
        assert "'/rear_driver' and '/robot'" in sentence and status.level >= b'\x01'
        time.sleep(INFO_STAYS + 0.1)
        publisher.publish(info(other))
        time.sleep(0.1)
        assert robot.ask(image(PICTURE), 'depth/camera_info').k[0] == pytest.approx(other.fx)
    finally:
        node.destroy_node()


def test_a_camera_that_shares_nothing_with_the_training_camera(robot):
    robot.send_info(info(PinholeCamera(320, 96, 185.6, 184.3, 156.8, 9045.1)))
    complaint(robot, image(PICTURE), 'sees nothing', '/camera_info')


def test_no_image_for_some_seconds(robot):
    status = robot.wait_status('no image for 5 s', 10)
    assert status.level == b'\x01' and status.message.startswith('/image: ')
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))
    robot.forget()
    assert 'no image' not in robot.wait_status('frames received').message


def test_a_lens_that_loses_half_of_the_picture_is_said(robot):
    turned = [0.8, 0.0, 0.6, 0.0, 1.0, 0.0, -0.6, 0.0, 0.8]
    robot.send_info(info(CAMERA, d=[-0.1, 0.01, 0.0, 0.0, 0.0], r=turned))
    robot.ask(image(PICTURE))
    sentence, status = robot.wait_sentence('of the rectified picture is outside')
    assert sentence.startswith('/camera_info: ') and status.level == b'\x01'
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))
    robot.diagnostics.clear()
    wait(lambda: robot.diagnostics and 'outside' not in str(robot.diagnostics[-1]), 15,
         lambda: 'the complaint stands')


def test_a_model_by_another_name_is_served_and_said_once(running, robot):
    node, _ = running
    robot.send_info(info(CAMERA, d=[-0.01, 0.0, 0.0, 0.0, 0.0, 0.001, 0.0, 0.0],
                         distortion_model='plumb_bob'))
    for _ in range(3):
        robot.ask(image(PICTURE))
    assert node.log.count('it is read as the one that has 8, as OpenCV does') == 1


PLANTED = """
import sys
from depth_estimation_ros.node import main, node, stream
whole = node.DepthNode._diagnose, stream.CameraStream.watch
failed = set()
def fail(number):
    def callback(self):
        if number not in failed and self.__dict__.get('seen', 0) > 3:
            failed.add(number)
            raise (MemoryError, KeyError)[number]('planted')
        self.seen = self.__dict__.get('seen', 0) + 1
        return whole[number](self)
    return callback
node.DepthNode._diagnose, stream.CameraStream.watch = fail(0), fail(1)
sys.exit(main.main(sys.argv))
"""


def test_a_callback_that_fails_is_said_and_does_not_end_the_node():
    """A timer's exception leaves rclpy's spin; nothing else may come of it."""
    node = NodeProcess({}, code=PLANTED)
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        robot.wait_for_node()
        for kind in ('MemoryError: planted', "KeyError: 'planted'"):
            node.wait_for(f'a callback failed with {kind}')
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        assert 'Traceback' not in node.log
    finally:
        robot.close()
        assert node.interrupt() == 0
