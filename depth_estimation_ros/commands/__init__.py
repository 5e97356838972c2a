# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a user types after `depth_estimation`: one file a command."""
