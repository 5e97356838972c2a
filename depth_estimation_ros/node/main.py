# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process of the node: its memory, its executor, its signals."""
from __future__ import annotations

import signal
import sys
import threading

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from depth_estimation_ros.imaging.memory import keep_memory
from depth_estimation_ros.node.node import DepthNode

STOP_PERIOD = 0.2  # the longest that Ctrl-C may go unnoticed


def main(args: list[str] | None = None,
         signals: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)) -> int:
    """
    Run the node until one of `signals` comes, such as Ctrl-C; exit code 0.

    rclpy's own handlers would make the context invalid in the middle of whatever is going on.
    """
    node, stop = None, threading.Event()
    keep_memory()  # of who starts the node otherwise than by cli.py
    try:
        _on_signals(signals, signal.default_int_handler)  # up to the loop: KeyboardInterrupt
        try:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = DepthNode()
        except RuntimeError as error:  # a parameter file or a key of SROS 2 that is not there, say
            print(f'depth_node: {" ".join(str(error).split())}', file=sys.stderr)
            return 1
        node.autostart()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        _on_signals(signals, lambda *_: stop.set())
        while not stop.is_set():
            try:
                executor.spin_once(timeout_sec=STOP_PERIOD)
            except ExternalShutdownException:
                raise
            except Exception as error:  # of a timer or a service; what reads topics has its own
                node.survive(error)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # `ros2 launch` and the terminal both send SIGINT: the second must not cut this short.
        _on_signals(signals, signal.SIG_IGN)
        if node:
            node.stop()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _on_signals(signals: tuple[int, ...], handler) -> None:
    for number in signals:
        signal.signal(number, handler)


if __name__ == '__main__':
    sys.exit(main())
