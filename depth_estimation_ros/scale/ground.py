# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Metres from the height of the camera: the ground's plane in a cloud of unknown scale.

In inverse depth a plane is linear, 1 / Z = (normal . ray) / distance. So a pixel's relative error
of depth is its height over the plane in parts of the camera's height, one measure for near and
far, and three linear equations give the plane. Lengths in here are in camera heights. The limits
were set on synthetic streets (benchmarks/scale.py).
"""
from __future__ import annotations

from functools import lru_cache
import math

import numpy as np

from depth_estimation_ros.estimation.requests import Unscaled
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.scale.tracker import Declined, Reading

# Where the ground is looked for: from a car 20 m ahead and 4 m to each side.
FAR, WIDE = 12.0, 2.5
PIXELS, LEAST = 1500, 200  # looked at; that must have depth
# Mountings that are tried around the stated one, and those that are believed, degrees.
PITCHES, ROLLS = range(-8, 9), (-3, 0, 3)
MAX_PITCH, MAX_ROLL = 5.0, 5.0
BIN, BINS = 0.03, 100  # of the logarithm of a plane's distance
TIGHT, LOOSE = 0.015, 0.08  # off the plane, and still counted as ground
MIN_SHARE, MAX_BELOW = 0.5, 0.15  # of the pixels where the ground should be
MAX_SPREAD = 0.035  # standard deviation of the ground off its plane
MAX_BEND = 0.15  # between the distances of the whole plane and of its nearer or farther half
MAX_SIGMA = 0.08  # at twice that a distance is a sixth off
MIN_REACH, MIN_SIDE = 1.4, 0.4  # farthest to nearest; to the left and to the right


class GroundBelow:
    """The ground below a camera that may hang turned; a few mountings' grids are kept."""

    def __init__(self, rotation: int = 0):
        """rotation: degrees, as DepthOptions has it."""
        self._quarters = rotation // 90
        self._grounds = lru_cache(maxsize=4)(Ground)

    def measure(self, unscaled: Unscaled, height: float, pitch: float = 0.0,
                roll: float = 0.0) -> Reading | Declined:
        """Return what `Ground` of that mounting measures in a picture's depth."""
        ground = self._grounds(unscaled.camera.turned(self._quarters), height, pitch, roll)
        return ground.measure(np.rot90(unscaled.depth, -self._quarters))


class Ground:
    """
    Looks for the ground where a camera's mounting says that it is.

    height: metres of the camera's centre above the ground. pitch, roll: radians, of the camera
    against its ground (REP 103: positive looks down, and leans to the right), right to a few
    degrees.
    """

    def __init__(self, camera: PinholeCamera, height: float, pitch: float = 0.0,
                 roll: float = 0.0):
        self._height, self._pitch, self._roll = height, pitch, roll
        v, u = np.mgrid[:camera.height, :camera.width]
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy,
                         np.ones(u.shape)], -1)
        toward = rays @ _down(pitch, roll)
        there = (toward > 1 / FAR) & (np.abs(rays[..., 0]) < WIDE * toward)
        step = max(math.ceil(math.sqrt(np.count_nonzero(there) / PIXELS)), 1)
        sparse = np.zeros_like(there)
        sparse[step // 2::step, step // 2::step] = True
        self._pixels = np.flatnonzero(there & sparse)
        self._rays = rays.reshape(-1, 3)[self._pixels]
        self._normals = np.array([_down(pitch + math.radians(p), roll + math.radians(r))
                                  for p in PITCHES for r in ROLLS])
        self._logs = np.log(np.maximum(self._normals @ self._rays.T, 1e-9)).astype(np.float32)

    def measure(self, depth: np.ndarray) -> Reading | Declined:
        """
        Return the scale that puts the ground as far below the camera as it is.

        depth: (H, W) float32 along Z in any unit, on the camera's grid; what is not finite and
        above 0 is none.
        """
        values = np.asarray(depth).reshape(-1)[self._pixels]
        known = np.isfinite(values) & (values > 0)
        if np.count_nonzero(known) < LEAST:
            return Declined('there is too little depth where the mounting says the ground is: the '
                            'camera looks elsewhere, or camera_pitch is wrong')
        rays, values = self._rays[known], values[known].astype(np.float64)
        points = rays * values[:, None]
        few = np.flatnonzero(known)[::2]  # enough to begin with
        fit = _refine(rays, points, self._search(self._logs[:, few], values[::2]))
        if fit is None:
            return Declined('no plane lies where the ground should be')
        return self._judge(rays, points, *fit)

    def _search(self, logs: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the plane that most pixels lie on, of those near the stated mounting: (3,)."""
        logs = logs + np.log(values).astype(np.float32)  # of each pixel's distance along a normal
        start = float(np.median(logs[len(logs) // 2])) - BIN * BINS / 2
        bins = np.clip((logs - start) * (1 / BIN), 0, BINS - 1).astype(np.int32)
        bins += np.arange(len(bins), dtype=np.int32)[:, None] * BINS
        votes = np.bincount(bins.ravel(), minlength=len(bins) * BINS).reshape(-1, BINS)
        votes = votes[:, 1:-3] + votes[:, 2:-2] + votes[:, 3:-1]  # the ends hold what is beyond
        normal, at = np.unravel_index(votes.argmax(), votes.shape)
        return self._normals[normal] * math.exp(-start - (at + 2.5) * BIN)

    def _judge(self, rays: np.ndarray, points: np.ndarray, plane: np.ndarray, weight: np.ndarray,
               spread: float) -> Reading | Declined:
        """Return what the plane says of the scale, or why it is not to be believed."""
        size = float(np.linalg.norm(plane))  # 1 / distance
        x, y, z = plane / size
        pitch, roll = math.atan2(z, math.hypot(x, y)) - self._pitch, math.atan2(x, y) - self._roll
        if abs(pitch) > math.radians(MAX_PITCH) or abs(roll) > math.radians(MAX_ROLL):
            angle = math.degrees(math.acos(np.clip(
                (x, y, z) @ _down(self._pitch, self._roll), -1, 1)))
            return Declined(f'the flattest surface is turned by {angle:.0f} degrees from where '
                            'the mounting says the ground is: a wall, a slope, or a camera that '
                            'tipped over')
        off, toward = points @ plane - 1, rays @ plane / size
        there = _there(rays, toward)
        on = weight > 0.05
        share = np.count_nonzero(on) / np.count_nonzero(there)
        if share < MIN_SHARE:
            return Declined(f'only {share:.0%} of what lies where the ground should be is flat: '
                            'walls, vehicles or people cover it')
        below = np.count_nonzero(there & (off > max(4 * spread, 0.05))) / np.count_nonzero(there)
        if below > MAX_BELOW:
            return Declined(f'{below:.0%} of the pixels lie below the plane: it is not the '
                            'ground, or not the only one')
        left, right = np.percentile(rays[on, 0] / toward[on], (5, 95))
        if left > -MIN_SIDE or right < MIN_SIDE:
            return Declined('the ground is seen to one side only')
        nearest, farthest = 1 / np.percentile(toward[on], (95, 5))
        if farthest < MIN_REACH * nearest:
            return Declined('too short a piece of the ground is seen to tell its plane')
        if spread > MAX_SPREAD:
            return Declined(f'the ground is uneven by {spread:.1%} of the height of the camera')
        middle = np.median(toward[on])
        bends = [float(size / np.linalg.norm(_solve(points[part], np.ones(len(points[part])))) - 1)
                 for part in (on & (toward >= middle), on & (toward < middle))]
        worst = max(bends, key=abs)
        if abs(worst) > MAX_BEND:
            return Declined('the ground is not one plane, near and far differ by '
                            f'{abs(worst):.0%}: a slope begins or ends')
        # The errors on synthetic streets went with spread and bend. A pitch that is not as stated
        # may be a slope that begins before the nearest row: nothing in the picture tells.
        sigma = math.hypot(0.01, 2 * spread, bends[0] / 2, nearest * pitch / 4)
        if sigma > MAX_SIGMA:
            return Declined(f'the ground is too uneven: it tells the scale to {sigma:.0%} only')
        return Reading(self._height * size, sigma)


def _refine(rays: np.ndarray, points: np.ndarray,
            plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Return plane (3,), weights of the pixels (N,) and spread: Tukey's biweight, reweighted."""
    for _ in range(6):
        off = points @ plane - 1
        near = np.abs(off[np.abs(off) < LOOSE])
        if len(near) < LEAST // 2:
            return None
        spread = 1.4826 * float(np.median(near))
        bound = min(max(4 * spread, TIGHT), LOOSE)
        there = _there(rays, rays @ plane / np.linalg.norm(plane))
        weight = np.where((np.abs(off) < bound) & there, (1 - (off / bound) ** 2) ** 2, 0)
        if np.count_nonzero(weight > 0.05) < LEAST // 2:
            return None
        plane = _solve(points, weight)
    return plane, weight, spread


def _solve(points: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the plane (3,) with points @ plane = 1."""
    weighted = points * weight[:, None]
    return np.linalg.lstsq(weighted.T @ points, weighted.sum(0), rcond=None)[0]


def _there(rays: np.ndarray, toward: np.ndarray) -> np.ndarray:
    return (toward > 0.7 / FAR) & (np.abs(rays[:, 0]) < WIDE * toward)


def _down(pitch: float, roll: float) -> np.ndarray:
    """Return the direction down in the optical frame of a camera so mounted, (3,)."""
    return np.array([math.sin(roll) * math.cos(pitch), math.cos(roll) * math.cos(pitch),
                     math.sin(pitch)])
