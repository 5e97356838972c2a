# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m depth_estimation_ros` starts the node."""
import sys

from depth_estimation_ros.cli import depth_node

sys.exit(depth_node())
