# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Pictures and depth out of recordings, in layouts that training code reads.

kitti: image/NAME.png, groundtruth_depth/NAME.png (16 bits, metres * 256, 0 none) and
intrinsics/NAME.txt (the nine numbers of K), as KITTI's depth benchmark has its selection; with
poses/NAME.txt, 12 numbers, camera to frame, where one is asked for. webdataset: in NNNNNN.tar
NAME.png, NAME.depth.png (as above) and NAME.json with stamp, frame, K and pose.
"""
from __future__ import annotations

import io
import json
from pathlib import Path
import tarfile

import cv2
import numpy as np

from depth_estimation_ros.commands.outputs import Outputs
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag_pairs import bag_pairs, Pair

STEPS = 256  # a metre, KITTI's
FARTHEST = 65535 / STEPS


def run(pictures: Path, depth: Path, output: Path, layout: str = 'kitti', image: str = '',
        frame: str = '', per_shard: int = 1000, overwrite: bool = False) -> str:
    """
    Write the pairs of two recordings below `output`; return what was written.

    :param layout: kitti or webdataset. per_shard: pairs in a tar file. image, frame: see
        bag_pairs.
    :raises ValueError: of this package, one sentence; files that have their name are whole.
    """
    if per_shard < 1:
        raise DriveError(f'--per-shard {per_shard} is no number of pairs: 1 or more')
    pairs = progress(bag_pairs(pictures, depth, image, frame), None, output.name)
    lost = 0
    with Outputs(output, 'bag export', [pictures, depth], overwrite) as outputs:
        if layout == 'kitti':
            count = 0
            for pair in pairs:
                for name, data in _kitti(pair).items():
                    outputs.write_bytes(name, data)
                count, lost = count + 1, lost + (bool(frame) and pair.pose is None)
            files = f'{count} pictures, depth maps and intrinsics'
        else:
            count, shards = 0, 0
            pairs = iter(pairs)
            pair = next(pairs, None)
            while pair is not None:
                with outputs.write(f'{shards:06d}.tar') as part, tarfile.open(part, 'w') as tar:
                    for _ in range(per_shard):
                        _add(tar, pair)
                        count, lost = count + 1, lost + (bool(frame) and pair.pose is None)
                        if (pair := next(pairs, None)) is None:
                            break
                shards += 1
            files = f'{count} pairs in {shards} tar files'
        if not count:
            raise DriveError(f'{depth} has no depth of pictures of {pictures}')
    return f'{files} in {output}; depth is 16 bits, {STEPS} steps a metre, 0 where there is ' \
        f'none or beyond {FARTHEST:.0f} m' + (
            f'; tf does not know the pose of {lost} in {frame}, which have none' if lost else '')


def _kitti(pair: Pair) -> dict[str, bytes]:
    name, c = str(pair.stamp), pair.camera
    files = {f'image/{name}.png': _png(pair.bgr),
             f'groundtruth_depth/{name}.png': _png(_steps(pair.depth)),
             f'intrinsics/{name}.txt': ' '.join(map(repr, (
                 c.fx, 0.0, c.cx, 0.0, c.fy, c.cy, 0.0, 0.0, 1.0))).encode() + b'\n'}
    if pair.pose:
        matrix = np.hstack((pair.pose.rotation, pair.pose.translation[:, None]))
        files[f'poses/{name}.txt'] = ' '.join(map(repr, matrix.ravel().tolist())).encode() + b'\n'
    return files


def _add(tar: tarfile.TarFile, pair: Pair) -> None:
    c = pair.camera
    told = {'stamp': pair.stamp, 'frame_id': pair.frame, 'width': c.width, 'height': c.height,
            'K': [c.fx, 0.0, c.cx, 0.0, c.fy, c.cy, 0.0, 0.0, 1.0], 'depth_steps_a_metre': STEPS}
    if pair.pose:
        told['pose'] = {'rotation': pair.pose.rotation.tolist(),
                        'translation': pair.pose.translation.tolist()}
    for kind, data in (('png', _png(pair.bgr)), ('depth.png', _png(_steps(pair.depth))),
                       ('json', json.dumps(told).encode())):
        entry = tarfile.TarInfo(f'{pair.stamp}.{kind}')  # no owner and no time: equal bytes
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))


def _steps(depth: np.ndarray) -> np.ndarray:
    """Return uint16 depth, 0 where there is none or it is farther than 16 bits say."""
    steps = np.round(np.where(depth <= FARTHEST, depth, 0) * STEPS)
    return steps.astype(np.uint16)


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()
