# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A synthetic drive as a rosbag2: what a robot would have recorded, and the exact truth."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
import time

import numpy as np

from depth_estimation_ros.drives import bag_messages as messages
from depth_estimation_ros.drives.bag_writing import Recorder, write_picture
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.synthetic.drive import LIDAR_MOUNT, SyntheticDrive

IMAGE, TRUTH, CLOUD = '/camera/image_rect', '/truth/depth/image_rect', '/velodyne_points'
WORLD, CAR, CAMERA, LIDAR = 'odom', 'base_link', 'camera', 'velodyne'


def synthesize(drive: SyntheticDrive, path: Path | str, lidar: bool = True,
               start: int | None = None,
               progress: Callable[[Iterable], Iterable] = iter) -> None:
    """
    Render a drive into the bag `path`.

    /camera/image_rect (bgr8) and camera_info; /truth/depth/image_rect (32FC1 metres, +Inf where
    there is nothing) and its camera_info; /velodyne_points, if `lidar`; /tf (odom to base_link,
    which is on the road below the camera) and /tf_static. `base_link`'s x points ahead.

    :param start: nanoseconds since 1970 of the first frame; None: now.
    :raises DriveError: as `Recorder`.
    """
    start = time.time_ns() if start is None else start
    calibration = pinhole_calibration(drive.camera)
    with Recorder(path) as bag:
        for number in progress(range(len(drive))):
            stamp = start + drive.stamp(number)
            frame = drive.frame(number)
            turn, position = drive.car(number)
            car = _matrix(turn, position)
            camera = _matrix(frame.rotation.T, frame.position)
            if number == 0:
                scanner = _matrix(np.eye(3), LIDAR_MOUNT + [0, 0, drive.plan.mount.height])
                bag.write_message('/tf_static', stamp, messages.transforms(
                    bag.make, stamp, (CAR, CAMERA, np.linalg.inv(car) @ camera),
                    (CAR, LIDAR, scanner)), latched=True)
            bag.write_message('/tf', stamp, messages.transforms(
                bag.make, stamp, (WORLD, CAR, car)))
            write_picture(bag, IMAGE, CAMERA, stamp, frame.image[..., ::-1], calibration)
            bag.write_message(TRUTH.rpartition('/')[0] + '/camera_info', stamp,
                              messages.camera_info(bag.make, stamp, CAMERA, calibration))
            bag.write_message(TRUTH, stamp, messages.image(
                bag.make, stamp, CAMERA, frame.depth.astype('<f4'), '32FC1'))
            if lidar:
                bag.write_message(CLOUD, stamp, messages.cloud(
                    bag.make, stamp, LIDAR, drive.scan(number)))


def _matrix(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, position
    return matrix
