# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the pixels of a camera lie in the grid of a network, and the way there and back."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.cloud.points import Picture
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import (
    CameraError, PinholeCamera, square_window, training_window, Window)
from depth_estimation_ros.imaging.resize import resize
from depth_estimation_ros.models.contract import Network


@dataclass(frozen=True, eq=False)
class View:
    """How the pixels of one camera lie in the network's grid, and where depth is published."""

    published: PinholeCamera
    upright: PinholeCamera  # the same, turned as the network sees it
    quarters: int  # by which the picture is turned clockwise for that
    input: PinholeCamera  # of the network's input
    intrinsics: torch.Tensor  # its fx, fy, cx, cy, (4,) float32
    seen: Window  # in the upright picture
    target: Window  # the same place in the network's input
    unlens: torch.Tensor | None  # (1, H, W, 2), where rectified pixels lie in the raw picture
    blind: torch.Tensor | None  # bool, published grid: what the camera or the network cannot see

    def upload(self, image: ColorImage | np.ndarray, camera: PinholeCamera) -> Picture:
        """Return a picture on the device of this view, rectified where its camera is raw."""
        if not isinstance(image, ColorImage):
            image = ColorImage(np.ascontiguousarray(image), (0, 1, 2))
        pixels = image.pixels
        if pixels.shape[:2] != (camera.height, camera.width):
            raise CameraError(f'the picture has {pixels.shape[1]}x{pixels.shape[0]} pixels, its '
                              f'camera {camera.width}x{camera.height}')
        if not pixels.flags.writeable:  # torch shares memory only where it may write
            pixels = pixels.copy()
        planes = torch.from_numpy(pixels).to(self.intrinsics.device).permute(2, 0, 1)
        if self.unlens is not None:
            planes = F.grid_sample(planes[None].float(), self.unlens, mode='bilinear',
                                   padding_mode='border', align_corners=True)[0]
        return Picture(planes, image.rgb)

    def network_input(self, picture: Picture, kind: str) -> torch.Tensor:
        """
        Return (3, h, w) float32 RGB in 0..255: the picture as the training camera sees it.

        kind: how the network wants it resized, see resize.
        """
        planes = _turned(picture.planes, -self.quarters)
        part, target = planes[(..., *_slices(self.seen))], self.target
        planes = resize(part, target.height, target.width, kind)
        small = torch.stack([planes[channel] for channel in picture.rgb])
        # Where the training camera saw more, the border goes on: better than grey (measured).
        return F.pad(small[None], (
            target.x, self.input.width - target.x - target.width,
            target.y, self.input.height - target.y - target.height),
            mode='replicate')[0]

    def back(self, planes: torch.Tensor) -> torch.Tensor:
        """Return upright planes (..., H, W) as the camera has them."""
        return _turned(planes, self.quarters)

    def place(self, plane: torch.Tensor, outside: float) -> torch.Tensor:
        """Return an output (h, w) of the network on the published grid; beyond it is `outside`."""
        return self.back(self._place(plane, outside))

    def _place(self, plane: torch.Tensor, outside: float) -> torch.Tensor:
        upright = self.upright
        at_input = upright == self.input
        if at_input or self.target != self.input.whole:
            plane = stretch(plane, self.input.height, self.input.width)
        if at_input:
            return plane
        part = plane if self.target == self.input.whole else plane[_slices(self.target)]
        part = stretch(part, self.seen.height, self.seen.width)
        if part.shape == (upright.height, upright.width):
            return part
        whole = part.new_full((upright.height, upright.width), outside)
        whole[_slices(self.seen)] = part
        return whole


def make_view(network: Network, camera: PinholeCamera, publish_size: str, rotation: int,
              device: torch.device) -> View:
    """Return the view of a camera; raises CameraError where it cannot serve the network."""
    quarters = rotation // 90
    upright = camera.turned(quarters)  # and rectified
    width, height = network.input_size(upright)
    training = network.training_camera
    window = (training_window(upright, training) if training else
              square_window(upright, width, height) if network.square else upright.whole)
    seen = window.seen(upright.width, upright.height)
    sx, sy = width / window.width, height / window.height
    left, top = round((seen.x - window.x) * sx), round((seen.y - window.y) * sy)
    target = Window(left, top, round((seen.x + seen.width - window.x) * sx) - left,
                    round((seen.y + seen.height - window.y) * sy) - top)
    if min(target.width, target.height) < 2:
        raise CameraError('the camera covers less than two pixels of what the network wants '
                          'to see: its CameraInfo is wrong, or the model is for others')

    visible = np.zeros((upright.height, upright.width), np.uint8)
    visible[_slices(seen)] = 1
    unlens = None
    if camera.lens:
        where = camera.rectification_map()
        last = np.array([camera.width - 1, camera.height - 1], np.float32)
        visible &= np.rot90(((where >= -0.5) & (where <= last + 0.5)).all(-1),
                            -quarters).astype(np.uint8)
        if not visible.any():
            raise CameraError('nothing of the rectified picture lies in the raw one: its K, '
                              'D, R and P do not belong together, calibrate the camera again')
        unlens = torch.from_numpy(where * (2 / last) - 1)[None].to(device)
    published, grid = camera.rectified(), upright.windowed(window).resized(width, height)
    if publish_size == 'network':
        published, upright = grid.turned(-quarters), grid
        small = cv2.resize(visible[_slices(seen)], (target.width, target.height),
                           interpolation=cv2.INTER_NEAREST)
        visible = np.zeros((height, width), np.uint8)
        visible[_slices(target)] = small
    blind = None if visible.all() else torch.from_numpy(
        np.ascontiguousarray(np.rot90(visible == 0, quarters))).to(device)
    intrinsics = torch.tensor([grid.fx, grid.fy, grid.cx, grid.cy], dtype=torch.float32,
                              device=device)
    return View(published, upright, quarters, grid, intrinsics, seen, target, unlens, blind)


def _turned(planes: torch.Tensor, quarters: int) -> torch.Tensor:
    """Return planes (..., H, W) anticlockwise by quarters, without gaps; no copy where by none."""
    return torch.rot90(planes, quarters, (-2, -1)).contiguous() if quarters else planes


def stretch(plane: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return a plane (h, w) float32 at another size, bilinear; NaN spreads to its neighbours."""
    if plane.device.type == 'cpu':  # the same values as torch's, in an eighth of its time
        return torch.from_numpy(cv2.resize(plane.contiguous().numpy(), (width, height),
                                           interpolation=cv2.INTER_LINEAR))
    return F.interpolate(plane[None, None], (height, width), mode='bilinear',
                         align_corners=False)[0, 0]


def _slices(window: Window) -> tuple[slice, slice]:
    return (slice(window.y, window.y + window.height), slice(window.x, window.x + window.width))
