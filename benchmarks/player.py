# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
How late messages leave when a KITTI drive is replayed, what it costs, and what is lost.

    python benchmarks/player.py <KITTI raw drive> [--rates 1 3] [--seconds 20]

The drive becomes a bag, which is looped. The reader is a process of its own, reliable, KEEP_LAST
10, and takes the bytes as they come. Lateness is the worst one; CPU is the player's, DDS's threads
included, of one core. Sent with config/fastdds.xml, as the launch files do.
"""
from __future__ import annotations

import argparse
from multiprocessing import get_context
import os
from pathlib import Path
import platform
from tempfile import TemporaryDirectory
import threading

from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import from_kitti

PROFILE = Path(__file__).resolve().parents[1] / 'config' / 'fastdds.xml'
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def read(topics: dict[str, str], ready, ended, results) -> None:
    """Count what comes on `topics` (name -> type) until `ended`."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile

    from depth_estimation_ros.commands.player import message_class

    rclpy.init()
    node = rclpy.create_node('reader')
    counts = dict.fromkeys(topics, 0)

    def count(topic: str) -> None:
        counts[topic] += 1

    for topic, name in topics.items():
        node.create_subscription(message_class(name), topic, lambda _, topic=topic: count(topic),
                                 QoSProfile(depth=10), raw=True)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ready.set()
    while not ended.is_set():
        executor.spin_once(timeout_sec=0.1)
    results.put(counts)
    node.destroy_node()
    rclpy.try_shutdown()


def main() -> None:
    """Print a line a rate."""
    from depth_estimation_ros.commands.player import message_class, play

    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('drive', type=Path)
    parser.add_argument('--rates', type=float, nargs='+', default=[1.0, 3.0])
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--default-transport', action='store_true',
                        help='without config/fastdds.xml')
    chosen = parser.parse_args()
    # A robot on this network must not hear it; the readers inherit this.
    os.environ.update(ROS_DOMAIN_ID=str(1 + os.getpid() % 100),
                      ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    if not chosen.default_transport:
        os.environ.update(dict.fromkeys(PROFILE_VARIABLES, str(PROFILE)))
    processes = get_context('spawn')
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'drive'
        from_kitti(chosen.drive, path)
        with Bag(path) as bag:
            topics = {name: topic.type for name, topic in bag.topics.items()
                      if message_class(topic.type)}
            rate = bag.size / 1e6 / ((bag.end - bag.start) / 1e9)
        print(f'{platform.platform()}, {os.cpu_count()} cores, {rate:.0f} MB/s at 1x')
        for rate in chosen.rates:
            ended, results = processes.Event(), processes.Queue()
            ready = processes.Event()
            reader = processes.Process(target=read, args=(topics, ready, ended, results))
            reader.start()
            ready.wait(30)
            stop = threading.Event()
            timer = threading.Timer(chosen.seconds, stop.set)
            timer.start()
            played = play(path, rate=rate, loop=True, wait_for=topics, stop=stop,
                          say=lambda _: None)
            ended.set()
            counts = results.get(timeout=10)
            reader.join()
            lost = sum(played.counts.values()) - sum(counts.values())
            print(f'{rate:g}x: {played}; {lost} lost', flush=True)


if __name__ == '__main__':
    main()
