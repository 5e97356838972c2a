# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Flat quadrilaterals: where they lie, and how their surface lies on them.

World and object frames are those of REP 103: x forward, y left, z up, metres.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from depth_estimation_ros.synthetic.drawing.textures import Texture


@dataclass(frozen=True, eq=False)
class Mesh:
    """
    N flat convex quadrilaterals (a triangle repeats a vertex), float32 unless said otherwise.

    corners: (N, 4, 3) metres. normal: (N, 3) unit, for shading (not always the plane's).
    color: (N, 3) reflectance in 0..1, linear. texture: (N,) int64, of `Texture`.
    axes: (N, 2, 3): the texture's cell coordinates of a point p of the quad are
    axes @ (p - corners[0]) + offset; offset: (N, 2). gloss: (N,) 0 = matt, 1 = mirrors the sky.
    lift: (N,) metres by which it wins over what lies in the same place (paint on a road).
    bend: (N, 2, 3), vectors b: shading takes a quad for round, its normal at p turned outwards
    by b (b . (p - middle)), so |b|^2 is a curvature, 1/m.
    """

    corners: np.ndarray
    normal: np.ndarray
    color: np.ndarray
    texture: np.ndarray
    axes: np.ndarray
    offset: np.ndarray
    gloss: np.ndarray
    lift: np.ndarray
    bend: np.ndarray

    def __len__(self) -> int:
        """Return the number of quadrilaterals."""
        return len(self.corners)

    def placed(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0,
               scale: float | Sequence[float] = 1.0) -> Mesh:
        """Return it scaled (per object axis), turned by `yaw` about z and then moved."""
        factor = np.broadcast_to(np.asarray(scale, np.float32), 3)
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
        normal = self.normal / factor
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
        return self._with(corners=(self.corners * factor) @ turn
                          + np.array([x, y, z], np.float32),
                          normal=normal @ turn, axes=(self.axes / factor) @ turn,
                          bend=(self.bend / np.sqrt(factor)) @ turn)

    def only(self, keep: np.ndarray) -> Mesh:
        """Return the quadrilaterals for which `keep` (N,) bool is true."""
        return Mesh(*(getattr(self, field.name)[keep] for field in fields(self)))

    def _with(self, **changes) -> Mesh:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Mesh(**{**values, **{k: v.astype(np.float32) for k, v in changes.items()}})


def join(meshes: Iterable[Mesh]) -> Mesh:
    """Return one mesh of many."""
    meshes = list(meshes)
    return Mesh(*(np.concatenate([getattr(mesh, field.name) for mesh in meshes])
                  for field in fields(Mesh)))


def extent(mesh: Mesh) -> np.ndarray:
    """Return the sizes along x, y, z."""
    return np.ptp(mesh.corners.reshape(-1, 3), axis=0)


def quads(corners, color, texture: Texture = Texture.PLAIN, cell=(1.0, 1.0), offset=(0.0, 0.0),
          normal=None, gloss: float = 0.0, lift: float = 0.0, bend=(0.0, 0.0)) -> Mesh:
    """
    Return a mesh of quads: corners (N, 4, 3) or (4, 3), in order around each of them.

    The texture's u runs from corner 0 to 1, its v from corner 0 towards 3; one cell of it
    measures `cell` = (u, v) metres, and with (0, 0) it is stretched over the quad once (each
    value may be (N,) too). `normal` (3,) or (N, 3) replaces the plane's own: seen from where
    the corners run counter-clockwise. Both sides are seen; cell v grows away from corner 0.
    `bend` is the angle by which the surface turns over the quad's width and height, radians,
    (2,) or (N, 2).
    """
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    n = len(corners)
    diagonal = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    plane = _unit(np.cross(*diagonal))
    along = corners[:, 1] - corners[:, 0]
    flat = np.linalg.norm(along, axis=-1) < 1e-6  # a triangle whose first corner is doubled
    along = np.where(flat[:, None], corners[:, 2] - corners[:, 0], along)
    u = _unit(along)
    v = np.cross(plane, u)
    extent = np.stack([np.abs(np.einsum('nkc,nc->nk', corners - corners[:, :1], axis)).max(1)
                       for axis in (u, v)], 1)
    cell = np.broadcast_to(np.stack(np.broadcast_arrays(*map(np.asarray, cell)), -1), (n, 2))
    size = np.where(cell > 0, cell, np.maximum(extent, 1e-6))
    axes = np.stack([u, v], 1) / size[..., None]
    shade = plane if normal is None else np.broadcast_to(_unit(np.asarray(normal)), (n, 3))
    return Mesh(
        corners, shade.astype(np.float32),
        np.broadcast_to(np.asarray(color, np.float32), (n, 3)).copy(),
        np.full(n, int(texture), np.int64), axes.astype(np.float32),
        np.broadcast_to(np.asarray(offset, np.float32), (n, 2)).copy(),
        np.full(n, gloss, np.float32), np.full(n, lift, np.float32),
        (np.stack([u, v], 1) * np.sqrt(np.broadcast_to(np.asarray(bend, np.float32), (n, 2))
                                       / np.maximum(extent, 1e-3))[..., None]
         ).astype(np.float32))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
