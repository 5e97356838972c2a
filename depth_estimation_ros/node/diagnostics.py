# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counters, ages and complaints, and what `/diagnostics` says of them."""
from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np

from depth_estimation_ros.imaging.wording import plain

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

# Ages and rates speak of the last so many frames, rates of the last seconds only.
WINDOW = 200
RATE_SPAN = 5.0
# What is measured of a frame: its age when the node gets it, when work on it begins and when all
# of its outputs are published (plain `age`), and how long the network alone took.
SPANS = ('age at receive', 'age at start', 'age', 'forward')
# A complaint that has not come again for this long (seconds) is over.
FRESH = 3.0
# The same complaint is logged at most this often (seconds).
LOG_EVERY = 10.0


OURS = 'frames received'  # a value that only depth nodes have in their status


class FrameStatistics:
    """
    Counts what becomes of the frames of one camera. Safe to use from several threads.

    received = processed + dropped + waiting; `waiting` are the frame in the mailbox and those
    being processed. An `age` is in seconds since the frame's stamp, None where clocks disagree.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self.received = 0
        self.processed = 0
        self.dropped = Counter()
        self._received_at = deque(maxlen=WINDOW)
        self._processed_at = deque(maxlen=WINDOW)
        self._spans = {name: deque(maxlen=WINDOW) for name in SPANS}

    def receive(self, age: float | None) -> None:
        """Count a frame that arrived."""
        with self._lock:
            self.received += 1
            self._received_at.append(time.monotonic())
            self._keep('age at receive', age)

    def start(self, age: float | None) -> None:
        """Note that the work on a frame begins."""
        with self._lock:
            self._keep('age at start', age)

    def drop(self, reason: str) -> None:
        """Count a frame that will not be published, by reason."""
        with self._lock:
            self.dropped[reason] += 1

    def process(self, age: float | None, forward: float | None) -> None:
        """Count a published frame; `forward`: seconds in the network, None where it was not."""
        with self._lock:
            self.processed += 1
            self._processed_at.append(time.monotonic())
            self._keep('age', age)
            self._keep('forward', forward)

    def _keep(self, name: str, seconds: float | None) -> None:
        if seconds is not None:
            self._spans[name].append(seconds)

    def values(self) -> dict[str, str]:
        """Return the figures as text, for a DiagnosticStatus."""
        with self._lock:
            spans = {name: list(seconds) for name, seconds in self._spans.items()}
            waiting = self.received - self.processed - sum(self.dropped.values())
            values = {
                OURS: str(self.received),
                'frames processed': str(self.processed),
                **{f'frames dropped: {reason}': str(n)
                   for reason, n in sorted(self.dropped.items())},
                'frames waiting': str(waiting),
                'input rate (Hz)': _rate(self._received_at),
                'output rate (Hz)': _rate(self._processed_at),
            }
        for name, seconds in spans.items():  # outside of the lock: a frame would wait for these
            figures = np.percentile(seconds or [np.nan], [50, 95, 100]) * 1e3
            for figure, milliseconds in zip(('p50', 'p95', 'max'), figures):
                values[f'{name} {figure} (ms)'] = f'{milliseconds:.1f}'
        return values


def _rate(times: deque) -> str:
    """Return the rate over the frames of the last seconds, as text; 0.0 when none come."""
    recent = [moment for moment in times if moment > time.monotonic() - RATE_SPAN]
    if len(recent) < 2:
        return '0.0'
    return f'{(len(recent) - 1) / (recent[-1] - recent[0]):.1f}'


class Complaints:
    """
    Sentences for the user: logged (throttled) when they come, in `/diagnostics` while they last.

    Each has a key, so that a complaint with changing figures is still one. A complaint stays
    until it is `settle`d or, where `lasting` is false, until it has not come again for 3 s.
    """

    def __init__(self, logger):
        self._logger = logger
        self._lock = threading.Lock()
        self._standing: dict[str, tuple[bytes, str, float]] = {}
        self._logged: dict[str, float] = {}

    def raise_(self, key: str, sentence: str, level: bytes = WARN, lasting: bool = False) -> None:
        """Make a complaint, or repeat it."""
        now, sentence = time.monotonic(), plain(sentence)
        with self._lock:
            self._standing[key] = (level, sentence, float('inf') if lasting else now + FRESH)
            if now - self._logged.get(key, -LOG_EVERY) < LOG_EVERY:
                return
            self._logged[key] = now
        # Two call sites: rclpy refuses one line of code that logs at two levels.
        if level == ERROR:
            self._logger.error(sentence)
        else:
            self._logger.warning(sentence)

    def settle(self, *keys: str) -> None:
        """Withdraw complaints; when one comes back it is logged at once."""
        with self._lock:
            for key in keys:
                self._standing.pop(key, None)
                self._logged.pop(key, None)

    def clear(self) -> None:
        """Withdraw all of them."""
        with self._lock:
            self._standing.clear()
            self._logged.clear()

    def standing(self) -> tuple[bytes, list[str]]:
        """Return the worst level and the sentences in force, worst first."""
        now = time.monotonic()
        with self._lock:
            live = [(level, sentence) for level, sentence, until in self._standing.values()
                    if until > now]
        live.sort(key=lambda pair: pair[0], reverse=True)
        return (live[0][0] if live else OK), [sentence for _, sentence in live]


def diagnostic_status(name: str, hardware_id: str, level: bytes, message: str,
                      values: Mapping[str, str]) -> DiagnosticStatus:
    """Return the state of one thing."""
    return DiagnosticStatus(
        level=level, name=name, hardware_id=hardware_id, message=message,
        values=[KeyValue(key=key, value=value) for key, value in values.items()])


def diagnostic_array(stamp, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """Return the message that goes to `/diagnostics`."""
    array = DiagnosticArray(status=statuses)
    array.header.stamp = stamp
    return array
