# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every network of the catalogue is to the rest of the package."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

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

    METRIC_ON_TRAINING_CAMERA = 'metric on its training camera'
    METRIC_FROM_INTRINSICS = 'metric from intrinsics'
    UP_TO_SCALE = 'up to scale'


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


@dataclass
class Network:
    """
    A network with its weights, and how to read it.

    `module(rgb)`, or where `takes_camera` is true `module(rgb, camera)`, takes RGB (B, 3, H, W),
    float in 0..1 (float32 also where the module computes in half precision), normalises it
    itself, and returns values (B, 1, h, w) float32 and confidence (B, 1, h, w) float32 in 0..1,
    the probability that the relative error is under 25 %, or where `has_confidence` is false
    None; h and w may be coarser than H and W. Values are depth along the optical axis in model
    units, or where `inverse` is true 1 / depth. `camera` is (B, 4) float32: fx, fy, cx, cy in
    pixels of `rgb`.

    H and W are input_height and input_width, or where `size_for` is given what that says of
    (width, height, fx, fy) of the camera; then input_width and input_height are a usual case.
    `field_of_view` is what the training held, horizontal, degrees, least and most.
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

    def input_size(self, camera) -> tuple[int, int]:
        """Return the width and height of its input for a camera (width, height, fx, fy; px)."""
        if self.size_for is None:
            return self.input_width, self.input_height
        return self.size_for(camera.width, camera.height, camera.fx, camera.fy)
