# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `depth_estimation doctor`, `depth_estimation demo`."""
from __future__ import annotations

import argparse
import os
from pathlib import Path
import signal
import sys

from depth_estimation_ros import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error that a user can mend is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog='depth_estimation', description='Metric depth and point clouds from one camera.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

    doctor = commands.add_parser(
        'doctor', help='print what a bug report needs: versions, device, DDS, topics')
    doctor.add_argument('--listen', type=float, default=2.0, metavar='SECONDS',
                        help='how long to look for topics (default 2)')

    demo = commands.add_parser(
        'demo', help='run the real node on your images and leave pictures and a table')
    demo.add_argument('--weights', default='', help='checkpoint: a folder, a file in it or a zip')
    demo.add_argument('--images', default='', help='a KITTI raw drive, or a folder of images '
                      'with a camera.yaml (ROS camera_calibration format)')
    demo.add_argument('--model', default='rt_monodepth_s', help='default rt_monodepth_s')
    demo.add_argument('--output', default='demo', type=Path, help='folder (default demo)')
    demo.add_argument('--rate', type=float, default=10.0, help='frames a second (default 10)')
    chosen = parser.parse_args(arguments)

    try:
        # Torch and ROS take seconds to import: only for the command that needs them.
        if chosen.command == 'doctor':
            from depth_estimation_ros.doctor import report
            print(report(chosen.listen))
        else:
            from depth_estimation_ros.demo import run
            print(run(chosen.model, chosen.weights, chosen.images, chosen.output, chosen.rate))
    except ValueError as error:
        print(f'depth_estimation {chosen.command}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def depth_node() -> int:
    """Start the node. Its imports take seconds: Ctrl-C and SIGTERM then are as good as later."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    try:
        from depth_estimation_ros.node import main as run
    except ModuleNotFoundError as error:
        print(f'depth_node: {error} for {sys.executable}: install it there, or activate the '
              'virtual environment that has it (docs/install.md)', file=sys.stderr)
        return 1
    return run()


if __name__ == '__main__':
    sys.exit(main())
