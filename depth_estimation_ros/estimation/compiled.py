# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
A network as a program for one size of input: a CUDA graph, or machine code for the CPU.

    python -m depth_estimation_ros.estimation.compiled TASK PROGRAM THREADS

makes the latter, in a process of its own: once a machine, network, size and number of threads,
for seconds to a minute. It needs a C++ compiler and torch 2.6 or later. It is kept on disk.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import ctypes
from functools import lru_cache
import hashlib
import logging
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from tempfile import mkstemp, TemporaryDirectory
from threading import Thread
import time
import warnings
from zipfile import ZipFile

import torch
from torch import nn

from depth_estimation_ros.models.downloads import cache_folder

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

    def discard(self) -> None:
        """Keep nothing, as always."""

    def close(self) -> None:
        """Nothing works."""


class Compilation:
    """
    The program of `module` for inputs like these, of one picture, for the threads of torch now.

    `poll` until it is there; `close` if it is not waited for. Raises CompileError. The program
    takes pictures of a batch one after the other, which costs a CPU no more.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]):
        self._process: subprocess.Popen | None = None
        self._scratch: TemporaryDirectory | None = None
        try:
            folder = cache_folder() / 'compiled'
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
                raise CompileError(f'{folder} is not for this user alone to write, as code is')
            self._program = folder / f'{_digest(module, inputs)}.so'
            if not self._program.exists():
                self._start(module, inputs)
        except CompileError:
            raise
        except Exception as error:  # a full or read-only disk, what cannot be traced, ...
            self.close()
            raise CompileError(_first_line(error)) from error

    def _start(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        self._scratch = TemporaryDirectory(prefix='depth_estimation_compiles_',
                                           ignore_cleanup_errors=True)
        folder = Path(self._scratch.name)
        task = folder / 'task.pth'
        try:
            torch.save((module, tuple(inputs)), task)
        except Exception:  # pickle's, of many types: a hook of transformers, say
            # Here and now, which may take seconds.
            task = folder / 'task.pt2'
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # torch's own, about its format
                torch.export.save(_exported(module, inputs), task)
        with (folder / 'log').open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-m', __name__, task, self._program,
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
        with contextlib.suppress(OSError):  # a read-only cache has it, too
            os.utime(self._program)
        try:
            run = _loaded(str(self._program))
        except Exception as error:  # of many types; the next start makes it anew
            self.discard()
            raise CompileError(_first_line(error)) from error

        def run_all(inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            rows = [run(row) for row in zip(*(x.split(1) for x in inputs))]
            return rows[0] if len(rows) == 1 else [torch.cat(part) for part in zip(*rows)]

        return run_all

    def discard(self) -> None:
        """Take a program that is no good off the disk."""
        with contextlib.suppress(OSError):
            self._program.unlink()

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


@lru_cache(maxsize=None)
def _loaded(path: str) -> Program:
    """
    Return the program in a file, for one picture; once a process, for none is ever unloaded.

    By the C functions of torch's aoti_runtime/interface.h, which ctypes calls without Python's
    lock: torch's own loader holds it all the time, and nobody could receive a picture.
    """
    library = ctypes.CDLL(path)
    tensors = torch._C._aoti
    container, count = ctypes.c_void_p(), ctypes.c_size_t()
    if (library.AOTInductorModelContainerCreateWithDevice(
            ctypes.byref(container), ctypes.c_size_t(1), b'cpu', None)
            or library.AOTInductorModelContainerGetNumOutputs(container, ctypes.byref(count))):
        raise OSError('the program cannot be opened')
    unwrap = ctypes.pythonapi.PyCapsule_GetPointer
    unwrap.restype, unwrap.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    wrap = ctypes.pythonapi.PyCapsule_New
    wrap.restype, wrap.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                     ctypes.c_void_p]

    def run(inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        # The program takes what it is given, and gives what is taken here.
        given = [unwrap(handle, None)
                 for handle in tensors.unsafe_alloc_void_ptrs_from_tensors(list(inputs))]
        found = (ctypes.c_void_p * count.value)()
        if library.AOTInductorModelContainerRun(
                container, (ctypes.c_void_p * len(given))(*given), ctypes.c_size_t(len(given)),
                found, count, None, None):
            raise RuntimeError('the compiled network failed')
        return tensors.alloc_tensors_by_stealing_from_void_ptrs(
            [wrap(handle, None, None) for handle in found])

    return run


def _digest(module: nn.Module, inputs: Sequence[torch.Tensor]) -> str:
    """Return what the program hangs on: weights, code, shapes, torch, threads, processor."""
    digest = hashlib.sha256(repr((
        module, [(tuple(x.shape), x.stride(), x.dtype) for x in inputs], torch.__version__,
        torch.get_num_threads(), _processor())).encode())
    for part in module.modules():
        plain = sorted((name, value) for name, value in vars(part).items()
                       if isinstance(value, (bool, int, float, str)))
        digest.update(repr(plain).encode())
    for file in sorted({sys.modules[type(part).__module__].__file__ for part in module.modules()}):
        digest.update(Path(file).read_bytes())
    for name, values in [*module.named_parameters(), *module.named_buffers()]:
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


def _exported(module: nn.Module,
              inputs: Sequence[torch.Tensor]) -> torch.export.ExportedProgram:
    with torch.inference_mode(False), torch.no_grad():
        return torch.export.export(
            _Tensors(module), tuple(x.clone() for x in inputs), strict=False)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f'{type(error).__name__}: {lines[0][:200] if lines else ""}'


def _compile(task: Path, program: Path) -> None:
    # A task is of the process that started this one, in a folder of its own.
    exported = (torch.export.load(task) if task.suffix == '.pt2'
                else _exported(*torch.load(task, weights_only=False)))
    package = task.with_name('program.pt2')
    with torch.no_grad():
        torch._inductor.aoti_compile_and_package(
            exported, package_path=str(package), inductor_configs={'freezing': True})
    with ZipFile(package) as archive:
        [library] = [name for name in archive.namelist() if name.endswith('.so')]
        code = archive.read(library)
    for path in sorted(program.parent.glob('*.so'), key=_age)[KEPT - 1:]:
        path.unlink(missing_ok=True)
    # Its name is there when all of it is, though another process may make the same.
    handle, part = mkstemp(dir=program.parent)
    try:
        with open(handle, 'wb') as file:
            file.write(code)
        os.replace(part, program)
    except BaseException:
        os.unlink(part)
        raise


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):  # another process was as tidy
        return -path.stat().st_mtime
    return 0.0


def _end_with(parent: int, folder: Path) -> None:
    """End with the process that wants the program, even where that was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Compile what the arguments say, at low priority; the last line says what went wrong."""
    # A group, to be ended with its g++; no session, for which autogroup would forget the nice.
    os.setpgrp()
    os.nice(10)
    task, program, threads = sys.argv[1:]
    Thread(target=_end_with, args=(os.getppid(), Path(task).parent), daemon=True).start()
    try:
        import torch._inductor  # noqa: F401, a part that is not imported by torch itself
        logging.disable(logging.WARNING)
        torch.set_num_threads(int(threads))
        _compile(Path(task), Path(program))
    except Exception as error:  # of many types
        print(_first_line(error))
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
