# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How good is the depth? A drive, pictures with true depth, or a bag against a model or a recording.

Samples are made and judged one by one; the metrics are those of `evaluation/metrics.py`.
"""
from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
import json
from pathlib import Path

import cv2
import numpy as np

from depth_estimation_ros.commands.outputs import Outputs
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.estimation.scenes import check_scene
from depth_estimation_ros.evaluation import metrics, sheets
from depth_estimation_ros.evaluation.report import report
from depth_estimation_ros.evaluation.samples import EvaluateError
from depth_estimation_ros.evaluation.sources import find_samples
from depth_estimation_ros.evaluation.verdict import verdict
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.metres import scale_for

METRICS, REPORT = 'metrics.json', 'report.html'
SHOWN, WIDTH = 3, 1400  # frames of each end in the report, pixels across
CROPS = {'garg': metrics.garg_crop, 'eigen': metrics.eigen_crop,
         'nyu': metrics.nyu_crop, 'none': lambda height, width: None}


def run(source: str, model: str, weights: str, input_size: str = 'auto',
        device: str = 'auto', precision: str = 'fp32', truth: str = '', truth_unit: float = 0.0,
        camera: str = '', fov: float = 0.0, crop: str = 'garg', min_depth: float = 1e-3,
        max_depth: float = 80.0, depth_scale: float = 0.0, output: Path | None = None,
        depth_topic: str = '', truth_topic: str = '', image_topic: str = '',
        rectified: str = 'auto', overwrite: bool = False, scene: str = 'auto') -> str:
    """
    Judge every frame of `source` that has truth; return the table.

    :param source: a KITTI raw drive, the folder of its object or depth benchmark, a folder of
        pictures (with `truth`), or a bag.
    :param truth: folder of 16-bit PNGs named as the pictures, with truth_unit their steps a metre
        (256 in KITTI's annotated depth, 1000 in NYU); or, for a bag, another bag with the truth.
    :param min_depth, max_depth: metres; only truth between them counts.
    :param depth_scale: metres per model unit, 0 = the model's contract. A model up to scale is
        judged after median scaling only.
    :param output: folder for `report.html`, `metrics.json` and a picture sheet a frame;
        overwrite: what is in the way there.
    :param depth_topic: judge this recorded depth of a bag instead of a model's; truth_topic,
        image_topic, rectified: see `bag_samples`.
    :param scene: of scenes.SCENES; auto: of each picture anew.
    :raises ValueError: of this package, one sentence.
    """
    samples = find_samples(source, truth, truth_unit, camera, fov, depth_topic, truth_topic,
                           image_topic, rectified)
    estimator, metres, scaleless = None, 1.0, False
    title = f'recorded depth of {depth_topic}'
    if not depth_topic:
        network = networks.open_network(model, weights, input_size).network
        check_scene(scene, network)
        estimator = DepthEstimator(network, device, precision)
        title = network.description
        if depth_scale or network.contract.metres_per_unit is not None:
            metres = scale_for(network.contract, depth_scale).metres_per_unit
        else:
            scaleless = True
            title += ', up to scale: only the median-scaled figures mean anything'
    with Outputs(output, 'evaluate', filter(None, (source, truth, camera, weights)),
                 overwrite) if output else nullcontext() as outputs:
        if outputs:
            outputs.check([METRICS, REPORT])
        plain, scaled, trust = [], [], []
        found = None
        bins = np.zeros((metrics.BINS, 3))
        options = DepthOptions(metres_per_unit=metres, min_depth=1e-6, max_depth=1e6,
                               scene=scene)
        untold, span = 0, None
        for sample in progress(samples, None, 'evaluate'):
            if sample.truth is None:
                untold += 1
                continue
            depth, confidence = sample.depth, sample.confidence
            if estimator:
                picture = ColorImage(sample.image, (2, 1, 0))
                [estimate] = estimator.estimate([(picture, sample.camera)], options,
                                                {'depth', 'confidence'})
                depth, confidence = estimate.depth, estimate.confidence
            area = CROPS[crop](*sample.truth.shape)
            for rows, median_scale in ((plain, False), (scaled, True)):
                rows.append((sample.name, metrics.evaluate_depth(
                    depth, sample.truth, min_depth, max_depth, area, median_scale)))
            if outputs:
                of_parts = metrics.parts(depth, sample.truth, min_depth, max_depth, area)
                found = of_parts if found is None else metrics.Parts(
                    *(a + b for a, b in zip(found, of_parts)))
            if confidence is not None:
                of_frame, counts = metrics.evaluate_confidence(
                    confidence, depth, sample.truth, min_depth, max_depth, area)
                trust.append((sample.name, of_frame))
                bins += counts
            if outputs and sample.image is not None:
                span = span or sheets.span_of(sample.truth)
                sheet = sheets.picture_sheet(sample.image, depth, sample.camera, sample.truth,
                                             span, confidence)
                outputs.write_bytes(f'{sample.name}.jpg',
                                    cv2.imencode('.jpg', sheet)[1].tobytes())
        if not plain:
            raise EvaluateError(f'{source} holds no frame with truth'
                                + (f' in {truth}' if truth else '') + ': nothing to judge')
        return _report(title, plain, scaled, trust, bins, found, outputs, untold,
                       None if scaleless else metres)


def _report(title: str, plain: list, scaled: list, trust: list, bins: np.ndarray,
            found: metrics.Parts | None, outputs: Outputs | None, untold: int,
            metres: float | None) -> str:
    total, scaled_total = (metrics.mean([m for _, m in rows]) for rows in (plain, scaled))
    ratios = np.array([m.median_ratio for _, m in plain])
    drift = np.abs(np.diff(np.log(ratios))) if len(ratios) > 1 else np.zeros(1)
    names = metrics.short_names([name for name, _ in plain])
    means = [('mean', total), ('scaled', scaled_total)]
    lines = [title, '', metrics.table([*((name, m) for name, (_, m) in zip(names, plain)),
                                       *means]),
             '(scaled: each frame by its own median)',
             '', f'median ratio truth / depth: {np.median(ratios):.3f}, spread (std / mean) '
             f'{ratios.std() / ratios.mean():.3f}, drift from frame to frame '
             f'{drift.mean():.4f} (mean of abs log)']
    spread = float(ratios.std() / ratios.mean())
    words = verdict(total, scaled_total, float(np.median(ratios)), spread, metres)
    lines += ['', *words]
    if untold:
        lines.append(f'frames without truth, left out: {untold}')
    sure = {}
    if trust:
        total_trust = metrics.mean([m for _, m in trust])
        sure = {'confidence': {
            'mean': asdict(total_trust), 'ece': metrics.calibration_error(bins),
            'bins': bins.tolist(), 'frames': {name: asdict(m) for name, m in trust}}}
        lines += ['', 'confidence (AbsRel of what is left, mean over removing 0 to 95 % by it, '
                  'by range, by row, by the error itself):',
                  metrics.table([*zip(metrics.short_names([name for name, _ in trust]),
                                      (m for _, m in trust)), ('mean', total_trust)]),
                  f'expected calibration error over all pixels: {sure["confidence"]["ece"]:.4f}']
    if outputs:
        outputs.write_bytes(METRICS, (json.dumps({
            'title': title, 'mean': asdict(total), 'median_scaled': asdict(scaled_total),
            'scale_spread': spread, 'frames_without_truth': untold,
            'scale_drift': float(drift.mean()), **sure,
            'by_range': {'from': metrics.RANGES, 'sums': found.ranges.tolist()},
            'by_region': found.regions.tolist(),
            'frames': {name: asdict(m) for name, m in plain}}, indent=1) + '\n').encode())
        outputs.write_bytes(REPORT, report(
            title, words, plain, [('as published', total), ('scaled by its median', scaled_total)],
            found, bins if trust else None, _shown(plain, outputs)).encode())
        lines += ['', f'{REPORT}, {METRICS} and pictures are in {outputs.folder}']
    return '\n'.join(lines)


def _shown(rows: list, outputs: Outputs) -> list[tuple[str, str, bytes]]:
    """Return smaller sheets of the worst and of the best frames, as `report` wants them."""
    order = sorted((row for row in rows if outputs.has(f'{row[0]}.jpg')),
                   key=lambda row: row[1].abs_rel)
    worst, best = order[:-SHOWN - 1:-1], order[:-SHOWN][:SHOWN]
    return [(name, f'{of}, AbsRel {m.abs_rel:.3f}', _small(outputs.folder / f'{name}.jpg'))
            for of, some in (('worst', worst), ('best', best)) for name, m in some]


def _small(path: Path) -> bytes:
    sheet = cv2.imread(str(path))
    size = WIDTH, round(sheet.shape[0] * WIDTH / sheet.shape[1])
    return cv2.imencode('.jpg', cv2.resize(sheet, size, interpolation=cv2.INTER_AREA),
                        [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
