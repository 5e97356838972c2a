# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Depth for recordings, one or a shelf of them, on as many processes and machines as there are.

The unit is one recording. Its depth is a recording of its own that appears when it is whole, with
a summary in it that says of what and how it was made, by which a later run leaves it as it is.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
import hashlib
import json
import os
from pathlib import Path
import platform
import re
import sys
import time
from typing import Any, NamedTuple

import cv2
import torch
import yaml

from depth_estimation_ros import __version__
from depth_estimation_ros.commands.annotating import (
    annotate, AnnotateError, DEPTH_FORMATS, Wishes, WRITES)
from depth_estimation_ros.commands.pools import in_processes, on_ray
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.commands.shelves import (
    absolute, check_own, COMMAND, find_units, MADE_BY, place_of, SUMMARY, summary_of, Unit)
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import Recorder
from depth_estimation_ros.drives.folder import read_camera_yaml
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.scenes import check_scene
from depth_estimation_ros.imaging.memory import keep_memory
from depth_estimation_ros.imaging.wording import meant
from depth_estimation_ros.models import networks
from depth_estimation_ros.node.parameters import BY_NAME, PER_CAMERA, Settings, settings_from

MOST_YAML = 1 << 20  # bytes
SAMPLE = 1 << 20  # bytes at each end of a file, by which it is known again
# What of the parameters has no part in what comes out.
LIVE_ONLY = {'allow_download', 'compile', 'threads', 'image_transport', 'max_age', 'max_rate',
             'camera_info_timeout', 'autostart', 'scan.frame', 'scan.extrinsics'}


class _Plan(NamedTuple):
    """What all processes of a run share."""

    values: dict[str, Any]  # of the node's parameters
    wishes: Wishes
    overwrite: bool
    threads: int
    quiet: bool


def run(bags: Sequence[str], output: Path | str, images: Sequence[str] = (), camera: str = '',
        params_file: str = '', parameters: Sequence[str] = (), write: Sequence[str] | None = None,
        depth_format: str = '32FC1', jobs: int = 0, shard: str = '', ray: str = '',
        merge: bool = False, overwrite: bool = False) -> str:
    """
    Write the depth of recordings below `output`; return the table.

    :param bags: recordings, folders with recordings in them, patterns with * of either.
    :param images: topics of pictures; none: all that have a CameraInfo.
    :param camera: a calibration file for recordings without CameraInfo.
    :param params_file: of the node; parameters: NAME:=VALUE over it.
    :param write: some of WRITES. depth_format: of DEPTH_FORMATS. merge: with all that was
        recorded.
    :param jobs: processes; 0: one, on Ray as many as it has room for. shard: I/N: of N machines
        this is the I-th, from 1. ray: address of a cluster, or auto.
    :param overwrite: make anew what an earlier run of this command made otherwise.
    :raises ValueError: nothing can be done; or AnnotateError, after the table, where some failed.
    """
    wishes = Wishes(tuple(images), read_camera_yaml(Path(camera).expanduser()) if camera else None,
                    _writes(write), depth_format, merge)
    if depth_format not in DEPTH_FORMATS:
        raise AnnotateError(f'--depth-format {depth_format} is not one of '
                            f'{", ".join(DEPTH_FORMATS)}')
    if not 0 <= jobs <= 4096:
        raise AnnotateError(f'--jobs {jobs} is no number of processes: 1 to 4096')
    values = _values(params_file, parameters)
    units = _share(find_units(bags, output), shard)
    # On a cluster nobody knows the cores of a machine: one, until threads says more.
    cores = 1 if ray else len(os.sched_getaffinity(0))
    threads = values['threads'] or max(cores // max(jobs, 1), 1)
    if ray:  # paths travel, and mean the same on each machine
        units = [absolute(unit) for unit in units]
    plan = _Plan(values, wishes, overwrite, threads, bool(ray) or jobs > 1)
    started = time.monotonic()
    rows = list(_rows(units, plan, jobs, ray))
    return _conclude(rows, time.monotonic() - started, output)


def _rows(units: Sequence[Unit], plan: _Plan, jobs: int,
          ray: str) -> Iterator[dict[str, Any]]:
    """Do the units; yield what is to be said of each as it is done."""
    _start(plan)  # what is wrong with the parameters is said once, and before anything is made
    if ray:
        device = _state[3].device
        made = on_ray(units, partial(_start, plan), _unit, ray, jobs, plan.threads,
                      int(device.type == 'cuda' or plan.values['device'].startswith('cuda')))
    elif jobs > 1:
        made = in_processes(units, partial(_start, plan), _unit, jobs)
    else:
        made = ((unit, _unit(unit)) for unit in units)
    for number, (unit, row) in enumerate(made, 1):
        row = row or _row(unit, 'failed: its process was killed again and again, for memory '
                          'perhaps: take fewer --jobs')
        if row['state'].startswith('failed'):
            print(f"{row['name']}: {row['state']}", file=sys.stderr, flush=True)
        elif plan.quiet:
            print(f"{number} of {len(units)}: {row['name']} {row['state']}", file=sys.stderr,
                  flush=True)
        yield row


_state: tuple[_Plan, Settings, networks.Loaded, DepthEstimator] | None = None


def _start(plan: _Plan) -> None:
    """Load the network for this process, once."""
    global _state
    keep_memory()
    settings = settings_from(plan.values)
    loaded = networks.open_network(settings.model, settings.weights, settings.input_size,
                                   settings.allow_download)
    for camera in settings.cameras:
        check_scene(settings.of(camera, 'scene'), loaded.network)
    torch.set_num_threads(plan.threads)
    cv2.setNumThreads(plan.threads)
    # As it is, and not compiled: that would come in the middle, and change the last digits.
    estimator = DepthEstimator(loaded.network, settings.device, settings.precision,
                               max(len(settings.cameras), 4))
    estimator.warm_up()
    _state = plan, settings, loaded, estimator


def _unit(unit: Unit) -> dict[str, Any]:
    """Make the depth of one recording; whatever is wrong with it is in the row."""
    plan, settings, loaded, estimator = _state
    try:
        digest = _digest(unit, plan, loaded, estimator)
        if (there := summary_of(unit.target)) is not None:
            if there.get('digest') == digest:
                return _row(unit, 'was there', there)
            if not plan.overwrite:
                return _row(unit, f'failed: {unit.target} was made of other bytes or with other '
                            'options: give another --output, or --overwrite')
            check_own(unit.target)
        return _row(unit, 'done', _make(unit, digest, there is not None))
    except (ValueError, OSError) as error:
        return _row(unit, f'failed: {error}')
    except Exception as error:  # what nobody thought of does not stop the rest
        return _row(unit, f'failed: {type(error).__name__}: {" ".join(str(error).split())[:300]}')


def _make(unit: Unit, digest: str, replace: bool) -> dict[str, Any]:
    """Make the depth of one recording, and return its summary; replace: what we made before."""
    plan, settings, loaded, estimator = _state
    began = time.monotonic()
    name = Path(unit.target).name
    with (place_of(unit.source).at_hand() as source, Bag(source) as bag,
          place_of(unit.target).going_to() as target):
        with Recorder(target, partial(check_own, str(target)) if replace else None) as recorder:
            outcome = annotate(bag, recorder, settings, plan.wishes, estimator, (
                lambda pictures: progress(pictures, None, name)) if not plan.quiet else iter)
            if not outcome.written:
                reasons = ', '.join(f'{count} by {reason}'
                                    for reason, count in outcome.dropped.items()) or 'none came'
                raise AnnotateError(f'of {unit.source} no picture became depth ({reasons})'
                                    + ''.join(f'; {remark}' for remark in outcome.remarks))
            seconds = time.monotonic() - began
            summary = {
                MADE_BY: f'{COMMAND} {__version__}', 'digest': digest,
                'source': absolute(unit).source, 'cut short': bag.cut,
                'frames': dict(outcome.written), 'dropped': dict(outcome.dropped),
                'topics': outcome.topics, 'seconds': round(seconds, 3),
                'frames a second': round(sum(outcome.written.values()) / seconds, 2),
                'model': loaded.network.description, 'sha256': loaded.sha256,
                'scale contract': loaded.network.contract.kind.value,
                'scale': outcome.scales, 'device': str(estimator.device),
                'precision': estimator.form, 'remarks': list(outcome.remarks),
                'parameters': _told(plan.values), 'versions': {
                    'python': platform.python_version(), 'torch': torch.__version__}}
            recorder.attach(SUMMARY, json.dumps(summary, indent=1) + '\n')
    return summary


def _digest(unit: Unit, plan: _Plan, loaded, estimator: DepthEstimator) -> str:
    """
    Return what the outcome depends on, in a number: recording, model and options.

    Of each file its size, and a mebibyte at both ends: reading terabytes twice is no better.
    """
    digest = hashlib.sha256()
    for file in place_of(unit.source).files():
        digest.update(f'{file.name} {file.size}\n'.encode())
        digest.update(file.read(0, min(SAMPLE, file.size)))
        if file.size > SAMPLE:
            start = max(file.size - SAMPLE, SAMPLE)
            digest.update(file.read(start, file.size - start))
    wishes = asdict(plan.wishes)
    digest.update(json.dumps([
        __version__, loaded.sha256, loaded.network.description, estimator.device.type,
        estimator.form, {name: value for name, value in plan.values.items()
                         if name not in LIVE_ONLY}, wishes], sort_keys=True).encode())
    return digest.hexdigest()


def _share(units: list[Unit], shard: str) -> list[Unit]:
    if not shard:
        return units
    found = re.fullmatch(r'(\d{1,6})/(\d{1,6})', shard)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise AnnotateError(f'--shard {shard} is no share: give I/N, I from 1 to N, such as 1/8')
    return units[int(found[1]) - 1::int(found[2])]


def _writes(write: Sequence[str] | None) -> tuple[str, ...]:
    if write is None:
        return Wishes.write
    for name in write:
        if name not in WRITES:
            raise AnnotateError(f'--write {name} is not one of {", ".join(WRITES)}'
                                f'{meant(name, WRITES)}')
    return tuple(name for name in WRITES if name in write)


def _values(params_file: str, parameters: Sequence[str]) -> dict[str, Any]:
    """Return all values of the node's table; raises ValueError with a sentence."""
    given: dict[str, Any] = {}
    if params_file:
        path = Path(params_file).expanduser()
        try:
            if path.stat().st_size > MOST_YAML:
                raise OSError('it is too large')
            content = yaml.safe_load(path.read_text())
            for part in content.values():
                given.update(_flat(part['ros__parameters']))
        except (OSError, ValueError, yaml.YAMLError, RecursionError, AttributeError, KeyError,
                TypeError) as error:
            raise AnnotateError(f'--params-file {path} is no parameter file of a node '
                                f'({" ".join(str(error).split())[:120]})') from None
    for text in parameters:
        name, found, value = text.partition(':=')
        try:
            given[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            found = ''
        if not found:
            raise AnnotateError(f"--param '{text}' is no NAME:=VALUE, such as camera_height:=1.2")
    values = {name: parameter.default for name, parameter in BY_NAME.items()}
    cameras = BY_NAME['cameras'].check(given.get('cameras', values['cameras']))
    for name, value in given.items():
        camera, _, own = name.rpartition('.')
        parameter = BY_NAME.get(name) or (
            BY_NAME[own] if own in PER_CAMERA and camera in cameras else None)
        if parameter is None:
            if name == 'use_sim_time' or name.startswith('qos_overrides.'):
                continue  # of files for the node
            raise AnnotateError(f"parameter '{name}' is not known{meant(name, BY_NAME) or ':'} "
                                'docs/parameters.md lists those that there are')
        values[name] = parameter.check(value)
    settings_from(values)
    return values


def _flat(tree: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are not as they come."""
    return {name: value for name, value in values.items()
            if name not in BY_NAME or value != BY_NAME[name].default}


def _row(unit: Unit, state: str, summary: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {'name': Path(unit.target).name, 'state': state, 'summary': summary}


def _conclude(rows: list[dict[str, Any]], seconds: float, output: Path | str) -> str:
    lines = [('recording', 'state', 'frames', 'dropped', 'frames/s')]
    for row in sorted(rows, key=lambda row: row['name']):
        summary = row['summary'] or {}
        frames, dropped = (sum(summary.get(key, {}).values()) for key in ('frames', 'dropped'))
        state = row['state'].partition(':')[0]
        lines.append((row['name'], state + (', cut short' if summary.get('cut short') else ''),
                      str(frames or '-'), str(dropped) if summary else '-',
                      f"{summary['frames a second']:g}" if summary else '-'))
    widths = [max(map(len, column)) for column in zip(*lines)]
    made = sum(sum((row['summary'] or {}).get('frames', {}).values()) for row in rows
               if row['state'] == 'done')
    table = '\n'.join([
        *('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
          for line in lines),
        f'{made} frames in {seconds:.1f} s; in {output}, each with a {SUMMARY}'])
    failed = [row for row in rows if row['state'].startswith('failed')]
    if failed:
        print(table)
        raise AnnotateError(f'{len(failed)} of {len(rows)} recordings failed: '
                            f'{", ".join(row["name"] for row in failed)}')
    return table
