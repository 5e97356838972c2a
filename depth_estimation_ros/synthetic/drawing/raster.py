# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Flat quads to pixels, many pictures at once, on any torch device.

A quad's edges and its inverse depth are affine in the pixel coordinates (Olano and Greer,
"Triangle scan conversion using 2D homogeneous coordinates", 1997), so nothing is clipped: rows,
then spans, then pixels are enumerated without a Python loop, and the nearest pixel wins.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch

NEAR = 0.15  # metres


@dataclass(frozen=True, eq=False)
class Projected:
    """
    Quads in pictures: those that may be seen.

    picture, quad: (K,) indices. edges: (K, 4, 3), inside where edges @ (u, v, 1) >= 0. inverse:
    (K, 3), inverse @ (u, v, 1) = closeness, the larger the nearer. box: (K, 4) u0 v0 u1 v1, whole
    pixels, both ends included.
    """

    picture: torch.Tensor
    quad: torch.Tensor
    edges: torch.Tensor
    inverse: torch.Tensor
    box: torch.Tensor


def perspective(corners: torch.Tensor, rotation: torch.Tensor, position: torch.Tensor,
                camera: torch.Tensor, width: int, height: int) -> Projected:
    """
    Project quads (P, 4, 3) for F pinhole cameras; closeness is 1 / Z.

    rotation: (F, 3, 3), world to optical frame. position: (F, 3) metres. camera: (F, 4) fx, fy,
    cx, cy in pixels.
    """
    seen = torch.einsum('fij,fpkj->fpki', rotation, corners[None] - position[:, None, None])
    z = seen[..., 2]
    fx, fy, cx, cy = (c[:, None, None] for c in camera.unbind(1))
    # The corners in front of the near plane, and where edges cross it.
    after, z_after = seen.roll(-1, 2), z.roll(-1, 2)
    part = ((NEAR - z) / torch.where(z_after == z, 1.0, z_after - z))[..., None]
    crossing = seen + part * (after - seen)
    points = torch.cat([seen, crossing], 2)
    valid = torch.cat([z >= NEAR, (z >= NEAR) != (z_after >= NEAR)], 2)
    depth = points[..., 2].clamp(min=NEAR * 0.99)
    u, v = fx * points[..., 0] / depth + cx, fy * points[..., 1] / depth + cy
    box = _box(u, v, valid, width, height)
    picture, quad = _worth(box).nonzero(as_tuple=True)

    chosen = seen[picture, quad]
    edges = _edges(chosen, corners[quad])
    plane = torch.cross(chosen[:, 2] - chosen[:, 0], chosen[:, 3] - chosen[:, 1], dim=-1)
    offset = (plane * chosen[:, 0]).sum(-1)
    keep = offset.abs() > 1e-7
    picture, quad, edges, plane, offset = (
        t[keep] for t in (picture, quad, edges, plane, offset))
    edges = edges * offset.sign()[:, None, None]
    to_ray = torch.zeros(len(camera), 3, 3, dtype=corners.dtype, device=corners.device)
    to_ray[:, 0, 0], to_ray[:, 1, 1], to_ray[:, 2, 2] = 1 / camera[:, 0], 1 / camera[:, 1], 1
    to_ray[:, 0, 2], to_ray[:, 1, 2] = -camera[:, 2] / camera[:, 0], -camera[:, 3] / camera[:, 1]
    turn = to_ray[picture]
    return Projected(picture, quad, edges @ turn,
                     torch.einsum('ki,kij->kj', plane / offset[:, None], turn), box[picture, quad])


def parallel(corners: torch.Tensor, rotation: torch.Tensor, centre: torch.Tensor,
             metres: float, size: int) -> Projected:
    """
    Project quads (P, 4, 3) along the third row of `rotation` (3, 3) onto size x size pixels.

    The picture shows `metres` x `metres` around `centre` (3,); closeness is minus the distance
    along the axis, in metres, from the centre.
    """
    seen = (corners - centre) @ rotation.T
    flat = torch.cat([seen[..., :2] * (size / metres) + (size - 1) / 2,
                      torch.ones_like(seen[..., :1])], -1)
    box = _box(flat[None, ..., 0], flat[None, ..., 1],
               torch.ones(1, *flat.shape[:2], dtype=torch.bool, device=flat.device), size, size)
    _, quad = _worth(box).nonzero(as_tuple=True)
    chosen, depth = flat[quad], seen[quad][..., 2]
    placed = torch.cat([chosen[..., :2], depth[..., None]], -1)
    plane = torch.cross(placed[:, 2] - placed[:, 0], placed[:, 3] - placed[:, 1], dim=-1)
    keep = plane[:, 2].abs() > 1e-5
    quad, chosen, placed, plane = quad[keep], chosen[keep], placed[keep], plane[keep]
    edges = _edges(chosen, corners[quad]) * plane[:, 2].sign()[:, None, None]
    slope = plane[:, :2] / plane[:, 2:]
    closeness = torch.cat([slope, -((slope * placed[:, 0, :2]).sum(-1, keepdim=True)
                                    + placed[:, 0, 2:])], -1)
    return Projected(torch.zeros_like(quad), quad, edges, closeness, box[0, quad])


def _edges(seen: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Return the planes through the eye and each edge (K, 4, 3); 0 where a corner repeats."""
    # A cross product of equal vectors is not quite zero where it is fused, and has any sign.
    same = (corners == corners.roll(-1, 1)).all(-1, keepdim=True)
    return torch.cross(seen, seen.roll(-1, 1), dim=-1).masked_fill(same, 0.0)


def _box(u, v, valid, width: int, height: int) -> torch.Tensor:
    big = 1e6
    low = [torch.where(valid, c, big).amin(-1).clamp(-big, big).ceil().clamp(min=0)
           for c in (u, v)]
    high = [torch.where(valid, c, -big).amax(-1).clamp(-big, big).floor().clamp(max=size - 1)
            for c, size in ((u, width), (v, height))]
    return torch.stack([*low, *high], -1).int()


def _worth(box: torch.Tensor) -> torch.Tensor:
    return ((box[..., 2:] - box[..., :2]) >= 0).all(-1)


def nearest(projected: Projected, pictures: int, width: int, height: int,
            lift: torch.Tensor | None = None, solid=None) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Return which entry of `projected` each pixel shows, (pictures, H, W) int64 (-1 = none).

    And the closeness there, float32. `lift` (K,) multiplies the closeness in comparisons.
    `solid(entry, u, v, closeness)` returns the indices of those pixels that are no hole; None:
    there are no holes.
    """
    if not len(projected.quad):
        empty = torch.zeros(pictures, height, width, device=projected.inverse.device)
        return empty.long() - 1, empty
    box = projected.box.long()
    rows = box[:, 3] - box[:, 1] + 1
    entry = torch.repeat_interleave(rows)  # one element a row
    table = torch.cat([projected.edges.transpose(1, 2).reshape(-1, 12), projected.inverse], 1)
    row_of = table.index_select(0, entry)
    low, top, high = (box[:, i].index_select(0, entry) for i in (0, 1, 2))
    v = _count(rows) + top
    a, bc = row_of[:, :4], row_of[:, 4:8] * v[:, None] + row_of[:, 8:12]
    bound = -bc / torch.where(a == 0, 1.0, a)
    first = torch.where(a > 0, bound, -1e6).amax(1).clamp(-1e6, 1e6).ceil().long().maximum(low)
    last = torch.where(a < 0, bound, 1e6).amin(1).clamp(-1e6, 1e6).floor().long().minimum(high)
    length = (last - first + 1).clamp(min=0)
    length[((a == 0) & (bc < 0)).any(1)] = 0

    # index_select throughout: several times as fast as [] on a CPU.
    row = torch.repeat_interleave(length)  # one element a pixel
    u = _count(length) + first.index_select(0, row)
    start = row_of[:, 13] * v + row_of[:, 14]
    closeness = (row_of[:, 12].contiguous().index_select(0, row) * u
                 + start.index_select(0, row))
    line = (projected.picture.index_select(0, entry) * height + v) * width
    place = line.index_select(0, row) + u
    entry_of = entry.index_select(0, row)
    if solid is not None:
        keep = solid(entry_of, u, v.index_select(0, row), closeness)
        entry_of, closeness, place = (t.index_select(0, keep)
                                      for t in (entry_of, closeness, place))
    rank = closeness if lift is None else closeness * lift.index_select(0, entry_of)
    bits = rank.view(torch.int32).long()
    bits = torch.where(bits < 0, -0x80000000 - bits - 1, bits)  # floats in order, as integers
    keys = torch.full((pictures * height * width,), -(1 << 62), dtype=torch.int64,
                      device=place.device)
    keys.scatter_reduce_(0, place, (bits << 24) + entry_of, 'amax')
    shown = torch.where(keys == -(1 << 62), -1, keys & 0xffffff).view(pictures, height, width)
    u = torch.arange(width, device=place.device)
    v = torch.arange(height, device=place.device)[:, None]
    coefficients = projected.inverse.index_select(0, shown.view(-1).clamp(min=0)).view(
        *shown.shape, 3)
    final = coefficients[..., 0] * u + coefficients[..., 1] * v + coefficients[..., 2]
    return shown, final


def _count(lengths: torch.Tensor) -> torch.Tensor:
    """Return 0 .. n-1 for each n of `lengths`, one after the other."""
    total = torch.arange(int(lengths.sum()), device=lengths.device)
    return total - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
