# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trees, shrubs, hedges and tufts of grass."""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, Parts, pick, shade, STRETCHED, upright)

_GREENS = np.array([(.070, .115, .036), (.050, .092, .030), (.042, .078, .032),
                    (.095, .140, .055), (.085, .115, .055), (.105, .138, .045),
                    (.030, .058, .028)])
_AUTUMN = np.array([(.24, .17, .05), (.24, .12, .04), (.17, .07, .035), (.19, .17, .06)])
_PURPLE = np.array([(.055, .022, .024)])
_BARKS = np.array([(.10, .08, .06), (.065, .05, .04), (.14, .12, .10), (.17, .16, .14)])


def _green(rng) -> np.ndarray:
    draw = rng.random()
    return shade(rng, pick(rng, _GREENS if draw < .86 else _AUTUMN if draw < .97 else _PURPLE),
                 .2, .07)


def tufts(rng: np.random.Generator, centre, size, outward, random: float = .6) -> np.ndarray:
    """
    Return square quads (N, 4, 3) of side `size` (N,) around `centre` (N, 3).

    Each faces about `outward` (N, 3), turned at random by `random` (0: not at all), its lower
    edge the one with the lower z.
    """
    n = len(centre)
    face = outward + random * rng.normal(size=(n, 3))
    face /= np.linalg.norm(face, axis=1, keepdims=True)
    u = np.cross([0, 0, 1.0], face) + 1e-6
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(face, u)
    u, v = u * (size / 2)[:, None], v * (size / 2)[:, None]
    return np.stack([centre - u - v, centre + u - v, centre + u + v, centre - u + v], 1)


def _crown(rng, parts: Parts, centre, radii, count: int, color, blobs: int, texture,
           dense: bool = False) -> None:
    """Add leaves in `blobs` lumps over an ellipsoid around `centre`, darker inside and below."""
    centre, radii = np.asarray(centre, float), np.asarray(radii, float)
    if dense:  # an inside that lets nothing through: fewer leaves hide the sky
        ring = rng.uniform(.85, 1.1, (4, 1)) * [(.08, -.50), (.34, -.24), (.38, .15), (.06, .48)]
        for (r0, z0), (r1, z1) in zip(ring, ring[1:]):
            core, normal = limbs((0, 0, z0), (0, 0, z1), r0, r1, sides=5)
            parts.add(core * radii + centre, color * (.24 + .1 * (z0 + z1)), Texture.FOLIAGE,
                      (2., 2.), normal=normal + [0, 0, .3 * (z0 + z1)])
    golden = np.arange(blobs) + rng.random()
    z = np.clip(1 - 2 * (golden / blobs) % 2, -.85, .95)
    around = golden * 2.39996
    spot = np.stack([np.sqrt(1 - z * z) * np.cos(around), np.sqrt(1 - z * z) * np.sin(around),
                     z], 1) * rng.uniform(.45, .75, (blobs, 1))
    lump = rng.uniform(.38, .58, blobs)
    spot, lump = np.append(spot, [[0, 0, 0]], 0), np.append(lump, .72)  # the middle
    blobs += 1
    of = np.where(np.arange(count) % 4 == 3, blobs - 1, np.arange(count) % blobs)
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    way = way + .9 * spot[of]  # the outside of a lump rather than its inside
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    place = spot[of] + way * (lump[of] * rng.uniform(.65, 1.0, count))[:, None]
    outward = way / radii * radii.mean()
    depth = np.linalg.norm(place, axis=1)
    size = radii.mean() * rng.uniform(.58, .88, count) * (18 / (blobs + 12)) ** .5
    bright = np.exp(.55 * (depth - .85) + .30 * place[:, 2] + rng.normal(0, .16, count))
    tone = color * bright[:, None] * np.exp(rng.normal(0, .05, (count, 3)))
    shading = .6 * place + .6 * way + [0, 0, .15]
    parts.add(tufts(rng, centre + place * radii, size, outward), np.clip(tone, .004, .7), texture,
              STRETCHED, normal=shading / np.linalg.norm(shading, axis=1, keepdims=True))


def tree(rng: np.random.Generator, kind: str | None = None) -> Mesh:
    """Return a broadleaf tree, 4 to 18 m: round, tall, columnar, street (high crown) or bare."""
    kind = kind or str(rng.choice(['round', 'tall', 'columnar', 'street', 'small', 'bare'],
                                  p=[.24, .22, .08, .24, .12, .10]))
    height = {'small': rng.uniform(3.2, 5.5), 'street': rng.uniform(5.5, 12),
              'columnar': rng.uniform(8, 18)}.get(kind, rng.uniform(6, 16))
    free = height * {'round': rng.uniform(.14, .28), 'tall': rng.uniform(.2, .38),
                     'columnar': rng.uniform(.04, .12), 'street': rng.uniform(.28, .42),
                     'small': rng.uniform(.2, .4), 'bare': rng.uniform(.2, .35)}[kind]
    if kind == 'street':
        free = max(free, 2.3)
    tall = (height - free) / 2
    wide = tall * {'round': rng.uniform(.95, 1.35), 'tall': rng.uniform(.6, .9),
                   'columnar': rng.uniform(.2, .3), 'street': rng.uniform(.75, 1.1),
                   'small': rng.uniform(.8, 1.2), 'bare': rng.uniform(.7, 1.1)}[kind]
    wide = min(wide, 4.6)
    parts = Parts()
    bark, thick = shade(rng, pick(rng, _BARKS), .2, .04), rng.uniform(.012, .020) * height + .03
    lean = rng.normal(0, .02, 2) * height
    fork = np.array([*lean * .5, free * 1.05 + .1])
    core = np.array([*lean, height - tall])
    many = 3 if kind != 'bare' else 7
    turn = rng.uniform(0, 2 * np.pi) + np.arange(many) * 2.4
    reach = np.stack([np.cos(turn), np.sin(turn), rng.uniform(-.1, .5, many)], 1)
    ends = core + reach * [.62 * wide, .62 * wide, tall]
    starts = fork + (core - fork) * np.linspace(0, .6, many)[:, None]
    corners, normal = limbs([(0, 0, -.1), fork, *starts], [fork, core + [0, 0, .3 * tall], *ends],
                            np.array([1, .72, *[.4] * many]) * thick,
                            np.array([.75, .3, *[.12] * many]) * thick, sides=4)
    sides = 4
    parts.add(corners[:sides * 2], bark, Texture.BARK, normal=normal[:sides * 2])
    parts.add(corners[sides * 2:], bark * .7, Texture.BARK, normal=normal[sides * 2:])
    if kind == 'bare':
        count = int(rng.integers(26, 44))
        way = rng.normal(size=(count, 3)) + [0, 0, .35]
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        place = core + way * [wide, wide, tall] * rng.uniform(.35, .72, (count, 1))
        along = way * rng.uniform(.55, .95, (count, 1)) * min(wide, tall) * 1.1
        side = np.cross(along, rng.normal(size=(count, 3)))
        side *= (.45 * np.linalg.norm(along, axis=1) / np.linalg.norm(side, axis=1))[:, None]
        root, tip = place - .5 * along, place + .5 * along
        parts.add(np.stack([root - side, root + side, tip + side, tip - side], 1), bark * .8,
                  Texture.BRANCHES, STRETCHED, normal=(0, 0, 1))
        return parts.mesh()
    volume = (wide * wide * tall) ** (1 / 3)
    count = int(np.clip(rng.normal(24 + 11 * volume, 7), 34, 90))
    blobs = int(np.clip(rng.normal(4 + 1.6 * volume, 1.5), 4, 13))
    dense = rng.random() < .8
    _crown(rng, parts, core, (wide, wide, tall), count, _green(rng), blobs,
           Texture.LEAVES if dense else Texture.LEAVES_SPARSE, dense)
    return parts.mesh()


def conifer(rng: np.random.Generator) -> Mesh:
    """Return a conifer, 3 to 18 m: a spruce's cone, or a pine's bare trunk and high crown."""
    parts = Parts()
    height = rng.uniform(3, 18)
    color = shade(rng, (.035, .07, .035), .25, .08)
    bark = shade(rng, (.10, .065, .045), .2)
    if rng.random() < .25 and height > 7:
        corners, normal = limbs((0, 0, -.1), (rng.normal(0, .3), 0, height * .9),
                                .018 * height, .008 * height)
        parts.add(corners, bark, Texture.BARK, normal=normal)
        _crown(rng, parts, (0, 0, height * .8), (.2 * height, .2 * height, .2 * height), 46,
               color * 1.2, 6, Texture.NEEDLES)
        return parts.mesh()
    free, wide = rng.uniform(.02, .12) * height, rng.uniform(.13, .24) * height
    corners, normal = limbs((0, 0, -.1), (0, 0, height * .8), .014 * height + .03, .02)
    parts.add(corners, bark, Texture.BARK, normal=normal)
    rings = int(np.clip(height * .8, 6, 11))
    level = np.repeat(np.linspace(0, .93, rings), 7)
    n = len(level)
    turn = np.tile(np.arange(7) * 2 * np.pi / 7, rings) + np.repeat(
        rng.uniform(0, 6, rings), 7) + rng.normal(0, .15, n)
    radius = wide * (1 - level) ** .85 * rng.uniform(.8, 1.15, n) + .15
    out = np.stack([np.cos(turn), np.sin(turn), np.zeros(n)], 1)
    side = np.stack([-out[:, 1], out[:, 0], np.zeros(n)], 1) * (radius * .62 + .1)[:, None]
    step = (height - free) / rings
    z = free + level * (height - free)
    root = np.stack([np.zeros(n), np.zeros(n), z + step * rng.uniform(.7, 1.1, n)], 1)
    tip = out * radius[:, None] + np.stack([np.zeros(n), np.zeros(n),
                                            z - rng.uniform(.0, .35) * radius], 1)
    tone = color * np.exp(.3 * level + rng.normal(0, .15, n))[:, None]
    shading = out + [0, 0, .45]
    parts.add(np.stack([root + side * .7, root - side * .7, tip - side, tip + side], 1), tone,
              Texture.NEEDLES, STRETCHED,
              normal=shading / np.linalg.norm(shading, axis=1, keepdims=True))
    # The inside is dark and lets nothing through.
    corners, normal = limbs((0, 0, free + .06 * height), (0, 0, .97 * height), wide * .36, .03,
                            sides=5)
    parts.add(corners, color * .35, Texture.FOLIAGE, (2., 2.), normal=normal)
    return parts.mesh()


def shrub(rng: np.random.Generator) -> Mesh:
    """Return a shrub, 0.4 to 3.2 m high, or a few grown together."""
    parts = Parts()
    height = rng.uniform(.4, 1.5) if rng.random() < .65 else rng.uniform(1.5, 3.2)
    color = _green(rng)
    many = int(rng.choice([1, 2, 3], p=[.55, .25, .2]))
    for i in range(many):
        high = height * rng.uniform(.7, 1.0) if i else height
        wide = high * rng.uniform(.4, .75) if high > .8 else high * rng.uniform(.5, 1.0)
        spot = np.array([(i - (many - 1) / 2) * height * .75, rng.normal(0, .15) * height, 0])
        tone = color * np.exp(rng.normal(0, .12))
        ring = np.array([(.5, 0), (.72, .3), (.54, .62), (.12, .76)]) * [wide, high]
        for (r0, z0), (r1, z1) in zip(ring, ring[1:]):
            core, normal = limbs(spot + [0, 0, z0], spot + [0, 0, z1], r0, r1, sides=5)
            parts.add(core, tone * (.35 + .35 * z1 / high), Texture.FOLIAGE, (2., 2.),
                      normal=normal + [0, 0, .3])
        count = int(rng.integers(14, 22)) if many == 1 else int(rng.integers(9, 14))
        z = (np.arange(count) + .5) / count
        around = np.arange(count) * 2.39996 + rng.uniform(0, 6)
        slim = np.sqrt(1 - np.clip(1.25 * z - .25, 0, 1) ** 2)
        way = np.stack([slim * np.cos(around), slim * np.sin(around), 1.5 * z - .5], 1)
        reach = rng.uniform(.72, 1.0, (count, 1))
        place = spot + way * [wide, wide, 0] * reach + np.stack(
            [0 * z, 0 * z, high * (.12 + .74 * z) * reach[:, 0] ** .3], 1)
        size = np.minimum(wide, .6 * high) * rng.uniform(.75, 1.25, count)
        leaf = tone * np.exp(.5 * (z - .6) + rng.normal(0, .18, count))[:, None]
        parts.add(tufts(rng, place, size, way + [0, 0, .1], .45), np.clip(leaf, .004, .7),
                  Texture.LEAVES, STRETCHED, normal=way + [0, 0, .4])
    return parts.mesh()


def hedge(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Return a hedge along x, 0.6 to 2.5 m high: clipped, with some leaves out of line."""
    parts = Parts()
    length = rng.uniform(4, 14) if length is None else length
    height, width = rng.uniform(.6, 2.5), rng.uniform(.5, 1.0)
    color = shade(rng, pick(rng, _GREENS), .25, .07)
    pieces = max(1, round(length / rng.uniform(2.5, 4.0)))
    edge = np.linspace(-length / 2, length / 2, pieces + 1)
    high = height * rng.normal(1, .03, pieces)
    for x0, x1, top in zip(edge, edge[1:], high):
        tone = color * np.exp(rng.normal(0, .1))
        body = boxes(((x0 + x1) / 2, 0, 0), (x1 - x0, width, top), taper=(1, .85))
        parts.add(body[:4], tone * .8, Texture.FOLIAGE, (2., 2.))
        parts.add(body[4:], tone * 1.15, Texture.FOLIAGE, (2., 2.))
    count = int(np.clip(length * rng.uniform(2, 4), 6, 60))
    x = rng.uniform(-length / 2, length / 2, count)
    where = rng.random(count)
    side = np.where(where < .3, -1, np.where(where < .6, 1, 0))
    place = np.stack([x, side * width * .44 + (side == 0) * rng.uniform(-.4, .4, count) * width,
                      np.where(side == 0, height, height * rng.uniform(.15, 1, count))], 1)
    outward = np.stack([np.zeros(count), side, (side == 0) * 1.0], 1)
    # On the top they stand up, to be seen against what is behind.
    face = np.where(side[:, None] == 0, rng.normal(size=(count, 3)) * [1, 1, .2], outward)
    tone = color * np.exp(rng.normal(0, .2, count))[:, None]
    parts.add(tufts(rng, place, rng.uniform(.3, .6, count) * min(1, height), face, .3), tone,
              Texture.LEAVES, STRETCHED, normal=outward + [0, 0, .3])
    return parts.mesh()


def grass_tuft(rng: np.random.Generator) -> Mesh:
    """Return high grass or weeds, 0.2 to 0.9 m."""
    parts = Parts()
    count, height = int(rng.integers(3, 7)), rng.uniform(.2, .9)
    color = shade(rng, pick(rng, np.array([(.12, .17, .05), (.25, .22, .10), (.08, .13, .04)])),
                  .2, .07)
    for turn in rng.uniform(0, np.pi, count):
        a, b = np.cos(turn) * height * .6, np.sin(turn) * height * .6
        x, y = rng.normal(0, .3 * height, 2)
        parts.add(upright(x - a, y - b, x + a, y + b, 0, height * rng.uniform(.7, 1.1)),
                  color * np.exp(rng.normal(0, .15)), Texture.LEAVES_SPARSE, STRETCHED,
                  normal=(0, 0, 1))
    return parts.mesh()
