# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Where recordings lie and where their depth comes: folders, or stores such as s3://bucket/path.

Stores are read and written through fsspec. A recording of a store is brought here for the time of
the work. A store gives no folder its name at once, so that the summary, which says whose a
recording is, comes first and says `unfinished`, and again when all else is there.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from glob import glob
import json
import os
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

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


class _Place(Protocol):
    """A place of a recording, or of many, or of what is made of one: its `path` says where."""

    path: str
    name: str

    def matches(self) -> Sequence[_Place]:
        """Return what it means, where it is a pattern; else itself."""

    def is_file(self) -> bool: ...

    def inside(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the files of each folder, '' for itself, as far as there are any."""

    def files(self) -> list[File]:
        """Return those of a recording, in the order of names."""

    def at_hand(self) -> AbstractContextManager[str]:
        """Give the place of a recording on this machine, as long as the block lasts."""

    def going_to(self) -> AbstractContextManager[Path]:
        """Give a place on this machine for a folder; it comes here when the block ends well."""

    def names(self) -> list[str] | None:
        """Return what a folder holds; None: nothing is there."""

    def read(self, name: str) -> bytes: ...

    def refuse(self, sources: Sequence[str]) -> None:
        """Raise OutputError where what comes here would be written to one of them."""

    def absolute(self) -> str:
        """Return its path, in any folder."""


def place_of(path: str) -> _Place:
    """Return what a path or an address of a user means; raises ShelfError."""
    return _Store(path) if '://' in path else _Folder(path)


def find_units(names: Sequence[str], output: Path | str) -> list[Unit]:
    """
    Return the recordings that are meant, by their places, each with the folder of its depth.

    :raises ShelfError: a name is no recording and holds none, or two would become one, or one
        has no name.
    :raises OutputError: one of them would be written to.
    """
    target, found = place_of(str(output)), {}
    for name in names:
        here = [one for place in place_of(name).matches() for one in _recordings(place)]
        if not here:
            raise ShelfError(f'{name} is no recording and holds none: give rosbag2 folders, '
                             '.mcap or .db3 files, or folders with those')
        for source, own in here:
            if {'', '.', '..'} & set(own.split('/')):  # which would lead out of the output
                raise ShelfError(f'{source} has no name that its depth could have: rename it')
            before = next((s for s, t in found.items() if t == own and s != source), None)
            if before:
                raise ShelfError(f'{before} and {source} would both become {output}/{own}: '
                                 'give them an --output each')
            found[source] = own
    target.refuse(list(found))
    return [Unit(source, f'{target.path}/{own}') for source, own in sorted(found.items())]


def absolute(unit: Unit) -> Unit:
    """Return a unit that means the same in any folder."""
    return Unit(*(place_of(path).absolute() for path in unit))


def summary_of(target: str) -> dict[str, Any] | None:
    """
    Return the summary of what an earlier run made there, None where there is nothing whole.

    :raises OutputError: somebody else made what is there.
    """
    place = place_of(target)
    names = place.names()
    if names is None:
        return None
    try:
        summary = json.loads(place.read(SUMMARY)) if SUMMARY in names else {}
        if not str(summary[MADE_BY]).startswith(COMMAND):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise OutputError(f'{target} is there and was not made by this command: give another '
                          '--output') from None
    return None if summary.get(UNFINISHED) else summary


def check_own(target: str) -> None:
    """Raise OutputError where more has come into what an earlier run made."""
    place = place_of(target)
    others = sorted(set(place.names() or ()) - {
        SUMMARY, 'metadata.yaml', f'{place.path.rpartition("/")[2]}.mcap'})
    if others:
        raise OutputError(f'{target} holds {", ".join(others)} too, which this command did not '
                          'make: give another --output')


def _recordings(place: _Place) -> Iterator[tuple[str, str]]:
    """Yield the recordings of a place, each with its name in the output."""
    if place.is_file():
        if place.path.endswith(KINDS):
            yield place.path, place.path.rpartition('/')[2].partition('.')[0]
        return
    inside = place.inside()
    recordings = {folder for folder, names in inside.items()
                  if any(name.endswith(KINDS) for name in names)}
    if '' in recordings:
        yield place.path, place.name
        return
    for folder in sorted(recordings):
        parts = folder.split('/')
        if not (any(part.startswith('.') for part in parts)
                or SUMMARY in inside[folder]  # what this command made
                or recordings.intersection('/'.join(parts[:n]) for n in range(1, len(parts)))):
            yield f'{place.path}/{folder}', folder


class _Folder:
    """A file or a folder of this machine."""

    def __init__(self, path: str):
        self._path = Path(path).expanduser()
        self.path = str(self._path)
        self.name = self._path.resolve().name

    def matches(self) -> list[_Folder]:
        return [_Folder(path) for path in sorted(glob(self.path))] if _is_pattern(self.path) else [
            self]

    def is_file(self) -> bool:
        return self._path.is_file()

    def inside(self) -> dict[str, list[str]]:
        found = {}
        for folder, folders, names in os.walk(self._path):
            folders[:] = [name for name in folders if not name.startswith('.')]
            found['' if folder == self.path else os.path.relpath(folder, self._path)] = names
            if any(name.endswith(KINDS) for name in names):
                folders.clear()  # a recording holds no other
        return found

    def files(self) -> list[File]:
        there = [self._path] if self._path.is_file() else sorted(
            file for file in self._path.iterdir() if file.name.endswith(KINDS))
        return [File(file.name, file.stat().st_size, partial(_read, file)) for file in there]

    @contextmanager
    def at_hand(self) -> Iterator[str]:
        yield self.path

    @contextmanager
    def going_to(self) -> Iterator[Path]:
        yield self._path

    def names(self) -> list[str] | None:
        if not os.path.lexists(self._path):
            return None
        return os.listdir(self._path) if self._path.is_dir() else []

    def read(self, name: str) -> bytes:
        return _read(self._path / name, 0, MOST_SUMMARY)

    def refuse(self, sources: Sequence[str]) -> None:
        refuse_inputs(self._path, [source for source in sources if '://' not in source])

    def absolute(self) -> str:
        return os.path.abspath(self.path)


def _read(file: Path, start: int, size: int) -> bytes:
    with file.open('rb') as opened:
        opened.seek(start)
        return opened.read(size)


class _Store:
    """A file, or what has one beginning, in a store that fsspec knows."""

    def __init__(self, path: str):
        scheme, _, rest = path.partition('://')
        if not rest.strip('/'):
            raise ShelfError(f'{path} names no place in a store: give one, such as '
                             's3://bucket/path')
        try:
            import fsspec
            # What other machines write is seen at once.
            self._store, self._path = fsspec.url_to_fs(path.rstrip('/'), use_listings_cache=False)
        except ImportError as error:
            raise ShelfError(f'{scheme}:// wants more than is installed here ({error}): pip '
                             "install 'depth_estimation_ros[scale]'") from None
        except ValueError as error:
            raise ShelfError(f'{path} is in no store that fsspec knows ({error})') from None
        self._scheme, self.path = scheme, path.rstrip('/')
        self.name = self._path.rpartition('/')[2]

    def matches(self) -> list[_Store]:
        if not _is_pattern(self._path):
            return [self]
        with self._readable():
            return [_Store(f'{self._scheme}://{path}') for path in sorted(
                self._store.glob(self._path))]

    def is_file(self) -> bool:
        with self._readable():
            return self._store.isfile(self._path)

    def inside(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with self._readable():
            for path in self._store.find(self._path):
                folder, _, name = path[len(self._path):].strip('/').rpartition('/')
                found.setdefault(folder, []).append(name)
        return found

    def files(self) -> list[File]:
        return [File(name, info['size'], lambda start, size, there=info['name']:
                     self._store.cat_file(there, start=start, end=start + size))
                for name, info in self._objects() if name.endswith(KINDS)]

    @contextmanager
    def at_hand(self) -> Iterator[str]:
        objects = [(name, info) for name, info in self._objects()
                   if name == 'metadata.yaml' or name.endswith(KINDS)]
        with TemporaryDirectory(prefix='depth_estimation_annotate_') as scratch:
            size, free = sum(info['size'] for _, info in objects), shutil.disk_usage(scratch).free
            if size > free:
                raise ShelfError(f'{self.path} has {size / 1e9:.1f} GB, and {scratch} has room '
                                 f'for {free / 1e9:.1f} GB: set TMPDIR to a larger disk')
            place = Path(scratch) / self.name
            alone = len(objects) == 1 and self._path.endswith(KINDS)
            if not alone:
                place.mkdir()
            for name, info in objects:
                self._store.get_file(info['name'], str(place if alone else place / name))
            yield str(place)

    @contextmanager
    def going_to(self) -> Iterator[Path]:
        with TemporaryDirectory(prefix='depth_estimation_annotate_') as scratch:
            place = Path(scratch) / self.name
            yield place
            summary = json.loads((place / SUMMARY).read_text())
            self._store.pipe_file(f'{self._path}/{SUMMARY}',
                                  json.dumps({**summary, UNFINISHED: True}).encode())
            for file in sorted(place.iterdir(), key=lambda file: file.name == SUMMARY):
                self._store.put_file(str(file), f'{self._path}/{file.name}')

    def names(self) -> list[str] | None:
        return [name for name, _ in self._objects()] or None

    def read(self, name: str) -> bytes:
        return self._store.cat_file(f'{self._path}/{name}', start=0, end=MOST_SUMMARY)

    def refuse(self, sources: Sequence[str]) -> None:
        for source in sources:
            if f'{source}/'.startswith(f'{self.path}/'):
                raise OutputError(f'--output {self.path} contains the input {source}, which is '
                                  'never written to: give another --output')

    def absolute(self) -> str:
        return self.path

    def _objects(self) -> list[tuple[str, dict]]:
        """Return name and description of what is in the folder, or of the file itself."""
        try:
            found = self._store.ls(self._path, detail=True)
        except FileNotFoundError:
            return []
        objects = [(info['name'].rpartition('/')[2], info) for info in found
                   if info['type'] == 'file']
        return sorted(((name, info) for name, info in objects if name), key=lambda pair: pair[0])

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of many libraries
            raise ShelfError(f'{self.path} cannot be read ({type(error).__name__}: '
                             f'{" ".join(str(error).split())[:200]})') from error


def _is_pattern(name: str) -> bool:
    return re.search(r'[*?[]', name) is not None
