# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""encodings.py: every encoding gives the bgr8 that OpenCV decodes, bad bytes one sentence."""
from __future__ import annotations

import array
import struct
from types import SimpleNamespace
import zlib

import cv2
import numpy as np
import pytest

from depth_estimation_ros.imaging import encodings
from depth_estimation_ros.imaging.encodings import (
    cloud_array, decode, decode_compressed, EncodingError, ENCODINGS, Levels, PLANES)

VIEWS = {'rgb8': (0, 1, 2), 'rgba8': (0, 1, 2), 'bgr8': (2, 1, 0), 'bgra8': (2, 1, 0),
         'mono8': (0, 0, 0)}
WIDE = tuple(name for name in ENCODINGS if name.endswith('16'))
# How OpenCV calls the mosaics, which it names after other pixels than ROS does.
MOSAICS = {'rggb': cv2.COLOR_BayerBG2BGR, 'bggr': cv2.COLOR_BayerRG2BGR,
           'gbrg': cv2.COLOR_BayerGR2BGR, 'grbg': cv2.COLOR_BayerGB2BGR}
PACKED = {'uyvy': cv2.COLOR_YUV2BGR_UYVY, 'yuv422': cv2.COLOR_YUV2BGR_UYVY,
          'yuyv': cv2.COLOR_YUV2BGR_YUY2, 'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2}


def random_values(encoding: str, height: int, width: int, rng) -> np.ndarray:
    """Return what a camera could put into the message: (H, W, C), uint8 or uint16, native."""
    channels = 2 if encoding in PACKED else {'rgb': 3, 'bgr': 3}.get(encoding[:3], 1)
    channels += encoding.startswith(('rgba', 'bgra'))
    dtype = np.uint16 if encoding in WIDE else np.uint8
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


def to_bytes(values: np.ndarray, padding: int, is_bigendian: bool, rng) -> tuple[int, bytes]:
    """Return (step, data) with `padding` random bytes after each row."""
    rows = values.astype(values.dtype.newbyteorder('>' if is_bigendian else '<'))
    rows = rows.reshape(len(values), -1).view(np.uint8)
    junk = rng.integers(0, 256, (len(rows), padding), np.uint8)
    return rows.shape[1] + padding, np.hstack([rows, junk]).tobytes()


def opencv_bgr(encoding: str, values: np.ndarray) -> np.ndarray:
    """Return the (H, W, 3) uint8 that OpenCV, or plain arithmetic, gives for `values`."""
    if encoding in PACKED:
        bgr = cv2.cvtColor(values, PACKED[encoding])
    elif encoding.startswith('bayer_'):
        bgr = cv2.cvtColor(values, MOSAICS[encoding[6:10]])
    elif encoding.startswith('mono'):
        bgr = np.repeat(values, 3, axis=2)
    else:
        bgr = values[..., :3] if encoding.startswith('bgr') else values[..., 2::-1]
    if bgr.dtype == np.uint16:
        bgr = np.rint(bgr * (255 / 65535)).astype(np.uint8)
    return bgr


def one_color(encoding: str, red: int, green: int, blue: int) -> np.ndarray:
    """Return a 6 x 6 mosaic of one colour, built from the four letters of its name."""
    letters = dict(r=red, g=green, b=blue)
    tile = np.array([letters[c] for c in encoding[6:10]]).reshape(2, 2)
    return np.tile(tile, (3, 3))[..., np.newaxis]


# ---- raw images ------------------------------------------------------------------------------

def test_the_issues_encodings_are_supported():
    bayer = {f'bayer_{name}{depth}' for name in MOSAICS for depth in (8, 16)}
    assert set(ENCODINGS) >= set(VIEWS) | set(PACKED) | bayer | {'mono16'}


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('encoding, padding', [
    (encoding, padding) for encoding in ENCODINGS for padding in (0, 1, 2, 5, 64)
    if not (encoding in WIDE and padding % 2)])
def test_gives_the_bgr8_of_opencv(encoding, padding, is_bigendian):
    rng = np.random.default_rng(padding)
    for _ in range(4):
        height, width = rng.integers(3, 40, 2).tolist()
        width += width % 2 if encoding in PACKED else 0
        values = random_values(encoding, height, width, rng)
        step, data = to_bytes(values, padding, is_bigendian, rng)
        picture = decode(encoding, width, height, step, data, is_bigendian)
        assert (picture.width, picture.height) == (width, height)
        assert picture.pixels.dtype == np.uint8
        bgr = picture.bgr()
        assert bgr.flags.c_contiguous and bgr.shape == (height, width, 3)
        np.testing.assert_array_equal(bgr, opencv_bgr(encoding, values))


@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize('mosaic', MOSAICS)
def test_a_mosaic_of_one_color_gives_that_color(mosaic, depth):
    encoding, scale = f'bayer_{mosaic}{depth}', 1 if depth == 8 else 257
    values = (one_color(encoding, 200, 100, 50) * scale).astype(f'<u{depth // 8}')
    picture = decode(encoding, 6, 6, 6 * depth // 8, values.tobytes())
    assert (picture.bgr() == (50, 100, 200)).all()


@pytest.mark.parametrize('encoding, order', [('uyvy', (90, 81, 240, 81)),
                                             ('yuyv', (81, 90, 81, 240))])
def test_packed_yuv_of_red_is_red(encoding, order):
    data = bytes(order * 2) * 4
    assert (abs(decode(encoding, 4, 4, 8, data).bgr().astype(int) - (0, 0, 255)) <= 2).all()


def test_every_16_bit_value_is_scaled_by_255_over_65535_and_rounded():
    values = np.arange(65536, dtype='<u2')
    grey = decode('mono16', 256, 256, 512, values.tobytes()).pixels
    np.testing.assert_array_equal(grey.ravel(), np.rint(np.arange(65536) * (255 / 65535)))


@pytest.mark.parametrize('encoding, rgb', VIEWS.items())
@pytest.mark.parametrize('padding', [0, 7])
def test_eight_bit_colors_are_views_of_the_message(encoding, rgb, padding):
    rng = np.random.default_rng(0)
    step, data = to_bytes(random_values(encoding, 5, 9, rng), padding, False, rng)
    message = array.array('B', data)
    picture = decode(encoding, 9, 5, step, message)
    assert picture.rgb == rgb
    message[0] ^= 0xFF
    message[step] ^= 0xFF
    assert (picture.pixels[0, 0, 0], picture.pixels[1, 0, 0]) == (message[0], message[step])


def test_contiguous_bgr8_is_not_copied():
    data = np.zeros(4 * 5 * 3, np.uint8)
    assert np.shares_memory(decode('bgr8', 5, 4, 15, data).bgr(), data)


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, lambda b: array.array('B', b),
                                  lambda b: np.frombuffer(b, np.uint8)])
def test_takes_any_buffer_at_any_address(kind):
    rng = np.random.default_rng(0)
    for encoding in ('rgb8', 'mono16'):
        values = random_values(encoding, 3, 4, rng)
        step, data = to_bytes(values, 0, False, rng)
        for shift in (0, 1):  # serialised messages start anywhere
            buffer = memoryview(kind(bytes(shift) + data))[shift:]
            np.testing.assert_array_equal(decode(encoding, 4, 3, step, buffer).bgr(),
                                          opencv_bgr(encoding, values))


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_the_last_rows_padding_may_be_missing_and_more_bytes_are_ignored(encoding):
    rng = np.random.default_rng(0)
    values = random_values(encoding, 4, 6, rng)
    step, data = to_bytes(values, 10, False, rng)
    for message in (data[:-10], data + b'junk'):
        np.testing.assert_array_equal(decode(encoding, 6, 4, step, message).bgr(),
                                      opencv_bgr(encoding, values))
    with pytest.raises(EncodingError):
        decode(encoding, 6, 4, step, data[:-11])


HUGE = 2**32 - 1


@pytest.mark.parametrize('arguments, sentence', [
    (('rgb8', 0, 4, 12, bytes(48)), r'is 0 x 4 pixels: .* must be at least 1'),
    (('rgb8', 4, 0, 12, b''), r'is 4 x 0 pixels'),
    (('rgb8', 4, 4, 11, bytes(48)), r'step is 11 bytes, but a row of 4 pixels of rgb8 takes 12'),
    (('mono16', 4, 4, 4, bytes(48)), r'step is 4 bytes, but a row of 4 pixels of mono16 takes 8'),
    (('mono16', 4, 4, 9, bytes(48)), r'step is 9 bytes, but mono16 has 2 bytes per value'),
    (('bayer_rggb16', 4, 4, 9, bytes(48)), r'needs an even step'),
    (('uyvy', 5, 4, 10, bytes(48)), r'is 5 pixels wide, but uyvy .* needs an even width'),
    (('rgb8', 4, 4, 12, bytes(47)),
     r'data holds 47 bytes, but height 4 x step 12 is 48: the message was cut'),
    (('mono8', 4, 4, 4, b''), r'data holds 0 bytes, but height 4 x step 4 is 16'),
    (('mono8', HUGE, HUGE, HUGE, bytes(9)), rf'holds 9 bytes, .* is {HUGE * HUGE}'),
    (('bgra16', HUGE, HUGE, HUGE, bytes(9)), rf'takes {HUGE * 8}'),
    (('rgb8', 2, 2, HUGE, bytes(12)), rf'holds 12 bytes, .* is {HUGE * 2}'),
    (('nv16', 4, 4, 4, bytes(16)), r"'nv16' is not known, expected one of rgb8, bgr8, .*yuyv"),
    (('', 4, 4, 4, bytes(16)), r"'' is not known"),
    (('32FC1', 4, 4, 16, bytes(64)), r"'32FC1' is a matrix or a depth image, .*rgb8"),
    (('16UC1', 4, 4, 8, bytes(32)), r"'16UC1' is a matrix or a depth image"),
    (('8UC2', 4, 4, 12, bytes(48)), r"'8UC2' is a matrix or a depth image"),
])
def test_bad_images_are_refused_with_their_figures(arguments, sentence):
    with pytest.raises(EncodingError, match=sentence) as error:
        decode(*arguments)
    assert '\n' not in str(error.value)


def test_one_row_may_claim_any_step():
    assert decode('mono8', 4, 1, HUGE, bytes(4)).bgr().shape == (1, 4, 3)


def test_random_descriptions_give_a_picture_or_one_sentence():
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(2000):
        encoding = ENCODINGS[rng.integers(len(ENCODINGS))]
        width, height, step = rng.integers(0, 12, 3).tolist()
        try:
            picture = decode(encoding, width, height, step * 4, bytes(int(rng.integers(500))))
        except EncodingError:
            refused += 1
        else:
            assert (picture.height, picture.width) == (height, width)
    assert 0 < refused < 2000


# ---- compressed images -----------------------------------------------------------------------

@pytest.fixture(scope='module')
def scene() -> np.ndarray:
    """Return a bgr picture (48, 64, 3) that JPEG keeps well, with a red and a green corner."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 3)
    picture[:16, :16], picture[-16:, :16] = (0, 0, 255), (0, 255, 0)
    return picture


def encode(extension: str, picture: np.ndarray, *flags: int) -> bytes:
    return cv2.imencode(extension, picture, flags)[1].tobytes()


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """Return `jpeg` with one more header segment after its start marker."""
    return jpeg[:2] + struct.pack('>BBH', 0xFF, marker, len(payload) + 2) + payload + jpeg[2:]


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return (struct.pack('>I', len(payload)) + name + payload
            + struct.pack('>I', zlib.crc32(name + payload)))


@pytest.mark.parametrize('format, extension', [
    ('jpeg', '.jpg'), ('jpg', '.jpg'), ('', '.jpg'), ('bgr8; jpeg compressed bgr8', '.jpg'),
    ('rgb8; jpeg compressed bgr8', '.jpg'), ('png', '.png'), ('rgb8; png compressed', '.png'),
    ('bgra8; png compressed bgr8', '.png'), ('png', '.jpg')])
def test_image_transports_formats_are_decoded_as_opencv_does(scene, format, extension):
    data = encode(extension, scene)
    picture = decode_compressed(format, array.array('B', data))
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(picture.bgr(), expected)
    assert abs(picture.bgr()[4, 4].astype(int) - (0, 0, 255)).max() < 20


def test_progressive_and_grey_jpegs_are_decoded(scene):
    progressive = encode('.jpg', scene, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    expected = cv2.imdecode(np.frombuffer(progressive, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode_compressed('jpeg', progressive).bgr(), expected)
    grey = encode('.jpg', scene[..., 0])
    picture = decode_compressed('mono8; jpeg compressed mono8', grey)
    assert picture.rgb == (0, 0, 0)
    np.testing.assert_array_equal(
        picture.bgr(), cv2.imdecode(np.frombuffer(grey, np.uint8), cv2.IMREAD_COLOR))


def test_exif_orientation_is_ignored_because_camera_info_describes_the_sensor(scene):
    rotated = struct.pack('>2sHIHHHIHHI', b'MM', 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    jpeg = encode('.jpg', scene)
    turned = with_segment(jpeg, 0xE1, b'Exif\0\0' + rotated)
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (64, 48, 3)
    np.testing.assert_array_equal(decode_compressed('jpeg', turned).bgr(),
                                  decode_compressed('jpeg', jpeg).bgr())


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_16_bit_pngs_are_scaled_as_raw_images_are(channels):
    values = np.random.default_rng(0).integers(0, 65536, (9, 11, channels), np.uint16)
    picture = decode_compressed('bgr16; png compressed bgr16', encode('.png', values))
    raw = {1: 'mono16', 3: 'bgr16', 4: 'bgra16'}[channels]
    np.testing.assert_array_equal(picture.bgr(), opencv_bgr(raw, values))


@pytest.mark.parametrize('encoding', [n for n in ENCODINGS if n.startswith('bayer_')])
def test_a_mosaic_that_the_png_plugin_stored_as_it_is_gets_its_colors(encoding):
    values = random_values(encoding, 8, 10, np.random.default_rng(0))
    data = encode('.png', values)
    np.testing.assert_array_equal(decode_compressed(f'{encoding}; png compressed ', data).bgr(),
                                  opencv_bgr(encoding, values))


def test_a_mosaic_that_the_jpeg_plugin_made_grey_stays_grey(scene):
    data = encode('.jpg', scene[..., 0])
    picture = decode_compressed('bayer_rggb8; jpeg compressed mono8', data)
    np.testing.assert_array_equal(picture.pixels, decode_compressed('jpeg', data).pixels)


@pytest.mark.parametrize('format', [
    '32FC1; compressedDepth', '16UC1; compressedDepth png', '16UC1; png compressed ',
    'compressedDepth'])
def test_depth_images_are_no_pictures(scene, format):
    with pytest.raises(EncodingError, match='is a depth image, expected the camera.s picture'):
        decode_compressed(format, encode('.png', scene))


@pytest.mark.parametrize('data', [b'', b'\0' * 100, b'BM' + b'\0' * 100, b'\x89PNG'])
def test_what_is_neither_jpeg_nor_png_is_refused(data):
    sentence = rf"format 'h264' and {len(data)} bytes holds neither a JPEG nor a PNG"
    with pytest.raises(EncodingError, match=sentence):
        decode_compressed('h264', data)


def test_cut_pngs_are_refused(scene):
    data = encode('.png', scene)
    for length in [8, 12, 20, 30, 100, len(data) // 2, len(data) - 12, len(data) - 1]:
        with pytest.raises(EncodingError, match=f'PNG of {length} bytes ends before its end'):
            decode_compressed('', data[:length])


@pytest.mark.parametrize('extension', ['.jpg', '.png'])
def test_what_comes_after_the_end_means_nothing(scene, extension):
    data = encode(extension, scene)
    picture = decode_compressed('', data + bytes(16))  # drivers pad their buffers
    np.testing.assert_array_equal(picture.bgr(), decode_compressed('', data).bgr())
    assert not picture.remark


def test_of_a_jpeg_that_is_cut_off_there_is_what_came(scene):
    data = encode('.jpg', scene)
    whole = decode_compressed('', data).bgr()
    picture = decode_compressed('', data[:-len(data) // 10])
    assert 'cut off' in picture.remark and picture.bgr().shape == whole.shape
    rows = len(whole) // 4
    np.testing.assert_array_equal(picture.bgr()[:rows], whole[:rows])
    assert 'cut off' in decode_compressed('', data[:-2]).remark
    for length in [8, 12, 20, 30, 100]:  # in the header
        with pytest.raises(EncodingError, match=f'JPEG of {length} bytes ends before its end'):
            decode_compressed('', data[:length])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_jpeg(scene):
    data = with_segment(encode('.jpg', scene), 0xE1, encode('.jpg', scene[:8, :8]))
    np.testing.assert_array_equal(decode_compressed('jpeg', data).bgr(),
                                  decode_compressed('jpeg', encode('.jpg', scene)).bgr())
    assert 'cut off' in decode_compressed('jpeg', data[:-2]).remark


def test_fill_bytes_before_a_marker_are_part_of_the_format(scene):
    data = encode('.jpg', scene)
    np.testing.assert_array_equal(decode_compressed('', data[:2] + b'\xff\xff' + data[2:]).bgr(),
                                  decode_compressed('', data).bgr())


def png_of_nothing(width: int, height: int) -> bytes:
    return (b'\x89PNG\r\n\x1a\n'
            + png_chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
            + png_chunk(b'IDAT', zlib.compress(bytes(1000))) + png_chunk(b'IEND', b''))


def test_corrupt_files_are_refused(scene, capfd):
    png = bytearray(encode('.png', scene))
    png[len(png) // 2] ^= 0xFF
    no_picture = b'\xff\xd8\xff\xda\0\x08\1\1\0\0\x3f\0\xff\xd9'
    wider_than_opencv_takes = png_of_nothing(2**21, 2)
    for data, kind in ((png, 'PNG'), (png_of_nothing(0, 9), 'PNG'),
                       (wider_than_opencv_takes, 'PNG'), (no_picture, 'JPEG')):
        with pytest.raises(EncodingError, match=f'{kind} of {len(data)} bytes is corrupt'):
            decode_compressed('', data)


def test_decompression_bombs_are_refused_before_they_are_unpacked(scene):
    jpeg = bytearray(encode('.jpg', scene))
    frame = jpeg.index(b'\xff\xc0')
    jpeg[frame + 5:frame + 9] = struct.pack('>HH', 30_000, 40_000)
    for data in (png_of_nothing(40_000, 30_000), bytes(jpeg)):
        with pytest.raises(EncodingError, match='40000 x 30000 pixels, more than the 25000000'):
            decode_compressed('', data)


def test_random_damage_gives_a_picture_or_one_sentence(scene, capfd):
    rng = np.random.default_rng(0)
    for extension in ('.jpg', '.png'):
        clean = encode(extension, scene)
        refused = 0
        for _ in range(150):
            data = bytearray(clean)
            for at in rng.integers(0, len(data), 3):
                data[at] ^= int(rng.integers(1, 256))
            try:
                picture = decode_compressed('', data[:len(data) + rng.integers(-4, 40)])
            except EncodingError:
                refused += 1
            else:
                assert picture.bgr().dtype == np.uint8
        assert refused


# ---- clouds ----------------------------------------------------------------------------------

XYZRGB = [('x', 0, encodings.FLOAT32, 1), ('y', 4, encodings.FLOAT32, 1),
          ('z', 8, encodings.FLOAT32, 1), ('rgb', 12, encodings.FLOAT32, 1)]


def test_datatypes_have_the_numbers_of_point_field():
    names = ('INT8', 'UINT8', 'INT16', 'UINT16', 'INT32', 'UINT32', 'FLOAT32', 'FLOAT64')
    assert [getattr(encodings, name) for name in names] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('padding', [0, 3])
def test_a_cloud_is_a_view_of_the_message(padding, is_bigendian):
    values = np.random.default_rng(0).random((3, 5, 4)).astype('>f4' if is_bigendian else '<f4')
    rows = np.hstack([values.reshape(3, -1).view(np.uint8), np.full((3, padding), 7, np.uint8)])
    message = array.array('B', rows.tobytes())
    cloud = cloud_array(XYZRGB, 5, 3, 16, 80 + padding, message, is_bigendian)
    assert cloud.shape == (3, 5) and cloud.dtype.names == ('x', 'y', 'z', 'rgb')
    for i, name in enumerate(cloud.dtype.names):
        np.testing.assert_array_equal(cloud[name], values[..., i])
    assert np.shares_memory(cloud, np.frombuffer(message, np.uint8))


def test_rows_of_a_cloud_are_row_step_apart_and_a_single_row_may_state_none():
    values = np.arange(24, dtype='<f4').reshape(2, 3, 4)
    data = values[0].tobytes() + bytes(20) + values[1].tobytes()
    cloud = cloud_array(XYZRGB, 3, 2, 16, 68, data)
    assert cloud['x'].tolist() == [[0, 4, 8], [12, 16, 20]]
    assert cloud_array(XYZRGB, 3, 1, 16, 0, data)['x'].tolist() == [[0, 4, 8]]


def test_every_datatype_at_any_offset():
    record = struct.pack('<xbBxhHiIxfd', -1, 2, -3, 4, -5, 6, 0.5, 0.25)
    offsets = (1, 2, 4, 6, 8, 12, 17, 21)
    fields = [(f'f{i}', offset, i + 1, 1) for i, offset in enumerate(offsets)]
    cloud = cloud_array(fields[::-1], 2, 1, len(record), 0, record * 2)
    assert [cloud[f'f{i}'][0, 1] for i in range(8)] == [-1, 2, -3, 4, -5, 6, 0.5, 0.25]


def test_counted_and_unnamed_fields_are_named_as_sensor_msgs_py_does():
    fields = [('n', 0, encodings.FLOAT32, 3), ('', 12, encodings.UINT8, 1),
              ('old', 13, encodings.UINT8, 0)]
    cloud = cloud_array(fields, 1, 1, 16, 16, struct.pack('<fffBBxx', 1, 2, 3, 4, 5))
    assert cloud.dtype.names == ('n_0', 'n_1', 'n_2', 'unnamed_field_1', 'old')
    assert cloud[0, 0].item() == (1, 2, 3, 4, 5)


def test_a_cloud_may_hold_no_points_and_its_last_row_no_padding():
    assert cloud_array(XYZRGB, 0, 1, 16, 0, array.array('B')).shape == (1, 0)
    assert cloud_array(XYZRGB, 2, 2, 16, 40, bytes(72)).shape == (2, 2)


@pytest.mark.parametrize('arguments, sentence', [
    ((XYZRGB, 2, 2, 16, 32, bytes(63)),
     r'data holds 63 bytes, but its 2 x 2 points of 16 bytes take 64'),
    ((XYZRGB, HUGE, HUGE, 16, HUGE * 16, bytes(9)), r'data holds 9 bytes'),
    ((XYZRGB, 2, 2, 16, 31, bytes(64)), r'row_step is 31 bytes, but 2 points of 16 take 32'),
    ((XYZRGB, 2, 1, 15, 30, bytes(64)), r"field 'rgb' ends at byte 16, but its point_step is 15"),
    (([('x', 0, 9, 1)], 1, 1, 4, 4, bytes(4)), r"field 'x' has datatype 9, expected 1 \(INT8\)"),
    (([('x', 0, 7, 1)] * 2, 1, 1, 4, 4, bytes(4)), r"fields 'x, x' of the cloud and point_step 4"),
    ((XYZRGB, 0, 1, HUGE, 0, b''), rf'point_step {HUGE}'),
])
def test_bad_clouds_are_refused_with_their_figures(arguments, sentence):
    with pytest.raises(EncodingError, match=sentence):
        cloud_array(*arguments)


@pytest.mark.parametrize('kind', range(0, 7, 2))
@pytest.mark.parametrize('depth', [8, 16])
def test_the_bound_holds_for_every_kind_of_png(kind, depth):
    header = struct.pack('>IIBBBBB', 6000, 5000, depth, kind, 0, 0, 0)
    data = (b'\x89PNG\r\n\x1a\n' + png_chunk(b'IHDR', header)
            + png_chunk(b'IDAT', zlib.compress(bytes(1000))) + png_chunk(b'IEND', b''))
    with pytest.raises(EncodingError, match='6000 x 5000 pixels, more than the .* set max_pixels'):
        decode_compressed('', data)
    with pytest.raises(EncodingError, match='is corrupt'):  # up to the bound it is tried
        decode_compressed('', data, 30_000_000)


def test_a_raw_picture_has_the_same_bound():
    with pytest.raises(EncodingError, match='64 x 64 pixels, more than the 4095'):
        decode('mono8', 64, 64, 64, bytes(4096), most=4095)


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('name', PLANES)
def test_planes_of_grey_and_colour(name, padding):
    """Their colours are those that OpenCV gives the same picture as I420."""
    width, height, step = 16, 8, 16 + padding
    rng = np.random.default_rng(4)
    grey = rng.integers(16, 235, (height, width), np.uint8)
    u, v = rng.integers(60, 200, (2, height // 2, width // 2), np.uint8)
    expected = cv2.cvtColor(np.concatenate([grey.ravel(), u.ravel(), v.ravel()]).reshape(
        height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
    color = np.stack([v, u] if name == 'nv21' else [u, v], -1)
    if name == 'nv24':
        color = color.repeat(2, 0).repeat(2, 1)
        rows = np.zeros((height, 2 * step), np.uint8)
        rows[:, :2 * width] = color.reshape(height, 2 * width)
    else:
        rows = np.zeros((height // 2, step), np.uint8)
        rows[:, :width] = color.reshape(height // 2, width)
    data = np.pad(grey, ((0, 0), (0, padding))).tobytes() + rows.tobytes()
    last = 2 * padding if name == 'nv24' else padding  # which may be missing, as in `decode`
    for some in (data, data[:len(data) - last]):
        np.testing.assert_array_equal(decode(name, width, height, step, some).bgr(), expected)
    with pytest.raises(EncodingError, match=f'{width} x {height} pixels of {name} in .* cut'):
        decode(name, width, height, step, data[:-1 - 2 * padding])


@pytest.mark.parametrize('written, meant', [('8UC1', 'mono8'), ('8UC3', 'bgr8'), ('BGR8', 'bgr8'),
                                            ('8UC4', 'bgra8'), ('Mono8', 'mono8')])
def test_names_that_drivers_also_write(written, meant):
    data = np.random.default_rng(0).integers(0, 256, 4 * 6 * 4, np.uint8).tobytes()
    picture, same = (decode(name, 6, 4, 24, data) for name in (written, meant))
    np.testing.assert_array_equal(picture.bgr(), same.bgr())
    assert bool(picture.remark) == written.startswith('8UC')


def test_a_text_of_megabytes_is_shown_in_a_line():
    for sentence in (lambda text: decode(text, 1, 1, 1, b'1'),
                     lambda text: decode_compressed(text, b'1'),
                     lambda text: cloud_array([(text, 0, 99, 1)], 1, 1, 4, 4, bytes(4))):
        with pytest.raises(EncodingError) as caught:
            sentence('a line\nand [ERROR] another ' + 'x' * 8_000_000)
        assert len(str(caught.value)) < 800 and '\n' not in str(caught.value)
        assert r'a line\nand [ERROR]' in str(caught.value)


@pytest.mark.parametrize('step, fields', [
    (2**32 - 1, [('x', 0, 7, 1)]), (64, [('a', 0, 2, 40_000_000)]),
    (64, [(str(i), 0, 2, 3) for i in range(400)]), (0, [])])
def test_a_cloud_that_states_what_no_sensor_has_is_refused(step, fields):
    with pytest.raises(EncodingError, match='fields|ends at byte'):
        cloud_array(fields, 0 if step > 2000 else 1, 0 if step > 2000 else 1, step, 0, bytes(64))


@pytest.mark.parametrize('bits', [10, 12, 14])
def test_white_is_the_largest_value_that_the_bits_of_a_camera_hold(bits):
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    values = np.rint(eight * (((1 << bits) - 1) / 255)).astype('<u2')
    for levels in (Levels(), Levels(bits)):
        for read in (decode('mono16', 16, 16, 32, values.tobytes(), levels=levels),
                     decode_compressed('mono16; png compressed', png(values), levels=levels)):
            np.testing.assert_array_equal(read.pixels[..., 0], eight)
        assert levels.bits == bits
    assert decode('mono16', 16, 16, 32, values.tobytes()).pixels.max() < 65, 'none are asked for'


def test_bits_are_those_of_the_brightest_picture_so_far_and_what_is_given_holds():
    levels, given, found = Levels(), Levels(12), []
    for largest in (0, 900, 1023, 1024, 700, 5000, 65535, 10):
        data = np.full((4, 4), largest, '<u2').tobytes()
        decode('mono16', 4, 4, 8, data, levels=levels)
        found.append(levels.bits)
        assert decode('mono16', 4, 4, 8, data, levels=given).pixels.max() == min(
            round(largest * 255 / 4095), 255)
    assert found == [10, 10, 10, 12, 12, 14, 16, 16] and given.bits == 12


def png(values) -> bytes:
    return cv2.imencode('.png', values)[1].tobytes()


@pytest.mark.parametrize('big', [False, True])
def test_depth_images_are_read_in_metres_whatever_their_rows_and_order(big):
    order = '>' if big else '<'
    for encoding, kind, stored in (('32FC1', 'f4', [[1.5, np.nan, np.inf], [2, 3, 4]]),
                                   ('16UC1', 'u2', [[1500, 0, 65535], [2000, 3000, 4000]])):
        rows = np.zeros((2, 5), f'{order}{kind}')  # two more a row than the picture has
        rows[:, :3] = stored
        message = SimpleNamespace(encoding=encoding, height=2, width=3, step=rows.strides[0],
                                  is_bigendian=big, data=np.frombuffer(rows.tobytes(), np.uint8))
        expected = np.array(stored, np.float32) if kind == 'f4' else np.array(
            [[1.5, np.nan, 65.535], [2, 3, 4]], np.float32)
        np.testing.assert_allclose(encodings.depth_metres(message), expected, rtol=1e-6)
        message.data = message.data[:-20]
        with pytest.raises(EncodingError, match=r'3x2 pixels with step \d+ holds \d+ bytes'):
            encodings.depth_metres(message)
    message.encoding = 'bgr8'
    with pytest.raises(EncodingError, match="'bgr8' is no depth image: 32FC1 or 16UC1"):
        encodings.depth_metres(message)
