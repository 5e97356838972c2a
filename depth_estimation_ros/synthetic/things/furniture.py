# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What stands in streets.

Signs, lights and boards face -x: they are read by who drives along +x. What else has a front
turns it to -y, a lamp's arm too; what has a length runs along x, a bridge or gantry across x.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, pane, Parts, pick, shade, STRETCHED, upright)

STEEL = np.array([(.28, .29, .30), (.18, .19, .19), (.40, .41, .42), (.05, .055, .05),
                  (.04, .07, .05), (.30, .29, .26)])
DARK = np.array([(.03, .03, .03), (.05, .055, .06), (.03, .05, .04)])
LOUD = np.array([(.40, .02, .02), (.03, .08, .35), (.65, .45, .03), (.70, .70, .68),
                 (.05, .22, .08), (.55, .16, .02)])
WALLS = np.array([(.45, .42, .37), (.30, .28, .25), (.55, .53, .48), (.36, .30, .22)])
WOODS = np.array([(.20, .12, .06), (.30, .22, .14), (.12, .08, .05), (.28, .27, .25)])
BRICKS = np.array([(.28, .11, .07), (.33, .18, .12), (.20, .09, .06), (.36, .28, .18)])


def metal(rng: np.random.Generator) -> np.ndarray:
    """Return the colour of posts (3,)."""
    return shade(rng, pick(rng, STEEL), .2, .03)


def pole(parts: Parts, start, end, thick, thin=None, color=(.3, .3, .3), sides: int = 4,
         texture=Texture.PLAIN) -> None:
    """Add round bars: the values are those of `limbs`."""
    corners, normal = limbs(start, end, thick, thin, sides)
    parts.add(corners, color, texture, normal=normal, gloss=.08)


def lamp_post(rng: np.random.Generator) -> Mesh:
    """Return a street lamp, 3.5 to 11 m, its arm towards -y."""
    parts = Parts()
    color, high = metal(rng), rng.uniform(4.5, 11)
    if rng.random() < .3:  # a post-top lantern
        high = rng.uniform(3.2, 5)
        pole(parts, (0, 0, 0), (0, 0, high), .06, .045, color)
        parts.add(boxes((0, 0, high), (.3, .3, .5), bottom=True, taper=rng.uniform(.8, 1.4)),
                  (.6, .6, .56), gloss=.3)
        parts.add(boxes((0, 0, high + .5), (.5, .5, .12), bottom=True, taper=.3), color)
        return parts.mesh()
    reach, rise = rng.uniform(.6, 2.4), rng.uniform(0, .7)
    bend = (0, -.3 * reach, high + .7 * rise)
    end = np.array([0, -reach, high + rise])
    arms = [1] if rng.random() < .85 else [1, -1]
    pole(parts, (0, 0, 0), (0, 0, 1.2), .10, .09, color, sides=5)
    pole(parts, (0, 0, 1.2), (0, 0, high), .075, .045, color, sides=5)
    for side in arms:
        flip = np.array([1, side, 1])
        pole(parts, [(0, 0, high), bend * flip], [bend * flip, end * flip], .04, .03, color, 3)
        parts.add(boxes((end - [0, .3, .06]) * flip, (.26, .7, .13), bottom=True, taper=.8),
                  color * .9, gloss=.1)
    return parts.mesh()


def traffic_light(rng: np.random.Generator) -> Mesh:
    """Return a traffic light; some have a second one on an arm over the road, towards -y."""
    parts = Parts()
    color, dark = metal(rng), shade(rng, DARK[0], .2)
    lit = int(rng.integers(3))
    spots = [(0., 0., 2.3)]
    high = rng.uniform(3.0, 3.4)
    if rng.random() < .35:
        high, reach = rng.uniform(5.4, 6.2), rng.uniform(2.5, 5.5)
        pole(parts, (0, 0, high - .1), (0, -reach, high), .07, .05, color)
        spots.append((0., -reach, high - .6))
    pole(parts, (0, 0, 0), (0, 0, high), .08 if high > 4 else .055, .05, color, 5)
    for x, y, z in spots:
        foot = (x - .14, y - (.0 if z < 3 else 0), z)
        parts.add(boxes(foot, (.2, .3, .9), bottom=True), dark)
        if rng.random() < .5:
            parts.add(upright(x - .04, y + .3, x - .04, y - .3, z - .15, z + 1.05), dark)
        face = upright(x - .24, y + .15, x - .24, y - .15, z, z + .9)
        colors = np.array([(.05, .30, .12), (.35, .22, .02), (.35, .03, .02)])
        tone = colors * .12
        tone[lit] = colors[lit] * 2.2
        for i in range(3):
            _disc(parts, face, (.5, 1 / 6 + i / 3), .1, tone[i].clip(0, .85), lift=.03)
    if rng.random() < .5:
        parts.add(boxes((-.1, 0, 1.05), (.12, .12, .2)), LOUD[2])
    return parts.mesh()


def _disc(parts: Parts, quad, middle, radius: float, color, texture=Texture.PLAIN,
          lift: float = 0.0, turned: bool = False) -> None:
    """Add an octagon in the plane of an upright quad, round `middle` (shares of its sides)."""
    origin = pane(quad, middle[0], middle[0], middle[1], middle[1])[0]
    across = (quad[1] - quad[0]) / np.linalg.norm(quad[1] - quad[0])
    high, low = 1.0, .414
    if turned:
        high, low = 1.08, .45
    steps = np.array([(-low, -high), (low, -high), (high, -low), (high, low), (low, high),
                      (-low, high), (-high, low), (-high, -low)]) * radius
    points = origin + steps[:, :1] * across + steps[:, 1:] * [0, 0, 1]
    rows = np.array([[0, 1, 2, 7], [7, 2, 3, 6], [6, 3, 4, 5]])
    size = 2 * radius * high
    offset = (steps[rows[:, 0]] + radius * high) / size
    parts.add(points[rows], color, texture, (size, size), offset, lift=lift)


def traffic_sign(rng: np.random.Generator) -> Mesh:
    """Return one to three signs on a pole, or a direction board on two."""
    parts = Parts()
    back = shade(rng, (.22, .23, .23), .2)
    if rng.random() < .18:
        wide, high, foot = rng.uniform(1.2, 3.5), rng.uniform(.6, 1.9), rng.uniform(.8, 2.3)
        for y in (-.35 * wide, .35 * wide):
            pole(parts, (.06, y, 0), (.06, y, foot + high), .04, color=metal(rng))
        board = upright(0, wide / 2, 0, -wide / 2, foot, foot + high)
        parts.add(board, shade(rng, pick(rng, LOUD), .2), Texture.SIGN, STRETCHED, gloss=.05)
        parts.add(board[[1, 0, 3, 2]] + [.03, 0, 0], back)
        return parts.mesh()
    foot = rng.uniform(1.9, 2.4)
    top = foot
    for _ in range(int(rng.choice([1, 2, 3], p=[.62, .3, .08]))):
        size = rng.uniform(.28, .42)
        middle = top + size
        face = upright(-.05, size, -.05, -size, top, top + 2 * size)
        kind = rng.random()
        white = shade(rng, (.72, .72, .70), .1, .03)
        if kind < .42:
            _disc(parts, face, (.5, .5), size, white if rng.random() < .6 else
                  shade(rng, LOUD[rng.integers(2)], .2), Texture.SIGN)
            _disc(parts, face[[1, 0, 3, 2]] + [.02, 0, 0], (.5, .5), size, back)
        elif kind < .66:
            low, apex = (.15, 1.05) if rng.random() < .7 else (1.0, .1)
            span, point = (size * 1.1, middle + (1 if apex > low else -1) * size)
            edge = middle - (1 if apex > low else -1) * size * .8
            corners = np.array([(-.05, span, edge), (-.05, -span, edge), (-.05, 0, point),
                                (-.05, 0, point)])
            if apex < low:
                corners = corners[[1, 0, 2, 3]]
                corners = np.array([corners[2], corners[2], corners[0], corners[1]])
            parts.add(corners, white, Texture.SIGN, STRETCHED)
        else:
            shape = pane(face, 0, 1, *((0, 1) if rng.random() < .6 else (.2, .8)))
            parts.add(shape, white if rng.random() < .5 else shade(rng, pick(rng, LOUD), .2),
                      Texture.SIGN, STRETCHED)
            parts.add(shape[[1, 0, 3, 2]] + [.02, 0, 0], back)
        top += 2 * size + .04
    pole(parts, (0, 0, 0), (0, 0, top), .035, color=metal(rng))
    return parts.mesh()


def bollard(rng: np.random.Generator) -> Mesh:
    """Return a bollard or a delineator post, 0.5 to 1.15 m."""
    parts = Parts()
    high, thick = rng.uniform(.5, 1.15), rng.uniform(.04, .11)
    color = pick(rng, (metal(rng), pick(rng, DARK), (.55, .54, .5), (.35, .03, .03)))
    corners, normal = limbs((0, 0, 0), (0, 0, high), thick, thick * rng.uniform(.7, 1), 6)
    parts.add(corners, color, Texture.ROUGH, normal=normal)
    lid = corners[:, 3]
    parts.add([lid[[0, 1, 2, 3]], lid[[0, 3, 4, 5]]], color)
    if rng.random() < .5:
        band, normal = limbs((0, 0, .72 * high), (0, 0, .86 * high), thick + .004, sides=6)
        parts.add(band, pick(rng, LOUD), normal=normal, lift=.01)
    return parts.mesh()


def waste_bin(rng: np.random.Generator) -> Mesh:
    """Return a litter bin, a wheeled bin or a row of large ones."""
    parts = Parts()
    color = shade(rng, pick(rng, np.array([(.03, .03, .03), (.03, .09, .04), (.02, .05, .16),
                                           (.10, .06, .03), (.12, .12, .12)])), .2)
    lid = color if rng.random() < .5 else shade(rng, pick(rng, LOUD), .2)
    if rng.random() < .25:
        wide, deep, high = 1.35, .95, 1.2
    else:
        wide, deep, high = rng.uniform(.4, .6), rng.uniform(.4, .65), rng.uniform(.75, 1.05)
    for i in range(int(rng.choice([1, 1, 1, 2, 3]))):
        x = i * (wide + .1)
        parts.add(boxes((x, 0, .02), (wide * .85, deep * .85, high), top=False, taper=1.15),
                  color, Texture.ROUGH)
        parts.add(boxes((x, 0, high), (wide, deep, .09), taper=.9), lid)
    return parts.mesh()


def cabinet(rng: np.random.Generator) -> Mesh:
    """Return a switch cabinet or a parking meter."""
    parts = Parts()
    wide, deep, high = rng.uniform(.4, 1.6), rng.uniform(.3, .5), rng.uniform(.9, 1.7)
    color = shade(rng, pick(rng, np.array([(.4, .4, .37), (.15, .17, .15), (.06, .1, .07)])), .2)
    parts.add(boxes((0, 0, 0), (wide, deep, high)), color, Texture.ROUGH)
    front = upright(-wide / 2, -deep / 2, wide / 2, -deep / 2, 0, high)
    if rng.random() < .3:
        parts.add(pane(front, .05, .95, .15, .9), shade(rng, (.6, .6, .6)), Texture.POSTER,
                  STRETCHED, lift=.02)
    parts.add(pane(front, .49, .51, .05, .95), color * .4, lift=.03)
    return parts.mesh()


def post_box(rng: np.random.Generator) -> Mesh:
    """Return a post box."""
    parts = Parts()
    color = shade(rng, pick(rng, np.array([(.65, .45, .02), (.42, .02, .02), (.03, .06, .25)])))
    foot = rng.choice([0, .6])
    parts.add(boxes((0, 0, foot), (.45, .4, 1.35 - foot)), color, gloss=.1)
    parts.add(boxes((0, 0, 0), (.1, .1, .6)), DARK[0])
    parts.add(upright(-.15, -.2, .15, -.2, 1.1, 1.15), DARK[0], lift=.02)
    return parts.mesh()


def bus_stop(rng: np.random.Generator) -> Mesh:
    """Return a shelter with glass walls, open to -y."""
    parts = Parts()
    wide, deep, high = rng.uniform(2.6, 4.5), rng.uniform(1.2, 1.6), rng.uniform(2.3, 2.6)
    color, glass = metal(rng), (.05, .06, .065)
    x, y = wide / 2, deep / 2
    pole(parts, [(a, b, 0) for a in (-x, x) for b in (-y, y)],
         [(a, b, high) for a in (-x, x) for b in (-y, y)], .04, color=color)
    parts.add(boxes((0, -.1, high), (wide + .3, deep + .4, .14), bottom=True), color)
    panels = [upright(-x, y, x, y, .2, high - .2), upright(-x, y, -x, -y, .2, high - .2)]
    if rng.random() < .5:
        parts.add(panels, glass, gloss=.4)
    else:  # clear glass: only its edges are seen
        for panel in panels:
            parts.add([pane(panel, 0, 1, a, a + .02) for a in (0, .45, .98)], color)
    parts.add([upright(x, y, x, -y, .3, high - .3), upright(x + .08, -y, x + .08, y, .3,
                                                            high - .3)],
              shade(rng, (.6, .6, .6)), Texture.POSTER, STRETCHED)
    parts.add(boxes((0, .35, .42), (wide * .6, .35, .06)), pick(rng, WOODS))
    return parts.mesh()


def bench(rng: np.random.Generator) -> Mesh:
    """Return a bench, its back at +y."""
    parts = Parts()
    wide, wood = rng.uniform(1.4, 2.2), shade(rng, pick(rng, WOODS))
    parts.add(boxes((0, 0, .4), (wide, .45, .06)), wood, Texture.WOOD, (1., 1.))
    parts.add(boxes([(s * .4 * wide, 0, 0) for s in (-1, 1)], (.08, .4, .4), top=False),
              pick(rng, DARK))
    if rng.random() < .7:
        parts.add([upright(-wide / 2, .22, wide / 2, .3, .5, .65),
                   upright(-wide / 2, .25, wide / 2, .33, .7, .85)], wood, Texture.WOOD)
    return parts.mesh()


def billboard(rng: np.random.Generator) -> Mesh:
    """Return an advertising column, a lit poster case or a large billboard."""
    parts = Parts()
    draw = rng.random()
    if draw < .3:
        high = rng.uniform(2.6, 3.4)
        corners, normal = limbs((0, 0, 0), (0, 0, high), .62, sides=8)
        parts.add(corners, shade(rng, (.6, .6, .6)), Texture.POSTER, STRETCHED, normal=normal)
        cap, normal = limbs((0, 0, high), (0, 0, high + .4), .78, .1, 8)
        parts.add(cap, pick(rng, DARK), normal=normal)
        return parts.mesh()
    wide, tall, foot = (1.3, 1.9, .6) if draw < .6 else (rng.uniform(2.6, 3.7), 2.6,
                                                         rng.uniform(.4, 2.8))
    frame = metal(rng)
    parts.add(boxes((0, 0, foot), (.2, wide + .15, tall + .15), bottom=True), frame)
    for x0, y in ((-.1, wide / 2), (.1, -wide / 2)):
        parts.add(upright(x0, y, x0, -y, foot + .07, foot + .07 + tall), shade(rng, (.6, .6, .6)),
                  Texture.POSTER, STRETCHED, gloss=.1, lift=.03)
    parts.add(boxes([(0, s * .3 * wide, 0) for s in (-1, 1)], (.12, .12, foot), top=False),
              frame)
    return parts.mesh()


def power_pole(rng: np.random.Generator) -> Mesh:
    """Return a wooden or concrete pole, 7 to 11 m, with cross arms along y."""
    parts = Parts()
    high = rng.uniform(7, 11)
    color = shade(rng, pick(rng, np.array([(.12, .09, .06), (.33, .32, .30)])), .2)
    pole(parts, (0, 0, 0), (0, 0, high), .15, .1, color, 5, Texture.BARK)
    for z in (high - .3, high - 1.0)[:int(rng.integers(1, 3))]:
        parts.add(boxes((0, 0, z), (.1, rng.uniform(1.2, 2.2), .12), bottom=True), color * .8)
    if rng.random() < .25:
        pole(parts, (.3, 0, high - 2.5), (.3, 0, high - 1.6), .25, color=(.3, .3, .3), sides=6)
    return parts.mesh()


def kiosk(rng: np.random.Generator) -> Mesh:
    """Return a kiosk, its counter towards -y."""
    parts = Parts()
    wide, deep, high = rng.uniform(2.4, 4), rng.uniform(1.8, 2.6), rng.uniform(2.4, 2.8)
    color = shade(rng, pick(rng, LOUD), .3)
    parts.add(boxes((0, 0, 0), (wide, deep, high)), color, Texture.ROUGH)
    front = upright(-wide / 2, -deep / 2, wide / 2, -deep / 2, 0, high)
    parts.add(pane(front, .1, .9, .4, .8), (.03, .03, .03), gloss=.3, lift=.03)
    parts.add(pane(front, 0, 1, .84, 1), shade(rng, (.6, .6, .6)), Texture.POSTER, STRETCHED,
              lift=.03)
    parts.add(boxes((0, -.2, high), (wide + .3, deep + .8, .12), bottom=True), color * .7)
    return parts.mesh()


def skip(rng: np.random.Generator) -> Mesh:
    """Return a builder's skip, or a container for glass or clothes."""
    parts = Parts()
    color = shade(rng, pick(rng, LOUD), .4)
    if rng.random() < .5:
        parts.add(boxes((0, 0, 0), (2.4, 1.5, 1.3), top=False, taper=(1.45, 1.15)), color,
                  Texture.CORRUGATED)
        parts.add(boxes((0, 0, .1), (2.3, 1.4, 1.0), taper=(1.45, 1.15))[4:], (.15, .13, .1),
                  Texture.SOIL, (4., 4.))
    else:
        parts.add(boxes((0, 0, 0), (1.5, 1.3, 1.3)), color, Texture.ROUGH)
        parts.add(boxes((0, 0, 1.3), (1.5, 1.3, .4), taper=.6), color * .8)
    return parts.mesh()


def umbrella(rng: np.random.Generator) -> Mesh:
    """Return a sunshade with a table and chairs."""
    parts = Parts()
    color = shade(rng, pick(rng, LOUD), .3)
    high, wide = rng.uniform(2.3, 2.8), rng.uniform(1.3, 2)
    pole(parts, (0, 0, 0), (0, 0, high), .03, color=(.3, .3, .3), sides=3)
    cap, normal = limbs((0, 0, high - .35), (0, 0, high + .2), wide, .03, 6)
    parts.add(cap, color, normal=normal)
    parts.add(boxes((.1, 0, .7), (.8, .8, .04)), pick(rng, WOODS))
    parts.add(boxes((.1, 0, 0), (.1, .1, .7), top=False), DARK[0])
    for x, y in ((.8, .1), (-.7, -.1), (.1, .8)):
        parts.add(boxes((x, y, .42), (.42, .42, .05)), pick(rng, WOODS))
        parts.add(upright(x * 1.25, y * 1.25 + .2, x * 1.25 + .02, y * 1.25 - .2, 0, .9),
                  pick(rng, WOODS), Texture.BARS, (2., 0.))
    return parts.mesh()
