# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of drives and films, and of what is published: `depth_estimation bag`."""
from __future__ import annotations

from depth_estimation_ros.drives.bag import info
from depth_estimation_ros.drives.bag_writing import from_kitti, from_video
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.video import open_recording


def of_kitti(folder: str, path: str, camera: int) -> str:
    """Make a bag of a KITTI raw drive; return what is in it."""
    from_kitti(folder, path, camera)
    return info(path)


def of_video(source: str, path: str, camera: str, fov: float, topic: str) -> str:
    """Make a bag of a film or of pictures; return what is in it."""
    opened = open_recording(source)
    frames = iter(opened)
    first = next(frames)
    height, width = first.image.shape[:2]
    calibration = find_optics(camera, fov, opened).calibration(width, height)
    from_video(((frame.stamp, frame.image) for frame in opened), calibration, path, topic)
    return info(path)


def record(path: str, topics: list[str], seconds: float | None) -> str:
    """Write what is published into a bag; return what is in it."""
    from depth_estimation_ros.commands import player  # ROS, if wanted
    player.record(topics, path, seconds)
    return info(path)


def play(**chosen) -> str:
    """Publish a bag; return how it went. Raises ValueError where an answer is missing."""
    from depth_estimation_ros.commands import player
    played = player.play(**chosen)
    if played.unanswered:
        raise ValueError(str(played))
    return str(played)
