# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A node, a camera before it and a reader behind it, each a process, in a DDS domain."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import ctypes
import json
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
from tempfile import mkdtemp
import time

from depth_estimation_ros.node.dds import dds_profile, NEW_PROFILE, OLD_PROFILE
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
START = 180.0  # seconds that a node may take until its first frame is back
PATIENCE = 30.0  # seconds that the camera and the reader may take for an answer, beside their task
STOP = 10.0
SETTLE = 0.5  # seconds at the begin of a run that do not count
IDLE = 0.1  # part of a core below which a node has nothing left to do
DRAIN = 5.0  # seconds that it may take for what it still has


class GraphError(RuntimeError):
    """A process that ended, or does not answer; the message has the end of its log."""


class Graph:
    """
    `command` is the node's, its topics are those of depth_node; use it as a context.

    `picture` is a file, `intrinsics` are fx, fy, cx, cy in its pixels, logs go into `folder`.
    With `profile` all three send through config/fastdds.xml, as the launch files make ours do,
    else through Fast DDS's defaults; `transport` says which it has become.
    """

    def __init__(self, command: Sequence[str], picture: Path, intrinsics: Sequence[float],
                 domain: int, folder: Path, profile: bool):
        inherited = {name: value for name, value in os.environ.items()
                     if profile or name not in (OLD_PROFILE, NEW_PROFILE)}
        added, sentence = dds_profile(inherited) if profile else (
            {}, 'Fast DDS profile: none, its default transport')
        self.transport = sentence.replace(f'{REPOSITORY}/', '')
        self._environment = {
            **inherited, **added, 'ROS_DOMAIN_ID': str(domain), 'ROS_LOG_DIR': str(folder),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'PYTHONUNBUFFERED': '1'}
        self._folder = Path(mkdtemp(dir=folder))  # of the logs
        self.processes: dict[str, subprocess.Popen] = {}
        self._commands = {
            'node': command,
            'camera': ('-m', 'benchmarks.load', 'camera', picture, *intrinsics),
            'reader': ('-m', 'benchmarks.load', 'reader')}

    def __enter__(self) -> Graph:
        """Start the three; `wait` until they work."""
        try:
            for name, command in self._commands.items():
                self._start(name, command)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, name: str, command: Sequence) -> None:
        with (self._folder / f'{name}.log').open('w') as log:
            pipe = log if name == 'node' else subprocess.PIPE
            # Ctrl-C is for the one who measures, who then ends these in good order.
            self.processes[name] = subprocess.Popen(
                [sys.executable, *map(str, command)], env=self._environment, cwd=REPOSITORY,
                stdin=subprocess.PIPE, stdout=pipe, stderr=log, start_new_session=True,
                preexec_fn=_end_with_parent)

    def __exit__(self, *_) -> None:
        """End the three, in good order where they can."""
        for name, process in self.processes.items():
            process.stdin.close()
            if name == 'node':
                process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait(self) -> None:
        """Wait until frames go through; one that is slow at the first has no part in a run."""
        self._until(lambda: self._ask('camera', 'matched') and self._ask('reader', 'matched'))
        self._until(lambda: self._ask('camera', 'run', 10, 0.5) and self._ask('reader', 'count'))
        self.run(10, 0.5)

    def _until(self, done: Callable[[], object]) -> None:
        end = time.monotonic() + START
        while not done():
            self._check('node')
            if time.monotonic() > end:
                raise GraphError(f'no frame came back in {START:g} s: {self._log("node")}')
            time.sleep(0.1)

    def _check(self, name: str) -> None:
        code = self.processes[name].poll()
        if code is not None:
            raise GraphError(f'the {name} ended with {code}: {self._log(name)}')

    def _log(self, name: str) -> str:
        return (self._folder / f'{name}.log').read_text()[-2000:]

    def _ask(self, name: str, *question, seconds: float = 0.0):
        process = self.processes[name]
        self._check(name)
        process.stdin.write(json.dumps(question).encode() + b'\n')
        process.stdin.flush()
        if not select.select([process.stdout], [], [], seconds + PATIENCE)[0]:
            raise GraphError(f'the {name} does not answer: {self._log(name)}')
        line = process.stdout.readline()
        if not line:
            process.wait(STOP)
            self._check(name)
        return json.loads(line)

    def run(self, rate: float, seconds: float) -> dict[str, float]:
        """
        Let the camera send at `rate` Hz for `seconds`; return figures of that time.

        A frame is out when the reader has both its depth and its cloud. fps: frames out a second;
        age_p50, age_p95, age_p99: ms from stamp to then; sent, out: frames, out only of those
        sent; cpu: percent of one core, the node's. NaN where nothing came.
        """
        began, cpu = time.monotonic(), self._cpu()
        sent = self._ask('camera', 'run', rate, SETTLE + seconds, seconds=SETTLE + seconds)
        load = (self._cpu() - cpu) / (time.monotonic() - began)
        self._finish()
        seen = self._ask('reader', 'take')
        depth, points = seen.values()
        counted = sent[0] + SETTLE * 1e9
        arrived = {int(stamp): max(at, points[stamp]) for stamp, at in depth.items()
                   if stamp in points}
        times = sorted(at for at in arrived.values() if counted <= at <= sent[-1])
        ages = [(at - stamp) * 1e-6 for stamp, at in arrived.items() if stamp >= counted]
        p50, p95, p99 = np.percentile(ages or [np.nan], [50, 95, 99]).tolist()
        return {
            'fps': (len(times) - 1) / (times[-1] - times[0]) * 1e9 if len(times) > 1 else 0.0,
            'age_p50': p50, 'age_p95': p95, 'age_p99': p99, 'cpu': 100 * load,
            'sent': len(sent), 'out': sum(stamp in arrived for stamp in sent)}

    def _finish(self) -> None:
        """Wait until the node has done what it still has, so that the next one is alone."""
        end = time.monotonic() + DRAIN
        while time.monotonic() < end:
            before = self._cpu()
            time.sleep(0.2)
            if self._cpu() - before < IDLE * 0.2:
                return

    def _cpu(self) -> float:
        """Return the seconds of CPU that the node has taken."""
        fields = Path(f'/proc/{self.processes["node"].pid}/stat').read_text().rpartition(')')[2]
        return sum(map(int, fields.split()[11:13])) / os.sysconf('SC_CLK_TCK')

    def peak_memory(self) -> float:
        """Return the most memory that the node has had resident, MB."""
        status = Path(f'/proc/{self.processes["node"].pid}/status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) * 1024 / 1e6

    def status(self) -> Mapping[str, str]:
        """Return what our node says in /diagnostics, at most a second ago; {} of others."""
        return self._ask('reader', 'status')

    def printed(self) -> list[tuple[float, float]]:
        """Return the age and the network's time (ms) of each frame, that others print."""
        lines = (self._folder / 'node.log').read_text().splitlines()
        return [tuple(map(float, line.split())) for line in lines
                if line.replace('.', '').replace(' ', '').isdigit()]


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, Linux
