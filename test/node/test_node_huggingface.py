# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node on a network of transformers: `model: huggingface:<folder>`, offline."""
import json
import shutil

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import depth_array, image, info, served
from key_init import synth
import numpy as np
import pytest

pytest.importorskip('transformers', reason='these networks need transformers')

from depth_estimation_ros.models.huggingface import open_folder  # noqa: E402
from tiny_transformers import (  # noqa: E402
    depth_anything, depth_pro, dpt, dpt_dinov2, dpt_hybrid, glpn, IMAGENET, metric, NEW, save,
    tips, zoedepth, zoedepth_nk)

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


@pytest.mark.parametrize('make', [
    glpn, zoedepth, zoedepth_nk, depth_pro, pytest.param(tips, marks=NEW), dpt, dpt_hybrid,
    dpt_dinov2], ids=lambda make: getattr(make, '__name__', None))
def test_every_kind_says_by_the_node_what_it_says_in_torch(robot, make, tmp_path):
    folder = save(make(), tmp_path / 'net')
    network = open_folder(folder)
    relative, open_scale = network.contract.relative, network.contract.metres_per_unit is None
    for label in ('deactivate', 'cleanup'):
        robot.transition(label)
    robot.set(model=f'huggingface:{folder}', depth_scale=0.4 if open_scale else 0.0,
              depth_shift=0.05 if relative else 0.0, min_depth=0.001, max_depth=10000.0)
    assert robot.transition('configure') and robot.transition('activate')
    robot.wait_for_node()
    robot.forget()
    robot.send_info(info(CAMERA))
    depth = depth_array(robot.ask(image(PICTURE[..., ::-1])))
    unit = (2.5 if relative else 0.4) if open_scale else 1.0
    [expected] = DepthEstimator(network, 'cpu').estimate(
        [(PICTURE, CAMERA)], DepthOptions(
            metres_per_unit=unit, shift=0.05 if relative else 0.0, min_depth=0.001,
            max_depth=10000.0), outputs={'depth'})
    assert np.isfinite(expected.depth).any()
    np.testing.assert_allclose(depth, expected.depth, rtol=1e-3)


@pytest.mark.parametrize(('kind', 'words'), [
    ('chmv2', 'heights of trees'), ('sam3_depth', 'no kind whose numbers are known'),
    (None, 'no kind whose numbers are known')])
def test_a_kind_that_was_not_checked_is_one_sentence(robot, folders, tmp_path, kind, words):
    folder = shutil.copytree(folders[0], tmp_path / 'net')
    config = json.loads((folder / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps({**config, 'model_type': kind}))
    for label in ('deactivate', 'cleanup'):
        robot.transition(label)
    robot.set(model=f'huggingface:{folder}', depth_scale=0.0, depth_shift=0.0)
    assert robot.transition('configure') is False
    assert 'configure failed' in robot.wait_status(words).message
    assert robot.state() == 'unconfigured'


def test_a_folder_that_is_not_there_is_one_sentence(robot):
    for label in ('deactivate', 'cleanup'):
        robot.transition(label)
    robot.set(model='huggingface:org/absent', depth_scale=0.0, depth_shift=0.0)
    assert robot.transition('configure') is False
    sentence = robot.wait_status("'org/absent' is neither a folder").message
    assert 'depth_estimation models fetch huggingface:org/absent' in sentence
    assert robot.state() == 'unconfigured'
