# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera: its topics, CameraInfo, one-slot mailbox, publishers and counters."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import threading
import time

from rclpy.duration import Duration
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, LaserScan, PointCloud2

from depth_estimation_ros.cloud.poses import Pose
from depth_estimation_ros.estimation.confidence import unlike
from depth_estimation_ros.estimation.requests import Estimate
from depth_estimation_ros.imaging.encodings import ColorImage, EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import (
    Calibration, CameraError, describe, LOST, PinholeCamera)
from depth_estimation_ros.imaging.wording import shown
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints, ERROR, FrameStatistics
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.parameters import NodeParameters
from depth_estimation_ros.node.qos import camera_topics, create_publisher, MatchedSubscription
from depth_estimation_ros.node.range_sensor import RangeSensor
from depth_estimation_ros.scale.camera_scale import Ranges
from depth_estimation_ros.scale.tracker import Declined

# Seconds without an image until that is reported.
IMAGE_TIMEOUT = 5.0
# Seconds in which a calibration is repeated, where two publishers have different ones.
INFO_STAYS = 2.0
# Seconds in which a replay may begin, and then its first images may come before its clock.
REPLAY_START, CLOCK_LAG = 60.0, 2.0
# Seconds of pictures by which it is judged whether the network knows such.
SURE_SPAN = 3.0
# A stamp this far (seconds) from the node's clock is of another clock, not of an old frame.
OTHER_CLOCK = 60.0
# Clocks of two synchronised hosts differ by less (seconds): a stamp beyond is from the future.
CLOCK_JITTER = 0.1
# A simulated clock moves in steps: 40 ticks a second at five times the speed are 0.125 s apart.
CLOCK_STEP = 1.0
RAW, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'

# What was published reaches its readers before the publisher goes, or has had its chance.
LAST_MESSAGE = Duration(seconds=0.5)

TOPICS = {'depth': ('depth/image_rect', Image), 'camera_info': ('depth/camera_info', CameraInfo),
          'confidence': ('depth/confidence', Image), 'color': ('depth/image_color', Image),
          'points': ('points', PointCloud2), 'scan': ('scan', LaserScan)}


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture that is ready for the estimator, and who wants what of it."""

    header: object
    image: ColorImage
    camera: PinholeCamera
    outputs: frozenset[str]


class CameraStream:
    """
    The topics of one camera, from its image to its depth; a named one's begin with its name.

    Subscriptions and watches run in the executor's thread, `prepare` and `publish` each in one of
    the worker's. `on_frame` is called when there is something to `take` or to `expect`.
    """

    def __init__(self, node, parameters: NodeParameters, on_frame: Callable[[], None],
                 name: str = ''):
        self.name = name
        self.complaints = Complaints(node.get_logger())
        self._prefix = f'{name}/' if name else ''
        self._node = node
        self._parameters = parameters
        self._on_frame = on_frame
        self._lock = threading.Lock()
        self._waiting = None
        self._calibration: tuple[Calibration, str] | None = None
        self._subscriptions: list[MatchedSubscription] = []
        self._publishers = {}
        self._range_sensor: RangeSensor | None = None
        self._camera: tuple[tuple, PinholeCamera] | None = None
        self._image_frame = ''
        self._levels = Levels()
        self._sure: deque[tuple[float, tuple[float, float]]] = deque(maxlen=256)
        self._scene = ''
        self._serves = True  # the calibration is one for these images
        self.statistics = FrameStatistics()
        self.image_topic = self.info_topic = ''

    # -- lifecycle, in the executor's thread --

    def configure(self) -> None:
        """Find the topics and create the publishers, for a scan only where it has a frame."""
        image, info = camera_topics(self._node, self._prefix)
        self._compressed = self._parameters.settings.image_transport == 'compressed'
        self.base_topic = image
        self.image_topic = f'{image}/compressed' if self._compressed else image
        self.info_topic = info
        for output, (topic, kind) in TOPICS.items():  # one by one: what fails is undone
            if output != 'scan' or self._parameters.settings.scan_frame:
                self._publishers[output] = create_publisher(
                    self._node, kind, self._prefix + topic, self.complaints)

    def activate(self) -> None:
        """Subscribe."""
        self._image_at = self._info_at = time.monotonic()
        self._image_clock = self._node.get_clock().now().nanoseconds
        self._unclocked_at: float | None = None  # the first image before /clock
        self._scanned = 0  # the stamp of the last scan, ns
        self._slot = 0.0  # when the last frame within max_rate was due
        for kind, topic, callback in (
                (CameraInfo, self.info_topic, self._on_info),
                (CompressedImage if self._compressed else Image, self.image_topic,
                 self._on_image)):
            self._subscriptions.append(MatchedSubscription(
                self._node, kind, topic, callback, self.complaints))
        topic = self._parameters.settings.of(self.name, 'range_topic')
        if topic:
            self._range_sensor = RangeSensor(
                self._node, self._node.resolve_topic_name(topic), self.complaints)

    def deactivate(self) -> None:
        """Unsubscribe and let go of the frame that waits."""
        for subscription in self._subscriptions:
            subscription.destroy()
        self._subscriptions = []
        if self._range_sensor:
            self._range_sensor.destroy()
            self._range_sensor = None
        with self._lock:
            self._calibration = self._camera = None
        self._sure.clear()
        if self.take() is not None:
            self.statistics.drop('deactivated')

    def cleanup(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(LAST_MESSAGE)
            self._node.destroy_publisher(publisher)
        self._publishers = {}

    # -- inputs, in the executor's thread --

    def _on_info(self, message: CameraInfo) -> None:
        heard = messages.read_camera_info(message), message.header.frame_id
        if self._is_of_another(heard):
            return
        with self._lock:
            self._calibration, self._info_at = heard, time.monotonic()
        if self._camera is None:
            self._on_frame()
        self.complaints.settle('no info')

    def _is_of_another(self, heard: tuple[Calibration, str]) -> bool:
        """Tell whether it comes from a second publisher, while the first is to be believed."""
        kept = self._calibration  # which only this thread sets
        if (kept is None or heard == kept or time.monotonic() - self._info_at > INFO_STAYS
                or not self._serves
                or heard[1] == self._image_frame != kept[1]):
            return False
        there = self._node.get_publishers_info_by_topic(self.info_topic)
        if len(there) < 2:
            return False
        names = ' and '.join(sorted(
            shown(f'{p.node_namespace.rstrip("/")}/{p.node_name}') for p in there[:5]))
        self.complaints.raise_(
            'two infos', f'{self.info_topic}: {names} publish different calibrations there, of '
            'which one is kept: let each camera have a topic of its own')
        return True

    def _on_image(self, message) -> None:
        now = time.monotonic()
        self._image_at, self._image_clock = now, self._node.get_clock().now().nanoseconds
        self.complaints.settle('no image')
        self.statistics.receive(self._age(message.header.stamp))
        if not self._wanted():
            self.statistics.drop('no reader')
            return
        rate = self._parameters.settings.max_rate
        if rate > 0:
            due = self._slot + 1 / rate
            # A tenth of a period early is in time: cameras jitter.
            if now < due - 0.1 / rate:
                self.statistics.drop('max_rate')
                return
            # From slot to slot, so that 30 Hz give 20 and not 15; after a pause from now on.
            self._slot = due if now < due + 0.5 / rate else now
        with self._lock:
            superseded, self._waiting = self._waiting, message
            reason = 'newer frame' if self._calibration else 'no camera_info'
        if superseded is not None:
            self.statistics.drop(reason)
        self._on_frame()

    def watch(self) -> None:
        """Match the publishers' QoS anew and report what is missing; a few times a second."""
        for subscription in self._subscriptions:
            subscription.rematch()
        if self._range_sensor:
            self._range_sensor.watch()
        if self._subscriptions and self._is_silent():
            self.complaints.raise_('no image', self._no_image(), lasting=True)

    def _is_silent(self) -> bool:
        """Tell whether images are overdue; a replay may begin late, stand still and end."""
        seconds = time.monotonic() - self._image_at
        clock = self._node.get_clock()
        if not clock.ros_time_is_active:
            return seconds > IMAGE_TIMEOUT
        now = clock.now().nanoseconds
        if now == 0:
            return seconds > REPLAY_START
        if not 0 < self._image_clock <= now:  # it begins, or begins again
            self._image_at, self._image_clock = time.monotonic(), now
        return min(seconds, (now - self._image_clock) * 1e-9) > IMAGE_TIMEOUT

    def _no_image(self) -> str:
        sentence = f'{self.image_topic}: no image for {IMAGE_TIMEOUT:g} s'
        kind, other_kind = (COMPRESSED, RAW) if self._compressed else (RAW, COMPRESSED)
        kinds = self._kinds(self.image_topic)
        if kind in kinds:
            return f'{sentence}, though there is a publisher: does the camera run?'
        base, _, last = self.base_topic.rpartition('/')
        if last == 'compressed' and COMPRESSED in self._kinds(self.base_topic):
            return (f'{sentence}, but compressed ones: remap {self._prefix}image to {base} and '
                    'set image_transport to compressed')
        if kinds:
            return (f'{sentence}, for what is published there is {", ".join(sorted(kinds))}: '
                    f'remap {self._prefix}image to the topic of your camera')
        other = self.base_topic if self._compressed else f'{self.base_topic}/compressed'
        if other_kind in self._kinds(other):
            transport = 'raw' if self._compressed else 'compressed'
            return (f'{sentence} and no publisher, but there is one on {other}: set '
                    f'image_transport to {transport}')
        return (f'{sentence} and no publisher: remap {self._prefix}image to the topic of your '
                'camera'
                + self._seen(kind, self.image_topic))

    def _kinds(self, topic: str) -> set[str]:
        return {p.topic_type for p in self._node.get_publishers_info_by_topic(topic)}

    def _seen(self, kind: str, but: str) -> str:
        """Return in brackets which other topics of a type somebody publishes."""
        own = {publisher.topic_name for publisher in self._node.publishers} | {but}
        seen = []
        for name, kinds in sorted(self._node.get_topic_names_and_types()):
            # What is no ROS writer may have a name that rclpy refuses.
            with contextlib.suppress(ValueError):
                if kind in kinds and name not in own and self._node.count_publishers(name):
                    seen.append(name)
        return f' (there are: {", ".join(seen[:5])})' if seen else ''

    @property
    def camera(self) -> PinholeCamera | None:
        """The camera in force, None until there is a CameraInfo."""
        with self._lock:
            return self._camera and self._camera[1]

    def diagnostics(self) -> dict[str, str]:
        """Return the figures of this camera as text, for a DiagnosticStatus."""
        camera, state = self.camera, 'none'
        if camera:
            state = f'{describe(camera)}, {"rectified here" if camera.lens else "rectified"}'
        return {'image topic': self.image_topic, 'camera_info topic': self.info_topic,
                'camera_info': state, 'readers': ', '.join(sorted(self._wanted())) or 'none',
                **self._certainty(), **self.statistics.values()}

    def _certainty(self) -> dict[str, str]:
        if not self._sure:
            return {}
        values = {'right by the confidence': f'{self._sure[-1][1][0]:.0%}'}
        if self._scene:
            wanted = self._parameters.settings.of(self.name, 'scene')
            values['scene'] = self._scene + (' (auto)' if wanted == 'auto' else '')
        return values

    def summary(self) -> str:
        """Return in a few words what this camera is doing when nothing is wrong."""
        return 'working' if self._wanted() else 'idle: nobody subscribes to its outputs'

    # -- frames, in the worker's threads --

    def take(self):
        """Return the newest message and empty the mailbox, or None."""
        with self._lock:
            message, self._waiting = self._waiting, None
        return message

    def _wanted(self) -> frozenset[str]:
        return frozenset(output for output, publisher in self._publishers.items()
                         if publisher.get_subscription_count() > 0)

    def prepare(self, message) -> Frame | None:
        """Return the frame of a message, or None where it was dropped (and say why)."""
        outputs = self._wanted()
        if not outputs:
            self.statistics.drop('no reader')
            return None
        age = self._age(message.header.stamp)
        limit = self._parameters.settings.max_age
        if age is not None and 0 < limit < age:
            self.statistics.drop('max_age')
            self.complaints.raise_(
                'max_age', f'{self.image_topic}: frames arrive {age:.2f} s after their stamp and '
                f'are dropped, for max_age is {limit:g} s')
            return None
        if self._hold(message):
            return None
        self.statistics.start(age)
        try:
            image = self._read(message)
        except EncodingError as error:
            self.statistics.drop('bad image')
            self.complaints.raise_('bad image', f'{self.image_topic}: {error}', ERROR)
            return None
        if image.remark:
            self.complaints.raise_('remark', f'{self.image_topic}: {image.remark}', lasting=True)
        else:
            self.complaints.settle('remark')
        camera = self._camera_of(image, message.header.frame_id)
        if camera is None:
            return None
        return Frame(message.header, image, camera, outputs)

    def _read(self, message) -> ColorImage:
        settings = self._parameters.settings
        if self._levels.given != settings.image_bits:
            self._levels = Levels(settings.image_bits)
        levels, bits = self._levels, self._levels.bits
        read = messages.read_compressed_image if self._compressed else messages.read_image
        image = read(message, settings.max_pixels, levels)
        if levels.bits != bits and (bits or levels.bits < 16):
            self._node.get_logger().info(
                f'{self.image_topic}: the largest value of its 16-bit pictures takes '
                f'{levels.bits} bits, so that white is {(1 << levels.bits) - 1}: set image_bits '
                'if it is another')
        return image

    def _hold(self, message) -> bool:
        """Put a message back until there is a CameraInfo: the first may be right behind it."""
        with self._lock:
            if self._calibration:
                return False
            superseded, self._waiting = self._waiting is not None, self._waiting or message
            since = self._info_at
        if superseded:
            self.statistics.drop('no camera_info')
        patience = self._parameters.settings.camera_info_timeout
        if time.monotonic() - since > patience:
            self.complaints.raise_(
                'no info', f'{self.info_topic}: no CameraInfo for {patience:g} s while images '
                f'come: let the driver publish one, or remap {self._prefix}camera_info to '
                'where it does' + self._seen('sensor_msgs/msg/CameraInfo', self.info_topic))
        return True

    def _camera_of(self, image: ColorImage, frame_id: str) -> PinholeCamera | None:
        with self._lock:
            calibration = self._calibration
        if calibration is None:  # deactivated meanwhile
            self.statistics.drop('deactivated')
            return None
        info, info_frame = calibration
        self._image_frame = frame_id
        if not frame_id or info_frame != frame_id:
            self.complaints.raise_(
                'frame', f"{self.info_topic}: its frame_id {shown(info_frame)} is not that of the "
                f"image, {shown(frame_id)}, which is the one that is published" if frame_id else
                f'{self.image_topic}: its frame_id is empty, so nobody knows where the depth is: '
                'let the driver fill it')
        try:
            camera = self._resolve(info, image.width, image.height)
            self._serves = True
            return camera
        except CameraError as error:
            self._serves = False
            self.statistics.drop('bad camera_info')
            self.complaints.raise_('bad info', f'{self.info_topic}: {error}', ERROR)
            return None

    def expect(self) -> PinholeCamera | None:
        """Return the camera that the CameraInfo promises before the first image, else None."""
        with self._lock:
            calibration = self._calibration
        if calibration is None or self._camera is not None:
            return None
        info = calibration[0]
        try:
            return self._resolve(info, *info.image_size())
        except CameraError:
            return None  # said when an image comes, which may have another size

    def _resolve(self, info: Calibration, width: int, height: int) -> PinholeCamera:
        key = (info, width, height, self._parameters.settings.rectified)
        if self._camera is None or self._camera[0] != key:
            rectified = self._parameters.settings.rectified
            camera = info.camera(width, height, rectified == 'true' or (
                rectified == 'auto' and info.is_rectified(self.base_topic)))
            if self._camera and self._camera[1].is_nearly(camera):
                camera = self._camera[1]  # an autofocus: what was made for it goes on
            else:
                self._remark_on(info, camera)
            self._camera = key, camera
        return self._camera[1]

    def _remark_on(self, info: Calibration, camera: PinholeCamera) -> None:
        """Say what is odd about a CameraInfo that can be used."""
        remark = info.remark() if camera.lens else ''
        if remark:
            self._node.get_logger().info(f'{self.info_topic}: {remark}')
        lost = camera.lost()
        if lost > LOST:
            self.complaints.raise_(
                'lost', f'{self.info_topic}: {lost:.0%} of the rectified picture is outside of '
                'what the camera shows and has no depth: check D, R and the distortion_model '
                "(a fisheye's numbers under plumb_bob?), and binning and roi", lasting=True)
        else:
            self.complaints.settle('lost')

    def ranges(self, header, frames: Frames, pose: Pose | None) -> Ranges | Declined | None:
        """Return what the range sensor measured when a picture was taken: RangeSensor.at."""
        return self._range_sensor.at(header, pose, frames)

    def publish(self, frame: Frame, estimate: Estimate, encoding: str) -> None:
        """Publish what one frame became, under its stamp, on each output that was wanted."""
        header = frame.header
        made = {
            'depth': lambda: messages.image_message(header, estimate.depth, encoding),
            'camera_info': lambda: messages.camera_info_message(header, estimate.camera),
            'confidence': lambda: messages.image_message(header, estimate.confidence, '32FC1'),
            'color': lambda: messages.image_message(header, estimate.color, 'bgr8'),
            'points': lambda: messages.cloud_message(header, estimate.cloud),
            'scan': lambda: messages.scan_message(
                header.stamp, self._parameters.settings.scan_frame, estimate.scan,
                self._since_last_scan(header.stamp))}
        for output in TOPICS:
            if output in frame.outputs:
                self._publishers[output].publish(made[output]())
        self.statistics.process(self._age(header.stamp), estimate.forward)
        if estimate.sure is not None:
            self._judge(estimate)

    def _judge(self, estimate: Estimate) -> None:
        """Say where the network holds little of the last seconds' depth for right."""
        now, self._scene = time.monotonic(), estimate.scene
        self._sure.append((now, (estimate.sure, estimate.least_sure)))
        sentence = unlike([sure for moment, sure in self._sure if now - moment < SURE_SPAN])
        if sentence:
            self.complaints.raise_('unlike', f'{self.image_topic}: {sentence}')

    def _since_last_scan(self, stamp) -> float:
        """Return the seconds since the scan before, 0 where there is none or time went back."""
        now = stamp.sec * 10**9 + stamp.nanosec
        before, self._scanned = self._scanned, now
        return max(now - before, 0) * 1e-9 if before else 0.0

    def _age(self, stamp) -> float | None:
        """Return the seconds since `stamp` on the node's clock, None where clocks disagree."""
        clock = self._node.get_clock()
        now = clock.now().nanoseconds
        age = (now - stamp.sec * 10**9 - stamp.nanosec) * 1e-9
        if -CLOCK_JITTER <= age <= OTHER_CLOCK:
            return age
        if clock.ros_time_is_active and -CLOCK_STEP <= age < 0 < now:
            return 0.0
        if now == 0:
            self._unclocked_at = self._unclocked_at or time.monotonic()
            if time.monotonic() - self._unclocked_at < CLOCK_LAG:
                return None
            self.complaints.raise_('clock', '/clock: use_sim_time is set but nothing comes, so '
                                   'no age is known: play the bag with --clock')
            return None
        side = 'after' if age < 0 else 'before'
        self.complaints.raise_(
            'clock', f'{self.image_topic}: stamps lie {abs(age):.1f} s {side} the clock of this '
            'node, so no age is known: in a replay set use_sim_time and play with --clock, '
            'otherwise synchronise the clocks')
        return None
