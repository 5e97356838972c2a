# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured on: KITTI's camera, a picture of its size, networks with random weights."""
from __future__ import annotations

from pathlib import Path

import cv2
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import monodepth2, rt_monodepth
import numpy as np
import torch

KITTI = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)
INPUT = 640, 192  # width and height of the networks' input


def picture(width: int = KITTI.width, height: int = KITTI.height) -> np.ndarray:
    """Return soft patches of all colours under fine noise, (height, width, 3) uint8 BGR."""
    random = np.random.default_rng(0)
    patches = cv2.resize(random.uniform(0, 255, (6, 20, 3)), (width, height),
                         interpolation=cv2.INTER_CUBIC)
    noise = random.normal(0, 4, (height, width, 3))
    return np.clip(patches + noise, 0, 255).astype(np.uint8)


def untrained(model: str) -> monodepth2.DisparityNetwork:
    """
    Return monodepth2's ResNet-18 or, as 'rt_monodepth_s', RT-MonoDepth-S, weights random.

    Signals keep their size from layer to layer, so that the depth varies and half precision has
    to prove itself.
    """
    network = (rt_monodepth.network() if model == 'rt_monodepth_s'
               else monodepth2.network(bottleneck=False))
    random = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for name, values in state.items():
        if values.dtype != torch.float32:
            continue
        uniform = torch.rand(values.shape, generator=random)
        if values.ndim == 4:
            state[name] = (2 * uniform - 1) * (4 / values[0].numel()) ** 0.5
        elif name.endswith(('running_mean', 'bias')):
            state[name] = 0.1 * (2 * uniform - 1)
        else:  # a batch norm's weight or variance
            state[name] = 0.5 + uniform
    network.load_state_dict(state)
    return network.eval()


def write_checkpoint(model: str, folder: Path) -> Path:
    """Write encoder.pth and depth.pth of `untrained(model)` as published ones are; return it."""
    network = untrained(model)
    folder.mkdir(parents=True)
    torch.save({**network.encoder.state_dict(), 'width': INPUT[0], 'height': INPUT[1],
                'use_stereo': True}, folder / 'encoder.pth')
    torch.save(network.decoder.state_dict(), folder / 'depth.pth')
    return folder
