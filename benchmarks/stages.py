# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
depth_node with a clock at each of its stages: where a frame's time goes.

    python -m benchmarks.stages FILE [--ros-args ...]

writes into FILE, when it ends, the milliseconds of each stage of each frame as JSON: {stage:
[...]}. A stage's time is its own, without that of the stages within it.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial, wraps
import json
from pathlib import Path
import sys
import threading
import time

from depth_estimation_ros.cloud import points
from depth_estimation_ros.estimation import estimator, runtime, views
from depth_estimation_ros.node import main as process, messages, stream, worker
from rclpy.publisher import Publisher

# In the order of a frame's way. On a GPU work is asked for in one stage and waited for in another.
STAGES = {
    'receive': [(stream.CameraStream, '_on_image')],
    'prepare': [(worker.Worker, '_prepare')],
    'decode': [(messages, 'read_image'), (messages, 'read_compressed_image')],
    'upload': [(views.View, 'upload')],
    'resize': [(views.View, 'network_input')],
    'wait for the network': [(worker.Station, 'enter')],
    'forward pass': [(runtime.Runtime, '__call__')],
    'depth': [(estimator.DepthEstimator, '_finish')],
    'points': [(points.PointGrid, 'cloud')],
    'fill': [(messages, 'image_message'), (messages, 'cloud_message'),
             (messages, 'camera_info_message')],
    'publish': [(Publisher, 'publish')],
    'all else': [(worker.Worker, '_finish'), (estimator.DepthEstimator, 'read'),
                 (estimator.DepthEstimator, 'finish'), (stream.CameraStream, 'publish')]}


class Clock:
    """Sums the time of each stage until a frame is out; a thread has one frame at a time."""

    def __init__(self):
        self.frames: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self._now: defaultdict[int, defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float))  # by thread
        self._within = threading.local()

    def watch(self, stage: str, owner: object, name: str) -> None:
        """Take the time of a function of a class or a module."""
        inner = getattr(owner, name)

        @wraps(inner)
        def timed(*args, **kwargs):
            outer = getattr(self._within, 'seconds', 0.0)
            self._within.seconds = 0.0
            began = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                self._now[threading.get_ident()][stage] += took - self._within.seconds
                self._within.seconds = outer + took

        setattr(owner, name, timed)

    def frame(self, *stages: str) -> None:
        """Note what these stages of this thread's frame took."""
        now = self._now.pop(threading.get_ident(), {})
        for stage in stages:
            self.frames[stage].append(1e3 * now.get(stage, 0.0))


def _after(owner: type, name: str, then: Callable[[], None]) -> None:
    inner = getattr(owner, name)

    def called(*arguments) -> None:
        inner(*arguments)
        then()

    setattr(owner, name, called)


def main() -> int:
    """Run the node."""
    file = Path(sys.argv.pop(1))
    clock = Clock()
    for stage, functions in STAGES.items():
        for owner, name in functions:
            clock.watch(stage, owner, name)
    first, *others = STAGES  # the first one is the executor's
    for owner, name, stages in ((stream.CameraStream, '_on_image', [first]),
                                (worker.Worker, '_finish', others)):
        _after(owner, name, partial(clock.frame, *stages))
    try:
        return process.main()
    finally:
        file.write_text(json.dumps(clock.frames))


if __name__ == '__main__':
    sys.exit(main())
