# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every network of the catalogue is to the rest of the package."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
import math
from pathlib import Path
from typing import Any

from torch import nn


class ModelError(ValueError):
    """A checkpoint that is not the network it was taken for; the message says what to change."""


@dataclass(frozen=True)
class TrainingCamera:
    """
    The pinhole camera that a network was trained with.

    Focal lengths and centre are parts of the picture's width (fx, cx) and height (fy, cy).
    """

    name: str
    fx: float
    fy: float
    cx: float = 0.5
    cy: float = 0.5


class ScaleKind(Enum):
    """How far a network's numbers are metres."""

    METRIC = 'metric'
    METRIC_ON_TRAINING_CAMERA = 'metric on its training camera'
    METRIC_FROM_INTRINSICS = 'metric from intrinsics'
    UP_TO_SCALE = 'up to scale'
    RELATIVE_INVERSE = 'relative inverse depth'


@dataclass(frozen=True)
class ScaleContract:
    """
    What a network's unit is in metres.

    `metres_per_unit` is None where nobody knows. `reason` is a clause without a full stop that
    says how the metres come about, or why there are none.
    """

    kind: ScaleKind
    metres_per_unit: float | None
    reason: str

    @property
    def relative(self) -> bool:
        """Whether values are inverse depth of unknown scale and shift."""
        return self.kind is ScaleKind.RELATIVE_INVERSE


@dataclass
class Network:
    """
    A network with its weights, and how to read it.

    `module(rgb)`, or where `takes_camera` is true `module(rgb, camera)`, takes RGB (B, 3, H, W),
    float in 0..1 (float32 also where the module computes in half precision), normalises it
    itself, and returns values (B, 1, h, w) float32 and confidence (B, 1, h, w) float32 in 0..1,
    the probability that the relative error is under 25 %, or where `has_confidence` is false
    None, and of a pair for streets and rooms the probability (B, 1) that it is a room; h and w may
    be coarser than H and W. Values are depth along the optical axis in model units, or where
    `inverse` is true 1 / depth. `camera` is (B, 4) float32: fx, fy, cx, cy in
    pixels of `rgb`.

    H and W are input_height and input_width, or where `size_for` is given what that says of
    (width, height, fx, fy) of the camera; then input_width and input_height are a usual case.
    `field_of_view` is what the training held, horizontal, degrees, least and most. `multiple` is
    what both sides of any input are multiples of, or None where the network takes one size only,
    `least` is how many multiples a side has at least.
    `least_sure` is the mean confidence under which a picture is unlike what it knows.
    `rooms` is the network that reads pictures of rooms in its place, of equal contract, grid and
    outputs (estimation/scenes.py), None where there is none.
    `resize` is the filter that pictures are brought to it with, lanczos or bilinear. Where
    `fixed_precision` is true the module computes as it was made, whatever is asked. Where `square`
    is true its pixels must be so: a picture of another shape gets a border.
    """

    name: str
    module: nn.Module
    input_width: int
    input_height: int
    inverse: bool
    contract: ScaleContract
    training_camera: TrainingCamera | None
    description: str
    takes_camera: bool = False
    has_confidence: bool = False
    size_for: Callable[[int, int, float, float], tuple[int, int]] | None = None
    field_of_view: tuple[float, float] | None = None
    multiple: int | None = 32
    least: int = 1
    least_sure: float = 0.0
    rooms: Network | None = None
    resize: str = 'lanczos'
    fixed_precision: bool = False
    square: bool = False

    def input_size(self, camera) -> tuple[int, int]:
        """Return the width and height of its input for a camera (width, height, fx, fy; px)."""
        if self.size_for is None:
            return self.input_width, self.input_height
        return self.size_for(camera.width, camera.height, camera.fx, camera.fy)

    def resized(self, width: int, height: int) -> Network:
        """Return it with this input for every camera, rounded to its multiple; or ModelError."""
        if self.multiple is None:
            if (width, height) == (self.input_width, self.input_height):
                return self
            raise ModelError(f'{self.description} takes {self.input_width}x{self.input_height} '
                             f"only, not {width}x{height}: set input_size to 'auto'")
        width, height = (max(round(side / self.multiple), self.least) * self.multiple
                         for side in (width, height))
        return replace(self, input_width=width, input_height=height, size_for=None,
                       rooms=self.rooms and self.rooms.resized(width, height))


def near(pixels: int, multiple: int, width: float, height: float, fx: float,
         fy: float) -> tuple[int, int]:
    """
    Return the input (width, height) of about `pixels` in a camera's shape.

    Sides are multiples of `multiple`; pixels of the input are square. With the first two bound
    it is a Network's `size_for`.
    """
    aspect = width * fy / (height * fx)
    # A wrong calibration may want an endless strip.
    longest = max(pixels // multiple**2, 1)
    tall, wide = (min(max(round(side / multiple), 1), longest) * multiple
                  for side in (math.sqrt(pixels / aspect), math.sqrt(pixels * aspect)))
    return wide, tall


@dataclass(frozen=True)
class Download:
    """
    A file as its owner publishes it, `name` in the checkpoint's folder here.

    `sha256` and `md5` are hex digests that the owner states, `size` is in bytes, None = unknown.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Entry:
    """
    A network of the catalogue, in the words that a user chooses by.

    `files` names the files of its checkpoint and `build` makes the network of their entries;
    `marks` has for each file a key that no other family's file has, by which a wrong checkpoint
    is told. A checkpoint that a library reads has no files but `open`, which takes its path.
    `shipped` is the checkpoint that comes with this package, one file, and its SHA-256, `rooms`
    the name of the entry whose shipped network takes turns with its own, in rooms;
    `downloads` is what its owner publishes, `folder` the one in a published archive that holds
    the files, where it holds several of their names. `parameters` is in millions, `scale` None
    where the checkpoint decides, `commercial` false where the owner of the weights allows no
    commercial use, or nobody knows. `input_size` is in words, `scenes` what it
    is for: streets, rooms, both, or '-' where its maker knows.
    """

    name: str
    parameters: float | None
    input_size: str
    training: str
    scale: ScaleKind | None
    licence: str
    commercial: bool
    source: str
    published: str
    scenes: str = 'streets'
    build: Callable[[Mapping[str, Mapping[str, Any]]], Network] | None = None
    files: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    open: Callable[[Path], Network] | None = None
    shipped: tuple[Path, str] | None = None
    rooms: str = ''
    downloads: tuple[Download, ...] = ()
    folder: str = ''
