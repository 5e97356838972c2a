# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Fences, walls and crash barriers along x; bridges and sign gantries across a road along x.

A guard rail's steel faces -y, a gantry's boards face -x.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.furniture import (
    BRICKS, DARK, metal, pole, STEEL, WALLS, WOODS)
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, pane, panes, Parts, pick, shade, STRETCHED, upright)


def fence(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Return a fence along x: bars, wire, pickets, boards or a low wall with bars on it."""
    parts = Parts()
    length = rng.uniform(4, 14) if length is None else length
    x, kind = length / 2, rng.choice(['bars', 'wire', 'pickets', 'boards', 'wall', 'rail'])
    high, foot = rng.uniform(.9, 1.9), .06
    gap = rng.uniform(2.0, 3.0)
    posts = np.linspace(-x, x, max(2, round(length / gap) + 1))
    if kind == 'boards':
        wood = shade(rng, pick(rng, WOODS), .2)
        parts.add(boxes((0, 0, 0), (length, .05, high)), wood, Texture.WOOD, (2., 2.))
    elif kind == 'rail':
        high = rng.uniform(.85, 1.15)
        color = metal(rng) if rng.random() < .5 else pick(rng, WOODS)
        levels = np.linspace(high, .35, int(rng.integers(2, 4)))
        pole(parts, [(-x, 0, z) for z in levels], [(x, 0, z) for z in levels], .035,
             color=color, sides=4)
        pole(parts, [(p, 0, 0) for p in posts], [(p, 0, high) for p in posts], .045,
             color=color)
        return parts.mesh()
    else:
        if kind == 'wall':
            foot = rng.uniform(.3, .8)
            parts.add(boxes((0, 0, 0), (length, .25, foot)), pick(rng, WALLS),
                      pick(rng, (Texture.PLASTER, Texture.STONE, Texture.CONCRETE)), (3., 3.))
        texture, cell = {'wire': (Texture.WIRE, (1., 1.)), 'pickets': (Texture.PICKETS, (2., 0.))
                         }.get(kind, (Texture.BARS, (2., 0.)))
        color = shade(rng, pick(rng, WOODS), .2) if kind == 'pickets' and rng.random() < .6 else (
            (.65, .65, .62) if kind == 'pickets' else metal(rng) * .7)
        parts.add(upright(-x, 0, x, 0, foot, foot + high * (.6 if kind == 'wall' else 1)), color,
                  texture, cell)
        high = foot + high * (.6 if kind == 'wall' else 1)
    if kind in ('wire', 'wall', 'boards') or rng.random() < .4:
        parts.add(boxes(np.stack([posts, 0 * posts, 0 * posts], 1), (.08, .09, high + .05)),
                  metal(rng) if kind != 'boards' else pick(rng, WOODS))
    return parts.mesh()


def guard_rail(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Return a crash barrier along x: a steel W beam on posts (face to -y), or concrete."""
    parts = Parts()
    length = rng.uniform(8, 24) if length is None else length
    x = length / 2
    if rng.random() < .22:
        tone = shade(rng, (.34, .33, .31), .2)
        high = rng.uniform(.8, 1.1)
        profile = np.array([(.3, 0), (.28, .08), (.13, .33), (.08, high)])
        for (y0, z0), (y1, z1) in zip(profile, profile[1:]):
            parts.add([(-x, -y0, z0), (x, -y0, z0), (x, -y1, z1), (-x, -y1, z1)], tone,
                      Texture.CONCRETE, (4., 4.), mirror=True)
        parts.add([(-x, -.08, high), (x, -.08, high), (x, .08, high), (-x, .08, high)], tone)
        return parts.mesh()
    steel, top = shade(rng, (.36, .37, .38), .2, .02), rng.uniform(.70, .80)
    profile = np.array([(.0, -.31), (-.08, -.26), (-.08, -.20), (.0, -.16), (-.08, -.11),
                        (-.08, -.05), (.0, 0)])
    double = rng.random() < .3
    for side in (1, -1) if double else (1,):
        shift = np.array([0, -.12 * double * side, 0])
        for (y0, z0), (y1, z1) in zip(profile, profile[1:]):
            face = np.array([(-x, y0 * side, top + z0), (x, y0 * side, top + z0),
                             (x, y1 * side, top + z1), (-x, y1 * side, top + z1)])
            parts.add((face if side > 0 else face[[1, 0, 3, 2]]) + shift, steel, gloss=.12)
    posts = np.arange(-x + .3, x, rng.choice([2., 4.]))
    parts.add(boxes(np.stack([posts, 0 * posts + .06 * (not double), 0 * posts], 1),
                    (.06, .1, top - .03)), steel * .8)
    return parts.mesh()


def wall(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Return a garden wall along x, 0.5 to 2.8 m, with coping and some with pillars."""
    parts = Parts()
    length = rng.uniform(4, 16) if length is None else length
    high, thick = rng.uniform(.5, 1.4) if rng.random() < .6 else rng.uniform(1.4, 2.8), .28
    texture, cell, tones = pick(rng, ((Texture.PLASTER, 6., WALLS), (Texture.BRICK, 2., BRICKS),
                                      (Texture.STONE, 3., WALLS), (Texture.CONCRETE, 4., WALLS)))
    color = shade(rng, pick(rng, tones), .2)
    parts.add(boxes((0, 0, 0), (length, thick, high)), color, texture, (cell, cell))
    if rng.random() < .7:
        parts.add(boxes((0, 0, high), (length, thick + .1, .07), bottom=True), color * .75,
                  Texture.CONCRETE)
    if rng.random() < .4:
        spots = np.linspace(-length / 2, length / 2, max(2, round(length / 3.5)))
        parts.add(boxes(np.stack([spots, 0 * spots, 0 * spots], 1), (.4, .42, high + .2)),
                  color * .95, texture, (cell, cell))
    return parts.mesh()


def noise_wall(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Return a noise barrier along x, 2.5 to 5 m."""
    parts = Parts()
    length = rng.uniform(12, 40) if length is None else length
    high = rng.uniform(2.5, 5)
    texture, tones = pick(rng, ((Texture.WOOD, WOODS), (Texture.CONCRETE, WALLS),
                                (Texture.CORRUGATED, STEEL)))
    parts.add(boxes((0, 0, 0), (length, .2, high)), shade(rng, pick(rng, tones), .2), texture,
              (2.5, 2.5))
    posts = np.arange(-length / 2, length / 2 + .1, rng.uniform(3, 5))
    parts.add(boxes(np.stack([posts, 0 * posts, 0 * posts], 1), (.22, .3, high + .1)),
              metal(rng) * .8)
    return parts.mesh()


def construction(rng: np.random.Generator) -> Mesh:
    """Return cones, beacons or barrier boards in a row along x, 2 to 8 m."""
    parts = Parts()
    kind = rng.choice(['cones', 'boards', 'beacons', 'mesh'])
    orange, white, red = (.60, .13, .02), (.7, .7, .68), (.42, .03, .02)
    count = int(rng.integers(2, 6))
    for i in range(count):
        x = (i - count / 2) * (1.6 if kind != 'mesh' else 3.5)
        if kind == 'cones':
            parts.add(boxes((x, 0, 0), (.4, .4, .04)), DARK[0])
            for z0, z1, tone in ((.04, .3, orange), (.3, .48, white), (.48, .72, orange)):
                corners, normal = limbs((x, 0, z0), (x, 0, z1), .19 * (1 - z0 / .8),
                                        .19 * (1 - z1 / .8), 5)
                parts.add(corners, tone, normal=normal)
        elif kind == 'beacons':
            parts.add(boxes((x, 0, 0), (.75, .4, .1)), (.05, .05, .05))
            board = upright(x, .13, x, -.13, .15, 1.1)
            for j, low in enumerate(np.linspace(0, 1, 6)[:-1]):
                tone = red if j % 2 else white
                parts.add([pane(board, 0, 1, low, low + .2),
                           pane(board, 0, 1, low, low + .2)[[1, 0, 3, 2]]], tone)
        elif kind == 'boards':
            board = upright(x - .8, 0, x + .8, 0, .85, 1.1)
            edge = np.linspace(0, 1, 7)
            parts.add(panes(board, edge[:-1], edge[1:], 0, 1),
                      np.where(np.arange(6)[:, None] % 2, red, white))
            parts.add(boxes([(x - .75, 0, 0), (x + .75, 0, 0)], (.05, .05, 1.1)), white)
            parts.add(boxes([(x - .75, 0, 0), (x + .75, 0, 0)], (.25, .8, .1)), DARK[0])
        else:
            parts.add(upright(x - 1.75, 0, x + 1.75, 0, .1, 2.0), (.4, .41, .42), Texture.WIRE,
                      (1., 1.))
            pole(parts, [(x - 1.75, 0, 0), (x - 1.75, 0, 1.98)],
                 [(x - 1.75, 0, 2.0), (x + 1.75, 0, 1.98)], .022, color=(.4, .41, .42), sides=3)
            parts.add(boxes((x - 1.75, 0, 0), (.25, .65, .14)), (.2, .2, .2))
    return parts.mesh()


def bridge(rng: np.random.Generator, span: float = 18.0) -> Mesh:
    """Return a bridge across a road along x: `span` along y between its abutments."""
    parts = Parts()
    clear, thick, wide = rng.uniform(4.5, 6), rng.uniform(.8, 1.6), rng.uniform(6, 14)
    texture, tones = pick(rng, ((Texture.CONCRETE, WALLS), (Texture.CONCRETE, WALLS),
                                (Texture.BRICK, BRICKS), (Texture.STONE, WALLS)))
    color = shade(rng, pick(rng, tones), .25)
    steel = color if rng.random() < .6 else shade(rng, (.10, .13, .12), .4)
    reach = span + 24
    parts.add(boxes((0, 0, clear), (wide, reach, thick), bottom=True), steel,
              Texture.CONCRETE, (4., 4.))
    for s in (-1, 1):
        parts.add(boxes((0, s * (span / 2 + 6), 0), (wide - .6, 12, clear)), color, texture,
                  (3., 3.))
        edge = s * wide / 2
        rail = upright(edge, -reach / 2, edge, reach / 2, clear + thick, clear + thick + 1.1)
        if rng.random() < .6:
            parts.add(rail, metal(rng) * .6, Texture.BARS, (2., 0.))
        else:
            parts.add(rail, color * 1.05, Texture.CONCRETE, (4., 4.))
    parts.add(boxes((0, 0, clear + thick - .25), (wide + .5, reach, .25), bottom=True),
              color * .9, Texture.CONCRETE, (4., 4.))
    for x in np.linspace(-wide / 2 + .8, wide / 2 - .8, 4):  # girders
        parts.add(boxes((x, 0, clear - .35), (.5, span, .35), bottom=True, top=False),
                  steel * .85)
    if span > 22:
        spots = np.linspace(-wide / 2 + 1, wide / 2 - 1, 3)
        parts.add(boxes(np.stack([spots, 0 * spots, 0 * spots], 1), (.9, .9, clear)), color,
                  Texture.CONCRETE, (4., 4.))
    return parts.mesh()


def gantry(rng: np.random.Generator, width: float = 14.0) -> Mesh:
    """Return a sign gantry over a road along x, posts `width` apart."""
    parts = Parts()
    color, high = metal(rng), rng.uniform(5.6, 6.8)
    side = width / 2
    pole(parts, [(0, side, 0), (0, -side, 0)], [(0, side, high), (0, -side, high)], .2,
         color=color)
    parts.add(boxes((0, 0, high - .5), (.5, width + .4, .6), bottom=True), color)
    for y in np.arange(-side + 2, side - 1.5, rng.uniform(3.6, 5)):
        wide, tall = rng.uniform(2, 3.6), rng.uniform(1.4, 2.6)
        board = upright(-.4, y + wide / 2, -.4, y - wide / 2, high - 1.0, high - 1.0 + tall)
        if rng.random() < .85:
            parts.add(board, shade(rng, pick(rng, np.array([(.03, .10, .35), (.03, .2, .08),
                                                            (.02, .02, .02)])), .2),
                      Texture.SIGN, STRETCHED)
            parts.add(board[[1, 0, 3, 2]] + [.05, 0, 0], color * .6)
    return parts.mesh()
