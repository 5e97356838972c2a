# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where one frame is in another: rotations, quaternions, roll, pitch and yaw."""
from __future__ import annotations

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np


class FrameError(ValueError):
    """A frame that cannot be found in another; the message, without a full stop, says why."""


class Pose(NamedTuple):
    """
    The pose of a child frame in its parent.

    rotation: (3, 3) float64. translation: (3,) float64, metres. A point of the child is
    rotation @ point + translation in the parent.
    """

    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return points of the child, (N, 3), in the parent."""
        return points @ self.rotation.T + self.translation


def pose_from(values: Sequence[float]) -> Pose:
    """
    Return the pose of x, y, z (metres), roll, pitch, yaw (radians).

    The angles turn about the parent's fixed axes x, y, z, in this order (REP 103), as
    static_transform_publisher takes them. Raises FrameError where they are not six finite ones.
    """
    if len(values) != 6 or not all(math.isfinite(value) for value in values):
        raise FrameError(f'{list(values)} are not six numbers x, y, z, roll, pitch, yaw')
    roll, pitch, yaw = values[3:]
    quaternions = [(math.sin(angle / 2) * axis, math.cos(angle / 2))
                   for angle, axis in zip((roll, pitch, yaw), np.eye(3))]
    about_x, about_y, about_z = (rotation_of(*axis, real) for axis, real in quaternions)
    return Pose(about_z @ about_y @ about_x, np.array(values[:3], np.float64))


def quarter_turns(quarters: int) -> np.ndarray:
    """
    Return (3, 3): a point in a camera's optical frame -> in that of its turned picture.

    The picture is turned clockwise by quarters of a circle: what was below is to the left.
    """
    return np.linalg.matrix_power(np.array([[0., -1, 0], [1, 0, 0], [0, 0, 1]]), quarters % 4)


def quarters_to_upright(rotation: np.ndarray, quarters: int = 0) -> int:
    """
    Return by how many quarters clockwise a camera's picture must be turned to stand upright.

    rotation: (3, 3), of the optical frame in one whose z is up. quarters: what is believed; that
    comes back where it is right to 60 degrees, or the camera looks almost straight up or down.
    """
    x, y, _ = -np.asarray(rotation)[2]  # down, in the camera
    shares = np.array([y, x, -y, -x])  # of it that points down in the turned picture
    size = math.hypot(x, y)
    return quarters if size < 0.35 or shares[quarters % 4] >= size / 2 else int(shares.argmax())


def pose_from_text(text: str) -> Pose:
    """Return pose_from of numbers between spaces, as URDF writes them; raises FrameError."""
    try:
        return pose_from([float(number) for number in text.split()])
    except FrameError:
        raise
    except ValueError as error:
        raise FrameError(f"'{text}' are not six numbers x y z roll pitch yaw") from error


def rotation_of(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Return the (3, 3) rotation of a quaternion, which need not be of length 1."""
    x, y, z, w = np.array([x, y, z, w]) / np.linalg.norm([x, y, z, w])
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def pose_of(transform) -> Pose:
    """Return the pose that a geometry_msgs/Transform holds."""
    q, t = transform.rotation, transform.translation
    return Pose(rotation_of(q.x, q.y, q.z, q.w), np.array([t.x, t.y, t.z], np.float64))
