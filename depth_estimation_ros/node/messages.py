# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
sensor_msgs in and out. cv_bridge and sensor_msgs_py are used here and nowhere else.

Both are on every robot and on no bare machine, and cv_bridge may be built for another NumPy: it
serves where it gives the bytes of our own path, and can never stop the node.
"""
from __future__ import annotations

from functools import lru_cache
import math

import cv2
import numpy as np
from sensor_msgs.msg import (
    CameraInfo, CompressedImage, Image, LaserScan, PointCloud2, PointField, Range)

from depth_estimation_ros.cloud.points import Cloud
from depth_estimation_ros.cloud.scan import Scan
from depth_estimation_ros.imaging import encodings
from depth_estimation_ros.imaging.encodings import ColorImage, EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import Calibration, PinholeCamera
from depth_estimation_ros.imaging.wording import shown

MOST_RANGES = 30_000  # of a range sensor's cloud; the view of a camera holds a fifth of them
# What cv_bridge converts; all others are views, which need no library, or of 16 bits, of which it
# does not know how many count.
BRIDGED = {'yuv422': 2, 'yuv422_yuy2': 2, 'bayer_rggb8': 1, 'bayer_bggr8': 1, 'bayer_gbrg8': 1,
           'bayer_grbg8': 1}  # bytes a pixel


@lru_cache(maxsize=1)
def cv_bridge():
    """
    Return (a working CvBridge or None, a sentence on its health).

    One that fails to import (NumPy 1 against 2) or gives other bytes than ours is not used.
    """
    try:
        from cv_bridge import CvBridge
        bridge = CvBridge()
        for encoding, depth in BRIDGED.items():
            data = np.arange(4 * 6 * depth, dtype=np.uint8) * 5
            message = image_message(Image().header, data.reshape(4, 6 * depth), encoding)
            message.width = 6
            if not np.array_equal(bridge.imgmsg_to_cv2(message, 'bgr8'), _decode(message).bgr()):
                return None, f'cv_bridge is not used: it decodes {encoding} differently'
    except Exception as error:  # whatever breaks in there, our own path serves
        return None, f'cv_bridge is not used: {type(error).__name__}: {error}'
    return bridge, 'cv_bridge works'


def read_image(message: Image, most: int = encodings.MAX_PIXELS,
               levels: Levels = Levels(16)) -> ColorImage:
    """Return the picture of an Image, a view of its data where possible; raises EncodingError."""
    width = BRIDGED.get(message.encoding)
    # cv_bridge shears or narrows pictures with odd rows, and swaps bytes under NumPy 1 only.
    if (width and not message.is_bigendian and message.step == message.width * width
            and len(message.data) == message.height * message.step and message.width % 2 == 0
            and message.height > 1 and 0 < message.width * message.height <= most):
        bridge, _ = cv_bridge()
        if bridge:
            try:
                return ColorImage(bridge.imgmsg_to_cv2(message, 'bgr8'), (2, 1, 0))
            except Exception:  # our own path is its equal, and says what is wrong
                pass
    return _decode(message, most, levels)


def _decode(message: Image, most: int = encodings.MAX_PIXELS,
            levels: Levels = Levels(16)) -> ColorImage:
    return encodings.decode(message.encoding, message.width, message.height, message.step,
                            message.data, bool(message.is_bigendian), most, levels)


def read_compressed_image(message: CompressedImage, most: int = encodings.MAX_PIXELS,
                          levels: Levels = Levels(16)) -> ColorImage:
    """Return the picture of a CompressedImage; raises EncodingError."""
    return encodings.decode_compressed(message.format, message.data, most, levels)


def read_camera_info(message: CameraInfo) -> Calibration:
    """Return the plain numbers of a CameraInfo."""
    roi = message.roi
    return Calibration(
        message.width, message.height, message.distortion_model, tuple(message.d),
        tuple(message.k), tuple(message.r), tuple(message.p),
        (message.binning_x, message.binning_y),
        (roi.x_offset, roi.y_offset, roi.width, roi.height))


@lru_cache(maxsize=1)
def sensor_msgs_py():
    """Return (sensor_msgs_py's read_points or None, a sentence on its health)."""
    try:
        from sensor_msgs_py.point_cloud2 import read_points
    except Exception as error:  # whatever breaks in there, our own path serves
        return None, f'sensor_msgs_py is not used: {type(error).__name__}: {error}'
    return read_points, 'sensor_msgs_py works'


def read_cloud(message: PointCloud2) -> np.ndarray:
    """
    Return the points of a cloud: (height * width,) structured, fields by name, NaN points too.

    Through sensor_msgs_py where it is there; raises EncodingError.
    """
    ours = encodings.cloud_array(
        [(f.name, f.offset, f.datatype, f.count) for f in message.fields],
        message.width, message.height, message.point_step, message.row_step, message.data,
        message.is_bigendian)
    tight = message.height <= 1 or message.row_step == message.width * message.point_step
    reader, _ = sensor_msgs_py()
    # read_points takes padding for points, and swaps big-endian bytes in the message itself.
    if reader and tight and not message.is_bigendian and all(f.count for f in message.fields):
        return reader(message).reshape(-1)
    return ours.reshape(-1)


def read_points(message: PointCloud2, most: int) -> np.ndarray:
    """
    Return (N, 3) float32 x, y, z of a cloud's points, in its frame, NaN points too.

    Of more than `most` only so many, evenly: every n-th of a LiDAR's would be whole beams.
    Raises EncodingError.
    """
    names = [field.name for field in message.fields]
    if not {'x', 'y', 'z'} <= set(names):
        raise EncodingError(f'the cloud has no fields x, y and z, but {shown(", ".join(names))}: '
                            'it is no cloud of a range sensor')
    points = read_cloud(message)
    if not {'x', 'y', 'z'} <= set(points.dtype.names):
        raise EncodingError("the cloud's fields x, y and z hold several numbers a point: the "
                            "publisher's count is wrong, it must be 1")
    if len(points) > most:
        points = points[np.linspace(0, len(points) - 1, most).astype(np.intp)]
    return np.stack([points[axis].astype(np.float32) for axis in 'xyz'], -1)


def read_ranges(message: PointCloud2 | Range) -> tuple[np.ndarray, float]:
    """
    Return the points of a range sensor, (N, 3) float32 metres in its frame, and half its cone.

    Of a cloud MOST_RANGES at most, and no cone. Raises EncodingError.
    """
    if isinstance(message, Range):
        return read_range(message)
    return read_points(message, MOST_RANGES), 0.0


def stamp_of(message) -> int:
    """Return the stamp of a message's header, ns."""
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def read_range(message: Range) -> tuple[np.ndarray, float]:
    """
    Return the point ahead of a sensor, (1, 3) float32 on its x axis, and half its cone (radians).

    Beyond min_range and max_range, or not finite (REP 117), it measured nothing: (0, 3). Raises
    EncodingError for a field of view that no cone has.
    """
    if not 0 <= message.field_of_view < math.pi:
        raise EncodingError(f'its field_of_view is {message.field_of_view:g}: give its driver the '
                            'angle of its cone in radians, from 0 to less than pi')
    there = (math.isfinite(message.range)
             and message.min_range <= message.range <= message.max_range)
    points = np.array([[message.range, 0.0, 0.0]] if there else [], np.float32).reshape(-1, 3)
    return points, message.field_of_view / 2


def image_message(header, pixels: np.ndarray, encoding: str) -> Image:
    """Return an Image of `pixels` (H, W) or (H, W, C), contiguous, little endian."""
    message = Image(header=header, height=pixels.shape[0], width=pixels.shape[1],
                    encoding=encoding, is_bigendian=0,
                    step=pixels.nbytes // max(pixels.shape[0], 1))
    _fill(message, pixels)
    return message


def jpeg_message(header, image: np.ndarray) -> CompressedImage:
    """Return the CompressedImage of a BGR picture, as image_transport's plugin names it."""
    message = CompressedImage(header=header, format='bgr8; jpeg compressed bgr8')
    _fill(message, cv2.imencode('.jpg', image)[1])
    return message


def camera_info_message(header, camera: PinholeCamera) -> CameraInfo:
    """Return the CameraInfo of a rectified grid: D zero, R identity, K the left of P, no Tx."""
    c = camera
    return CameraInfo(
        header=header, width=c.width, height=c.height, distortion_model='plumb_bob',
        d=[0.0] * 5, k=[c.fx, 0.0, c.cx, 0.0, c.fy, c.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[c.fx, 0.0, c.cx, 0.0, 0.0, c.fy, c.cy, 0.0, 0.0, 0.0, 1.0, 0.0])


def calibration_message(header, calibration: Calibration) -> CameraInfo:
    """Return the CameraInfo of a camera as its driver would publish it."""
    c = calibration
    message = CameraInfo(
        header=header, width=c.width, height=c.height, distortion_model=c.model, d=list(c.d),
        k=list(c.k), r=list(c.r), p=list(c.p), binning_x=c.binning[0], binning_y=c.binning[1])
    roi = message.roi
    roi.x_offset, roi.y_offset, roi.width, roi.height = c.roi
    return message


def cloud_message(header, cloud: Cloud) -> PointCloud2:
    """Return the PointCloud2 of `cloud`: 4-byte fields without gaps."""
    step = 4 * len(cloud.fields)
    message = PointCloud2(
        header=header, height=cloud.height, width=cloud.width, is_dense=cloud.is_dense,
        is_bigendian=False, point_step=step, row_step=step * cloud.width,
        fields=[PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
                for i, name in enumerate(cloud.fields)])
    _fill(message, cloud.data)
    return message


def scan_message(stamp, frame: str, scan: Scan, scan_time: float) -> LaserScan:
    """
    Return the LaserScan of `scan` in `frame`; scan_time: seconds since the one before, 0 = none.

    A picture is of one moment: time_increment is 0.
    """
    message = LaserScan(
        angle_min=scan.angle_min, angle_max=scan.angle_max, angle_increment=scan.angle_increment,
        scan_time=scan_time, range_min=scan.range_min, range_max=scan.range_max)
    message.header.stamp, message.header.frame_id = stamp, frame
    message.ranges.frombytes(scan.ranges.astype(np.float32).tobytes())
    return message


def _fill(message, array: np.ndarray) -> None:
    # `message.data = ...` checks or copies element by element: 100 times slower.
    message.data.frombytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
