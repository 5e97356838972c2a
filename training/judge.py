# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The figures of the model card: python -m training.judge [--weights FILE] [--real SHARED].

Synthetic streets of seeds that training never saw, all kinds in equal parts, through the whole
estimator; the same places at 60, 80 and 100 degrees; and, with --real, frames from real cameras:
to be looked at when a candidate is finished, never to choose one.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from depth_estimation_ros.drives import read_image
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.kitti import annotated_depth, kitti_object, KittiDrive
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
from depth_estimation_ros.synthetic.drawing.render import Renderer
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.frames import Frame, Mount, pose, random_spot, take
from depth_estimation_ros.synthetic.streets.kinds import KINDS, random_street
from depth_estimation_ros.synthetic.things.objects import library

SEED = 99_000  # no shard of any training seed has it
ANGLES = (60.0, 80.0, 100.0)
WIDTH, HEIGHT = 640, 208
OPTIONS = DepthOptions(min_depth=1e-3, max_depth=1e6)


def streets(seed: int, each: int) -> Iterator[tuple[str, list[Frame]]]:
    """Yield the kind of a street, and frames of one place in it at each of ANGLES."""
    renderer, things = Renderer(seed), library(seed)
    for kind in KINDS:
        for number in range(each):
            rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
            street = random_street(rng, things, kind)
            place = pose(street, random_spot(rng, street), Mount.random(rng))
            sensor = Sensor.random(rng)
            yield kind, [take(renderer, street, [place], [find_optics('', angle, None).camera(
                WIDTH, HEIGHT)], [sensor], np.random.default_rng(number))[0] for angle in ANGLES]


class Judge:
    """A network, asked for depth and confidence, and held against truth."""

    def __init__(self, weights: str, precision: str = 'fp32'):
        self.estimator = DepthEstimator(networks.open_network('compact', weights).network, 'cpu',
                                        precision)

    def __call__(self, rgb: np.ndarray, camera: PinholeCamera, truth: np.ndarray,
                 crop=None) -> tuple:
        """Return metrics as published, median-scaled, of the confidence, and its bins."""
        [estimate] = self.estimator.estimate(
            [(ColorImage(np.ascontiguousarray(rgb), (0, 1, 2)), camera)], OPTIONS,
            {'depth', 'confidence'})
        plain, scaled = (metrics.evaluate_depth(estimate.depth, truth, 1e-3, 80.0, crop, s)
                         for s in (False, True))
        trust, bins = metrics.evaluate_confidence(
            estimate.confidence, estimate.depth, truth, 1e-3, 80.0, crop)
        return plain, scaled, trust, bins


def synthetic(judge: Judge, each: int) -> dict:
    """Return AbsRel by angle and by kind, and the confidence's calibration error."""
    by_angle: dict[float, list] = {angle: [] for angle in ANGLES}
    by_kind: dict[str, list] = {kind: [] for kind in KINDS}
    bins = np.zeros((metrics.BINS, 3))
    with torch.inference_mode():
        for kind, frames in streets(SEED, each):
            for angle, frame in zip(ANGLES, frames):
                truth = np.where(np.isfinite(frame.depth), frame.depth, 0)
                if not ((truth > 0) & (truth < 80)).any():
                    continue
                plain, _, _, counts = judge(frame.image, frame.camera, truth)
                by_angle[angle].append(plain.abs_rel)
                by_kind[kind].append(plain.abs_rel)
                bins += counts
    return {'angle': {k: float(np.mean(v)) for k, v in by_angle.items()},
            'kind': {k: float(np.mean(v)) for k, v in by_kind.items()},
            'all': float(np.mean([x for v in by_kind.values() for x in v])),
            'ece': metrics.calibration_error(bins)}


def real_frames(shared: Path) -> Iterator[tuple[str, np.ndarray, PinholeCamera, np.ndarray]]:
    """Yield name, RGB, camera and truth of the real frames."""
    data = shared / 'data'
    for file in sorted((data / 'kitti_annotated/image').glob('*.png')):
        yield ('annotated', read_image(file)[..., ::-1],
               PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854),
               annotated_depth(data / 'kitti_annotated/depth' / file.name))
    frame = kitti_object(data / 'kitti_object/training', '000000')
    yield 'object', frame.image()[..., ::-1], frame.camera, frame.depth()
    for frame in KittiDrive(data / 'kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'):
        yield 'drive', frame.image()[..., ::-1], frame.camera, frame.depth()


def real(judge: Judge, shared: Path) -> str:
    """Return the table of the real frames, and how often the confidence ranks best."""
    rows: dict[str, list] = {}
    for name, rgb, camera, truth in real_frames(shared):
        rows.setdefault(name, []).append(judge(rgb, camera, truth,
                                               metrics.garg_crop(*truth.shape)))
    lines = ['| real frames | AbsRel | d1 | median-scaled | scale error | confidence: area '
             '(by range, by row, best) | frames it beats both |', '|---|---|---|---|---|---|---|']
    errors = []
    for name, found in rows.items():
        plain, scaled, trust = (metrics.mean([f[i] for f in found]) for i in range(3))
        error = float(np.mean([abs(np.log(f[0].median_ratio)) for f in found]))
        errors.append(error)
        wins = sum(f[2].area < min(f[2].by_range, f[2].by_row) for f in found)
        lines.append(f'| {name} ({len(found)}) | {plain.abs_rel:.3f} | {plain.d1:.3f} | '
                     f'{scaled.abs_rel:.3f} | {error:.3f} | {trust.area:.3f} '
                     f'({trust.by_range:.3f}, {trust.by_row:.3f}, {trust.best:.3f}) | '
                     f'{wins} of {len(found)} |')
    return '\n'.join([*lines, f'\nscale error, mean of the sets: {np.mean(errors):.3f}'])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='', help='default: the shipped ones')
    parser.add_argument('--each', type=int, default=6, help='streets of each kind')
    parser.add_argument('--precision', default='fp32')
    parser.add_argument('--real', type=Path, help='folder with data/kitti_annotated, ...')
    options = parser.parse_args()
    judge = Judge(options.weights, options.precision)
    if options.each:
        found = synthetic(judge, options.each)
        print('unseen streets, AbsRel up to 80 m:', f'{found["all"]:.4f}')
        for title in ('angle', 'kind'):
            print(f'by {title}: ' + ', '.join(f'{k} {v:.4f}' for k, v in found[title].items()))
        print(f'expected calibration error: {found["ece"]:.4f}')
    if options.real:
        print(real(judge, options.real))


if __name__ == '__main__':
    main()
