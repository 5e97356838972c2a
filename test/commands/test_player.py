# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Replaying and recording over real DDS: nothing lost, nothing changed, in order, with a clock.

How late and at what cost is measured by benchmarks/player.py; a busy machine must not fail tests.
"""
from collections import defaultdict
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from depth_estimation_ros import cli
from depth_estimation_ros.commands import player
from depth_estimation_ros.commands.player import play, record
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import Recorder
from harness import nanoseconds, REPOSITORY, wait
import mcap.writer
import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

SECOND = 10**9
BEGAN = 1_316_995_200 * SECOND
IMAGE, CLOUD = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/PointCloud2'
STRING = 'std_msgs/msg/String'


def picture(bag: Recorder, stamp: int, width: int = 16, height: int = 12):
    """Return an Image that says its stamp."""
    header = bag.make('std_msgs/msg/Header', frame_id='camera', stamp=bag.make(
        'builtin_interfaces/msg/Time', sec=stamp // SECOND, nanosec=stamp % SECOND))
    return bag.make(
        IMAGE, header=header, height=height, width=width, encoding='bgr8', is_bigendian=0,
        step=3 * width, data=np.full(3 * width * height, stamp % 251, np.uint8))


@pytest.fixture
def names(request) -> tuple[str, str]:
    """Return an image topic and a latched one that no other test has heard of."""
    own = f'/test_{abs(hash(request.node.nodeid))}'
    return f'{own}/image', f'{own}/latched'


@pytest.fixture
def path(tmp_path, names) -> pathlib.Path:
    """Return a bag: something latched, then twenty pictures in a second."""
    with Recorder(tmp_path / 'bag') as bag:
        bag.write_message(names[1], BEGAN, bag.make(STRING, data='here'), latched=True)
        for i in range(20):
            stamp = BEGAN + (i + 1) * SECOND // 20
            bag.write_message(names[0], stamp, picture(bag, stamp))
    return tmp_path / 'bag'


class Reader:
    """Reads topics as bytes, in the order in which they come."""

    def __init__(self, **kinds):
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node('reader', context=self.context)
        self.received = defaultdict(list)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def read(self, kind, topic, **qos):
        """Collect what comes on `topic`."""
        self.node.create_subscription(kind, topic, self.received[topic].append,
                                      QoSProfile(**{'depth': 1000, **qos}), raw=True)

    def images(self, topic) -> list[int]:
        """Return the stamps in the headers."""
        return [nanoseconds(deserialize_message(data, Image).header.stamp)
                for data in self.received[topic]]

    def clock(self) -> list[int]:
        """Return what /clock said."""
        return [nanoseconds(deserialize_message(data, Clock).clock)
                for data in self.received['/clock']]

    def wait(self, topic, count):
        """Wait until that many have come."""
        wait(lambda: len(self.received[topic]) >= count, 20,
             lambda: f'{len(self.received[topic])} of {count} came on {topic}')

    def close(self):
        self._executor.shutdown()
        self._thread.join(5)
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def reader():
    """Return a reader of its own."""
    reader = Reader()
    yield reader
    reader.close()


def bytes_of(path, topic) -> list[bytes]:
    """Return the messages of a topic as they lie in the bag."""
    with Bag(path) as bag:
        return [message.data for message in bag.read([topic])]


def quiet(_):
    """Say nothing."""


def test_every_message_comes_unchanged_and_in_order(path, names, reader):
    image, latched = names
    reader.read(Image, image)
    reader.read(String, latched)
    began = time.monotonic()
    played = play(path, wait_for=names, say=quiet)
    assert time.monotonic() - began > 1.0, 'the bag is a second long'
    reader.wait(image, 20)
    reader.wait(latched, 1)
    assert reader.received[image] == bytes_of(path, image)
    assert reader.received[latched] == bytes_of(path, latched)
    assert played.counts == {image: 20, latched: 1}
    assert (played.laps, played.stopped, played.skipped) == (1, False, [])
    assert played.lateness > 0 and played.cpu > 0 and 'at most' in str(played)


def test_the_clock_begins_with_the_bag_and_tells_the_time_of_every_message(path, names, reader):
    reader.read(Clock, '/clock')
    played = play(path, rate=2.0, wait_for=['/clock'], say=quiet)
    reader.wait('/clock', 30)
    wait(lambda: reader.clock()[-1] >= BEGAN + SECOND, 10, lambda: 'it stopped before the end')
    clock = reader.clock()
    assert clock[0] == BEGAN
    assert clock == sorted(set(clock)), 'it never goes back, and never says a time twice'
    with Bag(path) as bag:
        assert {message.stamp for message in bag.read()} <= set(clock)
    assert clock[-1] == BEGAN + SECOND
    assert played.seconds > 0.5, 'half the time, at twice the rate'


def test_a_loop_begins_again_with_the_clock_and_ends_when_told(path, names, reader):
    image, _ = names
    reader.read(Image, image)
    reader.read(Clock, '/clock')
    stop, played = threading.Event(), []
    thread = threading.Thread(target=lambda: played.append(
        play(path, rate=5.0, loop=True, wait_for=[image, '/clock'], stop=stop, say=quiet)))
    thread.start()
    reader.wait(image, 50)
    stop.set()
    thread.join(10)
    assert played[0].stopped and played[0].laps >= 2
    lap = [BEGAN + (i + 1) * SECOND // 20 for i in range(20)]
    assert reader.images(image)[:50] == [*lap, *lap, *lap[:10]]
    clock = reader.clock()
    backwards = [after for before, after in zip(clock, clock[1:]) if after < before]
    assert len(backwards) >= 2 and set(backwards) == {BEGAN}


def test_what_was_latched_before_the_start_is_there_all_the_same(path, names, reader):
    image, latched = names
    reader.read(Image, image)
    reader.read(String, latched, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    play(path, start=0.72, wait_for=names, say=quiet)
    reader.wait(image, 6)
    reader.wait(latched, 1)
    assert reader.images(image) == [BEGAN + (i + 1) * SECOND // 20 for i in range(14, 20)]
    assert reader.received[latched] == bytes_of(path, latched)


def test_who_comes_late_still_gets_what_was_latched(path, names, reader):
    _, latched = names
    stop = threading.Event()
    thread = threading.Thread(target=play, args=(path,), kwargs={
        'rate': 0.05, 'stop': stop, 'say': quiet})
    thread.start()
    try:
        wait(lambda: reader.node.count_publishers(latched), 20, lambda: 'no player')
        time.sleep(2.5)  # the latched message is the first one
        reader.read(String, latched, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        reader.wait(latched, 1)
    finally:
        stop.set()
        thread.join(10)


def test_only_the_wanted_topics_are_played_to_best_effort_readers_too(path, names, reader):
    image, latched = names
    reader.read(Image, image, reliability=ReliabilityPolicy.BEST_EFFORT)
    played = play(path, rate=4.0, topics=[image], wait_for=[image], say=quiet)
    assert played.counts == {image: 20}
    reader.wait(image, 1)


def test_a_topic_whose_package_is_not_installed_is_named_and_left_out(tmp_path, names, reader):
    image, thing = names
    definition = b'int32 number\n'
    with (tmp_path / 'a.mcap').open('wb') as file:
        writer = mcap.writer.Writer(file)
        writer.start(profile='ros2')
        for topic, kind in ((image, IMAGE), (thing, 'made_up_msgs/msg/Thing')):
            channel = writer.register_channel(
                topic, 'cdr', writer.register_schema(kind, 'ros2msg', definition))
            writer.add_message(channel, SECOND, b'\0\1\0\0\7\0\0\0', SECOND)
        writer.finish()
    reader.read(Image, image)
    said = []
    played = play(tmp_path / 'a.mcap', wait_for=names, say=said.append)
    assert said == [f'{thing} is left out: made_up_msgs/msg/Thing is not installed here']
    assert (played.counts, played.skipped) == ({image: 1}, [thing])
    with pytest.raises(DriveError, match='nothing that could be published'):
        play(tmp_path / 'a.mcap', topics=[thing], say=quiet)


def test_a_bag_that_was_cut_short_is_played_to_its_last_whole_message(path, names, reader):
    image, _ = names
    file = path / 'bag.mcap'
    data = file.read_bytes()
    last = bytes_of(path, image)[12]
    file.write_bytes(data[:data.index(last) + len(last) + 7])
    reader.read(Image, image)
    said = []
    played = play(path, rate=4.0, wait_for=[image], say=said.append)
    reader.wait(image, 13)
    assert played.counts[image] == 13
    assert len(said) == 1 and 'was cut short' in said[0]


@pytest.mark.parametrize('arguments, words', [
    ({'rate': 0.0}, 'a rate of 0 cannot'), ({'rate': float('nan')}, 'a rate of nan cannot'),
    ({'clock_rate': -1.0}, 'a clock rate of -1 cannot'), ({'start': 1.5}, 'has no second 1.5'),
    ({'start': -1.0}, 'has no second -1'), ({'topics': ['/nowhere']}, 'has no topic /nowhere'),
    ({'wait_for': ['/nowhere']}, 'has no topic /nowhere')])
def test_what_cannot_be_played_is_refused_in_one_sentence(path, arguments, words):
    with pytest.raises(DriveError) as error:
        play(path, say=quiet, **arguments)
    assert words in str(error.value) and '\n' not in str(error.value)


def run(code: str, *arguments, **environment) -> subprocess.Popen:
    """Start Python on `code`, which prints."""
    return subprocess.Popen(
        [sys.executable, '-c', code, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
        cwd=REPOSITORY, env={**os.environ, **environment})


def test_ctrl_c_ends_the_player_without_an_error(path, names, reader):
    image, _ = names
    reader.read(Image, image)
    process = run('import sys; from depth_estimation_ros.commands.player import play\n'
                  'print(play(sys.argv[1], rate=0.5, loop=True))', path)
    reader.wait(image, 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert process.stdout.read().rstrip().endswith('stopped')


def test_at_three_times_the_speed_nothing_of_kitti_s_size_is_lost(tmp_path, names, reader):
    image, cloud = names
    with Recorder(tmp_path / 'bag') as bag:
        for i in range(20):
            stamp = BEGAN + i * SECOND // 10
            message = picture(bag, stamp, 1242, 375)
            bag.write_message(image, stamp, message)
            bag.write_message(cloud, stamp, bag.make(
                CLOUD, header=message.header, height=1, width=115_000, fields=[],
                is_bigendian=False, point_step=16, row_step=1_840_000, is_dense=True,
                data=np.full(1_840_000, i, np.uint8)))
    reader.read(Image, image)
    reader.read(PointCloud2, cloud)
    # As the launch files do it: Fast DDS's default of 512 kB is less than one image.
    profile = dict.fromkeys(('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'),
                            str(REPOSITORY / 'config/fastdds.xml'))
    process = run('import json, sys; from depth_estimation_ros.commands.player import play\n'
                  'print(json.dumps(play(sys.argv[1], rate=3.0, wait_for=sys.argv[2:]).counts))',
                  tmp_path / 'bag', image, cloud, **profile)
    assert json.loads(process.communicate(timeout=90)[0]) == {image: 20, cloud: 20}
    reader.wait(image, 20)
    reader.wait(cloud, 20)
    assert reader.received[image] == bytes_of(tmp_path / 'bag', image)
    assert reader.received[cloud] == bytes_of(tmp_path / 'bag', cloud)


# -- waiting for one node, and for its answers --

class Answering(Reader):
    """A reader called `reader` that answers pictures on `answer` with their header."""

    def __init__(self, image, answer, answers=lambda number: True, late=0.0):
        super().__init__()
        self.seen = []
        publisher = self.node.create_publisher(Image, answer, 10)

        def take(message):
            self.seen.append(nanoseconds(message.header.stamp))
            if answers(len(self.seen)):
                time.sleep(late)
                publisher.publish(Image(header=message.header))

        self.node.create_subscription(Image, image, take, 1)
        self.node.create_subscription(Clock, '/clock', lambda _: None, 1)
        self._executor.wake()


def test_the_player_waits_for_the_node_it_is_told_whoever_else_reads(path, names, reader):
    image, _ = names
    reader.read(Image, image)  # by a node called `reader`
    context = Context()
    rclpy.init(context=context)
    late = rclpy.create_node('late', context=context)
    timers = [threading.Timer(delay, lambda kind=kind, topic=topic: late.create_subscription(
        kind, topic, quiet, 1)) for delay, kind, topic in (
            (1.0, Clock, '/clock'), (2.0, Image, image))]
    try:
        for timer in timers:
            timer.start()
        began = time.monotonic()
        play(path, rate=10.0, wait_for=[image], reader='/late', say=quiet)
        assert time.monotonic() - began > 2.0, 'it did not wait for the second subscription'
    finally:
        for timer in timers:
            timer.join()
        late.destroy_node()
        context.try_shutdown()
    reader.wait(image, 20)


def test_the_next_picture_waits_for_the_answer_to_the_last(path, names):
    image, _ = names
    node = Answering(image, f'{image}_answer', late=0.15)
    try:
        played = play(path, rate=5.0, wait_for=[image], reader='/reader',
                      answered=(image, f'{image}_answer'), say=quiet)
    finally:
        node.close()
    assert len(node.seen) == 20, 'a reader with room for one picture got each'
    assert len(played.answers) == 20 and min(played.answers) > 0.15 and played.unanswered == 0
    assert 'answered: 20 of 20 pictures' in str(played)


def test_what_is_not_answered_is_counted_and_said_by_the_exit_code(path, names, monkeypatch):
    image, _ = names
    monkeypatch.setattr(player, 'ANSWERED', 0.5)
    node = Answering(image, f'{image}_answer', answers=lambda number: number != 7)
    try:
        played = play(path, rate=10.0, wait_for=[image], reader='/reader',
                      answered=(image, f'{image}_answer'), say=quiet)
        assert played.unanswered == 1 and 'answered: 19 of 20 pictures' in str(played)
        monkeypatch.setattr(player, 'play', lambda *args, **kwargs: played)
        assert cli.main(['bag', 'play', str(path)]) == 1
    finally:
        node.close()


def test_a_node_that_never_answers_ends_the_player_in_a_sentence(path, names, monkeypatch):
    image, _ = names
    monkeypatch.setattr(player, 'ANSWERED', 0.3)
    node = Answering(image, f'{image}_answer', answers=lambda number: False)
    try:
        with pytest.raises(DriveError, match=f'3 pictures of {image} had no answer'):
            play(path, wait_for=[image], reader='/reader', answered=(image, f'{image}_answer'),
                 say=quiet)
    finally:
        node.close()
    assert len(node.seen) == 3


def test_a_node_that_is_not_there_is_named(path, names, monkeypatch, reader):
    image, _ = names
    reader.read(Image, image)
    monkeypatch.setattr(player, 'WANTED', 0.5)
    with pytest.raises(DriveError, match=f'/depth does not read /clock {image} after'):
        play(path, wait_for=[image], reader='/depth', say=quiet)
    with pytest.raises(DriveError, match='nobody publishes /no/answer after'):
        play(path, answered=(image, '/no/answer'), say=quiet)


# -- recording --


def test_what_a_recording_misses_is_said_by_topic(names, tmp_path, monkeypatch):
    image, other = names
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('camera', context=context)
    publishers = [node.create_publisher(String, topic, 10) for topic in names]
    said, record_ends = [], threading.Event()
    write = Recorder.write

    def slow(self, topic, *arguments):
        write(self, topic, *arguments)
        if topic == image and not stalled.is_set():
            stalled.set()
            go_on.wait(20)  # a disk that stands still: what comes now does not fit

    stalled, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(Recorder, 'write', slow)
    monkeypatch.setattr(player, 'DEPTH', 10)
    thread = threading.Thread(target=lambda: record(
        names, tmp_path / 'copy', seconds=60, stop=record_ends, say=said.append))
    thread.start()
    try:
        wait(lambda: all(p.get_subscription_count() for p in publishers), 20, lambda: 'no reader')
        publishers[0].publish(String(data='first'))
        assert stalled.wait(20)
        for i in range(30):
            publishers[0].publish(String(data=str(i)))
        for i in range(5):
            publishers[1].publish(String(data=str(i)))
        time.sleep(0.5)
        go_on.set()
        time.sleep(1.0)
        record_ends.set()
        thread.join(30)
    finally:
        go_on.set()
        record_ends.set()
        thread.join(30)
        node.destroy_node()
        context.try_shutdown()
    assert [sentence for sentence in said if 'missing' in sentence] == [
        f'{image}: 20 messages are missing, in 1 gaps: the network or this machine was too slow '
        'for them']


def test_what_is_recorded_is_what_was_played(path, names, tmp_path):
    image, latched = names
    counts = []
    thread = threading.Thread(target=lambda: counts.append(record(
        names, tmp_path / 'copy', seconds=60, say=quiet,
        until=lambda counts: counts == {image: 20, latched: 1})))
    thread.start()
    before = time.time_ns()
    play(path, rate=2.0, wait_for=names, say=quiet)
    thread.join(60)
    assert counts == [{image: 20, latched: 1}]
    for topic in names:
        assert bytes_of(tmp_path / 'copy', topic) == bytes_of(path, topic)
    with Bag(tmp_path / 'copy') as bag:
        assert {name: topic.latched for name, topic in bag.topics.items()} == {
            image: False, latched: True}
        stamps = [message.stamp for message in bag.read([image])]
        assert stamps == sorted(stamps) and before < stamps[0] < stamps[-1] < time.time_ns()


def test_a_recording_ended_by_ctrl_c_is_whole(path, names, tmp_path):
    image, _ = names
    recorder = run('import sys; from depth_estimation_ros.commands.player import record\n'
                   'print(record(sys.argv[2:], sys.argv[1])[sys.argv[2]])',
                   tmp_path / 'copy', image)
    play(path, rate=2.0, wait_for=[image], say=quiet)
    time.sleep(0.5)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(10) == 0
    count = int(recorder.stdout.read().split()[-1])
    with Bag(tmp_path / 'copy') as bag:
        assert bag.cut is None
        messages = [message.data for message in bag.read()]
    assert count > 0 and messages == bytes_of(path, image)[:count]


def test_a_recorder_in_the_background_of_a_script_ends_by_kill_int(path, names, tmp_path):
    image, _ = names
    recorder = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'bag', 'record', tmp_path / 'copy',
         image], cwd=REPOSITORY, stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    play(path, rate=2.0, wait_for=[image], say=quiet)
    time.sleep(0.5)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(10) == 0
    assert bytes_of(tmp_path / 'copy', image)


def test_a_recording_without_a_message_says_why_and_leaves_nothing(names, tmp_path):
    image, _ = names
    with pytest.raises(DriveError) as error:
        record([image], tmp_path / 'copy', seconds=0.3)
    assert f'no message came on {image}, and nobody publishes {image}' in str(error.value)
    assert list(tmp_path.iterdir()) == []
