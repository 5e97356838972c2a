# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Streets from a seed: what stands, lies and drives where, and where a camera may be.

A street follows a centre line: s metres along it, t metres to its left. Traffic keeps right.
"""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from depth_estimation_ros.drives.synthetic.mesh import join, Mesh, quads
from depth_estimation_ros.drives.synthetic.render import Light
from depth_estimation_ros.drives.synthetic.textures import Texture

# Kinds of streets and how often they come.
KINDS = {'open': 0.11, 'residential': 0.16, 'narrow': 0.12, 'avenue': 0.15, 'jam': 0.13,
         'motorway': 0.08, 'car park': 0.05, 'wood': 0.05, 'village': 0.07, 'square': 0.08}

START, BEYOND, STEP = -40.0, 195.0, 2.0  # of the centre line, metres
ROOM = 65.0  # cameras are at s in 0 .. ROOM, unless a drive is longer
LONGEST = 1000.0


class Spine:
    """The centre line: a gently winding, gently rolling curve."""

    def __init__(self, rng: np.random.Generator, bend: float, grade: float, room: float = ROOM):
        self.end = room + BEYOND
        self.s = np.arange(START, self.end + STEP, STEP)
        n = len(self.s)
        curvature = bend * _smooth(rng, n, 40) * rng.choice([0.2, 1.0])
        heading = np.cumsum(curvature) * STEP
        slope = grade * _smooth(rng, n, 50) + grade * rng.normal() * 0.6
        middle = int(-START / STEP)
        self.heading = heading - heading[middle]
        step = np.stack([np.cos(self.heading), np.sin(self.heading), slope], 1) * STEP
        line = np.cumsum(step, 0)
        self.line = line - line[middle]

    def at(self, s, t=0.0, up=0.0) -> np.ndarray:
        """Return the world points (..., 3) at s, t, `up` metres above the road's level."""
        s, t = np.broadcast_arrays(np.asarray(s, float), np.asarray(t, float))
        yaw = self.yaw(s)
        x, y, z = (np.interp(s, self.s, self.line[:, i]) for i in range(3))
        return np.stack([x - t * np.sin(yaw), y + t * np.cos(yaw), z + up], -1)

    def yaw(self, s) -> np.ndarray:
        """Return the direction of the centre line at s, radians."""
        return np.interp(s, self.s, self.heading)

    def slope(self, s) -> float:
        """Return the rise a metre at s."""
        return float(self.at(s + 1)[2] - self.at(s - 1)[2]) / 2


def _smooth(rng, n: int, width: int) -> np.ndarray:
    window = np.hanning(width)
    wave = np.convolve(rng.normal(size=n + 4 * width), window, 'same')[2 * width:-2 * width]
    return wave / math.sqrt((window ** 2).sum())


@dataclass(eq=False)
class Mover:
    """Something that may drive: at s, t at time 0, `speed` metres a second along the road."""

    mesh: Mesh
    s: float
    t: float
    yaw: float = 0.0
    speed: float = 0.0

    @property
    def place(self) -> tuple[float, float, float, float]:
        """What it covers at time 0: s from, s to, t from, t to."""
        length, width = extent(self.mesh)[:2] / 2
        c, s = abs(math.cos(self.yaw)), abs(math.sin(self.yaw))
        along, across = length * c + width * s, length * s + width * c
        return self.s - along, self.s + along, self.t - across, self.t + across


@dataclass
class Street:
    """A street: what stands, what may move, its light, and where cameras may be."""

    kind: str
    spine: Spine
    fixed: Mesh
    movers: list[Mover]
    light: Light
    lanes: list[tuple[float, int]]  # t of their centres, direction (1 along s, -1 against)

    def mesh(self, time: float = 0.0) -> Mesh:
        """Return everything, as it is at `time` seconds."""
        return join([self.fixed, *(self._place(mover, time) for mover in self.movers)])

    def _place(self, mover: Mover, time: float) -> Mesh:
        s = mover.s + mover.speed * time
        return put(self.spine, mover.mesh, s, mover.t, mover.yaw)

    def free(self, s: float, t: float, ahead: float) -> bool:
        """Return whether a car may be at (s, t) with nothing in the `ahead` metres before it."""
        low, high = min(s, s + ahead) - 2.0, max(s, s + ahead) + 2.0
        return not any(low < b and a < high and t - 1.1 < d and c < t + 1.1
                       for a, b, c, d in (mover.place for mover in self.movers))


def put(spine: Spine, mesh: Mesh, s: float, t: float, yaw: float = 0.0, up: float = 0.0,
        scale=1.0) -> Mesh:
    """Return `mesh` standing on the road at s, t, turned by `yaw` against the centre line."""
    x, y, z = spine.at(s, t, up)
    return mesh.placed(x, y, z, float(spine.yaw(s)) + yaw, scale)


def extent(mesh: Mesh) -> np.ndarray:
    """Return the sizes along x, y, z."""
    return np.ptp(mesh.corners.reshape(-1, 3), axis=0)


class Builder:
    """Puts a street together; `library` holds ready-made things by name."""

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]],
                 room: float = ROOM):
        self.rng = rng
        self.room = room
        self.more = room - ROOM  # what a long street's rows are longer by
        self.library = library
        self.parts: list[Mesh] = []
        self.movers: list[Mover] = []
        self.gaps: list[tuple[float, float]] = []  # s of side streets, where rows pause

    # -- words --

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def between(self, a: float, b: float) -> float:
        return float(self.rng.uniform(a, b))

    def any(self, *names: str) -> Mesh:
        """Return one thing of one of the kinds `names`."""
        things = self.library[names[self.rng.integers(len(names))]]
        return things[self.rng.integers(len(things))]

    def add(self, mesh: Mesh, s: float, t: float, yaw: float = 0.0, up: float = 0.0,
            scale=1.0) -> None:
        self.parts.append(put(self.spine, mesh, s, t, yaw, up, scale))

    def in_gap(self, s: float, reach: float = 0.0) -> bool:
        return any(a - reach < s < b + reach for a, b in self.gaps)

    def vehicle(self, mesh: Mesh, s: float, t: float, direction: int, speed: float = 0.0) -> None:
        yaw = (0.0 if direction > 0 else math.pi) + self.rng.normal() * 0.02
        self.movers.append(Mover(mesh, s, t, yaw, speed * direction))

    def strip(self, t0: float, t1: float, color, texture, cell: float, up0=0.0, up1=0.0,
              lift: float = 0.0, s0: float = START, s1: float | None = None,
              gloss: float = 0.0) -> None:
        """Add a band of ground between t0 and t1 (may be functions of s), at heights above it."""
        s1 = self.spine.end if s1 is None else s1
        fine = 80.0 + self.more
        s = np.concatenate([np.arange(s0, min(fine, s1), 4.0), np.arange(max(fine, s0), s1, 12.0),
                            [s1]])
        s = np.unique(s)
        a = self.spine.at(s, t0, up0)
        b = self.spine.at(s, t1, up1)
        # u along s in both, so that the texture runs on.
        self.parts.append(quads(np.stack([b[:-1], b[1:], a[1:], a[:-1]], 1), color, texture,
                                (cell, cell), normal=None, lift=lift, gloss=gloss,
                                offset=np.stack([s[:-1] / cell, 0 * s[:-1]], 1)))

    def mark(self, s0: float, s1: float, t0: float, t1: float, tone=0.6) -> None:
        """Add road paint."""
        n = max(int((s1 - s0) / 8), 1)
        s = np.linspace(s0, s1, n + 1)
        a, b = self.spine.at(s, t0, 0.005), self.spine.at(s, t1, 0.005)
        self.parts.append(quads(np.stack([b[:-1], b[1:], a[1:], a[:-1]], 1), (tone,) * 3,
                                Texture.PAINT, (2, 2), lift=0.08))

    def line(self, t: float, dashed: bool, tone: float, width: float = 0.13) -> None:
        if not dashed:
            self.mark(-20, 160 + self.more, t - width / 2, t + width / 2, tone)
            return
        dash, gap = ((3, 6), (6, 12), (3, 3), (2, 4))[self.rng.integers(4)]
        for s in np.arange(-10 + self.between(0, gap), 110 + self.more, dash + gap):
            self.mark(s, s + dash, t - width / 2, t + width / 2, tone)

    # -- ground --

    def ground(self, half: float, edge: float, walk_left: float, walk_right: float,
               beyond: str) -> None:
        """Road to `half` on either side, pavements, and what is beyond up to 90 m."""
        grey = self.between(0.05, 0.22) * np.array([1, 1, 1 + self.rng.normal() * 0.03])
        surface = Texture.COBBLES if self.kind in ('narrow', 'village') and self.chance(0.25) \
            else Texture.CONCRETE if self.chance(0.1) else Texture.ASPHALT
        shine = self.between(0.1, 0.5) if self.chance(0.12) else 0.0  # wet
        for a, b in ((-half, 0.0), (0.0, half)):
            self.strip(a, b, grey, surface, 2.0 if surface == Texture.COBBLES else 4.0,
                       gloss=shine, up0=-0.02 * abs(a), up1=-0.02 * abs(b))
        down = -0.02 * half
        green = np.array([0.07, 0.12, 0.035]) * self.between(0.5, 1.8) * (
            1 + self.rng.normal(size=3) * 0.15)
        dry = np.array([0.25, 0.2, 0.1]) * self.between(0.6, 1.4)
        field_color = green if self.chance(0.75) else dry
        for side, walk in ((1, walk_left), (-1, walk_right)):
            up = down
            t = half
            if walk > 0:
                kerb = self.between(0.04, 0.17)
                tone = self.between(0.15, 0.4)
                self.strip(side * t, side * (t + 0.02), (tone,) * 3, Texture.CONCRETE, 4.0,
                           up, up + kerb)
                self.strip(side * t, side * (t + 0.16), (tone * 1.1,) * 3, Texture.CONCRETE, 4.0,
                           up + kerb, up + kerb, lift=0.03)
                paved = Texture(int(self.rng.choice([Texture.PAVING, Texture.ASPHALT,
                                                     Texture.CONCRETE, Texture.COBBLES])))
                color = self.between(0.12, 0.35) * (1 + self.rng.normal(size=3) * 0.04)
                up += kerb
                self.strip(side * (t + 0.1), side * (t + walk), color, paved, 2.0, up, up + 0.03)
                t, up = t + walk, up + 0.03
            if beyond == 'paved':
                self.strip(side * t, side * 90, grey * 1.2, Texture.ASPHALT, 4.0, up, up)
                continue
            if edge > 0:  # gravel beside the road
                self.strip(side * t, side * (t + edge), (0.2, 0.18, 0.15), Texture.SOIL, 4.0,
                           up, up - 0.05)
                t, up = t + edge, up - 0.05
            rise = self.between(-0.12, 0.12) if beyond == 'garden' else self.rng.choice(
                [0.0, self.between(-0.35, 0.45)])
            near = t + self.between(2, 9)
            high = up + rise * (near - t)
            self.strip(side * t, side * near, field_color, Texture.GRASS, 4.0, up, high)
            far = self.rng.choice([0.0, 0.03, self.between(-0.05, 0.12)])
            second = field_color * self.between(0.6, 1.5)
            self.strip(side * near, side * 40, second, Texture.GRASS, 4.0, high,
                       high + far * 40)
            self.strip(side * 40, side * 120, second * self.between(0.7, 1.3), Texture.GRASS, 8.0,
                       high + far * 40, high + far * 160)

    def horizon(self) -> None:
        """What ends the view: the outline of woods, hills and towns, far out."""
        for distance, share in ((self.more + self.between(150, 260), 0.8),
                                (self.more + self.between(300, 600), 0.9)):
            turn = self.between(0, 1)
            for i in range(16):
                if not self.chance(share):
                    continue
                a, b = (2 * math.pi * (i + k + turn) / 16 for k in (0, 1))
                height = distance * self.between(0.03, 0.13)
                town = self.chance(0.2)
                color = np.array([0.04, 0.06, 0.03]) * self.between(0.5, 2) if not town else (
                    np.ones(3) * self.between(0.1, 0.35))
                low = float(self.spine.line[:, 2].min()) - 12
                p = np.array([[distance * math.cos(k), distance * math.sin(k)] for k in (a, b)])
                self.parts.append(quads(
                    [[[*p[0], low], [*p[1], low], [*p[1], height], [*p[0], height]]], color,
                    Texture.SKYLINE if town else Texture.TREELINE, (0, 0)))
        rim = np.linspace(0, 2 * math.pi, 25)
        ring = (600 + self.more) * np.stack([np.cos(rim), np.sin(rim)], 1)
        low = float(self.spine.line[:, 2].min()) - 3.0
        corner = [[[0, 0, low], [*ring[i], low], [*ring[i + 1], low], [0, 0, low]]
                  for i in range(24)]
        self.parts.append(quads(corner, (0.09, 0.11, 0.06), Texture.GRASS, (30, 30)))

    # -- rows of things --

    def facades(self, side: int, t: float, s0: float, s1: float, gap: float = 0.03) -> None:
        """A closed front of houses; its line at |t|."""
        s, s1 = s0, s1 + self.more
        while s < s1:
            block = self.any('facade_block')
            width = float(extent(block)[0])
            if self.in_gap(s + width / 2, width / 2):
                s += 2.0
                continue
            if self.chance(gap):
                s += self.between(2, 12)
                continue
            back = self.rng.choice([0, 0, 0, self.between(0, 0.5), self.between(0, 3)])
            self.add(block, s + width / 2, side * (t + back), 0.0 if side > 0 else math.pi)
            s += width

    def along(self, s0: float, s1: float, gap: tuple[float, float], t, names, jitter=0.5,
              share: float = 1.0, turn: bool = True, up: float = 0.0, scale=(1.0, 1.0),
              yaw: float = 0.0) -> None:
        """Things in a row at t, every gap metres."""
        s, s1 = s0 + self.between(0, gap[1]), s1 + self.more
        while s < s1:
            if self.chance(share) and not self.in_gap(s):
                self.add(self.any(*names), s, t + self.rng.normal() * jitter,
                         self.between(0, 2 * math.pi) if turn else yaw, up,
                         self.between(*scale))
            s += self.between(*gap)

    def run(self, s0: float, s1: float, t: float, name: str, up: float = 0.0,
            whole: bool = True) -> None:
        """One long thing (fence, wall, hedge, guard rail) made of equal pieces."""
        piece = self.any(name)
        length = float(extent(piece)[0])
        for s in np.arange(s0, s1 + self.more * whole, max(length, 1.0)):
            if self.in_gap(s + length / 2, length / 2):
                continue
            self.add(piece, s + length / 2, t, 0.0 if t > 0 else math.pi, up)

    def parked(self, side: int, t: float, s0: float, s1: float, share: float,
               across: bool = False) -> None:
        s, s1 = s0, s1 + self.more
        slant = self.rng.choice([0.0, 0.0, self.between(-0.6, 0.6)])
        while s < s1:
            car = self.any(*(['car'] * 12 + ['van', 'van', 'lorry']))
            size = extent(car)
            if across:
                if self.chance(share) and not self.in_gap(s, 2.0):
                    yaw = math.pi / 2 * self.rng.choice([-1, 1]) + slant + self.rng.normal() * .03
                    self.movers.append(Mover(car, s, t + self.rng.normal() * 0.25, yaw))
                s += max(self.between(2.4, 2.9), size[1] + 0.5)
            else:
                s += size[0] / 2
                if self.chance(share) and not self.in_gap(s, 2.0):
                    self.vehicle(car, s, t + self.rng.normal() * 0.12,
                                 side * -1 if self.chance(0.85) else side)
                s += size[0] / 2 + self.between(0.5, 2.0)

    def traffic(self, lanes, gap: tuple[float, float], names, speed: tuple[float, float]) -> None:
        for t, direction in lanes:
            pace = self.between(*speed)
            s = self.between(-30, 10)
            while s < 170 + self.more:
                thing = self.any(*names)
                length = float(extent(thing)[0])
                s += length / 2
                self.vehicle(thing, s, t + self.rng.normal() * 0.2, direction, pace)
                s += length / 2 + self.between(*gap)

    def people(self, t0: float, t1: float, count: int, names=('pedestrian',)) -> None:
        for _ in range(count):
            s, t = self.between(2, 70 + self.more), self.between(min(t0, t1), max(t0, t1))
            self.add(self.any(*names), s, t, self.rng.choice([0, math.pi]) + self.rng.normal() * .4
                     if self.chance(0.7) else self.between(0, 6.3))

    def signs(self, t: float, side: int, count: int) -> None:
        for _ in range(count):
            self.add(self.any('traffic_sign', 'traffic_sign', 'traffic_light', 'waste_bin',
                              'cabinet',
                              'bollard', 'post_box', 'billboard', 'bus_stop',
                              'bench', 'kiosk', 'construction', 'umbrella'),
                     self.between(4, 90), side * (t + self.between(0.2, 0.9)),
                     math.pi if side < 0 else self.rng.choice([0, math.pi]))

    # -- streets --

    def build(self, kind: str) -> Street:
        self.kind = kind
        rng = self.rng
        bend = {'narrow': 0.008, 'jam': 0.003, 'motorway': 0.002, 'avenue': 0.003}.get(kind, 0.006)
        self.spine = Spine(rng, bend, rng.choice([0.006, 0.03]), self.room)
        if kind in ('residential', 'narrow', 'avenue', 'village', 'jam', 'open'):
            for _ in range(rng.integers(0, 3)):
                s, width = self.between(8, 120), self.between(4, 14)
                self.gaps.append((s - width / 2, s + width / 2))
        lanes = getattr(self, '_' + kind.replace(' ', '_'))()
        for s0, s1 in self.gaps:
            self.side_street(s0, s1)
        if kind in ('residential', 'narrow', 'avenue', 'village') and self.chance(0.25):
            self.dead_end(self.room + self.between(12, 65))
        if kind in ('open', 'avenue', 'jam', 'village') and self.chance(0.15):
            self.rails()
        self.horizon()
        if kind != 'motorway' and self.chance(0.5):
            for _ in range(rng.integers(1, 4)):
                self.decoration()
        return Street(kind, self.spine, join(self.parts), self.movers, random_light(rng), lanes)

    def side_street(self, s0: float, s1: float) -> None:
        """A road across, with what stands beside it."""
        tone = self.between(0.06, 0.2)
        middle, half = (s0 + s1) / 2, (s1 - s0) / 2
        across = np.array([[[s, t] for s in (middle - half * 0.7, middle + half * 0.7)]
                           for t in (-70.0, -self.half, self.half, 70.0)])
        points = [[self.spine.at(s, t, 0.14) for s, t in pair] for pair in across]
        for a, b in zip(points, points[1:]):
            self.parts.append(quads([[a[0], a[1], b[1], b[0]]], (tone,) * 3, Texture.ASPHALT,
                                    (4, 4), lift=0.12))
        for side in (1, -1):
            for edge, face in ((s0, -math.pi / 2), (s1, math.pi / 2)):
                t = self.half + self.between(12, 20)
                while t < 60 and self.chance(0.85):
                    thing = self.any('facade_block', 'house', 'tree', 'hedge')
                    size = extent(thing)
                    out = max(size[1], size[0]) / 2 + 0.5
                    self.add(thing, edge + (-out if face < 0 else out) * 1.2, side * t, face)
                    t += size[0] + self.between(0, 6)
        if self.chance(0.5):
            self.movers.append(Mover(self.any('car', 'van', 'car', 'bus'), middle + half * 0.3,
                                     self.rng.choice([-1, 1]) * (self.half + self.between(3, 20)),
                                     self.rng.choice([-1, 1]) * math.pi / 2))

    def dead_end(self, s: float) -> None:
        """Where the street meets another one: houses across."""
        t = -self.between(40, 60)
        self.parts.append(quads([[self.spine.at(s, -80, 0.03), self.spine.at(s, 80, 0.03),
                                  self.spine.at(s - 9, 80, 0.03),
                                  self.spine.at(s - 9, -80, 0.03)]],
                                (0.12,) * 3, Texture.ASPHALT, (4, 4), lift=0.12))
        name = rng_choice(self.rng, ('facade_block', 'facade_block', 'house'))
        while t < 55:
            thing = self.any(name)
            size = extent(thing)
            self.add(thing, s + 2 + (size[1] / 2 if name == 'house' else 0), t + size[0] / 2,
                     -math.pi / 2)
            t += size[0] + (self.between(1, 8) if name == 'house' else 0)

    def rails(self) -> None:
        """Tram or railway tracks beside the road, on gravel or in the lawn."""
        side = rng_choice(self.rng, (1, -1))
        t = self.half + self.between(1.0, 2.5)
        if self.chance(0.7):
            self.strip(side * t, side * (t + 6.4), (0.2, 0.17, 0.14), Texture.SOIL, 4.0, 0.12,
                       0.12, lift=0.1)
        for track in (1.6, 4.8):
            for rail in (-0.72, 0.72):
                where = side * (t + track + rail)
                self.strip(where - 0.04, where + 0.04, (0.3, 0.25, 0.22), Texture.ROUGH, 2.0,
                           0.2, 0.2, lift=0.15, gloss=0.3)
            if self.chance(0.6):
                for s in np.arange(0, 60, 0.65):
                    self.mark_tie(s, side * (t + track))
        if self.chance(0.4):
            self.add(self.any('tram'), self.between(20, 120), side * (t + 1.6))

    def mark_tie(self, s: float, t: float) -> None:
        self.parts.append(quads([[self.spine.at(s + ds, t + dt, 0.14) for ds, dt in (
            (0, -1.25), (0.25, -1.25), (0.25, 1.25), (0, 1.25))]], (0.12, 0.1, 0.08),
            Texture.CONCRETE, (4, 4), lift=0.14))

    def decoration(self) -> None:
        s = self.between(15, 90)
        choice = rng_choice(self.rng, ('crosswalk', 'patch', 'hole'))
        half = self.half
        if choice == 'crosswalk':
            for t in np.arange(-half + 0.3, half - 0.5, 1.0):
                self.mark(s, s + 3, t, t + 0.5)
            self.mark(s - 2, s - 1.6, -half, 0)
        elif choice == 'patch':
            t = self.between(-half, half - 1)
            self.strip(t, t + self.between(0.5, 2), (self.between(0.03, 0.2),) * 3,
                       Texture.ASPHALT, 4.0, lift=0.05, s0=s, s1=s + self.between(2, 25),
                       up0=-0.02 * abs(t), up1=-0.02 * abs(t))
        else:
            t = self.between(-half, half - 1)
            self.strip(t, t + 0.6, (0.05,) * 3, Texture.ROUGH, 1.0, lift=0.08, s0=s, s1=s + 0.6)

    def _lanes(self, count: int, width: float, oneway: bool = False) -> list[tuple[float, int]]:
        self.half = half = count * width / 2
        return [(-half + width * (i + 0.5), 1 if oneway or i < count / 2 else -1)
                for i in range(count)]

    def paint(self, lanes, width: float, share: float = 0.8) -> None:
        tone = self.between(0.35, 0.8)
        for (t, direction), (_, following) in zip(lanes, lanes[1:]):
            if self.chance(share):
                self.line(t + width / 2, direction == following or self.chance(0.6), tone)
        for edge in (-1, 1):
            if self.chance(share * 0.6):
                self.line(edge * (self.half - 0.2), False, tone)

    def planted(self, side: int, near: float, dense: float) -> None:
        """Trees, shrubs and the like from |t| = near outwards."""
        rng = self.rng
        names = (('tree',), ('tree', 'conifer'), ('tree', 'shrub'), ('conifer',))[rng.integers(4)]
        if self.chance(0.6):
            gap = self.between(5, 16) / dense
            self.along(-5, 140, (gap * 0.7, gap * 1.4), side * (near + self.between(0.5, 4)),
                       names, 0.7, scale=(0.7, 1.3))
        for _ in range(int(14 * dense * rng.random())):
            self.add(self.any('tree', 'conifer', 'shrub', 'shrub'), self.between(0, 190),
                     side * (near + self.between(1, 45)), self.between(0, 6), 0.0,
                     self.between(0.6, 1.6))

    def poles(self, t: float) -> None:
        name = rng_choice(self.rng, ('lamp_post', 'lamp_post', 'power_pole'))
        sides = ((1,), (-1,), (1, -1))[self.rng.integers(3)]
        gap = self.between(16, 45)
        for side in sides:
            self.along(-10, 150, (gap, gap * 1.05), side * t, (name,), 0.1, turn=False,
                       yaw=0.0 if side < 0 else math.pi)

    def _open(self):
        width = self.between(2.7, 3.6)
        lanes = self._lanes(2, width)
        walk = self.between(1, 3) if self.chance(0.3) else 0
        self.ground(self.half, self.between(0.2, 1.5), walk, walk if self.chance(0.3) else 0,
                    'field')
        self.paint(lanes, width)
        for side in (1, -1):
            border = self.half + walk + self.between(1.0, 3.0)
            self.planted(side, border + 1, self.between(0.2, 1.5))
            if self.chance(0.35):
                self.run(-10, 150, side * border, rng_choice(self.rng, (
                    'guard_rail', 'fence', 'hedge', 'wall')))
            for _ in range(self.rng.integers(0, 5)):
                self.add(self.any('house', 'hall', 'house'), self.between(15, 180),
                         side * (border + self.between(12, 50)), self.between(0, 6))
            self.signs(border - 0.8, side, self.rng.integers(0, 3))
        if self.chance(0.6):
            self.poles(self.half + walk + 1.5)
        self.traffic(lanes[1:] if self.chance(0.5) else lanes, (15, 90), ROAD_USERS, (5, 14))
        return lanes

    def _residential(self):
        width = self.between(2.4, 3.3)
        lanes = self._lanes(2, width)
        parking = [self.chance(0.6), self.chance(0.6)]
        lane_half = self.half
        self.half += 2.0 * max(parking)
        walks = [self.between(1.2, 3) if self.chance(0.85) else 0.0 for _ in range(2)]
        self.ground(self.half, 0, *walks, 'garden')
        self.paint(lanes, width, 0.35)
        for side, walk, cars in zip((1, -1), walks, parking):
            if cars:
                self.parked(side, side * (lane_half + 1.0), -15, 110, self.between(0.3, 0.95))
            border = self.half + walk + 0.3
            kind = rng_choice(self.rng, ('fence', 'hedge', 'wall', 'fence', 'none'))
            if kind != 'none':
                s = -10.0
                while s < 130 + self.more:
                    length = self.between(6, 25)
                    self.run(s, s + length, side * border, kind, 0.05, False)
                    s += length + self.between(1, 5)
                    if self.chance(0.4):
                        kind = rng_choice(self.rng, ('fence', 'hedge', 'wall'))
            s = -10.0
            setback = self.between(2, 9)
            while s < 150 + self.more:
                house = self.any('house')
                size = extent(house)
                self.add(house, s + size[0] / 2, side * (border + setback + size[1] / 2
                                                         + self.rng.normal() * 0.5),
                         (0.0 if side > 0 else math.pi) + self.rng.choice([0, math.pi / 2]) * (
                             self.chance(0.3)))
                s += size[0] + self.between(2, 14)
            self.planted(side, border + 0.8, self.between(0.3, 1.6))
            if self.chance(0.5):
                self.along(0, 120, (6, 20), side * (self.half + max(walk - 0.6, 0.4)), ('tree',),
                           0.2, scale=(0.4, 0.9))
            self.signs(self.half, side, self.rng.integers(0, 5))
            if walk:
                self.people(side * self.half, side * (self.half + walk), self.rng.integers(0, 4))
        if self.chance(0.7):
            self.poles(self.half + 0.5)
        self.traffic(lanes, (15, 80), ROAD_USERS, (3, 9))
        return lanes

    def _narrow(self):
        oneway = self.chance(0.5)
        width = self.between(2.6, 3.4)
        lanes = self._lanes(1 if oneway else 2, width, oneway)
        lane_half = self.half
        parking = self.chance(0.55)
        if parking:
            self.half += 2.0
        walks = [self.between(0.6, 3.0) for _ in range(2)]
        self.ground(self.half, 0, *walks, 'paved')
        self.paint(lanes, width, 0.3)
        for side, walk in zip((1, -1), walks):
            if parking and self.chance(0.8):
                self.parked(side, side * (lane_half + 1.0), -15, 100, self.between(0.4, 1.0))
            self.facades(side, self.half + walk, -25, 170, self.between(0, 0.12))
            if self.chance(0.4):
                self.along(0, 90, (8, 20), side * (self.half + 0.5), ('tree',), 0.1,
                           scale=(0.35, 0.7))
            if self.chance(0.4):
                self.along(0, 70, (1.5, 4), side * (self.half + 0.25), ('bollard',), 0.02)
            self.signs(self.half, side, self.rng.integers(1, 6))
            self.people(side * (self.half + 0.2), side * (self.half + walk),
                        self.rng.integers(0, 7), ('pedestrian', 'pedestrian', 'bicycle'))
        self.traffic(lanes, (12, 60), TOWN_USERS, (2, 7))
        if self.chance(0.5):
            self.poles(self.half + 0.4)
        return lanes

    def _avenue(self):
        width = self.between(2.9, 3.6)
        lanes = self._lanes(self.rng.choice([2, 3, 4, 4]), width)
        lane_half = self.half
        park = self.rng.choice(['none', 'along', 'across', 'along'])
        self.half += {'none': 0, 'along': 2.2, 'across': 5.2}[park]
        walks = [self.between(2, 7) for _ in range(2)]
        self.ground(self.half, 0, *walks, 'paved' if self.chance(0.6) else 'garden')
        self.paint(lanes, width, 0.9)
        for side, walk in zip((1, -1), walks):
            if park != 'none' and self.chance(0.85):
                self.parked(side, side * (lane_half + (1.1 if park == 'along' else 2.6)), -15, 120,
                            self.between(0.4, 0.95), park == 'across')
            line = self.half + walk
            if self.chance(0.75):
                self.facades(side, line + self.rng.choice([0, self.between(0, 8)]), -30, 190,
                             self.between(0, 0.25))
            else:
                self.planted(side, line, self.between(0.8, 2))
                for s in np.arange(0, 180 + self.more, self.between(25, 60)):
                    self.add(self.any('tower_block', 'hall', 'house'), s,
                             side * (line + self.between(14, 30)), self.rng.choice([0, 1.571]))
            if self.chance(0.65):
                gap = self.between(6, 14)
                self.along(-5, 140, (gap, gap * 1.2), side * (self.half + 0.8), ('tree',), 0.1,
                           scale=(0.5, 1.1))
            self.signs(self.half, side, self.rng.integers(2, 8))
            self.people(side * (self.half + 0.4), side * line, self.rng.integers(0, 10),
                        ('pedestrian', 'pedestrian', 'pedestrian', 'cyclist', 'bicycle'))
        self.poles(self.half + 0.5)
        gap = self.between(6, 40)
        self.traffic(lanes, (gap * 0.5, gap * 2), TOWN_USERS, (2, 12))
        if self.chance(0.5):
            s = self.between(20, 70)
            for side in (1, -1):
                self.add(self.any('traffic_light'), s, side * (self.half + 0.4),
                         math.pi if side < 0 else 0)
        if self.chance(0.15):
            self.add(self.any('bridge'), self.between(25, 110), 0)
        return lanes

    def _jam(self):
        width = self.between(2.9, 3.6)
        lanes = self._lanes(self.rng.choice([2, 3, 4, 6]), width, self.chance(0.4))
        urban = self.chance(0.6)
        walk = self.between(1.5, 5) if urban else 0.0
        self.ground(self.half, 0 if urban else self.between(0.5, 2), walk, walk,
                    'paved' if urban else 'field')
        self.paint(lanes, width, 0.9)
        for side in (1, -1):
            line = self.half + walk + self.between(0.3, 2)
            if urban and self.chance(0.7):
                self.facades(side, line + self.between(0, 6), -30, 180, 0.15)
            else:
                self.planted(side, line + 1, self.between(0.5, 2))
                if self.chance(0.6):
                    self.run(-15, 140, side * line, rng_choice(
                        self.rng, ('guard_rail', 'wall', 'noise_wall', 'hedge', 'fence')))
            if urban:
                self.people(side * self.half, side * line, self.rng.integers(0, 6))
                self.along(0, 120, (8, 18), side * (self.half + 0.7), ('tree',), 0.1,
                           share=0.5, scale=(0.4, 0.9))
            self.signs(self.half + 0.2, side, self.rng.integers(0, 4))
        self.poles(self.half + 0.6)
        heavy = self.between(0.05, 0.5)
        names = ['car'] * 12 + ['lorry', 'van', 'bus', 'lorry', 'van', 'lorry'] * int(
            1 + 6 * heavy)
        gap = self.between(1.5, 9)
        self.traffic(lanes, (gap, gap * 2.5), names, (0, 5))
        if self.chance(0.2):
            self.add(self.any('bridge'), self.between(25, 110), 0)
        return lanes

    def _motorway(self):
        width = self.between(3.4, 3.8)
        each = int(self.rng.choice([2, 2, 3]))
        lanes = self._lanes(each, width, True)
        shoulder = self.between(0.5, 3)
        self.half += shoulder
        self.ground(self.half, self.between(0.3, 2), 0, 0, 'field')
        self.paint(lanes, width, 1.0)
        median = self.half + self.between(0.8, 3)
        if self.chance(0.85):
            self.run(-30, 200, median, 'guard_rail')
        away = median + self.between(1, 3) + width * each
        self.strip(away - width * each, away, (0.12,) * 3, Texture.ASPHALT, 4.0, 0.0, 0.0,
                   lift=0.06)
        opposite = [(away - width * (i + 0.5), -1) for i in range(each)]
        for t, names in zip([-self.half - 0.8, away + 1], (('guard_rail', 'noise_wall', 'none'),
                                                           ('guard_rail', 'noise_wall', 'none'))):
            name = rng_choice(self.rng, names)
            if name != 'none':
                self.run(-30, 200, t, name)
        self.planted(-1, self.half + 4, self.between(0.3, 2))
        self.planted(1, away + 4, self.between(0.3, 2))
        for _ in range(self.rng.integers(0, 3)):
            self.add(self.any('bridge'), self.between(25, 160), away / 2, 0, 0, (1, 1.8, 1))
        if self.chance(0.3):
            self.add(self.any('gantry'), self.between(25, 120), 0)
        gap = self.between(8, 50)
        names = ['car'] * 10 + ['lorry', 'lorry', 'van', 'bus'] * self.rng.integers(1, 4)
        self.traffic(lanes, (gap, gap * 2), names, (15, 25))
        self.traffic(opposite, (gap, gap * 2), names, (15, 25))
        return lanes

    def _car_park(self):
        aisle = self.between(5.5, 7.5)
        lanes = self._lanes(2, aisle / 2)
        self.ground(self.half, 0, 0, 0, 'paved')
        lane_half = self.half
        for side in (1, -1):
            t = lane_half + 2.6
            for row in range(self.rng.integers(1, 4)):
                self.parked(side, side * t, -12, 90, self.between(0.4, 0.95), True)
                for s in np.arange(-12, 80 + self.more, 2.5):
                    if row < 2:
                        self.mark(s, s + 0.1, min(side * (t - 2.5), side * (t + 2.5)),
                                  max(side * (t - 2.5), side * (t + 2.5)))
                t += self.rng.choice([5.2, 5.2 + aisle])
            if self.chance(0.5):
                self.along(0, 100, (8, 16), side * (lane_half + 5.3), ('tree', 'lamp_post'), 0.1,
                           scale=(0.4, 0.8))
            for s in np.arange(-10, 150 + self.more, self.between(20, 50)):
                self.add(self.any('hall', 'tower_block', 'house'), s,
                         side * (t + self.between(12, 30)), 0.0)
        self.people(-lane_half, lane_half, self.rng.integers(0, 5))
        self.traffic(lanes, (30, 90), ('car',), (1, 3))
        for s in (self.between(80, 130),):
            self.add(self.any('hall'), s + 15, 0, math.pi / 2)
        return lanes

    def _square(self):
        """A paved place between houses: what a camera sees that looks at a front."""
        reach = self.between(5, 30)
        self.half = reach
        self.spine = Spine(self.rng, 0.0, 0.004, self.room)
        lanes = [(self.between(-0.6, 0.6) * reach, d) for d in (1, -1, 1, -1)]
        self.ground(reach, 0, *(self.between(1, 5) for _ in range(2)), 'paved')
        paving = rng_choice(self.rng, (Texture.PAVING, Texture.PAVING, Texture.COBBLES,
                                       Texture.ASPHALT))
        self.strip(-reach, reach, self.between(0.12, 0.4) * (1 + self.rng.normal(size=3) * 0.05),
                   paving, 2.0, -0.0, -0.0, lift=0.1)
        for side in (1, -1):
            line = reach + self.between(0.5, 5)
            style = self.rng.random()
            if style < 0.65:
                self.facades(side, line, -40, 150, self.between(0, 0.2))
            elif style < 0.85:
                self.run(-40, 150, side * line, rng_choice(self.rng, (
                    'wall', 'hedge', 'fence', 'noise_wall')))
                self.planted(side, line + 1, 2.0)
            else:
                s = -30.0
                while s < 130 + self.more:
                    hall = self.any('hall', 'tower_block', 'garage_row')
                    size = extent(hall)
                    self.add(hall, s + size[0] / 2, side * (line + size[1] / 2), 0.0
                             if side > 0 else math.pi)
                    s += size[0] + self.between(1, 10)
            for _ in range(self.rng.integers(0, 9)):
                self.add(self.any('shrub', 'tree', 'hedge', 'bicycle', 'bicycle', 'bench',
                                  'umbrella', 'waste_bin', 'bollard', 'traffic_sign', 'kiosk'),
                         self.between(0, 90), side * (line - self.between(0.4, 2.5)),
                         self.rng.choice([0, 1.571]))
            if self.chance(0.4):
                self.along(0, 100, (6, 14), side * self.between(0.5, 0.95) * reach,
                           ('tree', 'lamp_post', 'bollard'), 0.2, scale=(0.5, 0.9))
            if self.chance(0.3):
                self.parked(side, side * (line - 1.5), -20, 100, 0.5)
        self.people(-reach, reach, self.rng.integers(0, 14),
                    ('pedestrian', 'pedestrian', 'pedestrian', 'cyclist', 'bicycle'))
        if self.chance(0.7):
            self.dead_end(self.room + self.between(5, 45))
        return lanes

    def _wood(self):
        width = self.between(2.5, 3.4)
        lanes = self._lanes(2, width)
        self.ground(self.half, self.between(0.2, 1.5), 0, 0, 'field')
        self.paint(lanes, width, 0.6)
        names = (('tree',), ('conifer',), ('tree', 'conifer'))[self.rng.integers(3)]
        for side in (1, -1):
            near = self.half + self.between(1.0, 5)
            for row in range(4):
                gap = self.between(4, 7) + row * 2
                self.along(-8, 150, (gap * 0.5, gap * 1.5), side * (near + row * 4.5), names, 1.2,
                           scale=(0.8, 1.4))
            self.along(-5, 80, (2, 10), side * (near - 0.3), ('shrub', 'grass_tuft'), 0.5,
                       scale=(0.4, 1))
            if self.chance(0.25):
                self.run(-10, 130, side * (near - 0.7), 'guard_rail')
            self.signs(self.half + 0.8, side, self.rng.integers(0, 2))
        self.traffic(lanes, (25, 110), ROAD_USERS, (8, 18))
        return lanes

    def _village(self):
        width = self.between(2.5, 3.2)
        lanes = self._lanes(2, width)
        walks = [self.between(0.5, 3) for _ in range(2)]
        self.ground(self.half, 0, *walks, 'garden')
        self.paint(lanes, width, 0.5)
        for side, walk in zip((1, -1), walks):
            s = -20.0
            while s < 150 + self.more:
                if self.chance(0.6):
                    thing = self.any('facade_block', 'house')
                    size = extent(thing)
                    front = self.half + walk + self.between(0, 4)
                    is_block = any(thing is block for block in self.library['facade_block'])
                    self.add(thing, s + size[0] / 2,
                             side * (front + (0 if is_block else size[1] / 2)),
                             0.0 if side > 0 else math.pi)
                    s += size[0] + self.between(0, 8)
                else:
                    length = self.between(5, 20)
                    self.run(s, s + length, side * (self.half + walk + 0.2),
                             rng_choice(self.rng, ('wall', 'fence', 'hedge')), whole=False)
                    self.add(self.any('tree', 'shrub'), s + length / 2,
                             side * (self.half + walk + self.between(2, 8)), 1.0)
                    s += length
            if self.chance(0.5):
                self.parked(side, side * (self.half - 0.9 + walk), -10, 90, 0.25)
            self.signs(self.half, side, self.rng.integers(0, 5))
            self.people(side * self.half, side * (self.half + walk), self.rng.integers(0, 4))
        self.poles(self.half + 0.4)
        self.traffic(lanes, (15, 80), ROAD_USERS, (4, 12))
        return lanes


ROAD_USERS = ('car',) * 14 + ('van', 'van', 'lorry', 'bus', 'lorry', 'motorcycle', 'cyclist')
TOWN_USERS = ('car',) * 12 + ('van', 'van', 'bus', 'lorry', 'cyclist', 'lorry', 'motorcycle')


def rng_choice(rng, names):
    """Return one of `names`, as it is."""
    return names[rng.integers(len(names))]


def random_light(rng: np.random.Generator) -> Light:
    """Return a day's light: sun low or high, clear, hazy, overcast, dusk or fog."""
    kind = rng.choice(['clear', 'broken', 'overcast', 'hazy', 'dusk', 'fog'],
                      p=[0.36, 0.22, 0.2, 0.1, 0.06, 0.06])
    height = math.radians(rng.uniform(6, 25) if rng.random() < 0.3 else rng.uniform(25, 65))
    around = rng.uniform(0, 2 * math.pi)
    sun = (math.cos(height) * math.cos(around), math.cos(height) * math.sin(around),
           math.sin(height))
    warm = math.exp(-3.5 * math.sin(height))
    strength = {'clear': 3.2, 'broken': 2.6, 'overcast': 0.0, 'hazy': 1.4, 'dusk': 0.25,
                'fog': 0.0}[kind] * rng.uniform(0.7, 1.3)
    sun_color = strength * np.array([1.0, 0.93 - 0.25 * warm, 0.82 - 0.45 * warm])
    blue = np.array([0.28, 0.48, 0.95]) * rng.uniform(0.6, 1.1)
    pale = np.array([0.75, 0.85, 1.0]) * rng.uniform(0.8, 1.5)
    grey = np.ones(3) * rng.uniform(0.7, 1.4) * (1 + rng.normal(size=3) * 0.02)
    zenith, horizon = blue, pale
    if kind in ('overcast', 'fog'):
        zenith, horizon = grey, grey * rng.uniform(0.85, 1.15)
    elif kind == 'hazy':
        zenith, horizon = 0.5 * (blue + grey), grey
    elif kind == 'dusk':
        zenith, horizon = blue * 0.35, np.array([0.8, 0.55, 0.45]) * rng.uniform(0.3, 0.7)
    fog = {'fog': rng.uniform(0.006, 0.025), 'hazy': rng.uniform(0.001, 0.004)}.get(
        kind, rng.uniform(0, 0.0012))
    return Light(sun, tuple(map(float, sun_color)), tuple(map(float, zenith)),
                 tuple(map(float, horizon)),
                 {'clear': rng.uniform(0, 0.3), 'broken': rng.uniform(0.3, 0.75)}.get(kind, 0.0),
                 tuple(map(float, np.ones(3) * rng.uniform(0.8, 1.5))), float(fog),
                 tuple(map(float, 0.95 * horizon)), float(rng.uniform(0, 0.35)),
                 int(rng.integers(1 << 30)))


def random_street(rng: np.random.Generator, library: dict[str, list[Mesh]],
                  kind: str | None = None, room: float = ROOM) -> Street:
    """Return a street of `kind`, or of any, with `room` metres for the camera to drive."""
    if kind is None:
        kind = rng_choice_weighted(rng, KINDS)
    return Builder(rng, library, room).build(kind)


def rng_choice_weighted(rng, weights: dict[str, float]) -> str:
    """Return a key of `weights` as often as they say."""
    p = np.array(list(weights.values()))
    return list(weights)[rng.choice(len(p), p=p / p.sum())]
