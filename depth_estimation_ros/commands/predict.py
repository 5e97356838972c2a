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
from itertools import islice
from pathlib import Path
import shutil
import sys
import time

import cv2
import numpy as np

from depth_estimation_ros.cloud.points import Cloud, PointOptions
from depth_estimation_ros.commands.outputs import Outputs
from depth_estimation_ros.commands.progress import interrupted_between, progress
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.film_writing import codec, FilmWriter
from depth_estimation_ros.drives.folder import find_optics, Frame, Optics, Pictures
from depth_estimation_ros.drives.video import Film, is_webcam, open_recording
from depth_estimation_ros.estimation.confidence import unlike
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Estimate, Request
from depth_estimation_ros.estimation.scenes import check_scene, SceneChoice
from depth_estimation_ros.evaluation import sheets
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import PinholeCamera, rectified
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.metres import scale_for

MAX_POINTS = 200_000  # of a cloud: 3 MB
FILM_WIDTH = 2560  # pixels of a side-by-side film at most
FILM_BYTES = 0.065  # a pixel of a film of street scenes
FILM_ROOM = 4 * 2**20  # bytes free on disk, for the next frames and the index at the end
# A file a frame, and its suffix.
FILES = {'depth': 'png', 'color': 'png', 'points': 'ply', 'sheet': 'jpg'}
CONTENTS = {
    'depth': 'depth/*.png, 16-bit millimetres along the optical axis, 0 = none or beyond 65.5 m',
    'color': 'color/*.png, one colour is one distance, red near, blue far, black none',
    'points': 'points/*.ply, metres, x right, y up, z back to the camera: upright in viewers',
    'sheet': 'sheet/*.jpg, picture, depth with its metres, confidence, and all from above',
    'film': '*_depth.mp4, picture and colour side by side'}
PLY_VERTEX = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'),
                       ('red', 'u1'), ('green', 'u1'), ('blue', 'u1')])


class PredictError(ValueError):
    """Depth cannot be written; the message says what to change."""


def run(inputs: Sequence[str], model: str, weights: str, output: Path, device: str = 'auto',
        precision: str = 'auto', input_size: str = 'auto', camera: str = '', fov: float = 0.0,
        depth_scale: float = 0.0, max_depth: float = 80.0, rotation: int = 0, scene: str = 'auto',
        write: Collection[str] | None = None, max_points: int = MAX_POINTS,
        frames: tuple[int, int | None] = (0, None), every: int = 1, overwrite: bool = False,
        resume: bool = False) -> str:
    """
    Estimate the depth of pictures and films, write it below `output`, return a summary.

    :param inputs: pictures, folders of pictures, KITTI raw drives, films.
    :param camera: calibration file. fov: degrees; one for all inputs, see `find_optics`.
    :param depth_scale: metres per model unit; 0: what the model's scale contract says.
    :param rotation: degrees clockwise by which the pictures are turned to stand upright.
    :param scene: of scenes.SCENES; auto: of a film from frame to frame, of each picture anew.
    :param write: some of CONTENTS; None: the film of a film, the others of pictures.
    :param max_points: bound of a cloud, thinned evenly.
    :param frames: of each input, from the first number to before the second. every: of these,
        one of so many.
    :param resume: leave what an earlier run of the same made as it is, and go on after it.
    :raises ValueError: one sentence, whatever is wrong; files that have their name are whole.
    :raises KeyboardInterrupt: Ctrl-C, with the summary of what is whole by then.
    """
    _check(write, depth_scale, max_depth, max_points, frames, every)
    for name in filter(is_webcam, inputs):
        raise PredictError(f'{name} is a webcam, which has no end: publish it with '
                           'depth_estimation camera, or give a film or pictures')
    sources = [open_recording(name) for name in inputs]
    names = Counter(name for source in sources for name in source.names)
    for name in (name for name, count in names.items() if count > 1):
        raise PredictError(f'several inputs are named {name} and would become one file: give them '
                           'an --output each')
    optics = [find_optics(camera, fov, source) for source in sources]
    network = networks.open_network(model, weights, input_size).network
    check_scene(scene, network)
    scale = scale_for(network.contract, depth_scale)
    estimator = DepthEstimator(network, device, precision)
    options = DepthOptions(metres_per_unit=scale.metres_per_unit, max_depth=max_depth,
                           rotation=rotation, scene=scene, depth_encoding='16UC1',
                           points=PointOptions(max_points=max_points))
    settings = {
        'model': network.description, 'weights': weights, 'metres': str(scale),
        'camera': camera, 'fov': fov, 'max-depth': max_depth, 'max-points': max_points,
        'rotation': rotation, 'scene': scene,
        'write': None if write is None else sorted(write), 'frames': list(frames), 'every': every,
        'inputs': [str(source.path.resolve()) for source in sources]}
    files = [file for source in sources for file in source.files]
    with Outputs(output, 'predict', [*inputs, *files, *filter(None, (camera, weights))],
                 overwrite) as outputs:
        if resume and outputs.settings:
            for name, value in settings.items():
                if (before := outputs.settings.get(name)) != value:
                    raise PredictError(f'--resume goes on with the same only: {name} is {value} '
                                       f'now and was {before} in {output}; give another --output')
        jobs = [_Job(source, known, write, frames, every, outputs, resume)
                for source, known in zip(sources, optics)]
        for job in jobs:
            job.check()
        return _Run(outputs, jobs, estimator, options, settings).summary(
            f'with {network.description} on {estimator.device}', f'metres: {scale}')


class _Job:
    """An input, the frames that are taken of it, and what is written of them."""

    def __init__(self, source: Film | Pictures, optics: Optics, write: Collection[str] | None,
                 frames: tuple[int, int | None], every: int, outputs: Outputs, resume: bool):
        self.source, self.optics, self._outputs, self._resume = source, optics, outputs, resume
        self.is_film = isinstance(source, Film)
        if write is None:
            write = ('film',) if self.is_film else FILES
        self.write = [kind for kind in CONTENTS if kind in write
                      and (self.is_film or kind != 'film')]
        self._frames, self._every = frames, every
        self.film_name = f'{source.path.stem}_depth.mp4'
        self.fps = source.fps / every if self.is_film else 0.0
        self.choice = SceneChoice() if self.is_film else None
        self.sure: list[tuple[float, float]] = []  # of each frame, as `unlike` has it
        self.scenes: Counter[str] = Counter()
        self.span: sheets.Span | None = None  # of the sheets of a film
        # Of the film that an earlier run made.
        self.filmed = 0
        if resume and 'film' in self.write and outputs.has(self.film_name):
            self.filmed = len(Film(outputs.folder / self.film_name))

    def __len__(self) -> int:
        """Count the frames that are taken, as far as the source knows."""
        return len(range(len(self.source))[slice(*self._frames, self._every)])

    def __iter__(self) -> Iterator[Frame]:
        """Read the frames that are taken."""
        return islice(self.source, *self._frames, self._every)

    def files(self, name: str) -> dict[str, str]:
        """Return the file of a frame for each of FILES that is written."""
        return {kind: f'{kind}/{name}.{FILES[kind]}' for kind in self.write if kind in FILES}

    def is_done(self, number: int, name: str) -> bool:
        """Tell whether an earlier run made all of a frame, the `number`th that is taken."""
        return self._resume and ('film' not in self.write or number < self.filmed) and all(
            map(self._outputs.has, self.files(name).values()))

    def check(self) -> None:
        """Raise OutputError where a file is in the way, as far as the names are known."""
        names = (self.source.names if not self.is_film else
                 map(self.source.name, range(len(self.source))))
        self._outputs.check(file for name in islice(names, *self._frames, self._every)
                            for file in self.files(name).values())
        self._outputs.check([self.film_name] if 'film' in self.write else [])


class _Run:
    """One run of the command over all its inputs."""

    def __init__(self, outputs: Outputs, jobs: Sequence[_Job], estimator: DepthEstimator,
                 options: DepthOptions, settings: dict):
        self._outputs, self._jobs, self._estimator = outputs, jobs, estimator
        self._options, self._settings = options, settings
        self._remarks: dict[str, None] = {}  # each once, in the order that they come
        self._made = self._there = 0  # frames
        self._first = True

    def summary(self, how: str, metres: str) -> str:
        """Do it and return the summary; at Ctrl-C raise KeyboardInterrupt with it."""
        start = time.monotonic()
        with interrupted_between() as interrupted:
            ended = self._inputs(interrupted)
        seconds = time.monotonic() - start
        kinds = {kind for job in self._jobs for kind in job.write}
        lines = [
            f'frames: {self._made} in {seconds:.1f} s ({self._made / seconds:.1f} a second), {how}'
            + (f'; {self._there} were there already' if self._there else ''),
            metres, *self._remarks, f'in {self._outputs.folder}:',
            *(f'  {CONTENTS[kind]}' for kind in CONTENTS if kind in kinds)]
        if 'film' in kinds:
            lines[-1] += f', {codec()}'  # the last of CONTENTS
        if ended:
            if not (self._made or self._there):
                raise KeyboardInterrupt
            raise KeyboardInterrupt('\n'.join([*lines, ended]))
        return '\n'.join(lines)

    def _inputs(self, interrupted: Callable[[], bool]) -> str:
        """Do all inputs; return '', or after Ctrl-C where they ended."""
        for job in self._jobs:
            ended = self._input(job, interrupted)
            if job.is_film and job.source.rotation:
                self._remarks[f'note: {job.source.path} was turned by {job.source.rotation} '
                              'degrees, as its rotation flag says'] = None
            self._note_confidence(job)
            if ended:
                return ended
            if job.is_film and job.source.shortfall():
                self._remarks[f'note: {job.source.shortfall()}'] = None
        return ''

    def _note_confidence(self, job: _Job) -> None:
        """Say what an input was read as, and where it is unlike what the network knows."""
        if any(job.scenes):
            self._remarks[f'scene: {job.source.path} was read as ' + ', '.join(
                f'{scene} ({count} frames)' for scene, count in job.scenes.most_common())] = None
        if sentence := unlike(job.sure):
            self._remarks[f'note: {job.source.path}: {sentence}'] = None

    def _input(self, job: _Job, interrupted: Callable[[], bool]) -> str:
        """Do one input; return '', or after Ctrl-C where it ended."""
        before = self._made + self._there
        with ExitStack() as stack:  # the film is finished after Ctrl-C too
            film: Callable | None = None
            try:
                for number, frame in enumerate(progress(job, len(job), job.source.path.name)):
                    if interrupted():
                        raise KeyboardInterrupt
                    if film is None and job.is_done(number, frame.name):
                        self._there += 1
                        continue
                    if 'film' in job.write and film is None:
                        film = stack.enter_context(_film(
                            self._outputs, job.film_name, job.fps, job.filmed and number))
                    self._frame(job, frame, film)
                    self._made += 1
            except KeyboardInterrupt:
                return (f'interrupted after {self._made + self._there - before} of the {len(job)} '
                        f'frames of {job.source.path}: the same command with --resume goes on '
                        'from there')
        return ''

    def _frame(self, job: _Job, frame: Frame, film: Callable | None) -> None:
        camera = job.optics.camera(frame.image.shape[1], frame.image.shape[0])
        self._remarks[f'camera: {job.optics.source}'] = None
        if mismatch := self._estimator.mismatch(camera, self._options.rotation):
            self._remarks[f'note: {mismatch}'] = None
        files = job.files(frame.name)
        kinds = set(files)
        if self._first:
            kinds = {kind for other in self._jobs for kind in other.files('')}
        [estimate] = self._estimator.estimate_all([Request(
            ColorImage(frame.image, (2, 1, 0)), camera, self._options,
            kinds | ({'color'} if film else set()) | (
                {'depth', 'confidence'} if 'sheet' in kinds else set()), choice=job.choice)])
        if estimate.sure is not None:
            job.sure.append((estimate.sure, estimate.least_sure))
            job.scenes[estimate.scene] += 1
        made = {kind: self._made_of(kind, job, frame.image, camera, estimate) for kind in kinds}
        if self._first:
            self._expect({kind: len(data) for kind, data in made.items()}, frame.image.shape)
            self._outputs.begin(self._settings)
            self._first = False
        for kind, file in files.items():
            self._outputs.write_bytes(file, made[kind])
        if film:
            film(np.hstack((rectified(frame.image, camera), estimate.color)))

    def _made_of(self, kind: str, job: _Job, image: np.ndarray, camera: PinholeCamera,
                 estimate: Estimate) -> bytes:
        """Return the bytes of one of FILES."""
        if kind == 'points':
            return ply(estimate.cloud)
        if kind != 'sheet':
            return _png(getattr(estimate, kind))
        metres = np.where(estimate.depth > 0, estimate.depth / np.float32(1000), np.nan)
        if job.span is None or not job.is_film:
            job.span = sheets.span_of(metres)
        sheet = sheets.picture_sheet(rectified(image, camera), metres, estimate.camera,
                                     span=job.span, confidence=estimate.confidence)
        return cv2.imencode('.jpg', sheet)[1].tobytes()

    def _expect(self, sizes: dict[str, int], shape: tuple[int, ...]) -> None:
        """Say how many bytes it becomes, by those of the first frame's files."""
        width = min(2 * shape[1], FILM_WIDTH)
        sizes['film'] = round(width ** 2 * shape[0] / (2 * shape[1]) * FILM_BYTES)
        count = sum(map(len, self._jobs))
        total = sum(len(job) * sum(sizes[kind] for kind in job.write) for job in self._jobs)
        total *= 1 - self._there / count
        free = self._outputs.free()
        said = f'{count - self._there} frames become about {_size(total)}'
        if total > free:
            raise PredictError(f'{said} in {self._outputs.folder}, where {_size(free)} are free: '
                               'make room, give another --output, or take less with --write, '
                               '--every or --frames')
        print(f'{said} in {self._outputs.folder}', file=sys.stderr)


def _size(count: float) -> str:
    return f'{count / 1e9:.1f} GB' if count >= 1e9 else f'{max(count / 1e6, 0.1):.1f} MB'


def _check(write: Collection[str] | None, depth_scale: float, max_depth: float, max_points: int,
           frames: tuple[int, int | None], every: int) -> None:
    unknown = sorted(set(write or ()) - set(CONTENTS))
    if unknown or write is not None and not write:
        raise PredictError(f'--write {",".join(unknown)} is not one of {", ".join(CONTENTS)}')
    if not 0 <= depth_scale <= 1e6:
        raise PredictError(f'--depth-scale {depth_scale:g} is out of range: give metres per model '
                           'unit, or 0 for what the model says')
    if not DepthOptions.min_depth < max_depth <= 1e4:
        raise PredictError(f'--max-depth {max_depth:g} is out of range: it goes from '
                           f'{DepthOptions.min_depth:g} to 10000 metres')
    if max_points < 1:
        raise PredictError(f'--max-points {max_points} is out of range: it begins with 1')
    if every < 1:
        raise PredictError(f'--every {every} is out of range: it begins with 1')
    if frames[0] < 0 or frames[1] is not None and frames[1] <= frames[0]:
        raise PredictError(f'--frames {frames[0]}:{frames[1]} holds no frame: the second number '
                           'is that of the first frame to leave out')


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def ply(cloud: Cloud) -> bytes:
    """
    Return an unorganised, coloured cloud as a binary PLY file: x y z red green blue.

    Turned by half about x, for the viewers of such files look along -z with y up.
    """
    cells = cloud.data.reshape(-1, 4)
    vertices = np.empty(len(cells), PLY_VERTEX)
    for i, name in enumerate('xyz'):
        vertices[name] = cells[:, i].view(np.float32) * (1 if name == 'x' else -1)
    for shift, name in ((16, 'red'), (8, 'green'), (0, 'blue')):
        vertices[name] = cells[:, 3] >> shift & 255
    kinds = {'<f4': 'float', '|u1': 'uchar'}
    header = ['ply', 'format binary_little_endian 1.0',
              'comment metres; x right, y up, z back to the camera (its optical frame, turned by '
              'half about x)',
              f'element vertex {len(vertices)}',
              *(f'property {kinds[PLY_VERTEX[name].str]} {name}' for name in PLY_VERTEX.names),
              'end_header', '']
    return '\n'.join(header).encode() + vertices.tobytes()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Let an encoder's error name the film."""
    try:
        yield
    except DriveError as error:
        raise PredictError(f'{path} cannot be written ({error}): make room, give another '
                           '--output, or leave film out of --write') from error


@contextmanager
def _film(outputs: Outputs, name: str, fps: float, kept: int = 0
          ) -> Iterator[Callable[[np.ndarray], None]]:
    """
    Give a function that adds a picture (H, W, 3) uint8 BGR to the film `name`.

    The first `kept` pictures are those of the film that is there.
    """
    writer, count = None, 0
    path = outputs.folder / name

    def add(image: np.ndarray) -> None:
        nonlocal count, writer
        height, width = image.shape[:2]
        shrink = min(FILM_WIDTH / width, 1)
        # The codec wants even sizes.
        size = round(width * shrink / 2) * 2, round(height * shrink / 2) * 2
        if size != (width, height):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if shutil.disk_usage(path.parent).free < FILM_ROOM:  # OpenCV would go on regardless
            raise PredictError(f'{path} cannot be written (less than {FILM_ROOM >> 20} MiB are '
                               'free): make room, or give another --output')
        with _writing(path):
            writer = writer or FilmWriter(part, fps, size)
            writer.write(image)
        count += 1

    with outputs.write(name) as part:
        try:
            for frame in islice(Film(path) if kept else (), kept):
                add(frame.image)
            yield add
        finally:
            if writer:
                with _writing(path):
                    writer.release()
        if not count:  # interrupted before its first picture
            return
        # OpenCV does not say when the disk was full, or the file could not grow. Ctrl-C can come
        # between a picture and its count, so there may be one more.
        capture = cv2.VideoCapture(str(part))
        written = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if written < count:
            raise PredictError(f'{path} cannot be written (only {written:.0f} of {count} frames '
                               'arrived on disk): make room, or give another --output')
