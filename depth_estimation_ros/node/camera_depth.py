# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
One camera from picture to picture: what is asked for each, and what is learned of the answer.

The same rules for a camera that runs and for one out of a recording, so that both come to the
same depth.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from depth_estimation_ros.cloud.points import level_pose
from depth_estimation_ros.cloud.poses import (
    FrameError, Pose, pose_from_text, quarter_turns, quarters_to_upright)
from depth_estimation_ros.cloud.scan import ScanError
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import Estimate, OUTPUTS, Request, Unscaled
from depth_estimation_ros.estimation.scenes import SceneChoice
from depth_estimation_ros.estimation.temporal import TemporalFilter
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.parameters import Settings
from depth_estimation_ros.scale.camera_scale import CameraScale, Ranges
from depth_estimation_ros.scale.tracker import Declined

LookUp = Callable[[str], Pose]  # of the camera's frame in a frame, when the picture was taken


class CameraDepth:
    """
    The memory of one camera, and its share of each step of a DepthEstimator.

    Of each picture, in their order: `request` before `prepare`, `scaled` before `finish`, `void`
    and `learn` after it. Several threads may be at it, on pictures one behind the other, but only
    one at `request`, and one at the others.

    scale: returns the scale in force; forget: begins one anew. say: takes a key and a sentence.
    """

    def __init__(self, name: str, image_topic: str, info_topic: str, estimator: DepthEstimator,
                 scale: Callable[[], CameraScale], forget: Callable[[], None],
                 say: Callable[[str, str], None]):
        self._name, self._estimator = name, estimator
        self._image_topic, self._info_topic = image_topic, info_topic
        self._scale, self._forget, self._say = scale, forget, say
        self._choice = SceneChoice()
        self._scene = ''  # of the last picture
        self._memory: TemporalFilter | None = None

    def request(self, settings: Settings, stamp: float, image: ColorImage, camera: PinholeCamera,
                wanted: frozenset[str], look_up: LookUp) -> Request | None:
        """
        Return what is asked for a picture, but for its scale; None where no output is left.

        stamp: of the picture, s. Raises CameraError where the camera cannot serve the network.
        """
        options = settings.options(self._name)
        mismatch = self._estimator.mismatch(camera, options.rotation)
        if mismatch:
            self._say('mismatch', f'{self._info_topic}: {mismatch}')
        self._estimator.check(camera, options)
        poses = {}
        for output, find, place in (
                ('points', self._pose, 'points.frame (else ground_frame)'),
                ('scan', partial(self._scan_pose, camera), 'scan.frame')):
            if output in wanted:
                try:
                    poses[output] = find(settings, look_up)
                except (FrameError, ScanError) as error:
                    wanted -= {output}
                    self._say(f'{output} pose', f'{self._image_topic}: no {output} by the pose '
                              f'in {place}: {error}')
        if not wanted:
            return None
        return Request(
            image, camera, options, wanted, self._scale().learns and bool(OUTPUTS & wanted),
            memory=self._remember(settings.temporal_window), stamp=stamp, choice=self._choice,
            pose=poses.get('points'), scan_pose=poses.get('scan'))

    def _remember(self, window: int) -> TemporalFilter | None:
        """Return what remembers the last pictures; anew when temporal.window changes."""
        if window < 2:
            self._memory = None
        elif self._memory is None or self._memory.window != window:
            self._memory = TemporalFilter(window)
        return self._memory

    def scaled(self, settings: Settings, request: Request) -> Request:
        """Return a request with the scale in force, without the outputs that it is not for."""
        running = self._scale()
        scale, trusted = running.at(request.stamp)
        for number, sentence in enumerate(running.sentences):
            self._say(f'scale {number}', f'{self._image_topic}: {sentence}')
        if scale is None:  # depth in no unit is not for anybody
            return request._replace(outputs=frozenset())
        if not (trusted or settings.stale_points):
            request = request._replace(outputs=request.outputs - {'points', 'scan'})
        return request._replace(options=replace(
            request.options, metres_per_unit=scale.metres_per_unit, shift=scale.shift))

    def void(self, estimate: Estimate) -> bool:
        """Tell whether the scale that a picture got is that of another network."""
        before = self._scene or estimate.scene
        self._scene = estimate.scene or before  # of a picture that nobody read there is none
        if before == self._scene or not self._scale().learns:
            return False
        self._forget()
        return True

    def learn(self, settings: Settings, stamp: float, unscaled: Unscaled, look_up: LookUp,
              measured: Callable[[Pose | None], Ranges | Declined | None]) -> None:
        """
        Hold the depth of a picture against what the robot knows of distances.

        measured: returns what the range sensor measured then, by its pose, None where tf has it.
        """
        scale, pose = self._scale(), None
        if settings.ground_frame:
            try:
                pose = look_up(settings.ground_frame)
                self._look_upright(pose.rotation, settings, 'ground_frame')
            except FrameError as error:
                pose = Declined(f'{error}, or set camera_height instead of ground_frame')
        text = settings.of(self._name, 'range_extrinsics')
        scale.learn(stamp, unscaled, pose, partial(
            measured, pose_from_text(text) if text else None) if scale.wants_ranges else None)

    def _pose(self, settings: Settings,
              look_up: LookUp) -> Pose | tuple[np.ndarray, np.ndarray] | None:
        """Return the camera's pose where points take one; FrameError where tf does not know."""
        if not settings.depth.points.takes_pose:
            return None
        if settings.points_frame:
            pose = look_up(settings.points_frame)
            self._look_upright(pose[0], settings, 'points.frame (else ground_frame)')
            return pose
        height, pitch = (settings.of(self._name, f'camera_{name}') for name in ('height', 'pitch'))
        if not height:
            return None
        rotation, translation = level_pose(height, pitch)  # of the upright picture
        return rotation @ quarter_turns(settings.of(self._name, 'rotation') // 90), translation

    def _scan_pose(self, camera: PinholeCamera, settings: Settings, look_up: LookUp) -> Pose:
        """Return the camera's pose in scan.frame; FrameError, ScanError where that cannot be."""
        pose = (pose_from_text(settings.scan_extrinsics) if settings.scan_extrinsics else
                look_up(settings.scan_frame))
        self._look_upright(pose[0], settings, 'scan.frame')
        self._estimator.check_scan(camera, settings.options(self._name), pose)
        return pose

    def _look_upright(self, rotation: np.ndarray, settings: Settings, source: str) -> None:
        """Say where the rotation of the camera's pose has it that the picture is not upright."""
        quarters = settings.of(self._name, 'rotation') // 90
        right = quarters_to_upright(rotation, quarters)
        if right != quarters:
            self._say(
                'rotation', f'{self._image_topic}: by the pose in {source} the picture '
                f'{"hangs upside down" if abs(right - quarters) == 2 else "lies on its side"}, so '
                f'that its depth is wrong: set rotation to {90 * right}, or look at that pose')
