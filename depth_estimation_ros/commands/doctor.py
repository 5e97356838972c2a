# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bug report needs, and what is likely to be wrong with this machine."""
from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, metadata
import os
import platform
import shutil
import sys
import time

from depth_estimation_ros import __version__

# Fast DDS keeps messages of both directions in there; config/fastdds.xml asks for 64 MB.
ROOMY_SHARED_MEMORY = 256 * 2**20
KINDS = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/CameraInfo',
         'sensor_msgs/msg/PointCloud2')
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
ROS_VARIABLES = ('ROS_DISTRO', 'ROS_DOMAIN_ID', 'RMW_IMPLEMENTATION',
                 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY')


def report(listen: float = 2.0) -> str:
    """Return the whole report, one fact a line; looks for topics for `listen` seconds."""
    lines = [*_machine(), *_torch(), *_ros(listen)]
    return '\n'.join(f'{name + ":":<24} {value}' for name, value in lines)


def _machine() -> Iterator[tuple[str, str]]:
    yield 'depth_estimation_ros', __version__
    yield 'python', f'{platform.python_version()} ({sys.executable})'
    yield 'system', platform.platform()
    for name, module in (('numpy', 'numpy'), ('opencv', 'cv2')):
        try:
            yield name, import_module(module).__version__
        except Exception as error:  # a report must survive whatever it reports
            yield name, f'not importable ({type(error).__name__}: {error})'
    try:
        room = shutil.disk_usage('/dev/shm')
        small = '' if room.total >= ROOMY_SHARED_MEMORY else (
            '  <- small: large images may be lost; give the container --shm-size=512m')
        yield '/dev/shm', (f'{room.free / 2**20:.0f} of {room.total / 2**20:.0f} MiB free{small}')
    except OSError as error:
        yield '/dev/shm', f'not there ({error})'


def _torch() -> Iterator[tuple[str, str]]:
    try:
        import torch
    except Exception as error:  # a report must survive whatever it reports
        yield 'torch', (f'not importable ({type(error).__name__}: {error})  <- install it for '
                        f'{sys.executable}')
        return
    yield 'torch', f'{torch.__version__}, built for CUDA {torch.version.cuda or "none"}'
    from depth_estimation_ros.estimation.runtime import spare_threads  # it imports torch
    yield 'cpu threads', f'{torch.get_num_threads()}, of which the node takes {spare_threads()}'
    compiler = shutil.which(os.environ.get('CXX', 'g++')) or shutil.which('clang++')
    yield 'c++ compiler', compiler or ('none  <- without one the network is not compiled, a fifth '
                                       'slower: apt install g++')
    if not torch.cuda.is_available():
        yield 'gpu', 'none that torch can use'
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        gpu = torch.cuda.get_device_properties(index)
        yield f'gpu {index}', (f'{gpu.name}, {gpu.total_memory / 2**30:.1f} GiB, compute '
                               f'capability {gpu.major}.{gpu.minor}')


def _ros(listen: float) -> Iterator[tuple[str, str]]:
    for variable in ROS_VARIABLES + PROFILE_VARIABLES:
        yield variable, os.environ.get(variable, 'not set')
    try:
        import rclpy
    except ImportError as error:
        yield 'rclpy', (f"not importable ({error})  <- source your ROS setup, or on a machine "
                        "without ROS: pip install 'depth_estimation_ros[jazzy]'")
        return
    try:
        # Of ROS, which may be broken.
        from depth_estimation_ros.node.frames import tf2_ros
        from depth_estimation_ros.node.messages import cv_bridge, sensor_msgs_py
    except Exception as error:  # a report must survive whatever it reports
        yield 'the node', f'cannot start ({type(error).__name__}: {error})'
        return
    yield 'rclpy', _version('ros-rclpy', 'rclpy')
    yield 'rmw in use', rclpy.get_rmw_implementation_identifier()
    yield 'cv_bridge', cv_bridge()[1]
    yield 'sensor_msgs_py', sensor_msgs_py()[1]
    yield 'tf2_ros', tf2_ros()[1]

    rclpy.init(args=[])
    try:
        node = rclpy.create_node('depth_estimation_doctor')
        time.sleep(max(listen, 0.0))
        topics = [(name, kind) for name, kinds in node.get_topic_names_and_types()
                  for kind in kinds if kind in KINDS]
        yield 'camera topics', f'{len(topics)} seen in {listen:g} s' + (
            '' if topics else '  <- does the driver run, in the same ROS_DOMAIN_ID?')
        for name, kind in sorted(topics):
            yield f'  {name}', kind.rsplit('/', 1)[-1]
            for role, ends in (('published', node.get_publishers_info_by_topic(name)),
                               ('read', node.get_subscriptions_info_by_topic(name))):
                for end in ends:
                    qos = end.qos_profile
                    yield f'    {role} by', (
                        f'{end.node_namespace.rstrip("/")}/{end.node_name}: '
                        f'{qos.reliability.name.lower()}, {qos.durability.name.lower()}')
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _version(*distributions: str) -> str:
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return 'there, version unknown'
