# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The threads that turn the newest frame of each camera into depth.

While the network reads one frame the depth of the one before is made and published, and then the
next one is made ready. Each thread goes the whole way of a frame, from station to station, and
leaves one only when it has the next: frames keep their order, and a lone frame waits for nobody.
"""
from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
import contextlib
from dataclasses import dataclass, replace
from functools import partial
import threading
import time
import traceback

import numpy as np
from rclpy.node import Node
import torch

from depth_estimation_ros.cloud.points import level_pose
from depth_estimation_ros.estimation.estimator import DepthEstimator, Pass
from depth_estimation_ros.estimation.requests import OUTPUTS, Request
from depth_estimation_ros.imaging.intrinsics import CameraError
from depth_estimation_ros.node.camera_depth import CameraDepth
from depth_estimation_ros.node.diagnostics import ERROR
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.parameters import NodeParameters, Settings
from depth_estimation_ros.node.scales import Scales
from depth_estimation_ros.node.stream import CameraStream, Frame

# A CameraInfo may state any size; an image that large has yet to come.
MAX_EXPECTED_PIXELS = 50_000_000
# Of the time to make a frame ready, and seconds: so early it is begun, for the network to have it.
EARLY, MARGIN = 1.25, 0.0005


class Station:
    """Where one at a time can be, and how soon it is likely to be free."""

    def __init__(self):
        self._lock = threading.Lock()
        self._since: float | None = None
        self.stay = 0.0  # of the last one, s

    def enter(self, timeout: float = -1) -> bool:
        """Wait until it is free; return whether it was within so many seconds."""
        if not self._lock.acquire(timeout=timeout):
            return False
        self._since = time.monotonic()
        return True

    def leave(self) -> None:
        """Let the next one in."""
        self.stay, self._since = time.monotonic() - self._since, None
        self._lock.release()

    @property
    def taken(self) -> bool:
        """Whether somebody is there."""
        return self._since is not None

    def due(self) -> float:
        """Return in how many seconds it should be free, if this stay is as long as the last."""
        since = self._since
        return 0.0 if since is None else max(since + self.stay - time.monotonic(), 0.0)


@dataclass(eq=False)
class _Batch:
    """Frames that the network sees at one size, and their way through the estimator."""

    frames: dict[CameraStream, Frame]
    settings: Settings  # the same for all of a frame
    made: Pass


class Worker:
    """
    Waits for `wake`, then takes the newest frame of each of `streams` and publishes what it made.

    It remembers the last frames of a camera where temporal.window wants it, as long as it lives.
    `stop` returns when the last frame is out. threads: of torch.
    """

    def __init__(self, node: Node, wake: threading.Event, streams: Sequence[CameraStream],
                 estimator: DepthEstimator, parameters: NodeParameters, scales: Scales,
                 frames: Frames, threads: int):
        self._node, self._wake, self._streams = node, wake, streams
        self._estimator, self._parameters = estimator, parameters
        self._frames, self._threads = frames, threads
        contract = estimator.network.contract
        self._cameras = {stream: CameraDepth(
            stream.name, stream.image_topic, stream.info_topic, estimator,
            partial(scales.of, stream.name, contract), partial(scales.restart, stream.name),
            stream.complaints.raise_) for stream in streams}
        self._door = threading.Lock()  # where the next frame is chosen and made ready
        self._network, self._exit = Station(), Station()
        self._preparing = self._reading = 0.0  # seconds that it took last
        self._stopping = threading.Event()
        wake.clear()
        # On CUDA one: what a graph gives holds until its next run, and the device keeps a queue.
        self._lanes = [threading.Thread(target=self._work, name=f'depth worker {number}',
                                        daemon=True)
                       for number in range(3 if estimator.device.type == 'cpu' else 1)]
        for lane in self._lanes:
            lane.start()

    def stop(self) -> None:
        """End the threads; when this returns nothing more is published."""
        self._stopping.set()
        self._wake.set()
        for lane in self._lanes:
            lane.join()

    def _work(self) -> None:
        torch.set_num_threads(self._threads)  # which holds for the thread that says it
        while True:
            with self._door:
                self._wake.wait()
                # A frame that is taken too early is not the newest when the network has time.
                self._stopping.wait(self._due() - EARLY * self._preparing - MARGIN)
                if self._stopping.is_set():
                    return
                self._wake.clear()
                for stream in self._streams:
                    with self._surviving(stream):
                        self._expect(stream)
                batches = self._prepare()
                while batches and not self._network.enter(EARLY * self._preparing + MARGIN):
                    if self._wake.is_set():  # the network is late, and there are newer ones
                        self._wake.clear()
                        batches = self._prepare(batches)
            if batches:
                self._finish(batches)

    def _due(self) -> float:
        """Return in how many seconds a frame can be read, and go on without waiting."""
        free = self._network.due()
        # Who is at the network is at the exit before the next one.
        beyond = free + self._exit.stay if self._network.taken else self._exit.due()
        return max(free, beyond - self._reading)

    @contextlib.contextmanager
    def _surviving(self, *streams: CameraStream, published: bool = False) -> Iterator[None]:
        """Let the worker outlive what a frame of each of `streams` brings about."""
        try:
            yield
        except Exception as error:
            if not self._node.context.ok():  # shutting down: there is nobody to publish to
                return
            for stream in streams:
                if not published:
                    stream.statistics.drop('failed')
                stream.complaints.raise_(
                    'failed', f'{stream.image_topic}: a frame failed with '
                    f'{type(error).__name__}: {error}', ERROR)
            self._node.get_logger().debug(traceback.format_exc())

    def _expect(self, stream: CameraStream) -> None:
        """Prepare for the first image's size while there is still time."""
        camera = stream.expect()
        if camera and camera.width * camera.height <= MAX_EXPECTED_PIXELS:
            blank = np.zeros((camera.height, camera.width, 3), np.uint8)
            options = self._parameters.settings.options(stream.name)
            self._network.enter()
            self._exit.enter()
            with contextlib.suppress(Exception):  # what is wrong is said when an image comes
                # Without confidence, for which some networks see each picture twice.
                self._estimator.estimate_all([Request(
                    blank, camera, replace(options, metres_per_unit=1.0),
                    OUTPUTS - {'confidence'}, pose=level_pose(1.0))])
            self._exit.leave()
            self._network.leave()

    def _prepare(self, others: Collection[_Batch] = ()) -> list[_Batch]:
        """
        Make the newest frame of each camera that has one ready; none waits for others.

        others: what is ready already, and is taken where there is no newer one.
        """
        began, settings = time.monotonic(), self._parameters.settings
        frames = {stream: (frame, request) for batch in others
                  for (stream, frame), request in zip(batch.frames.items(), batch.made.requests)}
        for stream in self._streams:
            message = stream.take()
            if message is not None:
                with self._surviving(stream):
                    frame = stream.prepare(message)
                    request = frame and self._request(stream, frame, settings)
                    if request:
                        if stream in frames:
                            stream.statistics.drop('newer frame')
                        frames[stream] = frame, request
        sizes: dict[tuple[int, int], list[CameraStream]] = {}
        for stream, (frame, request) in frames.items():
            size = self._estimator.input_size(frame.camera, request.options.rotation)
            sizes.setdefault(size, []).append(stream)
        batches = []
        for streams in sizes.values():
            with self._surviving(*streams):
                batches.append(_Batch(
                    {stream: frames[stream][0] for stream in streams}, settings,
                    self._estimator.prepare([frames[stream][1] for stream in streams])))
        if frames:
            self._preparing = time.monotonic() - began
        return batches

    def _request(self, stream: CameraStream, frame: Frame, settings: Settings) -> Request | None:
        """Return what is to be made of a frame, or None where it was dropped."""
        try:
            request = self._cameras[stream].request(
                settings, _seconds(frame.header.stamp), frame.image, frame.camera, frame.outputs,
                partial(self._look_up, frame.header))
        except CameraError as error:
            stream.statistics.drop('bad camera_info')
            stream.complaints.raise_('bad info', f'{stream.info_topic}: {error}', ERROR)
            return None
        if request is None:
            stream.statistics.drop('no pose')
        return request

    def _look_up(self, header, target: str):
        return self._frames.look_up(target, header.frame_id, header.stamp)

    def _finish(self, batches: Collection[_Batch]) -> None:
        """Bring frames from the network's station out of the last; each batch before the next."""
        left = len(batches)
        for batch in batches:
            read, began = False, time.monotonic()
            with self._surviving(*batch.frames):
                self._estimator.read(batch.made)
                read = True
            self._reading = time.monotonic() - began
            self._exit.enter()
            left -= 1
            if not left:
                self._network.leave()
            if read:
                self._publish(batch)
            self._exit.leave()

    def _publish(self, batch: _Batch) -> None:
        """Publish the depth of frames that the network has read, then learn of it."""
        settings, requests, estimates = batch.settings, [], []
        with self._surviving(*batch.frames):
            requests = [self._cameras[stream].scaled(settings, request)
                        for stream, request in zip(batch.frames, batch.made.requests)]
            estimates = self._estimator.finish(batch.made, requests)
        for (stream, frame), request, estimate in zip(batch.frames.items(), requests, estimates):
            with self._surviving(stream):
                if self._cameras[stream].void(estimate):
                    stream.statistics.drop('scene changed')
                elif request.outputs:
                    stream.publish(replace(frame, outputs=request.outputs), estimate,
                                   request.options.depth_encoding)
                else:
                    stream.statistics.drop('no scale')
        # For the next pictures, and when these are out.
        for (stream, frame), estimate in zip(batch.frames.items(), estimates):
            if estimate.unscaled:
                with self._surviving(stream, published=True):
                    self._cameras[stream].learn(
                        settings, _seconds(frame.header.stamp), estimate.unscaled,
                        partial(self._look_up, frame.header),
                        partial(stream.ranges, frame.header, self._frames))


def _seconds(stamp) -> float:
    return stamp.sec + stamp.nanosec * 1e-9
