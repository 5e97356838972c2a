# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A compiled network gives the network's depth, sooner; where there is none, the network runs."""
from __future__ import annotations

import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time
import zipfile

from depth_estimation_ros.estimation import compiled
from depth_estimation_ros.estimation.compiled import Compilation, CompileError
from depth_estimation_ros.estimation.runtime import Runtime
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
from harness import image, info, NodeProcess, REPOSITORY, Robot
from key_init import synth
import pytest
from small_network import Small
import torch

CPU = torch.device('cpu')
COMPILER_NEEDED = pytest.mark.skipif(not shutil.which('g++') and not shutil.which('clang++'),
                                     reason='there is no C++ compiler')


class WrongCompilation(Compilation):
    """One whose program gives half of the depth, in place of a faulty compiler."""

    def __init__(self, module, inputs):
        self._module = module

    def poll(self):
        """Return it."""
        return lambda inputs: [x * 0.5 for x in self._module(*inputs)]

    def discard(self):
        """Nothing is kept."""

    def close(self):
        """Nothing works."""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'compiled'


@pytest.fixture
def runtime():
    made = []

    def make(module, size_for=None):
        made.append(Runtime(Network(
            name='small', module=module, input_width=64, input_height=32, inverse=False,
            contract=ScaleContract(ScaleKind.METRIC, 1.0, 'made so'), training_camera=None,
            description='small', takes_camera=True, has_confidence=True, size_for=size_for), CPU,
            ['fp32'], compiled=True))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run_until(runtime, done, batch=1):
    rgb, cameras = torch.rand(batch, 3, 32, 64), torch.rand(batch, 4)
    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end, (runtime.form, runtime.remarks)
        runtime(rgb, cameras)
        time.sleep(0.05)
    return rgb, cameras


@COMPILER_NEEDED
def test_it_takes_over_when_it_is_there_and_is_kept(cache, runtime):
    torch.manual_seed(0)
    module = Small()
    made = runtime(module)
    made.warm_up()
    assert made.form == 'fp32, being compiled'
    rgb, cameras = run_until(made, lambda: made.form == 'fp32, compiled', batch=2)
    assert made.remarks == [] and made.difference < 1e-5
    values, confidence, _ = made(rgb, cameras)
    with torch.inference_mode():
        expected = module(rgb, cameras)
    torch.testing.assert_close((values, confidence), expected)

    [program] = cache.glob('*.so')
    again = runtime(module)
    again.warm_up()
    assert again.form == 'fp32, compiled', 'there it was on disk'
    torch.testing.assert_close(again(rgb, cameras)[0], expected[0])
    with torch.no_grad():
        module.head.bias += 0.1
    other = runtime(module)
    other.warm_up()
    assert other.form == 'fp32, being compiled', 'of other weights it is not'
    path = other._making[1]._program
    other.close()
    assert [*cache.glob('*.so')] == [program]

    path.write_bytes(b'not a program')
    broken = runtime(module)
    broken.warm_up()
    assert broken.form == 'fp32' and 'is not compiled' in broken.remarks[0]
    torch.testing.assert_close(broken(rgb, cameras)[0], module(rgb, cameras)[0])
    assert not path.exists(), 'the next start makes it anew'


def test_one_that_is_off_is_not_taken(cache, runtime, monkeypatch):
    monkeypatch.setattr('depth_estimation_ros.estimation.runtime.Compilation', WrongCompilation)
    made = runtime(Small())
    values, *_ = made(torch.rand(1, 3, 32, 64), torch.rand(1, 4))
    [remark] = made.remarks
    assert '50.0% off its depth in fp32' in remark and 'set compile to false' in remark
    assert made.form == 'fp32' and made.difference == 0
    assert (values > 1).all()


def test_without_a_compiler_it_runs_and_says_so(cache, runtime, monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('CXX', 'no-such-compiler')
    made = runtime(Small())
    run_until(made, lambda: made.remarks)
    [remark] = made.remarks
    assert 'small is not compiled for its input of 64x32' in remark and 'ompiler' in remark
    assert len(remark.splitlines()) == 1 and not list(cache.glob('*.so'))


def test_what_cannot_be_traced_says_so(cache, runtime):
    class Fickle(Small):
        def forward(self, rgb, cameras):
            return super().forward(rgb * (2 if rgb.mean() > 0 else 1), cameras)

    made = runtime(Fickle())
    made.warm_up()
    [remark] = made.remarks
    assert 'is not compiled' in remark and len(remark.splitlines()) == 1 and made.form == 'fp32'


def test_what_cannot_be_pickled_is_traced_first(cache, runtime):
    class Nameless(Small):
        pass

    made = runtime(Nameless())
    made.warm_up()
    assert made.form == 'fp32, being compiled' and made.remarks == []


def test_a_cache_that_cannot_be_is_a_remark(tmp_path, runtime, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'file'))
    made = runtime(Small())
    made.warm_up()
    made.warm_up()
    [remark] = made.remarks
    assert 'is not compiled' in remark and made.form == 'fp32'


def test_a_folder_that_others_may_write_is_not_trusted(cache):
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    with pytest.raises(CompileError, match='for this user alone'):
        Compilation(Small(), [torch.rand(1, 3, 32, 64), torch.rand(1, 4)])


def test_old_programs_go(cache, monkeypatch, tmp_path):
    cache.mkdir(parents=True)
    for age in range(30):
        (cache / f'{age}.so').touch()
        os.utime(cache / f'{age}.so', (1e9 - age, 1e9 - age))

    def package(_, package_path, **__):
        with zipfile.ZipFile(package_path, 'w') as archive:
            archive.writestr('model/code.so', b'code')

    monkeypatch.setattr(torch._inductor, 'aoti_compile_and_package', package, raising=False)
    torch.save((Small(), (torch.rand(1, 3, 32, 64), torch.rand(1, 4))), tmp_path / 'task.pth')
    compiled._compile(tmp_path / 'task.pth', cache / 'new.so')
    kept = {path.name for path in cache.iterdir()}
    assert kept == {'new.so', 'new.sha256', *(f'{age}.so' for age in range(compiled.KEPT - 1))}
    assert (cache / 'new.so').read_bytes() == b'code'


@COMPILER_NEEDED
def test_a_program_that_was_changed_is_not_loaded(cache, runtime):
    first = runtime(Small())
    run_until(first, lambda: first.form == 'fp32, compiled')
    [program] = cache.glob('*.so')
    changed = bytearray(program.read_bytes())
    changed[-1] ^= 1
    other = Compilation.__new__(Compilation)  # of a process that has loaded nothing yet
    other._process, other._program = None, program.with_name('other.so')
    program.unlink()
    other._program.write_bytes(changed)
    program.with_suffix('.sha256').rename(other._program.with_suffix('.sha256'))
    with pytest.raises(CompileError, match='is not what was compiled'):
        other.poll()
    assert not list(cache.iterdir()), 'the next start makes it anew'


def test_a_program_that_others_may_write_is_not_loaded(cache):
    cache.mkdir(parents=True, mode=0o700)
    program = cache / 'net.so'
    program.write_bytes(b'code')
    (cache / 'net.sha256').write_text(hashlib.sha256(b'code').hexdigest())
    program.chmod(0o666)
    with pytest.raises(OSError, match='for this user alone'):
        compiled._checked(program)
    program.chmod(0o600)
    os.close(compiled._checked(program))
    if os.getuid() == 0:  # who can give it away
        os.chown(program, 12345, -1)
        with pytest.raises(OSError, match='for this user alone'):
            compiled._checked(program)
    program.rename(cache / 'real.so')
    program.symlink_to(cache / 'real.so')
    with pytest.raises(OSError):
        compiled._checked(program)


def test_a_parent_that_others_may_write_is_not_trusted(cache):
    cache.mkdir(parents=True)
    cache.parent.chmod(0o777)
    with pytest.raises(CompileError, match='for this user alone'):
        Compilation(Small(), [torch.rand(1, 3, 32, 64), torch.rand(1, 4)])
    cache.parent.chmod(0o1777)  # as /tmp
    Compilation(Small(), [torch.rand(1, 3, 32, 64), torch.rand(1, 4)]).close()


@pytest.mark.skipif(os.getuid() != 0, reason='only root can give a folder away')
def test_a_folder_of_somebody_else_is_not_trusted(cache):
    cache.mkdir(parents=True)
    os.chown(cache, 12345, -1)
    with pytest.raises(CompileError, match='for this user alone'):
        Compilation(Small(), [torch.rand(1, 3, 32, 64), torch.rand(1, 4)])


def test_nothing_of_the_working_folder_runs(cache, runtime, tmp_path, monkeypatch):
    for name in ('tarfile', 'sympy', 'json'):
        (tmp_path / f'{name}.py').write_text(
            f"open({str(tmp_path / 'ran')!r}, 'w')\nraise OSError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', ['', str(tmp_path), *sys.path])
    made = runtime(Small())
    made.warm_up()
    made._making[1]._process.wait(200)
    assert not (tmp_path / 'ran').exists()


def test_a_full_disk_is_a_remark(cache, runtime, monkeypatch):
    def full(path, content):
        raise OSError(28, 'No space left on device', str(path))

    monkeypatch.setattr(Path, 'write_bytes', full)
    made = runtime(Small())
    made.warm_up()
    [remark] = made.remarks
    assert 'is not compiled' in remark and 'No space left' in remark and made.form == 'fp32'


@pytest.mark.parametrize('after', [0.0, 0.1, 0.6])
def test_the_compiler_of_a_killed_process_ends_and_leaves_nothing(tmp_path, after):
    (tmp_path / 'scratch').mkdir()
    code = ('import time, torch\n'
            'from depth_estimation_ros.estimation.compiled import Compilation\n'
            'made = Compilation(torch.nn.Conv2d(3, 8, 3), [torch.rand(1, 3, 32, 64)])\n'
            'print(made._process.pid, flush=True)\ntime.sleep(60)')
    process = subprocess.Popen([sys.executable, '-c', code], cwd=REPOSITORY, text=True,
                               stdout=subprocess.PIPE, env={
                                   **os.environ, 'TMPDIR': str(tmp_path / 'scratch'),
                                   'DEPTH_ESTIMATION_CACHE': str(tmp_path / 'cache')})
    compiler = Path('/proc') / process.stdout.readline().strip()
    assert compiler.exists()
    time.sleep(after)
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while compiler.exists() or list((tmp_path / 'scratch').iterdir()):
        assert time.monotonic() < end, 'it lives on, or left its folder'
        time.sleep(0.05)


@COMPILER_NEEDED
def test_two_that_start_together_compile_once(cache):
    torch.manual_seed(0)
    module = Small()
    inputs = [torch.rand(1, 3, 32, 64), torch.rand(1, 4)]
    both = [Compilation(module, inputs) for _ in range(2)]
    assert all(one._process for one in both)
    for one in both:
        assert one._process.wait(200) == 0, (Path(one._scratch.name) / 'log').read_text()
    made = [(Path(one._scratch.name) / 'program.pt2').exists() for one in both]
    assert sorted(made) == [False, True]
    for one in both:
        assert one.poll()


def test_the_node_compiles_aside_and_stops_the_compiler_when_it_ends(cache):
    node = NodeProcess({'compile': True}, environment={
        'DEPTH_ESTIMATION_CACHE': str(cache.parent)})
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        robot.wait_for_node()
        robot.send_info(info(PinholeCamera(320, 96, 185.6, 184.3, 156.8, 45.1)))
        for _ in range(2):  # by the first it knows which of its networks it needs
            robot.ask(image(synth(96, 320)[..., ::-1]))
        robot.wait_status(', being compiled')
    finally:
        robot.close()
    assert node.interrupt() == 0
    assert not list(cache.iterdir())
