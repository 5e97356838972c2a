# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What the way around a network costs, next to the network itself, in one run.

    python benchmarks/estimator.py [--device cuda] [--rounds 30]

Every round times each piece once, in turn, so that a machine whose speed drifts is fair to all;
figures are medians and the ratio to the forward pass at 640x192. Weights are random but those
of compact: they cost the same. Compact's input for this camera is smaller than 640x192.
"""
from __future__ import annotations

import argparse
import platform
from statistics import median
import time

from depth_estimation_ros import models
from depth_estimation_ros.camera import PinholeCamera
from depth_estimation_ros.encodings import ColorImage
from depth_estimation_ros.estimator import DepthEstimator, DepthOptions, OUTPUTS
from depth_estimation_ros.models import monodepth2, rt_monodepth
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.points import PointOptions
from depth_estimation_ros.weights import load_checkpoint
import numpy as np
import torch

KITTI = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)


def untrained(module: torch.nn.Module) -> Network:
    """Return a network of the monodepth2 family with random weights."""
    return Network(
        name='untrained', module=module, input_width=640, input_height=192, inverse=True,
        contract=monodepth2.STEREO, training_camera=monodepth2.KITTI, description='untrained')


def compact() -> Network:
    """Return the network that comes with the package."""
    entry = models.find('compact')
    return models.build('compact', load_checkpoint('', entry.files, entry.shipped).files)


NETWORKS = {'monodepth2 R18': lambda: untrained(monodepth2.network(bottleneck=False)),
            'rt_monodepth_s': lambda: untrained(rt_monodepth.network()), 'compact': compact}


def main() -> None:
    """Print one row a network and piece."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--device', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--rounds', type=int, default=30)
    chosen = parser.parse_args()
    picture = ColorImage(
        np.random.default_rng(0).integers(0, 256, (375, 1242, 3), np.uint8), (2, 1, 0))
    organised = DepthOptions(points=PointOptions(organized=True))
    print(f'{platform.platform()}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    for name, build in NETWORKS.items():
        estimator = DepthEstimator(build(), chosen.device, chosen.precision)
        frame = [(picture, KITTI)]
        rgb = torch.rand(1, 3, 192, 640, device=estimator.device)
        seen = KITTI.resized(640, 192)
        cameras = torch.tensor([[seen.fx, seen.fy, seen.cx, seen.cy]], device=estimator.device)
        pieces = {
            'forward pass': lambda: estimator.forward(rgb, cameras),
            'depth': lambda: estimator.estimate(frame, outputs={'depth'}),
            'depth, 20 000 points': lambda: estimator.estimate(frame, outputs={'depth', 'points'}),
            'depth, organised cloud': lambda: estimator.estimate(
                frame, organised, {'depth', 'points'}),
            'all outputs': lambda: estimator.estimate(frame, outputs=OUTPUTS)}
        times = {piece: [] for piece in pieces}
        for round_ in range(chosen.rounds + 3):
            for piece, run in pieces.items():
                began = time.perf_counter()
                run()
                if estimator.device.type == 'cuda':
                    torch.cuda.synchronize()
                if round_ >= 3:
                    times[piece].append(time.perf_counter() - began)
        print(f'\n{name}, 1242x375 in, {estimator.device}, {estimator.dtype}')
        for piece, seconds in times.items():
            print(f'  {piece:<24} {median(seconds) * 1e3:7.1f} ms  '
                  f'x {median(seconds) / median(times["forward pass"]):.2f}  '
                  f'(min {min(seconds) * 1e3:.1f}, max {max(seconds) * 1e3:.1f})')


if __name__ == '__main__':
    main()
