# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What stands in rooms, in the sizes that it is made in: these say how far away things are.

Each function returns a Mesh that stands on z = 0, its middle at x = y = 0, its back towards -x
and its front towards +x. Sizes are those of shops and of DIN 68840, 68935, EN 1335, EN 14749.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, Parts, pick, shade, STRETCHED)

WOODS = ((0.42, 0.27, 0.14), (0.24, 0.14, 0.07), (0.6, 0.46, 0.3), (0.1, 0.06, 0.04))
PAINTS = ((0.75, 0.75, 0.73), (0.7, 0.68, 0.6), (0.3, 0.32, 0.34), (0.07, 0.07, 0.08),
          (0.35, 0.42, 0.5), (0.5, 0.2, 0.15), (0.2, 0.32, 0.22))
CLOTHS = ((0.25, 0.26, 0.28), (0.45, 0.4, 0.34), (0.12, 0.17, 0.28), (0.35, 0.1, 0.1),
          (0.15, 0.25, 0.2), (0.6, 0.57, 0.5), (0.08, 0.08, 0.09), (0.5, 0.35, 0.12))
STEEL, DARK, WHITE = (0.45, 0.46, 0.48), (0.02, 0.02, 0.025), (0.78, 0.78, 0.76)


def _surface(rng: np.random.Generator) -> dict:
    """Return colour, texture and gloss of a board: wood or paint."""
    if rng.random() < 0.55:
        return {'color': shade(rng, pick(rng, WOODS)), 'texture': Texture.WOOD,
                'cell': (2.0, 2.0), 'offset': rng.random(2), 'gloss': float(rng.uniform(0, .12))}
    return {'color': shade(rng, pick(rng, PAINTS)), 'texture': Texture.PLAIN,
            'gloss': float(rng.uniform(0, 0.2))}


def _cloth(rng: np.random.Generator) -> dict:
    return {'color': shade(rng, pick(rng, CLOTHS), 0.3), 'texture': Texture.ROUGH,
            'cell': (0.4, 0.4), 'offset': rng.random(2)}


def _legs(parts: Parts, length: float, width: float, height: float, thick: float, **look) -> None:
    x, y = length / 2 - thick, width / 2 - thick
    parts.add(boxes([[a, b, 0] for a in (-x, x) for b in (-y, y)], (thick, thick, height),
                    top=False), **look)


def table(rng: np.random.Generator, length: float = 0.0, width: float = 0.0,
          height: float = 0.0) -> Mesh:
    """Return a table 0.72 to 0.76 m high, or as low as is said."""
    length, width = length or rng.uniform(0.6, 1.0), width or rng.uniform(0.8, 2.0)
    height, parts, look = height or rng.uniform(0.71, 0.77), Parts(), _surface(rng)
    parts.add(boxes((0, 0, height - 0.03), (length, width, 0.03), bottom=True), **look)
    if rng.random() < 0.8:
        _legs(parts, length - 0.04, width - 0.04, height - 0.03, rng.uniform(0.03, 0.08), **(
            look if rng.random() < 0.6 else {'color': STEEL, 'gloss': 0.3}))
    else:
        parts.add(boxes([[0, -width / 2 + .1, 0], [0, width / 2 - .1, 0]],
                        (length * 0.8, 0.04, height - 0.03)), **look)
    _clutter(rng, parts, length, width, height, rng.integers(0, 7))
    return parts.mesh()


def coffee_table(rng: np.random.Generator) -> Mesh:
    """Return a low table."""
    return table(rng, rng.uniform(0.5, 0.7), rng.uniform(0.6, 1.2), rng.uniform(0.35, 0.48))


def _clutter(rng: np.random.Generator, parts: Parts, length: float, width: float, height: float,
             count: int) -> None:
    """Put cups, bottles, books, boxes and paper on a plane."""
    for _ in range(count):
        x, y = rng.uniform(-.42, .42) * length, rng.uniform(-.45, .45) * width
        kind = rng.integers(5)
        if kind == 0:  # a cup
            corners, normal = limbs((x, y, height), (x, y, height + rng.uniform(.08, .11)),
                                    0.035, 0.04, 8)
            parts.add(corners, shade(rng, pick(rng, PAINTS)), normal=normal, gloss=0.2)
        elif kind == 1:  # a bottle
            tall, color = rng.uniform(0.2, 0.33), shade(rng, pick(rng, CLOTHS))
            for low, high, wide, thin in ((0, .7, .036, .036), (.7, .82, .036, .014),
                                          (.82, 1, .014, .014)):
                corners, normal = limbs((x, y, height + low * tall), (x, y, height + high * tall),
                                        wide, thin, 8)
                parts.add(corners, color, normal=normal, gloss=0.35)
        elif kind == 2:  # books, lying
            low = height
            for _ in range(rng.integers(1, 5)):
                tall = rng.uniform(0.015, 0.05)
                parts.add(boxes((x, y, low), (rng.uniform(.13, .22), rng.uniform(.18, .3), tall)),
                          shade(rng, pick(rng, CLOTHS), 0.4))
                low += tall
        elif kind == 3:  # a box
            parts.add(boxes((x, y, height), rng.uniform((.08, .08, .04), (.3, .3, .25))),
                      shade(rng, pick(rng, CLOTHS), 0.5), Texture.ROUGH, (.3, .3))
        else:  # paper
            parts.add(boxes((x, y, height), (0.21, 0.297, 0.004)), WHITE)


def chair(rng: np.random.Generator) -> Mesh:
    """Return a chair: its seat at 0.45 m, its back to 0.8 to 1 m."""
    parts, look = Parts(), _surface(rng)
    seat, wide, deep = rng.uniform(.43, .48), rng.uniform(.38, .48), rng.uniform(.38, .46)
    parts.add(boxes((0, 0, seat - .04), (deep, wide, .04), bottom=True),
              **(look if rng.random() < 0.5 else _cloth(rng)))
    _legs(parts, deep, wide, seat - 0.04, rng.uniform(0.025, 0.04), **look)
    high = rng.uniform(0.8, 1.0)
    back = -deep / 2 + 0.015
    if rng.random() < 0.5:
        parts.add(boxes((back, 0, seat), (0.025, wide, high - seat)), **look)
    else:
        posts = np.linspace(-.44, .44, rng.integers(2, 6)) * wide
        parts.add(boxes([[back, y, seat] for y in posts], (0.025, 0.03, high - seat)), **look)
        parts.add(boxes([[back, 0, high - .08], [back, 0, (high + seat) / 2]], (.025, wide, .07)),
                  **look)
    return parts.mesh()


def office_chair(rng: np.random.Generator) -> Mesh:
    """Return a chair on a column and five feet."""
    parts, look = Parts(), _cloth(rng)
    seat = rng.uniform(0.43, 0.52)
    parts.add(boxes((0, 0, seat - .08), (.48, .5, .08), bottom=True), **look)
    parts.add(boxes((-.22, 0, seat + .1), (.07, .46, rng.uniform(.4, .65))), **look)
    parts.add(boxes([[0, -.28, seat + .15], [0, .28, seat + .15]], (.26, .06, .03)), DARK)
    corners, normal = limbs((0, 0, .08), (0, 0, seat - .06), 0.03, sides=6)
    parts.add(corners, STEEL, normal=normal, gloss=0.3)
    angle = np.arange(5) * 2 * np.pi / 5
    feet = np.stack([np.cos(angle) * .32, np.sin(angle) * .32, np.full(5, .05)], 1)
    corners, normal = limbs((0, 0, .1), feet, 0.025, 0.015, 4)
    parts.add(corners, DARK, normal=normal)
    return parts.mesh()


def sofa(rng: np.random.Generator, seats: int = 0) -> Mesh:
    """Return a sofa of one to four seats."""
    parts, look = Parts(), _cloth(rng)
    seats = seats or int(rng.integers(2, 5))
    wide, deep, seat = 0.35 + 0.62 * seats, rng.uniform(.8, 1.0), rng.uniform(.4, .46)
    high, arm = rng.uniform(.75, .95), rng.uniform(0.1, 0.22)
    parts.add(boxes((0, 0, .06), (deep, wide, seat - .18)), **look)
    inner = wide - 2 * arm
    parts.add(boxes([[.1, (i + .5) * inner / seats - inner / 2, seat - .13] for i in range(seats)],
                    (deep - .25, inner / seats - .015, .14)), **look)
    parts.add(boxes((-deep / 2 + .12, 0, .06), (.24, wide, high - .06), taper=(.6, 1)), **look)
    parts.add(boxes([[0, -(wide - arm) / 2, .06], [0, (wide - arm) / 2, .06]],
                    (deep, arm, rng.uniform(.5, .62))), **look)
    for _ in range(rng.integers(0, 4)):
        parts.add(boxes((-.1, rng.uniform(-.4, .4) * inner, seat), (.14, .42, .4), taper=(.3, .8)),
                  **_cloth(rng))
    return parts.mesh()


def armchair(rng: np.random.Generator) -> Mesh:
    """Return a sofa of one seat."""
    return sofa(rng, 1)


def bed(rng: np.random.Generator) -> Mesh:
    """Return a bed 2 m long, 0.9 to 1.8 m wide, its head at the back."""
    parts, wood = Parts(), _surface(rng)
    wide, seat = float(pick(rng, (.9, 1.0, 1.2, 1.4, 1.6, 1.8))), rng.uniform(.42, .6)
    parts.add(boxes((0, 0, .05), (2.05, wide + .06, seat - .25)), **wood)
    parts.add(boxes((0, 0, seat - .2), (2.0, wide, .2)), WHITE, Texture.ROUGH, (.5, .5))
    parts.add(boxes((-1.04, 0, 0), (.05, wide + .06, rng.uniform(.6, 1.2))), **wood)
    blanket, up = _cloth(rng), rng.uniform(.02, .1)
    parts.add(boxes((.25, 0, seat - .3), (1.52, wide + .08, .3 + up), taper=(1, .93)), **blanket)
    for y in ([0] if wide < 1.3 else [-wide / 4, wide / 4]):
        parts.add(boxes((-.75, y, seat), (.4, min(.7, wide * .45), .14), taper=.75),
                  **({'color': WHITE} if rng.random() < 0.6 else _cloth(rng)))
    return parts.mesh()


def _front(rng, parts: Parts, x: float, wide: float, low: float, high: float, columns: int,
           rows: int, look: dict) -> None:
    """Put doors or drawers with handles on a front."""
    gap, w, h = 0.006, wide / columns, (high - low) / rows
    for i in range(columns):
        for j in range(rows):
            y, z = (i + .5) * w - wide / 2, low + j * h
            parts.add(boxes((x + .009, y, z + gap), (.018, w - gap, h - 2 * gap)), **look)
            if h > w:
                side = y + (w / 2 - .05) * (1 if i % 2 == 0 else -1)
                parts.add(boxes((x + .035, side, z + h / 2 - .07), (.02, .012, .14)), STEEL,
                          gloss=0.4)
            else:
                parts.add(boxes((x + .035, y, z + h * .75), (.02, .14, .012)), STEEL, gloss=0.4)


def cupboard(rng: np.random.Generator, wide: float = 0.0, deep: float = 0.0, high: float = 0.0
             ) -> Mesh:
    """Return a cupboard with doors or drawers."""
    parts, look = Parts(), _surface(rng)
    wide, deep = wide or rng.uniform(.4, 1.6), deep or rng.uniform(.3, .5)
    high = high or rng.uniform(.7, 1.3)
    foot = float(pick(rng, (0.0, 0.05, 0.1)))
    parts.add(boxes((0, 0, foot), (deep, wide, high - foot), bottom=True), **look)
    if foot:
        _legs(parts, deep - .04, wide - .04, foot, .04, color=DARK)
    _front(rng, parts, deep / 2, wide, foot, high, max(int(round(wide / rng.uniform(.4, .6))), 1),
           int(rng.integers(1, 4)), look if rng.random() < 0.7 else _surface(rng))
    if high < 1.4:
        _clutter(rng, parts, deep, wide, high, rng.integers(0, 6))
    return parts.mesh()


def wardrobe(rng: np.random.Generator) -> Mesh:
    """Return a wardrobe 1.8 to 2.36 m high, 0.6 m deep."""
    parts, look = Parts(), _surface(rng)
    wide, high = float(rng.integers(2, 6)) * 0.5, rng.uniform(1.8, 2.36)
    parts.add(boxes((0, 0, 0), (.58, wide, high)), **look)
    _front(rng, parts, .29, wide, .06, high, int(round(wide / .5)), 1,
           look if rng.random() < 0.7 else _surface(rng))
    return parts.mesh()


def shelf(rng: np.random.Generator, wide: float = 0.0, high: float = 0.0) -> Mesh:
    """Return an open shelf with books, files and boxes in it."""
    parts, look = Parts(), _surface(rng)
    wide, high, deep = (wide or rng.uniform(.4, 2.0)), (high or rng.uniform(.8, 2.2)), (
        rng.uniform(.26, .4))
    levels = max(int(high / rng.uniform(.3, .4)), 2)
    step = high / levels
    parts.add(boxes([[0, -wide / 2, 0], [0, wide / 2, 0]], (deep, .022, high)), **look)
    parts.add(boxes([[0, 0, i * step] for i in range(levels + 1)], (deep, wide, .022),
                    bottom=True), **look)
    if rng.random() < 0.6:
        parts.add(boxes((-deep / 2, 0, 0), (.01, wide, high)), **look)
    for level in range(levels):
        y, z = -wide / 2 + .03, level * step + .022
        tall = step - .03
        full = rng.uniform(0.3, 1.0)
        while y < wide / 2 - .06:
            if rng.random() > full:
                y += rng.uniform(.05, .3)
                continue
            kind = rng.random()
            if kind < 0.75:  # a book
                w, h, d = rng.uniform((.012, .55, .12), (.06, .98, .24))
            else:
                w, h, d = rng.uniform((.1, .3, .15), (.35, .95, deep))
            h *= tall
            w = min(w, wide / 2 - .02 - y)
            parts.add(boxes((deep / 2 - .03 - d / 2, y + w / 2, z), (d, w, min(h, tall))),
                      shade(rng, pick(rng, CLOTHS), 0.5, 0.2))
            y += w + 0.002
    return parts.mesh()


def desk(rng: np.random.Generator) -> Mesh:
    """Return a desk with a screen or two."""
    parts, look = Parts(), _surface(rng)
    wide, high = rng.uniform(1.1, 1.8), rng.uniform(.71, .76)
    parts.add(boxes((0, 0, high - .025), (.75, wide, .025), bottom=True), **look)
    _legs(parts, .7, wide - .05, high - .025, .05, color=pick(rng, (STEEL, DARK, WHITE)))
    if rng.random() < 0.6:
        parts.add(boxes((0, wide / 2 - .25, .05), (.6, .42, high - .1)), **_surface(rng))
    for y in rng.permutation([-.35, .25])[:rng.integers(0, 3)]:
        _screen(rng, parts, -.2, y, high, rng.uniform(.5, .62))
        parts.add(boxes((.08, y, high), (.15, .44, .02)), DARK)
    _clutter(rng, parts, .7, wide, high, rng.integers(1, 8))
    return parts.mesh()


def _screen(rng, parts: Parts, x: float, y: float, low: float, wide: float) -> None:
    tall = wide * 9 / 16
    parts.add(boxes([[x, y, low], [x - .02, y, low]], [[.2, .24, .012], [.03, .05, .2]]), DARK)
    parts.add(boxes((x, y, low + .12), (.03, wide, tall)), DARK, gloss=0.2)
    face = np.array([[x + .017, y + s * wide * .48, low + .12 + t * tall] for s, t in (
        (-1, .04), (1, .04), (1, .96), (-1, .96))])
    lit = rng.random() < 0.5
    parts.add(face, shade(rng, (.5, .55, .6), .5) if lit else DARK,
              Texture.POSTER if lit else Texture.PLAIN, STRETCHED, gloss=0.0 if lit else 0.5,
              lift=0.1)


def television(rng: np.random.Generator) -> Mesh:
    """Return a television on a low board."""
    parts, look = Parts(), _surface(rng)
    wide, high = rng.uniform(1.2, 2.0), rng.uniform(.35, .55)
    parts.add(boxes((0, 0, .03), (.4, wide, high - .03)), **look)
    _front(rng, parts, .2, wide, .03, high, int(rng.integers(2, 5)), 1, look)
    _screen(rng, parts, -.05, 0, high, min(wide * .9, rng.uniform(.8, 1.45)))
    return parts.mesh()


def kitchen(rng: np.random.Generator) -> Mesh:
    """Return a row of kitchen units: worktop at 0.85 to 0.95 m, wall cupboards, hob and sink."""
    parts, look = Parts(), _surface(rng)
    units, high = int(rng.integers(3, 8)), rng.uniform(.85, .95)
    wide = units * 0.6
    parts.add(boxes((0, 0, .1), (.58, wide, high - .14)), **look)
    parts.add(boxes((-.02, 0, 0), (.5, wide, .1)), DARK)
    parts.add(boxes((.01, 0, high - .04), (.62, wide, .04), bottom=True), **_surface(rng))
    _front(rng, parts, .29, wide, .1, high - .04, units, int(rng.integers(1, 3)), look)
    hob, sink = rng.permutation(units)[:2]
    y = (hob + .5) * .6 - wide / 2
    parts.add(boxes((0, y, high), (.5, .56, .006)), DARK, gloss=0.5)
    parts.add(boxes((.31, y, .25), (.02, .56, .45)), DARK, gloss=0.4)
    y = (sink + .5) * .6 - wide / 2
    parts.add(boxes((0, y, high), (.4, .5, .004)), STEEL, gloss=0.5)
    corners, normal = limbs([[-.2, y, high], [-.2, y, high + .25]],
                            [[-.2, y, high + .25], [0, y, high + .22]], .014, sides=5)
    parts.add(corners, STEEL, normal=normal, gloss=0.5)
    if rng.random() < 0.75:
        low, top = high + rng.uniform(.5, .6), rng.uniform(2.0, 2.3)
        parts.add(boxes((-.13, 0, low), (.32, wide, top - low), bottom=True), **look)
        _front(rng, parts, .03, wide, low, top, units, 1, look)
        back = np.array([[-.289, y, z] for y, z in ((-wide / 2, high), (wide / 2, high),
                                                    (wide / 2, low), (-wide / 2, low))])
        parts.add(back, shade(rng, pick(rng, PAINTS)), pick(rng, (Texture.TILES, Texture.PLAIN)),
                  (1.0, 1.0))
    _clutter(rng, parts, .5, wide, high, rng.integers(3, 14))
    return parts.mesh()


def fridge(rng: np.random.Generator) -> Mesh:
    """Return a refrigerator or another white good, 0.6 m wide."""
    parts, high = Parts(), float(pick(rng, (.85, .85, 1.4, 1.75, 1.85)))
    color = shade(rng, pick(rng, (WHITE, WHITE, STEEL, DARK)))
    parts.add(boxes((0, 0, .02), (.6, .6, high - .02)), color, gloss=0.15)
    _front(rng, parts, .3, .6, .04, high, 1, 2 if high > 1 and rng.random() < .7 else 1,
           {'color': color, 'gloss': 0.2})
    return parts.mesh()


def toilet(rng: np.random.Generator) -> Mesh:
    """Return a toilet, its seat at 0.42 m."""
    parts = Parts()
    parts.add(boxes((.05, 0, 0), (.42, .24, .36), taper=(1.2, 1.4)), WHITE, gloss=.3)
    parts.add(boxes((.07, 0, .36), (.5, .37, .06), taper=.95), WHITE, gloss=.3)
    parts.add(boxes((-.24, 0, .36), (.16, .38, .42)), WHITE, gloss=.3)
    return parts.mesh()


def basin(rng: np.random.Generator) -> Mesh:
    """Return a wash basin at 0.85 m with a mirror above."""
    parts, wide = Parts(), rng.uniform(.45, 1.2)
    parts.add(boxes((0, 0, .7), (.45, wide, .15), bottom=True, taper=1.1), WHITE, gloss=.3)
    parts.add(boxes((-.05, 0, 0), (.3, wide * .8 if rng.random() < .6 else .15, .7)),
              **_surface(rng))
    parts.add(boxes((-.21, 0, 1.1), (.02, wide, rng.uniform(.5, .9))), (.3, .31, .32), gloss=.5)
    return parts.mesh()


def bathtub(rng: np.random.Generator) -> Mesh:
    """Return a bathtub 0.75 m wide and 0.58 m high, along a wall."""
    parts, high = Parts(), .58
    long = rng.uniform(1.6, 1.8)
    parts.add(boxes([[-.35, 0, 0], [.35, 0, 0]], (.05, long, high)), WHITE, gloss=.3)
    parts.add(boxes([[0, -long / 2, 0], [0, long / 2, 0]], (.75, .05, high)), WHITE, gloss=.3)
    parts.add(boxes((0, 0, 0), (.7, long, .18)), WHITE, gloss=.3)
    return parts.mesh()


def standing_lamp(rng: np.random.Generator) -> Mesh:
    """Return a lamp on a thin post."""
    parts, high = Parts(), rng.uniform(1.3, 1.8)
    corners, normal = limbs([[0, 0, 0], [0, 0, .02], [0, 0, high - .25]],
                            [[0, 0, .02], [0, 0, high - .25], [0, 0, high]],
                            [.14, .012, .18], [.14, .012, .12], 10)
    parts.add(corners, np.repeat([DARK, STEEL, WHITE], 10, 0), normal=normal)
    return parts.mesh()


def potted_plant(rng: np.random.Generator) -> Mesh:
    """Return a plant of leaves in a pot."""
    parts, high, wide = Parts(), rng.uniform(.4, 1.8), rng.uniform(.1, .2)
    corners, normal = limbs((0, 0, 0), (0, 0, wide * 1.6), wide * .8, wide, 10)
    parts.add(corners, shade(rng, pick(rng, PAINTS)), normal=normal)
    for _ in range(int(rng.integers(8, 24))):
        angle, up = rng.uniform(0, 2 * np.pi), rng.uniform(wide * 1.6, high)
        reach = rng.uniform(.1, .25 + .2 * high)
        out = np.array([np.cos(angle), np.sin(angle), rng.uniform(-.3, .8)]) * reach
        side = np.array([-np.sin(angle), np.cos(angle), 0]) * reach * rng.uniform(.3, .6)
        foot = np.array([0, 0, up])
        parts.add(np.stack([foot - side, foot + out - side, foot + out + side, foot + side]),
                  shade(rng, (.12, .24, .07), .3), pick(rng, (Texture.LEAVES, Texture.FOLIAGE)),
                  STRETCHED)
    return parts.mesh()


def carton(rng: np.random.Generator) -> Mesh:
    """Return a pile of cardboard boxes."""
    parts, low = Parts(), 0.0
    size = rng.uniform((.25, .25, .2), (.6, .6, .5))
    for _ in range(rng.integers(1, 5)):
        parts.add(boxes((*rng.uniform(-.03, .03, 2), low), size), shade(rng, (.45, .3, .17)),
                  Texture.ROUGH, (.5, .5))
        low += size[2]
    return parts.mesh()


def bin_(rng: np.random.Generator) -> Mesh:
    """Return a waste paper bin."""
    parts, high = Parts(), rng.uniform(.28, .65)
    corners, normal = limbs((0, 0, 0), (0, 0, high), high * .35, high * .42, 10)
    parts.add(corners, shade(rng, pick(rng, PAINTS), .4), normal=normal)
    return parts.mesh()


def rack(rng: np.random.Generator) -> Mesh:
    """Return a bay of pallet racking, 2.7 m wide, with goods on pallets (EN 13698: 0.8 x 1.2)."""
    parts, levels = Parts(), int(rng.integers(2, 5))
    step = rng.uniform(1.2, 1.9)
    high = levels * step
    blue, orange = shade(rng, (.05, .12, .35)), shade(rng, (.6, .2, .04))
    parts.add(boxes([[x, y, 0] for x in (-.5, .5) for y in (-1.38, 1.38)], (.1, .08, high)), blue)
    parts.add(boxes([[x, 0, i * step] for x in (-.5, .5) for i in range(1, levels)],
                    (.05, 2.7, .12)), orange)
    for level in range(levels):
        for y in (-.9, 0, .9):
            if rng.random() < 0.75:
                z = level * step + (.12 if level else 0)
                _pallet(rng, parts, y, z, step - .35)
    return parts.mesh()


def _pallet(rng, parts: Parts, y: float, low: float, most: float) -> None:
    wood = shade(rng, (.4, .28, .15))
    parts.add(boxes([[0, y + s, low] for s in (-.35, 0, .35)], (1.15, .1, .1)), wood)
    parts.add(boxes((0, y, low + .1), (1.2, .8, .044)), wood, Texture.WOOD, (1.0, 1.0))
    high = rng.uniform(.3, max(most, .35))
    if rng.random() < 0.5:
        parts.add(boxes((0, y, low + .144), (1.1, .75, high)), shade(rng, pick(rng, CLOTHS), .4),
                  pick(rng, (Texture.ROUGH, Texture.PLAIN)), gloss=float(rng.uniform(0, .2)))
        return
    n = rng.integers(2, 4)
    for i in range(int(high / .3) + 1):
        for j in range(n):
            parts.add(boxes((0, y + (j + .5) * .75 / n - .375, low + .144 + i * .3),
                            (1.1, .75 / n - .01, .29)), shade(rng, (.45, .3, .17)),
                      Texture.ROUGH, (.4, .4))


def pallet(rng: np.random.Generator) -> Mesh:
    """Return a pallet with goods, on the floor."""
    parts = Parts()
    _pallet(rng, parts, 0.0, 0.0, 1.5)
    return parts.mesh()


def shop_shelf(rng: np.random.Generator) -> Mesh:
    """Return a bay of a shop's shelf, 1.6 to 2.2 m high, full of goods."""
    parts, wide, high = Parts(), 1.25, rng.uniform(1.5, 2.2)
    grey = shade(rng, (.6, .6, .58))
    parts.add(boxes((-.24, 0, 0), (.03, wide, high)), grey)
    parts.add(boxes((0, 0, 0), (.5, wide, .12)), grey)
    for z in np.arange(.12, high - .2, rng.uniform(.3, .45)):
        parts.add(boxes((0, 0, z), (.45, wide, .02), bottom=True), grey)
        y = -wide / 2
        while y < wide / 2 - .1:
            w, h = rng.uniform(.06, .2), rng.uniform(.1, .28)
            color = shade(rng, rng.uniform(.05, .7, 3))
            for _ in range(rng.integers(1, 5)):
                if y + w < wide / 2:
                    parts.add(boxes((.05, y + w / 2, z + .02), (.3, w - .008, h)), color)
                y += w
    return parts.mesh()


def workbench(rng: np.random.Generator) -> Mesh:
    """Return a work bench with tools, 0.85 to 0.95 m high."""
    parts, wide, high = Parts(), rng.uniform(1.2, 2.2), rng.uniform(.82, .95)
    parts.add(boxes((0, 0, high - .05), (.7, wide, .05), bottom=True), shade(rng, WOODS[0]),
              Texture.WOOD, (2.0, 2.0))
    _legs(parts, .66, wide, high - .05, .07, color=shade(rng, pick(rng, PAINTS)))
    parts.add(boxes((0, 0, .15), (.6, wide - .1, .03)), STEEL)
    _clutter(rng, parts, .65, wide, high, rng.integers(4, 16))
    board = np.array([[-.34, y, z] for y, z in ((-wide / 2, high + .2), (wide / 2, high + .2),
                                                (wide / 2, high + .9), (-wide / 2, high + .9))])
    parts.add(board, shade(rng, pick(rng, PAINTS)))
    for _ in range(rng.integers(0, 14)):
        parts.add(boxes((-.32, rng.uniform(-.47, .47) * wide, high + rng.uniform(.25, .6)),
                        (.03, rng.uniform(.02, .08), rng.uniform(.1, .28))),
                  shade(rng, pick(rng, CLOTHS), .5))
    return parts.mesh()


def machine(rng: np.random.Generator) -> Mesh:
    """Return something of boxes and pipes as boiler rooms and workshops have it."""
    parts = Parts()
    size = rng.uniform((.5, .5, .8), (1.2, 1.6, 2.0))
    color = shade(rng, pick(rng, PAINTS), .3)
    parts.add(boxes((0, 0, .08), size), color, gloss=.1)
    parts.add(boxes((size[0] / 2 + .02, 0, size[2] * .6), (.04, size[1] * .5, size[2] * .25)),
              DARK, gloss=.3)
    for _ in range(rng.integers(0, 5)):
        x, y = rng.uniform(-.4, .4, 2) * size[:2]
        corners, normal = limbs((x, y, size[2]), (x, y, size[2] + rng.uniform(.3, 1.2)),
                                rng.uniform(.03, .1), sides=8)
        parts.add(corners, pick(rng, (STEEL, (.4, .2, .1), WHITE)), normal=normal, gloss=.2)
    return parts.mesh()


def radiator(rng: np.random.Generator) -> Mesh:
    """Return a radiator, 0.5 to 0.9 m high."""
    parts, wide, high = Parts(), rng.uniform(.5, 1.8), float(pick(rng, (.5, .6, .9)))
    parts.add(boxes((0, 0, .12), (.1, wide, high)), WHITE, gloss=.1)
    parts.add(boxes([[.055, y, .14] for y in np.arange(-wide / 2 + .05, wide / 2, .1)],
                    (.012, .05, high - .04)), WHITE, gloss=.1)
    return parts.mesh()
