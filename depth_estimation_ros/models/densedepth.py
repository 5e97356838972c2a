# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
DenseDepth: DenseNet-169 encoder, bilinear U-Net decoder, inverse depth at half resolution.

I. Alhashim, P. Wonka: High Quality Monocular Depth Estimation via Transfer Learning, arXiv
1812.11941, 2018. Parameter names are those of PyTorch/model.py in ialhashim/DenseDepth (the
encoder's are torchvision's); the trained weights are Keras files and are renamed here. The
network is the one that those files are of, not that of the repository's Keras code of today,
which has half the decoder's width and a second activation per level (its issue 130).
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from depth_estimation_ros.models.contract import (
    Download, Entry, Network, ScaleContract, ScaleKind, TrainingCamera)
from depth_estimation_ros.models.monodepth2 import HeadConv2d, KITTI, load_strictly

# The Kinect of NYU Depth v2 at 640x480, from the data set's toolbox.
NYU = TrainingCamera('NYU Depth v2 Kinect', fx=518.86 / 640, fy=519.47 / 480,
                     cx=325.58 / 640, cy=253.74 / 480)

NYU_SCALE = ScaleContract(
    ScaleKind.METRIC_ON_TRAINING_CAMERA, 10.0,
    'trained on rooms measured by a Kinect, it answers 10 m / depth to that camera')
KITTI_SCALE = ScaleContract(
    ScaleKind.METRIC_ON_TRAINING_CAMERA, 80.0,
    "trained on streets measured by KITTI's laser scanner, it answers 80 m / depth to KITTI's "
    'camera')

LAYERS = (6, 12, 32, 32)  # of the dense blocks at 1/4 .. 1/32
GROWTH = 32  # channels that each of them adds
STEM, BOTTOM = 64, 1664  # channels at 1/2 and of the last block
TAPS = ('relu0', 'pool0', 'transition1', 'transition2', 'norm5')  # at 1/2, 1/4 .. 1/32
SKIPS = (256, 128, 64, 64)  # their channels, coarsest first, without the last

# Keras' names of a layer's weights, and torch's.
WEIGHTS = {'kernel': 'weight', 'bias': 'bias', 'gamma': 'weight', 'beta': 'bias',
           'moving_mean': 'running_mean', 'moving_variance': 'running_var'}


class DenseLayer(nn.Module):
    """One layer of a dense block: GROWTH new channels after those there are."""

    def __init__(self, inputs: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 4 * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * GROWTH)
        self.conv2 = nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, inputs + GROWTH, H, W) for (B, inputs, H, W)."""
        new = self.conv1(functional.relu(self.norm1(x), inplace=True))
        new = self.conv2(functional.relu(self.norm2(new), inplace=True))
        return torch.cat((x, new), 1)


class DenseNet(nn.Module):
    """The convolutional part of DenseNet-169."""

    def __init__(self):
        super().__init__()
        parts = OrderedDict(
            conv0=nn.Conv2d(3, STEM, 7, 2, 3, bias=False), norm0=nn.BatchNorm2d(STEM),
            relu0=nn.ReLU(inplace=True), pool0=nn.MaxPool2d(3, 2, 1))
        width = STEM
        for block, layers in enumerate(LAYERS, 1):
            parts[f'denseblock{block}'] = nn.Sequential(OrderedDict(
                (f'denselayer{layer + 1}', DenseLayer(width + layer * GROWTH))
                for layer in range(layers)))
            width += layers * GROWTH
            if block < len(LAYERS):
                parts[f'transition{block}'] = nn.Sequential(OrderedDict(
                    norm=nn.BatchNorm2d(width), relu=nn.ReLU(inplace=True),
                    conv=nn.Conv2d(width, width // 2, 1, bias=False), pool=nn.AvgPool2d(2)))
                width //= 2
        parts['norm5'] = nn.BatchNorm2d(width)
        self.features = nn.Sequential(parts)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features at TAPS, finest first, of (B, 3, H, W)."""
        taps = []
        for name, part in self.features.named_children():
            x = part(x)
            if name in TAPS:
                taps.append(x)
        return taps


class Encoder(nn.Module):
    """A DenseNet that takes the picture as it is."""

    def __init__(self):
        super().__init__()
        self.original_model = DenseNet()

    def forward(self, rgb: torch.Tensor) -> list[torch.Tensor]:
        """Return the five features, finest first, of RGB (B, 3, H, W) in 0..1."""
        return self.original_model(rgb.to(self.original_model.features.conv0.weight.dtype))


class UpSample(nn.Module):
    """One level of the decoder: enlarge, join the encoder's feature, convolve twice."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.convA = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.convB = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (B, outputs, h, w) of `x` and of `skip` (B, ., h, w)."""
        x = functional.interpolate(x, skip.shape[2:], mode='bilinear', align_corners=True)
        # Nothing but convB between the two: so were the published weights trained.
        return functional.leaky_relu(
            self.convB(self.convA(torch.cat((x, skip), 1))), 0.2, inplace=True)


class Decoder(nn.Module):
    """From the five features to one plane at the finest one's size."""

    def __init__(self):
        super().__init__()
        self.conv2 = nn.Conv2d(BOTTOM, BOTTOM, 1)
        for level, skip in enumerate(SKIPS):
            setattr(self, f'up{level + 1}',
                    UpSample((BOTTOM >> level) + skip, BOTTOM >> level + 1))
        self.conv3 = HeadConv2d(BOTTOM >> len(SKIPS), 1, 3, padding=1)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """Return (B, 1, H/2, W/2) float32 of the encoder's features, finest first."""
        finest, pooled, first, second, bottom = features
        x = self.conv2(functional.relu(bottom))
        for up, skip in ((self.up1, second), (self.up2, first), (self.up3, pooled),
                         (self.up4, finest)):
            x = up(x, skip)
        return self.conv3(x)


class DenseDepth(nn.Module):
    """
    RGB to inverse depth, 1 where the depth is the farthest of the training.

    `largest` is the value at the nearest depth that the authors let it give.
    """

    def __init__(self, largest: float):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.largest = largest

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor, None]:
        """
        Return inverse depth (B, 1, H/2, W/2) float32, at most `largest`, and no confidence.

        rgb: (B, 3, H, W) in 0..1, sides multiples of 32. A value of 0 or less is no depth at all
        (the authors' clipping makes the nearest depth of it, an obstacle at the lens); one below
        1 is farther than anything in the training, and not clipped.
        """
        return self.raw(rgb).clamp(max=self.largest), None

    def raw(self, rgb: torch.Tensor) -> torch.Tensor:
        """Return what the original network does for `rgb`: (B, 1, H/2, W/2) float32, any sign."""
        return self.decoder(self.encoder(rgb))


def network(largest: float = 100.0) -> DenseDepth:
    """Return the network without weights; `largest` is 100 for NYU's and 80 for KITTI's."""
    return DenseDepth(largest)


def build_nyu(files: Mapping[str, Mapping[str, Any]]) -> Network:
    """
    Return the network of the published Keras file 'nyu.h5': tensors as stored, by their paths.

    Raises ModelError where it is that of something else.
    """
    return Network(
        name='densedepth_nyu', module=_loaded(files['nyu.h5'], 'nyu.h5', 100.0), input_width=640,
        input_height=480, inverse=True, contract=NYU_SCALE, training_camera=NYU,
        description='DenseDepth 640x480, trained on NYU Depth v2')


def build_kitti(files: Mapping[str, Mapping[str, Any]]) -> Network:
    """Return the network of the published Keras file 'kitti.h5', as build_nyu does."""
    return Network(
        name='densedepth_kitti', module=_loaded(files['kitti.h5'], 'kitti.h5', 80.0),
        input_width=1248, input_height=384, inverse=True, contract=KITTI_SCALE,
        training_camera=KITTI, description='DenseDepth 1248x384, trained on KITTI')


def _loaded(entries: Mapping[str, Any], file: str, largest: float) -> DenseDepth:
    module = network(largest)
    counters = {key: value for key, value in module.state_dict().items()
                if not value.is_floating_point()}  # BatchNorm's, of use in training only
    load_strictly(module, {**counters, **from_keras(entries)}, file, 'DenseDepth')
    return module.eval().requires_grad_(False)


def from_keras(entries: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """
    Return a Keras file's tensors by our names, kernels OIHW instead of HWIO.

    A weight is at <layer>/<scope>/<weight>:0, below model_weights/ where the file holds the whole
    model, as the published ones do; the scope is the layer's name again, maybe with a number. The
    training's optimizer_weights/ are left out. What is none of ours keeps its path.
    """
    modules = {layer: ours for ours, layer in _layers()}
    state = {}
    for path, tensor in entries.items():
        if path.startswith('optimizer_weights/'):
            continue
        *groups, weight = path.partition(':')[0].split('/')
        names = ('/'.join(groups[first:first + count])  # a layer's name may have a slash
                 for first in range(len(groups)) for count in (2, 1))
        layer = next((name for name in names if name in modules), None)
        key = f'{modules[layer]}.{WEIGHTS[weight]}' if layer and weight in WEIGHTS else path
        if weight == 'kernel' and tensor.dim() == 4:
            tensor = tensor.permute(3, 2, 0, 1)
        state[path if key in state else key] = tensor
    return state


def _layers() -> Iterator[tuple[str, str]]:
    """Yield each layer that has weights: our module's name and the name in the Keras files."""
    features = 'encoder.original_model.features'
    yield f'{features}.conv0', 'conv1/conv'
    yield f'{features}.norm0', 'conv1/bn'
    for block, layers in enumerate(LAYERS, 1):
        for layer in range(1, layers + 1):
            for ours, theirs in (('norm1', '0_bn'), ('conv1', '1_conv'), ('norm2', '1_bn'),
                                 ('conv2', '2_conv')):
                yield (f'{features}.denseblock{block}.denselayer{layer}.{ours}',
                       f'conv{block + 1}_block{layer}_{theirs}')
        if block < len(LAYERS):
            yield f'{features}.transition{block}.norm', f'pool{block + 1}_bn'
            yield f'{features}.transition{block}.conv', f'pool{block + 1}_conv'
    yield f'{features}.norm5', 'bn'
    yield 'decoder.conv2', 'conv2'
    for level in range(1, len(SKIPS) + 1):
        for conv in ('convA', 'convB'):
            yield f'decoder.up{level}.{conv}', f'up{level}_{conv}'
    yield 'decoder.conv3', 'conv3'


# confirm=t passes by the page that asks first, as Drive cannot scan files of this size.
DRIVE = 'https://drive.usercontent.google.com/download?id={}&export=download&confirm=t'

ENTRIES = (
    Entry(
        name='densedepth_nyu',
        parameters=42.7,
        input_size='640x480',
        training='NYU Depth v2, rooms seen by one Kinect, 0.1 to 10 m; fx/W 0.81, fy/H 1.08',
        scale=ScaleKind.METRIC_ON_TRAINING_CAMERA,
        licence='GPL-3.0, the repository, which says nothing else of the weights',
        commercial=True,
        source='https://github.com/ialhashim/DenseDepth',
        published='NYU Eigen AbsRel 0.123, RMSE 0.465 m, delta1 0.846; 0.127, 0.549 m, 0.847 by '
                  'the file itself (issue 75 of its repository)',
        scenes='rooms',
        build=build_nyu,
        files=('nyu.h5',),
        # As the README has it since the first place, s3-eu-west-1.amazonaws.com/densedepth,
        # refused everybody in 2021 (issue 185).
        downloads=(Download(DRIVE.format('19dfvGvDfCRYaqxVKypp1fRHwK7XtSjVu'), 'nyu.h5',
                            size=172_897_376),)),
    Entry(
        name='densedepth_kitti',
        parameters=42.7,
        input_size='1248x384',
        training='KITTI raw driving, Velodyne filled in, 1 to 80 m; fx/W 0.58, fy/H 1.92',
        scale=ScaleKind.METRIC_ON_TRAINING_CAMERA,
        licence='GPL-3.0, the repository, which says nothing else of the weights',
        commercial=True,
        source='https://github.com/ialhashim/DenseDepth',
        published='KITTI Eigen AbsRel 0.093, RMSE 4.170 m, delta1 0.886',
        build=build_kitti,
        files=('kitti.h5',),
        downloads=(Download(DRIVE.format('19flUnbJ_6q2xtjuUQvjt1Y1cJRwOr-XY'), 'kitti.h5'),)))
