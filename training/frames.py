# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training set: shards of rendered frames, each a function of the seed and its number."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import sys

import numpy as np
import torch

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.drawing.render import Renderer
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.frames import Mount, pose, random_spot, take
from depth_estimation_ros.synthetic.streets.kinds import random_street
from depth_estimation_ros.synthetic.things.objects import library

SHARD = 48  # frames
VIEWS = 4  # frames of a street
WORLDS = 6  # sets of ready-made things; a shard takes one


@dataclass(frozen=True)
class Shape:
    """A picture's size and the range of its focal length in pixels."""

    width: int
    height: int
    focal: tuple[float, float]


# Horizontal fields of view of 72..90, 51..70, 96..110 and 73..91 degrees.
SHAPES = (Shape(480, 160, (240, 330)), Shape(320, 224, (230, 340)),
          Shape(576, 192, (200, 260)), Shape(448, 256, (220, 300)))
PATTERN = (0, 1, 0, 2, 0, 3, 0, 1, 0, 2)  # shapes of the shards, one after the other


def shape_of(shard: int) -> Shape:
    """Return the shape of all frames of a shard."""
    return SHAPES[PATTERN[shard % len(PATTERN)]]


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
        self._worlds: dict[int, tuple] = {}

    def _world(self, number: int) -> tuple:
        if number not in self._worlds:
            self._worlds[number] = (Renderer(self.seed * 1000 + number, self.device),
                                    library(self.seed * 1000 + number))
        return self._worlds[number]

    def shard(self, number: int) -> dict[str, np.ndarray]:
        """Return image (N, H, W, 3) uint8, depth (N, H, W) float16 and camera (N, 4) float32."""
        rng = np.random.default_rng([self.seed, number])
        renderer, things = self._world(number // 40 % WORLDS)
        shape, frames = shape_of(number), []
        while len(frames) < SHARD:
            street = random_street(rng, things)
            poses = [pose(street, random_spot(rng, street),
                          Mount.random(rng, street.kind == 'square'))
                     for _ in range(VIEWS)]
            cameras = [random_camera(rng, shape) for _ in range(VIEWS)]
            taken = take(renderer, street, poses, cameras,
                         [Sensor.random(rng) for _ in range(VIEWS)], rng)
            # A lorry's back that fills the picture teaches nothing.
            frames += [f for f in taken if np.median(f.depth) > 3.0]
        frames = frames[:SHARD]
        return {'image': np.stack([f.image for f in frames]),
                'depth': np.stack([f.depth for f in frames]).clip(0, 60000).astype(np.float16),
                'camera': np.array([[f.camera.fx, f.camera.fy, f.camera.cx, f.camera.cy]
                                    for f in frames], np.float32)}


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
