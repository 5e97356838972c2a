# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a range sensor measured in the last seconds, and what of it is of the time of a picture."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
import math
import threading
from typing import NamedTuple

import numpy as np

from depth_estimation_ros.cloud.poses import FrameError, Pose
from depth_estimation_ros.scale.camera_scale import Ranges, WAIT
from depth_estimation_ros.scale.tracker import BACK, Declined

# Half a turn of a 10 Hz LiDAR (seconds): within it a message and a picture show one scene.
SAME_TIME = 0.05
# What waits for its picture, which a slow network is late with: seconds, messages, points.
KEPT, KEPT_MESSAGES, KEPT_POINTS = 5.0, 256, 1_000_000
SLOW = 1.0  # seconds; a sensor that comes less often is missed in between
SILENT = SLOW + WAIT  # seconds; a sensor that is as late as a picture waits for it came by then
# A camera's optical frame (x right, y down) in its body (x forward, y left), REP 103.
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


class _Scan(NamedTuple):
    stamp: int  # ns
    frame: str
    points: np.ndarray  # (N, 3) metres
    cone: float


class RangeHistory:
    """Keeps what a range sensor measured until a picture of that time asks for it. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._scans: deque[_Scan] = deque()
        self._matched = -math.inf  # the last picture that had a message, ns

    def add(self, stamp: int, frame: str, points: np.ndarray, cone: float) -> None:
        """
        Take what was measured at `stamp` (ns).

        points: (N, 3) metres in `frame`. cone: as in ranging.measure.
        """
        with self._lock:
            scans = self._scans
            if scans and stamp < scans[-1].stamp - BACK * 1e9:  # a bag that begins again
                scans.clear()
            scans.append(_Scan(stamp, frame, points, cone))
            while (len(scans) > KEPT_MESSAGES or scans[0].stamp < stamp - KEPT * 1e9
                   or sum(len(scan.points) for scan in scans) > KEPT_POINTS):
                scans.popleft()

    def at(self, stamp: int, extrinsics: Pose | None, look_up: Callable[[str], Pose],
           trouble: str = '') -> Ranges | Declined | None:
        """
        Return what was measured when a picture was taken (ns), in that picture's optical frame.

        extrinsics: of the sensor in the camera's body (x forward, y left, z up); None: what
        `look_up` says of its frame in the picture's, which may raise FrameError. trouble: what is
        wrong with the sensor, if known. None where a slow sensor had nothing to say yet. Declined
        is for now where the message or its frame may be on their way.
        """
        with self._lock:
            nearest = min(self._scans, key=lambda scan: abs(scan.stamp - stamp), default=None)
        if nearest is None:
            return Declined(trouble or 'nothing has come, though there is a publisher: if it is '
                            'best effort and large, start it with config/fastdds.xml')
        off = (nearest.stamp - stamp) * 1e-9
        if abs(off) > SAME_TIME:
            if 0 <= stamp - self._matched < SLOW * 1e9:
                return None
            return Declined(trouble or f'its message nearest to the picture is {abs(off):.2f} s '
                            f'{"newer" if off > 0 else "older"}, over {SAME_TIME:g} s: check that '
                            'it runs, and that its clock is the clock of the camera',
                            for_now=-SILENT < off < 0)
        self._matched = stamp
        if len(nearest.points) == 0:
            return Declined('there is nothing within its range')
        if extrinsics is None:
            try:
                extrinsics = look_up(nearest.frame)
            except FrameError as error:
                return Declined(f'{error}, or set range_extrinsics', for_now=True)
        else:
            extrinsics = Pose(OPTICAL.T @ extrinsics.rotation, OPTICAL.T @ extrinsics.translation)
        return Ranges(extrinsics.apply(nearest.points), nearest.cone)
