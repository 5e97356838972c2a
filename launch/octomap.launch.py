# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node and octomap_server, which keeps what is free and what is not in 3D."""
from __future__ import annotations

from pathlib import Path

from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent

ARGUMENTS = {
    'image': ('', "topic of the camera's images, for instance /front/image_raw"),
    'camera_info': ('', "topic of the camera's calibration; not given: camera_info beside the "
                    'image'),
    'map_frame': ('odom', 'frame of the map, in which the robot moves by tf: odom, or map'),
    'resolution': ('0.1', 'edge of a voxel, metres'),
    'max_range': ('8.0', 'metres; what is farther clears the way to there'),
    **launching.POSE,
    **launching.NODE,
    'params_file': ('octomap.yaml', "the node's parameters"),
    'use_sim_time': ('', 'true: time comes from /clock (a bag, a simulator)'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the node and the map."""
    return launching.described(ARGUMENTS, start)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return what is started; ValueError names an argument that is no good."""
    given = launching.values(context, ARGUMENTS)
    launching.installed('octomap_server', 'octomap-server')
    resolution, farthest = (launching.metres(name, given[name])
                            for name in ('resolution', 'max_range'))
    return [
        launching.depth_node(HERE, given, 'image', 'camera_info', 'use_sim_time'),
        *launching.camera_transform(given),
        Node(package='octomap_server', executable='octomap_server_node', name='octomap_server',
             output='screen', remappings=[('cloud_in', 'points')],
             parameters=[{'frame_id': given['map_frame'], 'base_frame_id': given['base_frame'],
                          'resolution': resolution, 'sensor_model.max_range': farthest,
                          # One reading is less sure than that of a LiDAR (0.7).
                          'sensor_model.hit': 0.6,
                          'use_sim_time': given['use_sim_time'].lower() == 'true'}])]
