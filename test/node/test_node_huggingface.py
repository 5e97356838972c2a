# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node on a network of transformers: `model: huggingface:<folder>`, offline."""
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import depth_array, image, info, served
from key_init import synth
import numpy as np
import pytest

pytest.importorskip('transformers', reason='these networks need transformers')

from depth_estimation_ros.models.huggingface import open_folder  # noqa: E402
from tiny_transformers import depth_anything, IMAGENET, metric, save  # noqa: E402

CAMERA = PinholeCamera(320, 96, 185.6, 184.32, 156.3, 44.6)  # KITTI's, but smaller
PICTURE = synth(96, 320)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Return the folders of a metric and of a relative Depth Anything."""
    place = tmp_path_factory.mktemp('hub')
    return save(metric(), place / 'metric', **IMAGENET), save(depth_anything(), place / 'relative')


@pytest.fixture(scope='module')
def running(folders):
    """Run the node on the metric one, and a robot that reads its depth."""
    with served({'model': f'huggingface:{folders[0]}', 'device': 'cpu'},
                environment={'HF_HUB_OFFLINE': '1'},
                outputs=('depth/image_rect',)) as both:
        yield both


def test_its_depth_is_that_of_the_network(running, robot, folders):
    node, _ = running
    depth = robot.ask(image(PICTURE[..., ::-1]))
    assert (depth.encoding, depth.width, depth.height) == ('32FC1', 320, 96)
    [expected] = DepthEstimator(open_folder(folders[0]), 'cpu').estimate(
        [(PICTURE, CAMERA)], outputs={'depth'})
    assert np.ptp(expected.depth) > 0.05
    np.testing.assert_allclose(depth_array(depth), expected.depth, rtol=1e-4)
    assert 'model.safetensors sha256' in node.log
    assert 'metric on its training camera: trained on metres up to 20' in node.log
    assert 'Loading weights' not in node.log, 'no progress bars in the log'


def test_what_it_is_stands_in_the_diagnostics(robot):
    robot.ask(image(PICTURE))
    values = robot.values()
    assert values['model'].startswith('depth_anything, ')
    assert values['network input'] == '126x42'


def test_relative_depth_does_not_become_metres_by_itself(running, robot, folders):
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    robot.set(model=f'huggingface:{folders[1]}')
    assert robot.transition('configure') is False
    sentence = robot.wait_status('configure failed').message
    assert 'relative inverse depth' in sentence and 'depth_scale' in sentence
    robot.set(range_topic='velo')
    assert robot.transition('configure') and robot.transition('cleanup')
    assert 'scale from the range sensor on /velo (range_topic), nothing before' in running[0].log
    robot.set(range_topic='', depth_scale=0.4, depth_shift=0.05)
    assert robot.transition('configure') and robot.transition('activate')
    robot.wait_for_node()
    robot.forget()
    robot.send_info(info(CAMERA))
    depth = depth_array(robot.ask(image(PICTURE[..., ::-1])))
    [expected] = DepthEstimator(open_folder(folders[1]), 'cpu').estimate(
        [(PICTURE, CAMERA)], DepthOptions(metres_per_unit=2.5, shift=0.05), outputs={'depth'})
    np.testing.assert_allclose(depth, expected.depth, rtol=1e-3)


def test_a_folder_that_is_not_there_is_one_sentence(robot):
    for label in ('deactivate', 'cleanup'):
        assert robot.transition(label)
    robot.set(model='huggingface:org/absent', depth_scale=0.0, depth_shift=0.0)
    assert robot.transition('configure') is False
    sentence = robot.wait_status("'org/absent' is neither a folder").message
    assert 'depth_estimation models fetch huggingface:org/absent' in sentence
    assert robot.state() == 'unconfigured'
