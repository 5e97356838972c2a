# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node beside Nav2, and say where its camera is if nobody else does."""
from __future__ import annotations

import math
from pathlib import Path

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import GroupAction
from launch_ros.actions import Node, SetRemap

HERE = Path(__file__).resolve().parent

ARGUMENTS = {
    'image': ('', "topic of the camera's images, for instance /front/image_raw"),
    'camera_info': ('', "topic of the camera's calibration; not given: camera_info beside the "
                    'image'),
    'camera_pose': ('', 'where the camera is in base_frame, if no URDF or driver says so: x y z '
                    "(metres) roll pitch yaw (radians), for instance '0.2 0 0.8 0 0.1 0' of one "
                    'that looks ahead and a little down'),
    'camera_frame': ('', "frame_id of the camera's images, for camera_pose"),
    'base_frame': ('base_link', "the robot's frame, for camera_pose"),
    **launching.NODE,
    'params_file': ('nav2.yaml', "the node's parameters; a copy of nav2.yaml with your "
                    'camera_height'),
    'namespace': ('', 'namespace of the node and its topics, as that of Nav2'),
    'use_sim_time': ('', 'true: time comes from /clock (a bag, a simulator)'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the node and the transform of its camera."""
    return launching.described(ARGUMENTS, start)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return what is started; ValueError names an argument that is no good."""
    given = launching.values(context, ARGUMENTS)
    # Nav2's launch files give each namespace a tf of its own, in this way.
    own_tf = [SetRemap(f'/{topic}', topic) for topic in ('tf', 'tf_static') if given['namespace']]
    return [GroupAction([
        *own_tf,
        launching.depth_node(HERE, given, 'image', 'camera_info', 'namespace', 'use_sim_time'),
        *([camera_transform(given)] if given['camera_pose'] else [])])]


def camera_transform(given: dict[str, str]) -> Node:
    """Return what publishes where the optical frame of the camera is in the robot's frame."""
    try:
        x, y, z, roll, pitch, yaw = map(float, given['camera_pose'].split())
    except ValueError:
        raise ValueError(f"camera_pose:='{given['camera_pose']}' is not six numbers: x y z roll "
                         'pitch yaw') from None
    if not given['camera_frame']:
        raise ValueError("camera_pose:= takes camera_frame:= too, the frame_id of the camera's "
                         'images (ros2 topic echo --field header.frame_id --once TOPIC)')
    try:
        get_package_prefix('tf2_ros')
    except PackageNotFoundError:
        raise ValueError('camera_pose:= takes tf2_ros, which is not installed: '
                         'apt install ros-$ROS_DISTRO-tf2-ros') from None
    turn = optical_quaternion(roll, pitch, yaw)
    return Node(package='tf2_ros', executable='static_transform_publisher', output='screen',
                namespace=given['namespace'] or None, arguments=[
                    *(part for name, value in zip(('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'),
                                                  (x, y, z, *turn))
                      for part in (f'--{name}', f'{value:.9g}')),
                    '--frame-id', given['base_frame'], '--child-frame-id', given['camera_frame']])


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
