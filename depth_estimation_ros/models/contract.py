# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every network of the catalogue is to the rest of the package."""
from __future__ import annotations

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

    `module(rgb)` takes RGB (B, 3, input_height, input_width), float in 0..1 (float32 also where
    the module computes in half precision), normalises it itself, and returns values
    (B, 1, h, w) float32 and confidence (B, 1, h, w) in 0..1 or None. Values are depth along the
    optical axis in model units, or where `inverse` is true 1 / depth.
    """

    name: str
    module: nn.Module
    input_width: int
    input_height: int
    inverse: bool
    contract: ScaleContract
    training_camera: TrainingCamera | None
    description: str
