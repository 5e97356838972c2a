# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Replaying and recording bags over rclpy, as the serialised bytes that they hold.

No message is decoded, so that Python costs next to nothing and every message type works whose
package is installed.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
import math
from pathlib import Path
import threading
import time

import numpy as np
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag, Message
from depth_estimation_ros.drives.bag_writing import Recorder
from depth_estimation_ros.node.graph import own_node

AHEAD = 64 * 2**20  # bytes read ahead: two seconds of KITTI's pictures and scans
# A reliable writer keeps what slow readers still have to fetch; half a gigabyte of full HD.
DEPTH, LATCHED_DEPTH = 100, 1000
DISCOVERY = 1.5  # seconds in which readers may be found before the first message
SETTLED = 0.3  # seconds without another reader
LEAD = 0.1  # seconds in which /clock stands at the start, so that nodes have a time to begin with
LAP_PAUSE = 0.1  # seconds between the last message and the first of the next lap
WANTED = 60.0  # seconds in which the readers of `wait_for` must be found
ANSWERED = 20.0  # seconds in which a picture must be answered
UNANSWERED = 3  # such pictures in a row end it
# Seconds from when the node that answers is found, in which others find what it publishes: DDS
# lets a third process, a recorder say, know of it up to 2 s later.
OTHERS = 2.5
ACKNOWLEDGED = 5.0  # seconds that readers have to fetch the last messages


@dataclass
class Played:
    """
    What was replayed.

    counts: messages a topic. skipped: topics whose message package is not installed. lateness:
    the worst, seconds between when a message was due and when its publishing began. cpu: share
    of one core, DDS's threads included. seconds: from the first message to the last. laps: whole
    ones. stopped: before the end. answers: seconds from each picture to its answer, NaN where
    there was none; None: they were not waited for.
    """

    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    lateness: float = 0.0
    cpu: float = 0.0
    seconds: float = 0.0
    laps: int = 0
    stopped: bool = False
    answers: list[float] | None = None

    @property
    def unanswered(self) -> int:
        """How many pictures were waited for in vain."""
        return sum(map(math.isnan, self.answers or ()))

    def __str__(self) -> str:
        """Return it in a line, and another for the answers."""
        said = (f'{sum(self.counts.values())} messages in {self.seconds:.1f} s, {self.laps} times '
                f'to the end, at most {self.lateness * 1e3:.1f} ms late, '
                f'{self.cpu:.0%} of a core' + (', stopped' if self.stopped else ''))
        if not self.answers:
            return said
        came = len(self.answers) - self.unanswered
        said += f'\nanswered: {came} of {len(self.answers)} pictures'
        if self.unanswered == len(self.answers):
            return said
        half, most = np.nanpercentile(self.answers, [50, 95]) * 1e3
        return f'{said}, p50 {half:.0f} ms and p95 {most:.0f} ms after they were sent'


def play(path: Path | str, rate: float = 1.0, loop: bool = False, start: float = 0.0,
         topics: Collection[str] | None = None, clock_rate: float = 100.0,
         wait_for: Collection[str] = (), stop: threading.Event | None = None,
         say: Callable[[str], None] = print, reader: str = '',
         answered: tuple[str, str] | None = None) -> Played:
    """
    Publish the messages of a bag when they are due, and the time of the bag on /clock.

    Everything is offered reliable, which serves readers of both kinds; latched topics are
    latched again, and what was latched before `start` is published first. /clock ticks at
    `clock_rate` and with every message, before it; it goes back when a lap begins. Ends at the
    end of the bag, by `stop`, or by Ctrl-C in the main thread, which is no error.

    :param rate: seconds of the bag a second. start: seconds after its first message.
    :param topics: only these; None: all.
    :param clock_rate: ticks a second of this machine's time.
    :param wait_for: topics that must have a reader before the first message; without, readers
        have a second to be found, and who comes later misses the beginning.
    :param say: is told in a sentence each what is skipped, and that the bag was cut short.
    :param reader: the full name of the node that must be that reader, of /clock too.
    :param answered: a topic of pictures in the bag, and a topic of messages that begin with a
        header. The next picture waits for the answer to the last one, which has its stamp, and
        the time of the bag stands still meanwhile.
    :raises DriveError: as `Bag`; a number that cannot be; nothing that could be published.
    """
    stop = stop or threading.Event()
    played = Played()
    for name, value in (('rate', rate), ('clock rate', clock_rate)):
        if not 0 < value < 1e6:
            raise DriveError(f'a {name} of {value:g} cannot be played: give one above 0')
    with Bag(path) as bag, own_node('bag_player') as node, ExitStack() as stack:
        if not 0 <= start <= (bag.end - bag.start) / 1e9:
            raise DriveError(f'{path} has no second {start:g}: it is '
                             f'{(bag.end - bag.start) / 1e9:.2f} s long')
        if bag.cut:
            say(bag.cut)
        wanted = bag.topics if topics is None else topics
        bag.check({*wanted, *wait_for, *(answered or ())[:1]} - {'/clock'})
        publishers = {}
        for topic in sorted(set(wanted) - {'/clock'}):
            kind = message_class(bag.topics[topic].type)
            if kind is None:
                played.skipped.append(topic)
                say(f'{topic} is left out: {bag.topics[topic].type} is not installed here')
            else:
                publishers[topic] = node.create_publisher(
                    kind, topic, _offer(bag.topics[topic].latched))
        if not publishers:
            raise DriveError(f'{path} has nothing that could be published here: install the '
                             'packages of its messages')
        clock = _Clock(node, bag.start + round(start * 1e9), rate, 1 / clock_rate)
        ahead = _ReadAhead(_laps(bag, publishers, start, loop))
        try:
            ahead.wait_filled()
            answers = answered and stack.enter_context(_Answers(node, *answered, played))
            _wait_for_readers(node, {**publishers, '/clock': clock.publisher}, wait_for, reader,
                              stop)
            if answers:
                answers.wait_for_publisher(stop)
            _publish(ahead, publishers, clock, stop, played, answers)
            if not played.stopped:
                for publisher in (*publishers.values(), clock.publisher):
                    publisher.wait_for_all_acked(Duration(seconds=ACKNOWLEDGED))
        except KeyboardInterrupt:
            played.stopped = True
        finally:
            ahead.close()
    return played


def _publish(ahead: _ReadAhead, publishers: dict, clock: _Clock, stop: threading.Event,
             played: Played, answers: _Answers | None) -> None:
    played.counts = dict.fromkeys(publishers, 0)
    began, cpu = time.perf_counter(), time.process_time()
    clock.restart(LEAD)
    try:
        while not stop.is_set():
            message = ahead.next()
            if answers and not isinstance(message, Message):
                answers.wait(stop)
            if message is None:
                return
            if message is _LAP:
                played.laps += 1
                clock.restart(LAP_PAUSE)
                continue
            late = clock.wait(message.stamp, stop)
            if late is None:
                break
            if answers and message.topic == answers.pictures:
                clock.shift(answers.wait(stop))
                answers.expect(message.data)
            publishers[message.topic].publish(message.data)
            played.counts[message.topic] += 1
            played.lateness = max(played.lateness, late)
        played.stopped = True
    finally:
        played.seconds = time.perf_counter() - began
        played.cpu = (time.process_time() - cpu) / played.seconds


class _Clock:
    """The time of the bag: it runs at `rate` from `start` (ns) on, and is told on /clock."""

    def __init__(self, node, start: int, rate: float, period: float):
        self.publisher = node.create_publisher(Clock, '/clock', QoSProfile(
            depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE))
        self._start, self._rate, self._period = start, rate, period
        self._message = Clock()

    def restart(self, pause: float) -> None:
        """Stand at the start for `pause` seconds, then run."""
        self._told = 0
        self._began = time.perf_counter() + pause
        self._tick = time.perf_counter()

    def wait(self, stamp: int, stop: threading.Event) -> float | None:
        """Wait for `stamp`, tell it, return how late it is in seconds; None: told to stop."""
        due = self._began + max((stamp - self._start) / 1e9 / self._rate, 0)
        while (now := time.perf_counter()) < due:
            if now >= self._tick:
                self._tell(self._start + round(max(now - self._began, 0) * self._rate * 1e9))
                self._tick = max(self._tick + self._period, now)
            elif stop.wait(min(due, self._tick) - now):
                return None
        self._tell(stamp)
        return time.perf_counter() - due

    def shift(self, seconds: float) -> None:
        """Let what comes be due later: the time of the bag stood still."""
        self._began += seconds

    def _tell(self, stamp: int) -> None:
        # Messages that lie in the bag a little out of order must not turn the time back.
        if stamp > self._told:
            self._told = stamp
            self._message.clock.sec, self._message.clock.nanosec = divmod(stamp, 10**9)
            self.publisher.publish(self._message)


class _Answers:
    """What a node publishes with the stamps of the pictures that were sent."""

    def __init__(self, node, pictures: str, topic: str, played: Played):
        self.pictures, self._topic, self._node = pictures, topic, node
        self._played, played.answers = played, []
        self._sent: tuple[bytes, float] | None = None  # the stamp that is waited for, and when
        self._came: float | None = None
        self._changed = threading.Condition()
        self._executor = SingleThreadedExecutor(context=node.context)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def __enter__(self) -> _Answers:
        """Begin to read."""
        self._executor.add_node(self._node)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        """End it."""
        self._executor.shutdown()
        self._thread.join()

    def wait_for_publisher(self, stop: threading.Event) -> None:
        """Wait until there is somebody to answer; raises DriveError."""
        end = time.monotonic() + WANTED
        while not (offers := self._node.get_publishers_info_by_topic(self._topic)):
            if stop.wait(0.02):
                return
            if time.monotonic() > end:
                raise DriveError(f'nobody publishes {self._topic} after {WANTED:g} s of waiting: '
                                 'start the node, and give both the same ROS_DOMAIN_ID')
        kind = message_class(offers[0].topic_type)
        if kind is None:
            raise DriveError(f'{self._topic} is {offers[0].topic_type}, which is not known here: '
                             'wait for another answer')
        self._node.create_subscription(
            kind, self._topic, self._take, _request([o.qos_profile for o in offers]), raw=True)
        self._executor.wake()
        stop.wait(OTHERS)

    def _take(self, data: bytes) -> None:
        with self._changed:
            if self._sent and _stamp(data) == self._sent[0]:
                self._came = time.perf_counter()
                self._changed.notify()

    def expect(self, data: bytes) -> None:
        """Note the picture that goes out now."""
        with self._changed:
            self._sent, self._came = (_stamp(data), time.perf_counter()), None

    def wait(self, stop: threading.Event) -> float:
        """Wait for the answer to the picture that was sent last; return the seconds it took."""
        if self._sent is None:
            return 0.0
        began = time.perf_counter()
        with self._changed:
            while self._came is None and time.perf_counter() - began < ANSWERED and not (
                    stop.is_set()):
                self._changed.wait(0.05)
            took = math.nan if self._came is None else self._came - self._sent[1]
            self._sent = None
        if stop.is_set() and math.isnan(took):
            return 0.0
        answers = self._played.answers
        answers.append(took)
        if len(answers) >= UNANSWERED and all(map(math.isnan, answers[-UNANSWERED:])):
            raise DriveError(f'{UNANSWERED} pictures of {self.pictures} had no answer on '
                             f'{self._topic} within {ANSWERED:g} s each: look at what the node '
                             'says')
        return time.perf_counter() - began


def _stamp(data: bytes) -> bytes:
    """Return the stamp of a serialised message that begins with a header, in little endian."""
    stamp = data[4:12]
    return bytes(stamp) if data[1] & 1 else bytes(stamp[3::-1] + stamp[:3:-1])


_LAP = object()


def _laps(bag: Bag, topics: Iterable[str], start: float, loop: bool) -> Iterator:
    """Yield the messages, what was latched before `start` first, and _LAP after each lap."""
    latched = [topic for topic in topics if bag.topics[topic].latched]
    bound = bag.start + round(start * 1e9)
    while True:
        if start and latched:
            yield from (m for m in bag.read(latched) if m.stamp < bound)
        yield from bag.read(topics, start)
        yield _LAP
        if not loop:
            return


class _ReadAhead:
    """A thread that reads on while there is room, so that no disk delays a message."""

    def __init__(self, messages: Iterator):
        self._messages = messages
        self._waiting: deque = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        last: Exception | None = None
        try:
            for message in self._messages:
                if not self._put(message):
                    return
        except Exception as error:  # handed on to `next`
            last = error
        self._put(last)

    def _put(self, item) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < AHEAD)
            self._waiting.append(item)
            self._bytes += _size(item)
            self._changed.notify_all()
            return not self._closed

    def wait_filled(self) -> None:
        """Wait until there is no room, or nothing more to read."""
        while self._thread.is_alive() and self._bytes < AHEAD:
            self._thread.join(0.01)

    def next(self) -> Message | object | None:
        """Return the next message or _LAP, None at the end; raise what the reading raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            item = self._waiting.popleft()
            self._bytes -= _size(item)
            self._changed.notify_all()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()


def _size(item) -> int:
    return len(item.data) + 200 if isinstance(item, Message) else 200


def _wait_for_readers(node, publishers: dict, wanted: Iterable[str], reader: str,
                      stop: threading.Event) -> None:
    """Give the readers time to be found: what is published earlier is lost to them."""
    wanted = {*wanted, *(['/clock'] if reader else [])}
    missing = wanted & publishers.keys()  # what is left out nobody can wait for
    began = changed = time.monotonic()
    found = {}
    while not stop.wait(0.02):
        now = time.monotonic()
        counts = {topic: p.get_subscription_count() for topic, p in publishers.items()}
        missing = {topic for topic in missing if not counts[topic] or reader and reader not in (
            f'{info.node_namespace.rstrip("/")}/{info.node_name}'
            for info in node.get_subscriptions_info_by_topic(topic))}
        if (counts, missing) != found:
            found, changed = (counts, missing), now
        if missing and now - began > WANTED:
            raise DriveError(f'{reader or "nobody"} {"does not read" if reader else "reads"} '
                             f'{" ".join(sorted(missing))} after {WANTED:g} s of waiting: start '
                             'the reader, and give both the same ROS_DOMAIN_ID')
        if not missing and (any(counts.values()) and now - changed > SETTLED
                            or now - began > DISCOVERY):
            return


def record(topics: Collection[str], path: Path | str, seconds: float | None = None,
           stop: threading.Event | None = None,
           until: Callable[[dict[str, int]], bool] | None = None,
           say: Callable[[str], None] = print) -> dict[str, int]:
    """
    Write what is published on `topics` into a bag, as it comes, and return the counts.

    A topic is subscribed to when its publisher is there, with the reliability and durability that
    is offered. Messages get this machine's time. Ends after `seconds`, by `stop`, when `until`
    (given the counts) is true, or by Ctrl-C in the main thread: the bag is whole in each case.

    :param topics: absolute names.
    :param say: is told in a sentence each what is recorded, left out, and missing at the end, by
        the publisher's own count (ROS 2 before Jazzy does not tell it).
    :raises DriveError: as `Recorder`; nothing came.
    """
    stop = stop or threading.Event()
    end = time.monotonic() + (float('inf') if seconds is None else seconds)
    missing = set(topics)
    counts: dict[str, int] = dict.fromkeys(topics, 0)
    gaps, shared = {topic: _Gaps() for topic in topics}, set()
    with own_node('bag_recorder') as node, Recorder(path) as bag:
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)

        def keep(topic: str, kind: str, latched: bool, data: bytes, info: Mapping) -> None:
            bag.write(topic, kind, time.time_ns(), data, latched)
            counts[topic] += 1
            gaps[topic].count(info.get('publication_sequence_number'))

        def look() -> None:
            for topic in sorted(missing):
                offers = node.get_publishers_info_by_topic(topic)
                if not offers:
                    continue
                missing.remove(topic)
                shared.update([topic] if len(offers) > 1 else [])
                name = offers[0].topic_type
                kind = message_class(name)
                if kind is None or not bag.knows(name):
                    say(f'{topic} is left out: {name} is not known here')
                    continue
                profile = _request([offer.qos_profile for offer in offers])
                latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
                node.create_subscription(
                    kind, topic, lambda data, info, topic=topic, name=name, latched=latched:
                    keep(topic, name, latched, data, info), profile, raw=True)
                say(f'recording {topic}')

        try:
            looked = 0.0
            while (now := time.monotonic()) < end and not stop.is_set() and not (
                    until and until(counts)):
                if missing and now - looked > 0.1:
                    look()
                    looked = now
                # Always the same timeout: with another one the executor forgets what it has
                # found ready, and that message is lost.
                executor.spin_once(timeout_sec=0.05)
        except KeyboardInterrupt:
            pass
        finally:
            executor.shutdown()
        for topic, of_one in gaps.items():
            # The numbers of two publishers are not of one row.
            if of_one.lost and topic not in shared and len(
                    node.get_publishers_info_by_topic(topic)) < 2:
                say(f'{topic}: {of_one.lost} messages are missing, in {of_one.gaps} gaps: the '
                    'network or this machine was too slow for them')
        if not any(counts.values()):
            raise DriveError(f'{path} was not recorded: no message came on '
                             f'{" ".join(sorted(counts))}'
                             + (f', and nobody publishes {" ".join(sorted(missing))}'
                                if missing else '') + '; look at `ros2 topic list`')
    return counts


class _Gaps:
    """What is missing in the numbers that one publisher gives its messages."""

    def __init__(self):
        self.lost = self.gaps = 0
        self._last: int | None = None

    def count(self, number: int | None) -> None:
        """Count a message; a number that is not above the last one begins anew."""
        if self._last is not None and number and number > self._last + 1:
            self.lost += number - self._last - 1
            self.gaps += 1
        self._last = number


def _offer(latched: bool) -> QoSProfile:
    return QoSProfile(
        depth=LATCHED_DEPTH if latched else DEPTH, reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def _request(offers: list[QoSProfile]) -> QoSProfile:
    """Return the most that all publishers of a topic offer."""
    reliable = all(o.reliability == ReliabilityPolicy.RELIABLE for o in offers)
    latched = all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers)
    return QoSProfile(
        depth=LATCHED_DEPTH if latched else DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def message_class(name: str):
    """Return the class of a type like 'sensor_msgs/msg/Image', or None where there is none."""
    try:
        package, _, kind = name.split('/')
        return getattr(import_module(f'{package}.msg'), kind)
    except (ValueError, ImportError, AttributeError):
        return None
