# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Where one frame is in another by tf, where tf2_ros is there.

tf2_ros is on every robot and not on PyPI, so that it is imported when it is asked for.
"""
from __future__ import annotations

from functools import lru_cache
import threading

from depth_estimation_ros.cloud.poses import FrameError, Pose, pose_of
from depth_estimation_ros.imaging.wording import shown


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
                    f'the transforms from {shown(source)} to {shown(target)} are never of one '
                    'time: check that all who publish tf have the same clock') from error
            behind = (wanted.nanoseconds - latest.nanoseconds) * 1e-9
            raise FrameError(
                f"tf knows where {shown(source)} is in {shown(target)} only " + (
                    f'up to {behind:.2f} s before the picture: it comes late, or by another clock'
                    if behind > 0 else 'after the picture')) from error
        except library.TransformException as error:
            raise FrameError(f'tf has no transform from {shown(source)} to {shown(target)}: '
                             'publish it') from error
