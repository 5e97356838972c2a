# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to points to bytes."""
from depth_estimation_ros.cloud.points import Picture, PointGrid, PointOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(31, 20, 25.0, 26.0, 14.3, 9.1)
CPU = torch.device('cpu')


def depth_map(seed=0):
    """Return depth of 1 to 50 m with some invalid and out-of-range pixels."""
    random = np.random.default_rng(seed)
    depth = random.uniform(1, 50, (20, 31)).astype(np.float32)
    depth[2, 3], depth[4, 5], depth[6, 7] = np.nan, np.inf, -np.inf
    return depth


def cloud(depth, picture=None, **options):
    """Return the cloud and its x, y, z."""
    made = PointGrid(CAMERA, PointOptions(**options), CPU).cloud(torch.from_numpy(depth), picture)
    return made, made.data[..., :3].copy().view(np.float32)


def test_an_organised_cloud_is_the_depth_image_back_projected():
    depth = depth_map()
    made, xyz = cloud(depth, organized=True)
    assert (made.height, made.width, made.is_dense) == (20, 31, False)
    v, u = np.mgrid[:20, :31]
    valid = np.isfinite(depth)
    assert np.isnan(xyz[~valid]).all()
    expected = np.stack([(u - 14.3) * depth / 25, (v - 9.1) * depth / 26, depth], -1)
    np.testing.assert_allclose(xyz[valid], expected[valid], rtol=1e-5, atol=1e-5)


def test_an_unorganised_cloud_holds_the_valid_points_only():
    depth = depth_map()
    made, xyz = cloud(depth)
    assert (made.height, made.width, made.is_dense) == (1, np.isfinite(depth).sum(), True)
    np.testing.assert_array_equal(xyz[0, :, 2], depth[np.isfinite(depth)])


def test_stride_takes_every_nth_row_and_column():
    depth = depth_map()
    made, xyz = cloud(depth, organized=True, stride=3)
    assert (made.height, made.width) == (7, 11)
    np.testing.assert_array_equal(xyz[..., 2][np.isfinite(depth[::3, ::3])],
                                  depth[::3, ::3][np.isfinite(depth[::3, ::3])])


@pytest.mark.parametrize('bound', [1, 7, 100, 300, 619, 620, 5000])
def test_max_points_bounds_an_unorganised_cloud_and_uses_the_bound(bound):
    full = np.full((20, 31), 5.0, np.float32)
    made, xyz = cloud(full, max_points=bound)
    assert made.width <= bound
    assert made.width >= 0.85 * min(bound, 620)
    assert np.ptp(xyz[0, :, 0]) > 0.6 * 31 / 25 * 5 or bound < 10  # spread over the picture


def test_a_bound_that_is_less_than_the_rows_holds_too():
    camera = PinholeCamera(2, 1000, 200.0, 200.0, 0.5, 499.5)
    made = PointGrid(camera, PointOptions(max_points=20), CPU).cloud(torch.ones(1000, 2), None)
    assert 0 < made.width <= 20


def test_range_is_measured_along_the_ray():
    full = np.full((20, 31), 5.0, np.float32)
    _, xyz = cloud(full, min_range=5.2, max_range=5.6)
    distance = np.linalg.norm(xyz[0], axis=1)
    assert 0 < len(distance) < 620
    assert distance.min() >= 5.2 and distance.max() <= 5.6


@pytest.mark.parametrize('channels, rgb', [(3, (0, 1, 2)), (3, (2, 1, 0)), (4, (2, 1, 0)),
                                           (1, (0, 0, 0))])
def test_colours_are_packed_as_0x00rrggbb(channels, rgb):
    planes = torch.randint(0, 256, (channels, 20, 31), dtype=torch.uint8)
    made, _ = cloud(np.full((20, 31), 5.0, np.float32), Picture(planes, rgb), organized=True)
    assert made.fields == ('x', 'y', 'z', 'rgb')
    red, green, blue = (planes[i].numpy().astype(np.int64) for i in rgb)
    np.testing.assert_array_equal(made.data[..., 3], red << 16 | green << 8 | blue)


def test_no_valid_depth_is_an_empty_cloud():
    made, _ = cloud(np.full((20, 31), np.nan, np.float32))
    assert (made.height, made.width, made.data.nbytes) == (1, 0, 0)
