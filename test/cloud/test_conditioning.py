# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clouds for costmaps: what is left out, what is said of a point, and that little is lost."""
import math

from depth_estimation_ros.cloud.points import (
    CloudError, level_pose, Picture, PointGrid, PointOptions)
from depth_estimation_ros.cloud.poses import pose_from
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(320, 200, 240.0, 240.0, 159.5, 99.5)
CPU = torch.device('cpu')
HEIGHT = 1.5


def wall(distance=6.0):
    """Return a wall across the view."""
    return np.full((200, 320), distance, np.float32)


def room(height=HEIGHT, end=20.0):
    """Return a level floor under the camera up to a wall: exact depth of every pixel."""
    down = (np.arange(200)[:, None] - CAMERA.cy) / CAMERA.fy
    floor = np.where(down > 0, height / np.maximum(down, 1e-9), np.inf)
    return np.broadcast_to(np.minimum(floor, end), (200, 320)).astype(np.float32)


def cloud(depth, sure=None, pose=None, camera=CAMERA, picture=None, learned=True,
          **options):
    """Return the cloud and its fields by name."""
    options = {'edge': 0.0, **options}
    made = PointGrid(camera, PointOptions(**options), CPU).cloud(
        torch.from_numpy(depth), picture,
        None if sure is None else torch.from_numpy(sure), pose, learned)
    values = made.data.view(np.float32)
    return made, {name: values[..., i] for i, name in enumerate(made.fields)}


def in_base(fields, pose):
    """Return the points in the base frame, (N, 3)."""
    rotation, translation = pose
    return np.stack([fields[c][0] for c in 'xyz'], 1) @ rotation.T + translation


def ramp(near=5.0, far=20.0, half=2):
    """Return two surfaces with depth smeared over the `half` columns to either side of 160."""
    depth = wall(near)
    depth[:, 160:] = far
    depth[:, 160 - half:160 + half] = np.geomspace(near, far, 2 * half + 2)[1:-1]
    return depth


def test_what_floats_between_two_surfaces_is_left_out_and_the_surfaces_stay():
    _, raw = cloud(ramp(), max_points=10**6)
    _, cut = cloud(ramp(), max_points=10**6, edge=PointOptions.edge)
    floats = (raw['z'] > 5.01) & (raw['z'] < 19.9)
    assert floats.sum() == 4 * 200
    assert not ((cut['z'] > 5.01) & (cut['z'] < 19.9)).any()
    assert cut['z'].size > 0.95 * (raw['z'].size - floats.sum())


def test_what_floats_before_the_sky_is_left_out_by_the_slope_on_its_one_side():
    depth = wall(5.0)
    depth[:, 160:] = np.inf
    depth[:, 157:160] = [6, 9, 14]
    _, cut = cloud(depth, max_points=10**6, edge=PointOptions.edge)
    assert cut['z'].max() < 6 and cut['z'].size > 150 * 200


@pytest.mark.parametrize('height', [0.3, 0.8, 1.5])
def test_the_floor_is_no_edge_however_far_it_goes(height):
    depth = room(height, end=40.0)
    _, cut = cloud(depth, max_points=10**6, edge=PointOptions.edge)
    below = depth[102:198] < 39
    assert (cut['z'] < 39).sum() > 0.97 * below.sum()


def test_a_sure_network_keeps_its_edges_and_an_unsure_one_loses_more():
    sizes = [cloud(ramp(5, 6), np.full((200, 320), sure, np.float32), max_points=10**6,
                   edge=PointOptions.edge)[1]['z'].size for sure in (0.99, 0.8, 0.5)]
    assert sizes[0] == 64000 > sizes[1] >= sizes[2]


def test_a_confidence_that_was_concluded_from_depth_does_not_count_for_edges():
    none = np.zeros((200, 320), np.float32)
    alone = cloud(ramp(), max_points=10**6, edge=PointOptions.edge)[1]['z']
    with_it = cloud(ramp(), none, learned=False, max_points=10**6,
                    edge=PointOptions.edge)[1]['z']
    np.testing.assert_array_equal(with_it, alone)


def test_pixels_wider_than_the_smear_are_never_left_out():
    coarse = PinholeCamera(32, 20, 24.0, 24.0, 15.5, 9.5)
    depth = np.random.default_rng(0).uniform(1, 50, (20, 32)).astype(np.float32)
    assert cloud(depth, camera=coarse, edge=PointOptions.edge)[0].width == 640


def test_the_gate_leaves_out_what_is_less_sure():
    sure = np.tile(np.linspace(0, 1, 320, dtype=np.float32), (200, 1))
    _, fields = cloud(wall(), sure, min_confidence=0.6, confidence=True, max_points=10**6)
    assert fields['confidence'].min() >= 0.6
    assert fields['z'].size == (sure >= 0.6).sum()


def test_fields_come_in_one_order_and_say_of_each_point_its_own():
    planes = torch.randint(0, 256, (3, 200, 320), dtype=torch.uint8)
    sure = np.random.default_rng(1).random((200, 320), np.float32)
    made, fields = cloud(room(), sure, level_pose(HEIGHT), picture=Picture(planes, (0, 1, 2)),
                         organized=True, confidence=True, ground='label')
    assert made.fields == ('x', 'y', 'z', 'rgb', 'confidence', 'ground')
    np.testing.assert_array_equal(fields['confidence'], sure)
    red, green, blue = planes.numpy().astype(np.int64)
    np.testing.assert_array_equal(made.data[..., 3], red << 16 | green << 8 | blue)


@pytest.mark.parametrize('pitch', [-0.1, 0.0, 0.3])
def test_a_level_pose_puts_the_floor_at_zero(pitch):
    rotation, translation = level_pose(HEIGHT, pitch)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    ahead = rotation @ [0, 0, 1]
    assert ahead[2] == pytest.approx(-math.sin(pitch)) and ahead[0] > 0
    np.testing.assert_allclose(rotation @ [1, 0, 0], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(translation, [0, 0, HEIGHT])


def test_six_numbers_or_tf_say_the_same_pose():
    given = pose_from([0.0, 0.0, HEIGHT, -math.pi / 2, 0.0, -math.pi / 2])
    for part, expected in zip(given, level_pose(HEIGHT)):
        np.testing.assert_allclose(part, expected, atol=1e-12)
    clouds = [cloud(room(), pose=pose, ground='label', voxel=0.2, max_points=10**6)[0].data
              for pose in (given, level_pose(HEIGHT))]
    assert abs(clouds[0].shape[1] / clouds[1].shape[1] - 1) < 0.01  # rounding at voxels' faces


def test_the_height_band_is_measured_in_the_base_frame():
    pose = level_pose(HEIGHT)
    _, fields = cloud(room(), pose=pose, min_height=0.2, max_height=2.0, max_points=10**6)
    height = in_base(fields, pose)[:, 2]
    assert 0.2 <= height.min() < 0.3 and 1.9 < height.max() <= 2.0
    _, low = cloud(room(), pose=pose, max_height=0.1, max_points=10**6)
    assert abs(in_base(low, pose)[:, 2]).max() < 0.11  # a lower bound was not asked for


def test_ground_is_kept_removed_or_labelled():
    pose = level_pose(HEIGHT)
    sizes = {ground: cloud(room(), pose=pose, ground=ground, max_points=10**6)[0].width
             for ground in ('keep', 'remove', 'label')}
    assert sizes['keep'] == sizes['label'] == 64000 > sizes['remove']
    _, fields = cloud(room(), pose=pose, ground='label', max_points=10**6)
    assert set(np.unique(fields['ground'])) == {0, 1}
    assert (fields['ground'] == 0).sum() == sizes['remove']
    assert (fields['z'][fields['ground'] == 0] > 19).all()  # the wall


def test_the_tolerance_of_ground_grows_with_range():
    pose = level_pose(HEIGHT)
    tilted = level_pose(HEIGHT, math.radians(1.5))  # a road that comes up, or a mount that is off
    _, fixed = cloud(room(), pose=tilted, ground='label', ground_slope=0.0, max_points=10**6)
    _, grown = cloud(room(), pose=tilted, ground='label', ground_slope=0.03, max_points=10**6)
    floor = np.abs(in_base(fixed, pose)[:, 2]) < 0.01
    near = floor & (fixed['z'][0] < 5)
    assert fixed['ground'][0][near].all() and not fixed['ground'][0][floor].all()
    assert grown['ground'][0][floor].all()


def test_a_voxel_holds_one_point_the_nearest_pixel_of_it():
    depth = wall() + np.random.default_rng(2).uniform(-0.05, 0.05, (200, 320)).astype(np.float32)
    _, every = cloud(depth, max_points=10**6)
    _, one = cloud(depth, max_points=10**6, voxel=0.2)

    def cells(fields):
        return np.floor(np.stack([fields[c][0] for c in 'xyz'], 1) / np.float32(0.2)).astype(int)

    nearest = {}
    for cell, z in zip(map(tuple, cells(every)), every['z'][0]):
        nearest[cell] = min(z, nearest.get(cell, math.inf))
    assert dict(zip(map(tuple, cells(one)), one['z'][0])) == nearest
    assert one['z'].size == len(nearest)


def test_voxels_lie_in_the_base_frame_where_its_pose_is_known():
    pose = level_pose(HEIGHT, 0.2)
    _, fields = cloud(room(), pose=pose, voxel=0.25, max_points=10**6)
    cells = np.floor(in_base(fields, pose) / 0.25 + 1e-4).astype(int)
    assert len(np.unique(cells, axis=0)) > 0.97 * len(cells)  # but for rounding at the faces


@pytest.mark.parametrize('bound', [50, 500, 5000])
def test_the_bound_holds_after_everything_and_spreads_what_is_left(bound):
    made, fields = cloud(room(), np.ones((200, 320), np.float32), level_pose(HEIGHT),
                         max_points=bound, voxel=0.01, ground='label', confidence=True,
                         max_height=3.0, edge=PointOptions.edge)
    assert 0.5 * bound < made.width <= bound
    across = np.histogram(fields['x'][0] / fields['z'][0], 4, (-0.66, 0.66))[0]
    assert across.min() > 0.5 * across.max()


def test_an_organised_cloud_keeps_its_grid():
    made, fields = cloud(room(), pose=level_pose(HEIGHT), organized=True, ground='remove',
                         voxel=0.5, edge=PointOptions.edge)
    assert (made.height, made.width) == (200, 320)
    assert 0 < np.isfinite(fields['z']).sum() < 32000
    np.testing.assert_array_equal(np.isnan(fields['x']), np.isnan(fields['z']))


def test_nothing_left_is_an_empty_cloud_with_its_fields():
    made, _ = cloud(wall(np.nan), np.ones((200, 320), np.float32), level_pose(HEIGHT), voxel=0.1,
                    ground='label', confidence=True, edge=PointOptions.edge)
    assert (made.width, made.fields) == (0, ('x', 'y', 'z', 'confidence', 'ground'))


@pytest.mark.parametrize('options, says', [
    ({'ground': 'drop'}, "ground 'drop' is not one of keep, remove, label"),
    ({'min_height': 2.0, 'max_height': 1.0}, 'min_height 2 must not be above max_height 1')])
def test_options_that_say_no_cloud_are_refused(options, says):
    with pytest.raises(CloudError, match=says):
        PointOptions(**options)


@pytest.mark.parametrize('options', [{'min_height': 0.2}, {'max_height': 2.0},
                                     {'ground': 'remove'}, {'ground': 'label'}])
def test_what_takes_a_pose_says_so_where_there_is_none(options):
    assert PointOptions(**options).needs_pose
    with pytest.raises(CloudError, match="the camera's pose in the base frame"):
        cloud(wall(), **options)


@pytest.mark.parametrize('options', [{'min_confidence': 0.2}, {'confidence': True}])
def test_what_takes_a_confidence_says_so_where_there_is_none(options):
    assert PointOptions(**options).needs_confidence
    with pytest.raises(CloudError, match='there is none'):
        cloud(wall(), **options)
    assert not PointOptions().needs_pose and not PointOptions().needs_confidence


# -- found blind by planted faults --

@pytest.mark.parametrize('options', [
    {'min_range': 0.5}, {'min_range': 2.0}, {'max_range': 0.8}, {'max_range': 4.0},
    {'min_height': 0.2}, {'max_height': 1.0}, {'min_height': 0.2, 'max_height': 1.0},
    {'ground': 'remove'}])
def test_bounds_take_points_away_and_bring_none_back(options):
    depth = np.random.default_rng(0).uniform(0.3, 6, (200, 320)).astype(np.float32)
    depth[:, :40] = np.nan
    sure = np.ones((200, 320), np.float32)
    sure[:, 40:80] = 0.1
    common = {'max_points': 10**6, 'min_confidence': 0.5}
    pose = level_pose(HEIGHT)
    _, all_of_them = cloud(depth, sure, pose, **common)
    _, some = cloud(depth, sure, pose, **common, **options)
    x, y, z = (all_of_them[axis][0] for axis in 'xyz')
    assert len(z) == 200 * 240
    distance, up = np.sqrt(x * x + y * y + z * z), in_base(all_of_them, pose)[:, 2]
    kept = np.ones(len(z), bool)
    if 'min_range' in options:
        kept &= distance >= options['min_range']
    if 'max_range' in options:
        kept &= distance <= options['max_range']
    kept &= (up >= options.get('min_height', -100)) & (up <= options.get('max_height', 100))
    if 'ground' in options:
        kept &= abs(up) > PointOptions.ground_tolerance + PointOptions.ground_slope * distance
    assert 0 < kept.sum() < len(z)
    assert abs(len(some['z'][0]) - kept.sum()) <= 3  # of float32 at a bound


def test_a_voxel_far_away_on_either_side_is_one_of_its_own():
    depth = np.full((200, 320), 60.0, np.float32)
    made, fields = cloud(depth, pose=level_pose(HEIGHT), voxel=1.0, max_points=10**6)
    cells = np.floor(in_base(fields, level_pose(HEIGHT)))
    assert len(np.unique(cells, axis=0)) == len(cells)
    assert np.ptp(cells[:, 1]) > 70 and np.ptp(cells[:, 2]) > 40
