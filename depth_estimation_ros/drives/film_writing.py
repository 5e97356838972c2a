# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Films that are written, so that browsers play them where that can be had.

H.264 where the program ffmpeg is installed; OpenCV's wheels have no encoder of it (patents), but
of VP9, which takes longer. An OpenCV without either writes MPEG-4 part 2, which players and
editors read and browsers do not.
"""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
import shutil
import subprocess
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from depth_estimation_ros.drives import DriveError

VP9, MPEG4 = 'vp09', 'mp4v'
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


@lru_cache(maxsize=1)
def opencv() -> str:
    """Return what OpenCV encodes here: VP9, or MPEG4."""
    with TemporaryDirectory(prefix='depth_estimation_') as folder:
        writer = cv2.VideoWriter(f'{folder}/a.mp4', cv2.VideoWriter_fourcc(*VP9), 10, (64, 64))
        found = VP9 if writer.isOpened() else MPEG4
        writer.release()
    return found


def codec() -> str:
    """Return in words what films are encoded in here."""
    if ffmpeg():
        return 'H.264'
    return ('VP9; with the program ffmpeg installed it is H.264, which takes less time'
            if opencv() == VP9 else
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
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*opencv()),
                                       round(fps, 2), size)
        if not self._writer.isOpened():
            raise DriveError(f'this OpenCV has no {opencv()} encoder, or the folder is full')

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
