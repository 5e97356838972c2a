# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Where one frame is in another: from parameters everywhere, from tf where tf2_ros is there.

tf2_ros is on every robot and not on PyPI, so that it is imported when it is asked for.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
import math
import threading
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


@lru_cache(maxsize=1)
def tf2_ros():
    """Return (tf2_ros or None, a sentence on its health)."""
    try:
        import tf2_ros
    except Exception as error:  # one that is built for another Python, too
        return None, f'tf2_ros is not there ({type(error).__name__}: {error})'
    return tf2_ros, 'tf2_ros works'


class Frames:
    """What tf says on a node's robot; nothing is subscribed to before it is asked. Thread-safe."""

    def __init__(self, node):
        self._node = node
        self._lock = threading.Lock()
        self._buffer = None

    def listen(self) -> None:
        """Begin to hear tf, so that `look_up` has it later; nothing happens without tf2_ros."""
        library, _ = tf2_ros()
        with self._lock:
            if library and self._buffer is None:
                # The node's clock empties the buffer where a replayed bag begins anew.
                self._buffer = library.Buffer(node=self._node)
                self._listener = library.TransformListener(self._buffer, self._node)

    def look_up(self, target: str, source: str, stamp) -> Pose:
        """
        Return the pose of frame `source` in `target` at a message's stamp; raises FrameError.

        That of just this time: a moving frame is never taken for where it was.
        """
        library, health = tf2_ros()
        if library is None:
            raise FrameError(f'tf cannot be read, for {health}: install it (apt install '
                             'ros-$ROS_DISTRO-tf2-ros-py)')
        self.listen()
        from rclpy.time import Time
        wanted = Time.from_msg(stamp)
        try:
            return pose_of(self._buffer.lookup_transform(target, source, wanted).transform)
        except library.ExtrapolationException as error:
            try:
                latest = Time.from_msg(
                    self._buffer.lookup_transform(target, source, Time()).header.stamp)
            except library.TransformException:  # what is between them has no time in common
                raise FrameError(
                    f"the transforms from '{source}' to '{target}' are never of one time: check "
                    'that all who publish tf have the same clock') from error
            behind = (wanted.nanoseconds - latest.nanoseconds) * 1e-9
            raise FrameError(
                f"tf knows where '{source}' is in '{target}' only " + (
                    f'up to {behind:.2f} s before the picture: it comes late, or by another clock'
                    if behind > 0 else 'after the picture')) from error
        except library.TransformException as error:
            raise FrameError(f"tf has no transform from '{source}' to '{target}': publish it"
                             ) from error
