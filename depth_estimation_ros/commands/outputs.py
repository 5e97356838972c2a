# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The folder that a command fills: what it may write there, replace and remove.

A file called MANIFEST lists what our runs have made there, as it was when they made it. Only that
is replaced or removed; all else is the user's, and is in the way until --overwrite is given.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
import fcntl
import json
import os
from pathlib import Path
import shutil

MANIFEST = 'depth_estimation.manifest'
MOST_MANIFEST = 1 << 26  # bytes; half a million files


class OutputError(ValueError):
    """Nothing can be written there; the message says what to change."""


def refuse_inputs(output: Path, inputs: Iterable[Path | str]) -> None:
    """Raise OutputError where `output` is one of the inputs of a command, or has one in it."""
    there = output.expanduser().resolve()
    for given in inputs:
        path = Path(given).expanduser().resolve()
        if there == path or there in path.parents:
            raise OutputError(f'--output {output} {"is" if there == path else "contains"} the '
                              f'input {given}, which is never written to: give another --output')


def refuse_file(output: Path, overwrite: bool, inputs: Iterable[Path | str] = ()) -> None:
    """Raise OutputError where the single file `output` may not be written."""
    refuse_inputs(output, inputs)
    if output.is_dir() or output.exists() and not overwrite:
        raise OutputError(f'{output} is there already: give another --output'
                          f'{"" if output.is_dir() else ", or --overwrite"}')
    if not output.absolute().parent.is_dir():
        raise OutputError(f'{output.absolute().parent} is no folder: give another --output')


def write_parameters(output: Path, comments: Iterable[str], parameters: Mapping[str, str]) -> None:
    """
    Write a parameter file for the node; parameters: values as YAML, by name.

    :raises OutputError: it cannot be written.
    """
    text = '\n'.join([
        *(f'# {line}' for line in comments),
        '# ros2 launch depth_estimation_ros depth.launch.py params_file:=<this file>',
        '/**:', '  ros__parameters:',
        *(f'    {name}: {value}' for name, value in parameters.items()), ''])
    try:
        with whole_file(output) as part:
            part.write_text(text)
    except OSError as error:
        raise OutputError(f'{output} cannot be written ({error.strerror}): give another '
                          '--output') from None


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path; what is there when the block ends well becomes `path`."""
    part = path.with_name(f'.{path.stem}.part{path.suffix}')
    try:
        part.unlink(missing_ok=True)
        yield part
        if part.exists():
            os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


class Outputs:
    """
    The folder of one run of a command. It is made by the first file that is written.

    A file appears under its name when it is whole. Leaving the `with` block takes away what is
    empty, so that a run that failed leaves nothing.
    """

    def __init__(self, folder: Path, command: str, inputs: Iterable[Path | str] = (),
                 overwrite: bool = False):
        """
        Look, and change nothing.

        :param command: whose earlier runs count as own. inputs: what it reads.
        :raises OutputError: an input would be in it, or it cannot be a folder.
        """
        self.folder, self.command, self._overwrite = folder.expanduser(), command, overwrite
        refuse_inputs(folder, inputs)
        self._made: list[Path] = []  # folders, the outer ones first
        self._manifest = None
        self._fresh = True  # the manifest is of this run
        self.settings: dict | None = None  # of the last run of this command
        self._own: dict[str, tuple[int, int]] = {}
        for entry in _entries(self.folder / MANIFEST):
            if entry.get('command') != command:
                self._own.pop(str(entry.get('file')), None)
            elif isinstance(entry.get('settings'), dict):
                self.settings = entry['settings']
            elif isinstance(entry.get('file'), str):
                self._own[entry['file']] = entry.get('size'), entry.get('time')
        for path in (self.folder, *self.folder.parents):
            if path.is_dir():
                break
            if path.exists() or path.is_symlink():
                raise OutputError(f'{path} cannot be made a folder (a file has that name): give '
                                  'another --output')

    def has(self, name: str) -> bool:
        """Tell whether an earlier run of this command made this file, and it is as it was."""
        return self._own.get(name, 0) == _look(self.folder / name)

    def check(self, names: Iterable[str]) -> None:
        """Raise OutputError where one of the files to be written is in the way."""
        for name in names:
            path = self.folder / name
            if not (self.has(name) or self._overwrite and not path.is_dir()) and (
                    path.exists() or path.is_symlink()):
                raise OutputError(
                    f'{path} is there already, and no earlier {self.command} made it as it is: '
                    'give another --output'
                    f'{"" if path.is_dir() else ", or --overwrite to replace it"}')

    def clear(self) -> None:
        """Remove what earlier runs of this command made, and folders that are empty then."""
        home = self.folder.resolve()
        folders = set()
        for name in [name for name in self._own if self.has(name)]:
            path = self.folder / name
            parents = path.parent.resolve()
            if home == parents or home in parents.parents:
                path.unlink()
                folders.update(p for p in (parents, *parents.parents) if home in p.parents)
        self._own.clear()
        for path in sorted(folders, reverse=True):
            with suppress(OSError):  # something else is in it
                path.rmdir()

    def make_way(self, bags: Iterable[str], names: Collection[str]) -> None:
        """
        Remove folders, in which bags are to be made; `check` has let their files, `names`, pass.

        :raises OutputError: one holds something else; nothing is removed.
        """
        folders = [path for path in map(self.folder.joinpath, bags) if path.is_dir()]
        files = [file for folder in folders for file in folder.iterdir()]
        for other in set(files) - {self.folder / name for name in names}:
            raise OutputError(f'{other} is in the way of a bag and not of an earlier '
                              f'{self.command}: give another --output')
        for file in files:
            file.unlink()
        for folder in folders:
            folder.rmdir()

    def begin(self, settings: Mapping) -> None:
        """Note how this run was asked for, for one that goes on from here."""
        self._note({'settings': dict(settings)})

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """
        Give a temporary path; what is there when the block ends well becomes the file `name`.

        :raises OutputError: it is in the way, or cannot be written.
        """
        path = self.folder / name
        try:
            self.check([name])
            self._open(path.parent)
            with whole_file(path) as part:
                yield part
                made = part.exists()
            if made:
                self.keep(name)
        except OSError as error:
            raise OutputError(f'{path} cannot be written ({error.strerror}): make room, or give '
                              'another --output; the files before it are whole') from None

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a whole file; raises OutputError."""
        with self.write(name) as part:
            part.write_bytes(data)

    def keep(self, *names: str) -> None:
        """Note that this run made these files, or all files in these folders."""
        for name in names:
            path = self.folder / name
            for file in sorted(path.rglob('*')) if path.is_dir() else [path]:
                if (seen := _look(file)) is not None:
                    relative = file.relative_to(self.folder).as_posix()
                    self._own[relative] = seen
                    self._note({'file': relative, 'size': seen[0], 'time': seen[1]})

    def make(self) -> Path:
        """Make the folder for what writes there by itself, and return it; raises OutputError."""
        try:
            self._open(self.folder)
        except OSError as error:
            raise OutputError(f'{self.folder} cannot be made ({error.strerror}): give another '
                              '--output') from None
        return self.folder

    def free(self) -> int:
        """Return the bytes that are free where the folder is, or will be."""
        return shutil.disk_usage(next(path for path in (
            self.folder.absolute(), *self.folder.absolute().parents) if path.exists())).free

    def __enter__(self) -> Outputs:
        """Begin the run."""
        return self

    def __exit__(self, *_) -> None:
        """End the run; what it made and left empty goes."""
        if self._manifest:
            with suppress(OSError):
                if self._fresh and not self._own:
                    (self.folder / MANIFEST).unlink()
            self._manifest.close()
        for path in reversed(self._made):
            with suppress(OSError):  # something is in it
                path.rmdir()

    def _open(self, folder: Path) -> None:
        for path in reversed((folder, *folder.parents)):
            if not path.is_dir():
                path.mkdir()
                self._made.append(path)
        if self._manifest:
            return
        path = self.folder / MANIFEST
        self._fresh = not path.exists()
        self._manifest = os.fdopen(os.open(  # never what a link points to
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666), 'a')
        try:
            fcntl.flock(self._manifest, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._fresh = False
            raise OutputError(f'another run is writing into {self.folder}: wait for it, or give '
                              'another --output') from None
        except OSError:  # a file system without locks
            pass

    def _note(self, entry: dict) -> None:
        self._open(self.folder)
        print(json.dumps({'command': self.command, **entry}), file=self._manifest, flush=True)


def _look(path: Path) -> tuple[int, int] | None:
    """Return size and time of change, ns, of a file; None where there is none."""
    try:
        found = path.lstat()
    except (OSError, ValueError):  # a manifest may name what can be no file
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None


def _entries(manifest: Path) -> Iterator[dict]:
    """Yield what can be read of a manifest, of any origin."""
    try:
        with manifest.open(encoding='utf-8', errors='replace') as file:
            text = file.read(MOST_MANIFEST)
    except OSError:
        return
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry
