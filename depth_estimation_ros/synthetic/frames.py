# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where cameras stand in a street or a room, and what they take."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
import torch

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.drawing.render import looking, Renderer, Views
from depth_estimation_ros.synthetic.drawing.sensor import expose, Sensor
from depth_estimation_ros.synthetic.rooms.room import Room
from depth_estimation_ros.synthetic.streets.street import ROOM, Street


@dataclass(frozen=True)
class Mount:
    """
    How a camera sits on its car: metres above the road, angles in radians (REP 103).

    aside: it is not on a lane but beside the road, on a pavement or a verge.
    """

    height: float = 1.65
    yaw: float = 0.0
    pitch: float = 0.0  # positive looks down
    roll: float = 0.0
    aside: bool = False

    @staticmethod
    def random(rng: np.random.Generator, aside: bool = False) -> Mount:
        """Return a mount as cars have them: mostly on the roof, level, or often looking aside."""
        height = rng.normal(1.62, 0.1) if rng.random() < 0.65 else rng.uniform(1.1, 2.2)
        wild = rng.random() < 0.2
        return Mount(float(height),
                     float(rng.choice([rng.normal() * 0.05, rng.uniform(-0.5, 0.5),
                                       rng.uniform(-1.9, 1.9)],
                                      p=[0.45, 0.2, 0.35] if aside else [0.8, 0.12, 0.08])),
                     float(rng.uniform(-0.09, 0.09) if wild else rng.normal() * 0.02),
                     float(rng.normal() * (0.03 if wild else 0.012)))

    @staticmethod
    def robot(rng: np.random.Generator) -> Mount:
        """Return a mount as robots have them: 0.2 to 1.3 m high, anywhere, looking anywhere."""
        wild = rng.random() < 0.2
        return Mount(float(rng.uniform(0.2, 1.3) if rng.random() < 0.7 else rng.uniform(1.2, 2.2)),
                     float(rng.normal() * 0.2 if rng.random() < 0.4 else rng.uniform(-3.14, 3.14)),
                     float(rng.uniform(-0.3, 0.7) if wild else rng.normal(0.04, 0.07)),
                     float(rng.normal() * 0.02), rng.random() < 0.6)


@dataclass(frozen=True)
class Spot:
    """A car's place in a street: s, t metres, and whether it looks along s (1) or back (-1)."""

    s: float
    t: float
    direction: int


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One picture and its truth.

    image: (H, W, 3) uint8 RGB. depth: (H, W) float32 metres along Z, inf = sky. rotation (3, 3)
    and position (3,) float64: world (REP 103) to optical frame, and the camera's place in it.
    """

    image: np.ndarray
    depth: np.ndarray
    camera: PinholeCamera
    rotation: np.ndarray
    position: np.ndarray


def random_spot(rng: np.random.Generator, street: Street, aside: bool = False) -> Spot:
    """
    Return a free place on a lane, with room before it more often than not.

    Where there is none, in a jam, the camera's car takes the place of one that is there. `aside`:
    beside the road, where nobody knows what stands there.
    """
    if aside:
        _, direction = street.lanes[rng.integers(len(street.lanes))]
        edge = max(abs(t) for t, _ in street.lanes) + rng.uniform(1.5, 5)
        return Spot(float(rng.uniform(0, ROOM)), float(edge * rng.choice([-1, 1])), int(direction))
    for _ in range(60):
        t, direction = street.lanes[rng.integers(len(street.lanes))]
        spot = Spot(float(rng.uniform(0, ROOM)), float(t + rng.normal() * 0.25), int(direction))
        if street.free(spot.s, spot.t, rng.choice([3.5, 6.0, 12.0, 20.0]) * direction):
            return spot
    on_lanes = [(mover, direction) for t, direction in street.lanes for mover in street.movers
                if abs(mover.t - t) < 1.0 and abs(math.sin(mover.yaw)) < 0.5
                and 0 < mover.s < ROOM]
    if not on_lanes:
        return spot
    mover, direction = on_lanes[rng.integers(len(on_lanes))]
    street.movers.remove(mover)
    return Spot(mover.s, mover.t, direction)


def pose(street: Street, spot: Spot, mount: Mount) -> tuple[np.ndarray, np.ndarray]:
    """Return (rotation, position) of a camera on a car that stands at `spot`."""
    yaw = float(street.spine.yaw(spot.s)) + (0 if spot.direction > 0 else math.pi) + mount.yaw
    pitch = mount.pitch - math.atan(street.spine.slope(spot.s) * spot.direction)
    return looking(yaw, pitch, mount.roll), street.spine.at(spot.s, spot.t, mount.height)


def take(renderer: Renderer, place: Street | Room, poses: Sequence[tuple[np.ndarray, np.ndarray]],
         cameras: Sequence[PinholeCamera], sensors: Sequence[Sensor], rng: np.random.Generator,
         time: float = 0.0) -> list[Frame]:
    """Return a frame a pose, all of one size and at one moment; sensor noise is drawn of `rng`."""
    rotation, position = (np.stack(part) for part in zip(*poses))
    centre = (position + place.focus * rotation[:, 2]).mean(0)
    scene = renderer.scene(place.mesh(time), place.light, tuple(centre))

    def tensor(values) -> torch.Tensor:
        return torch.tensor(np.asarray(values), dtype=torch.float32, device=renderer.device)

    views = Views(tensor(rotation), tensor(position),
                  tensor([[c.fx, c.fy, c.cx, c.cy] for c in cameras]),
                  cameras[0].width, cameras[0].height)
    color, depth = scene.render(views)
    pictures = expose(color, list(sensors), rng)
    return [Frame(*of_one) for of_one in zip(pictures, depth.cpu().numpy(), cameras, rotation,
                                             position)]
