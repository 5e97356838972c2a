# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot around the node that a file of tests runs."""
from harness import info, Robot
import pytest


@pytest.fixture
def robot(running, request) -> Robot:
    """Return the robot of `running`, with nothing received yet and the file's CAMERA known."""
    _, robot = running
    robot.forget()
    robot.send_info(info(request.module.CAMERA))
    return robot
