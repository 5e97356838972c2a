# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The way of a picture through the estimator, on a network whose answer is known.

`Red` is that network: its inverse depth is the red channel of what it sees, so that every
resize, crop and paste shows in the depth. `Told` is one that wants to be told the camera.
"""
from dataclasses import replace
import re

import cv2
from depth_estimation_ros.cloud.points import CloudError, level_pose, PointOptions
from depth_estimation_ros.estimation.confidence import confidence
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.runtime import (
    cpu_has_bf16, DeviceError, find_device, find_precisions)
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import CameraError, Lens, PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind, TrainingCamera
from depth_estimation_ros.models.metres import scale_for, ScaleError
import numpy as np
import pytest
import torch

TRAINING = TrainingCamera('training camera', 1.0, 2.0)
METRIC = ScaleContract(ScaleKind.METRIC_ON_TRAINING_CAMERA, 2.0, 'made so')
OPEN = ScaleContract(ScaleKind.UP_TO_SCALE, None, 'nobody measured it')
CAMERA = PinholeCamera(128, 64, 128.0, 128.0, 63.5, 31.5)
ALL = DepthOptions(max_depth=1e4, min_depth=1e-3)


class Red(torch.nn.Module):
    """Values = red, where red 0 means 0: no depth."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, rgb):
        """Return the red channel as inverse depth."""
        self.calls += 1
        return rgb[:, :1].clone(), None


class LeftIsNearer(torch.nn.Module):
    """`Red`, but everything in the left half of its input is nearer by a third."""

    def forward(self, rgb):
        """Return the red channel as inverse depth."""
        values = rgb[:, :1].clone()
        values[..., :values.shape[-1] // 2] *= 1.5
        return values, None


class Told(torch.nn.Module):
    """Depth = 100 red, confidence = green, at half the size; the cameras it was told are kept."""

    def __init__(self, sure=True):
        super().__init__()
        self.cameras, self.sizes, self.sure = [], [], sure

    def forward(self, rgb, camera):
        """Return depth and confidence of the mean of 2x2 pixels."""
        self.sizes.append(tuple(rgb.shape))
        assert rgb.dtype == camera.dtype == torch.float32
        self.cameras += camera.tolist()
        half = torch.nn.functional.avg_pool2d(rgb, 2)
        return 100 * half[:, :1], half[:, 1:2] if self.sure else None


def told(training=None):
    """Return an estimator around `Told`, whose input is half as large as the picture."""
    return DepthEstimator(Network(
        name='told', module=Told(), input_width=64, input_height=32, inverse=False,
        contract=ScaleContract(ScaleKind.METRIC_FROM_INTRINSICS, 1.0, 'it is told'),
        training_camera=training, description='told', takes_camera=True, has_confidence=True,
        size_for=lambda width, height, fx, fy: (width // 2, height // 2),
        field_of_view=(50.0, 110.0)), 'cpu', 'fp32')


def estimator(contract=METRIC, training=TRAINING, inverse=True, size=(64, 32)):
    """Return an estimator around `Red`."""
    return DepthEstimator(Network(
        name='red', module=Red(), input_width=size[0], input_height=size[1], inverse=inverse,
        contract=contract, training_camera=training, description='red'), 'cpu', 'fp32')


def picture(red, camera=CAMERA):
    """Return an RGB picture of one red, or of a red map."""
    rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
    rgb[..., 0] = red
    rgb[..., 1] = 77
    return rgb


def test_confidence_has_a_size_of_its_own_and_is_0_where_there_is_no_depth():
    judged = told()
    module = judged.network.module
    judged.network.module.forward = lambda rgb, camera: (
        100 * rgb[:, :1], Told.forward(module, rgb, camera)[1])
    red = np.full((64, 128), 51, np.uint8)
    red[:, :64] = 0
    [estimate] = judged.estimate([(picture(red), CAMERA)], ALL, {'depth', 'confidence'})
    assert np.isnan(estimate.depth[:, :60]).all() and (estimate.confidence[:, :60] == 0).all()
    np.testing.assert_allclose(estimate.depth[:, 80:], 20.0, rtol=1e-5)
    np.testing.assert_allclose(estimate.confidence[:, 80:], 77 / 255, rtol=1e-5)
    assert ((estimate.confidence == 0) == np.isnan(estimate.depth)).all()


def test_metres_are_the_contract_over_inverse_depth():
    [estimate] = estimator().estimate([(picture(51), CAMERA)], ALL)
    np.testing.assert_allclose(estimate.depth, 2.0 / 0.2, rtol=1e-5)
    assert estimate.depth.dtype == np.float32 and estimate.depth.shape == (64, 128)
    assert estimate.camera == CAMERA


def test_a_network_of_depth_is_multiplied():
    [estimate] = estimator(inverse=False).estimate([(picture(51), CAMERA)], ALL)
    np.testing.assert_allclose(estimate.depth, 2.0 * 0.2, rtol=1e-5)


def test_a_scale_that_is_given_is_taken_as_it_is():
    [estimate] = estimator(contract=OPEN).estimate(
        [(picture(51), CAMERA)], replace(ALL, metres_per_unit=3.0))
    np.testing.assert_allclose(estimate.depth, 3.0 / 0.2, rtol=1e-5)


def test_without_a_scale_no_metres_come_out():
    with pytest.raises(ScaleError, match='depth_scale'):
        estimator(contract=OPEN).estimate([(picture(51), CAMERA)], ALL)
    assert scale_for(OPEN, 4.0).metres_per_unit == 4.0
    assert scale_for(METRIC, 0.0).metres_per_unit == 2.0


def test_out_of_range_is_infinite_and_no_value_is_nan():
    red = np.zeros((64, 128), np.uint8)
    red[:, :32] = 255   # 2 m
    red[:, 32:64] = 51  # 10 m
    red[:, 64:96] = 10  # 51 m
    [estimate] = estimator().estimate([(picture(red), CAMERA)], DepthOptions(
        min_depth=5.0, max_depth=20.0, points=PointOptions(edge=0)))
    row = estimate.depth[32]
    assert row[10] == -np.inf and row[80] == np.inf and np.isnan(row[120])
    assert row[48] == pytest.approx(10, rel=1e-4)
    assert estimate.cloud.data.shape[1] == np.isfinite(estimate.depth).sum()
    assert (estimate.color[32, [10, 80, 120]] == 0).all() and estimate.color[32, 48].any()


def test_millimetres_are_never_saturated():
    red = np.zeros((64, 128), np.uint8)
    red[:, :40] = 51   # 10 m
    red[:, 40:80] = 1  # 510 m
    [estimate] = estimator().estimate([(picture(red), CAMERA)],
                                      replace(ALL, depth_encoding='16UC1'))
    assert estimate.depth.dtype == np.uint16
    assert estimate.depth[32, 10] == 10000
    assert estimate.depth[32, 60] == 0 and estimate.depth[32, 120] == 0
    # 2 / (8 / 255) = 63.75 m needs the 16th bit.
    [estimate] = estimator().estimate([(picture(8), CAMERA)],
                                      replace(ALL, depth_encoding='16UC1'))
    assert (estimate.depth == 63750).all()


def test_the_networks_grid_can_be_published():
    ramp = np.broadcast_to(np.linspace(40, 200, 128), (64, 128))
    [estimate] = estimator().estimate([(picture(ramp), CAMERA)],
                                      replace(ALL, publish_size='network'))
    assert estimate.depth.shape == (32, 64)
    assert estimate.camera == CAMERA.resized(64, 32)
    [full] = estimator().estimate([(picture(ramp), CAMERA)], ALL)
    np.testing.assert_allclose(estimate.depth[16, 8:56], full.depth[32, 16:112:2], rtol=0.03)


def test_another_camera_is_resampled_to_the_training_camera_and_back():
    """A wide picture and a cut of it give the same depth at the same ray."""
    ramp = np.broadcast_to(np.linspace(40, 200, 128), (64, 128)).astype(np.uint8)
    cut = PinholeCamera(72, 64, 128.0, 128.0, 63.5 - 30, 31.5)
    whole = estimator()
    [a] = whole.estimate([(picture(ramp), CAMERA)], ALL)
    [b] = whole.estimate([(np.ascontiguousarray(picture(ramp)[:, 30:102]), cut)], ALL)
    np.testing.assert_allclose(b.depth[:, 4:-4], a.depth[:, 34:98], rtol=0.02)
    assert b.camera == cut
    assert whole.mismatch(CAMERA) is None and 'training camera' in whole.mismatch(cut)


def test_what_the_training_camera_does_not_see_is_nan():
    tall = PinholeCamera(128, 128, 128.0, 128.0, 63.5, 63.5)
    made = estimator()
    [estimate] = made.estimate([(picture(51, tall), tall)], ALL)
    assert np.isnan(estimate.depth[:31]).all() and np.isnan(estimate.depth[97:]).all()
    np.testing.assert_allclose(estimate.depth[33:95], 10, rtol=1e-4)
    [small] = made.estimate([(picture(51, tall), tall)], replace(ALL, publish_size='network'))
    assert np.isfinite(small.depth).all()
    assert small.camera.cy == pytest.approx((63.5 - 32) / 2, abs=0.6)
    narrow = PinholeCamera(64, 64, 128.0, 128.0, 31.5, 31.5)
    [small] = made.estimate([(picture(51, narrow), narrow)], replace(ALL, publish_size='network'))
    assert np.isnan(small.depth[:, :15]).all() and np.isfinite(small.depth[:, 17:47]).all()


def test_order_of_colours_and_grey_make_no_difference():
    rgb = np.random.default_rng(1).integers(40, 255, (64, 128, 3), np.uint8)
    rgba = np.dstack([rgb, rgb[..., :1]])
    frames = [(rgb, CAMERA), (ColorImage(np.ascontiguousarray(rgb[..., ::-1]), (2, 1, 0)), CAMERA),
              (ColorImage(rgba, (0, 1, 2)), CAMERA)]
    first, *others = estimator().estimate(frames, ALL)
    for other in others:
        np.testing.assert_array_equal(other.depth, first.depth)
        np.testing.assert_array_equal(other.cloud.data, first.cloud.data)
    grey = np.ascontiguousarray(rgb[..., :1])
    a, b = estimator().estimate([(ColorImage(grey, (0, 0, 0)), CAMERA),
                                 (np.repeat(grey, 3, 2), CAMERA)], ALL)
    np.testing.assert_array_equal(a.depth, b.depth)


def test_a_batch_gives_what_its_frames_give_alone():
    other = PinholeCamera(100, 80, 110.0, 110.0, 50.0, 40.0)
    frames = [(picture(100), CAMERA), (picture(150, other), other)]
    made = estimator()
    for batched, frame in zip(made.estimate(frames, ALL), frames):
        [alone] = made.estimate([frame], ALL)
        np.testing.assert_array_equal(batched.depth, alone.depth)
        np.testing.assert_array_equal(batched.cloud.data, alone.cloud.data)


def test_a_network_is_told_the_camera_of_what_it_sees():
    lens = Lens('plumb_bob', (100.0, 0.0, 60.0, 0.0, 100.0, 30.0, 0.0, 0.0, 1.0), (-0.1,) * 4,
                (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    made = told()
    as_rclpy_gives_them = replace(CAMERA, fx=np.float64(128), cy=np.float64(31.5))
    for camera in (CAMERA, replace(CAMERA, lens=lens), as_rclpy_gives_them):
        made.estimate([(picture(51), camera)], ALL)
        assert made.network.module.sizes[-1] == (1, 3, 32, 64)
        assert made.network.module.cameras[-1] == [64.0, 64.0, 31.75, 15.75]


def test_depth_of_half_the_inputs_size_lies_where_the_picture_shows_it():
    ramp = np.broadcast_to(np.linspace(40, 200, 128), (64, 128))
    for size, columns in (('full', slice(4, 124)), ('network', slice(2, 62))):
        [estimate] = told().estimate([(picture(ramp), CAMERA)], replace(ALL, publish_size=size))
        red = ramp if size == 'full' else ramp.reshape(64, 64, 2).mean(-1)[:32]
        assert estimate.camera == (CAMERA if size == 'full' else CAMERA.resized(64, 32))
        np.testing.assert_allclose(estimate.depth[:, columns], red[:, columns] / 2.55, rtol=0.01)
    cut = PinholeCamera(96, 64, 128.0, 128.0, 63.5 - 20, 31.5)  # fills a part of the input
    [part] = told(TRAINING).estimate(
        [(np.ascontiguousarray(picture(ramp)[:, 20:116]), cut)], ALL)
    np.testing.assert_allclose(part.depth[:, 6:-6], ramp[:, 26:110] / 2.55, rtol=0.03)


def test_cameras_that_want_different_inputs_are_run_apart_and_come_back_in_order():
    large = PinholeCamera(256, 128, 256.0, 256.0, 127.5, 63.5)
    frames = [(picture(10), CAMERA), (picture(20, large), large), (picture(30), CAMERA)]
    made = told()
    batched = made.estimate(frames, ALL)
    assert sorted(made.network.module.sizes) == [(1, 3, 64, 128), (2, 3, 32, 64)]
    assert [e.camera for e in batched] == [CAMERA, large, CAMERA]
    for red, one in zip((10, 20, 30), batched):
        np.testing.assert_allclose(one.depth, red / 2.55, rtol=1e-4)


def test_confidence_has_the_size_of_the_depth_and_is_0_where_there_is_none():
    red = np.zeros((64, 128), np.uint8)
    red[:, :64] = 51   # 20 m
    red[:, 32:64] = 255  # 100 m
    [e] = told().estimate([(picture(red), CAMERA)], DepthOptions(max_depth=50.0))
    assert e.confidence.dtype == np.float32 and e.confidence.shape == e.depth.shape
    row = e.confidence[32]
    assert e.depth[32, 10] == pytest.approx(20) and row[10] == pytest.approx(77 / 255, rel=1e-4)
    assert np.isposinf(e.depth[32, 48]) and row[48] == pytest.approx(77 / 255, rel=1e-4)
    assert np.isnan(e.depth[32, 100]) and row[100] == 0
    [small] = told().estimate([(picture(red), CAMERA)], replace(ALL, publish_size='network'))
    assert small.confidence.shape == (32, 64)


def test_confidence_is_made_only_where_it_is_wanted():
    for made in (told(), estimator()):
        assert made.estimate([(picture(51), CAMERA)], ALL, {'depth'})[0].confidence is None
        [alone] = made.estimate([(picture(51), CAMERA)], ALL, {'confidence'})
        assert alone.depth is None and alone.confidence is not None


def test_a_network_without_a_confidence_sees_the_mirrored_picture_where_one_is_wanted():
    gate = replace(ALL, points=PointOptions(min_confidence=0.1))
    for options, outputs, pictures in ((ALL, {'depth', 'points'}, 1), (ALL, {'confidence'}, 2),
                                       (gate, {'points'}, 2), (gate, {'depth'}, 1),
                                       (replace(ALL, cues=('range',)), {'confidence'}, 1)):
        made = estimator()
        made.network.module = seen = Told(sure=False)
        made.network.takes_camera = True
        made.estimate([(picture(51), CAMERA)], options, outputs)
        assert seen.sizes == [(pictures, 3, 32, 64)], outputs
        assert [c[2] for c in seen.cameras] == [31.75, 63 - 31.75][:pictures]
    made = told()
    made.estimate([(picture(51), CAMERA)], ALL, {'confidence'})
    assert made.network.module.sizes == [(1, 3, 32, 64)], 'it has one of its own'


def test_confidence_falls_where_the_mirrored_picture_is_seen_otherwise():
    red = np.full((64, 128), 100)
    red[:, 64:] = 200
    made = {}
    for module in (Red(), LeftIsNearer()):
        network = estimator()
        network.network.module = module
        for cues in (('range',), ('range', 'flip')):
            [estimate] = network.estimate([(picture(red), CAMERA)], replace(ALL, cues=cues))
            made[type(module), cues] = estimate.confidence
    alone, agreed = (made[Red, cues] for cues in (('range',), ('range', 'flip')))
    doubted = made[LeftIsNearer, ('range', 'flip')]
    np.testing.assert_allclose(made[LeftIsNearer, ('range',)], alone, atol=1e-6)
    assert (agreed > alone).all() and (doubted < agreed - 0.05).all()


def test_a_concluded_confidence_is_that_of_the_depth_on_the_networks_grid():
    red = np.repeat([[40], [250]], 32, 0) * np.ones((1, 128))
    red[:, 100:] = 0
    cues = replace(ALL, cues=('edges', 'range'))
    [full] = estimator().estimate([(picture(red), CAMERA)], cues)
    [small] = estimator().estimate([(picture(red), CAMERA)], replace(cues, publish_size='network'))
    assert full.confidence.shape == (64, 128) and small.confidence.shape == (32, 64)
    expected = confidence(torch.from_numpy(small.depth), small.camera, cues=('edges', 'range'))
    np.testing.assert_allclose(small.confidence, expected.numpy(), atol=1e-5)
    assert (full.confidence[np.isnan(full.depth)] == 0).all()
    assert full.confidence[62, 20] > full.confidence[2, 20] > full.confidence[2, 127] == 0


def test_only_a_confidence_that_was_learned_counts_for_edges():
    red = np.full((64, 128), 40)
    red[:, 64:] = 200
    whole = {}
    for green in (0, 255):
        rgb = picture(red)
        rgb[..., 1] = green
        [e] = told().estimate([(rgb, CAMERA)], ALL)
        whole[green] = e.cloud.width
    assert whole[255] == 64 * 128 > whole[0] > 0.8 * 64 * 128
    sizes = [estimator().estimate([(picture(red), CAMERA)], replace(
        ALL, points=PointOptions(confidence=wanted)))[0].cloud.width for wanted in (True, False)]
    assert sizes[0] == sizes[1] < 64 * 128


def test_points_are_gated_and_labelled_by_the_confidence_and_the_pose_of_their_camera():
    options = replace(ALL, points=PointOptions(
        edge=0, color=False, min_confidence=0.3, confidence=True, ground='label', max_height=3.0))
    rgb = picture(51)  # 20 m
    rgb[:32, :, 1] = 200
    request = Request(rgb, CAMERA, options, {'points', 'confidence'}, pose=level_pose(5.0))
    [e] = told().estimate_all([request])
    assert e.cloud.fields == ('x', 'y', 'z', 'confidence', 'ground')
    x, y, z, sure, ground = e.cloud.data[0].view(np.float32).T
    height = 5.0 - y
    assert sure.min() >= 0.3 and height.max() <= 3.0
    np.testing.assert_array_equal(ground == 1, np.abs(height) <= 0.15 + 0.03 * np.sqrt(
        x * x + y * y + z * z))
    rows = (np.arange(64)[:, None] - 31.5) / 128 * 20 >= 2.0
    assert len(z) == ((e.confidence >= 0.3) & rows).sum()
    with pytest.raises(CloudError, match='pose'):
        told().estimate_all([request._replace(pose=None)])


@pytest.mark.parametrize('view, sentence', [
    (44, '44 degrees from left to right.*50 to 110'), (46, None), (80, None), (114, None),
    (120, '120 degrees')])
def test_a_field_of_view_beyond_the_training_is_said(view, sentence):
    focal = 64 / np.tan(np.radians(view / 2))
    said = told().mismatch(PinholeCamera(128, 64, focal, focal, 63.5, 31.5))
    assert (said is None) == (sentence is None)
    assert sentence is None or re.search(rf'128x64, fx/W .*{sentence}', said)


def test_only_what_is_wanted_is_made_and_no_reader_means_no_inference():
    made = estimator()
    [estimate] = made.estimate([(picture(51), CAMERA)], ALL, {'depth'})
    assert estimate.depth is not None and estimate.cloud is None and estimate.color is None
    calls = made.network.module.calls
    [estimate] = made.estimate([(picture(51), CAMERA)], ALL, {'camera_info'})
    assert estimate.camera == CAMERA and made.network.module.calls == calls


def test_a_picture_of_another_size_than_its_camera_is_refused():
    with pytest.raises(CameraError, match='128x64'):
        estimator().estimate([(np.zeros((10, 20, 3), np.uint8), CAMERA)], ALL)


def test_a_lens_is_undone_to_within_a_pixel():
    """Draw dots where the rectified camera sees them, through the lens, and find them again."""
    camera = PinholeCamera(640, 320, 640.0, 640.0, 320.0, 160.0)
    d = (-0.3, 0.1, 0.001, -0.001, 0.0)
    k = np.array([[600.0, 0, 325], [0, 605, 155], [0, 0, 1]])
    lens = Lens('plumb_bob', tuple(k.ravel()), d, tuple(np.eye(3).ravel()))
    dots = np.stack(np.meshgrid([80, 240, 400, 560], [60, 160, 260]), -1).reshape(-1, 2)
    rays = np.column_stack([(dots - (320, 160)) / 640, np.ones(len(dots))])
    raw_dots = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), k, np.array(d))[0].reshape(-1, 2)
    v, u = np.mgrid[:320, :640]
    raw = np.full((320, 640), 60.0)
    for x, y in raw_dots:
        raw += 180 * np.exp(-((u - x)**2 + (v - y)**2) / (2 * 3.0**2))
    [estimate] = estimator(size=(640, 320)).estimate(
        [(picture(raw.clip(0, 255), camera), replace(camera, lens=lens))], ALL)
    assert estimate.camera == camera
    brightness = 1 / np.nan_to_num(estimate.depth, nan=1e9)
    for x, y in dots:
        part = brightness[y - 8:y + 9, x - 8:x + 9] - brightness[160, 320:330].min()
        part = part.clip(0.05) - 0.05
        dy, dx = np.mgrid[-8:9, -8:9]
        assert abs((part * dx).sum() / part.sum()) < 0.3
        assert abs((part * dy).sum() / part.sum()) < 0.3
    assert np.isnan(estimate.depth).any() == bool((camera_blind(camera, lens)).any())


def test_a_lens_that_leaves_nothing_of_the_picture_is_refused():
    elsewhere = Lens('plumb_bob', (185.6, 0, 9e4, 0, 184.3, 31.5, 0, 0, 1), (0,) * 5,
                     tuple(np.eye(3).ravel()))
    with pytest.raises(CameraError, match='nothing of the rectified picture lies in the raw one'):
        estimator().estimate([(picture(np.full((64, 128), 99.0)),
                               replace(CAMERA, lens=elsewhere))], ALL)


def camera_blind(camera, lens):
    """Return which rectified pixels lie outside of the raw picture."""
    where = replace(camera, lens=lens).rectification_map()
    return ((where < -0.5) | (where > np.array([639.5, 319.5]))).any(-1)


def test_the_cloud_reprojects_onto_the_depth_image():
    ramp = np.broadcast_to(np.linspace(40, 200, 128), (64, 128))
    [e] = estimator().estimate([(picture(ramp), CAMERA)],
                               replace(ALL, points=PointOptions(max_points=10**6, edge=0)))
    x, y, z = e.cloud.data[0, :, :3].copy().view(np.float32).T
    u = np.rint(x / z * CAMERA.fx + CAMERA.cx).astype(int)
    v = np.rint(y / z * CAMERA.fy + CAMERA.cy).astype(int)
    np.testing.assert_allclose(z, e.depth[v, u], rtol=1e-6)
    assert len(z) == 128 * 64


@pytest.mark.parametrize('name, words', [
    ('tpu', 'auto, cpu, cuda'), ('cuda:99', 'cuda'), ('cuda:-1', 'auto, cpu, cuda')])
def test_a_device_that_is_not_there_is_refused(name, words):
    with pytest.raises(DeviceError, match=words):
        find_device(name)


def test_precisions():
    cpu = torch.device('cpu')
    assert find_precisions('auto', cpu) == ['bf16', 'fp32'][not cpu_has_bf16():]
    assert find_precisions('bf16', cpu) == ['bf16']
    assert find_precisions('auto', cpu, fixed=True) == ['fp32']
    with pytest.raises(DeviceError, match='bf16'):
        find_precisions('fp16', cpu)
    with pytest.raises(DeviceError, match='fp32'):
        find_precisions('int4', cpu)
    with pytest.raises(DeviceError, match='exported.*auto'):
        find_precisions('bf16', cpu, fixed=True)


def test_a_memory_steadies_all_that_comes_out_and_the_scale_is_learnt_from_that():
    memory, unsteady = TemporalFilter(5), estimator(inverse=False)
    options = replace(ALL, metres_per_unit=3.0, publish_size='network')
    for number, red in enumerate((100, 104)):
        [estimate] = unsteady.estimate_all([Request(
            picture(red), CAMERA, options, {'depth'}, unscaled=True, memory=memory,
            stamp=0.1 * number)])
        np.testing.assert_allclose(estimate.depth, 3 * estimate.unscaled.depth, rtol=1e-5)
    steady = np.nanmean(estimate.unscaled.depth) * 255
    assert 101 < steady < 102  # the second of two, in a mean over five
    [estimate] = unsteady.estimate([(picture(104), CAMERA)], options)
    np.testing.assert_allclose(estimate.depth, 3 * 104 / 255, rtol=1e-4)


# -- pictures that do not stand upright --

@pytest.mark.parametrize('quarters', [1, 2, 3])
@pytest.mark.parametrize('size', ['full', 'network'])
@pytest.mark.parametrize('network', [estimator, told])
def test_a_camera_that_hangs_otherwise_gives_the_depth_of_the_upright_one(
        network, size, quarters):
    rng = np.random.default_rng(quarters)
    small = rng.integers(20, 255, (8, 16, 3), dtype=np.uint8)
    upright = cv2.resize(small, (128, 64), interpolation=cv2.INTER_CUBIC)
    camera = PinholeCamera(128, 64, 120.0, 125.0, 60.0, 33.0)
    options = replace(ALL, publish_size=size, points=PointOptions(organized=True, edge=0))
    network = network()
    [expected] = network.estimate([(upright, camera)], options)
    # What the camera gives: the upright picture turned anticlockwise.
    hung, there = np.rot90(upright, quarters), camera.turned(-quarters)
    assert (there.height, there.width) == hung.shape[:2]
    [turned] = network.estimate([(np.ascontiguousarray(hung), there)],
                                replace(options, rotation=90 * quarters))
    for name in ('depth', 'color', *(['confidence'] if network.network.has_confidence else [])):
        np.testing.assert_array_equal(
            getattr(turned, name), np.rot90(getattr(expected, name), quarters), name)
    assert turned.camera == expected.camera.turned(-quarters)
    assert turned.camera.turned(quarters) == pytest.approx(expected.camera)
    assert turned.depth.flags.c_contiguous
    # The points lie where the camera has them, of the same colours.
    points, found = (one.cloud.data.view(np.float32) for one in (expected, turned))
    for _ in range(quarters):
        x, y, z, rgb = np.moveaxis(np.rot90(points), -1, 0)
        points = np.stack([y, -x, z, rgb], -1)
    np.testing.assert_allclose(found[..., :3], points[..., :3], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found[..., 3].view(np.uint32), points[..., 3].view(np.uint32))


@pytest.mark.parametrize('quarters', [1, 2, 3])
@pytest.mark.parametrize('size', ['full', 'network'])
@pytest.mark.parametrize('camera', [PinholeCamera(128, 64, 91.3, 133.7, 71.1, 29.3),
                                    PinholeCamera(128, 64, 171.7, 90.1, 55.7, 33.3)])
def test_so_it_does_where_the_training_camera_saw_another_part(camera, size, quarters):
    """Numbers whose turns are not exact in floating point, and windows beyond and inside."""
    small = np.random.default_rng(quarters).integers(20, 255, (8, 16, 3), dtype=np.uint8)
    upright = cv2.resize(small, (128, 64), interpolation=cv2.INTER_CUBIC)
    network, options = estimator(), replace(ALL, publish_size=size)
    [expected] = network.estimate([(upright, camera)], options)
    # At most the twist of rounding between a camera that is turned there and back.
    [turned] = network.estimate(
        [(np.ascontiguousarray(np.rot90(upright, quarters)), camera.turned(-quarters))],
        replace(options, rotation=90 * quarters))
    np.testing.assert_allclose(turned.depth, np.rot90(expected.depth, quarters), rtol=1e-4)


def test_a_picture_that_stands_upright_is_not_copied_for_that():
    network = estimator()
    view = network._view(CAMERA, 'full', 0)
    planes = torch.zeros(3, 64, 128)
    assert view.back(planes) is planes


def test_a_lens_is_undone_before_the_picture_is_turned():
    camera = replace(CAMERA, lens=Lens(
        'plumb_bob', (128.0, 0.0, 63.5, 0.0, 128.0, 31.5, 0.0, 0.0, 1.0),
        (0.3, 0.1, 0.0, 0.0, 0.0), tuple(np.eye(3).ravel())))
    red = cv2.resize(np.random.default_rng(0).integers(20, 255, (8, 16), dtype=np.uint8),
                     (128, 64))
    [straight] = estimator(size=(128, 64)).estimate([(picture(red), camera)], ALL)
    [turned] = estimator(size=(128, 64)).estimate(
        [(picture(red), camera)], replace(ALL, rotation=180))
    assert 0.01 < np.isnan(straight.depth).mean() < 0.5
    np.testing.assert_allclose(turned.depth, straight.depth, rtol=1e-4)


def test_depth_without_a_scale_stays_as_the_camera_has_it():
    red = np.full((64, 128), 51, np.uint8)
    red[:, :64] = 204
    request = Request(picture(red), CAMERA, replace(ALL, rotation=90), {'depth'}, unscaled=True)
    [estimate] = estimator().estimate_all([request])
    depth, grid = estimate.unscaled.depth, estimate.unscaled.camera
    assert (grid.height, grid.width) == depth.shape
    middle = depth[depth.shape[0] // 2]
    assert middle[np.isfinite(middle)][0] < middle[np.isfinite(middle)][-1]
