# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The figures of the model card: python -m training.judge [--weights FILE] [--real SHARED].

Generated streets and rooms of seeds that training never saw, all kinds in equal parts, through the
whole estimator; the same places at 60, 80 and 100 degrees; what the confidence says of pictures
that no network can read; and, with --real, frames from real cameras: to be looked at when a
candidate is finished, never to choose one.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from depth_estimation_ros.drives import read_image
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.kitti import annotated_depth, kitti_object, KittiDrive
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Estimate
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
from depth_estimation_ros.synthetic.drawing.render import Renderer
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.frames import Frame, Mount, pose, random_spot, take
from depth_estimation_ros.synthetic.rooms import kinds as rooms
from depth_estimation_ros.synthetic.rooms.kinds import random_room
from depth_estimation_ros.synthetic.streets.kinds import KINDS, random_street
from depth_estimation_ros.synthetic.things.objects import library
from training.frames import SAME_WORLD

SEED = 99_000  # no shard of any training seed has it
ANGLES = (60.0, 80.0, 100.0)
SIZES = {True: (640, 208), False: (640, 480)}  # of a street's picture, of a room's
ALL_KINDS = (*KINDS, *rooms.KINDS)
OPTIONS = DepthOptions(min_depth=1e-3, max_depth=1e6)


def places(seed: int, each: int, kinds: tuple[str, ...] = ALL_KINDS
           ) -> Iterator[tuple[str, list[Frame]]]:
    """Yield the kind of a street or a room, and frames of one place in it at each of ANGLES."""
    renderer, things = Renderer(seed), library(seed)
    for kind in kinds:
        for number in range(each):
            rng = np.random.default_rng([seed, ALL_KINDS.index(kind), number])
            if kind in KINDS:
                scene = random_street(rng, things, kind)
                place = pose(scene, random_spot(rng, scene), Mount.random(rng))
            else:
                scene = random_room(rng, things, kind)
                place = scene.random_place(rng)
            sensor = Sensor.random(rng)
            yield kind, [take(renderer, scene, [place], [find_optics('', angle, None).camera(
                *SIZES[kind in KINDS])], [sensor], np.random.default_rng(number))[0]
                for angle in ANGLES]


class Judge:
    """A network, asked for depth and confidence, and held against truth."""

    def __init__(self, weights: str, precision: str = 'fp32', model: str = 'compact',
                 scene: str = 'auto'):
        self._scene = scene
        self.estimator = DepthEstimator(networks.open_network(model, weights).network, 'cpu',
                                        precision)

    def estimate(self, rgb: np.ndarray, camera: PinholeCamera) -> Estimate:
        """Return depth and confidence of a picture."""
        [estimate] = self.estimator.estimate(
            [(ColorImage(np.ascontiguousarray(rgb), (0, 1, 2)), camera)],
            replace(OPTIONS, scene=self._scene), {'depth', 'confidence'})
        return estimate

    def __call__(self, rgb: np.ndarray, camera: PinholeCamera, truth: np.ndarray,
                 crop=None) -> tuple:
        """Return metrics as published, median-scaled, of the confidence, its bins, the scene."""
        estimate = self.estimate(rgb, camera)
        plain, scaled = (metrics.evaluate_depth(estimate.depth, truth, 1e-3, 80.0, crop, s)
                         for s in (False, True))
        trust, bins = metrics.evaluate_confidence(
            estimate.confidence, estimate.depth, truth, 1e-3, 80.0, crop)
        return plain, scaled, trust, bins, estimate.scene


def synthetic(judge: Judge, each: int, kinds: tuple[str, ...] = ALL_KINDS) -> dict:
    """
    Return AbsRel by world, angle and kind, the share of frames whose world was mistaken.

    And the confidence's calibration error, of either world.
    """
    by_kind: dict[str, list] = {kind: [] for kind in kinds}
    bins = {world: np.zeros((metrics.BINS, 3)) for world in ('street', 'room')}
    with torch.inference_mode():
        for kind, frames in places(SEED, each, kinds):
            for angle, frame in zip(ANGLES, frames):
                truth = np.where(np.isfinite(frame.depth), frame.depth, 0)
                if not ((truth > 0) & (truth < 80)).any():
                    continue
                plain, _, _, counts, scene = judge(frame.image, frame.camera, truth)
                by_kind[kind].append((angle, plain.abs_rel, plain.median_ratio, scene))
                bins['street' if kind in KINDS else 'room'] += counts
    rows = {world: [row for kind in of if kind in by_kind for row in by_kind[kind]]
            for world, of in (('street', KINDS), ('room', rooms.KINDS))}
    rows = {world: some for world, some in rows.items() if some}
    # metrics' ratio is truth / estimate.
    low, high = 1 / SAME_WORLD[1], 1 / SAME_WORLD[0]
    return {
        'all': {world: float(np.mean([r[1] for r in some])) for world, some in rows.items()},
        'angle': {f'{world} {angle:g}': float(np.mean([r[1] for r in some if r[0] == angle]))
                  for world, some in rows.items() for angle in ANGLES},
        'kind': {kind: float(np.mean([r[1] for r in some])) for kind, some in by_kind.items()},
        'mistaken': {world: float(np.mean([not low < r[2] < high for r in some]))
                     for world, some in rows.items()},
        # What lies between the worlds belongs to both.
        'read as rooms': {kind: float(np.mean([r[3] == 'room' for r in some]))
                          for kind, some in by_kind.items()},
        'ece': {world: metrics.calibration_error(bins[world]) for world in rows}}


def strange(frame: Frame, rng: np.random.Generator
            ) -> Iterator[tuple[str, np.ndarray, PinholeCamera, np.ndarray]]:
    """Yield name, RGB, camera and truth of what is wrong about a frame in each of several ways."""
    image, camera = frame.image, frame.camera
    truth = np.where(np.isfinite(frame.depth), frame.depth, 0)
    yield 'as it is', image, camera, truth
    for name, quarters in (('on its side', 1), ('upside down', 2)):
        yield (name, np.rot90(image, -quarters), camera.turned(quarters),
               np.rot90(truth, -quarters))
    for name, factor in (('focal length halved', 0.5), ('focal length doubled', 2.0)):
        yield name, image, replace(camera, fx=camera.fx * factor, fy=camera.fy * factor), truth
    nothing = np.zeros_like(truth)
    yield 'noise', rng.integers(0, 256, image.shape, np.uint8), camera, nothing
    flat = np.full_like(image, rng.integers(30, 220, 3))
    flat += rng.integers(0, 9, image.shape, np.uint8)
    yield 'a blank wall', flat, camera, nothing
    height, width = truth.shape
    blots = cv2.resize(rng.integers(0, 256, (7, 9, 3), np.uint8), (width, height),
                       interpolation=cv2.INTER_CUBIC)
    yield 'blots', blots, camera, nothing


def corrupted(frame: Frame, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """
    Yield the name of a corruption and the picture with it, of a middle strength.

    The kinds of ImageNet-C (D. Hendrycks, T. Dietterich, ICLR 2019) that a robot's camera brings.
    """
    image = frame.image.astype(np.float32)
    size = max(round(frame.camera.width / 160), 2)
    yield 'none', frame.image
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
    streak = np.zeros((4 * size + 1, 4 * size + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = 2 * size * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(streak, *(tuple(np.rint(2 * size + sign * reach).astype(int).tolist())
                       for sign in (-1, 1)), 1.0)
    for name, kernel in (('out of focus', disc.astype(np.float32)), ('moved', streak)):
        yield name, _bytes(cv2.filter2D(image, -1, kernel / kernel.sum()))
    yield 'noise', _bytes(image + rng.normal(0, 22, image.shape))
    yield 'dark', _bytes(rng.poisson(np.clip(image, 0, 255) * 0.08) / 0.08 * 0.35)
    veil = np.exp(-np.minimum(frame.depth, 1e3) / np.nanmedian(frame.depth) * 0.6)[..., None]
    yield 'fog', _bytes(image * veil + 205 * (1 - veil))
    yield 'colour', _bytes(image * rng.permutation([1.3, 1.0, 0.6]))
    yield 'contrast', _bytes((image - image.mean()) * 0.35 + image.mean())
    yield 'JPEG', cv2.imdecode(cv2.imencode('.jpg', frame.image, [cv2.IMWRITE_JPEG_QUALITY, 8])[1],
                               cv2.IMREAD_COLOR)


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def robust(judge: Judge, each: int) -> dict[str, dict[str, float]]:
    """Return by world and corruption the mean AbsRel of unseen places at ANGLES[1]."""
    found: dict[str, dict[str, list]] = {'street': {}, 'room': {}}
    with torch.inference_mode():
        for number, (kind, frames) in enumerate(places(SEED + 2, each)):
            frame = frames[1]
            truth = np.where(np.isfinite(frame.depth), frame.depth, 0)
            if not ((truth > 0) & (truth < 80)).any():
                continue
            rows = found['street' if kind in KINDS else 'room']
            for name, image in corrupted(frame, np.random.default_rng(number)):
                plain, *_ = judge(image, frame.camera, truth)
                rows.setdefault(name, []).append(plain.abs_rel)
    return {world: {name: float(np.mean(values)) for name, values in rows.items()}
            for world, rows in found.items()}


def aerial(seed: int, each: int) -> Iterator[tuple[str, np.ndarray, PinholeCamera, np.ndarray]]:
    """Yield streets as a drone sees them, which no training has."""
    renderer, things = Renderer(seed), library(seed)
    camera = find_optics('', ANGLES[1], None).camera(*SIZES[False])
    for kind in KINDS:
        for number in range(each):
            rng = np.random.default_rng([seed, ALL_KINDS.index(kind), number, 7])
            scene = random_street(rng, things, kind)
            place = pose(scene, random_spot(rng, scene),
                         Mount(rng.uniform(25, 60), 0.0, rng.uniform(1.1, 1.5)))
            [frame] = take(renderer, scene, [place], [camera], [Sensor.random(rng)], rng)
            yield 'from the air', frame.image, camera, np.where(
                np.isfinite(frame.depth), frame.depth, 0)


def foreign(judge: Judge, each: int) -> dict[str, tuple[float, float, float]]:
    """
    Return, by what is wrong with a picture, three shares, means over pictures.

    Of the depth that is right within 25 %; that the confidence holds for right; and of the
    pictures that are said to be unlike what the network knows: of those `as it is` that is a
    false alarm.
    """
    found: dict[str, list] = {}

    def look(name: str, image: np.ndarray, camera: PinholeCamera, truth: np.ndarray) -> None:
        estimate = judge.estimate(image, camera)
        known = (truth > 0) & (truth < 80)
        right = np.abs(estimate.depth[known] / truth[known] - 1) < 0.25
        sure = estimate.confidence[known] if known.any() else estimate.confidence
        found.setdefault(name, []).append((right.mean() if known.any() else 0.0, sure.mean(),
                                           estimate.sure < estimate.least_sure))

    with torch.inference_mode():
        for number, (_, frames) in enumerate(places(SEED + 1, each)):
            for one in strange(frames[1], np.random.default_rng(number)):
                look(*one)
        for one in aerial(SEED + 1, each):
            look(*one)
    return {name: tuple(np.mean(rows, 0)) for name, rows in found.items()}


def real_frames(shared: Path) -> Iterator[tuple[str, np.ndarray, PinholeCamera, np.ndarray]]:
    """Yield name, RGB, camera and truth of the real frames."""
    data = shared / 'data'
    for file in sorted((data / 'kitti_annotated/image').glob('*.png')):
        yield ('annotated', read_image(file)[..., ::-1],
               PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854),
               annotated_depth(data / 'kitti_annotated/depth' / file.name))
    frame = kitti_object(data / 'kitti_object/training', '000000')
    yield 'object', frame.image()[..., ::-1], frame.camera, frame.depth()
    for frame in KittiDrive(data / 'kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'):
        yield 'drive', frame.image()[..., ::-1], frame.camera, frame.depth()
    for file in sorted((data / 'nyu/image').glob('*')):
        depth = cv2.imread(str(data / f'nyu/depth/{file.stem}.png'), cv2.IMREAD_UNCHANGED)
        yield ('nyu', read_image(file)[..., ::-1],
               PinholeCamera(640, 480, 518.8579, 519.46961, 325.58245, 253.73617),
               depth.astype(np.float32) / 1000)


CROPS = {'nyu': metrics.nyu_crop}  # the others have KITTI's


def real(judge: Judge, shared: Path) -> str:
    """Return the table of the real frames, and how often the confidence ranks best."""
    rows: dict[str, list] = {}
    for name, rgb, camera, truth in real_frames(shared):
        rows.setdefault(name, []).append(judge(
            rgb, camera, truth, CROPS.get(name, metrics.garg_crop)(*truth.shape)))
    lines = ['| real frames | AbsRel | d1 | median-scaled | scale error | median ratio | '
             'confidence: area (by range, by row, best) | frames it beats both | read as rooms |',
             '|---|---|---|---|---|---|---|---|---|']
    errors = []
    for name, found in rows.items():
        plain, scaled, trust = (metrics.mean([f[i] for f in found]) for i in range(3))
        error = float(np.mean([abs(np.log(f[0].median_ratio)) for f in found]))
        errors.append(error)
        wins = sum(f[2].area < min(f[2].by_range, f[2].by_row) for f in found)
        ratios = [1 / f[0].median_ratio for f in found]
        lines.append(f'| {name} ({len(found)}) | {plain.abs_rel:.3f} | {plain.d1:.3f} | '
                     f'{scaled.abs_rel:.3f} | {error:.3f} | {min(ratios):.2f} to '
                     f'{max(ratios):.2f} | {trust.area:.3f} '
                     f'({trust.by_range:.3f}, {trust.by_row:.3f}, {trust.best:.3f}) | '
                     f'{wins} of {len(found)} | {sum(f[4] == "room" for f in found)} |')
    return '\n'.join([*lines, f'\nscale error, mean of the sets: {np.mean(errors):.3f}'])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', default='compact', help='or compact-rooms')
    parser.add_argument('--weights', default='', help='default: the shipped ones')
    parser.add_argument('--scene', default='auto', help='of compact: auto, street or room')
    parser.add_argument('--foreign', type=int, default=0, help='places of each kind whose '
                        'pictures are made strange')
    parser.add_argument('--corrupted', type=int, default=0, help='places of each kind whose '
                        'pictures are blurred, noisy, dark, ...')
    parser.add_argument('--each', type=int, default=6, help='streets and rooms of each kind')
    parser.add_argument('--precision', default='fp32')
    parser.add_argument('--real', type=Path, help='folder with data/kitti_annotated, ...')
    options = parser.parse_args()
    if options.real and not (options.real / 'data').is_dir():
        parser.error(f'--real {options.real} holds no folder data: give the folder of the real '
                     'frames')
    judge = Judge(options.weights, options.precision, options.model, options.scene)
    if options.each:
        found = synthetic(judge, options.each)
        for title, name in (('all', 'unseen, AbsRel up to 80 m'), ('angle', 'by angle'),
                            ('kind', 'by kind'), ('mistaken', 'frames whose world is mistaken'),
                            ('read as rooms', 'read by the network for rooms'),
                            ('ece', 'expected calibration error')):
            print(f'{name}: ' + ', '.join(f'{k} {v:.4f}' for k, v in found[title].items()))
    if options.corrupted:
        for world, rows in robust(judge, options.corrupted).items():
            print(f'{world}s, AbsRel where the picture is corrupted: ' + ', '.join(
                f'{name} {value:.3f}' for name, value in rows.items()))
    if options.foreign:
        print('| pictures | right | confidence | said to be unlike |\n|---|---|---|---|')
        for name, shares in foreign(judge, options.foreign).items():
            print(f'| {name} | ' + ' | '.join(f'{share:.2f}' for share in shares) + ' |')
    if options.real:
        print(real(judge, options.real))


if __name__ == '__main__':
    main()
