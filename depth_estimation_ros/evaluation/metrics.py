# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How good a depth image and its confidence are: the KITTI and NYU metrics and tables.

Depth images here are (H, W) float arrays in metres along the optical axis. In ground truth 0
means "not known"; in a prediction NaN means "not known" and +Inf "out of range".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
import os
from typing import NamedTuple, TypeVar

import numpy as np

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


# Metres from which on the parts of `parts` reach, and its rows and columns of a picture.
RANGES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
REGIONS = 4, 6


class Parts(NamedTuple):
    """
    Sums over pixels with truth and depth: how many, of abs(error) / truth, how many within 25 %,
    of log(depth / truth). They may be added up over frames.

    ranges: (8, 4), by the truth's distance from RANGES on. regions: (4, 6, 4), by where in the
    picture.
    """

    ranges: np.ndarray
    regions: np.ndarray


def parts(prediction: np.ndarray, truth: np.ndarray, min_depth: float = 1e-3,
          max_depth: float = 80.0, crop: Crop | None = None) -> Parts:
    """Say where the errors are; the pixels and arguments are those of `evaluate_depth`."""
    true, predicted, _, known = _compared(prediction, truth, min_depth, max_depth, crop)
    # Nothing can be said in logarithms of what is not above 0; `evaluate_depth` clips it too.
    predicted = np.clip(predicted, min_depth, max_depth)
    error = np.abs(predicted - true) / true
    sums = np.stack([np.ones(len(true)), error, error < 0.25, np.log(predicted / true)])
    place = np.searchsorted(RANGES, true, 'right') - 1
    by_range = np.stack([np.bincount(place, s, len(RANGES)) for s in sums], -1)
    v, u = np.nonzero(known)
    top, left = (crop[0].start, crop[1].start) if crop else (0, 0)
    rows, columns = REGIONS
    cell = ((v + top) * rows // truth.shape[0]) * columns + (u + left) * columns // truth.shape[1]
    by_region = np.stack([np.bincount(cell, s, rows * columns) for s in sums], -1)
    return Parts(by_range, by_region.reshape(rows, columns, 4))


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


WIDTH = 80  # columns of a terminal
SHORT = {'median_ratio': 'ratio', 'missing': 'none', 'rmse_log': 'rmsle'}  # in tables


def table(rows: Iterable[tuple[str, Metrics]]) -> str:
    """
    Set named metrics of one kind as a text table, a line each under one line of headings.

    What is missing nowhere has no column.
    """
    rows = list(rows)
    names = [field.name for field in fields(rows[0][1])]
    if not any(getattr(metrics, 'missing', 0) for _, metrics in rows):
        names = [name for name in names if name != 'missing']
    cells = [['', *(SHORT.get(name, name) for name in names)]]
    for title, metrics in rows:
        cells.append([title, *(f'{value:d}' if isinstance(value, int) else f'{value:.4f}'
                               for value in (getattr(metrics, name) for name in names))])
    widths = [max(map(len, column)) for column in zip(*cells)]
    gap = '  ' if sum(widths) + 2 * len(names) <= WIDTH else ' '
    return '\n'.join(gap.join([row[0].ljust(widths[0])] + [
        cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]) for row in cells)


def short_names(names: Sequence[str], longest: int = 10) -> list[str]:
    """Return names without what they all begin with, where one is longer than that."""
    common = len(os.path.commonprefix(list(names)))
    if len(names) < 2 or max(map(len, names)) <= longest:
        return list(names)
    return [name[min(common, len(name) - 1):] for name in names]
