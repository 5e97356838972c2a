# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the depth node on a film, a webcam or a folder of images, without a camera driver."""
from __future__ import annotations

from pathlib import Path

from depth_estimation_ros.node import launching
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent

ARGUMENTS = {
    'source': ('', 'a film, a picture, a folder of pictures, a webcam (0 or /dev/video0)'),
    'calibration': ('', 'calibration of its camera, as camera_calibration writes it'),
    'fov': ('', 'horizontal field of view in degrees, a guess instead of a calibration'),
    'rate': ('', "frames a second; not given: the source's own"),
    'loop': ('true', 'false: end with the film'),
    **launching.NODE,
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the camera and the node."""
    return launching.described(ARGUMENTS, start)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the camera and the node that reads it; ValueError where source is missing."""
    given = launching.values(context, ARGUMENTS)
    if not given['source']:
        raise ValueError('source:= is missing: give a film, a folder of pictures or a webcam')
    options = [part for name, option in (('calibration', '--camera'), ('fov', '--fov'),
                                         ('rate', '--rate'))
               if given[name] for part in (option, given[name])]
    return [
        Node(package='depth_estimation_ros', executable='depth_estimation', namespace='camera',
             output='screen', arguments=[
                 'camera', given['source'], *options,
                 '--loop' if given['loop'].lower() == 'true' else '--no-loop']),
        launching.depth_node(HERE, given, image='/camera/image')]
