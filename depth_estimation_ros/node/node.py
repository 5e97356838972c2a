# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node `depth_estimation`: what it holds from configure to cleanup."""
from __future__ import annotations

import gc
import sys
import threading
import traceback

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import TransitionCallbackReturn
import torch

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.runtime import spare_threads
from depth_estimation_ros.estimation.scenes import check_scene
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.node.diagnostics import diagnostic_array, diagnostic_status, ERROR
from depth_estimation_ros.node.frames import Frames
from depth_estimation_ros.node.parameters import (
    files_of_others, NodeParameters, Settings, UNCONFIGURED, when)
from depth_estimation_ros.node.scales import Scales
from depth_estimation_ros.node.stream import CameraStream
from depth_estimation_ros.node.transitions import GuardedNode
from depth_estimation_ros.node.worker import Worker
from depth_estimation_ros.scale.camera_scale import CameraScale

WATCH_PERIOD = 0.2  # seconds
DIAGNOSTICS_PERIOD = 1.0


class DepthNode(GuardedNode):
    """
    Image and CameraInfo in; metric depth, its CameraInfo, confidence, colours and a cloud out.

    One executor thread takes messages; those of the worker turn the newest frame into depth.
    """

    def __init__(self, **kwargs):
        super().__init__('depth_estimation', **kwargs)
        self._estimator: DepthEstimator | None = None
        self._worker: Worker | None = None
        self._wake = threading.Event()
        self._frames = Frames(self)
        self._own_parameters = NodeParameters(self, self._refuse)
        self._scales = Scales(self._own_parameters, self.resolve_topic_name)
        self._streams = [CameraStream(self, self._own_parameters, self._wake.set, camera)
                         for camera in self._own_parameters.settings.cameras]
        for sentence in self._own_parameters.unknown:
            self.get_logger().warning(sentence)
        for sentence in files_of_others(sys.argv, self.get_name()):
            self.get_logger().warning(sentence)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 1)
        # A ROS timer stands still while /clock is silent; these watch over just that.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        for stream in self._streams:
            self.create_timer(WATCH_PERIOD, stream.watch, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)

    def survive(self, error: Exception) -> None:
        """Say that a callback of the executor has failed; the next one is called all the same."""
        kind = type(error).__name__
        self._complaints.raise_(
            f'failed {kind}', f'a callback failed with {kind}: {error}', ERROR)
        self.get_logger().debug(traceback.format_exc())

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
        self._check(self._estimator.network, settings)
        return None

    def _check(self, network: Network, settings: Settings) -> dict[str, CameraScale]:
        """Return the scales that cameras would have, or raise what is wrong for a network."""
        for camera in settings.cameras:
            check_scene(settings.of(camera, 'scene'), network)
        return self._scales.check(network.contract, settings)

    # -- lifecycle --

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false."""
        if (self._own_parameters.settings.autostart
                and self.trigger_configure() == TransitionCallbackReturn.SUCCESS):
            self.trigger_activate()

    def _configure(self) -> None:
        for problem in self._own_parameters.problems.values():
            raise ValueError(problem)
        settings = self._own_parameters.settings
        loaded = networks.open_network(settings.model, settings.weights, settings.input_size,
                                       settings.allow_download)
        network = loaded.network
        scales = self._check(network, settings)
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
        self._remarked: set[str] = set()
        if settings.device == 'auto' and self._estimator.device.type == 'cpu':
            self.get_logger().info('device auto: torch finds no CUDA device that works, so this '
                                   'is the CPU')

    def _activate(self) -> None:
        self._worker = Worker(self, self._wake, self._streams, self._estimator,
                              self._own_parameters, self._scales, self._frames, self._threads)
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
            self._worker.stop()
            self._worker = None
        for stream in self._streams:
            stream.deactivate()
            stream.complaints.clear()
        self._scales.forget_pictures()
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

    # -- what a user sees --

    def _hardware(self) -> str:
        device = self._estimator.device
        return (f'{device} ({torch.cuda.get_device_name(device)})' if device.type == 'cuda'
                else str(device))

    def _precision(self) -> str:
        if self._estimator.network.fixed_precision:
            return 'as the network was exported'
        off = self._estimator.difference
        off = f' ({off:.2%} off fp32)' if off else ''
        return self._estimator.form + off + ''.join(
            f'; {remark}' for remark in self._estimator.remarks)

    def _diagnose(self) -> None:
        if self._estimator:
            for remark in self._estimator.remarks:  # of either network, as they come
                if remark not in self._remarked:
                    self._remarked.add(remark)
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
                **self._scales.of(stream.name, self._estimator.network.contract).values(),
                **values}
            camera = stream.camera
            if camera:
                rotation = self._own_parameters.settings.of(stream.name, 'rotation')
                size = self._estimator.input_size(camera, rotation)
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
