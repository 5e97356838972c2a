# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Does it help to show a network what its training camera would have seen? On real frames.

    PYTHONPATH=. python benchmarks/resampling.py ../shared

AbsRel as published, no median scaling, of the networks that are metric on their training camera;
the frame as it is, and cuts of it, which are what other cameras at the same place would take:

    squashed    the whole picture at the input's size, whatever camera took it
    x fx ratio  the same, times the camera's fx/W over the training camera's
    resampled   as the training camera would have taken it: what the package does

Judged are the pixels inside the cut that all three have depth for and truth up to 80 m (NYUv2:
10 m, without its white frame); Garg's crop, which is made for whole KITTI frames, is not applied.
Figures are means over the frames of a set; each set counts the same in the mean of the cuts.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
from depth_estimation_ros.drives import read_image
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.intrinsics import PinholeCamera, Window
from depth_estimation_ros.models import networks
import numpy as np
from training.judge import real_frames

KITTI_WEIGHTS = {'rt_monodepth_s': 'rt_monodepth_s_ms_640x192', 'meter_kitti': 'meter_xxs'}
NYU_WEIGHTS = {'meter_nyu': 'meter_xxs'}
NYU_CAMERA = PinholeCamera(640, 480, 518.8579, 519.46961, 325.58245, 253.73617)
EVERY = 5  # of the drive's frames, which are much alike
OPTIONS = DepthOptions(min_depth=1e-3, max_depth=1e6)

Frame = tuple[str, np.ndarray, PinholeCamera, np.ndarray]


def kitti_frames(shared: Path) -> Iterator[Frame]:
    """Yield set, RGB, camera and truth in metres of some real frames."""
    count: dict[str, int] = {}
    for frame in real_frames(shared):
        if count.setdefault(frame[0], 0) % EVERY == 0:
            yield frame
        count[frame[0]] += 1


def nyu_frames(shared: Path) -> Iterator[Frame]:
    """Yield the NYUv2 frame, without truth in its white frame."""
    folder = shared / 'data/nyu'
    truth = np.zeros((480, 640))
    inside = metrics.nyu_crop(480, 640)
    depth = cv2.imread(str(folder / 'depth/00000.png'), cv2.IMREAD_UNCHANGED)
    truth[inside] = depth[inside] / 1000
    yield 'nyu', read_image(folder / 'image/00000.jpg')[..., ::-1], NYU_CAMERA, truth


def cuts(width: int, height: int) -> dict[str, Window]:
    """Return the windows of a picture that imitate other cameras, all about its centre."""
    def centred(w: int, h: int) -> Window:
        return Window((width - w) // 2, (height - h) // 2, w, h)

    windows = {'as it is': centred(width, height),
               '4:3, full height': centred(height * 4 // 3, height),
               'middle 70 %': centred(round(0.7 * width), round(0.7 * height))}
    return {name: window for name, window in windows.items()
            if name == 'as it is' or window != windows['as it is']}


class Rivals:
    """A network with and without regard to its training camera."""

    def __init__(self, name: str, weights: Path):
        network = networks.open_network(name, weights).network
        self.focal = network.training_camera.fx
        self.resampled = DepthEstimator(network, 'cpu', 'fp32')
        self.squashed = DepthEstimator(replace(network, training_camera=None), 'cpu', 'fp32')

    def judge(self, rgb: np.ndarray, camera: PinholeCamera, truth: np.ndarray,
              max_depth: float) -> list[float]:
        """Return AbsRel squashed, corrected by the ratio of focal lengths, and resampled."""
        squashed, resampled = (
            estimator.estimate([(rgb, camera)], OPTIONS, {'depth'})[0].depth
            for estimator in (self.squashed, self.resampled))
        truth = np.where(np.isnan(squashed) | np.isnan(resampled), 0, truth)
        corrected = squashed * (camera.fx / camera.width / self.focal)
        return [metrics.evaluate_depth(depth, truth, max_depth=max_depth).abs_rel
                for depth in (squashed, corrected, resampled)]


def rows(rivals: Rivals, frames: Iterator[Frame], max_depth: float) -> Iterator[str]:
    """Yield a line for each set of frames and cut, and one of the mean over all true cuts."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    for kind, rgb, camera, truth in frames:
        for name, cut in cuts(camera.width, camera.height).items():
            part = np.s_[cut.y:cut.y + cut.height, cut.x:cut.x + cut.width]
            found.setdefault((kind, name), []).append(
                rivals.judge(rgb[part], camera.windowed(cut), truth[part], max_depth))
    means = {place: np.mean(figures, 0) for place, figures in found.items()}
    for (kind, name), mean in means.items():
        yield _row(kind, len(found[kind, name]), name, mean)
    yield _row('all sets', '', 'mean of the cuts', np.mean(
        [mean for (_, name), mean in means.items() if name != 'as it is'], 0))


def _row(kind: str, count: int | str, name: str, figures: np.ndarray) -> str:
    return f'{kind:<10} {count:>6}  {name:<17}' + ''.join(f'{f:>12.3f}' for f in figures)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('shared', type=Path, help='folder with data/kitti_annotated, ...')
    shared = parser.parse_args().shared
    print(f'{"network":<15} {"set":<10} frames  {"cut":<17}' + ''.join(
        f'{title:>12}' for title in ('squashed', 'x fx ratio', 'resampled')))
    for weights, frames, max_depth in ((KITTI_WEIGHTS, kitti_frames, 80.0),
                                       (NYU_WEIGHTS, nyu_frames, 10.0)):
        for name, folder in weights.items():
            rivals = Rivals(name, shared / 'data/weights' / folder)
            for row in rows(rivals, frames(shared), max_depth):
                print(f'{name:<15} {row}')


if __name__ == '__main__':
    main()
