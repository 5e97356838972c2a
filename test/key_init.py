# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Weights and pictures by formula, the same on every machine: 'splitmix-key-v1'.

A parameter's values depend on its name and shape alone, so that a network can be held against
the outputs of another implementation without any trained weights.
"""
from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
import zlib

import numpy as np
import torch

from depth_estimation_ros.models import monodepth2


def uniform(key: str, count: int) -> np.ndarray:
    """Return `count` float64 in [0, 1): SplitMix64 with the CRC-32 of `key` as its stream."""
    start = zlib.crc32(key.encode()) * 0xD1B54A32D192ED03 % 2**64
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(start)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * 2.0**-53


def fill(shapes: Mapping[str, tuple[int, ...]], gain: float = 1.0) -> dict[str, torch.Tensor]:
    """Return a state dict, float32, for the names and shapes of one."""
    state = {}
    for key, shape in shapes.items():
        owner, _, leaf = key.rpartition('.')
        if leaf == 'num_batches_tracked':
            state[key] = torch.zeros(shape, dtype=torch.int64)
            continue
        u = uniform(key, prod(shape))
        if leaf == 'running_var' or leaf == 'weight' and f'{owner}.running_mean' in shapes:
            values = 0.5 + u
        elif leaf == 'weight':
            values = (2 * u - 1) * np.sqrt(3 / prod(shape[1:])) * gain
        elif leaf in ('bias', 'running_mean'):
            values = 0.1 * (2 * u - 1)
        else:
            raise KeyError(key)
        state[key] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    return state


def synth(height: int, width: int) -> np.ndarray:
    """Return a test picture (height, width, 3), uint8 RGB: gradients, squares, fine texture."""
    y, x = np.mgrid[:height, :width]
    red = x * 255 // (width - 1)
    red = np.where((x // 32 + y // 32) % 2, 255 - red, red)
    green = y * 255 // (height - 1)
    blue = (7 * x * y + 3 * x + 5 * y) % 256
    return np.stack((red, green, blue), axis=-1).astype(np.uint8)


def write_monodepth2_checkpoint(folder: Path, num_layers: int = 18, width: int = 640,
                                height: int = 192, use_stereo: bool = True) -> Path:
    """
    Write encoder.pth and depth.pth of a ResNet-18 or -50 monodepth2 into `folder`; return it.

    The format is that of the published files: the classifier that nobody uses is in there, and
    the plain entries height, width and use_stereo.
    """
    network = monodepth2.network(bottleneck=num_layers == 50)
    shapes = {key: tuple(value.shape) for key, value in network.encoder.state_dict().items()}
    shapes['encoder.fc.weight'] = (1000, 2048 if num_layers == 50 else 512)
    shapes['encoder.fc.bias'] = (1000,)
    encoder = {**fill(shapes), 'height': height, 'width': width, 'use_stereo': use_stereo}
    shapes = {key: tuple(value.shape) for key, value in network.decoder.state_dict().items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(encoder, folder / 'encoder.pth')
    torch.save(fill(shapes), folder / 'depth.pth')
    return folder
