# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trust per pixel of networks that have none of their own."""
from dataclasses import replace

from depth_estimation_ros.drives import read_image
from depth_estimation_ros.drives.kitti import annotated_depth, kitti_object
from depth_estimation_ros.estimation.confidence import confidence, CUES
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.evaluation import metrics
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
import numpy as np
import pytest
import torch

CAMERA = PinholeCamera(320, 96, 186.0, 186.0, 159.5, 47.5)


def street(seed=0):
    """Return depth of a road under a wall of boxes, (96, 320) float32."""
    down = (torch.arange(96.0) - CAMERA.cy)[:, None] / CAMERA.fy
    walls = torch.from_numpy(np.random.default_rng(seed).uniform(8, 40, 10)).float()
    return torch.minimum(torch.where(down > 0, 1.6 / down.clamp(min=1e-3), 1e4),
                         walls.repeat_interleave(32)[None])


def test_it_is_a_probability_per_pixel_and_none_where_there_is_no_depth():
    depth = street()
    depth[3, 4], depth[5, 6], depth[7, 8], depth[9, 10] = torch.nan, -torch.inf, 0, torch.inf
    sure = confidence(depth, CAMERA, street(1))
    assert sure.shape == depth.shape and sure.dtype == torch.float32
    assert sure[3, 4] == sure[5, 6] == sure[7, 8] == 0 < sure[9, 10]
    assert 0 <= sure.min() and sure.max() <= 1


def test_it_falls_where_the_mirrored_picture_is_seen_otherwise():
    depth = street()
    other = depth.clone()
    other[:, 200:260] *= 1.3
    change = confidence(depth, CAMERA, other) - confidence(depth, CAMERA, depth)
    assert change.max() <= 0
    assert change[:, 210:250].mean() < -0.1
    assert change[:, :140].abs().max() < 1e-5


def test_it_falls_with_the_range_of_the_floor_at_a_row():
    sure = confidence(torch.full((96, 320), 10.0), CAMERA, cues=('range',))
    assert (sure.diff(dim=0) >= 0).all() and sure[90, 0] > sure[40, 0] + 0.2


def test_it_falls_at_edges():
    depth = torch.full((96, 320), 10.0)
    depth[:, 160:] = 20.0
    sure = confidence(depth, CAMERA, cues=('edges',))[50]
    assert sure[158:162].max() < sure[[20, 300]].min()


def test_each_cue_can_be_switched_off():
    depth, other = street(), street(1)
    made = {cue: confidence(depth, CAMERA, other, [c for c in CUES if c != cue]) for cue in CUES}
    everything = confidence(depth, CAMERA, other, CUES)
    assert all(not torch.allclose(one, everything) for one in made.values())
    torch.testing.assert_close(made['flip'], confidence(depth, CAMERA, cues=CUES))
    torch.testing.assert_close(made['edges'], confidence(depth, CAMERA, other))
    nothing = confidence(depth, CAMERA, other, ())
    assert nothing.min() == nothing.max() and 0.6 < nothing.max() < 0.95


@pytest.mark.parametrize('width, height, focal', [(160, 48, 93.0), (1242, 375, 720.0),
                                                  (64, 64, 600.0), (2, 2, 3.0),
                                                  (640, 480, 0.01)])
def test_any_grid_will_do(width, height, focal):
    camera = PinholeCamera(width, height, focal, focal, width / 2, height / 2)
    depth = torch.rand(height, width) * 30 + 1
    assert confidence(depth, camera, depth.flip(-1)).shape == (height, width)


@pytest.mark.parametrize('name, weights, frames, off', [
    ('rt_monodepth_s', 'rt_monodepth_s_ms_640x192', ('open', 'narrow'), 0.2),
    # It is wrong nearly everywhere there, and not told so by its mirror.
    ('meter_kitti', 'meter_xxs/build_model_best_kitti_xxs', ('narrow',), 0.4)])
def test_it_ranks_real_pixels_better_than_range_and_than_the_image_row(shared, name, weights,
                                                                       frames, off):
    data = shared / 'data'
    network = networks.open_network(name, data / 'weights' / weights).network
    estimator = DepthEstimator(network, 'cpu', 'fp32')
    [file] = (data / 'kitti_annotated/image').glob('*.png')
    narrow = kitti_object(data / 'kitti_object/training', '000000')
    real = {'open': (read_image(file),
                     PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854),
                     annotated_depth(data / 'kitti_annotated/depth' / file.name)),
            'narrow': (narrow.image(), narrow.camera, narrow.depth())}
    for bgr, camera, truth in map(real.get, frames):
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        turned = replace(camera, cx=camera.width - 1 - camera.cx)
        seen, mirrored = (estimate.depth for estimate in estimator.estimate(
            [(rgb, camera), (np.ascontiguousarray(rgb[:, ::-1]), turned)], outputs={'depth'}))
        sure = confidence(torch.from_numpy(seen), camera,
                          torch.from_numpy(mirrored[:, ::-1].copy())).numpy()
        found, _ = metrics.evaluate_confidence(sure, seen, truth,
                                               crop=metrics.garg_crop(*truth.shape))
        assert found.area < min(found.by_range, found.by_row)
        assert found.ece < off
