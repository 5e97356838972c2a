# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A place in the graph for a command: a context of its own, which leaves Ctrl-C to Python."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.context import Context
from rclpy.node import Node


@contextmanager
def own_context() -> Iterator[Context]:
    """Give a context; what is made in it must be destroyed before, or takes the process down."""
    context = Context()
    rclpy.init(context=context)
    try:
        yield context
    finally:
        context.try_shutdown()


@contextmanager
def own_node(name: str) -> Iterator[Node]:
    """Give a node in a context of its own."""
    with own_context() as context:
        node = rclpy.create_node(name, context=context, enable_rosout=False,
                                 start_parameter_services=False)
        try:
            yield node
        finally:
            node.destroy_node()
