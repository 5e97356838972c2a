# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
One forward pass at 640x192, batch 1, of our network and of monodepth2's, in one run.

    python benchmarks/networks.py [--device cuda] [--rounds 40]

Every round times each once, in turn; figures are medians, and parts of monodepth2 R18 as its
authors publish it: fp32, contiguous, eager.
"""
from __future__ import annotations

import argparse
import platform
from statistics import median
import time

from depth_estimation_ros import models
from depth_estimation_ros.models import monodepth2, rt_monodepth
from depth_estimation_ros.runtime import find_device
from depth_estimation_ros.weights import load_checkpoint
import torch


@torch.inference_mode()
def main() -> None:
    """Print a row a network."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--device', default='auto')
    parser.add_argument('--rounds', type=int, default=40)
    chosen = parser.parse_args()
    device = find_device(chosen.device)
    torch.backends.cudnn.allow_tf32 = False
    rgb = torch.rand(1, 3, 192, 640, device=device)
    camera = torch.tensor([[371.0, 371.0, 319.5, 95.5]], device=device)
    entry = models.find('compact')
    files = load_checkpoint('', entry.files, entry.shipped).files

    def ready(module, dtype=torch.float32, layout=torch.channels_last):
        return module.eval().requires_grad_(False).to(device, dtype, memory_format=layout)

    r18, r18_fast, small, ours, half = (
        ready(monodepth2.network(bottleneck=False), layout=torch.contiguous_format),
        ready(monodepth2.network(bottleneck=False)), ready(rt_monodepth.network()),
        ready(models.build('compact', files).module),
        ready(models.build('compact', files).module, torch.bfloat16))
    nhwc = rgb.contiguous(memory_format=torch.channels_last)
    passes = {'monodepth2 R18 as published': lambda: r18(rgb),
              'monodepth2 R18, channels last': lambda: r18_fast(nhwc),
              'RT-MonoDepth-S, channels last': lambda: small(nhwc),
              'compact fp32': lambda: ours(nhwc, camera),
              'compact bf16': lambda: half(nhwc, camera)}
    times = {name: [] for name in passes}
    for round_ in range(chosen.rounds + 5):
        for name, run in passes.items():
            began = time.perf_counter()
            run()
            if device.type == 'cuda':
                torch.cuda.synchronize()
            if round_ >= 5:
                times[name].append(time.perf_counter() - began)
    first = median(times['monodepth2 R18 as published'])
    print(f'{platform.platform()}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    for name, seconds in times.items():
        print(f'{name:<30} {median(seconds) * 1e3:7.1f} ms  x {median(seconds) / first:.3f}  '
              f'(min {min(seconds) * 1e3:.1f}, max {max(seconds) * 1e3:.1f})')


if __name__ == '__main__':
    main()
