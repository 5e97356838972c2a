# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where metres come from at run time: readings in, one steady figure out."""
