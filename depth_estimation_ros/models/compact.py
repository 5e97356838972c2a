# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Our own small network: metric depth and confidence, from an image and its intrinsics.

A convolutional U-Net on the picture and the rays of its pixels. It estimates the logarithm of
the canonical depth, Z * FOCAL / f, which two cameras of different focal length agree on when they
see the same pixels (the idea of Metric3D, Yin et al., ICCV 2023); the rays tell it where the
horizon may be and how wide it looks. Trained by `training/` on generated streets and rooms only.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import partial
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from depth_estimation_ros.models.contract import Entry, Network, ScaleContract, ScaleKind
from depth_estimation_ros.models.monodepth2 import HeadConv2d, load_strictly

# Of the files beside this one.
SHA256 = '18249021eb8dc8336718c469124f6be486473db85dee657397c27b7df384ca69'
SHA256_ROOMS = 'ee53aa7703b6a56ac1e081b4a9deafc985a8477cfe6375c8a5d6377375d509e8'

SCALE = ScaleContract(
    ScaleKind.METRIC_FROM_INTRINSICS, 1.0,
    'it is told the focal lengths and has learned from scenes of known size')

# The canonical focal length in pixels, at which an output is in metres as it is.
FOCAL = 280.0
# The one at which it is used: every camera is resized to it, as far as MAX_PIXELS allows, so
# that things look the same size to it. Chosen on generated streets (docs/model-card.md).
INPUT_FOCAL = 240.0
MULTIPLE = 32
MIN_SIDE = 96
# Few pictures of the trainings had more: wide ones are seen smaller instead, which reads rooms at
# 100 degrees far better. Chosen on generated streets and rooms (docs/model-card.md).
MAX_PIXELS = 100_000
# Horizontal fields of view in degrees that it was trained for.
FIELD_OF_VIEW = (50.0, 110.0)

# Mean confidence under which a picture is unlike what it knows; how often that is wrong says
# docs/model-card.md.
LEAST_SURE = {'compact': 0.62, 'compact-rooms': 0.4}
WIDTHS = (24, 32, 64, 128, 224)  # channels at 1/2, 1/4, 1/8, 1/16, 1/32
DEPTHS = (1, 2, 3, 3)  # residual blocks at 1/4 .. 1/32; the first weights had (1, 2, 2, 2)
# EfficientNet-Lite0's encoder (M. Tan, Q. Le, EfficientNet, ICML 2019; "Lite": no squeeze and
# excitation, ReLU6): channels at 1/2 to 1/32, and the kernel, the channels and the number of its
# blocks at 1/4 to 1/32; the first of each scale halves the size.
LITE_WIDTHS = (16, 24, 40, 112, 320)
LITE_STAGES = (((3, 24, 2),), ((5, 40, 2),), ((3, 80, 3), (5, 112, 3)), ((5, 192, 4), (3, 320, 1)))
LITE_DECODER = (24, 40, 80, 128)  # channels of the decoder at 1/2 to 1/16
# What a robot may know and tell: 1 for a street, 1 for a room; 1 and the logarithm of the camera's
# height above the ground in metres; 1 and its pitch in radians, down positive. 0s: unknown.
KNOWN = 6

_MEAN, _STD = 0.4, 0.25  # of RGB, about
_LOG_START = math.log(12.0)  # canonical metres that an untrained head answers


def input_size(width: int, height: int, fx: float, fy: float) -> tuple[int, int]:
    """
    Return the input (width, height) at which a camera is seen at INPUT_FOCAL.

    Sides are multiples of 32, at least 96; a wide camera is seen at a shorter focal length, so
    that the whole has no more than MAX_PIXELS.
    """
    sx, sy = INPUT_FOCAL / fx, INPUT_FOCAL / fy
    shrink = min(1.0, math.sqrt(MAX_PIXELS / (width * sx * height * sy)))

    def side(length: float) -> int:
        # A wrong calibration may want an endless strip.
        return MULTIPLE * min(max(round(length * shrink / MULTIPLE), MIN_SIDE // MULTIPLE),
                              MAX_PIXELS // MIN_SIDE // MULTIPLE)

    return side(width * sx), side(height * sy)


class _Conv(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3):
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.first = _Conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False),
                                    nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.second(self.first(x)))


class _Inverted(nn.Module):
    """MobileNetV2's block, its norms folded: wide inside, each channel filtered on its own."""

    def __init__(self, inputs: int, outputs: int, stride: int, size: int, expansion: int = 6):
        super().__init__()
        width = inputs * expansion
        self.expand = nn.Conv2d(inputs, width, 1) if expansion > 1 else None
        self.filter = nn.Conv2d(width, width, size, stride, size // 2, groups=width)
        self.project = nn.Conv2d(width, outputs, 1)
        self._adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.expand(x)) if self.expand else x
        # In training too in the weights' own precision: a CPU takes four times as long to learn
        # it in half of it.
        with torch.autocast(x.device.type, enabled=False):
            y = F.relu6(self.filter(y.to(self.filter.weight.dtype)))
        y = self.project(y)
        return x + y if self._adds else y


class _Scene(nn.Module):
    """What the whole picture says (how high and how tilted the camera is) to every place."""

    def __init__(self, width: int):
        super().__init__()
        self.reduce = nn.Linear(width, width // 2)
        self.expand = nn.Linear(width // 2, 2 * width)
        self.known = nn.Linear(KNOWN, width // 2, bias=False)
        self.world = nn.Linear(width // 2, 1)
        for weights in (self.known.weight, self.world.weight, self.world.bias):
            nn.init.zeros_(weights)

    def forward(self, x: torch.Tensor,
                known: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x, scaled and shifted, and the code of the picture that says how."""
        code = self.reduce(x.mean((2, 3)))
        if known is not None:
            code = code + self.known(known.to(code.dtype))
        code = F.relu(code)
        gain, shift = self.expand(code)[..., None, None].chunk(2, 1)
        return x * torch.sigmoid(gain) * 2 + shift, code


def _lite_stage(inputs: int, stage: tuple[tuple[int, int, int], ...]) -> nn.Sequential:
    blocks = []
    for size, outputs, count in stage:
        for _ in range(count):
            blocks.append(_Inverted(inputs, outputs, 1 if blocks else 2, size))
            inputs = outputs
    return nn.Sequential(*blocks)


class CompactNet(nn.Module):
    """
    The network: RGB and the rays x/z, y/z of its pixels, encoder, decoder, two values.

    depths: how many residual blocks its encoder has; it sees the rays. (): EfficientNet-Lite0 is
    its encoder, and the decoder sees them.
    """

    def __init__(self, depths: tuple[int, ...] = DEPTHS):
        super().__init__()
        self.lite = not depths
        if depths:
            widths, decoder = WIDTHS, WIDTHS[:4]
            self.stem = _Conv(5, widths[0], 2)
            self.stages = nn.ModuleList(
                nn.Sequential(_Conv(widths[i], widths[i + 1], 2),
                              *(_Residual(widths[i + 1]) for _ in range(depths[i])))
                for i in range(4))
        else:
            widths, decoder = LITE_WIDTHS, LITE_DECODER
            self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6(inplace=True),
                                      _Inverted(32, widths[0], 1, 3, expansion=1))
            self.stages = nn.ModuleList(map(_lite_stage, widths, LITE_STAGES))
        self.scene = _Scene(widths[4])
        self.lateral = nn.ModuleList(
            _Conv(inputs, outputs, size=1)
            for inputs, outputs in zip((*decoder[1:], widths[4]), decoder))
        self.merge = nn.ModuleList(
            _Conv(a + b + 2 * self.lite, a) for a, b in zip(decoder, widths))
        self.head = HeadConv2d(decoder[0], 2, 3, padding=1)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, rgb: torch.Tensor,
                camera: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Return inverse depth (B, 1, H/2, W/2) in 1/metres, confidence, and room, all float32.

        rgb: (B, 3, H, W) float32 in 0..1, sides multiples of 32. camera: (B, 4) float32 fx, fy,
        cx, cy in its pixels. Confidence is the probability that the depth is within 25 %, room
        (B, 1) that of a room and no street (0.5 of weights that never learned it).
        Inverse, because between two pixels of this grid the mean of inverse depths is the better
        guess: it is where the nearer one is, not in the air behind it (docs/model-card.md).
        """
        log_depth, logit, world = self.look(rgb, camera)
        return (-log_depth).exp(), torch.sigmoid(logit), torch.sigmoid(world.float())

    def values(self, rgb: torch.Tensor,
               camera: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log metres and the confidence's logit, (B, 1, H/2, W/2) float32 each."""
        return self._maps(rgb, camera, None)[:2]

    def look(self, rgb: torch.Tensor, camera: torch.Tensor, known: torch.Tensor | None = None
             ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Return what `values` does and (B, 1), the logit of being in a room and not in a street.

        known: (B, KNOWN) float32; None: nothing.
        """
        log_depth, logit, code = self._maps(rgb, camera, known)
        return log_depth, logit, self.scene.world(code)

    def _maps(self, rgb, camera, known) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x, seen = (rgb - _MEAN) / _STD, rays(camera, *rgb.shape[2:])
        if not self.lite:
            x = torch.cat([x, seen], 1)
        x = self.stem(x.to(self.scene.reduce.weight.dtype, memory_format=torch.channels_last))
        taps = [x]
        for stage in self.stages:
            taps.append(x := stage(x))
        x, code = self.scene(x, known)
        for i in reversed(range(4)):
            up = F.interpolate(self.lateral[i](x), scale_factor=2.0, mode='nearest')
            near = [F.avg_pool2d(seen, 2 << i).to(up.dtype)] if self.lite else []
            x = self.merge[i](torch.cat([up, taps[i], *near], 1))
        out = self.head(x)
        focal = (camera[:, 0] * camera[:, 1]).sqrt().log()[:, None, None, None]
        return out[:, :1] + _LOG_START + focal - math.log(FOCAL), out[:, 1:], code


def rays(camera: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return x/z and y/z of every pixel, (B, 2, H, W), of cameras (B, 4) fx, fy, cx, cy."""
    fx, fy, cx, cy = camera[:, :, None, None].unbind(1)
    x = (torch.arange(width, device=camera.device)[None, None] - cx) / fx
    y = (torch.arange(height, device=camera.device)[None, :, None] - cy) / fy
    return torch.stack([x.expand(-1, height, -1), y.expand(-1, -1, width)], 1)


def _fold(module: nn.Module) -> None:
    """Let each convolution do the batch normalisation after it too: the same values, sooner."""
    for part in module.modules():
        if (isinstance(part, nn.Sequential) and isinstance(part[0], nn.Conv2d)
                and isinstance(part[1], nn.BatchNorm2d)):
            part[0] = fuse_conv_bn_eval(part[0], part[1])
            part[1] = nn.Identity()


def fill(module: CompactNet, weights: Mapping[str, Any]) -> None:
    """Give a network the floats of its state dict; ModelError where they are something else's."""
    # BatchNorm's counters, of use in training only; and what the first weights did not have.
    spare = {name: value for name, value in module.state_dict().items()
             if not value.is_floating_point() or name in (
                 'scene.known.weight', 'scene.world.weight', 'scene.world.bias')}
    load_strictly(module, {**spare, **weights}, 'compact.npz', 'compact')


def depths_of(weights: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how many residual blocks a state dict has at 1/4 .. 1/32; (): it is Lite0's."""
    if 'stem.2.filter.weight' in weights:
        return ()
    return tuple(sum(f'stages.{i}.{j}.first.0.weight' in weights for j in range(1, 9))
                 for i in range(4))


def grown(weights: Mapping[str, torch.Tensor]) -> CompactNet:
    """Return a network with DEPTHS that does what one with fewer blocks does, to train on."""
    module = CompactNet(DEPTHS if depths_of(weights) else ())
    for block in module.modules():
        if isinstance(block, _Residual):
            nn.init.zeros_(block.second[1].weight)  # one that adds nothing
    fill(module, {**{name: value for name, value in module.state_dict().items()
                     if value.is_floating_point()}, **weights})
    return module


def build(files: Mapping[str, Mapping[str, Any]], name: str = 'compact', seen: str = 'streets',
          least_sure: float = LEAST_SURE['compact']) -> Network:
    """
    Return the network of one file, such as 'compact.npz': the floats of a state dict, of any size.

    Raises ModelError where it is that of something else.
    """
    [weights] = files.values()
    module = CompactNet(depths_of(weights))
    fill(module, weights)
    _fold(module.eval())
    width, height = input_size(1242, 375, 721.5, 721.5)  # KITTI's
    return Network(
        name=name, module=module.requires_grad_(False), input_width=width,
        input_height=height, inverse=True, contract=SCALE, training_camera=None,
        description=f'{name}, trained on generated {seen}', takes_camera=True,
        has_confidence=True, size_for=input_size, field_of_view=FIELD_OF_VIEW,
        least_sure=least_sure)


def _entry(name: str, file: str, parameters: float, seen: str, digest: str, scenes: str,
           rooms: str = '') -> Entry:
    return Entry(
        name=name, parameters=parameters,
        input_size=f'the camera at a focal length of {INPUT_FOCAL:g} px (KITTI: 416x128)',
        training=f'generated {seen} only, no real picture; pinhole cameras of '
                 f'{FIELD_OF_VIEW[0]:g} to {FIELD_OF_VIEW[1]:g} degrees',
        scale=SCALE.kind, licence='Apache-2.0', commercial=True,
        source='this package: training/ makes it, docs/model-card.md describes it',
        published='docs/model-card.md', scenes=scenes,
        build=partial(build, name=name, seen=seen, least_sure=LEAST_SURE[name]),
        files=(file,), marks=('stem.0.weight',),
        shipped=(Path(__file__).with_name(file), digest), rooms=rooms)


ENTRIES = (
    _entry('compact', 'compact.npz', 4.6, 'streets', SHA256, 'streets, rooms', 'compact-rooms'),
    _entry('compact-rooms', 'compact_rooms.npz', 4.6, 'rooms and streets', SHA256_ROOMS, 'rooms'))
