# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fields of view of well-known cameras, for whoever has no calibration."""
from __future__ import annotations

from dataclasses import dataclass
import math

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.exif import DIAGONAL
from depth_estimation_ros.imaging.wording import meant


@dataclass(frozen=True)
class Preset:
    """
    What a maker says of a colour camera.

    fov: degrees from the left to the right edge of its whole picture. aspect: width by height of
    that. source: where it stands.
    """

    fov: float
    aspect: float
    source: str

    def focal(self, width: int, height: int) -> float:
        """
        Return the focal length in pixels of a picture, of which the longer side is along.

        A narrower picture than the whole is cut at its sides, a wider one above and below, as
        D435, D455, OAK and C920 do.
        """
        long, short = max(width, height), min(width, height)
        return max(long, short * self.aspect) / 2 / math.tan(math.radians(self.fov) / 2)


def _diagonal(tangent: float, aspect: float, source: str) -> Preset:
    """Return that of the tangent of half the angle from corner to corner."""
    return Preset(math.degrees(2 * math.atan(tangent * aspect / math.hypot(aspect, 1))), aspect,
                  source)


def _film(millimetres: float, aspect: float, source: str) -> Preset:
    """Return that of a focal length as on 35 mm film, which is by the diagonal."""
    return _diagonal(DIAGONAL / 2 / millimetres, aspect, source)


REALSENSE = 'RealSense D400 series data sheet, 337029'
OAK = 'docs.luxonis.com, hardware'
ZED = 'support.stereolabs.com, focal length and field of view'
PI = 'Raspberry Pi documentation, camera hardware'
PHONE = "Apple's technical specifications of the iPhone 15"
PRESETS = {
    'realsense_d415': Preset(69.4, 16 / 9, REALSENSE),
    'realsense_d435': Preset(69.4, 16 / 9, REALSENSE),
    'realsense_d455': Preset(90.0, 16 / 10, REALSENSE),
    'oak_d': Preset(69.0, 4 / 3, OAK),
    'oak_d_wide': Preset(95.0, 4 / 3, OAK),
    'zed_hd720': Preset(85.0, 16 / 9, ZED),
    'zed_hd1080': Preset(69.0, 16 / 9, ZED),
    'zed_hd2k': Preset(76.0, 16 / 9, ZED),
    'pi_camera_v1': Preset(53.5, 4 / 3, PI),
    'pi_camera_v2': Preset(62.2, 4 / 3, PI),
    'pi_camera_v3': Preset(66.0, 16 / 9, PI),
    'pi_camera_v3_wide': Preset(102.0, 16 / 9, PI),
    'logitech_c920': _diagonal(math.tan(math.radians(78 / 2)), 16 / 9,
                               'Logitech, 78 degrees from corner to corner'),
    'phone': _film(26, 4 / 3, PHONE + ', main camera: 26 mm'),
    'phone_wide': _film(13, 4 / 3, PHONE + ', ultra wide camera: 13 mm'),
}


def preset(name: str) -> Preset:
    """Return the preset of that name; raises DriveError with those there are."""
    if name not in PRESETS:
        raise DriveError(f"--camera-preset '{name}' is not known{meant(name, PRESETS) or ':'} "
                         f'there are {", ".join(PRESETS)}; for others give --fov DEGREES')
    return PRESETS[name]
