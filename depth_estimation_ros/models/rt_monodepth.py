# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
RT-MonoDepth-S: a plain convolutional encoder and decoder in monodepth2's file format.

C. Feng et al.: Real-Time Monocular Depth Estimation on Embedded Systems, ICIP 2024
(arXiv 2308.10569). Parameter names are those of the authors' checkpoints.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.models.monodepth2 import (
    conv_elu, Decoder, DisparityNetwork, HeadConv2d, load_family, normalise)


class Encoder(nn.Module):
    """RT-MonoDepth-S's encoder.pth: four halvings, no normalisation layers."""

    widths = (64, 64, 128, 192)

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.1, inplace=True),
                nn.Conv2d(outputs, outputs, 3, 1, 1), nn.LeakyReLU(0.1, inplace=True))
            for inputs, outputs in zip(self.widths, self.widths[1:]))
        self.conv1 = nn.Conv2d(3, self.widths[0], 7, 2, 3, bias=False)

    def forward(self, rgb: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature at 1/16 of the size of RGB (B, 3, H, W) in 0..1."""
        x = functional.relu(self.conv1(normalise(rgb, self.conv1.weight.dtype)), inplace=True)
        for conv in self.convs:
            x = conv(x)
        return [x]


def network() -> DisparityNetwork:
    """Return the network without weights."""
    return DisparityNetwork(Encoder(), Decoder(
        bottom=Encoder.widths[-1], widths=(96, 64, 32, 16), skips=(0, 0, 0, 0), scales=3,
        conv_block=conv_elu,
        head=lambda inputs: nn.Sequential(
            OrderedDict(conv3=HeadConv2d(inputs, 1, 3, padding=1)))))


def build(files: Mapping[str, Mapping[str, Any]]) -> Network:
    """
    Return the network of the authors' files 'encoder.pth' and 'depth.pth'.

    Raises ModelError where they are not those of RT-MonoDepth-S.
    """
    return load_family('rt_monodepth_s', 'RT-MonoDepth-S', network(), files, 16)
