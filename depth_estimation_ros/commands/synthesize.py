# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag of a generated drive, with exact depth: `depth_estimation bag synthesize`."""
from __future__ import annotations

from math import radians
import re

from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import info
from depth_estimation_ros.estimation.runtime import find_device
from depth_estimation_ros.synthetic.bag import synthesize
from depth_estimation_ros.synthetic.drive import (
    drive_camera, Mount, Plan, ROOM_HEIGHT, ROOMS, STREET_HEIGHT, SyntheticDrive)

SIDE = (32, 8192)  # pixels


def run(path: str, size: str, camera: str, fov: float | None, height: float | None, pitch: float,
        roll: float, lidar: bool, device: str, kind: str, **plan) -> str:
    """
    Render a drive along a street, or through a room, into the bag `path`; return what is in it.

    :param size: `WxH` pixels, or empty: the calibration's. fov, pitch, roll: degrees.
    :param height: metres of the camera above the ground; None: as cars or robots have it.
    :param kind, plan: the rest of synthetic.drive.Plan.
    :raises DriveError: one sentence.
    """
    sides = _sides(size)
    if height is None:
        height = ROOM_HEIGHT if kind in ROOMS else STREET_HEIGHT
    mount = Mount(_height(height), 0.0, radians(pitch), radians(roll))
    drive = SyntheticDrive(Plan(mount=mount, kind=kind, **plan),
                           drive_camera(camera, fov, sides, kind),
                           str(find_device(device)))
    synthesize(drive, path, lidar, progress=lambda numbers: progress(
        numbers, len(drive), 'render'))
    return info(path)


def _sides(size: str) -> tuple[int, int] | None:
    if not size:
        return None
    found = re.fullmatch(r'([0-9]{2,4})x([0-9]{2,4})', size)
    if not found or not all(SIDE[0] <= int(side) <= SIDE[1] for side in found.groups()):
        raise DriveError(f'--size {size} is not two whole numbers like 640x192, each from '
                         f'{SIDE[0]} to {SIDE[1]}')
    return int(found[1]), int(found[2])


def _height(metres: float) -> float:
    if not 0.2 <= metres <= 10:
        raise DriveError(f'--height {metres:g} is not from 0.2 to 10 metres')
    return metres
