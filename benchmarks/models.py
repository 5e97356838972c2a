# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Accuracy against speed of the networks: PYTHONPATH=. python benchmarks/models.py [--shared FOLDER].

Time is that of one forward pass at the network's input for a KITTI frame, on the device, all
networks in turn in one run; accuracy that of the whole estimator on real frames, for networks
whose weights are at hand. Others run with random weights: their time is real, their depth is not.
"""
from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
import platform
import time

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.estimation.runtime import find_device, find_precisions, Runtime
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import (
    catalogue, densedepth, downloads, monodepth2, networks, rt_monodepth)
import numpy as np
import torch
from training.judge import real_frames

KITTI = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)
OPTIONS = DepthOptions(min_depth=1e-3, max_depth=1e6)
# Checkpoints of ../shared, by the catalogue's name.
AT_HAND = {'rt_monodepth_s': 'rt_monodepth_s_ms_640x192',
           'meter_kitti': 'meter_xxs/build_model_best_kitti_xxs'}
# Made with random weights where there are none: module, input, training camera.
UNTRAINED = {
    'rt_monodepth': (partial(rt_monodepth.network, full=True), 640, 192),
    'monodepth2 ResNet-18': (partial(monodepth2.network, bottleneck=False), 640, 192),
    'monodepth2 ResNet-50': (partial(monodepth2.network, bottleneck=True), 640, 192),
    'densedepth_kitti': (densedepth.network, 1248, 384)}


def with_weights(shared: Path | None) -> dict[str, networks.Loaded]:
    """Return the networks of the catalogue whose weights are on this machine, by name."""
    found = {}
    for name, entry in catalogue.CATALOGUE.items():
        weights = shared and name in AT_HAND and shared / 'data/weights' / AT_HAND[name]
        if entry.shipped or weights or entry.downloads and downloads.present(entry):
            found[name] = networks.open_network(name, weights or '')
    return found


def accuracy(network, frames) -> str:
    """Return AbsRel of each set of frames, as published where the network is metric."""
    if network.contract.metres_per_unit is None:
        return 'up to scale'
    estimator = DepthEstimator(network, 'cpu')
    rows: dict[str, list[float]] = {}
    for name, rgb, camera, truth in frames:
        [estimate] = estimator.estimate(
            [(ColorImage(np.ascontiguousarray(rgb), (0, 1, 2)), camera)], OPTIONS, {'depth'})
        rows.setdefault(name, []).append(metrics.evaluate_depth(
            estimate.depth, truth, 1e-3, 80.0, metrics.garg_crop(*truth.shape)).abs_rel)
    return ', '.join(f'{np.mean(values):.3f}' for values in rows.values())


@torch.inference_mode()
def main() -> None:
    """Print a row a network."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--shared', type=Path, help='folder with data/weights, data/kitti_...')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--rounds', type=int, default=15)
    chosen = parser.parse_args()
    device = find_device(chosen.device)
    frames = list(real_frames(chosen.shared)) if chosen.shared else []
    rows, passes = {}, {}

    def add(name: str, network, text: str) -> None:
        size = network.input_size(KITTI)
        runtime = Runtime(network, device, find_precisions(
            chosen.precision, device, network.fixed_precision))
        count = sum(p.numel() for p in network.module.parameters()) / 1e6
        rgb = torch.rand(1, 3, size[1], size[0], device=device)
        camera = torch.tensor([[size[0] * 0.58, size[1] * 1.92, size[0] / 2, size[1] / 2]],
                              device=device)
        passes[name] = lambda: runtime(rgb, camera)
        rows[name] = f'{count:.1f} | {size[0]}x{size[1]} | {runtime.precision}', text

    for name, loaded in with_weights(chosen.shared).items():
        add(name, loaded.network, accuracy(loaded.network, frames) if frames else '-')
    for name, (make, width, height) in UNTRAINED.items():
        torch.manual_seed(0)
        add(name, monodepth2.Network(
            name=name, module=make(), input_width=width, input_height=height, inverse=True,
            contract=monodepth2.STEREO, training_camera=monodepth2.KITTI, description=name),
            'not at hand')
    times: dict[str, list[float]] = {name: [] for name in passes}
    for round_ in range(chosen.rounds + 2):
        for name, run in passes.items():
            began = time.perf_counter()
            run()
            if device.type == 'cuda':
                torch.cuda.synchronize(device)
            if round_ >= 2:
                times[name].append(time.perf_counter() - began)
    hardware = torch.cuda.get_device_name(device) if device.type == 'cuda' else (
        f'CPU, {torch.get_num_threads()} threads')
    print(f'{hardware}, torch {torch.__version__}, {platform.platform()}\n')
    print('| network | M parameters | input for KITTI | precision | ms, median (10 %, 90 %) | '
          'AbsRel: annotated, object, drive 0052 |\n|---|---|---|---|---|---|')
    for name, (facts, text) in rows.items():
        low, median, high = np.percentile(times[name], [10, 50, 90]) * 1e3
        print(f'| {name} | {facts} | {median:.1f} ({low:.1f}, {high:.1f}) | {text} |')


if __name__ == '__main__':
    main()
