# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node: `ros2 launch depth_estimation_ros depth.launch.py --show-args`."""
from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from depth_estimation_ros.node.dds import dds_profile
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch_ros.actions import Node

CONFIG = Path(__file__).resolve().parents[1] / 'config'

LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')

# Empty means not given: then params_file, or else the node's default, decides.
ARGUMENTS = {
    'model': "network: compact (the default), or another that 'depth_estimation models' lists",
    'weights': 'checkpoint of the model, a folder or a file; compact brings its own',
    'device': 'auto, cpu, cuda or cuda:N',
    'scene': 'what the pictures show: street, room, or auto (the default), which finds out',
    'image': "topic of the camera's images, for instance /front/image_raw; the base name also "
             'where image_transport is compressed',
    'camera_info': "topic of the camera's calibration; not given: camera_info beside the image",
    'params_file': "YAML file of the node's parameters, or the name of one in this package's "
                   'config folder, for instance kitti.yaml; the arguments given here override it',
    'namespace': "namespace of the node and its topics, for instance front: 'front/points'",
    'use_sim_time': 'true: time comes from /clock (a bag, a simulator)',
    'rviz': "true: also start RViz with this package's view; set its Fixed Frame to the "
            "frame_id of the camera's images",
    'log_level': f'one of: {", ".join(LOG_LEVELS)}',
    'autostart': 'false: leave configure and activate to a lifecycle manager',
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above and the node that they describe."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value='', description=description)
          for name, description in ARGUMENTS.items()),
        OpaqueFunction(function=start),
    ])


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node, and RViz if it is wanted; ValueError names an argument that is no good."""
    given = {name: context.launch_configurations[name] for name in ARGUMENTS
             if context.launch_configurations[name]}
    parameters = {name: given[name] for name in ('model', 'weights', 'device', 'scene')
                  if name in given}
    parameters.update({name: as_bool(name, given[name])
                       for name in ('use_sim_time', 'autostart') if name in given})
    level = given.get('log_level', 'info')
    if level not in LOG_LEVELS:
        raise ValueError(f'log_level:={level} is not one of {", ".join(LOG_LEVELS)}')
    profile, why = dds_profile(os.environ)
    actions = [
        LogInfo(msg=why),
        Node(package='depth_estimation_ros', executable='depth_node', name='depth_estimation',
             namespace=given.get('namespace'), output='screen', additional_env=profile,
             parameters=[*([params_file(given['params_file'])] if 'params_file' in given else []),
                         *([parameters] if parameters else [])],
             remappings=[(name, given[name]) for name in ('image', 'camera_info')
                         if name in given],
             arguments=['--ros-args', '--log-level', level])]
    if as_bool('rviz', given.get('rviz', 'false')):
        actions.append(rviz(given.get('namespace'), parameters.get('use_sim_time', False)))
    return actions


def as_bool(name: str, value: str) -> bool:
    """Return what the text of a launch argument means."""
    if value.lower() not in ('true', 'false'):
        raise ValueError(f'{name}:={value} is neither true nor false')
    return value.lower() == 'true'


def params_file(value: str) -> str:
    """Return the path of a parameter file that was given by its path or its name in config."""
    for path in (Path(value).expanduser(), CONFIG / value):
        if path.is_file():
            return str(path)
    shipped = ', '.join(sorted(path.name for path in CONFIG.glob('*.yaml')))
    raise ValueError(f'params_file:={value} does not exist: give the path of a file, or the name '
                     f'of one in {CONFIG} ({shipped})')


def rviz(namespace: str | None, use_sim_time: bool) -> LaunchDescriptionEntity:
    """Return RViz with topics in the node's namespace, or the sentence that it is missing."""
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        return LogInfo(msg='rviz:=true, but rviz2 is not installed, so only the node starts: '
                           'install it (apt install ros-$ROS_DISTRO-rviz2) or leave rviz out')
    return Node(package='rviz2', executable='rviz2', namespace=namespace, output='screen',
                arguments=['-d', str(CONFIG / 'depth.rviz')],
                parameters=[{'use_sim_time': use_sim_time}])
