# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other programs of ours that a command starts, such as the node, and ends as Ctrl-C does."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
import signal
import subprocess
import sys

PATIENCE = 30.0  # seconds from Ctrl-C on


@contextmanager
def running(log, *arguments: str) -> Iterator[subprocess.Popen]:
    """Run Python with arguments, its words in the open file `log`, for as long as the block."""
    process = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=subprocess.STDOUT,
                               env={**os.environ, 'PYTHONUNBUFFERED': '1'})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
