# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The focal length that a photo states (Exif 2.32, JEITA CP-3451; TIFF 6.0 for how it lies there).

OpenCV reads the orientation of a photo and nothing else; one number is no reason for a library.
"""
from __future__ import annotations

from pathlib import Path
import struct

MOST_HEAD = 1 << 18  # bytes of a file in which it is looked for; cameras put it first
EXIF_IFD, FOCAL_35MM = 0x8769, 0xA405
DIAGONAL = 43.2666  # millimetres, of a 36 x 24 mm picture
RANGE = (4, 2000)  # millimetres that a lens may have


def focal_35mm(path: Path | str) -> int | None:
    """
    Return the focal length in millimetres as on 35 mm film, None where a file states none.

    That is, focal length in pixels = this * diagonal in pixels / DIAGONAL, of the whole picture.
    """
    with Path(path).open('rb') as file:
        data = file.read(MOST_HEAD)
    at = 2
    while data[:2] == b'\xff\xd8' and data[at:at + 1] == b'\xff' and at + 4 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], 'big')
        if marker == 0xE1 and data[at + 4:at + 10] == b'Exif\0\0':
            return _focal_of(data[at + 10:at + 2 + length])
        if marker == 0xDA:  # the picture begins
            return None
        at += 2 + length
    return None


def _focal_of(tiff: bytes) -> int | None:
    try:
        order = {b'II': '<', b'MM': '>'}[tiff[:2]]
        [first] = struct.unpack_from(f'{order}I', tiff, 4)
        exif = _entry(tiff, order, first, EXIF_IFD)
        focal = exif and _entry(tiff, order, exif, FOCAL_35MM)
    except (KeyError, struct.error):
        return None
    return focal if focal and RANGE[0] <= focal <= RANGE[1] else None


def _entry(tiff: bytes, order: str, at: int, wanted: int) -> int | None:
    """Return the SHORT or LONG of a tag in the directory at an offset."""
    [count] = struct.unpack_from(f'{order}H', tiff, at)
    for number in range(count):
        tag, kind, _, value = struct.unpack_from(f'{order}HHII', tiff, at + 2 + 12 * number)
        if tag == wanted:
            short = struct.unpack_from(f'{order}H', tiff, at + 10 + 12 * number)[0]
            return {3: short, 4: value}.get(kind)
    return None
