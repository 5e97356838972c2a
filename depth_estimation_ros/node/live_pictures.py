# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a camera as it publishes them, each with its CameraInfo's camera."""
from __future__ import annotations

from collections.abc import Iterator
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.imaging.encodings import ColorImage, EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import CameraError, PinholeCamera
from depth_estimation_ros.imaging.wording import meant
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints
from depth_estimation_ros.node.qos import MatchedSubscription

KINDS = {'sensor_msgs/msg/Image': (Image, messages.read_image),
         'sensor_msgs/msg/CompressedImage': (CompressedImage, messages.read_compressed_image)}
SPIN = 0.05  # seconds: Ctrl-C waits no longer
REMATCH = 0.2  # seconds until publishers are looked at again


def live_pictures(topic: str, info_topic: str, rectified: str, count: int,
                  timeout: float) -> Iterator[tuple[ColorImage, PinholeCamera]]:
    """
    Yield `count` pictures at most, always the newest, each with its camera.

    :param topic: Image or CompressedImage. info_topic: of its CameraInfo; empty: beside it.
    :param rectified: `auto`, `true` or `false`, as the node's parameter.
    :param timeout: seconds to wait for a picture; after the first one, to its end.
    :raises DriveError: nothing comes, or what comes is no good.
    """
    with LiveCamera(topic, info_topic) as camera:
        for number in range(count):
            end = time.monotonic() + timeout
            while camera.picture is None or camera.info is None:
                camera.spin()
                if time.monotonic() > end:
                    if number:
                        return
                    raise DriveError(camera.missing(timeout))
            message, camera.picture = camera.picture, None
            yield camera.read(message, rectified)


def picture_topics(node) -> list[str]:
    """Return the topics on which somebody publishes pictures, by name."""
    return sorted(name for name, kinds in node.get_topic_names_and_types()
                  if KINDS.keys() & set(kinds) and node.count_publishers(name))


class LiveCamera:
    """The newest picture and CameraInfo of a topic, None until one has come."""

    def __init__(self, topic: str, info_topic: str):
        self._context = Context()  # of its own, which leaves Ctrl-C to Python
        self._asked = topic, info_topic
        self._levels = Levels()

    def __enter__(self) -> LiveCamera:
        """Join the graph."""
        rclpy.init(context=self._context)
        self._node = rclpy.create_node('calibrate', context=self._context, enable_rosout=False,
                                       start_parameter_services=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._subscriptions: list[MatchedSubscription] = []
        self.picture = self.info = self._kind = None
        self._looked = 0.0
        topic, info = self._asked
        try:
            self.topic = self._node.resolve_topic_name(topic)
            self._base = self.topic.removesuffix('/compressed')
            self.info_topic = (self._node.resolve_topic_name(info) if info
                               else self._base.rsplit('/', 1)[0] + '/camera_info')
        except Exception as error:  # of a type that rclpy does not export
            self.__exit__()
            raise DriveError(f"'{' '.join((topic, info)).strip()}': {error}") from None
        self._complaints = Complaints(self._node.get_logger())
        self._subscribe(CameraInfo, self.info_topic, 'info')
        return self

    def __exit__(self, *_) -> None:
        """Leave it."""
        self._executor.shutdown()
        self._node.destroy_node()  # before its context, which takes the process down otherwise
        self._context.try_shutdown()

    def _subscribe(self, kind, topic: str, slot: str) -> None:
        self._subscriptions.append(MatchedSubscription(
            self._node, kind, topic, lambda message: setattr(self, slot, message),
            self._complaints))

    def spin(self) -> None:
        """Listen for a moment."""
        if time.monotonic() - self._looked > REMATCH:
            self._looked = time.monotonic()
            for subscription in self._subscriptions:
                subscription.rematch()
            if self._kind is None:
                self._find()
        self._executor.spin_once(timeout_sec=SPIN)

    def _find(self) -> None:
        kinds = {p.topic_type for p in self._node.get_publishers_info_by_topic(self.topic)}
        if not kinds:
            return
        self._kind = min(kinds & KINDS.keys(), default='')
        if not self._kind:
            raise DriveError(f'{self.topic} is {min(kinds)}, no picture: give another --image')
        self._subscribe(KINDS[self._kind][0], self.topic, 'picture')

    def missing(self, timeout: float) -> str:
        """Return what has not come, in a sentence."""
        if self._kind is None:
            seen = picture_topics(self._node)
            return (f'nobody publishes {self.topic}, for {timeout:g} s'
                    f'{meant(self.topic, seen) or ":"} give --image the topic of your camera'
                    + (f' (there are: {", ".join(seen)})' if seen else ', and start it'))
        if self.picture is None:
            return (f'{self.topic}: no image within {timeout:g} s, though there is a publisher: '
                    'does the camera run?')
        return (f'{self.info_topic}: no CameraInfo within {timeout:g} s while images come: let '
                'the driver publish one, or give --camera-info where it does')

    def read(self, message, rectified: str) -> tuple[ColorImage, PinholeCamera]:
        """Return the picture of a message and its camera."""
        try:
            image = KINDS[self._kind][1](message, levels=self._levels)
        except EncodingError as error:
            raise DriveError(f'{self.topic}: {error}') from None
        info = messages.read_camera_info(self.info)
        try:
            return image, info.camera(image.width, image.height, rectified == 'true' or (
                rectified == 'auto' and info.is_rectified(self._base)))
        except CameraError as error:
            raise DriveError(f'{self.info_topic}: {error}') from None
