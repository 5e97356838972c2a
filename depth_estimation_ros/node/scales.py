# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scale of each camera of the node, as the parameters have it."""
from __future__ import annotations

from collections.abc import Callable
import threading

from depth_estimation_ros.models.contract import ScaleContract
from depth_estimation_ros.node.parameters import NodeParameters, Settings
from depth_estimation_ros.scale.camera_scale import CameraScale, ScaleSettings


class Scales:
    """
    Gives each camera, by its name, the CameraScale in force. Thread-safe.

    resolve: returns the full name of a topic.
    """

    def __init__(self, parameters: NodeParameters, resolve: Callable[[str], str]):
        self._parameters, self._resolve = parameters, resolve
        self._made: dict[str, tuple[ScaleSettings, CameraScale]] = {}
        self._lock = threading.Lock()

    def check(self, contract: ScaleContract, settings: Settings) -> dict[str, CameraScale]:
        """Return what the cameras would have by `settings`, or raise ScaleError."""
        return {camera: CameraScale(contract, settings.scale(camera, self._resolve))
                for camera in settings.cameras}

    def of(self, camera: str, contract: ScaleContract) -> CameraScale:
        """Return the scale of a camera; made anew, and empty, when its sources change."""
        wanted = self._parameters.settings.scale(camera, self._resolve)
        with self._lock:
            settings, scale = self._made.get(camera, (None, None))
            if settings != wanted:
                before, scale = scale, CameraScale(contract, wanted)
                if before:
                    scale.follow(before)
                self._made[camera] = wanted, scale
            return scale

    def restart(self, camera: str) -> None:
        """Forget what was found for a camera: another network has another scale."""
        with self._lock:
            self._made.pop(camera, None)

    def forget_pictures(self) -> None:
        """Let go of the pictures that wait for their measurement."""
        for _, scale in self._made.values():
            scale.forget_pictures()

    def clear(self) -> None:
        """Forget all that was found."""
        self._made.clear()
