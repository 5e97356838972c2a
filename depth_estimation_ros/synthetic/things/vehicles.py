# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cars, vans and motorcycles, the front towards +x; what all vehicles share."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, pane, panes, Parts, pick, shade, STRETCHED, upright)

_PAINTS = np.array([
    (.72, .72, .70), (.66, .66, .62), (.42, .43, .44), (.34, .36, .38), (.20, .21, .22),
    (.09, .095, .10), (.04, .042, .046), (.014, .014, .015), (.02, .022, .03),
    (.02, .035, .10), (.04, .10, .33), (.22, .36, .50), (.36, .02, .02), (.14, .012, .016),
    (.025, .07, .04), (.20, .30, .12), (.42, .35, .25), (.09, .055, .03), (.62, .40, .03),
    (.55, .16, .02)])
_SHARES = np.array([14, 4, 9, 9, 8, 8, 9, 11, 4, 5, 4, 2, 4, 2, 1.5, .8, 1.5, 1.5, 1, .7])

RUBBER = (.018, .018, .019)
PLASTIC = (.03, .03, .032)
CHROME = (.45, .45, .46)
GLASS = (.022, .026, .028)
LAMP = (.62, .64, .66)
TAIL = (.30, .012, .012)


def paint(rng: np.random.Generator) -> np.ndarray:
    """Return the colour of a car (3,) as often as roads show it."""
    return shade(rng, _PAINTS[rng.choice(len(_PAINTS), p=_SHARES / _SHARES.sum())], 0.12, 0.03)


@dataclass(frozen=True)
class _Shape:
    """
    A kind of car: ranges of metres; then shares of the length, from the front bumper on.

    cowl: where bonnet and windscreen meet; roof: its front and rear end; deck: where the rear
    window ends. belt: height of the cowl, nose: of the bonnet's front edge, as shares of the
    height. glass: side windows as shares of the cabin's side.
    """

    length: tuple[float, float]
    width: tuple[float, float]
    height: tuple[float, float]
    cowl: float
    roof: tuple[float, float]
    deck: float
    belt: float
    nose: float
    glass: tuple[tuple[float, float], ...]
    top: float = 0.79
    tail: float = 0.97
    wheel: tuple[float, float] = (0.30, 0.34)
    axles: tuple[float, float] = (0.195, 0.80)


_TWO = ((.13, .47), (.51, .83))
_THREE = ((.11, .41), (.44, .70), (.74, .93))
_CARS = {
    'sedan': _Shape((4.4, 5.0), (1.74, 1.90), (1.40, 1.50), .275, (.44, .69), .855, .63, .46,
                    ((.16, .50), (.53, .85))),
    'hatchback': _Shape((3.85, 4.4), (1.70, 1.82), (1.42, 1.54), .245, (.43, .86), .965, .62,
                        .46, _TWO),
    'compact': _Shape((3.5, 3.9), (1.62, 1.70), (1.43, 1.56), .20, (.39, .88), .975, .60, .48,
                      ((.13, .56), (.60, .86))),
    'estate': _Shape((4.5, 4.95), (1.74, 1.88), (1.43, 1.54), .27, (.43, .89), .965, .62, .46,
                     _THREE),
    'suv': _Shape((4.2, 4.95), (1.80, 1.96), (1.60, 1.82), .25, (.41, .88), .965, .62, .53,
                  _THREE, wheel=(.34, .38)),
    'minivan': _Shape((4.2, 4.9), (1.76, 1.90), (1.60, 1.82), .16, (.36, .92), .978, .57, .45,
                      ((.13, .40), (.43, .69), (.72, .94)), .82),
    'coupe': _Shape((4.1, 4.7), (1.74, 1.88), (1.28, 1.40), .30, (.49, .66), .91, .63, .46,
                    ((.16, .62), (.66, .85))),
    'pickup': _Shape((5.0, 5.4), (1.82, 1.95), (1.72, 1.86), .25, (.385, .575), .61, .59, .52,
                     ((.15, .55), (.59, .92)), .82, .94, (.36, .40), (.18, .79))}
_CAR_SHARES = {'sedan': .17, 'hatchback': .25, 'compact': .13, 'estate': .14, 'suv': .14,
               'minivan': .09, 'coupe': .04, 'pickup': .04}
_VANS = {
    'panel': _Shape((5.0, 6.3), (1.95, 2.08), (2.2, 2.75), .11, (.24, .985), .995, .45, .32,
                    ((.06, .17),), .90, 1.0, (.33, .36), (.165, .75)),
    'transporter': _Shape((4.8, 5.3), (1.88, 1.95), (1.9, 2.05), .13, (.28, .955), .985, .52,
                          .40, ((.09, .26),), .86, 1.0, (.32, .35), (.18, .78)),
    'minibus': _Shape((4.8, 5.9), (1.88, 2.05), (1.92, 2.6), .13, (.27, .96), .985, .50, .38,
                      ((.09, .26), (.29, .52), (.55, .75), (.78, .95)), .87, 1.0, (.32, .35),
                      (.18, .78)),
    'leisure': _Shape((3.95, 4.5), (1.74, 1.85), (1.78, 1.90), .19, (.35, .945), .985, .56, .42,
                      ((.11, .38),), .86, 1.0, (.30, .33), (.19, .80))}


def car(rng: np.random.Generator, kind: str | None = None) -> Mesh:
    """Return a car of one of the kinds of `_CARS`, by default as often as roads show it."""
    kind = kind or str(rng.choice(list(_CAR_SHARES), p=list(_CAR_SHARES.values())))
    return _car(rng, _CARS[kind], paint(rng), kind == 'pickup')


def van(rng: np.random.Generator) -> Mesh:
    """Return a delivery van or a minibus, most of them white."""
    kind = str(rng.choice(list(_VANS), p=[.42, .25, .18, .15]))
    color = shade(rng, (.70, .70, .68), .08, .02) if rng.random() < .5 else paint(rng)
    return _car(rng, _VANS[kind], color, blind=kind != 'minibus')


def _car(rng, shape: _Shape, color, bed: bool = False, blind: bool = False) -> Mesh:
    parts = Parts()
    length, width, height = (rng.uniform(*r) for r in (shape.length, shape.width, shape.height))
    jitter = rng.normal(0, .008, 4)
    cowl, front, rear = (shape.cowl + jitter[0], shape.roof[0] + jitter[1],
                         shape.roof[1] + jitter[2])
    deck = max(shape.deck - .015, rear + .008)
    plastic = shade(rng, PLASTIC, .2)
    trim = color if rng.random() < .65 else plastic
    glass = shade(rng, GLASS, .5)
    shine = rng.uniform(.25, .9)
    coat = rng.uniform(.05, .2) if rng.random() < .2 else rng.uniform(.2, .9)
    body = {'color': color, 'gloss': coat, 'texture': Texture.ROUGH if rng.random() < .3 else
            Texture.PLAIN, 'bend': (rng.uniform(.05, .2), rng.uniform(.2, .6))}
    lid = {**body, 'bend': (rng.uniform(.2, .5), rng.uniform(.15, .4))}
    if rng.random() < .08:  # a roof in another colour, or of glass
        lid.update(color=pick(rng, np.array([(.02, .02, .02), (.7, .7, .68)])), gloss=.9)
    pillars = {**body, 'color': plastic} if rng.random() < .3 else body
    pane_of = {'color': glass, 'texture': Texture.CABIN, 'cell': STRETCHED, 'gloss': shine}
    front_pane = {**pane_of, 'bend': (rng.uniform(.2, .6), rng.uniform(.05, .25))}
    side_pane = {**pane_of, 'bend': (.06, rng.uniform(.1, .3))}
    sill = rng.uniform(.17, .23) + (.07 if height > 1.6 else 0)
    belt = height * (shape.belt + jitter[3])
    nose = min(height * (shape.nose + rng.normal(.03, .018)), belt - .08)
    back = belt * rng.uniform(1.01, 1.07)
    stations = np.array([0, min(.09, .45 * cowl), cowl, deck, 1])
    full = np.interp(stations, [0, .03, .1, .25, .8, .93, 1], [.78, .88, .95, 1, 1, .96, .88])
    crest = np.array([nose, nose + rng.uniform(.3, .55) * (belt - nose), belt, back,
                      back * shape.tail])

    def at(u, half, z):
        return np.stack(np.broadcast_arrays(length * (.5 - np.asarray(u)), half, z), -1)

    half = width / 2 * full
    steep = np.array([rng.uniform(.04, .09), rng.uniform(.06, .16)]) / length  # the bumpers
    rake = np.minimum(np.array([rng.uniform(.04, .08), rng.uniform(.03, .10)]) / length,
                      .7 * (1 - deck))
    slant = np.array([steep, [0, 0], [0, 0], [0, 0], -rake])
    rows = (at(stations + slant[:, 0], half * .95, sill),
            at(stations, half, sill + rng.uniform(.46, .58) * (crest - sill)),
            at(stations + slant[:, 1], half * .94, crest))
    for low, high in zip(rows, rows[1:]):
        parts.add(np.stack([low[:-1], low[1:], high[1:], high[:-1]], 1), mirror=True, **body)
    flip = np.array([1, -1, 1])
    skirt = pane([rows[0][1], rows[0][3], rows[1][3], rows[1][1]], 0, 1, 0, .24)
    if rng.random() < .5 or trim is plastic:
        parts.add(skirt, plastic, mirror=True, lift=.01)

    def across(one, other):  # from the left side to the right one, low to high, seen from ahead
        return np.array([one * flip, one, other, other * flip])

    fascia = [across(rows[i][0], rows[i + 1][0]) for i in (0, 1)]
    stern = [across(rows[i][-1] * flip, rows[i + 1][-1] * flip) for i in (0, 1)]
    parts.add([fascia[0], stern[0]], trim, gloss=coat if trim is color else .05, bend=(.7, .5))
    parts.add([fascia[1], stern[1]], **{**body, 'bend': (.7, .4)})
    parts.add([across(rows[2][i], rows[2][i + 1]) for i in (0, 1)], **{**body, 'bend': (.4, .25)})
    _face(rng, parts, fascia, stern, [rows[1][-1], rows[1][-2], rows[2][-2], rows[2][-1]],
          color, plastic, back > .95 * height or height > 1.6)

    ridge = height - rng.uniform(.03, .06) * (front < rear - .1)
    inner = width / 2 * shape.top
    top = (at(front, inner * .97, ridge), at(rear, inner * .96, ridge - .01))
    cabin = np.array([rows[2][2], rows[2][3], top[1], top[0]])
    screen = across(rows[2][2], top[0])
    window = across(rows[2][3] * flip, top[1] * flip)
    crown = [end - [0, .10, -.035] for end in top]
    crown.insert(1, at(.55 * front + .45 * rear, inner - .10, height))
    gutter = top[0] + .45 * (top[1] - top[0])
    parts.add([[top[0], gutter, crown[1], crown[0]], [gutter, top[1], crown[2], crown[1]]],
              mirror=True, **lid)
    parts.add(cabin, mirror=True, **pillars)
    parts.add([screen, window], **pillars)
    parts.add([across(crown[0], crown[1]), across(crown[1], crown[2]),
               across(top[0], crown[0]), across(crown[2], top[1])], **lid)
    parts.add(pane(screen, .045, .955, .03, .95), lift=.02, **front_pane)
    upper = .90 if height < 1.9 else .93 - .25 * (height > 2.15)
    windows = _side_windows(cabin, shape.glass, .07, upper)
    side_pane['color'] = hues(rng, glass, len(windows))
    parts.add(windows, lift=.1, mirror=True, **side_pane)
    if rng.random() < .3:
        parts.add(pane([windows[0, 0], windows[-1, 1], windows[-1, 2], windows[0, 3]], 0, 1, -.05,
                       .0), CHROME, gloss=1., lift=.1, mirror=True)
    seams = [rows[2][2] + share * (rows[2][3] - rows[2][2]) for share in
             ([shape.glass[0][0] * .6] + [end + .015 for _, end in shape.glass[:2]])]
    line = np.array([-.012, 0, 0])
    parts.add([[seam * [1, 0, 1] + [line[0], width / 2 + .002, sill + .09 - seam[2]],
                seam * [1, 0, 1] + [-line[0], width / 2 + .002, sill + .09 - seam[2]],
                seam - line, seam + line][::1] for seam in seams], np.asarray(color) * .25,
              lift=.05, mirror=True)
    if bed:
        parts.add(across(rows[2][3] - [0, .08, .05], rows[2][4] - [-.06, .08, .05]), plastic,
                  lift=.06)
        parts.add(pane(window, .1, .9, .12, .85), lift=.02, **front_pane)
    else:
        parts.add(across(rows[2][3], rows[2][4]), **body)
        if not blind:
            parts.add(pane(window, .07, .93, .06, .90), lift=.02, **front_pane)
        elif rng.random() < .6:
            parts.add(panes(window, (.08, .53), (.47, .92), .15, .62 if height < 2.1 else .42),
                      lift=.02, **front_pane)
        if blind:
            parts.add(_band(stern[1], window, .495, .505), plastic, lift=.02)
    draw = rng.random()
    if draw < .05 and not bed:  # a roof box
        parts.add(boxes((length * (.5 - .5 * (front + rear)), rng.choice([-.2, .2]), height + .03),
                        (rng.uniform(1.5, 2.1), .75, .34), taper=.85), plastic, gloss=.15)
    elif draw < .2 and not bed and height > 1.43:  # roof rails
        rails = np.array([top[0] - [.15, .07, 0], top[1] - [-.15, .07, 0]])
        parts.add([rails[0], rails[1], rails[1] + [.05, 0, .075], rails[0] + [-.05, 0, .075]],
                  plastic if rng.random() < .6 else (.4,) * 3, gloss=.2, mirror=True)
    mirror_x = length * (.5 - cowl) - .28
    ear = np.array([mirror_x, width / 2 + .02, belt + .02])
    parts.add([ear + [0, dy, dz] for dy, dz in ((.13, 0), (-.08, 0), (-.06, .14), (.11, .14))],
              plastic, normal=(-.5, .3, .3), gloss=.3, mirror=True)
    radius, rim = rng.uniform(*shape.wheel), rng.uniform(.3, .7, 3)
    for share in shape.axles:
        wheel(parts, length * (.5 - share), width / 2, radius, sill=sill, mirror=True,
              rim=rim)
    return parts.mesh()


def hues(rng: np.random.Generator, color, count: int) -> np.ndarray:
    """Return `count` colours all but equal, for which a texture takes different styles."""
    return color * (1 + rng.uniform(0, .03, (count, 1)))


def _side_windows(cabin, shares, low: float, high: float) -> np.ndarray:
    """Return panes (N, 4, 3): the outer edges lean with the cabin's, those between are upright."""
    edges = np.array(shares)
    levels = np.array([low, high])[:, None]
    ahead = cabin[0, 0] + levels * (cabin[3, 0] - cabin[0, 0])
    behind = cabin[1, 0] + levels * (cabin[2, 0] - cabin[1, 0])
    straight = ahead.mean() + edges.ravel() * (behind.mean() - ahead.mean())
    u = (straight - ahead) / (behind - ahead)
    u[:, 0] = edges[0, 0]
    if edges[-1, 1] > .5:
        u[:, -1] = edges[-1, 1]
    result = []
    for i in range(0, u.shape[1], 2):
        flat, steep = pane(cabin, u[0, i], u[0, i + 1], low, high), pane(
            cabin, u[1, i], u[1, i + 1], low, high)
        result.append([flat[0], flat[1], steep[2], steep[3]])
    return np.array(result)


def _band(low, high, left, right) -> list[np.ndarray]:
    return [pane(quad, left, right, 0, 1) for quad in (low, high)]


def _face(rng, parts: Parts, fascia, stern, flank, color, plastic, tall: bool) -> None:
    low, high = fascia
    lamp = np.array([2.5, 2.4, 2.2]) if rng.random() < .15 else shade(rng, LAMP, .25)
    wide, foot = rng.uniform(.17, .27), rng.uniform(.25, .5)
    parts.add([pane(high, .01, wide, foot, .95), pane(high, 1 - wide, .99, foot, .95)], lamp,
              gloss=.45, lift=.02)
    grille = rng.uniform(.2, .34)
    parts.add([pane(high, grille, 1 - grille, .25, .8),
               pane(low, rng.uniform(.1, .3), rng.uniform(.7, .9), .12, .62)], plastic,
              gloss=.1, lift=.02)
    plate = .26 / np.linalg.norm(low[1] - low[0])
    yellow = (.70, .68, .62) if rng.random() < .85 else (.68, .50, .08)
    parts.add(pane(low, .5 - plate, .5 + plate, .66, .98), (.70, .70, .68), Texture.PLATE,
              STRETCHED, lift=.03)
    low, high = stern
    parts.add(pane(*((high, .5 - plate, .5 + plate, .25, .6) if rng.random() < .6 else
                     (low, .5 - plate, .5 + plate, .55, .9))), yellow, Texture.PLATE, STRETCHED,
              lift=.03)
    parts.add(pane(low, .04, .96, 0, rng.uniform(.2, .45)), plastic, lift=.02)
    if rng.random() < .35:
        parts.add(pane(high, .3, .7, .62, .68), CHROME, gloss=1., lift=.03)
    lit = rng.random() < .3  # braking
    tail = np.array([.85, .06, .04]) if lit else shade(rng, TAIL, .3)
    wide = rng.uniform(.09, .13) if tall else rng.uniform(.14, .24)
    foot = rng.uniform(.05, .35) if tall else rng.uniform(.3, .5)
    parts.add([pane(high, 0, wide, foot, .97), pane(high, 1 - wide, 1, foot, .97)], tail,
              gloss=.3, lift=.02)
    parts.add(pane(flank, .0, min(.5, .10 / max(1e-3, np.linalg.norm(flank[1] - flank[0]))),
                   foot, .97)[[1, 0, 3, 2]], tail, gloss=.3, lift=.02, mirror=True)


def wheel(parts: Parts, x: float, side: float, radius: float, sill: float = .3,
          mirror: bool = False, arch: bool = True, tread: float = .21,
          rim=(.5, .5, .5)) -> None:
    """Add a wheel whose outer face is near y = side, its arch and its tread."""
    if arch:
        r = radius * 1.17
        y = side + .004
        parts.add([[(x + r, y, sill - .02), (x - r, y, sill - .02),
                    (x - .93 * r, y, radius + .40 * r), (x + .93 * r, y, radius + .40 * r)],
                   [(x + .93 * r, y, radius + .40 * r), (x - .93 * r, y, radius + .40 * r),
                    (x - .5 * r, y, radius + .93 * r), (x + .5 * r, y, radius + .93 * r)]],
                  (.012, .012, .012), mirror=mirror, lift=.01)
    y = side + .015
    parts.add([(x + radius, y, 0), (x - radius, y, 0), (x - radius, y, 2 * radius),
               (x + radius, y, 2 * radius)], rim, Texture.WHEEL, STRETCHED,
              gloss=.1, lift=.02, mirror=mirror)
    parts.add([[(x + s * .1 * radius, side - tread, 0), (x + s * .1 * radius, side, 0),
                (x + s * .75 * radius, side, radius), (x + s * .75 * radius, side - tread, radius)]
               for s in (1, -1)], RUBBER, normal=[(1, 0, 0), (-1, 0, 0)], mirror=mirror)


def motorcycle(rng: np.random.Generator) -> Mesh:
    """Return a motorcycle or a scooter, parked."""
    parts = Parts()
    color, dark = paint(rng), shade(rng, PLASTIC, .3)
    base, radius, rim = rng.uniform(1.25, 1.5), rng.uniform(.24, .32), rng.uniform(.3, .7, 3)
    for x in (base / 2, -base / 2):
        parts.add([(x + radius, .05, 0), (x - radius, .05, 0), (x - radius, .05, 2 * radius),
                   (x + radius, .05, 2 * radius)], rim, Texture.WHEEL, STRETCHED,
                  mirror=True)
        parts.add(boxes((x, 0, 0), (.12, .1, 2 * radius - .04), top=False)[2:4], RUBBER)
    parts.add(boxes((0, 0, .28), (.55, .3, .32)), dark, gloss=.2)
    parts.add(boxes((.15, 0, .6), (.55, .3, .28), taper=(.7, .6)), color, gloss=.3)
    parts.add(boxes((-.42, 0, .68), (.75, .26, .12)), dark)
    parts.add(boxes((-.75, 0, .6), (.2, .18, .2)), color, gloss=.3)
    parts.add(limbs([(base / 2, .08, radius), (base / 2 - .32, -.35, 1.0)],
                    [(base / 2 - .32, .08, 1.0), (base / 2 - .32, .35, 1.0)], .03)[0], dark)
    parts.add(boxes((base / 2 - .2, 0, .78), (.2, .3, .35), taper=.6), color, gloss=.3)
    parts.add(upright(-.86, .06, -.86, -.06, .66, .74), TAIL, gloss=.3)
    if rng.random() < .3:
        parts.add(boxes((-.75, 0, .82), (.38, .42, .32)), dark)
    return parts.mesh()
