# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
From nothing to the shipped weights of `compact`: python -m training.train RUN_FOLDER.

Workers render streets into RUN_FOLDER/shards while the network trains on those that are there;
which frames a step sees depends on the seed and the step only. Interrupted, the same command
goes on where the last checkpoint is. No real picture is seen.
"""
from __future__ import annotations

import argparse
import csv
import math
import os
from pathlib import Path
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.models.compact import CompactNet, fill
from depth_estimation_ros.models.weights import load_checkpoint
from training.frames import PATTERN, SHAPES, SHARD, shard_path

FAR = 250.0  # metres; what the sky counts as
SEEN = 150.0  # metres; what is farther is sky to the loss
VALIDATION = 10  # shards, of another seed
SAVE_EVERY = 250  # steps


class Frames:
    """The shards of a folder in memory, loaded when first wanted."""

    def __init__(self, folder: Path, workers: list[subprocess.Popen]):
        self._folder, self._workers = folder, workers
        self._shards: dict[int, dict[str, np.ndarray]] = {}

    def shard(self, number: int) -> dict[str, np.ndarray]:
        """Return a shard, waiting for the worker that renders it; SystemExit where none will."""
        if number not in self._shards:
            path = shard_path(self._folder, number)
            while not path.exists():
                codes = [worker.poll() for worker in self._workers]
                if any(codes) or None not in codes and not path.exists():
                    raise SystemExit(f'{path} is missing and no worker makes it: say --workers 1, '
                                     'or look above for why a worker failed')
                time.sleep(0.5)
            with np.load(path) as arrays:
                self._shards[number] = {name: arrays[name] for name in arrays}
        return self._shards[number]

    def pick(self, rng: np.random.Generator, count: int, shape: int,
             ready: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return `count` frames of one shape: image, depth, camera, from the first `ready`."""
        wanted = [n for n in range(ready) if PATTERN[n % len(PATTERN)] == shape]
        places = [(self.shard(wanted[rng.integers(len(wanted))]), rng.integers(SHARD))
                  for _ in range(count)]
        return tuple(torch.from_numpy(np.stack([shard[name][i] for shard, i in places]))
                     for name in ('image', 'depth', 'camera'))


def scaled(image, depth, camera, width: int, height: int):
    """
    Return network input (N, 3, h, w) float 0..1, log depth (N, 1, h/2, w/2) and camera (N, 4).

    Depth is picked, not mixed: a mean of two things is where nothing is.
    """
    _, full_height, full_width, _ = image.shape
    rgb = F.interpolate(image.permute(0, 3, 1, 2).float() / 255, (height, width),
                        mode='bilinear', antialias=True, align_corners=False)
    rows = ((torch.arange(height // 2, device=depth.device) + 0.5)
            * (full_height * 2 / height)).long()
    cols = ((torch.arange(width // 2, device=depth.device) + 0.5)
            * (full_width * 2 / width)).long()
    log_depth = depth[:, rows][:, :, cols].float().clamp(0.3, FAR).log()[:, None]
    sx, sy = width / full_width, height / full_height
    return rgb.clamp(0, 1), log_depth, camera * torch.tensor([sx, sy, sx, sy],
                                                             device=camera.device)


def augmented(rgb, log_depth, camera, rng: np.random.Generator):
    """Return the batch mirrored (half of it) and in other colours."""
    n = len(rgb)

    def draw(values) -> torch.Tensor:
        return torch.tensor(np.asarray(values), dtype=torch.float32, device=rgb.device)

    mirrored = torch.from_numpy(rng.random(n) < 0.5).to(rgb.device)
    rgb = torch.where(mirrored[:, None, None, None], rgb.flip(3), rgb)
    log_depth = torch.where(mirrored[:, None, None, None], log_depth.flip(3), log_depth)
    camera = camera.clone()
    camera[:, 2] = torch.where(mirrored, rgb.shape[3] - 1 - camera[:, 2], camera[:, 2])
    gamma = draw(np.exp(rng.normal(0, 0.25, (n, 1, 1, 1))))
    gain = draw(np.exp(rng.normal(0, 0.18, (n, 1, 1, 1)) + rng.normal(0, 0.07, (n, 3, 1, 1))))
    contrast = draw(np.exp(rng.normal(0, 0.2, (n, 1, 1, 1))))
    rgb = rgb.clamp(min=1e-4) ** gamma * gain
    mean = rgb.mean((1, 2, 3), keepdim=True)
    rgb = (rgb - mean) * contrast + mean
    return rgb.clamp(0, 1), log_depth, camera


def loss_of(log_pred, logit, log_depth) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the loss of a batch, and its parts for the log."""
    error = log_pred - log_depth
    near = (log_depth < math.log(SEEN)).float()
    size = error.abs()
    # Too far costs what it costs AbsRel (to e times the truth), too near its logarithm: where a
    # picture cannot say which of two things is in a pixel, the nearer one is the one to publish.
    over = error.clamp(0, 1)
    size = size + over.exp() - 1 - over + (math.e - 1) * (error - 1).clamp(min=0)
    depth_loss = (size * near).sum() / near.sum() + 0.15 * (
        size * (1 - near)).sum() / (1 - near).sum().clamp(min=1)
    edges = 0.0
    for step in (1, 2, 4, 8):
        for axis in (2, 3):
            n = error.shape[axis] - step
            both = near.narrow(axis, step, n) * near.narrow(axis, 0, n)
            jump = error.narrow(axis, step, n) - error.narrow(axis, 0, n)
            edges = edges + (jump.abs() * both).sum() / both.sum().clamp(min=1) / 8
    right = torch.where(near > 0, (error.exp() - 1).abs() < 0.25, log_pred > math.log(100.0))
    trust = F.binary_cross_entropy_with_logits(logit, right.float())
    return depth_loss + 0.5 * edges + 0.1 * trust, {
        'log': ((error.abs() * near).sum() / near.sum()).item(), 'edges': edges.item(),
        'trust': trust.item()}


def sizes(shape: int, share: float) -> tuple[int, int]:
    """Return the network input for `share` of a shape's size: multiples of 32."""
    s = SHAPES[shape]
    return tuple(max(round(side * share / 32), 3) * 32 for side in (s.width, s.height))


def share_at(part: float, rng: np.random.Generator) -> float:
    """Return how much of the full size a step uses: small first, large at the end."""
    choices = [0.62, 0.667, 0.8, 1.0]
    weights = [0.1, 0.3, 0.45, 0.15] if part < 0.5 else [0.0, 0.1, 0.3, 0.6]
    return float(rng.choice(choices, p=weights))


@torch.inference_mode()
def validate(net: CompactNet, frames: Frames, device) -> dict[str, float]:
    """Return figures on frames of another seed, nearer than 80 m, at full size."""
    net.eval()
    rel, within, sure = [], [], []
    for number in range(VALIDATION):
        shard = frames.shard(number)
        batch = [torch.from_numpy(shard[name][:24]).to(device)
                 for name in ('image', 'depth', 'camera')]
        width, height = sizes(PATTERN[number % len(PATTERN)], 1.0)
        rgb, log_depth, camera = scaled(*batch, width, height)
        log_pred, logit = net.values(rgb, camera)
        near = log_depth < math.log(80.0)
        error = ((log_pred - log_depth).exp() - 1).abs()[near]
        rel.append(float(error.mean()))
        within.append(float((error < 0.25).float().mean()))
        sure.append(float(torch.sigmoid(logit)[near].mean()))
    net.train()
    return {'abs_rel': float(np.mean(rel)), 'within': float(np.mean(within)),
            'sure': float(np.mean(sure))}


def start_workers(folder: Path, seed: int, last: int, count: int,
                  device: str) -> list[subprocess.Popen]:
    """Start processes that render the shards of a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    return [subprocess.Popen(
        [sys.executable, '-m', 'training.frames', str(folder), str(seed), str(i), str(count),
         str(last), device], preexec_fn=lambda: os.nice(5)) for i in range(count)]


def main() -> None:
    """Train, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='everything of this run; made if missing')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--steps', type=int, default=12000)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--shards', type=int, default=400, help=f'of {SHARD} frames each')
    parser.add_argument('--ready', type=int, default=40, help='shards to begin with')
    parser.add_argument('--rate', type=float, default=2e-3, help='highest learning rate')
    parser.add_argument('--start', default='', help='weights to begin with, a compact.npz; '
                        'default: none')
    parser.add_argument('--workers', type=int, default=1, help='processes that render; 0 = '
                        'all shards are there')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options = parser.parse_args()
    workers = []
    if options.workers:
        workers = start_workers(options.folder / 'validation', options.seed + 1, VALIDATION, 1,
                                options.device)
        workers += start_workers(options.folder / 'shards', options.seed, options.shards,
                                 options.workers, options.device)
    try:
        train(options, workers)
    finally:
        for worker in workers:
            worker.terminate()


def train(options, workers: list[subprocess.Popen]) -> None:
    """Run the training loop."""
    device = torch.device(options.device)
    torch.manual_seed(options.seed)
    net = CompactNet()
    if options.start:
        fill(net, load_checkpoint(options.start, ('compact.npz',)).files['compact.npz'])
    net.to(device, memory_format=torch.channels_last)
    mean = CompactNet().to(device)
    mean.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.02)
    frames = Frames(options.folder / 'shards', workers)
    unseen = Frames(options.folder / 'validation', workers)
    checkpoint = options.folder / 'checkpoint.pth'
    log = options.folder / 'log.csv'
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(state['net'])
        mean.load_state_dict(state['mean'])
        optimizer.load_state_dict(state['optimizer'])
        first = state['step']
        print(f'going on at step {first}')
    started, seen = time.monotonic(), 0
    averages: dict[str, float] = {}
    for step in range(first, options.steps):
        rng = np.random.default_rng([options.seed, 77, step])
        part = step / options.steps
        rate = options.rate * min(1, (step + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * part))
        for group in optimizer.param_groups:
            group['lr'] = rate + 1e-6
        # The later shards come in evenly over the first two thirds.
        ready = min(options.shards, options.ready + int(
            (options.shards - options.ready) * part * 1.5))
        shape = PATTERN[rng.integers(len(PATTERN))]
        batch = frames.pick(rng, options.batch, shape, ready)
        width, height = sizes(shape, share_at(part, rng))
        rgb, log_depth, camera = augmented(
            *scaled(*(b.to(device) for b in batch), width, height), rng)
        with torch.autocast(device.type, torch.bfloat16):
            log_pred, logit = net.values(rgb, camera)
        loss, parts = loss_of(log_pred, logit, log_depth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        keep = min(0.999, (step + 1) / (step + 20))
        with torch.no_grad():
            for ours, new in zip(mean.state_dict().values(), net.state_dict().values()):
                if ours.is_floating_point():
                    ours.lerp_(new.to(ours.dtype), 1 - keep)
        seen += len(rgb)
        for name, value in parts.items():
            averages[name] = averages.get(name, value) * 0.98 + value * 0.02
        if (step + 1) % 50 == 0:
            speed = seen / (time.monotonic() - started)
            print(f'step {step + 1:6d}  ' + '  '.join(
                f'{k} {v:.4f}' for k, v in averages.items())
                + f'  shards {ready}  {speed:.0f}/s', flush=True)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == options.steps:
            figures = {}
            if (step + 1) % 1000 == 0 or step + 1 == options.steps:
                figures = validate(mean, unseen, device)
                print('validation ' + '  '.join(f'{k} {v:.4f}' for k, v in figures.items()),
                      flush=True)
            _append(log, {'step': step + 1, **averages, 'abs_rel': figures.get('abs_rel', ''),
                          'within': figures.get('within', ''), 'sure': figures.get('sure', '')})
            temporary = checkpoint.with_suffix('.part')
            torch.save({'net': net.state_dict(), 'mean': mean.state_dict(),
                        'optimizer': optimizer.state_dict(), 'step': step + 1}, temporary)
            temporary.rename(checkpoint)
            export(mean, options.folder / 'compact.npz')
            plot(log, options.folder / 'log.png')


def export(net: CompactNet, path: Path) -> None:
    """Write the weights as the package ships them: float16, without pickles."""
    arrays = {name: value.detach().cpu().to(torch.float16).numpy()
              for name, value in net.state_dict().items() if value.is_floating_point()}
    with path.open('wb') as file:
        np.savez(file, **arrays)


def _append(path: Path, row: dict) -> None:
    new = not path.exists()
    with path.open('a', newline='') as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def plot(log: Path, path: Path) -> None:
    """Draw the log: training error (grey) and unseen AbsRel (red) over the steps, 0 to 0.5."""
    picture = np.full((400, 800, 3), 255, np.uint8)
    with log.open() as file:
        rows = list(csv.DictReader(file))
    last = float(rows[-1]['step'])
    for column, color in (('log', (128, 128, 128)), ('abs_rel', (0, 0, 220))):
        points = [(int(790 * float(r['step']) / last), int(395 - 790 * min(float(r[column]), 0.5)))
                  for r in rows if r[column]]
        for a, b in zip(points, points[1:]):
            cv2.line(picture, a, b, color, 2, cv2.LINE_AA)
    for i in range(1, 5):
        cv2.putText(picture, f'{i / 10:.1f}', (2, 395 - 79 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                    (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), picture)


if __name__ == '__main__':
    main()
