# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
A network as a program for one size of input: a CUDA graph, or machine code for the CPU.

    python -m depth_estimation_ros.compiled TASK PROGRAM THREADS

makes the latter, in a process of its own: once a machine, network, size and number of threads,
for seconds to a minute. It needs a C++ compiler and torch 2.6 or later. It is kept on disk.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import hashlib
import os
from pathlib import Path
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
import warnings

import torch
from torch import nn

from depth_estimation_ros.downloads import cache_folder

KEPT = 20  # programs on disk, those used last; 5 to 100 MB each, with the weights

# From a network's inputs to its values and, where it has one, its confidence.
Program = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]]


class CompileError(RuntimeError):
    """Why there is no program, as the end of a sentence."""


class Capture:
    """The CUDA graph of `module` for inputs like these, batch and all; its results are reused."""

    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]):
        self._module = module
        self._inputs = inputs

    def poll(self) -> Program:
        """Return the program; raises CompileError."""
        module, inputs = self._module, self._inputs
        try:
            with torch.cuda.device(inputs[0].device):
                aside = torch.cuda.Stream()
                aside.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(aside):  # kernels are chosen before the capture
                    for _ in range(3):
                        module(*inputs)
                torch.cuda.current_stream().wait_stream(aside)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    results = module(*inputs)
        except RuntimeError as error:  # an operation that a graph cannot hold
            raise CompileError(_first_line(error)) from error

        def run(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            for held, tensor in zip(inputs, given):
                held.copy_(tensor)
            graph.replay()
            return results

        return run


class Compilation:
    """
    The program of `module` for inputs like these, of one picture, for the threads of torch now.

    `poll` until it is there; `close` if it is not waited for. Raises CompileError. The program
    takes pictures of a batch one after the other, which costs a CPU no more.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]):
        self._process: subprocess.Popen | None = None
        self._scratch: TemporaryDirectory | None = None
        folder = cache_folder() / 'compiled'
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
            raise CompileError(f'{folder} is not for this user alone to write, as code must be')
        self._program = folder / f'{_digest(module, inputs)}.pt2'
        if not self._program.exists():
            self._start(module, inputs)

    def _start(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        self._scratch = TemporaryDirectory(prefix='depth_estimation_compiles_')
        folder = Path(self._scratch.name)
        try:
            with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter('ignore')  # torch's own, about its format
                torch.export.save(torch.export.export(
                    _Tensors(module), tuple(x.clone() for x in inputs), strict=False),
                    folder / 'task')
        except Exception as error:  # of many types: what cannot be traced, a torch before 2.1
            self.close()
            raise CompileError(_first_line(error)) from error
        with (folder / 'log').open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-m', __name__, folder / 'task', self._program,
                 str(torch.get_num_threads())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, 'TORCHINDUCTOR_CACHE_DIR': str(folder / 'inductor'),
                     'TMPDIR': str(folder), 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))})

    def poll(self) -> Program | None:
        """Return the program, or None while it is being made; raises CompileError."""
        if self._process:
            if self._process.poll() is None:
                return None
            failed = self._process.returncode != 0
            log = (Path(self._scratch.name) / 'log').read_text().strip()
            self.close()
            if failed:
                raise CompileError(log.rpartition('\n')[2] or 'the compiler was ended')
        try:
            self._program.touch()
            loader = torch._C._aoti.AOTIModelPackageLoader(
                str(self._program), 'model', False, 1, -1)
        # Of no public type. The public function for this takes two seconds and 90 MB to import.
        except Exception as error:
            raise CompileError(_first_line(error)) from error

        def run(inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            rows = [loader.run(list(row)) for row in zip(*(x.split(1) for x in inputs))]
            return rows[0] if len(rows) == 1 else [torch.cat(part) for part in zip(*rows)]

        return run

    def close(self) -> None:
        """Stop the compiler, where it still works."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):  # it has not come to its setpgrp
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._scratch:
            self._scratch.cleanup()
            self._scratch = None


def _digest(module: nn.Module, inputs: Sequence[torch.Tensor]) -> str:
    """Return what the program hangs on: weights, code, shapes, torch, threads, processor."""
    digest = hashlib.sha256(repr((
        module, [(tuple(x.shape), x.stride(), x.dtype) for x in inputs], torch.__version__,
        torch.get_num_threads(), _processor())).encode())
    for file in sorted({sys.modules[type(part).__module__].__file__ for part in module.modules()}):
        digest.update(Path(file).read_bytes())
    for name, values in module.state_dict().items():
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _processor() -> str:
    """Return what the processor can do; a home may be shared between machines."""
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    return '\n'.join(sorted({line for line in lines if line.startswith(
        ('flags', 'Features', 'model name', 'CPU part'))}))


class _Tensors(nn.Module):
    """A network whose results are all tensors, as a program's must be."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what there is of the network's values and confidence."""
        return tuple(result for result in self.network(*inputs) if result is not None)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f'{type(error).__name__}: {lines[0][:200] if lines else ""}'


def _compile(task: Path, program: Path) -> None:
    part = task.with_name('program.pt2')
    with torch.no_grad():
        torch._inductor.aoti_compile_and_package(
            torch.export.load(task), package_path=str(part), inductor_configs={'freezing': True})
    kept = sorted(program.parent.glob('*.pt2'), key=lambda path: -path.stat().st_mtime)
    for path in kept[KEPT - 1:]:
        path.unlink()
    # Not across file systems: the name is there when all of the program is.
    beside = program.with_suffix('.part')
    beside.write_bytes(part.read_bytes())
    os.replace(beside, program)


def main() -> int:
    """Compile what the arguments say, at low priority; the last line says what went wrong."""
    # A group, to be ended with its g++; no session, for which autogroup would forget the nice.
    os.setpgrp()
    os.nice(10)
    try:
        import torch._inductor  # noqa: F401, a part that is not imported by torch itself
        torch.set_num_threads(int(sys.argv[3]))
        _compile(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # of many types
        print(_first_line(error))
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
