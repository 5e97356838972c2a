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
from onnx_files import ANY, catalogue_network, export, write

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
