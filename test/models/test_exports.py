# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Networks that are published as ONNX files, as files of our own with their inputs and outputs.

The files themselves cannot be had here: what comes out of these is known exactly.
"""
from dataclasses import replace
from functools import partial
import hashlib
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import threading

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import catalogue, exports
from depth_estimation_ros.models.contract import ModelError
from depth_estimation_ros.models.networks import open_network
from depth_estimation_ros.models.onnx import open_file
import numpy as np
from onnx_files import depth_anything_3, METRIC, metric3d, moge, write
import pytest
import torch

pytest.importorskip('onnx', reason='the tests export networks with onnx')
pytest.importorskip('onnxruntime', reason='exported networks need onnxruntime')

OPTIONS = DepthOptions(min_depth=1e-3)


def red(width, height, low=0.2, high=0.8):
    """Return a picture whose red grows from left to right, and which red that is, in 0..1."""
    row = np.linspace(low * 255, high * 255, width).round().astype(np.uint8)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = row
    return picture, row / 255


def estimate(name, path, camera, picture, size='auto'):
    """Return the depth of a network of the catalogue whose file is that."""
    estimator = DepthEstimator(open_network(name, path, size).network, 'cpu', 'fp32')
    [found] = estimator.estimate([(picture, camera)], OPTIONS, outputs={'depth'})
    return found.depth


@pytest.mark.parametrize('focal', [120.0, 300.0])
@pytest.mark.parametrize('size', [(160, 90), (90, 160), (120, 120)])
def test_depth_anything_3_is_metric_by_the_focal_length_whatever_the_shape(tmp_path, focal, size):
    picture, values = red(*size)
    picture[:size[1] // 4, :, 2] = 255  # the sky of that file is blue
    camera = PinholeCamera(*size, focal, focal, size[0] / 2, size[1] / 2)
    depth = estimate('depth_anything_3_metric_large', depth_anything_3(tmp_path), camera, picture)
    # The input is 56x56, pixels square, so that its longer side says how it was resized.
    expected = 10 * values * focal * 56 / max(size) / 300
    below = depth[size[1] // 4 + 4:]
    np.testing.assert_allclose(below[:, 4:-4], np.tile(expected[4:-4], (len(below), 1)), rtol=0.04)
    assert np.isposinf(depth[:size[1] // 4 - 4]).all()


@pytest.mark.parametrize('focal', [200.0, 500.0])
def test_metric3d_is_metric_by_its_canonical_camera(tmp_path, focal):
    picture, values = red(320, 120)
    camera = PinholeCamera(320, 120, focal, focal, 160, 60)
    path = metric3d(tmp_path)
    depth = estimate('metric3d_v2_small', path, camera, picture)
    width, height = open_network('metric3d_v2_small', path).network.input_size(camera)
    assert (width % 28, height % 28) == (0, 0)
    assert width * height == pytest.approx(1064 * 616, rel=0.03)
    assert width / height == pytest.approx(320 / 120, rel=0.03)
    # It is given 0 to 255, which it divides itself.
    zoom = (width / 320 + height / 120) / 2
    expected = 10 * values * focal * zoom / 1000
    np.testing.assert_allclose(depth[:, 4:-4], np.tile(expected[4:-4], (120, 1)), rtol=0.02)


@pytest.mark.parametrize('shift', [0.0, 0.7, -0.15])
def test_moge_gets_its_shift_from_the_camera(tmp_path, shift):
    """Its points are of depth 0.4 to 1 in a unit of 5 m, moved along the axis by an unknown."""
    picture, values = red(320, 240, 0.4, 1.0)
    picture[100:140, :, 1] = 255  # what is green is not valid in that file
    camera = PinholeCamera(320, 240, 260.0, 260.0, 150.0, 125.0)
    path = moge(tmp_path, (260 / 320, 260 / 240, 150.5 / 320, 125.5 / 240), shift)
    depth = estimate('moge_2_small', path, camera, picture)
    assert np.isnan(depth[104:136]).all()
    for rows in (slice(0, 96), slice(144, 240)):
        part = depth[rows]
        np.testing.assert_allclose(part, np.tile(5 * values, (len(part), 1)), rtol=0.02)


def test_the_shift_is_where_the_points_lie_nearest_to_what_the_camera_sees(tmp_path):
    """Of points that fit no shift, as those of a camera that is not the one that looks."""
    from depth_estimation_ros.models.onnx import _depth_of
    random = torch.Generator().manual_seed(0)
    z = torch.rand(2, 1, 48, 64, generator=random) * 3 + 1
    x, y = torch.meshgrid(torch.linspace(-.6, .6, 64), torch.linspace(-.4, .4, 48), indexing='xy')
    points = torch.cat((x * z, y * z, z), 1) + 0.02 * torch.randn(2, 3, 48, 64, generator=random)
    cameras = torch.tensor([[45.0, 45, 31.5, 23.5], [70, 70, 30, 20]])
    depth = _depth_of(points, None, cameras, 48, 64)
    u, v = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing='xy')
    for cloud, camera, found in zip(points, cameras, depth):
        def off(shift):
            there = cloud[2] + shift
            return sum(((cloud[0] / there - (u - camera[2]) / camera[0])**2
                        + (cloud[1] / there - (v - camera[3]) / camera[1])**2).flatten())
        solved = float((found - cloud[2:]).median())
        best = min((solved + step for step in (-0.05, -0.01, -0.002, 0, 0.002, 0.01, 0.05)),
                   key=off)
        assert best == solved


def test_points_that_say_nothing_are_no_depth():
    from depth_estimation_ros.models.onnx import _depth_of
    camera = torch.tensor([[50.0, 50, 16, 12]])
    for value in (0.0, float('nan'), float('inf'), -1.0):
        depth = _depth_of(torch.full((1, 3, 24, 32), value), None, camera, 24, 32)
        assert depth.isnan().all()


def test_half_of_what_is_said_is_refused_with_what_to_say(tmp_path):
    points = 'output: points\nscale: metric from intrinsics\nmetres_per_unit: 1\n'
    for recipe, said in (
            ('output: points\nscale: metric\nmetres_per_unit: 1\n', 'set scale to metric from in'),
            (points + 'canonical_focal: 300\n', 'has no use for it'),
            (points, "gives 'depth' as torch.float32 of shape (1, 1, 16, 32) instead of floats of "
             'shape (1, h, w, 3)'),
            (METRIC + 'unit: flat\noutput_name: depth\n', 'instead of floats of shape (1,)'),
            (METRIC + 'inputs: {tokens: 3}\n', 'instead of the picture and tokens alone'),
            (METRIC + 'inputs: {image: 3}\n', 'instead of the picture and'),
            (METRIC + 'inputs: {tokens: -3}\n', 'whole numbers by the name of their input'),
            ('output: depth\nscale: up to scale\nunit: flat\n', 'take unit out')):
        outputs = ('depth', 'flat') if 'flat' in recipe else ('depth',)
        path = write(tmp_path, recipe, outputs=outputs)
        with pytest.raises(ModelError) as error:
            network = open_file(path)
            network.module(torch.zeros(1, 3, 16, 32), torch.ones(1, 4))
        assert said in str(error.value)
    two = write(tmp_path, METRIC + 'inputs: {other: 3}\n', inputs=2)
    with pytest.raises(ModelError, match="as 'other' instead of one number"):
        open_file(two)


def test_they_are_fetched_by_name_and_read_by_our_yaml(tmp_path, monkeypatch, capsys):
    from depth_estimation_ros import cli
    path = depth_anything_3(tmp_path)
    entry = catalogue.find('depth_anything_3_metric_large')
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    [there] = entry.downloads
    local = replace(there, url=f'http://127.0.0.1:{server.server_port}/{path.name}',
                    size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, replace(entry, downloads=(local,)))
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'cache'))
    try:
        assert cli.main(['models', 'fetch', entry.name]) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert local.sha256 in capsys.readouterr().out
    loaded = open_network(entry.name)
    assert loaded.sha256 == {'model.onnx': local.sha256}
    assert loaded.path == tmp_path / 'cache' / entry.name
    assert 'focal length of 300' in loaded.network.contract.reason


def test_each_of_them_has_a_yaml_and_says_that_it_was_not_run(monkeypatch, tmp_path):
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path))
    for entry in exports.ENTRIES:
        assert 'not run by us' in entry.published and entry.commercial
        [download] = entry.downloads
        assert download.url.startswith('https://huggingface.co/') and download.name == 'model.onnx'
        assert download.sha256 or len(download.url.split('/')[6]) == 40, 'or else bytes may change'
        with pytest.raises(ValueError, match=f'models fetch {entry.name}'):
            open_network(entry.name)
        with pytest.raises(ModelError, match='is not a file'):
            entry.open(tmp_path)
