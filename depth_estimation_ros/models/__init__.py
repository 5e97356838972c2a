# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks: the catalogue, one file a family, what their numbers mean, their weights."""
