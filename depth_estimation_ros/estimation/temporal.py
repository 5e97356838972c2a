# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Steadier depth from frame to frame: the flicker of a network damped, what moves left alone.

A change of log depth since the last frame has two parts: the one that is common to the picture,
its median, and each pixel's own. Of each a share is held back that is largest where the change is
small and nothing where it is large (Welsch's function, x exp(-(x / c)^2)), so a step passes at
once, and what is held back is bounded: by 0.43 c, whatever happens. An approach to a wall is a
common change too, but one that goes on: what three frames in a row agree on is motion, taken from
the memory beforehand, whereas the scale of a network flickers to and fro.

It works on the network's own values and knows no metres: a scale that is found in what comes out
never comes back in, so the two cannot follow one another. The limits were set on generated drives
(benchmarks/temporal.py).
"""
from __future__ import annotations

from collections import deque
import math

import torch

from depth_estimation_ros.imaging.intrinsics import PinholeCamera

OWN, COMMON = 0.15, 0.3  # the c of the two parts, in log depth
AGREE = 3  # frames that agree are motion
MAX_GAP = 1.0  # seconds
SAMPLES = 4096  # pixels at most, about, for a median


class TemporalFilter:
    """
    The memory of one camera: one plane of log depth, on the device.

    window: frames that count, 2 or more; flicker of a still scene that is small against the
    limits comes out 1 / sqrt(window) as large. Not for several threads at once.
    """

    def __init__(self, window: int):
        self.window = window
        self._last: tuple[float, tuple[PinholeCamera, str], torch.Size] | None = None
        self._motion: deque[torch.Tensor] = deque(maxlen=AGREE)

    def steady(self, values: torch.Tensor, stamp: float, camera: PinholeCamera,
               scene: str = '') -> torch.Tensor:
        """
        Return `values` (h, w) float32, depth or inverse depth in any unit, steadied.

        Values that are no depth (zero, negative, not finite) are returned as they are. Starts
        anew where `stamp` (s) goes back or MAX_GAP ahead, and with another camera, scene or
        size.
        """
        log = values.log()  # not finite where there is no depth, and no change is then either
        step = math.ceil(math.sqrt(log.numel() / SAMPLES))
        sample = log[::step, ::step]
        last, self._last = self._last, (stamp, (camera, scene), values.shape)
        if (last is None or last[1:] != self._last[1:]
                or not 0 <= stamp - last[0] <= MAX_GAP):
            self._motion.clear()
            self._memory, self._unfiltered = log, sample.clone()
            return values
        self._motion.append((sample - self._unfiltered).nanmedian())
        self._unfiltered = sample.clone()
        change = log - self._memory - self._agreed()
        common = change[::step, ::step].nanmedian().nan_to_num(0.0)
        held = _small(change.sub_(common), OWN).add_(_small(common, COMMON)).mul_(self._share)
        # A pixel that had no depth in one of the two frames starts anew.
        held.nan_to_num_(0.0)
        self._memory = log.sub_(held)
        return held.neg_().exp_().mul_(values)

    @property
    def _share(self) -> float:
        # Of an exponential mean whose output has the variance of a mean of `window` frames.
        return 1 - 2 / (self.window + 1)

    def _agreed(self) -> torch.Tensor:
        """Return the least of the last common changes if all have one sign, else 0."""
        steps = torch.stack(tuple(self._motion))
        agree = (steps.sign().sum().abs() == AGREE)
        return torch.where(agree, steps.sign()[0] * steps.abs().min(), 0.0)


def _small(change: torch.Tensor, limit: float) -> torch.Tensor:
    return change.square().mul_(-1 / limit ** 2).exp_().mul_(change)
