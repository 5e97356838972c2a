# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of rooms, each with what is usual there; from a seed."""
from __future__ import annotations

from dataclasses import dataclass, replace
import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.light import random_light
from depth_estimation_ros.synthetic.drawing.mesh import extent, Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.rooms.builder import Builder, DOOR, INWARD, WHITE
from depth_estimation_ros.synthetic.rooms.room import Room
from depth_estimation_ros.synthetic.things.parts import boxes, shade

# Kinds of rooms and how often they come; BETWEEN lie between rooms and streets.
KINDS = {'living': 0.15, 'bedroom': 0.11, 'kitchen': 0.09, 'bathroom': 0.05, 'office': 0.12,
         'corridor': 0.09, 'hall': 0.06, 'class room': 0.05, 'workshop': 0.05, 'warehouse': 0.05,
         'shop': 0.05, 'basement': 0.04, 'garage': 0.03, 'courtyard': 0.03, 'entrance': 0.03}
BETWEEN = ('garage', 'courtyard', 'entrance')

_WOOD = (Texture.WOOD, ((0.4, 0.26, 0.14), (0.25, 0.15, 0.08), (0.55, 0.42, 0.28)), 2.0, 0.12)
_SLABS = (Texture.PAVING, ((0.6, 0.57, 0.5), (0.35, 0.34, 0.33), (0.15, 0.15, 0.16)), 2.0, 0.25)
_CARPET = (Texture.ROUGH, ((0.2, 0.2, 0.22), (0.3, 0.24, 0.18), (0.12, 0.16, 0.25),
                           (0.35, 0.12, 0.1)), 0.6, 0.0)
_LINO = (Texture.PLAIN, ((0.45, 0.43, 0.4), (0.3, 0.35, 0.36), (0.5, 0.42, 0.3)), 1.0, 0.2)
_CONCRETE = (Texture.CONCRETE, ((0.35, 0.34, 0.33), (0.25, 0.25, 0.25), (0.2, 0.3, 0.25)), 4.0, .1)
_COLORED = (Texture.ROUGH, ((0.5, 0.5, 0.5),), 1.0, 0.0)


@dataclass(frozen=True)
class _Kind:
    """Length, width and height in metres; floors and walls; windows; how bright and how lit."""

    length: tuple[float, float]
    width: tuple[float, float]
    height: tuple[float, float]
    floors: tuple = (_WOOD, _SLABS, _CARPET, _LINO)
    rough: float = 0.25  # the share whose walls are plaster, brick, concrete or tiles
    windows: tuple[int, int] = (0, 3)
    doors: tuple[int, int] = (1, 3)
    lamps: tuple[int, int] = (1, 3)


_KINDS = {
    'living': _Kind((3.5, 8), (3, 6.5), (2.3, 3.2), rough=.15),
    'bedroom': _Kind((2.6, 5.5), (2.4, 4.5), (2.2, 3.0), rough=.15, lamps=(1, 2)),
    'kitchen': _Kind((2.4, 6), (2, 4.5), (2.3, 3.0), (_SLABS, _LINO, _WOOD), .35),
    'bathroom': _Kind((1.8, 3.5), (1.6, 3), (2.2, 2.8), (_SLABS,), .8, (0, 2), (1, 2)),
    'office': _Kind((3.5, 18), (3, 10), (2.4, 3.3), (_CARPET, _LINO, _WOOD), .15, (0, 5), (1, 3),
                    (2, 16)),
    'corridor': _Kind((6, 40), (1.2, 3), (2.3, 3.2), (_LINO, _SLABS, _CARPET, _CONCRETE), .35,
                      (0, 3), (3, 12), (2, 10)),
    'hall': _Kind((8, 30), (8, 24), (2.8, 8), (_SLABS, _LINO, _CONCRETE, _WOOD), .45, (0, 7),
                  (1, 5), (4, 25)),
    'class room': _Kind((6, 11), (5, 8), (2.6, 3.6), (_LINO, _WOOD), .2, (0, 5), (1, 2), (4, 12)),
    'workshop': _Kind((5, 16), (4, 12), (2.6, 5), (_CONCRETE, _LINO), .6, (0, 4), (1, 3), (3, 12)),
    'warehouse': _Kind((16, 60), (12, 40), (4.5, 10), (_CONCRETE,), .8, (0, 3), (1, 3), (6, 40)),
    'shop': _Kind((8, 40), (6, 25), (2.6, 4.5), (_SLABS, _LINO, _CONCRETE), .3, (0, 2), (1, 3),
                  (6, 40)),
    'basement': _Kind((2.5, 10), (2.2, 7), (2.0, 2.5), (_CONCRETE, _SLABS), .9, (0, 2), (1, 4)),
    'garage': _Kind((16, 70), (14, 45), (2.2, 3.2), (_CONCRETE,), .8, (0, 4), (1, 3), (6, 40)),
    'courtyard': _Kind((7, 28), (6, 24), (3, 14), (_SLABS, _CONCRETE), 1.0, (0, 0), (1, 4),
                       (0, 0)),
    'entrance': _Kind((5, 20), (4, 14), (2.6, 5), (_SLABS, _CONCRETE, _LINO), .6, (0, 3), (1, 3),
                      (2, 8))}


class Rooms(Builder):
    """Builds a room of a kind."""

    def build(self, kind: str) -> Room:
        """Return the room."""
        spec, rng = _KINDS[kind], self.rng
        self.kind = kind
        self.shape(*(self.between(*side) for side in (spec.length, spec.width, spec.height)))
        light = random_light(rng)
        sky = np.mean(light.zenith) * .55 + np.mean(light.horizon) * .45
        lamps_on = self.chance(.75 if spec.windows[1] else 1.0)
        self.daylight = sky * self.between(.3, .9)
        level = self.between(.1, .6) if kind in ('entrance', 'garage', 'hall', 'shop') else float(
            rng.choice([self.between(.1, 1), self.between(2, 25)]))
        holes = self._holes(spec, kind)
        outdoors = kind == 'courtyard'
        floor, wall, ceiling = self._surfaces(spec, kind)
        self.box(floor, wall, None if outdoors else ceiling, holes)
        self.pictures(int(rng.integers(0, 6)) if not outdoors else 0)
        getattr(self, '_' + kind.replace(' ', '_'))()
        if not outdoors:
            tint = np.array(self.one_of((
                (1, .72, .45), (1, .85, .68), (1, .95, .88), (.92, 1, 1))))
            if not self.windows or lamps_on:
                self.ceiling_lamps(int(rng.integers(spec.lamps[0], spec.lamps[1] + 1)),
                                   self.between(.6, 1.8), tint)
            else:
                tint = np.array([.9, 1, 1.1])
            if self.windows:
                self.outside(level)
            total = sum(float(np.mean(lamp.color)) for lamp in self.lamps)
            size = self.x * self.y + self.height * (self.x + self.y)
            ambient = tint * total * math.pi * self.between(.25, .6) / (size + 8)
            sun = np.array(light.sun_color) * (len(self.windows) > 0 and self.chance(.4))
            sun *= min(1.0, 10 * ambient.mean() / max(sun.max(), 1e-6))
            light = replace(light, lamps=tuple(self.lamps), ambient=tuple(ambient.tolist()),
                            fog=0.0, sun_color=tuple(sun.tolist()))
        else:
            self._around()
        taken = np.array(self.taken, float).reshape(-1, 5)
        return Room(kind, self.finish(), light, (0.0, self.x, 0.0, self.y), self.height,
                    taken)

    def _surfaces(self, spec: _Kind, kind: str) -> tuple[dict, dict, dict]:
        texture, colors, cell, gloss = self.one_of(spec.floors)
        cell *= self.between(.6, 1.4)
        floor = {'color': shade(self.rng, self.one_of(colors), .2), 'texture': texture,
                 'cell': (cell, cell), 'gloss': self.between(0, gloss) if gloss else 0.0,
                 'offset': self.rng.random(2)}
        wall = {'color': self.paint(), 'texture': Texture.PLAIN}
        if self.chance(spec.rough):
            texture, cell = self.one_of((
                (Texture.PLASTER, 3.0), (Texture.PLASTER, 2.0), (Texture.BRICK, 2.0),
                (Texture.CONCRETE, 4.0), (Texture.STONE, 2.5)))
            if kind in ('bathroom', 'kitchen'):
                texture, cell = self.one_of((
                    (Texture.PAVING, self.between(.4, 1.4)), (Texture.TILES, self.between(1, 4))))
            wall = {'color': shade(self.rng, self.one_of((
                WHITE, (.5, .5, .48), (.4, .25, .18), (.6, .55, .45)))), 'texture': texture,
                'cell': (cell, cell), 'gloss': .15 if texture == Texture.PAVING else 0.0}
        ceiling = {'color': shade(self.rng, WHITE, .08, .02), 'texture': Texture.PLAIN}
        if kind in ('office', 'shop', 'class room', 'corridor') and self.chance(.5):
            ceiling.update(texture=Texture.PAVING, cell=(2.5, 2.5))
        elif kind in ('warehouse', 'workshop') and self.chance(.7):
            ceiling.update(texture=Texture.CORRUGATED, cell=(1.0, 1.0),
                           color=shade(self.rng, (.35, .36, .38), .3))
        elif kind in ('basement', 'garage'):
            ceiling.update(texture=Texture.CONCRETE, cell=(4.0, 4.0),
                           color=shade(self.rng, (.4, .4, .39), .3))
        return floor, wall, ceiling

    def _holes(self, spec: _Kind, kind: str) -> dict[int, list]:
        """Choose doors and windows; return the holes in the walls, by side."""
        holes: dict[int, list] = {0: [], 1: [], 2: [], 3: []}
        rng = self.rng
        sunny = rng.permutation(4)[:2 if self.chance(.35) else 1]
        outdoors = kind == 'courtyard'
        if kind == 'entrance':  # wide open to the outside
            side = int(sunny[0])
            wide = min(self.between(1.6, 6), self.length(side) - .6)
            high = min(self.between(2.1, 4), self.height - .1)
            a = self.slot(side, wide)
            if a is not None:
                holes[side].append((a, a + wide, 0.0, high))
                self.doors[side].append((a, a + wide))
                self.window(side, a, wide, 0.0, high)
        for _ in range(rng.integers(spec.doors[0], spec.doors[1] + 1)):
            side = int(rng.integers(4))
            if kind == 'corridor' and self.chance(.8):
                side = 0 if self.chance(.5) else 2
            wide, high = DOOR
            if kind in ('hall', 'workshop', 'warehouse', 'garage', 'shop') and self.chance(.4):
                wide, high = self.between(1.4, 3.2), min(self.between(2.03, 3.5),
                                                         self.height - .2)
            elif self.chance(.2):
                wide = self.between(.75, 1.0)
            high = min(high, self.height - .08)
            a = self.slot(side, wide)
            if a is None:
                continue
            self.doors[side].append((a - .1, a + wide + .1))
            if self.chance(.45) and not outdoors and side not in sunny:
                holes[side].append((a, a + wide, 0.0, high))
                self.door(side, a, wide, high, leaf=False)
                self.beyond(side, a, wide, high, Rooms._beside)
            else:
                self.door(side, a, wide, high)
        for _ in range(rng.integers(spec.windows[0], spec.windows[1] + 1)):
            side = int(self.one_of(sunny))
            low = self.between(.7, 1.15) if self.chance(.75) else self.between(0, .3)
            high = min(self.between(1.9, 2.4), self.height - .1)
            if kind == 'basement':
                low, high = self.height - .7, self.height - .2
            wide = self.between(.6, 2.4)
            if kind in ('hall', 'warehouse', 'workshop', 'shop'):
                wide, high = self.between(1, 5), max(self.height * self.between(.6, .95), high)
                high = min(high, self.height - .1)
            a = self.slot(side, wide)
            if a is not None:
                holes[side].append((a, a + wide, low, high))
                self.window(side, a, wide, low, high)
        return holes

    def _beside(self, hole: tuple[float, float, float, float]) -> None:
        """Make this what is seen through a door, in its side 0: a room with something in it."""
        floor, wall, ceiling = self._surfaces(_KINDS['living'], 'living')
        self.used[0].append(hole[:2])
        self.doors[0].append(hole[:2])
        self.box(floor, wall, ceiling, {0: [hole]})
        self.furnish(('shelf', 'cupboard', 'table', 'chair', 'sofa', 'bed', 'potted_plant', 'desk',
                      'wardrobe', 'radiator'), int(self.rng.integers(1, 6)))

    # -- what stands in each kind --

    def _rug(self) -> None:
        a, b = self.between(.15, .4) * self.x, self.between(.6, .85) * self.x
        c, d = self.between(.15, .4) * self.y, self.between(.6, .85) * self.y
        texture, _, cell, _ = self.one_of((_CARPET, _COLORED))
        if self.chance(.3):
            texture, cell = Texture.TILES, 3.0
        self.own.add([[a, c, .008], [b, c, .008], [b, d, .008], [a, d, .008]], shade(
            self.rng, self.one_of(_CARPET[1]), .4), texture, (cell, cell), lift=.05)

    def _people(self, most: int) -> None:
        if self.chance(.35):
            self.scatter(('pedestrian',), int(self.rng.integers(1, most + 1)))

    def _living(self) -> None:
        if self.chance(.6):
            self._rug()
        side = int(self.rng.integers(4))
        self.against(side, 'sofa')
        self.against((side + 2) % 4, 'television', 'shelf', 'cupboard')
        if self.chance(.7):
            x, y, _ = self.at(side, self.length(side) / 2, 1.7)
            table = self.any('coffee_table')
            if self.fits(x, y, .4, .5):
                self.put(table, x, y, self.rng.integers(2) * math.pi / 2)
        if self.chance(.4):
            self._dining()
        self.furnish(('shelf', 'cupboard', 'shelf', 'potted_plant', 'radiator', 'standing_lamp',
                      'armchair', 'desk', 'table', 'sofa', 'chair', 'carton'),
                     int(self.rng.integers(6, 22)))
        self.scatter(('armchair', 'potted_plant', 'chair', 'carton', 'coffee_table'),
                     int(self.rng.integers(1, 7)))
        self._people(2)

    def _dining(self, name: str = 'chair') -> None:
        table = self.any('table')
        length, width, _ = extent(table)
        for _ in range(8):
            x, y = self.between(1, self.x - 1), self.between(1, self.y - 1)
            if self.fits(x, y, length / 2 + .4, width / 2):
                self.put(table, x, y)
                self.around(x, y, length, width, name, .85)
                return

    def _bedroom(self) -> None:
        if self.chance(.4):
            self._rug()
        side = int(self.rng.integers(4))
        self.against(side, 'bed')
        if self.chance(.2):
            self.against(int(self.rng.integers(4)), 'bed')
        self.furnish(('wardrobe', 'cupboard', 'wardrobe', 'shelf', 'desk', 'chair', 'radiator',
                      'potted_plant', 'standing_lamp', 'carton', 'table', 'armchair'),
                     int(self.rng.integers(6, 18)))
        self.scatter(('chair', 'carton', 'office_chair', 'bin_'), int(self.rng.integers(0, 5)))
        self._people(1)

    def _kitchen(self) -> None:
        side = int(self.rng.integers(4))
        self.against(side, 'kitchen')
        self.against((side + self.rng.integers(1, 4)) % 4, 'kitchen')
        if self.chance(.6):
            self._dining()
        self.furnish(('fridge', 'fridge', 'cupboard', 'shelf', 'radiator', 'bin_', 'chair',
                      'table', 'potted_plant'), int(self.rng.integers(5, 15)))
        self._people(2)

    def _bathroom(self) -> None:
        self.furnish(('toilet', 'basin', 'bathtub', 'basin', 'toilet', 'cupboard', 'fridge',
                      'bin_', 'radiator', 'shelf'), int(self.rng.integers(5, 12)))

    def _office(self) -> None:
        if self.x * self.y > 35:
            step = self.between(2.0, 3.0)
            for x in np.arange(1.2, self.x - 1.4, step * 1.1):
                for y in np.arange(1.2, self.y - 1.0, step * .8):
                    if self.chance(.75):
                        turn = self.rng.integers(2) * math.pi
                        desk = self.any('desk')
                        if self.fits(x, y, .5, .9, -.05):
                            self.put(desk, x, y, turn)
                            if self.chance(.85):
                                self.put(self.any('office_chair', 'office_chair', 'chair'),
                                         x + math.cos(turn) * self.between(.55, .9),
                                         y + self.between(-.3, .3),
                                         turn + math.pi + self.rng.normal() * .6)
        self.furnish(('desk', 'desk', 'cupboard', 'shelf', 'shelf', 'wardrobe', 'potted_plant',
                      'radiator', 'bin_', 'table', 'fridge', 'carton'),
                     int(self.rng.integers(4, 18)))
        self.scatter(('office_chair', 'chair', 'carton', 'bin_', 'potted_plant'),
                     int(self.rng.integers(1, 7)))
        if self.chance(.25):
            self._dining('office_chair')
        self._people(4)

    def _corridor(self) -> None:
        self.furnish(('radiator', 'cupboard', 'chair', 'bin_', 'potted_plant', 'shelf', 'carton',
                      'table', 'wardrobe', 'machine'), int(self.rng.integers(0, 2 + self.x / 3)))
        if self.chance(.3):
            self.pipes(int(self.rng.integers(1, 4)))
        self._people(4)

    def _pillars(self, low: float, high: float) -> None:
        step, thick = self.between(low, high), self.between(.25, .7)
        color = shade(self.rng, self.one_of((WHITE, (.4, .4, .4), (.5, .3, .1))))
        for x in np.arange(step / 2, self.x, step):
            for y in np.arange(step / 2, self.y, step * self.between(.8, 1.3)):
                if self.fits(x, y, thick, thick):
                    self.own.add(boxes((x, y, 0), (thick, thick, self.height), top=False), color,
                                 Texture.CONCRETE, (4.0, 4.0))
                    self.taken.append((x - thick / 2, x + thick / 2, y - thick / 2,
                                       y + thick / 2, self.height))

    def _hall(self) -> None:
        if self.chance(.5):
            self._pillars(4, 9)
        self.furnish(('sofa', 'potted_plant', 'cupboard', 'table', 'shelf', 'bin_', 'chair',
                      'desk'), int(self.rng.integers(3, 16)))
        self.scatter(('sofa', 'potted_plant', 'armchair', 'table', 'bin_', 'bench', 'carton',
                      'chair', 'billboard'), int(self.rng.integers(2, 18)), 1.0)
        for _ in range(self.rng.integers(0, 5)):
            self._dining()
        if self.chance(.6):
            self.scatter(('pedestrian',), int(self.rng.integers(1, 14)))

    def _class_room(self) -> None:
        side = 3
        self.pane(side, self.y * .25, self.y * .75, .9, 2.1, .03, color=self.one_of((
            (.04, .08, .06), (.75, .75, .75), (.03, .03, .03))), gloss=.1)
        self.put(self.any('desk', 'table'), 1.5, self.y / 2, math.pi)
        step_x, step_y = self.between(1.2, 1.7), self.between(1.5, 2.2)
        table, chair = self.any('table'), self.any('chair')
        wide = extent(table)[1]
        for x in np.arange(3.0, self.x - 1, step_x):
            for y in np.arange(.3 + wide / 2, self.y - wide / 2 - .2, max(step_y, wide + .4)):
                if self.fits(x, y, .4, wide / 2):
                    self.put(table, x, y)
                    for shift in ((0,) if wide < 1.1 else (-.3, .3)):
                        self.put(chair, x + .5 + self.between(0, .2), y + shift,
                                 math.pi + self.rng.normal() * .2)
        self.furnish(('cupboard', 'shelf', 'wardrobe', 'radiator', 'bin_', 'potted_plant'),
                     int(self.rng.integers(2, 8)))
        self._people(6)

    def _workshop(self) -> None:
        self.furnish(('workbench', 'workbench', 'shelf', 'machine', 'carton', 'rack', 'cupboard',
                      'pallet', 'bin_', 'wardrobe'), int(self.rng.integers(5, 20)))
        self.scatter(('machine', 'pallet', 'carton', 'table', 'bicycle', 'workbench', 'car'),
                     int(self.rng.integers(2, 10)), 1.0)
        self.pipes(int(self.rng.integers(0, 5)))
        self._people(3)

    def _rows(self, name: str, deep: float, wide: float, aisle: tuple[float, float]) -> None:
        """Put rows of shelves, back to back, with aisles between."""
        walk = self.between(*aisle)
        margin = self.between(1.5, 3.5)
        y = walk if self.chance(.5) else deep / 2 + .05
        while y + deep * 2 + .1 < self.y:
            for x in np.arange(margin + wide / 2, self.x - margin, wide + .02):
                if self.chance(.95):
                    for offset, yaw in ((0, -math.pi / 2), (deep + .1, math.pi / 2)):
                        if self.fits(x, y + offset, wide / 2 - .02, deep / 2 - .02, 0):
                            self.put(self.any(name), x, y + offset, yaw)
            y += 2 * deep + .1 + walk

    def _warehouse(self) -> None:
        if self.chance(.8):
            self._rows('rack', 1.2, 2.85, (2.4, 4.5))
        self.scatter(('pallet', 'pallet', 'carton', 'machine', 'bollard', 'van'),
                     int(self.rng.integers(3, 25)), 1.0)
        if self.chance(.4):
            self._pillars(8, 14)
        self.pipes(int(self.rng.integers(0, 4)))
        self._people(5)

    def _shop(self) -> None:
        self._rows('shop_shelf', .55, 1.25, (1.3, 2.6))
        self.furnish(('shop_shelf', 'shop_shelf', 'fridge', 'shelf', 'desk'),
                     int(self.rng.integers(3, 20)))
        self.scatter(('carton', 'pallet', 'bin_', 'table', 'potted_plant'),
                     int(self.rng.integers(0, 10)), .8)
        if self.chance(.6):
            self.scatter(('pedestrian',), int(self.rng.integers(1, 8)))

    def _basement(self) -> None:
        self.furnish(('shelf', 'carton', 'machine', 'fridge', 'carton', 'cupboard', 'workbench',
                      'bicycle', 'wardrobe'), int(self.rng.integers(3, 14)))
        self.scatter(('carton', 'bicycle', 'machine', 'chair', 'pallet', 'bin_'),
                     int(self.rng.integers(1, 8)))
        self.pipes(int(self.rng.integers(1, 7)))

    def _garage(self) -> None:
        self._pillars(5, 9)
        bay = self.between(2.4, 2.8)
        for y in np.arange(2.8, self.y - 2, self.between(8, 12)):
            for x in np.arange(bay, self.x - bay, bay):
                line = x - bay / 2
                self.own.add([[line + a, y + b, .006] for a, b in (
                    (-.05, -2.5), (.05, -2.5), (.05, 2.5), (-.05, 2.5))],
                    (.6, .6, .58), Texture.PAINT, (2., 2.), lift=.05)
                if self.chance(.6) and self.fits(x, y, .9, 2.3, 0):
                    self.put(self.any(*['car'] * 8, 'van', 'motorcycle'), x, y,
                             math.pi / 2 * self.rng.choice([-1, 1]))
        self.scatter(('car', 'bin_', 'bollard', 'carton'), int(self.rng.integers(0, 4)), 2.0)
        self.pipes(int(self.rng.integers(1, 6)))
        self._people(4)

    def _courtyard(self) -> None:
        if self.chance(.6):
            self.furnish(('facade_block', 'garage_row'), 6)
        self.furnish(('bicycle', 'bench', 'waste_bin', 'skip', 'shrub', 'bin_', 'hedge', 'pallet',
                      'carton', 'potted_plant'), int(self.rng.integers(2, 14)))
        self.scatter(('car', 'van', 'tree', 'shrub', 'bicycle', 'bollard', 'bench', 'umbrella',
                      'table', 'lorry', 'pallet'), int(self.rng.integers(1, 9)), 1.5)
        self._people(5)

    def _around(self) -> None:
        """Put what looks over the walls of a court around it."""
        side = self.rng.integers(4)
        for i in range(4):
            if i != side or self.chance(.5):
                mesh = self.any('house', 'tower_block', 'tree', 'facade_block')
                x, y, _ = self.at(i, self.length(i) * self.between(.2, .8),
                                  -max(extent(mesh)[:2]) / 2 - 1)
                # A facade's front looks to -y.
                self.put(mesh, x, y, INWARD[i] + math.pi / 2, solid=False)

    def _entrance(self) -> None:
        if self.chance(.3):
            self._pillars(3, 6)
        self.furnish(('potted_plant', 'bench', 'cupboard', 'desk', 'bicycle', 'bin_', 'radiator',
                      'sofa', 'pallet'), int(self.rng.integers(2, 9)))
        self.scatter(('potted_plant', 'bicycle', 'bollard', 'pallet', 'carton', 'car'),
                     int(self.rng.integers(0, 5)), 1.0)
        self._people(5)


def random_room(rng: np.random.Generator, library: dict[str, list[Mesh]],
                kind: str | None = None) -> Room:
    """Return a room of `kind`, or of any."""
    rooms = Rooms(rng, library)
    return rooms.build(kind or rooms.one_kind(KINDS))
