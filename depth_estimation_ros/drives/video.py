# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Films and webcams, by OpenCV."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import threading
import time

import cv2

from depth_estimation_ros.drives import DriveError, IMAGE_SUFFIXES
from depth_estimation_ros.drives.folder import Frame, Pictures

WEBCAM_TIMEOUT = 5.0  # seconds without a picture


class Film:
    """
    A film file as a source of frames, which can be read again and again.

    Stamps are nanoseconds since the first frame, by the film's own clock. Frames are turned as
    its rotation flag says, as players do; `rotation` is that flag in degrees. `announced` is the
    number of frames that the file claims. `fps` is frames a second, `period` nanoseconds.
    """

    def __init__(self, path: Path | str):
        """Look into the film; raises DriveError where it is none or holds no frame."""
        self.path = Path(path)
        self.names = [self.path.stem]
        self.files = [self.path]
        self._read, self._last = 0, 0
        with self._capture() as capture:
            self.fps = capture.get(cv2.CAP_PROP_FPS)
            self.announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            self.rotation = int(capture.get(cv2.CAP_PROP_ORIENTATION_META))
            found, image = capture.read()
        if not found:
            raise DriveError(f'{path} holds no frame that can be decoded: it is cut short, or of '
                             'a codec that this OpenCV does not have; make it an H.264 .mp4')
        if not 0 < self.fps < 1000:
            raise DriveError(f'{path} states {self.fps:g} frames a second: convert it to an .mp4 '
                             'with its true frame rate')
        self.height, self.width = image.shape[:2]
        self.period = round(1e9 / self.fps)

    def optics(self) -> None:
        """Say that a film does not know its camera."""

    def __len__(self) -> int:
        """Give the number of frames that the file claims, at least the one that was read."""
        return max(self.announced, 1)

    def __iter__(self) -> Iterator[Frame]:
        """Read from the start; frames are named `<film>_000000` and so on."""
        self._read, self._last = 0, 0
        with self._capture() as capture:
            first = 0.0
            while True:
                found, image = capture.read()
                if not found:
                    return
                stamp = round((capture.get(cv2.CAP_PROP_POS_MSEC) - first) * 1e6)
                if self._read == 0:  # some films, and some OpenCVs, do not count from 0
                    first, stamp = stamp * 1e-6, 0
                elif stamp <= self._last:  # a file without times
                    stamp = self._last + self.period
                self._last = stamp
                self._read += 1
                yield Frame(self.name(self._read - 1), stamp, image)

    def name(self, number: int) -> str:
        """Return the name of a frame."""
        return f'{self.path.stem}_{number:06d}'

    def shortfall(self) -> str | None:
        """
        Return a sentence where the last reading gave fewer frames than the file claims, or None.

        OpenCV passes over what it cannot decode without a word.
        """
        if self._read >= self.announced:
            return None
        lost = self.announced - self._read
        return (f'{self.path} claims {self.announced} frames, but {lost} of them could not be '
                f'decoded; the last that could is at {self._last * 1e-9:.3f} s')

    @contextmanager
    def _capture(self) -> Iterator[cv2.VideoCapture]:
        if not self.path.is_file():
            raise DriveError(f'{self.path} is not there: give a film, a picture or a folder of '
                             'pictures')
        # Else FFmpeg writes lines of its own between ours.
        os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
        capture = cv2.VideoCapture(str(self.path))
        try:
            if not capture.isOpened():
                raise DriveError(f'{self.path} cannot be opened as a film: it is empty, cut short '
                                 'or none; a recording that broke off may need to be repaired')
            # The default differs from one OpenCV to the next.
            capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
            yield capture
        finally:
            capture.release()


class Webcam:
    """
    A camera of Video4Linux, by its number or its path: always the newest picture.

    A thread empties the driver's queue, so that a reader that is slower than the camera does not
    fall behind. Stamps are nanoseconds since 1970, taken when the picture arrived.
    """

    def __init__(self, device: str):
        """Open it and wait for the first picture; raises DriveError."""
        self.path = Path(f'/dev/video{device}' if device.isdigit() else device)
        if not self.path.exists():
            there = ', '.join(sorted(map(str, Path('/dev').glob('video*')))) or 'none'
            raise DriveError(f'the webcam {self.path} is not there: plug it in or give another '
                             f'(there is: {there})')
        if not os.access(self.path, os.R_OK | os.W_OK):
            raise DriveError(f'the webcam {self.path} may not be used by this user: join its '
                             'group (sudo usermod -aG video $USER, then log in again)')
        self._capture = cv2.VideoCapture(str(self.path.resolve()), cv2.CAP_V4L2)
        if not self._capture.isOpened():
            self._capture.release()
            raise DriveError(f'the webcam {self.path} cannot be opened: another program uses it, '
                             'or it gives no pictures (many webcams have a second such device)')
        self._news = threading.Condition()
        self._count = 0
        self._frame: Frame | None = None
        self._ended = False
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name='webcam', daemon=True)
        self._thread.start()

    def optics(self) -> None:
        """Say that a webcam does not know its own calibration."""

    def newest(self) -> Frame:
        """Return a picture that was not given before, waiting for it; raises DriveError."""
        with self._news:
            fresh = self._news.wait_for(lambda: self._frame or self._ended, WEBCAM_TIMEOUT)
            if self._ended or not fresh:
                raise DriveError(f'the webcam {self.path} gives no more pictures: was it '
                                 'unplugged, or is it in use by another program?')
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Give the device back."""
        self._stopping = True
        self._thread.join(WEBCAM_TIMEOUT)

    def _work(self) -> None:
        while not self._stopping:
            found, image = self._capture.read()
            stamp = time.time_ns()
            with self._news:
                if found:
                    self._frame = Frame(f'{self.path.name}_{self._count:06d}', stamp, image)
                    self._count += 1
                else:
                    self._ended = True
                self._news.notify()
            if not found:
                break
        self._capture.release()


def is_webcam(source: str) -> bool:
    """Tell whether `source` names a webcam: a number, or a path in /dev."""
    return source.isdigit() or source.startswith('/dev/')


def open_recording(source: Path | str) -> Film | Pictures:
    """Return the film, picture, folder of pictures or KITTI drive at `source`."""
    path = Path(source).expanduser()
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return Pictures(path)
    return Film(path)
