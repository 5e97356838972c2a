# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node on an exported network: `model: onnx:<file>`."""
from dataclasses import replace

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.onnx import open_file
from harness import depth_array, image, info, served
from key_init import synth
import numpy as np
import pytest
from onnx_files import ANY, catalogue_network, depth_anything_3, export, metric3d, moge, write

CAMERA = PinholeCamera(320, 96, 185.6, 184.32, 156.3, 44.6)  # KITTI's, but smaller
PICTURE = synth(96, 320)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Return the path of RT-MonoDepth-S, exported."""
    return export(catalogue_network(), tmp_path_factory.mktemp('net') / 'net.onnx', ANY)


@pytest.fixture(scope='module')
def running(file):
    """Run the node on that network, and a robot that reads its depth."""
    with served({'model': f'onnx:{file}', 'device': 'cpu'}, outputs=('depth/image_rect',)) as both:
        yield both


def test_its_depth_is_that_of_the_network_in_torch(running, robot, file):
    node, _ = running
    depth = depth_array(robot.ask(image(PICTURE[..., ::-1])))
    in_torch = replace(open_file(file), module=catalogue_network())
    [expected] = DepthEstimator(in_torch, 'cpu').estimate([(PICTURE, CAMERA)], outputs={'depth'})
    assert np.ptp(expected.depth) > 0.05
    np.testing.assert_allclose(depth, expected.depth, rtol=1e-3)
    assert 'net.onnx (ONNX Runtime) on cpu' in node.log and 'net.onnx sha256' in node.log
    assert 'metric on its training camera: net.yaml says that a unit is 5.4 m' in node.log


def test_what_it_is_stands_in_the_diagnostics(robot):
    robot.ask(image(PICTURE))
    values = robot.values()
    assert values['model'] == 'net.onnx (ONNX Runtime)'
    assert values['scale (m per model unit)'] == '5.4'
    assert values['network input'] == '96x64'


@pytest.mark.parametrize('focal', [150.0, 220.0])
@pytest.mark.parametrize('name', [
    'depth_anything_3_metric_large', 'metric3d_v2_small', 'moge_2_small'])
def test_published_ones_are_metric_by_the_camera(robot, tmp_path, file, name, focal):
    camera = PinholeCamera(160, 120, focal, focal, 79.5, 59.5)
    red = np.zeros((120, 160, 3), np.uint8)
    red[..., 0] = 102  # 0.4
    if name == 'moge_2_small':
        # Its points are of one camera, and of another are as far as its focal length says.
        path = moge(tmp_path, (150 / 160, 150 / 120, 0.5, 0.5), 0.3)
        expected = 5 * 0.4 * focal / 150
    elif name == 'metric3d_v2_small':
        path, expected = metric3d(tmp_path), 10 * 0.4 * focal * (924 / 160) / 1000
    else:
        path, expected = depth_anything_3(tmp_path), 10 * 0.4 * focal * (56 / 160) / 300
        red[:30, :, 2] = 255
    good = robot.get('model')
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    try:
        robot.set(model=name, weights=str(path))
        assert robot.transition('configure') and robot.transition('activate')
        robot.wait_for_node()
        robot.forget()
        robot.send_info(info(camera))
        depth = depth_array(robot.ask(image(red, 'rgb8')))
        np.testing.assert_allclose(depth[50:], expected, rtol=0.02)
        assert np.isposinf(depth[:20]).all() == ('3_metric' in name)
    finally:
        robot.transition('deactivate')
        robot.transition('cleanup')
        robot.set(model=good, weights='')
        assert robot.transition('configure') and robot.transition('activate')


def test_what_is_wrong_is_a_sentence_and_the_node_lives(robot, tmp_path):
    good = robot.get('model')
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    size = 'output: depth\ninput_size: 64x32\n'
    try:
        for recipe, said in (
                (None, "net.yaml' is missing"),
                (size + 'scale: meters\n', 'says scale: meters, but it must be metric'),
                (size + 'scale: up to scale\n', 'set depth_scale to the metres per model unit'),
                (size + 'scale: metric\nmetres_per_unit: 1\nmultiple: 7\n', 'multiples of it')):
            folder = tmp_path / said[:5]
            folder.mkdir()
            robot.set(model=f'onnx:{write(folder, recipe, shape=("b", 3, "h", "w"))}')
            assert robot.transition('configure') is False
            assert 'configure failed' in robot.wait_status(said).message
            assert robot.state() == 'unconfigured'
    finally:
        robot.set(model=good)
        assert robot.transition('configure') and robot.transition('activate')
    robot.wait_for_node()
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))
