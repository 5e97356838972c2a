# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is at each moment: on a car along a street, on a robot through a room."""
from __future__ import annotations

from dataclasses import replace
import math

import numpy as np

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.render import looking
from depth_estimation_ros.synthetic.frames import Mount, pose, Spot
from depth_estimation_ros.synthetic.rooms.kinds import random_room
from depth_estimation_ros.synthetic.rooms.room import CLEAR
from depth_estimation_ros.synthetic.streets.kinds import random_street
from depth_estimation_ros.synthetic.streets.street import LONGEST, ROOM

HALF = 1.0  # what our car takes of the road to each side, metres
SPEEDS = {'motorway': 20.0, 'open': 14.0, 'wood': 13.0, 'jam': 3.0, 'car park': 3.0, 'square': 2.0}
USUAL_SPEED, ROBOT_SPEED = 8.0, 0.4  # metres a second, in other streets and in rooms
TURNING = 0.7  # radians a second
LEG = (0.3, 3.0)  # metres that a robot goes straight on, least and most
HEADINGS = 24  # directions that it looks at
LOW = 0.05  # metres; what is lower a robot drives over
ROOMS_TRIED, SPOTS_TRIED = 6, 200


class StreetCourse:
    """
    A car that goes along its lane of a street, among traffic that makes way.

    Raises DriveError where the street would have to be longer than one is.
    """

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]], kind: str,
                 speed: float, seconds: float):
        self.speed = speed or SPEEDS.get(kind, USUAL_SPEED)
        length = self.speed * seconds
        if length > LONGEST:
            raise DriveError(f'{seconds:g} s at {self.speed:g} m/s are {length:.0f} m, longer '
                             f'than the {LONGEST:.0f} m of a street: take fewer frames, a higher '
                             'rate or a lower speed')
        self.place = random_street(rng, library, kind, max(ROOM, length))
        self._lane = min((lane for lane in self.place.lanes if lane[1] > 0),
                         key=lambda lane: abs(lane[0]), default=self.place.lanes[0])[0]
        self._make_way(length)

    def _make_way(self, length: float) -> None:
        """Let the traffic on our lane go as fast as we do, and nobody stand where we drive."""
        lane, kept = self._lane, []
        for mover in self.place.movers:
            behind, ahead, right, left = mover.place
            if abs(mover.t - lane) < 1.6 and abs(math.sin(mover.yaw)) < 0.5:
                if not -7 < mover.s < 9:
                    kept.append(replace(mover, speed=self.speed))
            elif (right > lane + HALF or left < lane - HALF
                  or not mover.speed and (ahead < -4 or behind > length + 4)):
                kept.append(mover)
        self.place.movers[:] = kept

    def pose(self, time: float, mount: Mount) -> tuple[np.ndarray, np.ndarray]:
        """Return (rotation, position) of a camera at `time` seconds."""
        return pose(self.place, Spot(self.speed * time, self._lane, 1), mount)


class RoomCourse:
    """
    A robot that goes straight on and turns on the spot, where the floor is free.

    Raises DriveError where a seed's rooms are too full for one.
    """

    def __init__(self, rng: np.random.Generator, library: dict[str, list[Mesh]], kind: str,
                 speed: float, seconds: float):
        self.speed = speed or ROBOT_SPEED
        for _ in range(ROOMS_TRIED):
            self.place = random_room(rng, library, kind)
            legs = self._legs(rng, seconds)
            if legs:
                self._times, self._places, self._yaws = map(np.array, zip(*legs))
                return
        raise DriveError(f"rooms of kind '{kind}' were too full for a robot: take another seed")

    def _legs(self, rng: np.random.Generator,
              seconds: float) -> list[tuple[float, tuple[float, float], float]]:
        """Return times, places and yaws between which it goes evenly; none where it cannot."""
        x0, x1, y0, y1 = self.place.area
        for _ in range(SPOTS_TRIED):
            x, y = rng.uniform(x0 + CLEAR, x1 - CLEAR), rng.uniform(y0 + CLEAR, y1 - CLEAR)
            yaw = self._next(rng, x, y, rng.uniform(0, 2 * math.pi))[0]
            if self.place.free(x, y, LOW + CLEAR) and self._reach(x, y, yaw) > 2 * LEG[0]:
                break
        else:
            return []
        time, legs = 0.0, [(0.0, (x, y), yaw)]
        while time <= seconds:
            heading, way = self._next(rng, x, y, yaw)
            time += abs(heading - yaw) / TURNING
            yaw = heading
            legs.append((time, (x, y), yaw))
            x, y = x + way * math.cos(yaw), y + way * math.sin(yaw)
            time += way / self.speed
            legs.append((time, (x, y), yaw))
        return legs

    def _next(self, rng: np.random.Generator, x: float, y: float,
              yaw: float) -> tuple[float, float]:
        """Return a yaw with a free way, rather ahead than back, and how far to go there."""
        turns = (np.arange(HEADINGS) + rng.random()) * (2 * math.pi / HEADINGS) - math.pi
        reach = np.array([self._reach(x, y, yaw + turn) for turn in turns])
        worth = np.minimum(reach, LEG[1]) * (1.3 - np.abs(turns) / math.pi)
        turn = turns[int(np.argmax(worth * rng.uniform(0.6, 1.0, HEADINGS)))]
        return yaw + turn, min(self._reach(x, y, yaw + turn) * rng.uniform(0.5, 1.0), LEG[1])

    def _reach(self, x: float, y: float, yaw: float) -> float:
        """Return how far it can go straight on, up to LEG, metres."""
        x0, x1, y0, y1 = self.place.area
        c, s = math.cos(yaw), math.sin(yaw)
        way = 0.0
        while way < LEG[1]:
            ahead = way + 0.1
            u, v = x + ahead * c, y + ahead * s
            if not (x0 + CLEAR < u < x1 - CLEAR and y0 + CLEAR < v < y1 - CLEAR
                    and self.place.free(u, v, LOW + CLEAR)):
                break
            way = ahead
        return way

    def pose(self, time: float, mount: Mount) -> tuple[np.ndarray, np.ndarray]:
        """Return (rotation, position) of a camera at `time` seconds."""
        x, y, yaw = (np.interp(time, self._times, column) for column in (
            self._places[:, 0], self._places[:, 1], self._yaws))
        return (looking(yaw + mount.yaw, mount.pitch, mount.roll),
                np.array([x, y, mount.height]))
