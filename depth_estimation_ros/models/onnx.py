# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Any exported network, `onnx:<file>`, on ONNX Runtime.

An ONNX file says nothing of its pre-processing, of what its numbers mean or whether they are
metres: a YAML beside it does (docs/onnx.md).
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
import math
from pathlib import Path
import re
from typing import Any

import numpy as np
import torch
from torch import nn
import yaml

from depth_estimation_ros.models.contract import (
    Entry, ModelError, near, Network, ScaleContract, ScaleKind, TrainingCamera)

# Metres that stand for the sky until a pixel is beyond max_depth, which is at most 10 km. No
# infinity: resized beside a number it would be none.
SKY = 1e7
MOST_YAML = 1 << 20  # bytes; a dozen lines are all that there is to say
MOST_INPUT = 1 << 20  # of a number that a network is given beside the picture
# The kinds of scale under which a key must be given, and may not be under others.
_KINDS = {
    'metres_per_unit': (ScaleKind.METRIC, ScaleKind.METRIC_ON_TRAINING_CAMERA,
                        ScaleKind.METRIC_FROM_INTRINSICS),
    'training_camera': (ScaleKind.METRIC_ON_TRAINING_CAMERA,),
    'canonical_focal': (ScaleKind.METRIC_FROM_INTRINSICS,),
}
_TYPES = {'tensor(float)': (torch.float32, np.float32),
          'tensor(float16)': (torch.float16, np.float16)}
_NUMBERS = {'tensor(int64)': np.int64, 'tensor(int32)': np.int32, 'tensor(float)': np.float32}
# Keys of the YAML that name an output, beside output_name.
_OUTPUTS = ('confidence', 'sky', 'valid', 'unit')
# Points that a shift is solved with, a side, and the steps to it; three are enough by far. Points
# that are off by half of where they should be, in squares, are no points of that camera.
SIDE, STEPS, ASTRAY, TINY = 64, 10, 0.25, 1e-6


@dataclass(frozen=True)
class Reading:
    """
    How a network's input is made and its output read, as its YAML says.

    mean and std are of RGB in 0..1; input_size is (width, height); canonical_focal is the focal
    length of an input, in its pixels, at which a unit is metres_per_unit. output_name, confidence,
    sky, valid and unit are names of outputs, inputs are numbers by the name of their input.
    """

    output: str
    scale: ScaleKind
    output_name: str | None = None
    confidence: str | None = None
    sky: str | None = None
    sky_above: float = 0.5
    valid: str | None = None
    unit: str | None = None
    inputs: Mapping[str, int] = field(default_factory=dict)
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    metres_per_unit: float | None = None
    training_camera: TrainingCamera | None = None
    canonical_focal: float | None = None
    input_size: tuple[int, int] | None = None
    multiple: int | None = None

    @property
    def inverse(self) -> bool:
        """Whether the output is 1 / depth."""
        return self.output == 'inverse_depth'

    @property
    def takes_camera(self) -> bool:
        """Whether the output becomes metres with the camera."""
        return self.scale is ScaleKind.METRIC_FROM_INTRINSICS


class ExportedModule(nn.Module):
    """
    An ONNX file as a module without parameters: its session is made where its input lies.

    It computes in the precision of the file, whatever `to(dtype)` says.
    """

    def __init__(self, path: Path, recipe: Path, reading: Reading):
        super().__init__()
        self.path, self.recipe = path, recipe
        self.reading = reading
        self._session = None  # (torch.device, onnxruntime.InferenceSession)
        session = self.session(torch.device('cpu'))
        inputs = {entry.name: entry for entry in session.get_inputs()}
        pictures = [entry for name, entry in inputs.items() if name not in reading.inputs]
        if len(pictures) != 1 or not reading.inputs.keys() <= inputs.keys():
            raise ModelError(f"'{path}' takes {len(inputs)} inputs ({', '.join(inputs)}) instead "
                             f"of {' and '.join(('the picture', *reading.inputs))} alone: export "
                             'the network with one input, or say the numbers of the others as '
                             f"inputs in '{self.recipe}'")
        [picture] = pictures
        self.input, self.shape = picture.name, picture.shape or []
        if (picture.type not in _TYPES or len(self.shape) != 4
                or _fixed(self.shape[0]) and self.shape[0] != 1
                or _fixed(self.shape[1]) and self.shape[1] != 3):
            raise ModelError(
                f"'{path}' takes {picture.type} of shape {_words(self.shape)} instead of float "
                'or float16 RGB of shape (1 or dynamic, 3, height, width): export the network '
                'with that input')
        self.dtype, self.element = _TYPES[picture.type]
        self.numbers = {name: self._number(inputs[name], number)
                        for name, number in reading.inputs.items()}
        self.outputs = self._choose([output.name for output in session.get_outputs()])

    def _number(self, entry, number: int) -> np.ndarray:
        if entry.type not in _NUMBERS or any(side != 1 for side in entry.shape):
            raise ModelError(f"'{self.path}' takes {entry.type} of shape {_words(entry.shape)} as "
                             f"'{entry.name}' instead of one number: export the network without "
                             'that input')
        return np.full(entry.shape, number, _NUMBERS[entry.type])

    def _choose(self, names: list[str]) -> dict[str, str]:
        """Return the output of the values and of what else there is, by the key that names it."""
        others = {key: name for key in _OUTPUTS if (name := getattr(self.reading, key))}
        rest = [name for name in names if name not in others.values()]
        values = self.reading.output_name or (rest[0] if len(rest) == 1 else None)
        chosen = {'output_name': values, **others}
        for key, name in chosen.items():
            if name not in names:
                found = f"has no output '{name}'" if name else 'has several outputs'
                raise ModelError(f"'{self.path}' {found}: set {key} in '{self.recipe}' to one of "
                                 f"{', '.join(names)}")
        if len(set(chosen.values())) < len(chosen):
            raise ModelError(f"'{self.recipe}' names one output twice, as {' and '.join(chosen)}: "
                             f"set them to different ones of {', '.join(names)}")
        return chosen

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: all but the session, which no copy can share."""
        return {**self.__dict__, '_session': None}

    def session(self, device: torch.device):
        """Return the onnxruntime.InferenceSession on that device; one is kept, for the last."""
        if self._session is None or self._session[0] != device:
            self._session = None  # before the next one takes memory
            self._session = device, _make_session(self.path, device)
        return self._session[1]

    def forward(self, rgb: torch.Tensor, camera: torch.Tensor | None = None,
                ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        Return values (B, 1, h, w) and confidence (B, 1, h, w) or None, float32.

        rgb: (B, 3, H, W) float32 in 0..1. camera: (B, 4) float32 fx, fy, cx, cy in its pixels,
        for a network whose depth is metric from intrinsics.
        """
        session = self.session(rgb.device)
        mean, std = (rgb.new_tensor(values)[:, None, None]
                     for values in (self.reading.mean, self.reading.std))
        x = ((rgb - mean) / std).to(self.dtype).contiguous()
        parts = x.split(1) if self.shape[0] == 1 else (x,)
        runs = [self._run(session, part) for part in parts]
        found = {key: torch.cat([run[key] for run in runs]) for key in self.outputs}
        values = found['output_name']
        for key in ('sky', 'valid'):
            if key in found and found[key].shape[2:] != values.shape[2:]:
                raise ModelError(f"'{self.path}' gives {key} in {tuple(found[key].shape)} and "
                                 f'{self.reading.output} in {tuple(values.shape)}: export the '
                                 'network with both alike')
        valid = found['valid'] > 0.5 if 'valid' in found else None
        if self.reading.output == 'points':
            values = _depth_of(values, valid, camera, *rgb.shape[2:])
        elif camera is not None:
            # As Depth Anything 3 has it; fx and fy differ only where the picture is squashed.
            zoom = camera[:, :2].mean(1)[:, None, None, None] / self.reading.canonical_focal
            values = values / zoom if self.reading.inverse else values * zoom
        if 'unit' in found:
            unit = found['unit'][:, None, None, None]
            values = values / unit if self.reading.inverse else values * unit
        if valid is not None:
            values = values.masked_fill(~valid, math.nan)
        if 'sky' in found:
            far = SKY / (self.reading.metres_per_unit or 1)
            values = values.masked_fill(found['sky'] >= self.reading.sky_above,
                                        1 / far if self.reading.inverse else far)
        if 'confidence' not in found:
            return values, None
        confidence = found['confidence']
        least, most = (float(side) for side in confidence.aminmax())
        if not -0.01 <= least <= most <= 1.01:  # half precision rounds
            raise ModelError(
                f"'{self.path}' gives a confidence of {least:g} to {most:g} instead of 0 to 1, a "
                f"probability: take confidence out of '{self.recipe}', or export the network with "
                'one')
        return values, confidence.clamp(0, 1)

    def _run(self, session, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """
        Return the outputs by key, float32, where `x` lies, without a detour.

        They are (B, 1, h, w), points (B, 3, h, w), a unit (B,).
        """
        place = x.device.type, x.device.index or 0
        binding = session.io_binding()
        binding.bind_input(self.input, *place, self.element, tuple(x.shape), x.data_ptr())
        for name, number in self.numbers.items():
            binding.bind_cpu_input(name, number)
        for name in self.outputs.values():
            binding.bind_output(name, *place)
        if x.is_cuda:  # ONNX Runtime has a stream of its own
            torch.cuda.current_stream(x.device).synchronize()
        try:
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()
        except Exception as error:  # onnxruntime's have no common type
            height, width = x.shape[2:]
            raise ModelError(
                f"'{self.path}' cannot run at {width}x{height} ({_brief(error)}): set input_size, "
                f"and multiple in '{self.recipe}', to what the network takes") from error
        return {key: self._output(key, name, output, len(x))
                for (key, name), output in zip(self.outputs.items(), binding.get_outputs())}

    def _output(self, key: str, name: str, output, batch: int) -> torch.Tensor:
        # Older releases have the protocol on the inner class alone.
        values = torch.from_dlpack(output if hasattr(output, '__dlpack__') else output._ortvalue)
        shape, depths, wanted = tuple(values.shape), 1, f'({batch}, 1, h, w) or ({batch}, h, w)'
        if key == 'unit':
            wanted, fits = f'({batch},) or ({batch}, 1)', shape in ((batch,), (batch, 1))
        else:
            if key == 'output_name' and self.reading.output == 'points':
                depths, wanted = 3, f'({batch}, h, w, 3)'
                values = values.permute(0, 3, 1, 2) if len(shape) == 4 else values
            elif len(shape) == 3:
                values = values[:, None]
            fits = values.ndim == 4 and values.shape[:2] == (batch, depths)
        if not fits or not values.is_floating_point():
            raise ModelError(f"'{self.path}' gives '{name}' as {values.dtype} of shape {shape} "
                             f'instead of floats of shape {wanted}: export the network with such '
                             'an output')
        return values.reshape(batch).float() if key == 'unit' else values.float()


def _depth_of(points: torch.Tensor, valid: torch.Tensor | None, camera: torch.Tensor,
              height: int, width: int) -> torch.Tensor:
    """
    Return depth (B, 1, h, w) of points (B, 3, h, w) whose shift along the axis is not known.

    It is the shift with which they lie nearest to where the camera (B, 4: fx, fy, cx, cy in
    pixels of a picture of height x width) sees them, as MoGe solves for it (R. Wang and others,
    CVPR 2025) where the focal length is known; by Gauss and Newton. `valid`: bool (B, 1, h, w).
    NaN where that leaves a point behind the camera, and all where they lie nowhere near.
    """
    rows, columns = points.shape[2:]
    stride = max(rows // SIDE, 1), max(columns // SIDE, 1)
    y, x = (((torch.arange(count, device=points.device) + 0.5) * side / count - 0.5)[::step]
            for count, side, step in zip((rows, columns), (height, width), stride))
    fx, fy, cx, cy = camera.T[:, :, None, None]
    ray = torch.stack(torch.broadcast_tensors((x[None, None] - cx) / fx,
                                              (y[None, :, None] - cy) / fy), 1)
    few = points[..., ::stride[0], ::stride[1]]
    weight = few.isfinite().all(1, keepdim=True)
    if valid is not None:
        weight &= valid[..., ::stride[0], ::stride[1]]
    few = few.nan_to_num(0, 0, 0)
    across, along, weight = few[:, :2], few[:, 2:], weight.float()

    def total(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (weight * a * b).sum((1, 2, 3), keepdim=True)

    # As if all were equally far; then step by step.
    shift = total(across - ray * along, ray) / total(ray, ray).clamp_min(TINY)
    for _ in range(STEPS):
        depth = (along + shift).clamp_min(TINY)
        seen = across / depth
        off, slope = seen - ray, seen / depth
        shift = shift + total(off, slope) / total(slope, slope).clamp_min(TINY)
    off = across / (along + shift).clamp_min(TINY) - ray
    near = total(off, off) < ASTRAY * total(ray, ray)
    depth = points[:, 2:] + shift
    return depth.masked_fill(~(near & (depth > 0)), math.nan)


def entry_for(path: str) -> Entry:
    """Return the catalogue's words on the network exported to that .onnx file."""
    return Entry(
        name=f'onnx:{path}', parameters=None, input_size='as exported, or as its YAML says',
        training='as its maker says', scale=None, licence='as its maker says', commercial=True,
        source=path, published='none', scenes='-', open=open_file)


def open_file(path: Path, recipe: Path | None = None) -> Network:
    """
    Return the network of an .onnx file, as `recipe` says to read it.

    :param recipe: a YAML; None: the one beside the file, of the same name but `.yaml`.
    :raises ModelError: one sentence where either is missing, broken or does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"'{path}' is not a file: set model to onnx: and the path of a network "
                         'in the ONNX format')
    recipe = recipe or path.with_suffix('.yaml')
    reading = _read(recipe)
    module = ExportedModule(path, recipe, reading)
    (width, height), multiple = _size(recipe, reading, module.shape)
    own = not reading.training_camera  # its metres are not of one camera
    return Network(
        name='onnx', module=module.eval(), input_width=width, input_height=height,
        inverse=reading.inverse, contract=_contract(recipe, reading),
        training_camera=reading.training_camera,
        description=f'{path.name} (ONNX Runtime)', takes_camera=reading.takes_camera,
        has_confidence=reading.confidence is not None, multiple=multiple, fixed_precision=True,
        size_for=(partial(near, width * height, multiple) if own and reading.multiple else
                  None),
        square=own and reading.takes_camera)


def _make_session(path: Path, device: torch.device):
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"'{path}' needs onnxruntime ({error}): pip install "
                         "'depth_estimation_ros[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors come as exceptions
    provider, settings = 'CPUExecutionProvider', {}
    if device.type == 'cuda':
        # As everywhere in this package, fp32 is not rounded to TF32.
        provider, settings = 'CUDAExecutionProvider', {'device_id': device.index, 'use_tf32': 0}
    release = f'ONNX Runtime {onnxruntime.__version__}'
    session = None
    try:
        if provider in onnxruntime.get_available_providers():
            session = onnxruntime.InferenceSession(str(path), options, [(provider, settings)])
    except Exception as error:  # onnxruntime's have no common type
        raise ModelError(f"'{path}' cannot be loaded by {release} ({_brief(error)}): export the "
                         'network again, with all its files in one folder') from error
    # Where CUDA's libraries are missing a session goes on without a word, on the CPU.
    if session is None or provider not in session.get_providers():
        raise ModelError(f"'{path}' cannot run on {device}: {release} has no CUDA that works "
                         'here; install onnxruntime-gpu in place of onnxruntime, or set device '
                         "to 'cpu'")
    return session


def _size(file: Path, reading: Reading,
          shape: list[int | str | None]) -> tuple[tuple[int, int], int | None]:
    """Return the input's (width, height) and its multiple, None where the file fixes a side."""
    size, fixed = reading.input_size, [side if _fixed(side) else None for side in shape[:1:-1]]
    words = 'x'.join(str(side or 'any') for side in fixed) if any(fixed) else 'any size'
    if size is None and None in fixed:
        raise ModelError(f"'{file}' has no input_size, and the network takes {words}: set it, "
                         'for example, to input_size: 640x192')
    if size and any(side not in (None, wanted) for side, wanted in zip(fixed, size)):
        raise ModelError(f"'{file}' says input_size: {size[0]}x{size[1]}, but the network takes "
                         f'{words}: set it to a size that fits, or export the network with '
                         'dynamic axes')
    if any(fixed):
        if reading.multiple is not None:
            raise ModelError(f"'{file}' says multiple: {reading.multiple}, but the network takes "
                             f'{words}: take multiple out, or export the network with dynamic '
                             'axes')
        return size or (fixed[0], fixed[1]), None
    multiple = reading.multiple or 1
    if any(side % multiple for side in size):
        raise ModelError(f"'{file}' says input_size: {size[0]}x{size[1]}, but multiple: "
                         f'{multiple}: set both sides to multiples of it')
    return size, multiple


def _contract(file: Path, reading: Reading) -> ScaleContract:
    unit = f'{file.name} says that a unit is {reading.metres_per_unit} m'
    reason = {
        ScaleKind.METRIC: unit,
        ScaleKind.METRIC_ON_TRAINING_CAMERA: f'{unit} to the camera of its training',
        ScaleKind.METRIC_FROM_INTRINSICS:
            f'{unit} where its points lie on the rays of the camera'
            if reading.output == 'points' else
            f'{unit} at a focal length of {reading.canonical_focal} pixels of its input, and '
            'grows with it',
        ScaleKind.UP_TO_SCALE: f'{file.name} says that its unit of depth is open',
        ScaleKind.RELATIVE_INVERSE: f'{file.name} says that its scale and shift are open',
    }[reading.scale]
    return ScaleContract(reading.scale, reading.metres_per_unit, reason)


# -- the YAML --

def _read(file: Path) -> Reading:
    if not file.is_file():
        raise ModelError(
            f"'{file}' is missing, which says how to read the network: write it with at least "
            'output: depth (or another), scale: metric (or another kind) and for metric '
            'ones metres_per_unit: 1.0, one a line (docs/onnx.md)')
    try:
        if file.stat().st_size > MOST_YAML:
            raise OSError(f'it has {file.stat().st_size} bytes, more than {MOST_YAML}')
        entries = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ModelError(f"'{file}' cannot be read as YAML ({_brief(error)}): write one key: "
                         'value a line (docs/onnx.md)') from error
    if not isinstance(entries, Mapping):
        raise ModelError(f"'{file}' holds no keys: write one key: value a line, at least output "
                         'and scale (docs/onnx.md)')
    values = {}
    for key, value in entries.items():
        if key not in _KEYS:
            raise ModelError(f"'{file}' says {_cut(key)}, which is no key: use "
                             f"{', '.join(_KEYS)}")
        check, words = _KEYS[key]
        try:
            values[key] = check(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"'{file}' says {key}: {_cut(value)}, but it must be "
                             f'{words}') from error
    for key in ('output', 'scale'):
        if key not in values:
            raise ModelError(f"'{file}' has no {key}: set it to {_KEYS[key][1]}")
    reading = Reading(**values)
    points = reading.output == 'points'
    if points and not reading.takes_camera:
        raise ModelError(f"'{file}' says output: points, but scale: {reading.scale.value}: set "
                         f'scale to {ScaleKind.METRIC_FROM_INTRINSICS.value}')
    for key, kinds in _KINDS.items():
        if key == 'canonical_focal' and points:
            kinds = ()
        if (key in values) != (reading.scale in kinds):
            fault, way_out = (('says', 'take it out') if key in values else
                              ('has no', f'set it to {_KEYS[key][1]}'))
            need = 'has no use for it' if key in values else 'needs it'
            raise ModelError(f"'{file}' {fault} {key}, but scale: {reading.scale.value} {need}: "
                             f'{way_out}, or set scale to another kind')
    if 'sky_above' in values and reading.sky is None:
        raise ModelError(f"'{file}' has sky_above and no sky: name the output that is the sky")
    if reading.unit and reading.metres_per_unit is None:
        raise ModelError(f"'{file}' names a unit, but scale: {reading.scale.value} has no metres: "
                         'take unit out, or set scale to another kind')
    if reading.sky and reading.scale is ScaleKind.RELATIVE_INVERSE:
        raise ModelError(f"'{file}' names a sky, but scale: {reading.scale.value} has no value "
                         'for what is beyond all: take sky out')
    if reading.scale is ScaleKind.RELATIVE_INVERSE and not reading.inverse:
        raise ModelError(f"'{file}' says output: depth, but scale: {reading.scale.value} is of "
                         'inverse depth: set output to inverse_depth, or scale to another kind')
    return reading


def _number(value: Any, least: float = 0.0, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(value)
    if not (least <= value <= most and math.isfinite(value)):
        raise ValueError(value)
    return float(value)


def _positive(value: Any, most: float = math.inf) -> float:
    return _number(value, math.ulp(0.0), most)


def _three(check: Callable[[Any], float]) -> Callable[[Any], tuple[float, ...]]:
    def checked(value: Any) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != 3:
            raise TypeError(value)
        return tuple(check(item) for item in value)

    return checked


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


def _output(value: Any) -> str:
    if value not in ('depth', 'inverse_depth', 'points'):
        raise ValueError(value)
    return value


def _inputs(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not all(
            isinstance(name, str) and type(number) is int and 0 <= number <= MOST_INPUT
            for name, number in value.items()):
        raise TypeError(value)
    return value


def _training_camera(value: Any) -> TrainingCamera:
    if not isinstance(value, dict) or not {'fx', 'fy'} <= value.keys() <= {'fx', 'fy', 'cx', 'cy'}:
        raise TypeError(value)
    # No lens has a focal length of ten pictures: that is pixels.
    return TrainingCamera('camera of its training', _positive(value['fx'], 10),
                          _positive(value['fy'], 10), _number(value.get('cx', 0.5), most=1),
                          _number(value.get('cy', 0.5), most=1))


def _input_size(value: Any) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d{0,4})x([1-9]\d{0,4})', _text(value))
    if not found:
        raise ValueError(value)
    return int(found[1]), int(found[2])


def _multiple(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(value)
    return value


_KEYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    'output': (_output, 'depth, inverse_depth or points'),
    'scale': (ScaleKind, ', '.join(kind.value for kind in ScaleKind)),
    'metres_per_unit': (_positive, 'a number above 0'),
    'training_camera': (_training_camera, '{fx: 0.58, fy: 1.92, cx: 0.5, cy: 0.5}, in parts of '
                        "the picture's width (fx, cx) and height (fy, cy)"),
    'canonical_focal': (_positive, 'a number of pixels above 0'),
    'mean': (_three(lambda value: _number(value, most=1)),
             'three numbers, of RGB in 0 to 1, such as [0.485, 0.456, 0.406]'),
    'std': (_three(lambda value: _positive(value, 1)),
            'three numbers above 0, of RGB in 0 to 1, such as [0.229, 0.224, 0.225]'),
    'input_size': (_input_size, 'width x height in pixels, such as 640x192'),
    'multiple': (_multiple, 'a whole number from 1'),
    'output_name': (_text, "the name of one of the network's outputs"),
    'confidence': (_text, "the name of one of the network's outputs"),
    'sky': (_text, "the name of one of the network's outputs"),
    'sky_above': (_positive, 'a number above 0'),
    'valid': (_text, "the name of one of the network's outputs"),
    'unit': (_text, "the name of one of the network's outputs"),
    'inputs': (_inputs, 'whole numbers by the name of their input, such as {num_tokens: 1800}'),
}


def _fixed(side: int | str | None) -> bool:
    return isinstance(side, int) and side > 0


def _words(shape: list[int | str | None]) -> str:
    return f"({', '.join(str(side) for side in shape)})"


def _cut(value: Any) -> str:
    return str(value)[:60]


def _brief(error: Exception) -> str:
    """Return what an error says on one line, without onnxruntime's codes and C++ signatures."""
    noise = r'\[ONNXRuntimeError\] : \d+ : \w+ : |/\S+\.(?:h|cc):\d+ [^()]*\([^()]*\) '
    return ' '.join(re.sub(noise, '', str(error)).split())[:300].rstrip('. ')
