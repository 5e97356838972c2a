# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decompressing what a bag holds, never to more than was stated nor than a bag can need."""
from __future__ import annotations

from pathlib import Path
import shutil

import lz4.frame
from rosbags.rosbag2 import storage_mcap
import zstandard

from depth_estimation_ros.drives import DriveError

# Bytes of one message or chunk. A 100 megapixel picture in colour has 300 million.
MOST = 1 << 29
SPARE = 1 << 28  # bytes of a disk that stay free
_PART = 1 << 20


class UnpackError(ValueError):
    """What was packed is damaged, or is more than it says."""


def unpack(compression: str, data: bytes, size: int | None = None, cut: bool = False) -> bytes:
    """
    Return what was compressed.

    :param compression: '', 'lz4' or 'zstd', as MCAP names them; one frame or several.
    :param size: the stated one, bytes; None: that of the frame, else MOST.
    :param cut: `data` may end in the middle; what there is of it is returned.
    :raises UnpackError: it is damaged, not of that size, or larger than MOST.
    """
    if size is None:
        size = _stated(data) if compression == 'zstd' else -1
    if size > MOST:
        raise UnpackError(f'{size} bytes in one piece, more than {MOST}')
    most = MOST if size < 0 else size
    try:
        if compression == 'zstd':
            plain = zstandard.ZstdDecompressor().stream_reader(
                data, read_across_frames=True).read(most + 1)
        elif compression == 'lz4':
            plain = lz4.frame.LZ4FrameDecompressor().decompress(data, most + 1)
        elif compression == '':
            plain = data
        else:
            raise UnpackError(f'unknown compression {compression[:20]!r}')
    except (RuntimeError, EOFError, MemoryError, zstandard.ZstdError) as error:
        raise UnpackError(f'cannot be decompressed: {error}') from None
    if len(plain) > most or size >= 0 and len(plain) < size and not cut:
        raise UnpackError(f'{len(plain)} bytes or more where {most} are stated')
    return plain


def unpack_file(path: Path, folder: Path) -> Path:
    """
    Decompress FILE.zstd into a folder, and return what it becomes.

    :raises DriveError: it is damaged, or there is not as much room there.
    """
    made = folder / path.stem
    most = max(shutil.disk_usage(folder).free - SPARE, 0)
    with path.open('rb') as packed, made.open('wb') as plain:
        stated = _stated(packed.read(18))  # RFC 8878: the longest frame header
        packed.seek(0)
        stream = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        try:
            while part := stream.read(_PART):
                if max(stated, plain.tell() + len(part)) > most:
                    raise DriveError(f'{path} needs more space than {folder.parent} has to be '
                                     'decompressed: set TMPDIR to a place with more')
                plain.write(part)
        except (zstandard.ZstdError, MemoryError) as error:
            raise DriveError(f'{path} cannot be decompressed ({error}): copy it again') from None
    return made


def _stated(data: bytes) -> int:
    """Return the size that a zstd frame states; -1 where it does not."""
    try:
        return zstandard.frame_content_size(data)
    except zstandard.ZstdError:
        return -1


# rosbags decompresses a chunk to whatever comes out, and looks at the stated size after that.
for _name in storage_mcap.DECOMPRESSORS:
    storage_mcap.DECOMPRESSORS[_name] = (
        lambda data, size, _name=_name: unpack(_name, data, size))
