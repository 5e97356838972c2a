# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What streets are put together from: ground, rows of things, traffic, crossings.

A street follows a centre line: s metres along it, t metres to its left. Traffic keeps right.
"""
from __future__ import annotations

import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import extent, Mesh, quads
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.streets.street import Mover, put, ROOM, START
from depth_estimation_ros.synthetic.things.objects import Chooser


class Builder(Chooser):
    """Puts a street together; `library` holds ready-made things by name."""

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]],
                 room: float = ROOM):
        super().__init__(rng, library)
        self.room = room
        self.more = room - ROOM  # what a long street's rows are longer by
        self.parts: list[Mesh] = []
        self.movers: list[Mover] = []
        self.gaps: list[tuple[float, float]] = []  # s of side streets, where rows pause

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
        """Add a band of ground between t0 and t1, at heights above the road's level."""
        s1 = self.spine.end if s1 is None else s1
        fine = 80.0 + self.more
        s = np.concatenate([np.arange(s0, min(fine, s1), 4.0), np.arange(max(fine, s0), s1, 12.0),
                            [s1]])
        s = np.unique(s)
        a = self.spine.at(s, t0, up0)
        b = self.spine.at(s, t1, up1)
        # u along s in both, so that the texture runs on.
        self.parts.append(quads(np.stack([b[:-1], b[1:], a[1:], a[:-1]], 1), color, texture,
                                (cell, cell), lift=lift, gloss=gloss,
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
        """Road to `half` on either side, pavements, and what is beyond, to 90 or 120 m."""
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
              share: float = 1.0, turn: bool = True, scale=(1.0, 1.0),
              yaw: float = 0.0) -> None:
        """Things in a row at t, every gap metres."""
        s, s1 = s0 + self.between(0, gap[1]), s1 + self.more
        while s < s1:
            if self.chance(share) and not self.in_gap(s):
                self.add(self.any(*names), s, t + self.rng.normal() * jitter,
                         self.between(0, 2 * math.pi) if turn else yaw, 0.0,
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
                              'cabinet', 'bollard', 'post_box', 'billboard', 'bus_stop', 'bench',
                              'kiosk', 'construction', 'umbrella'),
                     self.between(4, 90), side * (t + self.between(0.2, 0.9)),
                     math.pi if side < 0 else self.rng.choice([0, math.pi]))

    # -- crossings, paint, plants --

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
        name = self.one_of(('facade_block', 'facade_block', 'house', 'pavilion'))
        while t < 55:
            thing = self.any(name)
            size = extent(thing)
            self.add(thing, s + 2 + (size[1] / 2 if name == 'house' else 0), t + size[0] / 2,
                     -math.pi / 2)
            t += size[0] + (self.between(1, 8) if name == 'house' else 0)

    def rails(self) -> None:
        """Tram or railway tracks beside the road, on gravel or in the lawn."""
        side = self.one_of((1, -1))
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
        choice = self.one_of(('crosswalk', 'patch', 'hole'))
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

    def lanes(self, count: int, width: float, oneway: bool = False) -> list[tuple[float, int]]:
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
        name = self.one_of(('lamp_post', 'lamp_post', 'power_pole'))
        sides = ((1,), (-1,), (1, -1))[self.rng.integers(3)]
        gap = self.between(16, 45)
        for side in sides:
            self.along(-10, 150, (gap, gap * 1.05), side * t, (name,), 0.1, turn=False,
                       yaw=0.0 if side < 0 else math.pi)
