# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Room for images in Fast DDS's shared memory, for whoever sends them."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
import shutil
import sys

OLD_PROFILE, NEW_PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'
# The node takes 64 MB of it; what else runs needs some too.
MIN_SHARED_MEMORY = 256 * 2**20  # bytes
FIRST_NEW_RCLPY = 9  # Kilted's major version
SHIPPED = 'share/depth_estimation_ros/config/fastdds.xml'


def dds_profile(environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """
    Return what to add to the node's environment, and a sentence that says why.

    Fast DDS sends through 512 kB of shared memory, smaller than one image; config/fastdds.xml
    gives the node 64 MB. It is for Fast DDS only, and what the user has set comes first.
    """
    default = 'Fast DDS profile: not set'
    rmw = environment.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp'
    if not rmw.startswith('rmw_fastrtps'):
        return {}, f'{default}, RMW_IMPLEMENTATION is {rmw}'
    for name in (OLD_PROFILE, NEW_PROFILE):
        if environment.get(name):
            return {}, f'{default}, {name} is already {environment[name]}'
    if environment.get('ROS_LOCALHOST_ONLY') == '1':  # Humble would open the network again
        return {}, f'{default}, ROS_LOCALHOST_ONLY is 1 and the profile would overrule it'
    try:
        free = shutil.disk_usage('/dev/shm').free
    except OSError:
        return {}, f'{default}, there is no /dev/shm'
    if free < MIN_SHARED_MEMORY:
        return {}, (f'{default}, /dev/shm has {free >> 20} MB free and {MIN_SHARED_MEMORY >> 20} '
                    'are wanted: large images may arrive late (docker run --shm-size=1g)')
    profile = str(_profile())
    return dict.fromkeys(_names(environment), profile), f'Fast DDS profile: {profile}'


def _names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that are read: the old one up to Jazzy, later that one only warns."""
    if 'ROS_DISTRO' in environment:
        old = environment['ROS_DISTRO'] in ('humble', 'iron', 'jazzy')
    else:  # the wheels set none
        try:
            old = int(metadata.version('ros-rclpy').split('.')[0]) < FIRST_NEW_RCLPY
        except metadata.PackageNotFoundError:
            return OLD_PROFILE, NEW_PROFILE
    return (OLD_PROFILE,) if old else (NEW_PROFILE,)


def _profile() -> Path:
    """Return config/fastdds.xml of this checkout, of this environment, or of the workspace."""
    here = Path(__file__).resolve()
    places = [here.parents[2] / 'config/fastdds.xml', Path(sys.prefix) / SHIPPED,
              *(folder / SHIPPED for folder in here.parents)]
    return next((place for place in places if place.is_file()), places[1])
