# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DDS domains that nobody else on this machine tests in."""
import fcntl
import pathlib
import tempfile

_HELD = []


def free_domain() -> int:
    """Return a ROS_DOMAIN_ID that is this process's own until it ends."""
    for domain in range(1, 101):  # beyond, the ports meet Linux's ephemeral ones
        lock = (pathlib.Path(tempfile.gettempdir()) / f'ros_domain_{domain}.lock').open('a')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _HELD.append(lock)
        return domain
    raise RuntimeError('all ROS domains are taken: are tests still running?')
