# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Boards at taped distances, or the ground below a camera, to a parameter file of the node.

Both are looked at in a photo, in bags or before a live camera.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
import math
from pathlib import Path

import numpy as np

from depth_estimation_ros.commands.outputs import refuse_file, write_parameters
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives.folder import find_optics, Pictures as Photos
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request, Unscaled
from depth_estimation_ros.estimation.scenes import check_scene, SceneChoice
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import describe, PinholeCamera, Window
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.scale import taping
from depth_estimation_ros.scale.ground import GroundBelow
from depth_estimation_ros.scale.taping import Board, CalibrationError, Fit, Span
from depth_estimation_ros.scale.tracker import Declined, Reading

FARTHEST = 1000.0  # metres that a tape may say
# A model that says its metres itself is seldom farther off than this, as a ratio.
NOTABLE = 1.25

Pictures = Iterable[tuple[ColorImage, PinholeCamera]]


def run(distance: Sequence[float], model: str, weights: str = '', input_size: str = 'auto',
        bag: Sequence[str] = (), board: Sequence[Sequence[int]] = (), image: str = '',
        camera_info: str = '', rectified: str = 'auto', device: str = 'auto',
        precision: str = 'auto', frames: int = 30, timeout: float = 10.0,
        output: Path = Path('calibration.yaml'), overwrite: bool = False,
        rotation: int = 0, scene: str = 'auto', height: float = 0.0, pitch: float = 0.0,
        camera: str = '', fov: float = 0.0) -> str:
    """
    Measure the scale of a model, write `output`, return the report.

    :param distance: metres along the optical axis, one a board.
    :param height: metres above the flat ground, instead of boards. pitch: degrees, of the camera
        then; down is positive.
    :param bag: with the boards in it: one each, or one for all; none: the live topic `image`.
    :param board: x, y, width, height in rectified pixels: one each, or one for all; none: the
        middle. Live boards with one for all are held up one after the other.
    :param image, camera_info: topics, live or in the bags, where an empty one is found; image may
        be a photo's file. camera, fov: of that; see `find_optics`.
    :param frames: of each board at most. timeout: seconds to wait for a live one.
    :raises ValueError: of this package, one sentence; nothing is written.
    """
    file = Path(image).expanduser()
    photo = Photos(file) if not bag and file.is_file() else None
    _check(distance, bag, board, image, frames, timeout, height, pitch, bool(photo))
    if photo is None and (camera or fov):
        raise CalibrationError('--camera, --camera-preset and --fov are for a photo, and --image '
                               'names none that is there: topics and bags have a CameraInfo')
    optics = find_optics(camera, fov, photo) if photo else None
    refuse_file(output, overwrite, [*bag, *filter(None, [weights, camera]),
                                    *(photo.files if photo else ())])
    places = [Window(*place) for place in board]
    network = networks.open_network(model, weights, input_size).network
    check_scene(scene, network)
    estimator = DepthEstimator(network, device, precision)
    estimator.warm_up()

    def pictures(source: str, ask: float | None) -> Pictures:
        if optics:
            return ((ColorImage(frame.image, (2, 1, 0)),
                     optics.camera(*frame.image.shape[1::-1])) for frame in photo)
        if source:
            from depth_estimation_ros.drives.bag_pictures import bag_pictures  # rosbags, if wanted
            return bag_pictures(source, image, camera_info, rectified, frames)
        from depth_estimation_ros.node.live_pictures import live_pictures  # ROS, if wanted
        if ask:
            _wait_for(ask)
        return live_pictures(image, camera_info, rectified, frames, timeout)

    look = _Look(estimator, DepthOptions(rotation=rotation, scene=scene), SceneChoice())
    if height:
        if network.contract.relative:
            raise CalibrationError('this model gives relative inverse depth, whose shift is '
                                   'unknown too, and the ground alone does not tell it: give '
                                   'boards at two or more --distance')
        [source] = bag or ['']
        found = progress(pictures(source, None), frames, source or image)
        fit, lines = look.down(found, height, pitch, source or image)
    else:
        boards = []
        for source, of_one in _sittings(distance, bag, places):
            ask = of_one[0][0] if not source and len(of_one) < len(distance) else None
            found = progress(pictures(source, ask), frames, source or image)
            boards += look.at_boards(found, of_one, source or image)
        fit = taping.fit(boards, network.contract.relative)
        lines = _report(boards, fit)
    seen_by = look.camera()
    lines = [f'{network.description}, camera {describe(seen_by)}; metres are along the optical '
             'axis, +- is what holds 90 %', *lines,
             *_judge(fit, network, estimator.mismatch(seen_by, rotation)),
             *([f'camera: {optics.source}'] if optics else [])]
    image = '' if optics else image
    base = image.removesuffix('/compressed')
    door, colon, rest = model.partition(':')
    parameters = _parameters(fit, rotation, {
        'scene': look.scene(),
        'model': f'{door}{colon}{_absolute(rest)}', 'weights': _absolute(weights),
        'input_size': '' if input_size == 'auto' else input_size,
        'rectified': '' if rectified == 'auto' else rectified,
        'image_transport': '' if image == base else 'compressed'})
    write_parameters(output, [f'Measured by depth_estimation calibrate on {date.today()}:',
                              *(f'  {line}' for line in lines)], parameters)
    return '\n'.join([*lines, f'{output} is written: ros2 launch depth_estimation_ros '
                      f'depth.launch.py params_file:={output} image:='
                      f'{base or "<topic of the camera>"}'])


def _check(distance: Sequence[float], bag: Sequence[str], board: Sequence, image: str,
           frames: int, timeout: float, height: float, pitch: float, photo: bool) -> None:
    count = len(distance)
    if bool(count) == bool(height):
        raise CalibrationError('give --distance METRES of a board or wall, or --height METRES of '
                               'the camera above the ground' + (': not both' if count else ''))
    if height and not (0 < height <= FARTHEST and -90 < pitch < 90):
        raise CalibrationError(f'--height {height:g} --pitch {pitch:g} is out of range: metres '
                               f'from above 0 to {FARTHEST:g}, degrees between -90 and 90')
    if height and (board or len(bag) > 1):
        raise CalibrationError('--height looks at the ground in one --bag or one --image, without '
                               '--board')
    for metres in distance:
        if not 0 < metres <= FARTHEST:
            raise CalibrationError(f'--distance {metres:g} is out of range: it goes from above 0 '
                                   f'to {FARTHEST:g} metres')
    for option, given in (('--bag', bag), ('--board', board)):
        if len(given) not in (0, 1, count):
            raise CalibrationError(f'{len(given)} times {option} for {count} times --distance: '
                                   'give it once, for all boards, or once for each')
    if count > 1 and (len(bag) == 1 or photo) and len(board) < 2:
        raise CalibrationError(f'one {"photo" if photo else "--bag"} has boards at several '
                               'distances: give as many --board, or a --bag for each')
    if not bag and not image:
        raise CalibrationError('nothing to look at: give --image, a photo or the topic of a live '
                               'camera, or --bag')
    if frames < 1 or not 0 < timeout <= 3600:
        raise CalibrationError('--frames begins with 1, and --timeout goes from above 0 to 3600 '
                               'seconds')


def _sittings(distance: Sequence[float], bag: Sequence[str], places: Sequence[Window]
              ) -> Iterator[tuple[str, list[tuple[float, Window | None]]]]:
    """Yield (bag or '', the boards (distance, place) that are seen at once)."""
    each = list(zip(distance, places if len(places) == len(distance)
                    else (places or [None]) * len(distance)))
    if len(bag) == len(distance):
        yield from ((source, [one]) for source, one in zip(bag, each))
    elif bag or len(places) == len(distance):
        yield bag[0] if bag else '', each
    else:
        yield from (('', [one]) for one in each)


def _wait_for(metres: float) -> None:
    try:
        input(f'Put the board {metres:g} m before the camera and press Enter: ')
    except EOFError:
        raise CalibrationError('boards that are held up one after the other need a terminal to '
                               'press Enter on: give one --distance, a --board for each, or bags'
                               ) from None


class _Look:
    """What the network makes of pictures of one camera."""

    def __init__(self, estimator: DepthEstimator, options: DepthOptions, choice: SceneChoice):
        self._estimator, self._options, self._choice = estimator, options, choice
        self._seen: dict[PinholeCamera, str] = {}  # which camera where first
        self._scenes: set[str] = set()

    def _each(self, pictures: Pictures, name: str) -> Iterator[tuple[Unscaled, PinholeCamera]]:
        empty = True
        for picture, camera in pictures:
            empty = False
            self._seen.setdefault(camera, name)
            [estimate] = self._estimator.estimate_all([Request(
                picture, camera, self._options, (), unscaled=True, choice=self._choice)])
            self._scenes.add(estimate.scene)
            yield estimate.unscaled, camera
        if empty:
            raise CalibrationError(f'{name} holds no picture')

    def at_boards(self, pictures: Pictures, boards: list[tuple[float, Window | None]],
                  name: str) -> list[Board]:
        """Return what the network gives for boards that are seen at once."""
        pixels: list[list[np.ndarray]] = [[] for _ in boards]
        for unscaled, camera in self._each(pictures, name):
            for (_, place), of_one in zip(boards, pixels):
                of_one.append(taping.cut(unscaled, camera, place or taping.middle(camera)))
        return [taping.board(metres, of_one)
                for (metres, _), of_one in zip(boards, pixels)]

    def down(self, pictures: Pictures, height: float, pitch: float, name: str
             ) -> tuple[Fit, list[str]]:
        """Return the scale by the ground, and how it was found."""
        found: list[Reading] = []
        declined: Counter[str] = Counter()
        ground = GroundBelow(self._options.rotation)
        for unscaled, _ in self._each(pictures, name):
            reading = ground.measure(unscaled, height, math.radians(pitch))
            if isinstance(reading, Declined):
                declined[reading.reason] += 1
            else:
                found.append(reading)
        if not found:
            [(reason, _)] = declined.most_common(1)
            raise CalibrationError(f'no picture of {name} shows the ground well enough: {reason}; '
                                   'take one of a flat floor or road, or give boards')
        scales = Span.of([reading.scale for reading in found])
        sigma = float(np.median([reading.sigma for reading in found]))
        return Fit(scales.median), [
            f'the ground {height:g} m below: each frame tells the scale to +- {sigma:.1%}, +- '
            f'{(scales.high - scales.low) / 2 / scales.median:.1%} over {_frames(len(found))}',
            *(f'{_frames(count)} left out: {reason}' for reason, count in declined.items())]

    def camera(self) -> PinholeCamera:
        """Return the one camera; raises CalibrationError where there were several."""
        if len(self._seen) > 1:
            (one, first), (other, second) = list(self._seen.items())[:2]
            raise CalibrationError(f'{first} and {second} are of different cameras '
                                   f'({describe(one)}; {describe(other)}): calibrate each by '
                                   'itself')
        return next(iter(self._seen))

    def scene(self) -> str:
        """Return how the pictures were read; raises CalibrationError where in two ways."""
        if len(self._scenes) > 1:
            raise CalibrationError('some pictures were read by the network for streets and some '
                                   'by that for rooms, which have a scale each: give --scene')
        return next(iter(self._scenes))


def _frames(count: int) -> str:
    return f'{count} frame{"s" if count > 1 else ""}'


def _report(boards: Sequence[Board], fit: Fit) -> list[str]:
    """Return how each board reads."""
    lines = []
    for one in sorted(boards, key=lambda one: one.distance):
        metres = fit.metres(one.value)
        error = round(fit.error(one), 3) + 0.0  # never -0.0
        lines.append(
            f'{one.distance:g} m: {one.value:.4g} model units, read as {metres:.2f} m '
            f'({error:+.1%}), +- {fit.spread(one.across) * metres:.2f} m over the board, '
            f'+- {fit.spread(one.frames) * metres:.3f} m over {_frames(one.count)}')
    unknowns = 1 if fit.shift is None else 2
    if len({one.distance for one in boards}) <= unknowns:
        lines.append(f'note: with {"one distance" if unknowns == 1 else "two distances"} nothing '
                     'says whether others are read right: a board at one more would')
    return lines


def _judge(fit: Fit, network: Network, mismatch: str | None) -> list[str]:
    """Return the scale, and what there is to say of it."""
    known = network.contract.metres_per_unit
    lines = [f'depth_scale {fit.scale:.6g}' + (
        f', depth_shift {fit.shift:.6g} (1/Z = depth_scale * model unit + depth_shift)'
        if fit.shift is not None else f' metres a model unit, {network.contract.kind.value} by '
        'itself' + (f' ({known:g} m)' if known else ''))]
    if known and not 1 / NOTABLE <= fit.scale / known <= NOTABLE:
        lines.append(f'warning: that is {fit.scale / known:.2f} times what the model says itself: '
                     "check what you measured, the camera's focal length and what is at --board")
    if mismatch:
        lines.append(f'note: {mismatch}')
    return lines


def _parameters(fit: Fit, rotation: int, texts: dict[str, str]) -> dict[str, str]:
    """Return the scale and what it belongs to, where it is not empty, as YAML."""
    quoted = {name: "'" + text.replace("'", "''") + "'" for name, text in texts.items() if text}
    if rotation:
        quoted['rotation'] = str(rotation)
    # With a point: YAML takes 1e-05 for a text.
    return {**quoted, **{name: f'{number:#.6g}' for name, number in (
        ('depth_scale', fit.scale), ('depth_shift', fit.shift)) if number is not None}}


def _absolute(path: str) -> str:
    """Return the path of a file or folder that is there so that it holds elsewhere too."""
    found = Path(path).expanduser()
    return str(found.absolute()) if path and found.exists() else path
