# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a path holds that can be judged: a drive, pictures with truth, a bag."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from depth_estimation_ros.drives import is_bag
from depth_estimation_ros.evaluation.bag_samples import bag_samples
from depth_estimation_ros.evaluation.samples import (
    benchmark_samples, drive_samples, EvaluateError, object_samples, paired_samples, Sample)


def find_samples(source: str, truth: str, truth_unit: float, camera: str, fov: float,
                 depth_topic: str, truth_topic: str, image_topic: str,
                 rectified: str) -> Iterable[Sample]:
    """Return the samples of whatever `source` is; raises DriveError, EvaluateError."""
    path = Path(source).expanduser()
    if path.is_dir() and (path / 'image_02').is_dir():
        return drive_samples(path)
    if (path / 'image_2').is_dir() and (path / 'calib').is_dir():
        return object_samples(path)
    if (path / 'groundtruth_depth').is_dir() and (path / 'intrinsics').is_dir():
        return benchmark_samples(path)
    if truth and not is_bag(path):
        return paired_samples(path, Path(truth).expanduser(), truth_unit, camera, fov)
    if path.is_dir() and not is_bag(path):
        raise EvaluateError(f'{path} is a folder of pictures without truth: give --truth FOLDER '
                            'with a 16-bit depth PNG for each')
    return bag_samples(path, Path(truth).expanduser() if truth else path, depth_topic,
                       truth_topic, image_topic, rectified)
