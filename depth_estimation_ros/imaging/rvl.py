# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
RVL, a lossless code for 16-bit depth: runs of zeros, and differences in groups of three bits.

A. Wilson: Fast Lossless Depth Image Compression, SIGCHI 2017; the eight bytes before it, columns
and rows, are compressed_depth_image_transport's.
"""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.imaging.encodings import EncodingError, MAX_PIXELS

NIBBLES = 8  # in a word of 32 bits
MOST_NIBBLES = 9  # of a number of pixels, or of a difference


def encode_rvl(depth: np.ndarray) -> bytes:
    """Return the code of depth, (H, W) uint16."""
    flat = depth.ravel().astype(np.int64)
    there = np.flatnonzero(np.diff(np.concatenate(([0], flat != 0, [0]))))
    begins, ends = there[::2], there[1::2]
    if not len(ends) or ends[-1] < len(flat):  # zeros at the end, and nothing after them
        begins, ends = np.append(begins, len(flat)), np.append(ends, len(flat))
    lengths = ends - begins
    at = np.cumsum(np.concatenate(([0], lengths[:-1] + 2)))
    numbers = np.zeros(int(lengths.sum()) + 2 * len(lengths), np.int64)
    numbers[at] = begins - np.concatenate(([0], ends[:-1]))
    numbers[at + 1] = lengths
    values = np.ones(len(numbers), bool)
    values[at] = values[at + 1] = False
    steps = np.diff(flat[flat != 0], prepend=0)
    numbers[values] = (steps << 1) ^ (steps >> 63)

    counts = np.ones(len(numbers), np.int64)
    for bits in range(3, 3 * MOST_NIBBLES, 3):
        counts += numbers >= 1 << bits
    which = np.repeat(np.arange(len(numbers)), counts)
    place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    nibbles = (numbers[which] >> 3 * place) & 7 | np.where(place < counts[which] - 1, 8, 0)
    words = np.zeros(-len(nibbles) % NIBBLES + len(nibbles), np.uint32)
    words[:len(nibbles)] = nibbles
    shifts = np.arange(4 * NIBBLES - 4, -1, -4, dtype=np.uint32)
    packed = np.bitwise_or.reduce(words.reshape(-1, NIBBLES) << shifts, axis=1)
    rows, columns = depth.shape
    return np.array([columns, rows], '<u4').tobytes() + packed.astype('<u4').tobytes()


def decode_rvl(data: bytes, most: int = MAX_PIXELS) -> np.ndarray:
    """Return the depth, (H, W) uint16, of a code; raises EncodingError where it is none."""
    if len(data) < 8:
        raise EncodingError('the RVL code is cut off before its size')
    columns, rows = (int(side) for side in np.frombuffer(data[:8], '<u4'))
    if not 0 < columns * rows <= most:
        raise EncodingError(f'the RVL code states {columns}x{rows} pixels: 1 to {most} are read')
    words = np.frombuffer(data[8:len(data) // 4 * 4], '<u4')
    shifts = np.arange(4 * NIBBLES - 4, -1, -4, dtype=np.uint32)
    nibbles = ((words[:, None] >> shifts) & 15).ravel().astype(np.int64)
    ends = np.flatnonzero(nibbles < 8)
    begins = np.concatenate(([0], ends[:-1] + 1))
    if not len(ends) or (ends - begins).max() >= MOST_NIBBLES:
        raise EncodingError('the RVL code holds a number that is too long')
    nibbles = nibbles[:ends[-1] + 1]
    place = np.arange(len(nibbles)) - np.repeat(begins, ends - begins + 1)
    numbers = np.add.reduceat((nibbles & 7) << 3 * place, begins)

    depth = np.zeros(columns * rows, np.int64)
    pixel = at = 0
    last = 0
    while pixel < len(depth):
        if at + 2 > len(numbers):
            raise EncodingError('the RVL code is cut off')
        zeros, count = int(numbers[at]), int(numbers[at + 1])
        steps = numbers[at + 2:at + 2 + count]
        if pixel + zeros + count > len(depth) or len(steps) < count or not zeros + count:
            raise EncodingError('the RVL code does not fit the size that it states')
        if count:
            run = last + np.cumsum((steps >> 1) ^ -(steps & 1))
            depth[pixel + zeros:pixel + zeros + count], last = run, int(run[-1])
        pixel, at = pixel + zeros + count, at + 2 + count
    return depth.astype(np.uint16).reshape(rows, columns)
