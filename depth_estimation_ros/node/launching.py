# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files around depth.launch.py share; it needs ROS 2's `launch`."""
from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from pathlib import Path

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

# Default and description of what each of them hands on to depth.launch.py.
NODE = {
    'model': ('', 'network; not given: compact'),
    'weights': ('', 'checkpoint of the model'),
    'device': ('', 'auto, cpu, cuda or cuda:N'),
    'scene': ('', 'street, room, or auto, which finds out'),
    'params_file': ('', "the node's parameters"),
    'rviz': ('false', 'true: also start RViz'),
}
# The same of what says where the camera is.
POSE = {
    'camera_pose': ('', 'where the camera is in base_frame, if no URDF or driver says so: x y z '
                    "(metres) roll pitch yaw (radians), for instance '0.2 0 0.8 0 0.1 0' of one "
                    'that looks ahead and a little down'),
    'camera_frame': ('', "frame_id of the camera's images, for camera_pose"),
    'base_frame': ('base_link', "the robot's frame"),
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


def installed(package: str, debian: str, wanted: str = 'this takes') -> None:
    """Raise ValueError with what to install if there is no ROS `package`."""
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        raise ValueError(f'{wanted} {package}, which is not installed: '
                         f'apt install ros-$ROS_DISTRO-{debian}') from None


def metres(name: str, text: str) -> float:
    """Return a length that is larger than 0 and finite, else raise ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise ValueError(f'{name}:={text} is no number of metres larger than 0')
    return value


def camera_transform(given: Mapping[str, str]) -> list[LaunchDescriptionEntity]:
    """Return what publishes where the camera's optical frame is in the robot's, if POSE says."""
    if not given['camera_pose']:
        return []
    try:
        x, y, z, roll, pitch, yaw = map(float, given['camera_pose'].split())
    except ValueError:
        raise ValueError(f"camera_pose:='{given['camera_pose']}' is not six numbers: x y z roll "
                         'pitch yaw') from None
    if not given['camera_frame']:
        raise ValueError("camera_pose:= takes camera_frame:= too, the frame_id of the camera's "
                         'images (ros2 topic echo --field header.frame_id --once TOPIC)')
    installed('tf2_ros', 'tf2-ros', 'camera_pose:= takes')
    turn = optical_quaternion(roll, pitch, yaw)
    numbers = zip(('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'), (x, y, z, *turn))
    return [Node(
        package='tf2_ros', executable='static_transform_publisher', output='screen',
        namespace=given.get('namespace') or None, arguments=[
            *(part for name, value in numbers for part in (f'--{name}', f'{value:.9g}')),
            '--frame-id', given['base_frame'], '--child-frame-id', given['camera_frame']])]


def optical_quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, ...]:
    """
    Return x, y, z, w of the optical frame of a camera that is turned so (REP 103).

    Roll, pitch and yaw are those of its body: x where it looks, z up; positive pitch looks down.
    """
    turn = 0.0, 0.0, 0.0, 1.0
    for axis, angle in ((2, yaw), (1, pitch), (0, roll)):
        about = [0.0, 0.0, 0.0, math.cos(angle / 2)]
        about[axis] = math.sin(angle / 2)
        turn = _product(turn, about)
    return _product(turn, (-0.5, 0.5, -0.5, 0.5))  # x right, y down, z where it looks


def _product(a, b) -> tuple[float, ...]:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (aw * bx + ax * bw + ay * bz - az * by, aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw, aw * bw - ax * bx - ay * by - az * bz)
