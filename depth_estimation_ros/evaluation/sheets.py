# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture sheets: image, depth and truth beside each other, with a colour bar and from above."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from depth_estimation_ros.imaging.intrinsics import PinholeCamera


# Round metres: ends of a colour bar, and how far the view from above reaches.
ROUND = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
REACHES = (2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0)
ENDS, MOST = (1.0, 98.0), 90.0  # percentiles of the depth that they hold


class Span(NamedTuple):
    """Metres: the ends of the colour bar, and how far ahead the view from above shows."""

    near: float
    far: float
    reach: float


def span_of(depth: np.ndarray) -> Span:
    """Return what suits depth in metres; for pictures that are to compare, that of the first."""
    known = depth[np.isfinite(depth) & (depth > 0)]
    if not len(known):
        return Span(1.0, 80.0, 50.0)
    low, high, most = np.percentile(known, [*ENDS, MOST])
    near = max((r for r in ROUND[:-1] if r <= low), default=ROUND[0])
    return Span(near, min((r for r in ROUND if r >= high and r > near), default=ROUND[-1]),
                min((r for r in REACHES if r >= most), default=REACHES[-1]))


def colorize(depth: np.ndarray, min_depth: float, max_depth: float) -> np.ndarray:
    """
    Paint depth over a fixed range, so that the same colour is the same distance in any picture.

    :param depth: (H, W), metres.
    :returns: (H, W, 3) uint8 BGR: TURBO over log depth, red near, blue far; what is nearer or
        farther than the range takes its end's colour; not finite or not above 0 is black.
    """
    valid = np.isfinite(depth) & (depth > 0)
    log = np.log(np.where(valid, depth, min_depth) / min_depth)
    index = np.rint(255 * np.clip(log / np.log(max_depth / min_depth), 0, 1)).astype(np.uint8)
    color = cv2.applyColorMap(255 - index, cv2.COLORMAP_TURBO)
    color[~valid] = 0
    return color


PANEL_AREA = 440 ** 2  # pixels; labels are legible where the sheet is shown at half its size
TITLE = 32  # pixels
MARGIN = 14  # pixels
BACKGROUND = (32, 28, 26)
GRID = (84, 78, 74)
INK = (235, 235, 235)
TRUTH_COLOR = (70, 240, 110)
# Prediction over truth, from half (too near) through equal to twice (too far).
RATIO_COLORS = np.array([(40, 50, 225), (120, 160, 250), (240, 240, 240),
                         (250, 190, 110), (235, 100, 30)], np.float64)
DOT = np.ones((5, 5), np.uint8)
DENSE = 0.3  # truth at more than this part of the pixels is no LiDAR's: no dots have to grow
OVERHEAD = 1.0  # metres above the camera; higher points would hide the street from above


def picture_sheet(image: np.ndarray, depth: np.ndarray, camera: PinholeCamera | None = None,
                  truth: np.ndarray | None = None, span: Span | None = None,
                  confidence: np.ndarray | None = None) -> np.ndarray:
    """
    Draw one frame's result: image and depth, with truth its error, with a camera the cloud.

    :param image: (H, W, 3) uint8 BGR.
    :param depth: (H, W) metres; NaN and Inf are black.
    :param camera: the camera of `depth`, for the view from above.
    :param truth: (H, W) metres, 0 where not known; its obstacles are drawn into the view from
        above as well.
    :param span: of the colours and of the view from above, the same for every frame of a series
        so that they compare; None: what suits this depth.
    :param confidence: (H, W) in 0..1; black is 0, white 1. Beside it, with truth, where the depth
        is within 25 % of it: a confidence that is worth something looks alike.
    :returns: (rows, columns, 3) uint8 BGR, labelled.
    """
    min_depth, max_depth, reach = span or span_of(depth)
    width = round((PANEL_AREA * depth.shape[1] / depth.shape[0]) ** 0.5)
    columns = [np.vstack((
        _panel('image', image, width),
        _panel('depth (black: none, or beyond)', colorize(depth, min_depth, max_depth), width),
        _bar(colorize(np.geomspace(min_depth, max_depth, width)[None], min_depth, max_depth),
             np.log([min_depth, max_depth]),
             {f'{tick:g} m': np.log(tick) for tick in ROUND
              if min_depth <= tick <= max_depth})))]
    if truth is not None:
        columns.append(np.vstack((
            _panel('truth', colorize(_grown_truth(truth), min_depth, max_depth), width),
            _panel('depth / truth', _ratio_color(_grown_ratio(depth, truth)), width),
            _bar(_ratio_color(np.linspace(-1, 1, width)[None]), (-1, 1),
                 {'0.5 (too near)': -1, '0.8': np.log2(0.8), '1': 0, '1.25': np.log2(1.25),
                  '2 (too far)': 1}))))
    if confidence is not None:
        grey = np.linspace(0, 255, width).astype(np.uint8)[None, :, None].repeat(3, 2)
        shown = np.vstack((
            _panel('confidence: the chance that depth is within 25 %', _grey(confidence), width),
            _bar(grey, (0, 1), {'0': 0, '0.5': 0.5, '1': 1})))
        if truth is None:
            columns[0] = np.vstack((columns[0], shown))
        else:
            columns.append(np.vstack((shown, _panel(
                'where it is (black: not)', _right(depth, truth), width))))
    if camera is not None:
        columns.append(_from_above(image, depth, camera, truth, reach, len(columns[0])))
    sheet = np.hstack([cv2.copyMakeBorder(column, 0, MARGIN, 0, MARGIN, cv2.BORDER_CONSTANT,
                                          value=BACKGROUND) for column in columns])
    return cv2.copyMakeBorder(sheet, 0, 0, MARGIN, 0, cv2.BORDER_CONSTANT, value=BACKGROUND)


def _grey(share: np.ndarray) -> np.ndarray:
    return (share.clip(0, 1) * 255).astype(np.uint8)[..., None].repeat(3, 2)


def _right(depth: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Paint where depth is within 25 % of the truth: white; black: not; nothing is known."""
    ratio = _grown_ratio(depth, truth)  # log2, to a factor of two
    right = (ratio < np.log2(1.25)) & (ratio > np.log2(0.75))
    picture = np.full((*depth.shape, 3), GRID, np.uint8)
    picture[np.isfinite(ratio)] = 0
    picture[right] = 255
    return picture


def _canvas(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def _write(canvas: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, INK, 1, cv2.LINE_AA)


def _panel(title: str, picture: np.ndarray, width: int) -> np.ndarray:
    size = width, round(picture.shape[0] * width / picture.shape[1])
    head = _canvas(TITLE, width)
    _write(head, title, 0, 22)
    return np.vstack((head, cv2.resize(picture, size, interpolation=cv2.INTER_AREA)))


def _bar(colors: np.ndarray, ends: Sequence[float], ticks: dict[str, float]) -> np.ndarray:
    """Draw a colour scale, (1, width, 3), with `ticks`: label to a value between `ends`."""
    width = colors.shape[1]
    bar = _canvas(44, width)
    bar[8:22] = colors
    for label, value in ticks.items():
        x = round((value - ends[0]) / (ends[1] - ends[0]) * (width - 1))
        extent = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0][0]
        cv2.line(bar, (x, 22), (x, 26), INK, 1)
        _write(bar, label, min(max(x - extent // 2, 0), width - extent), 42)
    return bar


def _grown_truth(truth: np.ndarray) -> np.ndarray:
    """Grow sparse truth to dots that can be seen; the nearest covers the others."""
    known = truth > 0
    if known.mean() > DENSE:
        return truth
    inverse = cv2.dilate(np.where(known, 1 / np.where(known, truth, 1), 0), DOT)
    return np.where(inverse > 0, 1 / np.where(inverse > 0, inverse, 1), 0)


def _grown_ratio(depth: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Give log2(depth / truth), grown to dots, NaN for none; the worst covers the others."""
    known = (truth > 0) & np.isfinite(depth) & (depth > 0)
    ratio = np.log2(np.where(known, depth, 1) / np.where(known, truth, 1)).clip(-1, 1)
    if (truth > 0).mean() > DENSE:
        return np.where(known, ratio, np.nan)
    too_far = cv2.dilate(np.where(known, ratio, -2.0), DOT)
    too_near = cv2.dilate(np.where(known, -ratio, -2.0), DOT)
    worst = np.where(too_far >= too_near, too_far, -too_near)
    return np.where(too_far >= -1, worst, np.nan)


def _ratio_color(ratio: np.ndarray) -> np.ndarray:
    """Paint log2(depth / truth): red too near, white right, blue too far, NaN black."""
    stops = np.linspace(-1, 1, len(RATIO_COLORS))
    known = np.isfinite(ratio)
    color = np.stack([np.interp(np.where(known, ratio, 0), stops, channel)
                      for channel in RATIO_COLORS.T], axis=-1)
    return np.where(known[..., None], color, 0).astype(np.uint8)


def _from_above(image: np.ndarray, depth: np.ndarray, camera: PinholeCamera,
                truth: np.ndarray | None, reach: float, rows: int) -> np.ndarray:
    """Draw the cloud from above, the camera at the bottom, a line every fifth of `reach`."""
    canvas = _canvas(rows, round(0.7 * rows))
    _write(canvas, 'from above' + ('' if truth is None else ', true obstacles in green'), 0, 22)
    view = canvas[TITLE:]
    scale, middle = view.shape[0] / reach, view.shape[1] // 2
    marks = [(f'{reach * step / 5:g} m', round(view.shape[0] * (1 - step / 5)))
             for step in range(1, 5)]

    def draw(metres: np.ndarray, floor: float, color: np.ndarray) -> None:
        v, u = np.nonzero(np.isfinite(metres) & (metres > 0) & (metres < reach))
        z = metres[v, u]
        down = (v - camera.cy) * z / camera.fy
        kept = (down > -OVERHEAD) & (down < floor)
        # The highest point covers those below it, as seen from above.
        order = np.flatnonzero(kept)[np.argsort(-down[kept])]
        v, u, z = v[order], u[order], z[order]
        x = np.rint(middle + (u - camera.cx) * z / camera.fx * scale).astype(int)
        y = np.rint((reach - z) * scale).astype(int)
        seen = (x >= 0) & (x < view.shape[1] - 1) & (y >= 0) & (y < view.shape[0] - 1)
        for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
            view[y[seen] + below, x[seen] + right] = color[v[seen], u[seen]]

    for _, y in marks:
        cv2.line(view, (0, y), (view.shape[1] - 1, y), GRID, 1)
    draw(depth, np.inf, cv2.resize(image, depth.shape[1::-1], interpolation=cv2.INTER_AREA))
    if truth is not None:
        # Around the camera's height there are walls and vehicles, without the ground.
        draw(truth, OVERHEAD, np.full((*truth.shape, 3), TRUTH_COLOR, np.uint8))
    for label, y in marks:
        extent = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0][0]
        view[y - 24:y, :extent + 10] = BACKGROUND
        _write(view, label, 5, y - 7)
    return canvas
