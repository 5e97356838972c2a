# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node beside Nav2, and say where its camera is if nobody else does."""
from __future__ import annotations

from pathlib import Path

from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import GroupAction
from launch_ros.actions import SetRemap

HERE = Path(__file__).resolve().parent

ARGUMENTS = {
    'image': ('', "topic of the camera's images, for instance /front/image_raw"),
    'camera_info': ('', "topic of the camera's calibration; not given: camera_info beside the "
                    'image'),
    **launching.POSE,
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
        *launching.camera_transform(given)])]
