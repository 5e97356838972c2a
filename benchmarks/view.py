# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
What `depth_estimation view` costs a node, and how often its page shows a new frame.

    python -m benchmarks.view [--seconds 12] [--rounds 3] [--rate 10]

A node of the default network, a camera of KITTI's size and a reader of its depth run throughout.
Phases take turns: the reader alone; a page that a program reads as fast as it can (a browser on
another machine); a page in headless Chromium here, which draws without a GPU on the same cores.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from functools import partial
from http.client import HTTPConnection
import json
import os
from pathlib import Path
import shutil
from statistics import median
import struct
import subprocess
import sys
from tempfile import TemporaryDirectory
import threading
import time

import cv2
from depth_estimation_ros.node.dds import dds_profile
from depth_estimation_ros.node.graph import own_context
from depth_estimation_ros.node.live_depth import LiveDepth

from benchmarks.inputs import KITTI, picture

ALONE, READ, BROWSER = 'a reader alone', 'and a page, read elsewhere', 'and Chromium here'
SETTLE = 4.0  # seconds at the start of a phase that do not count


class Reader:
    """What a robot does with depth: it takes the newest."""

    def show(self, frame) -> None:
        """Take it."""


@contextmanager
def process(*arguments: str, **more) -> Iterator[subprocess.Popen]:
    started = subprocess.Popen([sys.executable, '-m', *arguments], stderr=subprocess.DEVNULL,
                               **more)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(15)


@contextmanager
def page() -> Iterator[str]:
    with process('depth_estimation_ros.cli', 'view', '--port', '0', stdout=subprocess.PIPE,
                 text=True) as view:
        yield view.stdout.readline().split()[0]


@contextmanager
def read(address: str) -> Iterator[list[float]]:
    """Read each frame; give the times of arrival."""
    times, end = [], threading.Event()

    def loop() -> None:
        connection, after = HTTPConnection('127.0.0.1', int(address.rpartition(':')[2])), 0
        while not end.is_set():
            try:
                connection.request('GET', f'/frame?after={after}')
                body = connection.getresponse().read()
            except OSError:  # the page has ended
                return
            if body:
                length = struct.unpack_from('<I', body)[0]
                after = json.loads(body[16:16 + length])['number']
                times.append(time.monotonic())

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        end.set()


@contextmanager
def browse(address: str) -> Iterator[tuple]:
    """Show it in Chromium; give the driver, seconds until depth and points were there, points."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for argument in ('headless', 'no-sandbox', 'window-size=1400,900'):
        options.add_argument(f'--{argument}')
    driver = webdriver.Chrome(options=options, service=Service(shutil.which('chromedriver')))
    try:
        began = time.monotonic()
        driver.get(address)
        while not driver.execute_script('return window.shown && buffers.count'):
            time.sleep(0.02)
        yield (driver, time.monotonic() - began,
               driver.execute_script('return buffers.count'))
    finally:
        driver.quit()


def phase(kind: str, live: LiveDepth, seconds: float) -> tuple[float, float, tuple]:
    """
    Return the node's age p50 (ms), the frames that a page showed a second, and of Chromium the
    seconds until it showed depth and points, and how many.
    """
    def wait(span: float) -> list[float]:
        ages, end, last = [], time.monotonic() + span, None
        while time.monotonic() < end:
            live.spin()
            age = live.said()[0].get('age p50 (ms)')
            if age != last and age not in (None, 'nan'):
                ages.append(float(age))
                last = age
        return ages

    with ExitStack() as stack:
        shown, opened = None, ()
        if kind == READ:
            seen = stack.enter_context(read(stack.enter_context(page())))
            shown = seen.__len__
        elif kind == BROWSER:
            driver, *opened = stack.enter_context(browse(stack.enter_context(page())))
            shown = partial(driver.execute_script, 'return window.shown || 0')
        wait(SETTLE)
        first, began = shown and shown(), time.monotonic()
        ages = wait(seconds)
        rate = (shown() - first) / (time.monotonic() - began) if shown else float('nan')
    return median(ages), rate, opened


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--seconds', type=float, default=12.0)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--rate', type=float, default=10.0)
    chosen = parser.parse_args()
    kinds = [ALONE, READ] + ([BROWSER] if shutil.which('chromium') else [])
    os.environ.update(ROS_DOMAIN_ID='97', **dds_profile(os.environ)[0])
    found = {kind: [] for kind in kinds}
    with TemporaryDirectory(prefix='view_') as folder, ExitStack() as stack:
        for number in range(10):
            cv2.imwrite(str(Path(folder) / f'{number}.jpg'), picture())
        context = stack.enter_context(own_context())
        stack.enter_context(process('depth_estimation_ros', '--ros-args', '-r',
                                    'image:=/image', '-p', 'rectified:=true'))
        stack.enter_context(process('depth_estimation_ros.cli', 'camera', folder, '--fov', '80',
                                    '--rate', f'{chosen.rate:g}', stdout=subprocess.DEVNULL))
        live = LiveDepth('', Reader(), context, 60.0)
        stack.callback(live.close)
        end = time.monotonic() + 180  # until it is compiled
        while time.monotonic() < end and live.said()[0].get('frames processed', '0') < '3':
            live.spin()
        until = time.monotonic() + 45
        while time.monotonic() < until:
            live.spin()
        for _ in range(chosen.rounds):
            for kind in kinds:
                found[kind].append(phase(kind, live, chosen.seconds))
    print(f'A camera of {KITTI.width}x{KITTI.height} at {chosen.rate:g} Hz, {chosen.rounds} times '
          f'{chosen.seconds:g} s each, {os.cpu_count()} cores; medians\n')
    print('| | age p50 of the node (ms) | by the reader alone | frames shown a second |')
    print('|---|---|---|---|')
    base = median(age for age, *_ in found[ALONE])
    for kind in kinds:
        ages, rates, opened = zip(*found[kind])
        rate = '' if kind == ALONE else f'{median(rates):.1f}'
        print(f'| {kind} | {median(ages):.1f} ({min(ages):.1f} to {max(ages):.1f}) | '
              f'{median(ages) / base:.2f} | {rate} |')
    if BROWSER in kinds:  # the last of them
        waits, points = zip(*opened)
        print(f'\nChromium opened the page and showed depth and {median(points):.0f} points after '
              f'{median(waits):.1f} s ({min(waits):.1f} to {max(waits):.1f})')


if __name__ == '__main__':
    main()
