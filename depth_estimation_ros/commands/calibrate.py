# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boards at taped distances, in bags or before a live camera, to a parameter file of the node."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from depth_estimation_ros.commands.outputs import refuse_file, whole_file
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, Request
from depth_estimation_ros.estimation.scenes import check_scene, SceneChoice
from depth_estimation_ros.imaging.encodings import ColorImage
from depth_estimation_ros.imaging.intrinsics import describe, PinholeCamera, Window
from depth_estimation_ros.models import networks
from depth_estimation_ros.models.contract import Network
from depth_estimation_ros.scale import taping
from depth_estimation_ros.scale.taping import Board, CalibrationError, Fit

FARTHEST = 1000.0  # metres that a tape may say
# A model that says its metres itself is seldom farther off than this, as a ratio.
NOTABLE = 1.25

Pictures = Iterable[tuple[ColorImage, PinholeCamera]]


def run(distance: Sequence[float], model: str, weights: str = '', input_size: str = 'auto',
        bag: Sequence[str] = (), board: Sequence[Sequence[int]] = (), image: str = '',
        camera_info: str = '', rectified: str = 'auto', device: str = 'auto',
        precision: str = 'auto', frames: int = 30, timeout: float = 10.0,
        output: Path = Path('calibration.yaml'), overwrite: bool = False,
        rotation: int = 0, scene: str = 'auto') -> str:
    """
    Measure the scale of a model, write `output`, return the report.

    :param distance: metres along the optical axis, one a board.
    :param bag: with the boards in it: one each, or one for all; none: the live topic `image`.
    :param board: x, y, width, height in rectified pixels: one each, or one for all; none: the
        middle. Live boards with one for all are held up one after the other.
    :param image, camera_info: topics, live or in the bags, where an empty one is found.
    :param frames: of each board at most. timeout: seconds to wait for a live one.
    :raises ValueError: of this package, one sentence; nothing is written.
    """
    _check(distance, bag, board, image, frames, timeout)
    refuse_file(output, overwrite, [*bag, *filter(None, [weights])])
    places = [Window(*place) for place in board]
    network = networks.open_network(model, weights, input_size).network
    check_scene(scene, network)
    estimator = DepthEstimator(network, device, precision)
    estimator.warm_up()

    def pictures(source: str, ask: float | None) -> Pictures:
        if source:
            from depth_estimation_ros.drives.bag_pictures import bag_pictures  # rosbags, if wanted
            return bag_pictures(source, image, camera_info, rectified, frames)
        from depth_estimation_ros.node.live_pictures import live_pictures  # ROS, if wanted
        if ask:
            _wait_for(ask)
        return live_pictures(image, camera_info, rectified, frames, timeout)

    seen: dict[PinholeCamera, str] = {}
    boards = []
    options, choice, scenes = DepthOptions(rotation=rotation, scene=scene), SceneChoice(), set()
    for source, of_one in _sittings(distance, bag, places):
        ask = of_one[0][0] if not source and len(of_one) < len(distance) else None
        found = progress(pictures(source, ask), frames, source or image)
        boards += _measure(found, of_one, estimator, source or image, seen, options, choice,
                           scenes)
    if len(seen) > 1:
        (one, first), (other, second) = list(seen.items())[:2]
        raise CalibrationError(f'{first} and {second} are of different cameras '
                               f'({describe(one)}; {describe(other)}): calibrate each by itself')
    if len(scenes) > 1:
        raise CalibrationError('some boards were read by the network for streets and some by that '
                               'for rooms, which have a scale each: give --scene')
    fit = taping.fit(boards, network.contract.relative)
    [camera] = seen
    lines = _report(boards, fit, network, camera, estimator.mismatch(camera, rotation))
    base = image.removesuffix('/compressed')
    door, colon, rest = model.partition(':')
    _write(output, lines, _parameters(fit, rotation, {
        'scene': scenes.pop(),
        'model': f'{door}{colon}{_absolute(rest)}', 'weights': _absolute(weights),
        'input_size': '' if input_size == 'auto' else input_size,
        'rectified': '' if rectified == 'auto' else rectified,
        'image_transport': '' if image == base else 'compressed'}))
    return '\n'.join([*lines, f'{output} is written: ros2 launch depth_estimation_ros '
                      f'depth.launch.py params_file:={output} image:='
                      f'{base or "<topic of the camera>"}'])


def _check(distance: Sequence[float], bag: Sequence[str], board: Sequence, image: str,
           frames: int, timeout: float) -> None:
    count = len(distance)
    for metres in distance:
        if not 0 < metres <= FARTHEST:
            raise CalibrationError(f'--distance {metres:g} is out of range: it goes from above 0 '
                                   f'to {FARTHEST:g} metres')
    for option, given in (('--bag', bag), ('--board', board)):
        if len(given) not in (0, 1, count):
            raise CalibrationError(f'{len(given)} times {option} for {count} times --distance: '
                                   'give it once, for all boards, or once for each')
    if count > 1 and len(bag) == 1 and len(board) < 2:
        raise CalibrationError('one --bag has boards at several distances: give as many --board, '
                               'or a --bag for each')
    if not bag and not image:
        raise CalibrationError('nothing to look at: give --image, the topic of a live camera, or '
                               '--bag')
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


def _measure(pictures: Pictures, boards: list[tuple[float, Window | None]],
             estimator: DepthEstimator, name: str, seen: dict[PinholeCamera, str],
             options: DepthOptions, choice: SceneChoice, scenes: set[str]) -> list[Board]:
    """
    Return what the network gives for boards that are seen at once.

    `seen` gets the camera, `scenes` how the pictures were read.
    """
    pixels: list[list[np.ndarray]] = [[] for _ in boards]
    for picture, camera in pictures:
        seen.setdefault(camera, name)
        [estimate] = estimator.estimate_all([Request(
            picture, camera, options, (), unscaled=True, choice=choice)])
        scenes.add(estimate.scene)
        for (_, place), of_one in zip(boards, pixels):
            of_one.append(taping.cut(estimate.unscaled, camera,
                                     place or taping.middle(camera)))
    if not pixels[0]:
        raise CalibrationError(f'{name} holds no picture')
    return [taping.board(metres, of_one)
            for (metres, _), of_one in zip(boards, pixels)]


def _report(boards: Sequence[Board], fit: Fit, network: Network, camera: PinholeCamera,
            mismatch: str | None) -> list[str]:
    """Return how it was measured, and what there is to say of it."""
    lines = [f'{network.description}, camera {describe(camera)}; metres are along the optical '
             f'axis, +- is what holds 90 %']
    for one in sorted(boards, key=lambda one: one.distance):
        metres = fit.metres(one.value)
        error = round(fit.error(one), 3) + 0.0  # never -0.0
        lines.append(
            f'{one.distance:g} m: {one.value:.4g} model units, read as {metres:.2f} m '
            f'({error:+.1%}), +- {fit.spread(one.across) * metres:.2f} m over the board, '
            f'+- {fit.spread(one.frames) * metres:.3f} m over {one.count} '
            f'{"frames" if one.count > 1 else "frame"}')
    known = network.contract.metres_per_unit
    lines.append(f'depth_scale {fit.scale:.6g}' + (
        f', depth_shift {fit.shift:.6g} (1/Z = depth_scale * model unit + depth_shift)'
        if fit.shift is not None else f' metres a model unit, {network.contract.kind.value} by '
        'itself' + (f' ({known:g} m)' if known else '')))
    if known and not 1 / NOTABLE <= fit.scale / known <= NOTABLE:
        lines.append(f'warning: that is {fit.scale / known:.2f} times what the model says itself: '
                     "check the tape, the CameraInfo's focal length and what is at --board")
    unknowns = 1 if fit.shift is None else 2
    if len({one.distance for one in boards}) <= unknowns:
        lines.append(f'note: with {"one distance" if unknowns == 1 else "two distances"} nothing '
                     'says whether others are read right: a board at one more would')
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


def _write(output: Path, lines: Sequence[str], parameters: dict[str, str]) -> None:
    text = '\n'.join([
        f'# Measured by depth_estimation calibrate on {date.today()}, boards at taped distances:',
        *(f'#   {line}' for line in lines),
        '# ros2 launch depth_estimation_ros depth.launch.py params_file:=<this file>',
        '/**:', '  ros__parameters:',
        *(f'    {name}: {value}' for name, value in parameters.items()), ''])
    try:
        with whole_file(output) as part:
            part.write_text(text)
    except OSError as error:
        raise CalibrationError(f'{output} cannot be written ({error.strerror}): give another '
                               '--output') from None
