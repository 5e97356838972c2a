# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of streets, each with what is usual there; from a seed."""
from __future__ import annotations

import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.light import random_light
from depth_estimation_ros.synthetic.drawing.mesh import extent, join, Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.streets.builder import Builder
from depth_estimation_ros.synthetic.streets.street import ROOM, Spine, Street, trimmed

# Kinds of streets and how often they come.
KINDS = {'open': 0.11, 'residential': 0.16, 'narrow': 0.12, 'avenue': 0.15, 'jam': 0.13,
         'motorway': 0.08, 'car park': 0.05, 'wood': 0.05, 'village': 0.07, 'square': 0.08}
ROAD_USERS = ('car',) * 14 + ('van', 'van', 'lorry', 'bus', 'lorry', 'motorcycle', 'cyclist')
TOWN_USERS = ('car',) * 12 + ('van', 'van', 'bus', 'lorry', 'cyclist', 'lorry', 'motorcycle')


class Streets(Builder):
    """Builds a street of a kind; each method returns the lanes for cameras."""

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
        return Street(kind, self.spine, trimmed(join(self.parts), self.spine, lanes), self.movers,
                      random_light(rng), lanes)

    def _open(self):
        width = self.between(2.7, 3.6)
        lanes = self.lanes(2, width)
        walk = self.between(1, 3) if self.chance(0.3) else 0
        self.ground(self.half, self.between(0.2, 1.5), walk, walk if self.chance(0.3) else 0,
                    'field')
        self.paint(lanes, width)
        for side in (1, -1):
            border = self.half + walk + self.between(1.0, 3.0)
            self.planted(side, border + 1, self.between(0.2, 1.5))
            if self.chance(0.35):
                self.run(-10, 150, side * border, self.one_of((
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
        lanes = self.lanes(2, width)
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
            kind = self.one_of(('fence', 'hedge', 'wall', 'fence', 'none'))
            if kind != 'none':
                s = -10.0
                while s < 130 + self.more:
                    length = self.between(6, 25)
                    self.run(s, s + length, side * border, kind, 0.05, False)
                    s += length + self.between(1, 5)
                    if self.chance(0.4):
                        kind = self.one_of(('fence', 'hedge', 'wall'))
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
        lanes = self.lanes(1 if oneway else 2, width, oneway)
        lane_half = self.half
        parking = self.chance(0.7)
        if parking:
            self.half += self.between(1.9, 2.2)
        walks = [self.between(0.6, 3.0) for _ in range(2)]
        self.ground(self.half, 0, *walks, 'paved')
        self.paint(lanes, width, 0.3)
        for side, walk in zip((1, -1), walks):
            if parking and self.chance(0.9):
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
        lanes = self.lanes(self.rng.choice([2, 3, 4, 4]), width)
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
        lanes = self.lanes(self.rng.choice([2, 3, 4, 6]), width, self.chance(0.4))
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
                    self.run(-15, 140, side * line, self.one_of((
                        'guard_rail', 'wall', 'noise_wall', 'hedge', 'fence')))
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
        slow = self.rng.integers(len(lanes)) if self.chance(0.4) else len(lanes)
        self.traffic(lanes[:slow] + lanes[slow + 1:], (gap, gap * 2.5), names, (0, 5))
        # A lane of lorries and buses, close beside whoever stands next to it.
        self.traffic(lanes[slow:slow + 1], (gap, gap * 2), ('lorry', 'lorry', 'bus', 'van'),
                     (0, 5))
        for _ in range(self.rng.choice([0, 1, 2], p=[0.65, 0.2, 0.15])):
            self.add(self.any('bridge'), self.between(20, 120), 0, self.rng.normal() * 0.25, 0,
                     (1, self.between(1, 1.8), 1))
        return lanes

    def _motorway(self):
        width = self.between(3.4, 3.8)
        each = int(self.rng.choice([2, 2, 3]))
        lanes = self.lanes(each, width, True)
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
            name = self.one_of(names)
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
        lanes = self.lanes(2, aisle / 2)
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
            self.add(self.any('hall'), s + 15 + self.more, 0, math.pi / 2)
        return lanes

    def _square(self):
        """A paved place between houses: what a camera sees that looks at a front."""
        reach = self.between(5, 30)
        self.half = reach
        self.spine = Spine(self.rng, 0.0, 0.004, self.room)
        lanes = [(self.between(-0.6, 0.6) * reach, d) for d in (1, -1, 1, -1)]
        self.ground(reach, 0, *(self.between(1, 5) for _ in range(2)), 'paved')
        paving = self.one_of((Texture.PAVING, Texture.PAVING, Texture.COBBLES, Texture.ASPHALT))
        self.strip(-reach, reach, self.between(0.12, 0.4) * (1 + self.rng.normal(size=3) * 0.05),
                   paving, 2.0, lift=0.1)
        for side in (1, -1):
            line = reach + self.between(0.5, 5)
            style = self.rng.random()
            if style < 0.45:
                self.facades(side, line, -40, 150, self.between(0, 0.2))
            elif style < 0.65:
                self.run(-40, 150, side * line, self.one_of((
                    'wall', 'hedge', 'fence', 'noise_wall')))
                self.planted(side, line + 1, 2.0)
            else:
                s = -30.0
                names = self.one_of((('hall', 'tower_block', 'garage_row'), ('pavilion',)))
                while s < 130 + self.more:
                    hall = self.any(*names)
                    size = extent(hall)
                    self.add(hall, s + size[0] / 2, side * (line + self.between(0, 2)), 0.0
                             if side > 0 else math.pi)
                    s += size[0] + self.between(0, 8)
            for _ in range(self.rng.integers(0, 16)):
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
        lanes = self.lanes(2, width)
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
        lanes = self.lanes(2, width)
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
                             self.one_of(('wall', 'fence', 'hedge')), whole=False)
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


def random_street(rng: np.random.Generator, library: dict[str, list[Mesh]],
                  kind: str | None = None, room: float = ROOM) -> Street:
    """Return a street of `kind`, or of any, with `room` metres for the camera to drive."""
    streets = Streets(rng, library, room)
    return streets.build(kind or streets.one_kind(KINDS))
