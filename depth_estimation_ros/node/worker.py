# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that turns the newest frame of each camera into depth."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import replace
from functools import partial
import threading
import traceback

import numpy as np
from rclpy.node import Node
import torch

from depth_estimation_ros.cloud.points import level_pose
from depth_estimation_ros.cloud.poses import (
    FrameError, pose_from_text, quarter_turns, quarters_to_upright)
from depth_estimation_ros.cloud.scan import ScanError
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, OUTPUTS, Request, Unscaled
from depth_estimation_ros.estimation.scenes import SceneChoice
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.intrinsics import CameraError
from depth_estimation_ros.node.diagnostics import ERROR
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.parameters import NodeParameters, Settings
from depth_estimation_ros.node.scales import Scales
from depth_estimation_ros.node.stream import CameraStream, Frame
from depth_estimation_ros.scale.camera_scale import CameraScale
from depth_estimation_ros.scale.tracker import Declined

# A CameraInfo may state any size; an image that large has yet to come.
MAX_EXPECTED_PIXELS = 50_000_000


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
        self._estimator, self._parameters, self._scales = estimator, parameters, scales
        self._frames, self._threads = frames, threads
        self._memories: dict[CameraStream, TemporalFilter] = {}
        self._scenes: dict[CameraStream, str] = {}  # of the last picture
        self._choices = {stream: SceneChoice() for stream in streams}
        self._stopping = False
        wake.clear()
        self._thread = threading.Thread(target=self._work, name='depth worker', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; when this returns nothing more is published."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _scale(self, stream: CameraStream) -> CameraScale:
        return self._scales.of(stream.name, self._estimator.network.contract)

    def _memory(self, stream: CameraStream) -> TemporalFilter | None:
        """Return what remembers a camera's last frames; anew when temporal.window changes."""
        window = self._parameters.settings.temporal_window
        if window < 2:
            self._memories.pop(stream, None)
            return None
        if stream not in self._memories or self._memories[stream].window != window:
            self._memories[stream] = TemporalFilter(window)
        return self._memories[stream]

    def _work(self) -> None:
        torch.set_num_threads(self._threads)  # which holds for the thread that says it
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping:
                return
            for stream in self._streams:
                with self._surviving(stream):
                    self._expect(stream)
            self._process()

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
            with contextlib.suppress(Exception):  # what is wrong is said when an image comes
                # Without confidence, for which some networks see each picture twice.
                self._estimator.estimate_all([Request(
                    blank, camera, replace(_options(self._parameters.settings, stream),
                                           metres_per_unit=1.0),
                    OUTPUTS - {'confidence'}, pose=level_pose(1.0))])

    def _process(self) -> None:
        """Turn the newest frame of each camera that has one into depth; none waits for others."""
        frames: dict[CameraStream, tuple[Frame, Request]] = {}
        for stream in self._streams:
            message = stream.take()
            if message is not None:
                with self._surviving(stream):
                    found = self._request(stream, message)
                    if found:
                        frames[stream] = found
        # What the network sees at one size is one batch, and is out before the next begins.
        batches: dict[tuple[int, int], list[CameraStream]] = {}
        for stream, (frame, request) in frames.items():
            size = self._estimator.input_size(frame.camera, request.options.rotation)
            batches.setdefault(size, []).append(stream)
        for batch in batches.values():
            estimates = []
            with self._surviving(*batch):
                estimates = self._estimator.estimate_all([frames[stream][1] for stream in batch])
            for stream, estimate in zip(batch, estimates):
                frame, request = frames[stream]
                forward = self._estimator.forward_seconds if OUTPUTS & frame.outputs else None
                with self._surviving(stream):
                    if self._has_changed(stream, estimate.scene):
                        # The scale that was found is that of the other network.
                        self._scales.restart(stream.name)
                        stream.statistics.drop('scene changed')
                    elif frame.outputs:
                        stream.publish(frame, estimate, request.options.depth_encoding, forward)
                    else:
                        stream.statistics.drop('no scale')
            # For the next pictures, and when these are out.
            for stream, estimate in zip(batch, estimates):
                if estimate.unscaled:
                    with self._surviving(stream, published=True):
                        self._learn(stream, frames[stream][0], estimate.unscaled)

    def _has_changed(self, stream: CameraStream, scene: str) -> bool:
        """Note the scene of a picture; tell whether a scale that was found is void by it."""
        before = self._scenes.get(stream, scene)
        self._scenes[stream] = scene or before  # of a picture that nobody read there is none
        return before != self._scenes[stream] and self._scale(stream).learns

    def _request(self, stream: CameraStream, message) -> tuple[Frame, Request] | None:
        """Return a frame and what is to be made of it, or None where it was dropped."""
        settings = self._parameters.settings  # the same for all of this frame
        frame = stream.prepare(message)
        if frame is None:
            return None
        options = _options(settings, stream)
        mismatch = self._estimator.mismatch(frame.camera, options.rotation)
        if mismatch:
            stream.complaints.raise_('mismatch', f'{stream.info_topic}: {mismatch}')
        try:
            self._estimator.check(frame.camera, options)
        except CameraError as error:
            stream.statistics.drop('bad camera_info')
            stream.complaints.raise_('bad info', f'{stream.info_topic}: {error}', ERROR)
            return None
        wanted, poses = frame.outputs, {}
        for output, find, place in (
                ('points', self._pose, 'points.frame (else ground_frame)'),
                ('scan', self._scan_pose, 'scan.frame')):
            if output in wanted:
                try:
                    poses[output] = find(stream, frame, settings)
                except (FrameError, ScanError) as error:
                    wanted -= {output}
                    stream.complaints.raise_(
                        f'{output} pose', f'{stream.image_topic}: no {output} by the pose in '
                        f'{place}: {error}')
        if not wanted:
            stream.statistics.drop('no pose')
            return None
        running = self._scale(stream)
        stamp = _seconds(frame.header.stamp)
        scale, trusted = running.at(stamp)
        for number, sentence in enumerate(running.sentences):
            stream.complaints.raise_(f'scale {number}', f'{stream.image_topic}: {sentence}')
        trusted |= settings.stale_points
        outputs = wanted if trusted else wanted - {'points', 'scan'}
        if scale is None:  # depth in no unit is not for anybody
            outputs = frozenset()
        if scale:
            options = replace(options, metres_per_unit=scale.metres_per_unit, shift=scale.shift)
        return replace(frame, outputs=outputs), Request(
            frame.image, frame.camera, options, outputs,
            running.learns and bool(OUTPUTS & frame.outputs),
            memory=self._memory(stream), stamp=stamp, choice=self._choices[stream],
            pose=poses.get('points'), scan_pose=poses.get('scan'))

    def _look_upright(self, stream: CameraStream, rotation: np.ndarray, settings: Settings,
                      source: str) -> None:
        """Say where the rotation of a camera's pose has it that the picture is not upright."""
        quarters = settings.of(stream.name, 'rotation') // 90
        right = quarters_to_upright(rotation, quarters)
        if right != quarters:
            stream.complaints.raise_(
                'rotation', f'{stream.image_topic}: by the pose in {source} the picture '
                f'{"hangs upside down" if abs(right - quarters) == 2 else "lies on its side"}, so '
                f'that its depth is wrong: set rotation to {90 * right}, or look at that pose')

    def _pose(self, stream: CameraStream, frame: Frame,
              settings: Settings) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the camera's pose where points take one; FrameError where tf does not know."""
        if not settings.depth.points.takes_pose:
            return None
        if settings.points_frame:
            pose = self._frames.look_up(settings.points_frame, frame.header.frame_id,
                                        frame.header.stamp)
            self._look_upright(stream, pose[0], settings, 'points.frame (else ground_frame)')
            return pose
        height, pitch = (settings.of(stream.name, f'camera_{name}')
                         for name in ('height', 'pitch'))
        if not height:
            return None
        rotation, translation = level_pose(height, pitch)  # of the upright picture
        return rotation @ quarter_turns(settings.of(stream.name, 'rotation') // 90), translation

    def _scan_pose(self, stream: CameraStream, frame: Frame,
                   settings: Settings) -> tuple[np.ndarray, np.ndarray]:
        """Return the camera's pose in scan.frame; FrameError, ScanError where that cannot be."""
        header = frame.header
        pose = (pose_from_text(settings.scan_extrinsics) if settings.scan_extrinsics else
                self._frames.look_up(settings.scan_frame, header.frame_id, header.stamp))
        self._look_upright(stream, pose[0], settings, 'scan.frame')
        self._estimator.check_scan(frame.camera, _options(settings, stream), pose)
        return pose

    def _learn(self, stream: CameraStream, frame: Frame, unscaled: Unscaled) -> None:
        """Hold the depth of a frame against what the robot knows of distances."""
        scale, header = self._scale(stream), frame.header
        settings, pose = self._parameters.settings, None
        if settings.ground_frame:
            try:
                pose = self._frames.look_up(
                    settings.ground_frame, header.frame_id, header.stamp)
                self._look_upright(stream, pose.rotation, settings, 'ground_frame')
            except FrameError as error:
                pose = Declined(f'{error}, or set camera_height instead of ground_frame')
        scale.learn(_seconds(header.stamp), unscaled, pose,
                    partial(stream.ranges, header, self._frames) if scale.wants_ranges else None)


def _options(settings: Settings, stream: CameraStream) -> DepthOptions:
    """Return what is made of a camera's pictures, but for the scale."""
    return replace(settings.depth, rotation=settings.of(stream.name, 'rotation'),
                   scene=settings.of(stream.name, 'scene'))


def _seconds(stamp) -> float:
    return stamp.sec + stamp.nanosec * 1e-9
