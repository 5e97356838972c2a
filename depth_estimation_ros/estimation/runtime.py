# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where and in which precision a network is executed."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
import math
import os
from pathlib import Path
import re
import time
from typing import Any

import cv2
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from depth_estimation_ros.estimation.compiled import Capture, Compilation, CompileError, Program
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network

# A generated street, 640x192, and its focal length in pixels: what precisions are tried on.
STREET, STREET_FOCAL = Path(__file__).with_name('street.jpg'), 368.0
MAX_DIFFERENCE = 0.01  # of depth in a faster form from depth in fp32, relative, mean
SIZES = 8  # of input, for which programs are kept at a time
FOLDING = 1e-4  # the same, of folded batch norms: beyond, something else was folded

Mark = tuple[Any, Any]  # when a pass began and ended: seconds, or events of CUDA

DTYPES = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


class DeviceError(ValueError):
    """A device or precision that this machine does not have; the message says what to change."""


def find_device(name: str) -> torch.device:
    """
    Return the torch device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Only `auto` may choose: the first CUDA device that works, else the CPU.
    """
    if not re.fullmatch(r'auto|cpu|cuda(:\d+)?', name):
        raise DeviceError(f"device '{name}' is not one of auto, cpu, cuda, cuda:N")
    if name == 'cpu' or name == 'auto' and not (
            torch.cuda.is_available() and _fault(torch.device('cuda', 0)) is None):
        return torch.device('cpu')
    name = name.replace('auto', 'cuda')
    if not torch.cuda.is_available():
        raise DeviceError(f"device '{name}' was asked for but torch {torch.__version__} sees no "
                          "CUDA device: install a CUDA build of torch and its driver, or set "
                          "device to 'cpu' or 'auto'")
    index = int(name.partition(':')[2] or 0)
    if index >= torch.cuda.device_count():
        raise DeviceError(f"device '{name}' does not exist: torch sees "
                          f'{torch.cuda.device_count()} CUDA device(s), numbered from 0')
    device = torch.device('cuda', index)
    fault = _fault(device)
    if fault:
        raise DeviceError(f"device '{name}' does not work with torch {torch.__version__} "
                          f"({fault}): install a build of torch for this GPU, or set device to "
                          "'cpu' or 'auto'")
    return device


def _fault(device: torch.device) -> str | None:
    """Return why a convolution fails there (a build without kernels for this GPU), or None."""
    try:
        torch.nn.functional.conv2d(torch.zeros(1, 1, 3, 3, device=device),
                                   torch.zeros(1, 1, 3, 3, device=device))
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None


def find_precisions(name: str, device: torch.device, fixed: bool = False) -> list[str]:
    """
    Return the precisions to try for `auto`, `fp32`, `fp16` or `bf16`, the first one first.

    Only `auto` may choose: fp16 on CUDA, bf16 on a CPU that computes in it, else fp32. A network
    whose precision is `fixed` computes as its file says: `auto` and `fp32` ask for no more.
    """
    if name != 'auto' and name not in DTYPES:
        raise DeviceError(f"precision '{name}' is not one of auto, {', '.join(DTYPES)}")
    if fixed and name not in ('auto', 'fp32'):
        raise DeviceError(f"precision '{name}' is not possible: an exported network computes as "
                          'its file says; set precision to auto')
    if name == 'fp16' and device.type == 'cpu':
        raise DeviceError("precision 'fp16' is for CUDA devices: on a CPU set precision to "
                          "'bf16', 'fp32' or 'auto'")
    if name == 'bf16' and device.type == 'cuda' and not torch.cuda.is_bf16_supported():
        raise DeviceError("precision 'bf16' is not supported by this GPU: set precision to "
                          "'fp16', 'fp32' or 'auto'")
    if name != 'auto':
        return [name]
    if device.type == 'cuda' and not fixed:
        return ['fp16', 'fp32']
    return ['bf16', 'fp32'] if cpu_has_bf16() and not fixed else ['fp32']


@lru_cache(maxsize=None)
def cpu_has_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16: x86 by AVX-512 or AMX, Arm by its bf16."""
    try:
        words = Path('/proc/cpuinfo').read_text().split()
    except OSError:  # no Linux
        return False
    return not {'avx512_bf16', 'amx_bf16', 'bf16'}.isdisjoint(words)


def spare_threads() -> int:
    """Return how many threads compute best beside others: as the user says, else all but one."""
    wanted = os.environ.get('OMP_NUM_THREADS', '').partition(',')[0]
    return int(wanted) if wanted.isdigit() and int(wanted) else max(
        len(os.sched_getaffinity(0)) - 1, 1)


class Runtime:
    """
    A network on its device: channels last, no gradients, in the fastest form that is right.

    Batch norms become part of the convolutions before them. A precision other than fp32 is held
    against fp32 on a street that comes with the package: one in which the network fails, or is
    off by more than MAX_DIFFERENCE, gives way to the next one. With `compiled`, what compiled.py
    makes takes the network's place for each size of input, once it is there and where all
    together is not off by more. `precision` is the one in force, `difference` how far its depth
    is from fp32's at most (mean of abs(depth / depth in fp32 - 1)), `remarks` are sentences on
    what was not possible, `network` is what it runs. `close` it where it was `compiled`.
    """

    def __init__(self, network: Network, device: torch.device, precisions: Sequence[str],
                 compiled: bool = False):
        self.device = device
        self.remarks: list[str] = []
        self._marks: list[Mark] = []
        self._compiled = compiled and not network.fixed_precision
        self._programs: dict[tuple[int, ...], Program] = {}  # by size of input
        self._making: tuple[tuple[int, ...], Compilation | Capture] | None = None
        # CUDA's convolutions would round fp32 to TF32's 10 bits, by default.
        torch.backends.cudnn.allow_tf32 = False
        exact = network.module.eval().requires_grad_(False)
        self._put(network, exact, 'fp32')
        norms = any(isinstance(part, nn.BatchNorm2d) for part in exact.modules())
        if norms or precisions[0] != 'fp32':
            street = self._street()
            truth = self._eager(street)
        if norms:
            exact = self._folded(street, truth)
        for precision, following in zip(precisions, [*precisions[1:], None]):
            if precision == 'fp32':
                self._put(network, exact, precision)
                break
            self._put(network, deepcopy(exact), precision)
            self.difference, fault = self._compare(self._eager, street, truth)
            if fault is None:
                break
            self.remarks.append(f'{network.name} {fault} in {precision} on {device}: ' + (
                f'it computes in {following} instead' if following else
                'that was asked for; set precision to auto to have fp32'))
        self._eager_difference = self.difference

    def _put(self, network: Network, module: nn.Module, precision: str) -> None:
        self.precision, self.difference = precision, 0.0
        self.network = replace(network, module=module.to(
            device=self.device, dtype=DTYPES[precision], memory_format=torch.channels_last))

    def _street(self, size: tuple[int, int] | None = None, batch: int = 1) -> list[torch.Tensor]:
        """Return inputs that show the street, of `size` (width, height) or the usual one."""
        picture = cv2.cvtColor(cv2.imread(str(STREET)), cv2.COLOR_BGR2RGB)
        camera = PinholeCamera(picture.shape[1], picture.shape[0], STREET_FOCAL, STREET_FOCAL,
                               picture.shape[1] / 2, picture.shape[0] / 2)
        camera = camera.resized(*(size or self.network.input_size(camera)))
        rgb = torch.from_numpy(cv2.resize(picture, (camera.width, camera.height))).to(self.device)
        cameras = torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]], device=self.device)
        return self._inputs(rgb.permute(2, 0, 1).expand(batch, -1, -1, -1) / 255,
                            cameras.repeat(batch, 1))

    def _inputs(self, rgb: torch.Tensor, cameras: torch.Tensor) -> list[torch.Tensor]:
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        return [rgb, cameras] if self.network.takes_camera else [rgb]

    @torch.inference_mode()
    def _eager(self, inputs: list[torch.Tensor]) -> Sequence[torch.Tensor | None]:
        return self.network.module(*inputs)

    def _folded(self, street: list[torch.Tensor],
                truth: Sequence[torch.Tensor | None]) -> nn.Module:
        """Return the module in force, batch norms folded where that leaves it what it is."""
        exact = self.network
        with torch.inference_mode():
            folded = fold_batch_norms(exact.module, street)
        self.network = replace(exact, module=folded)
        _, fault = self._compare(self._eager, street, truth, limit=FOLDING)
        return exact.module if fault else folded

    def _compare(self, run: Program, street: list[torch.Tensor],
                 truth: Sequence[torch.Tensor | None], before: float = 0.0,
                 limit: float = MAX_DIFFERENCE) -> tuple[float, str | None]:
        """Return how far `run`, with what was off `before`, is off; and what is wrong, or None."""
        try:
            results = run(street)
        except RuntimeError as error:  # an operation that has no kernel for it
            return math.inf, f'fails ({str(error).splitlines()[0]})'
        values, right = results[0], truth[0]
        ratio = right / values if self.network.inverse else values / right
        off = (ratio - 1).abs()[(right > 0) & right.isfinite()]
        difference = before
        if off.numel():
            difference += off.mean().nan_to_num(math.inf, math.inf).item()
        if not difference <= limit:
            return difference, f'is {difference:.1%} off its depth in fp32'
        if truth[1] is not None:
            doubt = (results[1] - truth[1]).abs().mean().item()
            if not doubt <= limit:
                return difference, f'is {doubt:.2f} off its confidence in fp32'
        return difference, None

    @torch.inference_mode()
    def __call__(self, rgb: torch.Tensor, cameras: torch.Tensor,
                 usual: bool = True) -> tuple[torch.Tensor, torch.Tensor | None, ...]:
        """
        Run the network on float32 RGB (B, 3, H, W) in 0..1 at its input size.

        `cameras` is (B, 4) float32: fx, fy, cx, cy in pixels of `rgb`. What is not `usual` is not
        worth a compilation. Returns the network's values (B, 1, h, w) float32 in model units, its
        confidence (B, 1, h, w) or None, and the probability of a room (B, 1) or None; on CUDA
        they hold until the next call.
        """
        inputs = self._inputs(rgb, cameras)
        run = (usual and self._program(len(rgb), *rgb.shape[2:])) or self._eager
        began = self._moment()
        values, *more = run(inputs)
        self._marks.append((began, self._moment()))
        confidence, room = [*more, None, None][:2]
        return values, confidence, room

    def _program(self, batch: int, height: int, width: int) -> Program | None:
        """Return what runs such inputs in the network's place, once it is there."""
        if not self._compiled:
            return None
        # A CPU takes picture after picture as fast as all at once.
        key = (height, width) if self.device.type == 'cpu' else (batch, height, width)
        self.poll()
        if self._making is None and key not in self._programs:  # one at a time
            make = Compilation if self.device.type == 'cpu' else Capture
            try:
                self._making = key, make(self.network.module, self._street_of(key))
                self.poll()  # one that is on disk is there at once
            except CompileError as error:
                self._give_up(key, error)
        if key in self._programs:  # the one that was used last goes last
            self._programs[key] = self._programs.pop(key)
        return self._programs.get(key)

    def _street_of(self, key: tuple[int, ...]) -> list[torch.Tensor]:
        return self._street((key[-1], key[-2]), *key[:-2])

    def poll(self) -> None:
        """Take what is made into use, if it is done and right."""
        if self._making is None:
            return
        key, making = self._making
        try:
            program = making.poll()
            if program is None:
                return
            street = self._street_of(key)
            off, fault = self._compare(program, street, self._eager(street),
                                       self._eager_difference)
            if fault:
                making.discard()
                raise CompileError(f'so compiled it {fault}')
        except CompileError as error:
            self._give_up(key, error)
            return
        if len(self._programs) == SIZES:
            del self._programs[next(iter(self._programs))]
        self.difference = max(self.difference, off)
        self._programs[key] = program
        self._making = None

    def _give_up(self, key: tuple[int, ...], error: CompileError) -> None:
        # One sentence: what fails at one size fails at the others.
        self._compiled, self._making = False, None
        self.remarks.append(
            f'{self.network.name} is not compiled for its input of {key[-1]}x{key[-2]}, which '
            f'costs about a fifth of its speed: {error}; set compile to false to do without')

    @property
    def form(self) -> str:
        """In which form the network runs, in words."""
        return form_of([self])

    def close(self) -> None:
        """Stop what is being compiled."""
        if self._making:
            self._making[1].close()
        self._compiled, self._making = False, None
        self._programs.clear()

    def _moment(self) -> float | torch.cuda.Event:
        if self.device.type == 'cpu':
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def taken_marks(self) -> list[Mark]:
        """Return the marks of the passes since this was asked last, for `seconds_of`."""
        marks, self._marks = self._marks, []
        return marks

    def warm_up(self) -> None:
        """
        Pay the first pass's cost (allocation, kernel choice) before the first frame.

        At the network's usual size: where it depends on the camera, that is not known yet, and
        nothing is compiled for it.
        """
        street = self._street((self.network.input_width, self.network.input_height))
        for _ in range(2):
            self._eager(street)
        if self.network.size_for is None:
            self._program(1, self.network.input_height, self.network.input_width)


def seconds_of(marks: Collection[Mark]) -> float:
    """Return how long the device was busy with these passes; on CUDA it waits for them."""
    seconds = 0.0
    for began, ended in marks:
        if isinstance(began, float):
            seconds += ended - began
        else:
            ended.synchronize()
            seconds += began.elapsed_time(ended) / 1e3
    return seconds


def form_of(runtimes: Collection[Runtime]) -> str:
    """Return in words in which form networks that take turns run."""
    return '/'.join(dict.fromkeys(runtime.precision for runtime in runtimes)) + (
        ', being compiled' if any(runtime._making for runtime in runtimes) else
        ', compiled' if any(runtime._programs for runtime in runtimes) else '')


def fold_batch_norms(module: nn.Module, inputs: Sequence[torch.Tensor]) -> nn.Module:
    """
    Return `module` with each batch norm that follows a convolution made part of that one.

    What follows what is seen in a pass of `inputs`; a copy, unless there is nothing to fold.
    """
    made: dict[int, tuple[str, torch.Tensor]] = {}  # by id of a tensor, which is kept for that
    pairs: dict[str, str] = {}

    def note(conv: str, output: torch.Tensor) -> None:
        made[id(output)] = conv, output

    def pair(norm: str, given: tuple[torch.Tensor, ...]) -> None:
        if given and id(given[0]) in made:
            pairs[norm] = made[id(given[0])][0]

    hooks = []
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d):
            hooks.append(part.register_forward_hook(
                lambda _, __, output, name=name: note(name, output)))
        elif isinstance(part, nn.BatchNorm2d) and part.track_running_stats:
            hooks.append(part.register_forward_pre_hook(
                lambda _, given, name=name: pair(name, given)))
    module(*inputs)
    for hook in hooks:
        hook.remove()
    if not pairs:
        return module
    folded = deepcopy(module)
    for norm, conv in pairs.items():
        _put_part(folded, conv, fuse_conv_bn_eval(folded.get_submodule(conv),
                                                  folded.get_submodule(norm)))
        _put_part(folded, norm, nn.Identity())
    return folded


def _put_part(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, child = name.rpartition('.')
    setattr(module.get_submodule(parent), child, part)
