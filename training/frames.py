# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The training set: shards of rendered frames, each a function of the seed and its number.

Streets and rooms take turns, and both are seen by the same cameras: a network that could tell
the worlds apart by the shape of a picture would learn that and nothing else.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import sys

import numpy as np
import torch

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.drawing.render import Renderer
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.frames import Frame, Mount, pose, random_spot, take
from depth_estimation_ros.synthetic.rooms.kinds import BETWEEN, random_room
from depth_estimation_ros.synthetic.streets.kinds import random_street
from depth_estimation_ros.synthetic.things.objects import library

SHARD = 48  # frames
VIEWS = 4  # frames of a place
SETS = 6  # of ready-made things; a shard takes one
STREET, ROOM = 0, 1  # the world of a shard: its number modulo 2
SAME_WORLD = (0.65, 1.5)  # the median of estimate / truth where the world was not mistaken
NEAREST = 0.2  # metres; nearer than this nothing is learned


@dataclass(frozen=True)
class Shape:
    """A picture's size and the range of its focal length in pixels."""

    width: int
    height: int
    focal: tuple[float, float]


# Horizontal fields of view of 72..90, 50..70, 96..110, 73..91, 55..86 and 82..106 degrees.
SHAPES = (Shape(480, 160, (240, 330)), Shape(320, 224, (230, 340)),
          Shape(576, 192, (200, 260)), Shape(448, 256, (220, 300)),
          Shape(352, 256, (190, 340)), Shape(448, 320, (170, 260)))
PATTERN = (0, 4, 1, 3, 0, 4, 2, 5, 1, 3)  # shapes of the shards of either world, in turn


def shape_of(shard: int) -> int:
    """Return which of SHAPES all frames of a shard have."""
    return PATTERN[shard // 2 % len(PATTERN)]


def random_camera(rng: np.random.Generator, shape: Shape) -> PinholeCamera:
    """Return a camera of that shape."""
    fx = rng.uniform(*shape.focal)
    fy = fx * float(np.exp(np.clip(rng.normal() * 0.06, -0.13, 0.13)))
    return PinholeCamera(shape.width, shape.height, fx, fy,
                         shape.width * (0.5 + float(np.clip(rng.normal() * 0.03, -0.08, 0.08))),
                         shape.height * (0.5 + float(np.clip(rng.normal() * 0.06, -.15, .15))))


class FrameMaker:
    """Renders shards on a device."""

    def __init__(self, seed: int, device: str = 'cpu'):
        self.seed = seed
        self.device = device
        self._sets: dict[int, tuple] = {}

    def _set(self, number: int) -> tuple:
        if number not in self._sets:
            self._sets[number] = (Renderer(self.seed * 1000 + number, self.device),
                                  library(self.seed * 1000 + number))
        return self._sets[number]

    def shard(self, number: int) -> dict[str, np.ndarray]:
        """
        Return image (N, H, W, 3) uint8, depth (N, H, W) float16, camera (N, 4) float32, known.

        known (N, 3) float32: the world (0 a street, 1 a room, 0.5 between them), the camera's
        height in metres above the floor, its pitch in radians (positive looks down).
        """
        rng = np.random.default_rng([self.seed, number])
        renderer, things = self._set(number // 2 % SETS)
        shape, frames, known = SHAPES[shape_of(number)], [], []
        while len(frames) < SHARD:
            cameras = [random_camera(rng, shape) for _ in range(VIEWS)]
            sensors = [Sensor.random(rng) for _ in range(VIEWS)]
            if number % 2 == ROOM:
                place = random_room(rng, things)
                poses = [place.random_place(rng) for _ in range(VIEWS)]
                heights = [position[2] for _, position in poses]
                world = 0.5 if place.kind in BETWEEN else 1.0
            else:
                place = random_street(rng, things)
                mounts = [Mount.random(rng, place.kind == 'square') if rng.random() < 0.65
                          else Mount.robot(rng) for _ in range(VIEWS)]
                poses = [pose(place, random_spot(rng, place, mount.aside), mount)
                         for mount in mounts]
                heights, world = [mount.height for mount in mounts], 0.0
            for frame, height in zip(take(renderer, place, poses, cameras, sensors, rng), heights):
                if worth(frame, number % 2 == ROOM, rng):
                    frames.append(frame)
                    known.append((world, height, -np.arcsin(frame.rotation[2, 2])))
        frames = frames[:SHARD]
        return {'image': np.stack([f.image for f in frames]),
                'depth': np.stack([f.depth for f in frames]).clip(0, 60000).astype(np.float16),
                'camera': np.array([[f.camera.fx, f.camera.fy, f.camera.cx, f.camera.cy]
                                    for f in frames], np.float32),
                'known': np.array(known[:SHARD], np.float32)}


def worth(frame: Frame, room: bool, rng: np.random.Generator) -> bool:
    """Return whether a frame teaches something: not the inside of a thing, seldom a bare wall."""
    depth = np.minimum(frame.depth, 1e4)
    if np.percentile(depth, 4) < NEAREST or np.percentile(depth, 97) < 0.6:
        return False
    log = np.log(depth)
    edges = (np.abs(np.diff(log, axis=1)) > 0.05).mean()
    chance = 1.0
    if np.median(depth) < (1.0 if room else 3.0):
        chance *= 0.3
    if edges < 0.008:  # nothing stands there
        chance *= 0.3
    return bool(rng.random() < chance)


def shard_path(folder: Path, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f'{number:05d}.npz'


def main(folder: str, seed: str, first: str, step: str, last: str, device: str) -> None:
    """Render shards first, first + step, ... below last that are not there yet."""
    torch.set_num_threads(1)
    maker = FrameMaker(int(seed), device)
    for number in range(int(first), int(last), int(step)):
        path = shard_path(Path(folder), number)
        if not path.exists():
            with torch.inference_mode():
                arrays = maker.shard(number)
            part = path.with_suffix('.part')
            with part.open('wb') as file:
                np.savez(file, **arrays)
            part.rename(path)


if __name__ == '__main__':
    main(*sys.argv[1:])
