# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node and RTAB-Map, which builds a map of one camera's pictures and depth."""
from __future__ import annotations

from pathlib import Path

from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent
# Pictures that wait for their depth: a second of a camera of 30 Hz.
WAITING = 30

ARGUMENTS = {
    'image': ('', "topic of the camera's images, for instance /front/image_raw"),
    'camera_info': ('', "topic of the camera's calibration; not given: camera_info beside the "
                    'image'),
    'rgb': ('', 'topic of the same images without distortion (image_rect of image_proc); not '
            'given: image, which is right where the driver has rectified it'),
    'odom': ('', "topic of the robot's odometry; not given: RTAB-Map finds it in the pictures"),
    **launching.POSE,
    **launching.NODE,
    'params_file': ('rtabmap.yaml', "the node's parameters"),
    'use_sim_time': ('', 'true: time comes from /clock (a bag, a simulator)'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the node and RTAB-Map."""
    return launching.described(ARGUMENTS, start)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return what is started; ValueError names an argument that is no good."""
    given = launching.values(context, ARGUMENTS)
    launching.installed('rtabmap_slam', 'rtabmap-ros')
    common = {'frame_id': given['base_frame'], 'subscribe_rgbd': True,
              'use_sim_time': given['use_sim_time'].lower() == 'true'}
    rgb = given['rgb'] or given['image'] or 'image'
    visual = [] if given['odom'] else [Node(
        package='rtabmap_odom', executable='rgbd_odometry', output='screen',
        parameters=[{**common, 'Vis/MaxDepth': '10.0'}])]
    return [
        launching.depth_node(HERE, given, 'image', 'camera_info', 'use_sim_time'),
        *launching.camera_transform(given),
        # A picture and its depth have one stamp: nothing is paired that does not belong together.
        Node(package='rtabmap_sync', executable='rgbd_sync', output='screen',
             parameters=[{'approx_sync': False, 'sync_queue_size': WAITING,
                          'topic_queue_size': WAITING, 'use_sim_time': common['use_sim_time']}],
             remappings=[('rgb/image', rgb), ('rgb/camera_info', 'depth/camera_info'),
                         ('depth/image', 'depth/image_rect')]),
        *visual,
        Node(package='rtabmap_slam', executable='rtabmap', output='screen',
             parameters=[{**common, 'subscribe_depth': False, 'approx_sync': bool(given['odom']),
                          'Grid/RangeMax': '8.0', 'Kp/MaxDepth': '10.0'}],
             remappings=[('odom', given['odom'])] if given['odom'] else [])]
