# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Pinhole cameras: which intrinsics count, how they change with the pixels, how a lens is undone.

Pixel coordinates follow ROS and OpenCV: (u, v) = (0, 0) is the centre of the top left pixel.
Frames are optical frames (REP 103): x right, y down, z forward.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
import math

import cv2
import numpy as np

from depth_estimation_ros.imaging.wording import shown

# A picture whose focal length is this close to the training camera's is taken as it is.
IDENTITY_FOCAL = 0.02
# KITTI's own principal points lie up to 2.5 % of the height off their mean.
IDENTITY_CENTRE = 0.03
# Beyond this the resampling costs so much of the view that the user should know.
NOTABLE_FOCAL = 0.10
# Degrees beyond the fields of view of a training that the user should know of.
NOTABLE_VIEW = 5.0
# Sizes such as 1242x375 and 640x192 are the same aspect but for rounding to whole pixels.
ASPECT_TOLERANCE = 0.01

OUTSIDE = -2.0  # pixels; a place that no picture has

# How many coefficients each may have: for OpenCV's pinhole models the number says which it is.
PINHOLE = (4, 5, 8, 12, 14)
LENS_MODELS = {'plumb_bob': PINHOLE, 'rational_polynomial': PINHOLE, 'equidistant': (4,),
               'fisheye': (4,)}
# A focal length is within so many times the picture's side, and no less than this part of it: at
# a twentieth the picture would be 168 degrees wide, which no plane holds.
LONGEST, SHORTEST = 1000.0, 1 / 20
LOST = 0.15  # of the rectified picture, outside of the raw one: more than black borders are
FISHEYES = ('equidistant', 'fisheye')  # no pinhole even without distortion: r = f theta


class CameraError(ValueError):
    """A calibration that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Lens:
    """
    How the raw pixels of a camera lie relative to its rectified grid (sensor_msgs/CameraInfo).

    `k` and `r` are row-major 3x3 (9 numbers), `d` the coefficients of `model`.
    """

    model: str
    k: tuple[float, ...]
    d: tuple[float, ...]
    r: tuple[float, ...]


@dataclass(frozen=True)
class PinholeCamera:
    """
    A camera without distortion: u = fx X / Z + cx, v = fy Y / Z + cy, all in pixels.

    Where `lens` is set, the picture that comes with this camera is still raw, of the same size,
    and `rectification_map` tells where the rectified pixels lie in it.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    lens: Lens | None = None

    def is_nearly(self, other: PinholeCamera) -> bool:
        """Return whether no pixel of the picture is seen more than 0.1 px elsewhere."""
        same = replace(other, fx=self.fx, fy=self.fy, cx=self.cx, cy=self.cy) == self
        return same and max(
            abs(other.fx / self.fx - 1) * self.width, abs(other.fy / self.fy - 1) * self.height,
            abs(other.cx - self.cx), abs(other.cy - self.cy)) < 0.1

    def resized(self, width: int, height: int) -> PinholeCamera:
        """Return the camera of the same view at another size (image_pipeline's resize rule)."""
        sx, sy = width / self.width, height / self.height
        return replace(self, width=width, height=height, fx=self.fx * sx, cx=self.cx * sx,
                       fy=self.fy * sy, cy=self.cy * sy, lens=None)

    def windowed(self, window: Window) -> PinholeCamera:
        """Return the camera that sees just `window` of this one's pixels."""
        return replace(self, width=window.width, height=window.height,
                       cx=self.cx - window.x, cy=self.cy - window.y, lens=None)

    def rectified(self) -> PinholeCamera:
        """Return this camera as it is once the lens is undone."""
        return replace(self, lens=None)

    def turned(self, quarters: int) -> PinholeCamera:
        """Return the camera of the rectified picture, turned clockwise by quarters of a circle."""
        camera = replace(self, lens=None)
        for _ in range(quarters % 4):  # what is at (u, v) comes to (height - 1 - v, u)
            camera = replace(
                camera, width=camera.height, height=camera.width, fx=camera.fy, fy=camera.fx,
                cx=camera.height - 1 - camera.cy, cy=camera.cx)
        return camera

    @property
    def whole(self) -> Window:
        """The window that holds all of this camera's pixels."""
        return Window(0, 0, self.width, self.height)

    def rectification_map(self) -> np.ndarray:
        """
        Return where each rectified pixel lies in the raw picture: (H, W, 2) float32, (u, v) px.

        Positions outside 0..W-1, 0..H-1 are not seen by the camera. A wide lens can fold back
        (the polynomial turns round): what lies there is set outside too.
        """
        if min(self.width, self.height) < 2:
            raise CameraError(f'a picture of {self.width}x{self.height} pixels cannot be '
                              'rectified: it takes two rows and columns')
        k, r = (np.array(m, np.float64).reshape(3, 3) for m in (self.lens.k, self.lens.r))
        new = np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)
        d = np.array(self.lens.d, np.float64)
        size = (self.width, self.height)
        fisheye = self.lens.model in FISHEYES
        undo = (cv2.fisheye if fisheye else cv2).initUndistortRectifyMap
        u, v = undo(k, d, r, new, size, cv2.CV_32FC1)
        where = np.stack([u, v], axis=-1)
        (u_down, u_right), (v_down, v_right) = np.gradient(u), np.gradient(v)
        forward = (u_right * v_down > u_down * v_right).astype(np.uint8)
        _, region = cv2.connectedComponents(forward, connectivity=4)
        centre = (min(max(round(self.cy), 0), self.height - 1),
                  min(max(round(self.cx), 0), self.width - 1))
        where[region != region[centre]] = OUTSIDE
        return where

    def lost(self) -> float:
        """Return the share of the rectified picture that the raw one does not show, 0 to 1."""
        if self.lens is None:
            return 0.0
        # A share needs no more of it, whatever size a CameraInfo states.
        shrink = max(self.width, self.height, 200) / 200
        small = self.resized(*(max(int(side / shrink), 2) for side in (self.width, self.height)))
        sx, sy = small.width / self.width, small.height / self.height
        k = np.array(self.lens.k) * np.repeat([sx, sy, 1.0], 3)
        where = replace(small, lens=replace(self.lens, k=tuple(k))).rectification_map()
        return float(1 - ((where > -1) & (where < [small.width, small.height])).all(-1).mean())


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels, which may reach beyond the picture: left, top, size."""

    x: int
    y: int
    width: int
    height: int

    def seen(self, width: int, height: int) -> Window:
        """Return the part of it that lies in a picture of `width` x `height` (maybe empty)."""
        x, y = max(self.x, 0), max(self.y, 0)
        return Window(x, y, max(min(self.x + self.width, width) - x, 0),
                      max(min(self.y + self.height, height) - y, 0))


def training_window(camera: PinholeCamera, training) -> Window:
    """
    Return the window of `camera` that a network's training camera would see.

    Two pinhole cameras that look the same way differ by a scale and a shift per axis only, so
    this window, resized to the network's input, is the picture its training camera would take.
    `training` has fx, fy, cx, cy as parts of its width and height. An axis within 2 % of the
    training focal length (and 3 % of its centre) stays untouched.
    """
    def axis(focal: float, centre: float, size: int, f: float, c: float) -> tuple[int, int]:
        if (abs(focal / size / f - 1) <= IDENTITY_FOCAL
                and abs(centre / size - c) <= IDENTITY_CENTRE):
            return 0, size
        extent = focal / f
        start = round(centre - c * extent)
        return start, round(start + extent) - start

    x, width = axis(camera.fx, camera.cx, camera.width, training.fx, training.cx)
    y, height = axis(camera.fy, camera.cy, camera.height, training.fy, training.cy)
    window = Window(x, y, width, height)
    seen = window.seen(camera.width, camera.height)
    if seen.width * seen.height == 0:
        raise CameraError(
            f'the camera ({describe(camera)}) sees nothing of what the {training.name} saw: '
            'its CameraInfo is wrong, or the model is not made for such a camera')
    return window


def square_window(camera: PinholeCamera, width: int, height: int) -> Window:
    """
    Return the smallest window around the picture that is `width` x `height` of square pixels.

    What it holds beyond the picture is a border, on both sides alike.
    """
    aspect = camera.fx * width / (camera.fy * height)
    wide, tall = (max(camera.width, round(camera.height * aspect)),
                  max(camera.height, round(camera.width / aspect)))
    return Window((camera.width - wide) // 2, (camera.height - tall) // 2, wide, tall)


def training_mismatch(camera: PinholeCamera, training) -> str | None:
    """Return a sentence that names both cameras when they differ by over 10 %, else None."""
    fx, fy = camera.fx / camera.width, camera.fy / camera.height
    if max(abs(fx / training.fx - 1), abs(fy / training.fy - 1)) <= NOTABLE_FOCAL:
        return None
    return (f'this camera ({describe(camera)}) is not like the {training.name} that the network '
            f'was trained on (fx/W {training.fx:.2f}, fy/H {training.fy:.2f}): the image is '
            'resampled to that camera, depth outside of its view is NaN and the metres deserve '
            'a check')


def view_mismatch(camera: PinholeCamera, limits: tuple[float, float]) -> str | None:
    """Return a sentence where the camera's horizontal field of view is over 5 degrees outside."""
    view = math.degrees(2 * math.atan(camera.width / 2 / camera.fx))
    if limits[0] - NOTABLE_VIEW <= view <= limits[1] + NOTABLE_VIEW:
        return None
    return (f'this camera ({describe(camera)}) sees {view:.0f} degrees from left to right, but '
            f'the network was trained on {limits[0]:g} to {limits[1]:g}: the metres deserve a '
            'check')


def describe(camera: PinholeCamera) -> str:
    """Return size and normalised focal lengths in words."""
    return (f'{camera.width}x{camera.height}, fx/W {camera.fx / camera.width:.2f}, '
            f'fy/H {camera.fy / camera.height:.2f}')


@dataclass(frozen=True)
class Calibration:
    """
    What a sensor_msgs/CameraInfo says, as plain numbers, names as there.

    `roi` is (x_offset, y_offset, width, height) in full-resolution pixels, zeros = full.
    """

    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning: tuple[int, int] = (1, 1)
    roi: tuple[int, int, int, int] = (0, 0, 0, 0)

    def is_rectified(self, topic: str) -> bool:
        """
        Guess whether the pixels on `topic` are rectified already (`rectified: auto`).

        They are when there is no distortion to undo, when the topic's name says so, or when only
        P is given (KITTI odometry bags). P > 0 proves nothing: every calibrated camera fills it.
        """
        return (not self._bent or 'rect' in topic.rsplit('/', 1)[-1] or self.k[0] == 0)

    @property
    def _bent(self) -> bool:
        return any(self.d) or self.model in FISHEYES

    def image_size(self) -> tuple[int, int]:
        """Return the width and height of the images it describes, after roi and binning."""
        _, _, roi_width, roi_height = self._region
        bx, by = (max(b, 1) for b in self.binning)
        size = (roi_width or self.width) // bx, (roi_height or self.height) // by
        if min(size) <= 0:
            raise CameraError(f'it states a size of {self.width}x{self.height} pixels: the '
                              'driver must fill width and height')
        return size

    @property
    def _region(self) -> tuple[int, int, int, int]:
        """
        The roi as sensor_msgs means it.

        Some drivers (camera1394, Baxter's) state the size of the crop as width and height, beside
        the place of it: there the roi lies outside of the stated size. Which picture K is of is
        told by where its centre is then.
        """
        x, y, width, height = self.roi
        if x + width <= self.width and y + height <= self.height:
            return self.roi
        cx, cy = (self.k[2], self.k[5]) if self.k[0] > 0 else (self.p[2], self.p[6])
        places = [(abs((cx - dx) / self.width - 0.5) + abs((cy - dy) / self.height - 0.5), dx, dy)
                  for dx, dy in ((0, 0), (x, y))] if self.width and self.height else []
        off, dx, dy = min(places, default=(1.0, 0, 0))
        if off >= 0.5:
            raise CameraError(
                f'its roi, {width}x{height} at {x}, {y}, lies outside of its size, {self.width}x'
                f'{self.height}, and the centre of K lies in neither: the driver must state the '
                "sensor's size, and K and P of the whole sensor")
        return dx, dy, self.width, self.height

    def remark(self) -> str:
        """Return what its distortion model is taken for where it is not what its name says."""
        d, usual = len(self.d), {'plumb_bob': (4, 5), '': (4, 5), 'rational_polynomial': (8,)}
        if not any(self.d) or d in usual.get(self.model, LENS_MODELS.get(self.model, (d,))):
            return ''
        return (f'its distortion_model {shown(self.model)} has {d} coefficients in D: it is read '
                f'as the one that has {len(self._coefficients())}, as OpenCV does')

    def _coefficients(self) -> tuple[float, ...]:
        """Return D, as long as one of its models has it: zeros at its end mean nothing."""
        model = self.model or 'plumb_bob'
        d = self.d or (0.0,) * LENS_MODELS[model][0]
        if len(d) in LENS_MODELS[model]:
            return d
        used = max((i + 1 for i, value in enumerate(d) if value), default=0)
        for length in LENS_MODELS[model]:
            if used <= length <= len(d):
                return d[:length]
        raise CameraError(f'its distortion_model {shown(model)} wants '
                          f'{" or ".join(map(str, LENS_MODELS[model]))} coefficients in D, it '
                          f'holds {len(d)}')

    def camera(self, width: int, height: int, rectified: bool) -> PinholeCamera:
        """
        Return the camera of a `width` x `height` picture that came with this calibration.

        Rectified pixels obey P (K where P is empty); raw ones get a `Lens` that leads from K, D
        and R to P's grid. Binning and region of interest come first, then, where the aspect
        agrees, a scale to the picture's size. Raises CameraError.
        """
        numbers = np.array(self.k + self.r + self.p + self.d, np.float64)
        if not np.isfinite(numbers).all():
            raise CameraError('K, D, R or P holds NaN or infinity: calibrate the camera again')
        grid = self.p if self.p[0] > 0 and self.p[5] > 0 else None
        raw = self.k if self.k[0] > 0 and self.k[4] > 0 else None
        if grid is None and raw is None:
            raise CameraError('neither K nor P holds a focal length above zero: the camera is '
                              'not calibrated (ros2 run camera_calibration cameracalibrator)')
        if not rectified and raw is None:
            raise CameraError('K holds no focal length above zero, so the pixels cannot be '
                              "rectified: set the parameter rectified to 'true' if they are")
        if grid is not None:
            fx, fy, cx, cy = grid[0], grid[5], grid[2], grid[6]
        else:
            fx, fy, cx, cy = raw[0], raw[4], raw[2], raw[5]

        x, y, _, _ = self._region
        bx, by = (max(b, 1) for b in self.binning)
        sized = self.image_size()
        sx, sy = width / sized[0], height / sized[1]
        if abs(sx / sy - 1) > ASPECT_TOLERANCE:
            raise CameraError(
                f'it describes {sized[0]}x{sized[1]} pixels (after binning and roi) but the image '
                f'has {width}x{height}, another aspect: these topics belong to different cameras')
        sx, sy = sx / bx, sy / by

        def shrink(fx, fy, cx, cy):
            return fx * sx, fy * sy, (cx - x) * sx, (cy - y) * sy

        lens = None
        if not rectified and (self._bent or grid is not None):
            lens = self._lens(shrink(raw[0], raw[4], raw[2], raw[5]))
        fx, fy, cx, cy = shrink(fx, fy, cx, cy)
        if not (SHORTEST <= fx / width <= LONGEST and SHORTEST <= fy / width
                and fy / height <= LONGEST):
            raise CameraError(f'its focal lengths, {fx:g} and {fy:g} pixels, are those of no '
                              f'camera with {width}x{height} pixels: calibrate it again')
        return PinholeCamera(width, height, fx, fy, cx, cy, lens)

    def _lens(self, intrinsics: tuple[float, float, float, float]) -> Lens:
        model = self.model or 'plumb_bob'
        if model not in LENS_MODELS:
            raise CameraError(f"its distortion_model {shown(model)} is not one of "
                              f'{", ".join(LENS_MODELS)}: publish rectified images instead')
        d = self._coefficients()
        fx, fy, cx, cy = intrinsics
        r = self.r if any(self.r) else (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
        return Lens(model, (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0), d, r)


def rectified(image: np.ndarray, camera: PinholeCamera) -> np.ndarray:
    """Return a picture (H, W, C) uint8 of `camera` on the grid of its depth: without its lens."""
    return cv2.remap(image, _rectification(camera), None, cv2.INTER_LINEAR) if (
        camera.lens) else image


@lru_cache(maxsize=1)
def _rectification(camera: PinholeCamera) -> np.ndarray:
    return camera.rectification_map()
