# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The LaserScan of the real node: as the message's definition and REP 117 want it, and lazy."""
import math

import cv2
from depth_estimation_ros.estimation.runtime import STREET_FOCAL
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.drive import Plan, SyntheticDrive
from harness import depth_array, image, info, served, wait
import numpy as np
import pytest
from sensor_msgs.msg import LaserScan

CAMERA = PinholeCamera(640, 192, STREET_FOCAL, STREET_FOCAL, 319.5, 95.5)
# Of a street whose ground compact's own depth shows well.
PICTURE = SyntheticDrive(Plan(seed=6, frames=1, kind='avenue'), CAMERA).frame(0).image[..., ::-1]
# 0.4 m ahead of the frame's origin, 1.65 m up, level, and it looks 0.3 rad to the left.
MOUNTED = f'0.4 0 1.65 {-math.pi / 2} 0 {-math.pi / 2 + 0.3}'
SECOND = 10**9


@pytest.fixture(scope='module')
def running():
    """Run a node with a scan of any range."""
    with served({'scan.frame': 'base_footprint', 'scan.extrinsics': MOUNTED,
                 'scan.max_range': 40.0, 'points.edge': 0.0, 'use_sim_time': True},
                outputs=('depth/image_rect',)) as (_, robot):
        robot.send_info(info(CAMERA))
        yield robot


@pytest.fixture
def robot(running):
    """Return a robot that reads the scan, its camera mounted as above."""
    running.set(scan__extrinsics=MOUNTED)
    reader = running.node.create_subscription(
        LaserScan, 'scan', lambda m: running._collect('scan', m), 10)
    wait(lambda: 'scan' in running.values()['readers'], 10, lambda: 'not seen as a reader')
    yield running
    running.node.destroy_subscription(reader)
    running.forget()


def test_each_ray_is_the_nearest_obstacle_of_the_published_depth(robot):
    depth = depth_array(robot.ask(image(PICTURE), stamp=100 * SECOND))
    scan = robot.wait_message('scan', 100 * SECOND)
    assert scan.header.frame_id == 'base_footprint'
    assert scan.ranges.typecode == 'f' and len(scan.intensities) == 0
    assert scan.time_increment == 0.0  # all rays of one moment
    assert (scan.range_min, scan.range_max) == pytest.approx((0.1, 40.0))
    assert (len(scan.ranges) - 1) * scan.angle_increment == pytest.approx(
        scan.angle_max - scan.angle_min, abs=1e-4)
    half = math.atan(319.5 / STREET_FOCAL)
    assert (scan.angle_min, scan.angle_max) == pytest.approx((0.3 - half, 0.3 + half), abs=0.02)
    ranges = np.array(scan.ranges)
    assert not np.isinf(ranges).any() and np.isfinite(ranges).sum() > 50

    depth = np.where(np.isfinite(depth), depth, np.nan)
    v, u = np.mgrid[:192, :640]
    left = -(u - CAMERA.cx) / CAMERA.fx * depth
    up = 1.65 - (v - CAMERA.cy) / CAMERA.fy * depth
    x = 0.4 + math.cos(0.3) * depth - math.sin(0.3) * left
    y = math.sin(0.3) * depth + math.cos(0.3) * left
    reach = np.hypot(x, y)
    stands = (up > 0.15 + 0.03 * reach) & (up < 2.0) & (reach < 40)
    angle = np.arctan2(y, x)
    judged = 0
    for number in np.flatnonzero(np.isfinite(ranges))[::5]:
        about = scan.angle_min + number * scan.angle_increment
        near = stands & (np.abs(angle - about) < 0.6 * scan.angle_increment)
        if np.count_nonzero(near) < 10:  # not every pixel is looked at
            continue
        judged += 1
        assert reach[near].min() - 0.01 < ranges[number] < np.percentile(reach[near], 60)
    assert judged > 5


def test_the_time_between_scans_is_that_of_their_pictures(robot):
    for tenth in (1100, 1101, 1103):
        robot.ask(image(PICTURE), stamp=tenth * SECOND // 10)
        last = robot.wait_message('scan', tenth * SECOND // 10)
    assert last.scan_time == pytest.approx(0.2, abs=1e-6)


def test_without_a_scale_to_trust_there_is_none(robot):
    robot.set(camera_height=1.65)
    for second in (115, 116):  # the ground in the first picture gives the scale of the second
        robot.ask(image(PICTURE), stamp=second * SECOND)
    robot.wait_message('scan', 116 * SECOND)
    robot.set(camera_height=0.0)
    assert 115 * SECOND not in robot.received['scan']


def test_without_a_reader_there_is_none(running):
    running.ask(image(PICTURE), stamp=120 * SECOND)
    assert 'scan' not in running.values()['readers']
    assert 'scan' not in running.received


def test_a_camera_that_looks_at_the_ground_is_named_and_depth_goes_on(robot):
    robot.set(scan__extrinsics=f'0 0 1 {math.pi} 0 0')
    robot.ask(image(PICTURE), stamp=130 * SECOND)
    sentence, status = robot.wait_sentence('no scan')
    assert sentence.startswith('/image: no scan by the pose in scan.frame: the c')
    assert status.level == b'\x01' and 130 * SECOND not in robot.received['scan']


def test_without_extrinsics_tf_must_say_where_the_camera_is(robot):
    try:
        import tf2_ros  # noqa: F401
        reason = 'tf has no transform'
    except ImportError:
        reason = 'tf2_ros is not there'
    robot.set(scan__extrinsics='')
    robot.ask(image(PICTURE), stamp=140 * SECOND)
    sentence, _ = robot.wait_sentence(reason)
    assert sentence.startswith('/image: no scan by the pose in scan.frame: ')


def test_the_frame_changes_only_where_the_publisher_is_made_anew(running):
    [result] = running.set(scan__frame='map')
    assert not result.successful and 'scan.frame' in result.reason
    [result] = running.set(scan__min_height=3.0)
    assert not result.successful
    assert result.reason == ('parameter scan.min_height = 3 must be less than scan.max_height = 2')
    [result] = running.set(scan__extrinsics='1 2')
    assert not result.successful and 'are not six numbers' in result.reason


@pytest.mark.parametrize('quarters', [1, 2, 3])
def test_a_camera_that_hangs_otherwise_is_turned_for_the_network_and_published_as_it_is(
        robot, quarters):
    upright = depth_array(robot.ask(image(PICTURE), stamp=200 * SECOND))
    camera = CAMERA.turned(-quarters)
    robot.set(rotation=90 * quarters)
    robot.send_info(info(camera))
    try:
        message = robot.ask(image(np.ascontiguousarray(np.rot90(PICTURE, quarters))),
                            stamp=201 * SECOND)
        np.testing.assert_array_equal(depth_array(message), np.rot90(upright, quarters))
        sentence, status = robot.wait_sentence('set rotation to 0')
        assert 'by the pose in scan.frame the picture ' + (
            'hangs upside down' if quarters == 2 else 'lies on its side') in sentence
        assert status.level == b'\x01'
    finally:
        robot.set(rotation=0)
        robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE), stamp=202 * SECOND)
    robot.diagnostics.clear()
    wait(lambda: robot.diagnostics and 'rotation' not in str(robot.diagnostics[-1]), 15,
         lambda: 'the complaint stands')


def test_a_rotation_that_is_no_quarter_is_refused(robot):
    [result] = robot.set(rotation=45)
    assert not result.successful and 'is not one of 0, 90, 180, 270' in result.reason


def test_grey_of_10_bits_gives_the_depth_of_8(robot):
    grey = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY)
    eight = depth_array(robot.ask(image(grey, 'mono8'), stamp=300 * SECOND))
    ten = image(np.rint(grey * (1023 / 255)).astype(np.uint16), 'mono16')
    np.testing.assert_array_equal(depth_array(robot.ask(ten, stamp=301 * SECOND)), eight)
    robot.set(image_bits=16)
    other = depth_array(robot.ask(ten, stamp=302 * SECOND))
    robot.set(image_bits=0)
    assert np.median(np.abs(other / eight - 1)[np.isfinite(eight) & np.isfinite(other)]) > 0.05
    assert 'takes 10 bits, so that white is 1023: set image_bits' in robot.process.log
