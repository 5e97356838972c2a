# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
From pictures and cameras to metric depth and clouds, in one pass on one device.

No ROS in here: use it from a notebook.

    estimator = DepthEstimator(networks.load('compact').network, device='cuda')
    [estimate] = estimator.estimate([(rgb, PinholeCamera(1242, 375, 721.5, 721.5, 609.6, 172.9))])
    estimate.depth  # (375, 1242) float32 metres, NaN invalid, +Inf beyond max_depth
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
import math
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.camera import (
    CameraError, PinholeCamera, training_mismatch, training_window, view_mismatch, Window)
from depth_estimation_ros.confidence import confidence as conclude, USUAL
from depth_estimation_ros.encodings import ColorImage
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.points import Cloud, Picture, PointGrid, PointOptions
from depth_estimation_ros.resize import resize
from depth_estimation_ros.runtime import find_device, find_precisions, Runtime
from depth_estimation_ros.scale import scale_for
from depth_estimation_ros.scan import Scan, ScanGrid, ScanOptions
from depth_estimation_ros.temporal import TemporalFilter

OUTPUTS = frozenset({'depth', 'confidence', 'color', 'points', 'scan'})

# The colour picture spans distances of one to fifty: 1.6 m to 80 m, 0.2 m to 10 m.
COLOR_SPAN = 50.0


@dataclass(frozen=True)
class DepthOptions:
    """
    What is made of the network's values.

    metres_per_unit: metres per model unit, None = what the model's scale contract says. shift: of
    relative inverse depth v, 1 / Z = v / metres_per_unit + shift, in 1 / metre.
    min_depth, max_depth: metres along Z; nearer is -Inf, farther +Inf (REP 117), both 0 in 16UC1.
    publish_size: `full` (the image's) or `network` (the network's grid). depth_encoding: `32FC1`
    (float32 metres) or `16UC1` (uint16 millimetres, 0 = none). cues: of confidence.CUES, what
    confidence is concluded from where the network gives none; `flip` takes a second pass, in the
    same batch.
    """

    metres_per_unit: float | None = None
    shift: float = 0.0
    min_depth: float = 0.1
    max_depth: float = 80.0
    publish_size: str = 'full'
    depth_encoding: str = '32FC1'
    cues: tuple[str, ...] = USUAL
    points: PointOptions = field(default_factory=PointOptions)
    scan: ScanOptions = field(default_factory=ScanOptions)


@dataclass(frozen=True, eq=False)
class Estimate:
    """
    What one picture became; an output that was not wanted is None.

    camera: of the published grid (H, W). depth: (H, W) float32 metres or uint16 millimetres.
    confidence: (H, W) float32, the probability that the relative error of the depth is under
    25 %, 0 where depth is NaN.
    color: (H, W, 3) uint8 BGR, log depth from red (max_depth / 50 and nearer) to blue
    (max_depth): one colour is one distance in all frames. Invalid and out of range is black.
    """

    camera: PinholeCamera
    depth: np.ndarray | None = None
    confidence: np.ndarray | None = None
    color: np.ndarray | None = None
    cloud: Cloud | None = None
    scan: Scan | None = None
    unscaled: Unscaled | None = None


class Request(NamedTuple):
    """
    A picture (ColorImage or (H, W, 3) uint8 RGB), its camera, and what is to be made of it.

    unscaled: whether the depth in the network's own units is wanted too. memory: of this camera's
    last pictures, which steadies all depth that comes out; stamp: the picture's time for it, s.
    pose: rotation (3, 3) and translation (3,) in metres of the camera's optical frame in the base
    frame, for points (`points.level_pose`); None = not known. scan_pose: the same in the frame of
    the scan; there is no scan without.
    """

    image: ColorImage | np.ndarray
    camera: PinholeCamera
    options: DepthOptions = DepthOptions()
    outputs: Collection[str] = OUTPUTS
    unscaled: bool = False
    memory: TemporalFilter | None = None
    stamp: float = 0.0
    pose: tuple[np.ndarray, np.ndarray] | None = None
    scan_pose: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def wants_confidence(self) -> bool:
        """Whether a confidence is wanted, or points or a scan that take one."""
        return 'confidence' in self.outputs or (
            'points' in self.outputs and self.options.points.needs_confidence) or (
            'scan' in self.outputs and self.options.points.min_confidence > 0)


@dataclass(frozen=True, eq=False)
class Unscaled:
    """
    Depth as the network gives it: (h, w) float32 along Z in its units, NaN = none.

    Of relative inverse depth that is the inverse, for no scale makes depth of it.
    """

    camera: PinholeCamera
    depth: np.ndarray


@dataclass(frozen=True, eq=False)
class _View:
    """How the pixels of one camera lie in the network's grid, and where depth is published."""

    published: PinholeCamera
    input: PinholeCamera  # of the network's input
    intrinsics: torch.Tensor  # its fx, fy, cx, cy, (4,) float32
    seen: Window  # in the picture
    target: Window  # the same place in the network's input
    unlens: torch.Tensor | None  # (1, H, W, 2), where rectified pixels lie in the raw picture
    blind: torch.Tensor | None  # bool, published grid: what the camera or the network cannot see


class DepthEstimator:
    """
    A network on a device. Stateless: equal input gives equal output, frame after frame; what
    remembers is the caller's, and comes with the Request.

    `device` is auto, cpu, cuda or cuda:N, `precision` auto, fp32, fp16 or bf16, `cameras` how
    many different ones will take turns, `compiled` whether the network is compiled for each size
    of its input, aside: until that is done it runs as it is, and who does not wait for it says
    `close`. `forward_seconds` is how long the network took in the last `estimate`.
    """

    def __init__(self, network: Network, device: str = 'auto', precision: str = 'auto',
                 cameras: int = 1, compiled: bool = False):
        self.device = find_device(device)
        self.forward = Runtime(network, self.device, find_precisions(
            precision, self.device, network.fixed_precision), compiled)
        self.network = self.forward.network
        self._relative = network.contract.relative
        self.forward_seconds = 0.0
        # Bounded and few: for a raw 12 megapixel camera one takes over 100 MB.
        self._view = lru_cache(maxsize=1 + cameras)(self._make_view)
        self._grid = lru_cache(maxsize=1 + cameras)(self._make_grid)
        self._scan_grid = lru_cache(maxsize=1 + cameras)(self._make_scan_grid)
        self._palette = torch.from_numpy(palette()).to(self.device)

    def warm_up(self) -> None:
        """Run the network at its usual shape, so that the first frame costs what others do."""
        self.forward.warm_up()

    def close(self) -> None:
        """Stop what is being compiled."""
        self.forward.close()

    def mismatch(self, camera: PinholeCamera) -> str | None:
        """Return a sentence where `camera` is notably unlike those of the training, or None."""
        training, limits = self.network.training_camera, self.network.field_of_view
        if training:
            return training_mismatch(camera, training)
        return limits and view_mismatch(camera, limits)

    def check(self, camera: PinholeCamera, options: DepthOptions) -> None:
        """Raise CameraError where the camera cannot serve the network."""
        self._view(camera, options.publish_size)

    def check_scan(self, camera: PinholeCamera, options: DepthOptions,
                   pose: tuple[np.ndarray, np.ndarray]) -> None:
        """Raise ScanError where the camera cannot make a scan from there."""
        self._scan_grid(self._view(camera, options.publish_size).published, options.scan,
                        options.points, *_hashable(pose))

    def estimate(self, frames: Sequence[tuple[ColorImage | np.ndarray, PinholeCamera]],
                 options: DepthOptions = DepthOptions(),
                 outputs: Collection[str] = OUTPUTS) -> list[Estimate]:
        """Estimate the depth of every (picture, camera), with the same wishes: `estimate_all`."""
        return self.estimate_all([Request(*frame, options, outputs) for frame in frames])

    @torch.inference_mode()
    def estimate_all(self, requests: Sequence[Request]) -> list[Estimate]:
        """
        Estimate the depth of every picture, those of one input size in one batch.

        A picture has its camera's size. Raises CameraError where a camera cannot serve the
        network, ScaleError where the model has no scale and options give none, CloudError where
        points want a pose that is not given. Of `outputs` others than OUTPUTS ask for the camera
        only.
        """
        self.forward.seconds()  # those of a warm-up, or of a pass that failed, are not these
        views = [self._view(request.camera, request.options.publish_size) for request in requests]
        estimates = [Estimate(view.published) for view in views]
        pictures = {}
        batches = defaultdict(list)
        for i, (request, view) in enumerate(zip(requests, views)):
            if OUTPUTS.intersection(request.outputs) or request.unscaled:
                pictures[i] = self._upload(request.image, request.camera, view)
                batches[view.input.width, view.input.height].append(i)
        for batch in batches.values():
            inputs = torch.stack([self._network_input(pictures[i], views[i]) for i in batch])
            cameras = torch.stack([views[i].intrinsics for i in batch])
            turned = [row for row, i in enumerate(batch) if self._is_turned(requests[i])]
            values, confidence = self.forward(*_with_mirrored(inputs / 255, cameras, turned))
            mirrored = dict(zip(turned, values[len(batch):, 0].flip(-1)))
            for row, i in enumerate(batch):
                found, request = values[row, 0], requests[i]
                sure = None if confidence is None else confidence[row, 0]
                if sure is None and request.wants_confidence:
                    sure = self._conclude(found, mirrored.get(row), views[i], request.options)
                if request.memory:
                    found = request.memory.steady(found, request.stamp, request.camera)
                if OUTPUTS.intersection(request.outputs):
                    estimates[i] = self._finish(found, sure, inputs[row], pictures[i],
                                                views[i], request)
                if request.unscaled:
                    estimates[i] = replace(
                        estimates[i], unscaled=self._unscaled(found, views[i]))
        self.forward_seconds = self.forward.seconds()
        return estimates

    def _is_turned(self, request: Request) -> bool:
        """Return whether the network shall see the mirrored picture too."""
        return (not self.network.has_confidence and 'flip' in request.options.cues
                and request.wants_confidence)

    def _make_view(self, camera: PinholeCamera, publish_size: str) -> _View:
        width, height = self.network.input_size(camera)
        training = self.network.training_camera
        window = training_window(camera, training) if training else camera.whole
        seen = window.seen(camera.width, camera.height)
        sx, sy = width / window.width, height / window.height
        left, top = round((seen.x - window.x) * sx), round((seen.y - window.y) * sy)
        target = Window(left, top, round((seen.x + seen.width - window.x) * sx) - left,
                        round((seen.y + seen.height - window.y) * sy) - top)
        if min(target.width, target.height) < 2:
            raise CameraError('the camera covers less than two pixels of what the network wants '
                              'to see: its CameraInfo is wrong, or the model is for others')

        visible = np.zeros((camera.height, camera.width), np.uint8)
        visible[_slices(seen)] = 1
        unlens = None
        if camera.lens:
            where = camera.rectification_map()
            last = np.array([camera.width - 1, camera.height - 1], np.float32)
            visible &= ((where >= -0.5) & (where <= last + 0.5)).all(-1).astype(np.uint8)
            if not visible.any():
                raise CameraError('nothing of the rectified picture lies in the raw one: its K, '
                                  'D, R and P do not belong together, calibrate the camera again')
            unlens = torch.from_numpy(where * (2 / last) - 1)[None].to(self.device)
        published, grid = camera.rectified(), camera.windowed(window).resized(width, height)
        if publish_size == 'network':
            published = grid
            small = cv2.resize(visible[_slices(seen)], (target.width, target.height),
                               interpolation=cv2.INTER_NEAREST)
            visible = np.zeros((height, width), np.uint8)
            visible[_slices(target)] = small
        blind = None if visible.all() else torch.from_numpy(visible == 0).to(self.device)
        intrinsics = torch.tensor([grid.fx, grid.fy, grid.cx, grid.cy], dtype=torch.float32,
                                  device=self.device)
        return _View(published, grid, intrinsics, seen, target, unlens, blind)

    def _make_grid(self, camera: PinholeCamera, options: PointOptions) -> PointGrid:
        return PointGrid(camera, options, self.device)

    def _make_scan_grid(self, camera: PinholeCamera, options: ScanOptions, points: PointOptions,
                        rotation: bytes, translation: bytes) -> ScanGrid:
        pose = np.frombuffer(rotation).reshape(3, 3), np.frombuffer(translation)
        return ScanGrid(camera, options, pose, self.device, points)

    def _upload(self, image: ColorImage | np.ndarray, camera: PinholeCamera,
                view: _View) -> Picture:
        if not isinstance(image, ColorImage):
            image = ColorImage(np.ascontiguousarray(image), (0, 1, 2))
        pixels = image.pixels
        if pixels.shape[:2] != (camera.height, camera.width):
            raise CameraError(f'the picture has {pixels.shape[1]}x{pixels.shape[0]} pixels, its '
                              f'camera {camera.width}x{camera.height}')
        if not pixels.flags.writeable:  # torch shares memory only where it may write
            pixels = pixels.copy()
        planes = torch.from_numpy(pixels).to(self.device).permute(2, 0, 1)
        if view.unlens is not None:
            planes = F.grid_sample(planes[None].float(), view.unlens, mode='bilinear',
                                   padding_mode='border', align_corners=True)[0]
        return Picture(planes, image.rgb)

    def _network_input(self, picture: Picture, view: _View) -> torch.Tensor:
        """Return (3, h, w) float32 RGB in 0..255: the picture as the training camera sees it."""
        part, target = picture.planes[(..., *_slices(view.seen))], view.target
        planes = resize(part, target.height, target.width, self.network.resize)
        small = torch.stack([planes[channel] for channel in picture.rgb])
        # Where the training camera saw more, the border goes on: better than grey (measured).
        return F.pad(small[None], (
            target.x, view.input.width - target.x - target.width,
            target.y, view.input.height - target.y - target.height),
            mode='replicate')[0]

    def _valid(self, values: torch.Tensor) -> torch.Tensor:
        """Return a network's values, NaN where they are none: its contract wants them above 0."""
        there = values.isfinite()
        return torch.where(there if self._relative else there & (values > 0), values, math.nan)

    def _unscaled(self, values: torch.Tensor, view: _View) -> Unscaled:
        height, width = values.shape
        values = self._valid(values)
        # Of relative inverse depth there is no depth before its shift is known.
        depth = 1 / values if self.network.inverse and not self._relative else values
        sx, sy = width / view.input.width, height / view.input.height
        seen = torch.zeros_like(depth, dtype=torch.bool)
        seen[math.ceil(view.target.y * sy):int((view.target.y + view.target.height) * sy),
             math.ceil(view.target.x * sx):int((view.target.x + view.target.width) * sx)] = True
        return Unscaled(view.input.resized(width, height),
                        depth.masked_fill(~seen, math.nan).cpu().numpy())

    def _conclude(self, values: torch.Tensor, mirrored: torch.Tensor | None, view: _View,
                  options: DepthOptions) -> torch.Tensor:
        """Return the confidence (h, w) of a network that gives none, on its own grid."""
        height, width = values.shape
        depth, turned = (None if plane is None else self._metres(self._valid(plane), options)
                         for plane in (values, mirrored))
        return conclude(depth, view.input.resized(width, height), turned, options.cues)

    def _finish(self, values: torch.Tensor, confidence: torch.Tensor | None,
                rgb_input: torch.Tensor, picture: Picture, view: _View,
                request: Request) -> Estimate:
        options, outputs = request.options, request.outputs
        if options.publish_size == 'network':
            picture = Picture(rgb_input, (0, 1, 2))

        # What is no depth becomes NaN on the network's grid, which is small, and stays it.
        depth = self._metres(_place(self._valid(values), view, math.nan), options)
        if view.blind is not None:
            depth.masked_fill_(view.blind, math.nan)
        # Too near, too far (REP 117), in place: a new plane costs more than what is done to it.
        below = np.nextafter(np.float32(options.min_depth), np.float32(0))
        F.threshold_(depth, float(below), -math.inf)
        depth.masked_fill_(depth > options.max_depth, math.inf)

        cloud = scan = sure = None
        learned = self.network.has_confidence
        if request.wants_confidence or (
                learned and {'points', 'scan'} & set(outputs) and options.points.edge > 0):
            sure = _place(confidence, view, 0.0)
        if 'points' in outputs:
            cloud = self._grid(view.published, options.points).cloud(
                depth, picture if options.points.color else None, sure, request.pose, learned)
        if 'scan' in outputs and request.scan_pose is not None:
            scan = self._scan_grid(view.published, options.scan, options.points, *_hashable(
                request.scan_pose)).scan(depth, sure, learned)
        return Estimate(
            camera=view.published,
            depth=_encode(depth, options.depth_encoding) if 'depth' in outputs else None,
            confidence=(sure.masked_fill(depth.isnan(), 0).cpu().numpy()
                        if 'confidence' in outputs else None),
            color=self._colorize(depth, options) if 'color' in outputs else None,
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

    def _colorize(self, depth: torch.Tensor, options: DepthOptions) -> np.ndarray:
        nearest = options.max_depth / COLOR_SPAN
        place = (depth / nearest).log().mul_(255 / math.log(COLOR_SPAN)).nan_to_num_(0, 0, 0)
        color = self._palette[place.round_().clamp_(0, 255).long()]
        return color.masked_fill_(~depth.isfinite()[..., None], 0).cpu().numpy()


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


def _place(plane: torch.Tensor, view: _View, outside: float) -> torch.Tensor:
    """Return an output (h, w) of the network on the published grid, `outside` where it ends."""
    at_input = view.published == view.input
    if at_input or view.target != view.input.whole:
        plane = _stretch(plane, view.input.height, view.input.width)
    if at_input:
        return plane
    part = plane if view.target == view.input.whole else plane[_slices(view.target)]
    part = _stretch(part, view.seen.height, view.seen.width)
    if part.shape == (view.published.height, view.published.width):
        return part
    whole = part.new_full((view.published.height, view.published.width), outside)
    whole[_slices(view.seen)] = part
    return whole


def _stretch(plane: torch.Tensor, height: int, width: int) -> torch.Tensor:
    return F.interpolate(plane[None, None], (height, width), mode='bilinear',
                         align_corners=False)[0, 0]


def _encode(depth: torch.Tensor, encoding: str) -> np.ndarray:
    if encoding == '32FC1':
        return depth.cpu().numpy()
    millimetres = (depth * 1000).round_()
    # Outside of what 16 bits hold there is none: a saturated value would be a phantom wall.
    millimetres = torch.where((millimetres > 0) & (millimetres < 65535), millimetres, 0.0)
    # The wrap-around of int16 keeps the 16 bits that uint16 wants; torch lacks uint16 arithmetic.
    return millimetres.to(torch.int32).to(torch.int16).cpu().numpy().view(np.uint16)


def palette() -> np.ndarray:
    """Return the colours of depth, near (red) to far (blue): (256, 3) uint8 BGR."""
    ramp = np.arange(255, -1, -1, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO)[:, 0]


def _slices(window: Window) -> tuple[slice, slice]:
    return (slice(window.y, window.y + window.height), slice(window.x, window.x + window.width))
