# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Bytes of images, compressed images and point clouds to arrays, without any ROS class.

The names are those of sensor_msgs/image_encodings.hpp, the numbers those of
sensor_msgs/PointField. Live messages and bag files are read through here alike. Every picture
has the bytes that cv_bridge gives for `bgr8`. All errors are `EncodingError`, one sentence that
holds the figures; the caller puts the topic's or the file's name in front.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple, Sequence

import cv2
import numpy as np

from depth_estimation_ros.imaging.wording import shown

# A header of a few bytes can ask for gigabytes. A picture of so many takes a fifth of a robot's
# 8 GB until it is depth, at 16 bits a channel and with points.
MAX_PIXELS = 25_000_000
MOST_COLUMNS = 1024  # of a point cloud's table; LiDARs have about ten

INT8, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 = range(1, 9)

_RGB, _BGR, _GREY = (0, 1, 2), (2, 1, 0), (0, 0, 0)
_TO_BGR = {(3, _RGB): cv2.COLOR_RGB2BGR, (4, _RGB): cv2.COLOR_RGBA2BGR,
           (4, _BGR): cv2.COLOR_BGRA2BGR, (1, _GREY): cv2.COLOR_GRAY2BGR}


class EncodingError(ValueError):
    """Bytes that are not what their description says, or a description that is not understood."""


@dataclass(frozen=True, eq=False)
class ColorImage:
    """
    A picture as its bytes lie in the message, and where its colours are.

    pixels: uint8 (H, W, C); rows may be padded, and a view of bytes is read-only.
    rgb: the indices in C of red, green and blue: (0, 1, 2) or (2, 1, 0) with C 3 or 4, where the
        fourth is alpha and means nothing here; (0, 0, 0) with C = 1 for grey.
    """

    pixels: np.ndarray
    rgb: tuple[int, int, int]
    remark: str = ''  # what is not as it should be, though the picture can be used

    @property
    def width(self) -> int:
        """Columns."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """Rows."""
        return self.pixels.shape[0]

    def bgr(self) -> np.ndarray:
        """Return contiguous uint8 (H, W, 3), OpenCV's order; no copy where it lies so already."""
        if self.pixels.shape[2] == 3 and self.rgb == _BGR:
            return np.ascontiguousarray(self.pixels)
        return cv2.cvtColor(self.pixels, _TO_BGR[self.pixels.shape[2], self.rgb])


class Levels:
    """
    How many bits of 16-bit channels a camera fills, 10 or 12 of them as often as not.

    bits: the fewest of BITS that hold the largest value of all its pictures so far, 0 before the
    first; or what is given.
    """

    BITS = (10, 12, 14, 16)

    def __init__(self, bits: int = 0):
        self.given = self.bits = bits

    def to_8_bits(self, pixels: np.ndarray) -> np.ndarray:
        """Return uint16 pixels as uint8 of the same shape: white is 255, what is above it too."""
        if not self.given and self.bits < 16:
            largest = int(pixels.max())
            self.bits = max(self.bits, next(bits for bits in self.BITS if largest < 1 << bits))
        white = (1 << self.bits) - 1
        return cv2.convertScaleAbs(pixels, alpha=255 / white).reshape(pixels.shape)


class _Layout(NamedTuple):
    """How a pixel lies in the message, and how it becomes colour."""

    channels: int
    depth: int  # bytes of a channel
    rgb: tuple[int, int, int]  # of the result
    code: int | None = None  # cv2.cvtColor's, where the message does not hold colours as such


# OpenCV names a mosaic after its second row's second and third pixel, ROS after its first two
# rows: RGGB is BG there. The `yuv422` names were deprecated for `uyvy` and `yuyv` in Iron.
_LAYOUTS = {
    'rgb8': _Layout(3, 1, _RGB),
    'bgr8': _Layout(3, 1, _BGR),
    'rgba8': _Layout(4, 1, _RGB),
    'bgra8': _Layout(4, 1, _BGR),
    'mono8': _Layout(1, 1, _GREY),
    'rgb16': _Layout(3, 2, _RGB),
    'bgr16': _Layout(3, 2, _BGR),
    'rgba16': _Layout(4, 2, _RGB),
    'bgra16': _Layout(4, 2, _BGR),
    'mono16': _Layout(1, 2, _GREY),
    'bayer_rggb8': _Layout(1, 1, _BGR, cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': _Layout(1, 1, _BGR, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': _Layout(1, 1, _BGR, cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': _Layout(1, 1, _BGR, cv2.COLOR_BayerGB2BGR),
    'bayer_rggb16': _Layout(1, 2, _BGR, cv2.COLOR_BayerBG2BGR),
    'bayer_bggr16': _Layout(1, 2, _BGR, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg16': _Layout(1, 2, _BGR, cv2.COLOR_BayerGR2BGR),
    'bayer_grbg16': _Layout(1, 2, _BGR, cv2.COLOR_BayerGB2BGR),
    'uyvy': _Layout(2, 1, _BGR, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422': _Layout(2, 1, _BGR, cv2.COLOR_YUV2BGR_UYVY),
    'yuyv': _Layout(2, 1, _BGR, cv2.COLOR_YUV2BGR_YUY2),
    'yuv422_yuy2': _Layout(2, 1, _BGR, cv2.COLOR_YUV2BGR_YUY2),
}
# Planes: the grey ones, then u and v in turn, for each second pixel of each second row or (nv24)
# for each pixel.
_PLANES = {'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21,
           'nv24': cv2.COLOR_YUV2BGR_NV12}
ENCODINGS, PLANES = tuple(_LAYOUTS), tuple(_PLANES)
# Drivers that do not say what their channels are: OpenCV's order is meant.
_MEANT = {'8uc1': 'mono8', '8uc3': 'bgr8', '8uc4': 'bgra8'}

_MATRIX = re.compile(r'(8|16|32|64)[USF](C\d+)?')


def decode(encoding: str, width: int, height: int, step: int, data,
           is_bigendian: bool = False, most: int = MAX_PIXELS,
           levels: Levels = Levels(16)) -> ColorImage:
    """
    Return the picture of a raw image message, of no more than `most` pixels.

    `data` is any contiguous buffer. The 8-bit colour and grey encodings are views of it, never a
    copy; the others are converted. Rows are `step` bytes apart, the padding may have any length
    (an even one for 16 bits) and the last row's may be missing. Bytes after the last row are
    ignored: drivers hand over whole DMA buffers, and cv_bridge's Python side takes them too.
    16 bits become 8 by rounding, as in cv_bridge, where `levels` are not fewer.
    """
    name = encoding.lower() if len(encoding) < 20 else encoding
    name = _MEANT.get(name, name)
    if name not in _LAYOUTS and name not in _PLANES:
        raise EncodingError(_not_a_picture(encoding))
    layout = _LAYOUTS['mono8' if name in _PLANES else name]
    channels, depth = layout.channels, layout.depth
    if width < 1 or height < 1:
        raise EncodingError(f'the image is {width} x {height} pixels: the publisher sent an empty '
                            'picture, width and height must be at least 1')
    row = width * channels * depth
    if step < row:
        raise EncodingError(
            f"the image's step is {step} bytes, but a row of {width} pixels of {encoding} takes "
            f'{row}: the publisher must set step to the length of a row in bytes')
    if step % depth:
        raise EncodingError(
            f"the image's step is {step} bytes, but {encoding} has 2 bytes per value and needs "
            "an even step: the publisher's step or encoding is wrong")
    if channels == 2 and width % 2:
        raise EncodingError(
            f'the image is {width} pixels wide, but {encoding} stores pixels in pairs and needs '
            "an even width: the publisher's width or encoding is wrong")
    size = memoryview(data).nbytes
    if size < (height - 1) * step + row:
        raise EncodingError(
            f"the image's data holds {size} bytes, but height {height} x step {step} is "
            f"{height * step}: the message was cut, or the publisher's height or step is wrong")
    _bound(width, height, most, 'image')
    if name in _PLANES:
        return ColorImage(_from_planes(name, width, height, step, data, size), _BGR)

    dtype = np.dtype(np.uint8 if depth == 1 else '>u2' if is_bigendian else '<u2')
    pixels = np.ndarray((height, width, channels), dtype, data, 0,
                        (step, channels * depth, depth))
    if not (dtype.isnative and pixels.flags.aligned):
        pixels = pixels.astype(np.uint16)
    picture = _picture(pixels, layout, levels)
    if encoding.lower() in _MEANT:
        return replace(picture, remark=f'its encoding {encoding} does not say what the channels '
                       f'are: it is read as {name}, let the driver say so')
    return picture


def _bound(width: int, height: int, most: int, what: str) -> None:
    if width * height > most:
        raise EncodingError(f'the {what} is {width} x {height} pixels, more than the {most} that '
                            'are accepted: publish a smaller picture, or set max_pixels')


def _from_planes(name: str, width: int, height: int, step: int, data, size: int) -> np.ndarray:
    """Return BGR of grey and colour planes; of nv24's colours each second of each second row."""
    whole = name == 'nv24'  # each pixel has its colour: twice as long rows, as many as of grey
    least = step * (3 * height if whole else height + height // 2) - (step - width) * (1 + whole)
    if width % 2 or height % 2 or size < least:
        raise EncodingError(
            f'the image is {width} x {height} pixels of {name} in {size} bytes: its sides must '
            f'be even and its bytes {least}, so the message was cut, or its encoding is wrong')
    grey = np.ndarray((height, width), np.uint8, data, 0, (step, 1))
    color = np.ndarray((height // 2, width // 2, 2), np.uint8, data, height * step,
                       (4 * step, 4, 1) if whole else (step, 2, 1))
    return cv2.cvtColor(np.concatenate([grey, color.reshape(height // 2, width)]), _PLANES[name])


def _picture(pixels: np.ndarray, layout: _Layout, levels: Levels) -> ColorImage:
    if layout.code is not None:
        pixels = cv2.cvtColor(pixels, layout.code)
    if pixels.dtype == np.uint16:
        pixels = levels.to_8_bits(pixels)
    return ColorImage(pixels, layout.rgb)


def _not_a_picture(encoding: str) -> str:
    names = ', '.join(ENCODINGS + PLANES)
    if _MATRIX.fullmatch(encoding):
        return (f"the image's encoding {shown(encoding)} is a matrix or a depth image, which says "
                f"nothing about colours: publish the camera's picture as one of {names}")
    return f"the image's encoding {shown(encoding)} is not known, expected one of {names}"


def decode_compressed(format: str, data, most: int = MAX_PIXELS,
                      levels: Levels = Levels(16)) -> ColorImage:
    """
    Return the picture of a compressed image message: JPEG or PNG, told by the bytes.

    `format` as image_transport's plugins write it ('rgb8; jpeg compressed bgr8', 'png'). Only the
    encoding before the semicolon matters: depth images are refused, and a Bayer mosaic, which the
    plugin puts as it is into a PNG, gets its colours. The EXIF orientation is ignored, because
    CameraInfo describes the sensor's grid. 16 bits become 8 as in `decode`. Of a JPEG that is cut
    off, what is missing comes out grey, and the picture's remark says so; a PNG that is cut is
    refused, and so are more than `most` pixels, before any memory is taken for them.
    """
    source, _, target = (part.strip() for part in format.partition(';'))
    if 'compresseddepth' in format.lower() or (
            _MATRIX.fullmatch(source) and not source.startswith('8U')):
        raise EncodingError(f"the compressed image's format {shown(format)} is a depth image, "
                            "expected the camera's picture: subscribe to its `compressed` topic")
    raw = bytes(data)
    if raw.startswith(b'\xff\xd8'):
        kind, (width, height, complete) = 'JPEG', _read_jpeg_header(raw)
    elif raw.startswith(b'\x89PNG\r\n\x1a\n'):
        kind, (width, height, complete) = 'PNG', _read_png_header(raw)
    else:
        raise EncodingError(f'the compressed image of format {shown(format)} and {len(raw)} bytes '
                            "holds neither a JPEG nor a PNG: set the publisher's format to one "
                            'of them')
    if not complete and (kind == 'PNG' or not width * height):
        raise EncodingError(f"the compressed image's {kind} of {len(raw)} bytes ends before its "
                            "end marker: the message was cut on its way, or the publisher's "
                            'encoder failed')
    _bound(width, height, most, f'{kind} of the compressed image')
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    if not complete:
        raw += b'\xff\xd9'  # an end: what came before it is decoded, as newer OpenCVs will not
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), flags)
    if pixels is None:
        raise EncodingError(f"the compressed image's {kind} of {len(raw)} bytes is corrupt: "
                            'OpenCV cannot decode it')
    remark = '' if complete else (
        f"the compressed image's JPEG of {len(raw) - 2} bytes is cut off, what is missing is "
        "grey: look at the network between the camera and this node, and at the driver's buffers")
    if pixels.ndim == 3:
        return replace(_picture(pixels, _LAYOUTS['bgr8'], levels), remark=remark)
    grey = _LAYOUTS['mono8']
    mosaic = source.startswith('bayer_') and not target.endswith('mono8')
    layout = _LAYOUTS.get(source, grey) if mosaic else grey
    return replace(_picture(pixels[..., np.newaxis], layout, levels), remark=remark)


def _read_jpeg_header(raw: bytes) -> tuple[int, int, bool]:
    """Return (width, height, whether the end marker is there), ITU-T T.81 annex B."""
    at, width, height = 2, 0, 0
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(raw[at + 5:at + 7], 'big')
            width = int.from_bytes(raw[at + 7:at + 9], 'big')
        at += 2 + int.from_bytes(raw[at + 2:at + 4], 'big')
        if marker == 0xDA:
            # From here on every FF of the data is followed by 00, so that this is the end and
            # not the end of a thumbnail in the header.
            return width, height, raw.rfind(b'\xff\xd9', at) >= 0
    return width, height, False


def _read_png_header(raw: bytes) -> tuple[int, int, bool]:
    """Return (width, height, whether the end chunk is there), W3C PNG 11.2.2 and 11.2.5."""
    return (int.from_bytes(raw[16:20], 'big'), int.from_bytes(raw[20:24], 'big'),
            raw.rfind(b'IEND\xaeB`\x82') >= 0)


_NUMBERS = {INT8: 'i1', UINT8: 'u1', INT16: 'i2', UINT16: 'u2', INT32: 'i4', UINT32: 'u4',
            FLOAT32: 'f4', FLOAT64: 'f8'}


def cloud_array(fields: Sequence[tuple[str, int, int, int]], width: int, height: int,
                point_step: int, row_step: int, data, is_bigendian: bool = False) -> np.ndarray:
    """
    Return the points of a PointCloud2 as a structured (height, width) view of `data`.

    fields: (name, offset, datatype, count) each. The names follow sensor_msgs_py: a field of
    count n is n columns `name_0` ..., one without a name is `unnamed_field_<index>`; a count of
    0, which old writers left, means 1 as in PCL. A cloud without points gives an empty array.
    Big-endian clouds come in big-endian dtypes, unswapped. `row_step` counts only where there
    are several rows, because some writers leave it 0 in an unorganised cloud.
    """
    row = width * point_step
    if height > 1 and row_step < row:
        raise EncodingError(
            f"the cloud's row_step is {row_step} bytes, but {width} points of {point_step} take "
            f'{row}: the publisher must set row_step to the length of a row in bytes')
    stride = row_step if height > 1 else row
    size = memoryview(data).nbytes
    needed = (height - 1) * stride + row
    if size < needed:
        raise EncodingError(
            f"the cloud's data holds {size} bytes, but its {height} x {width} points of "
            f"{point_step} bytes take {needed}: the message was cut, or the publisher's height, "
            'width or steps are wrong')
    columns = sum(max(count, 1) for _, _, _, count in fields)
    if columns > MOST_COLUMNS or width * height and not 0 < point_step < 1 << 20:
        raise EncodingError(f"the cloud's fields have {columns} numbers a point and its "
                            f"point_step is {point_step} bytes, which no sensor has (at most "
                            f"{MOST_COLUMNS} and {1 << 20}): the publisher's fields are wrong")
    order = '>' if is_bigendian else '<'
    names, formats, offsets = [], [], []
    for index, (name, offset, datatype, count) in enumerate(fields):
        name, count = name or f'unnamed_field_{index}', max(count, 1)
        if datatype not in _NUMBERS:
            raise EncodingError(f"the cloud's field {shown(name)} has datatype {datatype}, "
                                "expected 1 (INT8) to 8 (FLOAT64): the publisher's fields are "
                                'wrong')
        number = np.dtype(order + _NUMBERS[datatype])
        end = offset + count * number.itemsize
        if end > point_step:
            raise EncodingError(
                f"the cloud's field {shown(name)} ends at byte {end}, but its point_step is "
                f"{point_step} bytes: the publisher's offsets or point_step are wrong")
        names += [name] if count == 1 else [f'{name}_{i}' for i in range(count)]
        offsets += range(offset, end, number.itemsize)
        formats += [number] * count
    try:
        point = np.dtype({'names': names, 'formats': formats, 'offsets': offsets,
                          'itemsize': point_step})
        return np.ndarray((height, width), point, data, 0, (stride, point_step))
    except (ValueError, OverflowError) as error:
        raise EncodingError(f'the fields {shown(", ".join(names))} of the cloud and point_step '
                            f'{point_step} make no table of points: {error}') from error


def depth_metres(message) -> np.ndarray:
    """
    Return (H, W) float32 of a depth Image, of rclpy's or a bag's: 32FC1 as it is, 16UC1 in metres.

    0 of 16UC1 is NaN. Raises EncodingError where it is neither, or has less bytes than it states.
    """
    kinds = {'32FC1': np.dtype('f4'), '16UC1': np.dtype('u2')}
    if message.encoding not in kinds:
        raise EncodingError(f'{shown(message.encoding)} is no depth image: 32FC1 or 16UC1')
    dtype = kinds[message.encoding].newbyteorder('>' if message.is_bigendian else '<')
    try:
        rows = np.ndarray((message.height, message.width), dtype,
                          np.ascontiguousarray(message.data), 0, (message.step, dtype.itemsize))
    except (TypeError, ValueError) as error:
        raise EncodingError(f'a depth image of {message.width}x{message.height} pixels with step '
                            f'{message.step} holds {len(message.data)} bytes') from error
    return rows.astype(np.float32) if dtype.kind == 'f' else np.where(
        rows > 0, rows / np.float32(1000), np.float32('nan'))
