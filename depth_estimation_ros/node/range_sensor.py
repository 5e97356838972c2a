# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A range sensor beside a camera: its topic, its last messages and where it is mounted."""
from __future__ import annotations

from sensor_msgs.msg import PointCloud2, Range

from depth_estimation_ros.cloud.poses import Pose
from depth_estimation_ros.imaging.encodings import EncodingError
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.qos import MatchedSubscription
from depth_estimation_ros.scale.camera_scale import Ranges
from depth_estimation_ros.scale.range_history import RangeHistory
from depth_estimation_ros.scale.tracker import Declined

KINDS = {'sensor_msgs/msg/PointCloud2': PointCloud2, 'sensor_msgs/msg/Range': Range}


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
        self._history = RangeHistory()
        self._trouble = ''
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
        try:
            points, cone = messages.read_ranges(message)
        except EncodingError as error:
            self._trouble = str(error)
            return
        self._trouble = ''
        self._history.add(messages.stamp_of(message), message.header.frame_id, points, cone)

    def at(self, header, extrinsics: Pose | None, frames: Frames) -> Ranges | Declined | None:
        """Return what it measured when a picture of that header was taken: RangeHistory.at."""
        return self._history.at(
            header.stamp.sec * 10**9 + header.stamp.nanosec, extrinsics,
            lambda frame: frames.look_up(header.frame_id, frame, header.stamp), self._trouble)
