# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Trust per pixel for networks that have none of their own: range, edges, flip consistency.

A sum of evidence through a logistic function. Its constants come from 22 frames of 11 generated
drives (`drives/synthetic`, six and five kinds of street, KITTI's camera): the weights from how
often it ranks better there than range and image row do, with the depth of RT-MonoDepth-S, METER
and `compact`; the level from RT-MonoDepth-S and `compact`, since METER cannot read these streets
(37 % right). `docs/clouds.md` says what it is worth on real frames.
"""
from __future__ import annotations

from collections.abc import Collection, Sequence
import math

import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.imaging.intrinsics import PinholeCamera

CUES = ('range', 'edges', 'flip')
# Edges tell little of how wrong depth is: with the other two they rank worse (measured).
USUAL = ('range', 'flip')

# Evidence is gathered in square cells of this angle, in radians: finer says no more.
CELL = 0.0108
# The windows, in cells, over which two depths of one place are compared: errors have the size of
# things, near and far ones.
WINDOWS = (7, 15)
# Radians by which a pixel may look over and under the horizon for that to count.
STEEPEST = 0.2
# Differences of log depth that count as none, and as two surfaces.
LEAST, MOST = 0.02, 0.2
# Metres between which depths are compared: beyond, log depth says nothing.
NEAREST, FARTHEST = 0.1, 500.0

# Log odds of a relative error under 25 %: a constant, and what each cue adds. Where a cue is off,
# its mean over the streets takes its place.
BIAS = -1.5
WEIGHTS = {'range': 8.6, 'edges': -0.123, 'flip': -0.613}
MEANS = {'range': 0.115, 'edges': -2.03, 'flip': -2.68}


def unlike(shares: Sequence[tuple[float, float]]) -> str:
    """
    Return a sentence where pictures are unlike what a network knows, or ''.

    shares: `sure` and `least_sure` of the Estimates of the last seconds, or of a folder.
    """
    if not shares:
        return ''
    middle, least = np.median(shares, 0)
    if middle >= least:
        return ''
    return ('these pictures are unlike what the network knows: it holds '
            f'{middle:.0%} of their depth for right within 25 %, which is under {least:.0%}; look '
            'at the intrinsics and at how the camera hangs (rotation), or choose another model')


def confidence(depth: torch.Tensor, camera: PinholeCamera,
               mirrored: torch.Tensor | None = None,
               cues: Collection[str] = USUAL) -> torch.Tensor:
    """
    Return the probability that the relative error of `depth` is under 25 %: (H, W) float32.

    Best on the network's own grid, before anything is stretched. It falls with each cue:

    - range: of the floor, not of what is seen: an angle under the horizon of a level camera.
      The predicted range ranks worse than the image row does; this is the row, in radians.
    - edges: how much depth differs within a cell and those around it, as a factor.
    - flip: how much `mirrored` differs, as a factor, around the pixel.

    :param depth: (H, W) float32 metres; NaN and -Inf get 0, +Inf counts as very far.
    :param camera: of these H x W pixels.
    :param mirrored: what the network says of the mirrored picture, mirrored back (for a
        network that takes a camera, with the mirrored cx); None leaves `flip` out.
    :param cues: of CUES, those that count.
    """
    log = _log(depth)
    height, width = depth.shape
    size = (_count(height, camera.fy), _count(width, camera.fx))
    odds = torch.full(size, BIAS, device=depth.device)
    found = {}
    if 'range' in cues:
        rows = torch.arange(size[0], device=depth.device)
        down = ((rows + 0.5) * (height / size[0]) - 0.5 - camera.cy) / camera.fy
        found['range'] = down.clamp_(-STEEPEST, STEEPEST)[:, None]
    if 'edges' in cues:
        ends = F.adaptive_max_pool2d(torch.stack([log, -log])[None], size)
        jump = F.max_pool2d(ends, 3, 1, 1)[0].sum(0)
        found['edges'] = jump.add_(LEAST).log_().clamp_(max=math.log(LEAST + MOST))
    if 'flip' in cues and mirrored is not None:
        apart = _cells((log - _log(mirrored)).abs_()[None, None], size)
        found['flip'] = sum(_blurred(apart, window).add_(LEAST).log_()
                            for window in WINDOWS) / len(WINDOWS)
    for cue in CUES:
        odds = odds + WEIGHTS[cue] * found.get(cue, MEANS[cue])
    sure = F.interpolate(odds[None, None], (height, width), mode='bilinear',
                         align_corners=False)[0, 0].sigmoid_()
    return sure.masked_fill_(~(depth > 0), 0)


def _log(depth: torch.Tensor) -> torch.Tensor:
    return depth.clamp(NEAREST, FARTHEST).nan_to_num_(FARTHEST).log_()


def _count(pixels: int, focal: float) -> int:
    """Return how many cells fit in, never more than pixels: a calibration may be wrong."""
    return min(max(round(pixels / focal / CELL), 1), pixels)


def _cells(plane: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.adaptive_avg_pool2d(plane, size)[0, 0]


def _blurred(cells: torch.Tensor, window: int) -> torch.Tensor:
    """Return the mean over a square window, of what is in the picture."""
    plane = cells[None, None]
    for kernel in ((window, 1), (1, window)):
        plane = F.avg_pool2d(plane, kernel, 1, (kernel[0] // 2, kernel[1] // 2),
                             count_include_pad=False)
    return plane[0, 0]
