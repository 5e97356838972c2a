# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A car or a robot with a camera and a LiDAR drives: frames with exact truth, from a seed."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
import math

import numpy as np
import torch

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.courses import RoomCourse, StreetCourse
from depth_estimation_ros.synthetic.drawing.render import Renderer, Views
from depth_estimation_ros.synthetic.drawing.sensor import Sensor
from depth_estimation_ros.synthetic.frames import Frame, Mount, take
from depth_estimation_ros.synthetic.rooms.kinds import KINDS as ROOMS
from depth_estimation_ros.synthetic.streets.kinds import KINDS as STREETS
from depth_estimation_ros.synthetic.things.objects import library

KINDS = (*STREETS, *ROOMS)
# A Velodyne HDL-64E as KITTI's: beams in degrees, points a turn, reach and spread in metres.
BEAMS = np.linspace(2.0, -24.8, 64)
TURN = 1800
REACH, SPREAD = 100.0, 0.02
LIDAR_MOUNT = np.array([-0.27, 0.0, 0.08])  # from the camera, in the car's axes
# Of a camera of which nothing is said: in streets and in rooms.
STREET_SIZE, ROOM_SIZE, FIELD_OF_VIEW = (640, 192), (640, 480), 82.0
STREET_HEIGHT, ROOM_HEIGHT = Mount.height, 0.5  # metres, of its mount
MOST_PIXELS = 1 << 23  # a picture takes 340 bytes a pixel while it is drawn


@dataclass(frozen=True)
class Plan:
    """
    What to drive.

    kind: of street or of room, one of KINDS, or '' for any street. speed: metres a second, 0 =
    what that suggests. rate: frames a second.
    """

    seed: int = 0
    frames: int = 40
    rate: float = 10.0
    kind: str = ''
    speed: float = 0.0
    mount: Mount = Mount()
    sensor: Sensor | None = None  # None: any camera, as the seed has it


def drive_camera(camera: str, fov: float | None, size: tuple[int, int] | None,
                 kind: str = '') -> PinholeCamera:
    """
    Return the camera of a calibration file (its rectified grid), or of a field of view (degrees).

    size: width and height; None: the file's, or what is usual where a Plan of that kind goes.
    Raises DriveError.
    """
    optics = find_optics(camera, FIELD_OF_VIEW if fov is None and not camera else fov or 0.0, None)
    if size is None:
        size = optics.known.image_size() if optics.known else (
            ROOM_SIZE if kind in ROOMS else STREET_SIZE)
    return optics.camera(*size).rectified()


class SyntheticDrive:
    """
    A drive as `plan` says, seen by `camera` (a pinhole camera without a lens).

    Iterating renders; equal plans give equal drives on one machine. Raises DriveError.
    """

    def __init__(self, plan: Plan, camera: PinholeCamera, device: str = 'cpu'):
        self.plan, self.camera = plan, camera
        if plan.kind and plan.kind not in KINDS:
            raise DriveError(f"there is no street or room of kind '{plan.kind}': say one of "
                             f'{", ".join(KINDS)}')
        if plan.frames < 1 or not 0 < plan.rate <= 1000 or not plan.speed >= 0 or plan.seed < 0:
            raise DriveError('a drive takes at least one frame, a rate from above 0 to 1000 Hz, '
                             'a speed of 0 or more and a seed of 0 or more')
        if not (abs(plan.mount.pitch) <= math.pi / 2 and abs(plan.mount.roll) <= math.pi):
            raise DriveError('a camera is pitched by -90 to 90 and rolled by -180 to 180 degrees')
        if camera.width * camera.height > MOST_PIXELS:
            raise DriveError(f'{camera.width}x{camera.height} pixels are more than the '
                             f'{MOST_PIXELS / 2**20:g} million that are drawn at once: take a '
                             'smaller size')
        rng = np.random.default_rng([plan.seed, 0xD21])
        kind = plan.kind or str(rng.choice(list(STREETS)))
        self._renderer = Renderer(plan.seed, device)
        self._course = (RoomCourse if kind in ROOMS else StreetCourse)(
            rng, library(plan.seed), kind, plan.speed, plan.frames / plan.rate)
        self.speed, self.place = self._course.speed, self._course.place
        self._sensor = plan.sensor or replace(Sensor.random(rng), saturation=1.0)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.plan.frames

    def stamp(self, number: int) -> int:
        """Return when a frame is taken, nanoseconds from the first."""
        return round(number * 1e9 / self.plan.rate)

    def car(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """
        Return rotation (3, 3), car (x forward, y left, z up) to world, and position (3,).

        Or robot to world. It is where the camera has one and the same place on it, within
        centimetres of the ground.
        """
        height = self.plan.mount.height
        optical, position = self._course.pose(number / self.plan.rate, Mount(height))
        turn = np.stack([optical[2], -optical[0], -optical[1]], 1)
        return turn, position - height * turn[:, 2]

    def __iter__(self) -> Iterator[Frame]:
        """Render the frames, one by one."""
        for number in range(self.plan.frames):
            yield self.frame(number)

    @torch.inference_mode()
    def frame(self, number: int) -> Frame:
        """Render one frame."""
        rng = np.random.default_rng([self.plan.seed, 0xF7A, number])
        time = number / self.plan.rate
        [frame] = take(self._renderer, self.place, [self._course.pose(time, self.plan.mount)],
                       [self.camera], [self._sensor], rng, time)
        return frame

    @torch.inference_mode()
    def scan(self, number: int) -> np.ndarray:
        """
        Return a LiDAR's turn, (N, 4) float32: x y z in metres and reflectance 0..1.

        In the LiDAR's frame: the car's axes, at LIDAR_MOUNT from the camera. The points lie on
        surfaces exactly but for the noise of the range; all of a turn are of one moment.
        """
        rng = np.random.default_rng([self.plan.seed, 0x11D, number])
        turn, position = self.car(number)
        position = position + turn @ (LIDAR_MOUNT + [0, 0, self.plan.mount.height])
        scene = self._renderer.scene(self.place.mesh(number / self.plan.rate),
                                     self.place.light, tuple(position))
        points = []
        for quarter in range(4):
            angle = quarter * math.pi / 2
            c, s = math.cos(angle), math.sin(angle)
            forward, left = np.array([c, s, 0]), np.array([-s, c, 0])
            optical = np.stack([-left, [0, 0, -1], forward])  # rows in the car's axes
            points.append(self._quarter(scene, optical, turn, position))
        cloud = np.concatenate(points)
        distance = np.linalg.norm(cloud[:, :3], axis=1)
        keep = (distance < REACH) & (distance > 1.0) & (rng.random(len(cloud)) > 0.05)
        cloud, distance = cloud[keep], distance[keep]
        cloud[:, 3].clip(0, 1, out=cloud[:, 3])  # a colour is a factor on some surfaces
        cloud[:, :3] *= (1 + rng.normal(0, SPREAD, len(cloud)) / distance)[:, None]
        return cloud.astype(np.float32)

    def _quarter(self, scene, optical, turn, position) -> np.ndarray:
        width, focal = 900, 450 / math.tan(math.radians(46))
        top = math.radians(3.0)
        height = int(focal * (math.tan(top) / math.cos(math.radians(45))
                              + math.tan(math.radians(25.5)) / math.cos(math.radians(45)))) + 2
        cx, cy = (width - 1) / 2, focal * math.tan(top) / math.cos(math.radians(45))
        device = self._renderer.device
        views = Views(*(torch.tensor(np.asarray(v), dtype=torch.float32, device=device)[None]
                        for v in (optical @ turn.T, position, (focal, focal, cx, cy))),
                      width, height)
        depth, color = scene.depth_and_reflectance(views)
        azimuth = np.linspace(-math.pi / 4, math.pi / 4, TURN // 4, endpoint=False)
        x, y = np.tan(azimuth)[None], -np.tan(np.radians(BEAMS))[:, None] / np.cos(azimuth)[None]
        u = np.round(np.broadcast_to(focal * x + cx, y.shape)).astype(int)
        v = np.round(focal * y + cy).astype(int)
        z, shade = depth[0].cpu().numpy()[v, u], color[0].cpu().numpy()[v, u]
        hit = np.isfinite(z)
        z, u, v = z[hit], u[hit], v[hit]
        seen = np.stack([(u - cx) / focal * z, (v - cy) / focal * z, z], 1)
        return np.concatenate([seen @ optical, shade[hit][:, None]], 1)
