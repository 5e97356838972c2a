# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Frames with truth out of a bag: pictures or recorded depth beside LiDAR or true depth.

A first pass over the stamps decides what belongs together; the second holds no more than the
truths that are still to be compared.
"""
from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import struct

import numpy as np

from depth_estimation_ros.cloud.poses import pose_of
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag, Message
from depth_estimation_ros.drives.bag_pictures import camera_of
from depth_estimation_ros.drives.kitti import project_velodyne
from depth_estimation_ros.evaluation.samples import Sample
from depth_estimation_ros.imaging import encodings
from depth_estimation_ros.imaging.encodings import EncodingError, Levels
from depth_estimation_ros.synthetic.bag import TRUTH

IMAGE, INFO, CLOUD, TF = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo',
                          'sensor_msgs/msg/PointCloud2', 'tf2_msgs/msg/TFMessage')
# Half a turn of a 10 Hz LiDAR: at this distance (ns) a scan and a picture still show one scene.
SAME_TIME = 50_000_000


def bag_samples(path: Path, truth_path: Path, depth_topic: str, truth_topic: str,
                image_topic: str, rectified: str) -> Iterator[Sample]:
    """
    Yield the samples of a bag, in its order.

    :param truth_path: the bag with the truth and /tf_static; may be the same.
    :param depth_topic: recorded depth to judge, with its CameraInfo beside it and, where it was
        recorded, its confidence; empty: pictures are yielded for a model.
    :param truth_topic: true depth images or a LiDAR's clouds; empty: TRUTH, or the only
        PointCloud2.
    :param image_topic: empty: the only Image that is neither of these.
    :param rectified: `auto`, `true` or `false`, as the node's parameter.
    :raises DriveError: a topic is missing or cannot be told, no transform, nothing matches.
    """
    with Bag(path) as bag, Bag(truth_path) as truth_bag:
        bag.check(topic for topic in (depth_topic, image_topic) if topic)
        truth_topic = truth_topic or (
            TRUTH if truth_bag.topics.get(TRUTH, ('',))[0] == IMAGE else
            _only(truth_bag, CLOUD, {'/points'}, '--truth-topic'))
        truth_bag.check([truth_topic])
        judged = depth_topic or image_topic or _only(
            bag, IMAGE, {truth_topic, TRUTH}, '--image-topic')
        info_topic = judged.rsplit('/', 1)[0] + '/camera_info'
        if bag.topics.get(info_topic, ('',))[0] != INFO:
            raise DriveError(f'{path} has no CameraInfo on {info_topic}, beside {judged}: without '
                             'it the depth has no camera')
        info = bag.decode(next(bag.read([info_topic])))
        stamps = [_stamp(m) for m in bag.read([judged])]
        pairs = _pairs(stamps, [_stamp(m) for m in truth_bag.read([truth_topic])],
                       exact=truth_bag.topics[truth_topic].type == IMAGE)
        if not pairs:
            raise DriveError(f'no message on {truth_topic} of {truth_path} is within '
                             f'{SAME_TIME / 1e6:.0f} ms of one on {judged} of {path}: nothing to '
                             'compare')
        transforms = _transforms(truth_bag)
        truths = _Paired(truth_bag, truth_topic, pairs)
        beside = judged.rsplit('/', 1)[0] + '/confidence'
        sure = {}
        if depth_topic and bag.topics.get(beside, ('',))[0] == IMAGE:
            sure = _pairs([s for s in stamps if s in pairs],
                          [_stamp(m) for m in bag.read([beside])], exact=True)
        confidences, levels = _Paired(bag, beside, sure), Levels()
        for message in bag.read([judged]):
            stamp = _stamp(message)
            if stamp in pairs:
                sample = _sample(stamp, bag.decode(message), truths.at(stamp), judged, info,
                                 transforms, bool(depth_topic), rectified, levels)
                if stamp in sure:
                    sample = replace(
                        sample, confidence=_depth_image(confidences.at(stamp), beside))
                yield sample


def _only(bag: Bag, kind: str, others: set[str], option: str) -> str:
    found = [name for name, topic in bag.topics.items()
             if topic.type == kind and name not in others]
    if len(found) != 1:
        raise DriveError(f'{bag.path} has {len(found) or "no"} topics of type {kind}'
                         f'{": " + ", ".join(sorted(found)) if found else ""}; say which with '
                         f'{option}')
    return found[0]


def _stamp(message: Message) -> int:
    """Read the header's stamp (ns): it follows the four bytes that say how CDR is encoded."""
    order = '<' if message.data[1] & 1 else '>'
    seconds, nanoseconds = struct.unpack_from(f'{order}iI', message.data, 4)
    return seconds * 10**9 + nanoseconds


def _transforms(bag: Bag) -> dict[tuple[str, str], np.ndarray]:
    """Return the (4, 4) matrix of each (parent, child) frame, child to parent."""
    topics = [name for name, topic in bag.topics.items() if topic.type == TF]
    return {(one.header.frame_id, one.child_frame_id): _matrix(one.transform)
            for message in (bag.read(topics) if topics else ())
            for one in bag.decode(message).transforms}


class _Paired:
    """The messages of a topic by the stamps they are paired with; few are held at a time."""

    def __init__(self, bag: Bag, topic: str, pairs: dict[int, int]):
        self._pairs = pairs
        self._uses = Counter(pairs.values())
        self._held = {}
        self._messages = ((_stamp(m), m) for m in bag.read([topic]))
        self._bag = bag

    def at(self, stamp: int):
        wanted = self._pairs[stamp]
        while wanted not in self._held:
            found, message = next(self._messages)
            if found in self._uses:
                self._held[found] = self._bag.decode(message)
        message = self._held[wanted]
        self._uses[wanted] -= 1
        if not self._uses[wanted]:
            del self._held[wanted]
        return message


def _pairs(judged: list[int], truths: list[int], exact: bool) -> dict[int, int]:
    """Return the nearest truth's stamp of each stamp that has one near enough."""
    truths = sorted(truths)
    pairs = {}
    for stamp in judged:
        at = bisect_left(truths, stamp)
        near = min(truths[max(at - 1, 0):at + 1], key=lambda t: abs(t - stamp), default=None)
        if near is not None and abs(near - stamp) <= (0 if exact else SAME_TIME):
            pairs[stamp] = near
    return pairs


def _sample(stamp: int, picture, truth, judged: str, info, transforms, recorded: bool,
            rectified: str, levels: Levels) -> Sample:
    camera = camera_of(info, picture, judged, rectified)
    image = depth = None
    if recorded:
        depth = _depth_image(picture, judged)
    else:
        image = encodings.decode(picture.encoding, picture.width, picture.height, picture.step,
                                 picture.data, bool(picture.is_bigendian),
                                 levels=levels).bgr()
    if hasattr(truth, 'point_step'):
        to_camera = _transform(transforms, truth.header.frame_id, picture.header.frame_id)
        points = encodings.cloud_array(
            [(f.name, f.offset, f.datatype, f.count) for f in truth.fields], truth.width,
            truth.height, truth.point_step, truth.row_step, truth.data,
            truth.is_bigendian).reshape(-1)
        xyz = np.stack([points['x'], points['y'], points['z']], -1)
        true = project_velodyne(xyz[np.isfinite(xyz).all(1)], to_camera, camera)
    else:
        true = np.nan_to_num(_depth_image(truth, 'the true depth'), nan=0, posinf=0, neginf=0)
        if true.shape != (camera.height, camera.width):
            raise DriveError(f'the true depth has {true.shape[1]}x{true.shape[0]} pixels, '
                             f'{judged} {camera.width}x{camera.height}: they must be of one size')
    return Sample(str(stamp), image, camera, true, depth)


def _depth_image(message, topic: str) -> np.ndarray:
    try:
        return encodings.depth_metres(message)
    except EncodingError as error:
        raise DriveError(f'{topic}: {error}') from None


def _matrix(transform) -> np.ndarray:
    """Return the (4, 4) matrix, child to parent, of a geometry_msgs/Transform."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = pose_of(transform)
    return matrix


def _transform(transforms: dict, source: str, target: str) -> np.ndarray:
    """Return the (4, 4) matrix from frame `source` to `target`, over as many links as it takes."""
    steps = {}
    for (parent, child), matrix in transforms.items():
        steps.setdefault(child, []).append((parent, matrix))
        steps.setdefault(parent, []).append((child, np.linalg.inv(matrix)))
    reached, queue = {source: np.eye(4)}, [source]
    while queue:
        frame = queue.pop(0)
        for other, matrix in steps.get(frame, ()):
            if other not in reached:
                reached[other] = matrix @ reached[frame]
                queue.append(other)
    if target not in reached:
        raise DriveError(f"the bag has no transform from '{source}' to '{target}': record "
                         '/tf_static with it')
    return reached[target]
