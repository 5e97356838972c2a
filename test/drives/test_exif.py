# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The focal length in a photo: found, used, and no way to be harmed by a file."""
import math

import cv2
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.exif import DIAGONAL, focal_35mm
from depth_estimation_ros.drives.folder import find_optics, Pictures
from depth_estimation_ros.drives.presets import PRESETS
import numpy as np
from PIL import Image
import pytest


def photo(path, film=26, orientation=1, order=None, size=(400, 300)):
    """Write a photo as a phone does."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = 'a maker of phones'
    exif.get_ifd(0x8769).update({0x829A: 1 / 60, 0x920A: 4.2})
    if film is not None:
        exif.get_ifd(0x8769)[0xA405] = film
    if order:
        exif.endian = order
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)).save(
        path, exif=exif)
    return path


@pytest.mark.parametrize('order', ['<', '>'])
def test_it_is_what_another_reader_finds(tmp_path, order):
    path = photo(tmp_path / 'a.jpg', 26, order=order)
    assert focal_35mm(path) == 26 == Image.open(path).getexif().get_ifd(0x8769)[0xA405]


def test_a_photo_needs_no_fov(tmp_path):
    """Of a 4:3 photo 26 mm are 67 degrees; turned, the focal length is the same in pixels."""
    optics = find_optics('', 0, Pictures(photo(tmp_path / 'a.jpg', 26)))
    camera = optics.camera(400, 300)
    assert camera.fx == camera.fy == pytest.approx(26 * 500 / DIAGONAL)
    assert 2 * math.degrees(math.atan(200 / camera.fx)) == pytest.approx(67.3, abs=0.05)
    assert (camera.cx, camera.cy) == (199.5, 149.5) and '26 mm' in optics.source
    turned = Pictures(photo(tmp_path / 'b.jpg', 26, orientation=6))
    [frame] = turned
    assert frame.image.shape == (400, 300, 3)
    assert find_optics('', 0, turned).camera(300, 400).fx == pytest.approx(camera.fx)


def test_what_the_user_says_counts_more(tmp_path):
    pictures = Pictures(photo(tmp_path / 'a.jpg', 26))
    assert find_optics('', 90, pictures).camera(400, 300).fx == pytest.approx(200)


def test_photos_of_different_lenses_are_not_taken_for_one(tmp_path):
    photo(tmp_path / 'a.jpg', 26)
    photo(tmp_path / 'b.jpg', 26)
    assert '26 mm' in find_optics('', 0, Pictures(tmp_path)).source
    photo(tmp_path / 'c.jpg', 52)
    with pytest.raises(DriveError, match='--fov'):
        find_optics('', 0, Pictures(tmp_path))


@pytest.mark.parametrize('film', [None, 0, 3, 60000])
def test_what_is_no_focal_length_is_none(tmp_path, film):
    assert focal_35mm(photo(tmp_path / 'a.jpg', film)) is None


def test_other_files_have_none(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((30, 40, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'a.jpg'), np.zeros((30, 40, 3), np.uint8))
    (tmp_path / 'b.jpg').write_bytes(b'')
    for name in ('a.png', 'a.jpg', 'b.jpg'):
        assert focal_35mm(tmp_path / name) is None


def test_bytes_that_are_wrong_raise_nothing(tmp_path):
    whole = bytearray(photo(tmp_path / 'a.jpg', 26).read_bytes()[:400])
    rng, path, found = np.random.default_rng(1), tmp_path / 'b.jpg', set()
    for _ in range(3000):
        data = bytearray(whole)
        for place in rng.integers(0, 160, rng.integers(1, 5)):
            data[place] = rng.integers(256)
        path.write_bytes(data[:rng.integers(len(data)) if rng.random() < 0.3 else None])
        found.add(focal_35mm(path))
    assert {None, 26} <= found and all(f is None or 4 <= f <= 2000 for f in found)


@pytest.mark.parametrize(('name', 'size', 'focal'), [
    # What such cameras' own calibrations say, within what lenses differ by.
    ('realsense_d435', (640, 480), 615), ('realsense_d435', (1280, 720), 920),
    ('realsense_d455', (640, 480), 385), ('realsense_d455', (1280, 720), 640),
    ('zed_hd720', (1280, 720), 700), ('zed_hd1080', (1920, 1080), 1400),
    ('zed_hd2k', (2208, 1242), 1400), ('oak_d', (4056, 3040), 2940),
    ('pi_camera_v2', (3280, 2464), 3.04 / 1.12e-3), ('pi_camera_v1', (2592, 1944), 3.6 / 1.4e-3),
    ('phone', (4000, 3000), 26 * 5000 / DIAGONAL), ('phone', (3000, 4000), 26 * 5000 / DIAGONAL)])
def test_well_known_cameras_are_as_they_are(name, size, focal):
    optics = find_optics(f'preset:{name}', 0, None)
    camera = optics.camera(*size)
    assert camera.fx == camera.fy == pytest.approx(focal, rel=0.03)
    assert name in optics.source and 'maker' in optics.source


def test_a_camera_that_is_not_known_is_one_sentence_with_those_that_are():
    with pytest.raises(DriveError, match='did you mean oak_d_wide.*zed_hd720.*--fov'):
        find_optics('preset:oak_d_wid', 0, None)
    assert all(20 < preset.fov < 120 and preset.source for preset in PRESETS.values())
