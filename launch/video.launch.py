# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the depth node on a film, a webcam or a folder of images, without a camera driver."""
from __future__ import annotations

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

DEPTH = Path(__file__).resolve().parent / 'depth.launch.py'

ARGUMENTS = {
    'source': ('', 'a film, a picture, a folder of pictures, a webcam (0 or /dev/video0)'),
    'calibration': ('', 'calibration of its camera, as camera_calibration writes it'),
    'fov': ('', 'horizontal field of view in degrees, a guess instead of a calibration'),
    'rate': ('', "frames a second; not given: the source's own"),
    'loop': ('true', 'false: end with the film'),
    'model': ('', 'network; not given: compact'),
    'weights': ('', 'checkpoint of the model'),
    'device': ('', 'auto, cpu, cuda or cuda:N'),
    'params_file': ('', "the node's parameters"),
    'rviz': ('false', 'true: also start RViz'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments above, the camera and the node."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, (default, description) in ARGUMENTS.items()),
        OpaqueFunction(function=start),
    ])


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the camera and the node that reads it; ValueError where source is missing."""
    given = {name: context.launch_configurations[name] for name in ARGUMENTS}
    if not given['source']:
        raise ValueError('source:= is missing: give a film, a folder of pictures or a webcam')
    options = [part for name, option in (('calibration', '--camera'), ('fov', '--fov'),
                                         ('rate', '--rate'))
               if given[name] for part in (option, given[name])]
    passed = ('model', 'weights', 'device', 'params_file', 'rviz')
    return [
        Node(package='depth_estimation_ros', executable='depth_estimation', namespace='camera',
             output='screen', arguments=[
                 'camera', given['source'], *options,
                 '--loop' if given['loop'].lower() == 'true' else '--no-loop']),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(DEPTH)),
            launch_arguments={**{name: given[name] for name in passed},
                              'image': '/camera/image'}.items())]
