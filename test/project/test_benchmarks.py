# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks compare like with like, measure everything, and leave nothing running."""
from __future__ import annotations

from itertools import product
import json

from benchmarks import bench, good_node, todays_node
from benchmarks.bench import Bench, measure
from benchmarks.graph import Graph
from benchmarks.inputs import KITTI, picture, write_checkpoint
from benchmarks.report import GOOD, markdown, OURS, TODAY
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.models import networks
from depth_estimation_ros.node.messages import camera_info_message, image_message, read_cloud
from domains import free_domain
import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from std_msgs.msg import Header


class Kept(list):
    """A publisher that keeps what it is given."""

    publish = list.append


@pytest.mark.parametrize('model', ('monodepth2', 'rt_monodepth_s'))
@pytest.mark.parametrize('yardstick', (todays_node, good_node))
def test_a_yardstick_answers_as_our_estimator_does(yardstick, model, tmp_path):
    weights = write_checkpoint(model, tmp_path / model)
    estimator = DepthEstimator(networks.open_network(model, weights).network, 'cpu', 'fp32')
    [ours] = estimator.estimate([(ColorImage(picture(), (2, 1, 0)), KITTI)])
    header = Header(frame_id='camera')
    context = Context()
    rclpy.init(context=context)
    node = yardstick.DepthNode(context=context, parameter_overrides=[
        Parameter('weights', value=str(weights))])
    try:
        node.depth_publisher, node.cloud_publisher = depths, clouds = Kept(), Kept()
        node.on_info(camera_info_message(header, KITTI))
        answer = node.on_image if yardstick is todays_node else node.process
        answer(image_message(header, picture(), 'bgr8'))
    finally:
        node.destroy_node()
        context.try_shutdown()
    [message], [cloud] = depths, clouds

    depth = np.frombuffer(message.data, np.float32).reshape(message.height, message.width)
    assert (message.encoding, message.step) == ('32FC1', 4 * KITTI.width)
    assert depth.std() > 0.05  # metres: a picture of one depth would prove nothing
    assert np.abs(depth / ours.depth - 1).mean() < 0.01

    points = read_cloud(cloud)
    step = 1 if yardstick is todays_node else good_node.STRIDE
    assert points.size == depth[::step, ::step].size
    u, v = 100 * step, 40 * step
    point = points[40 * depth[0, ::step].size + 100]
    z = depth[v, u]
    assert np.allclose([point[name] for name in 'xyz'], [
        (u - KITTI.cx) / KITTI.fx * z, (v - KITTI.cy) / KITTI.fy * z, z])
    assert point['rgb'].tobytes()[:3] == picture()[v, u].tobytes()  # 0x00RRGGBB, little endian


def test_a_short_run_measures_everything_and_ends_every_process(tmp_path, monkeypatch):
    started = []

    class Watched(Graph):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(bench, 'Graph', Watched)
    monkeypatch.setattr(bench, 'SWEEP', (10.0,))
    results = measure(Bench(tmp_path, ['RT-MonoDepth-S'], 0.3, 1, iter(free_domain, None),
                            compiled=False), full=False, frames=0)
    codes = [process.returncode for graph in started for process in graph.processes.values()]
    assert codes == [0] * 12

    names = {(row['network'], row['what'].partition(':')[0]) for row in results['passes']}
    assert names == {('monodepth2 R18', 'fp32 as published'), *product(
        ['RT-MonoDepth-S'], ('fp32 as published', 'as depth_node runs it',
                             'not compiled, all threads', 'estimator'))}
    assert results['passes'][0]['x'] == 1
    assert all(row['ms']['min'] > 0 for row in results['passes'])

    rows = {row['node']: row for row in results['nodes']}
    assert set(rows) == {TODAY, GOOD, OURS}
    assert all(row['out'] <= row['sent'] and row['peak_memory'] > 50 for row in rows.values())
    for node in (GOOD, OURS):  # of today's way everything may be lost on a busy machine
        assert rows[node]['out'] > 0
        assert 0 < rows[node]['forward_p50'] < rows[node]['node_age_p50']
    assert 'config/fastdds.xml' in rows[OURS]['transport']

    [stages] = results['stages']
    assert stages['network'] == 'RT-MonoDepth-S'
    assert 0 < stages['publish'] < stages['forward pass']

    page = markdown(json.loads(json.dumps(results, allow_nan=False)))
    assert str(tmp_path) not in page
    assert page.count('| RT-MonoDepth-S | depth_node |') == 1
