# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How the node behaves as a member of a ROS system: freshness, lifecycle, parameters, topics, QoS.

Runs on networks with key-derived weights, so it needs nothing but the checkout.
"""
import pathlib
import signal
import time

from depth_estimation_ros.estimation.runtime import find_precisions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.parameters import ALWAYS, TABLE, UNCONFIGURED
from depth_estimation_ros.node.stream import IMAGE_TIMEOUT
from diagnostic_msgs.msg import DiagnosticArray
from harness import (
    depth_array, image, info, nanoseconds, NodeProcess, OUTPUTS, Robot, served, wait)
from key_init import synth, write_monodepth2_checkpoint
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
import torch

CAMERA = PinholeCamera(320, 96, 185.6, 184.3, 156.8, 45.1)
PICTURE = synth(96, 320)[..., ::-1]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Return a small stereo-trained ResNet-18 checkpoint."""
    folder = tmp_path_factory.mktemp('r18')
    write_monodepth2_checkpoint(folder, width=320, height=96)
    return folder


@pytest.fixture(scope='module')
def parameters(checkpoint):
    """Return the parameters of a node that works."""
    return {'model': 'monodepth2', 'weights': str(checkpoint), 'max_depth': 1000.0,
            'min_depth': 0.01}


@pytest.fixture(scope='module')
def running(parameters):
    """Run the node, and a robot with readers on all outputs."""
    with served(parameters) as (node, robot):
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        yield node, robot


@pytest.fixture
def robot(running):
    """Return the robot with nothing received yet."""
    _, robot = running
    robot.forget()
    return robot


def start(parameters, arguments=None, typed=False, **robot_options):
    """Start a node and a robot around it."""
    node = NodeProcess(parameters, arguments, typed=typed)
    robot = Robot(node, **robot_options)
    try:
        robot.wait_for_node()
    except AssertionError:
        robot.close()
        node.stop()
        raise
    return node, robot


def stop(node, robot):
    """End both."""
    robot.close()
    node.stop()


# -- every frame, once, newest first --


def test_each_stamp_gives_one_message_on_every_output(robot):
    times = []
    for _ in range(5):
        began = time.monotonic()
        robot.ask(image(PICTURE))
        times.append(time.monotonic() - began)
    period = 2 * max(times)  # half of the capacity that a busy machine showed
    robot.forget()
    sent = []
    for _ in range(16):
        sent.append(robot.send(image(PICTURE)))
        time.sleep(max(period, 0.15))
    for topic in OUTPUTS:
        robot.wait_message(topic, sent[-1])
        # Other outputs of the frames before may have come after `forget`.
        assert [stamp for stamp in robot.order[topic] if stamp >= sent[0]] == sent
    for stamp in sent:
        assert {m[stamp].header.frame_id for m in robot.received.values()} == {'camera'}


def test_the_same_picture_gives_the_same_bytes(robot):
    first, second = robot.ask(image(PICTURE)), robot.ask(image(PICTURE))
    assert first.data == second.data


def test_the_newest_frame_wins_when_the_model_is_slow(tmp_path_factory):
    folder = tmp_path_factory.mktemp('r50')
    write_monodepth2_checkpoint(folder, num_layers=50, width=640, height=192)
    node, robot = start({'model': 'monodepth2', 'weights': str(folder)},
                        outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE), timeout=30)
        times = []
        for _ in range(5):
            began = time.monotonic()
            robot.ask(image(PICTURE))
            times.append(time.monotonic() - began)
        model_time = max(times)
        robot.forget()
        sent = []
        message = image(PICTURE)
        for _ in range(240):
            sent.append(robot.send(message))
            time.sleep(1 / 60)
        robot.wait_message('depth/image_rect', sent[-1], 30)
        ages = [arrived - stamp * 1e-9 for stamp, arrived in zip(
            robot.order['depth/image_rect'], robot.arrived['depth/image_rect'])]
        assert len(ages) < 200, 'the model is not slow enough for this test to mean anything'
        assert robot.order['depth/image_rect'] == sorted(robot.order['depth/image_rect'])
        # Two model times, and what this machine's two cores lose to three processes.
        assert np.median(ages) < 2 * model_time
        assert np.percentile(ages, 95) < 2 * model_time + 0.1
        robot.forget()
        values = robot.values()
        assert int(values['frames dropped: newer frame']) > 40
        assert_adds_up(values)
    finally:
        stop(node, robot)


def assert_adds_up(values):
    """Check that received = processed + dropped + waiting."""
    dropped = sum(int(n) for name, n in values.items() if name.startswith('frames dropped'))
    assert int(values['frames received']) == (
        int(values['frames processed']) + dropped + int(values['frames waiting']))


def test_without_a_reader_there_is_no_inference(parameters):
    node, robot = start(parameters, outputs=())
    try:
        robot.send_info(info(CAMERA))
        for _ in range(10):
            robot.send(image(PICTURE))
            time.sleep(0.05)
        robot.wait_value('frames received', '10')
        values = robot.values()
        assert values['frames received'] == values['frames dropped: no reader'] == '10'
        assert values['frames processed'] == '0'
        assert 'idle' in robot.status().message and robot.status().level == b'\x00'
        # A reader of one output gets that one, the others are not made.
        robot.subscriptions['points'] = robot.node.create_subscription(
            PointCloud2, 'points', lambda m: robot._collect('points', m), 10)
        wait(lambda: 'points' in robot.values()['readers'], 10, lambda: 'not seen as a reader')
        robot.ask(image(PICTURE), topic='points')
    finally:
        stop(node, robot)


def test_max_rate_bounds_the_output(robot):
    robot.set(max_rate=5.0)
    try:
        sent = []
        for _ in range(60):
            sent.append(robot.send(image(PICTURE)))
            time.sleep(1 / 30)
        time.sleep(0.5)
        got = robot.order['depth/image_rect']
        span = (sent[-1] - sent[0]) * 1e-9
        assert 0.6 * 5 * span < len(got) < 1.15 * 5 * span + 1
        assert int(robot.values()['frames dropped: max_rate']) > 20
        robot.set(max_rate=0.05)  # one in 20 s: this one and no other
        first = robot.send(image(PICTURE))
        time.sleep(0.3)
        second = robot.send(image(PICTURE))
        time.sleep(0.3)
        robot.set(max_rate=20.0)  # which counts from the next frame on
        time.sleep(0.1)
        robot.ask(image(PICTURE))
        assert second not in robot.received['depth/image_rect'], first
    finally:
        robot.set(max_rate=0.0)


def test_frames_older_than_max_age_are_dropped_by_name(robot):
    robot.set(max_age=1.0)
    try:
        old = robot.send(image(PICTURE), time.time_ns() - 13 * 10**8)
        assert 'max_age is 1 s' in robot.wait_sentence('max_age')[0]
        new = robot.send(image(PICTURE), time.time_ns() - 6 * 10**8)
        robot.wait_message('depth/image_rect', new)
        assert old not in robot.received['depth/image_rect']
    finally:
        robot.set(max_age=0.0)


@pytest.mark.parametrize('stamp', [0, 5 * 10**9, -5 * 10**9, None],
                         ids=['zero', 'long ago', 'before 1970', 'future'])
def test_stamps_of_another_clock_are_processed_and_reported(robot, stamp):
    stamp = time.time_ns() + 10**10 if stamp is None else stamp
    message = robot.ask(image(PICTURE), stamp=stamp)
    assert nanoseconds(message.header.stamp) == stamp
    robot.wait_status('use_sim_time')


def test_stamps_that_go_back_are_a_looping_bag(robot):
    now = time.time_ns()
    for stamp in (now, now - 10**9, now - 5 * 10**8):
        robot.ask(image(PICTURE), stamp=stamp)
    assert len(robot.order['depth/image_rect']) == 3


# -- lifecycle --


def test_ten_times_down_and_up_leaves_memory_flat(running):
    node, robot = running
    memory = []
    for _ in range(10):
        for label in ('deactivate', 'cleanup', 'configure', 'activate'):
            assert robot.transition(label), label
        assert robot.state() == 'active'
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        memory.append(node.resident_memory())
    # The checkpoint is 57 MB: a leak would add up to hundreds.
    assert memory[-1] - memory[2] < 30, memory


def test_inactive_means_silent(robot):
    assert robot.transition('deactivate')
    try:
        assert robot.image_publisher.get_subscription_count() == 0
        robot.send(image(PICTURE))
        robot.wait_status('inactive')
        assert not robot.received['depth/image_rect']
    finally:
        assert robot.transition('activate')
    robot.wait_for_node()
    robot.send_info(info(CAMERA))
    robot.ask(image(PICTURE))


def test_a_transition_that_is_not_possible_is_refused(running, robot):
    node, _ = running
    assert robot.transition('configure') is False
    assert robot.transition('no such transition') is False
    for number in (1, 99):  # configure, and none
        request = ChangeState.Request()
        request.transition.id = number
        assert robot.call(ChangeState, 'change_state', request).success is False
    assert robot.state() == 'active'
    for asked in ('configure', 'no such transition', '1', '99'):
        assert f"transition '{asked}' is not possible" in node.log
    robot.ask(image(PICTURE))


def test_autostart_false_leaves_it_to_a_manager(parameters):
    node = NodeProcess({**parameters, 'autostart': False}, typed=True)
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        robot.wait_status('not configured')
        assert robot.state() == 'unconfigured'
        assert robot.transition('configure') and robot.transition('activate')
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        for label in ('deactivate', 'cleanup', 'shutdown'):
            assert robot.transition(label)
        assert robot.state() == 'finalized'
    finally:
        robot.close()
    assert node.interrupt() == 0


@pytest.mark.parametrize('moment', [0.6, 1.5, 2.0, 2.5, 3.0])
def test_the_end_may_come_at_any_moment_of_the_start(parameters, moment):
    nodes = {number: NodeProcess(parameters, typed=True)
             for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    time.sleep(moment)
    for number, node in nodes.items():
        node.process.send_signal(number)
    for node in nodes.values():
        assert node.process.wait(20) == 0, node.log
        assert 'Traceback' not in node.log


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_work_with_code_0(parameters, number):
    node, robot = start(parameters, typed=True, outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        for _ in range(20):
            robot.send(image(PICTURE))
        node.process.send_signal(number)
        assert node.process.wait(20) == 0 and 'Traceback' not in node.log
    finally:
        stop(node, robot)


def test_what_nohup_started_outlives_its_terminal(parameters):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        node = NodeProcess(parameters, typed=True)  # inherits it
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        time.sleep(1.0)  # while it imports, and when it runs
        node.process.send_signal(signal.SIGHUP)
        node.wait_for('waiting for images')
        node.process.send_signal(signal.SIGHUP)
        time.sleep(1.0)
        assert node.process.poll() is None
        node.process.terminate()
        assert node.process.wait(20) == 0
    finally:
        node.stop()


@pytest.mark.parametrize('times', [1, 2])
def test_ctrl_c_ends_with_code_0(parameters, times):
    node, robot = start(parameters, typed=True, outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        for _ in range(5):  # in the middle of work
            robot.send(image(PICTURE))
        assert node.interrupt(times) == 0
        assert 'Traceback' not in node.log
    finally:
        stop(node, robot)


# -- parameters --


def test_a_change_has_its_effect_or_is_refused(robot):
    for parameter in TABLE:
        [result] = robot.set(**{parameter.name.replace('.', '__'): 'nonsense'
                                if not isinstance(parameter.default, str) else 7})
        assert not result.successful and parameter.name in result.reason
        if parameter.bounds:
            [result] = robot.set(**{parameter.name.replace('.', '__'):
                                    type(parameter.default)(parameter.bounds[1] * 2)})
            assert not result.successful and parameter.name in result.reason
        if parameter.choices:
            [result] = robot.set(**{parameter.name.replace('.', '__'): 'nonsense'})
            assert not result.successful and parameter.name in result.reason
    for parameter in TABLE:
        if parameter.when == UNCONFIGURED:
            now = robot.get(parameter.name)
            value = next((c for c in parameter.choices if c != now), 'other')
            if isinstance(now, (bool, int)):
                value = not now if isinstance(now, bool) else now + 1
            [result] = robot.set(**{parameter.name: value})
            assert not result.successful and 'clean' in result.reason
    assert not robot.set(autostart=False)[0].successful
    assert not robot.set(min_depth=100.0, max_depth=50.0)[1].successful
    robot.set(min_depth=0.01, max_depth=1000.0)


def test_an_integer_is_accepted_for_a_double(robot, parameters):
    [result] = robot.set(max_depth=900)
    assert result.successful, result.reason
    robot.ask(image(PICTURE))
    robot.set(max_depth=1000.0)
    node, other = start({**parameters, 'max_depth': 5, 'rectified': True},
                        outputs=('depth/image_rect',))
    try:
        other.send_info(info(CAMERA))
        depth = depth_array(other.ask(image(PICTURE)))
        assert depth[np.isfinite(depth)].max() <= 5
        assert other.get('rectified') == 'true'
    finally:
        stop(node, other)


@pytest.mark.parametrize('bad, words', [
    ({'points.stride': 0}, 'points.stride'),
    ({'max_depth': 'far'}, 'max_depth'),
    ({'min_depth': 50.0, 'max_depth': 5.0}, 'min_depth'),
    ({'weights': ''}, 'weights'),
])
def test_a_bad_value_at_start_is_one_sentence_and_the_node_lives(parameters, bad, words):
    node = NodeProcess({**parameters, **bad})
    robot = Robot(node, outputs=())
    try:
        status = robot.wait_status('configure failed', 30)
        assert words in status.message and status.level == b'\x02'
        assert robot.state() == 'unconfigured'
        errors = [line for line in node.log.splitlines() if 'ERROR' in line]
        assert len(errors) == 1 and words in errors[0], node.log
        good = {p.name: parameters.get(p.name, p.default) for p in TABLE if p.name in bad}
        results = robot.set(**{name.replace('.', '__'): good[name] for name in reversed(bad)})
        assert all(result.successful for result in results), results
        assert robot.transition('configure') and robot.transition('activate')
    finally:
        stop(node, robot)


def test_what_cannot_be_configured_is_one_sentence_and_the_node_lives(parameters, tmp_path):
    tmp_path.joinpath('code').mkdir()
    marker = tmp_path / 'executed'
    for name in ('encoder.pth', 'depth.pth'):
        torch.save({'weight': RunsCode(marker)}, tmp_path / 'code' / name)
    write_monodepth2_checkpoint(tmp_path / 'cut', width=320, height=96)
    whole = (tmp_path / 'cut/encoder.pth').read_bytes()
    (tmp_path / 'cut/encoder.pth').write_bytes(whole[:len(whole) // 2])
    node = NodeProcess({**parameters, 'autostart': False})
    robot = Robot(node, outputs=())
    try:
        for bad, words in (
                ({'weights': '/nowhere'}, '/nowhere'),
                ({'weights': str(tmp_path)}, 'encoder.pth'),
                ({'weights': str(tmp_path / 'cut')}, 'encoder.pth'),
                ({'weights': str(tmp_path / 'code')}, 'code'),
                ({'model': 'resnet'}, 'is not in the catalogue'),
                ({'model': 'rt_monodepth_s'}, 'monodepth2'),
                ({'device': 'cuda:7'}, 'device'),
                ({'device': 'abacus'}, 'device'),
                ({'precision': 'fp16', 'device': 'cpu'}, 'precision')):
            assert all(result.successful for result in robot.set(**bad))
            assert robot.transition('configure') is False, bad
            status = robot.wait_status(words)
            assert 'configure failed' in status.message and words in status.message
            assert 'Traceback' not in node.log
            assert robot.state() == 'unconfigured'
            robot.set(**{p.name: parameters.get(p.name, p.default)
                         for p in TABLE if p.name in bad})
            robot.forget()
        assert not marker.exists()
        assert robot.transition('configure') and robot.transition('activate')
    finally:
        stop(node, robot)


class RunsCode:
    """A pickle of this one creates a file when it is loaded without care."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (pathlib.Path.touch, (self.marker,))


def test_a_mono_trained_checkpoint_needs_a_scale(tmp_path, parameters):
    write_monodepth2_checkpoint(tmp_path, width=320, height=96, use_stereo=False)
    node = NodeProcess({**parameters, 'weights': str(tmp_path)})
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        status = robot.wait_status('configure failed', 30)
        assert 'depth_scale' in status.message and 'no scale' in status.message
        assert robot.set(depth_scale=30.0)[0].successful
        assert robot.transition('configure') and robot.transition('activate')
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        [result] = robot.set(depth_scale=0.0)
        assert not result.successful and 'depth_scale' in result.reason
    finally:
        stop(node, robot)


def test_every_parameter_is_described(robot):
    from rcl_interfaces.srv import DescribeParameters
    described = robot.call(DescribeParameters, 'describe_parameters', DescribeParameters.Request(
        names=[parameter.name for parameter in TABLE])).descriptors
    for parameter, descriptor in zip(TABLE, described):
        assert parameter.when in descriptor.description and len(descriptor.description) > 20
        if parameter.bounds:
            assert descriptor.floating_point_range or descriptor.integer_range
        if parameter.choices:
            assert str(parameter.choices[-1]) in descriptor.additional_constraints
    assert {p.when for p in TABLE} > {ALWAYS, UNCONFIGURED}


# -- topics and quality of service --


def test_remapping_the_image_moves_its_camera_info(parameters):
    node, robot = start(parameters, ['-r', 'image:=/front/image_raw', '-r', '__ns:=/robot'],
                        image='/front/image_raw', info='/front/camera_info', namespace='/robot',
                        outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        assert robot.subscriptions['depth/image_rect'].topic_name == '/robot/depth/image_rect'
    finally:
        stop(node, robot)


def test_a_compressed_topic_as_image_is_told_from_a_missing_one(parameters):
    node = NodeProcess(parameters, ['-r', 'image:=/cam/image_raw/compressed', '-r',
                                    '~/change_state:=/manager/change_state'])
    robot = Robot(node, outputs=())
    publisher = robot.node.create_publisher(CompressedImage, '/cam/image_raw/compressed', 1)
    try:
        assert robot.wait_status(
            'compressed ones: remap image to /cam/image_raw and set image_transport to '
            'compressed', 15).message.startswith('/cam/image_raw/compressed: no image for 5 s')
    finally:
        robot.node.destroy_publisher(publisher)
        stop(node, robot)


def test_camera_info_has_an_override_of_its_own(parameters):
    node, robot = start(parameters, ['-r', 'image:=/front/image_raw',
                                     '-r', 'camera_info:=/elsewhere/info'],
                        image='/front/image_raw', info='/elsewhere/info',
                        outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
    finally:
        stop(node, robot)


def test_best_effort_cameras_and_latched_infos_are_matched(parameters):
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                         durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node = NodeProcess(parameters)
    robot = Robot(node, image_qos=best_effort, info_qos=latched, outputs=('depth/image_rect',))
    try:
        robot.info_publisher.publish(info(CAMERA))  # once, before the node is there
        robot.wait_for_node()
        robot.ask(image(PICTURE))
    finally:
        stop(node, robot)


@pytest.mark.parametrize('first', ['demanding', 'modest'])
def test_of_publishers_that_offer_different_things_all_are_heard(parameters, first):
    profiles = {
        'demanding': QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE,
                                durability=DurabilityPolicy.TRANSIENT_LOCAL),
        'modest': QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT,
                             durability=DurabilityPolicy.VOLATILE)}
    second = profiles[({*profiles} - {first}).pop()]
    node = NodeProcess(parameters)
    robot = Robot(node, image_qos=profiles[first], info_qos=profiles[first],
                  outputs=('depth/image_rect', 'depth/camera_info'))
    other = PinholeCamera(CAMERA.width, CAMERA.height, CAMERA.fx * 1.05, CAMERA.fy * 1.05,
                          CAMERA.cx, CAMERA.cy)
    images = robot.node.create_publisher(Image, 'image', second)
    infos = robot.node.create_publisher(CameraInfo, 'camera_info', second)
    try:
        robot.wait_for_node()
        wait(lambda: images.get_subscription_count() and infos.get_subscription_count(), 15,
             lambda: 'the second ones are not heard')
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        robot.image_publisher = images
        robot.ask(image(PICTURE))
        robot.node.destroy_publisher(robot.info_publisher)
        infos.publish(info(other))
        wait(lambda: robot.ask(image(PICTURE), 'depth/camera_info').k[0] == pytest.approx(other.fx)
             or infos.publish(info(other)), 15, lambda: 'its CameraInfo is not heard')
        robot.info_publisher = infos
    finally:
        stop(node, robot)


@pytest.mark.parametrize('organized', [False, True])
def test_rows_of_the_cloud_have_the_length_that_it_states(robot, organized):
    robot.set(points__organized=organized)
    try:
        points = robot.ask(image(PICTURE), 'points')
        assert points.point_step == 4 * len(points.fields)
        assert points.row_step == points.point_step * points.width
        assert len(points.data) == points.row_step * points.height
        assert (points.height > 1) is organized
    finally:
        robot.set(points__organized=False)


def test_readers_of_both_reliabilities_are_served(robot):
    got = []
    reader = robot.node.create_subscription(
        PointCloud2, 'points', got.append, QoSProfile(
            depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    try:
        wait(lambda: robot.ask(image(PICTURE), topic='points') and got, 10,
             lambda: 'a best effort reader got nothing')
    finally:
        robot.node.destroy_subscription(reader)


def test_a_reader_that_cannot_match_is_reported_by_topic(robot):
    reader = robot.node.create_subscription(
        PointCloud2, 'points', lambda m: None, QoSProfile(
            depth=5, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    try:
        sentence, _ = robot.wait_sentence('durability')
        assert sentence.startswith('/points')
    finally:
        robot.node.destroy_subscription(reader)


def test_quality_of_service_can_be_overridden(parameters):
    name = 'qos_overrides./image.subscription.reliability'
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    node = NodeProcess({**parameters, name: 'reliable',
                        'qos_overrides./points.publisher.reliability': 'best_effort'})
    robot = Robot(node, image_qos=best_effort, outputs=())
    try:
        assert name in robot.wait_status('qos_overrides').message
        wait(lambda: robot.node.get_publishers_info_by_topic('points'), 10, lambda: 'no points')
        [points] = robot.node.get_publishers_info_by_topic('points')
        assert points.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    finally:
        stop(node, robot)


@pytest.mark.parametrize('name, value', [
    ('/image.subscription.reliability', 'sometimes'),
    ('/image.subscription.reliability', 'unknown'), ('/image.subscription.depth', -1),
    ('/image.subscription.durability', True), ('/points.publisher.reliability', 'sometimes'),
    ('/points.publisher.depth', 'ten')])
def test_an_override_that_is_no_good_is_refused_and_leaves_nothing(parameters, name, value):
    node = NodeProcess({**parameters, f'qos_overrides.{name}': value})
    robot = Robot(node, outputs=())
    try:
        sentence, _ = robot.wait_sentence('failed', 30)
        assert f'qos_overrides.{name.partition(".")[0]}' in sentence, sentence
        robot.transition('activate' if 'subscription' in name else 'configure')
        time.sleep(0.3)
        assert robot.info_publisher.get_subscription_count() == 0
        if 'publisher' in name:
            assert not robot.node.get_publishers_info_by_topic('depth/image_rect')
    finally:
        stop(node, robot)


def test_compressed_images(parameters):
    import cv2
    node, robot = start({**parameters, 'image_transport': 'compressed'},
                        ['-r', 'image:=/front/image_raw'], image='/front/image_raw/compressed',
                        info='/front/camera_info', image_type=CompressedImage,
                        outputs=('depth/image_rect',))
    try:
        robot.send_info(info(CAMERA))
        smooth = cv2.GaussianBlur(np.ascontiguousarray(PICTURE), (0, 0), 3)
        for suffix, format_ in (('.jpg', 'bgr8; jpeg compressed bgr8'), ('.png', 'png')):
            data = cv2.imencode(suffix, smooth)[1].tobytes()
            message = CompressedImage(format=format_)
            message.header.frame_id = 'camera'
            message.data.frombytes(data)
            depth = robot.ask(message)
            assert (depth.width, depth.height) == (320, 96)
        message.data = message.data[:len(message.data) // 2]
        robot.send(message)
        assert robot.wait_sentence('cut')[0].startswith('/front/image_raw/compressed: ')
        message.data = type(message.data)('B', data)
        robot.ask(message)
    finally:
        stop(node, robot)


def test_sim_time_ages_follow_the_clock(parameters):
    from rosgraph_msgs.msg import Clock
    node = NodeProcess({**parameters, 'use_sim_time': True})
    robot = Robot(node, outputs=('depth/image_rect',))
    clock, told = robot.node.create_publisher(Clock, '/clock', 10), []
    robot.node.create_subscription(
        DiagnosticArray, '/diagnostics', lambda m: told.append(m.header.stamp.sec), 10)
    tick = Clock()
    tick.clock.sec = 1000
    robot.node.create_timer(0.05, lambda: clock.publish(tick))
    try:
        robot.wait_for_node()
        wait(lambda: 1000 in told, 10, lambda: f'the node does not have the time: {told}')
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE), stamp=1000 * 10**9 - 2 * 10**8)
        values = robot.values()
        assert float(values['age p50 (ms)']) == pytest.approx(200, abs=1)
        robot.ask(image(PICTURE), stamp=1000 * 10**9 + 5 * 10**8)  # between two ticks: age 0
        robot.wait_value('frames processed', '2')
        assert float(robot.values()['age p50 (ms)']) in (0.0, pytest.approx(100, abs=1))
    finally:
        stop(node, robot)


def test_a_replay_that_has_not_begun_or_stands_still_is_no_fault(parameters):
    from rosgraph_msgs.msg import Clock
    node = NodeProcess({**parameters, 'use_sim_time': True})
    robot = Robot(node, outputs=('depth/image_rect',))
    clock, seconds = robot.node.create_publisher(Clock, '/clock', 10), [1000.0, 0.0]

    def tick():
        seconds[0] += seconds[1]
        message = Clock()
        message.clock.sec, message.clock.nanosec = int(seconds[0]), int(seconds[0] % 1 * 1e9)
        clock.publish(message)

    try:
        robot.wait_for_node()
        time.sleep(IMAGE_TIMEOUT + 1)  # no clock at all
        timer = robot.node.create_timer(0.05, tick)
        time.sleep(IMAGE_TIMEOUT + 1)  # it stands still
        assert robot.diagnostics and not any(
            words in str(status) for status in robot.diagnostics for words in
            ('no image', '/clock'))
        seconds[1] = 0.2  # it runs, at four times the speed
        robot.wait_status('no image for 5 s')
        robot.node.destroy_timer(timer)
    finally:
        stop(node, robot)


def test_diagnostics_say_what_a_user_asks(running, robot):
    robot.ask(image(PICTURE))
    status = robot.wait_status('working')
    values = {v.key: v.value for v in status.values}
    assert status.hardware_id == 'cpu' and status.name == 'depth_estimation'
    assert 'ResNet-18' in values['model'] and values['precision'].split()[0] == (
        find_precisions('auto', torch.device('cpu'))[0])
    assert values['scale (m per model unit)'] == '5.4' and 'stereo' in values['scale source']
    assert '320x96' in values['camera_info'] and values['image topic'] == '/image'
    assert float(values['age p95 (ms)']) >= float(values['age p50 (ms)']) > 0
    assert_adds_up(values)
