# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""encodings.py gives the bytes of the real cv_bridge and sensor_msgs_py, where they are there."""
from __future__ import annotations

import numpy as np
import pytest

from depth_estimation_ros.imaging import encodings

sensor_msgs = pytest.importorskip('sensor_msgs.msg', reason='sensor_msgs is not installed')

# The names since Iron, which cv_bridge does not know, for the same bytes.
OLD_NAMES = {'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}


@pytest.fixture(scope='module')
def bridge():
    """Return a CvBridge that works."""
    try:
        from cv_bridge import CvBridge
        bridge = CvBridge()
        bridge.encoding_to_cvtype2('bgr8')  # loads the compiled half
    except Exception as error:  # built for another NumPy it fails in many ways
        pytest.skip(f'cv_bridge is not usable: {type(error).__name__}: {error}')
    return bridge


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('pad_pixels', [0, 3])
@pytest.mark.parametrize('encoding', encodings.ENCODINGS)
def test_images_are_those_of_cv_bridge(bridge, encoding, pad_pixels, is_bigendian):
    if is_bigendian and int(np.__version__.split('.')[0]) >= 2:
        pytest.skip('cv_bridge swaps bytes with a method that NumPy 2 does not have')
    name = OLD_NAMES.get(encoding, encoding)
    dtype, channels = bridge.encoding_to_dtype_with_channels(name)
    pixel = np.dtype(dtype).itemsize * channels
    rng = np.random.default_rng(pad_pixels)
    for width, height in ((3, 3), (4, 7), (641, 5), (1242, 375)):
        width += width % 2 if name in OLD_NAMES.values() else 0
        step = (width + pad_pixels) * pixel
        message = sensor_msgs.Image(width=width, height=height, step=step, encoding=name,
                                    is_bigendian=is_bigendian)
        message.data.frombytes(rng.bytes(step * height))
        ours = encodings.decode(encoding, width, height, step, message.data, is_bigendian)
        np.testing.assert_array_equal(ours.bgr(), bridge.imgmsg_to_cv2(message, 'bgr8'))


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('height', [1, 3])
def test_clouds_are_those_of_sensor_msgs_py(height, is_bigendian):
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2',
                                       reason='sensor_msgs_py is not installed')
    fields = [('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1), ('intensity', 16, 7, 1),
              ('ring', 20, 4, 1), ('', 22, 2, 1), ('normal', 24, 8, 3), ('level', 48, 1, 1),
              ('code', 50, 3, 2), ('id', 56, 6, 1), ('rank', 60, 5, 1)]
    message = sensor_msgs.PointCloud2(
        width=50, height=height, point_step=64, row_step=50 * 64, is_bigendian=is_bigendian,
        fields=[sensor_msgs.PointField(name=n, offset=o, datatype=d, count=c)
                for n, o, d, c in fields])
    message.data.frombytes(np.random.default_rng(0).bytes(50 * 64 * height))
    ours = encodings.cloud_array(fields, 50, height, 64, 50 * 64, message.data,
                                 is_bigendian).copy()  # read_points swaps the message in place
    theirs = point_cloud2.read_points(message)
    assert ours.dtype.names == theirs.dtype.names
    for name in theirs.dtype.names:
        np.testing.assert_array_equal(ours[name].reshape(-1), theirs[name])
