# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
# PYTHON_ARGCOMPLETE_OK
"""
The command line, `depth_estimation COMMAND`, and the start of the node.

Torch and ROS take seconds to import: each command imports what it needs when it is chosen.
"""
from __future__ import annotations

import contextlib
from importlib import import_module
import os
import signal
import sys

from depth_estimation_ros.commands.arguments import parser, PROGRAM
from depth_estimation_ros.imaging.memory import keep_memory

OLDEST_TORCH = 2, 1
ENDED_BY_CTRL_C = ('camera', 'bag play', 'bag record', 'stats', 'view')  # as they should be
# What OpenCV and FFmpeg find wrong in a file is in our own sentences.
QUIET = {'OPENCV_LOG_LEVEL': 'SILENT', 'OPENCV_FFMPEG_LOGLEVEL': '-8'}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error that a user can mend is one line on stderr and exit code 1."""
    known = parser()
    if '_ARGCOMPLETE' in os.environ:  # the shell asks what could come next
        with contextlib.suppress(ImportError):
            import argcomplete
            argcomplete.autocomplete(known)
    chosen, ros_arguments = _split(sys.argv[1:] if arguments is None else arguments)
    chosen = vars(known.parse_args(chosen))
    name, run, sends = (chosen.pop(key) for key in ('name', 'run', 'sends'))
    if name == 'camera':
        chosen['ros_arguments'] = ros_arguments
    elif len(ros_arguments) > 1:  # launch_ros ends each command line with --ros-args
        known.error(f'{name} takes no --ros-args')
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    with contextlib.suppress(ValueError):  # not in a thread
        for number in _ends():  # SIGINT too, which the shell of a script lets `... &` ignore
            signal.signal(number, signal.default_int_handler)  # half a file is removed
    try:
        said = _function(run, sends)(**chosen)
    except ModuleNotFoundError as error:
        print(f'{PROGRAM} {name}: {error}, see docs/install.md; what only the command line '
              "needs comes with: pip install 'depth_estimation_ros[cli]'", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has read what it wanted
        return _quiet_end()
    except (ValueError, OSError) as error:
        print(f'{PROGRAM} {name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt as end:  # the usual end of what has none of its own
        if str(end):  # what became of the files
            print(end)
        return 0 if name in ENDED_BY_CTRL_C else 130
    try:
        if said is not None:
            print(said)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_end()
    return 0


def _function(run: str, sends: bool):
    """Import MODULE:FUNCTION of this package."""
    if sends:  # gives Fast DDS room for images, before rclpy is imported
        from depth_estimation_ros.node.dds import dds_profile
        os.environ.update(dds_profile(os.environ)[0])
    module, _, function = run.partition(':')
    return getattr(import_module(f'{__package__}.{module}'), function)


def _ends() -> tuple[int, ...]:
    """Return the signals that end a process; a terminal's end does not where nohup says so."""
    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return signal.SIGINT, signal.SIGTERM, *(() if nohup else (signal.SIGHUP,))


def _quiet_end() -> int:
    """Let nothing more be written to a reader that is gone; what was asked for is done."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part what is for ROS (`--ros-args ...`) from the rest."""
    at = arguments.index('--ros-args') if '--ros-args' in arguments else len(arguments)
    return arguments[:at], arguments[at:]


NODE_HELP = """usage: depth_node [--ros-args ...]

The lifecycle node: it turns the pictures of a camera into depth images and point clouds.

  depth_node --ros-args -r image:=/camera/image_raw   the camera; its camera_info is beside it
  depth_node --ros-args -p model:=compact             a parameter; docs/parameters.md lists all
  depth_node --ros-args --params-file FILE            those of a file, under depth_estimation:

With launch files: ros2 launch depth_estimation_ros depth.launch.py image:=/camera/image_raw"""


def depth_node() -> int:
    """Start the node. Its imports take seconds: what ends it then is as good as later."""
    if {'-h', '--help'} & set(sys.argv[1:]):
        print(NODE_HELP)
        return 0
    for number in _ends():
        signal.signal(number, lambda *_: os._exit(0))
    keep_memory()
    try:
        import torch
        if tuple(map(int, torch.__version__.split('.')[:2])) < OLDEST_TORCH:  # Ubuntu 22.04's
            print(f'depth_node: torch {torch.__version__} of {sys.executable} is too old, '
                  f'{".".join(map(str, OLDEST_TORCH))} is needed: install a newer one in a '
                  'virtual environment (docs/install.md)', file=sys.stderr)
            return 1
        from depth_estimation_ros.node.main import main as run
    except ModuleNotFoundError as error:
        print(f'depth_node: {error} for {sys.executable}: install it there, or activate the '
              'virtual environment that has it (docs/install.md)', file=sys.stderr)
        return 1
    return run(signals=_ends())


if __name__ == '__main__':
    sys.exit(main())
