# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Metres from a range sensor beside the camera, frame after frame, in the real node.

The sensor of the generated tests sees what the network saw, FACTOR times as far: it says that a
unit of the network's is so many metres.
"""
import itertools
import math
import time

from depth_estimation_ros.cloud.points import Cloud
from depth_estimation_ros.cloud.poses import pose_from
from depth_estimation_ros.drives.kitti import KittiDrive, project_velodyne
from depth_estimation_ros.estimation.runtime import STREET_FOCAL
from depth_estimation_ros.evaluation.metrics import evaluate_depth, garg_crop
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.messages import cloud_message
from depth_estimation_ros.synthetic.drive import Plan, SyntheticDrive
from harness import depth_array, image, info, NodeProcess, Robot, wait
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2, Range
from std_msgs.msg import Header

CAMERA = PinholeCamera(640, 192, STREET_FOCAL, STREET_FOCAL, 319.5, 95.5)
# Of a street whose ground compact's own depth shows well.
PICTURE = SyntheticDrive(Plan(seed=6, frames=1, kind='avenue'), CAMERA).frame(0).image[..., ::-1]
HEIGHT = 1.65  # of the camera that took it
SECOND = 10**9
FACTOR = 1.4
# Where the LiDAR stands: ahead of the camera and higher, turned to the left and nose down.
MOUNT = (0.3, -0.1, 0.4, 0.0, 0.1, 0.5)
ABOARD = {'range_topic': '/velo', 'range_extrinsics': ' '.join(map(str, MOUNT))}
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # in the body, REP 103


@pytest.fixture(scope='module')
def node():
    """Return one node with a camera for each sensor."""
    node = NodeProcess({
        'max_depth': 1000.0, 'scale_hold': 2.0, 'use_sim_time': True,
        'cameras': ['lidar', 'sonar', 'both'], 'lidar': ABOARD,
        'both': {**ABOARD, 'camera_height': 2 * HEIGHT},
        'sonar': {'range_topic': 'ping', 'range_extrinsics': '0 0 0 0 0 0'}})
    yield node
    node.stop()


@pytest.fixture
def robot(node, request):
    """Return the robot around the camera that the test names, its depth at FACTOR 1 known."""
    robot = Robot(node, outputs=('depth/image_rect',), camera=request.param)
    robot.wait_for_node()
    robot.node.create_subscription(
        PointCloud2, f'{request.param}/points', lambda m: robot._collect('points', m), 10)
    wait(lambda: 'points' in robot.values()['readers'], 10, lambda: 'not seen as a reader')
    robot.send_info(info(CAMERA))
    robot.plain = depth_of(robot, 100.0)
    yield robot
    robot.close()


def ns(second):
    return round(second * 100) * SECOND // 100


def depth_of(robot, second):
    return depth_array(robot.ask(image(PICTURE), stamp=ns(second)))


def ratio(depth, other):
    both = np.isfinite(depth) & np.isfinite(other)
    return np.median(depth[both] / other[both])


def scan(depth, factor=FACTOR):
    """Return what the LiDAR measures where the network says `depth`, (N, 3), in its frame."""
    v, u = (part.ravel() for part in np.meshgrid(
        range(60, 190, 6), range(5, 640, 6), indexing='ij'))
    z = depth[v, u] * factor
    seen = np.stack([(u - CAMERA.cx) / CAMERA.fx * z, (v - CAMERA.cy) / CAMERA.fy * z, z], 1)
    pose = pose_from(MOUNT)
    return (seen @ OPTICAL.T - pose.translation) @ pose.rotation


def header(stamp, frame='lidar'):
    made = Header(frame_id=frame)
    made.stamp.sec, made.stamp.nanosec = stamp // SECOND, stamp % SECOND
    return made


def cloud(points, stamp):
    return cloud_message(header(stamp), Cloud(
        points.astype(np.float32)[None], ('x', 'y', 'z'), is_dense=True))


class Sensor:
    """A publisher on `topic`, best effort as drivers are, that the node reads."""

    def __init__(self, robot, kind, topic, first):
        """Send `first`, of a stamp that is long ago, until one has come."""
        self._publisher = robot.node.create_publisher(kind, topic, qos_profile_sensor_data)

        seconds = itertools.count(100.1, 0.01)  # a picture twice says nothing new

        def heard():
            self.send(first)
            depth_of(robot, next(seconds))
            return any('s older, over' in sentence for sentence in (
                *robot.values().values(), robot.status().message))

        wait(heard, 20, lambda: f'{topic} is not heard: {robot.values()}')

    def send(self, message):
        """Publish a message, so that it comes before the picture that is sent next."""
        self._publisher.publish(message)
        time.sleep(0.05)  # DDS keeps no order between topics


@pytest.mark.parametrize('robot', ['lidar'], indirect=True)
def test_a_lidar_gives_the_scale_and_when_it_stops_it_is_held_then_stale(robot):
    depth_of(robot, 100)
    assert robot.wait_sentence('nobody publishes it')[0] == (
        '/lidar/image: The range sensor on /velo (range_topic) gives no scale: nobody publishes '
        'it.')
    lidar = Sensor(robot, PointCloud2, '/velo', cloud(scan(robot.plain), ns(90)))
    assert not robot.received['points']
    lidar.send(cloud(scan(robot.plain), ns(101) + 40_000_000))  # 40 ms off is one time
    assert ratio(depth_of(robot, 101), robot.plain) == pytest.approx(1.0)
    assert ratio(depth_of(robot, 102), robot.plain) == pytest.approx(FACTOR, rel=0.01)
    robot.wait_message('points', ns(102))
    values = robot.values()
    assert values['scale source'] == 'the range sensor on /velo (range_topic)'
    assert float(values['scale (m per model unit)']) == pytest.approx(FACTOR, rel=0.01)
    assert values['scale state'] == 'in force' and values['scale age (s)'] == '1.0'
    assert 0 < float(values['scale uncertainty'].strip('+- %')) < 10

    depth_of(robot, 103)  # the LiDAR has stopped; the scale of 101 is held
    robot.wait_message('points', ns(103))
    assert ratio(depth_of(robot, 103.5), robot.plain) == pytest.approx(FACTOR, rel=0.01)
    said, status = robot.wait_sentence('The scale is stale')
    assert status.level == b'\x01' and 'the range sensor on /velo' in said
    assert 'is 1.96 s older, over 0.05 s' in robot.wait_sentence('gives no scale for')[0]
    assert ns(103.5) not in robot.received['points']

    for second in (104, 104.1, 104.2):  # three readings that agree
        lidar.send(cloud(scan(robot.plain), ns(second)))
        depth_of(robot, second)
    depth_of(robot, 104.5)
    robot.wait_message('points', ns(104.5))
    assert ns(104.2) not in robot.received['points']

    robot.set(lidar__range_extrinsics='0 0 0 0 0 3.14')  # looks back: no point in the view
    lidar.send(cloud(scan(robot.plain), ns(105)))
    assert ratio(depth_of(robot, 105), robot.plain) == pytest.approx(FACTOR, rel=0.01)
    depth_of(robot, 105.1)
    assert 'check the extrinsics' in robot.wait_sentence('no point of the range sensor')[0]
    robot.wait_message('points', ns(105.1))  # held

    [refused] = robot.set(lidar__range_extrinsics='0 0 0')
    assert not refused.successful and 'lidar.range_extrinsics' in refused.reason
    robot.set(lidar__range_extrinsics='')  # by tf, of which there is none
    lidar.send(cloud(scan(robot.plain), ns(106)))
    depth_of(robot, 106)
    depth_of(robot, 106.6)  # until then tf might have been late
    depth_of(robot, 106.7)
    assert 'tf' in robot.wait_sentence('or set range_extrinsics')[0]


@pytest.mark.parametrize('robot', ['sonar'], indirect=True)
def test_a_single_range_ahead_gives_the_scale_and_none_beyond_its_reach(robot):
    def ping(distance, second):
        return Range(header=header(ns(second)), field_of_view=0.2, min_range=0.2,
                     max_range=40.0, range=distance)

    u, v, reach = round(CAMERA.cx), round(CAMERA.cy), round(0.1 * CAMERA.fx)
    ahead = robot.plain[v - reach:v + reach, u - reach:u + reach]
    nearest = float(np.quantile(ahead[np.isfinite(ahead)], 0.1))
    sonar = Sensor(robot, Range, '/ping', ping(nearest, 90))
    sonar.send(ping(math.inf, 101))
    depth_of(robot, 101)
    depth_of(robot, 101.1)
    robot.wait_sentence('there is nothing within its range')
    assert not robot.received['points']
    sonar.send(ping(nearest * FACTOR, 102))
    depth_of(robot, 102)
    assert ratio(depth_of(robot, 102.1), robot.plain) == pytest.approx(FACTOR, rel=0.15)
    robot.wait_message('points', ns(102.1))


@pytest.mark.parametrize('robot', ['both'], indirect=True)
def test_sources_that_contradict_are_one_sentence_and_nothing_jumps(robot):
    lidar = Sensor(robot, PointCloud2, '/velo', cloud(scan(robot.plain), ns(90)))

    def drive(start, factor, frames):
        ratios = []
        for number in range(frames):
            second = start + number / 5
            lidar.send(cloud(scan(robot.plain, factor), ns(second)))
            ratios.append(ratio(depth_of(robot, second), robot.plain))
        return np.array(ratios)

    drive(110, 1.0, 3)  # camera_height is twice what it is
    said, status = robot.wait_sentence('contradict one another')
    assert 'camera_height 3.3 m' in said and 'on /velo' in said and status.level == b'\x01'
    assert ns(110.4) not in robot.received['points']

    robot.set(both__camera_height=HEIGHT)
    agreed = drive(111, 1.0, 5)
    robot.wait_message('points', ns(111.8))
    assert agreed == pytest.approx(1.0, abs=0.1)
    against = drive(112, 1.6, 16)  # as if the LiDAR were another one now
    # The last reading that agreed may still be followed, at 10 % a second: by 2 % until then.
    assert np.ptp(against) < 0.02 and against[-1] == pytest.approx(agreed[-1], abs=0.03)
    assert ns(113.4) in robot.received['points'] and ns(115) not in robot.received['points']
    assert robot.values()['scale state'] == 'stale'


def test_a_network_without_a_scale_reads_a_real_drive_as_its_lidar_does(shared):
    data = shared / 'data'
    frames = list(KittiDrive(
        data / 'kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'))
    node = NodeProcess({
        'model': 'rt_monodepth_s', 'weights': str(data / 'weights/rt_monodepth_s_m_640x192'),
        'range_topic': '/velo', 'use_sim_time': True,
        'range_extrinsics': ' '.join(map(str, mount_of(frames[0].velo_to_cam)))})
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        robot.wait_for_node()
        lidar = robot.node.create_publisher(PointCloud2, '/velo', 1)  # large: reliable
        camera = frames[0].camera

        stamps = (ns(100 + number / 10) for number in itertools.count())

        def send(frame):
            stamp = next(stamps)
            lidar.publish(cloud(frame.scan()[:, :3], stamp))
            robot.send_info(info(camera))
            return robot.send(image(frame.image()), stamp)

        def in_force():
            send(frames[0])
            return robot.values()['scale state'] == 'in force'

        wait(in_force, 20, lambda: robot.values())
        found = []
        for frame in frames[1:]:
            depth = depth_array(robot.wait_message('depth/image_rect', send(frame)))
            truth = project_velodyne(frame.scan(), frame.velo_to_cam, camera)
            found.append([evaluate_depth(depth, truth, crop=garg_crop(*truth.shape),
                                         median_scale=scaled) for scaled in (False, True)])
        assert [ours.median_ratio for ours, _ in found] == pytest.approx([1.0] * 15, abs=0.15)
        ours, scaled = np.mean([[one.abs_rel for one in pair] for pair in found], axis=0)
        assert ours < scaled < 0.25, 'median scaling knows the truth'
    finally:
        robot.close()
        node.stop()


def mount_of(velo_to_cam):
    """Return x y z roll pitch yaw of the LiDAR in the body of a KITTI camera."""
    body = OPTICAL @ velo_to_cam[:3, :3]
    return [*(OPTICAL @ velo_to_cam[:3, 3]),
            math.atan2(body[2, 1], body[2, 2]), math.asin(-body[2, 0]),
            math.atan2(body[1, 0], body[0, 0])]
