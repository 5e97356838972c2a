# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From pictures and cameras to depth: one pass of a network on one device."""
