# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good depth is: samples with truth, metrics, picture sheets."""
