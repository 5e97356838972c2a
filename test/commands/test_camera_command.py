# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`depth_estimation camera`: films and webcams become a camera that the node works with."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import cv2
from depth_estimation_ros.commands.camera import Pace, schedule
from depth_estimation_ros.drives.video import Film, open_recording
from domains import free_domain
from films import drawing, FPS, HEIGHT, number, WIDTH, write_film
from harness import command, nanoseconds, REPOSITORY, served, wait
from key_init import write_monodepth2_checkpoint
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

# A webcam at /dev/null, which is pulled out after 30 pictures.
PULLED_OUT = """
import sys, time, cv2
sys.path.insert(0, 'test')
from films import drawing
class Capture:
    count = 0
    isOpened = lambda self: True
    release = lambda self: None
    def __init__(self, *_): pass
    def read(self):
        time.sleep(0.03)
        self.count += 1
        return (True, drawing(self.count)) if self.count < 30 else (False, None)
cv2.VideoCapture = Capture
from depth_estimation_ros.cli import main
sys.exit(main())
"""


class Driver:
    """`depth_estimation camera` in a process of its own."""

    def __init__(self, domain: int, *arguments, start: tuple = ('-m', 'depth_estimation_ros.cli')):
        self.process = subprocess.Popen(
            [sys.executable, *start, 'camera', *map(str, arguments)], cwd=REPOSITORY,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def end(self, number: int | None = signal.SIGINT) -> tuple[int, str]:
        """Send a signal, unless it ends by itself; return the exit code and what it said."""
        try:
            if number is not None:
                self.process.send_signal(number)
            said, _ = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        assert 'Traceback' not in said, said
        return self.process.returncode, said


@pytest.fixture
def film(tmp_path):
    """Return a film of 12 frames."""
    return write_film(tmp_path / 'street.mp4')


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Return a small checkpoint."""
    return write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'), width=320, height=96)


@pytest.fixture
def robot(request, weights):
    """Run the node and a robot that also collects what the camera publishes."""
    parameters = {'model': 'monodepth2', 'weights': str(weights), 'image_transport': 'raw'}
    arguments = []
    image, info, kind = 'image', 'camera_info', Image
    if getattr(request, 'param', None) == 'compressed':
        parameters['image_transport'] = 'compressed'
        arguments = ['-r', 'image:=/front/image_raw']
        image, info, kind = '/front/image_raw/compressed', '/front/camera_info', CompressedImage
    with served(parameters, arguments, outputs=('depth/image_rect', 'points'), image=image,
                info=info, image_type=kind) as (_, robot):
        robot.seen, robot.infos, robot.times = [], [], []

        def collect(message):
            robot.seen.append(message)
            robot.times.append(time.monotonic())

        many = QoSProfile(depth=200)
        robot.node.create_subscription(kind, image, collect, many)
        robot.node.create_subscription(CameraInfo, info, robot.infos.append, many)
        yield robot


def pixels(message) -> np.ndarray:
    """Return the picture of a message."""
    if isinstance(message, CompressedImage):
        return cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    assert message.encoding == 'bgr8' and message.step == 3 * message.width
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def seen_too(robot, topic: str) -> set[int]:
    """Return the stamps on `topic` since the robot sees the camera (the node may see it first)."""
    first = min(stamps(robot.seen[:1]), default=float('inf'))
    return {stamp for stamp in set(robot.received[topic]) if stamp >= first}


def stamps(messages) -> list[int]:
    """Return the stamps of messages."""
    return [nanoseconds(message.header.stamp) for message in messages]


# -- over DDS --

def test_looping_film_becomes_depth_with_the_cameras_stamps(robot, film):
    driver = Driver(robot.process.domain, film, '--fov', '81.5', '--frame-id', 'front')
    wait(lambda: len(robot.seen) > 40 and len(seen_too(robot, 'points')) > 10, 60,
         lambda: f'{len(robot.seen)} images, {len(robot.received["points"])} clouds')
    code, said = driver.end()
    assert code == 0 and 'publishing /image and /camera_info' in said and 'guess' in said
    time.sleep(0.5)  # what is on its way

    sent = stamps(robot.seen)
    assert stamps(robot.infos) == sent
    assert {m.header.frame_id for m in (*robot.seen, *robot.infos)} == {'front'}
    assert seen_too(robot, 'depth/image_rect') | seen_too(robot, 'points') <= set(sent)
    depth = robot.received['depth/image_rect'].values()
    assert {(m.width, m.height, m.header.frame_id) for m in depth} == {(WIDTH, HEIGHT, 'front')}

    info = robot.infos[0]
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.k[0] == info.p[0] == pytest.approx(WIDTH / 2 / np.tan(np.radians(81.5 / 2)))
    assert (info.k[2], info.k[5]) == ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    # Frame after frame, round after round; a late one may be missing on a busy machine.
    numbers = np.array([number(pixels(message)) for message in robot.seen])
    steps = np.diff(numbers) % 12
    assert (steps > 0).all() and np.mean(steps == 1) > 0.8
    # The clock does not drift: by the film's own time each frame is where it belongs.
    place = numbers[0] + np.concatenate([[0], np.cumsum(steps)])
    assert np.polyfit(place, np.array(sent) * 1e-9, 1)[0] == pytest.approx(1 / FPS, rel=0.02)


@pytest.mark.parametrize('robot', ['compressed'], indirect=True)
def test_compressed_pictures_on_another_topic(robot, tmp_path):
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'{i}.png'), drawing(i))
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(
        'image_width: 640\nimage_height: 192\n'
        'camera_matrix: {data: [371, 0, 313, 0, 369, 90, 0, 0, 1]}\n'
        'distortion_coefficients: {data: [-0.1, 0.01, 0, 0, 0]}\n'
        'rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {data: [360, 0, 310, 0, 0, 358, 88, 0, 0, 0, 1, 0]}\n')
    driver = Driver(robot.process.domain, tmp_path, '--compressed', '--rate', '20',
                    '--ros-args', '-r', 'image:=/front/image_raw')
    wait(lambda: len(seen_too(robot, 'depth/image_rect')) > 3 and len(robot.seen) > 8, 60,
         lambda: f'{len(robot.seen)} images')
    code, said = driver.end(signal.SIGTERM)
    assert code == 0 and f'calibration {calibration}' in said
    time.sleep(0.5)
    assert seen_too(robot, 'depth/image_rect') <= set(stamps(robot.seen))
    assert {number(pixels(message)) for message in robot.seen} == {0, 1, 2, 3}
    assert list(robot.infos[0].d) == [-0.1, 0.01, 0, 0, 0]
    assert robot.infos[0].width == WIDTH and robot.infos[0].k[2] == 156.5


def test_film_without_loop_ends_by_itself(film):
    began = time.monotonic()
    code, said = Driver(free_domain(), film, '--fov', '60', '--no-loop', '--rate', '30').end(None)
    assert code == 0 and 'publishing' in said and time.monotonic() - began > 11 / 30


def test_webcam_that_is_pulled_out_ends_the_driver():
    driver = Driver(free_domain(), '/dev/null', '--fov', '60', start=('-c', PULLED_OUT))
    code, said = driver.end(None)
    assert code == 1 and 'publishing /image' in said
    assert said.splitlines()[-1].startswith('depth_estimation camera: the webcam /dev/null gives')


@pytest.mark.parametrize(('arguments', 'said'), [
    (['97', '--fov', '60'], 'the webcam /dev/video97 is not there'),
    (['/dev/null', '--fov', '60'], 'the webcam /dev/null cannot be opened'),
    (['absent.mp4', '--fov', '60'], 'absent.mp4 is not there'),
    (['{film}'], 'give --camera CAMERA.YAML'),
    (['{film}', '--fov', '60', '--rate', '-1'], '--rate -1 is out of range'),
    (['{folder}', '--fov', '60'], '1 has 320x48 pixels, the pictures before it 320x96')])
def test_bad_source_is_one_sentence(film, tmp_path, arguments, said):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    cv2.imwrite(str(folder / '0.png'), drawing(0))
    cv2.imwrite(str(folder / '1.png'), drawing(0)[:48])
    done = command('camera', *(a.format(film=film, folder=folder) for a in arguments))
    log = done.stdout + done.stderr
    lines = [line for line in log.splitlines() if ' WARN:' not in line]  # OpenCV's own
    assert done.returncode == 1 and said in lines[-1], log
    assert lines[-1].startswith('depth_estimation camera: ')
    assert len(lines) == (2 if '{folder}' in arguments else 1), log


# -- when --

def test_schedule_is_the_films_own_time_without_a_gap_between_rounds(film):
    rounds = schedule(Film(film), 0.0, True)
    due = [next(rounds)[0] for _ in range(36)]
    assert due == pytest.approx([i / FPS for i in range(36)], abs=2e-3)
    assert len(list(schedule(Film(film), 0.0, False))) == 12


def test_schedule_at_another_rate(film, tmp_path):
    rounds = schedule(Film(film), 40.0, True)
    assert [next(rounds)[0] for _ in range(30)] == pytest.approx([i / 40 for i in range(30)])
    cv2.imwrite(str(tmp_path / '0.png'), drawing(0))
    rounds = schedule(open_recording(tmp_path / '0.png'), 0.0, True)  # pictures: 10 a second
    assert [next(rounds)[0] for _ in range(3)] == pytest.approx([0, 0.1, 0.2])


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def play(clock: Clock, reading: list[float], period: float = 0.1) -> list[tuple[int, float]]:
    """Return number and time of the published frames, each taking `reading` seconds to read."""
    pace = Pace(period, clock)
    out = []
    for index, seconds in enumerate(reading):
        clock.now += seconds
        if pace.skips(index * period):
            continue
        clock.now = max(clock.now, pace.start + index * period)
        out.append((index, clock.now - 100.0))
    return out


def test_frames_that_come_late_are_skipped_until_the_film_is_caught_up():
    out = play(Clock(), [0.01] * 5 + [0.55] + [0.01] * 14)
    assert [index for index, _ in out] == [0, 1, 2, 3, 4, *range(9, 20)]
    for index, when in out:
        assert when == pytest.approx(index * 0.1, abs=0.11)
    assert out[-1][1] == pytest.approx(1.9)  # no drift


def test_film_that_is_read_too_slowly_plays_slower_instead_of_standing_still():
    out = play(Clock(), [0.25] * 40)
    assert len(out) >= 15 and max(np.diff([when for _, when in out])) < 0.8
