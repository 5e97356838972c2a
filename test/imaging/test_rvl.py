# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RVL held against the paper's own way of it, number by number."""
import struct

from depth_estimation_ros.imaging.encodings import EncodingError
from depth_estimation_ros.imaging.rvl import decode_rvl, encode_rvl
import numpy as np
import pytest


def by_the_paper(depth: np.ndarray) -> bytes:
    """Return the code as the paper's figure makes it: one number after the other."""
    pixels, nibbles, at, before = depth.ravel().tolist(), [], 0, 0

    def number(value):
        while True:
            nibble, value = value & 7, value >> 3
            nibbles.append(nibble | (8 if value else 0))
            if not value:
                return

    while at < len(pixels):
        begin = at
        while at < len(pixels) and not pixels[at]:
            at += 1
        number(at - begin)
        end = at
        while end < len(pixels) and pixels[end]:
            end += 1
        number(end - at)
        for pixel in pixels[at:end]:
            step = pixel - before
            number(2 * step if step >= 0 else -2 * step - 1)
            before = pixel
        at = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = [sum(nibble << 28 - 4 * i for i, nibble in enumerate(nibbles[k:k + 8]))
             for k in range(0, len(nibbles), 8)]
    return struct.pack(f'<{2 + len(words)}I', depth.shape[1], depth.shape[0], *words)


def pictures():
    random = np.random.default_rng(0)
    smooth = np.cumsum(random.integers(-20, 21, (40, 60)), 1) + 5000
    holes = np.where(random.random((40, 60)) < 0.3, 0, smooth)
    return {'noise': random.integers(0, 65536, (7, 13)), 'smooth': smooth, 'holes': holes,
            'nothing': np.zeros((3, 5)), 'all': np.full((3, 5), 65535),
            'begins with none': np.array([[0, 0, 7, 8]]), 'ends with none': np.array([[7, 0, 0]]),
            'one': np.array([[1]]), 'far apart': np.array([[65535, 1, 65535, 0, 1]])}


@pytest.mark.parametrize('name', pictures())
def test_the_code_is_the_papers_and_comes_back(name):
    depth = pictures()[name].astype(np.uint16)
    code = encode_rvl(depth)
    assert code == by_the_paper(depth)
    np.testing.assert_array_equal(decode_rvl(code), depth)


def test_what_is_no_code_is_one_sentence():
    whole = encode_rvl(pictures()['holes'].astype(np.uint16))
    random = np.random.default_rng(1)
    for data in (b'', whole[:7], whole[:8], whole[:len(whole) // 2],
                 struct.pack('<II', 1 << 20, 1 << 20) + whole[8:],
                 struct.pack('<II', 0, 5) + whole[8:], whole[:8] + b'\xff' * 400):
        with pytest.raises(EncodingError):
            decode_rvl(data)
    for _ in range(200):  # whatever comes, it ends, as depth of that size or with a sentence
        broken = bytearray(whole)
        for place in random.integers(8, len(whole), 5):
            broken[place] = random.integers(256)
        try:
            assert decode_rvl(bytes(broken)).shape == (40, 60)
        except EncodingError:
            pass
