# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which of two networks reads a picture, from frame to frame."""
from dataclasses import replace

from depth_estimation_ros.estimation.confidence import unlike, UNLIKE
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.runtime import Runtime
from depth_estimation_ros.estimation.scenes import (
    check_scene, EVERY, LEAD, ODDS, ROOM, SceneChoice, SceneError, SOON, STREET, surest, UNSURE)
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(64, 32, 60.0, 60.0, 31.5, 15.5)
OUTPUTS = {'depth', 'confidence'}


class Sees(torch.nn.Module):
    """A network of one depth, as sure as a channel of the picture is bright."""

    def __init__(self, metres, channel):
        super().__init__()
        self.passes, self._metres, self._channel = 0, metres, channel

    def forward(self, rgb, camera):
        """Return depth and confidence."""
        self.passes += len(rgb)
        sure = rgb[:, self._channel:self._channel + 1]
        return torch.full_like(sure, self._metres), sure


def pair(fixed=False):
    """Return an estimator of two networks: red is a street (10 m), green a room (3 m)."""
    street, room = (Network(
        name=name, module=Sees(metres, channel), input_width=64, input_height=32, inverse=False,
        contract=ScaleContract(ScaleKind.METRIC_FROM_INTRINSICS, 1.0, 'it is told'),
        training_camera=None, description=name, takes_camera=True, has_confidence=True)
        for name, metres, channel in (('streets', 10.0, 0), ('rooms', 3.0, 1)))
    return DepthEstimator(replace(street, rooms=room), 'cpu', 'fp32'), street, room


def picture(red, green):
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = round(red * 255), round(green * 255)
    return rgb


def test_each_picture_is_read_by_the_network_that_is_surer_of_it():
    estimator, _, _ = pair()
    estimates = estimator.estimate([(picture(0.9, 0.2), CAMERA), (picture(0.3, 0.8), CAMERA)],
                                   outputs=OUTPUTS)
    assert [e.scene for e in estimates] == [STREET, ROOM]
    assert [e.depth[3, 3] for e in estimates] == [10.0, 3.0]
    assert [e.sure for e in estimates] == pytest.approx([0.9, 0.8], abs=0.005)
    np.testing.assert_allclose(estimates[1].confidence, 0.8, atol=0.005)


@pytest.mark.parametrize(('scene', 'metres'), [(STREET, 10.0), (ROOM, 3.0)])
def test_a_scene_that_is_told_is_not_looked_for(scene, metres):
    estimator, street, room = pair()
    before = street.module.passes, room.module.passes
    [estimate] = estimator.estimate([(picture(0.5, 0.5), CAMERA)], DepthOptions(scene=scene),
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
            Request(picture(0.1, 0.9), CAMERA, outputs=OUTPUTS, choice=choices[0]),
            Request(picture(0.9, 0.1), CAMERA, DepthOptions(scene=ROOM), OUTPUTS,
                    choice=choices[1]),
            Request(picture(0.9, 0.1), CAMERA, outputs=OUTPUTS, choice=choices[1])])
        assert [e.scene for e in estimates] == [ROOM, ROOM, STREET]
        assert [e.depth[0, 0] for e in estimates] == [3.0, 3.0, 10.0]


def test_the_other_network_looks_now_and_then():
    estimator, street, room = pair()
    before = street.module.passes, room.module.passes
    choice = SceneChoice()
    for _ in range(10 * EVERY):
        estimator.estimate_all([Request(picture(0.9, 0.2), CAMERA, outputs=OUTPUTS,
                                        choice=choice)])
    assert street.module.passes - before[0] == 10 * EVERY
    assert room.module.passes - before[1] == pytest.approx(10, abs=1)


def test_only_the_network_in_force_is_worth_a_compilation(monkeypatch):
    estimator, street, room = pair()
    tried = []
    monkeypatch.setattr(Runtime, '_program', lambda self, *key: tried.append(self.network.name))
    choice = SceneChoice()
    for _ in range(2 * EVERY):
        estimator.estimate_all([Request(picture(0.9, 0.2), CAMERA, outputs=OUTPUTS,
                                        choice=choice)])
    assert set(tried) == {'streets'} and len(tried) == 2 * EVERY - 1  # it had not been chosen yet
    estimator.estimate([(picture(0.9, 0.2), CAMERA)], DepthOptions(scene=ROOM), OUTPUTS)
    assert tried[-1] == 'rooms'


def drive(choice, count, sure):
    """Return the scenes of `count` pictures, and how many passes of a network they took."""
    scenes, passes = [], 0
    for _ in range(count):
        wanted = choice.wanted()
        passes += len(wanted)
        scenes.append(choice.choose({scene: sure[scene] for scene in wanted}))
    return scenes, passes


def test_through_a_door_it_changes_within_a_second_and_stays():
    choice = SceneChoice()
    assert set(drive(choice, 100, {STREET: 0.8, ROOM: 0.4})[0]) == {STREET}
    scenes, _ = drive(choice, 100, {STREET: 0.3, ROOM: 0.8})
    changed = scenes.index(ROOM)
    assert changed <= 4 * SOON < EVERY and set(scenes[changed:]) == {ROOM}


def test_what_both_hold_for_equal_does_not_make_it_go_to_and_fro():
    choice = SceneChoice()
    drive(choice, 1, {STREET: 0.8, ROOM: 0.7})
    for i in range(200):
        lead = 0.9 * LEAD * (-1) ** (i // EVERY)
        assert drive(choice, 1, {STREET: 0.7, ROOM: 0.7 + ODDS + lead})[0] == [STREET]


@pytest.mark.parametrize('first', [{STREET: 0.8, ROOM: 0.85}, {STREET: 0.7, ROOM: 0.9}])
def test_alone_and_at_first_that_for_rooms_has_to_be_surer_by_the_odds(first):
    expected = ROOM if first[ROOM] - first[STREET] > ODDS else STREET
    assert surest(first) == SceneChoice().choose(first) == expected
    assert surest({ROOM: 0.1}) == ROOM


def test_one_picture_of_another_world_changes_nothing():
    choice = SceneChoice()
    drive(choice, EVERY, {STREET: 0.8, ROOM: 0.4})
    assert drive(choice, 1, {STREET: 0.7, ROOM: 0.8 + ODDS})[0] == [STREET]
    assert set(drive(choice, 100, {STREET: 0.8, ROOM: 0.4})[0]) == {STREET}


def test_where_both_are_unsure_it_looks_often_but_not_always():
    low = {STREET: UNSURE - 0.1, ROOM: UNSURE - 0.15}
    _, passes = drive(SceneChoice(), 300, low)
    assert passes <= 300 + 300 / SOON + 2


def test_a_memory_begins_anew_in_another_scene():
    """A steadied depth is none of both networks together."""
    estimator, _, _ = pair()
    memory, choice = TemporalFilter(9), SceneChoice()
    depths = []
    for red, green in [(0.9, 0.1)] * 3 + [(0.1, 0.9)] * 20:
        [estimate] = estimator.estimate_all([Request(
            picture(red, green), CAMERA, outputs=OUTPUTS, memory=memory, stamp=len(depths) * 0.1,
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
    good, bad = UNLIKE + 0.01, UNLIKE - 0.01
    assert not unlike([]) and not unlike([good, good, 0.0]) and not unlike([UNLIKE])
    assert 'unlike what the network knows' in unlike([good, bad, bad])
