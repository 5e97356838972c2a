# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A page on which depth can be looked at: the newest frame for all who look, and its server."""
