# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a KITTI bag through the depth node, on the bag's clock."""
from __future__ import annotations

from functools import partial
from pathlib import Path

from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import LogInfo, Shutdown, TimerAction
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent
LAST = 2.0  # seconds from the end of the bag to the end of the node

ARGUMENTS = {
    'bag': ('', 'rosbag2 folder or file; `depth_estimation bag from-kitti` makes one of a raw '
            'drive'),
    'rate': ('1.0', 'seconds of the bag a second; slower where the node needs longer'),
    'loop': ('false', 'true: begin again at the end'),
    'stay': ('false', 'true: the node stays after the end of the bag'),
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
        replay(given['bag'], given['rate'], given['loop'].lower() == 'true', given['image'],
               given['stay'].lower() == 'true')]


def replay(bag: str, rate: str, loop: bool, image: str, stay: bool) -> LaunchDescriptionEntity:
    """
    Return the package's player, and with it the end of the launch, unless it is to `stay`.

    `ros2 bag play` cannot wait for a node, so that its first pictures would be lost, nor for the
    depth of each picture, which a computer that is slower than the camera needs.
    """
    info = image.rsplit('/', 1)[0] + '/camera_info'
    return Node(
        package='depth_estimation_ros', executable='depth_estimation', output='screen',
        on_exit=partial(end, stay), arguments=[
            'bag', 'play', bag, '--rate', rate, '--wait-for', image, info, '--reader',
            '/depth_estimation', '--answered', image, '/depth/image_rect',
            *(['--loop'] if loop else [])])


def end(stay: bool, event, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Say how the player ended, and end the launch unless it is to `stay`."""
    said = ('the bag has ended' if event.returncode == 0 else
            f'the player ended with exit code {event.returncode}: it says why above')
    if stay:
        return [LogInfo(msg=f'{said}; the node stays, end it with Ctrl-C')]
    # The last picture is on its way through the node.
    return [LogInfo(msg=said), TimerAction(period=LAST, actions=[Shutdown(reason=said)])]
