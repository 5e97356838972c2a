# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera for who has no driver: a film, a webcam or pictures as `image` and `camera_info`."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import signal
import time

import rclpy
import rclpy.node
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.time import Duration
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.folder import find_optics, Frame, Optics, Pictures
from depth_estimation_ros.drives.video import Film, is_webcam, open_recording, Webcam
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.diagnostics import Complaints
from depth_estimation_ros.node.qos import camera_topics, create_publisher


def run(source: str, camera: str = '', fov: float = 0.0, rate: float = 0.0, loop: bool = True,
        frame_id: str = 'camera', compressed: bool = False,
        ros_arguments: Sequence[str] = ()) -> None:
    """
    Publish `source` until it ends or Ctrl-C.

    :param source: a film, a picture, a folder of pictures, a KITTI raw drive, or a webcam: its
        number or its path in /dev.
    :param camera: calibration file. fov: degrees; see `find_optics`.
    :param rate: frames a second; 0: the film's, KITTI's or the webcam's own, 10 for pictures.
    :param ros_arguments: `--ros-args` and what follows it.
    :raises DriveError: one sentence; also when a webcam is unplugged.
    """
    if not 0 <= rate <= 1000:
        raise DriveError(f'--rate {rate:g} is out of range: give frames a second, up to 1000, or '
                         '0 for those of the source')
    opened = Webcam(source) if is_webcam(source) else open_recording(source)
    node = None
    try:
        optics = find_optics(camera, fov, opened)
        # The first argument is taken for the program's name.
        rclpy.init(args=['depth_estimation', *ros_arguments])
        node = CameraNode(optics, frame_id, compressed)
        if isinstance(opened, Webcam):
            node.follow(opened, rate)
        else:
            node.play(opened, rate, loop)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:  # of rclpy's, when SIGTERM comes in the middle of a call
        if rclpy.ok():
            raise
    finally:
        # `ros2 launch` and the terminal both send SIGINT: the second must not cut this short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node:
            node.destroy_node()
        rclpy.try_shutdown()
        if isinstance(opened, Webcam):
            opened.close()


class CameraNode(rclpy.node.Node):
    """
    The node `camera`: an image and its CameraInfo at a time, with one stamp.

    Where `image` is remapped, `camera_info` goes beside it, unless it is remapped itself.
    """

    def __init__(self, optics: Optics, frame_id: str, compressed: bool):
        super().__init__('camera')
        image, info = camera_topics(self)
        self._compressed = compressed
        if compressed:
            image += '/compressed'
        complaints = Complaints(self.get_logger())
        self._images = create_publisher(
            self, CompressedImage if compressed else Image, image, complaints)
        self._infos = create_publisher(self, CameraInfo, info, complaints)
        self._optics = optics
        self._header = Header(frame_id=frame_id)
        self._info: CameraInfo | None = None
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self.get_logger().info(f'publishing {image} and {info}; camera: {optics.source}')

    def play(self, recording: Film | Pictures, rate: float, loop: bool) -> None:
        """Publish a recording at its pace; frames that are late are skipped."""
        pace = Pace(1 / rate if rate else recording.period * 1e-9)
        skipped = 0
        for due, frame in schedule(recording, rate, loop):
            if pace.skips(due):
                skipped += 1
                self.get_logger().warning(
                    f'{recording.path}: {skipped} frames skipped so far, because reading and '
                    'publishing them takes longer than the frame rate leaves: lower --rate or '
                    'take smaller pictures', throttle_duration_sec=10.0)
                continue
            send = self._prepare(frame)
            self._spin_until(pace.start + due)
            send(0)
        if isinstance(recording, Film) and recording.shortfall():
            self.get_logger().warning(recording.shortfall())

    def follow(self, webcam: Webcam, rate: float) -> None:
        """Publish the newest picture of a webcam, `rate` times a second or as they come."""
        period = 1 / rate if rate else 0.0
        due = time.monotonic()
        while True:
            self._spin_until(due)
            frame = webcam.newest()
            self._prepare(frame)(time.time_ns() - frame.stamp)
            due = max(due + period, time.monotonic() - period)

    def _prepare(self, frame: Frame) -> Callable[[int], None]:
        """Make the messages; return what publishes them, stamped `age` nanoseconds ago."""
        height, width = frame.image.shape[:2]
        if self._info is None:
            self._optics.camera(width, height)  # an unusable calibration is said here, not later
            self._info = messages.calibration_message(
                self._header, self._optics.calibration(width, height))
        if (self._info.width, self._info.height) != (width, height):
            raise DriveError(f'{frame.name} has {width}x{height} pixels, the pictures before it '
                             f'{self._info.width}x{self._info.height}: one camera has one size')
        message = (messages.jpeg_message(self._header, frame.image) if self._compressed
                   else messages.image_message(self._header, frame.image, 'bgr8'))

        def send(age: int) -> None:
            self._header.stamp = (self.get_clock().now() - Duration(nanoseconds=age)).to_msg()
            # The CameraInfo first: readers then have it when the image comes.
            self._infos.publish(self._info)
            self._images.publish(message)

        return send

    def _spin_until(self, end: float) -> None:
        while True:
            self._executor.spin_once(max(end - time.monotonic(), 0.0))
            if time.monotonic() >= end:
                return


class Pace:
    """
    Which frames of a recording come too late, on a steady clock.

    A frame over one `period` (seconds) late is skipped while that helps to catch up; where
    reading alone is slower than the recording, the recording is played slower instead.
    """

    def __init__(self, period: float, clock: Callable[[], float] = time.monotonic):
        self.start = clock()
        self._period = period
        self._clock = clock
        self._late = 0.0

    def skips(self, due: float) -> bool:
        """Tell whether to skip the frame that is due `due` seconds after `start`."""
        late = self._clock() - self.start - due
        if late <= self._period:
            self._late = 0.0
            return False
        if not self._late or late < self._late:
            self._late = late
            return True
        self.start += late
        self._late = 0.0
        return False


def schedule(recording: Film | Pictures, rate: float, loop: bool) -> Iterator[tuple[float, Frame]]:
    """
    Yield frames and when they are due, in seconds after the first; without end if `loop`.

    The first frame of the next round comes one period after the last of the round before.
    """
    period = 1 / rate if rate else recording.period * 1e-9
    begin = 0.0
    while True:
        first = due = None
        for index, frame in enumerate(recording):
            first = frame.stamp if first is None else first
            due = begin + (index * period if rate else (frame.stamp - first) * 1e-9)
            yield due, frame
        if due is None:
            raise DriveError(f'{recording.path} gives no more frames: was it replaced?')
        if not loop:
            return
        begin = due + period
