# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where frames come from: recorded drives, and plain folders of images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import sys

import cv2
import numpy as np

IMAGE_SUFFIXES = frozenset(
    ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'))


class DriveError(ValueError):
    """A folder or a file of a drive is not what it must be; the sentence names it."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libjpeg and libpng write to stderr by themselves out of our sentences."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        with open(os.devnull, 'wb') as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def read_image(path: Path | str) -> np.ndarray:
    """
    Read a picture as BGR, shape (H, W, 3), uint8; grey pictures get three equal channels.

    :raises DriveError: where OpenCV cannot decode the file.
    """
    with _quiet():
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DriveError(f'{path} cannot be read as a picture: '
                         'it is missing, cut short or not an image file.')
    return image


def is_bag(path: Path) -> bool:
    """Tell whether a path looks like a rosbag2: its folder, or a file of it."""
    return (path.suffix in ('.mcap', '.db3') or (path / 'metadata.yaml').exists()
            or any(path.glob('*.mcap')))


def image_files(folder: Path | str) -> list[Path]:
    """
    List the pictures of a folder, sorted by name with numbers as numbers (2 before 10).

    :raises DriveError: where `folder` is no folder, or holds no picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DriveError(f'{folder} is not a folder: give a folder of images.')
    files = [path for path in folder.iterdir()
             if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not files:
        raise DriveError(f'{folder} holds no images: '
                         f'expected files ending in {" ".join(sorted(IMAGE_SUFFIXES))}.')
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), '') if index % 2 else (0, part)
            for index, part in enumerate(re.split(r'(\d+)', path.name))]
