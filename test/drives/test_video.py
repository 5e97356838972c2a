# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Films, webcams and pictures become frames with names, times and a camera."""
from __future__ import annotations

import math
import time

import cv2
from depth_estimation_ros.drives import DriveError, video
from depth_estimation_ros.drives.folder import find_optics, Optics, Pictures
from depth_estimation_ros.drives.video import Film, is_webcam, open_recording, Webcam
from depth_estimation_ros.imaging.intrinsics import Calibration
from films import drawing, flag_exif, flag_rotation, FPS, HEIGHT, number, WIDTH, write_film
import numpy as np
import pytest

CAMERA = """image_width: 640
image_height: 192
camera_matrix: {rows: 3, cols: 3, data: [371, 0, 313, 0, 369, 90, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.01, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [360, 0, 310, 0, 0, 358, 88, 0, 0, 0, 1, 0]}
"""


@pytest.fixture
def film(tmp_path):
    """Return a film of 12 frames."""
    return write_film(tmp_path / 'street.mp4')


def sentence(error) -> str:
    """Return the text of an error, which must be one line."""
    assert '\n' not in str(error.value)
    return str(error.value)


# -- films --

def test_film_gives_every_frame_with_the_films_own_time(film):
    source = Film(film)
    frames = list(source)
    assert [number(frame.image) for frame in frames] == list(range(12))
    assert [frame.name for frame in frames] == [f'street_{i:06d}' for i in range(12)]
    assert [f.stamp for f in frames] == pytest.approx([i * 1e9 / FPS for i in range(12)], abs=1e6)
    assert (source.width, source.height, source.fps, len(source)) == (WIDTH, HEIGHT, FPS, 12)
    assert source.period == pytest.approx(1e9 / FPS, abs=1) and source.shortfall() is None
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert np.abs(frame.image.astype(int) - drawing(number(frame.image))).mean() < 8


def test_film_can_be_read_again(film):
    source = Film(film)
    first, second = list(source), list(source)
    assert [f.stamp for f in first] == [f.stamp for f in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second))


@pytest.mark.parametrize(('degrees', 'turn'), [
    (90, cv2.ROTATE_90_CLOCKWISE), (180, cv2.ROTATE_180), (270, cv2.ROTATE_90_COUNTERCLOCKWISE)])
def test_film_is_turned_as_its_flag_says(film, degrees, turn):
    upright = next(iter(Film(film))).image
    flag_rotation(film, degrees)
    source = Film(film)
    assert source.rotation == degrees
    image = next(iter(source)).image
    assert (source.height, source.width) == image.shape[:2]
    np.testing.assert_array_equal(image, cv2.rotate(upright, turn))


def test_frames_that_cannot_be_decoded_are_counted_and_named(tmp_path):
    path = write_film(tmp_path / 'cut.avi', 30, 'MJPG')
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    source = Film(path)
    read = len(list(source))
    assert 5 < read < 25
    assert source.shortfall() == (
        f'{path} claims 30 frames, but {30 - read} of them could not be decoded; the last that '
        f'could is at {(read - 1) / FPS:.3f} s')


def test_bad_films_are_refused_in_one_sentence(tmp_path):
    for name, content in (('empty.mp4', b''), ('text.mp4', b'no film at all\n' * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DriveError) as error:
            Film(tmp_path / name)
        assert f'{name} cannot be opened as a film' in sentence(error)
    with pytest.raises(DriveError) as error:
        Film(write_film(tmp_path / 'none.avi', 0, 'MJPG'))
    assert 'none.avi holds no frame that can be decoded' in sentence(error)
    with pytest.raises(DriveError) as error:
        open_recording(tmp_path / 'absent.mp4')
    assert 'absent.mp4 is not there' in sentence(error)


# -- webcams --

class Capture:
    """A webcam that gives a frame every `period` seconds, until it is pulled out."""

    period, count = 0.01, 10**6

    def __init__(self, *_):
        self._start, self._next = time.monotonic(), 0

    def isOpened(self) -> bool:  # noqa: N802
        """Tell that it is there."""
        return True

    def read(self):
        """Wait for the next frame; a driver's queue keeps those that nobody took."""
        self._next += 1
        time.sleep(max(self._start + self._next * self.period - time.monotonic(), 0))
        if self._next > self.count:
            return False, None
        return True, drawing(self._next % 256)

    def release(self) -> None:
        """Do nothing."""


def test_webcam_gives_the_newest_picture(monkeypatch):
    monkeypatch.setattr(video.cv2, 'VideoCapture', Capture)
    webcam = Webcam('/dev/null')
    try:
        seen = []
        for _ in range(3):
            time.sleep(0.1)  # a slow reader: some 10 pictures come meanwhile
            called = time.time_ns()
            frame = webcam.newest()
            seen.append(number(frame.image))
            assert called - 0.09e9 < frame.stamp <= time.time_ns()
        assert seen[1] - seen[0] > 4 and seen[2] - seen[1] > 4
        stamps = [webcam.newest().stamp for _ in range(5)]  # a fast one: no picture twice
        assert sorted(set(stamps)) == stamps
    finally:
        webcam.close()


def test_webcam_that_is_pulled_out_is_said(monkeypatch):
    monkeypatch.setattr(Capture, 'count', 3)
    monkeypatch.setattr(video.cv2, 'VideoCapture', Capture)
    webcam = Webcam('/dev/null')
    time.sleep(0.1)
    with pytest.raises(DriveError) as error:
        webcam.newest()
    assert '/dev/null gives no more pictures: was it unplugged' in sentence(error)
    webcam.close()


def test_webcam_that_is_silent_is_said(monkeypatch):
    monkeypatch.setattr(Capture, 'period', 0.5)
    monkeypatch.setattr(video.cv2, 'VideoCapture', Capture)
    monkeypatch.setattr(video, 'WEBCAM_TIMEOUT', 0.1)
    webcam = Webcam('/dev/null')
    with pytest.raises(DriveError, match='gives no more pictures'):
        webcam.newest()
    monkeypatch.undo()
    webcam.close()


def test_webcam_that_is_not_there_is_said():
    with pytest.raises(DriveError) as error:
        Webcam('97')
    assert 'the webcam /dev/video97 is not there' in sentence(error)
    with pytest.raises(DriveError) as error:
        Webcam('/dev/null')
    assert 'the webcam /dev/null cannot be opened' in sentence(error)


def test_numbers_and_devices_are_webcams_and_nothing_else():
    assert is_webcam('0') and is_webcam('/dev/video2') and is_webcam('/dev/v4l/by-id/usb')
    assert not is_webcam('0.mp4') and not is_webcam('./0') and not is_webcam('films')


# -- pictures --

def test_folder_gives_pictures_in_order(tmp_path):
    for name in (10, 9, 2):
        cv2.imwrite(str(tmp_path / f'{name}.png'), drawing(name))
    source = open_recording(tmp_path)
    assert [number(frame.image) for frame in source] == [2, 9, 10]
    assert [frame.name for frame in source] == source.names == ['2', '9', '10']
    assert [frame.stamp for frame in source] == [0, 100_000_000, 200_000_000]
    assert len(open_recording(tmp_path / '9.png')) == 1

    (tmp_path / '9.jpg').write_bytes((tmp_path / '9.png').read_bytes())
    with pytest.raises(DriveError, match='several pictures named 9'):
        Pictures(tmp_path)


def test_pictures_are_upright_as_exif_says(tmp_path):
    path = tmp_path / 'phone.jpg'
    cv2.imwrite(str(path), drawing(5))
    [plain] = Pictures(path)
    flag_exif(path, 6)
    [frame] = Pictures(path)
    np.testing.assert_array_equal(frame.image, cv2.rotate(plain.image, cv2.ROTATE_90_CLOCKWISE))


def test_picture_that_is_none_is_refused(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no picture')
    with pytest.raises(DriveError) as error:
        list(Pictures(tmp_path))
    assert 'a.png cannot be read as a picture' in sentence(error)


def test_kitti_drive_brings_its_times_and_camera(shared):
    source = open_recording(
        shared / 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync')
    stamps = [frame.stamp for frame in source]
    assert len(source) == len(stamps) == 16 and stamps[0] > 10**18
    assert source.period == pytest.approx(1e9 / 9.65, rel=0.01)
    camera = find_optics('', 0, source).camera(1242, 375)
    assert (camera.fx, camera.cx, camera.lens) == (721.5377, 609.5593, None)


# -- cameras --

def test_field_of_view_becomes_a_camera(film):
    optics = find_optics('', 90, Film(film))
    assert 'guess' in optics.source
    camera = optics.camera(640, 480)
    assert camera.fx == camera.fy and camera.lens is None
    for edge, degrees in ((-0.5, -45), (319.5, 0), (639.5, 45)):  # pixel edges, pixel centres at 0
        assert math.degrees(math.atan((edge - camera.cx) / camera.fx)) == pytest.approx(degrees)
    assert camera.cy == 239.5


def test_calibration_of_another_size_is_scaled(tmp_path, film):
    path = tmp_path / 'front.yaml'
    path.write_text(CAMERA)
    optics = find_optics(str(path), 0, Film(film))
    assert str(path) in optics.source
    calibration = optics.calibration(WIDTH, HEIGHT)
    assert (calibration.width, calibration.height) == (WIDTH, HEIGHT)
    assert calibration.k == (185.5, 0, 156.5, 0, 184.5, 45, 0, 0, 1)
    assert calibration.p == (180, 0, 155, 0, 0, 179, 44, 0, 0, 0, 1, 0)
    assert calibration.d == (-0.1, 0.01, 0, 0, 0)
    camera = optics.camera(WIDTH, HEIGHT)
    assert (camera.fx, camera.cy) == (180, 44)
    assert camera.lens.k == calibration.k and camera.lens.d == calibration.d
    with pytest.raises(DriveError) as error:
        optics.camera(HEIGHT, WIDTH)
    assert 'front.yaml is for pictures of 640x192, these are 96x320' in sentence(error)


def test_folder_brings_its_camera_unless_another_is_given(tmp_path):
    cv2.imwrite(str(tmp_path / '0.png'), drawing(0))
    (tmp_path / 'camera.yaml').write_text(CAMERA)
    source = Pictures(tmp_path)
    assert find_optics('', 0, source).camera(640, 192).lens.d[0] == -0.1
    assert find_optics('', 60, source).camera(640, 192).lens is None


def test_what_is_wrong_with_the_camera_is_said_in_one_sentence(tmp_path, film):
    source = Film(film)
    path = tmp_path / 'front.yaml'
    for camera, fov, said in (
            ('', 0, 'give --camera CAMERA.YAML'), (str(path), 60, 'give one of them'),
            ('', 180, '--fov 180 is no field of view'), ('', -1, '--fov -1 is no field of view'),
            ('', math.nan, '--fov nan is no field of view'),
            (str(path), 0, 'front.yaml is missing')):
        with pytest.raises(DriveError) as error:
            find_optics(camera, fov, source)
        assert said in sentence(error)
    for bad, said in (
            (Calibration(0, 0, '', (), (1.0,) * 9, (), (1.0,) * 12), 'size of 0x0'),
            (Calibration(64, 48, '', (), (0.0,) * 9, (), (0.0,) * 12), 'not calibrated')):
        with pytest.raises(DriveError) as error:
            Optics('calibration front.yaml', bad).camera(64, 48)
        assert sentence(error).startswith('calibration front.yaml: ') and said in sentence(error)
