# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node `depth_estimation`: transitions, executor and the worker thread."""
from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import replace
from functools import partial
import gc
import threading
import traceback

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
import torch

from depth_estimation_ros.cloud.points import level_pose
from depth_estimation_ros.cloud.poses import FrameError, pose_from_text
from depth_estimation_ros.cloud.scan import ScanError
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, OUTPUTS, Request, Unscaled
from depth_estimation_ros.estimation.runtime import spare_threads
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.intrinsics import CameraError
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.metres import Scale
from depth_estimation_ros.node.diagnostics import (
    Complaints, diagnostic_array, diagnostic_status, ERROR)
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.parameters import NodeParameters, Settings, UNCONFIGURED, when
from depth_estimation_ros.node.stream import CameraStream, Frame
from depth_estimation_ros.scale.camera_scale import CameraScale, ScaleSettings
from depth_estimation_ros.scale.tracker import Declined

WATCH_PERIOD = 0.2  # seconds
DIAGNOSTICS_PERIOD = 1.0
# A CameraInfo may state any size; an image that large has yet to come.
MAX_EXPECTED_PIXELS = 50_000_000


class DepthNode(LifecycleNode):
    """
    Image and CameraInfo in; metric depth, its CameraInfo, confidence, colours and a cloud out.

    One executor thread takes messages; one worker thread turns the newest frame into depth.
    """

    def __init__(self, **kwargs):
        super().__init__('depth_estimation', **kwargs)
        self._estimator: DepthEstimator | None = None
        self._worker: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._in_transition = False
        self._complaints = Complaints(self.get_logger())
        self._scales: dict[CameraStream, tuple[ScaleSettings, CameraScale]] = {}
        self._scales_lock = threading.Lock()
        self._frames = Frames(self)
        self._memories: dict[CameraStream, TemporalFilter] = {}
        self._own_parameters = NodeParameters(self, self._refuse)
        self._streams = [CameraStream(self, self._own_parameters, self._wake.set, camera)
                         for camera in self._own_parameters.settings.cameras]
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 1)
        # A ROS timer stands still while /clock is silent; these watch over just that.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        for stream in self._streams:
            self.create_timer(WATCH_PERIOD, stream.watch, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)
        self._guard_transitions()

    # -- parameters --

    def _refuse(self, changed: set[str], settings: Settings) -> str | None:
        """Return why a change of parameters cannot be honoured now, or None."""
        if self._estimator is None:
            return None
        for name in sorted(changed):
            if when(name) == UNCONFIGURED:
                return (f'parameter {name} counts when the node is configured: deactivate and '
                        f'clean it up first (ros2 lifecycle set {self.get_fully_qualified_name()}'
                        ' cleanup)')
        for camera in settings.cameras:
            CameraScale(self._estimator.network.contract, self._scale_settings(settings, camera))
        return None

    def _scale_settings(self, settings: Settings, camera: str) -> ScaleSettings:
        topic = settings.of(camera, 'range_topic')
        return ScaleSettings(
            *(settings.of(camera, name) for name in (
                'depth_scale', 'depth_shift', 'camera_height', 'camera_pitch')),
            settings.ground_frame, topic and self.resolve_topic_name(topic), settings.scale_hold)

    def _scale(self, stream: CameraStream) -> CameraScale:
        """Return the scale of a camera; made anew, and empty, when its sources change."""
        wanted = self._scale_settings(self._own_parameters.settings, stream.name)
        with self._scales_lock:
            settings, scale = self._scales.get(stream, (None, None))
            if settings != wanted:
                before, scale = scale, CameraScale(self._estimator.network.contract, wanted)
                if before:
                    scale.follow(before)
                self._scales[stream] = wanted, scale
            return scale

    def _memory(self, stream: CameraStream) -> TemporalFilter | None:
        """Return what remembers a camera's last frames; anew when temporal.window changes."""
        window = self._own_parameters.settings.temporal_window
        if window < 2:
            self._memories.pop(stream, None)
            return None
        if stream not in self._memories or self._memories[stream].window != window:
            self._memories[stream] = TemporalFilter(window)
        return self._memories[stream]

    # -- lifecycle --

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false."""
        if (self._own_parameters.settings.autostart
                and self.trigger_configure() == TransitionCallbackReturn.SUCCESS):
            self.trigger_activate()

    def on_configure(self, state) -> TransitionCallbackReturn:
        """Load and verify the model, warm it up, create the publishers."""
        return self._transition('configure', self._configure, self._cleanup)

    def on_activate(self, state) -> TransitionCallbackReturn:
        """Subscribe and start working."""
        return self._transition('activate', self._activate, self._deactivate)

    def on_deactivate(self, state) -> TransitionCallbackReturn:
        """Unsubscribe; when this returns nothing more is published."""
        return self._transition('deactivate', self._deactivate)

    def on_cleanup(self, state) -> TransitionCallbackReturn:
        """Let go of the model, its memory and the publishers."""
        return self._transition('cleanup', self._cleanup)

    def on_shutdown(self, state) -> TransitionCallbackReturn:
        """Do both, from any state."""
        return self._transition('shutdown', self.stop)

    def on_error(self, state) -> TransitionCallbackReturn:
        """Come back to the unconfigured state."""
        return self._transition('error processing', self.stop)

    def stop(self) -> None:
        """Stop working and let go of everything."""
        self._deactivate()
        self._cleanup()

    def _transition(self, name: str, action: Callable[[], None],
                    undo: Callable[[], None] | None = None) -> TransitionCallbackReturn:
        # rclpy turns an exception in here into ERROR without a word, and dies of None.
        self._in_transition = True
        try:
            action()
        except Exception as error:
            sentence = f'{name} failed: {error}'
            if not isinstance(error, ValueError):  # ours are sentences, others are surprises
                sentence = f'{name} failed: {type(error).__name__}: {error}'
                self.get_logger().error(traceback.format_exc())
            if undo is None:
                self.get_logger().error(sentence)
                return TransitionCallbackReturn.ERROR
            undo()
            self._complaints.raise_('transition', sentence, ERROR, lasting=True)
            return TransitionCallbackReturn.FAILURE
        self._complaints.settle('transition')
        return TransitionCallbackReturn.SUCCESS

    def _guard_transitions(self) -> None:
        """Answer a transition that is not possible; rclpy raises out of spin (rclpy #1209)."""
        [service] = (s for s in self.services if s.srv_type is ChangeState)
        inner = service.callback

        def guarded(request, response):
            self._in_transition = False
            try:
                response = inner(request, response)
            except Exception:  # rclpy's own, of no public type; ours are answered in _transition
                response.success = False
            if not response.success and not self._in_transition:
                self.get_logger().error(
                    f"transition '{request.transition.label or request.transition.id}' is not "
                    'possible in the present state; this shows which are: ros2 lifecycle list '
                    + self.get_fully_qualified_name())
            return response

        service.callback = guarded

    def _configure(self) -> None:
        for problem in self._own_parameters.problems.values():
            raise ValueError(problem)
        settings = self._own_parameters.settings
        loaded = networks.open_network(settings.model, settings.weights, settings.input_size,
                                       settings.allow_download)
        network = loaded.network
        scales = {camera: CameraScale(network.contract, self._scale_settings(settings, camera))
                  for camera in settings.cameras}
        self._threads = settings.threads or spare_threads()
        torch.set_num_threads(self._threads)
        self._estimator = DepthEstimator(network, settings.device, settings.precision,
                                         len(self._streams), settings.compile)
        self._estimator.warm_up()
        for stream in self._streams:
            stream.configure()
        self.get_logger().info(
            f'{network.description} on {self._hardware()} in {self._precision()}; '
            + '; '.join(f'{camera}{": " * bool(camera)}{scale}'
                        for camera, scale in scales.items())
            + f'; weights {loaded.path} ('
            + ', '.join(f'{name} sha256 {digest[:16]}'
                        for name, digest in loaded.sha256.items()) + ')')
        self._remarked = 0
        if settings.device == 'auto' and self._estimator.device.type == 'cpu':
            self.get_logger().info('device auto: torch finds no CUDA device that works, so this '
                                   'is the CPU')

    def _activate(self) -> None:
        self._stopping = False
        self._wake.clear()
        self._worker = threading.Thread(target=self._work, name='depth worker', daemon=True)
        self._worker.start()
        settings = self._own_parameters.settings
        if settings.points_frame or settings.scan_frame and not settings.scan_extrinsics or any(
                settings.of(camera, 'range_topic') and not settings.of(camera, 'range_extrinsics')
                for camera in settings.cameras):
            self._frames.listen()
        for stream in self._streams:
            stream.activate()
            self.get_logger().info(f'waiting for images on {stream.image_topic} and CameraInfo on '
                                   f'{stream.info_topic}')

    def _deactivate(self) -> None:
        if self._worker:
            self._stopping = True
            self._wake.set()
            self._worker.join()
            self._worker = None
        for stream in self._streams:
            stream.deactivate()
            stream.complaints.clear()
        self._memories.clear()
        for _, scale in self._scales.values():
            scale.forget_pictures()
        self._complaints.clear()

    def _cleanup(self) -> None:
        for stream in self._streams:
            stream.cleanup()
        on_gpu = self._estimator is not None and self._estimator.device.type == 'cuda'
        if self._estimator:
            self._estimator.close()
        self._estimator = None
        self._scales.clear()
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()

    # -- the worker thread --

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
            if not self.context.ok():  # shutting down: there is nobody to publish to
                return
            for stream in streams:
                if not published:
                    stream.statistics.drop('failed')
                stream.complaints.raise_(
                    'failed', f'{stream.image_topic}: a frame failed with '
                    f'{type(error).__name__}: {error}', ERROR)
            self.get_logger().debug(traceback.format_exc())

    def _expect(self, stream: CameraStream) -> None:
        """Prepare for the first image's size while there is still time."""
        camera = stream.expect()
        if camera and camera.width * camera.height <= MAX_EXPECTED_PIXELS:
            blank = np.zeros((camera.height, camera.width, 3), np.uint8)
            with contextlib.suppress(Exception):  # what is wrong is said when an image comes
                # Without confidence, for which some networks see each picture twice.
                self._estimator.estimate_all([Request(
                    blank, camera, _options(self._own_parameters.settings, Scale(1.0, '')),
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
        for stream, (frame, _) in frames.items():
            size = self._estimator.network.input_size(frame.camera)
            batches.setdefault(size, []).append(stream)
        for batch in batches.values():
            estimates = []
            with self._surviving(*batch):
                estimates = self._estimator.estimate_all([frames[stream][1] for stream in batch])
            for stream, estimate in zip(batch, estimates):
                frame, request = frames[stream]
                forward = self._estimator.forward_seconds if OUTPUTS & frame.outputs else None
                with self._surviving(stream):
                    if frame.outputs:
                        stream.publish(frame, estimate, request.options.depth_encoding, forward)
                    else:
                        stream.statistics.drop('no scale')
            # For the next pictures, and when these are out.
            for stream, estimate in zip(batch, estimates):
                if estimate.unscaled:
                    with self._surviving(stream, published=True):
                        self._learn(stream, frames[stream][0], estimate.unscaled)

    def _request(self, stream: CameraStream, message) -> tuple[Frame, Request] | None:
        """Return a frame and what is to be made of it, or None where it was dropped."""
        settings = self._own_parameters.settings  # the same for all of this frame
        frame = stream.prepare(message)
        if frame is None:
            return None
        mismatch = self._estimator.mismatch(frame.camera)
        if mismatch:
            stream.complaints.raise_('mismatch', f'{stream.info_topic}: {mismatch}')
        try:
            self._estimator.check(frame.camera, settings.depth)
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
        return replace(frame, outputs=outputs), Request(
            frame.image, frame.camera, _options(settings, scale), outputs,
            running.learns and bool(OUTPUTS & frame.outputs),
            memory=self._memory(stream), stamp=stamp, pose=poses.get('points'),
            scan_pose=poses.get('scan'))

    def _pose(self, stream: CameraStream, frame: Frame,
              settings: Settings) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the camera's pose where points take one; FrameError where tf does not know."""
        if not settings.depth.points.takes_pose:
            return None
        if settings.points_frame:
            return self._frames.look_up(settings.points_frame, frame.header.frame_id,
                                        frame.header.stamp)
        height, pitch = (settings.of(stream.name, f'camera_{name}')
                         for name in ('height', 'pitch'))
        return level_pose(height, pitch) if height else None

    def _scan_pose(self, stream: CameraStream, frame: Frame,
                   settings: Settings) -> tuple[np.ndarray, np.ndarray]:
        """Return the camera's pose in scan.frame; FrameError, ScanError where that cannot be."""
        header = frame.header
        pose = (pose_from_text(settings.scan_extrinsics) if settings.scan_extrinsics else
                self._frames.look_up(settings.scan_frame, header.frame_id, header.stamp))
        self._estimator.check_scan(frame.camera, settings.depth, pose)
        return pose

    def _learn(self, stream: CameraStream, frame: Frame, unscaled: Unscaled) -> None:
        """Hold the depth of a frame against what the robot knows of distances."""
        scale, header = self._scale(stream), frame.header
        ground_frame, pose = self._own_parameters.settings.ground_frame, None
        if ground_frame:
            try:
                pose = self._frames.look_up(ground_frame, header.frame_id, header.stamp)
            except FrameError as error:
                pose = Declined(f'{error}, or set camera_height instead of ground_frame')
        scale.learn(_seconds(header.stamp), unscaled, pose,
                    partial(stream.ranges, header, self._frames) if scale.wants_ranges else None)

    # -- what a user sees --

    def _hardware(self) -> str:
        device = self._estimator.device
        return (f'{device} ({torch.cuda.get_device_name(device)})' if device.type == 'cuda'
                else str(device))

    def _precision(self) -> str:
        forward = self._estimator.forward
        if forward.network.fixed_precision:
            return 'as the network was exported'
        off = f' ({forward.difference:.2%} off fp32)' if forward.difference else ''
        return forward.form + off + ''.join(f'; {remark}' for remark in forward.remarks)

    def _diagnose(self) -> None:
        if self._estimator:
            remarks = self._estimator.forward.remarks[self._remarked:]
            self._remarked += len(remarks)
            for remark in remarks:
                self.get_logger().warning(remark)
        level, sentences = self._complaints.standing()
        self._diagnostics.publish(diagnostic_array(
            self.get_clock().now().to_msg(),
            [self._status(stream, level, sentences) for stream in self._streams]))

    def _status(self, stream: CameraStream, level: bytes,
                sentences: list[str]) -> DiagnosticStatus:
        """Return the status of one camera; the node's own complaints are each one's."""
        own_level, own = stream.complaints.standing()
        level, sentences = max(level, own_level), sentences + own
        values, hardware = stream.diagnostics(), 'none'
        if self._estimator is None:
            summary = 'not configured'
        else:
            hardware = self._hardware()
            values = {
                'model': self._estimator.network.description,
                'device': hardware,
                'precision': self._precision(),
                'confidence': "the network's own" if self._estimator.network.has_confidence else
                'by ' + ', '.join(self._own_parameters.settings.depth.cues),
                'scale contract': self._estimator.network.contract.kind.value,
                **self._scale(stream).values(),
                **values}
            camera = stream.camera
            if camera:
                size = self._estimator.network.input_size(camera)
                values['network input'] = '{}x{}'.format(*size)
            if self._estimator.device.type == 'cuda':
                used = torch.cuda.memory_reserved(self._estimator.device)
                values['GPU memory (MiB)'] = f'{used / 2**20:.0f}'
            summary = stream.summary() if self._worker else 'inactive'
        if sentences:
            summary = sentences[0]
            values.update({f'complaint {i}': text for i, text in enumerate(sentences[1:], 2)})
        name = self.get_fully_qualified_name().lstrip('/')
        return diagnostic_status(f'{name}: {stream.name}' if stream.name else name, hardware,
                                 level, summary, values)


def _options(settings: Settings, scale: Scale | None) -> DepthOptions:
    return replace(settings.depth, metres_per_unit=scale and scale.metres_per_unit,
                   shift=scale.shift if scale else 0.0)


def _seconds(stamp) -> float:
    return stamp.sec + stamp.nanosec * 1e-9
