# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth to points and scans: grids, conditioning, packing into message bytes, poses."""
