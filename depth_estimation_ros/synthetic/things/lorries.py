# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lorries, buses and trams, the front towards +x."""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, pane, panes, Parts, pick, shade, STRETCHED, upright)
from depth_estimation_ros.synthetic.things.vehicles import GLASS, hues, LAMP, PLASTIC, TAIL, wheel

_AMBER = (.60, .20, .02)
_LIVERIES = np.array([
    (.70, .70, .68), (.62, .62, .58), (.45, .46, .47), (.30, .02, .02), (.04, .09, .28),
    (.02, .05, .16), (.60, .38, .03), (.05, .18, .08), (.55, .16, .03), (.14, .15, .16),
    (.30, .42, .50)])


def lorry(rng: np.random.Generator, kind: str | None = None) -> Mesh:
    """Return a lorry, 5.5 to 19 m, with one of the loads of `_LOADS`; some have a trailer."""
    kind = kind or str(rng.choice(list(_LOADS), p=[share for _, share in _LOADS.values()]))
    parts = Parts()
    light = kind in ('box', 'tarpaulin', 'flatbed', 'tipper') and rng.random() < .3
    semi = kind in ('box', 'tarpaulin', 'container', 'tanker', 'silo') and (
        not light and rng.random() < .6)
    length = rng.uniform(*((14, 16.5) if semi else (5.5, 7) if light else (7, 10.5)))
    width = rng.uniform(2.0, 2.2) if light else rng.uniform(2.4, 2.55)
    floor = rng.uniform(.75, .9) if light else rng.uniform(1.0, 1.25)
    roof = rng.uniform(2.1, 2.4) if light else rng.uniform(2.7, 3.6)
    top = rng.uniform(2.7, 3.1) if light else rng.uniform(3.3, 4.0)
    cab = shade(rng, pick(rng, _LIVERIES), .15, .05)
    color = shade(rng, pick(rng, _LIVERIES), .15, .05) if rng.random() < .7 else shade(
        rng, _LIVERIES[0], .1, .02)
    front, deep = length / 2, rng.uniform(1.6, 2.3)
    _cab(rng, parts, front, deep, width, roof, cab)
    start, end, side = front - deep - rng.uniform(.2, .7), -front, width / 2
    parts.add(boxes(((front - .6 + end) / 2, 0, floor - .28), (front - .6 - end, .9, .26)),
              (.03, .03, .032))
    _LOADS[kind][0](rng, parts, start, end, side, floor, top, color, kind)
    _rear(rng, parts, end, side, floor)
    radius = rng.uniform(.33, .38) if light else rng.uniform(.47, .53)
    rim = rng.uniform(.3, .7, 3)
    axles = [front - 1.35]
    axles += ([end + 1.6, end + 2.9, end + 4.2, front - 4.9] if semi else
              [end + rng.uniform(1.3, 2.2)] + ([end + 3.4] if length > 8.5 else []))
    for i, x in enumerate(axles):
        wheel(parts, x, side - .04, radius, mirror=True, arch=i == 0, sill=.35,
              tread=.3 if i == 0 else .6, rim=rim)
    gap = sorted(axles)[-2:]  # what is between the front wheels and the next ones
    guard = upright(gap[0] + radius + .15, side - .03, gap[1] - radius - .15, side - .03, .42,
                    floor - .05)[[1, 0, 3, 2]]
    if rng.random() < .35:
        parts.add(guard, shade(rng, color, .2), gloss=.15, bend=(.0, .3), mirror=True)
    else:
        if rng.random() < .6:
            parts.add([pane(guard, 0, .7, .05, .22), pane(guard, 0, .7, .6, .78)], (.3, .3, .3),
                      mirror=True)
        tank = guard[0, 0] - rng.uniform(.6, .9)
        tone = pick(rng, np.array([(.05, .05, .05), (.4, .41, .42)]))
        parts.add(boxes((tank, 0, .42), (rng.uniform(.7, 1.2), width - .08, floor - .5)), tone,
                  gloss=.4, bend=(0., .4))
    for x in axles[1:] if rng.random() < .5 else ():  # mudguards
        guards, normal = _arch(x, side, radius)
        parts.add(guards, pick(rng, np.array([(.03, .03, .03), (.3, .31, .32)])), gloss=.3,
                  normal=normal, mirror=True)
    if kind in ('box', 'tarpaulin') and not semi and not light and rng.random() < .25:
        rest = rng.uniform(5.5, 7.5)  # a trailer on a drawbar
        head, tail = end - 1.3, end - 1.3 - rest
        _LOADS[kind][0](rng, parts, head, tail, side, floor, top, color, kind)
        parts.add(boxes((head - rest / 2, 0, floor - .25), (rest + 2, .8, .22)), (.03,) * 3)
        _rear(rng, parts, tail, side, floor)
        for x in (head - rest / 2 + .65, head - rest / 2 - .65):
            wheel(parts, x, side - .04, radius, mirror=True, arch=False, tread=.6, rim=rim)
        return parts.mesh().placed(x=-(front + tail) / 2)
    return parts.mesh()


def _closed(rng, parts: Parts, start, end, side, floor, top, color, kind) -> None:
    """Add a box, a tarpaulin or a container over x from `end` to `start`."""
    texture, cell = {'box': (Texture.ROUGH, (2., 2.)), 'container': (Texture.CORRUGATED, (1., 1.)),
                     'tarpaulin': (Texture.TARPAULIN, STRETCHED)}[kind]
    faces = boxes(((start + end) / 2, 0, floor), (start - end, 2 * side, top - floor))
    parts.add(faces[:3], color, texture, cell, gloss=rng.uniform(.0, .35),
              bend=(.0, .0) if kind == 'container' else rng.uniform(0, .15, 2))
    frame = color if kind != 'tarpaulin' else shade(rng, (.5, .5, .5), .3)
    parts.add(faces[3:], frame, Texture.ROUGH, (2., 2.), gloss=rng.uniform(.0, .3))
    doors = upright(end, side, end, -side, floor, top)
    dark = frame * .55
    if kind == 'box' and rng.random() < .35:  # a roller door or a tail lift
        parts.add(pane(doors, .08, .92, .03, .92), frame * .8, Texture.CORRUGATED, (9., .5),
                  lift=.03)
        if rng.random() < .5:
            parts.add(pane(doors, 0, 1, -.05, rng.uniform(.45, .6)), (.3, .31, .32),
                      Texture.ROUGH, lift=.04)
    else:
        parts.add([*panes(doors, (.015, .49, .97), (.03, .51, .985), 0, 1),
                   pane(doors, 0, 1, .0, .03), pane(doors, 0, 1, .965, 1)], dark, lift=.03)
        parts.add(panes(doors, (.2, .4, .6, .8), (.212, .412, .612, .812), .04, .96),
                  (.35, .35, .35), gloss=.2, lift=.03)
    if rng.random() < .5:
        parts.add(pane(doors, .12, .88, .45, .8), shade(rng, pick(rng, _LIVERIES)),
                  Texture.POSTER if rng.random() < .5 else Texture.TARPAULIN, STRETCHED,
                  lift=.045)
    if kind == 'box' and rng.random() < .6:
        flank = upright(end, -side, start, -side, floor, top)
        parts.add(pane(flank, .1, .9, .25, .85), shade(rng, pick(rng, _LIVERIES)),
                  Texture.POSTER if rng.random() < .4 else Texture.TARPAULIN, STRETCHED,
                  lift=.02, mirror=True)
    if rng.random() < .4:  # a band below
        flank = upright(end, -side, start, -side, floor, top)
        parts.add(pane(flank, 0, 1, 0, .05), dark, lift=.03, mirror=True)


def _tank(rng, parts: Parts, start, end, side, floor, top, color, kind) -> None:
    """Add a cylinder with domed ends; under a silo's there are funnels."""
    low = floor + (.5 if kind == 'silo' else -.1)
    radius = min(side, (top - low) / 2)
    z = low + radius
    ends = np.array([(end + .1, 0, z), (end + .35, 0, z), (start - .35, 0, z), (start, 0, z)])
    corners, normal = limbs(ends[:-1], ends[1:], np.array([.8, 1, 1]) * radius,
                            np.array([1, 1, .8]) * radius, sides=10)
    gloss = rng.uniform(.1, .9)
    parts.add(corners, color, Texture.ROUGH, (2., 2.), gloss=gloss, normal=normal,
              bend=(.2 * np.pi, 0.))
    for ring, order in ((corners[:10, 0], 1), (corners[-10:, 3], -1)):
        fan = np.array([[ring[0], ring[i + 2], ring[i + 1], ring[i]] for i in (1, 3, 5, 7)])
        parts.add(fan[:, ::order], color * .9, gloss=gloss, bend=(.5, .5))
    if kind == 'silo':
        x = np.linspace(end + 1.6, start - 1.4, max(1, round((start - end) / 4)))
        spots = np.stack([x, 0 * x, 0 * x], 1)
        corners, normal = limbs(spots + [0, 0, .75], spots + [0, 0, z - .3], .15, radius * 1.05,
                                sides=8)
        parts.add(corners, color * .9, gloss=gloss, normal=normal, bend=(.25 * np.pi, 0.))
        parts.add(limbs((end + .4, side - .15, .8), (start, side - .15, .8), .09)[0], (.05,) * 3,
                  mirror=True)
    else:
        parts.add(boxes(((start + end) / 2, 0, 2 * radius + low - .04),
                        ((start - end) * .8, .5, .1)), color * .6)
    metal = pick(rng, np.array([(.03, .03, .03), (.4, .41, .42)]))
    for level, thick in ((rng.uniform(.7, 1.0), .11), (rng.uniform(1.1, 1.4), .06)):  # hoses
        if rng.random() < .7:
            corners, normal = limbs((end + rng.uniform(.5, 2), side - .1, level),
                                    (start - rng.uniform(.5, 4), side - .1, level), thick, sides=6)
            parts.add(corners, metal, gloss=.3, normal=normal, bend=(np.pi / 3, 0.), mirror=True)
    if rng.random() < .6:  # legs and a rail
        leg = start - rng.uniform(1.5, 3)
        parts.add(boxes([(leg, side - .25, .25), (end + .25, side - .15, .3)], (.16, .14, low)),
                  metal, mirror=True)
        parts.add(boxes((.5 * (leg + end), side - .05, .45), (leg - end, .06, .14)), (.4,) * 3,
                  mirror=True)
    if rng.random() < .6:  # letters on its flank
        z0, step = z + radius * rng.uniform(-.2, .4), radius * rng.uniform(.25, .5)
        line = upright(end + 1, -radius * 1.005, start - 1, -radius * 1.005, z0, z0 + step)
        parts.add(line, shade(rng, pick(rng, _LIVERIES), .3), Texture.LETTERS,
                  (step * rng.uniform(2, 4), step), lift=.08, mirror=True)
    if rng.random() < .4:
        band = upright(end + .6, -radius - .01, start - .6, -radius - .01, z - .3, z + .3)
        parts.add(band, shade(rng, pick(rng, _LIVERIES)), Texture.TARPAULIN, STRETCHED,
                  gloss=.1, lift=.05, mirror=True)


def _open(rng, parts: Parts, start, end, side, floor, top, color, kind) -> None:
    """Add a flatbed with or without goods, or a tipper's body with or without earth."""
    middle, span = (start + end) / 2, start - end
    wall = rng.uniform(.4, .7) if kind == 'flatbed' else rng.uniform(.7, 1.5)
    steel = color if rng.random() < .6 else shade(rng, (.12, .13, .14), .4)
    parts.add(boxes((middle, 0, floor), (span, 2 * side, wall), top=False), steel,
              Texture.CORRUGATED if rng.random() < .6 else Texture.ROUGH, (1.5, 1.5), gloss=.05)
    parts.add(boxes((start - .05, 0, floor), (.1, 2 * side, wall + .5)), steel)
    parts.add(boxes((middle, 0, floor), (span - .1, 2 * side - .1,
                                         wall * rng.uniform(.1, 1.3)))[4:],
              shade(rng, (.20, .16, .11), .4), Texture.SOIL, (4., 4.))
    gate = upright(end, side, end, -side, floor, floor + wall)
    if rng.random() < .4:  # warning stripes
        edge = np.linspace(0, 1, 9)
        parts.add(panes(gate, edge[:-1], edge[1:], .0, .3),
                  np.where(np.arange(8)[:, None] % 2, (.65, .45, .02), (.40, .03, .02)), lift=.03)
    if kind == 'flatbed' and rng.random() < .7:
        for x in np.arange(end + 1, start - 1, 1.6):
            parts.add(boxes((x, 0, floor + .1), rng.uniform((.9, .9, .5), (1.5, 2 * side - .2,
                                                                           1.6))),
                      shade(rng, pick(rng, _LIVERIES), .4), Texture.WOOD, (1., 1.))


def _arch(x: float, side: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a mudguard over a left wheel, (4, 4, 3), and its normals."""
    angle = np.linspace(.15, .85, 5) * np.pi
    rim = np.stack([x + 1.15 * radius * np.cos(angle), np.full(5, side),
                    radius + 1.2 * radius * np.sin(angle)], 1)
    inner = rim - [0, .55, 0]
    middle = (angle[1:] + angle[:-1]) / 2
    return (np.stack([rim[:-1], rim[1:], inner[1:], inner[:-1]], 1),
            np.stack([np.cos(middle), 0 * middle, np.sin(middle)], 1))


def _mixer(rng, parts: Parts, start, end, side, floor, top, color, kind) -> None:
    """Add a concrete mixer's drum, higher at the rear."""
    x = np.linspace(start - .2, end + .5, 4)
    axis = np.stack([x, 0 * x, floor + np.array([.85, 1.1, 1.45, 1.95])], 1)
    radii = np.array([.55, 1.15, 1.1, .45])
    corners, normal = limbs(axis[:-1], axis[1:], radii[:-1], radii[1:], sides=8)
    parts.add(corners, color, gloss=rng.uniform(.1, .5), normal=normal, bend=(.25 * np.pi, .2))
    parts.add(boxes((end + .6, 0, floor), (.8, 1.2, 1.6)), color * .5)
    parts.add(limbs((end + .5, .2, 2.4), (end - .2, .5, 1.2), .25, .2)[0], (.15,) * 3)
    parts.add(boxes((start - .4, 0, floor), (.7, 2 * side - .2, .9)), color * .5)


# What a lorry carries, and how often.
_LOADS = {'box': (_closed, .30), 'tarpaulin': (_closed, .28), 'container': (_closed, .09),
          'tanker': (_tank, .07), 'silo': (_tank, .05), 'flatbed': (_open, .07),
          'tipper': (_open, .11), 'mixer': (_mixer, .03)}


def _cab(rng, parts: Parts, front: float, deep: float, width: float, roof: float, color) -> None:
    """Add a lorry's cab, its front face at x = front."""
    sill, half = rng.uniform(.35, .5), width / 2 - .03
    lean = rng.uniform(.05, .25)
    belt = sill + .5 * (roof - sill)
    low = np.array([front, half, sill])
    mid, high = low + [0, 0, belt - sill], np.array([front - lean, half - .1, roof])
    back_low, back_high = low - [deep, 0, 0], np.array([front - deep, half - .06, roof])
    back_mid = back_low + [0, 0, belt - sill]
    flip = np.array([1, -1, 1])
    lower, upper = (np.array([a * flip, a, b, b * flip]) for a, b in ((low, mid), (mid, high)))
    sides = np.array([[low, back_low, back_mid, mid], [mid, back_mid, back_high, high]])
    rear = np.array([back_low, back_low * flip, back_high * flip, back_high])
    lid = np.array([high * flip, high, back_high, back_high * flip])
    coat, bend = rng.uniform(.05, .7), (rng.uniform(.1, .4), rng.uniform(.05, .3))
    parts.add([lower, upper, lid], color, gloss=coat, bend=bend)
    parts.add(sides, color, gloss=coat, bend=(.1, .15), mirror=True)
    if rng.random() < .4:  # what keeps the wind off the load
        rise = rng.uniform(.3, .7)
        ramp = [high * flip - [.5, 0, 0], high - [.5, 0, 0], back_high + [.1, -.1, rise],
                back_high * flip + [.1, .1, rise]]
        parts.add(ramp, color, gloss=coat, bend=bend)
        parts.add([high - [.5, 0, 0], back_high, back_high + [.1, -.1, rise],
                   back_high + [.1, -.1, rise]], color, gloss=coat, mirror=True)
    parts.add(rear, color * .7)
    glass, shine = shade(rng, GLASS, .4), rng.uniform(.3, .7)
    glazed = {'color': glass, 'texture': Texture.CABIN, 'cell': STRETCHED, 'gloss': shine}
    parts.add(pane(upper, .05, .95, .04, rng.uniform(.62, .85)), lift=.03, bend=(.4, .1), **glazed)
    parts.add(pane(sides[1], .12, .62, .06, .72), lift=.05, mirror=True, **glazed)
    dark = shade(rng, PLASTIC, .2)
    parts.add([pane(lower, .14, .86, .38, .92), pane(lower, 0, 1, 0, .16)], dark, lift=.03)
    parts.add([pane(lower, .03, .16, .18, .34), pane(lower, .84, .97, .18, .34)],
              shade(rng, LAMP), gloss=.4, lift=.04)
    parts.add(pane(lower, .4, .6, .06, .2), (.7, .7, .68), Texture.PLATE, STRETCHED, lift=.05)
    parts.add(boxes((front - .12, half + .2, belt + .1), (.12, .22, .75)), dark, mirror=True)


def _rear(rng, parts: Parts, end: float, side: float, floor: float) -> None:
    """Add the under-run bar, lamps, mud flaps and plate of a lorry, its rear at x = end."""
    dark = (.03, .03, .032)
    parts.add(boxes((end + .1, 0, .42), (.1, 2 * side - .1, .16)), dark)
    parts.add(upright(end, side, end, -side, floor - .22, floor), dark, lift=.01)
    lamp = upright(end, side, end, -side, floor - .2, floor - .04)
    parts.add(panes(lamp, (.01, .83), (.17, .99), .05, .95), shade(rng, TAIL, .3), gloss=.3,
              lift=.03)
    parts.add(panes(lamp, (.17, .79), (.21, .83), .05, .95), _AMBER, gloss=.3, lift=.03)
    bar = upright(end + .05, side - .05, end + .05, -side + .05, .42, .58)
    parts.add(pane(bar, .4, .6, -.1, 1.), (.68, .66, .6), Texture.PLATE, STRETCHED, lift=.04)
    if rng.random() < .5:
        parts.add(panes(bar, (.0, .7), (.3, 1.), .1, .9), (.5, .25, .03), lift=.03)
    parts.add([upright(end + .7, side, end + .7, side - .62, .25, .8),
               upright(end + .7, -side + .62, end + .7, -side, .25, .8)], (.02, .02, .02))


def bus(rng: np.random.Generator) -> Mesh:
    """Return a town bus or a coach, 10 to 18 m."""
    length = rng.choice([10.5, 12, 12, 12, 13.8, 18])
    parts = _carriage(rng, length, 2.55, rng.uniform(2.95, 3.6), rng.uniform(.28, .36),
                      rng.uniform(.85, 1.25))
    radius = .49
    axles = [length / 2 - 2.7, -length / 2 + 3.4] + ([0.5] if length > 15 else [])
    for x in axles:
        wheel(parts, x, 1.275, radius, sill=.3, mirror=True, tread=.35)
    return parts.mesh()


def tram(rng: np.random.Generator) -> Mesh:
    """Return a tram, 16 to 30 m."""
    length = rng.uniform(16, 30)
    parts = _carriage(rng, length, rng.uniform(2.3, 2.65), rng.uniform(3.3, 3.6), .18,
                      rng.uniform(.95, 1.2), nose=.9)
    parts.add(boxes((0, 0, .03), (length - 3, 1.6, .2)), (.02, .02, .02))
    parts.add(limbs([(1, 0, 3.5), (0, 0, 4.2)], [(0, 0, 4.2), (1, 0, 5.0)], .04)[0], (.1,) * 3)
    parts.add(limbs((1, -.8, 5.0), (1, .8, 5.0), .04)[0], (.1,) * 3)
    return parts.mesh()


def _carriage(rng, length, width, height, sill, belt, nose: float = .12) -> Parts:
    parts = Parts()
    color = shade(rng, pick(rng, _LIVERIES), .15, .05)
    second = shade(rng, pick(rng, _LIVERIES), .2, .05) if rng.random() < .5 else color
    x, side, coat = length / 2, width / 2, rng.uniform(.1, .7)
    rear_nose = nose if nose > .5 else .05
    top = height - .12
    # Seen from the left: the flank, with rounded ends.
    plan = np.array([(x, .86 * side), (x - nose, side), (-x + rear_nose, side), (-x, .9 * side)])
    for (x0, y0), (x1, y1) in zip(plan, plan[1:]):
        wall = upright(x1, y1, x0, y0, sill, top)[[1, 0, 3, 2]]
        cut = (belt - sill) / (top - sill)
        parts.add(pane(wall, 0, 1, 0, cut), second, gloss=coat, bend=(0., .15), mirror=True)
        parts.add(pane(wall, 0, 1, cut, 1), color, gloss=coat, bend=(0., .15), mirror=True)
    flank = upright(plan[2, 0], side, plan[1, 0], side, belt, top)[[1, 0, 3, 2]]
    glass, shine = shade(rng, GLASS, .4), rng.uniform(.3, .75)
    count = int(length / rng.uniform(1.3, 1.9))
    edge = np.linspace(.015, .985, count + 1)
    high = rng.uniform(.72, .85)
    parts.add(panes(flank, edge[:-1] + .03 / length, edge[1:] - .05 / length, .04, high),
              hues(rng, glass, count), Texture.CABIN, STRETCHED, gloss=shine, bend=(0., .1),
              lift=.03, mirror=True)
    door = upright(-x, -side, x, -side, sill + .05, top)
    for share in (1 - 1.3 / length, .53, .12)[:int(rng.integers(1, 4))]:
        parts.add([pane(door, share - .6 / length, share - .02 / length, 0, .92),
                   pane(door, share + .02 / length, share + .6 / length, 0, .92)], glass * 1.3,
                  gloss=shine, lift=.06)
    ends = [upright(x, -.86 * side, x, .86 * side, sill, top),
            upright(-x, .9 * side, -x, -.9 * side, sill, top)]
    cut = (belt - sill) / (top - sill)
    for i, end in enumerate(ends):
        parts.add(pane(end, 0, 1, 0, cut), second, gloss=coat, bend=(.4, .2))
        parts.add(pane(end, 0, 1, cut, 1), color, gloss=coat, bend=(.4, .2))
        low = cut + (.0 if i == 0 or nose > .5 else rng.uniform(.05, .25))
        parts.add(pane(end, .05, .95, low, .86), glass, Texture.CABIN, STRETCHED, gloss=shine,
                  bend=(.4, .1), lift=.03)
        parts.add(pane(end, .25, .75, .88, .97), (.02, .02, .02), lift=.03)
        parts.add(pane(end, .3, .7, .89, .96), (.5, .3, .03), Texture.PLATE, STRETCHED, lift=.04)
        lamp = shade(rng, LAMP, .2) if i == 0 else shade(rng, TAIL, .2)
        parts.add(panes(end, (.03, .85), (.15, .97), .1, .2 if i == 0 else .32), lamp, gloss=.4,
                  lift=.03)
        parts.add(pane(end, .0, 1., 0, .07), (.03, .03, .03), lift=.03)
        parts.add(pane(end, .4, .6, .08, .14), (.7, .7, .65), Texture.PLATE, STRETCHED, lift=.04)
    lid = np.array([(x - .05, -.8 * side), (x - .05, .8 * side), (-x + .05, .8 * side),
                    (-x + .05, -.8 * side)])
    roof = np.concatenate([lid, np.full((4, 1), height)], 1)
    parts.add(roof, color * .9)
    slope = np.array([(x, .86 * side, top), (-x, .9 * side, top), roof[2], roof[1]])
    parts.add(slope, color, gloss=.1, mirror=True)
    parts.add([[(x, -.86 * side, top), (x, .86 * side, top), roof[1], roof[0]],
               [(-x, .9 * side, top), (-x, -.9 * side, top), roof[3], roof[2]]], color, gloss=.1)
    if rng.random() < .6:
        parts.add(boxes((-.1 * length, 0, height), (.3 * length, .6 * width, .25)), color * .8)
    if rng.random() < .35:
        poster = upright(-x + 1, -side, 0, -side, sill + .1, belt - .05)
        parts.add(poster, shade(rng, (.6, .6, .6)), Texture.POSTER, STRETCHED, lift=.04)
    return parts
