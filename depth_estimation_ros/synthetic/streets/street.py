# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A street as it lies in the world: its centre line, and what stands and drives on it."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.light import Light
from depth_estimation_ros.synthetic.drawing.mesh import extent, join, Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture

START, BEYOND, STEP = -40.0, 195.0, 2.0  # of the centre line, metres
ROOM = 65.0  # cameras are at s in 0 .. ROOM, unless a drive is longer
LONGEST = 1000.0
# What grows, and how far from a lane's centre and how high it is cut, metres.
_GREEN = (Texture.FOLIAGE, Texture.LEAVES, Texture.LEAVES_SPARSE, Texture.BRANCHES,
          Texture.NEEDLES)
CLEAR_SIDE, CLEAR_HEIGHT = 2.2, 3.2


class Spine:
    """The centre line: a gently winding, gently rolling curve."""

    def __init__(self, rng: np.random.Generator, bend: float, grade: float, room: float = ROOM):
        self.end = room + BEYOND
        self.s = np.arange(START, self.end + STEP, STEP)
        n = len(self.s)
        curvature = bend * smooth(rng, n, 40) * rng.choice([0.2, 1.0])
        heading = np.cumsum(curvature) * STEP
        slope = grade * smooth(rng, n, 50) + grade * rng.normal() * 0.6
        middle = int(-START / STEP)
        self.heading = heading - heading[middle]
        step = np.stack([np.cos(self.heading), np.sin(self.heading), slope], 1) * STEP
        line = np.cumsum(step, 0)
        self.line = line - line[middle]

    def at(self, s, t=0.0, up=0.0) -> np.ndarray:
        """Return the world points (..., 3) at s, t, `up` metres above the road's level."""
        s, t = np.broadcast_arrays(np.asarray(s, float), np.asarray(t, float))
        yaw = self.yaw(s)
        x, y, z = (np.interp(s, self.s, self.line[:, i]) for i in range(3))
        return np.stack([x - t * np.sin(yaw), y + t * np.cos(yaw), z + up], -1)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return s, t and height above the road's level of world points (N, 3)."""
        nearest = np.concatenate([
            ((some[:, None, :2] - self.line[None, :, :2]) ** 2).sum(-1).argmin(1)
            for some in np.split(points, range(4096, len(points), 4096))])
        yaw, (x, y) = self.heading[nearest], (points - self.line[nearest])[:, :2].T
        return np.stack([self.s[nearest] + x * np.cos(yaw) + y * np.sin(yaw),
                         y * np.cos(yaw) - x * np.sin(yaw),
                         points[:, 2] - self.line[nearest, 2]], 1)

    def yaw(self, s) -> np.ndarray:
        """Return the direction of the centre line at s, radians."""
        return np.interp(s, self.s, self.heading)

    def slope(self, s) -> float:
        """Return the rise a metre at s."""
        return float(self.at(s + 1)[2] - self.at(s - 1)[2]) / 2


def smooth(rng, n: int, width: int) -> np.ndarray:
    window = np.hanning(width)
    wave = np.convolve(rng.normal(size=n + 4 * width), window, 'same')[2 * width:-2 * width]
    return wave / math.sqrt((window ** 2).sum())


@dataclass(eq=False)
class Mover:
    """Something that may drive: at s, t at time 0, `speed` metres a second along the road."""

    mesh: Mesh
    s: float
    t: float
    yaw: float = 0.0
    speed: float = 0.0

    @property
    def place(self) -> tuple[float, float, float, float]:
        """What it covers at time 0: s from, s to, t from, t to."""
        length, width = extent(self.mesh)[:2] / 2
        c, s = abs(math.cos(self.yaw)), abs(math.sin(self.yaw))
        along, across = length * c + width * s, length * s + width * c
        return self.s - along, self.s + along, self.t - across, self.t + across


@dataclass
class Street:
    """A street: what stands, what may move, its light, and where cameras may be."""

    kind: str
    spine: Spine
    fixed: Mesh
    movers: list[Mover]
    light: Light
    lanes: list[tuple[float, int]]  # t of their centres, direction (1 along s, -1 against)

    focus = 30.0  # metres ahead of a camera around which shadows are drawn

    def mesh(self, time: float = 0.0) -> Mesh:
        """Return everything, as it is at `time` seconds."""
        return join([self.fixed, *(self._place(mover, time) for mover in self.movers)])

    def _place(self, mover: Mover, time: float) -> Mesh:
        s = mover.s + mover.speed * time
        return put(self.spine, mover.mesh, s, mover.t, mover.yaw)

    def free(self, s: float, t: float, ahead: float) -> bool:
        """Return whether a car may be at (s, t) with nothing in the `ahead` metres before it."""
        low, high = min(s, s + ahead) - 2.0, max(s, s + ahead) + 2.0
        return not any(low < b and a < high and t - 1.1 < d and c < t + 1.1
                       for a, b, c, d in (mover.place for mover in self.movers))


def trimmed(mesh: Mesh, spine: Spine, lanes: list[tuple[float, int]]) -> Mesh:
    """Return `mesh` without the twigs that hang into the lanes, where cars would have cut them."""
    green = np.flatnonzero(np.isin(mesh.texture, _GREEN))
    _, t, low = spine.place(mesh.corners[green].mean(1)).T
    low -= np.ptp(mesh.corners[green, :, 2], axis=1) / 2
    in_lane = (np.abs(t[:, None] - [lane for lane, _ in lanes]) < CLEAR_SIDE).any(1)
    keep = np.ones(len(mesh), bool)
    keep[green[in_lane & (low < CLEAR_HEIGHT)]] = False
    return mesh.only(keep)


def put(spine: Spine, mesh: Mesh, s: float, t: float, yaw: float = 0.0, up: float = 0.0,
        scale=1.0) -> Mesh:
    """Return `mesh` standing on the road at s, t, turned by `yaw` against the centre line."""
    x, y, z = spine.at(s, t, up)
    return mesh.placed(x, y, z, float(spine.yaw(s)) + yaw, scale)
