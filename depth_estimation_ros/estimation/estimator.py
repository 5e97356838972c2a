# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
From pictures and cameras to metric depth and clouds, in one pass on one device.

No ROS in here: use it from a notebook.

    estimator = DepthEstimator(networks.open_network('compact').network, device='cuda')
    [estimate] = estimator.estimate([(rgb, PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9))])
    estimate.depth  # (375, 1242) float32 metres, NaN invalid, +Inf beyond max_depth
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.cloud.points import Picture, PointGrid, PointOptions
from depth_estimation_ros.cloud.scan import ScanGrid, ScanOptions
from depth_estimation_ros.estimation.confidence import confidence as conclude
from depth_estimation_ros.estimation.pictures import colorize, encode, palette
from depth_estimation_ros.estimation.requests import (
    DepthOptions, Estimate, OUTPUTS, Request, Unscaled)
from depth_estimation_ros.estimation.runtime import (
    find_device, find_precisions, form_of, Mark, Runtime, seconds_of)
from depth_estimation_ros.estimation.scenes import ROOM, scene_of, STREET
from depth_estimation_ros.estimation.views import make_view, stretch, View
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import (
    PinholeCamera, training_mismatch, view_mismatch)
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.models.metres import scale_for


class _Answer(NamedTuple):
    """What a network says of one picture: planes (h, w) on its own grid."""

    values: torch.Tensor
    sure: torch.Tensor | None
    mirrored: torch.Tensor | None  # values of the mirrored picture, mirrored back
    room: torch.Tensor | None  # (1,), the probability of a room


@dataclass(eq=False)
class _Picture:
    """A picture on its way: what each step has made of it."""

    view: View
    picture: Picture | None = None  # on the device; None where nothing is made of it
    rgb: torch.Tensor | None = None  # as the network sees it
    answers: dict[str, _Answer] = field(default_factory=dict)  # by scene
    choice: tuple[str, float | None] | None = None  # the scene that counts, and how sure it is


@dataclass(eq=False)
class Pass:
    """Pictures on their way through `prepare`, `read` and `finish` of a DepthEstimator."""

    requests: Sequence[Request]
    _pictures: list[_Picture] = field(default_factory=list)
    # Which pictures, and their RGB (B, 3, h, w) in 0..1 and cameras (B, 4) for the network.
    _batches: list[tuple[list[int], torch.Tensor, torch.Tensor]] = field(default_factory=list)
    _marks: list[Mark] = field(default_factory=list)


class DepthEstimator:
    """
    A network on a device. Stateless: equal input gives equal output, frame after frame; what
    remembers is the caller's, and comes with the Request.

    `device` is auto, cpu, cuda or cuda:N, `precision` auto, fp32, fp16 or bf16, `cameras` how
    many different ones will take turns, `compiled` whether the network is compiled for each size
    of its input, aside: until that is done it runs as it is, and who does not wait for it says
    `close`.

    `estimate_all` is `prepare`, `read` and `finish`. On a CPU each may be at work in a thread of
    its own, on pictures one behind the other; not two threads at one step.
    """

    def __init__(self, network: Network, device: str = 'auto', precision: str = 'auto',
                 cameras: int = 1, compiled: bool = False):
        self.device = find_device(device)
        precisions = find_precisions(precision, self.device, network.fixed_precision)
        self.forward = Runtime(network, self.device, precisions, compiled)
        self._runtimes = {STREET: self.forward}
        if network.rooms:
            self._runtimes[ROOM] = Runtime(network.rooms, self.device, precisions, compiled)
        self.network = self.forward.network
        self._relative = network.contract.relative
        # Bounded and few: for a raw 12 megapixel camera one takes over 100 MB.
        self._view = lru_cache(maxsize=1 + cameras)(partial(
            make_view, self.network, device=self.device))
        self._grid = lru_cache(maxsize=1 + cameras)(self._make_grid)
        self._scan_grid = lru_cache(maxsize=1 + cameras)(self._make_scan_grid)
        self._palette = torch.from_numpy(palette()).to(self.device)

    def warm_up(self) -> None:
        """Run the network at its usual shape, so that the first frame costs what others do."""
        for runtime in self._runtimes.values():
            runtime.warm_up()

    def close(self) -> None:
        """Stop what is being compiled."""
        for runtime in self._runtimes.values():
            runtime.close()

    @property
    def remarks(self) -> list[str]:
        """Sentences on what was not possible with a network, as they came."""
        return [remark for runtime in self._runtimes.values() for remark in runtime.remarks]

    @property
    def form(self) -> str:
        """In which form the networks run, in words."""
        return form_of(self._runtimes.values())

    @property
    def difference(self) -> float:
        """How far depth is from that in fp32 at most."""
        return max(runtime.difference for runtime in self._runtimes.values())

    def _taken_marks(self) -> list[Mark]:
        return [mark for runtime in self._runtimes.values() for mark in runtime.taken_marks()]

    def input_size(self, camera: PinholeCamera, rotation: int = 0) -> tuple[int, int]:
        """Return width and height at which the network sees the pictures of a camera."""
        return self.network.input_size(camera.turned(rotation // 90))

    def mismatch(self, camera: PinholeCamera, rotation: int = 0) -> str | None:
        """Return a sentence where `camera` is notably unlike those of the training, or None."""
        camera = camera.turned(rotation // 90)
        training, limits = self.network.training_camera, self.network.field_of_view
        if training:
            return training_mismatch(camera, training)
        return limits and view_mismatch(camera, limits)

    def check(self, camera: PinholeCamera, options: DepthOptions) -> None:
        """Raise CameraError where the camera cannot serve the network."""
        self._view(camera, options.publish_size, options.rotation)

    def check_scan(self, camera: PinholeCamera, options: DepthOptions,
                   pose: tuple[np.ndarray, np.ndarray]) -> None:
        """Raise ScanError where the camera cannot make a scan from there."""
        view = self._view(camera, options.publish_size, options.rotation)
        self._scan_grid(view.published, options.scan, options.points, *_hashable(pose))

    def estimate(self, frames: Sequence[tuple[ColorImage | np.ndarray, PinholeCamera]],
                 options: DepthOptions = DepthOptions(),
                 outputs: Collection[str] = OUTPUTS) -> list[Estimate]:
        """Estimate the depth of every (picture, camera), with the same wishes: `estimate_all`."""
        return self.estimate_all([Request(*frame, options, outputs) for frame in frames])

    def estimate_all(self, requests: Sequence[Request]) -> list[Estimate]:
        """
        Estimate the depth of every picture, those of one input size in one batch.

        A picture has its camera's size. Raises CameraError where a camera cannot serve the
        network, ScaleError where the model has no scale and options give none, CloudError where
        points want a pose that is not given. Of `outputs` others than OUTPUTS ask for the camera
        only.
        """
        made = self.prepare(requests)
        self.read(made)
        return self.finish(made, requests)

    @torch.inference_mode()
    def prepare(self, requests: Sequence[Request]) -> Pass:
        """Bring pictures to the device, as the network sees them; raises CameraError."""
        made = Pass(requests)
        batches = defaultdict(list)
        for i, request in enumerate(requests):
            view = self._view(request.camera, request.options.publish_size,
                              request.options.rotation)
            one = _Picture(view)
            made._pictures.append(one)
            if OUTPUTS.intersection(request.outputs) or request.unscaled:
                one.picture = view.upload(request.image, request.camera)
                one.rgb = view.network_input(one.picture, self.network.resize)
                batches[view.input.width, view.input.height].append(i)
        for batch in batches.values():
            pictures = [made._pictures[i] for i in batch]
            rgb = torch.stack([one.rgb for one in pictures]).contiguous(
                memory_format=torch.channels_last).div_(255)
            made._batches.append((
                batch, rgb, torch.stack([one.view.intrinsics for one in pictures])))
        return made

    @torch.inference_mode()
    def read(self, made: Pass) -> None:
        """Let the networks read what is prepared, and choose between them."""
        self._taken_marks()  # those of a warm-up, or of a pass that failed, are not these
        for runtime in self._runtimes.values():
            runtime.poll()  # what is compiled for one does not wait for its turn
        for batch, rgb, cameras in made._batches:
            requests = [made.requests[i] for i in batch]
            for i, request, answers in zip(batch, requests,
                                           self._read(requests, rgb, cameras)):
                one = made._pictures[i]
                one.answers = answers
                # On CUDA it waits for the device: where there is no choice, it comes last.
                if len(answers) > 1 or self.device.type == 'cpu':
                    one.choice = self._choose(request, answers)
        made._marks = self._taken_marks()

    @torch.inference_mode()
    def finish(self, made: Pass, requests: Sequence[Request]) -> list[Estimate]:
        """
        Return what the pictures became; raises ScaleError and CloudError.

        requests: those of `prepare`, which may have got a scale and lost outputs since.
        """
        estimates = []
        for one, request in zip(made._pictures, requests):
            estimate = Estimate(one.view.published)
            if one.answers:
                scene = one.choice[0] if one.choice else next(iter(one.answers))
                found, sure, mirrored, _ = one.answers[scene]
                if sure is None and request.wants_confidence:
                    sure = self._conclude(found, mirrored, one.view, request.options)
                if request.memory:
                    found = request.memory.steady(found, request.stamp, one.view.input, scene)
                if OUTPUTS.intersection(request.outputs):
                    estimate = self._finish(found, sure, one.rgb, one.picture, one.view, request)
                unscaled = self._unscaled(found, one.view) if request.unscaled else None
                _, mean = one.choice or self._choose(request, one.answers)
                estimate = replace(
                    estimate, scene=scene if self.network.rooms else '', sure=mean,
                    least_sure=self._runtimes[scene].network.least_sure, unscaled=unscaled)
            estimates.append(estimate)
        seconds = seconds_of(made._marks)
        return [replace(estimate, forward=seconds) if one.answers else estimate
                for one, estimate in zip(made._pictures, estimates)]

    def _read(self, requests: Sequence[Request], rgb: torch.Tensor,
              cameras: torch.Tensor) -> list[dict[str, _Answer]]:
        """Return by scene what the networks that are asked say of each picture of a batch."""
        asked = [self._asked(request) for request in requests]
        answers: list[dict[str, _Answer]] = [{} for _ in requests]
        for scene, runtime in self._runtimes.items():
            rows = [row for row, scenes in enumerate(asked) if scene in scenes]
            if not rows:
                continue
            some = (rgb, cameras) if len(rows) == len(rgb) else (rgb[rows], cameras[rows])
            turned = [k for k, row in enumerate(rows) if self._is_turned(requests[row])]
            # A look now and then is not.
            usual = any(len(asked[row]) == 1 or (
                requests[row].choice and requests[row].choice.scene == scene) for row in rows)
            values, sure, room = runtime(*_with_mirrored(*some, turned), usual)
            mirrored = dict(zip(turned, values[len(rows):, 0].flip(-1)))
            for k, row in enumerate(rows):
                answers[row][scene] = _Answer(
                    values[k, 0], None if sure is None else sure[k, 0], mirrored.get(k),
                    None if room is None else room[k])
        return answers

    def _asked(self, request: Request) -> tuple[str, ...]:
        """Return the scenes whose networks are to read a picture."""
        if ROOM not in self._runtimes:
            return (STREET,)
        if request.options.scene != 'auto':
            return (request.options.scene,)
        return request.choice.wanted() if request.choice else tuple(self._runtimes)

    def _choose(self, request: Request,
                answers: dict[str, _Answer]) -> tuple[str, float | None]:
        """Return the scene whose answer counts, and how sure it is."""
        sure = {scene: answer.sure.mean().item() for scene, answer in answers.items()
                if answer.sure is not None}
        if ROOM not in self._runtimes:
            return STREET, sure.get(STREET)
        scene = request.options.scene
        if scene == 'auto':
            room = answers[ROOM].room.item() if ROOM in answers else None
            scene = request.choice.choose(room, sure) if request.choice else scene_of(room)
        return scene, sure[scene]

    def _is_turned(self, request: Request) -> bool:
        """Return whether the network shall see the mirrored picture too."""
        return (not self.network.has_confidence and 'flip' in request.options.cues
                and request.wants_confidence)

    def _make_grid(self, camera: PinholeCamera, options: PointOptions) -> PointGrid:
        return PointGrid(camera, options, self.device)

    def _make_scan_grid(self, camera: PinholeCamera, options: ScanOptions, points: PointOptions,
                        rotation: bytes, translation: bytes) -> ScanGrid:
        pose = np.frombuffer(rotation).reshape(3, 3), np.frombuffer(translation)
        return ScanGrid(camera, options, pose, self.device, points)

    def _valid(self, values: torch.Tensor) -> torch.Tensor:
        """Return a network's values, NaN where they are none: its contract wants them above 0."""
        there = values.isfinite()
        return torch.where(there if self._relative else there & (values > 0), values, math.nan)

    def _unscaled(self, values: torch.Tensor, view: View) -> Unscaled:
        height, width = values.shape
        values = self._valid(values)
        # Of relative inverse depth there is no depth before its shift is known.
        depth = 1 / values if self.network.inverse and not self._relative else values
        sx, sy = width / view.input.width, height / view.input.height
        seen = torch.zeros_like(depth, dtype=torch.bool)
        seen[math.ceil(view.target.y * sy):int((view.target.y + view.target.height) * sy),
             math.ceil(view.target.x * sx):int((view.target.x + view.target.width) * sx)] = True
        return Unscaled(view.input.resized(width, height).turned(-view.quarters),
                        view.back(depth.masked_fill(~seen, math.nan)).cpu().numpy())

    def _conclude(self, values: torch.Tensor, mirrored: torch.Tensor | None, view: View,
                  options: DepthOptions) -> torch.Tensor:
        """Return the confidence (h, w) of a network that gives none, on its own grid."""
        height, width = values.shape
        depth, turned = (None if plane is None else self._metres(self._valid(plane), options)
                         for plane in (values, mirrored))
        return conclude(depth, view.input.resized(width, height), turned, options.cues)

    def _finish(self, values: torch.Tensor, confidence: torch.Tensor | None,
                rgb_input: torch.Tensor, picture: Picture, view: View,
                request: Request) -> Estimate:
        options, outputs = request.options, request.outputs
        if options.publish_size == 'network':
            picture = Picture(view.back(rgb_input), (0, 1, 2))

        # What is no depth becomes NaN on the network's grid, which is small, and stays it.
        values = self._valid(values)
        depth = self._metres(view.place(values, math.nan), options)
        if view.blind is not None:
            depth.masked_fill_(view.blind, math.nan)
        # Too near, too far (REP 117), in place: a new plane costs more than what is done to it,
        # and so does a mask. NaN stays what it is.
        below = np.nextafter(np.float32(options.min_depth), np.float32(0))
        above = np.nextafter(np.float32(options.max_depth), np.float32(math.inf))
        F.threshold_(depth, float(below), -math.inf).neg_()
        F.threshold_(depth, -float(above), -math.inf).neg_()

        cloud = scan = sure = None
        learned = self.network.has_confidence
        if request.wants_confidence or (
                learned and {'points', 'scan'} & set(outputs) and options.points.edge > 0):
            if confidence.shape != values.shape:  # some exported networks'
                confidence = stretch(confidence, *values.shape)
            # NaN where depth is: a mask of the whole picture costs more than all else here.
            sure = view.place(confidence.masked_fill(values.isnan(), math.nan), math.nan)
            if view.blind is not None:
                sure.masked_fill_(view.blind, math.nan)
        if 'points' in outputs:
            cloud = self._grid(view.published, options.points).cloud(
                depth, picture if options.points.color else None, sure, request.pose, learned)
        if 'scan' in outputs and request.scan_pose is not None:
            scan = self._scan_grid(view.published, options.scan, options.points, *_hashable(
                request.scan_pose)).scan(depth, sure, learned)
        return Estimate(
            camera=view.published,
            depth=encode(depth, options.depth_encoding) if 'depth' in outputs else None,
            confidence=(sure.nan_to_num_(0.0).cpu().numpy() if 'confidence' in outputs else None),
            color=(colorize(depth, options.max_depth, self._palette)
                   if 'color' in outputs else None),
            cloud=cloud, scan=scan)

    def _metres(self, values: torch.Tensor, options: DepthOptions) -> torch.Tensor:
        """Return the depth that a network's values mean, where they mean any."""
        scale = options.metres_per_unit
        if scale is None:
            scale = scale_for(self.network.contract, 0.0).metres_per_unit
        if self._relative:
            inverse = values / scale + options.shift
            return (1 / inverse).masked_fill_(inverse <= 0, math.inf)  # not beyond infinity
        return scale / values if self.network.inverse else scale * values


def _with_mirrored(rgb: torch.Tensor, cameras: torch.Tensor,
                   turned: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch of RGB (B, 3, h, w) and cameras (B, 4), and behind it the mirrored rows."""
    if not turned:
        return rgb, cameras
    others = cameras[turned]
    others[:, 2] = rgb.shape[-1] - 1 - others[:, 2]
    return torch.cat([rgb, rgb[turned].flip(-1)]), torch.cat([cameras, others])


def _hashable(pose: tuple[np.ndarray, np.ndarray]) -> tuple[bytes, ...]:
    return tuple(np.asarray(part, np.float64).tobytes() for part in pose)
