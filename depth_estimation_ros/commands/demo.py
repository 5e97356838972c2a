# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The main job, shown: a bag is replayed to the real node, and what it published is judged.

Without images of one's own a street is generated, whose depth is known exactly. Node, player and
recorder are the commands that a user has, each a process of its own, over real DDS.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import yaml

from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import from_kitti, from_video
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.video import open_recording
from depth_estimation_ros.evaluation import metrics, sheets
from depth_estimation_ros.evaluation.bag_samples import bag_samples
from depth_estimation_ros.imaging.intrinsics import PinholeCamera

START_TIMEOUT = 120.0  # seconds; importing torch from a cold disk takes its time
OUTPUTS = ('/depth/image_rect', '/depth/camera_info', '/depth/confidence', '/points',
           '/diagnostics')
MAX_FRAMES = 200  # a demo, kept in memory


class DemoError(ValueError):
    """The demo cannot run; the message says what is missing."""


def run(model: str, weights: str, input_size: str, images: str, camera: str, fov: float,
        output: Path, rate: float, seed: int, frames: int) -> str:
    """
    Run the node on a generated drive, or on `images`; return the table.

    Leaves in `output`: input and output bag, a picture sheet a frame, a film of them, the node's
    log. images: a KITTI raw drive, or a folder of pictures with a camera.yaml (or `camera`, a
    calibration file, or `fov`, degrees), or empty. rate: frames a second.
    Raises DemoError, DriveError: one sentence on what is missing.
    """
    if not 0 < rate <= 1000:
        raise DemoError(f'--rate {rate:g} is no frame rate: give frames a second, above 0')
    if frames > MAX_FRAMES:
        raise DemoError(f'--frames {frames} is more than the {MAX_FRAMES} of a demo: for a longer '
                        'drive use depth_estimation bag synthesize, play, record and evaluate')
    output.mkdir(parents=True, exist_ok=True)
    source, recording = output / 'input', output / 'output'
    for old in (source, recording):
        if old.exists() and not (old / 'metadata.yaml').is_file():
            raise DemoError(f'{old} is in the way and no bag of an earlier demo: give another '
                            '--output')
        shutil.rmtree(old, ignore_errors=True)
    for sheet in output.glob('[0-9][0-9][0-9][0-9].jpg'):
        sheet.unlink()
    began = time.monotonic()
    topic, speed = _make_bag(images, camera, fov, source, rate, seed, frames)
    made = time.monotonic() - began
    # A robot on this network must not hear the demo.
    os.environ.update(ROS_DOMAIN_ID=str(215 + os.getpid() % 18),  # Linux's upper free range
                      ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    parameters = output / 'parameters.yaml'
    parameters.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'model': model, 'weights': weights and str(Path(weights).expanduser().resolve()),
        'input_size': input_size, 'use_sim_time': True,
        'compile': False}}}))  # which takes longer than it, and would slow it down
    log = output / 'node.log'
    node = ('-m', 'depth_estimation_ros', '--ros-args', '--params-file', str(parameters), '-r',
            f'image:={topic}')
    command = ('-m', 'depth_estimation_ros.cli', 'bag')
    with _process(log, *node) as process:
        _wait_for(process, log, 'waiting for images')
        with _process(output / 'record.log', *command, 'record', str(recording),
                      *OUTPUTS) as recorder:
            _wait_for(recorder, output / 'record.log', 'recording /depth/image_rect')
            time.sleep(1.0)  # the node's side of the match
            info = f'{topic.rpartition("/")[0]}/camera_info'
            with _process(output / 'play.log', *command, 'play', str(source), '--rate',
                          f'{speed:g}', '--wait-for', topic, info) as player:
                if player.wait() != 0:
                    raise DemoError(f'the bag was not played: see {output / "play.log"}')
            time.sleep(1.5)  # what is on its way, and a last word of the diagnostics
    return _report(source, recording, topic, output, made)


def _make_bag(images: str, camera: str, fov: float, path: Path, rate: float, seed: int,
              frames: int) -> tuple[str, float]:
    """Write the input bag; return its image topic and how fast it is to be played."""
    if not images:
        # Torch, if wanted.
        from depth_estimation_ros.synthetic.bag import IMAGE, synthesize
        from depth_estimation_ros.synthetic.drive import Plan, street_camera, SyntheticDrive
        drive = SyntheticDrive(Plan(seed=seed, frames=frames, rate=rate),
                               street_camera(camera, fov or None, None))
        synthesize(drive, path, False, progress=lambda numbers: progress(
            numbers, len(drive), 'generate a street'))
        return IMAGE, 1.0
    folder = Path(images).expanduser()
    if (folder / 'image_02').is_dir():
        from_kitti(folder, path, progress=lambda drive: drive[:MAX_FRAMES])
        topic = '/kitti/camera_color_left/image_raw'
    else:
        recording = open_recording(images)
        taken = list(islice(recording, MAX_FRAMES))
        height, width = taken[0].image.shape[:2]
        topic = '/camera/image_raw'
        from_video(((round(i * 1e9 / rate), frame.image) for i, frame in enumerate(taken)),
                   find_optics(camera, fov, recording).calibration(width, height), path, topic)
    with Bag(path) as bag:
        stamps = [message.stamp for message in bag.read([topic])]
    span = (stamps[-1] - stamps[0]) / 1e9
    return topic, span * rate / (len(stamps) - 1) if span else 1.0


@contextmanager
def _process(log: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """Run Python with arguments, its words in `log`; end it as Ctrl-C does."""
    with log.open('w') as stream:
        process = subprocess.Popen([sys.executable, *arguments], stdout=stream,
                                   stderr=subprocess.STDOUT,
                                   env={**os.environ, 'PYTHONUNBUFFERED': '1'})
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: subprocess.Popen, log: Path, text: str) -> None:
    end = time.monotonic() + START_TIMEOUT
    while text not in (said := log.read_text()):
        if process.poll() is not None or 'failed' in said or time.monotonic() > end:
            lines = [line for line in said.splitlines() if 'failed' in line]
            raise DemoError(f'the {log.stem} process did not start: '
                            f'{(lines or ["see " + str(log)])[-1]}')
        time.sleep(0.1)


def _report(source: Path, recording: Path, topic: str, output: Path, made: float) -> str:
    if not recording.exists():
        raise DemoError(f'the node published nothing: see {output / "node.log"}')
    with Bag(source) as bag, Bag(recording) as taken:
        sent = bag.topics[topic].count
        truth = next((name for name in ('/truth/depth/image_rect', '/kitti/velo/pointcloud')
                      if name in bag.topics), '')
        for needed in ('/depth/image_rect', '/diagnostics'):
            if needed not in taken.topics:
                raise DemoError(f'the node published no {needed}: see {output / "node.log"}')
        times = [message.stamp for message in taken.read(['/depth/image_rect'])]
        diagnostics = [taken.decode(message) for message in taken.read(['/diagnostics'])]
        clouds = [cloud.width * cloud.height
                  for cloud in map(taken.decode, taken.read(['/points']))]
    said = {value.key: value.value for value in diagnostics[-1].status[0].values}
    span = (times[-1] - times[0]) / 1e9 or float('nan')
    lines = [
        f'street generated in     {made:.0f} s' if truth.startswith('/truth') else '',
        f'frames sent             {sent}',
        f'depth images            {len(times)}',
        f'clouds                  {len(clouds)} '
        f'({np.mean(clouds):.0f} points each)' if clouds else '',
        f'frames a second         {(len(times) - 1) / span:.1f}',
        f'age p50 / p95           {said["age p50 (ms)"]} / {said["age p95 (ms)"]} ms '
        "(the node's own figures)"]
    lines = [line for line in lines if line]
    truths = {int(sample.name): sample.truth for sample in bag_samples(
        recording, source, '/depth/image_rect', truth, '', 'auto')} if truth else {}
    rows = []
    film = None
    pictures = _pictures(source, topic)
    numbers = {stamp: number for number, stamp in enumerate(pictures)}
    for stamp, depth, confidence, camera in _recorded(recording):
        name = f'{numbers[stamp]:04d}'
        if stamp in truths:
            rows.append((name, metrics.evaluate_depth(
                depth, truths[stamp], crop=metrics.garg_crop(*depth.shape))))
        sheet = sheets.picture_sheet(pictures[stamp], depth, camera, truths.get(stamp),
                                     confidence=confidence)
        cv2.imwrite(str(output / f'{name}.jpg'), sheet)
        film = film or _film(output / 'demo.mp4', sheet)
        film.write(np.ascontiguousarray(sheet[:sheet.shape[0] // 2 * 2, :sheet.shape[1] // 2 * 2]))
    film.release()
    if rows:
        lines += ['', metrics.table([*rows[::max(len(rows) // 8, 1)],
                                     ('mean', metrics.mean([m for _, m in rows]))])]
    return '\n'.join([*lines, '', f'pictures, film and bags are in {output}'])


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


def _film(path: Path, sheet: np.ndarray) -> cv2.VideoWriter:
    size = sheet.shape[1] // 2 * 2, sheet.shape[0] // 2 * 2
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, size)
    if not film.isOpened():
        raise DriveError(f'OpenCV cannot write {path} here: install a build with video support')
    return film
