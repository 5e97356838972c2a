# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What a Nav2 costmap makes of the points: things that it marks, free ground that it does not.

    python -m benchmarks.costmap [--rooms] [--drives 10] [--frames 20] [--voxels]
                                 [--picture FILE]

A stand-in for Nav2's obstacle layer (or voxel layer), with the parameters of
config/nav2_costmap.yaml, over synthetic drives whose depth is exact. Its global frame is that of
planar odometry: the car's place and heading in the world, and heights over the ground below the
car. Three depths: exact; compact's; and compact's with its scale from the camera's height, frame
by frame as the node does it (nothing where that has no scale).

A car counts where its nearest point that the camera sees, of a height that marks, is within 8 m.
It is marked where a marked cell is within the tolerance of that point; its outline, all cells
with such points, is reported besides. Free road: the cells of the lanes within 8 m whose ground
the camera sees, and with nothing on or over them (0.1 m to max_obstacle_height) within a
margin: what a mark may be off. All of this by the exact depth and the street itself, never by
the costmap.

In rooms (--rooms, a robot whose camera is 0.3 m high) it is the same with what stands in them
instead of cars, and all of the floor instead of the lanes.
"""
from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
import math
from pathlib import Path

import cv2
from depth_estimation_ros.cloud.points import Cloud, PointGrid, PointOptions
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.scenes import SceneChoice
from depth_estimation_ros.models import networks
from depth_estimation_ros.scale.ground import Ground
from depth_estimation_ros.scale.tracker import ScaleTracker
from depth_estimation_ros.synthetic.drive import Mount, Plan, SyntheticDrive
from depth_estimation_ros.synthetic.streets.street import extent, Mover
import numpy as np
import torch
import yaml

FOLDER = Path(__file__).resolve().parents[1] / 'config'
CONFIG = FOLDER / 'nav2_costmap.yaml'
SEED = 91_000
STREETS = ('residential', 'avenue', 'village', 'jam', 'car park', 'open', 'narrow', 'motorway',
           'square', 'wood')
ROOMS = ('living', 'corridor', 'office', 'kitchen', 'hall', 'bedroom', 'class room', 'workshop',
         'shop', 'warehouse')
CAMERA = find_optics('', 80.0, None).camera(480, 270)
REACH = 8.0  # metres within which a car must be marked, and a road free
CELL = 0.05
HEIGHT, ROBOT = 1.65, 0.3  # metres of the camera over the road, over the floor
DEPTHS = ('exact', 'compact', 'compact, camera_height')
LANE = 1.6  # metres to each side of the middle of a lane that are road for sure
# Metres from anything where road is free: by exact depth one cell that a mark may be off, and two
# that the layer's rays leave before their end; else what a mark may be off.
MARGIN, NEAREST, SHARE = 0.15, 0.25, 0.1
POINTS = PointOptions(**yaml.safe_load(
    (FOLDER / 'nav2.yaml').read_text())['/**']['ros__parameters']['points'])
LEAST = 20  # pixels of a thing that count as seen
LOWEST = 0.3  # metres; what is lower in a room is no thing that counts


@dataclass(frozen=True, eq=False)
class Pose:
    """Of one frame: the camera in the costmap's frame."""

    rotation: np.ndarray  # (3, 3) optical to costmap
    origin: np.ndarray  # (3,) metres

    def points(self, optical: np.ndarray) -> np.ndarray:
        """Return points (N, 3) of the optical frame in the costmap's."""
        return optical @ self.rotation.T + self.origin


class Layer:
    """
    Marking and clearing as nav2_costmap_2d's layers do, in one grid that does not roll.

    low, size: metres of its corner and its sides, in the costmap's frame. flat: ObstacleLayer,
    whose rays clear cells whatever their height; else VoxelLayer.
    """

    def __init__(self, settings: dict, low: np.ndarray, size: np.ndarray, flat: bool):
        self._layer = settings if not flat else {
            **settings, 'mark_threshold': 0, 'origin_z': 0.0, 'z_resolution': 1e3, 'z_voxels': 1}
        self._flat = flat
        self._sources = [settings[name] for name in settings['observation_sources'].split()]
        self.low = np.append(np.floor(low / CELL) * CELL, self._layer['origin_z'])
        self._step = np.array([CELL, CELL, self._layer['z_resolution']])
        self._count = np.append(np.ceil(size / CELL), self._layer['z_voxels']).astype(int)
        self._marked = np.zeros(self._count, bool)

    @property
    def marked(self) -> np.ndarray:
        """The cells that are lethal, (X, Y) bool."""
        return self._marked.sum(2) > self._layer['mark_threshold']

    def update(self, points: np.ndarray, origin: np.ndarray) -> None:
        """Take a cloud (N, 3), seen from `origin` (3,): clear first, then mark."""
        for source in self._sources:
            if source['clearing']:
                self._clear(_within(points, source), origin, source['raytrace_max_range'])
        for source in self._sources:
            if source['marking']:
                near = _within(_within(points, source), self._layer)
                away = np.linalg.norm(near - origin, axis=1)
                near = near[(away < source['obstacle_max_range'])
                            & (away >= source['obstacle_min_range'])]
                self._marked[self._cells(near)] = True

    def _clear(self, ends: np.ndarray, origin: np.ndarray, reach: float) -> None:
        """Clear what lies on the way to each point; of voxels, all but the last two cells."""
        if self._flat:
            cells = np.unique(np.floor((ends - self.low)[:, :2] / CELL), axis=0)
            ends = np.column_stack([(cells + 0.5) * CELL + self.low[:2], np.zeros(len(cells))])
            origin = np.append(origin[:2], 0)
        way = ends - origin
        length = np.linalg.norm(way, axis=1)
        left = 0 if self._flat else 2 * CELL
        way, length = way[length > left], length[length > left]
        if not len(way):
            return
        stop = (length - left) / length
        top = self._layer['origin_z'] + self._count[2] * self._step[2] - 0.01
        for limit in (top, self._layer['origin_z'] + 1e-4):  # rays stop at the ends of the grid
            with np.errstate(divide='ignore', invalid='ignore'):
                at = (limit - origin[2]) / way[:, 2]
            stop = np.where((at > 0) & (at < stop), at, stop)
        stop = np.minimum(stop, reach / length)
        cells = np.abs(way) * stop[:, None] / self._step
        steps = np.ceil(cells.max(1)).astype(int) + 1  # along the axis of the most cells
        for some in np.array_split(np.arange(len(way)), max(len(way) // 4000, 1)):
            along = np.arange(steps[some].max())[None] / (steps[some] - 1)[:, None]
            on = along <= 1
            ray = np.repeat(some, on.sum(1))
            self._marked[self._cells(origin + way[ray] * (along[on] * stop[ray])[:, None])] = False

    def _cells(self, points: np.ndarray) -> tuple[np.ndarray, ...]:
        cell = np.floor((points - self.low) / self._step).astype(int)
        cell[:, 2] = np.maximum(cell[:, 2], 0)
        return tuple(cell[((cell >= 0) & (cell < self._count)).all(1)].T)


def _within(points: np.ndarray, limits: dict) -> np.ndarray:
    return points[(points[:, 2] >= limits['min_obstacle_height'])
                  & (points[:, 2] <= limits['max_obstacle_height'])]


@dataclass(eq=False)
class Tally:
    """What was counted of one kind of depth."""

    off: list[float] = field(default_factory=list)  # nearest mark, cells (exact) or m
    distance: list[float] = field(default_factory=list)
    outline: list[float] = field(default_factory=list)
    blocked: list[int] = field(default_factory=list)  # marked cells of free road, each frame
    where: list[float] = field(default_factory=list)  # how far away those are


@dataclass(eq=False)
class Truth:
    """What is there in one frame, in cells of the costmap."""

    cars: list[tuple[float, np.ndarray, np.ndarray]]  # distance, nearest (3,), outline (N, 2)
    road: np.ndarray  # (M, 2), the cells of the road that the camera sees
    room: np.ndarray  # (M,) metres from them to the nearest cell with anything on it
    away: np.ndarray  # (M,) metres from them to the camera

    def free(self, kind: str) -> np.ndarray:
        """Return the cells that are to be free for one kind of depth, (K, 2)."""
        return self.road[self.room > (MARGIN if kind == DEPTHS[0] else np.maximum(
            NEAREST, SHARE * self.away))]


class World:
    """A drive in the frame of a costmap."""

    def __init__(self, drive: SyntheticDrive, settings: dict):
        self.drive = drive
        self._settings = settings
        way = np.stack([drive.car(n)[1][:2] for n in range(len(drive))])
        self.low = np.floor((way.min(0) - 13) / CELL) * CELL
        self.size = np.ceil((way.max(0) + 13 - self.low) / CELL) * CELL

    def pose(self, frame, number: int) -> Pose:
        """Return where the camera of a frame is, by planar odometry."""
        flat, car, position = self._ground(number)
        return Pose(flat @ car.T @ frame.rotation.T,
                    flat @ car.T @ (frame.position - position) + [*position[:2], 0])

    def _ground(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        car, position = self.drive.car(number)
        yaw = math.atan2(car[1, 0], car[0, 0])
        c, s = math.cos(yaw), math.sin(yaw)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), car, position

    def _flat(self, world: np.ndarray, number: int) -> np.ndarray:
        flat, car, position = self._ground(number)
        return (world - position) @ (flat @ car.T).T + [*position[:2], 0]

    def truth(self, frame, number: int) -> Truth:
        """Return what is in a frame."""
        height, width = frame.depth.shape
        pose = self.pose(frame, number)
        optical = _rays().reshape(-1, 3) * frame.depth.reshape(-1, 1)
        near = np.linalg.norm(optical, axis=1) < 1.5 * REACH
        world = optical[near] @ frame.rotation + frame.position
        seen = pose.points(optical[near])
        tall = (seen[:, 2] >= self._settings['min_obstacle_height']) & (
            seen[:, 2] <= self._settings['max_obstacle_height'])
        time = number / self.drive.plan.rate
        cars = []
        for on in self._things_that_count(time, world[tall]):
            own = seen[tall][on]
            away = np.linalg.norm(own - pose.origin, axis=1)
            if len(own) >= LEAST and away.min() < REACH:
                cells = np.unique(self.cells(own[away < REACH]), axis=0)
                cars.append((float(away.min()), own[away.argmin()], cells))
        return Truth(cars, *self._road(frame, number, pose))

    def _things_that_count(self, time: float, world: np.ndarray) -> Iterator[np.ndarray]:
        """Yield of each car which of some points (N, 3) are on it."""
        for mover in self.drive.place.movers:
            if _is_car(mover):
                yield self._on(mover, time, world)

    def _ground_at(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return of places (N, 2) which are road, and how high the ground is there."""
        street = self.drive.place
        s, t, _ = street.spine.place(np.column_stack([place, np.zeros(len(place))])).T
        road = (np.abs(t[:, None] - [lane for lane, _ in street.lanes]) < LANE).any(1)
        return road, street.spine.at(s, t)[:, 2]

    def cells(self, points: np.ndarray) -> np.ndarray:
        """Return the cells (N, 2) of points."""
        return np.floor((points[:, :2] - self.low) / CELL).astype(int)

    def _on(self, mover: Mover, time: float, world: np.ndarray) -> np.ndarray:
        spine = self.drive.place.spine
        s = mover.s + mover.speed * time
        yaw = float(spine.yaw(s)) + mover.yaw
        c, t = math.cos(yaw), math.sin(yaw)
        own = (world - spine.at(s, mover.t)) @ np.array([[c, -t, 0], [t, c, 0], [0, 0, 1]])
        corners = mover.mesh.corners.reshape(-1, 3)
        return ((own > corners.min(0) - 0.02) & (own < corners.max(0) + 0.02)).all(1)

    def _road(self, frame, number: int,
              pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the road that is seen, and how far away things and the camera are."""
        camera = self.drive.camera
        at = self.cells(pose.origin[None])[0]
        reach = int(REACH / CELL)
        x, y = np.meshgrid(*(np.arange(max(a - reach, 0), a + reach) for a in at), indexing='ij')
        cell = np.stack([x.ravel(), y.ravel()], 1)
        place = (cell + 0.5) * CELL + self.low
        away = np.linalg.norm(place - pose.origin[:2], axis=1)
        cell, place, away = cell[away < REACH], place[away < REACH], away[away < REACH]
        road, ground = self._ground_at(place)
        cell, place, away, ground = cell[road], place[road], away[road], ground[road]
        optical = (np.column_stack([place, ground]) - frame.position) @ frame.rotation.T
        z = optical[:, 2]
        ahead = z > 0.5
        cell, away, optical, z = cell[ahead], away[ahead], optical[ahead], z[ahead]
        u = np.round(optical[:, 0] / z * camera.fx + camera.cx).astype(int)
        v = np.round(optical[:, 1] / z * camera.fy + camera.cy).astype(int)
        inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        cell, away, z, u, v = cell[inside], away[inside], z[inside], u[inside], v[inside]
        seen = frame.depth[v, u] > 0.97 * z
        room = cv2.distanceTransform((~self._things(number)).astype(np.uint8), cv2.DIST_L2,
                                     5) * CELL
        return cell[seen], room[tuple(cell[seen].T)], away[seen]

    def _things(self, number: int) -> np.ndarray:
        """Return the cells with anything on or over them, 0.1 m to the layer's top, (X, Y)."""
        count = np.round(self.size / CELL).astype(int)
        found = np.zeros(count, bool)
        quads = self.drive.place.mesh(number / self.drive.plan.rate).corners
        position = self.drive.car(number)[1]
        near = (np.abs(quads[..., :2] - position[:2]).min(1) < 1.5 * REACH).all(1) | (
            (quads[..., :2].min(1) < position[:2]) & (quads[..., :2].max(1) > position[:2])).any(1)
        quads = self._flat(quads[near].reshape(-1, 3).astype(float), number).reshape(-1, 4, 3)
        top = self._settings['max_obstacle_height']
        quads = quads[(quads[..., 2].max(1) > 0.1) & (quads[..., 2].min(1) < top)]
        sides = np.stack([np.linalg.norm(quads[:, i] - quads[:, i - 1], axis=1)
                          for i in range(4)], 1).max(1)
        for size in np.unique(np.ceil(np.log2(np.maximum(sides / CELL, 1)))):
            some = quads[np.ceil(np.log2(np.maximum(sides / CELL, 1))) == size]
            part = np.linspace(0, 1, min(int(2 ** size) + 1, 257))
            for few in np.array_split(some, len(some) * len(part) ** 2 // 2_000_000 + 1):
                a, b = part[None, :, None, None], part[None, None, :, None]
                q = few[:, :, None, None]
                points = ((q[:, 0] * (1 - a) + q[:, 1] * a) * (1 - b)
                          + (q[:, 3] * (1 - a) + q[:, 2] * a) * b).reshape(-1, 3)
                points = points[(points[:, 2] > 0.1) & (points[:, 2] < top)]
                cell = self.cells(points)
                found[tuple(cell[((cell >= 0) & (cell < count)).all(1)].T)] = True
        return found


class RoomWorld(World):
    """A robot's drive through a room."""

    def _things_that_count(self, time: float, world: np.ndarray) -> Iterator[np.ndarray]:
        """Yield of what stands in the room which of some points (N, 3) are on it."""
        for x0, x1, y0, y1, top in self.drive.place.taken:
            if top > LOWEST:
                x, y = world[:, 0], world[:, 1]
                yield (x > x0 - 0.02) & (x < x1 + 0.02) & (y > y0 - 0.02) & (y < y1 + 0.02)

    def _ground_at(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x0, x1, y0, y1 = self.drive.place.area
        x, y = place.T
        return (x > x0) & (x < x1) & (y > y0) & (y < y1), np.zeros(len(place))


def _is_car(mover: Mover) -> bool:
    length, width, height = extent(mover.mesh)
    return 3 < length < 7 and 1.3 < width < 2.6 and 1.1 < height < 3.2


def _rays() -> np.ndarray:
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    return np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy,
                     np.ones(u.shape)], -1)


def xyz(cloud: Cloud) -> np.ndarray:
    """Return the points of a cloud, (N, 3) float64."""
    return cloud.data[0, :, :3].copy().view(np.float32).astype(np.float64)


def clouds(frame, compact: DepthEstimator, grid: PointGrid, tracker: ScaleTracker,
           ground: Ground, choice: SceneChoice, time: float) -> Iterator[tuple[str, Cloud]]:
    """Yield what each kind of depth makes of a frame; the last only where its scale is known."""
    with torch.inference_mode():
        yield DEPTHS[0], grid.cloud(torch.from_numpy(np.where(
            frame.depth < 80, frame.depth, np.inf)).float(), None)
    scale, scene = tracker.current(time), 'auto'
    for name, factor in zip(DEPTHS[1:], (1.0, scale and scale.scale)):
        if factor:
            [estimate] = compact.estimate_all([Request(
                frame.image, CAMERA, DepthOptions(points=POINTS, metres_per_unit=factor,
                                                  scene=scene),
                {'points'}, unscaled=True, choice=choice)])
            yield name, estimate.cloud
            if name == DEPTHS[1]:
                scene = estimate.scene or 'auto'  # it is chosen once a frame
                tracker.update('height', ground.measure(cv2.resize(
                    estimate.unscaled.depth, (CAMERA.width, CAMERA.height))), time)


def judge(tally: Tally, world: World, layer: Layer, truth: Truth, kind: str,
          origin: np.ndarray) -> None:
    """Count what a costmap says of a frame."""
    marked = layer.marked
    room = cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, 5)
    cells = np.argwhere(marked)
    for distance, nearest, outline in truth.cars:
        at = world.cells(nearest[None])[0]
        tally.distance.append(distance)
        tally.off.append(float(np.abs(cells - at).max(1).min()) if kind == DEPTHS[0]
                         else float(room[tuple(at)]) * CELL)
        limit = 1.5 if kind == DEPTHS[0] else tolerance(distance) / CELL
        tally.outline.append(float(np.mean(room[tuple(outline.T)] <= limit)))
    free = truth.free(kind)
    wrong = free[marked[tuple(free.T)]]
    if len(free):
        tally.blocked.append(len(wrong))
        tally.where.extend(np.linalg.norm(
            (wrong + 0.5) * CELL + world.low - origin[:2], axis=1))


def tolerance(distance: float) -> float:
    """Return how far a mark of compact's may be off, metres."""
    return max(NEAREST, SHARE * distance)


def report(kind: str, tally: Tally) -> None:
    """Print the figures of one kind of depth."""
    off, distance = np.array(tally.off), np.array(tally.distance)
    limit = np.ones(len(off)) if kind == DEPTHS[0] else np.maximum(NEAREST, SHARE * distance)
    blocked = np.array(tally.blocked)
    cars = (f'{np.mean(off <= limit):.1%} of {len(off)} things marked within the tolerance, '
            f'{np.mean(tally.outline):.1%} of their outline' if len(off) else 'nothing')
    print(f'{kind}: {cars}; {np.mean(blocked == 0):.1%} of {len(blocked)} frames without a marked '
          'cell on free ground')
    for low in range(0, int(REACH), 2):
        part = (distance >= low) & (distance < low + 2)
        where = np.array(tally.where)
        print(f'  {low} to {low + 2} m: {part.sum()} things, ' + (
            f'{np.mean(off[part] <= limit[part]):.1%} marked, off by '
            f'{np.median(off[part]):.2f} (median), ' if part.any() else '')
            + f'{np.count_nonzero((where >= low) & (where < low + 2))} marked cells of free '
            'ground')


def draw(frame, world: World, layers: dict[str, Layer], truth: Truth,
         pose: Pose) -> np.ndarray:
    """Return a picture of a frame and of its costmaps, (H, W, 3) uint8 BGR."""
    side = CAMERA.height
    parts = [frame.image[..., ::-1]]
    heading = pose.rotation[:2, 2] / np.linalg.norm(pose.rotation[:2, 2])
    across, along = np.meshgrid((np.arange(side) + 0.5) / side * 12 - 6,
                                11.5 - (np.arange(side) + 0.5) / side * 12)
    place = (pose.origin[:2] + along[..., None] * heading
             + across[..., None] * [heading[1], -heading[0]])
    cell = world.cells(place.reshape(-1, 2)).T
    for kind, layer in layers.items():
        picture = np.full((side, side, 3), 70, np.uint8)
        free = np.zeros(layer.marked.shape, bool)
        free[tuple(truth.free(kind).T)] = True
        for mask, color in ((free, (120, 160, 120)), (layer.marked, (40, 40, 230))):
            picture[mask[tuple(cell)].reshape(side, side)] = color
        for _, _, outline in truth.cars:
            mask = np.zeros(layer.marked.shape, bool)
            mask[tuple(outline.T)] = True
            here = mask[tuple(cell)].reshape(side, side)
            picture[here & ~layer.marked[tuple(cell)].reshape(side, side)] = (0, 200, 255)
            picture[here & layer.marked[tuple(cell)].reshape(side, side)] = (0, 0, 120)
        cv2.circle(picture, (side // 2, int(11.5 / 12 * side)), 5, (255, 255, 255), -1)
        cv2.putText(picture, kind, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1,
                    cv2.LINE_AA)
        parts.append(picture)
    return np.hstack(parts)


def main() -> None:
    """Print the figures, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--rooms', action='store_true', help='rooms and not streets')
    parser.add_argument('--drives', type=int, default=10)
    parser.add_argument('--frames', type=int, default=20)
    parser.add_argument('--rate', type=float, default=5.0, help='frames a second')
    parser.add_argument('--voxels', action='store_true', help='VoxelLayer, not ObstacleLayer')
    parser.add_argument('--picture', type=Path, help='of the frame with the most things')
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = yaml.safe_load(CONFIG.read_text())['local_costmap']['local_costmap'][
        'ros__parameters']['depth_layer']
    compact = DepthEstimator(networks.open_network('compact').network, 'cpu', 'fp32')
    grid = PointGrid(CAMERA, POINTS, torch.device('cpu'))
    tallies = defaultdict(Tally)
    best = 0, None
    kinds = ROOMS if options.rooms else STREETS
    height = ROBOT if options.rooms else HEIGHT
    ground = Ground(CAMERA, height)
    for number in range(options.drives):
        kind = kinds[number % len(kinds)]
        drive = SyntheticDrive(Plan(SEED + number, options.frames, options.rate, kind,
                                    mount=Mount(height)), CAMERA)
        world = (RoomWorld if options.rooms else World)(drive, settings)
        layers = {name: Layer(settings, world.low, world.size, not options.voxels)
                  for name in DEPTHS}
        own, tracker, choice = defaultdict(Tally), ScaleTracker(), SceneChoice()
        for index, frame in enumerate(drive):
            pose = world.pose(frame, index)
            truth = world.truth(frame, index)
            for name, cloud in clouds(frame, compact, grid, tracker, ground, choice,
                                      index / options.rate):
                layers[name].update(pose.points(xyz(cloud)), pose.origin)
                for tally in (own[name], tallies[name]):
                    judge(tally, world, layers[name], truth, name, pose.origin)
            if options.picture and index > 5 and len(truth.cars) > best[0]:
                best = len(truth.cars), draw(frame, world, layers, truth, pose)
        print(f'-- {kind}', flush=True)
        for name, tally in own.items():
            report(name, tally)
    print('== all')
    for name, tally in tallies.items():
        report(name, tally)
    if best[0]:
        cv2.imwrite(str(options.picture), best[1], [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == '__main__':
    main()
