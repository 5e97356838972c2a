# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where and in which precision a network is executed."""
from __future__ import annotations

import re

import torch

from depth_estimation_ros.models.contract import Network

DTYPES = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


class DeviceError(ValueError):
    """A device or precision that this machine does not have; the message says what to change."""


def find_device(name: str) -> torch.device:
    """
    Return the torch device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Only `auto` may choose: the first CUDA device that works, else the CPU.
    """
    if not re.fullmatch(r'auto|cpu|cuda(:\d+)?', name):
        raise DeviceError(f"device '{name}' is not one of auto, cpu, cuda, cuda:N")
    if name == 'cpu' or name == 'auto' and not (
            torch.cuda.is_available() and _fault(torch.device('cuda', 0)) is None):
        return torch.device('cpu')
    name = name.replace('auto', 'cuda')
    if not torch.cuda.is_available():
        raise DeviceError(f"device '{name}' was asked for but torch {torch.__version__} sees no "
                          "CUDA device: install a CUDA build of torch and its driver, or set "
                          "device to 'cpu' or 'auto'")
    index = int(name.partition(':')[2] or 0)
    if index >= torch.cuda.device_count():
        raise DeviceError(f"device '{name}' does not exist: torch sees "
                          f'{torch.cuda.device_count()} CUDA device(s), numbered from 0')
    device = torch.device('cuda', index)
    fault = _fault(device)
    if fault:
        raise DeviceError(f"device '{name}' does not work with torch {torch.__version__} "
                          f"({fault}): install a build of torch for this GPU, or set device to "
                          "'cpu' or 'auto'")
    return device


def _fault(device: torch.device) -> str | None:
    """Return why a convolution fails there (a build without kernels for this GPU), or None."""
    try:
        torch.nn.functional.conv2d(torch.zeros(1, 1, 3, 3, device=device),
                                   torch.zeros(1, 1, 3, 3, device=device))
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """
    Return the dtype of the network's convolutions for `auto`, `fp32`, `fp16` or `bf16`.

    `auto` is fp32, the precision that every published figure was measured in.
    """
    if name != 'auto' and name not in DTYPES:
        raise DeviceError(f"precision '{name}' is not one of auto, {', '.join(DTYPES)}")
    if name == 'fp16' and device.type == 'cpu':
        raise DeviceError("precision 'fp16' is for CUDA devices: on a CPU set precision to "
                          "'bf16', 'fp32' or 'auto'")
    if name == 'bf16' and device.type == 'cuda' and not torch.cuda.is_bf16_supported():
        raise DeviceError("precision 'bf16' is not supported by this GPU: set precision to "
                          "'fp16', 'fp32' or 'auto'")
    return DTYPES.get(name, torch.float32)


class Runtime:
    """A network, ready on its device: channels last, no gradients, one precision."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype):
        self.device = device
        self.dtype = dtype
        self._module = network.module.eval().requires_grad_(False).to(
            device=device, dtype=dtype, memory_format=torch.channels_last)
        if dtype == torch.float32:
            # CUDA's convolutions would round fp32 to TF32's 10 bits, by default.
            torch.backends.cudnn.allow_tf32 = False
        self._network = network

    @torch.inference_mode()
    def __call__(self, rgb: torch.Tensor,
                 cameras: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        Run the network on float32 RGB (B, 3, H, W) in 0..1 at its input size.

        `cameras` is (B, 4) float32: fx, fy, cx, cy in pixels of `rgb`. Returns the network's
        values (B, 1, h, w) float32 in model units, and its confidence (B, 1, h, w) or None.
        """
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        return self._module(rgb, cameras) if self._network.takes_camera else self._module(rgb)

    def warm_up(self) -> None:
        """
        Pay the first pass's cost (allocation, kernel choice) before the first frame.

        At the network's usual size: where it depends on the camera, that is not known yet.
        """
        width, height = self._network.input_width, self._network.input_height
        rgb = torch.zeros(1, 3, height, width, device=self.device)
        cameras = torch.tensor([[width, width, width / 2, height / 2]], device=self.device)
        for _ in range(2):
            self(rgb, cameras)
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
