# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What temporal.window does to flicker, to the error, and to what moves.

    python -m benchmarks.temporal [--drives 3] [--frames 20] [--windows 3 5 9] [--shared SHARED]

Generated drives at 10 Hz, streets with traffic, a car that pitches by 0.2 degrees, and KITTI's
drive 0052 where SHARED is given, which RT-MonoDepth-S needs too. Truth within 80 m, on the
network's grid. Error is log(estimated / true depth). Of frames: `drift`, the standard deviation
over a drive of its median, and `jitter`, what of that comes from one frame to the next (RMS of the
change / sqrt 2). Of a point of the world in two consecutive frames, found by exact poses, depth
and speeds: `temporal`, the mean absolute change of its error, of what stands and of what drives;
for the real drive, of a pixel that has a LiDAR point in both. AbsRel: of all pixels, of those on
what drives, and of those where the truth jumped by over 15 % since the last frame. Flicker: each
frame's depth was multiplied by a random factor of that standard deviation besides.
"""
from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
import math
from pathlib import Path
import time

from depth_estimation_ros.drives.kitti import KittiDrive
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request, Unscaled
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
from depth_estimation_ros.synthetic.drive import Plan, SyntheticDrive
from depth_estimation_ros.synthetic.frames import Frame, Mount
import numpy as np
import torch

SEED = 76_000  # of drives that the choice of the limits has not seen
KINDS = ('jam', 'avenue', 'village', 'open', 'residential')
CAMERA = PinholeCamera(620, 188, 360.8, 360.8, 304.8, 86.4)  # KITTI's, half as large
RATE, PITCH = 10.0, math.radians(0.2)
FAR, JUMP, SAME = 80.0, 0.15, 0.02
FLICKER = 0.05


@dataclass(frozen=True, eq=False)
class Scene:
    """
    The truth of a frame.

    depth (H, W) metres; drives (H, W) bool; centres (M, 3) of what drives, in the world; frame:
    the pose; the last three are None on a real drive.
    """

    image: np.ndarray
    camera: PinholeCamera
    depth: np.ndarray
    drives: np.ndarray | None = None
    centres: np.ndarray | None = None
    frame: Frame | None = None


def generated(number: int, frames: int) -> Iterator[Scene]:
    """Yield the frames of a drive, the car pitching on its springs."""
    plan = Plan(SEED + number, frames, RATE, KINDS[number % len(KINDS)])
    drive, rng, pitch = SyntheticDrive(plan, CAMERA), np.random.default_rng(number), 0.0
    street = drive.place
    everything = list(street.movers)
    moving = [mover for mover in everything if mover.speed]
    for i in range(frames):
        pitch = 0.7 * pitch + 0.7 * PITCH * rng.normal()
        drive.plan = replace(plan, mount=Mount(pitch=pitch))
        frame = drive.frame(i)
        street.movers[:] = [mover for mover in everything if not mover.speed]
        empty = drive.frame(i).depth
        street.movers[:] = everything
        centres = [street.spine.at(m.s + m.speed * i / RATE, m.t, 0.8) for m in moving]
        yield Scene(frame.image, CAMERA, frame.depth, frame.depth < 0.999 * empty,
                    np.reshape(centres, (-1, 3)), frame)


def real(shared: Path) -> Iterator[Scene]:
    """Yield the frames of KITTI's drive 0052."""
    for frame in KittiDrive(shared / 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'):
        yield Scene(np.ascontiguousarray(frame.image()[..., ::-1]), frame.camera, frame.depth())


class Grid:
    """The pixels of a network's grid, and the truth there."""

    def __init__(self, grid: PinholeCamera, camera: PinholeCamera):
        self.camera = grid
        v, u = np.mgrid[:grid.height, :grid.width]
        self._ray = np.stack([(u - grid.cx) / grid.fx, (v - grid.cy) / grid.fy,
                              np.ones(u.shape)], -1)
        self._u = np.rint(self._ray[..., 0] * camera.fx + camera.cx).astype(int)
        self._v = np.rint(self._ray[..., 1] * camera.fy + camera.cy).astype(int)
        self._there = ((self._u >= 0) & (self._u < camera.width)
                       & (self._v >= 0) & (self._v < camera.height))

    def at(self, plane: np.ndarray) -> np.ndarray:
        """Return a plane of the camera on this grid, 0 where it does not see."""
        u, v = np.where(self._there, self._u, 0), np.where(self._there, self._v, 0)
        return np.where(self._there, plane[v, u], 0)

    def truth(self, scene: Scene) -> np.ndarray:
        """Return the true depth, NaN where there is none."""
        depth = self.at(scene.depth)
        return np.where((depth > 1e-3) & (depth < FAR), depth, np.nan)

    def follow(self, before: Scene, after: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the flat indices of points in two frames, and whether they drive."""
        here, there = self.truth(before), self.truth(after).reshape(-1)
        if before.frame is None:
            both = np.flatnonzero(np.isfinite(here.reshape(-1)) & np.isfinite(there))
            return both, both, np.zeros(len(both), bool)
        start = np.flatnonzero(np.isfinite(here))
        drives = self.at(before.drives).reshape(-1)[start]
        seen = (self._ray * here[..., None]).reshape(-1, 3)[start]
        world = seen @ before.frame.rotation + before.frame.position
        if drives.any():
            away = world[drives][:, None] - before.centres
            world[drives] += (after.centres - before.centres)[(away ** 2).sum(-1).argmin(1)]
        x, y, z = ((world - after.frame.position) @ after.frame.rotation.T).T
        ahead = np.maximum(z, 0.1)
        u = np.rint(x / ahead * self.camera.fx + self.camera.cx).astype(int)
        v = np.rint(y / ahead * self.camera.fy + self.camera.cy).astype(int)
        good = ((z > 0.5) & (u >= 0) & (u < self.camera.width)
                & (v >= 0) & (v < self.camera.height))
        end = np.where(good, v * self.camera.width + u, 0)
        good &= np.abs(there[end] / ahead - 1) < SAME  # seen in both, not covered
        good &= self.at(after.drives).reshape(-1)[end] == drives
        return start[good], end[good], drives[good]


class Judge:
    """The truth of a drive on a network's grid."""

    def __init__(self, grid: Grid, scenes: list[Scene]):
        self._truth = [grid.truth(scene) for scene in scenes]
        self._links = [grid.follow(*pair) for pair in zip(scenes, scenes[1:])]
        self._drives = [None if scene.frame is None else grid.at(scene.drives).astype(bool)
                        for scene in scenes]

    def __call__(self, depth: list[np.ndarray]) -> dict[str, float]:
        """Return the figures of what was estimated."""
        error = [np.log(d / t) for d, t in zip(depth, self._truth)]
        wrong = [np.abs(np.expm1(e)) for e in error]
        middle = np.array([np.nanmedian(e) for e in error])
        parts = defaultdict(list, {
            'drift': [middle.std(keepdims=True)], 'AbsRel': [w.reshape(-1) for w in wrong],
            'jitter': [np.sqrt((np.diff(middle) ** 2).mean(keepdims=True) / 2)]})
        for i, (start, end, drives) in enumerate(self._links):
            change = np.abs(error[i + 1].reshape(-1)[end] - error[i].reshape(-1)[start])
            parts['temporal, standing'].append(change[~drives])
            parts['temporal, driving'].append(change[drives])
            if self._drives[i] is not None:
                jumped = np.abs(np.log(self._truth[i + 1] / self._truth[i])) > JUMP
                parts['AbsRel, driving'].append(wrong[i + 1][self._drives[i + 1]])
                parts['AbsRel, jumped'].append(wrong[i + 1][jumped])
        found = {name: np.concatenate(values) for name, values in parts.items()}
        return {name: float(np.nanmean(v)) for name, v in found.items() if np.isfinite(v).any()}


def unscaled(estimator: DepthEstimator, scene: Scene) -> Unscaled:
    """Return what the network gives for a frame."""
    [estimate] = estimator.estimate_all([Request(scene.image, scene.camera, outputs=(),
                                                 unscaled=True)])
    return estimate.unscaled


def steadied(depth: list[np.ndarray], window: int) -> list[np.ndarray]:
    """Return the depth of a drive as the node gives it with temporal.window."""
    if window < 2:
        return depth
    memory = TemporalFilter(window)
    return [memory.steady(torch.from_numpy(d), i / RATE, CAMERA).numpy()
            for i, d in enumerate(depth)]


def latency(estimator: DepthEstimator, scene: Scene, times: int = 40) -> tuple[float, float]:
    """Return the CPU time of a pass, ms, without and with a memory, in turns; medians."""
    spent: tuple[list, list] = [], []
    memory = TemporalFilter(5)
    for i in range(times):
        for which, remembered in enumerate((None, memory)):
            began = time.process_time()
            estimator.estimate_all([Request(
                scene.image, scene.camera, DepthOptions(metres_per_unit=1.0), {'depth'},
                memory=remembered, stamp=i / RATE)])
            spent[which].append(1e3 * (time.process_time() - began))
    return float(np.median(spent[0])), float(np.median(spent[1]))


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--frames', type=int, default=20, help='of each generated drive')
    parser.add_argument('--drives', type=int, default=3, help='generated drives')
    parser.add_argument('--windows', type=int, nargs='+', default=[3, 5, 9])
    parser.add_argument('--shared', type=Path, help='folder with data/kitti_raw, data/weights')
    options = parser.parse_args()
    torch.set_num_threads(1)
    # RT-MonoDepth-S is metric on KITTI's optics: times 5.4, its stereo training's unit.
    models = {'compact': ('compact', '', 1.0)}
    sets = {'generated': [list(generated(number, options.frames))
                          for number in range(options.drives)]}
    if options.shared:
        models['RT-MonoDepth-S'] = (
            'rt_monodepth_s', options.shared / 'data/weights/rt_monodepth_s_ms_640x192', 5.4)
        sets['drive 0052'] = [list(real(options.shared))]
    columns = ('drift', 'jitter', 'temporal, standing', 'temporal, driving', 'AbsRel',
               'AbsRel, driving', 'AbsRel, jumped')
    print('| network | drives | flicker | window | ' + ' | '.join(columns) + ' |')
    print('|---' * (4 + len(columns)) + '|', flush=True)
    speeds = []
    for title, (model, weights, unit) in models.items():
        estimator = DepthEstimator(networks.open_network(model, weights).network, 'cpu', 'fp32')
        some = next(drive[0] for drives in sets.values() for drive in drives)
        speeds.append((title, *latency(estimator, some)))
        for name, scenes_of in sets.items():
            rows: dict[tuple, dict] = defaultdict(lambda: defaultdict(list))
            for number, scenes in enumerate(scenes_of):
                found = [unscaled(estimator, scene) for scene in scenes]
                judge = Judge(Grid(found[0].camera, scenes[0].camera), scenes)
                factors = np.random.default_rng(number).normal(size=len(scenes))
                for flicker in (0.0, FLICKER):
                    depth = [(unit * f.depth * math.exp(flicker * factor)).astype(np.float32)
                             for f, factor in zip(found, factors)]
                    for window in (0, *options.windows):
                        for column, value in judge(steadied(depth, window)).items():
                            rows[flicker, window][column].append(value)
            for (flicker, window), row in rows.items():
                print(f'| {title} | {name} | {flicker:.0%} | {window or "off"} | ' + ' | '.join(
                    f'{np.mean(row[c]):.4f}' if row[c] else '' for c in columns) + ' |',
                    flush=True)
    for title, without, with_memory in speeds:
        print(f'\n{title}: {without:.1f} ms of CPU a pass, with a memory '
              f'{with_memory:.1f} ms')


if __name__ == '__main__':
    main()
