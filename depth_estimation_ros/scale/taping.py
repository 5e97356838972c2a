# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
From boards at taped distances to `depth_scale` and `depth_shift`.

A model's *value* is its depth in its own units, and Z = depth_scale * value; or, where it gives
relative inverse depth, that, and 1/Z = depth_scale * value + depth_shift.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np

from depth_estimation_ros.estimation.requests import Unscaled
from depth_estimation_ros.imaging.intrinsics import PinholeCamera, Window

# A board that nobody told the place of: a square in the middle, of this part of the picture's
# width. At 80 degrees from edge to edge it is 0.3 m wide at 3 m.
MIDDLE = 1 / 16
SMALLEST = 4  # pixels of a board in the network's grid: fewer are no median
UNSEEN = 0.5  # part of a board's pixels that may be without depth
# 90 % of a board's pixels are within this of its median, or it is no board: background, a slope.
FLAT = 0.10
STEADY = 0.10  # the same of the medians of its frames: it moved, or the model flickers
# How far a board may read from its tape: beyond, no scale fits all of them.
FITTING = 0.10
# Distances nearer to one another (as a ratio) say nothing about a shift.
APART = 1.2


class CalibrationError(ValueError):
    """Boards that give no scale; the message says what to change."""


class Span(NamedTuple):
    """The median of some values, and between which two 90 % of them are."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values) -> Span:
        """Return the span of values (N,)."""
        return cls(*(float(value) for value in np.percentile(values, (5, 50, 95))))


@dataclass(frozen=True)
class Board:
    """
    What a model gave for a board, in its values.

    distance: metres along the optical axis, as taped. across: over its pixels (median of the
    frames). frames: the medians of the `count` frames; their median is the board's value.
    """

    distance: float
    across: Span
    frames: Span
    count: int

    @property
    def value(self) -> float:
        """The median over frames and pixels."""
        return self.frames.median


@dataclass(frozen=True)
class Fit:
    """How values become metres; `shift` (1/m) is None where they are depth."""

    scale: float
    shift: float | None = None

    def metres(self, value: float) -> float:
        """Return the Z of a value, inf beyond what it can tell."""
        if self.shift is None:
            return self.scale * value
        inverse = self.scale * value + self.shift
        return 1 / inverse if inverse > 0 else math.inf

    def error(self, board: Board) -> float:
        """Return how far a board reads from its tape, as a part of it."""
        return self.metres(board.value) / board.distance - 1

    def spread(self, span: Span) -> float:
        """Return half of a span in metres, as a part of its median."""
        ends = self.metres(span.low), self.metres(span.high)
        return abs(ends[1] - ends[0]) / 2 / self.metres(span.median)


def middle(camera: PinholeCamera) -> Window:
    """Return where a board is whose place was not told: a small square in the middle."""
    side = max(round(camera.width * MIDDLE), 1)
    return Window((camera.width - side) // 2, (camera.height - side) // 2, side, side)


def cut(unscaled: Unscaled, camera: PinholeCamera, place: Window) -> np.ndarray:
    """
    Return the values (N,) of the network's pixels that lie inside `place`, NaN left out.

    :param place: in rectified pixels of `camera`, the picture's.
    :raises CalibrationError: it is not in the picture, too small, or without depth.
    """
    named = f'the board at {place.x},{place.y} of {place.width}x{place.height} pixels'
    if place != place.seen(camera.width, camera.height) or min(place.width, place.height) < 1:
        raise CalibrationError(f'{named} is not inside the picture, which has {camera.width}x'
                               f'{camera.height}: change --board')
    grid = unscaled.camera
    left, right = ((u - camera.cx) / camera.fx * grid.fx + grid.cx
                   for u in (place.x, place.x + place.width))
    top, bottom = ((v - camera.cy) / camera.fy * grid.fy + grid.cy
                   for v in (place.y, place.y + place.height))
    # A board at the rim may lie where the network does not look.
    part = unscaled.depth[max(math.ceil(top), 0):max(math.floor(bottom), 0),
                          max(math.ceil(left), 0):max(math.floor(right), 0)]
    if part.size < SMALLEST:
        raise CalibrationError(f'{named} is {part.size} pixels of what the network sees, and '
                               f'{SMALLEST} are too few already: take a larger --board')
    seen = part[np.isfinite(part)]
    if len(seen) < (1 - UNSEEN) * part.size:
        raise CalibrationError(f'the network gives no depth for most of {named}: is it where the '
                               'board is, and not beyond what the training camera saw?')
    return seen


def board(distance: float, pixels: Sequence[np.ndarray]) -> Board:
    """Return what `cut` gave for a board, frame after frame."""
    of_frames = [Span.of(frame) for frame in pixels]
    return Board(distance, Span(*np.median(of_frames, axis=0).tolist()),
                 Span.of([span.median for span in of_frames]), len(of_frames))


def fit(boards: Sequence[Board], relative: bool) -> Fit:
    """
    Return what makes metres of the values of all boards; `relative`: of inverse depth.

    Depth: the mean of the ratios (geometric). Relative inverse depth: least squares of the parts
    by which the boards read wrong.

    :raises CalibrationError: boards that contradict, that are not flat, or not steady; relative
        inverse depth without two distances.
    """
    found = _line(boards) if relative else Fit(math.exp(np.mean(
        [math.log(board.distance / board.value) for board in boards])))
    for one in boards:
        across, frames = found.spread(one.across), found.spread(one.frames)
        if not across <= FLAT:
            raise CalibrationError(
                f'the board at {one.distance:g} m is not flat: the model gives it +- {across:.0%} '
                'from edge to edge; give --board only what belongs to it, let it face the camera, '
                'and give it some texture')
        if not frames <= STEADY:
            raise CalibrationError(
                f'the board at {one.distance:g} m does not keep still: its depth differs by +- '
                f'{frames:.0%} from frame to frame; hold it and the camera steady')
    if not all(abs(found.error(one)) <= FITTING for one in boards):
        readings = ', '.join(f'{one.distance:g} m reads {found.metres(one.value):.2f} m '
                             f'({found.error(one):+.0%})' for one in boards)
        raise CalibrationError(f'the boards contradict one another ({readings}, at most '
                               f'{FITTING:.0%} are expected): check the tape and what is at '
                               '--board, or take another model, for this one sees them in no one '
                               'scale')
    return found


def _line(boards: Sequence[Board]) -> Fit:
    distances = np.array([one.distance for one in boards])
    values = np.array([one.value for one in boards])
    if distances.max() < APART * distances.min():
        raise CalibrationError('this model gives relative inverse depth, whose shift is unknown '
                               'too: give boards at two or more --distance, the farthest at least '
                               f'{APART:g} times as far as the nearest')
    matrix = np.stack([values, np.ones_like(values)], 1) * distances[:, None]
    scale, shift = (float(x) for x in np.linalg.lstsq(matrix, np.ones_like(values), rcond=None)[0])
    if scale <= 0:
        raise CalibrationError('the model does not see nearer boards nearer: check which '
                               '--distance belongs to which board, and what is at --board')
    return Fit(scale, shift)
