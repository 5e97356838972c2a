# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked of a DepthEstimator, and what it answers."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from depth_estimation_ros.cloud.points import Cloud, PointOptions
from depth_estimation_ros.cloud.scan import Scan, ScanOptions
from depth_estimation_ros.estimation.confidence import USUAL
from depth_estimation_ros.estimation.scenes import SceneChoice
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera

OUTPUTS = frozenset({'depth', 'confidence', 'color', 'points', 'scan'})


@dataclass(frozen=True)
class DepthOptions:
    """
    What is made of the network's values.

    metres_per_unit: metres per model unit, None = what the model's scale contract says. shift: of
    relative inverse depth v, 1 / Z = v / metres_per_unit + shift, in 1 / metre.
    min_depth, max_depth: metres along Z; nearer is -Inf, farther +Inf (REP 117), both 0 in 16UC1.
    rotation: degrees, 0, 90, 180 or 270, by which the picture is turned clockwise to stand
    upright, as the network sees it; all that is published stays as the camera has it.
    scene: of scenes.SCENES; which network of a pair reads the picture, `auto`: that which it is
    for, by what the picture shows.
    publish_size: `full` (the image's) or `network` (the network's grid). depth_encoding: `32FC1`
    (float32 metres) or `16UC1` (uint16 millimetres, 0 = none). cues: of confidence.CUES, what
    confidence is concluded from where the network gives none; `flip` takes a second pass, in the
    same batch.
    """

    metres_per_unit: float | None = None
    shift: float = 0.0
    min_depth: float = 0.1
    max_depth: float = 80.0
    rotation: int = 0
    scene: str = 'auto'
    publish_size: str = 'full'
    depth_encoding: str = '32FC1'
    cues: tuple[str, ...] = USUAL
    points: PointOptions = field(default_factory=PointOptions)
    scan: ScanOptions = field(default_factory=ScanOptions)


@dataclass(frozen=True, eq=False)
class Estimate:
    """
    What one picture became; an output that was not wanted is None.

    camera: of the published grid (H, W). depth: (H, W) float32 metres or uint16 millimetres.
    confidence: (H, W) float32, the probability that the relative error of the depth is under
    25 %, 0 where depth is NaN.
    color: (H, W, 3) uint8 BGR, log depth from red (max_depth / 50 and nearer) to blue
    (max_depth): one colour is one distance in all frames. Invalid and out of range is black.
    scene: which network of a pair has read it, '' where there is one only. sure: the mean of the
    network's own confidence over the picture, the share that it holds for right, least_sure what
    that is at least of pictures that it knows; None where it gives none.
    """

    camera: PinholeCamera
    depth: np.ndarray | None = None
    confidence: np.ndarray | None = None
    color: np.ndarray | None = None
    cloud: Cloud | None = None
    scan: Scan | None = None
    unscaled: Unscaled | None = None
    scene: str = ''
    sure: float | None = None
    least_sure: float = 0.0
    forward: float | None = None


class Request(NamedTuple):
    """
    A picture (ColorImage or (H, W, 3) uint8 RGB), its camera, and what is to be made of it.

    unscaled: whether the depth in the network's own units is wanted too. memory: of this camera's
    last pictures, which steadies all depth that comes out; stamp: the picture's time for it, s.
    choice: of this camera's scene, where options.scene is auto; None = each picture by itself.
    pose: rotation (3, 3) and translation (3,) in metres of the camera's optical frame in the base
    frame, for points (`points.level_pose`); None = not known. scan_pose: the same in the frame of
    the scan; there is no scan without.
    """

    image: ColorImage | np.ndarray
    camera: PinholeCamera
    options: DepthOptions = DepthOptions()
    outputs: Collection[str] = OUTPUTS
    unscaled: bool = False
    memory: TemporalFilter | None = None
    stamp: float = 0.0
    choice: SceneChoice | None = None
    pose: tuple[np.ndarray, np.ndarray] | None = None
    scan_pose: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def wants_confidence(self) -> bool:
        """Whether a confidence is wanted, or points or a scan that take one."""
        return 'confidence' in self.outputs or (
            'points' in self.outputs and self.options.points.needs_confidence) or (
            'scan' in self.outputs and self.options.points.min_confidence > 0)


@dataclass(frozen=True, eq=False)
class Unscaled:
    """
    Depth as the network gives it: (h, w) float32 along Z in its units, NaN = none; as the camera
    sees it, however the picture was turned.

    Of relative inverse depth that is the inverse, for no scale makes depth of it.
    """

    camera: PinholeCamera
    depth: np.ndarray
