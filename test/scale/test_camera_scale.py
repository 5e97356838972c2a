# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scale of one camera: which sources it takes, and what each model allows."""
import math
import re
from types import SimpleNamespace

from depth_estimation_ros.cloud.poses import pose_from, quarter_turns, quarters_to_upright
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request, Unscaled
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
from depth_estimation_ros.models.metres import ScaleError
from depth_estimation_ros.scale.camera_scale import (
    CameraScale, MOST_WAITING, Ranges, ScaleSettings)
from depth_estimation_ros.scale.tracker import Declined, Reading
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(416, 128, 240.0, 245.0, 210.0, 60.0)
OPEN = ScaleContract(ScaleKind.UP_TO_SCALE, None, 'made so')
RELATIVE = ScaleContract(ScaleKind.RELATIVE_INVERSE, None, 'made so')
HEIGHT, PITCH, ROLL = 1.4, 0.2, 0.05
NONE_IN_VIEW = Ranges(np.array([[0.0, 0.0, -5.0]]), 0.0)
WALL = Unscaled(CAMERA, np.full((128, 416), 5.0, np.float32))
TWICE = Ranges(np.array([[0.0, 0.0, 10.0]]), 0.0)  # as far as WALL


def tilted_ground():
    """Return depth (H, W) of the ground under a tilted camera, metres, NaN above the horizon."""
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy,
                     np.ones(u.shape)], -1)
    down = np.array([math.sin(ROLL) * math.cos(PITCH), math.cos(ROLL) * math.cos(PITCH),
                     math.sin(PITCH)])
    toward = rays @ down
    return np.where(toward > 0.02, HEIGHT / np.maximum(toward, 1e-6), np.nan).astype(np.float32)


def sentence(scale, stamp):
    """Return the first sentence on the scale for a picture."""
    scale.at(stamp)
    return scale.sentences[0]


def test_tf_gives_height_pitch_and_roll_of_a_camera_over_its_ground_frame():
    # The body of the camera in base_footprint, then its optical frame in its body (REP 103).
    body = pose_from([0.3, 0.1, HEIGHT, ROLL, PITCH, 0.4])
    optical = pose_from([0, 0, 0, -math.pi / 2, 0, -math.pi / 2])
    pose = body._replace(rotation=body.rotation @ optical.rotation)
    scale = CameraScale(OPEN, ScaleSettings(ground_frame='base_footprint'))
    assert scale.at(1.0) == (None, False)
    scale.learn(1.0, Unscaled(CAMERA, tilted_ground() / 2.5), pose)
    found, trusted = scale.at(1.1)
    assert trusted and found.metres_per_unit == pytest.approx(2.5, rel=0.01)
    assert found.source == 'the ground (ground_frame base_footprint)'
    below = body._replace(translation=np.array([0, 0, -1.0]))
    scale.learn(1.1, Unscaled(CAMERA, tilted_ground()), below)
    assert 'it is not the ground' in sentence(scale, 1.2)
    scale.learn(1.2, Unscaled(CAMERA, tilted_ground()), Declined('tf has no transform'))
    assert sentence(scale, 1.3).endswith('gives no scale for 0.3 s: tf has no transform.')


@pytest.mark.parametrize('contract, settings, why', [
    (RELATIVE, {'height': 1.65}, 'take camera_height away and give a range_topic'),
    (RELATIVE, {'ground_frame': 'base_footprint'}, 'take ground_frame away'),
    (RELATIVE, {}, 'set depth_scale and depth_shift, .*, give the node a range_topic'),
    (OPEN, {'ground_frame': 'base_footprint', 'height': 1.65}, 'take one of them away'),
    (OPEN, {'depth_scale': 2.0, 'depth_shift': 0.1}, 'set depth_shift to 0'),
    (RELATIVE, {'depth_shift': 0.1, 'range_topic': '/velo'}, 'depth_shift = 0.1 needs depth_sca'),
    (OPEN, {}, 'give the node a camera_height or a range_topic')])
def test_what_can_be_no_scale_says_what_to_change(contract, settings, why):
    with pytest.raises(ScaleError, match=why):
        CameraScale(contract, ScaleSettings(**settings))


class Told(torch.nn.Module):
    """Values = red: relative inverse depth."""

    def forward(self, rgb):
        """Return the red channel."""
        return rgb[:, :1].clone(), None


def relative_estimator():
    """Return an estimator of relative inverse depth, whose values are the picture's red."""
    return DepthEstimator(Network(
        name='red', module=Told(), input_width=CAMERA.width, input_height=CAMERA.height,
        inverse=True, contract=RELATIVE, training_camera=None, description='red', multiple=1),
        'cpu', 'fp32')


def test_relative_inverse_depth_becomes_metres_by_a_range_sensor():
    rng = np.random.default_rng(0)
    red = np.repeat(np.repeat(rng.integers(0, 256, (8, 26)), 16, 0), 16, 1).astype(np.uint8)
    rgb = np.stack([red, red, red], -1)
    slope, shift = 0.5, -0.02  # 1 / Z = slope value + shift; red 0 lies beyond infinity
    inverse = slope * red / 255 + shift
    with np.errstate(divide='ignore'):
        truth = np.where(inverse > 0, 1 / inverse, np.inf)
    estimator = relative_estimator()
    scale = CameraScale(RELATIVE, ScaleSettings(range_topic='/lidar'))
    wanted = DepthOptions(metres_per_unit=1.0, min_depth=1e-3, max_depth=1e4)
    [seen] = estimator.estimate_all([Request(rgb, CAMERA, wanted, (), True)])
    v, u = (part.ravel() for part in np.mgrid[8:128:16, 8:416:16])
    v, u = v[np.isfinite(truth[v, u])], u[np.isfinite(truth[v, u])]
    z = truth[v, u]
    points = np.stack([(u - CAMERA.cx) / CAMERA.fx * z, (v - CAMERA.cy) / CAMERA.fy * z, z], 1)
    scale.learn(1.0, seen.unscaled, None, lambda: Ranges(points[z < 60], 0.0))
    found, trusted = scale.at(1.1)
    assert trusted and found.metres_per_unit == pytest.approx(1 / slope, rel=0.01)
    assert found.shift == pytest.approx(shift, abs=1e-3)
    assert scale.values()['scale shift (1/m)'].startswith('-0.02')
    [estimate] = estimator.estimate([(rgb, CAMERA)], DepthOptions(
        metres_per_unit=1 / slope, shift=shift, min_depth=1e-3, max_depth=1e4), {'depth'})
    np.testing.assert_allclose(estimate.depth, truth, rtol=1e-4)
    assert np.isposinf(estimate.depth[inverse <= 0]).all() and (inverse <= 0).any()


def test_depth_scale_and_depth_shift_are_the_two_numbers_of_relative_inverse_depth():
    scale = CameraScale(RELATIVE, ScaleSettings(depth_scale=0.5, depth_shift=-0.02))
    found, trusted = scale.at(1.0)
    assert (found.metres_per_unit, found.shift, trusted) == (2.0, -0.02, True)
    assert 'depth_scale = 0.5 and depth_shift = -0.02' in str(scale)


def test_wrong_extrinsics_hold_the_last_scale_then_it_is_stale():
    scale = CameraScale(OPEN, ScaleSettings(range_topic='/lidar', hold=2.0))
    scale.learn(1.0, WALL, None, lambda: TWICE)
    for tenth in range(11, 40):
        stamp = tenth / 10
        found, trusted = scale.at(stamp)
        assert found.metres_per_unit == pytest.approx(2.0)  # also when it is stale
        assert trusted is (stamp <= 3.0)
        scale.learn(stamp, WALL, None, lambda: NONE_IN_VIEW)
    stale, why = scale.sentences
    assert 'stale' in stale
    assert why.startswith('The range sensor on /lidar (range_topic) gives no scale for 2.9 s: no '
                          'point')
    assert scale.values()['scale age (s)'] == '2.9'


class MockLidar:
    """A range sensor, late by 0.12 s, that sees everything twice as far as the network."""

    def __init__(self):
        self.now = 0.0
        self.runs = True

    def at(self, stamp):
        """Return what answers for the picture of `stamp`."""
        def measured():
            if self.runs and self.now - stamp >= 0.12:
                return TWICE
            return Declined('its message is late', for_now=True)

        return measured


def test_a_measurement_that_comes_after_its_picture_is_waited_for():
    scale, lidar = CameraScale(OPEN, ScaleSettings(range_topic='/lidar', hold=2.0)), MockLidar()
    trusted = []
    for number in range(12):
        lidar.now = 1.0 + number / 20
        trusted.append(scale.at(lidar.now)[1])
        assert not scale.sentences
        scale.learn(lidar.now, WALL, None, lidar.at(lidar.now))
    assert trusted == [False] * 4 + [True] * 8
    lidar.runs = False
    for number in range(12, 80):
        lidar.now = 1.0 + number / 20
        scale.at(lidar.now)
        # Bounded, and said when the first has waited in vain.
        assert bool(scale.sentences) is (lidar.now > 1.96) and len(scale._waiting) <= 11
        scale.learn(lidar.now, WALL, None, lidar.at(lidar.now))
    assert scale.sentences[-1].endswith('its message is late.')
    scale.forget_pictures()
    lidar.runs = True
    lidar.now += 0.05
    scale.learn(lidar.now, WALL, None, lidar.at(lidar.now))
    assert not scale.at(lidar.now + 0.01)[1]  # of none of the pictures before


def test_not_too_many_pictures_wait_and_the_ground_does_not_wait_with_them():
    scale = CameraScale(OPEN, ScaleSettings(range_topic='/lidar', height=HEIGHT))
    scale._look_down = lambda unscaled, pose: Reading(3.0, 0.01)
    for number in range(40):
        stamp = 1.0 + number / 100
        scale.learn(stamp, WALL, None, lambda: Declined('late', for_now=True))
        assert scale.at(stamp + 0.001)[0].metres_per_unit == 3.0
    assert len(scale._waiting) == MOST_WAITING
    assert any(sentence.endswith('late.') for sentence in scale.sentences)


METRIC = ScaleContract(ScaleKind.METRIC_FROM_INTRINSICS, 1.0, 'made so')


@pytest.mark.parametrize(('settings', 'factor', 'words'), [
    ({}, 1.2, None),  # networks are often that far off
    ({}, 1.8, "all is 1.80 times as far .* as by the network's own metres"),
    ({}, 0.5, 'all is 0.50 times as far'),
    ({'depth_scale': 2.0}, 1.8, None),
    ({'depth_scale': 0.9}, 1.8, 'all is 2.00 times as far .* as by depth_scale')])
def test_a_source_that_contradicts_the_networks_own_metres_is_said(settings, factor, words):
    scale = CameraScale(METRIC, ScaleSettings(height=HEIGHT, pitch=PITCH, **settings))
    level = tilted_ground() / factor
    scale._ground = SimpleNamespace(measure=lambda *_: Reading(factor, 0.02))
    for stamp in range(1, 4):
        scale.at(float(stamp))
        scale.learn(float(stamp), Unscaled(CAMERA, level))
    found, trusted = scale.at(4.0)
    assert trusted and found.metres_per_unit == pytest.approx(factor, rel=0.01)
    assert len(scale.sentences) == (words is not None)
    if words:
        assert re.search(f'^By the ground .camera_height 1.4 m. {words}', scale.sentences[0])
        assert 'intrinsics' in scale.sentences[0] and 'scene' in scale.sentences[0]


def test_a_source_that_is_not_sure_contradicts_nothing():
    scale = CameraScale(METRIC, ScaleSettings(height=HEIGHT))
    scale._ground = SimpleNamespace(measure=lambda *_: Reading(1.8, 0.25))
    scale.learn(1.0, WALL)
    assert scale.at(2.0)[1] and not scale.sentences


def test_an_unsure_scale_makes_depth_but_no_points():
    scale = CameraScale(OPEN, ScaleSettings(range_topic='/lidar'))
    scale.learn(1.0, WALL, None, lambda: TWICE)
    assert scale.at(1.1)[1]
    scale.learn(5.9, WALL, None, lambda: Ranges(TWICE.points / 3, 0.0))
    found, trusted = scale.at(6.0)
    assert 0.9 < found.metres_per_unit / 2.0 < 1.0 and not trusted
    assert scale.values()['scale state'] == 'unsure' and 'too unsure' in scale.sentences[0]


def test_what_is_found_outlives_a_change_of_settings_but_not_of_sources():
    before = CameraScale(OPEN, ScaleSettings(range_topic='/lidar', hold=2.0))
    before.learn(1.0, WALL, None, lambda: TWICE)
    found, _ = before.at(1.1)
    after = CameraScale(OPEN, ScaleSettings(
        range_topic='/lidar', hold=1.0, depth_scale=7.0, pitch=0.1))
    after.follow(before)
    assert after.values() == before.values()
    assert after.at(1.9) == (found, True) and after.at(2.1) == (found, False)
    longer = CameraScale(OPEN, ScaleSettings(range_topic='/lidar', hold=9.0))
    longer.follow(after)
    assert longer.at(8.0) == (found, True)
    for other in ({'range_topic': '/other'}, {'range_topic': '/lidar', 'height': HEIGHT}):
        scale = CameraScale(OPEN, ScaleSettings(**other))
        scale.follow(before)
        assert scale.at(1.2) == (None, False) and scale.values()['scale state'] == 'not found yet'
    fixed = CameraScale(OPEN, ScaleSettings(depth_scale=3.0))
    fixed.follow(before)
    assert fixed.at(1.2)[0].metres_per_unit == 3.0


@pytest.mark.parametrize('stamp', [0.0, 1.7e9])
def test_stamps_that_stand_still_are_said_where_a_scale_is_learned(stamp):
    scale = CameraScale(OPEN, ScaleSettings(range_topic='/lidar'))
    for _ in range(4):
        scale.at(stamp)
        scale.learn(stamp, WALL, None, lambda: TWICE)
        assert not scale.sentences
    assert sentence(scale, stamp).startswith('The stamps of the pictures stand still at')
    assert scale.at(stamp + 0.1)[1] and not scale.sentences
    fixed = CameraScale(OPEN, ScaleSettings(depth_scale=1.0))
    assert [fixed.at(stamp)[1] for _ in range(9)] == [True] * 9 and not fixed.sentences


def test_a_scale_that_is_learned_is_not_fixed_before_the_first_picture():
    states = [CameraScale(OPEN, settings).values()['scale state'] for settings in (
        ScaleSettings(range_topic='/lidar', depth_scale=2.0), ScaleSettings(depth_scale=2.0))]
    assert states == ['not found yet', 'fixed']


@pytest.mark.parametrize('quarters', [1, 2, 3])
def test_the_ground_is_found_in_pictures_that_hang_otherwise(quarters):
    """By camera_height and by tf, of a camera that is turned anticlockwise about its axis."""
    hung = Unscaled(CAMERA.turned(-quarters), np.rot90(tilted_ground(), quarters) / 2.5)
    body = pose_from([0.3, 0.1, HEIGHT, ROLL, PITCH, 0.4])
    optical = pose_from([0, 0, 0, -math.pi / 2, 0, -math.pi / 2])
    pose = body._replace(
        rotation=body.rotation @ optical.rotation @ quarter_turns(quarters))
    assert quarters_to_upright(pose.rotation) == quarters
    for settings, mounting in (({'ground_frame': 'base_footprint'}, pose),
                               ({'height': HEIGHT, 'pitch': PITCH}, None)):
        scale = CameraScale(OPEN, ScaleSettings(**settings, rotation=90 * quarters))
        scale.learn(1.0, hung, mounting)
        found, trusted = scale.at(1.1)
        assert trusted and found.metres_per_unit == pytest.approx(2.5, rel=0.01)
        blind = CameraScale(OPEN, ScaleSettings(**settings))
        if mounting is None:
            blind.learn(1.0, hung, mounting)
            assert blind.at(1.1) == (None, False)


def test_which_way_is_up_is_said_of_no_camera_that_is_nearly_right_or_looks_down():
    optical = pose_from([0, 0, 0, -math.pi / 2, 0, -math.pi / 2]).rotation
    for roll, right in ((0, 0), (50, 0), (-50, 0), (70, 1), (-70, 3), (170, 2)):
        body = pose_from([0, 0, 0, math.radians(roll), 0.3, 1.0]).rotation
        assert quarters_to_upright(body @ optical) == right
        assert quarters_to_upright(body @ optical, right) == right
    down = pose_from([0, 0, 0, 0, math.radians(80), 0]).rotation
    assert [quarters_to_upright(down @ optical, quarters) for quarters in range(4)] == [0, 1, 2, 3]


# -- found blind by planted faults --

def test_a_low_robot_finds_its_scale_by_its_height_and_by_tf():
    low = 0.35
    depth = tilted_ground() * (low / HEIGHT)
    body = pose_from([0.3, 0.1, low, ROLL, PITCH, 0.4])
    optical = pose_from([0, 0, 0, -math.pi / 2, 0, -math.pi / 2])
    pose = body._replace(rotation=body.rotation @ optical.rotation)
    for settings, mounting in ((ScaleSettings(height=low, pitch=PITCH), None),
                               (ScaleSettings(ground_frame='base_footprint'), pose)):
        scale = CameraScale(OPEN, settings)
        assert scale.learns
        scale.learn(1.0, Unscaled(CAMERA, depth / 2.5), mounting)
        found, trusted = scale.at(1.1)
        assert trusted and found.metres_per_unit == pytest.approx(2.5, rel=0.02)
    with pytest.raises(ScaleError, match='take one of them away'):
        CameraScale(OPEN, ScaleSettings(ground_frame='base_footprint', height=low))


def test_a_scale_below_one_is_one_until_another_is_learned():
    scale = CameraScale(OPEN, ScaleSettings(depth_scale=0.5, height=0.35))
    assert scale.standing.metres_per_unit == 0.5
    found, trusted = scale.at(1.0)
    assert found.metres_per_unit == 0.5 and not trusted
    assert str(scale) == ('scale from the ground (camera_height 0.35 m), without points before '
                          f'it is found, depth by {found}')


@pytest.mark.parametrize('settings, words', [
    ({'height': 1.2, 'range_topic': '/velo'},
     'scale from the ground (camera_height 1.2 m) and the range sensor on /velo (range_topic), '
     'nothing before it is found'),
    ({'ground_frame': 'base'},
     'scale from the ground (ground_frame base), nothing before it is found'),
    ({'range_topic': '/velo'},
     'scale from the range sensor on /velo (range_topic), nothing before it is found')])
def test_where_the_metres_come_from_is_said(settings, words):
    scale = CameraScale(OPEN, ScaleSettings(**settings))
    assert str(scale) == words
    assert scale.values() == {'scale (m per model unit)': 'none', 'scale source': 'none',
                              'scale state': 'not found yet'}


def test_the_scale_in_force_is_told_with_its_source_and_how_sure_it_is():
    scale = CameraScale(OPEN, ScaleSettings(height=HEIGHT, pitch=PITCH))
    scale.learn(1.0, Unscaled(CAMERA, tilted_ground() / 2.5), None)
    scale.at(1.5)
    values = scale.values()
    assert float(values['scale (m per model unit)']) == pytest.approx(2.5, rel=0.02)
    assert values['scale source'] == 'the ground (camera_height 1.4 m)'
    assert values['scale state'] == 'in force' and values['scale age (s)'] == '0.5'
    assert values['scale uncertainty'].startswith('+- ')


def test_the_cone_of_a_sensor_counts():
    depth = np.full((128, 416), 8.0, np.float32)
    depth[50:70, 220:240] = 2.0  # beside the axis
    for cone, factor in ((0.0, 1.0), (0.1, 4.0)):
        scale = CameraScale(OPEN, ScaleSettings(range_topic='/ping'))
        scale.learn(1.0, Unscaled(CAMERA, depth), None, lambda: Ranges(
            np.array([[0.0, 0.0, 8.0]]), cone))
        found, _ = scale.at(1.1)
        assert found.metres_per_unit == pytest.approx(factor, rel=0.01)
