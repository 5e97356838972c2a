# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metres from the camera's height: right on flat ground, declined with a reason elsewhere."""
import math

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.scale.ground import Ground
from depth_estimation_ros.scale.tracker import Declined, Reading
import numpy as np
import pytest

CAMERA = PinholeCamera(416, 128, 240.0, 245.0, 210.0, 60.0)
HEIGHT = 1.65


def rays(camera=CAMERA):
    """Return the rays of all pixels, of length 1 along Z: (H, W, 3)."""
    v, u = np.mgrid[:camera.height, :camera.width]
    return np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy,
                     np.ones(u.shape)], -1)


def down(pitch, roll=0.0):
    return np.array([math.sin(roll) * math.cos(pitch), math.cos(roll) * math.cos(pitch),
                     math.sin(pitch)])


def plane(normal, distance, camera=CAMERA):
    """Return the depth (H, W) of what lies `distance` along `normal`, infinite where not seen."""
    toward = rays(camera) @ np.asarray(normal, float)
    return np.where(toward > 1e-6, distance / np.maximum(toward, 1e-6), np.inf)


def wall(z):
    return np.full((CAMERA.height, CAMERA.width), float(z))


def road(pitch=0.0, roll=0.0, camera=CAMERA):
    """Return the depth of flat ground under the sky, metres."""
    depth = plane(down(pitch, roll), HEIGHT, camera)
    return np.where(depth < 200, depth, np.nan).astype(np.float32)


def boxes(depth, count, seed=0):
    """Return `depth` with `count` upright boxes of a car's size standing on the ground."""
    rng = np.random.default_rng(seed)
    ray = rays()
    for _ in range(count):
        z, x = rng.uniform(5, 14), rng.uniform(-4, 4)
        inside = (np.abs(ray[..., 0] * z - x) < 1.0) & (ray[..., 1] * z < HEIGHT) & (
            ray[..., 1] * z > HEIGHT - 1.6)
        depth = np.where(inside & ~(depth < z), z, depth)
    return depth


@pytest.mark.parametrize('factor', [0.3, 1.0, 3.0])
@pytest.mark.parametrize('pitch, roll', [(0.0, 0.0), (0.15, 0.02), (-0.06, -0.03)])
def test_the_factor_of_flat_ground_is_found_though_the_mounting_is_known_to_2_degrees_only(
        factor, pitch, roll):
    ground = Ground(CAMERA, HEIGHT, pitch + math.radians(2), 0.0)
    found = ground.measure(road(pitch, roll) / factor)
    assert found.scale == pytest.approx(factor, rel=0.002)
    assert found.sigma < 0.05 and found.shift == 0


def test_pitch_is_positive_looking_down():
    assert isinstance(Ground(CAMERA, HEIGHT, 0.3).measure(road(0.3)), Reading)
    assert isinstance(Ground(CAMERA, HEIGHT, -0.3).measure(road(0.3)), Declined)


def test_noise_holes_and_cars_beside_the_way_do_not_matter():
    rng = np.random.default_rng(1)
    depth = boxes(road(), 2) * np.exp(rng.normal(0, 0.02, (128, 416)))
    depth[rng.random(depth.shape) < 0.3] = np.nan
    found = Ground(CAMERA, HEIGHT, math.radians(-2)).measure((depth / 0.7).astype(np.float32))
    assert found.scale == pytest.approx(0.7, rel=0.03)
    assert abs(found.scale / 0.7 - 1) < 3 * found.sigma


def test_equal_depth_gives_equal_figures():
    depth = boxes(road(), 3)
    assert Ground(CAMERA, HEIGHT).measure(depth) == Ground(CAMERA, HEIGHT).measure(depth.copy())


def test_the_wall_at_the_end_of_the_road_is_not_taken_for_ground():
    found = Ground(CAMERA, HEIGHT).measure(np.fmin(road(), wall(12.0)) / 2)
    assert found.scale == pytest.approx(2.0, rel=0.01)


def slope(rise, begins):
    """Return the depth of a road that is level up to `begins` metres and then rises."""
    angle = math.atan(rise)
    normal = np.array([0, math.cos(angle), math.sin(angle)])
    up = plane(normal, normal @ [0, HEIGHT, begins])
    level = road().astype(float)
    return np.where(level < begins, level, np.where(up > 0, up, np.nan))


def sides():
    """Return the depth of a lane between two walls that are 1.2 m to the left and right."""
    x = np.abs(rays()[..., 0])
    return np.fmin(road(), 1.2 / np.maximum(x, 1e-6))


def two_levels(step):
    """Return the depth of a road with ground to the left that is `step` metres higher."""
    high = np.minimum(plane(down(0), HEIGHT - step), 1e6)
    return np.where(rays()[..., 0] * high < -0.3, high, road())


@pytest.mark.parametrize('depth, why', [
    (wall(4.0), 'turned by 90 degrees'),
    (np.fmin(road(), wall(5.5)), 'turned by 90 degrees'),
    (boxes(road(), 25), 'walls, vehicles or people cover it'),
    (slope(0.12, 8.0), 'a slope begins or ends'),
    (slope(0.05, 8.0), 'uneven'),
    (slope(-0.12, 8.0), 'lie below the plane'),
    (two_levels(0.3), 'uneven'),
    (two_levels(0.6), 'one side only'),
    (np.where(rays()[..., 0] < 0, np.nan, road()), 'one side only'),
    (road(0.5), 'turned by 29 degrees'),
    (road(-0.4), 'too little depth'),
    (np.full((128, 416), np.nan), 'too little depth'),
    (-road(), 'too little depth'),
], ids=['wall', 'near wall', 'crowd', 'ramp', 'slope', 'dip', 'kerb', 'two levels', 'half',
        'tipped forward', 'tipped back', 'nothing', 'negative'])
def test_it_declines_where_the_ground_is_not_to_be_trusted_and_says_why(depth, why):
    found = Ground(CAMERA, HEIGHT).measure(depth.astype(np.float32))
    assert isinstance(found, Declined), found
    assert why in found.reason
    assert not found.reason.endswith('.')


def test_a_slope_that_begins_before_the_view_does_is_not_told_apart_but_less_sure():
    ground = Ground(CAMERA, HEIGHT)
    found = ground.measure(slope(0.05, 4.0).astype(np.float32))
    assert isinstance(found, Reading)
    assert found.sigma > 2 * ground.measure(road()).sigma
    assert abs(found.scale - 1) < 3 * found.sigma
    assert isinstance(ground.measure(slope(0.1, 4.0).astype(np.float32)), Declined)


def test_random_depth_is_declined():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        depth = np.exp(rng.normal(1, 0.5, (128, 416))).astype(np.float32)
        assert isinstance(Ground(CAMERA, HEIGHT).measure(depth), Declined)


def test_a_narrow_lane_is_right_or_declined():
    found = Ground(CAMERA, HEIGHT).measure(sides())
    assert isinstance(found, Declined) or found.scale == pytest.approx(1, rel=0.05)


def test_a_camera_that_looks_at_the_sky_declines():
    found = Ground(CAMERA, HEIGHT, pitch=-0.8).measure(road())
    assert isinstance(found, Declined) and 'camera_pitch' in found.reason


# -- found blind by planted faults --

def test_flat_ground_is_as_sure_as_it_gets_and_noise_and_bends_cost():
    flat = Ground(CAMERA, HEIGHT).measure(road())
    assert flat.sigma == pytest.approx(0.01, abs=0.001)
    rng = np.random.default_rng(0)
    noisy = Ground(CAMERA, HEIGHT).measure(road() * np.exp(rng.normal(0, 0.02, (128, 416))))
    assert noisy.sigma == pytest.approx(math.hypot(0.01, 2 * 0.02), rel=0.15)
    steeper = Ground(CAMERA, HEIGHT, math.radians(-3)).measure(road())
    assert steeper.sigma > 0.02


@pytest.mark.parametrize('side', [-1, 1])
def test_ground_to_one_side_only_is_declined(side):
    depth = road()
    sideways = rays()[..., 0] * depth * side
    depth[~(sideways > -0.5)] = np.nan
    found = Ground(CAMERA, HEIGHT).measure(depth)
    assert isinstance(found, Declined)
    wide = road()
    wide[~(rays()[..., 0] * wide * side > -1.2)] = np.nan
    assert isinstance(Ground(CAMERA, HEIGHT).measure(wide), Reading)


def test_a_short_piece_of_ground_is_declined():
    depth = road()
    depth[~((depth > 8.0) & (depth < 10.5))] = np.nan
    assert isinstance(Ground(CAMERA, HEIGHT).measure(depth), Declined)
    depth = road()
    depth[~((depth > 6.0) & (depth < 14.0))] = np.nan
    assert isinstance(Ground(CAMERA, HEIGHT).measure(depth), Reading)


@pytest.mark.parametrize('bend', [-0.3, 0.3])
def test_ground_that_bends_up_or_down_is_declined(bend):
    depth = road()
    toward = rays() @ down(0.0)
    depth = np.where(depth > 9.0, depth * (1 + bend * np.clip(depth / 9 - 1, 0, 1)), depth)
    assert toward.shape == depth.shape
    found = Ground(CAMERA, HEIGHT).measure(depth.astype(np.float32))
    assert isinstance(found, Declined)


def test_the_unit_of_the_depth_is_no_matter():
    for factor in (1e-3, 1.0, 1e3):
        found = Ground(CAMERA, HEIGHT).measure(road() / factor)
        assert found.scale == pytest.approx(factor, rel=0.002)
