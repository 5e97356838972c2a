# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that hold more than they say, or more than anybody can need."""
import shutil
import struct

from depth_estimation_ros.drives import DriveError, unpacking
from depth_estimation_ros.drives.bag import Bag, MOST_METADATA
from depth_estimation_ros.drives.unpacking import MOST, unpack, UnpackError
import lz4.frame
from mcap.writer import CompressionType, Writer
import numpy as np
import pytest
from rosbags.rosbag2 import CompressionMode
from test_bag import JAZZY, mcap_file, sqlite_bag, STRING, TEXTS
import zstandard

GIB = 1 << 30


def zeros(compression, size=GIB) -> bytes:
    """Return a frame of so many zeros."""
    pack = (zstandard.ZstdCompressor(level=1).compressobj() if compression == 'zstd'
            else lz4.frame.LZ4FrameCompressor())
    part, parts = bytes(1 << 22), []
    parts += [pack.begin()] if compression == 'lz4' else []
    parts += [pack.compress(part) for _ in range(size >> 22)]
    return b''.join([*parts, pack.flush()])


class Peak:
    """How much memory a block took at most, in MiB."""

    def __enter__(self):
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')
        self._before = self._read('VmRSS')
        return self

    def __exit__(self, *_):
        self.mib = self._read('VmHWM') - self._before

    def _read(self, name):
        with open('/proc/self/status') as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024


@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
def test_a_frame_comes_out_as_it_went_in_and_no_larger_than_stated(compression):
    data = np.random.default_rng(0).integers(0, 4, 3_000_000, np.uint8).tobytes()
    packed = (zstandard.ZstdCompressor().compress(data) if compression == 'zstd'
              else lz4.frame.compress(data))
    assert unpack(compression, packed, len(data)) == unpack(compression, packed) == data
    for size in (len(data) - 1, len(data) + 1, 100, 0):
        with pytest.raises(UnpackError, match='are stated'):
            unpack(compression, packed, size)
    assert data.startswith(unpack(compression, packed[:-500_000], len(data), cut=True))
    assert len(unpack(compression, packed[:-500_000], len(data), cut=True)) > 1_000_000
    with pytest.raises(UnpackError, match='in one piece'):
        unpack(compression, packed, MOST + 1)


def test_frames_one_behind_the_other_are_one():
    parts = [b'a' * 1000, b'b' * 1000]
    packed = b''.join(map(zstandard.ZstdCompressor().compress, parts))
    assert unpack('zstd', packed, 2000) == b''.join(parts)


@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
@pytest.mark.parametrize('indexed', [True, False])
@pytest.mark.parametrize('stated', [100, 4 * GIB])
def test_a_chunk_that_holds_more_than_it_says_takes_no_memory(
        tmp_path, monkeypatch, compression, indexed, stated):
    path = tmp_path / 'a.mcap'
    packed = zeros(compression)
    with path.open('wb') as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start(profile='ros2')
        definition, _ = JAZZY.generate_msgdef(STRING, ros_version=2)
        channel = writer.register_channel(
            '/text', 'cdr', writer.register_schema(STRING, 'ros2msg', definition.encode()))
        writer.add_message(channel, 10**9, TEXTS[0], 10**9)
        writer.finish()
    data = path.read_bytes()
    at = data.index(b'\x06', 8)  # the chunk, which is to become another one
    while data[at + 9:at + 17] != struct.pack('<Q', 10**9):
        at = data.index(b'\x06', at + 1)
    length, = struct.unpack_from('<Q', data, at + 1)
    content = (data[at + 9:at + 25] + struct.pack('<QII', stated, 0, len(compression))
               + compression.encode() + struct.pack('<Q', len(packed)) + packed)
    rest = data[at + 9 + length:] if indexed else b''
    path.write_bytes(data[:at] + b'\x06' + struct.pack('<Q', len(content)) + content + rest)
    with Peak() as peak, pytest.raises(DriveError, match='holds no messages'):
        Bag(path)
    assert peak.mib < 200


def test_a_chunk_of_an_index_is_not_believed_either(tmp_path):
    path = mcap_file(tmp_path / 'a.mcap', compression=CompressionType.ZSTD)
    data, packed = bytearray(path.read_bytes()), zeros('zstd')
    name = data.rindex(b'zstd')  # of the ChunkIndex
    at = data.rindex(struct.pack('<QQ', 10**9, len(TEXTS) * 10**9), 0, name)
    struct.pack_into('<QQ', data, name + 4, len(packed), 100)
    struct.pack_into('<Q', data, at + 16, len(data) - 37 - 9 - 44)
    path.write_bytes(bytes(data[:-37]) + packed + bytes(data[-37:]))
    with Bag(path) as bag, Peak() as peak, pytest.raises(DriveError, match='100 are stated'):
        list(bag.read())
    assert peak.mib < 200


def test_a_message_that_was_compressed_by_itself_is_bounded(tmp_path):
    path = sqlite_bag(tmp_path / 'bag', [TEXTS[0], zeros('zstd')])  # states no size
    with Bag(path) as bag, Peak() as peak, pytest.raises(
            DriveError, match=f'is damaged after 1 messages .*{MOST} are stated'):
        list(bag.read())
    assert peak.mib < 2.2 * MOST / 2**20


def test_a_message_in_a_bag_that_says_so_is_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, 'MOST', 1 << 20)
    path = sqlite_bag(tmp_path / 'bag', [TEXTS[0], bytes(1 << 21)],
                      compression=CompressionMode.MESSAGE)
    with Bag(path) as bag, pytest.raises(DriveError, match='2097152 bytes in one piece'):
        list(bag.read())


def test_a_file_that_does_not_fit_into_the_temporary_folder_is_refused(tmp_path, monkeypatch):
    path = sqlite_bag(tmp_path / 'bag', TEXTS, compression=CompressionMode.FILE)
    (packed,) = path.glob('*.zstd')
    for stated in (True, False):
        if stated:
            packed.write_bytes(zstandard.ZstdCompressor().compress(bytes(100 << 20)))
        else:
            packed.write_bytes(zeros('zstd'))
        made = []
        monkeypatch.setattr(unpacking.shutil, 'disk_usage', lambda folder: (
            made.append(folder), shutil._ntuple_diskusage(GIB, 0, (64 << 20) + unpacking.SPARE)
        )[1])
        with pytest.raises(DriveError, match='set TMPDIR to a place with more'):
            Bag(path)
        assert not made[0].exists()
    packed.write_bytes(b'no zstd')
    with pytest.raises(DriveError, match='cannot be decompressed .*copy it again'):
        Bag(path)


def test_metadata_of_any_depth_and_size_costs_nothing(tmp_path):
    path = sqlite_bag(tmp_path / 'bag', TEXTS)
    for text in ('[' * 200_000, 'a: &a [x]\n' + '\n'.join(
            f'{"b" * i}: &{"b" * i} [{", ".join(["*a"] * 99)}]' for i in range(1, 9)),
            '#' * (MOST_METADATA + 1)):
        (path / 'metadata.yaml').write_text(text)
        with Bag(path) as bag:
            assert [m.data for m in bag.read()] == TEXTS


def test_an_attachment_is_passed_over_and_a_message_without_bounds_ends_the_file(tmp_path):
    path = tmp_path / 'a.mcap'
    with path.open('wb') as file:
        writer = Writer(file, compression=CompressionType.NONE, use_chunking=False)
        writer.start(profile='ros2')
        writer.add_attachment(0, 0, 'film', 'video/mp4', bytes(1 << 20))
        definition, _ = JAZZY.generate_msgdef(STRING, ros_version=2)
        channel = writer.register_channel(
            '/text', 'cdr', writer.register_schema(STRING, 'ros2msg', definition.encode()))
        for i, text in enumerate(TEXTS):
            writer.add_message(channel, i + 1, text, i + 1)
        writer.finish()
    with Bag(path) as bag:
        assert [m.data for m in bag.read()] == TEXTS
    data = path.read_bytes()
    end = data.index(TEXTS[-1]) + len(TEXTS[-1])
    with path.open('wb') as file:  # a sparse file: 1 GiB that takes no space
        file.write(data[:end] + b'\x05' + struct.pack('<Q', 2 * MOST))
        file.truncate(end + 9 + 2 * MOST)
    with Peak() as peak, Bag(path) as bag:
        assert [m.data for m in bag.read()] == TEXTS and bag.cut
    assert peak.mib < 100
