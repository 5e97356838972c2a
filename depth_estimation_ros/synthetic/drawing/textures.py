# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surfaces, drawn once from a seed: a pyramid of square pictures for each kind of surface."""
from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np


class Texture(IntEnum):
    """
    What a surface is made of. One cell is one repetition, of the size that the mesh says.

    Kinds with a hole in them let what is behind be seen: LEAVES to BIKE_WHEEL, and LETTERS.
    """

    PLAIN = 0
    ROUGH = 1        # weak grain: paint, plastic, cloth; any cell
    ASPHALT = 2      # 4 m
    CONCRETE = 3     # 4 m
    PAVING = 4       # slabs, 2 m
    COBBLES = 5      # 2 m
    GRASS = 6        # 4 m
    SOIL = 7         # 4 m
    PLASTER = 8      # 6 m
    BRICK = 9        # 2 m
    STONE = 10       # masonry, 3 m
    BAY = 11         # one storey of one bay of a facade, with its window: about 3 x 3 m
    BAY_MODERN = 12  # the same, mostly glass
    SHOPFRONT = 13   # ground floor: doors, gates, shop windows; about 4 x 3.5 m
    ROOF_TILES = 14  # 2 m
    WOOD = 15        # boards, 2 m
    CORRUGATED = 16  # sheet metal, containers; 1 m
    FOLIAGE = 17     # dense leaves without holes; 2 m
    BARK = 18        # 1 m
    TARPAULIN = 19   # a lorry's side with folds and print, stretched
    SIGN = 20        # a traffic sign's face, stretched
    POSTER = 21      # loud colours, stretched
    PAINT = 22       # worn road paint; 2 m
    PLATE = 23       # number plate, stretched
    WHEEL = 24       # tyre and rim, a disc, stretched, with a hole around it
    LEAVES = 25      # a cluster of leaves, stretched
    LEAVES_SPARSE = 26
    BRANCHES = 27    # bare twigs, stretched
    NEEDLES = 28     # conifer branch, stretched
    BARS = 29        # fence of upright bars, 2 m a cell in u, stretched in v
    WIRE = 30        # wire mesh, 1 m
    PICKETS = 31     # garden fence, 2 m in u, stretched in v
    TREELINE = 32    # a wood's or a town's outline on the horizon, stretched in v
    SKYLINE = 33
    BIKE_WHEEL = 34  # stretched
    CABIN = 35       # a vehicle's glass and what is dark behind it, stretched
    TILES = 36       # a wall of small tiles of many shades, 3 m
    GLAZING = 37     # glass between bars, from the ground to the ceiling; about 3 x 3 m
    LETTERS = 38     # large print on the surface's own paint


CUTOUTS = frozenset((Texture.WHEEL, *range(Texture.LEAVES, Texture.BIKE_WHEEL + 1),
                     Texture.LETTERS))

SIZE = 128  # texels a side, of the finest level
LEVELS = 6  # 128 to 4
CHANNELS = 6  # red, green, blue, tint, cover, gloss


@dataclass(frozen=True, eq=False)
class Atlas:
    """
    All pictures of all kinds as one table of texels.

    texels: (N, 6) float32: colour; how far it is multiplied by the surface's own colour; cover
    (below 0.5 is a hole); gloss. first: (kinds,) where a kind's first picture begins. styles,
    variations: (kinds,) how many of either it has; a surface keeps its style, a cell of it takes
    any variation.
    """

    texels: np.ndarray
    first: np.ndarray
    styles: np.ndarray
    variations: np.ndarray


PICTURE = sum((SIZE >> level) ** 2 for level in range(LEVELS))  # texels of one picture


@lru_cache(maxsize=1)  # seconds to draw, 150 MB to keep
def draw_atlas(seed: int) -> Atlas:
    """Draw every kind of surface."""
    rng = np.random.default_rng([seed, 0x7E87])
    texels, first, styles, variations = [], [], [], []
    for kind in Texture:
        drawer, count, per_style = _DRAWERS[kind]
        first.append(len(texels) * PICTURE)
        styles.append(count)
        variations.append(per_style)
        for _ in range(count):
            style = np.random.default_rng(rng.integers(1 << 62))
            state = style.bit_generator.state
            for _ in range(per_style):
                style.bit_generator.state = state  # what is drawn first is the style's
                texels.append(_pyramid(drawer(style, rng)))
    return Atlas(np.concatenate(texels), np.array(first), np.array(styles),
                 np.array(variations))


def _pyramid(picture: np.ndarray) -> np.ndarray:
    levels = [picture.astype(np.float32)]
    for _ in range(1, LEVELS):
        last = levels[-1]
        n = last.shape[0] // 2
        levels.append(last.reshape(n, 2, n, 2, CHANNELS).mean((1, 3)))
    return np.concatenate([level.reshape(-1, CHANNELS) for level in levels])


def noise(rng: np.random.Generator, slope: float, size: int = SIZE, stretch: float = 1.0):
    """Return (size, size) tileable noise, mean 0, deviation 1, with amplitude ~ f^-slope."""
    f = np.fft.fftfreq(size) * size
    r = np.sqrt((f[:, None] / stretch) ** 2 + (f[None] * stretch) ** 2)
    r[0, 0] = np.inf
    spectrum = (rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))) / r ** slope
    field = np.fft.ifft2(spectrum).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


_Y, _X = np.mgrid[:SIZE, :SIZE].astype(np.float32) / SIZE  # v, u of every texel, in 0..1


def _surface(shade, tint=1.0, cover=1.0, gloss=0.0) -> np.ndarray:
    shade = np.asarray(shade, np.float32)
    if shade.ndim == 2:
        shade = shade[..., None]
    out = np.empty((SIZE, SIZE, CHANNELS), np.float32)
    out[..., :3] = shade.clip(0.02, 4)
    for channel, value in ((3, tint), (4, cover), (5, gloss)):
        out[..., channel] = value
    return out


def _paint(picture, where, color, tint=0.0, gloss=0.0) -> None:
    picture[where, :3] = color
    picture[where, 3] = tint
    picture[where, 5] = gloss


def _rect(u0, u1, v0, v1):
    return (_X >= u0) & (_X < u1) & (_Y >= v0) & (_Y < v1)


def _plain(style, rng):
    return _surface(np.ones((SIZE, SIZE)))


def _grain(amount, slope=0.6, coarse=0.0):
    def draw(style, rng):
        return _surface(1 + amount * noise(rng, slope) + coarse * noise(rng, 1.6))
    return draw


def _asphalt(style, rng):
    shade = 1 + 0.13 * noise(rng, 0.3) + style.uniform(0.04, 0.15) * noise(rng, 1.7)
    cracks = np.abs(noise(rng, 1.5)) < style.uniform(0.0, 0.025)
    shade[cracks] *= 0.6
    for _ in range(style.integers(0, 3)):
        u, v, w, h = rng.uniform(0, 0.7), rng.uniform(0, 0.7), *rng.uniform(0.1, 0.4, 2)
        shade[_rect(u, u + w, v, v + h)] *= rng.uniform(0.7, 1.25)
    return _surface(shade)


def _blocks(rows, columns, joint, spread, bond=0.5, grain=0.08, depth=0.6):
    def draw(style, rng):
        ny, nx = style.integers(rows[0], rows[1] + 1), style.integers(columns[0], columns[1] + 1)
        gap, variety = style.uniform(*joint), style.uniform(*spread)
        wobble = 0.15 * grain * np.stack([noise(rng, 1.6), noise(rng, 1.6)])
        y = (_Y + 0.3 * wobble[0]) * ny
        row = np.floor(y).astype(int) % ny
        x = (_X + 0.3 * wobble[1]) * nx + bond * (row % 2)
        column = np.floor(x).astype(int) % nx
        fine = rng.normal(size=(ny, nx, 3)).astype(np.float32) * variety
        fine = fine.mean(-1, keepdims=True) + 0.3 * fine
        shade = 1 + fine[row, column] + grain * noise(rng, 0.6)[..., None]
        edge = np.minimum(np.minimum(x % 1, 1 - x % 1) / nx, np.minimum(y % 1, 1 - y % 1) / ny)
        shade[edge < gap / 2] *= style.choice([depth, 1 / depth])
        return _surface(shade)
    return draw


def _grass(style, rng):
    shade = 1 + 0.35 * noise(rng, 0.4) + 0.2 * noise(rng, 1.5)
    hue = noise(rng, 1.5)[..., None] * np.array([0.12, 0.03, -0.05])
    return _surface(shade[..., None] * (1 + hue))


def _plaster(style, rng):
    stain = noise(rng, 1.4, stretch=2.0)
    return _surface(1 + style.uniform(0.02, 0.07) * stain + 0.03 * noise(rng, 0.4))


def _glass(rng, where, picture):
    """A pane: dark inside or a curtain, more or less of the sky."""
    inside = rng.choice([0.02, 0.04, 0.08, 0.25, 0.5], p=[0.35, 0.25, 0.2, 0.12, 0.08])
    tone = inside * rng.uniform(0.7, 1.3) * np.array([1, 1, 1.05]) * (
        1 + 0.5 * (1 - _Y[where])[:, None] * rng.uniform(-1, 1))
    _paint(picture, where, tone.clip(0.01, 1), gloss=rng.uniform(0.15, 0.7))


def _bay(style, rng):
    wall = style.integers(0, 3)
    picture = (_plaster(style, rng), _blocks((16, 22), (8, 12), (0.008, 0.02), (0.05, 0.15))(
        style, rng), _plaster(style, rng))[wall]
    width, height = style.uniform(0.25, 0.6), style.uniform(0.4, 0.7)
    u, v = (1 - width) / 2, style.uniform(0.12, 0.9 - height)
    frame = style.choice([0.75, 0.6, 0.15, 0.3]) * np.array([1, 1, style.uniform(0.8, 1)])
    edge, surround = style.uniform(0.012, 0.03), style.choice([0.0, 0.04, 0.07])
    shutter = style.random() < 0.3
    sill, bars = style.random() < 0.5, style.choice([0, 1, 1, 2])
    leaf = style.uniform(0.03, 0.4, 3)
    if surround:
        _paint(picture, _rect(u - surround, u + width + surround, v - surround,
                              v + height + surround), style.uniform(0.7, 1.3), tint=1.0)
    if sill:
        _paint(picture, _rect(u - 0.04, u + width + 0.04, v - 0.035, v), 0.45)
    _paint(picture, _rect(u, u + width, v, v + height), frame)
    inner = _rect(u + edge, u + width - edge, v + edge, v + height - edge)
    _glass(rng, inner, picture)
    if rng.random() < 0.35:  # blind, partly down
        _paint(picture, inner & (_Y > v + height * (1 - rng.uniform(0.1, 1.0))),
               rng.uniform(0.3, 0.7))
    for bar in range(bars):
        at = u + width * (bar + 1) / (bars + 1)
        _paint(picture, inner & (np.abs(_X - at) < edge / 2), frame)
    if shutter:
        part = width * 0.45
        for left in (u - part - 0.01, u + width + 0.01):
            _paint(picture, _rect(left, left + part, v, v + height), leaf)
    return picture


def _bay_modern(style, rng):
    picture = _surface(1 + 0.03 * noise(rng, 0.6))
    band, post = style.uniform(0.05, 0.4), style.uniform(0.02, 0.12)
    pane = _rect(post, 1 - post, band, 1.0)
    _glass(rng, pane, picture)
    n = style.integers(1, 4)
    for i in range(1, n):
        _paint(picture, pane & (np.abs(_X - i / n) < 0.012), style.choice([0.05, 0.4]))
    return picture


def _shopfront(style, rng):
    picture = _plaster(style, rng)
    kind = rng.integers(0, 5)
    if kind == 0:  # wall with a door
        u = rng.uniform(0.1, 0.6)
        _paint(picture, _rect(u, u + 0.27, 0, 0.65), rng.uniform(0.02, 0.4, 3))
        _glass(rng, _rect(u + 0.05, u + 0.22, 0.4, 0.6), picture)
    elif kind == 1:  # garage or gate
        _paint(picture, _rect(0.1, 0.9, 0, 0.7), rng.uniform(0.05, 0.6))
        picture[_rect(0.1, 0.9, 0, 0.7) & (_Y * 16 % 1 < 0.2), :3] *= 0.7
    else:
        _paint(picture, _rect(0.03, 0.97, 0.72, 0.92), rng.uniform(0.02, 0.8, 3))  # sign board
        _paint(picture, _print(rng, 0.15, 0.85, 0.77, 0.87), rng.uniform(0.1, 0.9))
        sill = rng.uniform(0.03, 0.2)
        pane = _rect(0.06, 0.94, sill, 0.7)
        _glass(rng, pane, picture)
        if rng.random() < 0.5:  # light inside
            picture[pane, :3] += rng.uniform(0.05, 0.4) * (_Y[pane] / 0.7)[:, None]
        for _ in range(rng.integers(3, 16)):
            u, v, w = rng.uniform(0.06, 0.85), sill + rng.uniform(0, 0.1), rng.uniform(0.02, 0.12)
            tone = rng.uniform(0.02, 0.5, 3) if rng.random() < 0.6 else rng.uniform(0.02, 0.6)
            _paint(picture, pane & _rect(u, u + w, v, v + rng.uniform(0.04, 0.35)), tone,
                   gloss=0.2)
        if rng.random() < 0.4:  # something stuck on the pane
            u, v = rng.uniform(0.1, 0.7), rng.uniform(0.25, 0.5)
            _paint(picture, _rect(u, u + rng.uniform(0.05, 0.3), v, v + 0.15),
                   _LOUD[rng.integers(len(_LOUD))])
        bar = rng.choice([0.05, 0.2, 0.5])
        for at in rng.uniform(0.1, 0.9, rng.integers(1, 4)):
            _paint(picture, pane & (np.abs(_X - at) < 0.012), bar)
        if rng.random() < 0.4:
            _paint(picture, _rect(0.06, 0.94, 0.5, 0.52), bar)
    return picture


def _print(rng, u0, u1, v0, v1):
    """Return where a line of letters is, more or less."""
    edges = np.sort(rng.uniform(u0, u1, rng.integers(8, 30)))
    letter = np.searchsorted(edges, _X)
    low, high = (v0 + (v1 - v0) * part for part in (
        rng.choice([0.0, 0.0, 0.5], len(edges) + 1), rng.choice([1.0, 1.0, 0.4], len(edges) + 1)))
    return _rect(u0, u1, v0, v1) & (letter % 2 == 1) & (_Y >= low[letter]) & (_Y <= high[letter])


def _letters(style, rng):
    picture = _surface(1 + 0.03 * noise(rng, 1.2), cover=1.0)
    picture[..., 4] = 0
    picture[_print(rng, 0.0, 1.0, 0.1, 0.9), 4] = 1
    return picture


def _cabin(style, rng):
    dark = rng.uniform(0.006, 0.06)
    picture = _surface(np.full((SIZE, SIZE), dark) * (0.6 + 0.8 * _Y), tint=0)
    if rng.random() < 0.65:  # one sees through it
        low, high = rng.uniform(0.2, 0.5), rng.uniform(0.7, 0.95)
        seen = _rect(rng.uniform(0.05, 0.3), rng.uniform(0.7, 0.95), low, high)
        tone = rng.uniform(0.03, 0.45) * np.exp(0.5 * noise(rng, 1.5))
        _paint(picture, seen, tone[seen][:, None])
    for middle in (rng.uniform(0.2, 0.3), rng.uniform(0.7, 0.8)):
        tone = dark * rng.uniform(0.5, 2.5)
        _paint(picture, np.hypot((_X - middle) / 0.11, (_Y - 0.45) / 0.22) < 1, tone)
        _paint(picture, _rect(middle - 0.15, middle + 0.15, 0, 0.25), tone)
        if rng.random() < 0.4:
            _paint(picture, np.hypot((_X - middle) / 0.08, (_Y - 0.6) / 0.18) < 1,
                   rng.uniform(0.05, 0.3) * np.array([1, 0.75, 0.6]))
    _paint(picture, _rect(0, 1, 0, rng.uniform(0, 0.15)), rng.uniform(0.01, 0.12))
    return picture


def _tiles(style, rng):
    n, spread = style.integers(12, 40), style.uniform(0.15, 0.5)
    y, x = np.floor(_Y * n).astype(int) % n, np.floor(_X * n).astype(int) % n
    shade = np.exp(spread * rng.normal(size=(n, n, 1)) + 0.15 * rng.normal(size=(n, n, 3)))
    if style.random() < 0.5:  # larger fields among the small ones
        coarse = np.exp(spread * rng.normal(size=(n // 3 + 1, n // 3 + 1, 1)))
        shade = np.where(rng.random((n, n, 1)) < 0.5, coarse[np.arange(n)[:, None] // 3,
                                                             np.arange(n) // 3], shade)
    picture = _surface(shade[y, x], gloss=style.uniform(0, 0.3))
    picture[((_X * n) % 1 < 0.08) | ((_Y * n) % 1 < 0.08), :3] *= 0.75
    return picture


def _glazing(style, rng):
    columns, rows = style.integers(1, 4), style.integers(1, 4)
    frame = style.choice([0.7, 0.5, 0.2, 0.05]) * np.array([1, 1, style.uniform(0.85, 1)])
    picture = _surface(np.ones((SIZE, SIZE, 3)) * frame, tint=0)
    edge = style.uniform(0.01, 0.035)
    solid = style.random() < 0.3
    for row in range(rows):
        for column in range(columns):
            where = _rect(column / columns + edge, (column + 1) / columns - edge,
                          row / rows + edge, (row + 1) / rows - edge)
            _glass(rng, where, picture)
            if solid and row == 0:
                _paint(picture, where, 0.8, tint=1.0)
            elif rng.random() < 0.5:  # things inside
                seen = where & (noise(rng, 1.4) > rng.uniform(0, 1.2))
                _paint(picture, seen, rng.uniform(0.03, 0.3) * rng.uniform(0.7, 1, 3), gloss=0.3)
    return picture


def _boards(style, rng):
    n = style.integers(6, 14)
    tone = rng.normal(1, 0.12, n)[np.floor(_X * n).astype(int) % n]
    shade = tone * (1 + 0.1 * noise(rng, 1.0, stretch=3.0))
    shade[_X * n % 1 < 0.07] *= 0.5
    return _surface(shade)


def _corrugated(style, rng):
    n = style.integers(4, 9)
    return _surface(1 + 0.25 * np.sin(2 * np.pi * n * _X) + 0.05 * noise(rng, 1.2))


def _foliage(style, rng):
    shade = np.exp(0.45 * noise(rng, 0.55) + 0.35 * noise(rng, 1.3))
    return _surface(shade[..., None] * (1 + noise(rng, 1.0)[..., None] * [0.1, 0.03, -0.03]))


def _tarpaulin(style, rng):
    picture = _surface(1 + 0.04 * noise(rng, 1.2, stretch=0.5))
    for _ in range(rng.integers(0, 5)):
        u, v, w, h = rng.uniform(0, 0.8), rng.uniform(0.1, 0.7), *rng.uniform(0.1, 0.5, 2)
        _paint(picture, _rect(u, u + w, v, v + h / 2), rng.uniform(0.02, 0.8, 3))
    if rng.random() < 0.6:
        band = rng.uniform(0.3, 0.6)
        text = _rect(0.1, 0.9, band, band + 0.2) & (noise(rng, 0.7, stretch=2.0) > 0.4)
        _paint(picture, text, rng.uniform(0.02, 0.8, 3))
    picture[(_X * 8 % 1) < 0.04, :3] *= 0.8
    return picture


_LOUD = np.array([[0.6, 0.02, 0.02], [0.02, 0.08, 0.5], [0.8, 0.8, 0.8], [0.75, 0.55, 0.02],
                  [0.03, 0.3, 0.08], [0.02, 0.02, 0.02], [0.7, 0.25, 0.02]])


def _sign(style, rng):
    face, rim, mark = _LOUD[rng.integers(0, len(_LOUD), 3)]
    picture = _surface(np.broadcast_to(rim, (SIZE, SIZE, 3)), tint=0)
    edge = rng.choice([0.0, 0.04, 0.12])
    inner = _rect(edge, 1 - edge, edge, 1 - edge)
    _paint(picture, inner, face)
    text = _rect(0.25, 0.75, 0.25, 0.75) & (noise(rng, rng.uniform(0.8, 1.8)) > 0.6)
    _paint(picture, text, mark)
    return picture


def _poster(style, rng):
    a, b, c = _LOUD[rng.integers(0, len(_LOUD), 3)] * rng.uniform(0.5, 1)
    field, fine = noise(rng, 1.8)[..., None], noise(rng, 0.9)[..., None]
    shade = np.where(field > 0.5, a, np.where(fine > 1, b, c))
    return _surface(shade, tint=0, gloss=0.1)


def _road_paint(style, rng):
    worn = noise(rng, 0.6) > style.uniform(1.2, 3.0)
    return _surface(np.where(worn, 0.35, 1 + 0.05 * noise(rng, 0.8)))


def _plate(style, rng):
    picture = _surface(np.ones((SIZE, SIZE, 3)) * style.choice([0.75, 0.6]), tint=0)
    text = _rect(0.12, 0.94, 0.2, 0.8) & (np.sin(_X * 45) > 0.2)
    _paint(picture, text, 0.03)
    return picture


def _wheel(style, rng):
    r, angle = np.hypot(_X - 0.5, _Y - 0.5), np.arctan2(_Y - 0.5, _X - 0.5)
    picture = _surface(np.full((SIZE, SIZE), 0.02), tint=0, cover=(r < 0.5).astype(np.float32))
    rim = (r < 0.33)
    spokes = style.integers(4, 9)
    bright = style.choice([0.5, 0.35, 0.08])
    _paint(picture, rim, 0.04)
    _paint(picture, rim & ((np.cos(angle * spokes) > style.uniform(-0.3, 0.5)) | (r > 0.3)
                           | (r < 0.08)), bright)
    return picture


def _leaves(slope, cover, edge, stretch=1.0):
    def draw(style, rng):
        r = np.hypot(_X - 0.5, _Y - 0.5) * 2
        lace = 0.75 * noise(rng, slope, stretch=stretch) + 0.5 * noise(rng, 0.5)
        solid = (lace > style.normal(cover, 0.15) + edge * (r ** 2 - 0.45)) & (r < 1)
        shade = np.exp(0.35 * noise(rng, 0.5) + 0.25 * noise(rng, 1.3))
        return _surface(shade, cover=solid.astype(np.float32))
    return draw


def _branches(style, rng):
    picture = _surface(1 + 0.2 * noise(rng, 0.5), cover=0.0)
    todo = [(0.5, 0.0, np.pi / 2, 0.33, 0.02)]
    while todo:
        u, v, angle, length, width = todo.pop()
        for t in np.linspace(0, 1, 40):
            x, y = u + t * length * np.cos(angle), v + t * length * np.sin(angle)
            radius = max(width * (1 - 0.4 * t), 0.006)
            near = _window(y, radius), _window(x, radius)
            picture[near][np.hypot(_X[near] - x, _Y[near] - y) < radius, 4] = 1
        if length > 0.07:
            for _ in range(rng.integers(2, 4)):
                todo.append((x, y, angle + rng.uniform(-0.8, 0.8), length * rng.uniform(.55, .8),
                             width * 0.6))
    return picture


def _window(centre, radius):
    """Return the slice of an axis of _X or _Y that has all pixels within a radius."""
    first, last = (int(np.floor((centre + side * radius) * SIZE)) for side in (-1, 1))
    return slice(max(first - 1, 0), max(last + 2, 0))


def _needles(style, rng):
    droop = np.abs(_X - 0.5) * 2
    solid = (noise(rng, 0.7, stretch=1.5) > 0.1 + 1.2 * (droop + _Y - 0.9)) & (
        droop < 1.05 - _Y * 0.8)
    return _surface(np.exp(0.4 * noise(rng, 0.6)), cover=solid.astype(np.float32))


def _bars(style, rng):
    n, thick = style.integers(10, 18), style.uniform(0.12, 0.3)
    solid = (_X * n % 1 < thick) | (np.abs(_Y - 0.9) < 0.02) | (np.abs(_Y - 0.1) < 0.02)
    return _surface(np.ones((SIZE, SIZE)), cover=solid.astype(np.float32))


def _wire(style, rng):
    n = style.integers(8, 14)
    solid = (((_X + _Y) * n % 1 < 0.14) | ((_X - _Y) * n % 1 < 0.14)
             | (_X < 0.025))
    return _surface(np.ones((SIZE, SIZE)), cover=solid.astype(np.float32))


def _pickets(style, rng):
    n, thick = style.integers(10, 16), style.uniform(0.55, 0.85)
    solid = ((_X * n % 1 < thick) & (_Y < 0.97 - 0.05 * np.abs(_X * n % 1 - thick / 2))) | (
        np.abs(_Y - 0.8) < 0.03) | (np.abs(_Y - 0.25) < 0.03)
    tone = rng.normal(1, 0.08, n)[np.floor(_X * n).astype(int) % n]
    return _surface(tone, cover=solid.astype(np.float32))


def _outline(rng, slope):
    """Return a tileable line in 0.3..1 over u, one value a column."""
    line = noise(rng, slope)[0]
    return 0.65 + 0.13 * line.clip(-2.5, 2.5)


def _treeline(style, rng):
    solid = _Y < _outline(rng, 1.1)[None] + 0.02 * noise(rng, 0.6)
    return _surface(np.exp(0.3 * noise(rng, 0.8) + 0.25 * noise(rng, 1.6)) * (0.6 + 0.5 * _Y),
                    cover=solid.astype(np.float32))


def _skyline(style, rng):
    n = style.integers(6, 14)
    block = np.floor(_X * n).astype(int) % n
    solid = _Y < rng.uniform(0.25, 0.95, n)[block]
    shade = rng.uniform(0.5, 1.4, n)[block] * np.where(
        (_X * 64 % 1 < 0.5) & (_Y * 48 % 1 < 0.5), style.uniform(0.4, 0.9), 1)
    return _surface(shade, cover=solid.astype(np.float32))


def _bike_wheel(style, rng):
    r, angle = np.hypot(_X - 0.5, _Y - 0.5), np.arctan2(_Y - 0.5, _X - 0.5)
    solid = ((r > 0.44) | ((np.cos(angle * 14) > 0.97) | (r < 0.05))) & (r < 0.5)
    return _surface(np.full((SIZE, SIZE), 0.05), tint=0, cover=solid.astype(np.float32))


# kind: how it is drawn, styles, variations of a style.
_DRAWERS = {
    Texture.PLAIN: (_plain, 1, 1), Texture.ROUGH: (_grain(0.04, 0.6, 0.03), 3, 1),
    Texture.ASPHALT: (_asphalt, 8, 1), Texture.CONCRETE: (_grain(0.06, 0.5, 0.1), 4, 1),
    Texture.PAVING: (_blocks((2, 6), (2, 6), (0.01, 0.02), (0.02, 0.08)), 6, 1),
    Texture.COBBLES: (_blocks((12, 18), (12, 18), (0.012, 0.02), (0.08, 0.2), grain=0.2), 4, 1),
    Texture.GRASS: (_grass, 5, 1), Texture.SOIL: (_grain(0.2, 0.4, 0.2), 3, 1),
    Texture.PLASTER: (_plaster, 5, 1),
    Texture.BRICK: (_blocks((20, 28), (8, 10), (0.008, 0.015), (0.06, 0.2)), 5, 1),
    Texture.STONE: (_blocks((6, 10), (4, 7), (0.01, 0.025), (0.08, 0.2), grain=0.2), 5, 1),
    Texture.BAY: (_bay, 14, 4), Texture.BAY_MODERN: (_bay_modern, 6, 4),
    Texture.SHOPFRONT: (_shopfront, 1, 20),
    Texture.ROOF_TILES: (_blocks((8, 12), (8, 12), (0.02, 0.04), (0.05, 0.15)), 4, 1),
    Texture.WOOD: (_boards, 4, 1), Texture.CORRUGATED: (_corrugated, 4, 1),
    Texture.FOLIAGE: (_foliage, 6, 1), Texture.BARK: (_grain(0.25, 0.6, 0.15), 3, 1),
    Texture.TARPAULIN: (_tarpaulin, 14, 1), Texture.SIGN: (_sign, 20, 1),
    Texture.POSTER: (_poster, 12, 1), Texture.PAINT: (_road_paint, 4, 1),
    Texture.PLATE: (_plate, 2, 1), Texture.WHEEL: (_wheel, 6, 1),
    Texture.LEAVES: (_leaves(1.0, -0.1, 1.2), 6, 2),
    Texture.LEAVES_SPARSE: (_leaves(0.7, 0.45, 0.8), 5, 2),
    Texture.BRANCHES: (_branches, 5, 1), Texture.NEEDLES: (_needles, 4, 1),
    Texture.BARS: (_bars, 4, 1), Texture.WIRE: (_wire, 3, 1), Texture.PICKETS: (_pickets, 4, 1),
    Texture.TREELINE: (_treeline, 6, 1), Texture.SKYLINE: (_skyline, 4, 1),
    Texture.BIKE_WHEEL: (_bike_wheel, 1, 1), Texture.CABIN: (_cabin, 16, 2),
    Texture.TILES: (_tiles, 8, 1), Texture.GLAZING: (_glazing, 8, 4),
    Texture.LETTERS: (_letters, 6, 3),
}
