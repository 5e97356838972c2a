# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A range sensor beside a camera: its topic, its last messages and where it is mounted."""
from __future__ import annotations

from collections import deque
import math
import threading
from typing import NamedTuple

import numpy as np
from sensor_msgs.msg import PointCloud2, Range

from depth_estimation_ros.cloud.poses import FrameError, Pose
from depth_estimation_ros.imaging.encodings import EncodingError
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.qos import MatchedSubscription
from depth_estimation_ros.scale.camera_scale import Ranges, WAIT
from depth_estimation_ros.scale.tracker import BACK, Declined

KINDS = {'sensor_msgs/msg/PointCloud2': PointCloud2, 'sensor_msgs/msg/Range': Range}
# Half a turn of a 10 Hz LiDAR (seconds): within it a message and a picture show one scene.
SAME_TIME = 0.05
# What waits for its picture, which a slow network is late with: seconds, messages, points.
KEPT, KEPT_MESSAGES, KEPT_POINTS = 5.0, 256, 1_000_000
SLOW = 1.0  # seconds; a sensor that comes less often is missed in between
SILENT = SLOW + WAIT  # seconds; a sensor that is as late as a picture waits for it came by then
MOST_POINTS = 30_000  # of one message; the view of a camera holds a fifth of them
# A camera's optical frame (x right, y down) in its body (x forward, y left), REP 103.
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


class _Scan(NamedTuple):
    stamp: int  # ns
    frame: str
    points: np.ndarray  # (N, 3) metres
    cone: float


class RangeSensor:
    """
    Keeps the last messages of a range sensor until a picture of their time asks for them.

    What publishes on the topic decides whether it is a PointCloud2 or a Range. Messages come in
    the executor's thread, `at` is the worker's.
    """

    def __init__(self, node, topic: str, complaints: Complaints):
        self._node = node
        self._topic = topic
        self._complaints = complaints
        self._lock = threading.Lock()
        self._scans: deque[_Scan] = deque()
        self._trouble = ''
        self._matched = -math.inf  # the last picture that had a message, ns
        self._subscription: MatchedSubscription | None = None
        self.watch()

    def watch(self) -> None:
        """Subscribe where somebody publishes, or match the QoS anew; a few times a second."""
        kinds = {p.topic_type for p in self._node.get_publishers_info_by_topic(self._topic)}
        if self._subscription and (not kinds or self._kind in kinds):
            self._subscription.rematch()
            return
        self.destroy()  # it came back as another type
        known = sorted(kinds & KINDS.keys())
        self._trouble = '' if known else (
            f'it is a {", ".join(sorted(kinds))}, neither a PointCloud2 nor a Range' if kinds
            else 'nobody publishes it')
        if known:
            self._kind = known[0]
            try:
                self._subscription = MatchedSubscription(
                    self._node, KINDS[self._kind], self._topic, self._on_message,
                    self._complaints)
            except ValueError as error:  # an override of the QoS; a timer's would end the node
                self._trouble = str(error)

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._subscription:
            self._subscription.destroy()
            self._subscription = None

    def _on_message(self, message) -> None:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        try:
            points, cone = (messages.read_range(message) if isinstance(message, Range) else
                            (messages.read_points(message, MOST_POINTS), 0.0))
        except EncodingError as error:
            self._trouble = str(error)
            return
        with self._lock:
            self._trouble = ''
            scans = self._scans
            if scans and stamp < scans[-1].stamp - BACK * 1e9:  # a bag that begins again
                scans.clear()
            scans.append(_Scan(stamp, message.header.frame_id, points, cone))
            while (len(scans) > KEPT_MESSAGES or scans[0].stamp < stamp - KEPT * 1e9
                   or sum(len(scan.points) for scan in scans) > KEPT_POINTS):
                scans.popleft()

    def at(self, header, extrinsics: Pose | None, frames: Frames) -> Ranges | Declined | None:
        """
        Return what it measured when a picture was taken, in that picture's optical frame.

        extrinsics: of the sensor in the camera's body (x forward, y left, z up); None: by tf.
        None where a slow sensor had nothing to say yet. Declined is for now where the message or
        its frame may be on their way.
        """
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
        with self._lock:
            nearest = min(self._scans, key=lambda scan: abs(scan.stamp - stamp), default=None)
            trouble = self._trouble
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
                extrinsics = frames.look_up(header.frame_id, nearest.frame, header.stamp)
            except FrameError as error:
                return Declined(f'{error}, or set range_extrinsics', for_now=True)
        else:
            extrinsics = Pose(OPTICAL.T @ extrinsics.rotation, OPTICAL.T @ extrinsics.translation)
        return Ranges(extrinsics.apply(nearest.points), nearest.cone)
