# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DDS domains that nobody else on this machine tests in."""
import fcntl
import pathlib
import tempfile

LAST = 100  # beyond, the ports meet Linux's ephemeral ones
_HELD = {}
_order = list(range(1, LAST + 1))


def free_domain() -> int:
    """Return a ROS_DOMAIN_ID that is this process's own until it ends, or `release`s it."""
    for domain in list(_order):
        lock = (pathlib.Path(tempfile.gettempdir()) / f'ros_domain_{domain}.lock').open('a')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _HELD[domain] = lock
        _order.remove(domain)  # to the end: who was in it last has left by its next turn
        _order.append(domain)
        return domain
    raise RuntimeError('all ROS domains are taken: are tests still running?')


def release(domain: int) -> None:
    """Let others have a domain."""
    _HELD.pop(domain).close()
