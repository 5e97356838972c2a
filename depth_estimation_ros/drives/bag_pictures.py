# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a camera out of a bag, each with its camera."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.imaging import encodings
from depth_estimation_ros.imaging.encodings import ColorImage, EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import Calibration, CameraError, PinholeCamera

IMAGE, COMPRESSED, INFO = (f'sensor_msgs/msg/{name}' for name in (
    'Image', 'CompressedImage', 'CameraInfo'))


def bag_pictures(path: Path | str, topic: str, info_topic: str, rectified: str,
                 count: int) -> Iterator[tuple[ColorImage, PinholeCamera]]:
    """
    Yield `count` pictures at most, spread evenly over the bag, each with its camera.

    :param topic: Image or CompressedImage; empty: the only one in the bag.
    :param info_topic: of its CameraInfo; empty: beside it.
    :param rectified: `auto`, `true` or `false`, as the node's parameter.
    :raises DriveError: a topic is missing or cannot be told, or what is on it is no good.
    """
    with Bag(path) as bag:
        topic = picture_topic(bag, topic)
        total = bag.topics[topic].count
        base = topic.removesuffix('/compressed')
        info_topic = info_topic or base.rsplit('/', 1)[0] + '/camera_info'
        there = bag.topics.get(info_topic)
        if there is None or there.type != INFO or not there.count:
            raise DriveError(f'{path} has no CameraInfo on {info_topic} for {topic}: without it '
                             'the pictures have no camera; give --camera-info, or record it too')
        info = bag.decode(next(bag.read([info_topic])))
        count, levels = min(count, total), Levels()
        wanted = {round(number * total / count) for number in range(count)}
        for number, message in enumerate(bag.read([topic])):
            if number not in wanted:
                continue
            try:
                image = read_picture(bag.decode(message), levels)
            except EncodingError as error:
                raise DriveError(f'{topic} of {path}: {error}') from None
            yield image, camera_of(info, image, base, rectified)


def read_picture(message, levels: Levels) -> ColorImage:
    """Return the picture of a decoded Image or CompressedImage; raises EncodingError."""
    if hasattr(message, 'format'):
        return encodings.decode_compressed(message.format, message.data, levels=levels)
    return encodings.decode(message.encoding, message.width, message.height, message.step,
                            message.data, bool(message.is_bigendian), levels=levels)


def picture_topics(bag: Bag) -> list[str]:
    """Return the topics of a bag's pictures, those that are no depth by their names, sorted."""
    return sorted(name for name, (kind, *_) in bag.topics.items()
                  if kind in (IMAGE, COMPRESSED) and '/depth/' not in name)


def picture_topic(bag: Bag, topic: str = '') -> str:
    """
    Return the topic of a bag's pictures; empty: the only one that is no depth by its name.

    :raises DriveError: it is not there, holds no pictures, or cannot be told.
    """
    if topic:
        bag.check([topic])
    found = [topic] if topic else picture_topics(bag)
    if len(found) != 1:
        raise DriveError(f'{bag.path} has {len(found) or "no"} topics with pictures'
                         f'{": " + ", ".join(found) if found else ""}; say which with --image')
    kind = bag.topics[found[0]].type
    if kind not in (IMAGE, COMPRESSED):
        raise DriveError(f'{topic} of {bag.path} is a {kind}, no picture: give another --image')
    return found[0]


def camera_of(info, picture, topic: str, rectified: str) -> PinholeCamera:
    """
    Return the camera of a picture (or message) on `topic` by the CameraInfo of a bag.

    :raises DriveError: where it cannot be.
    """
    roi = info.roi
    calibration = Calibration(
        info.width, info.height, info.distortion_model, *(
            tuple(float(x) for x in numbers) for numbers in (info.d, info.k, info.r, info.p)),
        (info.binning_x, info.binning_y), (roi.x_offset, roi.y_offset, roi.width, roi.height))
    try:
        return calibration.camera(picture.width, picture.height, rectified == 'true' or (
            rectified == 'auto' and calibration.is_rectified(topic)))
    except CameraError as error:
        raise DriveError(f'the CameraInfo beside {topic}: {error}') from None
