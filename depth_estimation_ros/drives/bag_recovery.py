# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Reading a bag's file that ends in the middle, or has no index, to its last whole message.

Sources: the MCAP specification (mcap.dev/spec) for the records; SQLite's documentation of
`writable_schema` and of immutable databases.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
import sqlite3
import struct
import zlib

from rosbags.interfaces import (
    Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat)
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import parse_qos

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.unpacking import MOST, unpack, UnpackError

_MAGIC = b'\x89MCAP0\r\n'
_READ = _HEADER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 1, 3, 4, 5, 6, 15


class _Scan:
    """
    What the readers of files without an index have in common, in the manner of rosbags' Reader.

    Nothing is kept but the topics: each reading goes through the file from its start. `whole`:
    the file ends as it should.
    """

    def __init__(self, path: Path):
        self.path = path
        self.whole = False
        self.connections: list[Connection] = []
        self.start_time, self.end_time, self.message_count = 2**63 - 1, 0, 0
        counts: dict[int, int] = {}
        for number, stamp, _ in self._sound():
            counts[number] = counts.get(number, 0) + 1
            self.start_time = min(self.start_time, stamp)
            self.end_time = max(self.end_time, stamp + 1)
        self.connections = [c._replace(msgcount=counts.get(c.id, 0)) for c in self.connections]
        self.message_count = sum(c.msgcount for c in self.connections)

    def messages(self, connections, start: int) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield what was recorded on `connections` from `start` on, as it lies in the file."""
        wanted = {c.id: c for c in connections}
        for number, stamp, data in self._sound():
            if number in wanted and stamp >= start:
                yield wanted[number], stamp, bytes(data)

    def _sound(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (connection, stamp, data) up to the first bytes that make no sense."""
        try:
            # What half a record, read as a whole one, runs into.
            with suppress(struct.error, UnicodeDecodeError, KeyError):
                yield from self._scan()
        except OSError as error:
            raise DriveError(f'{self.path} cannot be read: {error.strerror.lower()}') from None

    def _add(self, number: int, topic: str, type: str, definition: MessageDefinition,
             qos: str) -> None:
        if number not in (c.id for c in self.connections):
            self.connections.append(Connection(
                number, topic, type, definition, '', 0,
                ConnectionExtRosbag2('cdr', _profiles(qos)), self))


class McapScan(_Scan):
    """An MCAP file, record by record as far as it goes; `whole`: its data section has an end."""

    def _scan(self) -> Iterator[tuple[int, int, memoryview]]:
        schemas = {0: ('', MessageDefinition(MessageDefinitionFormat.NONE, ''))}
        for kind, content in self._records():
            if kind == _HEADER and _text(content, 0)[0] not in ('ros2', ''):
                raise DriveError(f'{self.path} is an MCAP file of {_text(content, 0)[0]!r} '
                                 'messages: expected ROS 2, convert it first')
            elif kind == _SCHEMA:
                name, at = _text(content, 2)
                encoding, at = _text(content, at)
                form = {'ros2msg': MessageDefinitionFormat.MSG,
                        'ros2idl': MessageDefinitionFormat.IDL}.get(
                            encoding, MessageDefinitionFormat.NONE)
                number, = struct.unpack_from('<H', content)
                schemas[number] = name, MessageDefinition(form, _text(content, at)[0])
            elif kind == _CHANNEL:
                number, schema = struct.unpack_from('<HH', content)
                topic, at = _text(content, 4)
                _, at = _text(content, at)
                self._add(number, topic, *schemas[schema],
                          _strings(content[at:]).get('offered_qos_profiles', ''))
            elif kind == _MESSAGE:
                number, stamp = struct.unpack_from('<H4xQ', content)
                yield number, stamp, content[22:]
            self.whole |= kind == _DATA_END

    def _records(self) -> Iterator[tuple[int, memoryview]]:
        size = self.path.stat().st_size
        with self.path.open('rb') as file:
            if file.read(8) != _MAGIC:
                raise DriveError(f'{self.path} is no MCAP file: ' + (
                    'it does not begin like one' if size else
                    'it is empty, the recording was cut before anything reached the disk'))
            while len(head := file.read(9)) == 9:
                kind, length = struct.unpack('<BQ', head)
                if kind not in _READ and 0 < kind and file.tell() + length <= size:
                    file.seek(length, 1)  # an attachment may be of any size
                    continue
                if length > MOST:
                    return
                content = file.read(min(length, size - file.tell()))
                whole = len(content) == length
                if kind == _CHUNK:
                    whole &= yield from self._chunk(content, whole)
                elif whole and kind:
                    yield kind, memoryview(content)
                # A power loss can leave gigabytes of zeros.
                if not whole or not kind:
                    return

    def _chunk(self, content: bytes, whole: bool) -> Iterator[tuple[int, memoryview]]:
        """Yield the records of a chunk, cut or not; return whether it was good to its end."""
        if len(content) < 40:
            return False
        size, crc, length = struct.unpack_from('<16xQII', content)
        compression = content[32:32 + length].decode()
        plain = memoryview(b'')
        with suppress(UnpackError):
            plain = memoryview(unpack(compression, content[40 + length:], size, cut=True))
        if whole and (len(plain) != size or crc and zlib.crc32(plain) != crc):
            return False
        at = 0
        while at + 9 <= len(plain):
            kind, length = struct.unpack_from('<BQ', plain, at)
            if at + 9 + length > len(plain):
                return False
            yield kind, plain[at + 9:at + 9 + length]
            at += 9 + length
        return True


def _profiles(text: str) -> list:
    """Return the offered QoS; none where the text is not understood, the messages still count."""
    try:
        return parse_qos(text)
    except (ReaderError, KeyError, TypeError, AttributeError):
        return []


def _text(content: memoryview, at: int) -> tuple[str, int]:
    """Return a string of an MCAP record, and where it ends."""
    length, = struct.unpack_from('<I', content, at)
    return bytes(content[at + 4:at + 4 + length]).decode(), at + 4 + length


def _strings(content: memoryview) -> dict[str, str]:
    """Return the map of strings that an MCAP record ends with."""
    strings, at = [], 4  # after its length
    while at < len(content):
        string, at = _text(content, at)
        strings.append(string)
    return dict(zip(strings[::2], strings[1::2]))


class SqliteScan(_Scan):
    """A database that SQLite itself gives up on, row by row to the first that is not whole."""

    def _scan(self) -> Iterator[tuple[int, int, bytes]]:
        try:
            with self._database() as database:
                rows = database.execute('SELECT * FROM topics').fetchall()
                definitions = {}
                with suppress(sqlite3.DatabaseError, IndexError):  # since Iron
                    definitions = {row['topic_type']: MessageDefinition(
                        MessageDefinitionFormat.MSG, row['encoded_message_definition'])
                        for row in database.execute('SELECT * FROM message_definitions')
                        if row['encoding'] == 'ros2msg'}
                for row in rows:
                    if not (isinstance(row['id'], int) and isinstance(row['name'], str)
                            and isinstance(row['type'], str)):
                        continue
                    self._add(row['id'], row['name'], row['type'], definitions.get(
                        row['type'], MessageDefinition(MessageDefinitionFormat.NONE, '')),
                        row['offered_qos_profiles'] if 'offered_qos_profiles' in row.keys()
                        else '')
                with suppress(sqlite3.DatabaseError):
                    for row in database.execute(
                            'SELECT topic_id, timestamp, data FROM messages ORDER BY id'):
                        number, stamp, data = row
                        if not (isinstance(number, int) and isinstance(stamp, int)
                                and isinstance(data, bytes)):
                            return
                        yield number, stamp, data
                    self.whole = True
        except (sqlite3.DatabaseError, IndexError) as error:  # or of other columns
            raise DriveError(f'{self.path} is no bag of ROS 2, or damaged beyond reading: '
                             f'{error}') from None

    @contextmanager
    def _database(self):
        database = sqlite3.connect(f'{self.path.absolute().as_uri()}?immutable=1', uri=True)
        database.row_factory = sqlite3.Row
        try:
            # Without it a file shorter than its header says is refused as a whole.
            database.execute('PRAGMA writable_schema=ON')
            yield database
        finally:
            database.close()
