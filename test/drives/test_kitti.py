# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI's files become frames with the right camera, time, scan and depth."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import cv2
from depth_estimation_ros.drives import DriveError, image_files
from depth_estimation_ros.drives.kitti import (
    annotated_depth, kitti_object, KittiDrive, project_velodyne)
from depth_estimation_ros.evaluation.metrics import garg_crop
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.drives.folder import read_camera_yaml
import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[3] / 'shared' / 'data'
DRIVE = DATA / 'kitti_raw' / '2011_09_26' / '2011_09_26_drive_0052_sync'
real = pytest.mark.skipif(not DATA.is_dir(), reason='the real frames of ../shared are not here')

# Velodyne (x forward, y left, z up) to optical axes (x right, y down, z forward), same origin.
AXES = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64)
CAMERA = PinholeCamera(width=40, height=20, fx=10.0, fy=10.0, cx=20.0, cy=10.0)

CAM_TO_CAM = """calib_time: 09-Jan-2012 13:57:47
S_rect_02: 4.000000e+01 2.000000e+01
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_02: 10 0 20 5 0 10 10 0 0 0 1 0
S_rect_03: 4.000000e+01 2.000000e+01
P_rect_03: 10 0 20 -5 0 10 10 0 0 0 1 0
"""
VELO_TO_CAM = """calib_time: 15-Mar-2012 11:37:16
R: 0 -1 0 0 0 -1 1 0 0
T: 0 0 -0.25
"""


@pytest.fixture
def drive(tmp_path) -> Path:
    """Write a raw drive of three grey pictures and scans, with calibration; give its folder."""
    (tmp_path / 'calib_cam_to_cam.txt').write_text(CAM_TO_CAM)
    (tmp_path / 'calib_velo_to_cam.txt').write_text(VELO_TO_CAM)
    folder = tmp_path / 'drive'
    (folder / 'velodyne_points' / 'data').mkdir(parents=True)
    for camera in (2, 3):
        pictures = folder / f'image_0{camera}'
        (pictures / 'data').mkdir(parents=True)
        (pictures / 'timestamps.txt').write_text(
            ''.join(f'2011-09-26 13:02:25.{n}00000001\n' for n in range(3)))
        for n in range(3):
            cv2.imwrite(str(pictures / 'data' / f'{n:010d}.png'),
                        np.full((20, 40), 10 * camera + n, np.uint8))
    for n in range(3):
        np.array([[10 + n, 0, 0, 0.5]], '<f4').tofile(
            folder / 'velodyne_points' / 'data' / f'{n:010d}.bin')
    return folder


def points_in_garg_crop(depth: np.ndarray) -> int:
    cropped = depth[garg_crop(*depth.shape)]
    return int(((cropped > 1e-3) & (cropped < 80)).sum())


@real
def test_raw_drive_gives_the_published_number_of_points():
    frames = KittiDrive(DRIVE)
    assert len(frames) == 16
    assert sum(points_in_garg_crop(frame.depth()) for frame in frames) == 214_896


@real
def test_object_frame_gives_the_published_number_of_points():
    frame = kitti_object(DATA / 'kitti_object' / 'training', '000000')
    assert frame.image().shape == (370, 1224, 3)
    assert points_in_garg_crop(frame.depth()) == 17_495
    assert frame.stamp is None


@real
def test_annotated_depth_gives_the_published_number_of_points():
    depth = annotated_depth(DATA / 'kitti_annotated' / 'depth' / '0000000005.png')
    assert depth.dtype == np.float32
    assert points_in_garg_crop(depth) == 87_504


@real
def test_real_drive_has_the_rig_of_its_day_and_its_times():
    frames = KittiDrive(DRIVE)
    assert frames[0].camera == PinholeCamera(
        width=1242, height=375, fx=721.5377, fy=721.5377, cx=609.5593, cy=172.854)
    assert frames[0].image().shape == (375, 1242, 3)
    assert frames[0].scan().shape == (114_278, 4)
    assert {after.stamp - before.stamp for before, after in zip(frames, frames[1:])} == {
        103_600_000}


def test_stamp_is_the_text_read_as_utc_to_the_nanosecond(drive):
    seconds = int(datetime(2011, 9, 26, 13, 2, 25, tzinfo=timezone.utc).timestamp())
    assert [frame.stamp for frame in KittiDrive(drive)] == [
        seconds * 10**9 + n * 10**8 + 1 for n in range(3)]


def test_each_camera_has_its_own_picture_and_place(drive):
    left, right = KittiDrive(drive, camera=2)[1], KittiDrive(drive, camera=3)[1]
    assert (left.image()[0, 0, 0], right.image()[0, 0, 0]) == (21, 31)
    assert left.camera == right.camera == CAMERA
    # P = K [I | t]: t_x = 5 / 10 m and -5 / 10 m, so the right camera sees things a metre left.
    np.testing.assert_allclose(left.velo_to_cam[:3, 3], (0.5, 0, -0.25))
    np.testing.assert_allclose(right.velo_to_cam[:3, 3], (-0.5, 0, -0.25))


def test_depth_is_measured_from_the_camera_not_from_the_scanner(drive):
    depth = KittiDrive(drive)[0].depth()
    assert depth[depth > 0] == pytest.approx([9.75])


def test_frames_match_by_number_when_a_drive_has_gaps(drive):
    (drive / 'image_02' / 'data' / '0000000001.png').unlink()
    (drive / 'velodyne_points' / 'data' / '0000000001.bin').unlink()
    first, last = KittiDrive(drive)
    assert last.stamp - first.stamp == 2 * 10**8
    assert last.scan()[0, 0] == 12


def test_projection_lands_on_the_rounded_pixel_less_one():
    # u = 10 * 1.26 / 2 + 20 = 26.3, v = 10 * 0.54 / 2 + 10 = 12.7
    depth = project_velodyne(np.array([[2, -1.26, -0.54, 0]], np.float32), AXES, CAMERA)
    assert depth.dtype == np.float32
    assert np.argwhere(depth).tolist() == [[12, 25]]
    assert depth[12, 25] == 2


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_nearest_point_wins(order):
    points = np.array([[4, 0, 0, 0], [2, 0, 0, 0], [9, 0, 0, 0]], np.float32)[list(order)]
    depth = project_velodyne(points, AXES, CAMERA)
    assert depth[depth > 0].tolist() == [2]


def test_points_behind_the_scanner_or_the_camera_are_dropped():
    moved = AXES.copy()
    moved[2, 3] = 1
    behind_scanner_only = np.array([[-0.5, 0, 0, 0]], np.float32)
    assert not project_velodyne(behind_scanner_only, moved, CAMERA).any()
    moved[2, 3] = -1
    behind_camera_only = np.array([[0.5, 0, 0, 0]], np.float32)
    assert not project_velodyne(behind_camera_only, moved, CAMERA).any()


def test_only_points_in_the_picture_count():
    # One pixel inside each corner of the picture, and one outside of each side.
    inside = [(0, 0), (39, 0), (0, 19), (39, 19)]
    outside = [(-1, 5), (40, 5), (5, -1), (5, 20)]
    points = np.array([[1, -(u + 1 - 20) / 10, -(v + 1 - 10) / 10, 0]
                       for u, v in inside + outside], np.float32)
    depth = project_velodyne(points, AXES, CAMERA)
    assert sorted((u, v) for v, u in np.argwhere(depth)) == sorted(inside)


def test_folder_that_is_no_drive(tmp_path):
    with pytest.raises(DriveError, match='not a KITTI raw drive: .* image_02/data'):
        KittiDrive(tmp_path)


def test_drive_without_calibration(drive):
    (drive.parent / 'calib_velo_to_cam.txt').unlink()
    with pytest.raises(DriveError, match='calib_velo_to_cam.txt is not there'):
        KittiDrive(drive)


@pytest.mark.parametrize('broken', ['P_rect_02: 1 2 3', 'P_rect_02: a b c', ''])
def test_calibration_that_lacks_an_entry_names_it(drive, broken):
    lines = [line for line in CAM_TO_CAM.splitlines() if not line.startswith('P_rect_02')]
    (drive.parent / 'calib_cam_to_cam.txt').write_text('\n'.join([*lines, broken]))
    with pytest.raises(DriveError, match='no entry P_rect_02 of 12 numbers'):
        KittiDrive(drive)


def test_picture_without_a_scan(drive):
    (drive / 'velodyne_points' / 'data' / '0000000001.bin').unlink()
    frames = KittiDrive(drive)
    assert frames[1].scan_path is None
    with pytest.raises(DriveError, match='0000000001.png has no Velodyne scan'):
        frames[1].depth()
    assert frames[2].scan()[0, 0] == 12


def test_scan_without_a_picture(drive):
    (drive / 'image_02' / 'data' / '0000000001.png').unlink()
    with pytest.raises(DriveError, match='1 scans without a picture .* 0000000001.bin'):
        KittiDrive(drive)


def test_scan_that_is_cut_short(drive):
    scan = drive / 'velodyne_points' / 'data' / '0000000001.bin'
    scan.write_bytes(scan.read_bytes() + b'\0' * 7)
    with pytest.raises(DriveError, match='has 23 bytes.*cut short'):
        KittiDrive(drive)[1].scan()


def test_picture_that_cannot_be_read(drive):
    (drive / 'image_02' / 'data' / '0000000001.png').write_bytes(b'not a picture')
    with pytest.raises(DriveError, match='0000000001.png cannot be read as a picture'):
        KittiDrive(drive)[1].image()


def test_picture_of_another_size_than_the_calibration(drive):
    cv2.imwrite(str(drive / 'image_02' / 'data' / '0000000001.png'), np.zeros((10, 40), np.uint8))
    with pytest.raises(DriveError, match='is 40x10 but its calibration is for 40x20'):
        KittiDrive(drive)[1].image()


@pytest.mark.parametrize('times', ['2011-09-26 13:02:25.1\n', 'noon\n' * 3, '\n' * 3])
def test_picture_without_a_time(drive, times):
    (drive / 'image_02' / 'timestamps.txt').write_text(times)
    with pytest.raises(DriveError, match='timestamps.txt has no time for 000000000[01].png'):
        KittiDrive(drive)


def test_object_frame_that_is_not_there(tmp_path):
    with pytest.raises(DriveError, match='000007.png cannot be read'):
        kitti_object(tmp_path, '000007')


def test_annotated_depth_of_the_wrong_kind(tmp_path):
    cv2.imwrite(str(tmp_path / 'eight_bits.png'), np.zeros((2, 3), np.uint8))
    with pytest.raises(DriveError, match='expected a 16-bit grey PNG'):
        annotated_depth(tmp_path / 'eight_bits.png')


def test_image_files_count_numbers_as_numbers(tmp_path):
    for name in ('frame10.png', 'frame2.JPG', 'notes.txt', 'frame1.jpeg'):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == [
        'frame1.jpeg', 'frame2.JPG', 'frame10.png']


def test_image_files_of_no_folder_and_of_an_empty_one(tmp_path):
    with pytest.raises(DriveError, match='is not a folder'):
        image_files(tmp_path / 'nowhere')
    with pytest.raises(DriveError, match='holds no images: expected files ending in .bmp'):
        image_files(tmp_path)


@pytest.mark.parametrize('text', [
    'image_width: .inf\nimage_height: 480\n', 'image_width: ' + 20_000 * '[',
    'image_width: 640\nimage_height: 480\ncamera_matrix: {data: [' + 400_000 * '1, ' + '1]}\n',
    '- 1', '', '\0'])
def test_a_calibration_that_is_none_is_one_sentence(tmp_path, text):
    path = tmp_path / 'camera.yaml'
    path.write_text(text)
    with pytest.raises(DriveError) as caught:
        read_camera_yaml(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 1000
