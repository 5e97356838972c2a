# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a camera makes of light: exposure, lens, noise, colour, compression."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Sensor:
    """
    One camera's ways. `typical` is a good camera by day; `random` any.

    exposure: brightness of the picture's middle tones, linear. gains: white balance, RGB.
    vignette: light lost in the corners. bloom: light spread around highlights. blur: sigma in
    pixels. noise: read noise, linear; shot: of one unit of light. contrast: of the tone curve.
    saturation: 0 = grey. black: the tone from which on all is black. jpeg: quality, 0 = not
    compressed.
    """

    exposure: float = 0.2
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vignette: float = 0.1
    bloom: float = 0.05
    blur: float = 0.3
    noise: float = 0.002
    shot: float = 0.0004
    contrast: float = 0.3
    saturation: float = 1.0
    black: float = 0.0
    jpeg: int = 0

    @staticmethod
    def random(rng: np.random.Generator) -> Sensor:
        """Return a camera as there may be one."""
        return Sensor(
            exposure=float(np.exp(rng.normal(np.log(0.17), 0.4))),
            gains=tuple(np.exp(rng.normal(0, 0.06, 3)).tolist()),
            vignette=float(rng.uniform(0, 0.45)), bloom=float(rng.uniform(0, 0.12)),
            blur=float(rng.choice([0.0, rng.uniform(0.2, 0.6), rng.uniform(0.5, 1.1)],
                                  p=[0.3, 0.5, 0.2])),
            noise=float(np.exp(rng.uniform(np.log(3e-4), np.log(8e-3)))),
            shot=float(np.exp(rng.uniform(np.log(5e-5), np.log(3e-3)))),
            contrast=float(rng.uniform(-0.1, 0.8)),
            saturation=float(rng.choice([0.0, rng.uniform(0.4, 1.5)], p=[0.06, 0.94])),
            black=float(rng.choice([0.0, rng.uniform(0.0, 0.12)])),
            jpeg=int(rng.choice([0, rng.integers(40, 96)])))


def expose(color: torch.Tensor, sensors: list[Sensor], rng: np.random.Generator) -> np.ndarray:
    """Return RGB (F, H, W, 3) uint8 of linear light (F, H, W, 3), one sensor a picture."""
    count, height, width, _ = color.shape
    device = color.device

    def each(name):
        return torch.tensor([getattr(s, name) for s in sensors], device=device).view(
            count, -1, 1, 1)

    light = color.permute(0, 3, 1, 2)
    luminance = light.mean(1).reshape(count, -1)
    # Metering by the lower three quarters, as the eye of a road camera.
    metered = luminance[:, luminance.shape[1] // 4:].clamp(max=3).log1p().mean(1).expm1()
    light = light * (each('exposure') / metered.clamp(min=1e-3).view(-1, 1, 1, 1)) * each('gains')
    y = torch.linspace(-1, 1, height, device=device)[:, None] * height / width
    x = torch.linspace(-1, 1, width, device=device)
    light = light * (1 - each('vignette') * (x ** 2 + y ** 2) / (1 + (height / width) ** 2))
    spread = F.avg_pool2d((light - 0.8).clamp(0, 8).contiguous(), 8, ceil_mode=True)
    light = light + each('bloom') * F.interpolate(spread, (height, width), mode='bilinear')
    sigma = each('blur')
    taps = torch.exp(-0.5 * (torch.arange(-2, 3, device=device) / sigma.clamp(min=0.05)) ** 2)
    taps = (taps / taps.sum(-1, keepdim=True)).view(count, 1, 1, 5).repeat_interleave(3, 0)
    flat = F.pad(light.reshape(1, count * 3, height, width), (2, 2, 2, 2), mode='replicate')
    flat = F.conv2d(F.conv2d(flat, taps, groups=count * 3), taps.transpose(2, 3),
                    groups=count * 3)
    light = flat.view(count, 3, height, width)
    generator = torch.Generator(device=device).manual_seed(int(rng.integers(1 << 62)))
    grain = torch.randn(light.shape, generator=generator, device=device)
    light = light + grain * (each('noise') ** 2 + each('shot') * light.clamp(min=0)).sqrt()

    value = light.clamp(0, 1) ** (1 / 2.2)
    value = ((value - each('black')) / (1 - each('black'))).clamp(min=0)
    value = torch.lerp(value, value * value * (3 - 2 * value), each('contrast'))
    grey = (value * torch.tensor([0.3, 0.59, 0.11], device=device).view(3, 1, 1)).sum(1, True)
    value = torch.lerp(grey.expand_as(value), value, each('saturation')).clamp(0, 1)
    pictures = (value * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return np.stack([_compressed(p, s.jpeg) for p, s in zip(pictures, sensors)])


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    if not quality:
        return picture
    _, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
