# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Triangles to pictures: meshes, textures, light, rasteriser, sensor."""
