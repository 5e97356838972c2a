# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a running depth node publishes, put on a screen as it comes."""
from __future__ import annotations

from contextlib import closing
from functools import partial
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, Image

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.imaging.encodings import depth_metres, EncodingError
from depth_estimation_ros.imaging.intrinsics import CameraError, rectified
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints, OURS
from depth_estimation_ros.node.graph import own_context
from depth_estimation_ros.node.live_pictures import KINDS
from depth_estimation_ros.node.qos import MatchedSubscription
from depth_estimation_ros.viewing.screen import Frame, Screen

SPIN = 0.05  # seconds: Ctrl-C waits no longer
REMATCH = 0.5  # seconds until publishers are looked at again
PATIENCE = 10.0  # seconds until somebody is told that no node is heard
KEPT = 30  # messages of a topic that wait for those of their stamp
DEPTH = 'depth/image_rect'
FACTS = ('model', 'device', 'precision', 'scene', 'right by the confidence', 'output rate (Hz)',
         'age p50 (ms)', 'age p95 (ms)', 'frames received', 'frames processed',
         'scale (m per model unit)', 'scale source', 'scale state', 'scale uncertainty')


def show_live(name: str, screen: Screen) -> None:
    """
    Put each depth image of a node on a screen, until Ctrl-C.

    :param name: of its status in `/diagnostics`: `<node>` or `<node>: <camera>`; empty: the first
        that is heard.
    :raises DriveError: none is heard.
    """
    with own_context() as context, closing(LiveDepth(name, screen, context)) as live:
        while True:
            live.spin()


class LiveDepth:
    """The topics of one depth node, found by what it says of itself in `/diagnostics`."""

    def __init__(self, name: str, screen: Screen, context: Context, patience: float = PATIENCE):
        self._name, self._screen, self._patience = name.strip('/'), screen, patience
        self._node = rclpy.create_node('depth_estimation_view', context=context,
                                       enable_rosout=False, start_parameter_services=False)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._complaints = Complaints(self._node.get_logger())
        self._status: DiagnosticStatus | None = None
        self._others: set[str] = set()
        self._subscriptions: list[MatchedSubscription] = []
        self._kept: dict[str, dict[int, object]] = {}  # by slot and stamp
        self._info = self._own_info = None
        self._looked = self._began = time.monotonic()
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, 10)

    def spin(self) -> None:
        """Listen for a moment."""
        self._executor.spin_once(timeout_sec=SPIN)
        now = time.monotonic()
        if self._status is None and now - self._began > self._patience:
            there = f' (there are: {", ".join(sorted(self._others))})' if self._others else ''
            raise DriveError(f'no depth node{self._name and f" named {self._name}"} was heard on '
                             f'/diagnostics in {self._patience:g} s{there}: does it run, with the '
                             'same ROS_DOMAIN_ID? For a film, a bag or a folder say which')
        if now - self._looked > REMATCH:
            self._looked = now
            for subscription in self._subscriptions:
                subscription.rematch()

    def said(self) -> tuple[dict[str, str], list[str]]:
        """Return the facts and the complaints of the node's last word, empty before the first."""
        return _said(self._status) if self._status else ({}, [])

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if OURS not in values:
                continue
            if self._name in ('', status.name):
                self._name, self._status = status.name, status
                if not self._subscriptions and 'image topic' in values:
                    self._subscribe(values)
            else:
                self._others.add(status.name)

    def _subscribe(self, values: dict[str, str]) -> None:
        image = values['image topic']
        kinds = {p.topic_type for p in self._node.get_publishers_info_by_topic(image)}
        depth = self._depth_topic()
        kind = min(kinds & KINDS.keys(), default='')
        if not depth or not kind:  # its next word comes within a second
            if time.monotonic() - self._began > self._patience:
                self._complaints.raise_('topics', f'{self._name}: nothing publishes '
                                        + (image if depth else f'.../{DEPTH} of it')
                                        + ', so there is nothing to show yet')
            return
        self._decode = KINDS[kind][1]
        beside = depth.rpartition('/')[0]
        for of, topic, take in (
                (Image, depth, partial(self._keep, 'depth')),
                (CameraInfo, f'{beside}/camera_info', partial(setattr, self, '_info')),
                (Image, f'{beside}/confidence', self._complete),
                (KINDS[kind][0], image, partial(self._keep, 'image')),
                (CameraInfo, values['camera_info topic'], partial(setattr, self, '_own_info'))):
            self._subscriptions.append(MatchedSubscription(
                self._node, of, topic, take, self._complaints))

    def _depth_topic(self) -> str:
        """Return the topic of the node's depth, '' while it is not seen."""
        node, _, camera = self._name.partition(': ')
        namespace, _, own = f'/{node}'.rpartition('/')
        try:
            topics = self._node.get_publisher_names_and_types_by_node(own, namespace or '/')
        except Exception:  # of a type that rclpy does not export, for a node that is not seen
            return ''
        end = f'{camera}/{DEPTH}' if camera else DEPTH
        return next((topic for topic, kinds in sorted(topics)
                     if topic.endswith(f'/{end}') and 'sensor_msgs/msg/Image' in kinds), '')

    def _keep(self, slot: str, message) -> None:
        kept = self._kept.setdefault(slot, {})
        kept[_stamp(message)] = message
        while len(kept) > KEPT:
            del kept[next(iter(kept))]

    def _complete(self, confidence: Image) -> None:
        """Show the frame whose last part is its confidence."""
        stamp = _stamp(confidence)
        depth = self._kept.get('depth', {}).pop(stamp, None)
        if depth is not None and self._info is not None:
            self._screen.show(partial(
                self._frame, depth, confidence, self._kept.get('image', {}).get(stamp),
                self._info, self._own_info, self._status))

    def _frame(self, depth: Image, confidence: Image, picture, info: CameraInfo,
               own_info: CameraInfo | None, status: DiagnosticStatus) -> Frame:
        values, complaints = _said(status)
        metres = depth_metres(depth)
        calibration = messages.read_camera_info(info)
        return Frame(
            self._picture(picture, own_info), metres,
            calibration.camera(depth.width, depth.height, True), depth_metres(confidence),
            {'node': status.name, **{name: values[name] for name in FACTS if name in values},
             **{name: value for name, value in values.items() if name.startswith('frames drop')}},
            complaints)

    def _picture(self, message, info: CameraInfo | None) -> np.ndarray | None:
        """Return the picture, rectified as its depth is, where it has come."""
        if message is None or info is None:
            return None
        try:
            image = self._decode(message)
            camera = messages.read_camera_info(info).camera(image.width, image.height, False)
        except (EncodingError, CameraError):
            return None
        return rectified(image.bgr(), camera)


def _said(status: DiagnosticStatus) -> tuple[dict[str, str], list[str]]:
    values = {pair.key: pair.value for pair in status.values}
    return values, [] if status.level == DiagnosticStatus.OK else [
        status.message, *(v for k, v in values.items() if k.startswith('complaint '))]


def _stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
