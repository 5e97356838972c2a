# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: messages to arrays, parameters to settings, events to diagnostics."""
