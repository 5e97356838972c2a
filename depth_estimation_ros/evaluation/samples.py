# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames with truth of drives and of pictures; they are made one by one."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_estimation_ros.drives import DriveError, image_files
from depth_estimation_ros.drives.folder import find_optics, Pictures
from depth_estimation_ros.drives.kitti import (
    depth_benchmark, kitti_object, KittiDrive, KittiFrame)
from depth_estimation_ros.imaging.intrinsics import CameraError, PinholeCamera


class EvaluateError(ValueError):
    """Nothing can be evaluated; the message says what to change."""


@dataclass(frozen=True, eq=False)
class Sample:
    """
    One frame with its truth.

    image: (H, W, 3) uint8 BGR. truth: (H, W) metres, 0 where not known; None where the frame has
    none. camera: of these pixels.
    depth: the recorded prediction of the same size in metres; None where a model is to make it.
    confidence: recorded with it, (H, W) in 0..1; None where it was not.
    """

    name: str
    image: np.ndarray | None
    camera: PinholeCamera
    truth: np.ndarray | None
    depth: np.ndarray | None = None
    confidence: np.ndarray | None = None


def drive_samples(path: Path) -> Iterator[Sample]:
    yield from map(_scanned, KittiDrive(path))


def object_samples(path: Path) -> Iterator[Sample]:
    """Yield the frames of KITTI's object benchmark."""
    for image in image_files(path / 'image_2'):
        yield _scanned(kitti_object(path, image.stem))


def _scanned(frame: KittiFrame) -> Sample:
    return Sample(frame.image_path.stem, frame.image(), frame.camera,
                  frame.depth() if frame.scan_path else None)


def benchmark_samples(path: Path) -> Iterator[Sample]:
    """Yield the frames of KITTI's depth benchmark."""
    return (Sample(*frame) for frame in depth_benchmark(path))


def paired_samples(images: Path, truths: Path, unit: float, camera: str,
                   fov: float) -> Iterator[Sample]:
    if unit <= 0:
        raise EvaluateError('--truth-unit is needed with --truth: the steps of its PNGs a metre, '
                            '256 for KITTI, 1000 for millimetres (NYU)')
    pictures = Pictures(images)
    optics = find_optics(camera, fov, pictures)
    for frame in pictures:
        file = truths / f'{frame.name}.png'
        if not file.exists():
            yield Sample(frame.name, frame.image, optics.camera(*frame.image.shape[1::-1]),
                         None)
            continue
        depth = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
            raise DriveError(f'{file} is no 16-bit depth PNG, as --truth wants one for each '
                             'picture')
        height, width = frame.image.shape[:2]
        if depth.shape != (height, width):
            raise DriveError(f'{file} has {depth.shape[1]}x{depth.shape[0]} pixels, its picture '
                             f'{width}x{height}: they must be of one size')
        try:
            seen_by = optics.camera(width, height)
        except CameraError as error:
            raise DriveError(f'{optics.source}: {error}') from None
        yield Sample(frame.name, frame.image, seen_by, (depth / unit).astype(np.float32))
