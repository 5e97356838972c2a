# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth as the pictures that are published: millimetres, colours."""
from __future__ import annotations

import math

import cv2
import numpy as np
import torch

# The colour picture spans distances of one to fifty: 1.6 m to 80 m, 0.2 m to 10 m.
COLOR_SPAN = 50.0


def encode(depth: torch.Tensor, encoding: str) -> np.ndarray:
    """Return depth (H, W) float32 metres as `32FC1`, or as `16UC1`: millimetres, 0 = none."""
    if encoding == '32FC1':
        return depth.cpu().numpy()
    millimetres = (depth * 1000).round_()
    # Outside of what 16 bits hold there is none: a saturated value would be a phantom wall.
    millimetres = torch.where((millimetres > 0) & (millimetres < 65535), millimetres, 0.0)
    # The wrap-around of int16 keeps the 16 bits that uint16 wants; torch lacks uint16 arithmetic.
    return millimetres.to(torch.int32).to(torch.int16).cpu().numpy().view(np.uint16)


def palette() -> np.ndarray:
    """Return the colours of depth, near (red) to far (blue): (256, 3) uint8 BGR."""
    ramp = np.arange(255, -1, -1, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO)[:, 0]


def colorize(depth: torch.Tensor, max_depth: float, colors: torch.Tensor) -> np.ndarray:
    """Return depth (H, W) in metres as (H, W, 3) uint8 BGR; `colors` is `palette`, there."""
    nearest = max_depth / COLOR_SPAN
    place = (depth / nearest).log().mul_(255 / math.log(COLOR_SPAN)).nan_to_num_(0, 0, 0)
    color = colors[place.round_().clamp_(0, 255).long()]
    return color.masked_fill_(~depth.isfinite()[..., None], 0).cpu().numpy()
