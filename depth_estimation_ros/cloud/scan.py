# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to a planar scan: in each direction the nearest thing that stands up, on the device."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
import torch

from depth_estimation_ros.cloud.points import PointGrid, PointOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera

# Radians between the pixels that are looked at: what is 4 cm wide at 8 m is not missed.
PITCH = 1 / 200
# Nearer to the vertical than this, directions are no directions of a scan.
STEEPEST = math.radians(75)


class ScanError(ValueError):
    """A camera whose pictures make no scan; the message says what to change."""


@dataclass(frozen=True)
class ScanOptions:
    """
    What counts as an obstacle, in the scan's frame (z up, its origin on the ground).

    An obstacle is between min_height plus ground_slope metres a metre of range and max_height:
    what depth is off by, a ground that falls and a camera that nods grow with the range.
    min_range, max_range: metres from the frame's origin along the ground; what is nearer or
    farther is as unknown as what is not seen. Raises ScanError.
    """

    min_height: float = 0.15
    max_height: float = 2.0
    ground_slope: float = 0.03
    min_range: float = 0.1
    max_range: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what says no scan."""
        for low, high in (('min_height', 'max_height'), ('min_range', 'max_range')):
            if getattr(self, low) >= getattr(self, high):
                raise ScanError(f'parameter scan.{low} = {getattr(self, low):g} must be less than '
                                f'scan.{high} = {getattr(self, high):g}')


@dataclass(frozen=True, eq=False)
class Scan:
    """
    The payload of a LaserScan: radians counter-clockwise from the frame's x, metres.

    ranges: (N,) float32 at angle_min + i * angle_increment, along the frame's plane; NaN where
    nothing is known. Never +Inf: a camera that sees no obstacle has not seen that there is none.
    """

    ranges: np.ndarray
    angle_min: float
    angle_increment: float
    range_min: float
    range_max: float

    @property
    def angle_max(self) -> float:
        """The angle of the last range."""
        return self.angle_min + (len(self.ranges) - 1) * self.angle_increment


class ScanGrid:
    """
    The pixels of one camera, in one place, that are looked at for a scan, kept on the device.

    What makes no point (edge and min_confidence of `points`) makes no obstacle either. pose:
    rotation (3, 3) and translation (3,) in metres, float64, of the camera's optical frame in the
    scan's frame. The angles depend on the camera and its pose only: all that it can see down to
    min_range, as finely as no ray falls between two pixels (but near a camera that is behind the
    frame's origin). Raises ScanError.
    """

    def __init__(self, camera: PinholeCamera, options: ScanOptions,
                 pose: tuple[np.ndarray, np.ndarray], device: torch.device,
                 points: PointOptions = PointOptions()):
        rotation, origin = pose
        self._options = options
        self._grid = PointGrid(camera, PointOptions(
            organized=True, stride=max(round(camera.fx * PITCH), 1), edge=points.edge,
            min_confidence=points.min_confidence), device)
        rays = self._grid.rays.cpu().numpy().astype(np.float64) @ rotation.T
        along = np.hypot(rays[..., 0], rays[..., 1])
        steep = np.abs(rays[..., 2]) > math.tan(STEEPEST) * along
        if abs(rotation[2, 2]) > math.sin(STEEPEST) or steep.all():
            raise ScanError('the camera looks straight up or down in scan.frame, which makes no '
                            'scan: check that z of scan.frame is up, and the pose of the camera')
        # From here on the middle of the picture is at angle 0: no ray crosses the seam behind.
        ahead = math.atan2(rotation[1, 2], rotation[0, 2])
        c, s = math.cos(ahead), math.sin(ahead)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        rays, origin = rays @ turn.T, turn @ origin
        far = np.where(steep, np.nan, np.arctan2(rays[..., 1], rays[..., 0]))
        near = rays * (options.min_range / np.linalg.norm(rays, axis=-1, keepdims=True)) + origin
        near = np.where(steep, np.nan, np.arctan2(near[..., 1], near[..., 0]))
        steps = [np.diff(far, axis=axis).ravel() for axis in (0, 1)]  # a camera may be rolled
        self._increment = float(np.nanmax(np.abs(np.concatenate([*steps, [PITCH / 2]]))))
        low = float(min(np.nanmin(far), np.nanmin(near)))
        high = float(max(np.nanmax(far), np.nanmax(near)))
        self._count = math.floor((high - low) / self._increment) + 1
        self._low = low
        self._angle_min = ahead + low
        self._level = torch.from_numpy(~steep).to(device)
        self._rays, self._origin = (
            torch.from_numpy(np.ascontiguousarray(values)).float().to(device)
            for values in (np.moveaxis(rays, -1, 0), origin[:, None, None]))

    def scan(self, depth: torch.Tensor, confidence: torch.Tensor | None = None,
             learned: bool = True) -> Scan:
        """
        Return the scan of `depth` (H, W) float32 metres along Z; not finite is unknown.

        confidence, learned: as for PointGrid.cloud.
        """
        options = self._options
        z, valid, _ = self._grid.look(depth, confidence, learned)
        x, y, up = self._rays * z + self._origin
        reach = torch.hypot(x, y)
        number = ((torch.atan2(y, x) - self._low) * (1 / self._increment)).round()
        obstacle = (valid & self._level & (up >= options.min_height + options.ground_slope * reach)
                    & (up <= options.max_height)
                    & (reach >= options.min_range) & (reach <= options.max_range)
                    & (number >= 0) & (number < self._count))
        number = torch.where(obstacle, number, self._count).long().flatten()
        ranges = reach.new_full((self._count + 1,), math.inf)
        ranges.scatter_reduce_(0, number, reach.flatten(), 'amin')
        ranges = ranges[:-1].masked_fill(ranges[:-1] == math.inf, math.nan)
        return Scan(ranges.cpu().numpy(), self._angle_min, self._increment, options.min_range,
                    options.max_range)
