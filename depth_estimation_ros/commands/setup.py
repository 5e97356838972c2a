# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A first parameter file by three questions, and what the node makes of the camera with it."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
import sys
from tempfile import TemporaryFile
import time

import numpy as np

from depth_estimation_ros.commands.outputs import refuse_file, write_parameters
from depth_estimation_ros.commands.processes import running
from depth_estimation_ros.estimation.scenes import SCENES
from depth_estimation_ros.imaging.wording import meant
from depth_estimation_ros.node.graph import own_context, own_node
from depth_estimation_ros.node.live_depth import LiveDepth
from depth_estimation_ros.node.live_pictures import picture_topics

LISTEN = 5.0  # seconds in which topics are found
START = 90.0  # seconds until a node must have spoken, and given depth
HIGHEST = 100.0  # metres
NAME = 'depth_estimation_setup'
COMPRESSED = '/compressed'


class SetupError(ValueError):
    """There is nothing to set up; the message says what to change."""


class _Seen:
    """What the node has shown; a screen that nobody looks at."""

    def __init__(self):
        self.count, self.frame = 0, None

    def show(self, frame: Callable) -> None:
        """Keep the newest frame."""
        self.count, self.frame = self.count + 1, frame


def run(image: str = '', height: float | None = None, scene: str = '',
        output: Path = Path('depth.yaml'), seconds: float = 5.0, overwrite: bool = False) -> str:
    """
    Ask for what is not given, write the parameter file, run the node for a while, tell of it.

    :param image: topic of the camera. height: metres above the ground, 0: not known. scene: of
        scenes.SCENES.
    :param seconds: that the node is watched for, once depth comes.
    :raises ValueError: of this package, one sentence; no file is left unless it says so.
    """
    if height is not None and not 0 <= height <= HIGHEST:
        raise SetupError(f'--height {height:g} is out of range: metres from 0 (not known) to '
                         f'{HIGHEST:g}')
    if not 0 < seconds <= 3600:
        raise SetupError(f'--seconds {seconds:g} is out of range: it goes from above 0 to 3600')
    refuse_file(output, overwrite)
    image = _topic(image)
    if height is None:
        height = _number('metres of the camera above the ground (Enter: not known): ')
    if not scene:
        scene = _one_of('what it sees: street, room, or auto (Enter): ', SCENES)
    parameters = {'scene': scene}
    if height:
        parameters['camera_height'] = f'{height:#.6g}'
    base = image.removesuffix(COMPRESSED)
    if base != image:
        parameters['image_transport'] = 'compressed'
    write_parameters(output, [
        f'Made by depth_estimation setup on {date.today()} for {image}; docs/parameters.md',
        'lists what else there is.'], parameters)
    print(f'{output} is written; now the node is watched for {seconds:g} s', flush=True)
    lines = _watch(output, base, seconds)
    return '\n'.join([*lines, f'ros2 launch depth_estimation_ros depth.launch.py '
                      f'params_file:={output} image:={base}'])


def _topic(image: str) -> str:
    """Return the topic that is meant, of those that there are."""
    with own_node(f'{NAME}_topics') as node:
        end = time.monotonic() + LISTEN
        there: list[str] = []
        while time.monotonic() < end and image not in there:
            time.sleep(0.1)
            there = [name for name in picture_topics(node) if '/depth/' not in name]
    if image in there:
        return image
    if image or not there:
        missing = f'nobody publishes {image}{meant(image, there) or ":"} ' if image else ''
        raise SetupError(missing + (f'pictures are on {", ".join(there)}' if there else
                                    'no topic with pictures is there: start the camera, with the '
                                    'same ROS_DOMAIN_ID (a webcam: depth_estimation camera 0 '
                                    '--fov 65)'))
    if len(there) == 1:
        print(f'the camera is {there[0]}')
        return there[0]
    for number, name in enumerate(there, 1):
        print(f'{number}: {name}')
    return there[int(_one_of(f'which camera, 1 to {len(there)} (Enter: 1): ', [
        str(number) for number in range(1, len(there) + 1)])) - 1]


def _answer(question: str) -> str:
    if not sys.stdin.isatty():
        raise SetupError(f'there is no terminal to ask on: give --image, --height and --scene '
                         f'({question.rstrip(": ")})')
    return input(question).strip()


def _one_of(question: str, those) -> str:
    """Return one of `those`; the first where nothing is typed."""
    while (said := _answer(question) or those[0]) not in those:
        print(f'it is one of {", ".join(those)}')
    return said


def _number(question: str) -> float:
    while True:
        said = _answer(question) or '0'
        with suppress(ValueError):
            if 0 <= float(said) <= HIGHEST:
                return float(said)
        print(f'a number of metres, such as 0.3, at most {HIGHEST:g}')


def _watch(parameters: Path, image: str, seconds: float) -> list[str]:
    """Run the node and return what it made of the camera."""
    seen = _Seen()
    with (TemporaryFile() as log, running(
            log, '-m', 'depth_estimation_ros', '--ros-args', '--params-file', str(parameters),
            '-r', f'image:={image}', '-r', f'__node:={NAME}') as process,
            own_context() as context, closing(LiveDepth(NAME, seen, context, START)) as live):
        end = time.monotonic() + START
        while not seen.count and time.monotonic() < end:
            live.spin()
            if process.poll() is not None:
                log.seek(0)
                said = log.read().decode(errors='replace').strip().splitlines()
                raise SetupError(f'the node ended: {said[-1] if said else "without a word"}; '
                                 f'{parameters} is written')
        first, end = seen.count, time.monotonic() + seconds
        while seen.count and time.monotonic() < end:
            live.spin()
        return _told(seen, seen.count - first, seconds, *live.said())


def _told(seen: _Seen, count: int, seconds: float, facts: dict[str, str],
          complaints: list[str]) -> list[str]:
    if not seen.count:
        raise SetupError('the node gave no depth: ' + (
            ' '.join(complaints) or 'no picture came with a CameraInfo of its stamp'))
    frame = seen.frame()
    height, width = frame.depth.shape
    middle = frame.depth[height * 2 // 5:height * 3 // 5, width * 2 // 5:width * 3 // 5]
    known = middle[np.isfinite(middle)]
    lines = [f'{count / seconds:.1f} depth images a second, p50 {facts["age p50 (ms)"]} ms old',
             'in the middle of the picture: ' + (
                 f'{np.median(known):.2f} m' if len(known) else 'no depth')]
    for name in ('scene', 'right by the confidence', 'scale source', 'scale state'):
        if name in facts:
            lines.append(f'{name}: {facts[name]}')
    return [*lines, *(f'it says: {sentence}' for sentence in complaints)]
