# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Streets or rooms: which of two networks reads a camera's pictures, by how sure each is of them.

A network that knows streets only and one that knows rooms say of each other's world that it is
not theirs (docs/model-card.md). The one in force reads every picture, the other one looks now
and then, so that the choice costs little.
"""
from __future__ import annotations

from depth_estimation_ros.models.contract import Network

STREET, ROOM = 'street', 'room'
SCENES = ('auto', STREET, ROOM)

# Pictures from one look of the other network to the next, and while the one in force is unsure.
EVERY, SOON = 15, 3
# Of the share of a picture that is right, by the confidence: under it the one in force is unsure.
UNSURE = 0.6
# By how much that for rooms has to be surer: it has learned streets too, and is surer of them than
# it is right on real ones. Then no generated room but 1 % is read by that for streets.
ODDS = 0.1
LEAD = 0.05  # beyond that, by which the other one has to be surer to take over
KEPT = 0.5  # of that lead, from look to look


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

    `wanted` says which networks are to read the next picture, `choose` takes how sure they are.
    Not for several threads at once.
    """

    def __init__(self):
        self.scene = ''
        self._since = 0  # pictures since the last look
        self._sure = 1.0
        self._lead = 0.0

    def wanted(self) -> tuple[str, ...]:
        """Return the scenes whose networks are to read the next picture."""
        if self.scene and self._since < (SOON if self._sure < UNSURE else EVERY):
            return (self.scene,)
        return (STREET, ROOM)

    def choose(self, sure: dict[str, float]) -> str:
        """
        Return the scene of a picture.

        sure: by scene, of what `wanted` said, the mean confidence of the picture.
        """
        self._since += 1
        if len(sure) > 1:
            self._since = 0
            lead = _lead_of_rooms(sure)
            if not self.scene:
                self.scene = surest(sure)
            else:
                other, sign = (STREET, -1) if self.scene == ROOM else (ROOM, 1)
                self._lead = KEPT * self._lead + (1 - KEPT) * sign * lead
                if self._lead > LEAD:
                    self.scene, self._lead = other, 0.0
        self._sure = sure[self.scene]
        return self.scene


def surest(sure: dict[str, float]) -> str:
    """Return the scene whose network is to read a picture, of those that have."""
    if len(sure) == 1:
        [scene] = sure
        return scene
    return ROOM if _lead_of_rooms(sure) > 0 else STREET


def _lead_of_rooms(sure: dict[str, float]) -> float:
    return sure[ROOM] - sure[STREET] - ODDS
