# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The main job, shown: a bag is replayed to the real node, and what it published is judged.

Without images of one's own a street is generated, whose depth is known exactly. Node, player and
recorder are the commands that a user has, each a process of its own, over real DDS.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
import os
from pathlib import Path
import subprocess
import time

import cv2
import numpy as np
import yaml

from depth_estimation_ros.commands.outputs import Outputs
from depth_estimation_ros.commands.processes import running
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import from_kitti, from_video
from depth_estimation_ros.drives.film_writing import FilmWriter
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.video import open_recording
from depth_estimation_ros.evaluation import metrics, sheets
from depth_estimation_ros.evaluation.bag_samples import bag_samples
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks

START_TIMEOUT = 120.0  # seconds; importing torch from a cold disk takes its time
BAGS = ('input', 'output')
LOGS = ('node.log', 'record.log', 'play.log')
PARAMETERS, FILM = 'parameters.yaml', 'demo.mp4'
OUTPUTS = ('/depth/image_rect', '/depth/camera_info', '/depth/confidence', '/points',
           '/diagnostics')
MAX_FRAMES = 200  # a demo, kept in memory


class DemoError(ValueError):
    """The demo cannot run; the message says what is missing."""


def run(model: str, weights: str, input_size: str, images: str, camera: str, fov: float,
        output: Path, rate: float, seed: int, frames: int, overwrite: bool = False) -> str:
    """
    Run the node on a generated drive, or on `images`; return the table.

    Leaves in `output`: input and output bag, a picture sheet a frame, a film of them, the node's
    log. Each picture waits for the answer to the one before it.

    images: a KITTI raw drive, or a folder of pictures with a camera.yaml (or `camera`, a
    calibration file, or `fov`, degrees), or empty. rate: frames a second at most.
    Raises DemoError, DriveError, OutputError: one sentence on what is missing.
    """
    if not 0 < rate <= 1000:
        raise DemoError(f'--rate {rate:g} is no frame rate: give frames a second, above 0')
    if not 1 <= frames <= MAX_FRAMES:
        raise DemoError(f'--frames {frames} is not from 1 to the {MAX_FRAMES} of a demo: for a '
                        'longer drive use depth_estimation bag synthesize, play, record and '
                        'evaluate')
    make_bag, count = _find(images, camera, fov, rate, seed, frames)
    networks.open_network(model, weights, input_size)  # what is wrong is said before it starts
    with Outputs(output, 'demo', filter(None, (images, camera, weights)), overwrite) as outputs:
        sheet_names = [f'{number:04d}.jpg' for number in range(count)]
        bags = [f'{bag}/{file}' for bag in BAGS for file in (
            'metadata.yaml', f'{bag}.mcap')]
        outputs.check([*bags, *LOGS, PARAMETERS, FILM, *sheet_names])
        outputs.make_way(BAGS, bags)
        outputs.clear()
        return _show(outputs, model, weights, input_size, make_bag, rate)


def _show(outputs: Outputs, model: str, weights: str, input_size: str,
          make_bag: Callable[[Path], tuple[str, float]], rate: float) -> str:
    source, recording = (outputs.make() / bag for bag in BAGS)
    try:
        began = time.monotonic()
        topic, speed = make_bag(source)
        outputs.keep(source.name)
        made = time.monotonic() - began
        # A robot on this network must not hear the demo.
        os.environ.update(ROS_DOMAIN_ID=str(215 + os.getpid() % 18),  # Linux's upper free range
                          ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
        outputs.write_bytes(PARAMETERS, yaml.safe_dump({'/**': {'ros__parameters': {
            'model': model, 'weights': weights and str(Path(weights).expanduser().resolve()),
            'input_size': input_size, 'use_sim_time': True,
            'compile': False}}}).encode())  # which takes longer than it, and would slow it down
        replayed = _replay(outputs.folder, source, recording, topic, speed)
    finally:
        outputs.keep(*LOGS, *BAGS)
    return _report(outputs, source, recording, topic, made, replayed)


def _replay(output: Path, source: Path, recording: Path, topic: str, speed: float) -> list[str]:
    """Let the node answer each picture of a bag, and return what its player has to say."""
    log, record_log, play_log = (output / name for name in LOGS)
    node = ('-m', 'depth_estimation_ros', '--ros-args', '--params-file',
            str(output / PARAMETERS), '-r', f'image:={topic}')
    command = ('-m', 'depth_estimation_ros.cli', 'bag')
    with log.open('w') as words, running(words, *node) as process:
        _wait_for(process, log, 'waiting for images')
        with record_log.open('w') as words, running(
                words, *command, 'record', str(recording), *OUTPUTS) as recorder:
            _wait_for(recorder, record_log, 'recording /depth/image_rect')
            time.sleep(1.0)  # the node's side of the match
            info = f'{topic.rpartition("/")[0]}/camera_info'
            with play_log.open('w') as words, running(
                    words, *command, 'play', str(source), '--rate', f'{speed:g}', '--wait-for',
                    topic, info, '--reader', '/depth_estimation', '--answered', topic,
                    '/depth/camera_info') as player:
                while player.poll() is None:
                    if process.poll() is not None:
                        raise DemoError(f'the node ended: see {log}')
                    time.sleep(0.05)
            time.sleep(1.5)  # what is on its way, and a last word of the diagnostics
    said = play_log.read_text().splitlines()
    if not any(line.startswith('answered') for line in said):
        raise DemoError(f'the bag was not played: {(said or ["see " + str(play_log)])[-1]}')
    return said


def _find(images: str, camera: str, fov: float, rate: float, seed: int,
          frames: int) -> tuple[Callable[[Path], tuple[str, float]], int]:
    """
    Open the input; return what writes its bag, and how many frames there are at most.

    What writes it returns the bag's image topic and how fast it is to be played.
    """
    if not images:
        # Torch, if wanted.
        from depth_estimation_ros.synthetic.bag import IMAGE, synthesize
        from depth_estimation_ros.synthetic.drive import drive_camera, Plan, SyntheticDrive
        drive = SyntheticDrive(Plan(seed=seed, frames=frames, rate=rate),
                               drive_camera(camera, fov or None, None))

        def of_street(path: Path) -> tuple[str, float]:
            synthesize(drive, path, False, progress=lambda numbers: progress(
                numbers, len(drive), 'generate a street'))
            return IMAGE, 1.0

        return of_street, frames
    folder = Path(images).expanduser()
    is_drive = (folder / 'image_02').is_dir()
    recording = open_recording(images)
    first = next(iter(recording)).image
    calibration = None if is_drive else find_optics(camera, fov, recording).calibration(
        *first.shape[1::-1])

    def of_images(path: Path) -> tuple[str, float]:
        if is_drive:
            from_kitti(folder, path, progress=lambda drive: drive[:MAX_FRAMES])
            topic = '/kitti/camera_color_left/image_raw'
        else:
            topic = '/camera/image_raw'
            from_video(((round(i * 1e9 / rate), frame.image) for i, frame in enumerate(
                islice(recording, MAX_FRAMES))), calibration, path, topic)
        with Bag(path) as bag:
            stamps = [message.stamp for message in bag.read([topic])]
        span = (stamps[-1] - stamps[0]) / 1e9
        return topic, span * rate / (len(stamps) - 1) if span else 1.0

    return of_images, min(len(recording), MAX_FRAMES)


def _wait_for(process: subprocess.Popen, log: Path, text: str) -> None:
    end = time.monotonic() + START_TIMEOUT
    while text not in (said := log.read_text()):
        if process.poll() is not None or 'failed' in said or time.monotonic() > end:
            lines = [line for line in said.splitlines() if 'failed' in line]
            raise DemoError(f'the {log.stem} process did not start: '
                            f'{(lines or ["see " + str(log)])[-1]}')
        time.sleep(0.1)


def _report(outputs: Outputs, source: Path, recording: Path, topic: str, made: float,
            replayed: list[str]) -> str:
    if not recording.exists():
        raise DemoError(f'the node published nothing: see {outputs.folder / LOGS[0]}')
    with Bag(source) as bag, Bag(recording) as taken:
        sent = bag.topics[topic].count
        truth = next((name for name in ('/truth/depth/image_rect', '/kitti/velo/pointcloud')
                      if name in bag.topics), '')
        if '/depth/image_rect' not in taken.topics:
            raise DemoError('the node published no /depth/image_rect: see '
                            f'{outputs.folder / LOGS[0]}')
        times = [message.stamp for message in taken.read(['/depth/image_rect'])]
        clouds = [cloud.width * cloud.height for cloud in map(
            taken.decode, taken.read(['/points']))] if '/points' in taken.topics else []
    span = (times[-1] - times[0]) / 1e9
    lines = [
        f'street generated in     {made:.0f} s' if truth.startswith('/truth') else '',
        f'frames sent             {sent}',
        f'depth images            {len(times)}',
        f'clouds                  {len(clouds)} '
        f'({np.mean(clouds):.0f} points each)' if clouds else '',
        f'frames a second         {(len(times) - 1) / span:.1f}' if span else '',
        *(f'answered                {line.removeprefix("answered: ")}' for line in replayed
          if line.startswith('answered: '))]
    lines = [line for line in lines if line]
    truths = {int(sample.name): sample.truth for sample in bag_samples(
        recording, source, '/depth/image_rect', truth, '', 'auto')} if truth else {}
    rows = []
    pictures = _pictures(source, topic)
    numbers = {stamp: number for number, stamp in enumerate(pictures)}
    with outputs.write(FILM) as part, ExitStack() as stack:
        film = span = None
        for stamp, depth, confidence, camera in _recorded(recording):
            name = f'{numbers[stamp]:04d}'
            if stamp in truths:
                rows.append((name, metrics.evaluate_depth(
                    depth, truths[stamp], crop=metrics.garg_crop(*depth.shape))))
            span = span or sheets.span_of(depth)
            sheet = sheets.picture_sheet(pictures[stamp], depth, camera, truths.get(stamp), span,
                                         confidence)
            outputs.write_bytes(f'{name}.jpg', cv2.imencode('.jpg', sheet)[1].tobytes())
            even = sheet[:sheet.shape[0] // 2 * 2, :sheet.shape[1] // 2 * 2]
            if film is None:
                film = FilmWriter(part, 10, even.shape[1::-1])
                stack.callback(film.release)
            film.write(np.ascontiguousarray(even))
    if rows:
        lines += ['', metrics.table([*rows[::max(len(rows) // 8, 1)],
                                     ('mean', metrics.mean([m for _, m in rows]))])]
    lines += ['', f'pictures, film and bags are in {outputs.folder}']
    if len(times) != sent:
        raise DemoError('\n'.join([
            f'only {len(times)} of {sent} frames became a depth image: see '
            f'{outputs.folder / LOGS[0]} and {outputs.folder / LOGS[1]}', *lines]))
    return '\n'.join(lines)


def _pictures(source: Path, topic: str) -> dict[int, np.ndarray]:
    """Return the sent pictures, BGR, by stamp."""
    with Bag(source) as bag:
        return {_stamp(image): np.frombuffer(image.data, np.uint8).reshape(
            image.height, image.width, 3) for image in map(bag.decode, bag.read([topic]))}


def _recorded(recording: Path) -> Iterator[tuple]:
    """Yield stamp, depth, confidence or None, and camera of what the node published."""
    with Bag(recording) as bag:
        infos, sure = ({_stamp(message): message for message in map(bag.decode, bag.read([topic]))}
                       if topic in bag.topics else {}
                       for topic in ('/depth/camera_info', '/depth/confidence'))
        for message in map(bag.decode, bag.read(['/depth/image_rect'])):
            stamp = _stamp(message)
            shape = message.height, message.width
            depth, confidence = (np.frombuffer(m.data, np.float32).reshape(shape) if m else None
                                 for m in (message, sure.get(stamp)))
            p = infos[stamp].p if stamp in infos else None
            yield stamp, depth, confidence, None if p is None else PinholeCamera(
                message.width, message.height, p[0], p[5], p[2], p[6])


def _stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
