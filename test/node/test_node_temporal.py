# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameter temporal.window in the real node."""
import cv2
from depth_estimation_ros.estimation.runtime import STREET, STREET_FOCAL
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import depth_array, image, info, NodeProcess, Robot
import numpy as np

CAMERA = PinholeCamera(640, 192, STREET_FOCAL, STREET_FOCAL, 319.5, 95.5)
BRIGHT = cv2.imread(str(STREET))
DIM = (0.7 * BRIGHT).astype(np.uint8)
TENTH = 10**8


def test_the_window_damps_flicker_from_the_next_frame_on_and_starts_anew_when_set():
    node = NodeProcess({'max_depth': 1000.0, 'temporal.window': 9, 'use_sim_time': True})
    robot = Robot(node, outputs=('depth/image_rect',))

    def log_depth(picture, tenths):
        return np.log(depth_array(robot.ask(image(picture), stamp=tenths * TENTH)))

    def change(one, other):
        return np.nanmean(np.abs(one - other))

    try:
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        bright = log_depth(BRIGHT, 1000)
        damped = log_depth(DIM, 1001)
        [result] = robot.set(**{'temporal.window': 0})
        assert result.successful
        dim = log_depth(DIM, 1002)
        assert change(dim, bright) > 0.01
        assert change(damped, bright) < 0.6 * change(dim, bright)
        np.testing.assert_array_equal(log_depth(BRIGHT, 1003), bright)  # off: no memory at all
        robot.set(**{'temporal.window': 9})
        np.testing.assert_array_equal(log_depth(BRIGHT, 1004), bright)
        assert change(log_depth(DIM, 1005), dim) > 0
        assert robot.transition('deactivate') and robot.transition('activate')
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        np.testing.assert_array_equal(log_depth(BRIGHT, 1006), bright)
        assert change(log_depth(DIM, 1007), dim) > 0
        np.testing.assert_array_equal(log_depth(DIM, 10), dim)  # the bag begins again
    finally:
        robot.close()
        node.stop()
