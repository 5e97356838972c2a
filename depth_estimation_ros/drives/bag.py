# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reading rosbag2 files without ROS, whole or cut short."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from pathlib import Path
import re
import shutil
import sqlite3
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rosbags.interfaces import MessageDefinitionFormat, QosDurability
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag_recovery import McapScan, SqliteScan
from depth_estimation_ros.drives.unpacking import unpack, unpack_file
from depth_estimation_ros.imaging.wording import meant

# How a message begins that rosbag2 has compressed by itself; only metadata.yaml says so, which a
# recording that was cut short does not have. No CDR begins like this.
ZSTD = b'\x28\xb5\x2f\xfd'
KINDS = ('.mcap', '.db3', '.mcap.zstd', '.db3.zstd')
MOST_METADATA = 1 << 24  # bytes


class Message(NamedTuple):
    """A message as it lies in a bag: `stamp` is when it was recorded, ns; `data` is CDR."""

    topic: str
    type: str
    stamp: int
    data: bytes


class Topic(NamedTuple):
    """A topic of a bag; `latched`: a publisher of it offered transient local durability."""

    type: str
    count: int
    latched: bool


class Bag:
    """
    A bag to read from: a rosbag2 folder, or a single .mcap or .db3 file of one (or .zstd of it).

    topics: name -> Topic. start, end: of the first and the last message, ns. size: bytes on
    disk. cut: None, or a sentence: the recording never ended properly, and this is what is left
    of it, to the last whole message. The files are only ever read.
    """

    def __init__(self, path: Path | str):
        """
        Look into the bag.

        :raises DriveError: there is none, it is damaged beyond reading, or has no message.
        """
        self.path = Path(path)
        self.cut: str | None = None
        self.topics: dict[str, Topic] = {}
        self._types = None
        self._stack = ExitStack()
        try:
            self._readers = self._open()
            self._look()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bag:
        """Begin the block after which the bag is closed."""
        return self

    def __exit__(self, *_) -> None:
        """Close the bag."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    def _open(self) -> list:
        if not self.path.exists():
            raise DriveError(f'{self.path} is not there: give a rosbag2 folder, or a .mcap or '
                             '.db3 file')
        folder = self.path.is_dir()
        files = sorted((p for p in (self.path.iterdir() if folder else [self.path])
                        if p.name.endswith(KINDS)), key=_natural)
        self.size = sum(file.stat().st_size for file in files)
        described = (folder and (self.path / 'metadata.yaml').is_file()
                     and (self.path / 'metadata.yaml').stat().st_size <= MOST_METADATA)
        packed = [file for file in files if file.suffix == '.zstd']
        if packed:
            unpacked = self._temporary()
            files = [unpack_file(file, unpacked) if file in packed else file for file in files]
        elif described and not any(map(_journals, files)):
            # Whatever the libraries below trip over, the single files are the second chance.
            with suppress(Exception):
                reader = self._stack.enter_context(Reader(self.path))
                if _is_sound(reader) and all(map(_indexed, reader.storage.storages)):
                    # `read` decompresses messages itself, for it knows a bound.
                    reader.storage.metadata = reader.storage.metadata._replace(
                        compression_mode=None)
                    return [reader]
        if not files:
            raise DriveError(f'{self.path} is no bag: expected a rosbag2 folder with .mcap or '
                             '.db3 files in it, or one of these files')
        readers = [self._open_file(file) for file in files]
        if folder and not described and files[-1].suffix == '.db3':
            self._say_cut('metadata.yaml is missing')  # an MCAP file itself tells
        return readers

    def _open_file(self, file: Path):
        if _journals(file):
            file = self._recovered(file)
        with suppress(Exception):  # as above; the scan says what is wrong
            reader = self._stack.enter_context(Reader(file))
            if _indexed(reader.storage):
                return reader
        scan = McapScan(file) if file.suffix == '.mcap' else SqliteScan(file)
        if not scan.whole:
            self._say_cut(f'{file.name} ends in the middle')
        return scan

    def _recovered(self, file: Path) -> Path:
        """Return a copy in which SQLite has finished, or undone, what its journal says."""
        self._say_cut(f'{file.name} was still being written')
        folder = self._temporary()
        try:
            for part in (file, *_journals(file)):
                shutil.copy(part, folder)
        except OSError as error:
            raise DriveError(f'{file} has a journal to be worked off, for which it is copied to '
                             f'{folder.parent}, but {error.strerror.lower()}: set TMPDIR to a '
                             'place with more space') from None
        with suppress(sqlite3.DatabaseError):  # `_open_file` looks at what came of it
            database = sqlite3.connect(folder / file.name)
            database.execute('PRAGMA journal_mode=DELETE').fetchall()
            database.close()
        return folder / file.name

    def _temporary(self) -> Path:
        return Path(self._stack.enter_context(TemporaryDirectory(prefix='bag_')))

    def _say_cut(self, why: str) -> None:
        self.cut = self.cut or (f'{self.path} was cut short ({why}): it is read to its last '
                                'whole message')

    def _look(self) -> None:
        connections = [c for reader in self._readers for c in reader.connections]
        for c in connections:
            known = self.topics.get(c.topic, Topic(c.msgtype, 0, False))
            if known.type != c.msgtype:
                raise DriveError(f'{self.path} has {c.topic} as {known.type} and as {c.msgtype}: '
                                 'split the bag, one type a topic')
            latched = any(q.durability == QosDurability.TRANSIENT_LOCAL
                          for q in c.ext.offered_qos_profiles)
            self.topics[c.topic] = Topic(
                c.msgtype, known.count + c.msgcount, known.latched or latched)
        filled = [reader for reader in self._readers if reader.message_count]
        if not filled or not self.topics:
            raise DriveError(f'{self.path} holds no messages: record it again, and look at '
                             '`ros2 topic hz` of its topics meanwhile')
        self.start = min(reader.start_time for reader in filled)
        self.end = max(reader.end_time for reader in filled) - 1

    def check(self, topics: Iterable[str]) -> None:
        """Raise DriveError where one of `topics` is not in the bag."""
        unknown = sorted(set(topics) - self.topics.keys())
        if unknown:
            raise DriveError(f'{self.path} has no topic {" ".join(unknown)}'
                             f'{meant(unknown[0], self.topics) or ":"} it has '
                             f'{" ".join(sorted(self.topics))}')

    def read(self, topics: Iterable[str] | None = None, start: float = 0.0) -> Iterator[Message]:
        """
        Yield the messages in the order of recording (a cut file: as they lie in it).

        :param topics: only these; None: all. start: seconds after the first message.
        :raises DriveError: no such topic; or, on the way, data that does not fit its checksum.
        """
        wanted = set(self.topics if topics is None else topics)
        self.check(wanted)
        bound = self.start + round(start * 1e9)
        count = 0
        for reader in self._readers:
            connections = [c for c in reader.connections if c.topic in wanted]
            if not connections:
                continue
            try:
                for c, stamp, data in reader.messages(connections, start=bound):
                    if data[:4] == ZSTD:
                        data = unpack('zstd', data)
                    yield Message(c.topic, c.msgtype, stamp, data)
                    count += 1
            except Exception as error:  # of any library below
                raise DriveError(f'{self.path} is damaged after {count} messages '
                                 f'({" ".join(str(error).split())}): copy it again') from error

    def connection(self, topic: str):
        """Return what the bag says of a topic, as rosbags has it: definition, digest, QoS."""
        return next(c for reader in self._readers for c in reader.connections
                    if c.topic == topic)

    def decode(self, message: Message):
        """
        Return the message's fields, by the definition in the bag, else by ROS 2 Jazzy's.

        :returns: an object with the fields as attributes; arrays are numpy's.
        :raises DriveError: the type is not known, or the bytes are not of it.
        """
        try:
            if self._types is None:
                self._types = self._definitions()
            return self._types.deserialize_cdr(message.data, message.type)
        except KeyError:
            raise DriveError(f'{self.path} has no definition of {message.type} '
                             f'({message.topic}): leave this topic out') from None
        except Exception as error:  # definitions and bytes of any origin
            raise DriveError(f'{message.topic} in {self.path} cannot be read as {message.type}: '
                             f'{" ".join(str(error).split())}') from error

    def _definitions(self):
        defined, parse = {}, {
            MessageDefinitionFormat.MSG: lambda c: get_types_from_msg(c.msgdef.data, c.msgtype),
            MessageDefinitionFormat.IDL: lambda c: get_types_from_idl(c.msgdef.data),
            MessageDefinitionFormat.NONE: lambda c: {}}
        for reader in self._readers:
            for c in reader.connections:
                defined.update(parse[c.msgdef.format](c))
        types = get_typestore(Stores.EMPTY)
        jazzy = get_typestore(Stores.ROS2_JAZZY).fielddefs
        types.register({**jazzy, **defined} if self._undefined(defined) else defined)
        return types

    def _undefined(self, defined: dict) -> bool:
        return any(topic.type not in defined for topic in self.topics.values())


def info(path: Path | str) -> str:
    """Return what is in a bag, for people; raises DriveError as `Bag`."""
    with Bag(path) as bag:
        seconds = (bag.end - bag.start) / 1e9
        began = datetime.fromtimestamp(bag.start // 10**9, timezone.utc)
        count = sum(topic.count for topic in bag.topics.values())
        lines = [f'{path}: {count} messages, {seconds:.2f} s from {began:%Y-%m-%d %H:%M:%S} UTC, '
                 f'{bag.size / 1e6:.1f} MB']
        names, types = (max(map(len, column)) for column in (
            bag.topics, [topic.type for topic in bag.topics.values()]))
        for name, topic in sorted(bag.topics.items()):
            rate = f'{(topic.count - 1) / seconds:8.2f} Hz' if topic.count > 1 and seconds else ''
            lines.append(f'  {name:<{names}}  {topic.type:<{types}} {topic.count:7d} {rate}'
                         .rstrip() + (', latched' if topic.latched else ''))
        return '\n'.join(lines + ([bag.cut] if bag.cut else []))


def _is_sound(reader: Reader) -> bool:
    """Tell whether metadata.yaml holds what it must: rosbags takes any YAML for it."""
    numbers = [reader.start_time, reader.end_time, reader.message_count,
               *(c.msgcount for c in reader.connections)]
    texts = [text for c in reader.connections for text in (c.topic, c.msgtype)]
    return (all(type(number) is int and 0 <= number < 1 << 63 for number in numbers)
            and all(isinstance(text, str) for text in texts) and bool(reader.connections))


def _indexed(storage) -> bool:
    """Tell whether rosbags reads it in order: of MCAP files without chunks it refuses some."""
    return bool(getattr(storage, 'chunks', True))


def _natural(path: Path) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', path.name)]


def _journals(file: Path) -> list[Path]:
    """Return the journals of SQLite that wait beside a database."""
    journals = (file.with_name(f'{file.name}-{kind}') for kind in ('wal', 'journal'))
    return [j for j in journals if file.suffix == '.db3' and j.exists() and j.stat().st_size]
