# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How right the metres are that come from the camera's height and from a range sensor.

    python -m benchmarks.scale [--each 4] [--real SHARED]

Synthetic streets: exact depth times an unknown factor, and compact's depth against the factor
that the truth gives, the median of true / estimated depth over the pixels within 80 m. Marks come
from the truth alone. Flat: the camera looks down the road, which bends by under 0.1 m up or down
within 20 m and fills over 45 % of the place where the ground is looked for. Unfit: the camera is
tipped by 23 to 52 degrees from its stated pitch; a slope begins, 0.3 m and more within 20 m;
things that stand on the ground cover over 60 % of that place. The stated pitch is off by 2
degrees (standard deviation), the stated roll is 0, the stated height is that above the road below
the camera. --real: KITTI's frames with RT-MonoDepth-S `m`, whose scale nobody knows.
"""
from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, replace
import math
from pathlib import Path
import time

from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.kitti import kitti_object, KittiDrive, project_velodyne
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.evaluation.metrics import evaluate_depth, garg_crop
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
from depth_estimation_ros.scale import ranging
from depth_estimation_ros.scale.ground import FAR, Ground, WIDE
from depth_estimation_ros.scale.tracker import Declined
from depth_estimation_ros.synthetic.drawing.render import Renderer
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.drive import BEAMS, LIDAR_MOUNT, Plan, SyntheticDrive
from depth_estimation_ros.synthetic.frames import Mount, pose, random_spot, take
from depth_estimation_ros.synthetic.streets.kinds import KINDS, random_street
from depth_estimation_ros.synthetic.things.objects import library
import numpy as np
import torch

from training.judge import real_frames

SEED = 74_000  # of streets that neither a training nor the choice of a limit has seen
CAMERA = find_optics('', 80.0, None).camera(512, 168)
UNITS = DepthOptions(metres_per_unit=1.0, min_depth=1e-6, max_depth=1e6)
PITCH_ERROR = math.radians(2)


@dataclass(frozen=True, eq=False)
class Case:
    """A frame, what is stated of its camera, and what the truth says of its ground."""

    kind: str
    mark: str
    image: np.ndarray
    depth: np.ndarray
    height: float
    pitch: float


def cases(each: int):
    """Yield the frames of `each` places a kind of street."""
    renderer, things = Renderer(SEED), library(SEED)
    for number in range(len(KINDS) * each):
        kind = list(KINDS)[number % len(KINDS)]
        rng = np.random.default_rng([SEED, number])
        street = random_street(rng, things, kind)
        spot, mount = random_spot(rng, street), Mount.random(rng)
        stated = mount.pitch + rng.normal() * PITCH_ERROR
        turn = float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.9))
        mounts = [mount, replace(mount, pitch=mount.pitch + turn) if number % 2
                  else replace(mount, yaw=float(rng.choice([-1, 1]) * rng.uniform(1.2, 1.9)))]
        frames = take(renderer, street, [pose(street, spot, m) for m in mounts], [CAMERA] * 2,
                      [Sensor.random(rng) for _ in mounts], rng)
        for mounted, frame in zip(mounts, frames):
            depth = np.where(np.isfinite(frame.depth), frame.depth, np.nan)
            mark, level = judge_ground(street, spot, mounted, frame)
            if mounted.pitch != mount.pitch:
                mark = 'tipped'
            yield Case(kind, mark, frame.image, depth, mount.height - level, stated)


def judge_ground(street, spot, mount: Mount, frame) -> tuple[str, float]:
    """Return the mark of a frame, and how high the road is below the camera, by the truth."""
    v, u = np.mgrid[:CAMERA.height:3, :CAMERA.width:3]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy,
                     np.ones(u.shape)], -1).reshape(-1, 3)
    z = frame.depth[::3, ::3].reshape(-1).astype(np.float64)
    down = -(rays @ frame.rotation)[:, 2]
    there = (down > 1 / FAR) & (np.abs(rays[:, 0]) < WIDE * down)
    hit = np.isfinite(z) & (z < 60) & (there | (down > 0.05))
    s, t, up = street.spine.place((rays[hit] * z[hit, None]) @ frame.rotation
                                  + frame.position).T
    level = -0.02 * abs(spot.t)  # roads fall to their sides
    for reach in (0.1, 0.3):  # else the camera stands on a pavement
        near = ((np.abs(t - spot.t) < 0.4) & (np.abs(up - level) < reach)
                & (np.abs(s - spot.s) < 12))
        if np.count_nonzero(near) > 20:
            level = float(np.median(up[near]))
            break
    there = there[hit]
    ahead = np.linspace(2, 20, 19)
    line = street.spine.at(spot.s + spot.direction * ahead)[:, 2] - street.spine.at(spot.s)[2]
    bend = np.abs(line - street.spine.slope(spot.s) * spot.direction * ahead).max()
    if not there.any():
        return 'neither', level
    if np.mean(up[there] - level > 0.3) > 0.6:
        return 'covered', level
    if abs(mount.yaw) > 0.6:
        return 'neither', level
    if bend > 0.3:
        return 'slope', level
    road = np.mean(np.abs(up[there] - level) < 0.12)
    return ('flat' if bend < 0.1 and road > 0.45 else 'neither'), level


def ground(each: int) -> None:
    """Print how the camera's height does on synthetic streets."""
    compact = estimator('compact')
    results: dict[tuple[str, str], list] = {}
    reasons, seconds = Counter(), []
    for number, case in enumerate(cases(each)):
        factor = float(np.exp(np.random.default_rng(number).uniform(math.log(0.3), math.log(3))))
        estimated = estimate(compact, case.image, CAMERA)
        near = (case.depth < 80) & np.isfinite(estimated)
        found = Ground(CAMERA, case.height, case.pitch)
        pairs = [('exact', case.depth / factor, factor)]
        if near.any():
            pairs.append(('compact', estimated,
                          float(np.median(case.depth[near] / estimated[near]))))
        for name, depth, truth in pairs:
            began = time.process_time()
            reading = found.measure(depth)
            seconds.append(time.process_time() - began)
            declined = isinstance(reading, Declined)
            results.setdefault((name, case.mark), []).append(
                math.nan if declined else reading.scale / truth - 1)
            if declined and name == 'exact':
                reasons[case.mark, ''.join(c for c in reading.reason if not c.isdigit())] += 1
    print(f'camera height, {CAMERA.width}x{CAMERA.height}: '
          f'{1e3 * float(np.median(seconds)):.1f} ms of CPU a frame')
    print('| depth | mark | frames | declined | right of all | of the rest: right | median error '
          '| worst |\n|---|---|---|---|---|---|---|---|')
    for (name, mark), found in sorted(results.items()):
        error = np.abs(found)
        kept = error[~np.isnan(error)]
        limit = 0.05 if name == 'exact' else 0.10
        rest = (f'{np.mean(kept < limit):.0%} | {np.median(kept):.3f} | {kept.max():.3f}'
                if len(kept) else ' | | ')
        print(f'| {name} | {mark} | {len(error)} | {np.mean(np.isnan(error)):.0%} | '
              f'{np.mean(error < limit):.0%} within {limit:.0%} | {rest} |')
    for (mark, reason), count in reasons.most_common():
        print(f'  {count} {mark}: {reason}')


def beams(each: int) -> None:
    """Print how 16 beams of a LiDAR do on synthetic streets."""
    errors, relative = [], []
    for number in range(each * 3):
        kind = list(KINDS)[number % len(KINDS)]
        drive = SyntheticDrive(Plan(SEED + number, frames=1, kind=kind), CAMERA)
        frame, scan = drive.frame(0), drive.scan(0)
        elevation = np.degrees(np.arctan2(scan[:, 2], np.linalg.norm(scan[:, :2], axis=1)))
        beam = np.abs(elevation[:, None] - BEAMS).argmin(1)
        car = scan[beam % 4 == 0, :3] + LIDAR_MOUNT
        points = np.stack([-car[:, 1], -car[:, 2], car[:, 0]], 1)
        factor = float(np.exp(np.random.default_rng(number).uniform(math.log(0.3), math.log(3))))
        reading = ranging.measure(points, frame.depth / factor, CAMERA)
        errors.append(abs(reading.scale / factor - 1))
        shift = 0.02
        inverse = (1 / frame.depth - shift) * factor
        reading = ranging.measure(points, inverse, CAMERA, relative=True)
        back = 1 / (inverse / reading.scale + reading.shift)
        near = frame.depth < 80
        relative.append(np.mean(np.abs(back[near] / frame.depth[near] - 1)))
    print(f'range sensor, 16 beams, exact depth, {len(errors)} streets: worst error '
          f'{max(errors):.3%}; scale and shift of inverse depth: worst AbsRel '
          f'{max(relative):.3%}')


def real(shared: Path) -> None:
    """Print how both do on KITTI's frames."""
    network = estimator('rt_monodepth_s', shared / 'data/weights/rt_monodepth_s_m_640x192')
    print('| frame | camera height 1.65 m | its sigma | LiDAR median ratio | error |\n'
          '|---|---|---|---|---|')
    for number, (name, rgb, camera, truth) in enumerate(real_frames(shared)):
        depth = estimate(network, rgb, camera)
        ratio = evaluate_depth(depth, truth, crop=garg_crop(*truth.shape)).median_ratio
        reading = Ground(camera, 1.65).measure(depth)
        print(f'| {number} {name} | ' + (
            f'declined: {reading.reason} | | {ratio:.3f} | |' if isinstance(reading, Declined)
            else f'{reading.scale:.3f} | {reading.sigma:.1%} | {ratio:.3f} | '
                 f'{reading.scale / ratio - 1:+.1%} |'))
    print('\n| judged on the odd beams | AbsRel, fitted on the even ones | median-scaled |\n'
          '|---|---|---|')
    data = shared / 'data'
    drive = KittiDrive(data / 'kitti_raw/2011_09_26/2011_09_26_drive_0052_sync')
    rows = []
    for frame in [kitti_object(data / 'kitti_object/training', '000000'), *drive]:
        depth = estimate(network, frame.image()[..., ::-1], frame.camera)
        scan = frame.scan()
        azimuth = np.arctan2(scan[:, 1], scan[:, 0])
        turned = (azimuth[:-1] < 0) & (azimuth[1:] >= 0) & (azimuth[1:] - azimuth[:-1] < 3)
        even = np.concatenate([[0], np.cumsum(turned)]) % 2 == 0
        car = scan[even & (scan[:, 0] > 0), :3]
        points = car @ frame.velo_to_cam[:3, :3].T + frame.velo_to_cam[:3, 3]
        reading = ranging.measure(points, depth, frame.camera)
        truth = project_velodyne(scan[~even], frame.velo_to_cam, frame.camera)
        crop = garg_crop(*truth.shape)
        rows.append((evaluate_depth(depth * reading.scale, truth, crop=crop).abs_rel,
                     evaluate_depth(depth, truth, crop=crop, median_scale=True).abs_rel))
    for name, part in (('kitti_object 000000', rows[:1]), ('drive_0052, mean of 16', rows[1:])):
        fitted, scaled = np.mean(part, axis=0)
        print(f'| {name} | {fitted:.4f} | {scaled:.4f} |')


def estimator(model: str, weights: Path | str = '') -> DepthEstimator:
    """Return a network on the CPU, single precision."""
    return DepthEstimator(networks.open_network(model, weights).network, 'cpu', 'fp32')


def estimate(of: DepthEstimator, rgb: np.ndarray, camera: PinholeCamera) -> np.ndarray:
    """Return depth in the network's own unit, (H, W)."""
    [found] = of.estimate([(np.ascontiguousarray(rgb), camera)], UNITS, {'depth'})
    return found.depth


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--each', type=int, default=4, help='places of each kind of street')
    parser.add_argument('--real', type=Path, help='folder with data/kitti_annotated, ...')
    options = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        if options.each:
            ground(options.each)
            beams(options.each)
        if options.real:
            real(options.real)


if __name__ == '__main__':
    main()
