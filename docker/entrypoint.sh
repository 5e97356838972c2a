#!/usr/bin/env bash
# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
# The workspace, then the environment that torch is in: in that order (docs/install.md).
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source "$HOME/ws/install/setup.bash"
source "$HOME/torch/bin/activate"
exec "$@"
