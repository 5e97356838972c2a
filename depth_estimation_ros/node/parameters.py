# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one table of parameters, and the frozen settings that come of it."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
import re
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.exceptions import InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
import yaml

from depth_estimation_ros.cloud.points import ANY_HEIGHT, GROUND, PointOptions
from depth_estimation_ros.cloud.poses import pose_from_text
from depth_estimation_ros.cloud.scan import ScanOptions
from depth_estimation_ros.estimation.confidence import CUES
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.estimation.scenes import SCENES
from depth_estimation_ros.imaging.encodings import MAX_PIXELS
from depth_estimation_ros.imaging.wording import meant, shown
from depth_estimation_ros.scale.camera_scale import ScaleSettings

ALWAYS = 'takes effect with the next frame'
UNCONFIGURED = 'may change while the node is unconfigured'
AT_START = 'counts at start-up only'


@dataclass(frozen=True)
class Parameter:
    """
    One line of the table.

    `choices`, `bounds` (both ends included) or, where it is not empty, `parse`, which raises
    ValueError, limit the value.
    """

    name: str
    default: Any
    description: str
    when: str = ALWAYS
    choices: tuple[str | int, ...] = ()
    bounds: tuple[float, float] | None = None
    parse: Callable[[str], Any] | None = None

    def check(self, value: Any) -> Any:
        """Return `value` in the default's type; raise ValueError with a sentence otherwise."""
        kind = type(self.default)
        if self.choices and isinstance(value, bool):
            value = str(value).lower()  # YAML turns a bare true into a bool
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind is list and isinstance(value, (list, tuple)):
            return self._check_names(list(value))
        if type(value) is not kind:
            raise ValueError(f'parameter {self.name} = {value!r} is of the wrong type: it wants '
                             f'{_KINDS[kind]}, for instance '
                             + ('[front, left]' if kind is list else repr(self.default)))
        if self.choices and value not in self.choices:
            raise ValueError(f'parameter {self.name} = {value!r} is not one of '
                             f'{", ".join(map(str, self.choices))}')
        if self.bounds and not self.bounds[0] <= value <= self.bounds[1]:
            raise ValueError(f'parameter {self.name} = {value!r} is out of range: it goes from '
                             f'{self.bounds[0]:g} to {self.bounds[1]:g}')
        if self.parse and value:
            try:
                self.parse(value)
            except ValueError as error:
                raise ValueError(f'parameter {self.name}: {error}') from error
        return value

    def _check_names(self, names: list) -> list[str]:
        good = all(isinstance(name, str) and re.fullmatch(r'[a-zA-Z]\w*', name, re.ASCII)
                   for name in names)
        if names != [''] and not (names and good and len(set(names)) == len(names)):
            raise ValueError(f'parameter {self.name} = {names!r} is no list of different names of '
                             'letters, digits and underscores, for instance [front, left]')
        return names

    def descriptor(self) -> ParameterDescriptor:
        """
        Return what `ros2 param describe` shows.

        Typed dynamically, because rclpy refuses an int for a double; `check` guards the type.
        """
        text = ParameterDescriptor(
            name=self.name, description=f'{self.description} ({self.when})',
            additional_constraints=(f'one of: {", ".join(map(str, self.choices))}'
                                    if self.choices else ''),
            dynamic_typing=True, read_only=self.when == AT_START)
        if self.bounds and isinstance(self.default, float):
            text.floating_point_range = [FloatingPointRange(
                from_value=self.bounds[0], to_value=self.bounds[1])]
        elif self.bounds:
            text.integer_range = [IntegerRange(
                from_value=self.bounds[0], to_value=self.bounds[1], step=1)]
        return text


def check_topic(name: str) -> None:
    """Raise ValueError where `name` can be no topic, neither as it is nor in a namespace."""
    try:
        validate_full_topic_name(expand_topic_name(name, 'node', '/namespace'))
    except (InvalidTopicNameException, ValueError) as error:
        raise ValueError(f"'{name}' is no name of a topic: between its slashes it wants words of "
                         'letters, digits and underscores that begin with no digit, such as '
                         '/velodyne_points') from error


_KINDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text',
          list: 'names'}

TABLE = (
    Parameter('model', 'compact', "network: a name that 'depth_estimation models' lists, "
              'huggingface:<id or folder> or onnx:<file>', UNCONFIGURED),
    Parameter('weights', '', 'checkpoint of the model: its folder, a file in it or the published '
              'zip; empty: the one that comes with this package or was fetched', UNCONFIGURED),
    Parameter('allow_download', False, 'fetch weights that are missing from their official place, '
              'unless their licence must be accepted first', UNCONFIGURED),
    Parameter('input_size', 'auto', "of the network: auto, its own, or WxH, such as 640x192, "
              'rounded to its multiple', UNCONFIGURED),
    Parameter('device', 'auto', 'auto, cpu, cuda or cuda:N; only auto may choose', UNCONFIGURED),
    Parameter('precision', 'auto', 'of the network; auto: fp16 on CUDA, bf16 on a CPU that has '
              'it, but fp32 where that is over 1 % off', UNCONFIGURED,
              choices=('auto', 'fp32', 'fp16', 'bf16')),
    Parameter('compile', True, 'compile the network for this machine: on a CPU once, aside, kept '
              'on disk (it needs a C++ compiler), on CUDA as a graph', UNCONFIGURED),
    Parameter('threads', 0, 'that the CPU computes with; 0: OMP_NUM_THREADS, else all cores but '
              'one, which is left to the transport', UNCONFIGURED, bounds=(0, 1024)),
    Parameter('cameras', [''], 'names of the cameras that one node serves, in one batch: [front, '
              'left] listens to front/image, left/image and so on; one without a name: image',
              AT_START),
    Parameter('image_transport', 'raw', 'raw subscribes to <image>, compressed to '
              '<image>/compressed', UNCONFIGURED, choices=('raw', 'compressed')),
    Parameter('image_bits', 0, 'bits that 16-bit images fill, so that white is 2^image_bits - 1; '
              '0: 10, 12, 14 or 16, by the largest value so far', bounds=(0, 16)),
    Parameter('rotation', 0, 'degrees clockwise by which the picture is turned for the network, '
              'to stand upright; what is published stays as the camera gives it; '
              '<camera>.rotation overrules it', choices=(0, 90, 180, 270)),
    Parameter('scene', 'auto', 'what the pictures show, for a model that has a network for each: '
              'street, room or auto, which finds out; <camera>.scene overrules it',
              choices=SCENES),
    Parameter('rectified', 'auto', 'whether the pixels are rectified; auto: when D is zero, the '
              "topic's base name contains rect or K is zero", choices=('auto', 'true', 'false')),
    Parameter('depth_encoding', '32FC1', '32FC1: metres, NaN invalid, +Inf beyond max_depth; '
              '16UC1: millimetres, 0 invalid', choices=('32FC1', '16UC1')),
    Parameter('depth_scale', 0.0, "metres per model unit; 0: what the model's scale contract "
              'says; of relative inverse depth 1 / Z = depth_scale * value + depth_shift; '
              '<camera>.depth_scale overrules it for one of `cameras`', bounds=(0.0, 1e6)),
    Parameter('depth_shift', 0.0, 'see depth_scale, 1 / metre; <camera>.depth_shift overrules it',
              bounds=(-1e3, 1e3)),
    Parameter('camera_height', 0.0, 'metres above the ground; above 0 the scale comes from the '
              'ground in the pictures, and no points while it is stale; <camera>.camera_height '
              'overrules it for one of `cameras`', bounds=(0.0, 100.0)),
    Parameter('camera_pitch', 0.0, 'radians that the camera looks down, for camera_height; within '
              '5 degrees; <camera>.camera_pitch overrules it', bounds=(-1.5, 1.5)),
    Parameter('ground_frame', '', 'frame on the ground, z up, such as base_footprint, whose tf '
              'gives height and pitch instead of camera_height and camera_pitch'),
    Parameter('range_topic', '', 'PointCloud2 or Range of a sensor that sees what the camera '
              'sees: the scale comes from it, and no points while it is stale; '
              '<camera>.range_topic overrules it', UNCONFIGURED, parse=check_topic),
    Parameter('range_extrinsics', '', "x y z roll pitch yaw (m, rad; such as 0 0 0.3 0 0 0) of "
              'that sensor in the body of the camera: x forward, y left, z up from its lens; '
              'empty: by tf; <camera>.range_extrinsics overrules it', parse=pose_from_text),
    Parameter('scale_hold', 5.0, 'seconds without a reading of the ground or the sensor until '
              'the scale is stale', bounds=(0.1, 3600.0)),
    Parameter('stale_points', False, 'make points also of a scale that is stale, unsure or not '
              'found yet'),
    Parameter('min_depth', 0.1, 'metres along Z; nearer depth is -Inf', bounds=(1e-3, 1e4)),
    Parameter('max_depth', 80.0, 'metres along Z; farther depth is +Inf', bounds=(1e-3, 1e4)),
    Parameter('max_age', 0.0, 'seconds; an older frame is dropped, but not one whose stamp is of '
              'another clock (over 60 s away); 0: none is', bounds=(0.0, 60.0)),
    Parameter('max_pixels', MAX_PIXELS, 'pixels of a picture; a larger one is refused before '
              'it is decoded, for memory is what a robot dies of', bounds=(1024, 1_000_000_000)),
    Parameter('max_rate', 0.0, 'frames a second that are processed at most; 0: all',
              bounds=(0.0, 1000.0)),
    Parameter('publish_size', 'full', 'size of the depth image: full (that of the image) or '
              "network (the network's grid)", choices=('full', 'network')),
    Parameter('camera_info_timeout', 5.0, 'seconds without a CameraInfo until it is reported',
              bounds=(0.1, 3600.0)),
    Parameter('autostart', True, 'configure and activate at start; false leaves that to a '
              'lifecycle manager', AT_START),
    Parameter('temporal.window', 0, 'frames over which flicker is damped, that of the scale and '
              'that of each pixel, while larger changes pass; 0 or 1: off', bounds=(0, 30)),
    Parameter('points.organized', False, 'one point a pixel, NaN where there is none; false: '
              'valid points only'),
    Parameter('points.stride', 1, 'every n-th row and column becomes a point', bounds=(1, 64)),
    Parameter('points.max_points', 20000, 'bound of an unorganised cloud; a finer grid is thinned '
              'evenly', bounds=(1, 10_000_000)),
    Parameter('points.min_range', 0.0, 'metres from the camera along the ray',
              bounds=(0.0, 1e4)),
    Parameter('points.max_range', 0.0, 'metres from the camera along the ray; 0: no bound but '
              'max_depth', bounds=(0.0, 1e4)),
    Parameter('points.color', True, 'add the field rgb'),
    Parameter('points.confidence', False, 'add the field confidence'),
    Parameter('points.min_confidence', 0.0, 'pixels that are less sure become no points',
              bounds=(0.0, 1.0)),
    Parameter('points.edge', PointOptions.edge, 'leaves out what floats between two surfaces; '
              'smaller leaves out more; 0: none', bounds=(0.0, 10.0)),
    Parameter('points.frame', '', "frame whose origin is on the ground, z up, such as "
              'base_footprint, for heights, ground and voxels; from tf; empty: ground_frame, '
              'or else under the camera, by camera_height and camera_pitch'),
    Parameter('points.min_height', -ANY_HEIGHT, 'metres over points.frame; -1000: no bound',
              bounds=(-ANY_HEIGHT, ANY_HEIGHT)),
    Parameter('points.max_height', ANY_HEIGHT, 'metres over points.frame; 1000: no bound',
              bounds=(-ANY_HEIGHT, ANY_HEIGHT)),
    Parameter('points.ground', 'keep', 'keep it, remove it, or label it: add the field ground, 1 '
              'or 0; it is what lies near z = 0 of points.frame', choices=GROUND),
    Parameter('points.ground_tolerance', PointOptions.ground_tolerance, 'metres from z = 0 that '
              'are ground', bounds=(0.0, 10.0)),
    Parameter('points.ground_slope', PointOptions.ground_slope, 'metres more of that for each '
              'metre of range', bounds=(0.0, 1.0)),
    Parameter('points.voxel', 0.0, 'edge of a cube in metres that holds one point at most; 0: no '
              'bound', bounds=(0.0, 10.0)),
    Parameter('scan.frame', '', 'frame of the LaserScan on scan, its origin on the ground, z up, '
              'such as base_footprint; empty: there is none', UNCONFIGURED),
    Parameter('scan.extrinsics', '', "x y z roll pitch yaw (m, rad; such as 0 0 0.8 -1.5708 0 "
              "-1.5708) of the images' frame in scan.frame, as static_transform_publisher takes "
              'them; empty: by tf', parse=pose_from_text),
    Parameter('scan.min_height', ScanOptions.min_height, 'metres over scan.frame from which on a '
              'thing is an obstacle', bounds=(-ANY_HEIGHT, ANY_HEIGHT)),
    Parameter('scan.max_height', ScanOptions.max_height, 'metres over scan.frame up to which a '
              'thing is an obstacle', bounds=(-ANY_HEIGHT, ANY_HEIGHT)),
    Parameter('scan.ground_slope', ScanOptions.ground_slope, 'metres that scan.min_height grows '
              'for each metre of range', bounds=(0.0, 1.0)),
    Parameter('scan.min_range', ScanOptions.min_range, 'metres from the origin of scan.frame '
              'along the ground; nearer is NaN', bounds=(0.0, 1e4)),
    Parameter('scan.max_range', ScanOptions.max_range, 'metres from the origin of scan.frame '
              'along the ground; farther is NaN', bounds=(1e-3, 1e4)),
    Parameter('confidence.range', True, 'for networks that give no confidence: less of what is '
              'far'),
    Parameter('confidence.flip', True, 'for networks that give no confidence: less of what they '
              'see otherwise in the mirrored picture; takes a second pass, where a confidence is '
              'wanted'),
    Parameter('confidence.edges', False, 'for networks that give no confidence: less at edges of '
              'depth'),
)


def reference() -> str:
    """Return docs/parameters.md, which `python -m depth_estimation_ros.node.parameters` prints."""
    rows = []
    for parameter in TABLE:
        limits = ', '.join(map(str, parameter.choices)) or (
            f'{parameter.bounds[0]:.7g} to {parameter.bounds[1]:.8g}' if parameter.bounds else '')
        default = str(parameter.default).lower() if isinstance(
            parameter.default, bool) else parameter.default
        rows.append(f'| `{parameter.name}` | {_KINDS[type(parameter.default)]} | `{default}` | '
                    f'{limits} | {parameter.description} | {parameter.when} |')
    return '\n'.join([
        '# Parameters of depth_node', '',
        'Made of the table in `depth_estimation_ros/node/parameters.py` by',
        '`python -m depth_estimation_ros.node.parameters > docs/parameters.md`. An int is',
        'accepted for a number. On `qos_overrides.<topic>.{subscription,publisher}.*`: '
        '[the node](node.md).',
        '',
        '| name | kind | default | choices or range | what it does | a change |',
        '|---|---|---|---|---|---|', *rows, ''])


BY_NAME = {parameter.name: parameter for parameter in TABLE}
PER_CAMERA = ('depth_scale', 'depth_shift', 'camera_height', 'camera_pitch', 'range_topic',
              'range_extrinsics', 'rotation', 'scene')


def when(name: str) -> str:
    """Return when a parameter may change; one of a camera as that of all."""
    parameter = BY_NAME.get(name) or BY_NAME.get(name.partition('.')[2])
    return parameter.when if parameter else ALWAYS


@dataclass(frozen=True)
class Settings:
    """All parameters of one moment, checked, typed and named as in the table."""

    model: str
    weights: str
    allow_download: bool
    input_size: str
    device: str
    precision: str
    compile: bool
    threads: int
    cameras: tuple[str, ...]
    image_transport: str
    image_bits: int
    rotation: int
    scene: str
    rectified: str
    depth_scale: float
    depth_shift: float
    camera_height: float
    camera_pitch: float
    ground_frame: str
    range_topic: str
    range_extrinsics: str
    scale_hold: float
    stale_points: bool
    max_age: float
    max_rate: float
    max_pixels: int
    camera_info_timeout: float
    autostart: bool
    points_frame: str  # ground_frame where points.frame is empty
    scan_frame: str
    scan_extrinsics: str
    temporal_window: int
    depth: DepthOptions  # without a scale, which depends on the model too
    own: Mapping[str, float | str]  # <camera>.<one of PER_CAMERA>; a default: as for all

    def of(self, camera: str, name: str) -> float | str:
        """Return the value of one of PER_CAMERA that holds for a camera."""
        own = self.own.get(f'{camera}.{name}')
        return getattr(self, name) if own in (None, BY_NAME[name].default) else own

    def options(self, camera: str) -> DepthOptions:
        """Return what is made of a camera's pictures, but for the scale."""
        return replace(self.depth, rotation=self.of(camera, 'rotation'),
                       scene=self.of(camera, 'scene'))

    def scale(self, camera: str, resolve: Callable[[str], str]) -> ScaleSettings:
        """Return what is known of a camera's scale; resolve: gives the full name of a topic."""
        topic = self.of(camera, 'range_topic')
        return ScaleSettings(
            *(self.of(camera, name) for name in (
                'depth_scale', 'depth_shift', 'camera_height', 'camera_pitch')),
            self.ground_frame, topic and resolve(topic), self.scale_hold,
            self.of(camera, 'rotation'))


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Build settings from all values of the table; raise ValueError where two contradict."""
    if values['min_depth'] >= values['max_depth']:
        raise ValueError(f'parameter min_depth = {values["min_depth"]:g} must be less than '
                         f'max_depth = {values["max_depth"]:g}')
    if 0 < values['points.max_range'] <= values['points.min_range']:
        raise ValueError(f'parameter points.min_range = {values["points.min_range"]:g} must be '
                         f'less than points.max_range = {values["points.max_range"]:g}')
    if values['points.min_height'] > values['points.max_height']:
        raise ValueError(f'parameter points.min_height = {values["points.min_height"]:g} must '
                         f'not be above points.max_height = {values["points.max_height"]:g}')
    points = {name[7:]: value for name, value in values.items()
              if name in BY_NAME and name.startswith('points.')}
    frame = points.pop('frame') or values['ground_frame']
    scan = {name[5:]: value for name, value in values.items()
            if name in BY_NAME and name.startswith('scan.')}
    scan_frame, extrinsics = scan.pop('frame'), scan.pop('extrinsics')
    if extrinsics and len(values['cameras']) > 1:
        raise ValueError('parameter scan.extrinsics is of one camera, and cameras names more: let '
                         'tf say where each of them is')
    cues = tuple(cue for cue in CUES if values[f'confidence.{cue}'])
    if not cues:
        raise ValueError('parameters confidence.range, confidence.flip and confidence.edges are '
                         'all false, which leaves nothing to conclude a confidence from: set one')
    plain = {name: value for name, value in values.items() if '.' not in name}
    depth = {name: plain.pop(name)
             for name in ('min_depth', 'max_depth', 'publish_size', 'depth_encoding')}
    own = {name: value for name, value in values.items()
           if name not in BY_NAME and name.partition('.')[2] in PER_CAMERA}
    settings = Settings(**{**plain, 'cameras': tuple(plain['cameras'])}, own=own,
                        points_frame=frame, scan_frame=scan_frame, scan_extrinsics=extrinsics,
                        temporal_window=values['temporal.window'],
                        depth=DepthOptions(**depth, cues=cues, points=PointOptions(**points),
                                           scan=ScanOptions(**scan)))
    if settings.depth.points.needs_pose and not frame:
        for camera in settings.cameras:
            if not settings.of(camera, 'camera_height'):
                raise ValueError(
                    'parameters points.min_height, points.max_height and points.ground take the '
                    "camera's pose over the ground: set points.frame, or "
                    f'{camera}{"." * bool(camera)}camera_height and camera_pitch')
    return settings


def files_of_others(arguments: Sequence[str], node: str) -> list[str]:
    """Return a sentence on each `--params-file` of a command line that has nothing for `node`."""
    sentences = []
    for word, path in zip(arguments, arguments[1:]):
        if word != '--params-file':
            continue
        try:
            keys = list(_keys(yaml.safe_load(Path(path).read_text())))
        except (OSError, ValueError, yaml.YAMLError, RecursionError):
            continue  # rcl has said what is wrong with it
        if keys and not {node, '*', '**'} & {key.rpartition('/')[2] for key in keys}:
            sentences.append(
                f'{path} has parameters for {shown(", ".join(keys))}, none for this node: the '
                f'key above ros__parameters must be {node} (or /** for any node)')
    return sentences


def _keys(content: Any, path: str = '') -> Iterator[str]:
    """Yield the names of nodes in a parameter file."""
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == 'ros__parameters':
            yield path
        else:
            yield from _keys(value, f'{path}/{str(key).strip("/")}' if path else str(key))


class NodeParameters:
    """
    Declares the table on a node and keeps `settings` in step with it.

    `refuse(changed names, settings)` returns why the node cannot honour a change, or None. A
    value from the command line or a file that is no good stands in `problems` by its name (the
    default holds until it is set right), so that the node lives to be told better.
    """

    def __init__(self, node, refuse: Callable[[set[str], Settings], str | None]):
        self.problems: dict[str, str] = {}
        self._refuse = refuse
        self._values = {p.name: self._declare(node, p) for p in TABLE}
        self._by_name = dict(BY_NAME)
        for camera in filter(None, self._values['cameras']):
            for name in PER_CAMERA:
                own = replace(BY_NAME[name], name=f'{camera}.{name}',
                              description=f'{name} of {camera}; 0, empty or auto: as {name}')
                self._by_name[own.name] = own
                self._values[own.name] = self._declare(node, own)
        try:
            self.settings = settings_from(self._values)
        except ValueError as error:
            self.problems['contradiction'] = str(error)
            self.settings = settings_from({**self._values, **{
                name: parameter.default for name, parameter in BY_NAME.items()
                if name in ('min_depth', 'max_depth') or name.startswith((
                    'points.', 'scan.', 'confidence.'))}})
        node.add_on_set_parameters_callback(self._on_set)
        self.unknown = self._unknown(node)

    def _unknown(self, node) -> list[str]:
        """Return a sentence on each parameter that was given and that there is not."""
        given = [name for name in getattr(node, '_parameter_overrides', {})
                 if name not in self._by_name and not node.has_parameter(name)
                 and not name.startswith('qos_overrides.')]
        sentences = []
        for name in sorted(given):
            camera, _, own = name.rpartition('.')
            advice = meant(name, self._by_name) or (
                f": '{camera}' is none of the parameter cameras" if own in PER_CAMERA
                else ': docs/parameters.md lists those that there are')
            sentences.append(f'parameter {shown(name)} is not known and does nothing{advice}')
        return sentences

    def _declare(self, node, parameter: Parameter) -> Any:
        # First as anything at all, to see what the user gave without rclpy raising.
        given = node.declare_parameter(parameter.name, parameter.default,
                                       ParameterDescriptor(dynamic_typing=True)).value
        node.undeclare_parameter(parameter.name)
        try:
            value = parameter.check(given)
        except ValueError as error:
            self.problems[parameter.name] = str(error)
            value = parameter.default
        node.declare_parameter(parameter.name, value, parameter.descriptor(),
                               ignore_override=True)
        return value

    def _on_set(self, changes) -> SetParametersResult:
        try:
            new = {change.name: self._by_name[change.name].check(change.value)
                   for change in changes if change.name in self._by_name}
            values = {**self._values, **new}
            try:
                settings = settings_from(values)
            except ValueError as error:
                if 'contradiction' not in self.problems:
                    raise
                # One that was there at the start may not go by one change: each counts.
                self._values, self.problems['contradiction'] = values, str(error)
                for name in new:
                    self.problems.pop(name, None)
                return SetParametersResult(successful=True)
            changed = {name for name in new if new[name] != self._values[name]}
            reason = self._refuse(changed, settings)
            if reason:
                raise ValueError(reason)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._values, self.settings = values, settings
        for name in ('contradiction', *new):
            self.problems.pop(name, None)
        return SetParametersResult(successful=True)


if __name__ == '__main__':
    print(reference(), end='')
