# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to points: back-projection and packing into PointCloud2 bytes, on the device."""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
import torch

from depth_estimation_ros.imaging.intrinsics import PinholeCamera


# The angle in radians to either side of a pixel over which a network smears a jump of depth: two
# pixels of the input of `compact`, three of that of the KITTI networks.
SMEAR = 1 / 120
# Metres under the camera that a floor may lie at the least: its rise is no jump.
LOWEST = 0.3
# The confidence at which `edge` takes a pixel whose network says none.
UNTOLD = 0.8
# With a voxel grid, this many times max_points are looked at: most fall into a voxel together.
DENSER = 2
ANY_HEIGHT = 1000.0
GROUND = ('keep', 'remove', 'label')


class CloudError(ValueError):
    """Options that say no cloud, or want what is not there; the message says what to change."""


@dataclass(frozen=True)
class PointOptions:
    """
    Which points a cloud holds, and what it says of them. What is left out is NaN if organized.

    organized: one point a pixel of the (strided) grid, NaN where there is none; else only valid
    points. stride: every n-th row and column. max_points: bound of an unorganised cloud; a grid
    that is finer is thinned evenly before it is filled. min_range, max_range: metres from the
    camera's centre along the ray; 0 as max_range sets no bound. color: add `rgb`.

    edge: leaves out the pixels that float between two surfaces: those where the root of the jump
    of log depth across a pixel, times 1 - confidence, is over this; smaller leaves out more, 0
    none. min_confidence: 0 to 1, 0 sets no bound. confidence: add `confidence`.
    min_height, max_height: metres over the base frame's origin; -1000 and 1000 set no bound.
    voxel: edge of a cube in metres that holds one point at most, the nearest one; 0 sets no
    bound. ground: `keep` it, `remove` it, or `label` it: add `ground`, 1 or 0. A point is ground
    if it lies within ground_tolerance metres plus ground_slope metres a metre of range of the
    base frame's z = 0. Raises CloudError.
    """

    organized: bool = False
    stride: int = 1
    max_points: int = 20000
    min_range: float = 0.0
    max_range: float = 0.0
    color: bool = True
    edge: float = 0.06
    min_confidence: float = 0.0
    confidence: bool = False
    min_height: float = -ANY_HEIGHT
    max_height: float = ANY_HEIGHT
    voxel: float = 0.0
    ground: str = 'keep'
    ground_tolerance: float = 0.15
    ground_slope: float = 0.03

    def __post_init__(self) -> None:
        """Refuse what says no cloud."""
        if self.ground not in GROUND:
            raise CloudError(f"ground '{self.ground}' is not one of {', '.join(GROUND)}")
        if self.min_height > self.max_height:
            raise CloudError(f'min_height {self.min_height:g} must not be above max_height '
                             f'{self.max_height:g}')

    @property
    def has_band(self) -> bool:
        """Whether points are bound to heights."""
        return self.min_height > -ANY_HEIGHT or self.max_height < ANY_HEIGHT

    @property
    def needs_pose(self) -> bool:
        """Whether a cloud takes the camera's pose in the base frame."""
        return self.has_band or self.ground != 'keep'

    @property
    def takes_pose(self) -> bool:
        """Whether a cloud depends on that pose where it is known: voxels do, too."""
        return self.needs_pose or self.voxel > 0

    @property
    def needs_confidence(self) -> bool:
        """Whether a cloud takes a confidence; `edge` uses one where there is one."""
        return self.confidence or self.min_confidence > 0


@dataclass(frozen=True, eq=False)
class Cloud:
    """
    The payload of a PointCloud2, metres, optical frame.

    `data` is (height, width, len(fields)) of little-endian 4-byte cells: float32 x, y, z; if
    wanted, `rgb`: 0x00RRGGBB in the bits of a float32, float32 `confidence` and `ground`.
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

    The choice depends on sizes and options only, never on the depth: shapes stay constant up to
    the last step.
    """

    def __init__(self, camera: PinholeCamera, options: PointOptions, device: torch.device):
        rows = np.arange(0, camera.height, options.stride)
        cols = np.arange(0, camera.width, options.stride)
        bound = options.max_points * (DENSER if options.voxel > 0 else 1)
        if not options.organized and rows.size * cols.size > bound:
            part = math.sqrt(bound / (rows.size * cols.size))
            n_rows = min(max(int(rows.size * part), 1), bound)
            rows = _spread(rows, n_rows)
            cols = _spread(cols, min(bound // n_rows, cols.size))
        self._options = options

        def places(pixels: np.ndarray, last: int) -> torch.Tensor:
            return torch.from_numpy(pixels.clip(0, last)).to(device)

        self._rows, self._cols = places(rows, camera.height), places(cols, camera.width)
        # At a camera whose pixels are wider than the smear none is left between two surfaces.
        across, down = round(camera.fx * SMEAR), round(camera.fy * SMEAR)
        self._beside = self._about = None
        if options.edge > 0 and across > 0 and down > 0:
            self._beside = [places(cols + step, camera.width - 1) for step in (-across, across)]
            self._about = [places(rows + step, camera.height - 1) for step in (-down, down)]
            # By which factor, per metre of depth, the lowest floor recedes from below to above.
            self._rise = 2 * down / (camera.fy * LOWEST)
        x = torch.from_numpy((cols - camera.cx) / camera.fx).float().to(device)[None, :]
        y = torch.from_numpy((rows - camera.cy) / camera.fy).float().to(device)[:, None]
        self.rays = torch.stack([x.expand(rows.size, -1), y.expand(-1, cols.size),
                                 torch.ones(rows.size, cols.size, device=device)], -1)
        self._ray_length = self.rays.norm(dim=-1)

    def _pick(self, plane: torch.Tensor) -> torch.Tensor:
        return plane.index_select(-2, self._rows).index_select(-1, self._cols)

    def look(self, depth: torch.Tensor, confidence: torch.Tensor | None = None,
             learned: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """
        Return depth on the grid, where it may be trusted (bool), and how sure it is, if told.

        The grid has (rows, cols) pixels with `rays`, (rows, cols, 3) at Z = 1. See `cloud`.
        """
        z = self._pick(depth)
        valid = z.isfinite()
        sure = None if confidence is None else self._pick(confidence)
        if self._options.min_confidence > 0:
            valid &= sure >= self._options.min_confidence
        if self._beside is not None:
            doubt = 1 - (sure if learned and sure is not None else UNTOLD)
            valid &= self._jump(depth, z) * doubt ** 2 <= self._options.edge ** 2
        return z, valid, sure

    def cloud(self, depth: torch.Tensor, picture: Picture | None,
              confidence: torch.Tensor | None = None,
              pose: tuple[np.ndarray, np.ndarray] | None = None, learned: bool = True) -> Cloud:
        """
        Return the cloud of `depth` (H, W) float32 metres along Z, with the picture's colours.

        Only finite depth makes a point (REP 118); X = (u - cx) Z / fx, Y = (v - cy) Z / fy.
        Points stay in the optical frame whatever the pose is.

        :param confidence: (H, W) float32 in 0..1, of `depth`.
        :param learned: the network itself gave the confidence. `edge` takes no other: what is
            concluded from depth is too coarse for it (measured).
        :param pose: rotation (3, 3) and translation (3,), metres, of the camera's optical frame
            in the base frame (z up): see `level_pose`.
        :raises CloudError: the options need a confidence or a pose, and there is none.
        """
        options = self._options
        if confidence is None and options.needs_confidence:
            raise CloudError('min_confidence and confidence take depth with a confidence: there '
                             'is none; turn both off')
        if pose is None and options.needs_pose:
            raise CloudError("min_height, max_height and ground take the camera's pose in the "
                             'base frame: it is not known; set it, or turn them off')
        z, valid, sure = self.look(depth, confidence, learned)
        distance = z * self._ray_length
        if options.min_range > 0:
            valid &= distance >= options.min_range
        if options.max_range > 0:
            valid &= distance <= options.max_range
        xyz = self.rays * z.unsqueeze(-1)
        place = xyz
        if pose is not None and options.takes_pose:
            rotation, translation = (torch.as_tensor(part, dtype=torch.float32).to(z.device)
                                     for part in pose)
            place = xyz @ rotation.T + translation
        if options.has_band:
            valid &= (place[..., 2] >= options.min_height) & (place[..., 2] <= options.max_height)
        if options.ground != 'keep':
            ground = place[..., 2].abs() <= options.ground_tolerance + (
                options.ground_slope * distance)
            if options.ground == 'remove':
                valid &= ~ground
        if options.voxel > 0:
            valid = _one_a_voxel(place, z, valid, options.voxel)

        # As integers: the bits of a colour are a denormal float, which arithmetic may flush to 0.
        fields, columns = ['x', 'y', 'z'], []
        if picture is not None:
            planes = self._pick(picture.planes)
            if planes.is_floating_point():
                planes = planes.round()
            planes = planes.to(torch.int32)
            red, green, blue = (planes[i] for i in picture.rgb)
            fields.append('rgb')
            columns.append((red << 16) | (green << 8) | blue)
        if options.confidence:
            fields.append('confidence')
            columns.append(sure.view(torch.int32))
        if options.ground == 'label':
            fields.append('ground')
            columns.append(ground.float().view(torch.int32))
        if options.organized:
            xyz.masked_fill_(~valid.unsqueeze(-1), math.nan)
        cells = torch.cat([xyz.view(torch.int32), *(c.unsqueeze(-1) for c in columns)], -1)
        if not options.organized:
            cells = cells[valid]
            if len(cells) > options.max_points:
                cells = cells[_spread(torch.arange(len(cells), device=cells.device),
                                      options.max_points)]
            cells = cells.unsqueeze(0)
        return Cloud(cells.cpu().numpy(), tuple(fields), is_dense=not options.organized)

    def _jump(self, depth: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """
        Return by how much log depth jumps across each pixel: (rows, cols) float32, 0 = level.

        From left to right or from above to below, the larger; a floor's rise is no jump. Where
        one side has no depth the other one's slope goes on.
        """
        band = depth.index_select(-2, self._rows)
        left, right = (band.index_select(-1, cols) for cols in self._beside)
        above, below = (depth.index_select(-2, rows).index_select(-1, self._cols)
                        for rows in self._about)
        aside, rise = _log_ratio(left, right, z).abs_(), _log_ratio(above, below, z)
        return torch.maximum(aside, torch.maximum(rise - self._rise * z, -rise))


def level_pose(height: float, pitch: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """
    Return rotation (3, 3) and translation (3,) of a camera over level ground, in metres.

    The base frame is on the ground under the camera: x where it looks, y to the left, z up.

    :param height: metres over the ground. pitch: radians, positive looks down.
    """
    c, s = math.cos(pitch), math.sin(pitch)
    return np.array([[0.0, -s, c], [-1, 0, 0], [0, -c, -s]]), np.array([0.0, 0.0, height])


def _log_ratio(first: torch.Tensor, second: torch.Tensor, middle: torch.Tensor) -> torch.Tensor:
    """Return log(first / second); where one is not finite it is extrapolated over `middle`."""
    first_known, second_known = first.isfinite(), second.isfinite()
    step = torch.where(first_known, first, middle) / torch.where(second_known, second, middle)
    return step.log() * (2.0 - (first_known & second_known).float())


def _one_a_voxel(points: torch.Tensor, z: torch.Tensor, valid: torch.Tensor,
                 edge: float) -> torch.Tensor:
    """
    Return which of the valid points are the nearest of their voxel: (rows, cols) bool.

    A pixel that is, not the mean of several, which may lie where nothing is; and the nearest, so
    that no obstacle recedes. `points` is (rows, cols, 3), a voxel a cube of `edge` metres.
    """
    index = valid.flatten().nonzero()[:, 0]
    # Positive floats have the order of their bits, and integers are sorted ten times as fast.
    index = index[z.flatten()[index].view(torch.int32).sort()[1]]
    cell = (points.reshape(-1, 3)[index] / edge).floor().clamp(-2**20, 2**20 - 1).long()
    cell += 2**20
    key, order = ((cell[:, 0] << 42) | (cell[:, 1] << 21) | cell[:, 2]).sort(stable=True)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    kept = torch.zeros_like(valid).flatten()
    kept[index[order[first]]] = True
    return kept.view_as(valid)


def _spread(pixels, count: int):
    """Choose `count` of `pixels`, an array or a tensor, at even distances."""
    return pixels[((np.arange(count) + 0.5) * (len(pixels) / count)).astype(np.int64)]
