# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where frames are in one another, out of a recording: tf's rules without a running tf."""
from __future__ import annotations

from bisect import bisect_left
from collections import deque
import math
from typing import NamedTuple

import numpy as np

from depth_estimation_ros.cloud.poses import FrameError, Pose, rotation_of
from depth_estimation_ros.imaging.wording import shown

KEPT = 10 * 10**9  # ns; as tf2's buffer
MOST_FRAMES = 4096
SYNCHRONOUS = 1e-9


class _Link(NamedTuple):
    """Where a child is in its parent at a moment."""

    stamp: int  # ns
    parent: str
    quaternion: np.ndarray  # (4,) x y z w
    translation: np.ndarray  # (3,) metres


class FrameTree:
    """
    The last ten seconds of tf, and all that is static.

    Between two transforms it interpolates as tf2 does, the rotation along the shortest way, and
    beyond the last one there is none. What makes no tree, no rotation or no number is left out.
    """

    def __init__(self):
        self._static: dict[str, _Link] = {}
        self._moving: dict[str, deque[_Link]] = {}

    def add(self, transform, static: bool) -> None:
        """Take a geometry_msgs/TransformStamped."""
        header, child = transform.header, transform.child_frame_id.strip('/')
        q, t = transform.transform.rotation, transform.transform.translation
        numbers = np.array([q.x, q.y, q.z, q.w, t.x, t.y, t.z], np.float64)
        length = math.sqrt(float(np.square(numbers[:4]).sum()))
        parent = header.frame_id.strip('/')
        if (not np.isfinite(numbers).all() or not 0.5 < length < 2 or child == parent
                or len(self._static) + len(self._moving) >= MOST_FRAMES):
            return
        link = _Link(header.stamp.sec * 10**9 + header.stamp.nanosec, parent,
                     numbers[:4] / length, numbers[4:])
        if static:
            self._static[child] = link
            return
        links = self._moving.setdefault(child, deque())
        if links and link.stamp < links[-1].stamp:
            if links[-1].stamp - link.stamp > KEPT:  # a recording that begins again
                links.clear()
            else:
                return
        links.append(link)
        while links[0].stamp < link.stamp - KEPT:
            links.popleft()

    def look_up(self, target: str, source: str, stamp: int) -> Pose:
        """Return the pose of frame `source` in `target` at `stamp` (ns); raises FrameError."""
        ups = [self._way_up(frame.strip('/'), stamp) for frame in (source, target)]
        common = next((frame for frame in ups[0] if frame in ups[1]), None)
        if common is None:
            raise FrameError(f'tf has no transform from {shown(source)} to {shown(target)} at the '
                             'time of the picture: record /tf and /tf_static with it')
        of_source, of_target = ups[0][common], ups[1][common]
        back = of_target.rotation.T
        return Pose(back @ of_source.rotation,
                    back @ (of_source.translation - of_target.translation))

    def _way_up(self, frame: str, stamp: int) -> dict[str, Pose]:
        """Return the pose of a frame in each of those above it, itself first."""
        pose = Pose(np.eye(3), np.zeros(3))
        found = {frame: pose}
        while (link := self._at(frame, stamp)) is not None and link.parent not in found:
            pose = Pose(rotation_of(*link.quaternion), link.translation)
            below = found[frame]
            frame = link.parent
            found[frame] = Pose(pose.rotation @ below.rotation, pose.apply(below.translation))
        return found

    def _at(self, frame: str, stamp: int) -> _Link | None:
        if frame in self._static:
            return self._static[frame]
        links = self._moving.get(frame, ())
        after = bisect_left(links, stamp, key=lambda link: link.stamp)
        if after == len(links):
            return None
        late = links[after]
        if late.stamp == stamp:
            return late
        if after == 0 or links[after - 1].parent != late.parent:
            return None
        early = links[after - 1]
        share = (stamp - early.stamp) / (late.stamp - early.stamp)
        return _Link(stamp, late.parent, _between(early.quaternion, late.quaternion, share),
                     early.translation + share * (late.translation - early.translation))


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Return the unit quaternion at `share` of the shortest way from a to b (slerp)."""
    cosine = float(a @ b)
    if cosine < 0:
        b, cosine = -b, -cosine
    angle = math.acos(min(cosine, 1.0))
    if angle < SYNCHRONOUS:
        return a
    return (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
