# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Monocular depth for ROS 2: camera images to metric depth images and point clouds."""

__version__ = '0.1.0'
