# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files around depth.launch.py share; it needs ROS 2's `launch`."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

# Default and description of what each of them hands on to depth.launch.py.
NODE = {
    'model': ('', 'network; not given: compact'),
    'weights': ('', 'checkpoint of the model'),
    'device': ('', 'auto, cpu, cuda or cuda:N'),
    'scene': ('', 'street, room, or auto, which finds out'),
    'params_file': ('', "the node's parameters"),
    'rviz': ('false', 'true: also start RViz'),
}


def described(arguments: Mapping[str, tuple[str, str]], start: Callable[
        [LaunchContext], list[LaunchDescriptionEntity]]) -> LaunchDescription:
    """Return the arguments (name: default, description) and what `start` makes of them."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, (default, description) in arguments.items()),
        OpaqueFunction(function=start),
    ])


def values(context: LaunchContext, arguments: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return what was given for each of `arguments`, else its default."""
    return {name: context.launch_configurations[name] for name in arguments}


def depth_node(folder: Path, given: Mapping[str, str], *passed: str,
               **fixed: str) -> IncludeLaunchDescription:
    """Return depth.launch.py of `folder` with NODE and `passed` of `given`, and `fixed`."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(folder / 'depth.launch.py')),
        launch_arguments={**{name: given[name] for name in (*NODE, *passed)}, **fixed}.items())
