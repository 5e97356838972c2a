# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and their depth out of recordings, on one grid, for those who train on them."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_estimation_ros.cloud.frame_tree import FrameTree
from depth_estimation_ros.cloud.poses import FrameError, Pose
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_pictures import (
    camera_of, INFO, picture_topics, read_picture)
from depth_estimation_ros.imaging import encodings
from depth_estimation_ros.imaging.encodings import EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.imaging.rvl import decode_rvl

RAW, PACKED = '/depth/image_rect', '/depth/image_rect/compressedDepth'
HEADER = 12  # bytes of compressed_depth_image_transport
BEHIND, MOST_BEHIND = 500_000_000, 64  # ns and pictures that tf is read ahead of them
WAITING = 256  # pictures whose depth has not come; more were dropped
TF = ('/tf', '/tf_static')


@dataclass(frozen=True, eq=False)
class Pair:
    """
    A picture, rectified, and its depth.

    stamp: ns. bgr: (H, W, 3) uint8. depth: (H, W) float32 metres, 0 where there is none. pose: of
    the optical frame in the frame that was asked for, None where tf does not say or none was.
    """

    stamp: int
    frame: str
    bgr: np.ndarray
    depth: np.ndarray
    camera: PinholeCamera
    pose: Pose | None


def bag_pairs(pictures: Path, depth: Path, image: str = '', frame: str = '') -> Iterator[Pair]:
    """
    Yield the pictures of a recording that have depth in another, in the order of the depth.

    :param depth: what `annotate` made, or another recording with depth and its CameraInfo.
    :param image: topic of the pictures; empty: the only one beside whose name there is depth.
    :param frame: in which the pose is wanted, such as odom; empty: none.
    :raises DriveError: what belongs together cannot be told, or does not fit.
    """
    with Bag(pictures) as seen, Bag(depth) as bag:
        topic, depth_topic = _topics(seen, bag, image)
        base = topic.removesuffix('/compressed')
        info_topic = f'{base.rpartition("/")[0]}/camera_info'
        if seen.topics.get(info_topic, ('',))[0] != INFO:
            raise DriveError(f'{pictures} has no CameraInfo on {info_topic} for {topic}')
        info = seen.decode(next(seen.read([info_topic])))
        own = f'{depth_topic.partition("/depth/")[0]}/depth/camera_info'
        bag.check([own])
        grid = bag.decode(next(bag.read([own])))
        tree, levels, mapped = FrameTree(), Levels(), None
        shots = _shots(seen, topic, tree)
        waiting: dict[int, object] = {}
        for message in bag.read([depth_topic]):
            found = bag.decode(message)
            stamp = _stamp(found)
            while stamp not in waiting:
                try:
                    shot = next(shots)
                except StopIteration:
                    break
                waiting[_stamp(shot)] = shot
                if len(waiting) > WAITING:
                    del waiting[next(iter(waiting))]
            shot = waiting.pop(stamp, None)
            if shot is None:
                raise DriveError(f'{topic} of {pictures} has no picture of the time of the depth '
                                 f'at {stamp / 1e9:.3f} s: they are not of one recording')
            try:
                picture = read_picture(shot, levels)
            except EncodingError as error:
                raise DriveError(f'{topic} of {pictures}: {error}') from None
            camera, bgr = camera_of(info, picture, base, 'auto'), picture.bgr()
            if camera.lens:
                if camera != mapped:
                    mapped, where = camera, camera.rectification_map()
                bgr = cv2.remap(bgr, where[..., 0], where[..., 1], cv2.INTER_LINEAR,
                                borderMode=cv2.BORDER_CONSTANT)
            metres = _metres(found, depth_topic)
            if metres.shape != bgr.shape[:2]:
                raise DriveError(f'{depth_topic} of {depth} is {metres.shape[1]}x'
                                 f'{metres.shape[0]} and its picture {bgr.shape[1]}x'
                                 f'{bgr.shape[0]}: annotate it with publish_size:=full')
            k = grid.k
            yield Pair(stamp, found.header.frame_id, bgr, metres, PinholeCamera(
                metres.shape[1], metres.shape[0], float(k[0]), float(k[4]), float(k[2]),
                float(k[5])), _pose(tree, frame, found.header.frame_id, stamp))


def _topics(seen: Bag, bag: Bag, image: str) -> tuple[str, str]:
    depths = {name.partition('/depth/')[0]: name for name in sorted(bag.topics)
              if name.endswith((RAW, PACKED))}
    if image:
        seen.check([image])
    pictures = [image] if image else picture_topics(seen)
    found = {name.removesuffix('/compressed').rpartition('/')[0]: name
             for name in reversed(pictures)}
    both = [space for space in found if space in depths or len(depths) == 1 == len(found)]
    if len(both) != 1:
        raise DriveError(f'{bag.path} has depth on {", ".join(depths.values()) or "no topic"} and '
                         f'{seen.path} pictures on {", ".join(pictures) or "none"}: say which by '
                         '--image')
    return found[both[0]], depths.get(both[0]) or next(iter(depths.values()))


def _shots(bag: Bag, topic: str, tree: FrameTree) -> Iterator:
    """Yield the pictures, decoded, half a second behind the transforms that are read meanwhile."""
    behind: list = []
    for message in bag.read([topic, *(name for name in TF if name in bag.topics)]):
        if message.topic == topic:
            behind.append(message)
        else:
            for transform in bag.decode(message).transforms:
                tree.add(transform, message.topic == '/tf_static')
        while behind and (behind[0].stamp < message.stamp - BEHIND or len(behind) > MOST_BEHIND):
            yield bag.decode(behind.pop(0))
    for message in behind:
        yield bag.decode(message)


def _metres(message, topic: str) -> np.ndarray:
    if hasattr(message, 'format'):
        data = bytes(message.data)[HEADER:]
        try:
            depth = decode_rvl(data) if message.format.endswith('rvl') else _png(data)
        except EncodingError as error:
            raise DriveError(f'{topic}: {error}') from None
        return depth.astype(np.float32) / 1000
    try:
        depth = encodings.depth_metres(message)
    except EncodingError as error:
        raise DriveError(f'{topic}: {error}') from None
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)


def _png(data: bytes) -> np.ndarray:
    depth = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
        raise EncodingError('it holds no 16-bit PNG as compressedDepth has it')
    return depth


def _pose(tree: FrameTree, frame: str, child: str, stamp: int) -> Pose | None:
    if not frame:
        return None
    try:
        return tree.look_up(frame, child, stamp)
    except FrameError:
        return None


def _stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
