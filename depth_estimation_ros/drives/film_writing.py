# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Films that are written: H.264 where the program ffmpeg is installed, which browsers play.

OpenCV's wheels have no encoder of it (patents); of what they have, MPEG-4 part 2 is the one that
is fast enough (VP8 takes 20 times as long), and players and editors read it, browsers do not.
"""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
import shutil
import subprocess

import cv2
import numpy as np

from depth_estimation_ros.drives import DriveError

CODEC = 'mp4v'
PATIENCE = 60.0  # seconds that ffmpeg may take for the end of a film


@lru_cache(maxsize=1)
def ffmpeg() -> str | None:
    """Return the program, where it is installed and encodes H.264."""
    program = shutil.which('ffmpeg')
    try:
        known = program and subprocess.run(
            [program, '-hide_banner', '-loglevel', 'error', '-encoders'], capture_output=True,
            stdin=subprocess.DEVNULL, text=True, timeout=PATIENCE).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return program if known and ' libx264 ' in known else None


def codec() -> str:
    """Return in words what films are encoded in here."""
    return 'H.264' if ffmpeg() else (
        'MPEG-4, which browsers do not play; with the program ffmpeg installed it is H.264')


class FilmWriter:
    """
    One film, `fps` frames a second of `size` (width, height), both even; an .mp4.

    `release` it, whatever comes: what was written until then is a whole film. Raises DriveError.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int]):
        self._process = self._writer = None
        if program := ffmpeg():
            self._process = subprocess.Popen(
                [program, '-hide_banner', '-loglevel', 'error', '-y', '-f', 'rawvideo',
                 '-pix_fmt', 'bgr24', '-s', f'{size[0]}x{size[1]}', '-r', f'{fps:.6g}', '-i', '-',
                 '-an', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-pix_fmt',
                 'yuv420p', '-movflags', '+faststart', '-f', 'mp4', str(path.absolute())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True)  # Ctrl-C is ours: it ends at the end of its input
            return
        # MPEG-4 counts frames a second as a fraction of 16-bit numbers.
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*CODEC), round(fps, 2),
                                       size)
        if not self._writer.isOpened():
            raise DriveError(f'this OpenCV has no {CODEC} encoder, or the folder is full')

    def write(self, image: np.ndarray) -> None:
        """Add a picture (height, width, 3) uint8 BGR."""
        if self._writer:
            self._writer.write(image)
            return
        try:
            self._process.stdin.write(np.ascontiguousarray(image).data)
        except BrokenPipeError:
            self.release()
            raise DriveError('ffmpeg ended early') from None

    def release(self) -> None:
        """Finish the film."""
        if self._writer:
            self._writer.release()
        elif self._process.returncode is None:
            try:
                # Closes its input, at which it writes the rest.
                _, said = self._process.communicate(timeout=PATIENCE)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self._process.kill()
                _, said = self._process.communicate()
            if self._process.returncode:
                lines = said.decode(errors='replace').strip().splitlines() or ['no reason given']
                raise DriveError(f'ffmpeg: {lines[-1][:200]}')
