# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What trust per pixel and the conditioning of clouds cost, beside a network's pass, in one run.

    python -m benchmarks.conditioning [--device cuda] [--rounds 40]
    python -m benchmarks.conditioning --flying 10  # what `edge` leaves out, drives of seeds 8000..
    python -m benchmarks.conditioning --real SHARED  # what trust is worth on real frames
    python -m benchmarks.conditioning --pictures docs/images  # those of docs/clouds.md

A generated street at 1242x375, depth at 640x192 stretched to it. Every round times each once, in
turn; figures are medians and the least, and parts of monodepth2 R18 as its authors publish it:
fp32, contiguous, eager. Rows of a step are a whole cloud with that step.
"""
from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
import platform
from statistics import median
import time

import cv2
from depth_estimation_ros.cloud.points import Cloud, level_pose, Picture, PointGrid, PointOptions
from depth_estimation_ros.estimation.confidence import confidence, USUAL
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.runtime import find_device
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import monodepth2, networks
from depth_estimation_ros.synthetic.drive import Plan, SyntheticDrive
from depth_estimation_ros.synthetic.streets.kinds import KINDS
import numpy as np
import torch
import torch.nn.functional as F

CAMERA = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)
HEIGHT = 1.65
BARE = PointOptions(edge=0)
STEPS = {
    'edge (the default)': replace(BARE, edge=PointOptions.edge),
    'min_confidence, confidence': replace(BARE, min_confidence=0.3, confidence=True),
    'height band': replace(BARE, min_height=0.2, max_height=2.0),
    'ground: label': replace(BARE, ground='label'),
    'voxel 0.05': replace(BARE, voxel=0.05),
    'all of them': PointOptions(min_confidence=0.3, confidence=True, min_height=-1.0,
                                max_height=2.5, ground='label', voxel=0.05, max_range=30.0)}

PANE = (330, 440)
STRIDE, NEAR, MARGIN = 5, 6, 1.1  # of points; pixels around one; between two surfaces


def label(depth: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return which points (every fifth row and column) float and which are good, bool.

    A point floats where the true surfaces within six pixels leave a gap around its depth, over
    10 % to either side, with a surface on both; it is good within 10 % of its pixel's truth.
    """
    z, known = depth[::STRIDE, ::STRIDE], np.where(np.isfinite(truth), truth, 0)
    padded = np.pad(known, NEAR, mode='edge')
    below, above = np.zeros_like(z), np.full_like(z, np.inf)
    for row in range(2 * NEAR + 1):
        for col in range(2 * NEAR + 1):
            other = padded[row:row + depth.shape[0]:STRIDE, col:col + depth.shape[1]:STRIDE]
            below = np.where((other <= z) & (other > below), other, below)
            above = np.where((other > z) & (other < above), other, above)
    valid = np.isfinite(z)
    floats = valid & (below > 0) & np.isfinite(above) & (below * MARGIN < z) & (
        z * MARGIN < above)
    true = known[::STRIDE, ::STRIDE]
    return floats, valid & ~floats & (np.abs(z - true) < (MARGIN - 1) * true)


def flying(drives: int, device: torch.device) -> None:
    """Print what `edge` leaves out of the depth of `compact`, two frames a drive."""
    estimator = DepthEstimator(networks.open_network('compact').network, str(device), 'fp32')
    grids = {edge: PointGrid(CAMERA, PointOptions(organized=True, stride=STRIDE, edge=edge),
                             device) for edge in (0.03, 0.045, 0.06, 0.08)}
    cases = [*((edge, True) for edge in grids), (PointOptions.edge, False)]
    counts = {case: np.zeros(5, int) for case in cases}
    total = 0
    for number in range(drives):
        drive = SyntheticDrive(Plan(seed=8000 + 100 * (number % 10) + number // 10, frames=12,
                                    rate=1.0, kind=list(KINDS)[number % len(KINDS)]), CAMERA)
        for frame in (drive.frame(2), drive.frame(9)):
            [seen] = estimator.estimate([(np.ascontiguousarray(frame.image), CAMERA)],
                                        outputs={'depth', 'confidence'})
            floats, good = label(seen.depth, frame.depth)
            total += np.isfinite(seen.depth[::STRIDE, ::STRIDE]).sum()
            for edge, learned in cases:
                made = grids[edge].cloud(
                    torch.from_numpy(seen.depth).to(device), None,
                    torch.from_numpy(seen.confidence).to(device), learned=learned)
                gone = np.isnan(made.data.view(np.float32)[..., 2])
                counts[edge, learned] += [floats.sum(), (floats & gone).sum(), good.sum(),
                                          (good & gone).sum(), np.count_nonzero(~gone)]
    for (edge, learned), (floats, caught, good, lost, left) in counts.items():
        print(f'edge {edge}{"" if learned else ", its confidence unused"}: {floats / total:.1%} '
              f'of {total} points float, {caught / floats:.1%} of them left out, and '
              f'{lost / good:.1%} of the good ones; {(floats - caught) / left:.1%} of what is '
              'left floats')


def real(shared: Path) -> None:
    """Print what trust is worth on real frames: what networks say themselves, or as concluded."""
    from training.judge import real_frames  # from a checkout only
    for name, weights in (('compact', ''), ('rt_monodepth_s', 'rt_monodepth_s_ms_640x192'),
                          ('meter_kitti', 'meter_xxs/build_model_best_kitti_xxs')):
        network = networks.open_network(
            name, str(shared / 'data/weights' / weights) if weights else '').network
        estimator = DepthEstimator(network, 'cpu', 'fp32')
        for cues in (USUAL,) if network.has_confidence else (USUAL, ('range',)):
            found: dict[str, list] = {}
            for kind, rgb, camera, truth in real_frames(shared):
                [seen] = estimator.estimate([(np.ascontiguousarray(rgb), camera)], DepthOptions(
                    cues=cues), {'depth', 'confidence'})
                found.setdefault(kind, []).append(metrics.evaluate_confidence(
                    seen.confidence, seen.depth, truth,
                    crop=metrics.garg_crop(*truth.shape))[0])
            said = 'its own' if network.has_confidence else '+'.join(cues)
            for kind, ones in found.items():
                wins = sum(one.area < min(one.by_range, one.by_row) for one in ones)
                mean = metrics.mean(ones)
                print(f'{name} {kind} {said}: area {mean.area:.3f}, by range '
                      f'{mean.by_range:.3f}, by row {mean.by_row:.3f}, best {mean.best:.3f}, at '
                      f'random {mean.abs_rel:.3f}, ece {mean.ece:.3f}; better than both on '
                      f'{wins} of {len(ones)}')


def left_out(shared: Path) -> None:
    """Print what the default `edge` leaves out on real frames, of what is right and near, too."""
    from training.judge import real_frames  # from a checkout only
    for name, weights in (('compact', ''), ('rt_monodepth_s', 'rt_monodepth_s_ms_640x192')):
        estimator = DepthEstimator(networks.open_network(
            name, str(shared / 'data/weights' / weights) if weights else '').network, 'cpu')
        found: dict[str, list] = {}
        for kind, rgb, camera, truth in real_frames(shared):
            frame = [(np.ascontiguousarray(rgb), camera)]
            bare, kept = (np.isfinite(estimator.estimate(frame, DepthOptions(points=PointOptions(
                organized=True, color=False, edge=edge)), {'points'})[0].cloud.data[..., 2].view(
                    np.float32)) for edge in (0, PointOptions.edge))
            depth = estimator.estimate(frame, outputs={'depth'})[0].depth
            with np.errstate(all='ignore'):
                off = np.where(truth > 0, np.abs(depth / truth - 1), np.nan)
                up = HEIGHT - (np.arange(len(truth))[:, None] - camera.cy) / camera.fy * truth
            near = (off < 0.25) & (truth < 10) & (up > 0.3) & (up < 2)
            found.setdefault(kind, []).append([
                count for mask in (bare, bare & (off < 0.1), bare & near)
                for count in (mask.sum(), (mask & ~kept).sum())])
        for kind, counts in found.items():
            every, lost, good, lost_good, there, lost_there = np.sum(counts, 0)
            print(f'{name} {kind}: edge leaves out {lost / every:.0%} of the points, '
                  f'{lost_good / good:.0%} of those within 10 %, {lost_there / max(there, 1):.0%} '
                  f'of {there} within 25 % on what is 0.3 to 2 m high and within 10 m')


def pictures(folder: Path) -> None:
    """Write what options do to the cloud of `compact` on a generated street, before and after."""
    estimator = DepthEstimator(networks.open_network('compact').network, 'cpu', 'fp32')
    frame = SyntheticDrive(Plan(seed=3, frames=1, kind='residential'), CAMERA).frame(0)
    for name, side, before, after in (
            ('edge', False, {}, {'edge': PointOptions.edge}),
            ('gate', False, {}, {'min_confidence': 0.8}),
            ('band', True, {}, {'min_height': 0.2, 'max_height': 2.0}),
            ('ground', True, {}, {'ground': 'label'}),
            ('voxel', False, {}, {'voxel': 0.25})):
        panes = []
        for changed in (before, after):
            [seen] = estimator.estimate_all([Request(
                np.ascontiguousarray(frame.image), CAMERA,
                DepthOptions(points=replace(BARE, **changed)), {'points'},
                pose=level_pose(HEIGHT))])
            what = ', '.join(f'{key}: {value}' for key, value in changed.items()) or 'without'
            panes.append(_pane(seen.cloud, side, f'{what}, {seen.cloud.width} points'))
        cv2.imwrite(str(folder / f'cloud_{name}.jpg'), np.hstack(
            [panes[0], np.full((PANE[0], 6, 3), 96, np.uint8), panes[1]]))


def _pane(cloud: Cloud, side: bool, said: str) -> np.ndarray:
    """Return a cloud from above, 22 m, or from the side, 14 m; what is labelled is green."""
    cells = cloud.data[0]
    rotation, translation = level_pose(HEIGHT)
    x, y, z = (cells[:, :3].view(np.float32) @ rotation.T + translation).T
    colors = np.stack([cells[:, 3] >> shift & 255 for shift in (0, 8, 16)], 1)
    if 'ground' in cloud.fields:
        colors = np.where(cells[:, 4:].view(np.float32) > 0, (90, 220, 90), (120, 120, 240))
    height, width = PANE
    where = (z * 30 + 20, x * 30 + 10) if side else (x * 15, width / 2 - y * 15)
    row, col = np.round(where).astype(int)
    there = (row >= 0) & (row < height - 1) & (col >= 0) & (col < width - 1)
    pane = np.full((height, width, 3), 30, np.uint8)
    for down in (0, 1):
        for right in (0, 1):
            pane[height - 1 - row[there] - down, col[there] + right] = colors[there].clip(60)
    cv2.putText(pane, said, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1,
                cv2.LINE_AA)
    return pane


@torch.inference_mode()
def main() -> None:
    """Print a row a step, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--device', default='auto')
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--flying', type=int, metavar='DRIVES')
    parser.add_argument('--real', type=Path, metavar='SHARED')
    parser.add_argument('--pictures', type=Path, metavar='FOLDER')
    chosen = parser.parse_args()
    device = find_device(chosen.device)
    if chosen.flying:
        flying(chosen.flying, device)
    if chosen.real:
        real(chosen.real)
        left_out(chosen.real)
    if chosen.pictures:
        pictures(chosen.pictures)
    if chosen.flying or chosen.real or chosen.pictures:
        return
    torch.backends.cudnn.allow_tf32 = False
    frame = SyntheticDrive(Plan(seed=3, frames=1, kind='residential'), CAMERA).frame(0)
    truth = torch.from_numpy(frame.depth).to(device)[None, None]
    small = F.interpolate(truth.clamp(max=500), (192, 640), mode='bilinear')
    depth = F.interpolate(small, (375, 1242), mode='bilinear')[0, 0]
    depth = torch.where(depth > 80, torch.inf, depth)
    small, picture = small[0, 0], Picture(
        torch.from_numpy(frame.image).to(device).permute(2, 0, 1), (0, 1, 2))
    sure = F.interpolate(confidence(small, CAMERA.resized(640, 192))[None, None], (375, 1242),
                         mode='bilinear')[0, 0]
    pose = level_pose(HEIGHT)
    r18 = monodepth2.network(bottleneck=False).eval().requires_grad_(False).to(device)
    rgb = torch.rand(1, 3, 192, 640, device=device)

    def made(options: PointOptions):
        grid = PointGrid(CAMERA, options, device)
        return lambda: grid.cloud(depth, picture, sure, pose)

    runs = {'monodepth2 R18 as published': lambda: r18(rgb),
            'bare cloud': made(BARE),
            'trust, without flip': lambda: confidence(small, CAMERA.resized(640, 192),
                                                      cues=('range',)),
            'trust, with flip': lambda: confidence(small, CAMERA.resized(640, 192), small),
            **{name: made(options) for name, options in STEPS.items()}}
    times = {name: [] for name in runs}
    for round_ in range(chosen.rounds + 5):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if device.type == 'cuda':
                torch.cuda.synchronize()
            if round_ >= 5:
                times[name].append(time.perf_counter() - began)
    print(f'{platform.platform()}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    measures = {'median': median, 'least': min}

    def row(name: str, part: dict[str, float]) -> None:
        print(f'{name:<42}', *(
            f'{what} {part[what] * 1e3:7.2f} ms  x {part[what] / first[what]:.3f}'
            for what in measures), sep='   ')

    parts = {name: {what: measure(seconds) for what, measure in measures.items()}
             for name, seconds in times.items()}
    first, bare = parts['monodepth2 R18 as published'], parts['bare cloud']
    for name, part in parts.items():
        row(name, part)
    row('conditioning: all of them - bare + trust', {
        what: parts['all of them'][what] - bare[what] + parts['trust, without flip'][what]
        for what in measures})


if __name__ == '__main__':
    main()
