# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metres from a range sensor: its points held against depth of unknown scale, pixel by pixel."""
from __future__ import annotations

import math

import cv2
import numpy as np

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.scale.tracker import Declined, Reading

# A point is hidden from the camera where one this near to it, as parts of the picture's width
# and height, is nearer by HIDDEN. Over more rows the road itself would hide the road.
ASIDE, ABOVE, HIDDEN = 1 / 150, 1 / 120, 1.15
BLOCKS = 16  # parts of the picture a side; the points of one are wrong together
# Relative error of a network's depth at one place, before its points say more; in blocks.
USUAL, USUAL_WEIGHT = 0.12, 3.0
FLOOR = 0.01  # what no number of points takes away: extrinsics, stamps
MAX_SPREAD = 0.5  # of log(measured / depth), robust standard deviation
LEAST_RELATIVE = 20  # points for a scale and a shift
MIN_CONTRAST = 1.5  # farthest to nearest of them
# Of the contrast that was measured, in log depth: values that say nothing come out flat, at the
# distance that most points have.
LEAST_SPAN = 0.5
ROUNDS = 20


def measure(points: np.ndarray, depth: np.ndarray, camera: PinholeCamera, relative: bool = False,
            cone: float = 0.0) -> Reading | Declined:
    """
    Return the scale that lays the depth on the points.

    points: (N, 3) metres, in the camera's optical frame, at the time of the picture; not finite
    is none. One point will do, with the uncertainty that it deserves. depth: (H, W) along Z in
    any unit on the camera's grid, or where `relative` inverse depth of unknown scale and shift;
    what is not finite and, unless relative, above 0 is none. cone: radians from the middle to the
    edge of a sensor that tells the nearest thing in a cone, whose axis its point lies on.
    """
    measured, pixels = _visible(np.asarray(points, np.float64)[:, :3], camera)
    if len(measured) == 0:
        return Declined('no point of the range sensor lies in the view of the camera: check the '
                        'extrinsics')
    depth = np.asarray(depth)
    values = (_nearest(depth, pixels, cone * camera.fx, relative) if cone > 0
              else depth[pixels[:, 1], pixels[:, 0]].astype(np.float64))
    known = np.isfinite(values) & (relative | (values > 0))
    measured, pixels, values = measured[known], pixels[known], values[known]
    if len(measured) == 0:
        return Declined('there is no depth where the points of the range sensor are')
    size = camera.width / BLOCKS, camera.height / BLOCKS
    blocks = len(np.unique((pixels // size) @ (1, BLOCKS)))
    if relative:
        return _fit_relative(measured, values, blocks)
    ratio = np.log(measured / values)
    middle = float(np.median(ratio))
    spread = 1.4826 * float(np.median(np.abs(ratio - middle)))
    if spread > MAX_SPREAD:
        return Declined(_scattered(spread))
    return Reading(math.exp(middle), _sigma(spread, blocks))


def _visible(points: np.ndarray, camera: PinholeCamera) -> tuple[np.ndarray, np.ndarray]:
    """Return Z in metres (M,) and pixels (M, 2) int, (u, v), of the points that it sees."""
    points = points[np.isfinite(points).all(1) & (points[:, 2] > 1e-3)]
    x, y, z = points.T
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    inside = (u >= -0.5) & (u < camera.width - 0.5) & (v >= -0.5) & (v < camera.height - 0.5)
    pixels = np.stack([np.rint(u[inside]), np.rint(v[inside])], 1).astype(np.intp)
    z = z[inside]
    first = np.full((camera.height, camera.width), np.finfo(np.float32).max, np.float32)
    order = np.argsort(-z)  # the nearest is written last
    first[pixels[order, 1], pixels[order, 0]] = z[order]
    window = np.ones((2 * round(ABOVE * camera.height) + 1, 2 * round(ASIDE * camera.width) + 1),
                     np.uint8)
    nearest = cv2.erode(first, window)[pixels[:, 1], pixels[:, 0]]
    seen = z < nearest * HIDDEN
    return z[seen], pixels[seen]


def _nearest(depth: np.ndarray, pixels: np.ndarray, radius: float, inverse: bool) -> np.ndarray:
    """Return of each pixel the depth that the nearest tenth within `radius` pixels begins at."""
    reach = max(round(radius), 1)
    found = []
    for u, v in pixels:
        part = depth[max(v - reach, 0):v + reach + 1, max(u - reach, 0):u + reach + 1]
        part = part[np.isfinite(part)]
        found.append(np.quantile(part, 0.9 if inverse else 0.1) if part.size else math.nan)
    return np.array(found, np.float64)


def _fit_relative(measured: np.ndarray, values: np.ndarray, blocks: int) -> Reading | Declined:
    """Return s and t of 1 / Z = s v + t with the least sum of |relative errors of depth|."""
    if len(measured) < LEAST_RELATIVE:
        return Declined(f'{len(measured)} points of the range sensor are too few for the scale '
                        f'and the shift of relative depth: {LEAST_RELATIVE} are needed')
    near, far = np.percentile(measured, (5, 95))
    if far < MIN_CONTRAST * near:
        return Declined(f'the points of the range sensor are all about {near:.1f} to {far:.1f} m '
                        'away: the scale and the shift of relative depth cannot be told apart')
    terms = np.stack([values, np.ones(len(values))], 1) * measured[:, None]
    weight = np.ones(len(values))
    for _ in range(ROUNDS):
        weighted = terms * weight[:, None]
        slope, shift = np.linalg.lstsq(weighted.T @ terms, weighted.sum(0), rcond=None)[0]
        error = np.abs(terms @ (slope, shift) - 1)
        weight = 1 / np.maximum(error, 1e-3)
    lowest, highest = np.percentile(terms @ (slope, shift) / measured, (5, 95))  # 1 / metre
    if lowest > 0 and highest / lowest < (far / near) ** LEAST_SPAN:
        return Declined(
            f'over its points of {near:.1f} to {far:.1f} m the depth goes only from '
            f'{1 / highest:.1f} to {1 / lowest:.1f} m, however it is scaled and shifted: check '
            'the extrinsics and the stamps')
    if slope <= 0:
        return Declined('what the range sensor says is near the depth says is far: check the '
                        'extrinsics and the stamps')
    spread = 1.4826 * float(np.median(error))
    if spread > MAX_SPREAD:
        return Declined(_scattered(spread))
    return Reading(1 / float(slope), _sigma(spread, blocks), float(shift))


def _scattered(spread: float) -> str:
    return (f'the points of the range sensor and the depth differ by {spread:.0%} from place to '
            'place: check the extrinsics and the stamps')


def _sigma(spread: float, blocks: int) -> float:
    """Return the relative uncertainty of a middle of that spread over so many blocks."""
    variance = ((USUAL_WEIGHT * USUAL ** 2 + blocks * spread ** 2) / (USUAL_WEIGHT + blocks))
    return math.hypot(FLOOR, math.sqrt(variance / blocks))
