# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to a planar scan, against the exact geometry of walls and a floor."""
import math

from depth_estimation_ros.cloud.points import PointOptions
from depth_estimation_ros.cloud.scan import ScanError, ScanGrid, ScanOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(320, 240, 200.0, 205.0, 155.0, 121.0)
WIDE = PinholeCamera(320, 240, 140.0, 140.0, 159.5, 119.5)
BODY = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # optical axes to x forward, z up
LEVEL, ROLLED = (0.0, 0.0), (math.radians(12), math.radians(17))


def pose_of(x=0.0, y=0.0, z=0.5, roll=0.0, pitch=0.0, yaw=0.0):
    """Return rotation and translation of a camera's optical frame, mounted so (REP 103)."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a), math.sin(a)) for a in (roll, pitch, yaw))
    turn = (np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
            @ np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
            @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]]))
    return turn @ BODY, np.array([x, y, z])


def look(camera, pose, *planes):
    """Return exact depth of planes normal @ p = distance, (H, W); inf where none is."""
    v, u = np.mgrid[:camera.height, :camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy,
                     np.ones(u.shape)], -1) @ pose[0].T
    depth = np.full(u.shape, np.inf)
    for *normal, distance in planes:
        with np.errstate(divide='ignore'):
            z = (distance - np.dot(normal, pose[1])) / (rays @ normal)
        depth = np.where((z > 0) & (z < depth), z, depth)
    return depth.astype(np.float32)


def scan_of(camera, pose, depth, points=PointOptions(), **options):
    grid = ScanGrid(camera, ScanOptions(**options), pose, torch.device('cpu'), points)
    return grid.scan(torch.from_numpy(depth))


def angles_of(scan):
    return scan.angle_min + scan.angle_increment * np.arange(len(scan.ranges))


def wall(bearing, distance):
    """Return an upright plane whose nearest point lies that way and so far."""
    return math.cos(bearing), math.sin(bearing), 0.0, distance


FLOOR = (0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize('yaw', [0.0, 0.7, math.pi, -2.0])
@pytest.mark.parametrize('roll, pitch', [LEVEL, ROLLED])
def test_each_ray_is_the_exact_distance_of_the_walls_at_its_angle(roll, pitch, yaw):
    pose = pose_of(0, 0, 0.6, roll, pitch, yaw)
    bearings = yaw + np.array([0.5, -0.45])
    walls = [wall(b, d) for b, d in zip(bearings, (3.0, 2.0))]
    scan = scan_of(CAMERA, pose, look(CAMERA, pose, FLOOR, *walls))
    # A ray stands for the angles halfway to its neighbours, and is the nearest there.
    about = angles_of(scan) + scan.angle_increment * np.linspace(-0.5, 0.5, 9)[:, None]
    exact = np.min([d / np.cos(about - b) for b, d in zip(bearings, (3.0, 2.0))], axis=0)
    seen = ~np.isnan(scan.ranges)
    view = math.atan(164 / CAMERA.fx) + math.atan(155 / CAMERA.fx)
    assert seen.sum() * scan.angle_increment > 0.95 * view
    inside = np.flatnonzero(seen)
    assert seen[inside[0]:inside[-1]].all()  # no ray falls between two columns
    assert (scan.ranges[seen] > exact.min(0)[seen] - 1e-3).all()
    assert (scan.ranges[seen] < exact.max(0)[seen] + 1e-3).all()


def test_the_angles_are_equal_and_cover_what_the_camera_sees():
    scan = scan_of(CAMERA, pose_of(), np.full((240, 320), np.nan, np.float32))
    assert np.isnan(scan.ranges).all()
    assert scan.angle_min == pytest.approx(-math.atan(164 / 200), abs=0.01)
    assert scan.angle_max == pytest.approx(math.atan(155 / 200), abs=0.01)
    assert scan.angle_max == pytest.approx(
        scan.angle_min + (len(scan.ranges) - 1) * scan.angle_increment)
    assert scan.angle_increment == pytest.approx(1 / 200, rel=0.01)
    assert scan.ranges.dtype == np.float32


@pytest.mark.parametrize('factor', [1.0, 0.95, 1.05])
@pytest.mark.parametrize('roll, pitch', [LEVEL, ROLLED])
def test_a_floor_is_no_obstacle_even_where_depth_is_off(factor, roll, pitch):
    pose = pose_of(0, 0, 1.6, roll, pitch)
    scan = scan_of(WIDE, pose, look(WIDE, pose, FLOOR) * np.float32(factor), max_range=30.0)
    assert np.isnan(scan.ranges).all()


def test_a_floor_that_falls_or_rises_a_little_is_no_obstacle():
    pose = pose_of(0, 0, 1.6)
    for slope in (-0.03, 0.03):
        scan = scan_of(WIDE, pose, look(WIDE, pose, (-slope, 0, 1, 0)), max_range=30.0)
        assert np.isnan(scan.ranges).all()


def test_heights_are_those_of_the_frame_and_the_tolerance_grows_with_range():
    def lowest(distance):  # height that is seen as an obstacle so far away
        pose = pose_of(0, 0, 1.0)
        heights = np.linspace(0.05, 0.95, 91)
        for top in heights:
            depth = look(CAMERA, pose, FLOOR)
            near = look(CAMERA, pose, wall(0, distance))
            v = np.arange(240)[:, None] - CAMERA.cy
            depth = np.where((1.0 - near * v / CAMERA.fy) < top, np.minimum(near, depth), depth)
            if not np.isnan(scan_of(CAMERA, pose, depth, PointOptions(edge=0)).ranges).all():
                return top
        return None

    assert lowest(2.0) == pytest.approx(0.15 + 0.03 * 2, abs=0.03)
    assert lowest(7.0) == pytest.approx(0.15 + 0.03 * 7, abs=0.06)
    pose = pose_of(0, 0, 1.0)
    ceiling = look(CAMERA, pose, (0, 0, 1, 2.2))
    assert np.isnan(scan_of(CAMERA, pose, ceiling).ranges).all()
    assert not np.isnan(scan_of(CAMERA, pose, ceiling, max_height=2.4).ranges).all()


def test_the_nearest_of_several_in_a_direction_counts():
    pose = pose_of(0, 0, 1.0)
    depth = np.full((240, 320), 6.0, np.float32)
    depth[130:140, 100:180] = 3.0  # something low before a wall
    scan = scan_of(CAMERA, pose, depth)
    ahead = scan.ranges[np.abs(angles_of(scan)) < 0.05]
    np.testing.assert_allclose(ahead, 3.0, rtol=0.01)


def test_what_floats_between_two_surfaces_is_no_obstacle():
    pose = pose_of(0, 0, 1.0)
    depth = np.full((240, 320), 8.0, np.float32)
    depth[60:180, :150] = 3.0
    depth[60:180, 150:152] = (4.5, 6.0)  # as networks draw an edge
    scan = scan_of(CAMERA, pose, depth)
    away = scan.ranges * np.cos(angles_of(scan))
    assert not ((away > 3.1) & (away < 7.9)).any()
    assert (np.abs(away - 3) < 0.1).sum() > 100 and (np.abs(away - 8) < 0.1).sum() > 100


def test_pixels_that_are_not_sure_enough_are_no_obstacle():
    sure = torch.full((240, 320), 0.4)
    sure[:, :160] = 0.9
    grid = ScanGrid(CAMERA, ScanOptions(), pose_of(), torch.device('cpu'),
                    PointOptions(min_confidence=0.5))
    scan = grid.scan(torch.full((240, 320), 3.0), sure)
    left = angles_of(scan) > 0
    assert (np.isnan(scan.ranges) == ~left)[np.abs(angles_of(scan)) > 0.03].all()


def test_out_of_range_and_out_of_depth_is_unknown_and_never_infinite():
    pose = pose_of()
    for z in (np.inf, -np.inf, np.nan, 0.05, 11.0):
        scan = scan_of(CAMERA, pose, np.full((240, 320), z, np.float32))
        assert np.isnan(scan.ranges).all()
    assert (scan.range_min, scan.range_max) == (0.1, 10.0)


def test_ranges_are_from_the_origin_of_the_frame():
    pose = pose_of(0.5, 0.3, 0.5)
    scan = scan_of(CAMERA, pose, look(CAMERA, pose, wall(0, 1.5)))
    angles = angles_of(scan)
    seen = ~np.isnan(scan.ranges)
    np.testing.assert_allclose(scan.ranges[seen], 1.5 / np.cos(angles[seen]), rtol=0.01)
    # 1 m before the camera, the edges of its picture as the origin sees them.
    left, right = angles[seen][[-1, 0]]
    assert left == pytest.approx(math.atan((0.3 + 155 / 200) / 1.5), abs=0.02)
    assert right == pytest.approx(math.atan((0.3 - 164 / 200) / 1.5), abs=0.02)


@pytest.mark.parametrize('camera', [CAMERA, WIDE])
def test_a_camera_that_is_mounted_on_its_side_leaves_no_holes(camera):
    pose = pose_of(roll=math.pi / 2)
    scan = scan_of(camera, pose, look(camera, pose, wall(0.0, 5.0)), min_height=-9, max_height=9)
    assert np.isfinite(scan.ranges).mean() > 0.97
    np.testing.assert_allclose(scan.ranges * np.cos(angles_of(scan)), 5.0, rtol=0.01)


def test_what_a_camera_sees_nearly_below_it_is_left_out_and_the_rest_is_a_scan():
    pose = pose_of(pitch=0.8)
    scan = scan_of(WIDE, pose, look(WIDE, pose, wall(0.0, 5.0)), min_height=-9, max_height=9)
    seen = np.isfinite(scan.ranges)
    assert seen.mean() > 0.3
    np.testing.assert_allclose((scan.ranges * np.cos(angles_of(scan)))[seen], 5.0, rtol=0.03)


def test_one_column_of_pixels_is_one_ray():
    camera = PinholeCamera(1, 64, 900.0, 900.0, 0.0, 32.0)
    scan = scan_of(camera, pose_of(), look(camera, pose_of(), wall(0.0, 5.0)), min_height=-9)
    np.testing.assert_allclose(scan.ranges[np.isfinite(scan.ranges)], 5.0, rtol=0.01)
    assert np.isfinite(scan.ranges).any()


@pytest.mark.parametrize('pose', [
    (np.eye(3), np.zeros(3)),  # an optical frame given as the scan's
    pose_of(pitch=math.radians(80))])
def test_a_camera_that_looks_up_or_down_makes_no_scan(pose):
    with pytest.raises(ScanError, match='check that z of scan.frame is up'):
        ScanGrid(CAMERA, ScanOptions(), pose, torch.device('cpu'))


@pytest.mark.parametrize('options', [{'min_height': 2.0}, {'max_range': 0.1}])
def test_options_that_say_no_scan_are_refused(options):
    with pytest.raises(ScanError, match='must be less than'):
        ScanOptions(**options)
