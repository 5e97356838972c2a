# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Where recordings lie and where their depth comes: folders, or stores such as s3://bucket/path.

Stores are read and written through fsspec. A recording of a store is brought here for the time of
the work. A store gives no folder its name at once, so that the summary, which says whose a
recording is, comes first and says `unfinished`, and again when all else is there.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob
import json
import os
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from depth_estimation_ros.commands.outputs import OutputError, refuse_inputs
from depth_estimation_ros.drives.bag import KINDS

SUMMARY, MADE_BY, UNFINISHED = 'summary.json', 'made by', 'unfinished'
COMMAND = 'depth_estimation annotate'
MOST_SUMMARY = 1 << 20  # bytes


class ShelfError(ValueError):
    """There is no recording, or no store; the message says what to change."""


class Unit(NamedTuple):
    """A recording, and the folder that its depth comes into."""

    source: str
    target: str


class File(NamedTuple):
    """A file of a recording; read: returns its bytes from a place, so many."""

    name: str
    size: int
    read: Callable[[int, int], bytes]


def find_units(names: Sequence[str], output: Path | str) -> list[Unit]:
    """
    Return the recordings that are meant, by their places, each with the folder of its depth.

    :raises ShelfError: a name is no recording and holds none, or two would become one, or one
        has no name.
    :raises OutputError: one of them would be written to.
    """
    output, found = str(output), {}
    for name in names:
        here = list(_in_store(name) if _is_store(name) else _here(os.path.expanduser(name)))
        if not here:
            raise ShelfError(f'{name} is no recording and holds none: give rosbag2 folders, '
                             '.mcap or .db3 files, or folders with those')
        for source, target in here:
            if {'', '.', '..'} & set(target.split('/')):  # which would lead out of the output
                raise ShelfError(f'{source} has no name that its depth could have: rename it')
            before = next((s for s, t in found.items() if t == target and s != source), None)
            if before:
                raise ShelfError(f'{before} and {source} would both become {output}/{target}: '
                                 'give them an --output each')
            found[source] = target
    if _is_store(output):
        for source in found:
            if f'{source}/'.startswith(f'{output.rstrip("/")}/'):
                raise OutputError(f'--output {output} contains the input {source}, which is '
                                  'never written to: give another --output')
        place = output.rstrip('/')
    else:
        refuse_inputs(Path(output), [source for source in found if not _is_store(source)])
        place = os.path.expanduser(output)
    return [Unit(source, f'{place}/{target}') for source, target in sorted(found.items())]


def absolute(unit: Unit) -> Unit:
    """Return a unit that means the same in any folder."""
    return Unit(*(path if _is_store(path) else os.path.abspath(path) for path in unit))


def files(source: str) -> list[File]:
    """Return what a recording consists of, in the order of names."""
    if not _is_store(source):
        return [File(file.name, file.stat().st_size, lambda start, size, file=file: _read(
            file, start, size)) for file in _files(Path(source))]
    store, path = _store(source)
    return [File(name, info['size'], lambda start, size, there=info['name']: store.cat_file(
        there, start=start, end=start + size)) for name, info in _objects(store, path)
        if name.endswith(KINDS)]


@contextmanager
def at_hand(source: str) -> Iterator[str]:
    """Give the place of a recording on this machine, as long as the block lasts."""
    if not _is_store(source):
        yield source
        return
    store, path = _store(source)
    objects = _objects(store, path)
    with TemporaryDirectory(prefix='depth_estimation_annotate_') as scratch:
        _check_room(scratch, sum(info['size'] for _, info in objects), source)
        place = Path(scratch) / path.rpartition('/')[2]
        alone = len(objects) == 1 and path.endswith(KINDS)
        if not alone:
            place.mkdir()
        for name, info in objects:
            store.get_file(info['name'], str(place if alone else place / name))
        yield str(place)


@contextmanager
def going_to(target: str) -> Iterator[Path]:
    """Give a place on this machine for a folder; it comes to `target` when the block ends well."""
    if not _is_store(target):
        yield Path(target)
        return
    store, path = _store(target)
    with TemporaryDirectory(prefix='depth_estimation_annotate_') as scratch:
        place = Path(scratch) / path.rpartition('/')[2]
        yield place
        summary = json.loads((place / SUMMARY).read_text())
        store.pipe_file(f'{path}/{SUMMARY}', json.dumps({**summary, UNFINISHED: True}).encode())
        for file in sorted(place.iterdir(), key=lambda file: file.name == SUMMARY):
            store.put_file(str(file), f'{path}/{file.name}')


def summary_of(target: str) -> dict[str, Any] | None:
    """
    Return the summary of what an earlier run made there, None where there is nothing whole.

    :raises OutputError: somebody else made what is there.
    """
    if _is_store(target):
        store, path = _store(target)
        there = {name: info['size'] for name, info in _objects(store, path, every=True)}
        text = store.cat_file(f'{path}/{SUMMARY}') if (
            there.get(SUMMARY, MOST_SUMMARY) < MOST_SUMMARY) else None
    else:
        file = Path(target) / SUMMARY
        there = os.path.lexists(target)
        text = file.read_bytes() if (
            file.is_file() and file.stat().st_size < MOST_SUMMARY) else None
    if not there:
        return None
    try:
        summary = json.loads(text)
        if not str(summary[MADE_BY]).startswith(COMMAND):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise OutputError(f'{target} is there and was not made by this command: give another '
                          '--output') from None
    return None if summary.get(UNFINISHED) else summary


def check_own(target: str) -> None:
    """Raise OutputError where more has come into what an earlier run made."""
    if _is_store(target):
        names = {name for name, _ in _objects(*_store(target), every=True)}
    else:
        names = {path.name for path in Path(target).glob('*')}
    others = sorted(names - {SUMMARY, 'metadata.yaml', f'{Path(target).name}.mcap'})
    if others:
        raise OutputError(f'{target} holds {", ".join(others)} too, which this command did not '
                          'make: give another --output')


# -- on this machine --

def _here(name: str) -> Iterator[tuple[str, str]]:
    """Yield the recordings that a name or a pattern means, each with its name in the output."""
    for place in sorted(glob(name)) if _is_pattern(name) else [name]:
        path = Path(place)
        if path.is_file() and path.name.endswith(KINDS):
            yield str(path), _plain(path.name)
        elif path.is_dir() and _files(path):
            yield str(path), path.resolve().name
        elif path.is_dir():
            for folder, names, inside in os.walk(path):
                names[:] = sorted(name for name in names if not name.startswith('.'))
                if any(file.endswith(KINDS) for file in inside):
                    names.clear()
                    if (Path(folder) / SUMMARY).is_file():
                        continue  # what this command made
                    yield folder, os.path.relpath(folder, path)


def _files(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(
        file for file in source.iterdir() if file.name.endswith(KINDS))


def _read(file: Path, start: int, size: int) -> bytes:
    with file.open('rb') as opened:
        opened.seek(start)
        return opened.read(size)


def _check_room(scratch: str, size: int, source: str) -> None:
    free = shutil.disk_usage(scratch).free
    if size > free:
        raise ShelfError(f'{source} has {size / 1e9:.1f} GB, and {scratch} has room for '
                         f'{free / 1e9:.1f} GB: set TMPDIR to a larger disk')


# -- in a store --

def _is_store(path: str) -> bool:
    return '://' in path


def _store(path: str):
    """Return fsspec's file system of an address, and the path in it; raises ShelfError."""
    scheme, _, rest = path.partition('://')
    if not rest.strip('/'):
        raise ShelfError(f'{path} names no place in a store: give one, such as s3://bucket/path')
    try:
        import fsspec
        # What other machines write is seen at once.
        return fsspec.url_to_fs(path.rstrip('/'), use_listings_cache=False)
    except ImportError as error:
        raise ShelfError(f'{scheme}:// wants more than is installed here ({error}): pip install '
                         "'depth_estimation_ros[scale]'") from None
    except ValueError as error:
        raise ShelfError(f'{path} is in no store that fsspec knows ({error})') from None


def _in_store(name: str) -> Iterator[tuple[str, str]]:
    """Yield the recordings of a store, as `_here`."""
    store, path = _store(name)
    scheme = name.partition('://')[0]
    try:
        for place in sorted(store.glob(path)) if _is_pattern(path) else [path]:
            last = place.rpartition('/')[2]
            if store.isfile(place):
                if place.endswith(KINDS):
                    yield f'{scheme}://{place}', _plain(last)
                continue
            below = [file[len(place):].strip('/') for file in store.find(place)]
            folders = {file.rpartition('/')[0] for file in below if file.endswith(KINDS)}
            ours = {file.rpartition('/')[0] for file in below
                    if file.rpartition('/')[2] == SUMMARY}
            for folder in sorted(folders):
                above = folder.split('/')
                if any(part.startswith('.') for part in above) or any(
                        '/'.join(above[:n]) in folders for n in range(len(above))) and folder:
                    continue
                if not folder:
                    yield f'{scheme}://{place}', last
                elif folder not in ours:
                    yield f'{scheme}://{place}/{folder}', folder
    except Exception as error:  # of many libraries
        raise ShelfError(f'{name} cannot be read ({type(error).__name__}: '
                         f'{" ".join(str(error).split())[:200]})') from error


def _objects(store, path: str, every: bool = False) -> list[tuple[str, dict]]:
    """Return name and description of what is in a folder of a store, or of the file itself."""
    try:
        found: Iterable[dict] = store.ls(path, detail=True)
    except FileNotFoundError:
        return []
    objects = [(info['name'].rpartition('/')[2], info) for info in found
               if info['type'] == 'file']
    return sorted(((name, info) for name, info in objects
                   if name and every or name == 'metadata.yaml' or name.endswith(KINDS)),
                  key=lambda pair: pair[0])


def _is_pattern(name: str) -> bool:
    return re.search(r'[*?[]', name) is not None


def _plain(name: str) -> str:
    return name.partition('.')[0]
