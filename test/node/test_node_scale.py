# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metres from the camera's height above the ground, frame after frame, in the real node."""
import pathlib

from depth_estimation_ros.drives import read_image
from depth_estimation_ros.drives.kitti import annotated_depth
from depth_estimation_ros.estimation.runtime import STREET_FOCAL
from depth_estimation_ros.evaluation.metrics import evaluate_depth, garg_crop
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.messages import read_cloud
from depth_estimation_ros.synthetic.drive import Plan, SyntheticDrive
from harness import depth_array, image, info, NodeProcess, Robot, wait
from key_init import write_monodepth2_checkpoint
import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2

CAMERA = PinholeCamera(640, 192, STREET_FOCAL, STREET_FOCAL, 319.5, 95.5)
HEIGHT = 1.65  # of the camera that took STREET
# Of a street whose ground compact's own depth shows well.
PICTURE = SyntheticDrive(Plan(seed=6, frames=1, kind='avenue'), CAMERA).frame(0).image[..., ::-1]
WALL = np.full_like(PICTURE, 127)
SECOND = 10**9


@pytest.fixture
def start():
    """Return what starts a node with parameters, and its robot."""
    started = []

    def start(**parameters):
        node = NodeProcess({'max_depth': 1000.0, **parameters})
        robot = Robot(node, outputs=('depth/image_rect',))
        started.append((node, robot))
        robot.wait_for_node()
        # Apart from the depth, which comes from the first picture on.
        robot.node.create_subscription(
            PointCloud2, 'points', lambda m: robot._collect('points', m), 10)
        wait(lambda: 'points' in robot.values()['readers'], 10, lambda: 'not seen as a reader')
        robot.send_info(info(CAMERA))
        return robot

    yield start
    for node, robot in started:
        robot.close()
        node.stop()


def depth_of(robot, picture, stamp):
    return depth_array(robot.ask(image(picture), stamp=stamp))


def until_dropped(robot, picture):
    """Send a picture again and again until it was dropped for want of a scale."""
    def dropped():
        robot.send_info(robot._info)
        robot.send(image(picture), 100 * SECOND)
        return 'frames dropped: no scale' in robot.values()

    wait(dropped, 20, lambda: robot.values())


def ratio(depth, other):
    both = np.isfinite(depth) & np.isfinite(other)
    return np.median(depth[both] / other[both])


def test_the_ground_of_one_picture_scales_the_next(start):
    robot = start(camera_height=2 * HEIGHT, use_sim_time=True)
    before = depth_of(robot, PICTURE, 100 * SECOND)
    assert not robot.received['points']
    after = depth_of(robot, PICTURE, 101 * SECOND)
    robot.wait_message('points', 101 * SECOND)
    # compact is metric by itself; at twice its height everything is twice as far.
    assert ratio(after, before) == pytest.approx(2.0, rel=0.1)
    values = robot.values()
    assert values['scale source'] == 'the ground (camera_height 3.3 m)'
    assert values['scale state'] == 'in force' and float(values['scale age (s)']) < 3
    assert 0 < float(values['scale uncertainty'].strip('+- %')) < 15

    # The height is the camera's pose over the ground, too, unless tf is to say it.
    robot.set(points__max_height=1.0, points__ground='label')
    depth_of(robot, PICTURE, 101 * SECOND + 1)
    points = read_cloud(robot.wait_message('points', 101 * SECOND + 1))
    height = 2 * HEIGHT - points['y']
    assert height.max() <= 1.0 and 0 < points['ground'].sum() < len(points)
    near = np.abs(height) <= 0.15 + 0.03 * np.sqrt(
        points['x']**2 + points['y']**2 + points['z']**2)
    assert np.mean((points['ground'] == 1) == near) > 0.999  # but for rounding
    robot.set(points__frame='base_footprint')
    depth_of(robot, PICTURE, 101 * SECOND + 2)
    sentence, _ = robot.wait_sentence('points.frame')
    assert sentence.startswith('/image: no points by the pose in points.frame')
    assert ': tf ' in sentence
    assert 101 * SECOND + 2 not in robot.received['points']
    robot.set(points__max_height=1000.0, points__ground='keep', points__frame='')

    [refused] = robot.set(ground_frame='base_footprint')
    assert not refused.successful and 'take one of them away' in refused.reason
    robot.set(camera_height=0.0)
    robot.set(ground_frame='base_footprint')  # which nobody publishes
    depth_of(robot, PICTURE, 102 * SECOND)
    depth_of(robot, PICTURE, 103 * SECOND)
    said, _ = robot.wait_sentence('or set camera_height instead of ground_frame')
    assert said.startswith('/image: The ground (ground_frame base_footprint) gives no scale: tf')
    assert 102 * SECOND not in robot.received['points']
    assert float(values['scale (m per model unit)']) == pytest.approx(ratio(after, before), 0.01)


def test_a_stale_scale_makes_no_points_but_depth_goes_on_as_it_was(start):
    robot = start(camera_height=2 * HEIGHT, scale_hold=2.0, use_sim_time=True)
    for second in (100, 101):
        depth_of(robot, PICTURE, second * SECOND)
    robot.wait_message('points', 101 * SECOND)
    for second in (102, 103):  # nothing to be seen of the ground: the last scale holds
        held = depth_of(robot, WALL, second * SECOND)
        robot.wait_message('points', second * SECOND)
    stale = depth_of(robot, WALL, 104 * SECOND)
    assert ratio(stale, held) == pytest.approx(1.0)
    sentence, status = robot.wait_sentence('stale')
    assert sentence.startswith('/image: ') and status.level == b'\x01'
    assert 104 * SECOND not in robot.received['points']
    values = robot.values()
    assert values['scale state'] == 'stale' and values['scale age (s)'] == '3.0'
    robot.set(stale_points=True)
    depth_of(robot, WALL, 105 * SECOND)
    robot.wait_message('points', 105 * SECOND)
    robot.set(stale_points=False)
    for tenth in range(4):  # three readings that agree
        depth_of(robot, PICTURE, 106 * SECOND + tenth * SECOND // 10)
    robot.wait_message('points', 106 * SECOND + 3 * SECOND // 10)
    assert not any(106 * SECOND + tenth * SECOND // 10 in robot.received['points']
                   for tenth in range(3))


def test_a_network_without_a_scale_says_nothing_before_the_ground_is_seen(start, tmp_path):
    write_monodepth2_checkpoint(tmp_path, width=320, height=96, use_stereo=False)
    robot = start(model='monodepth2', weights=str(tmp_path), camera_height=HEIGHT,
                  use_sim_time=True)
    until_dropped(robot, WALL)
    assert not robot.received['depth/image_rect'] and not robot.received['points']
    assert robot.values()['scale (m per model unit)'] == 'none'


def test_a_mono_trained_network_becomes_metric_on_a_real_road(shared, start):
    data = shared / 'data'
    [file] = (data / 'kitti_annotated/image').glob('*.png')
    truth = annotated_depth(data / 'kitti_annotated/depth' / pathlib.Path(file).name)
    camera = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)
    robot = start(model='rt_monodepth_s', weights=str(data / 'weights/rt_monodepth_s_m_640x192'),
                  camera_height=1.65, use_sim_time=True)
    robot.send_info(info(camera))
    until_dropped(robot, read_image(file))
    depth = depth_of(robot, read_image(file), 101 * SECOND)
    found = evaluate_depth(depth, truth, crop=garg_crop(*truth.shape))
    assert found.median_ratio == pytest.approx(1.0, abs=0.15)
    assert found.abs_rel < 0.1
