# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to points: back-projection and packing into PointCloud2 bytes, on the device."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
import torch

from depth_estimation_ros.camera import PinholeCamera


@dataclass(frozen=True)
class PointOptions:
    """
    Which points a cloud holds.

    organized: one point a pixel of the (strided) grid, NaN where there is none; else only valid
    points. stride: every n-th row and column. max_points: bound of an unorganised cloud; a grid
    that is finer is thinned evenly before it is filled. min_range, max_range: metres from the
    camera's centre along the ray; 0 as max_range sets no bound. color: add `rgb`.
    """

    organized: bool = False
    stride: int = 1
    max_points: int = 20000
    min_range: float = 0.0
    max_range: float = 0.0
    color: bool = True


@dataclass(frozen=True, eq=False)
class Cloud:
    """
    The payload of a PointCloud2, metres, optical frame.

    `data` is (height, width, len(fields)) of little-endian 4-byte cells: float32 x, y, z and,
    if coloured, `rgb`: 0x00RRGGBB in the bits of a float32.
    """

    data: np.ndarray
    fields: tuple[str, ...]
    is_dense: bool

    @property
    def height(self) -> int:
        """Rows of an organised cloud, else 1."""
        return self.data.shape[0]

    @property
    def width(self) -> int:
        """Columns of an organised cloud, else the number of points."""
        return self.data.shape[1]


@dataclass(frozen=True, eq=False)
class Picture:
    """An image on the device: `planes` (C, H, W) in 0..255, `rgb` where R, G, B are in C."""

    planes: torch.Tensor
    rgb: tuple[int, int, int]


class PointGrid:
    """
    The pixels of one camera that become points, with their rays, kept on the device.

    The choice depends on sizes and options only, never on the depth: shapes stay constant.
    """

    def __init__(self, camera: PinholeCamera, options: PointOptions, device: torch.device):
        rows = np.arange(0, camera.height, options.stride)
        cols = np.arange(0, camera.width, options.stride)
        if not options.organized and rows.size * cols.size > options.max_points:
            part = math.sqrt(options.max_points / (rows.size * cols.size))
            n_rows = max(int(rows.size * part), 1)
            rows = _spread(rows, n_rows)
            cols = _spread(cols, min(options.max_points // n_rows, cols.size))
        self._options = options
        self._rows = torch.from_numpy(rows).to(device)
        self._cols = torch.from_numpy(cols).to(device)
        x = torch.from_numpy((cols - camera.cx) / camera.fx).float().to(device)[None, :]
        y = torch.from_numpy((rows - camera.cy) / camera.fy).float().to(device)[:, None]
        self._rays = torch.stack([x.expand(rows.size, -1), y.expand(-1, cols.size),
                                  torch.ones(rows.size, cols.size, device=device)], -1)
        self._ray_length = self._rays.norm(dim=-1)

    def _pick(self, plane: torch.Tensor) -> torch.Tensor:
        return plane.index_select(-2, self._rows).index_select(-1, self._cols)

    def cloud(self, depth: torch.Tensor, picture: Picture | None) -> Cloud:
        """
        Return the cloud of `depth` (H, W) float32 metres along Z, with the picture's colours.

        Only finite depth makes a point (REP 118); X = (u - cx) Z / fx, Y = (v - cy) Z / fy.
        """
        z = self._pick(depth)
        valid = z.isfinite()
        if self._options.min_range > 0 or self._options.max_range > 0:
            distance = z * self._ray_length
            valid &= distance >= self._options.min_range
            if self._options.max_range > 0:
                valid &= distance <= self._options.max_range
        xyz = self._rays * z.unsqueeze(-1)
        # As integers: the bits of a colour are a denormal float, which arithmetic may flush to 0.
        cells = torch.empty((*z.shape, 3 if picture is None else 4), dtype=torch.int32,
                            device=z.device)
        if picture is not None:
            planes = self._pick(picture.planes)
            if planes.is_floating_point():
                planes = planes.round()
            planes = planes.to(torch.int32)
            red, green, blue = (planes[i] for i in picture.rgb)
            cells[..., 3] = (red << 16) | (green << 8) | blue
        if self._options.organized:
            cells[..., :3] = xyz.masked_fill_(~valid.unsqueeze(-1), math.nan).view(torch.int32)
        else:
            cells[..., :3] = xyz.view(torch.int32)
            cells = cells[valid].unsqueeze(0)
        fields = ('x', 'y', 'z') if picture is None else ('x', 'y', 'z', 'rgb')
        return Cloud(cells.cpu().numpy(), fields, is_dense=not self._options.organized)


def _spread(pixels: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` of `pixels` at even distances."""
    return pixels[((np.arange(count) + 0.5) * (pixels.size / count)).astype(np.int64)]
