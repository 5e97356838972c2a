# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a command is, on stderr: tqdm's bar or a line now and then; and where Ctrl-C ends it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import signal
import sys
import threading
import time

LINE_EVERY = 10.0  # seconds between lines where there is no bar


def progress(frames: Iterable, total: int | None, label: str) -> Iterator:
    """Pass `frames` on and show how many have come."""
    try:
        from tqdm import tqdm
    except ImportError:
        said = time.monotonic()
        for count, frame in enumerate(frames):
            if time.monotonic() - said > LINE_EVERY:
                said = time.monotonic()
                print(f'{label}: {count}{f" of {total}" if total else ""} frames', file=sys.stderr)
            yield frame
        return
    yield from tqdm(frames, desc=label, total=total, unit='frame', leave=False, disable=None)


@contextmanager
def progress_bytes(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield what is to be told the bytes that have come of a file, and how many there will be."""
    try:
        from tqdm import tqdm
    except ImportError:
        said = time.monotonic()

        def line(done: int, total: int | None) -> None:
            nonlocal said
            if time.monotonic() - said > LINE_EVERY:
                said = time.monotonic()
                of = f' of {total / 1e6:.1f}' if total else ''
                print(f'{label}: {done / 1e6:.1f}{of} MB', file=sys.stderr)

        yield line
        return
    with tqdm(desc=label, unit='B', unit_scale=True, leave=False, disable=None) as bar:
        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def interrupted_between() -> Iterator[Callable[[], bool]]:
    """
    Yield what tells, between two pieces of work, whether Ctrl-C has come and no more is to begin.

    So what is being written gets whole. The second Ctrl-C raises KeyboardInterrupt at once, as
    the first does outside of the main thread's command line.
    """
    came = []

    def note(*_) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(True)

    held = [number for number in signal.Signals
            if threading.current_thread() is threading.main_thread()
            and signal.getsignal(number) is signal.default_int_handler]
    for number in held:
        signal.signal(number, note)
    try:
        yield lambda: bool(came)
    finally:
        for number in held:
            signal.signal(number, signal.default_int_handler)
