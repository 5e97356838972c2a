# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast and how fresh running depth nodes are: a live table of what `/diagnostics` says."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from depth_estimation_ros.node.diagnostics import OURS
from depth_estimation_ros.node.graph import own_context

PERIOD = 1.0  # seconds, as the nodes'
# Without a word for longer a node is gone or hangs; its last figures stay.
SILENT = 3.0
SPIN = 0.05  # seconds: Ctrl-C waits no longer
DROPPED = 'frames dropped: '
LEVELS = {DiagnosticStatus.WARN: 'WARNING: ', DiagnosticStatus.ERROR: 'ERROR: '}
# Rows of the table: its name, the rate that belongs to it, what its times are called.
ROWS = (('age at receive', 'input rate (Hz)', 'age at receive'),
        ('age at start', None, 'age at start'), ('age at publish', 'output rate (Hz)', 'age'),
        ('forward pass', None, 'forward'))


class StatsError(ValueError):
    """No node was heard; the message says what to look at."""


def run(node: str = '', once: bool = False, timeout: float = 5.0) -> None:
    """
    Print the table each second until Ctrl-C, in place where the output is a terminal.

    :param node: name of a node with its namespace; empty: all that are heard.
    :param once: print one table and return.
    :param timeout: seconds to wait for the first word of a node.
    :raises StatsError: none came.
    """
    with own_context() as context, closing(Listener(node, context)) as listener:
        listener.wait(timeout)
        listener.spin(PERIOD)  # the other nodes speak within that
        with drawing(live=not once and sys.stdout.isatty()) as draw:
            while True:
                draw(listener.lines())
                if once:
                    return
                listener.spin(PERIOD)


@contextmanager
def drawing(live: bool) -> Iterator[Callable[[list[str]], None]]:
    """Give what shows lines: one below the other, or `live` in place, where rich is there."""
    try:
        from rich.live import Live
        from rich.text import Text
    except ImportError:
        live = False
    if live:
        # What does not fit the terminal ends with three dots: only what fits is drawn in place.
        with Live(auto_refresh=False, vertical_overflow='ellipsis') as place:
            yield lambda lines: place.update(Text('\n'.join(lines)), refresh=True)
        return
    tables = 0

    def write(lines: list[str]) -> None:
        nonlocal tables
        print(*[''] * (tables > 0), *lines, sep='\n', flush=True)
        tables += 1

    yield write


class Listener:
    """The newest status of every depth node, or of every camera where a node has one for each."""

    def __init__(self, node: str, context: Context):
        self._wanted = node.strip('/')
        self._heard: dict[str, tuple[DiagnosticStatus, float]] = {}
        self._others: set[str] = set()
        self._node = rclpy.create_node('depth_estimation_stats', context=context,
                                       enable_rosout=False, start_parameter_services=False)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, 50)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if any(pair.key == OURS for pair in status.values):
                # A status of one camera is called NODE: CAMERA.
                name = status.name.partition(':')[0].strip('/')
                if self._wanted in ('', name):
                    self._heard[status.name] = status, time.monotonic()
                else:
                    self._others.add(name)

    def spin(self, seconds: float) -> None:
        """Listen for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=SPIN)

    def wait(self, timeout: float) -> None:
        """Listen until a node has spoken; raise StatsError where none does in so many seconds."""
        end = time.monotonic() + timeout
        while not self._heard:
            if time.monotonic() > end:
                named = f' named {self._wanted}' if self._wanted else ''
                others = f' (there are: {", ".join(sorted(self._others))})' if self._others else ''
                raise StatsError(
                    f'no depth node{named} was heard on /diagnostics in {timeout:g} s{others}: '
                    'does it run, with the same ROS_DOMAIN_ID?')
            self._executor.spin_once(timeout_sec=SPIN)

    def lines(self) -> list[str]:
        """Return the table, by name."""
        now = time.monotonic()
        return [line for _, (status, heard) in sorted(self._heard.items())
                for line in table(status, now - heard)]

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()


def table(status: DiagnosticStatus, silence: float = 0.0) -> list[str]:
    """Return the lines on one node that spoke `silence` seconds ago."""
    values = {pair.key: pair.value for pair in status.values}
    said = [LEVELS.get(status.level, '') + status.message,
            *(value for key, value in values.items() if key.startswith('complaint '))]
    if silence > SILENT:
        said.insert(0, f'silent for {silence:.0f} s; these are its last words')
    lines = [f'{status.name}: {said[0]}', *(f'  {sentence}' for sentence in said[1:]),
             f'  {"":<14} {"fps":>7} {"p50 ms":>9} {"p95 ms":>9} {"max ms":>9}']
    for name, rate, span in ROWS:
        fps = values.get(rate, '')
        times = (values.get(f'{span} {figure} (ms)', 'nan') for figure in ('p50', 'p95', 'max'))
        row = ' '.join(f'{"-" if figure == "nan" else figure:>9}' for figure in times)
        lines.append(f'  {name:<14} {fps:>7} {row}')
    dropped = ', '.join(f'{count} {key.removeprefix(DROPPED)}' for key, count in values.items()
                        if key.startswith(DROPPED))
    return [*lines, f'  dropped        {dropped or "none"} (of {values[OURS]} received)']
