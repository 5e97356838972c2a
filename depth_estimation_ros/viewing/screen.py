# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The newest frame, encoded once for all browsers that look, and never before one does."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
import json
import math
import struct
import threading

import cv2
import numpy as np

from depth_estimation_ros.evaluation.sheets import span_of
from depth_estimation_ros.imaging.intrinsics import PinholeCamera

WIDEST = 960  # pixels of a picture on the page; larger ones are thinned, none is interpolated
# Depth goes as 16-bit steps of its logarithm: 0.013 % each. 0 is none, 65535 beyond all.
NEAREST, FARTHEST, STEPS = 0.05, 200.0, 65533
QUALITY = 85  # of JPEG


@dataclass(frozen=True, eq=False)
class Frame:
    """
    What is to be seen of one moment.

    image: (H, W, 3) uint8 BGR, of any size; None where there is none. depth: (h, w) float32
    metres along Z, NaN none, +Inf beyond. camera: of `depth`. confidence: (h, w) in 0..1, or None.
    facts: lines of name and value; complaints: sentences. position, length: in a recording; length
    0 where there is no end.
    """

    image: np.ndarray | None
    depth: np.ndarray
    camera: PinholeCamera
    confidence: np.ndarray | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    complaints: Sequence[str] = ()
    position: int = 0
    length: int = 0


class Screen:
    """Holds the newest frame. Thread-safe; `show` costs nothing, whoever looks."""

    def __init__(self):
        self._news = threading.Condition()
        self._encoding = threading.Lock()
        self._number, self._frame = 0, None
        self._encoded = 0, b''
        self._range = math.inf, 0.0  # of the colour bar; it only grows, so that frames compare

    def show(self, frame: Callable[[], Frame]) -> None:
        """Let what makes a newer frame take the last one's place; it is called if one looks."""
        with self._news:
            self._number, self._frame = self._number + 1, frame
            self._news.notify_all()

    def wait(self, after: int, seconds: float) -> bytes:
        """Return the newest frame as bytes, b'' where none is newer than the `after`th in time."""
        with self._news:
            if not self._news.wait_for(lambda: self._frame and self._number != after, seconds):
                return b''
        with self._encoding:  # one at a time, and what is newest when it begins
            number, frame = self._number, self._frame
            if self._encoded[0] != number:
                self._encoded = number, self._encode(number, frame())
            return self._encoded[1]

    def _encode(self, number: int, frame: Frame) -> bytes:
        """Return its parts one after the other, before them their lengths and a JSON head."""
        step = math.ceil(frame.depth.shape[1] / WIDEST)
        depth = frame.depth[::step, ::step]
        height, width = depth.shape
        image = np.zeros((height, width, 3), np.uint8) if frame.image is None else cv2.resize(
            frame.image, (width, height), interpolation=cv2.INTER_AREA)
        sure = b'' if frame.confidence is None else np.rint(
            frame.confidence[::step, ::step] * 255).astype(np.uint8).tobytes()
        low, high = self._grown(depth)
        camera = frame.camera
        head = json.dumps({
            'number': number, 'width': width, 'height': height, 'near': low, 'far': high,
            'camera': [camera.fx / step, camera.fy / step, camera.cx / step, camera.cy / step],
            'facts': list(frame.facts.items()), 'complaints': list(frame.complaints),
            'position': frame.position, 'length': frame.length}).encode()
        parts = (head, cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
                 .tobytes(), codes(depth).tobytes(), sure)
        return b''.join((struct.pack('<4I', *map(len, parts)), *parts))

    def _grown(self, depth: np.ndarray) -> tuple[float, float]:
        """Return the ends of the colour bar, which hold this frame too, metres."""
        if not np.isfinite(depth).any() and self._range[1]:
            return self._range
        near, far, _ = span_of(depth)
        self._range = min(self._range[0], near), max(self._range[1], far)
        return self._range


def codes(depth: np.ndarray) -> np.ndarray:
    """Return (h, w) little-endian uint16 of depth in metres."""
    beyond = depth > FARTHEST
    there = np.isfinite(depth) & (depth > 0) & ~beyond
    log = np.log(np.clip(np.where(there, depth, 1), NEAREST, FARTHEST) / NEAREST)
    code = 1 + np.rint(log * (STEPS / math.log(FARTHEST / NEAREST)))
    return np.where(there, code, np.where(beyond, 65535, 0)).astype('<u2')
