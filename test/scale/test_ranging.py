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


# -- what the camera sees of the points; found blind by planted faults --

GRID = PinholeCamera(450, 240, 300.0, 310.0, 220.0, 115.0)  # hides over 3 columns and 2 rows


def point_at(u, v, z):
    """Return the point that is seen at a pixel."""
    return [(u - GRID.cx) / GRID.fx * z, (v - GRID.cy) / GRID.fy * z, z]


def seen(*points):
    """Return what is seen of points, as (u, v, z)."""
    z, pixels = ranging._visible(np.array(points, np.float64), GRID)
    return [(*pixel, pytest.approx(depth)) for pixel, depth in zip(pixels.tolist(), z)]


@pytest.mark.parametrize('u, v, pixel', [
    (-0.4, 100, (0, 100)), (449.4, 100, (449, 100)), (100, -0.4, (100, 0)),
    (100, 239.4, (100, 239)), (-0.6, 100, None), (449.6, 100, None), (100, -0.6, None),
    (100, 239.6, None)])
def test_a_point_is_in_the_picture_to_the_edge_of_its_last_pixel(u, v, pixel):
    assert seen(point_at(u, v, 5.0)) == ([(*pixel, 5.0)] if pixel else [])


def test_points_behind_the_camera_or_that_are_none_are_not_seen():
    good = point_at(100, 100, 0.5)
    bad = [[0, 0, -5], [0, 0, 0], [0, 0, 5e-4], [np.nan, 0, 5], [0, np.inf, 5], [0, 0, np.nan]]
    assert seen(*bad, good) == [(100, 100, 0.5)]
    assert seen(*bad) == []


@pytest.mark.parametrize('du, dv, hidden', [
    (0, 0, True), (3, 0, True), (-3, 0, True), (4, 0, False), (-4, 0, False), (0, 2, True),
    (0, -2, True), (0, 3, False), (0, -3, False), (3, 2, True), (4, 2, False), (3, 3, False)])
@pytest.mark.parametrize('turn', [1, -1])
def test_a_nearer_point_hides_those_a_few_pixels_beside_it(du, dv, hidden, turn):
    near, far = point_at(200, 60, 5.0), point_at(200 + du, 60 + dv, 6.0)
    found = seen(*[near, far][::turn])
    assert (200, 60, 5.0) in found and ((200 + du, 60 + dv, 6.0) in found) is not hidden
    assert len(found) == (1 if hidden else 2)
    slope = point_at(200 + du, 60 + dv, 5.7)  # no more than a seventh behind it
    assert len(seen(*[near, slope][::turn])) == 2


@pytest.mark.parametrize('relative', [False, True])
def test_a_cone_takes_the_nearest_tenth_of_its_square_and_at_edges_of_what_is_there(relative):
    depth = np.random.default_rng(0).uniform(1, 9, (24, 32))
    depth[5:8, 5:9] = np.nan
    pixels = np.array([[0, 0], [31, 0], [0, 23], [31, 23], [16, 12], [6, 6], [1, 12], [16, 1]])
    for radius, reach in ((0.0, 1), (0.6, 1), (2.4, 2), (6.0, 6)):
        found = ranging._nearest(depth, pixels, radius, relative)
        for (u, v), value in zip(pixels, found):
            inside = [depth[row, column] for row in range(24) for column in range(32)
                      if abs(row - v) <= reach and abs(column - u) <= reach]
            inside = [x for x in inside if np.isfinite(x)]
            assert value == pytest.approx(np.quantile(
                inside, 0.9 if relative else 0.1) if inside else np.nan, nan_ok=True)
    assert np.isnan(ranging._nearest(np.full((4, 4), np.nan), pixels[:1], 1.0, relative)).all()


@pytest.mark.parametrize('spread, believed', [(0.40, True), (0.62, False)])
def test_points_that_scatter_by_more_than_half_are_not_believed(spread, believed):
    depth = np.tile(np.geomspace(3, 60, 416), (128, 1)).astype(np.float32)
    points = beams(depth)
    points = points * np.exp(np.random.default_rng(3).normal(0, spread, (len(points), 1)))
    found = ranging.measure(points, depth, CAMERA)
    assert isinstance(found, Reading) is believed
    assert believed or 'differ by 6' in str(found)


@pytest.mark.parametrize('columns, rows', [((100,), (60,)), ((20, 100, 200, 400), (60,)),
                                           ((100,), (4, 60, 124)), ((20, 400), (4, 124))])
def test_points_of_one_sixteenth_of_the_picture_are_wrong_together(columns, rows):
    points = beams(street(), rows, columns)
    many = np.repeat(points, 9, 0)
    for given in (points, many):
        found = ranging.measure(given, street() / 200, CAMERA)  # in a unit of 200 m
        blocks = len(columns) * len(rows)
        assert found.scale == pytest.approx(200, rel=1e-4)
        assert found.sigma == pytest.approx(math.hypot(
            0.01, math.sqrt(3 * 0.12 ** 2 / (3 + blocks) / blocks)), rel=1e-3)


def test_what_scatters_is_less_sure_by_its_spread():
    points = beams(street())
    for spread in (0.1, 0.3):
        found = ranging.measure(points * np.exp(np.random.default_rng(0).normal(
            0, spread, (len(points), 1))), street(), CAMERA)
        blocks = len({(int(u // 26), int(v // 8)) for v in range(20, 128, 9)
                      for u in range(3, 416, 5)})
        variance = (3 * 0.12 ** 2 + blocks * spread ** 2) / (3 + blocks)
        assert found.sigma == pytest.approx(
            math.hypot(0.01, math.sqrt(variance / blocks)), rel=0.15)
