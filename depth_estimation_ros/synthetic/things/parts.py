# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
A list of quads that becomes one mesh, and the solids that objects of a street are made of.

Corners run counter-clockwise seen from outside, from the lower left one on: so a texture that
is stretched stands upright. All lengths in metres, all colours linear reflectance.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh, quads
from depth_estimation_ros.synthetic.drawing.textures import Texture

STRETCHED = (0.0, 0.0)
"""The size of a texture's cell that lays it over each quad once."""


class Parts:
    """Quads in the order in which they were added."""

    def __init__(self) -> None:
        self._rows: list[tuple[np.ndarray, ...]] = []

    def add(self, corners, color, texture: Texture = Texture.PLAIN, cell=(1.0, 1.0),
            offset=(0.0, 0.0), normal=None, gloss=0.0, lift=0.0, bend=(0.0, 0.0),
            mirror: bool = False) -> None:
        """
        Add quads: corners (N, 4, 3) or (4, 3); the other values as those of `mesh.quads`.

        Each of them may also be given for each quad. `mirror` adds them on the other side
        of the plane y = 0 as well, pictures not reversed.
        """
        corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
        n = len(corners)
        normal = np.full(3, np.nan) if normal is None else normal
        row = (corners, *(np.broadcast_to(np.asarray(value, np.float32), (n, size)) for
                          value, size in ((color, 3), (cell, 2), (offset, 2), (bend, 2),
                                          (normal, 3))),
               *(np.broadcast_to(np.asarray(value, np.float32), n) for value in (gloss, lift)),
               np.broadcast_to(np.asarray(texture, np.int64), n))
        self._rows.append(row)
        if mirror:
            other = np.array([1, -1, 1], np.float32)
            self._rows.append((corners[:, [1, 0, 3, 2]] * other, *row[1:5], row[5] * other,
                               *row[6:]))

    def mesh(self) -> Mesh:
        """Return all that was added as one mesh."""
        corners, color, cell, offset, bend, normal, gloss, lift, texture = map(
            np.concatenate, zip(*self._rows))
        mesh = quads(corners, color, cell=cell.T, offset=offset, bend=bend)
        normal = np.where(np.isnan(normal), mesh.normal, normal)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        return replace(mesh, normal=normal, gloss=gloss, lift=lift, texture=texture)


def pane(quad, left: float, right: float, low: float, high: float) -> np.ndarray:
    """Return the part of quad (4, 3) between shares of its width and height, (4, 3)."""
    quad = np.asarray(quad, float)
    u = np.array([left, right, right, left])[:, None]
    v = np.array([low, low, high, high])[:, None]
    return ((1 - u) * (1 - v) * quad[0] + u * (1 - v) * quad[1] + u * v * quad[2]
            + (1 - u) * v * quad[3])


def panes(quad, lefts, rights, low: float, high: float) -> np.ndarray:
    """Return parts of a quad side by side (N, 4, 3), cut as by `pane`."""
    return np.stack([pane(quad, a, b, low, high) for a, b in zip(lefts, rights)])


def boxes(foot, size, bottom: bool = False, top: bool = True, taper=1.0) -> np.ndarray:
    """
    Return the faces of N boxes, (N * 4 to 6, 4, 3): of each the right, left, front and back one.

    Then its top and bottom, if wanted. foot: (N, 3) or (3,), the middle of the underside; size:
    (N, 3) or (3,), along x, y and z; `taper` is the size of the lid relative to the foot, one
    number or along (x, y).
    """
    foot, size = np.broadcast_arrays(np.atleast_2d(np.asarray(foot, float)),
                                     np.atleast_2d(np.asarray(size, float)))
    taper = np.broadcast_to(taper, 2)
    sign = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])
    low = np.zeros((len(foot), 4, 3)) + foot[:, None]
    low[..., :2] += sign * size[:, None, :2] / 2
    high = np.zeros((len(foot), 4, 3)) + foot[:, None]
    high[..., :2] += sign * size[:, None, :2] / 2 * taper
    high[..., 2] += size[:, None, 2]
    faces = [np.stack([low[:, i], low[:, j], high[:, j], high[:, i]], 1)
             for i, j in ((3, 0), (1, 2), (0, 1), (2, 3))]
    if top:
        faces.append(high[:, [3, 0, 1, 2]])
    if bottom:
        faces.append(low[:, [0, 3, 2, 1]])
    return np.stack(faces, 1).reshape(-1, 4, 3)


def limbs(start, end, thick, thin=None, sides: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """
    Return round bars as corners and smooth normals, (N * sides, 4, 3) and (N * sides, 3).

    start, end: (N, 3) or (3,); thick, thin: (N,) or one, the radius at start and at end.
    """
    start, end = np.broadcast_arrays(np.atleast_2d(np.asarray(start, float)),
                                     np.atleast_2d(np.asarray(end, float)))
    thick = np.broadcast_to(thick, len(start))
    thin = thick if thin is None else np.broadcast_to(thin, len(start))
    along = end - start
    along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    upright = np.abs(along[:, 2:]) > 0.9
    side = np.cross(along, np.where(upright, [1.0, 0, 0], [0, 0, 1.0]))
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    other = np.cross(along, side)
    angle = (np.arange(sides + 1) + 0.5) * 2 * np.pi / sides
    ring = (np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * other[:, None])
    a = start[:, None] + thick[:, None, None] * ring
    b = end[:, None] + thin[:, None, None] * ring
    corners = np.stack([a[:, :-1], a[:, 1:], b[:, 1:], b[:, :-1]], 2)
    normal = ring[:, :-1] + ring[:, 1:]
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    return corners.reshape(-1, 4, 3), normal.reshape(-1, 3)


def upright(x0: float, y0: float, x1: float, y1: float, low: float, high: float) -> np.ndarray:
    """Return an upright quad (4, 3) over a line on the ground; it faces the line's right."""
    return np.array([[x0, y0, low], [x1, y1, low], [x1, y1, high], [x0, y0, high]], float)


def pick(rng: np.random.Generator, choices):
    """Return one of a sequence."""
    return choices[rng.integers(len(choices))]


def shade(rng: np.random.Generator, color, brightness: float = 0.15, tint: float = 0.06
          ) -> np.ndarray:
    """Return a colour (3,) near another, brighter or darker and tinted by these shares."""
    factor = np.exp(rng.normal(0, brightness)) * np.exp(rng.normal(0, tint, 3))
    return np.clip(np.asarray(color) * factor, 0.004, 0.85)
