# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Frames on their way behind one another: overlapped, in order, counted, and the newest ones.

The node is in this process, so that steps of its estimator can be held up; DDS, camera, readers
and network are real.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import random
import threading
import time
from types import SimpleNamespace

from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.node import DepthNode
from depth_estimation_ros.node.worker import Station
from domains import free_domain, release
from harness import image, info, Robot, wait
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

CAMERA = PinholeCamera(96, 64, 60.0, 60.0, 47.5, 31.5)
PICTURE = np.full((64, 96, 3), 99, np.uint8)
MEANWHILE = 0.3  # seconds in which what must not happen would


@contextmanager
def running(**parameters) -> Iterator[tuple[DepthNode, Robot]]:
    """Give a node of this process that has made its first frame, and its robot."""
    context, domain = Context(), free_domain()
    rclpy.init(context=context, domain_id=domain)
    given = {'model': 'compact', 'device': 'cpu', 'compile': False, 'threads': 1,
             'input_size': '96x64', 'scene': 'street', **parameters}
    node = DepthNode(context=context, parameter_overrides=[
        Parameter(name, value=value) for name, value in given.items()])
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    robot = None
    try:
        node.autostart()
        robot = Robot(SimpleNamespace(domain=domain, log=lambda: '', poll=lambda: None),
                      outputs=['depth/image_rect'])
        robot.send_info(info(CAMERA))
        robot.ask(image(PICTURE))
        yield node, robot
    finally:
        if robot:
            robot.close()
        if node._worker:
            node.trigger_deactivate()
        executor.shutdown()
        thread.join()
        node.destroy_node()
        context.try_shutdown()
        release(domain)


class Held:
    """Holds a step of the estimator up: each of its calls waits until it is let go."""

    def __init__(self, node: DepthNode, step: str):
        self._inner = getattr(node._estimator, step)
        self.begun, self._free = 0, threading.Semaphore(0)
        setattr(node._estimator, step, self)

    def __call__(self, *arguments):
        self.begun += 1
        assert self._free.acquire(timeout=30)
        return self._inner(*arguments)

    def let_go(self, count: int = 1) -> None:
        """Let calls through."""
        self._free.release(count)

    def wait(self, count: int) -> None:
        """Wait until so many calls have begun."""
        wait(lambda: self.begun >= count, 10, lambda: f'{self.begun} calls, not {count}')


def test_the_network_reads_the_next_frame_while_the_last_is_finished():
    with running() as (node, robot):
        read, finish = Held(node, 'read'), Held(node, 'finish')
        robot.send(image(PICTURE))
        read.wait(1)
        read.let_go()
        finish.wait(1)
        robot.send(image(PICTURE))
        read.wait(2)
        assert finish.begun == 1
        read.let_go(9)
        finish.let_go(9)
        robot.ask(image(PICTURE))


def test_what_waits_is_the_newest_and_all_are_counted():
    with running() as (node, robot):
        stream = node._streams[0]
        robot.forget()
        received, processed = stream.statistics.received, stream.statistics.processed
        dropped = stream.statistics.dropped['newer frame']
        read = Held(node, 'read')
        first = robot.send(image(PICTURE))
        read.wait(1)
        time.sleep(MEANWHILE)  # it takes longer than it ever did: the next is made ready
        others = []
        for number in range(2, 8):
            others.append(robot.send(image(PICTURE)))
            wait(lambda: stream.statistics.received == received + number, 10,
                 lambda: 'a frame was lost on its way')
            time.sleep(0.05)
        assert read.begun == 1
        read.let_go(99)
        robot.wait_message('depth/image_rect', others[-1])
        assert robot.order['depth/image_rect'] == [first, others[-1]]
        assert stream.statistics.dropped['newer frame'] - dropped == 5
        wait(lambda: stream.statistics.processed == processed + 2, 5,
             lambda: str(stream.statistics.values()))


def test_frames_keep_their_order_whatever_takes_long():
    chance = random.Random(1)
    with running() as (node, robot):
        robot.forget()
        for step in ('prepare', 'read', 'finish'):
            def slow(*arguments, inner=getattr(node._estimator, step)):
                time.sleep(chance.random() * 0.01)
                return inner(*arguments)

            setattr(node._estimator, step, slow)
        sent = []
        for _ in range(150):
            sent.append(robot.send(image(PICTURE)))
            time.sleep(chance.random() * 0.01)
        robot.wait_message('depth/image_rect', sent[-1])
        received = robot.order['depth/image_rect']
        assert received == sorted(set(received)) and set(received) <= set(sent)
        statistics = node._streams[0].statistics
        wait(lambda: statistics.received == statistics.processed
             + sum(statistics.dropped.values()), 5, lambda: str(statistics.values()))


def test_what_is_read_does_not_wait_to_be_finished():
    """Where finishing takes longest, it sets the pace: a frame that waits there gets old."""
    with running() as (node, robot):
        read_at, waited = {}, []
        read, finish = node._estimator.read, node._estimator.finish

        def reading(made):
            read(made)
            read_at[id(made)] = time.monotonic()

        def finishing(made, requests):
            waited.append(time.monotonic() - read_at[id(made)])
            time.sleep(0.2)
            return finish(made, requests)

        node._estimator.read, node._estimator.finish = reading, finishing
        for _ in range(100):
            last = robot.send(image(PICTURE))
            time.sleep(0.02)
        robot.wait_message('depth/image_rect', last)
        assert len(waited) >= 7
        assert np.median(waited) < 0.1


def test_nothing_is_published_after_the_node_is_inactive():
    with running() as (node, robot):
        read = Held(node, 'read')
        robot.send(image(PICTURE))
        read.wait(1)
        ended = threading.Thread(target=node.trigger_deactivate)
        ended.start()
        time.sleep(MEANWHILE)
        assert ended.is_alive(), 'it waits for the frame that is on its way'
        read.let_go(9)
        ended.join(10)
        assert not ended.is_alive()
        assert not any(lane.name.startswith('depth worker') for lane in threading.enumerate())
        statistics = node._streams[0].statistics
        assert statistics.received == statistics.processed + sum(statistics.dropped.values())


def test_a_frame_that_fails_holds_nobody_up():
    with running() as (node, robot):
        steps = {step: getattr(node._estimator, step) for step in ('prepare', 'read', 'finish')}
        for step, inner in steps.items():
            def failing(*_):
                raise RuntimeError('of the test')

            setattr(node._estimator, step, failing)
            robot.send(image(PICTURE))
            wait(lambda: node._streams[0].statistics.dropped['failed'] == 1 + list(steps).index(
                step), 10, lambda: f'{step} did not fail')
            setattr(node._estimator, step, inner)
            robot.ask(image(PICTURE))


def test_a_station_tells_when_it_is_likely_to_be_free():
    station = Station()
    assert station.due() == 0
    began = time.monotonic()
    station.enter()
    assert station.due() == 0, 'nobody knows yet'
    assert not station.enter(0.05)
    station.leave()
    took = time.monotonic() - began
    assert station.due() == 0
    assert station.enter(0.05)
    assert 0 < station.due() < took
    station.leave()
