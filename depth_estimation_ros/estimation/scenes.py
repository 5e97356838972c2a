# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Streets or rooms: which of two networks reads a camera's pictures.

That for rooms has learned to tell a room from a street (docs/model-card.md); while the other one
is in force it looks now and then, so that the choice costs little.
"""
from __future__ import annotations

from collections.abc import Mapping

from depth_estimation_ros.models.contract import Network

STREET, ROOM = 'street', 'room'
SCENES = ('auto', STREET, ROOM)

# Pictures from one look of the network for rooms to the next, and while the other is unsure.
EVERY, SOON = 15, 3
# Of the share of a picture that is right, by the confidence: under it that for streets is unsure.
UNSURE = 0.6
KEPT = 0.5  # of the probability of a room, from look to look
LEAD = 0.2  # by which that has to be beyond a half for a change


class SceneError(ValueError):
    """A scene that a model leaves no choice of; the message says what to change."""


def check_scene(scene: str, network: Network) -> None:
    """Raise SceneError where `scene` is none for a network."""
    if scene not in SCENES:
        raise SceneError(f"scene '{scene}' is not one of {', '.join(SCENES)}")
    if scene != 'auto' and network.rooms is None:
        raise SceneError(f"scene '{scene}' chooses between two networks, and there is only "
                         f"{network.description}: set scene to auto, or model to compact")


class SceneChoice:
    """
    The memory of one camera: `scene` in force, '' before its first picture.

    `wanted` says which networks are to read the next picture, `choose` takes what they say. Not
    for several threads at once.
    """

    def __init__(self):
        self.scene = ''
        self._since = 0  # pictures since the last look
        self._sure = 1.0
        self._room = 0.5

    def wanted(self) -> tuple[str, ...]:
        """Return the scenes whose networks are to read the next picture."""
        if self.scene == ROOM:
            return (ROOM,)
        if self.scene and self._since < (SOON if self._sure < UNSURE else EVERY):
            return (STREET,)
        return (STREET, ROOM)

    def choose(self, room: float | None, sure: Mapping[str, float]) -> str:
        """
        Return the scene of a picture, one of those that have read it.

        room: the probability of a room, None where the network for rooms has not read it. sure:
        by scene the mean confidence of each that has.
        """
        self._since = 0 if room is not None else self._since + 1
        if not self.scene:
            self.scene, self._room = scene_of(room), room
        elif room is not None:
            self._room = KEPT * self._room + (1 - KEPT) * room
            if abs(self._room - 0.5) > LEAD:
                self.scene = scene_of(self._room)
        scene = self.scene if self.scene in sure else ROOM  # a street from the next one on
        self._sure = sure[scene]
        return scene


def scene_of(room: float) -> str:
    """Return the scene that a picture of such a probability of a room is."""
    return ROOM if room > 0.5 else STREET
