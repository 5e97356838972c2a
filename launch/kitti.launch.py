# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a KITTI bag through the depth node, on the bag's clock."""
from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import ExecuteProcess, LogInfo
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent
# Seconds that `ros2 bag play` waits: torch is imported, the model warmed up by then.
START = 8.0

ARGUMENTS = {
    'bag': ('', 'rosbag2 folder or file; `depth_estimation bag from-kitti` makes one of a raw '
            'drive'),
    'rate': ('1.0', 'seconds of the bag a second'),
    'loop': ('false', 'true: begin again at the end'),
    'image': ('/kitti/camera_color_left/image_raw', "topic of the bag's images"),
    **launching.NODE,
    'params_file': ('kitti.yaml', "the node's parameters"),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the node and the replay."""
    return launching.described(ARGUMENTS, start)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node under sim time and what plays the bag; ValueError where bag is missing."""
    given = launching.values(context, ARGUMENTS)
    if not given['bag']:
        raise ValueError('bag:= is missing: give a rosbag2 folder, or make one with '
                         'depth_estimation bag from-kitti DRIVE BAG')
    return [
        launching.depth_node(HERE, given, 'image', use_sim_time='true'),
        *replay(given['bag'], given['rate'], given['loop'].lower() == 'true', given['image'])]


def replay(bag: str, rate: str, loop: bool, image: str) -> list[LaunchDescriptionEntity]:
    """Return `ros2 bag play` where it and MCAP are installed, else the package's own player."""
    try:
        for package in ('ros2bag', 'rosbag2_storage_mcap'):  # Humble comes without the second
            get_package_prefix(package)
    except PackageNotFoundError:
        info = image.rsplit('/', 1)[0] + '/camera_info'
        return [
            LogInfo(msg='ros2 bag is not installed, or not its MCAP storage: depth_estimation bag '
                        'play replays'),
            Node(package='depth_estimation_ros', executable='depth_estimation', output='screen',
                 arguments=['bag', 'play', bag, '--rate', rate, '--wait-for', image, info,
                            *(['--loop'] if loop else [])])]
    return [ExecuteProcess(output='screen', cmd=[
        'ros2', 'bag', 'play', bag, '--clock', '--rate', rate, '--delay', str(START),
        *(['--loop'] if loop else [])])]
