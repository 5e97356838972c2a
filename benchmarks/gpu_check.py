# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
All that a machine with a GPU can tell, in ten minutes: tests, figures, what training costs.

    python -m benchmarks.gpu_check OUT [--ros ros.tar.xz] [--device cuda] [--seconds 570]
    python -m benchmarks.gpu_check --pack ros.tar.xz --python 3.12

`make gpu-check OUT=<folder>` starts it. A machine without a network may have nothing but Python,
torch with CUDA, OpenCV and pytest: what else is needed is packed where there is a network, by a
Python with this package and pip, and carried there. Each step has its own limit and leaves its log
and figures in OUT as soon as it has them, so that a run that is cut short still tells something.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
from tempfile import mkdtemp, TemporaryDirectory
import time
import venv
from zipfile import ZipFile

REPOSITORY = Path(__file__).resolve().parents[1]
# What the package needs beside torch, NumPy, OpenCV and PyYAML: by the beginning of their names.
NEEDED = ('ros-', 'rosbags', 'mcap', 'lz4', 'zstandard', 'ruamel', 'rich', 'tqdm', 'argcomplete',
          'pytest-xdist', 'execnet', 'lark', 'markdown-it', 'mdurl', 'pygments', 'pyyaml')
PLATFORMS = [f'manylinux_2_{minor}_x86_64' for minor in range(39, 16, -1)] + [
    'manylinux2014_x86_64', 'manylinux1_x86_64']
ROS_TESTS = ['test/node/test_node_compact.py', 'test/node/test_node_cameras.py',
             'test/node/test_node_scan.py', 'test/node/test_node_behaviour.py']
RESERVE = 10.0  # seconds at the end that no step gets

VERSIONS = """
import importlib.metadata as m, json, os, platform, sys
import cv2, numpy, rclpy, torch
there = torch.cuda.is_available()
json.dump({'torch': torch.__version__, 'cuda': torch.version.cuda, 'numpy': numpy.__version__,
           'opencv': cv2.__version__, 'rclpy': m.version('ros-rclpy'),
           'gpu': torch.cuda.get_device_name() if there else None, 'cores': os.cpu_count(),
           'python': platform.python_version(), 'kernel': platform.release()},
          open(sys.argv[1], 'w'), indent=1)
print(open(sys.argv[1]).read())
"""


def pack(file: Path, python: str) -> None:
    """Write what a Python of that version needs beside torch into a .tar.xz; wants a network."""
    listed = subprocess.run([sys.executable, '-m', 'pip', 'list', '--format=freeze'], check=True,
                            capture_output=True, text=True).stdout.split()
    wanted = [line for line in listed if line.lower().startswith(NEEDED)]
    with TemporaryDirectory(prefix='gpu_check_') as scratch:
        tag = f'cp{python.replace(".", "")}'
        subprocess.run([
            sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps',
            '--only-binary=:all:', '--python-version', python, '--implementation', 'cp',
            '--abi', tag, '--abi', 'abi3', '--abi', 'none',
            *(word for platform in PLATFORMS for word in ('--platform', platform)),
            '--dest', scratch, *wanted], check=True)
        with tarfile.open(file, 'w:xz', preset=9) as archive:
            for wheel in sorted(Path(scratch).glob('*.whl')):
                with ZipFile(wheel) as packed:
                    for member in packed.infolist():
                        place = _place(member.filename, f'lib/python{python}/site-packages')
                        if place:
                            info = tarfile.TarInfo(place)
                            info.size = member.file_size
                            info.mode = 0o755 if member.external_attr >> 16 & 0o111 else 0o644
                            archive.addfile(info, packed.open(member))
    print(f'{file}: {file.stat().st_size / 1e6:.1f} MB, for Python {python}')


def _place(name: str, site: str) -> str | None:
    """Return where a file of a wheel belongs in an environment, None where nobody wants it."""
    top, _, rest = name.partition('/')
    if name.endswith('/'):
        return None
    if top.endswith('.data'):
        scheme, _, rest = rest.partition('/')
        if scheme in ('purelib', 'platlib'):
            return f'{site}/{rest}'
        # pip's --target would leave out `lib`, where ROS has its libraries.
        if scheme != 'data' or rest.startswith(('include/', 'bin/')) or '/cmake/' in rest:
            return None
        return None if rest.endswith('.a') else rest
    return f'{site}/{name}'


def environment(archive: Path | None) -> Path:
    """Return a Python that has what this one has, and what is in the archive."""
    if archive is None:
        return Path(sys.executable)
    folder = Path(mkdtemp(prefix='gpu_check_'))
    # ROS looks for its libraries in sys.prefix, and a .pth counts in a site folder only.
    venv.create(folder, with_pip=False)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter='data')
    python = folder / 'bin/python'
    site = next(folder.glob('lib/python*/site-packages'))
    # Behind what is packed, by the order of names.
    (site / 'zz_base.pth').write_text(sysconfig.get_path('purelib') + '\n')
    return python


class Check:
    """Runs the steps one after another, and keeps what each has told."""

    def __init__(self, out: Path, seconds: float):
        self._out, self._end = out, time.monotonic() + seconds - RESERVE
        self._told: dict[str, dict] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in (
                'AMENT_PREFIX_PATH', 'PYTHONPATH', 'RMW_IMPLEMENTATION',
                '_ROS_WHEELS_BOOTSTRAP_COMPLETE')},
            'PYTHONUNBUFFERED': '1', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
        out.mkdir(parents=True, exist_ok=True)

    def step(self, name: str, limit: float, *command) -> bool:
        """Run a step for at most `limit` seconds; return whether it ended well."""
        limit, began = min(limit, self._end - time.monotonic()), time.monotonic()
        if limit < 5:
            self._tell(name, {'exit': 'no time was left'})
            return False
        with (self._out / f'{name}.log').open('wb') as log:
            process = subprocess.Popen(
                list(map(str, command)), cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env=self._environment, start_new_session=True)
            try:
                code: int | str = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = f'stopped after {limit:.0f} s'
            finally:
                _end(process)
        self._tell(name, {'exit': code, 'seconds': round(time.monotonic() - began, 1)})
        last = (self._out / f'{name}.log').read_text(errors='replace').splitlines()[-5:]
        print(*(f'    {line[:160]}' for line in last), sep='\n', flush=True)
        return code == 0

    def _tell(self, name: str, what: dict) -> None:
        self._told[name] = what
        print(f'{name}: {what}', flush=True)
        (self._out / 'steps.json').write_text(json.dumps(self._told, indent=1) + '\n')

    @property
    def all_well(self) -> bool:
        """Whether all steps have ended well."""
        return all(what['exit'] == 0 for what in self._told.values())


def _end(process: subprocess.Popen) -> None:
    """End a step and what it has begun."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass


def check(out: Path, archive: Path | None, device: str, seconds: float, short: bool) -> bool:
    """Do it all; return whether all went well."""
    steps = Check(out, seconds)
    python = environment(archive)
    tests = [python, '-m', 'pytest', '-q', '-p', 'no:cacheprovider']
    try:
        steps.step('versions', 60, python, '-c', VERSIONS, out / 'versions.json')
        steps.step('tests of the GPU', 120, *tests, '-m', 'gpu', 'test/estimation')
        # Their nodes take device auto: the GPU, where there is one.
        steps.step('tests of the node', 150, *tests, '--maxfail', 20,
                   *(ROS_TESTS[:1] if short else ROS_TESTS))
        # The figures of the CPU are of another page, and would cost the time.
        steps.step('bench', 240, python, '-m', 'benchmarks.bench', '--devices', device,
                   '--seconds', 0.3 if short else 1.5, '--rounds', 1 if short else 2, '--json',
                   out / 'bench.json', '--output', out / 'performance.md',
                   *(('--networks', 'compact') if short else ()))
        with TemporaryDirectory(prefix='gpu_check_') as run:
            cores = len(os.sched_getaffinity(0))
            steps.step('training', 150, python, '-m', 'training.train', Path(run) / 'run',
                       '--device', device, '--minutes', 0.1 if short else 1.0, '--ready', 2,
                       '--shards', 2 if short else 60, '--workers', max(cores - 1, 1),
                       '--drawing', int(device != 'cpu'))
        return steps.all_well
    finally:
        if archive:
            shutil.rmtree(python.parents[1], ignore_errors=True)


def main() -> int:
    """Pack, or check."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('out', nargs='?', type=Path, help='the folder for what comes out')
    parser.add_argument('--ros', type=Path, help='what --pack made, for a bare Python')
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--seconds', type=float, default=570.0, help='for all of it')
    parser.add_argument('--short', action='store_true',
                        help='a rehearsal: less of each step, whose figures mean nothing')
    parser.add_argument('--pack', type=Path, metavar='FILE', help='pack what such a Python lacks')
    parser.add_argument('--python', default='.'.join(map(str, sys.version_info[:2])),
                        help='the version to pack for (default: this one)')
    chosen = parser.parse_args()
    if chosen.pack:
        pack(chosen.pack, chosen.python)
        return 0
    if chosen.out is None:
        parser.error('give a folder for what comes out, or --pack FILE')
    return 0 if check(chosen.out.absolute(), chosen.ros and chosen.ros.absolute(), chosen.device,
                      chosen.seconds, chosen.short) else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
