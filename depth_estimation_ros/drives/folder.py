# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of images and the camera that took them."""
from __future__ import annotations

from pathlib import Path

import yaml

from depth_estimation_ros.camera import Calibration
from depth_estimation_ros.drives import DriveError

CAMERA_FILE = 'camera.yaml'


def read_camera_yaml(path: Path | str) -> Calibration:
    """
    Read a calibration as ROS's camera_calibration writes it (camera_info_manager reads it).

    :raises DriveError: the file is missing, no YAML, or lacks an entry.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text())
        return Calibration(
            int(content['image_width']), int(content['image_height']),
            str(content.get('distortion_model', 'plumb_bob')),
            *(_numbers(content, name, count) for name, count in (
                ('distortion_coefficients', None), ('camera_matrix', 9),
                ('rectification_matrix', 9), ('projection_matrix', 12))))
    except FileNotFoundError:
        raise DriveError(f'{path} is missing: put the calibration of the camera there, as camera_'
                         'calibration writes it (image_width, camera_matrix, ...)') from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise DriveError(f'{path} cannot be read: {" ".join(str(error).split())}') from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DriveError(f'{path} is no calibration as camera_calibration writes it: '
                         f'{type(error).__name__} {error}') from None


def _numbers(content: dict, name: str, count: int | None) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in content[name]['data'])
    if count and len(numbers) != count:
        raise ValueError(f'{name} holds {len(numbers)} numbers instead of {count}')
    return numbers
