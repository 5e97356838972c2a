# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How good a depth image and its confidence are: the KITTI and NYU metrics, tables, picture sheets.

Depth images here are (H, W) float arrays in metres along the optical axis. In ground truth 0
means "not known"; in a prediction NaN means "not known" and +Inf "out of range".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import cv2
import numpy as np

from depth_estimation_ros.camera import PinholeCamera

Crop = tuple[slice, slice]


class EvaluationError(ValueError):
    """A prediction and its truth cannot be compared; the sentence says why."""


def garg_crop(height: int, width: int) -> Crop:
    """Give the rows and columns of Garg et al. 2016, the crop of most KITTI tables."""
    return _fractions(height, width, 0.40810811, 0.99189189, 0.03594771, 0.96405229)


def eigen_crop(height: int, width: int) -> Crop:
    """Give the rows and columns of Eigen et al. 2014, as Garg et al. state them."""
    return _fractions(height, width, 0.3324324, 0.91351351, 0.0359477, 0.96405229)


def nyu_crop(height: int, width: int) -> Crop:
    """
    Give rows 45:471, columns 41:601 of NYUv2, whose pictures have a white border (Eigen 2014).

    :raises EvaluationError: the picture is not 640x480.
    """
    if (height, width) != (480, 640):
        raise EvaluationError(f'the NYU crop is for 640x480 pictures, this one is {width}x{height}'
                              ': evaluate at the size of the truth, or without the crop.')
    return slice(45, 471), slice(41, 601)


def _fractions(height: int, width: int, top: float, bottom: float, left: float,
               right: float) -> Crop:
    return (slice(int(top * height), int(bottom * height)),
            slice(int(left * width), int(right * width)))


@dataclass(frozen=True)
class DepthMetrics:
    """
    The errors of Eigen et al. 2014 over the pixels that have truth.

    n: pixels with truth, those in `missing` included.
    missing: pixels with truth where the prediction is NaN or -Inf. They are left out of the
        errors, so figures of two methods compare only where `missing` does.
    abs_rel, sq_rel (metres), rmse (metres), rmse_log: lower is better.
    d1, d2, d3: shares within a factor of 1.25, 1.25^2, 1.25^3; higher is better.
    median_ratio: median truth / median prediction before any scaling: 1 for true metres.
    """

    n: int
    missing: int
    abs_rel: float
    sq_rel: float
    rmse: float
    rmse_log: float
    d1: float
    d2: float
    d3: float
    median_ratio: float


def evaluate_depth(prediction: np.ndarray, truth: np.ndarray, min_depth: float = 1e-3,
                   max_depth: float = 80.0, crop: Crop | None = None,
                   median_scale: bool = False) -> DepthMetrics:
    """
    Compare a depth image with its truth, both (H, W) in metres.

    The order is that of monodepth2's evaluation: pixels with min_depth < truth < max_depth in
    the crop, then scaling by the median ratio (where `median_scale`), then the prediction
    clipped to min_depth..max_depth. +Inf ("out of range") is clipped to max_depth like any other
    depth beyond it; NaN and -Inf are counted: see `DepthMetrics.missing`.

    :param crop: rows and columns, e.g. `garg_crop(*truth.shape)`.
    :raises EvaluationError: other sizes; no truth; nothing predicted; a median that is not
        above 0.
    """
    true, predicted, n, _ = _compared(prediction, truth, min_depth, max_depth, crop)
    if len(predicted) == 0 or np.median(predicted) <= 0:
        raise EvaluationError(f'the prediction has no depth above 0 at the {n} pixels with truth:'
                              ' expected metres along the optical axis.')
    ratio = float(np.median(true) / np.median(predicted))
    if median_scale:
        predicted *= ratio
    predicted = np.clip(predicted, min_depth, max_depth)
    error = predicted - true
    factor = np.maximum(predicted / true, true / predicted)
    return DepthMetrics(
        n=n, missing=n - len(predicted),
        abs_rel=float(np.mean(np.abs(error) / true)),
        sq_rel=float(np.mean(error ** 2 / true)),
        rmse=float(np.sqrt(np.mean(error ** 2))),
        rmse_log=float(np.sqrt(np.mean(np.log(predicted / true) ** 2))),
        d1=float(np.mean(factor < 1.25)),
        d2=float(np.mean(factor < 1.25 ** 2)),
        d3=float(np.mean(factor < 1.25 ** 3)),
        median_ratio=ratio)


def _compared(prediction: np.ndarray, truth: np.ndarray, min_depth: float, max_depth: float,
              crop: Crop | None) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """
    Return truth and prediction where both are known, what truth there is, and where (H, W).

    Float64 metres (N,), the number of pixels with truth, and N of them as a mask of the crop.
    """
    if prediction.shape != truth.shape or truth.ndim != 2:
        raise EvaluationError(f'the prediction has shape {prediction.shape}, the truth '
                              f'{truth.shape}: both must be the same (H, W).')
    if crop is not None:
        prediction, truth = prediction[crop], truth[crop]
    known = (truth > min_depth) & (truth < max_depth)
    n = int(known.sum())
    if n == 0:
        raise EvaluationError(f'the truth has no depth between {min_depth:g} and {max_depth:g} m'
                              f'{"" if crop is None else " in the crop"}: nothing to compare.')
    known &= prediction > -np.inf  # not NaN either
    return (truth[known].astype(np.float64), prediction[known].astype(np.float64), n, known)


@dataclass(frozen=True)
class ConfidenceMetrics:
    """
    What a confidence is worth on a frame: does it know where the depth is wrong, and how often.

    n: pixels with truth and depth, of which the confidence speaks.
    area: mean AbsRel of what is left when the least confident 0, 5 .. 95 % are removed, the area
        under the sparsification curve (Ilg et al., ECCV 2018); lower is better. The same for
        other rankings: by_range (the nearest stay), by_row (the lowest rows stay), and best (the
        smallest errors stay), below which nothing gets; abs_rel is that of removing at random.
    ece: expected calibration error (Guo et al., ICML 2017) of the confidence as the probability
        of a relative error under 25 %: 0 is right, 10 bins.
    """

    n: int
    area: float
    by_range: float
    by_row: float
    best: float
    abs_rel: float
    ece: float


STEPS = 20  # of the sparsification curve
BINS = 10  # of confidence


def sparsification(error: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """
    Return the mean error of what is left when the least trusted 0, 5, 10 .. 95 % are removed.

    :param error: (N,), of any unit. trust: (N,), higher is trusted more; where it is equal the
        mean over all orders counts, so that the order of the pixels says nothing.
    :returns: (20,) float64, in the unit of the error; its mean is the area under the curve.
    """
    _, group = np.unique(trust, return_inverse=True)
    fair = (np.bincount(group, error) / np.bincount(group))[group]
    means = np.cumsum(fair[np.argsort(-group, kind='stable')]) / np.arange(1, len(error) + 1)
    return means[np.ceil(len(error) * np.arange(STEPS, 0, -1) / STEPS).astype(int) - 1]


def calibration(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """
    Count what a probability said and what was so, by ten equal bins of the probability.

    :param confidence: (N,) in 0..1. right: (N,) bool.
    :returns: (10, 3): count, sum of confidence, count of right; may be added up over frames.
    """
    place = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    return np.stack([np.bincount(place, weights, BINS)
                     for weights in (np.ones(len(place)), confidence, right)], axis=1)


def calibration_error(bins: np.ndarray) -> float:
    """Return the expected calibration error of `calibration`: 0 is right, 1 the worst."""
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / bins[:, 0].sum())


def evaluate_confidence(confidence: np.ndarray, prediction: np.ndarray, truth: np.ndarray,
                        min_depth: float = 1e-3, max_depth: float = 80.0,
                        crop: Crop | None = None) -> tuple[ConfidenceMetrics, np.ndarray]:
    """
    Compare a confidence, (H, W) in 0..1, with the errors of its depth image, as published.

    The pixels are those of `evaluate_depth`, which also says what the other parameters are.

    :returns: the metrics, and the frame's `calibration`, to be added up over frames.
    :raises EvaluationError: other sizes; no truth; nothing predicted.
    """
    if confidence.shape != prediction.shape:
        raise EvaluationError(f'the confidence has shape {confidence.shape}, its depth '
                              f'{prediction.shape}: both must be the same (H, W).')
    true, predicted, n, known = _compared(prediction, truth, min_depth, max_depth, crop)
    if len(predicted) == 0:
        raise EvaluationError(f'the prediction has no depth at the {n} pixels with truth: there '
                              'is nothing to be confident of.')
    sure = (confidence if crop is None else confidence[crop])[known].astype(np.float64)
    predicted = np.clip(predicted, min_depth, max_depth)
    error = np.abs(predicted - true) / true
    bins = calibration(sure, error < 0.25)
    return ConfidenceMetrics(
        n=len(error), **{name: float(sparsification(error, trust).mean()) for name, trust in (
            ('area', sure), ('by_range', -predicted), ('by_row', np.nonzero(known)[0]),
            ('best', -error))},
        abs_rel=float(error.mean()), ece=calibration_error(bins)), bins


Metrics = TypeVar('Metrics', DepthMetrics, ConfidenceMetrics)


def mean(metrics: Sequence[Metrics]) -> Metrics:
    """
    Average over frames, each frame with equal weight, as KITTI papers do; counts are summed.

    :raises EvaluationError: no frames.
    """
    if not metrics:
        raise EvaluationError('there are no frames to average: evaluate at least one.')
    columns = {field.name: [getattr(one, field.name) for one in metrics]
               for field in fields(metrics[0])}
    return type(metrics[0])(**{name: sum(values) if name in ('n', 'missing')
                               else float(np.mean(values)) for name, values in columns.items()})


def table(rows: Iterable[tuple[str, Metrics]]) -> str:
    """Set named metrics of one kind as a text table, a line each under one line of headings."""
    rows = list(rows)
    names = [field.name for field in fields(rows[0][1])]
    cells = [['', *names]]
    for title, metrics in rows:
        cells.append([title, *(
            f'{value:,}'.replace(',', ' ') if isinstance(value, int) else f'{value:.4f}'
            for value in (getattr(metrics, name) for name in names))])
    widths = [max(map(len, column)) for column in zip(*cells)]
    return '\n'.join('  '.join([row[0].ljust(widths[0])] + [
        cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]) for row in cells)


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
                  truth: np.ndarray | None = None, min_depth: float = 1.0,
                  max_depth: float = 80.0, reach: float = 50.0,
                  confidence: np.ndarray | None = None) -> np.ndarray:
    """
    Draw one frame's result: image and depth, with truth its error, with a camera the cloud.

    :param image: (H, W, 3) uint8 BGR.
    :param depth: (H, W) metres; NaN and Inf are black.
    :param camera: the camera of `depth`, for the view from above.
    :param truth: (H, W) metres, 0 where not known; its obstacles are drawn into the view from
        above as well.
    :param min_depth, max_depth: metres; the range of the colours, the same for every frame of a
        series so that they compare.
    :param reach: metres ahead that the view from above shows.
    :param confidence: (H, W) in 0..1; black is 0, white 1.
    :returns: (rows, columns, 3) uint8 BGR, labelled.
    """
    width = round((PANEL_AREA * depth.shape[1] / depth.shape[0]) ** 0.5)
    columns = [np.vstack((
        _panel('image', image, width),
        _panel('depth', colorize(depth, min_depth, max_depth), width),
        _bar(colorize(np.geomspace(min_depth, max_depth, width)[None], min_depth, max_depth),
             np.log([min_depth, max_depth]),
             {f'{tick:g} m': np.log(tick) for tick in (0.25, 0.5, 1, 2, 5, 10, 20, 40, 80)
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
        columns.append(_column(
            _panel('confidence', (confidence.clip(0, 1) * 255).astype(np.uint8)[..., None]
                   .repeat(3, 2), width),
            _bar(grey, (0, 1), {'0': 0, '0.5': 0.5, '1': 1}), height=len(columns[0])))
    if camera is not None:
        columns.append(_from_above(image, depth, camera, truth, reach, len(columns[0])))
    sheet = np.hstack([cv2.copyMakeBorder(column, 0, MARGIN, 0, MARGIN, cv2.BORDER_CONSTANT,
                                          value=BACKGROUND) for column in columns])
    return cv2.copyMakeBorder(sheet, 0, 0, MARGIN, 0, cv2.BORDER_CONSTANT, value=BACKGROUND)


def _column(*parts: np.ndarray, height: int) -> np.ndarray:
    """Stack parts and fill up to `height`."""
    column = np.vstack(parts)
    return np.vstack((column, _canvas(height - len(column), column.shape[1])))


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
