# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
A node that works for a long time while everything around it changes: `make soak`.

    python test/soaking.py [--minutes 15]

A camera sends pictures, one after the answer to the last, with bad messages of every kind in
between; readers come and go, parameters change, the lifecycle goes round. Each minute it prints
what the node holds of the machine. The exit code is 0 where each good picture had its depth, and
memory, descriptors, threads and shared memory stand where they stood after the second minute.
"""
from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
import random
import sys
import time

import cv2
from depth_estimation_ros.estimation.runtime import STREET, STREET_FOCAL
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
import fuzzing
from harness import image, info, served, wait
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

CAMERA = PinholeCamera(640, 192, STREET_FOCAL, STREET_FOCAL, 319.5, 95.5)
MORE_MEMORY, MORE_FILES = 60, 8  # MiB, and files or threads: what comes and goes
READERS = {'points': PointCloud2, 'depth/image_color': Image, 'depth/confidence': Image}
CHANGES = {
    'points__stride': (1, 2, 4), 'points__organized': (False, True),
    'points__color': (True, False), 'depth_encoding': ('32FC1', '16UC1'),
    'publish_size': ('full', 'network'), 'max_depth': (80.0, 40.0), 'temporal__window': (0, 4),
    'rotation': (0, 180), 'camera_height': (0.0, 1.65), 'points__voxel': (0.0, 0.1),
    'image_bits': (0, 12), 'max_age': (0.0, 30.0), 'stale_points': (True, False)}


def held(pid: int) -> dict[str, int]:
    """Return what a process holds of the machine."""
    process = Path('/proc') / str(pid)
    status = dict(line.split(':', 1) for line in (process / 'status').read_text().splitlines())
    return {'MiB': int(status['VmRSS'].split()[0]) >> 10,
            'descriptors': len(list((process / 'fd').iterdir())),
            'threads': int(status['Threads']),
            '/dev/shm files': sum(1 for _ in Path('/dev/shm').iterdir())}


class Soak:
    """The world around one node."""

    def __init__(self, node, robot, rng: random.Random):
        self.node, self.robot, self._rng = node, robot, rng
        picture = cv2.imread(str(STREET))
        self._pictures = [np.ascontiguousarray(np.roll(picture, 8 * i, 1)) for i in range(10)]
        self._readers = {}
        self._cloud = robot.node.create_publisher(PointCloud2, '/velo', 5)
        self.done, self.lost = Counter(), []

    def round(self) -> None:
        """Do one of each thing."""
        for _ in range(20):
            self.look()
        for _ in range(15):
            self._send_bad()
            self.look()
        self._read()
        self.look()
        self._change()
        self.look()
        if self._rng.random() < 0.5:
            self._go_round()
            self.look()

    def look(self) -> None:
        """Send a good picture, which must have its depth."""
        self.robot.forget()
        self.robot.send_info(info(CAMERA))
        self.done['pictures'] += 1
        stamp = self.robot.send(image(self._rng.choice(self._pictures)))
        try:
            self.robot.wait_message('depth/image_rect', stamp, 20)
        except AssertionError as error:
            self.lost.append(str(error)[:300])

    def _send_bad(self) -> None:
        rng, robot = self._rng, self.robot
        self.done['bad messages'] += 1
        kind = rng.randrange(3)
        if kind == 0:
            bad = image(self._pictures[0])
            field = rng.choice(('width', 'height', 'step', 'encoding', 'data'))
            if field == 'encoding':
                bad.encoding = rng.choice(fuzzing.TEXTS)
            elif field == 'data':
                bad.data = bad.data[:rng.randrange(1000)]
            else:
                setattr(bad, field, rng.choice(fuzzing.WHOLE))
            bad.header.frame_id = rng.choice(fuzzing.TEXTS)
            robot.image_publisher.publish(bad)
        elif kind == 1:
            robot.info_publisher.publish(CameraInfo(
                width=rng.choice(fuzzing.WHOLE), height=rng.choice(fuzzing.WHOLE),
                distortion_model=rng.choice(fuzzing.TEXTS),
                d=[rng.choice(fuzzing.REAL) for _ in range(rng.randrange(20))],
                k=[rng.choice(fuzzing.REAL) for _ in range(9)],
                p=[rng.choice(fuzzing.REAL) for _ in range(12)]))
            robot.image_publisher.publish(image(self._pictures[0]))
        else:
            self._cloud.publish(fuzzing.a_cloud(rng))

    def _read(self) -> None:
        topic = self._rng.choice(sorted(READERS))

        def come_or_go() -> None:
            if topic in self._readers:
                self.robot.node.destroy_subscription(self._readers.pop(topic))
            else:
                self._readers[topic] = self.robot.node.create_subscription(
                    READERS[topic], topic, lambda _: None, 5)

        # In the thread of the executor: rclpy cannot destroy what another one waits for.
        task = self.robot._executor.create_task(come_or_go)
        wait(task.done, 10, lambda: 'the executor of the readers is dead')
        self.done['readers'] += 1

    def _change(self) -> None:
        name = self._rng.choice(sorted(CHANGES))
        self.robot.set(**{name: self._rng.choice(CHANGES[name])})
        self.done['parameters'] += 1

    def _go_round(self) -> None:
        labels = ['deactivate', 'activate']
        if self._rng.random() < 0.4:
            labels[1:1] = ['cleanup', 'configure']
        for label in labels:
            if not self.robot.transition(label):
                self.lost.append(f'{label} failed')
        self.robot.wait_for_node()
        self.done['lifecycle rounds'] += 1


def main() -> int:
    """Run it, print a row a minute, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--minutes', type=float, default=15.0)
    parser.add_argument('--seed', type=int, default=0)
    chosen = parser.parse_args()
    rows, began = [], time.monotonic()
    with served({'range_topic': '/velo', 'range_extrinsics': '0 0 0 0 0 0', 'stale_points': True,
                 'scale_hold': 1.0}, outputs=('depth/image_rect',)) as (node, robot):
        soak = Soak(node, robot, random.Random(chosen.seed))
        pid = node.process.pid
        while (minute := (time.monotonic() - began) / 60) < chosen.minutes:
            soak.round()
            if node.process.poll() is not None:
                print(f'the node ended with {node.process.returncode}:\n{node.log[-3000:]}')
                return 1
            if minute >= len(rows):
                rows.append(held(pid))
                print(f'{minute:5.1f} min:', ', '.join(f'{value} {name}' for name, value in
                                                       rows[-1].items()),
                      '|', ', '.join(f'{count} {name}' for name, count in soak.done.items()),
                      '|', f'{len(soak.lost)} unanswered', flush=True)
        drops = {key: value for key, value in robot.values().items() if 'dropped' in key}
        traces = node.log.count('Traceback')
    print('drops since the last activation:', drops)
    for sentence in soak.lost[:5]:
        print('lost:', sentence)
    first, last = rows[min(2, len(rows) - 1)], rows[-1]
    grown = [f'{name} grew from {first[name]} to {last[name]}' for name in first
             if last[name] > first[name] + (MORE_MEMORY if name == 'MiB' else MORE_FILES)]
    print(*(grown or ['nothing grew']), f'{traces} tracebacks in the log', sep=', ')
    return bool(grown or soak.lost or traces)


if __name__ == '__main__':
    sys.exit(main())
