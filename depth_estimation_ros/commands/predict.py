# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Pictures and films to depth, without ROS: 16-bit PNG, colour picture, PLY cloud, film.

Frames are read, estimated and written one by one. A file has its name only once it is whole.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, ExitStack
from functools import lru_cache
import os
from pathlib import Path
import shutil
import time

import cv2
import numpy as np

from depth_estimation_ros.cloud.points import Cloud, PointOptions
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives.folder import find_optics, Frame
from depth_estimation_ros.drives.video import Film, is_webcam, open_recording
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.metres import scale_for

MAX_POINTS = 200_000  # of a cloud: 3 MB
# MPEG-4 part 2 is what OpenCV's wheels can write (their H.264 is patented, their VP9 5 times
# slower); players and editors read it, browsers do not.
CODEC = 'mp4v'
FILM_WIDTH = 2560  # pixels of a side-by-side film at most
FILM_ROOM = 4 * 2**20  # bytes free on disk, for the next frames and the index at the end
CONTENTS = {
    'depth': 'depth/*.png, 16-bit millimetres along the optical axis, 0 = none or beyond 65.5 m',
    'color': 'color/*.png, one colour is one distance, red near, blue far, black none',
    'points': 'points/*.ply, metres, x right, y down, z forward',
    'film': '*_depth.mp4, picture and colour side by side'}
PLY_VERTEX = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'),
                       ('red', 'u1'), ('green', 'u1'), ('blue', 'u1')])


class PredictError(ValueError):
    """Depth cannot be written; the message says what to change."""


def run(inputs: Sequence[str], model: str, weights: str, output: Path, device: str = 'auto',
        precision: str = 'auto', input_size: str = 'auto', camera: str = '', fov: float = 0.0,
        depth_scale: float = 0.0, max_depth: float = 80.0,
        write: Collection[str] = tuple(CONTENTS), max_points: int = MAX_POINTS,
        overwrite: bool = False) -> str:
    """
    Estimate the depth of pictures and films, write it below `output`, return a summary.

    :param inputs: pictures, folders of pictures, KITTI raw drives, films.
    :param camera: calibration file. fov: degrees; one for all inputs, see `find_optics`.
    :param depth_scale: metres per model unit; 0: what the model's scale contract says.
    :param write: some of CONTENTS. max_points: bound of a cloud, thinned evenly.
    :raises ValueError: one sentence, whatever is wrong; files that have their name are whole.
    """
    _check(write, depth_scale, max_depth, max_points)
    for name in filter(is_webcam, inputs):
        raise PredictError(f'{name} is a webcam, which has no end: publish it with '
                           'depth_estimation camera, or give a film or pictures')
    sources = [open_recording(name) for name in inputs]
    names = Counter(name for source in sources for name in source.names)
    for name in (name for name, count in names.items() if count > 1):
        raise PredictError(f'several inputs are named {name} and would become one file: give them '
                           'an --output each')
    optics = [find_optics(camera, fov, source) for source in sources]
    _prepare(output, write, overwrite)

    network = networks.open_network(model, weights, input_size).network
    scale = scale_for(network.contract, depth_scale)
    estimator = DepthEstimator(network, device, precision)
    options = DepthOptions(metres_per_unit=scale.metres_per_unit, max_depth=max_depth,
                           depth_encoding='16UC1', points=PointOptions(max_points=max_points))
    remarks: dict[str, None] = {}  # each once, in the order that they come
    frames, start = 0, time.monotonic()
    for source, known in zip(sources, optics):
        with ExitStack() as stack:
            film = None
            if isinstance(source, Film) and 'film' in write:
                film = stack.enter_context(
                    _film(output / f'{source.path.stem}_depth.mp4', source.fps))
            for frame in progress(source, len(source), source.path.name):
                view = known.camera(frame.image.shape[1], frame.image.shape[0])
                remarks[f'camera: {known.source}'] = None
                if estimator.mismatch(view):
                    remarks[f'note: {estimator.mismatch(view)}'] = None
                _frame(frame, view, estimator, options, output, write, film)
                frames += 1
        if isinstance(source, Film):
            if source.rotation:
                remarks[f'note: {source.path} was turned by {source.rotation} degrees, as its '
                        'rotation flag says'] = None
            if source.shortfall():
                remarks[f'note: {source.shortfall()}'] = None
    seconds = time.monotonic() - start
    return '\n'.join([
        f'frames: {frames} in {seconds:.1f} s ({frames / seconds:.1f} a second), with '
        f'{network.description} on {estimator.device}',
        f'metres: {scale}',
        *remarks, f'in {output}:',
        *(f'  {CONTENTS[kind]}' for kind in CONTENTS
          if kind in write and (kind != 'film' or any(isinstance(s, Film) for s in sources)))])


def _check(write: Collection[str], depth_scale: float, max_depth: float, max_points: int) -> None:
    unknown = sorted(set(write) - set(CONTENTS))
    if unknown or not write:
        raise PredictError(f'--write {",".join(unknown)} is not one of {", ".join(CONTENTS)}')
    if not 0 <= depth_scale <= 1e6:
        raise PredictError(f'--depth-scale {depth_scale:g} is out of range: give metres per model '
                           'unit, or 0 for what the model says')
    if not DepthOptions.min_depth < max_depth <= 1e4:
        raise PredictError(f'--max-depth {max_depth:g} is out of range: it goes from '
                           f'{DepthOptions.min_depth:g} to 10000 metres')
    if max_points < 1:
        raise PredictError(f'--max-points {max_points} is out of range: it begins with 1')


def _prepare(output: Path, write: Collection[str], overwrite: bool) -> None:
    try:
        if not overwrite and any(path.is_file() for path in output.rglob('*')):
            raise PredictError(f'{output} holds files already: give another --output, or '
                               '--overwrite to replace those of the same names')
        output.mkdir(parents=True, exist_ok=True)
        for kind in {'depth', 'color', 'points'}.intersection(write):
            (output / kind).mkdir(exist_ok=True)
    except OSError as error:
        raise PredictError(f'{error.filename} cannot be made a folder ({error.strerror}): give '
                           'another --output') from None


def _frame(frame: Frame, camera: PinholeCamera, estimator: DepthEstimator, options: DepthOptions,
           output: Path, write: Collection[str], film: Callable | None) -> None:
    wanted = {kind for kind in ('depth', 'color', 'points') if kind in write}
    if film:
        wanted.add('color')
    [estimate] = estimator.estimate([(ColorImage(frame.image, (2, 1, 0)), camera)], options,
                                    wanted)
    if 'depth' in write:
        _save(output / 'depth' / f'{frame.name}.png', _png(estimate.depth))
    if 'color' in write:
        _save(output / 'color' / f'{frame.name}.png', _png(estimate.color))
    if 'points' in write:
        _save(output / 'points' / f'{frame.name}.ply', ply(estimate.cloud))
    if film:
        image = frame.image
        if camera.lens:  # depth is on the rectified grid
            image = cv2.remap(image, _rectification(camera), None, cv2.INTER_LINEAR)
        film(np.hstack((image, estimate.color)))


@lru_cache(maxsize=1)
def _rectification(camera: PinholeCamera) -> np.ndarray:
    return camera.rectification_map()


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def ply(cloud: Cloud) -> bytes:
    """Return an unorganised, coloured cloud as a binary PLY file: x y z red green blue."""
    cells = cloud.data.reshape(-1, 4)
    vertices = np.empty(len(cells), PLY_VERTEX)
    for i, name in enumerate('xyz'):
        vertices[name] = cells[:, i].view(np.float32)
    for shift, name in ((16, 'red'), (8, 'green'), (0, 'blue')):
        vertices[name] = cells[:, 3] >> shift & 255
    kinds = {'<f4': 'float', '|u1': 'uchar'}
    header = ['ply', 'format binary_little_endian 1.0',
              'comment metres; x right, y down, z forward from the camera',
              f'element vertex {len(vertices)}',
              *(f'property {kinds[PLY_VERTEX[name].str]} {name}' for name in PLY_VERTEX.names),
              'end_header', '']
    return '\n'.join(header).encode() + vertices.tobytes()


@contextmanager
def finished(path: Path) -> Iterator[Path]:
    """
    Give a temporary path, which becomes `path` if the block ends well and goes if it does not.

    :raises PredictError: where it cannot be written.
    """
    part = path.with_name(f'.{path.stem}.part{path.suffix}')
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise PredictError(f'{path} cannot be written ({error.strerror}): make room, or give '
                           'another --output; the files before it are whole') from None
    finally:
        part.unlink(missing_ok=True)


def _save(path: Path, data: bytes) -> None:
    with finished(path) as part:
        part.write_bytes(data)


@contextmanager
def _film(path: Path, fps: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Give a function that adds a picture (H, W, 3) uint8 BGR to the film `path`."""
    writer, count = cv2.VideoWriter(), 0

    def add(image: np.ndarray) -> None:
        nonlocal count
        height, width = image.shape[:2]
        shrink = min(FILM_WIDTH / width, 1)
        # The codec wants even sizes.
        size = round(width * shrink / 2) * 2, round(height * shrink / 2) * 2
        if size != (width, height):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if not writer.isOpened():
            # MPEG-4 counts frames a second as a fraction of 16-bit numbers.
            writer.open(str(part), cv2.VideoWriter_fourcc(*CODEC), round(fps, 2), size)
            if not writer.isOpened():
                raise PredictError(f'{path} cannot be written: this OpenCV has no {CODEC} '
                                   'encoder, or the folder is full; leave film out of --write')
        if shutil.disk_usage(path.parent).free < FILM_ROOM:  # OpenCV would go on regardless
            raise PredictError(f'{path} cannot be written (less than {FILM_ROOM >> 20} MiB are '
                               'free): make room, or give another --output')
        writer.write(image)
        count += 1

    with finished(path) as part:
        try:
            yield add
        finally:
            writer.release()
        # OpenCV does not say when the disk was full, or the file could not grow.
        capture = cv2.VideoCapture(str(part))
        written = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if written != count:
            raise PredictError(f'{path} cannot be written (only {written:.0f} of {count} frames '
                               'arrived on disk): make room, or give another --output')
