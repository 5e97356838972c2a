# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
METER-XXS: a small hybrid of convolutions and attention that estimates depth itself.

L. Papa, P. Russo, I. Amerini: METER: A Mobile Vision Transformer Architecture for Monocular Depth
Estimation, IEEE TCSVT 33(10), 2023 (arXiv 2403.08368). Parameter names are those of the authors'
checkpoints, so that they load as they are.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from depth_estimation_ros.models.contract import (
    Download, Entry, Network, ScaleContract, ScaleKind, TrainingCamera)
from depth_estimation_ros.models.densedepth import NYU
from depth_estimation_ros.models.monodepth2 import HeadConv2d, KITTI, load_strictly

# Attention takes 2x2 patches at 1/8, 1/16 and 1/32 of the size.
MULTIPLE = 64
PATCH = 2
HEADS, HEAD_WIDTH = 4, 8


def _mix(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    # Called depthwise, yet the checkpoints' kernels see all channels.
    return nn.Sequential(OrderedDict(
        depthwise=nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        pointwise=nn.Conv2d(outputs, outputs, 1, bias=False)))


def _normed(conv: nn.Module, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _pointwise(inputs: int, outputs: int) -> nn.Sequential:
    return _normed(nn.Conv2d(inputs, outputs, 1, bias=False), outputs)


class InvertedResidual(nn.Module):
    """MobileNetV2's block: widen twofold, convolve each channel, narrow; added where it fits."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        width = 2 * inputs
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *_pointwise(inputs, width),
            *_normed(nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False), width),
            nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, outputs, H/stride, W/stride) for (B, inputs, H, W)."""
        y = self.conv(x)
        return x + y if self.residual else y


class Attention(nn.Module):
    """Attention of four heads, eight wide, among the tokens of a sequence."""

    def __init__(self, width: int):
        super().__init__()
        self.to_qkv = nn.Linear(width, 3 * HEADS * HEAD_WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(HEADS * HEAD_WIDTH, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, N, width) for as much."""
        q, k, v = self.to_qkv(x).unflatten(-1, (3, HEADS, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v)  # B, heads, N, 8
        return self.to_out(y.transpose(1, 2).flatten(2))


class PreNorm(nn.Module):
    """A layer with its input normalised, and added to that input."""

    def __init__(self, width: int, layer: nn.Module):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, N, width) for as much."""
        return x + self.fn(self.norm(x))


class MeterBlock(nn.Module):
    """
    The paper's METER block: convolve, one transformer layer, convolve with what came in.

    A pixel attends to those of the same place in the other 2x2 patches, so both sides are even.
    """

    def __init__(self, channels: int, width: int, hidden: int):
        super().__init__()
        self.conv1 = _normed(_mix(channels, channels), channels)
        self.conv2 = _pointwise(channels, width)
        # Where the authors have dropout there is nothing to do at run time.
        feed = nn.Sequential(OrderedDict(net=nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Identity(),
            nn.Linear(hidden, width))))
        self.transformer = nn.Sequential(OrderedDict(layers=nn.Sequential(nn.Sequential(
            PreNorm(width, Attention(width)), PreNorm(width, feed)))))
        self.conv3 = _pointwise(width, channels)
        self.conv4 = _normed(_mix(2 * channels, channels), channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, channels, H, W) for as much."""
        y = self.conv2(self.conv1(x))
        batch, width, height, length = y.shape
        y = y.reshape(batch, width, height // PATCH, PATCH, length // PATCH, PATCH)
        places = y.permute(0, 3, 5, 2, 4, 1)  # B, 2, 2, H/2, W/2, width
        tokens = self.transformer(places.reshape(batch * PATCH ** 2, -1, width))
        y = tokens.reshape(places.shape).permute(0, 5, 3, 1, 4, 2).reshape(
            batch, width, height, length)
        return self.conv4(torch.cat((self.conv3(y), x), 1))


class Encoder(nn.Module):
    """METER-XXS's encoder: inverted residuals and, from 1/8 of the size on, METER blocks."""

    def __init__(self):
        super().__init__()
        self.conv1 = _normed(_mix(3, 16, 2), 16)
        self.mv2 = nn.ModuleList(InvertedResidual(*shape) for shape in (
            (16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 24, 1), (24, 48, 2), (48, 64, 2),
            (64, 80, 2)))
        self.mvit = nn.ModuleList(MeterBlock(*widths) for widths in (
            (48, 64, 128), (64, 80, 320), (80, 96, 384)))
        self.conv2 = _pointwise(80, 160)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features at 1/4, 1/8, 1/16 and 1/32 of the size of (B, 3, H, W)."""
        quarter = self.mv2[1](self.mv2[0](self.conv1(x)))
        eighth = self.mv2[4](self.mv2[3](self.mv2[2](quarter)))
        sixteenth = self.mv2[5](self.mvit[0](eighth))
        last = self.mvit[2](self.mv2[6](self.mvit[1](sixteenth)))
        return [quarter, eighth, sixteenth, self.conv2(last)]


class Up(nn.Module):
    """Double the size, join the encoder's feature of that size, convolve."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        super().__init__()
        self.conv2d_transpose = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1, bias=False)
        self.end_up_layer = nn.Sequential(_mix(outputs + skip, outputs), nn.ReLU(inplace=True))

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (B, outputs, 2H, 2W) for (B, inputs, H, W) and (B, skip, 2H, 2W or 2W - 1)."""
        x = self.conv2d_transpose(x)
        # The authors trained at 636x192, where a quarter is a column short: theirs is zero, left.
        skip = functional.pad(skip, (x.shape[-1] - skip.shape[-1], 0))
        return self.end_up_layer(torch.cat((x, skip), 1))


class Decoder(nn.Module):
    """METER-XXS's decoder."""

    def __init__(self):
        super().__init__()
        self.conv2d_in = nn.Conv2d(160, 64, 1, bias=False)
        self.ups_block_1 = Up(64, 64, 32)
        self.ups_block_2 = Up(32, 48, 16)
        self.ups_block_3 = Up(16, 24, 8)
        self.conv2d_out = HeadConv2d(8, 1, 3, padding=1, bias=False)

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (B, 1, H/4, W/4), float32, for the encoder's features of (B, 3, H, W)."""
        quarter, eighth, sixteenth, last = features
        x = self.ups_block_1(self.conv2d_in(last), sixteenth)
        return self.conv2d_out(self.ups_block_3(self.ups_block_2(x, eighth), quarter))


class Meter(nn.Module):
    """
    RGB to depth in the unit of the training.

    `mean` and `std` of the three channels are what the training took off the picture, 0..1.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        for name, values in (('mean', mean), ('std', std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return depth (B, 1, H/4, W/4) of RGB (B, 3, H, W) in 0..1, sides multiples of 64."""
        return self.raw((rgb - self.mean) / self.std), None

    def raw(self, x: torch.Tensor) -> torch.Tensor:
        """Return depth of a picture that is normalised already: the authors' network."""
        return self.decoder(self.encoder(x.to(self.decoder.conv2d_in.weight.dtype)))


def network() -> Meter:
    """Return the network without weights, for pictures that are normalised already."""
    return Meter(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Training:
    """A training that the authors published: its file, its pictures and its unit of depth."""

    name: str
    data: str
    file: str
    sha256: str
    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    contract: ScaleContract
    camera: TrainingCamera
    pictures: str

    def build(self, files: Mapping[str, Mapping[str, Any]]) -> Network:
        """Return the network of the authors' file; raise ModelError where it is another's."""
        title = f'METER-XXS {self.width}x{self.height}'
        module = Meter(self.mean, self.std)
        load_strictly(module, files[self.file], self.file, title)
        return Network(
            name=self.name, module=module.eval().requires_grad_(False), input_width=self.width,
            input_height=self.height, inverse=False, contract=self.contract,
            training_camera=self.camera, description=f'{title}, trained on {self.data}',
            multiple=MULTIPLE, resize='bilinear')

    @property
    def entry(self) -> Entry:
        """What the catalogue says of it."""
        return Entry(
            name=self.name, parameters=0.71, input_size=f'{self.width}x{self.height}',
            training=self.pictures, scale=self.contract.kind, licence='MIT', commercial=True,
            source='https://github.com/lorenzopapa5/METER',
            published='25.8 frames/s on a Jetson TX1 (doi 10.1109/TCSVT.2023.3260310)',
            scenes='rooms' if self.data == 'NYUv2' else 'streets',
            build=self.build, files=(self.file,), marks=('decoder.conv2d_out.weight',),
            downloads=(Download(
                'https://raw.githubusercontent.com/lorenzopapa5/METER/main/models/' + self.file,
                self.file, size=2_965_623, sha256=self.sha256),))


# Both files have the same names and shapes: only what the user calls them tells them apart.
ENTRIES = tuple(training.entry for training in (
    Training(
        name='meter_kitti', data='KITTI', file='build_model_best_kitti_xxs',
        sha256='e55544ae36f9ad74237017fd5f8e761db4b258dbed44623c71ce305d44488bea',
        width=640, height=192, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
        contract=ScaleContract(
            ScaleKind.METRIC_ON_TRAINING_CAMERA, 0.1,
            "trained on KITTI's laser depth in decimetres, so a unit is 0.1 m to KITTI's camera"),
        camera=KITTI,
        pictures='KITTI raw driving, whole pictures at 636x192: fx/W 0.58, fy/H 1.92'),
    Training(
        name='meter_nyu', data='NYUv2', file='build_model_best_nyu_xxs',
        sha256='327cddf3bfc85f4a13b8d18d2f13d8e40cdeb022ea397995c409ef1569bcbb53',
        width=256, height=192, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
        contract=ScaleContract(
            ScaleKind.METRIC_ON_TRAINING_CAMERA, 0.01,
            "trained on NYUv2's Kinect depth in centimetres, so a unit is 0.01 m to its camera"),
        camera=NYU,
        pictures='NYUv2 rooms, whole pictures with their white frame at 256x192: fx/W 0.81, '
                 'fy/H 1.08')))
