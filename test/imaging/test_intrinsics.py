# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which intrinsics count, how they follow the pixels, and how a lens is undone."""
from dataclasses import replace

import cv2
from depth_estimation_ros.imaging.intrinsics import (
    Calibration, CameraError, OUTSIDE, PinholeCamera, square_window, training_mismatch,
    training_window, Window)
from depth_estimation_ros.models.contract import TrainingCamera
import numpy as np
import pytest

KITTI = TrainingCamera('KITTI camera', 0.58, 1.92, 0.49, 0.47)
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def projection(fx, fy, cx, cy, tx=0.0):
    """Return P, row-major."""
    return (fx, 0.0, cx, tx, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0)


def matrix(fx, fy, cx, cy):
    """Return K, row-major."""
    return (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)


RECT = Calibration(1242, 375, 'plumb_bob', (), matrix(721.5, 721.5, 609.6, 172.9), IDENTITY,
                   projection(721.5, 721.5, 609.6, 172.9))
DISTORTION = (-0.3728755, 0.2037299, 0.002219027, 0.001383707, -0.07233722)
RAW = Calibration(1242, 375, 'plumb_bob', DISTORTION,
                  matrix(959.8, 956.9, 696.0, 224.2), IDENTITY,
                  projection(721.5, 721.5, 609.6, 172.9))


def test_intrinsics_follow_a_resize_as_in_image_pipeline():
    camera = PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9).resized(640, 192)
    assert (camera.width, camera.height) == (640, 192)
    assert camera.fx == pytest.approx(721.5 * 640 / 1242)
    assert camera.cx == pytest.approx(609.6 * 640 / 1242)
    assert camera.fy == pytest.approx(721.5 * 192 / 375)
    assert camera.cy == pytest.approx(172.9 * 192 / 375)


def test_a_window_moves_the_principal_point_only():
    camera = PinholeCamera(100, 80, 50, 51, 49, 39).windowed(Window(10, -5, 60, 90))
    assert camera == PinholeCamera(60, 90, 50, 51, 39, 44)


def test_the_three_kitti_flavours_are_one_camera():
    odometry = replace(RECT, k=(0.0,) * 9, r=(0.0,) * 9)
    newest = replace(RECT, p=projection(721.5, 721.5, 609.6, 172.9, tx=44.86))
    cameras = {c.camera(1242, 375, rectified=True) for c in (RAW, odometry, newest)}
    assert cameras == {PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9)}


@pytest.mark.parametrize('calibration, topic, rectified', [
    (RECT, '/kitti/camera_color_left/image_raw', True),  # no distortion to undo
    (RAW, '/kitti/camera_color_left/image_raw', False),
    (RAW, '/rect/camera/image_raw', False),  # the base name counts, not the namespace
    (RAW, '/kitti/camera_color/left/image_rect_color', True),
    (replace(RAW, k=(0.0,) * 9), '/kitti/camera_color_left/image', True),
    (replace(RAW, d=(0.0,) * 5), '/camera/image_raw', True),
    (replace(RAW, d=(0.0,) * 4, model='equidistant'), '/camera/image_raw', False),
])
def test_auto_tells_rectified_pixels(calibration, topic, rectified):
    assert calibration.is_rectified(topic) is rectified


def test_only_k_serves_rectified_pixels_where_p_is_empty():
    camera = replace(RECT, p=(0.0,) * 12).camera(1242, 375, rectified=True)
    assert camera == PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9)


def test_a_fisheye_without_distortion_is_no_pinhole():
    ideal = replace(RECT, d=(0.0,) * 4, model='equidistant', p=(0.0,) * 12)
    where = ideal.camera(1242, 375, ideal.is_rectified('image_raw')).rectification_map()
    angle = np.arctan((1000 - 609.6) / 721.5)  # r = f theta
    assert where[173, 1000, 0] == pytest.approx(609.6 + 721.5 * angle, abs=0.1)


def test_a_hair_of_an_autofocus_is_the_same_camera():
    camera = RAW.camera(1242, 375, rectified=True)
    assert camera.is_nearly(replace(camera, fx=camera.fx + 0.02, cx=camera.cx - 0.05))
    assert not camera.is_nearly(replace(camera, fx=camera.fx + 0.2))
    assert not camera.is_nearly(replace(camera, cy=camera.cy + 0.2))
    assert not camera.is_nearly(RAW.camera(1242, 375, rectified=False))


def test_binning_and_region_come_before_the_comparison_of_sizes():
    binned = replace(RECT, width=1242, height=376, binning=(2, 2)).camera(621, 188, True)
    assert (binned.fx, binned.cx, binned.cy) == pytest.approx((360.75, 304.8, 86.45))
    part = replace(RECT, roi=(100, 50, 800, 300)).camera(800, 300, True)
    assert (part.fx, part.cx, part.cy) == pytest.approx((721.5, 509.6, 122.9))
    both = replace(RECT, roi=(100, 50, 800, 300), binning=(2, 2)).camera(400, 150, True)
    assert (both.fx, both.cx, both.cy) == pytest.approx((360.75, 254.8, 61.45))


def test_a_picture_of_the_same_aspect_is_scaled():
    camera = RECT.camera(621, 188, rectified=True)
    assert camera.fx == pytest.approx(721.5 / 2)
    assert camera.fy == pytest.approx(721.5 * 188 / 375)


def test_region_and_binning_move_the_lens_with_the_grid():
    lens = replace(RAW, roi=(100, 50, 800, 300), binning=(2, 2)).camera(400, 150, False).lens
    assert lens.k == pytest.approx(matrix(479.9, 478.45, 298.0, 87.1))


@pytest.mark.parametrize('calibration, words', [
    (replace(RECT, k=(0.0,) * 9, p=(0.0,) * 12), 'not calibrated'),
    (replace(RECT, k=(float('nan'),) * 9), 'NaN'),
    (replace(RECT, p=projection(float('inf'), 721.5, 609.6, 172.9)), 'infinity'),
    (replace(RECT, p=projection(6.95e-310, 721.5, 609.6, 172.9)), 'focal lengths'),  # no double
    (replace(RECT, width=0, height=0), '0x0'),
    (replace(RECT, width=640, height=480), '640x480'),
    (replace(RECT, d=(0.1,), model='plumb_bob'), 'coefficients'),
    (replace(RECT, d=(0.1,) * 5, model='omni'), 'omni'),
    (replace(RECT, d=(0.1,) * 5, k=(0.0,) * 9), "rectified to 'true'"),
])
def test_a_calibration_that_cannot_serve_is_refused_with_the_reason(calibration, words):
    with pytest.raises(CameraError, match=words.replace('(', r'\(')):
        calibration.camera(1242, 375, rectified=False)


@pytest.mark.parametrize('model, d', [
    ('plumb_bob', DISTORTION),
    ('rational_polynomial', (0.3, -0.1, 0.001, -0.002, 0.02, 0.6, -0.05, 0.01)),
    ('equidistant', (-0.03, 0.01, -0.005, 0.001)),
])
def test_the_rectification_map_follows_the_lens(model, d):
    turn = cv2.Rodrigues(np.array([0.01, -0.02, 0.005]))[0]
    calibration = replace(RAW, model=model, d=d, r=tuple(turn.ravel()))
    camera = calibration.camera(1242, 375, rectified=False)
    where = camera.rectification_map()
    u, v = np.meshgrid([300, 600, 900], [60, 180, 320])
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy,
                     np.ones(u.shape)], -1).reshape(-1, 3) @ turn  # rectified to raw: R transposed
    k = np.reshape(calibration.k, (3, 3))
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    expected = project(rays[:, None], np.zeros(3), np.zeros(3), k, np.array(d))[0].reshape(-1, 2)
    assert np.abs(where[v.ravel(), u.ravel()] - expected).max() < 0.01


def test_where_a_lens_model_folds_back_nothing_is_seen():
    # 1 + k1 r^2 turns round at r = sqrt(1 / 3|k1|) = 0.82; the corners lie at r = 1.6.
    folding = replace(RECT, width=640, height=480, d=(-0.5, 0.0, 0.0, 0.0, 0.0),
                      k=matrix(250, 250, 320, 240), p=projection(250, 250, 320, 240))
    where = folding.camera(640, 480, rectified=False).rectification_map()
    assert (where[0, 0] == OUTSIDE).all() and (where[-1, -1] == OUTSIDE).all()
    assert np.abs(where[240, 320] - (320, 240)).max() < 1e-3


@pytest.mark.parametrize('camera', [
    PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854),
    PinholeCamera(1224, 370, 707.0493, 707.0493, 604.0814, 180.5066),
    PinholeCamera(1241, 376, 718.856, 718.856, 607.1928, 185.2157),
    PinholeCamera(1226, 370, 707.0912, 707.0912, 601.8873, 183.1104),
])
def test_kitti_cameras_are_the_training_camera(camera):
    assert training_window(camera, KITTI) == camera.whole
    assert training_mismatch(camera, KITTI) is None


def test_a_cut_picture_is_put_where_the_training_camera_saw_it():
    cut = PinholeCamera(500, 375, 721.5, 721.5, 309.6, 172.9)
    window = training_window(cut, KITTI)
    assert window.width == pytest.approx(721.5 / 0.58, abs=1)
    assert window.x == pytest.approx(309.6 - 0.49 * window.width, abs=1)
    assert (window.y, window.height) == (0, 375)
    assert '500x375' in training_mismatch(cut, KITTI)
    assert 'fx/W 0.58' in training_mismatch(cut, KITTI)


def test_a_taller_camera_loses_rows():
    vga = PinholeCamera(640, 480, 554, 554, 320, 240)
    window = training_window(vga, KITTI)
    assert window.height < 480 and window.width > 640
    seen = window.seen(640, 480)
    assert (seen.x, seen.width) == (0, 640) and seen.height == window.height


def test_a_camera_that_sees_nothing_of_it_is_refused():
    with pytest.raises(CameraError, match='sees nothing'):
        training_window(PinholeCamera(640, 480, 900, 900, 320, 9000), KITTI)


@pytest.mark.parametrize('model, d, like', [
    ('plumb_bob', (0.1, -0.2, 0.01, 0.02, 0.3, 0.1, -0.1, 0.05), 8),
    ('', (0.1, -0.2, 0.01, 0.02, 0.3, 0.1, -0.1, 0.05), 8),
    ('rational_polynomial', (0.1, -0.2, 0.01, 0.02, 0.3), 5),
    ('plumb_bob', (0.1, -0.2, 0.01, 0.02, 0.3, 0.0, 0.0), 5),
    ('equidistant', (0.1, -0.2, 0.01, 0.02, 0.0), 4),
    ('plumb_bob', (0.1, -0.2, 0.01, 0.02, 0.3) + 3 * (0.0,), 8)])
def test_the_number_of_coefficients_says_the_model(model, d, like):
    info = replace(RAW, model=model, d=d)
    lens = info.camera(1242, 375, False).lens
    assert len(lens.d) == like and lens.d[:len(d)] == d[:like]
    assert 'coefficients in D: it is read as' in info.remark() and RAW.remark() == ''


@pytest.mark.parametrize('d', [(0.1, 0.2), (0.1,) * 6, (0.1,) * 15])
def test_a_number_of_coefficients_that_no_model_has_is_refused(d):
    with pytest.raises(CameraError, match=f'wants 4 or 5 or 8 .* it holds {len(d)}'):
        replace(RAW, d=d).camera(1242, 375, False)


def test_more_coefficients_than_a_fisheye_has_are_refused():
    with pytest.raises(CameraError, match='wants 4 coefficients in D, it holds 5'):
        replace(RAW, model='equidistant', d=(0.1,) * 5).camera(1242, 375, False)


@pytest.mark.parametrize('width', [32, 640, 1920])
def test_a_focal_length_of_one_pixel_is_no_camera(width):
    info = replace(RECT, width=width, height=width, k=matrix(1.0, 1.0, width / 2, width / 2),
                   p=projection(1.0, 1.0, width / 2, width / 2))
    with pytest.raises(CameraError, match='those of no camera'):
        info.camera(width, width, True)


def test_a_crop_that_is_stated_twice_counts_once():
    """Baxter and camera1394: width and height are the crop's, and so is K, beside the roi."""
    own = replace(RECT, width=800, height=300, roi=(420, 60, 800, 300),
                  k=matrix(721.5, 721.5, 390.0, 140.0),
                  p=projection(721.5, 721.5, 390.0, 140.0))
    plain = replace(own, roi=(0, 0, 0, 0))
    assert own.camera(800, 300, True) == plain.camera(800, 300, True)
    whole = replace(own, k=matrix(721.5, 721.5, 810.0, 200.0),
                    p=projection(721.5, 721.5, 810.0, 200.0))
    assert whole.camera(800, 300, True) == plain.camera(800, 300, True)
    neither = replace(own, k=matrix(721.5, 721.5, 4000.0, 200.0))
    with pytest.raises(CameraError, match='its roi, 800x300 at 420, 60, lies outside'):
        neither.camera(800, 300, True)


def test_what_a_lens_loses_is_known():
    assert RECT.camera(1242, 375, True).lost() == 0
    good = replace(RECT, d=(-0.1, 0.02, 0.001, 0.001, 0.0))
    assert good.camera(1242, 375, False).lost() < 0.05
    turned = replace(good, r=(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0))
    assert turned.camera(1242, 375, False).lost() > 0.8
    nonsense = replace(good, d=(3000.0, -2000.0, 5.0, 5.0, 100.0))
    assert nonsense.camera(1242, 375, False).lost() > 0.15
    size = 2_000_000_000, 603_000_000
    huge = good.camera(1242, 375, False).resized(*size)
    scale = np.repeat([size[0] / 1242, size[1] / 375, 1.0], 3)
    lens = good.camera(1242, 375, False).lens
    assert replace(huge, lens=replace(lens, k=tuple(np.array(lens.k) * scale))).lost() < 0.05
    doubled = replace(good, k=matrix(721.5 * 2, 721.5 * 2, 1219.2, 345.8))
    assert doubled.camera(1242, 375, False).lost() > 0.15


# -- found blind by planted faults --

@pytest.mark.parametrize('k, p, rectified, focal', [
    (matrix(60, 50, 32, 24), projection(70, 0, 32, 24), False, (60, 50)),
    (matrix(60, 50, 32, 24), projection(0, 70, 32, 24), False, (60, 50)),
    (matrix(60, 50, 32, 24), projection(0, 70, 32, 24), True, (60, 50)),
    (matrix(60, 0, 32, 24), projection(70, 80, 32, 24), True, (70, 80)),
    (matrix(60, 0, 32, 24), projection(70, 80, 32, 24), False, None),
    (matrix(0, 60, 32, 24), projection(70, 80, 32, 24), False, None),
    (matrix(60, 0, 32, 24), projection(0, 80, 32, 24), True, None),
    (matrix(0, 60, 32, 24), projection(70, 0, 32, 24), True, None)])
def test_one_focal_length_of_two_is_none(k, p, rectified, focal):
    calibration = Calibration(64, 48, 'plumb_bob', (), k, IDENTITY, p)
    if focal is None:
        with pytest.raises(CameraError, match='focal length above zero'):
            calibration.camera(64, 48, rectified)
    else:
        camera = calibration.camera(64, 48, rectified)
        assert (camera.fx, camera.fy) == focal


def test_a_focal_length_is_a_twentieth_to_a_thousand_times_of_a_side():
    def camera(fx, fy, width=640, height=64):
        return Calibration(width, height, 'plumb_bob', (), matrix(fx, fy, 320, 32), IDENTITY,
                           (0.0,) * 12).camera(width, height, True)

    for fx, fy in ((33, 33), (640, 33), (33, 640), (639_999, 63_999)):
        camera(fx, fy)
    for fx, fy in ((31, 640), (640, 31), (640_001, 640), (640, 64_001)):
        with pytest.raises(CameraError, match='focal'):
            camera(fx, fy)


@pytest.mark.parametrize('quarters', range(-1, 5))
def test_a_point_comes_to_where_the_turned_picture_has_it(quarters):
    camera = PinholeCamera(64, 40, 50.0, 55.0, 30.0, 22.0)
    picture = np.zeros((40, 64))
    u, v = 11, 7
    picture[v, u] = 1
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    turned = camera.turned(quarters)
    for _ in range(quarters % 4):
        x, y = -y, x
    [(row, column)] = np.argwhere(np.rot90(picture, -quarters))
    assert (turned.fx * x + turned.cx, turned.fy * y + turned.cy) == pytest.approx((column, row))
    assert (turned.height, turned.width) == np.rot90(picture, -quarters).shape
    assert turned.lens is None


@pytest.mark.parametrize('change', [
    lambda c, by: replace(c, fx=c.fx * (1 + by / c.width)),
    lambda c, by: replace(c, fy=c.fy * (1 - by / c.height)),
    lambda c, by: replace(c, cx=c.cx + by), lambda c, by: replace(c, cy=c.cy - by)])
def test_a_tenth_of_a_pixel_is_a_hair_in_each_number(change):
    camera = PinholeCamera(640, 120, 500.0, 510.0, 320.0, 60.0)
    assert camera.is_nearly(change(camera, 0.09)) and not camera.is_nearly(change(camera, 0.11))
    assert not camera.is_nearly(replace(camera, width=641))


@pytest.mark.parametrize('size', [(1000, 100), (100, 1000), (160, 120), (1242, 375)])
@pytest.mark.parametrize('axis', [0, 1])
@pytest.mark.parametrize('share', [-0.3, 0.0, 0.3])
def test_of_a_picture_that_lies_aside_the_share_beyond_its_edge_is_lost(size, axis, share):
    width, height = size
    focal, centre = 0.8 * width, [width / 2, height / 2]
    centre[axis] += share * size[axis]
    camera = Calibration(
        width, height, 'plumb_bob', (0.0,) * 5, matrix(focal, focal, *centre), IDENTITY,
        projection(focal, focal, width / 2, height / 2)).camera(width, height, False)
    assert camera.lost() == pytest.approx(abs(share), abs=0.06)


@pytest.mark.parametrize('width, height', [(2, 2), (2, 9), (9, 2)])
def test_a_picture_of_two_columns_can_be_rectified_and_one_of_one_cannot(width, height):
    whole = Calibration(width, height, 'plumb_bob', (-0.01, 0, 0, 0, 0),
                        matrix(9.0, 9.0, width / 2, height / 2), IDENTITY,
                        projection(9.0, 9.0, width / 2, height / 2)).camera(width, height, False)
    assert whole.rectification_map().shape == (height, width, 2)
    with pytest.raises(CameraError, match='it takes two rows and columns'):
        replace(whole, width=1).rectification_map()


def test_a_lens_whose_r_or_d_is_not_filled_is_straight():
    filled = replace(RAW, d=(0.0,) * 5).camera(1242, 375, False)
    for d, r in (((), IDENTITY), ((0.0,) * 5, (0.0,) * 9), ((), (0.0,) * 9)):
        camera = replace(RAW, d=d, r=r).camera(1242, 375, False)
        np.testing.assert_array_equal(camera.rectification_map(), filled.rectification_map())


def test_the_part_of_a_window_that_is_in_the_picture():
    assert Window(-5, -7, 20, 30).seen(100, 50) == Window(0, 0, 15, 23)
    assert Window(90, 40, 20, 30).seen(100, 50) == Window(90, 40, 10, 10)
    assert Window(120, 60, 20, 30).seen(100, 50) == Window(120, 60, 0, 0)
    assert Window(-30, 0, 20, 30).seen(100, 50).width == 0


@pytest.mark.parametrize('camera', [
    PinholeCamera(160, 90, 100, 100, 79.5, 44.5), PinholeCamera(90, 160, 100, 100, 40, 80),
    PinholeCamera(160, 120, 100, 130, 79.5, 59.5)])
def test_the_window_of_square_pixels_holds_the_whole_picture(camera):
    window = square_window(camera, 504, 280)
    assert window.seen(camera.width, camera.height) == camera.whole
    grid = camera.windowed(window).resized(504, 280)
    assert grid.fx == pytest.approx(grid.fy, rel=0.01)
    assert window.width == camera.width or window.height == camera.height, 'the smallest'
