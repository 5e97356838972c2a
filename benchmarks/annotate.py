# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How fast `depth_estimation annotate` is by the bare network, and whether its memory stays.

    python -m benchmarks.annotate [--frames 200] [--rounds 3] [--long 5000]

A recording of KITTI's size; the bare network sees one picture after the other, at the same size,
with all cores. They take turns. --long: frames of one recording, whose memory is looked at.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import shutil
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory
import threading
import time

from depth_estimation_ros.commands.annotate import SUMMARY
from depth_estimation_ros.drives.bag_writing import Recorder, write_picture
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.models.networks import open_network
import numpy as np
import torch

from benchmarks.inputs import KITTI, picture

BEGAN = 1_700_000_000 * 10**9


def record(path: Path, frames: int) -> Path:
    one = picture()
    with Recorder(path) as bag:
        for number in range(frames):
            write_picture(bag, '/camera/image_rect', 'camera', BEGAN + number * 10**8,
                          np.roll(one, 3 * number, 1), pinhole_calibration(KITTI))
    return path


def bare(seconds: float) -> float:
    """Return how many pictures a second the network alone reads."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    estimator = DepthEstimator(open_network('compact').network, 'cpu', 'auto')
    estimator.warm_up()
    width, height = estimator.input_size(KITTI)
    rgb = torch.rand(1, 3, height, width)
    cameras = torch.tensor([[KITTI.fx * width / KITTI.width, KITTI.fy * height / KITTI.height,
                             width / 2, height / 2]])
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        estimator.forward(rgb, cameras)
        count += 1
    return count / (time.monotonic() - began)


def annotated(sources: list[Path], out: Path, jobs: int, *more: str) -> tuple[float, list[float]]:
    """Return frames a second from the first picture on, and MiB of memory, each second."""
    shutil.rmtree(out, ignore_errors=True)
    process = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'annotate', *map(str, sources),
         '--output', str(out), '--jobs', str(jobs), '--param', 'scene:=street', *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = []

    def look() -> None:
        while process.poll() is None:
            try:
                status = Path(f'/proc/{process.pid}/status').read_text()
                memory.append(int(status.partition('VmRSS:')[2].split()[0]) / 1024)
            except (OSError, IndexError):
                return
            time.sleep(1)

    threading.Thread(target=look, daemon=True).start()
    assert process.wait() == 0
    rates = [json.loads(file.read_text())['frames a second'] for file in out.rglob(SUMMARY)]
    return sum(rates), memory


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--long', type=int, default=0)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix='annotate_') as folder:
        place = Path(folder)
        sources = [record(place / f'drive{number}', chosen.frames) for number in range(2)]
        ways = {
            'the bare network': lambda: bare(4),
            'one process, depth and confidence': lambda: annotated(
                sources[:1], place / 'out', 1)[0],
            'two processes, depth and confidence': lambda: annotated(
                sources, place / 'out', 2)[0],
            'two processes, depth': lambda: annotated(
                sources, place / 'out', 2, '--write', 'depth')[0],
            'two processes, depth as png': lambda: annotated(
                sources, place / 'out', 2, '--write', 'depth', '--depth-format', 'png')[0]}
        found = {name: [] for name in ways}
        for _ in range(chosen.rounds):
            for name, run in ways.items():
                found[name].append(run())
        print(f'{KITTI.width}x{KITTI.height}, {chosen.frames} frames a recording, '
              f'{os.cpu_count()} cores, {chosen.rounds} rounds; medians\n')
        print('| | frames a second | by the bare network |\n|---|---|---|')
        base = median(found['the bare network'])
        for name, rates in found.items():
            print(f'| {name} | {median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f}) | '
                  f'{median(rates) / base:.2f} |')
        if chosen.long:
            source = record(place / 'long', chosen.long)
            rate, memory = annotated([source], place / 'out', 1)
            size = sum(f.stat().st_size for f in (place / 'out').rglob('*.mcap')) / chosen.long
            tenth = max(len(memory) // 10, 1)
            print(f'\n{chosen.long} frames at {rate:.1f} a second, {size / 1e6:.2f} MB a frame; '
                  f'memory {median(memory[tenth:2 * tenth]):.0f} MiB in the second tenth of the '
                  f'time, {median(memory[-tenth:]):.0f} in the last, {max(memory):.0f} at most')


if __name__ == '__main__':
    main()
