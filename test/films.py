# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Films that the tests draw, whose frames can be told apart after any codec."""
from __future__ import annotations

from pathlib import Path
import struct

import cv2
from key_init import synth
import numpy as np

WIDTH, HEIGHT, FPS = 320, 96, 15
CALIBRATION = """image_width: 320
image_height: 96
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [185.6, 0, 156.8, 0, 184.3, 45.1, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.01, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [185.6, 0, 156.8, 0, 0, 184.3, 45.1, 0, 0, 0, 1, 0]}
"""
BIT = 32  # pixels: the number stands at the top left, in black and white squares


def drawing(number: int) -> np.ndarray:
    """Return frame `number` (0 to 255) of every film: (96, 320, 3) uint8 BGR."""
    image = cv2.GaussianBlur(synth(HEIGHT, WIDTH)[..., ::-1], (0, 0), 4)
    for bit in range(8):
        image[:BIT, bit * BIT:(bit + 1) * BIT] = 255 * (number >> bit & 1)
    return image


def number(image: np.ndarray) -> int:
    """Return which frame that is."""
    return sum((image[8:BIT - 8, bit * BIT + 8:(bit + 1) * BIT - 8].mean() > 127) << bit
               for bit in range(8))


def write_film(path: Path, count: int = 12, codec: str = 'mp4v') -> Path:
    """Write a film of `count` frames and return its path."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), FPS, (WIDTH, HEIGHT))
    assert writer.isOpened(), f'this OpenCV cannot write {codec}'
    for i in range(count):
        writer.write(drawing(i))
    writer.release()
    return path


def flag_rotation(path: Path, degrees: int) -> None:
    """Set the display matrix in an .mp4's track header (ISO 14496-12), as a phone does."""
    a, b, c, d, x, y = {90: (0, 1, -1, 0, HEIGHT, 0), 180: (-1, 0, 0, -1, WIDTH, HEIGHT),
                        270: (0, -1, 1, 0, 0, WIDTH)}[degrees]
    film = bytearray(path.read_bytes())
    matrix = film.index(b'tkhd') + 44
    film[matrix:matrix + 36] = struct.pack(
        '>9i', a << 16, b << 16, 0, c << 16, d << 16, 0, x << 16, y << 16, 1 << 30)
    path.write_bytes(film)


def flag_exif(path: Path, orientation: int) -> None:
    """Put an EXIF block that holds nothing but the orientation into a .jpg."""
    jpeg = path.read_bytes()
    exif = (b'Exif\0\0' + b'MM\0*' + struct.pack('>IH', 8, 1)
            + struct.pack('>HHIHHI', 0x0112, 3, 1, orientation, 0, 0))
    path.write_bytes(jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + jpeg[2:])
