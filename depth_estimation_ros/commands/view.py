# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth on a page in the browser, of a film, pictures, a bag or a webcam, or of a running node."""
from __future__ import annotations

from collections.abc import Iterator
from functools import partial
import os
from pathlib import Path
import threading
import time

import numpy as np

from depth_estimation_ros.drives import is_bag
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.video import Film, is_webcam, open_recording, Webcam
from depth_estimation_ros.estimation.confidence import unlike
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Estimate, Request
from depth_estimation_ros.estimation.scenes import check_scene, SceneChoice
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera, rectified
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.metres import scale_for
from depth_estimation_ros.viewing.screen import Frame, Screen
from depth_estimation_ros.viewing.server import Server

MOST_FRAMES = 1_000_000  # of a bag
PERIOD = 0.1  # seconds from one picture to the next where they have no times
COURTESY = 5  # by which a page of a node stands back behind the node on the same cores
PAUSE = 0.1  # seconds between two looks whether a visitor wants something


class Player:
    """What visitors want of a recording: where it is, and whether it stands still. Thread-safe."""

    def __init__(self):
        self._change = threading.Event()
        self.paused = False
        self._wanted: int | None = None

    def control(self, wanted: dict) -> None:
        """Take what a visitor wants."""
        self.paused = wanted.get('pause', self.paused)
        self._wanted = wanted.get('position', self._wanted)
        self._change.set()

    def taken(self) -> int | None:
        """Return the position that somebody wants, once."""
        wanted, self._wanted = self._wanted, None
        return wanted

    def wait(self, seconds: float) -> None:
        """Wait so long, and while it is paused; less where somebody wants another position."""
        end = time.monotonic() + seconds
        while self._wanted is None and (self.paused or time.monotonic() < end):
            self._change.wait(PAUSE if self.paused else max(end - time.monotonic(), 0))
            self._change.clear()


class Recording:
    """Pictures that can be read from any place on, with their cameras; endless for a webcam."""

    def __init__(self, source: str, camera: str, fov: float, image: str):
        path = Path(source).expanduser()
        self.period, self.length = PERIOD, 0
        self._webcam: Webcam | None = None
        if is_bag(path):  # rosbags, if wanted
            from depth_estimation_ros.drives.bag import Bag
            from depth_estimation_ros.drives.bag_pictures import bag_pictures, picture_topic
            self._read = lambda: bag_pictures(path, image, '', 'auto', MOST_FRAMES)
            with Bag(path) as bag:
                self.length = bag.topics[picture_topic(bag, image)].count
            return
        opened = Webcam(source) if is_webcam(source) else open_recording(source)
        optics = find_optics(camera, fov, opened)

        def told(frames) -> Iterator[tuple[ColorImage, PinholeCamera]]:
            for frame in frames:
                height, width = frame.image.shape[:2]
                yield ColorImage(frame.image, (2, 1, 0)), optics.camera(width, height)

        if isinstance(opened, Webcam):
            self._webcam, self.period = opened, 0.0
            self._read = lambda: told(iter(opened.newest, None))
            return
        self._read, self.length = (lambda: told(opened)), len(opened)
        if isinstance(opened, Film):
            self.period = opened.period * 1e-9

    def frames(self, start: int) -> Iterator[tuple[int, ColorImage, PinholeCamera]]:
        """Read from a number on."""
        for number, (picture, camera) in enumerate(self._read()):
            if number >= start:
                yield number, picture, camera

    def close(self) -> None:
        """Give a webcam back."""
        if self._webcam:
            self._webcam.close()


def run(source: str = '', host: str = '127.0.0.1', port: int = 8080, model: str = 'compact',
        weights: str = '', input_size: str = 'auto', device: str = 'auto',
        precision: str = 'auto', camera: str = '', fov: float = 0.0, image: str = '',
        scene: str = 'auto', rotation: int = 0, depth_scale: float = 0.0,
        max_depth: float = 80.0, node: str = '', once: bool = False) -> None:
    """
    Serve the page until Ctrl-C.

    :param source: a film, a picture, a folder of pictures, a KITTI drive, a bag, or a webcam,
        whose depth `model` estimates here; empty: what a running node publishes.
    :param host, port: of the page.
    :param image: topic of a bag's pictures.
    :param node: name of the running node with its namespace; empty: the only one.
    :param once: end with the recording, instead of showing it again.
    :raises ValueError: of this package, one sentence.
    """
    screen, player = Screen(), Player()
    if source:
        network = networks.open_network(model, weights, input_size).network
        check_scene(scene, network)
        estimator = DepthEstimator(network, device, precision, compiled=True)
        options = DepthOptions(
            metres_per_unit=scale_for(network.contract, depth_scale).metres_per_unit,
            max_depth=max_depth, scene=scene, rotation=rotation)
        recording = Recording(source, camera, fov, image)
        work = partial(_show, recording, estimator, options, screen, player, source, once)
    else:
        from depth_estimation_ros.node.live_depth import show_live  # ROS, if wanted
        os.nice(COURTESY)
        work = partial(show_live, node, screen)
    server = Server(screen, host, port, player.control)
    address = server.start()
    if not server.is_local:
        print(f'everybody who reaches {host} can see what the camera sees', flush=True)
    print(f'{address} (Ctrl-C ends it)', flush=True)
    try:
        work()
    finally:
        server.close()


def _show(recording: Recording, estimator: DepthEstimator, options: DepthOptions, screen: Screen,
          player: Player, source: str, once: bool) -> None:
    choice, shares, start = SceneChoice(), [], 0
    last: list[float] = []
    try:
        while True:
            for number, picture, camera in recording.frames(start):
                began = time.monotonic()
                [estimate] = estimator.estimate_all([Request(
                    picture, camera, options, {'depth', 'confidence'}, choice=choice)])
                if estimate.sure is not None:
                    shares = [*shares[-30:], (estimate.sure, estimate.least_sure)]
                seconds = time.monotonic() - began
                last = [*last[-50:], seconds]
                screen.show(partial(
                    _frame, picture, camera, estimate,
                    _facts(source, estimator, estimate, last),
                    list(filter(None, [estimator.mismatch(camera, options.rotation),
                                       unlike(shares)])),
                    number, recording.length))
                player.wait(recording.period - seconds)
                wanted = player.taken()
                if wanted is not None:
                    start = wanted
                    break
            else:
                start = 0
                if once:
                    return
                if recording.length == 1:  # a photo stays
                    player.control({'pause': True})
                    player.wait(0)
                    player.paused = False
    finally:
        recording.close()
        estimator.close()


def _frame(picture: ColorImage, camera: PinholeCamera, estimate: Estimate,
           facts: dict[str, str], complaints: list[str], position: int, length: int) -> Frame:
    return Frame(rectified(picture.bgr(), camera), estimate.depth, estimate.camera,
                 estimate.confidence, facts, complaints, position, length)


def _facts(source: str, estimator: DepthEstimator, estimate: Estimate,
           seconds: list[float]) -> dict[str, str]:
    facts = {'source': source, 'model': estimator.network.description,
             'on': f'{estimator.device}, {estimator.form}'}
    if estimate.scene:
        facts['scene'] = estimate.scene
    if estimate.sure is not None:
        facts['right by the confidence'] = f'{estimate.sure:.0%}'
    facts['time of a frame'] = (f'{np.percentile(seconds, 50) * 1e3:.0f} ms (p95 '
                                f'{np.percentile(seconds, 95) * 1e3:.0f})')
    return facts
