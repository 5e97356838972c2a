# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The metrics are those of the KITTI papers, and a real network's published figures come out.

Those of a confidence are worked out by hand.
"""

from __future__ import annotations

from dataclasses import asdict, replace
import math
from pathlib import Path

from depth_estimation_ros.drives import read_image
from depth_estimation_ros.drives.kitti import annotated_depth, kitti_object, KittiDrive
from depth_estimation_ros.evaluation.metrics import (
    calibration, calibration_error, DepthMetrics, eigen_crop, evaluate_confidence, evaluate_depth,
    EvaluationError, garg_crop, mean, nyu_crop, parts, short_names, sparsification,
    table)
from depth_estimation_ros.evaluation.sheets import colorize, picture_sheet, span_of
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import catalogue
from depth_estimation_ros.models.weights import load_checkpoint
import numpy as np
import pytest
import torch

DATA = Path(__file__).resolve().parents[3] / 'shared' / 'data'
real = pytest.mark.skipif(not DATA.is_dir(), reason='the real frames of ../shared are not here')

TRUTH = np.array([[2.0, 4.0, 10.0, 0.0]])


def test_metrics_of_a_small_picture_worked_out_by_hand():
    metrics = evaluate_depth(np.array([[3.0, 4.0, 5.0, 7.0]]), TRUTH)
    logs = math.log(1.5) ** 2 + math.log(2) ** 2
    assert asdict(metrics) == pytest.approx({
        'n': 3, 'missing': 0,
        'abs_rel': (1 / 2 + 0 + 5 / 10) / 3,
        'sq_rel': (1 / 2 + 0 + 25 / 10) / 3,
        'rmse': math.sqrt((1 + 0 + 25) / 3),
        'rmse_log': math.sqrt(logs / 3),
        'd1': 1 / 3,  # factors 1.5, 1, 2 against 1.25, 1.5625, 1.953
        'd2': 2 / 3,
        'd3': 2 / 3,
        'median_ratio': 1.0})


def test_median_scaling_removes_a_wrong_scale_and_tells_it():
    assert evaluate_depth(TRUTH / 5.4, TRUTH).median_ratio == pytest.approx(5.4)
    assert evaluate_depth(TRUTH / 5.4, TRUTH).abs_rel == pytest.approx(1 - 1 / 5.4)
    scaled = evaluate_depth(TRUTH / 5.4, TRUTH, median_scale=True)
    assert (scaled.abs_rel, scaled.median_ratio) == pytest.approx((0, 5.4))


def test_prediction_is_clipped_after_the_scaling():
    truth = np.array([[1.0, 40.0, 60.0]])
    # The median ratio is 4, so 30 becomes 120 and counts as 80.
    assert evaluate_depth(np.array([[0.25, 10.0, 30.0]]), truth, median_scale=True).rmse == (
        pytest.approx(math.sqrt(20 ** 2 / 3)))


def test_prediction_below_the_minimum_is_clipped_to_it():
    metrics = evaluate_depth(np.array([[-5.0, 4.0, 10.0, 1.0]]), TRUTH, min_depth=1.0)
    assert metrics.abs_rel == pytest.approx(1 / 2 / 3)


@pytest.mark.parametrize('nothing', [math.nan, -math.inf])
def test_what_is_not_known_is_counted_and_not_clipped(nothing):
    metrics = evaluate_depth(np.array([[nothing, 4.0, 5.0, nothing]]), TRUTH)
    assert (metrics.n, metrics.missing) == (3, 1)
    assert metrics.abs_rel == pytest.approx(0.25)


def test_out_of_range_is_as_far_as_the_metric_looks():
    metrics = evaluate_depth(np.array([[math.inf, 4.0, 5.0, math.inf]]), TRUTH)
    same = evaluate_depth(np.array([[80.0, 4.0, 5.0, 80.0]]), TRUTH)
    assert metrics.missing == 0 and metrics.abs_rel == same.abs_rel


def test_truth_counts_strictly_between_the_limits():
    truth = np.array([[1e-3, 0.5, 79.9, 80.0, 0.0, math.nan]])
    assert evaluate_depth(np.ones_like(truth), truth).n == 2


def test_crop_limits_what_is_compared():
    truth = np.ones((480, 640))
    prediction = np.full((480, 640), 9.0)
    prediction[nyu_crop(480, 640)] = 1
    metrics = evaluate_depth(prediction, truth, crop=nyu_crop(480, 640))
    assert (metrics.n, metrics.abs_rel) == (426 * 560, 0)


def test_crops_of_a_kitti_picture():
    assert garg_crop(375, 1242) == (slice(153, 371), slice(44, 1197))
    assert eigen_crop(375, 1242) == (slice(124, 342), slice(44, 1197))
    assert nyu_crop(480, 640) == (slice(45, 471), slice(41, 601))
    with pytest.raises(EvaluationError, match='640x480 pictures, this one is 1242x375'):
        nyu_crop(375, 1242)


@pytest.mark.parametrize('prediction, truth, sentence', [
    (np.ones((2, 4)), TRUTH, r'shape \(2, 4\), the truth \(1, 4\)'),
    (np.ones((1, 4)), np.zeros((1, 4)), 'no depth between 0.001 and 80 m'),
    (np.full((1, 4), math.nan), TRUTH, 'no depth above 0 at the 3 pixels'),
    (-TRUTH, TRUTH, 'no depth above 0 at the 3 pixels')])
def test_what_cannot_be_compared_is_refused(prediction, truth, sentence):
    with pytest.raises(EvaluationError, match=sentence):
        evaluate_depth(prediction, truth)


def test_mean_gives_every_frame_the_same_weight_and_sums_the_counts():
    near = evaluate_depth(np.array([[3.0]]), np.array([[2.0]]))
    many = evaluate_depth(np.array([[4.0, 4.0, math.nan]]), np.array([[4.0, 4.0, 4.0]]))
    both = mean([near, many])
    assert (both.n, both.missing) == (4, 1)
    assert both.abs_rel == pytest.approx((0.5 + 0) / 2)
    with pytest.raises(EvaluationError, match='no frames'):
        mean([])


def test_table_has_a_line_for_each_row_and_aligned_columns():
    metrics = DepthMetrics(214_896, 12, 0.2059, 1.5, 7.25, 0.3, 0.752, 0.9, 0.95, 5.77)
    lines = table([('drive_0052', metrics), ('a', metrics)]).splitlines()
    assert lines[0].split()[:3] == ['n', 'none', 'abs_rel'] and lines[0].endswith(' ratio')
    assert lines[1].startswith('drive_0052 214896   12')
    assert '0.2059' in lines[1]
    assert {len(line) for line in lines} == {79}
    none = replace(metrics, missing=0)
    lines = table([('a', none), ('b', none)]).splitlines()
    assert 'none' not in lines[0] and lines[1].startswith('a  214896   0.2059')


def test_names_in_tables_are_told_apart_and_no_longer_than_needed():
    assert short_names(['0001', '0002']) == ['0001', '0002']
    stamps = ['1795893614453708025', '1795893614553708025', '1795893615453708025']
    assert short_names(stamps) == ['4453708025', '4553708025', '5453708025']
    assert short_names(['a_long_name_of_a_frame']) == ['a_long_name_of_a_frame']
    assert short_names(['a_long_name', 'a_long_name_2']) == ['e', '_2']


def test_sparsification_removes_the_least_trusted_first():
    error = np.arange(20.0)
    curve = sparsification(error, -error)
    # Of 20 pixels, 20, 19 .. 1 with the smallest errors are left.
    np.testing.assert_allclose(curve, [np.arange(n).mean() for n in range(20, 0, -1)])
    np.testing.assert_allclose(sparsification(error, error), 19 - curve)


def test_pixels_of_equal_trust_are_left_and_removed_together():
    error = np.array([1.0, 0.0] * 20)
    np.testing.assert_allclose(sparsification(error, np.ones(40)), 0.5)
    np.testing.assert_allclose(sparsification(error[::-1], np.ones(40)), 0.5)
    trust = np.repeat([1.0, 0.0], 20)  # the first half is trusted, its errors sum up to 10
    errors = np.concatenate([np.full(20, 0.25), error[20:]])
    np.testing.assert_allclose(sparsification(errors, trust)[10:], 0.25)


def test_the_share_that_is_left_is_rounded_up_so_that_there_is_some():
    np.testing.assert_allclose(sparsification(np.array([5.0]), np.array([1.0])), 5)
    np.testing.assert_allclose(sparsification(np.array([1.0, 3.0]), np.array([1.0, 0.0])),
                               [2] * 10 + [1] * 10)


def test_calibration_counts_what_was_said_and_what_was_so():
    bins = calibration(np.array([0.05, 0.95, 0.95, 1.0, 0.0]),
                       np.array([False, True, True, False, True]))
    np.testing.assert_allclose(bins[0], [2, 0.05, 1])
    np.testing.assert_allclose(bins[9], [3, 2.9, 2])
    assert not bins[1:9].any()
    assert calibration_error(bins) == pytest.approx((0.95 + 0.9) / 5)


def test_a_probability_that_is_right_has_no_calibration_error():
    confidence = np.repeat([0.2, 0.8], 10)
    right = np.array([True] * 2 + [False] * 8 + [True] * 8 + [False] * 2)
    assert calibration_error(calibration(confidence, right)) == pytest.approx(0)
    assert calibration_error(calibration(confidence, ~right)) == pytest.approx(0.6)


def test_confidence_of_a_small_picture_worked_out_by_hand():
    truth = np.array([[10.0, 20.0], [0.0, 40.0]])
    depth = np.array([[15.0, 20.0], [9.0, 44.0]])  # relative errors 0.5, 0, none, 0.1
    confidence = np.array([[0.1, 0.9], [0.9, 0.8]])
    metrics, bins = evaluate_confidence(confidence, depth, truth)

    # Of 3 pixels 3 are left for 7 steps (over 2/3), 2 for 7 (over 1/3), 1 for 6.
    def area(*left):
        return sum(n * one for n, one in zip((7, 7, 6), left)) / 20

    assert asdict(metrics) == pytest.approx({
        'n': 3, 'area': area(0.2, 0.05, 0), 'best': area(0.2, 0.05, 0),
        'by_range': area(0.2, 0.25, 0.5), 'by_row': area(0.2, (0.1 + 0.25) / 2, 0.1),
        'abs_rel': 0.2, 'ece': (0.1 + 0.1 + 0.2) / 3})
    assert bins[:, 0].sum() == 3
    assert metrics.abs_rel == evaluate_depth(depth, truth).abs_rel


def test_confidence_is_judged_where_depth_is_known_and_out_of_range_counts_as_far():
    depth = np.array([[math.nan, 4.0, math.inf, 5.0]])
    metrics, _ = evaluate_confidence(np.array([[0.0, 0.7, 0.7, 0.7]]), depth, TRUTH)
    assert metrics.n == 2 and metrics.abs_rel == pytest.approx((0 + 7) / 2)
    both = mean([metrics, metrics])
    assert (both.n, both.abs_rel) == (4, metrics.abs_rel)
    assert table([('frame', both)]).split()[:4] == ['n', 'area', 'by_range', 'by_row']


def test_a_crop_limits_the_confidence_too():
    truth = np.full((4, 4), 10.0)
    depth = np.where(np.arange(16).reshape(4, 4) < 8, 10.0, 20.0)
    metrics, _ = evaluate_confidence(np.ones((4, 4)), depth, truth,
                                     crop=(slice(1, 3), slice(0, 4)))
    assert (metrics.n, metrics.abs_rel, metrics.ece) == (8, 0.5, 0.5)


def test_a_confidence_of_another_size_is_refused():
    with pytest.raises(EvaluationError, match=r'confidence has shape \(1, 3\)'):
        evaluate_confidence(np.ones((1, 3)), TRUTH, TRUTH)
    with pytest.raises(EvaluationError, match='nothing to be confident of'):
        evaluate_confidence(np.ones((1, 4)), np.full((1, 4), math.nan), TRUTH)


def test_colors_are_red_near_and_blue_far_and_black_where_there_is_none():
    depth = np.array([[1.0, 2.0, 20.0, 60.0, math.nan, math.inf, 0.0, -1.0]])
    colors = colorize(depth, 1, 80)
    assert colors.shape == (1, 8, 3)
    (blue, _, red), (far_blue, _, far_red) = colors[0, 1].astype(int), colors[0, 3].astype(int)
    assert red > blue + 100
    assert far_blue > far_red + 100
    assert not colors[0, 4:].any()


def test_color_depends_on_the_fixed_range_alone():
    alone = colorize(np.array([[7.0]]), 1, 80)
    among = colorize(np.array([[7.0, 2.0, 500.0, 0.1]]), 1, 80)
    assert (alone[0, 0] == among[0, 0]).all()
    assert (among[0, 2:] == colorize(np.array([[80.0, 1.0]]), 1, 80)[0]).all()


@pytest.mark.parametrize(('near', 'far', 'span'), [
    (1.2, 4.4, (1.0, 5.0, 5.0)), (3.0, 70.0, (2.0, 80.0, 50.0)), (0.3, 0.35, (0.2, 0.5, 2.0)),
    (500.0, 900.0, (80.0, 160.0, 50.0))])
def test_the_bar_and_the_view_from_above_suit_rooms_and_streets(near, far, span):
    depth = np.geomspace(near, far, 1000).reshape(20, 50)
    depth[0, 0], depth[0, 1] = np.nan, np.inf
    assert span_of(depth) == span
    assert span_of(np.full((3, 3), np.nan)).near > 0


def test_sheet_shows_what_it_is_given():
    image = np.full((60, 200, 3), 90, np.uint8)
    depth = np.full((60, 200), 10.0, np.float32)
    depth[:20] = math.inf
    truth = np.zeros((60, 200), np.float32)
    truth[30, 100] = 20
    camera = PinholeCamera(width=200, height=60, fx=120.0, fy=120.0, cx=100.0, cy=30.0)
    plain = picture_sheet(image, depth)
    compared = picture_sheet(image, depth, truth=truth)
    full = picture_sheet(image, depth, camera=camera, truth=truth)
    assert plain.dtype == np.uint8
    assert plain.shape[0] == compared.shape[0] == full.shape[0]
    assert plain.shape[1] < compared.shape[1] < full.shape[1]
    sure = np.full((60, 200), 0.5)
    trusted = picture_sheet(image, depth, camera=camera, confidence=sure)
    assert trusted.shape[0] > plain.shape[0]  # below, where there is no truth to stand beside
    assert picture_sheet(image, depth, camera, truth, None, sure).shape[0] == full.shape[0]
    # Half the true distance is the reddest red; it is nowhere in a sheet that has no truth.
    too_near = np.array((40, 50, 225))
    assert (compared == too_near).all(-1).sum() > (plain == too_near).all(-1).sum()


def lanczos(size_in: int, size_out: int) -> np.ndarray:
    """Give pillow's LANCZOS for one axis as a matrix (size_out, size_in): support 3 * scale."""
    scale = size_in / size_out
    stretch = max(scale, 1)
    centre = (np.arange(size_out)[:, None] + 0.5) * scale
    pixel = np.arange(size_in)
    x = (pixel + 0.5 - centre) / stretch
    # Pillow looks at whole pixels only, the window's ends rounded.
    seen = (pixel >= np.floor(centre - 3 * stretch + 0.5)) & (
        pixel < np.floor(centre + 3 * stretch + 0.5)) & (np.abs(x) < 3)
    weights = np.where(seen, np.sinc(x) * np.sinc(x / 3), 0)
    return weights / weights.sum(1, keepdims=True)


def resize_lanczos(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize (H, W, 3) uint8 as pillow does: along rows, to whole numbers, along columns."""
    def whole(values):
        return np.clip(np.rint(values), 0, 255).astype(np.float32)

    rows = lanczos(rgb.shape[1], width).astype(np.float32)
    columns = lanczos(rgb.shape[0], height).astype(np.float32)
    planes = np.moveaxis(rgb.astype(np.float32), -1, 0)
    return np.moveaxis(whole(columns @ whole(planes @ rows.T)), 0, -1).astype(np.uint8)


@real
def test_lanczos_of_this_test_is_that_of_pillow():
    pillow = pytest.importorskip('PIL.Image', reason='pillow is not installed')
    (image, _), = frames('annotated')
    rgb = np.ascontiguousarray(image[..., ::-1])
    theirs = np.asarray(pillow.fromarray(rgb).resize((640, 192), pillow.Resampling.LANCZOS))
    assert np.abs(resize_lanczos(rgb, 640, 192).astype(int) - theirs).max() <= 1


@real
@pytest.mark.parametrize('scene, count, abs_rel, d1, scaled_abs_rel, ratio', [
    ('annotated', 87_504, 0.0398, 0.9895, 0.0360, 5.268),
    ('object', 17_495, 0.1796, 0.627, 0.1613, 6.718),
    ('drive', 214_896, 0.206, 0.752, 0.236, 5.77)])
def test_original_recipe_gives_the_published_figures(scene, count, abs_rel, d1, scaled_abs_rel,
                                                     ratio):
    checkpoint = load_checkpoint(DATA / 'weights' / 'rt_monodepth_s_ms_640x192',
                                 ('encoder.pth', 'depth.pth'))
    network = catalogue.build('rt_monodepth_s', checkpoint.files)
    raw, scaled = [], []
    for image, truth in frames(scene):
        rgb = resize_lanczos(image[..., ::-1], network.input_width, network.input_height)
        with torch.inference_mode():
            inverse, _ = network.module(
                torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255)
            inverse = torch.nn.functional.interpolate(
                inverse, truth.shape, mode='bilinear', align_corners=False)
        depth = 1 / inverse[0, 0].numpy()
        crop = garg_crop(*truth.shape)
        raw.append(evaluate_depth(5.4 * depth, truth, crop=crop))
        scaled.append(evaluate_depth(depth, truth, crop=crop, median_scale=True))
    raw, scaled = mean(raw), mean(scaled)
    assert (raw.n, raw.missing) == (count, 0)
    assert (raw.abs_rel, scaled.abs_rel) == pytest.approx((abs_rel, scaled_abs_rel), abs=6e-4)
    assert raw.d1 == pytest.approx(d1, abs=1e-3)
    assert scaled.median_ratio == pytest.approx(ratio, abs=0.01)


def frames(scene: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give the pictures (BGR) of a scene with their true depth."""
    if scene == 'annotated':
        folder = DATA / 'kitti_annotated'
        return [(read_image(folder / 'image' / '0000000005.png'),
                 annotated_depth(folder / 'depth' / '0000000005.png'))]
    if scene == 'object':
        drive = [kitti_object(DATA / 'kitti_object' / 'training', '000000')]
    else:
        drive = KittiDrive(DATA / 'kitti_raw' / '2011_09_26' / '2011_09_26_drive_0052_sync')
    return [(frame.image(), frame.depth()) for frame in drive]


def test_the_parts_of_a_picture_add_up_to_the_whole():
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.5, 50, (60, 90))
    truth[20:25, 60:] = 85.0
    depth = truth * rng.uniform(0.6, 1.6, truth.shape)
    depth[:, :30] = truth[:, :30] * 1.5  # the left third is read too far
    depth[0, 0] = np.nan
    crop = slice(10, 55), slice(3, 90)
    whole = evaluate_depth(depth, truth, crop=crop)
    found = parts(depth, truth, crop=crop)
    assert found.ranges.shape == (8, 4) and found.regions.shape == (4, 6, 4)
    for sums in (found.ranges.sum(0), found.regions.sum((0, 1))):
        assert sums[0] == whole.n - whole.missing
        assert sums[1] / sums[0] == pytest.approx(whole.abs_rel)
    assert found.ranges[7, 0] == 0 and found.ranges[0, 0] == (
        (truth[crop] < 1).sum())  # nothing beyond 80 m counts
    left = found.regions[1:3, 0].sum(0)
    assert found.regions[1:3, :2, 2].sum() == 0
    assert math.exp(left[3] / left[0]) == pytest.approx(1.5, rel=0.05)
    # Of a picture twice as large each cell has four times the pixels.
    large = parts(*(np.kron(image, np.ones((2, 2))) for image in (depth, truth)))
    np.testing.assert_allclose(large.regions, 4 * parts(depth, truth).regions)
