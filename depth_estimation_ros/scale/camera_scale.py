# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scale of one camera from frame to frame: fixed, from its height, from a range sensor."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from typing import NamedTuple

import numpy as np

from depth_estimation_ros.cloud.poses import Pose, quarter_turns
from depth_estimation_ros.estimation.requests import Unscaled
from depth_estimation_ros.models.contract import ScaleContract
from depth_estimation_ros.models.metres import Scale, scale_for, ScaleError
from depth_estimation_ros.scale import ranging
from depth_estimation_ros.scale.ground import GroundBelow
from depth_estimation_ros.scale.tracker import (
    Declined, MOST_SIGMA, Reading, ScaleInForce, ScaleTracker)

# A camera that sways with its robot is looked up in one of a few grids.
HEIGHT_STEP, ANGLE_STEP = 0.005, math.radians(0.5)
# A picture waits so long for what the range sensor measured then: seconds, pictures.
WAIT, MOST_WAITING = 0.5, 16
# Standard deviations, and at least so much in the logarithm, by which a source is another opinion
# than the network's own metres: these are often a fifth off.
DIFFERENT, LEAST_DIFFERENT = 3.0, 0.25
STILL = 4  # pictures that have the stamp of the one before; one may come twice


@dataclass(frozen=True)
class ScaleSettings:
    """
    What is known of a camera's scale; 0 and '' are unknown.

    depth_scale, depth_shift: see scale_for. height: metres above the ground. pitch: radians,
    positive looks down. ground_frame: the frame whose tf gives both instead. range_topic: of a
    range sensor. hold: seconds without a reading until the scale is stale. rotation: as
    DepthOptions has it.
    """

    depth_scale: float = 0.0
    depth_shift: float = 0.0
    height: float = 0.0
    pitch: float = 0.0
    ground_frame: str = ''
    range_topic: str = ''
    hold: float = 5.0
    rotation: int = 0


class Ranges(NamedTuple):
    """Points (N, 3) of a range sensor, metres, optical frame; cone: as in ranging.measure."""

    points: np.ndarray
    cone: float


class _Picture(NamedTuple):
    """A picture that is held against what the range sensor measured then."""

    stamp: float
    unscaled: Unscaled
    measured: Callable[[], Ranges | Declined | None]


class CameraScale:
    """
    What a camera's depth is multiplied by, and whether points may be made of it.

    Without a height and a range sensor that is what scale_for says. With any, what they find in
    each picture gives the scale of the next ones, as ScaleTracker has it. When that is stale the
    depth goes on with the last one, and before there is any with what scale_for says, if
    anything; both make no points, nor does one that is unsure. `standing` is the scale
    in force or None, `sentences` what is wrong, `learns` whether `learn` wants each frame's depth.
    Raises ScaleError where no scale can come.
    """

    def __init__(self, contract: ScaleContract, settings: ScaleSettings):
        frame, height, topic = settings.ground_frame, settings.height, settings.range_topic
        known = f'ground_frame {frame}' if frame else f'camera_height {height:g} m'
        self._by_height = f'the ground ({known})' if frame or height > 0 else ''
        self._by_range = f'the range sensor on {topic} (range_topic)' if topic else ''
        self.wants_ranges = bool(topic)  # for `learn`
        self.learns = bool(frame or height > 0 or topic)
        self._mounting = height, settings.pitch, 0.0
        self._quarters = settings.rotation // 90
        self._relative = contract.relative
        self._fixed: Scale | None = None
        self._stated = 'depth_scale' if settings.depth_scale > 0 else "the network's own metres"
        self._found: ScaleInForce | None = None  # last
        self._asked = math.nan  # of which picture `at` was asked last, and how often again
        self._again = 0
        self._state = 'not found yet' if self.learns else 'fixed'
        self._ground = GroundBelow(settings.rotation)
        self._tracker = ScaleTracker(settings.hold)
        self._waiting: list[_Picture] = []  # for their measurement, the oldest first
        self.sentences: list[str] = []
        if self._by_height and contract.relative:
            ground = 'ground_frame' if frame else 'camera_height'
            raise ScaleError(f'{ground} says the scale of depth, but this model gives relative '
                             f'inverse depth, whose shift is unknown too: take {ground} away and '
                             'give a range_topic, or set model to one that gives depth')
        if frame and height > 0:
            raise ScaleError('ground_frame and camera_height both say how high the camera is: '
                             'take one of them away')
        if (not self.learns or settings.depth_scale > 0 or settings.depth_shift
                or contract.metres_per_unit is not None):
            self._fixed = scale_for(contract, settings.depth_scale, settings.depth_shift)
        self.standing = self._fixed

    def follow(self, before: CameraScale) -> None:
        """Go on with what one of other settings has found, where it took the same sources."""
        if (self._by_height, self._by_range) == (before._by_height, before._by_range):
            hold, self._tracker = self._tracker.hold, before._tracker
            self._tracker.hold = hold
            self._found, self._asked = before._found, before._asked
            if self._found:
                self.standing, self._state = before.standing, before._state

    def __str__(self) -> str:
        """Return where the metres come from, in words."""
        if not self.learns:
            return str(self._fixed)
        return f'scale from {" and ".join(filter(None, (self._by_height, self._by_range)))}' + (
            f', without points before it is found, depth by {self._fixed}' if self._fixed else
            ', nothing before it is found')

    def at(self, stamp: float) -> tuple[Scale | None, bool]:
        """Return the scale for the picture of `stamp` (s), and whether points may be made."""
        if not self.learns:
            return self._fixed, True
        self.sentences = self._tracker.sentences(stamp)
        self._again = self._again + 1 if stamp == self._asked else 0
        if self._again >= STILL:
            self.sentences.insert(
                0, f'The stamps of the pictures stand still at {stamp:.10g} s, but what one '
                'picture shows of the scale counts for later ones: let the driver of the camera '
                'stamp them.')
        found, last = self._tracker.current(stamp), self._found
        if found is None and last is not None:
            last = replace(last, age=last.age + max(stamp - self._asked, 0.0))
        self._found, self._asked = found or last, stamp
        if self._found is None:
            self.standing, self._state = self._fixed, 'not found yet'
        else:
            self.standing = Scale(self._found.scale, self._found.source, self._found.shift)
            self._state = 'stale' if found is None else (
                'in force' if found.sigma <= MOST_SIGMA else 'unsure')
        if self._state == 'in force' and (doubt := self._doubt(found)):
            self.sentences.append(doubt)
        return self.standing, self._state == 'in force'

    def _doubt(self, found: ScaleInForce) -> str:
        """Return a sentence where a source and the network's own metres contradict, or ''."""
        if self._fixed is None or self._relative:
            return ''
        factor = found.scale / self._fixed.metres_per_unit
        if abs(math.log(factor)) <= max(DIFFERENT * found.sigma, LEAST_DIFFERENT):
            return ''
        return (f'By {found.source} all is {factor:.2f} times as far (+- {found.sigma:.0%}) as '
                f'by {self._stated}: the first is taken; if it is not right, look at its '
                'parameters, at the intrinsics, and at scene.')

    def learn(self, stamp: float, unscaled: Unscaled, pose: Pose | Declined | None = None,
              measured: Callable[[], Ranges | Declined | None] | None = None) -> None:
        """
        Take the depth of the picture of `stamp`; it counts for later pictures.

        pose: of the optical frame in ground_frame. measured: returns what the range sensor
        measured then, None where a slow one was silent; while that, or what it declines for, may
        be on its way it is asked again with each of the next pictures.
        """
        # In the order of the stamps, which the tracker goes by.
        self._waiting = [one for one in self._waiting if not self._measure(one, stamp)]
        if self._by_height:
            self._tracker.update(self._by_height, self._look_down(unscaled, pose), stamp)
        if self.wants_ranges and measured:
            picture = _Picture(stamp, unscaled, measured)
            if not self._measure(picture, stamp):
                self._waiting.append(picture)
            if len(self._waiting) > MOST_WAITING:
                self._measure(self._waiting.pop(0), math.inf)

    def forget_pictures(self) -> None:
        """Let go of the pictures that wait for their measurement."""
        self._waiting.clear()

    def _measure(self, picture: _Picture, now: float) -> bool:
        """Hold a picture against the range sensor; return whether it need not wait longer."""
        found = picture.measured()
        if (found is None or isinstance(found, Declined) and found.for_now) and (
                0 <= now - picture.stamp < WAIT):
            return False
        if isinstance(found, Ranges):
            found = ranging.measure(found.points, picture.unscaled.depth, picture.unscaled.camera,
                                    self._relative, found.cone)
        if found is not None:
            self._tracker.update(self._by_range, found, picture.stamp)
        return True

    def _look_down(self, unscaled: Unscaled, pose: Pose | Declined | None) -> Reading | Declined:
        if isinstance(pose, Declined):
            return pose
        if pose is None:
            mounting = self._mounting
        else:
            x, y, z = quarter_turns(self._quarters) @ -pose.rotation[2]  # down
            mounting = (_rounded(pose.translation[2], HEIGHT_STEP),
                        _rounded(math.asin(np.clip(z, -1, 1)), ANGLE_STEP),
                        _rounded(math.atan2(x, y), ANGLE_STEP))
            if mounting[0] <= 0:
                return Declined(f'by tf the camera is {pose.translation[2]:.2f} m above it: it is '
                                'not the ground')
        return self._ground.measure(unscaled, *mounting)

    def values(self) -> dict[str, str]:
        """Return the scale in force as text, for a DiagnosticStatus."""
        scale, found = self.standing, self._found
        values = {'scale (m per model unit)': f'{scale.metres_per_unit:g}' if scale else 'none',
                  'scale source': scale.source if scale else 'none', 'scale state': self._state}
        if self._relative and scale:
            values['scale shift (1/m)'] = f'{scale.shift:g}'
        if found:
            values['scale uncertainty'] = f'+- {found.sigma:.1%}'
            values['scale age (s)'] = f'{found.age:.1f}'
        return values


def _rounded(value: float, step: float) -> float:
    return round(float(value) / step) * step
