# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metres from range points: one factor, or scale and shift; hidden and wrong points left out."""
import math

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.scale import ranging
from depth_estimation_ros.scale.tracker import Declined, Reading
import numpy as np
import pytest

CAMERA = PinholeCamera(416, 128, 240.0, 245.0, 210.0, 60.0)
HEIGHT = 1.65


def street():
    """Return depth (H, W) of a road, a wall at 25 m and a box at 6 m to the left, metres."""
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    y = (v - CAMERA.cy) / CAMERA.fy
    depth = np.where(y > HEIGHT / 25, HEIGHT / np.maximum(y, 1e-6), 25.0)
    box = (u > 60) & (u < 140) & (v > 45) & (v < 118)
    return np.where(box, np.minimum(depth, 6.0), depth).astype(np.float32)


def beams(depth, rows=range(20, 128, 9), columns=range(3, 416, 5), above=0.0):
    """Return what a LiDAR at the camera measures of `depth`, points (N, 3)."""
    v, u = (part.ravel() for part in np.meshgrid(rows, columns, indexing='ij'))
    z = depth[v, u]
    return np.stack([(u - CAMERA.cx) / CAMERA.fx * z, (v - CAMERA.cy) / CAMERA.fy * z, z], 1)


ROOM = beams(4 + 3 * np.random.default_rng(1).random((128, 416)))  # 4 to 7 m


@pytest.mark.parametrize('factor', [0.3, 1.0, 3.0])
def test_points_of_a_lidar_give_the_factor(factor):
    found = ranging.measure(beams(street()), street() / factor, CAMERA)
    assert found.scale == pytest.approx(factor, rel=1e-5)
    assert found.sigma < 0.03 and found.shift == 0


def test_noise_and_a_third_of_wrong_points_do_not_matter():
    rng = np.random.default_rng(0)
    points = beams(street()) * np.exp(rng.normal(0, 0.01, (996, 1)))
    points[rng.random(len(points)) < 0.33] *= 3
    found = ranging.measure(points, street() * np.exp(rng.normal(0, 0.05, (128, 416))), CAMERA)
    assert found.scale == pytest.approx(1, rel=0.05)


def test_what_the_camera_cannot_see_past_a_box_does_not_count():
    depth = street()
    behind = np.stack([(np.arange(65, 135, 2) - CAMERA.cx) / CAMERA.fx * 25,
                       np.full(35, 0.3), np.full(35, 25.0)], 1)
    behind = np.concatenate([behind + [0, 0.02 * k, 0] for k in range(40)])
    front = beams(depth, rows=range(40, 120), columns=range(61, 140, 2))
    found = ranging.measure(np.concatenate([front, behind]), depth, CAMERA)
    assert found.scale == pytest.approx(1, rel=1e-3)
    alone = ranging.measure(behind, depth, CAMERA)  # nothing tells that they are hidden
    assert alone.scale == pytest.approx(25 / 6, rel=0.05)


def test_dense_points_of_a_road_do_not_hide_the_road():
    depth = street()
    z, _ = ranging._visible(beams(depth, rows=range(70, 128, 1), columns=range(200, 400)),
                            CAMERA)
    assert len(z) > 0.95 * 58 * 200


def test_one_reading_will_do_with_the_uncertainty_that_it_deserves():
    depth = street()
    one = ranging.measure(np.array([[0.0, 0.0, 25.0]]), depth / 2, CAMERA)
    many = ranging.measure(beams(depth), depth / 2, CAMERA)
    assert one.scale == pytest.approx(2)
    assert 0.08 < one.sigma < 0.2 and many.sigma < one.sigma / 3


def test_a_cone_sees_the_nearest_thing_in_it_not_what_is_on_its_axis():
    depth = street()
    u = 145  # the box ends at 140
    x = (u - CAMERA.cx) / CAMERA.fx
    points = np.array([[x, 0.0, 1.0]]) * 6.0
    found = ranging.measure(points, depth / 2, CAMERA, cone=math.radians(8))
    assert found.scale == pytest.approx(2, rel=1e-3)
    assert ranging.measure(points, depth / 2, CAMERA).scale == pytest.approx(2 * 6 / 25, rel=1e-3)
    found = ranging.measure(points, 5 / depth, CAMERA, relative=True, cone=0.1)
    assert isinstance(found, Declined) and 'too few' in found.reason


@pytest.mark.parametrize('scale, shift', [(2.0, 0.0), (0.5, 0.03), (40.0, -0.01)])
def test_scale_and_shift_of_inverse_depth_are_found(scale, shift):
    depth = street()
    values = (1 / depth - shift) * scale
    points = beams(depth)
    points[::7] *= 2.5
    found = ranging.measure(points, values, CAMERA, relative=True)
    assert found.scale == pytest.approx(scale, rel=0.01)
    assert found.shift == pytest.approx(shift, abs=0.0005)
    np.testing.assert_allclose(1 / (values / found.scale + found.shift), depth, rtol=0.02)


@pytest.mark.parametrize('points, depth, relative, why', [
    (np.zeros((0, 3)), street(), False, 'no point'),
    ([[0, 0, -5.0], [50.0, 0, 5.0], [np.nan, 0, 5.0]], street(), False, 'no point'),
    ([[0, 0, 5.0]], np.full((128, 416), np.nan), False, 'no depth where'),
    ([[0, 0, 5.0]], -street(), False, 'no depth where'),
    (beams(street()), np.exp(np.random.default_rng(0).normal(2, 0.8, (128, 416))), False,
     'differ by'),
    (beams(street(), rows=[70], columns=range(0, 57, 3)), street(), True, 'too few'),
    (beams(np.full((128, 416), 8.0)), street(), True, 'about 8.0 to 8.0 m'),
    (beams(street()), street(), True, 'says is far'),
    (ROOM, np.full((128, 416), 5.0), True, 'm the depth goes only from'),
    (ROOM, np.random.default_rng(0).normal(5, 1, (128, 416)), True, 'm the depth goes only from'),
], ids=['empty', 'outside', 'no depth', 'negative', 'disagree', 'few', 'one distance',
        'upside down', 'constant', 'noise'])
def test_it_declines_with_a_reason(points, depth, relative, why):
    found = ranging.measure(points, depth, CAMERA, relative)
    assert isinstance(found, Declined), found
    assert why in found.reason and not found.reason.endswith('.')


def test_holes_in_the_depth_are_passed_over():
    depth = street()
    holed = np.where(np.arange(416) % 3 == 0, np.nan, depth)
    assert isinstance(ranging.measure(beams(depth), holed, CAMERA), Reading)


def test_fields_after_x_y_z_are_no_matter():
    points = np.concatenate([beams(street()), np.ones((996, 1))], 1).astype(np.float32)
    assert ranging.measure(points, street(), CAMERA).scale == pytest.approx(1, rel=1e-4)
