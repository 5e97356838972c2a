# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
KITTI as it is downloaded: raw drives, the object benchmark, annotated depth maps.

Sources: Geiger et al., "Vision meets Robotics: The KITTI Dataset" (IJRR 2013) and the raw and
object development kits for the file layouts; Uhrig et al., "Sparsity Invariant CNNs" (3DV 2017)
for the annotated depth maps. Frames: `velo` is the Velodyne (x forward, y left, z up), `camera`
the optical frame of the rectified camera (x right, y down, z forward), both in metres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_estimation_ros.drives import DriveError, image_files, read_image
from depth_estimation_ros.imaging.intrinsics import PinholeCamera


@dataclass(frozen=True, eq=False)
class KittiFrame:
    """
    One picture with its calibration and, where it was recorded, its laser scan.

    image_path: the picture; its stem names the frame.
    stamp: integer nanoseconds since 1970, KITTI's local time text read as UTC; None where the
        layout has no times (object benchmark).
    camera: the rectified camera, left 3x3 of P_rect.
    velo_to_cam: (4, 4) float64, Velodyne to this camera's rectified optical frame.
    scan_path: the Velodyne scan; None where the drive has none for this picture.
    """

    image_path: Path
    stamp: int | None
    camera: PinholeCamera
    velo_to_cam: np.ndarray
    scan_path: Path | None

    def image(self) -> np.ndarray:
        """
        Read the picture: BGR, (H, W, 3), uint8.

        :raises DriveError: unreadable, or of another size than the calibration's.
        """
        image = read_image(self.image_path)
        height, width = image.shape[:2]
        if (width, height) != (self.camera.width, self.camera.height):
            raise DriveError(
                f'{self.image_path} is {width}x{height} but its calibration is for '
                f'{self.camera.width}x{self.camera.height}: use the calibration of its own day.')
        return image

    def scan(self) -> np.ndarray:
        """
        Read the Velodyne scan: (N, 4) float32, x y z in metres and reflectance.

        :raises DriveError: there is none for this picture, or the file is cut short.
        """
        if self.scan_path is None:
            raise DriveError(f'{self.image_path} has no Velodyne scan of the same name: '
                             'download the velodyne_points of this drive, or skip the frame.')
        size = self.scan_path.stat().st_size
        if size == 0 or size % 16:
            raise DriveError(f'{self.scan_path} has {size} bytes, not a multiple of the 16 of '
                             'a Velodyne point: it is cut short, download it again.')
        return np.fromfile(self.scan_path, dtype='<f4').reshape(-1, 4)

    def depth(self) -> np.ndarray:
        """
        Project the scan into the picture: (H, W) float32, metres, 0 where there is none.

        :raises DriveError: as `scan`.
        """
        return project_velodyne(self.scan(), self.velo_to_cam, self.camera)


class KittiDrive(Sequence):
    """
    A KITTI raw drive, synced and rectified, as a sequence of `KittiFrame`.

    Pictures, times and scans belong together by the number in their names, so that a drive
    with gaps (2011_09_26_drive_0009 lacks four scans) and a part of a drive both work.
    """

    def __init__(self, folder: Path | str, camera: int = 2) -> None:
        """
        Index a drive; pictures and scans are read later, frame by frame.

        :param folder: `<date>/<date>_drive_<n>_sync`; the calibration lies in `<date>`.
        :param camera: 0 and 1 grey, 2 and 3 colour; `image_0<camera>` is read.
        :raises DriveError: not a drive; calibration missing or incomplete; a picture without
            a time; scans without a picture.
        """
        self.folder = Path(folder).absolute()
        pictures = self.folder / f'image_0{camera}'
        if not (pictures / 'data').is_dir():
            raise DriveError(f'{self.folder} is not a KITTI raw drive: '
                             f'it has no folder image_0{camera}/data.')
        self.camera, self.velo_to_cam = _raw_calibration(self.folder.parent, camera)
        self._images = image_files(pictures / 'data')
        self._stamps = _stamps(pictures / 'timestamps.txt', self._images)
        scans = self.folder / 'velodyne_points' / 'data'
        self._scans = {path.stem: path for path in sorted(scans.glob('*.bin'))}
        surplus = sorted(self._scans.keys() - {path.stem for path in self._images})
        if surplus:
            raise DriveError(
                f'{scans} holds {len(surplus)} scans without a picture in image_0{camera}, '
                f'first {surplus[0]}.bin: complete the pictures or remove these scans.')

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._images)

    def __getitem__(self, index):
        """Give one frame, or a list of frames for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        image = self._images[index]
        return KittiFrame(image, self._stamps[index], self.camera, self.velo_to_cam,
                          self._scans.get(image.stem))


def kitti_object(folder: Path | str, name: str, camera: int = 2) -> KittiFrame:
    """
    Give one frame of the object benchmark.

    :param folder: `training` or `testing`, holding image_2, calib and velodyne.
    :param name: the frame, such as '000000'.
    :param camera: 2 or 3; `image_<camera>` is read.
    :raises DriveError: no such frame, or calibration missing or incomplete.
    """
    folder = Path(folder).absolute()
    image = folder / f'image_{camera}' / f'{name}.png'
    # This calibration does not state the picture's size: the picture does.
    height, width = read_image(image).shape[:2]
    entries = _Calibration(folder / 'calib' / f'{name}.txt')
    model, velo_to_cam = _rectified(
        entries.matrix(f'P{camera}', 3, 4), entries.matrix('R0_rect', 3, 3),
        entries.matrix('Tr_velo_to_cam', 3, 4), width, height)
    scan = folder / 'velodyne' / f'{name}.bin'
    return KittiFrame(image, None, model, velo_to_cam, scan if scan.is_file() else None)


def depth_benchmark(folder: Path | str) -> Iterator[
        tuple[str, np.ndarray, PinholeCamera, np.ndarray | None]]:
    """
    Yield name, picture (BGR), camera and annotated depth, or None, of each frame of the benchmark.

    :param folder: with image, groundtruth_depth and intrinsics, as val_selection_cropped has them.
    :raises DriveError: a picture, or what belongs to it, cannot be read.
    """
    folder = Path(folder).absolute()
    for file in image_files(folder / 'image'):
        picture = read_image(file)
        path = folder / 'intrinsics' / f'{file.stem}.txt'
        try:
            k = np.array(path.read_text().split(), dtype=np.float64).reshape(3, 3)
        except (OSError, ValueError) as error:
            raise DriveError(f'{path} does not hold the nine numbers of K: use the folder as '
                             'KITTI delivers it') from error
        truth = folder / 'groundtruth_depth' / file.name.replace(
            '_sync_image_', '_sync_groundtruth_depth_')
        height, width = picture.shape[:2]
        camera = PinholeCamera(width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
        yield file.stem, picture, camera, annotated_depth(truth) if truth.exists() else None


def annotated_depth(path: Path | str) -> np.ndarray:
    """
    Read an official annotated depth map: (H, W) float32, metres, 0 where there is none.

    :raises DriveError: not a 16-bit, one-channel PNG (they hold metres * 256).
    """
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        raise DriveError(f'{path} is not a KITTI depth map: expected a 16-bit grey PNG.')
    return values.astype(np.float32) / 256


def project_velodyne(points: np.ndarray, velo_to_cam: np.ndarray,
                     camera: PinholeCamera) -> np.ndarray:
    """
    Make a depth map from a laser scan the way the KITTI papers' ground truth is made.

    Points behind the scanner (x < 0) are dropped, the pixel is round(u) - 1, round(v) - 1 and
    the nearest point of a pixel wins (Eigen et al. 2014, as carried on by monodepth2).
    The value is the Z of the rectified camera, not the Velodyne's x that some exports use.

    :param points: (N, 3 or more), metres, x y z first, in the Velodyne's frame.
    :param velo_to_cam: (4, 4).
    :returns: (H, W) float32, metres, 0 where there is none.
    """
    xyz = points[points[:, 0] >= 0, :3].astype(np.float64)
    x, y, z = velo_to_cam[:3, :3] @ xyz.T + velo_to_cam[:3, 3:]
    front = z > 0
    x, y, z = x[front], y[front], z[front]
    # The - 1 comes from the development kit, which counts pixels from 1. It stays, because the
    # published figures were measured with it.
    u = np.round(camera.fx * x / z + camera.cx) - 1
    v = np.round(camera.fy * y / z + camera.cy) - 1
    seen = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    cell = v[seen].astype(np.intp) * camera.width + u[seen].astype(np.intp)
    depth = np.full(camera.height * camera.width, np.inf)
    np.minimum.at(depth, cell, z[seen])
    depth[np.isinf(depth)] = 0
    return depth.astype(np.float32).reshape(camera.height, camera.width)


class _Calibration:
    """The `name: numbers` lines of a KITTI calibration file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise DriveError(f'{path} is not there or not readable: KITTI pictures need the '
                             'calibration files of their day or frame.') from error
        self._entries = dict(line.split(':', 1) for line in text.splitlines() if ':' in line)

    def matrix(self, name: str, rows: int, columns: int) -> np.ndarray:
        """Give an entry as (rows, columns) float64."""
        try:
            numbers = np.array(self._entries[name].split(), dtype=np.float64)
            return numbers.reshape(rows, columns)
        except (KeyError, ValueError) as error:
            raise DriveError(f'{self.path} has no entry {name} of {rows * columns} numbers: '
                             'use the file as KITTI delivers it.') from error


def _raw_calibration(folder: Path, camera: int) -> tuple[PinholeCamera, np.ndarray]:
    cameras = _Calibration(folder / 'calib_cam_to_cam.txt')
    velodyne = _Calibration(folder / 'calib_velo_to_cam.txt')
    width, height = cameras.matrix(f'S_rect_0{camera}', 1, 2)[0]
    return _rectified(
        cameras.matrix(f'P_rect_0{camera}', 3, 4), cameras.matrix('R_rect_00', 3, 3),
        np.hstack((velodyne.matrix('R', 3, 3), velodyne.matrix('T', 3, 1))),
        int(width), int(height))


def _rectified(projection: np.ndarray, rectification: np.ndarray, velo_to_cam0: np.ndarray,
               width: int, height: int) -> tuple[PinholeCamera, np.ndarray]:
    """Split P (3, 4) = K [I | t] into the camera K and Velodyne -> this camera, (4, 4)."""
    intrinsics = projection[:, :3]
    velo_to_cam = np.eye(4)
    velo_to_cam[:3] = rectification @ velo_to_cam0
    velo_to_cam[:3, 3] += np.linalg.solve(intrinsics, projection[:, 3])
    return PinholeCamera(
        width=width, height=height, fx=float(intrinsics[0, 0]), fy=float(intrinsics[1, 1]),
        cx=float(intrinsics[0, 2]), cy=float(intrinsics[1, 2])), velo_to_cam


def _stamps(path: Path, images: list[Path]) -> list[int]:
    """Give each picture's nanoseconds: the line of timestamps.txt that its name counts."""
    try:
        lines = path.read_text().split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise DriveError(f'{path} is not there or not readable: '
                         'a KITTI raw drive has the times of its pictures in it.') from error
    stamps = []
    for image in images:
        try:
            # datetime64 keeps the nanoseconds that datetime would cut.
            stamp = np.datetime64(lines[int(image.stem)].strip() or 'no time', 'ns')
        except (ValueError, IndexError) as error:
            raise DriveError(f'{path} has no time for {image.name}: expected a line like '
                             '2011-09-26 13:02:25.594360375 for every picture.') from error
        stamps.append(int(stamp.astype(np.int64)))
    return stamps
