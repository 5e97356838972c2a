# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scale of one camera over time: readings of several sources in, one steady figure out."""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import combinations
import math

WINDOW = 7  # readings of a source whose median counts
MAX_RATE = 0.1  # relative change a second
LONGEST_STEP = 1.0  # seconds of that; a longer gap is no reason for a larger step
MOST_SIGMA = 0.3  # of a scale that points may be made of
AGREEING = 3  # readings of which a stale scale begins again, for one alone may be wrong
DRIFT = 0.02  # relative uncertainty that each second without a reading adds
PREFERENCE = 0.7  # by which a source must be surer than the one in force to take its place
CONTRADICTION, LEAST_CONTRADICTION = 3.0, 0.1  # standard deviations, and at least so much
SHIFT_RANGE = 10.0  # metres at which a change of the shift is compared to one of the scale
QUIET = 1.0  # seconds without a reading that are worth a sentence
BACK = 1.0  # seconds by which stamps go back when a bag begins again; a late reading's do less


@dataclass(frozen=True)
class Reading:
    """
    What one source made of one frame: Z = scale * depth.

    scale: metres per model unit. sigma: its relative standard deviation. shift: 0, but for
    relative inverse depth v, of which 1 / Z = v / scale + shift, in 1 / metre.
    """

    scale: float
    sigma: float
    shift: float = 0.0


@dataclass(frozen=True)
class Declined:
    """
    A source that makes nothing of a frame; `reason` is a clause without a full stop.

    for_now: what it lacks may be on its way.
    """

    reason: str
    for_now: bool = False


@dataclass(frozen=True)
class ScaleInForce:
    """
    The scale that a picture gets: as in Reading, from `source`.

    age: seconds since that source's last reading. sigma counts how far the source's readings
    scatter, how old they are, and how far the scale still has to go to them.
    """

    scale: float
    sigma: float
    shift: float
    source: str
    age: float


@dataclass
class _Source:
    readings: deque = field(default_factory=lambda: deque(maxlen=WINDOW))  # (stamp, Reading)
    heard: float = -math.inf
    declined: str = ''  # why it did, the last time it was heard


@dataclass(frozen=True)
class _State:
    stamp: float
    middle: Reading
    sigma: float
    source: str


class ScaleTracker:
    """
    Holds the scale of one camera steady.

    A source counts by the median of its last readings; of several the surest counts. The scale
    goes there by MAX_RATE a second at most, whatever the readings do, and after a gap no faster.
    While two contradict one another neither counts, for nobody knows which is wrong. Without a
    reading that counts for `hold` seconds there is none, until AGREEING readings of the source
    that counts agree: then it is what they say. Stamps are seconds on the clock of the pictures;
    when they go back by more than BACK, everything starts anew. Not for several threads at once.
    """

    def __init__(self, hold: float = 5.0):
        self.hold = hold
        self._clear()

    def _clear(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._states: deque[_State] = deque(maxlen=2 * WINDOW)
        self._newest = -math.inf

    def update(self, source: str, found: Reading | Declined, stamp: float) -> None:
        """Take what `source` found in the picture of `stamp`; it counts for later pictures."""
        if stamp < self._newest - BACK:
            self._clear()
        self._newest = max(self._newest, stamp)
        entry = self._sources.setdefault(source, _Source())
        if stamp <= entry.heard:  # late or twice
            return
        entry.heard = stamp
        if isinstance(found, Declined):
            entry.declined = found.reason
            return
        entry.declined = ''
        entry.readings.append((stamp, found))
        if self._contradictions(stamp):
            if self._states and self._states[-1].stamp == stamp:  # the other one's, just now
                self._states.pop()
            return
        chosen = self._surest(stamp)
        aim, sigma = self._middle(chosen, stamp)
        before = self._states[-1] if self._states else None
        if before and stamp <= before.stamp:
            return
        middle = aim
        if before and stamp - before.stamp <= self.hold:
            middle = _towards(before.middle, aim,
                              MAX_RATE * min(stamp - before.stamp, LONGEST_STEP))
        elif before and not self._agreed(chosen, aim):
            return
        self._states.append(_State(stamp, middle, math.hypot(sigma, _gap(middle, aim)), chosen))

    def current(self, stamp: float) -> ScaleInForce | None:
        """
        Return the scale for the picture of `stamp`, or None where there is none or it is stale.

        Only what was found in earlier pictures counts.
        """
        state = next((s for s in reversed(self._states) if s.stamp < stamp), None)
        if state is None or stamp - state.stamp > self.hold:
            return None
        last = max((t for t, _ in self._sources[state.source].readings
                    if t <= state.stamp), default=state.stamp)
        sigma = math.hypot(state.sigma, DRIFT * (stamp - last))
        return ScaleInForce(state.middle.scale, sigma, state.middle.shift, state.source,
                            stamp - last)

    def sentences(self, stamp: float) -> list[str]:
        """Return what is wrong at `stamp`, worst first: stale, unsure, contradictions, silence."""
        found, now = [], self.current(stamp)
        if self._states and stamp - self._states[-1].stamp > self.hold:
            last = self._states[-1]
            found.append(f'The scale is stale: the last reading that counts, '
                         f'{last.middle.scale:.3g} metres per unit from {last.source}, is '
                         f'{stamp - last.stamp:.1f} s old, longer than the {self.hold:g} s that '
                         f'it is held; {AGREEING} readings that agree begin it again.')
        if now and now.sigma > MOST_SIGMA:
            found.append(f'The scale is too unsure for points: {now.scale:.3g} (+- '
                         f'{now.sigma:.0%}, over {MOST_SIGMA:.0%}) metres per unit from '
                         f'{now.source}; it is on its way to other readings, or they scatter.')
        for one, other in self._contradictions(stamp):
            (ours, sigma), (theirs, their_sigma) = (
                self._middle(name, stamp) for name in (one, other))
            found.append(f'{_upper(one)} and {other} contradict one another: {ours.scale:.3g} '
                         f'(+- {sigma:.0%}) and {theirs.scale:.3g} (+- {their_sigma:.0%}) metres '
                         'per unit, and until they agree neither counts.')
        for name, entry in self._sources.items():
            last = entry.readings[-1][0] if entry.readings else None
            if entry.declined:
                since = '' if last is None else f' for {stamp - last:.1f} s'
                found.append(f'{_upper(name)} gives no scale{since}: {entry.declined}.')
            elif last is not None and stamp - last > QUIET:
                found.append(f'{_upper(name)} has been silent for {stamp - last:.1f} s.')
        return found

    def _fresh(self, stamp: float) -> list[str]:
        return [name for name, entry in self._sources.items()
                if entry.readings and 0 <= stamp - entry.readings[-1][0] <= self.hold]

    def _contradictions(self, stamp: float) -> list[tuple[str, str]]:
        """Return which fresh sources differ by more than their uncertainties allow, in pairs."""
        middles = {name: self._middle(name, stamp) for name in self._fresh(stamp)}
        return [(one, other) for one, other in combinations(middles, 2)
                if _gap(middles[one][0], middles[other][0]) > max(
                    CONTRADICTION * math.hypot(middles[one][1], middles[other][1]),
                    LEAST_CONTRADICTION)]

    def _surest(self, stamp: float) -> str:
        """Return which source counts; the one in force stays where no other is clearly surer."""
        sigma = {name: self._middle(name, stamp)[1] for name in self._fresh(stamp)}
        best = min(sigma, key=sigma.get)
        now = self._states[-1].source if self._states else best
        return now if now in sigma and sigma[best] > PREFERENCE * sigma[now] else best

    def _recent(self, source: str) -> list[Reading]:
        """Return the last readings of a source, by their scale."""
        readings = self._sources[source].readings
        return sorted((r for t, r in readings if readings[-1][0] - t <= self.hold),
                      key=lambda reading: reading.scale)

    def _agreed(self, source: str, middle: Reading) -> bool:
        """Return whether AGREEING readings of a source are as far as they say from its median."""
        return AGREEING <= sum(
            _gap(reading, middle) <= max(CONTRADICTION * reading.sigma, LEAST_CONTRADICTION)
            for reading in self._recent(source))

    def _middle(self, source: str, stamp: float) -> tuple[Reading, float]:
        """Return the median reading of a source, and its relative uncertainty at `stamp`."""
        recent = self._recent(source)
        newest = self._sources[source].readings[-1][0]
        middle = recent[(len(recent) - 1) // 2]
        scatter = 1.4826 * sorted(_gap(r, middle) for r in recent)[len(recent) // 2]
        own = sorted(r.sigma for r in recent)[len(recent) // 2]
        return middle, math.hypot(max(own, scatter), DRIFT * (stamp - newest))


def _gap(one: Reading, other: Reading) -> float:
    """Return by how much, as a part, two readings differ."""
    return (abs(math.log(one.scale / other.scale))
            + SHIFT_RANGE * abs(one.shift - other.shift))


def _towards(start: Reading, end: Reading, step: float) -> Reading:
    """Return `end`, or what lies `step` from `start` on the way there."""
    gap = _gap(start, end)
    if gap <= step:
        return end
    part = step / gap
    return Reading(start.scale * (end.scale / start.scale) ** part, end.sigma,
                   start.shift + part * (end.shift - start.shift))


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]
