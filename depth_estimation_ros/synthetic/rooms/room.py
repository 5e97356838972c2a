# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A room as it lies in the world, and where cameras are in it."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.light import Light
from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.render import looking

CLEAR = 0.25  # metres from a camera to what stands beside it


@dataclass(eq=False)
class Room:
    """
    A room and what is in it and around it, its floor at z = 0.

    area: x from, x to, y from, y to where one may stand; height: of the ceiling, or the highest
    that a camera is. taken: (N, 5), of what stands there x from, x to, y from, y to, and how high
    it reaches.
    """

    kind: str
    fixed: Mesh
    light: Light
    area: tuple[float, float, float, float]
    height: float
    taken: np.ndarray

    focus = 0.0  # metres ahead of a camera around which shadows are drawn

    def mesh(self, time: float = 0.0) -> Mesh:
        """Return everything; nothing moves."""
        return self.fixed

    def free(self, x: float, y: float, height: float) -> bool:
        """Return whether a camera may be at x, y: not within what stands there."""
        a, b, c, d, top = self.taken.T
        return not ((x > a - CLEAR) & (x < b + CLEAR) & (y > c - CLEAR) & (y < d + CLEAR)
                    & (top + CLEAR > height)).any()

    def random_place(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return (rotation, position) of a camera as robots and people hold one."""
        x0, x1, y0, y1 = self.area
        kind = rng.random()  # a low robot, a high one, a hand or a head, a camera on a wall
        height = (rng.uniform(0.15, 0.5) if kind < 0.3 else rng.uniform(0.5, 1.1) if kind < 0.5
                  else rng.normal(1.45, 0.2) if kind < 0.9 else rng.uniform(1.7, 2.6))
        height = float(np.clip(height, 0.15, self.height - 0.25))
        for _ in range(40):
            x, y = rng.uniform(x0 + CLEAR, x1 - CLEAR), rng.uniform(y0 + CLEAR, y1 - CLEAR)
            if self.free(x, y, height):
                break
        # Mostly to where there is more of the room.
        yaws = rng.uniform(0, 2 * math.pi, 4)
        if rng.random() < 0.25:
            yaws = rng.integers(4, size=4) * math.pi / 2 + rng.normal() * 0.1
        yaw = max(yaws[:rng.choice([1, 3, 4])], key=lambda turn: self._ahead(x, y, turn))
        pitch = (rng.normal() * 0.06 if height < 0.6 else rng.normal(0.12, 0.16) if height < 1.7
                 else rng.uniform(0.1, 0.7))
        if rng.random() < 0.12:
            pitch = rng.uniform(-0.35, 0.78)
        return looking(float(yaw), float(np.clip(pitch, -0.35, 0.79)),
                       float(rng.normal() * 0.02)), np.array([x, y, height])

    def _ahead(self, x: float, y: float, yaw: float) -> float:
        """Return how far the wall is in a direction, metres."""
        x0, x1, y0, y1 = self.area
        c, s = math.cos(yaw), math.sin(yaw)
        return min(((x1 if c > 0 else x0) - x) / (c or 1e-9),
                   ((y1 if s > 0 else y0) - y) / (s or 1e-9))
