# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What rooms are put together from: walls with doors and windows, lamps, things along walls.

A room is a rectangle of x and y with its floor at z = 0. Its sides are numbered 0 (least y),
1 (most x), 2 (most y), 3 (least x); `a` runs along a side with the room to its left, `d` is the
distance from the wall into the room.
"""
from __future__ import annotations

import math

import numpy as np

from depth_estimation_ros.synthetic.drawing.light import Lamp
from depth_estimation_ros.synthetic.drawing.mesh import extent, join, Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.objects import Chooser
from depth_estimation_ros.synthetic.things.parts import boxes, Parts, shade, STRETCHED

DOOR = (0.9, 2.03)  # width and height of the hole, metres (DIN 18101: 0.86 x 1.985 and its frame)
WOOD, WHITE = (0.4, 0.26, 0.14), (0.74, 0.73, 0.7)
STEEL, DARK = (0.45, 0.46, 0.48), (0.03, 0.03, 0.03)
TINTS = ((0.78, 0.77, 0.74), (0.74, 0.7, 0.62), (0.6, 0.62, 0.64), (0.7, 0.6, 0.45),
         (0.45, 0.52, 0.45), (0.42, 0.5, 0.6), (0.6, 0.4, 0.35), (0.25, 0.28, 0.32))
THICK = 0.15  # metres, of walls
INWARD = (math.pi / 2, math.pi, -math.pi / 2, 0.0)


class Builder(Chooser):
    """Puts a room together; `library` holds ready-made things by name."""

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]]):
        super().__init__(rng, library)
        self.parts: list[Mesh] = []
        self.own = Parts()
        self.taken: list[tuple[float, float, float, float, float]] = []
        self.lamps: list[Lamp] = []
        # What is taken of each wall, from a to a; and before what of it nothing stands.
        self.used: list[list[tuple[float, float]]] = [[], [], [], []]
        self.doors: list[list[tuple[float, float]]] = [[], [], [], []]
        self.windows: list[int] = []
        self.daylight = 0.8  # what a square metre of window sends in

    def paint(self, colors=TINTS) -> np.ndarray:
        """Return a wall's colour; most walls are white."""
        return shade(self.rng, colors[0] if self.chance(0.6) else self.one_of(colors), .08, .03)

    # -- a box of floor, walls and ceiling --

    def shape(self, length: float, width: float, height: float) -> None:
        """Make the room this large."""
        self.x, self.y, self.height = length, width, height

    def at(self, side: int, a, d, z=0.0) -> np.ndarray:
        """Return the point (..., 3) at `a` along a side, `d` into the room, z above the floor."""
        a, d, z = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, d, z)))
        x, y = ((a, d), (self.x - d, a), (self.x - a, self.y - d), (d, self.y - a))[side]
        return np.stack([x, y, z], -1)

    def length(self, side: int) -> float:
        return self.x if side in (0, 2) else self.y

    def pane(self, side: int, a0, a1, low, high, d, **look) -> None:
        """Add a quad parallel to a wall."""
        self.own.add(self.at(side, [a1, a0, a0, a1], d, [low, low, high, high]), **look)

    def bar(self, side: int, a0, a1, low, high, d0, d1, **look) -> None:
        """Add a box along a wall."""
        corners = np.concatenate([self.at(side, a, d, 0.0)[None] for a, d in (
            (a0, d0), (a1, d1))])
        (x0, y0), (x1, y1) = corners[:, :2].min(0), corners[:, :2].max(0)
        self.own.add(boxes(((x0 + x1) / 2, (y0 + y1) / 2, low), (x1 - x0, y1 - y0, high - low),
                           bottom=low > 0), **look)

    def wall(self, side: int, holes: list[tuple[float, float, float, float]], look: dict) -> None:
        """Add a wall around holes (from a, to a, low, high) and its thickness in them."""
        at = 0.0
        for a0, a1, low, high in sorted(holes):
            for d, paint in ((0, look), (-THICK, {'color': (.4, .38, .35)})):
                self.pane(side, at, a0, 0, self.height, d, **paint)
                self.pane(side, a0, a1, 0, low, d, **paint)
                self.pane(side, a0, a1, high, self.height, d, **paint)
            for a in (a0, a1):
                self.own.add(self.at(side, a, [0, -THICK, -THICK, 0], [low, low, high, high]),
                             look['color'])
            for z in (low, high):
                self.own.add(self.at(side, [a0, a1, a1, a0], [0, 0, -THICK, -THICK], z),
                             look['color'])
            at = a1
        self.pane(side, at, self.length(side), 0, self.height, 0, **look)
        self.pane(side, at, self.length(side), 0, self.height, -THICK, color=(.4, .38, .35))

    def box(self, floor: dict, wall: dict, ceiling: dict | None,
            holes: dict[int, list]) -> None:
        """Add floor, four walls with `holes` by side, and a ceiling with a roof above it."""
        x, y, h = self.x, self.y, self.height
        self.own.add([[0, 0, 0], [x, 0, 0], [x, y, 0], [0, y, 0]], **floor)
        if ceiling is not None:
            self.own.add([[0, 0, h], [0, y, h], [x, y, h], [x, 0, h]], **ceiling)
            # No sun through the edges.
            self.own.add([[-.8, -.8, h + .2], [-.8, y + .8, h + .2], [x + .8, y + .8, h + .2],
                          [x + .8, -.8, h + .2]], (0.3, 0.3, 0.3))
        accent = {**wall, 'color': self.paint()} if self.chance(0.3) else wall
        accented = self.rng.integers(4)
        skirting = self.between(0.05, 0.12) if self.chance(0.6) else 0.0
        tone = shade(self.rng, self.one_of((WHITE, WOOD, DARK)))
        for side in range(4):
            self.wall(side, holes.get(side, []), accent if side == accented else wall)
            if skirting:
                at = 0.0
                for a0, a1, low, _ in [*sorted(holes.get(side, [])), (self.length(side),) * 4]:
                    if low > 0.1 and a0 < self.length(side):
                        continue
                    self.bar(side, at, a0, 0, skirting, 0, 0.015, color=tone)
                    at = a1

    # -- doors and windows --

    def slot(self, side: int, wide: float, gap: float = 0.15) -> float | None:
        """Return where along a side `wide` metres of wall are free, and take them."""
        for _ in range(12):
            room = self.length(side) - wide - 2 * gap
            if room < 0:
                return None
            a = gap + self.between(0, room)
            if not any(a < b1 + gap and b0 < a + wide + gap for b0, b1 in self.used[side]):
                self.used[side].append((a, a + wide))
                return a
        return None

    def door(self, side: int, a: float, wide: float = DOOR[0], high: float = DOOR[1],
             leaf: bool = True) -> None:
        """Add a door's frame, and its leaf, closed."""
        tone = shade(self.rng, self.one_of((WHITE, WOOD, STEEL)))
        for b0, b1, low, top in ((a - .06, a, 0, high + .06), (a + wide, a + wide + .06, 0,
                                                               high + .06),
                                 (a, a + wide, high, high + .06)):
            self.bar(side, b0, b1, low, top, -0.02, 0.02, color=tone)
        if leaf:
            color = tone if self.chance(0.5) else shade(self.rng, self.one_of(TINTS), .2)
            texture = self.one_of((Texture.PLAIN, Texture.PLAIN, Texture.WOOD))
            self.pane(side, a, a + wide, 0, high, 0.004, color=color, texture=texture,
                      cell=(3.0, 3.0), gloss=0.1)
            if self.chance(0.3):
                for low, top in ((.2, .85), (1.05, 1.85)):
                    self.bar(side, a + .15, a + wide - .15, low, top, 0, 0.012,
                             color=color * 0.93)
            edge = a + (.06 if self.chance(0.5) else wide - .18)
            self.bar(side, edge, edge + .12, 1.03, 1.05, 0, .05, color=STEEL, gloss=.4)
        if self.chance(0.6):  # a switch beside it
            b = a + wide + .15 if a + wide + .3 < self.length(side) else a - .25
            self.bar(side, b, b + .08, 1.05, 1.13, 0, .012, color=WHITE)

    def beyond(self, side: int, a: float, wide: float, high: float, build) -> None:
        """Open a way to another space outside of a side; `build` makes it, a Builder's method."""
        length = self.length(side)
        left, right = self.between(.2, 2.5), self.between(.2, 2.5)
        b0, b1 = max(a - left, 0.02), min(a + wide + right, length - .02)
        if b1 - b0 < wide + .2:
            b0, b1 = a - .1, a + wide + .1
        other = type(self)(self.rng, self.library)
        other.shape(b1 - b0, self.between(1.2, 6.0), min(self.height, self.between(2.3, 2.9)))
        # The other space's side 0 lies on our wall, 0.15 m behind; its x runs against our a.
        hole = (b1 - (a + wide), b1 - a, 0.0, high)
        build(other, hole)
        mesh = other.finish()
        origin = self.at(side, b1, -0.15)
        turn = math.atan2(*(self.at(side, b0, 0) - self.at(side, b1, 0))[[1, 0]])
        self.parts.append(mesh.placed(origin[0], origin[1], 0.0, turn))
        if self.chance(0.5):  # the leaf stands open
            angle = INWARD[side] + math.pi / 2 * self.rng.choice([-1, 1]) * self.between(0.0, .9)
            thing = Parts()
            thing.add(boxes((wide / 2, 0, 0.01), (wide, 0.04, high - .02)),
                      shade(self.rng, self.one_of((WHITE, WOOD)), .2))
            x, y, _ = self.at(side, a if self.chance(0.5) else a + wide, 0.02)
            self.parts.append(thing.mesh().placed(x, y, 0.0, angle))

    def window(self, side: int, a: float, wide: float, low: float, high: float) -> None:
        """Add a window's frame, bars, sill, and curtains or a blind; and it lights the room."""
        tone = shade(self.rng, self.one_of((WHITE, WHITE, WOOD, DARK)))
        edge, bars = self.between(.04, .08), int(self.rng.integers(0, 4))
        for b0, b1, z0, z1 in ((a, a + edge, low, high), (a + wide - edge, a + wide, low, high),
                               (a, a + wide, low, low + edge), (a, a + wide, high - edge, high)):
            self.bar(side, b0, b1, z0, z1, -.1, -.05, color=tone)
        for i in range(bars):
            b = a + wide * (i + 1) / (bars + 1)
            self.bar(side, b - edge / 2, b + edge / 2, low, high, -.1, -.05, color=tone)
        if low > .3 and self.chance(.7):
            self.bar(side, a - .05, a + wide + .05, low - .04, low, 0, self.between(.05, .25),
                     color=tone)
        cover = self.rng.random()
        if cover < .35:  # curtains
            cloth = {'color': shade(self.rng, self.one_of(TINTS), .3), 'texture': Texture.ROUGH,
                     'cell': (.5, .5)}
            foot = self.between(.02, .2) if self.chance(.7) else low - .1
            for b, share in ((a - .15, self.between(.1, .5)), (a + wide + .15, -self.between(.1,
                                                                                             .5))):
                folds = 8
                steps = np.linspace(b, b + share * wide, folds + 1)
                deep = .08 + .03 * (np.arange(folds + 1) % 2)
                for i in range(folds):
                    self.own.add(self.at(side, [steps[i + 1], steps[i], steps[i], steps[i + 1]],
                                         [deep[i + 1], deep[i], deep[i], deep[i + 1]],
                                         [foot, foot, high + .12, high + .12]), **cloth)
        elif cover < .5:  # a blind
            self.pane(side, a, a + wide, high - (high - low) * self.between(.1, 1), high, -.02,
                      color=self.paint(), texture=Texture.CORRUGATED, cell=(.3, .3))
        self.windows.append(side)
        share = math.sqrt(wide * (high - low))
        middle = self.at(side, a + wide / 2, .12, (low + high) / 2)
        inward = np.array([math.cos(INWARD[side]), math.sin(INWARD[side]), -.25])
        self.lamps.append(Lamp(tuple(middle.tolist()), tuple((inward / np.linalg.norm(
            inward)).tolist()), tuple((np.array([.9, 1, 1.15]) * share * self.daylight).tolist())))

    # -- lamps, pictures --

    def ceiling_lamps(self, count: int, strength: float, tint) -> None:
        """Hang lamps in a grid; four of them shine, the others look as if they did."""
        kind = self.one_of(('panel', 'bulb', 'tube', 'spot'))
        columns = max(int(round(math.sqrt(count * self.x / self.y))), 1)
        rows = max(int(round(count / columns)), 1)
        drop = self.between(.2, .9) if kind == 'bulb' and self.height > 2.4 else .03
        places = [((i + .5) * self.x / columns, (j + .5) * self.y / rows)
                  for i in range(columns) for j in range(rows)]
        shining = self.rng.permutation(len(places))[:4]
        for number, (x, y) in enumerate(places):
            z = self.height - drop
            size = {'panel': (.6, .6, .03), 'tube': (.15, 1.25, .06), 'bulb': (.3, .3, .22),
                    'spot': (.12, .12, .05)}[kind]
            self.own.add(boxes((x, y, z), size, bottom=True), np.asarray(tint) * 14)
            if drop > .1:
                self.own.add(boxes((x, y, z), (.012, .012, drop)), DARK)
            if number in shining:
                power = strength * len(places) / len(shining) * self.height ** 2 / 6
                self.lamps.append(Lamp((x, y, z - .06), (0.0, 0.0, -1.0), tuple(
                    (np.asarray(tint) * power).tolist())))

    def pictures(self, count: int) -> None:
        """Hang pictures, boards and clocks."""
        for _ in range(count):
            side, wide = int(self.rng.integers(4)), self.between(.2, 1.2)
            a = self.slot(side, wide, .1)
            if a is None:
                continue
            high = wide * self.between(.6, 1.5)
            low = self.between(1.1, 1.5)
            if low + high > self.height - .1:
                continue
            self.bar(side, a, a + wide, low, low + high, 0, .02,
                     color=shade(self.rng, self.one_of((WOOD, WHITE, DARK))))
            self.pane(side, a + .02, a + wide - .02, low + .02, low + high - .02, .022,
                      color=(.5, .5, .5), texture=self.one_of((
                          Texture.POSTER, Texture.SIGN, Texture.FOLIAGE, Texture.PLASTER)),
                      cell=STRETCHED, gloss=.1)

    def pipes(self, count: int) -> None:
        """Run pipes along walls and below the ceiling."""
        for _ in range(count):
            side, z = int(self.rng.integers(4)), self.between(.1, 1) * self.height - .1
            self.bar(side, 0, self.length(side), max(z, .05), max(z, .05) + self.between(.02, .2),
                     .03, .03 + self.between(.02, .25), gloss=.15,
                     color=shade(self.rng, self.one_of((STEEL, WHITE, (.4, .2, .1)))))

    # -- things --

    def put(self, mesh: Mesh, x: float, y: float, yaw: float = 0.0, up: float = 0.0,
            solid: bool = True) -> None:
        """Add a thing where it is said to be; what is solid takes its place on the floor."""
        placed = mesh.placed(x, y, up, yaw)
        self.parts.append(placed)
        if solid:
            points = placed.corners.reshape(-1, 3)
            low, high = points.min(0), points.max(0)
            self.taken.append((low[0], high[0], low[1], high[1], high[2]))

    def fits(self, x: float, y: float, half_x: float, half_y: float, gap: float = .05) -> bool:
        """Return whether nothing is there and it is inside of the room."""
        return (half_x < x < self.x - half_x and half_y < y < self.y - half_y and not any(
            x - half_x - gap < b and x + half_x + gap > a and y - half_y - gap < d
            and y + half_y + gap > c for a, b, c, d, _ in self.taken))

    def against(self, side: int, *names: str, tries: int = 6) -> None:
        """Put a thing with its back to a wall, where there is a place."""
        for _ in range(tries):
            mesh = self.any(*names)
            deep, wide, high = extent(mesh)
            room = self.length(side) - wide
            if room < 0:
                continue
            a = self.between(0, room) if self.chance(.6) else float(self.rng.choice([0, room]))
            if high > .9 and any(a < b1 and b0 < a + wide for b0, b1 in self.used[side]):
                continue
            if any(a < b1 + .1 and b0 < a + wide + .1 for b0, b1 in self.doors[side]):
                continue
            back = -float(mesh.corners[..., 0].min())
            side_wards = float(mesh.corners[..., 1].min() + mesh.corners[..., 1].max()) / 2
            x, y, _ = self.at(side, a + wide / 2, back + self.between(.01, .06))
            mid_x, mid_y, _ = self.at(side, a + wide / 2, deep / 2)
            half = (wide / 2, deep / 2) if side in (0, 2) else (deep / 2, wide / 2)
            if self.fits(mid_x, mid_y, half[0] * .98, half[1] * .98):
                shift = np.array([-math.sin(INWARD[side]), math.cos(INWARD[side])]) * side_wards
                self.put(mesh, x - shift[0], y - shift[1], INWARD[side])
                return

    def furnish(self, names: tuple[str, ...], count: int) -> None:
        """Put up to `count` things along the walls."""
        for _ in range(count):
            self.against(int(self.rng.integers(4)), *names, tries=3)

    def scatter(self, names: tuple[str, ...], count: int, edge: float = .3) -> None:
        """Put up to `count` things anywhere on the floor."""
        for _ in range(count):
            mesh = self.any(*names)
            size = extent(mesh)
            reach = math.hypot(size[0], size[1]) / 2
            x, y = self.between(edge, self.x - edge), self.between(edge, self.y - edge)
            if self.fits(x, y, reach * .8, reach * .8):
                self.put(mesh, x, y, self.between(0, 2 * math.pi))

    def around(self, x: float, y: float, length: float, width: float, name: str,
               share: float) -> None:
        """Put chairs around a table."""
        chair = self.any(name)
        n = max(int(width / .65), 1)
        for i in range(n):
            for sign in (1, -1):
                if self.chance(share):
                    self.put(chair, x + sign * (length / 2 + self.between(-.1, .3)),
                             y + (i + .5) * width / n - width / 2,
                             (math.pi if sign > 0 else 0) + self.rng.normal() * .25)

    def outside(self, level: float) -> None:
        """Add what is seen through the windows, with the ground `level` metres below."""
        r = 150.0
        ground = Parts()
        # Around the room, not under it.
        x, y = self.x + .3, self.y + .3
        for x0, x1, y0, y1 in ((-r, r, -r, -.3), (-r, r, y, r), (-r, -.3, -.3, y), (x, r, -.3, y)):
            ground.add([[x0, y0, -level], [x1, y0, -level], [x1, y1, -level], [x0, y1, -level]],
                       shade(self.rng, (.1, .13, .06)), self.one_of((
                           Texture.GRASS, Texture.ASPHALT, Texture.PAVING)), (4.0, 4.0), lift=-1)
        self.parts.append(ground.mesh())
        for side in set(self.windows):
            far = 6.0
            for _ in range(self.rng.integers(3, 10)):
                far += self.between(0, 12)
                mesh = self.any(*(('tree', 'house', 'facade_block', 'tower_block', 'hedge', 'car')
                                  if far > 12 else ('tree', 'shrub', 'car', 'fence', 'wall')))
                reach = max(extent(mesh)[:2]) / 2
                x, y, _ = self.at(side, self.length(side) / 2 + self.rng.normal() * far * .8,
                                  -far - reach)
                self.put(mesh, x, y, self.between(0, 6.3), -level, solid=False)

    def finish(self) -> Mesh:
        """Return everything as one mesh."""
        return join([self.own.mesh(), *self.parts])
