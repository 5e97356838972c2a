# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Work that is shared among processes, here or on a Ray cluster, of which any may be killed.

What a process was at when it went is begun anew, TRIES times at most.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
import ctypes
import multiprocessing
import os
import signal
import socket
import sys
from typing import Any

TRIES = 3
PR_SET_PDEATHSIG = 1  # prctl(2)


class PoolError(ValueError):
    """Processes that cannot be had; the message says what to change."""


def in_processes(items: Sequence[Hashable], start: Callable[[], None],
                 work: Callable[[Any], Any], jobs: int) -> Iterator[tuple[Any, Any]]:
    """
    Yield (item, what `work` makes of it), None where its process was killed TRIES times.

    `start` prepares a process, once; both are functions of a module, or partial ones.
    """
    left, tries = list(items), dict.fromkeys(items, 0)
    while left:
        # A process that is killed takes the pool with it.
        with ProcessPoolExecutor(jobs, multiprocessing.get_context('spawn'), _begin,
                                 (start,)) as pool:
            running = {}
            try:
                while left or running:
                    while left and len(running) < jobs:
                        item = left.pop(0)
                        running[pool.submit(_do, work, item)] = item
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        result = future.result()
                        yield running.pop(future), result
            except BrokenProcessPool:
                pass
            except BaseException:  # Ctrl-C: what they are at is not waited for, but tidied up
                for process in list(pool._processes.values()):
                    process.terminate()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
            for item in running.values():
                tries[item] += 1
                if tries[item] < TRIES:
                    left.append(item)
                else:
                    yield item, None


def _begin(start: Callable[[], None]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # ends with who began it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: who began it ends it
    signal.signal(signal.SIGTERM, _end)
    _do(start)


def _end(*_) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what tidies up is not to be ended too
    sys.exit(0)


def _do(work: Callable, *what) -> Any:
    try:
        return work(*what)
    except SystemExit:  # it is tidy here; the pool would take it for a result, and go on
        os._exit(0)


def on_ray(items: Sequence[Hashable], start: Callable[[], None], work: Callable[[Any], Any],
           address: str, jobs: int, cpus: int, gpus: int) -> Iterator[tuple[Any, Any]]:
    """
    Do as `in_processes` on a Ray cluster.

    Only items and results travel. :param jobs: actors at most, 0: as many as have room. cpus,
    gpus: that each of them takes. address: of the cluster, or auto.
    :raises PoolError: there is none, or it has no room.
    """
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    try:
        import ray
    except ImportError as error:
        raise PoolError(f"--ray needs Ray ({error}): pip install 'depth_estimation_ros[scale]', "
                        'here and on each machine of the cluster') from error
    host, colon, port = address.rpartition(':')
    try:
        if colon and port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host.rpartition('/')[2], int(port)), 5).close()
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as error:  # of many kinds
        raise PoolError(f"no Ray cluster answers at '{address}' "
                        f'({" ".join(str(error).split())[:160]}): start one by ray start --head, '
                        'or give its address; its token is RAY_AUTH_TOKEN') from error
    try:
        there = ray.cluster_resources()
        room = int(min(there.get(kind, 0) / wanted
                       for kind, wanted in (('CPU', cpus), ('GPU', gpus)) if wanted))
        if not room:
            raise PoolError(f'the Ray cluster has {there.get("CPU", 0):g} CPUs and '
                            f'{there.get("GPU", 0):g} GPUs, and one process takes {cpus} and '
                            f'{gpus}: set threads to fewer, or device to cpu')
        yield from _actors(ray, items, start, work, min(jobs or room, room, len(items)),
                           {'num_cpus': cpus, 'num_gpus': gpus})
    finally:
        ray.shutdown()


def _actors(ray, items: Sequence[Hashable], start, work, count: int,
            room: dict[str, int]) -> Iterator[tuple[Any, Any]]:
    class Worker:
        def __init__(self):
            start()

        def do(self, item):
            return work(item)

    make = ray.remote(Worker).options(**room).remote
    left, tries = list(items), dict.fromkeys(items, 0)
    idle, running = [make() for _ in range(count)], {}
    while left or running:
        while left and idle:
            actor, item = idle.pop(), left.pop(0)
            running[actor.do.remote(item)] = actor, item
        [done], _ = ray.wait(list(running), num_returns=1)
        actor, item = running.pop(done)
        try:
            result = ray.get(done)
            idle.append(actor)
        except ray.exceptions.RayActorError as error:  # it, or its machine, was lost
            if 'error in its constructor' in str(error) or 'creation task' in str(error):
                raise PoolError('a process on the Ray cluster cannot begin '
                                f'({str(error).strip().splitlines()[-1][:200]}): install the same '
                                'package there') from error
            idle.append(make())
            tries[item] += 1
            if tries[item] < TRIES:
                left.append(item)
                continue
            result = None
        yield item, result
