# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The main job, shown: the real node, images sent to it over DDS, pictures of what it published.

Frames go out at a camera's pace, whether the node keeps up or not, as a camera would.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import yaml

from depth_estimation_ros import evaluation
from depth_estimation_ros.camera import Calibration, PinholeCamera
from depth_estimation_ros.drives import DriveError, image_files, read_image
from depth_estimation_ros.drives.folder import CAMERA_FILE, read_camera_yaml
from depth_estimation_ros.drives.kitti import KittiDrive

START_TIMEOUT = 120.0  # seconds; importing torch from a cold disk takes its time
MAX_FRAMES = 200  # a demo, kept in memory


class DemoError(ValueError):
    """The demo cannot run; the message says what is missing."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """Images (BGR), true depth where it is known, and the camera."""

    names: Sequence[str]
    images: Sequence[np.ndarray]
    truths: Sequence[np.ndarray | None]
    camera: PinholeCamera | Calibration


def run(model: str, weights: str, images: str, output: Path, rate: float) -> str:
    """
    Run the node on `images`, write a picture sheet a frame into `output`, return the table.

    Raises DemoError, DriveError: one sentence on what is missing.
    """
    missing = [name for name, value in (('WEIGHTS', weights), ('IMAGES', images)) if not value]
    if missing:
        raise DemoError(
            f'{" and ".join(missing)} not given, and the package has no weights of its own yet: '
            'make demo WEIGHTS=<checkpoint folder> IMAGES=<KITTI raw drive, or a folder of images '
            f'with a {CAMERA_FILE}>')
    if not 0 < rate <= 1000:
        raise DemoError(f'--rate {rate:g} is no frame rate: give frames a second, above 0')
    scene = _load(Path(images).expanduser())
    output.mkdir(parents=True, exist_ok=True)
    # A robot on this network must not hear the demo.
    os.environ.update(ROS_DOMAIN_ID=str(215 + os.getpid() % 18),  # Linux's upper free range
                      ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    parameters, log = output / 'parameters.yaml', output / 'node.log'
    parameters.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'model': model, 'weights': str(Path(weights).expanduser().resolve())}}}))
    with log.open('w') as stream:
        node = subprocess.Popen(
            [sys.executable, '-m', 'depth_estimation_ros', '--ros-args', '--params-file',
             str(parameters)],
            stdout=stream, stderr=subprocess.STDOUT)
        try:
            client = _Client(scene.camera)
            try:
                client.wait_for(node, log)
                for image in scene.images:
                    client.send(image, 1 / rate)
                client.settle()
            finally:
                client.close()
        finally:
            node.send_signal(signal.SIGINT)
            node.wait(30)
    return _report(scene, client, output)


def _load(folder: Path) -> _Scene:
    if (folder / 'image_02').is_dir():
        frames = KittiDrive(folder)[:MAX_FRAMES]
        return _Scene([frame.image_path.stem for frame in frames],
                      [frame.image() for frame in frames],
                      [frame.depth() if frame.scan_path else None for frame in frames],
                      frames[0].camera)
    files = image_files(folder)[:MAX_FRAMES]
    pictures = [read_image(file) for file in files]
    if len({picture.shape for picture in pictures}) > 1:
        raise DriveError(f'{folder} holds images of several sizes: one camera has one size')
    return _Scene([file.stem for file in files], pictures, [None] * len(files),
                  read_camera_yaml(folder / CAMERA_FILE))


class _Client:
    """A camera driver and a reader of depth and cloud."""

    def __init__(self, camera: PinholeCamera | Calibration):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import CameraInfo, Image, PointCloud2
        from std_msgs.msg import Header

        from depth_estimation_ros import messages
        self._messages = messages
        self._rclpy = rclpy
        rclpy.init(args=[])
        self.node = rclpy.create_node('depth_estimation_demo')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._images = self.node.create_publisher(Image, 'image', 10)
        self._infos = self.node.create_publisher(CameraInfo, 'camera_info', 10)
        self.node.create_subscription(Image, 'depth/image_rect', self._on_depth, 10)
        self.node.create_subscription(PointCloud2, 'points', self._on_cloud, 10)
        self._header = Header(frame_id='camera')
        self._info = (messages.camera_info_message(self._header, camera)
                      if isinstance(camera, PinholeCamera)
                      else messages.calibration_message(self._header, camera))
        self.sent: list[int] = []
        self.depths: dict[int, np.ndarray] = {}
        self.ages: list[float] = []
        self.points: list[int] = []

    def wait_for(self, node: subprocess.Popen, log: Path) -> None:
        """Wait until the node reads the camera and publishes depth."""
        end = time.monotonic() + START_TIMEOUT
        while not (self._images.get_subscription_count() and self._infos.get_subscription_count()
                   and self.node.count_publishers('depth/image_rect')):
            self._spin(0.1)
            said = log.read_text()
            if node.poll() is not None or 'failed' in said or time.monotonic() > end:
                lines = [line for line in said.splitlines() if 'failed' in line]
                raise DemoError(f'the node did not start: {(lines or ["see " + str(log)])[-1]}')
        for _ in range(5):  # the CameraInfo before the first image
            self._infos.publish(self._info)
            self._spin(0.2)

    def send(self, image: np.ndarray, period: float) -> None:
        """Publish one picture, stamped now, and read for `period` seconds."""
        stamp = time.time_ns()
        self._header.stamp.sec, self._header.stamp.nanosec = divmod(stamp, 10**9)
        self._images.publish(self._messages.image_message(self._header, image, 'bgr8'))
        self.sent.append(stamp)
        self._spin(period)

    def settle(self) -> None:
        """Wait for what is still on its way."""
        end = time.monotonic() + 2.0
        while len(self.depths) < len(self.sent) and time.monotonic() < end:
            self._spin(0.1)
        self._spin(0.2)

    def close(self) -> None:
        """Leave the graph."""
        self.node.destroy_node()
        self._rclpy.try_shutdown()

    def _spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            self._executor.spin_once(max(end - time.monotonic(), 0.0))
            if time.monotonic() >= end:
                return

    def _on_depth(self, message) -> None:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        self.ages.append((time.time_ns() - stamp) * 1e-6)
        self.depths[stamp] = np.frombuffer(message.data, np.float32).reshape(
            message.height, message.width).copy()

    def _on_cloud(self, message) -> None:
        self.points.append(message.width * message.height)


def _report(scene: _Scene, client: _Client, output: Path) -> str:
    if not client.depths:
        raise DemoError(f'the node published no depth: see {output / "node.log"}')
    rows = []
    for name, stamp, image, truth in zip(scene.names, client.sent, scene.images, scene.truths):
        depth = client.depths.get(stamp)
        if depth is None:
            continue
        camera = scene.camera if isinstance(scene.camera, PinholeCamera) else None
        sheet = evaluation.picture_sheet(image, depth, camera, truth)
        cv2.imwrite(str(output / f'{name}.jpg'), sheet)
        if truth is not None:
            rows.append((name, evaluation.evaluate_depth(
                depth, truth, crop=evaluation.garg_crop(*truth.shape))))
    span = (client.sent[-1] - client.sent[0]) * 1e-9 or float('nan')
    ages = np.percentile(client.ages, [50, 95])
    lines = [f'frames sent            {len(client.sent)}',
             f'depth images           {len(client.depths)}',
             f'clouds                 {len(client.points)} '
             f'({np.mean(client.points):.0f} points each)',
             f'frames a second        {(len(client.depths) - 1) / span:.1f}',
             f'age p50 / p95          {ages[0]:.1f} / {ages[1]:.1f} ms (stamp to reader)']
    if rows:
        lines += ['', evaluation.table([*rows, ('mean', evaluation.mean([m for _, m in rows]))])]
    return '\n'.join([*lines, '', f'pictures are in {output}'])
