# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Making rosbag2 files, of drives, of films and of messages as they come, without ROS.

The metadata.yaml is rosbag2's version 8: the newest whose QoS profiles Humble reads too.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
import ctypes
import fcntl
import os
from pathlib import Path
import shutil
from tempfile import mkdtemp
import time

import mcap.writer
import numpy as np
from rosbags.interfaces import (
    Connection, MessageDefinitionFormat, Qos, QosDurability, QosHistory, QosLiveliness,
    QosReliability, QosTime)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from depth_estimation_ros.drives import bag_messages as messages, DriveError
from depth_estimation_ros.drives.bag import Message
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.drives.kitti import KittiDrive
from depth_estimation_ros.imaging.intrinsics import Calibration

LOCK = 'depth_estimation.lock'  # in the hidden folder in which a bag is made
KITTI_CAMERAS = ('camera_gray_left', 'camera_gray_right', 'camera_color_left',
                 'camera_color_right')
KITTI_CLOUD, KITTI_LIDAR = '/kitti/velo/pointcloud', 'velo_link'


class Recorder:
    """
    A bag that appears under its name when it is whole, and not before.

    Leaving the `with` block by an exception (Ctrl-C too) leaves nothing behind; what a killed
    process left beside the bag goes when the next one is begun there. Messages are given
    serialised. Definitions of their types are ROS 2's own; those of Jazzy and of every
    other distribution from Humble on are the same for the types that this package makes.
    """

    def __init__(self, path: Path | str, replace: Callable[[], None] | None = None):
        """
        Begin the bag, a folder that must not exist yet.

        :param replace: the bag may exist, and goes when the new one is whole. It is called now
            and again then, and raises what is against that.
        :raises DriveError: it exists, or its parent cannot be written to.
        """
        self.path = Path(path).absolute()
        self._replace = replace
        self.counts: dict[str, int] = {}
        self._types = get_typestore(Stores.ROS2_JAZZY)
        self._connections: dict[str, Connection] = {}
        if replace:
            replace()
        elif self.path.exists():
            raise DriveError(f'{self.path} exists already: give another name for the bag, or '
                             'remove it first')
        try:
            self._made = [path for path in self.path.parents if not path.exists()]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _remove_dead(self.path.parent)
            self._folder = Path(mkdtemp(prefix=f'.{self.path.name}.', dir=self.path.parent))
        except OSError as error:
            raise self._failed(error) from None
        try:
            self._lock = (self._folder / f'{LOCK}.new').open('x')
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.rename(self._lock.name, self._folder / LOCK)  # never there without being held
            self._writer = _Writer(self._folder / self.path.name, version=8,
                                   storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
        except BaseException as error:  # Ctrl-C too
            self._discard()
            if isinstance(error, OSError):
                raise self._failed(error) from None
            raise

    def __enter__(self) -> Recorder:
        """Begin the block that fills the bag."""
        return self

    def knows(self, type: str) -> bool:
        """Tell whether messages of this type can be written."""
        return type in self._types.fielddefs

    def write(self, topic: str, type: str, stamp: int, data: bytes,
              latched: bool = False) -> None:
        """
        Append a message.

        :param stamp: when it was recorded, integer nanoseconds.
        :param latched: the topic's publisher offers transient local; the first message tells.
        :raises DriveError: the type's definition is not known, or the disk is full.
        """
        if topic not in self._connections:
            if not self.knows(type):
                raise DriveError(f'{topic} has messages of type {type}, whose definition is not '
                                 'known here: leave this topic out')
            self._connections[topic] = self._writer.add_connection(
                topic, type, typestore=self._types, offered_qos_profiles=[_offer(latched)])
            self.counts[topic] = 0
        try:
            self._writer.write(self._connections[topic], stamp, data)
        except OSError as error:
            raise self._failed(error) from None
        self.counts[topic] += 1

    def copy(self, message: Message, connection: Callable) -> None:
        """
        Append a message of another bag as it is.

        :param connection: says what that bag says of a topic: its `connection`.
        :raises DriveError: nobody knows the type's definition, or the disk is full.
        """
        if message.topic not in self._connections:
            like = connection(message.topic)
            defined = {'msgdef': like.msgdef.data, 'rihs01': like.digest} if (
                like.msgdef.data and like.digest) else {'typestore': self._types}
            if 'typestore' in defined and not self.knows(message.type):
                raise DriveError(f'{message.topic} has messages of type {message.type}, whose '
                                 'definition is neither known here nor in the recording: it '
                                 'cannot be in one recording with others')
            self._connections[message.topic] = self._writer.add_connection(
                message.topic, message.type,
                offered_qos_profiles=like.ext.offered_qos_profiles, **defined)
            self.counts[message.topic] = 0
        self.write(message.topic, message.type, message.stamp, message.data)

    def make(self, type: str, **fields):
        """Return a message of this type for `write_message`; arrays are numpy's."""
        return self._types.types[type](**fields)

    def write_message(self, topic: str, stamp: int, message, latched: bool = False) -> None:
        """Append a message that `make` made."""
        type = message.__msgtype__
        self.write(topic, type, stamp, self._types.serialize_cdr(message, type), latched)

    def attach(self, name: str, text: str) -> None:
        """Put a file beside those of the bag, which appears with it; raises DriveError."""
        try:
            with (self._writer.path / name).open('x', encoding='utf-8') as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._failed(error) from None

    def __exit__(self, kind, error, trace) -> None:
        """
        Give the bag its name; without a message, or after an exception, leave nothing.

        :raises KeyboardInterrupt: after Ctrl-C, with a sentence on what was removed.
        """
        try:
            if kind is None and not self.counts:
                raise DriveError(f'{self.path} was not made: there was no message to write')
            if kind is None:
                self._writer.close()
                if self._replace and self.path.exists():
                    self._replace()
                    _exchange(self._writer.path, self.path)
                else:
                    os.rename(self._writer.path, self.path)
        except OSError as failure:
            raise self._failed(failure) from None
        finally:
            self._discard()
        if kind is KeyboardInterrupt and self.counts:
            count = sum(self.counts.values())
            raise KeyboardInterrupt(f'{self.path} was not finished: the {count} messages that '
                                    'were in it are removed') from None

    def _discard(self) -> None:
        with suppress(OSError, AttributeError):  # there may be no writer yet
            self._writer.abort()
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(AttributeError):
            self._lock.close()
        for folder in self._made:
            with suppress(OSError):  # the bag is in it
                folder.rmdir()

    def _failed(self, error: OSError) -> DriveError:
        return DriveError(f'{self.path} cannot be written, {error.strerror.lower()}: nothing is '
                          'left of it; free some space, or name another place')


def _exchange(new: Path, old: Path) -> None:
    """Let two folders change their names, at once where the file system can."""
    libc = ctypes.CDLL(None, use_errno=True)
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    if not (hasattr(libc, 'renameat2') and libc.renameat2(
            here, os.fsencode(new), here, os.fsencode(old), exchange) == 0):
        aside = new.with_name(f'{new.name}.before')
        os.rename(old, aside)
        try:
            os.rename(new, old)
        except OSError:
            os.rename(aside, old)
            raise


def _remove_dead(parent: Path) -> None:
    """Remove the beginnings of bags whose process was killed: nobody holds their lock."""
    for lock in parent.glob(f'.*/{LOCK}'):
        folder = lock.parent
        with suppress(OSError), lock.open() as file:
            if folder.is_symlink() or lock.stat().st_uid != os.getuid():
                continue
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in [*(path for kind in ('mcap', 'yaml', 'json')
                           for path in folder.glob(f'*/*.{kind}')), lock]:
                path.unlink()
            for path in [*folder.iterdir(), folder]:
                path.rmdir()


class _McapStorage:
    """rosbags' storage interface over the official MCAP writer: its files carry checksums."""

    def __init__(self, path: Path, compression) -> None:
        self.path = path / f'{path.name}.mcap'
        self._file = self.path.open('xb')
        self._writer = mcap.writer.Writer(
            self._file, compression=mcap.writer.CompressionType.NONE)  # pictures hardly shrink
        self._writer.start(profile='ros2')
        self._schemas: dict[str, int] = {}
        self._channels: dict[int, int] = {}

    def add_msgtype(self, connection: Connection) -> None:
        """Write the definition of a message type."""
        idl = connection.msgdef.format is MessageDefinitionFormat.IDL
        self._schemas[connection.msgtype] = self._writer.register_schema(
            connection.msgtype, 'ros2idl' if idl else 'ros2msg', connection.msgdef.data.encode())

    def add_connection(self, connection: Connection, offered_qos_profiles: str) -> None:
        """Write a topic."""
        self._channels[connection.id] = self._writer.register_channel(
            connection.topic, 'cdr', self._schemas[connection.msgtype],
            {'offered_qos_profiles': offered_qos_profiles,
             'topic_type_hash': connection.digest})

    def write(self, connection: Connection, timestamp: int, data: bytes) -> None:
        """Write a message."""
        self._writer.add_message(
            self._channels[connection.id], timestamp, data, timestamp)

    def close(self, version: int, metadata: str) -> None:
        """Finish the file, all the way to the disk: it gets its name after this."""
        self._writer.add_metadata('rosbag2', {'serialized_metadata': metadata})
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abort(self) -> None:
        """Close the file as it is."""
        self._file.close()


class _Writer(Writer):
    STORAGE_PLUGINS = {StoragePlugin.MCAP: _McapStorage}


def _offer(latched: bool) -> Qos:
    return Qos(
        QosHistory.KEEP_LAST, 1 if latched else 10, QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False)


def from_kitti(folder: Path | str, path: Path | str, camera: int = 2,
               progress: Callable[[Iterable], Iterable] = iter) -> None:
    """
    Make a bag of a KITTI raw drive: pictures, CameraInfo, laser scans and the way between them.

    Topics and frames are the classic converter's for raw drives (`/kitti/camera_color_left/
    image_raw`, `.../camera_info`, `/kitti/velo/pointcloud`, `velo_link`), so that what replays
    one replays the other. The pixels are rectified in spite of the topic's name, so the
    CameraInfo says what holds for them: K is the left of P, D is zero, P has no Tx (points and tf
    are in the camera's own frame). It reads the same with `rectified` auto, true or false.
    Everything of a frame has the stamp of its picture, in the header and in the bag; pictures
    without a scan stay without.

    :param progress: is given the drive and returns its frames; such as tqdm.
    :raises DriveError: as `KittiDrive`, `KittiFrame` and `Recorder`.
    """
    drive = KittiDrive(folder, camera)
    name = KITTI_CAMERAS[camera]
    with Recorder(path) as bag:
        bag.write_message('/tf_static', drive[0].stamp, messages.transforms(
            bag.make, drive[0].stamp, (KITTI_LIDAR, name, np.linalg.inv(drive.velo_to_cam))),
            latched=True)
        for frame in progress(drive):
            write_picture(bag, f'/kitti/{name}/image_raw', name, frame.stamp, frame.image(),
                          pinhole_calibration(frame.camera))
            if frame.scan_path is not None:
                bag.write_message(KITTI_CLOUD, frame.stamp, messages.cloud(
                    bag.make, frame.stamp, KITTI_LIDAR, frame.scan()))


def from_video(frames: Iterable[tuple[int, np.ndarray]], calibration: Calibration,
               path: Path | str, image: str = '/camera/image_raw', frame_id: str = 'camera',
               start: int | None = None) -> None:
    """
    Make a bag of pictures, with the CameraInfo on the sibling topic of `image`.

    :param frames: (stamp, picture): nanoseconds since the first one; (H, W, 3) uint8 BGR.
    :param start: nanoseconds since 1970 that are added to the stamps; None: now. ROS takes a
        stamp of 0 for none at all.
    :raises DriveError: no pictures, or of another size than the calibration; as `Recorder`.
    """
    start = time.time_ns() if start is None else start
    size = calibration.image_size()
    with Recorder(path) as bag:
        for stamp, picture in frames:
            height, width = picture.shape[:2]
            if (width, height) != size:
                raise DriveError(f'a picture for {path} is {width}x{height} but the calibration '
                                 f'is for {size[0]}x{size[1]}: give the calibration of this size')
            write_picture(bag, image, frame_id, start + stamp, picture, calibration)


def write_picture(bag: Recorder, topic: str, frame: str, stamp: int, picture: np.ndarray,
                  calibration: Calibration) -> None:
    """Append a picture, (H, W, 3) uint8 BGR, and its CameraInfo on the sibling topic."""
    # The CameraInfo first: a node that holds the newest one then holds this picture's.
    bag.write_message(f'{topic.rpartition("/")[0]}/camera_info', stamp,
                      messages.camera_info(bag.make, stamp, frame, calibration))
    bag.write_message(topic, stamp, messages.image(bag.make, stamp, frame, picture, 'bgr8'))
