# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flicker is damped by the stated amount; what moves passes, late by no more than is stated."""
import math

from depth_estimation_ros.estimation.temporal import AGREE, COMMON, MAX_GAP, OWN, TemporalFilter
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(160, 48, 90.0, 90.0, 79.5, 23.5)
OTHER = PinholeCamera(160, 48, 95.0, 90.0, 79.5, 23.5)
WINDOW = 5
SHARE = 1 - 2 / (WINDOW + 1)
PEAK = math.exp(-0.5) / math.sqrt(2)  # of Welsch's function, for a limit of 1
SCENE = torch.from_numpy(np.random.default_rng(0).uniform(
    3.0, 60.0, (48, 160)).astype(np.float32))
BOX = (slice(20, 40), slice(60, 90))


def run(frames, window=WINDOW, period=0.1):
    """Return what a new filter makes of a list of frames."""
    memory = TemporalFilter(window)
    return [memory.steady(frame, period * i, CAMERA) for i, frame in enumerate(frames)]


def late(filtered, frame):
    """Return by how much the log depth is off that of the frame, (48, 160)."""
    return (filtered / frame).log()


@pytest.mark.parametrize('window', [3, 5, 9])
@pytest.mark.parametrize('each_pixel', [False, True])
def test_small_flicker_of_a_still_scene_comes_out_less_by_the_root_of_the_window(
        window, each_pixel):
    rng = np.random.default_rng(1)
    size = SCENE.shape if each_pixel else ()
    noise = 0.01 * rng.normal(size=(200 if each_pixel else 600, *size)).astype(np.float32)
    steady = run([SCENE * math.e ** torch.tensor(n) for n in noise], window)[30:]
    errors = torch.stack([late(frame, SCENE) for frame in steady])
    if not each_pixel:
        assert errors.std(0).max() - errors.std(0).min() < 1e-4
    assert errors.std() == pytest.approx(0.01 / math.sqrt(window), rel=0.15)


def test_a_flicker_of_the_scale_that_a_pixel_alone_could_not_tell_from_motion_is_damped():
    factors = np.random.default_rng(2).normal(0, 0.07, 300)
    steady = run([SCENE * math.exp(f) for f in factors])[30:]
    errors = torch.stack([late(frame, SCENE).median() for frame in steady])
    assert errors.std() < 0.6 * 0.07


@pytest.mark.parametrize('factor', [0.6, 1.6])
def test_an_object_that_comes_or_goes_passes_at_once_and_moves_nothing_else(factor):
    after = SCENE.clone()
    after[BOX] *= factor
    off = late(run([SCENE] * 10 + [after])[-1], after).abs()
    assert off.max() < 1e-3


def test_another_scene_passes_at_once_but_for_what_happens_to_be_common():
    near = SCENE.flip(0, 1) / 1.2
    off = late(run([SCENE] * 10 + [near])[-1], near).abs()
    assert off.max() < SHARE * PEAK * (OWN + COMMON)
    far = SCENE.flip(0, 1) * 4
    off = late(run([SCENE] * 10 + [far])[-1], far).abs()
    assert off.median() < 1e-3


@pytest.mark.parametrize('rate', [0.01, 0.03, 0.1, 0.3])
def test_an_object_that_closes_in_is_late_by_the_bound_at_most(rate):
    frames = []
    for i in range(30):
        frames.append(SCENE.clone())
        frames[-1][BOX] *= math.exp(-rate * i)
    worst = max(late(f, frame)[BOX].max() for f, frame in zip(run(frames), frames))
    assert worst < SHARE * PEAK * OWN + 1e-3 < 0.044
    if rate == 0.3:
        assert worst < 0.01


def test_while_the_robot_drives_both_bounds_add_up_and_are_reached():
    frames = []
    for i in range(8):
        frames.append(SCENE * math.exp(-0.2 * i))
        frames[-1][BOX] *= math.exp(-0.12 * i)
    worst = max(late(f, frame)[BOX].max() for f, frame in zip(run(frames), frames))
    assert SHARE * PEAK * COMMON + 0.03 < worst < SHARE * PEAK * (OWN + COMMON) < 0.129


@pytest.mark.parametrize('speed, distance', [(1.0, 4.0), (5.0, 30.0), (10.0, 30.0)])
def test_a_wall_that_fills_the_picture_is_late_for_some_frames_only(speed, distance):
    frames = [torch.full((48, 160), distance - 0.1 * speed * i)
              for i in range(int(9 * distance / speed))]
    off = [late(f, frame).max() for f, frame in zip(run(frames), frames)]
    assert max(off) < SHARE * PEAK * COMMON < 0.087
    # Once all agree that it comes, the delay dies out but for what the approach quickens.
    assert all(abs(o) < 0.02 for o, frame in zip(off[AGREE + 10:], frames[AGREE + 10:])
               if frame.max() > 2 * speed)


@pytest.mark.parametrize('stamp, camera, size', [
    (0.9, CAMERA, SCENE.shape), (1.0 + MAX_GAP + 0.1, CAMERA, SCENE.shape),
    (1.1, OTHER, SCENE.shape), (1.1, CAMERA, (24, 80))],
    ids=['stamps go back', 'a gap', 'another camera', 'another size'])
def test_it_starts_anew(stamp, camera, size):
    memory = TemporalFilter(WINDOW)
    memory.steady(SCENE, 1.0, CAMERA)
    frame = 1.05 * SCENE[:size[0], :size[1]]
    assert torch.equal(memory.steady(frame, stamp, camera), frame)
    assert not torch.equal(memory.steady(1.05 * frame, stamp + 0.1, camera), 1.05 * frame)


def test_stamps_that_stand_still_are_no_jump():
    memory = TemporalFilter(WINDOW)
    memory.steady(SCENE, 0.0, CAMERA)
    assert (memory.steady(1.05 * SCENE, 0.0, CAMERA) < 1.049 * SCENE).all()


def test_what_is_no_depth_stays_what_it_is_and_leaves_no_trace():
    lost = torch.tensor([0.0, -1.0, math.nan, math.inf])
    frame = SCENE.clone()
    frame[0, :4] = lost
    memory = TemporalFilter(WINDOW)
    memory.steady(SCENE, 0.0, CAMERA)
    out = memory.steady(frame, 0.1, CAMERA)
    assert torch.equal(out[0, :4].nan_to_num(7), lost.nan_to_num(7))
    assert torch.equal(out[1:], SCENE[1:])
    out = memory.steady(1.02 * SCENE, 0.2, CAMERA)
    assert torch.equal(out[0, :4], (1.02 * SCENE)[0, :4])
    nothing = torch.zeros_like(SCENE)
    assert torch.equal(memory.steady(nothing, 0.3, CAMERA), nothing)
    assert torch.equal(memory.steady(SCENE, 0.4, CAMERA), SCENE)


def test_depth_and_inverse_depth_in_any_unit_are_steadied_alike():
    rng = np.random.default_rng(3)
    frames = [SCENE * math.exp(rng.normal(0, 0.05)) for _ in range(9)]
    depth = run(frames)[-1]
    inverse = run([7 / frame for frame in frames])[-1]
    assert torch.allclose(7 / inverse, depth, rtol=1e-3)
