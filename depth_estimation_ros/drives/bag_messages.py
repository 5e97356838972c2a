# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The messages that this package writes into bags, made without ROS.

Each function takes `make(type, **fields)`, such as `Recorder.make`.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.cloud.points import Cloud
from depth_estimation_ros.imaging.intrinsics import Calibration

FLOAT32 = 7  # sensor_msgs/PointField


def header(make, stamp: int, frame: str):
    """Return a Header of `stamp` in nanoseconds."""
    return make('std_msgs/msg/Header', frame_id=frame, stamp=make(
        'builtin_interfaces/msg/Time', sec=stamp // 10**9, nanosec=stamp % 10**9))


def camera_info(make, stamp: int, frame: str, calibration: Calibration):
    """Return a CameraInfo."""
    c = calibration
    d, k, r, p = (np.array(numbers, np.float64) for numbers in (c.d, c.k, c.r, c.p))
    x, y, width, height = c.roi
    return make(
        'sensor_msgs/msg/CameraInfo', header=header(make, stamp, frame), height=c.height,
        width=c.width, distortion_model=c.model, d=d, k=k, r=r, p=p, binning_x=c.binning[0],
        binning_y=c.binning[1], roi=make(
            'sensor_msgs/msg/RegionOfInterest', x_offset=x, y_offset=y, width=width,
            height=height, do_rectify=False))


def image(make, stamp: int, frame: str, pixels: np.ndarray, encoding: str):
    """Return an Image of pixels (H, W[, C])."""
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1).view(np.uint8)
    return make('sensor_msgs/msg/Image', header=header(make, stamp, frame),
                height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                is_bigendian=0, step=rows.shape[1], data=rows.reshape(-1))


def compressed(make, stamp: int, frame: str, kind: str, data: bytes):
    """Return a CompressedImage whose format is `kind`."""
    return make('sensor_msgs/msg/CompressedImage', header=header(make, stamp, frame),
                format=kind, data=np.frombuffer(data, np.uint8))


def made_cloud(make, stamp: int, frame: str, cloud: Cloud):
    """Return the PointCloud2 of a Cloud: 4-byte fields without gaps."""
    step = 4 * len(cloud.fields)
    return make('sensor_msgs/msg/PointCloud2', header=header(make, stamp, frame),
                height=cloud.height, width=cloud.width, is_dense=cloud.is_dense,
                is_bigendian=False, point_step=step, row_step=step * cloud.width, fields=[
                    make('sensor_msgs/msg/PointField', name=name, offset=4 * i, datatype=FLOAT32,
                         count=1) for i, name in enumerate(cloud.fields)],
                data=np.ascontiguousarray(cloud.data).reshape(-1).view(np.uint8))


def cloud(make, stamp: int, frame: str, points: np.ndarray):
    """Return a PointCloud2 of points (N, 4): x y z in metres and intensity."""
    fields = [make('sensor_msgs/msg/PointField', name=name, offset=4 * i, datatype=FLOAT32,
                   count=1) for i, name in enumerate(('x', 'y', 'z', 'intensity'))]
    return make('sensor_msgs/msg/PointCloud2', header=header(make, stamp, frame), height=1,
                width=len(points), fields=fields, is_bigendian=False, point_step=16,
                row_step=16 * len(points), is_dense=True,
                data=points.astype('<f4').reshape(-1).view(np.uint8))


def transforms(make, stamp: int, *links: tuple[str, str, np.ndarray]):
    """Return a TFMessage of links (parent, child, (4, 4) child to parent)."""
    return make('tf2_msgs/msg/TFMessage', transforms=[
        _transform(make, stamp, *link) for link in links])


def _transform(make, stamp: int, parent: str, child: str, child_to_parent: np.ndarray):
    x, y, z = (float(number) for number in child_to_parent[:3, 3])
    qx, qy, qz, qw = quaternion(child_to_parent[:3, :3])
    return make(
        'geometry_msgs/msg/TransformStamped', header=header(make, stamp, parent),
        child_frame_id=child, transform=make(
            'geometry_msgs/msg/Transform',
            translation=make('geometry_msgs/msg/Vector3', x=x, y=y, z=z),
            rotation=make('geometry_msgs/msg/Quaternion', x=qx, y=qy, z=qz, w=qw)))


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """
    Return x, y, z, w of the unit quaternion nearest to a (3, 3) rotation, rounded ones too.

    It is the eigenvector of the largest eigenvalue of a symmetric matrix: Bar-Itzhack, "New
    Method for Extracting the Quaternion from a Rotation Matrix" (2000).
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    _, vectors = np.linalg.eigh(np.array([
        [xx - yy - zz, yx + xy, zx + xz, zy - yz],
        [yx + xy, yy - xx - zz, zy + yz, xz - zx],
        [zx + xz, zy + yz, zz - xx - yy, yx - xy],
        [zy - yz, xz - zx, yx - xy, xx + yy + zz]]) / 3)
    x, y, z, w = (float(number) for number in vectors[:, -1] * (np.sign(vectors[3, -1]) or 1))
    return x, y, z, w
