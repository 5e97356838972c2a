# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures, and the camera that took them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import math
from pathlib import Path

import numpy as np
import yaml

from depth_estimation_ros.drives import DriveError, image_files, read_image
from depth_estimation_ros.drives.exif import DIAGONAL, focal_35mm
from depth_estimation_ros.drives.kitti import KittiDrive
from depth_estimation_ros.drives.presets import preset
from depth_estimation_ros.imaging.intrinsics import (
    ASPECT_TOLERANCE, Calibration, CameraError, PinholeCamera)

CAMERA_FILE = 'camera.yaml'
PRESET = 'preset:'
MOST_YAML = 1 << 20  # bytes; a calibration has one or two thousand
PICTURE_PERIOD = 100_000_000  # nanoseconds from one picture to the next where they have no times


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One picture of a source.

    name: of the files that are made of it, without a suffix. stamp: integer nanoseconds, see the
    source. image: (H, W, 3) uint8 BGR.
    """

    name: str
    stamp: int
    image: np.ndarray


@dataclass(frozen=True)
class Optics:
    """
    What is known of the camera of a source: a calibration, or of a camera without distortion the
    focal length in pixels that a picture of a width and height has.

    All describe the pictures as they are shown: turned as the EXIF orientation or the rotation
    flag of a film says. `source` tells a user where the metres come from.
    """

    source: str
    known: Calibration | None = None
    focal: Callable[[int, int], float] | None = None

    def calibration(self, width: int, height: int) -> Calibration:
        """Return the calibration at that size; raises DriveError where it is for another."""
        if self.known is None:
            focal = self.focal(width, height)
            return pinhole_calibration(PinholeCamera(
                width, height, focal, focal, (width - 1) / 2, (height - 1) / 2))
        try:
            of_width, of_height = self.known.image_size()
        except CameraError as error:
            raise DriveError(f'{self.source}: {error}') from None
        sx, sy = width / of_width, height / of_height
        if abs(sx / sy - 1) > ASPECT_TOLERANCE:
            raise DriveError(
                f'{self.source} is for pictures of {of_width}x{of_height}, these are {width}x'
                f'{height} (upright, as their rotation flag says): give the calibration of this '
                'camera, made from pictures of this shape')
        k, p = self.known.k, self.known.p
        return replace(
            self.known, width=width, height=height,
            k=(*(n * sx for n in k[:3]), *(n * sy for n in k[3:6]), *k[6:]),
            p=(*(n * sx for n in p[:4]), *(n * sy for n in p[4:8]), *p[8:]))

    def camera(self, width: int, height: int) -> PinholeCamera:
        """Return the camera of a picture of that size; raises DriveError if it cannot serve."""
        calibration = self.calibration(width, height)
        try:
            return calibration.camera(width, height, calibration.is_rectified(''))
        except CameraError as error:
            raise DriveError(f'{self.source}: {error}') from None


def find_optics(camera: str, fov: float, source) -> Optics:
    """
    Return the optics that the user gave for a source, else what it brings itself.

    :param camera: path of a calibration file, 'preset:NAME' of presets.PRESETS, or empty.
        fov: degrees, or 0 for none. source: a recording, or None.
    :raises DriveError: neither is known, both are given, or one is no good.
    """
    if camera and fov:
        raise DriveError('--camera and --fov both say what the camera is: give one of them')
    if camera.startswith(PRESET):
        name = camera.removeprefix(PRESET)
        known = preset(name)
        return Optics(f'--camera-preset {name}, as its maker states it ({known.source}); no '
                      'distortion, the centre in the middle; the metres are as good as that',
                      focal=known.focal)
    if camera:
        path = Path(camera).expanduser()
        return Optics(f'calibration {path}', read_camera_yaml(path))
    if fov:
        if not 1 <= fov <= 170:
            raise DriveError(f'--fov {fov:g} is no field of view of a pinhole camera: give the '
                             'degrees from the left to the right edge, 1 to 170')
        return Optics(f'--fov {fov:g}, a guess: square pixels, no distortion, centre in the '
                      'middle; the metres are as good as this guess', focal=lambda width, height: (
                          width / 2 / math.tan(math.radians(fov) / 2)))
    own = source and source.optics()
    if own is None:
        of = f' of {source.path}' if source else ''
        raise DriveError(
            f'nothing is known of the camera{of}, and without it there are no metres:'
            ' give --camera CAMERA.YAML (as camera_calibration writes it), --camera-preset NAME '
            '(such as phone or realsense_d435), or --fov DEGREES (horizontal)')
    return own


def pinhole_calibration(camera: PinholeCamera) -> Calibration:
    """Return the calibration of a camera without distortion."""
    c = camera
    return Calibration(
        c.width, c.height, 'plumb_bob', (0.0,) * 5,
        (c.fx, 0.0, c.cx, 0.0, c.fy, c.cy, 0.0, 0.0, 1.0),
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        (c.fx, 0.0, c.cx, 0.0, 0.0, c.fy, c.cy, 0.0, 0.0, 0.0, 1.0, 0.0))


class Pictures:
    """
    Picture files as a source of frames: one file, a folder, or a KITTI raw drive.

    Stamps are KITTI's own times, else 100 ms from picture to picture from 0 on. `period` is in
    nanoseconds. `names` are those of the frames, `files` where they lie.
    """

    def __init__(self, path: Path | str):
        """Index the pictures; raises DriveError where there are none, or two of one name."""
        self.path = Path(path)
        self._camera: PinholeCamera | None = None
        stamps: list[int] = []
        if (self.path / 'image_02').is_dir():
            drive = list(KittiDrive(self.path))
            self.files, stamps = [f.image_path for f in drive], [f.stamp for f in drive]
            self._camera = drive[0].camera
        elif self.path.is_dir():
            self.files = image_files(self.path)
        else:
            self.files = [self.path]
        self.names = [file.stem for file in self.files]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise DriveError(f'{path} holds several pictures named {twice[0]}, which would become '
                             'one: rename or move one of them')
        self._stamps = stamps or [i * PICTURE_PERIOD for i in range(len(self.files))]
        self.period = (PICTURE_PERIOD if len(stamps) < 2
                       else (stamps[-1] - stamps[0]) // (len(stamps) - 1))

    def optics(self) -> Optics | None:
        """
        Return what the KITTI drive, a camera.yaml in the folder, or the photos themselves say.

        Raises DriveError where that is no good.
        """
        if self._camera:
            return Optics('calibration of the KITTI drive', pinhole_calibration(self._camera))
        file = self.path / CAMERA_FILE
        if file.exists():
            return Optics(f'calibration {file}', read_camera_yaml(file))
        focal = {focal_35mm(file) for file in self.files if file.exists()}
        if len(focal) != 1 or None in focal:
            return None
        [film] = focal
        return Optics(f'EXIF of {self.path}: a focal length of {film} mm as on 35 mm film; no '
                      'distortion, the centre in the middle, and not cropped since',
                      focal=lambda width, height: film * math.hypot(width, height) / DIAGONAL)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.files)

    def __iter__(self) -> Iterator[Frame]:
        """Read one after the other; raises DriveError at one that cannot be read."""
        for file, stamp in zip(self.files, self._stamps):
            yield Frame(file.stem, stamp, read_image(file))


def read_camera_yaml(path: Path | str) -> Calibration:
    """
    Read a calibration as ROS's camera_calibration writes it (camera_info_manager reads it).

    :raises DriveError: the file is missing, no YAML, or lacks an entry.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_YAML:
            raise ValueError(f'it has {path.stat().st_size} bytes')
        content = yaml.safe_load(path.read_text())
        return Calibration(
            *(_pixels(content, name) for name in ('image_width', 'image_height')),
            str(content.get('distortion_model', 'plumb_bob')),
            *(_numbers(content, name, count) for name, count in (
                ('distortion_coefficients', None), ('camera_matrix', 9),
                ('rectification_matrix', 9), ('projection_matrix', 12))))
    except FileNotFoundError:
        raise DriveError(f'{path} is missing: put the calibration of the camera there, as camera_'
                         'calibration writes it (image_width, camera_matrix, ...)') from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise DriveError(f'{path} cannot be read: {" ".join(str(error).split())}') from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError,
            RecursionError) as error:
        raise DriveError(f'{path} is no calibration as camera_calibration writes it: '
                         f'{type(error).__name__} {error}') from None


def _pixels(content: dict, name: str) -> int:
    number = int(content[name])
    if not 0 <= number < 1 << 32:  # what a CameraInfo can state
        raise ValueError(f'{name} is {number:.7g}')
    return number


def _numbers(content: dict, name: str, count: int | None) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in content[name]['data'])
    if count and len(numbers) != count:
        raise ValueError(f'{name} holds {len(numbers)} numbers instead of {count}')
    return numbers
