# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Buildings: the front faces -y and lies in the plane y = 0, the rest is behind it, up to y = depth.

They are centred in x. Only what sticks out of the front (balconies, oriels, steps) has y < 0.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, Parts, pick, shade, STRETCHED, upright)

_PLASTERS = np.array([
    (.62, .60, .55), (.55, .50, .42), (.60, .52, .36), (.48, .42, .34), (.50, .34, .24),
    (.38, .37, .35), (.52, .46, .44), (.42, .44, .40), (.35, .22, .17), (.45, .47, .50)])
_BRICKS = np.array([(.26, .10, .07), (.32, .17, .11), (.19, .09, .065), (.36, .28, .19)])
_ROOFS = np.array([(.22, .08, .05), (.16, .06, .045), (.07, .065, .065), (.04, .042, .045),
                   (.13, .09, .07), (.25, .12, .07)])
_DOORS = np.array([(.10, .05, .03), (.03, .05, .04), (.25, .03, .03), (.55, .55, .52),
                   (.05, .07, .12), (.20, .12, .06)])
_GLASS = (.03, .035, .04)
_TILES = np.array([(.08, .25, .42), (.05, .12, .30), (.10, .28, .22), (.45, .45, .42),
                   (.35, .24, .12), (.14, .14, .15), (.30, .08, .06)])


def _front(x0: float, x1: float, low: float, high: float, y: float = 0.0) -> np.ndarray:
    return upright(x0, y, x1, y, low, high)


def _walls(width: float, depth: float, low: float, high: float) -> np.ndarray:
    """Return front, right, back and left side (4, 4, 3)."""
    x = width / 2
    return np.array([upright(-x, 0, x, 0, low, high), upright(x, 0, x, depth, low, high),
                     upright(x, depth, -x, depth, low, high),
                     upright(-x, depth, -x, 0, low, high)])


def _cells(walls, size: float, storeys: int) -> np.ndarray:
    """Return cells (N, 2) of whole bays about `size` wide, `storeys` in a wall's height."""
    wide = np.linalg.norm(walls[:, 1] - walls[:, 0], axis=1)
    high = walls[:, 3, 2] - walls[:, 0, 2]
    return np.stack([wide / np.maximum(1, np.round(wide / size)), high / storeys], 1)


def _roof(rng, parts: Parts, width, depth, eaves, kind: str, tiles, gable, texture, cell,
          over: float = .35, front: float = 0.0) -> float:
    """
    Add a roof over x within width / 2, y in front..depth; return the ridge's height.

    kind: 'along' (ridge along x), 'across' (ridge along y), 'hip' or 'flat'.
    """
    x, middle = width / 2, (front + depth) / 2
    half = (depth - front) / 2
    if kind == 'flat':
        rim = rng.uniform(.2, .7)
        parts.add(boxes((0, middle, eaves), (width + .1, 2 * half + .1, rim), top=False), gable,
                  texture, (cell, cell))
        parts.add(boxes((0, middle, eaves), (width, 2 * half, .05))[4:], (.15, .15, .15))
        return eaves + rim
    pitch = rng.uniform(.45, .95)
    run = x if kind == 'across' else half
    ridge = eaves + pitch * run
    low, tile = eaves - pitch * over, {'texture': Texture.ROOF_TILES, 'cell': (2., 2.)}
    if kind == 'hip':
        edge = np.array([(-x - over, front - over), (x + over, front - over),
                         (x + over, depth + over), (-x - over, depth + over)])
        inset = max(0.0, x - half)
        base = np.concatenate([edge, np.full((4, 1), low)], 1)
        if x >= half:
            tops = np.array([(-inset, middle, ridge), (inset, middle, ridge)])
            order = ((0, 1, 1, 0), (1, 2, 1, 1), (2, 3, 0, 1), (3, 0, 0, 0))
        else:
            ridge = eaves + pitch * x
            tops = np.array([(0, front + x, ridge), (0, depth - x, ridge)])
            order = ((0, 1, 0, 0), (1, 2, 1, 0), (2, 3, 1, 1), (3, 0, 0, 1))
        parts.add([[base[a], base[b], tops[c], tops[d]] for a, b, c, d in order], tiles, **tile)
        return ridge
    if kind == 'along':
        a, b = x + over * .6, half + over
        parts.add([[(-a, middle - b, low), (a, middle - b, low), (a, middle, ridge),
                    (-a, middle, ridge)],
                   [(a, middle + b, low), (-a, middle + b, low), (-a, middle, ridge),
                    (a, middle, ridge)]], tiles, **tile)
        ends = [[(x, front, eaves), (x, depth, eaves), (x, middle, ridge), (x, middle, ridge)],
                [(-x, depth, eaves), (-x, front, eaves), (-x, middle, ridge),
                 (-x, middle, ridge)]]
    else:
        a, b0, b1 = x + over, front - over * .6, depth + over * .6
        parts.add([[(a, b0, low), (a, b1, low), (0, b1, ridge), (0, b0, ridge)],
                   [(-a, b1, low), (-a, b0, low), (0, b0, ridge), (0, b1, ridge)]], tiles, **tile)
        ends = [[(-x, front, eaves), (x, front, eaves), (0, front, ridge), (0, front, ridge)],
                [(x, depth, eaves), (-x, depth, eaves), (0, depth, ridge), (0, depth, ridge)]]
    parts.add(ends, gable, texture, (cell, cell))
    return ridge


def _chimney(rng, parts: Parts, x: float, y: float, low: float, top: float) -> None:
    wide = rng.uniform(.4, .9)
    parts.add(boxes((x, y, low), (wide, .5, top - low)), pick(rng, _BRICKS), Texture.BRICK,
              (2., 2.))


def _dormer(parts: Parts, x: float, y: float, low: float, wide: float, wall, tiles) -> None:
    """Add a dormer whose front is at y, its roof a small gable."""
    high = wide * .95
    front = _front(x - wide / 2, x + wide / 2, low, low + high, y)
    back = y + 2.2
    parts.add(front, wall, Texture.BAY, STRETCHED)
    parts.add([upright(x + wide / 2, y, x + wide / 2, back, low, low + high),
               upright(x - wide / 2, back, x - wide / 2, y, low, low + high)], wall)
    peak, a = low + high + .4 * wide, wide / 2 + .12
    lift = low + high - .05
    parts.add([[(x + a, y - .15, lift), (x + a, back, lift), (x, back, peak), (x, y - .15, peak)],
               [(x - a, back, lift), (x - a, y - .15, lift), (x, y - .15, peak),
                (x, back, peak)]], tiles, Texture.ROOF_TILES, (2., 2.))
    parts.add([(x - a, y - .02, lift), (x + a, y - .02, lift), (x, y - .02, peak),
               (x, y - .02, peak)], wall)


def _surface(rng):
    """Return the texture, cell and colour of a wall."""
    draw = rng.random()
    if draw < .07:
        return Texture.TILES, 3.0, shade(rng, pick(rng, _TILES), .3, .1)
    if draw < .62:
        return Texture.PLASTER, 6.0, shade(rng, pick(rng, _PLASTERS), .15, .05)
    if draw < .9:
        return Texture.BRICK, 2.0, shade(rng, pick(rng, _BRICKS), .2, .05)
    return Texture.STONE, 3.0, shade(rng, pick(rng, _PLASTERS), .2) * .8


def house(rng: np.random.Generator) -> Mesh:
    """Return a detached house, 7 to 14 m wide, one or two storeys and a roof."""
    parts = Parts()
    width, depth = rng.uniform(7, 14), rng.uniform(7, 11)
    storeys, storey = int(rng.choice([1, 2, 2])), rng.uniform(2.6, 3.0)
    plinth = rng.uniform(.1, .7)
    eaves = plinth + storeys * storey
    texture, cell, color = _surface(rng)
    tiles = shade(rng, pick(rng, _ROOFS), .2)
    walls = _walls(width, depth, plinth, eaves)
    parts.add(walls, color, Texture.BAY, _cells(walls, rng.uniform(2.4, 3.6), storeys))
    parts.add(_walls(width + .06, depth + .06, 0, plinth) - [0, .03, 0], color * .55,
              Texture.CONCRETE, (4., 4.))
    kind = str(rng.choice(['along', 'across', 'hip', 'flat'], p=[.42, .28, .2, .1]))
    ridge = _roof(rng, parts, width, depth, eaves, kind, tiles, color, texture, cell,
                  rng.uniform(.25, .6))
    if kind != 'flat':
        _chimney(rng, parts, rng.uniform(-.3, .3) * width, depth * rng.uniform(.4, .6),
                 eaves, ridge + rng.uniform(.4, .9))
    if kind == 'along' and rng.random() < .5:
        wide = rng.uniform(1.3, 2.2)
        for x in (np.linspace(-.28, .28, int(rng.integers(1, 4))) if width > 8 else [0.]):
            _dormer(parts, x * width, .9, eaves + .25, wide, color, tiles)
    door_x = rng.uniform(-.35, .35) * width
    parts.add(_front(door_x - .6, door_x + .6, 0.05, plinth + 2.15), pick(rng, _DOORS),
              Texture.ROUGH, lift=.05)
    if rng.random() < .5:
        parts.add(boxes((door_x, -.6, plinth + 2.3), (2.2, 1.2, .15), bottom=True), tiles)
        corners, normal = limbs([(door_x - 1, -1.1, 0), (door_x + 1, -1.1, 0)],
                                [(door_x - 1, -1.1, plinth + 2.3),
                                 (door_x + 1, -1.1, plinth + 2.3)], .06)
        parts.add(corners, (.5, .5, .48), normal=normal)
    parts.add(boxes((door_x, -.4, 0), (1.6, .9, plinth * .8)), (.3, .29, .27), Texture.CONCRETE)
    if rng.random() < .45:  # a garage beside it
        side = pick(rng, (-1, 1))
        x = side * (width / 2 + 1.6)
        deep = rng.uniform(.5, 3)
        parts.add(boxes((x, deep + 3, 0), (3.2, 6, 2.6)), color * .95, texture, (cell, cell))
        parts.add(_front(x - 1.25, x + 1.25, 0.02, 2.15, deep), shade(rng, pick(rng, _DOORS)),
                  Texture.CORRUGATED, (.3, 1.), lift=.05)
    if rng.random() < .35:  # a bay that stands forward
        x, wide = -.3 * width * np.sign(door_x + .01), rng.uniform(1.8, 2.6)
        parts.add(boxes((x, -.3, 0), (wide, .6, plinth + storey), top=False), color,
                  texture, (cell, cell))
        parts.add(_front(x - .4 * wide, x + .4 * wide, plinth + .8, plinth + 2.2, -.6), _GLASS,
                  gloss=.4, lift=.03)
        parts.add(boxes((x, -.3, plinth + storey), (wide + .2, .8, .25), taper=(.8, .6)), tiles)
    return parts.mesh()


def facade_block(rng: np.random.Generator, width: float | None = None,
                 depth: float | None = None) -> Mesh:
    """Return a house of a terrace, 2 to 6 storeys, `width` 5 to 25 m, `depth` 8 to 14 m."""
    parts = Parts()
    width = rng.uniform(6, 16) if width is None else width
    depth = rng.uniform(9, 13) if depth is None else depth
    storeys = int(rng.choice([2, 3, 4, 5, 6], p=[.17, .3, .27, .18, .08]))
    modern = rng.random() < .22
    storey = rng.uniform(2.7, 3.2) if modern else rng.uniform(2.8, 3.7)
    texture, cell, color = _surface(rng)
    x, bay = width / 2, rng.uniform(2.2, 3.6)
    bays = max(1, round(width / bay))
    bay = width / bays
    shop = rng.random() < .5
    ground = rng.uniform(3.3, 4.3) if shop else storey + rng.uniform(0, .8)
    eaves = ground + (storeys - 1) * storey
    trim = shade(rng, (.5, .48, .44), .2) if rng.random() < .5 else color * rng.uniform(.6, 1.3)
    trim = np.clip(trim, .02, .75)
    window = Texture.BAY_MODERN if modern else Texture.BAY
    base = color if rng.random() < .5 else shade(rng, pick(rng, _PLASTERS) * .8, .2)
    low = _front(-x, x, 0, ground)
    if shop:
        front = Texture.SHOPFRONT if rng.random() < .75 else Texture.GLAZING
        parts.add(low, base, front, (width / max(1, round(width / 4)), ground))
        edges = np.linspace(-x, x, max(2, round(width / rng.uniform(3, 6)) + 1))
        if rng.random() < .5:  # piers between the windows, which stand forward
            piers = np.stack([edges, 0 * edges - .05, 0 * edges], 1)
            parts.add(boxes(piers, (rng.uniform(.25, .6), rng.uniform(.2, .5), ground), top=False),
                      base * rng.uniform(.6, 1.1), texture, (cell, cell))
    else:
        parts.add(low, base, window, (bay, ground))
        door = -x + bay * (rng.integers(bays) + .5)
        parts.add(_front(door - .65, door + .65, .02, 2.5), pick(rng, _DOORS), Texture.WOOD,
                  lift=.04)
        parts.add(boxes((door, -.25, 0), (1.7, .5, .16)), (.35, .34, .32), Texture.CONCRETE)
    walls = _walls(width, depth, ground, eaves)
    parts.add(walls[[0, 2]], color, window, (bay, storey))
    full = _walls(width, depth, 0, eaves)
    side, tone, size = texture, color * .8, cell
    if rng.random() < .4:
        side, tone, size = Texture.BRICK, shade(rng, pick(rng, _BRICKS)), 2.0
    parts.add(full[[1, 3]], tone, side, (size, size))
    parts.add(_walls(width, depth, 0, ground)[2], color * .8, texture, (cell, cell))

    bands = [ground - .15] if rng.random() < .7 else []
    if rng.random() < .4:
        bands += [ground + i * storey - .1 for i in range(1, storeys - 1)]
    if not modern:
        bands.append(eaves - .3)
    if bands:
        parts.add(boxes(np.array([(0, -.08, z) for z in bands]),
                        np.array([(width, .16 + .2 * (z > eaves - .4), .25) for z in bands]),
                        bottom=True), trim)
    if shop and rng.random() < .5:  # awnings
        cloth = shade(rng, pick(rng, np.array([(.35, .03, .03), (.03, .12, .06), (.6, .58, .5),
                                               (.05, .07, .2), (.5, .3, .05)])), .2)
        for i in range(max(1, round(width / 4))):
            if rng.random() < .6:
                a = -x + 4 * i + .3
                b = min(a + 3.2, x)
                parts.add([[(a, -1.3, 2.4), (b, -1.3, 2.4), (b, -.02, 3.0), (a, -.02, 3.0)],
                           _front(a, b, 2.2, 2.4, -1.3)], cloth)
    if shop and rng.random() < .4:
        parts.add(upright(0, -.05, 0, -.85, 2.8, 3.5), shade(rng, (.6, .6, .6)),
                  Texture.POSTER, STRETCHED)
    if storeys > 2 and rng.random() < .4:
        columns = rng.choice(bays, max(1, int(bays * rng.uniform(.2, .7))), replace=False)
        glassy = rng.random() < .4
        for column in columns:
            mid, wide = -x + (column + .5) * bay, bay * .85
            for level in range(1, storeys):
                z = ground + (level - 1) * storey
                parts.add(boxes((mid, -.5, z), (wide, 1.0, .15), bottom=True), trim)
                rail = boxes((mid, -.5, z + .15), (wide, .98, .9), top=False)[[0, 2, 3]]
                if glassy:
                    parts.add(rail, color * .9, Texture.ROUGH)
                else:
                    parts.add(rail, (.05, .05, .05), Texture.BARS, (2., 0.))
    elif storeys > 2 and not modern and rng.random() < .35:  # an oriel
        mid, wide = -x + (rng.integers(bays) + .5) * bay, min(bay * 1.05, width)
        faces = boxes((mid, -.45, ground + .1), (wide, .9, eaves - ground - .8), bottom=True)
        parts.add(faces[[0]], color * 1.05, Texture.BAY, (wide, storey))
        parts.add(faces[1:], color * .95)
    if rng.random() < .6:
        pipe = x - .15
        corners, normal = limbs((pipe, -.1, 0), (pipe, -.1, eaves), .06, sides=3)
        parts.add(corners, (.25, .24, .22), normal=normal)
    kind = 'flat' if modern or rng.random() < .2 else 'along'
    if rng.random() < .12 and width < 9:
        kind = 'across'
    tiles = shade(rng, pick(rng, _ROOFS), .2)
    if kind == 'across':
        side, tone, size = texture, color, cell
    ridge = _roof(rng, parts, width, depth, eaves, kind, tiles, tone, side, size, over=.3)
    if kind == 'along':
        for i in range(bays):
            if rng.random() < .3:
                _dormer(parts, -x + (i + .5) * bay, 1.0, eaves + .3, min(1.6, bay * .7), trim,
                        tiles)
    for _ in range(int(rng.integers(0, 3))):
        _chimney(rng, parts, rng.uniform(-.45, .45) * width, depth * rng.uniform(.4, .6), eaves,
                 ridge + rng.uniform(.3, 1.2))
    return parts.mesh()


def hall(rng: np.random.Generator) -> Mesh:
    """Return an industrial hall or a supermarket, 15 to 45 m."""
    parts = Parts()
    width, depth, eaves = rng.uniform(15, 45), rng.uniform(12, 30), rng.uniform(4.5, 9)
    color = shade(rng, pick(rng, np.array([(.45, .46, .47), (.60, .60, .58), (.12, .15, .20),
                                           (.30, .32, .28), (.35, .10, .06)])), .2)
    texture, size = pick(rng, ((Texture.CORRUGATED, 1.),) * 4 + (
        (Texture.CONCRETE, 4.), (Texture.CONCRETE, 4.), (Texture.BRICK, 2.), (Texture.TILES, 3.),
        (Texture.GLAZING, 3.)))
    if texture == Texture.TILES:
        color = shade(rng, pick(rng, _TILES), .3, .1)
    parts.add(_walls(width, depth, 0, eaves), color, texture, (size, size))
    x = width / 2
    if rng.random() < .6:
        parts.add(_front(-x + 1, x - 1, eaves - 1.6, eaves - .6), _GLASS, Texture.BAY_MODERN,
                  (2.5, 1.), gloss=.3, lift=.04)
    if rng.random() < .6:
        parts.add(_front(-x, x, eaves - .5, eaves + .4, -.1), shade(rng, pick(rng, _DOORS), .3))
    for gate in np.arange(-x + 3, x - 3, rng.uniform(5, 9)):
        if rng.random() < .6:
            parts.add(_front(gate - 1.7, gate + 1.7, 0, 3.6), shade(rng, (.3, .31, .32), .4),
                      Texture.CORRUGATED, (3.6, .6), lift=.05)
    if rng.random() < .4:
        parts.add(_front(-x * .2, x * .4, .1, 3.0), _GLASS,
                  pick(rng, (Texture.SHOPFRONT, Texture.GLAZING)), (4., 3.), gloss=.2, lift=.04)
    if rng.random() < .5:
        parts.add(_front(-x * .8, -x * .8 + 5, eaves - 2.4, eaves - .9), (.7, .7, .7),
                  Texture.POSTER, STRETCHED, lift=.06)
    kind = 'flat' if rng.random() < .6 else 'along'
    if kind == 'flat':
        _roof(rng, parts, width, depth, eaves, 'flat', color, color * .9, texture, size)
    else:
        rise = depth * rng.uniform(.06, .12)
        parts.add([[(-x, 0, eaves), (x, 0, eaves), (x, depth / 2, eaves + rise),
                    (-x, depth / 2, eaves + rise)],
                   [(x, depth, eaves), (-x, depth, eaves), (-x, depth / 2, eaves + rise),
                    (x, depth / 2, eaves + rise)]], color * .7, Texture.CORRUGATED)
        parts.add([[(s * x, a, eaves), (s * x, b, eaves), (s * x, depth / 2, eaves + rise),
                    (s * x, depth / 2, eaves + rise)] for s, a, b in ((1, 0, depth),
                                                                      (-1, depth, 0))],
                  color, texture, (size, size))
    return parts.mesh()


def pavilion(rng: np.random.Generator) -> Mesh:
    """Return a low building of blank walls and glass with flat roofs: a school, offices."""
    parts = Parts()
    count = int(rng.integers(2, 6))
    wide = rng.uniform(3, 12, count)
    edges = np.cumsum([0, *wide]) - wide.sum() / 2
    texture, cell, color = _surface(rng)
    other, size, second = (Texture.TILES, 3., shade(rng, pick(rng, _TILES), .3, .1)) if (
        rng.random() < .5) else _surface(rng)
    glass, rim = shade(rng, (.5, .5, .5), .3), shade(rng, (.4, .4, .38), .4)
    high = rng.uniform(2.8, 4.5)
    for x0, x1 in zip(edges, edges[1:]):
        back, top = rng.choice([0, rng.uniform(0, 3)]), high * rng.choice([1, 1, 1.3, 2])
        style, deep = rng.random(), 9.0
        walls = _walls(x1 - x0, deep, 0, top) + [(x0 + x1) / 2, back, 0]
        if style < .45:
            parts.add(walls[[0, 2]], glass, Texture.GLAZING,
                      (rng.uniform(1.5, 4), top / max(1, round(top / 3.2))))
            parts.add(walls[[1, 3]], color, texture, (cell, cell))
        elif style < .75:
            parts.add(walls, second, other, (size, size))
        else:
            parts.add(walls, color, texture, (cell, cell))
            parts.add(walls[0], color, Texture.BAY, (3., 3.), lift=.01)
        over = rng.choice([.05, rng.uniform(.2, 1.5)])
        lid = (x1 - x0 + .1, deep + 2 * over, rng.uniform(.2, .7))
        parts.add(boxes(((x0 + x1) / 2, back + deep / 2, top), lid, bottom=True), rim)
        if over > .6:
            parts.add(boxes([(x0, back - over + .1, 0), (x1, back - over + .1, 0)],
                            (.12, .12, top)), rim)
    return parts.mesh()


def garage_row(rng: np.random.Generator, count: int | None = None) -> Mesh:
    """Return `count` garages side by side."""
    parts = Parts()
    count = int(rng.integers(2, 9)) if count is None else count
    width = 2.9 * count
    high = rng.uniform(2.4, 2.9)
    texture, cell, color = _surface(rng)
    parts.add(_walls(width, 5.5, 0, high), color, texture, (cell, cell))
    parts.add(boxes((0, 2.7, high), (width + .2, 5.8, .2), bottom=True), (.2, .2, .2))
    door = shade(rng, pick(rng, _DOORS), .2)
    for i in range(count):
        x = -width / 2 + 2.9 * (i + .5)
        parts.add(_front(x - 1.2, x + 1.2, .02, 2.1), door * rng.uniform(.8, 1.2) if
                  rng.random() < .8 else pick(rng, _DOORS), Texture.CORRUGATED, (.3, 1.), lift=.05)
    return parts.mesh()


def tower_block(rng: np.random.Generator) -> Mesh:
    """Return a block of flats, 7 to 16 storeys."""
    parts = Parts()
    width, depth, storeys = rng.uniform(16, 45), rng.uniform(11, 16), int(rng.integers(7, 17))
    storey, top = 2.8, 0.0
    color = shade(rng, pick(rng, _PLASTERS), .15)
    ground = 3.2
    top = ground + storey * storeys
    walls = _walls(width, depth, ground, top)
    window = Texture.BAY_MODERN if rng.random() < .45 else Texture.BAY
    parts.add(walls, color, window, _cells(walls, rng.uniform(2.6, 4), storeys))
    parts.add(_walls(width, depth, 0, ground), color * .6, Texture.SHOPFRONT, (4., ground))
    for share in np.arange(.1, .95, rng.uniform(.15, .3)):
        x = (share - .5) * width
        if rng.random() < .7:
            parts.add(_front(x - 1.6, x + 1.6, ground, top, -1.1), shade(rng, color, .2),
                      Texture.BARS, (2., storey / 2), lift=.0)
            parts.add(boxes([(x, -.55, ground + i * storey) for i in range(storeys)],
                            (3.2, 1.1, .16), bottom=True)[3::6], color * .7)
    _roof(rng, parts, width, depth, top, 'flat', color, color * .8, Texture.CONCRETE, 4.)
    parts.add(boxes((0, depth / 2, top), (4, 4, 2.6)), color * .7, Texture.CONCRETE, (4., 4.))
    return parts.mesh()
