# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
A network as a program for one size of input: a CUDA graph, or machine code for the CPU.

The latter is made by a process of its own: once a machine, network, size and number of threads,
for seconds to a minute. It needs a C++ compiler and torch 2.6 or later. It is kept on disk, in a
folder that nobody else can write.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import ctypes
import fcntl
from functools import lru_cache, partial
import grp
import hashlib
import io
import json
import logging
import os
from pathlib import Path
import pwd
import signal
import stat
import subprocess
import sys
from tempfile import mkstemp, TemporaryDirectory
from threading import Lock
import warnings
from zipfile import ZipFile

import torch
from torch import nn

from depth_estimation_ros.models.downloads import cache_folder

KEPT = 20  # programs on disk, those used last; 5 to 100 MB each, with the weights

# From a network's inputs to its values and, where it has one, its confidence.
Program = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]]


CAPTURING = Lock()  # one graph at a time
PACKAGE = __name__.partition('.')[0]
# What the compiler's process runs: arguments are the process that wants the program, where modules
# are, and those of `main`. It ends with that process, even where that was killed, from its first
# moment on: torch is imported afterwards. It has a group of its own, to be ended with its g++; no
# session, for which autogroup would forget the nice. The package is this one, by its file, for a
# folder on the path would bring what else lies there.
COMPILER = f"""
import importlib.util, json, os, shutil, signal, sys, threading, time
parent, package, places, task, program, threads = sys.argv[1:]
os.setpgrp()
os.nice(10)
def watch():
    while os.getppid() == int(parent):
        time.sleep(0.2)
    shutil.rmtree(os.path.dirname(task), ignore_errors=True)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.path += [place for place in json.loads(places) if place not in sys.path]
spec = importlib.util.spec_from_file_location({PACKAGE!r}, package)
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from pathlib import Path
from {__name__} import main
sys.exit(main(Path(task), Path(program), int(threads)))
"""


class CompileError(RuntimeError):
    """Why there is no program, as the end of a sentence."""


class Capture:
    """
    The CUDA graph of `module` for inputs like these, batch and all; its results are reused.

    Other threads go on with the device meanwhile, and one that fails leaves it as it was.
    """

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
                graph, results = _captured(module, inputs)
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


def _captured(module: nn.Module, inputs: Sequence[torch.Tensor]
              ) -> tuple[torch.cuda.CUDAGraph, Sequence[torch.Tensor]]:
    """
    Return a graph and its results; RuntimeError where `module` does what a graph cannot hold.

    After such an error torch.cuda.graph leaves the thread on its stream and the random numbers of
    the device in capture, of which every later torch.rand fails.
    """
    graph, error = torch.cuda.CUDAGraph(), None
    with CAPTURING, torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda.synchronize()
        graph.capture_begin(capture_error_mode='thread_local')
        try:
            results = module(*inputs)
            graph.capture_end()
            return graph, results
        except RuntimeError as found:
            error = found
            with contextlib.suppress(RuntimeError):  # it says again what went wrong
                graph.capture_end()
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())  # one that no graph holds
    raise error


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
            folder = folder.resolve()
            _check_own(folder)
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
            _write(task, partial(torch.save, (module, tuple(inputs))))
        except OSError:
            raise
        except Exception:  # pickle's, of many types: a hook of transformers, say
            # Here and now, which may take seconds.
            task = folder / 'task.pt2'
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # torch's own, about its format
                _write(task, partial(torch.export.save, _exported(module, inputs)))
        with (folder / 'log').open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-I', '-c', COMPILER, str(os.getpid()),
                 sys.modules[PACKAGE].__file__, json.dumps(_places()), task, self._program,
                 str(torch.get_num_threads())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={**os.environ, 'TORCHINDUCTOR_CACHE_DIR': str(folder / 'inductor'),
                     'TMPDIR': str(folder)})

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
        for file in (self._program, _sum_of(self._program)):
            with contextlib.suppress(OSError):
                file.unlink()

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
    # By its descriptor, which stays open: what was checked is what is loaded.
    library = ctypes.CDLL(f'/proc/self/fd/{_checked(Path(path))}')
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


def _check_own(folder: Path) -> None:
    """Raise CompileError where anybody but this user and root can change what is in a folder."""
    for place in (folder, *folder.parents):
        found = place.stat()
        others = found.st_mode & 0o002 or found.st_mode & 0o020 and not _is_private(found.st_gid)
        # In a sticky folder, as /tmp, what is this user's stays his.
        if found.st_uid not in (0, os.getuid()) or others and (
                place == folder or not found.st_mode & stat.S_ISVTX):
            raise CompileError(f'{place} is not for this user alone to write, as code is')


def _is_private(group: int) -> bool:
    """Return whether a group has one member, this user, as many systems give each user one."""
    try:
        name, found = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}


def _sum_of(program: Path) -> Path:
    return program.with_suffix('.sha256')


def _checked(program: Path) -> int:
    """Return a descriptor of a program that is this user's and whole; OSError where it is not."""
    _check_own(program.parent)
    descriptor = os.open(program, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (0, os.getuid()) or found.st_mode & 0o022:
            raise OSError(f'{program} is not for this user alone to write, as code is')
        with open(descriptor, 'rb', closefd=False) as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        if digest != _sum_of(program).read_text():
            raise OSError(f'{program} is not what was compiled')
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write(path: Path, save: Callable[[io.BytesIO], None]) -> None:
    """Write what torch saves. Torch itself ends the process where a disk is full."""
    memory = io.BytesIO()
    save(memory)
    path.write_bytes(memory.getbuffer())


def _places() -> list[str]:
    """Return where the compiler finds modules: as here, but for the working folder."""
    return [place for place in sys.path if os.path.isabs(place) and place != os.getcwd()]


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
        _sum_of(path).unlink(missing_ok=True)
    # Its name is there when all of it is.
    for path, content in ((_sum_of(program), hashlib.sha256(code).hexdigest().encode()),
                          (program, code)):
        handle, part = mkstemp(dir=program.parent)
        try:
            with open(handle, 'wb') as file:
                file.write(content)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):  # another process was as tidy
        return -path.stat().st_mtime
    return 0.0


def main(task: Path, program: Path, threads: int) -> int:
    """
    Compile a task into a program, with so many threads; return 0, or 1 after a last line on why.

    Of those who want the same program one makes it, the others wait.
    """
    lock = os.open(program.parent, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # until this process ends
    try:
        if program.exists():
            return 0
        import torch._inductor  # noqa: F401, a part that is not imported by torch itself
        logging.disable(logging.WARNING)
        torch.set_num_threads(threads)
        _compile(task, program)
    except Exception as error:  # of many types
        print(_first_line(error))
        return 1
    return 0
