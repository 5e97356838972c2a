# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which of two networks reads a picture, from frame to frame."""
from dataclasses import replace

from depth_estimation_ros.estimation.confidence import unlike
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.runtime import Runtime
from depth_estimation_ros.estimation.scenes import (
    check_scene, EVERY, LEAD, ROOM, scene_of, SceneChoice, SceneError, SOON, STREET, UNSURE)
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(64, 32, 60.0, 60.0, 31.5, 15.5)
OUTPUTS = {'depth', 'confidence'}


class Sees(torch.nn.Module):
    """A network of one depth, as sure as a channel of the picture is bright; blue is a room."""

    def __init__(self, metres, channel):
        super().__init__()
        self.passes, self._metres, self._channel = 0, metres, channel

    def forward(self, rgb, camera):
        """Return depth and confidence."""
        self.passes += len(rgb)
        sure = rgb[:, self._channel:self._channel + 1]
        return torch.full_like(sure, self._metres), sure, rgb[:, 2].mean((1, 2))[:, None]


def pair():
    """Return an estimator of two networks: for streets (10 m, red) and for rooms (3 m, green)."""
    street, room = (Network(
        name=name, module=Sees(metres, channel), input_width=64, input_height=32, inverse=False,
        contract=ScaleContract(ScaleKind.METRIC_FROM_INTRINSICS, 1.0, 'it is told'),
        training_camera=None, description=name, takes_camera=True, has_confidence=True)
        for name, metres, channel in (('streets', 10.0, 0), ('rooms', 3.0, 1)))
    return DepthEstimator(replace(street, rooms=room), 'cpu', 'fp32'), street, room


def picture(room, red=0.9, green=0.8):
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:] = np.rint(255 * np.array([red, green, room]))
    return rgb


def test_each_picture_is_read_by_the_network_for_what_it_shows():
    estimator, _, _ = pair()
    estimates = estimator.estimate([(picture(0.1), CAMERA), (picture(0.9), CAMERA)],
                                   outputs=OUTPUTS)
    assert [e.scene for e in estimates] == [STREET, ROOM]
    assert [e.depth[3, 3] for e in estimates] == [10.0, 3.0]
    assert [e.sure for e in estimates] == pytest.approx([0.9, 0.8], abs=0.005)
    np.testing.assert_allclose(estimates[1].confidence, 0.8, atol=0.005)


@pytest.mark.parametrize(('scene', 'metres'), [(STREET, 10.0), (ROOM, 3.0)])
def test_a_scene_that_is_told_is_not_looked_for(scene, metres):
    estimator, street, room = pair()
    before = street.module.passes, room.module.passes
    [estimate] = estimator.estimate([(picture(0.5), CAMERA)], DepthOptions(scene=scene),
                                    OUTPUTS)
    assert estimate.scene == scene and estimate.depth[3, 3] == metres
    assert (street.module.passes - before[0], room.module.passes - before[1]) == (
        (1, 0) if scene == STREET else (0, 1))


def test_cameras_of_one_batch_may_be_in_different_worlds():
    """One indoors, one outdoors, one that is told: each gets its own, in order, as alone."""
    estimator, _, _ = pair()
    choices = [SceneChoice() for _ in range(2)]
    for _ in range(3):
        estimates = estimator.estimate_all([
            Request(picture(0.9), CAMERA, outputs=OUTPUTS, choice=choices[0]),
            Request(picture(0.1), CAMERA, DepthOptions(scene=ROOM), OUTPUTS,
                    choice=choices[1]),
            Request(picture(0.1), CAMERA, outputs=OUTPUTS, choice=choices[1])])
        assert [e.scene for e in estimates] == [ROOM, ROOM, STREET]
        assert [e.depth[0, 0] for e in estimates] == [3.0, 3.0, 10.0]


def test_the_other_network_looks_now_and_then():
    estimator, street, room = pair()
    before = street.module.passes, room.module.passes
    choice = SceneChoice()
    for _ in range(10 * EVERY):
        estimator.estimate_all([Request(picture(0.1), CAMERA, outputs=OUTPUTS,
                                        choice=choice)])
    assert street.module.passes - before[0] == 10 * EVERY
    assert room.module.passes - before[1] == pytest.approx(10 * EVERY / (EVERY + 1), abs=1)


def test_only_the_network_in_force_is_worth_a_compilation(monkeypatch):
    estimator, street, room = pair()
    tried = []
    monkeypatch.setattr(Runtime, '_program', lambda self, *key: tried.append(self.network.name))
    choice = SceneChoice()
    for _ in range(2 * EVERY):
        estimator.estimate_all([Request(picture(0.1), CAMERA, outputs=OUTPUTS,
                                        choice=choice)])
    assert set(tried) == {'streets'} and len(tried) == 2 * EVERY - 1  # it had not been chosen yet
    estimator.estimate([(picture(0.1), CAMERA)], DepthOptions(scene=ROOM), OUTPUTS)
    assert tried[-1] == 'rooms'


def test_what_is_compiled_for_a_network_out_of_force_is_taken_in(monkeypatch):
    """Else `being compiled` would be said for ever of a robot that left the room."""
    estimator, street, room = pair()
    polled = []
    monkeypatch.setattr(Runtime, 'poll', lambda self: polled.append(self.network.name))
    estimator.estimate([(picture(0.1), CAMERA)], DepthOptions(scene=STREET), OUTPUTS)
    assert set(polled) == {'streets', 'rooms'}


def drive(choice, count, room, sure=0.9):
    """Return the scenes of `count` pictures, and how many passes of a network they took."""
    scenes, passes = [], 0
    for _ in range(count):
        wanted = choice.wanted()
        passes += len(wanted)
        scenes.append(choice.choose(room if ROOM in wanted else None,
                                    {scene: sure for scene in wanted}))
    return scenes, passes


@pytest.mark.parametrize(('room', 'scene'), [(0.1, STREET), (0.9, ROOM), (0.45, STREET)])
def test_the_first_picture_says_it(room, scene):
    assert drive(SceneChoice(), 40, room)[0] == [scene] * 40
    assert scene_of(room) == scene


@pytest.mark.parametrize(('before', 'after', 'within', 'sure'), [
    (0.0, 1.0, 2 * EVERY + 2, 0.9), (0.0, 1.0, 2 * SOON + 2 + EVERY, UNSURE - 0.1),
    (1.0, 0.0, 3, 0.9)])
def test_through_a_door_it_changes_and_stays(before, after, within, sure):
    choice = SceneChoice()
    first = set(drive(choice, 100, before)[0])
    scenes, _ = drive(choice, 100, after, sure)
    changed = scenes.index(scene_of(after))
    assert first == {scene_of(before)} and changed <= within
    assert set(scenes[changed:]) == {scene_of(after)}


def test_what_is_neither_does_not_make_it_go_to_and_fro():
    choice = SceneChoice()
    drive(choice, 1, 0.1)
    for i in range(300):
        assert drive(choice, 1, 0.5 + 0.9 * LEAD * (-1) ** (i // 20))[0] == [STREET]


def test_one_picture_of_another_world_changes_nothing():
    choice = SceneChoice()
    drive(choice, 30, 0.95)
    assert drive(choice, 1, 0.1)[0] == [ROOM]
    assert set(drive(choice, 100, 0.95)[0]) == {ROOM}


def test_in_rooms_it_costs_nothing_and_in_streets_little():
    assert drive(SceneChoice(), 300, 0.9)[1] == 300 + 1  # both read the first picture
    assert drive(SceneChoice(), 300, 0.1)[1] <= 300 + 300 / EVERY + 1
    unsure = drive(SceneChoice(), 300, 0.1, UNSURE - 0.1)[1]
    assert 300 + 300 / (SOON + 1) - 1 <= unsure <= 300 + 300 / SOON + 1


def test_a_memory_begins_anew_in_another_scene():
    """A steadied depth is none of both networks together."""
    estimator, _, _ = pair()
    memory, choice = TemporalFilter(9), SceneChoice()
    depths = []
    for room in [0.1] * 3 + [0.9] * 40:
        [estimate] = estimator.estimate_all([Request(
            picture(room), CAMERA, outputs=OUTPUTS, memory=memory, stamp=len(depths) * 0.1,
            choice=choice)])
        depths.append(estimate.depth[0, 0])
    assert set(depths) == {10.0, 3.0}


def test_a_scene_where_there_is_no_choice_is_refused():
    estimator, street, room = pair()
    check_scene('auto', street)
    check_scene(ROOM, replace(street, rooms=room))
    with pytest.raises(SceneError, match="scene 'room' chooses .* streets: set scene to auto"):
        check_scene(ROOM, street)
    with pytest.raises(SceneError, match="scene 'sea' is not one of auto, street, room"):
        check_scene('sea', replace(street, rooms=room))


def test_unlike_is_said_of_the_middle_of_some_pictures_and_not_of_one():
    good, bad = (0.61, 0.6), (0.59, 0.6)
    assert not unlike([]) and not unlike([good, good, (0.0, 0.6)]) and not unlike([(0.6, 0.6)])
    assert 'it holds 59% of their depth' in unlike([good, bad, bad])


def test_each_network_has_its_own_least():
    estimator, _, _ = pair()
    for scene, runtime in estimator._runtimes.items():
        runtime.network.least_sure = {STREET: 0.6, ROOM: 0.4}[scene]
    estimates = estimator.estimate([(picture(0.1), CAMERA), (picture(0.9), CAMERA)])
    assert [e.least_sure for e in estimates] == [0.6, 0.4]
