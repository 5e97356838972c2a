# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
One recording to depth: what the node would publish, message by message, as fast as it goes.

The pictures go through the estimator in the order of the recording, with the same code and rules
for scale, scene and points as in the node; reading and unpacking run ahead in one thread,
packing and writing behind in another. What tf and a range sensor say of a picture's time is read
before the picture's turn comes, so that the outcome is the same in every run.
"""
from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import cv2
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, Range

from depth_estimation_ros.cloud.frame_tree import FrameTree
from depth_estimation_ros.cloud.poses import Pose
from depth_estimation_ros.drives import bag_messages, DriveError
from depth_estimation_ros.drives.bag import Bag, Message
from depth_estimation_ros.drives.bag_pairs import BEHIND, MOST_BEHIND
from depth_estimation_ros.drives.bag_pictures import COMPRESSED, IMAGE, INFO, picture_topics
from depth_estimation_ros.drives.bag_writing import Recorder
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import Estimate
from depth_estimation_ros.imaging.encodings import ColorImage, EncodingError, Levels
from depth_estimation_ros.imaging.intrinsics import Calibration, CameraError, PinholeCamera
from depth_estimation_ros.imaging.rvl import encode_rvl
from depth_estimation_ros.node import messages
from depth_estimation_ros.node.camera_depth import CameraDepth
from depth_estimation_ros.node.parameters import Settings
from depth_estimation_ros.node.stream import TOPICS
from depth_estimation_ros.scale.camera_scale import CameraScale
from depth_estimation_ros.scale.range_history import RangeHistory

TF, TF_STATIC = '/tf', '/tf_static'
RANGES = {'sensor_msgs/msg/PointCloud2': PointCloud2, 'sensor_msgs/msg/Range': Range}
AHEAD = 4  # pictures that are unpacked before their turn, and that are packed after it
WRITES = ('depth', 'confidence', 'color', 'points')
DEPTH_FORMATS = ('32FC1', 'png', 'rvl')
HEADER = bytes(12)  # compressed_depth_image_transport's; 16UC1 has no use for its parameters
END = object()


class AnnotateError(ValueError):
    """A recording that cannot become depth; the message says what to change."""


@dataclass(frozen=True)
class Wishes:
    """
    What is made of recordings; the same wishes make the same of the same recording.

    images: topics of pictures; empty: all that have a CameraInfo. calibration: instead of a
    CameraInfo in the recording. write: some of WRITES; depth comes with its CameraInfo.
    depth_format: of DEPTH_FORMATS; png and rvl are 16UC1 millimetres as compressedDepth.
    merge: all messages of the recording are written too.
    """

    images: tuple[str, ...] = ()
    calibration: Calibration | None = None
    write: tuple[str, ...] = ('depth', 'confidence')
    depth_format: str = '32FC1'
    merge: bool = False


@dataclass
class Outcome:
    """What became of the pictures of a recording, by topic, and remarks, each once."""

    written: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    remarks: dict[str, None] = field(default_factory=dict)
    scales: dict[str, dict[str, str]] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)


class _Picture(NamedTuple):
    """A picture whose turn will come, and the calibration that held when it was recorded."""

    camera: _Camera
    message: Message
    calibration: Calibration


class _Ready(NamedTuple):
    """A picture that is unpacked."""

    camera: _Camera
    recorded: int  # ns
    header: Any
    image: ColorImage
    pinhole: PinholeCamera


class _Camera:
    """One camera of a recording, and what it remembers from picture to picture."""

    def __init__(self, bag: Bag, topic: str, settings: Settings, wishes: Wishes,
                 estimator: DepthEstimator, outcome: Outcome):
        self.topic, self._settings, self._outcome = topic, settings, outcome
        self.compressed = bag.topics[topic].type == COMPRESSED
        self._base = topic.removesuffix('/compressed')
        self.namespace = self._base.rpartition('/')[0]
        name = self.namespace.rpartition('/')[2]
        self.name = name if name in settings.cameras else ''
        self.info_topic = f'{self.namespace}/camera_info'
        self.calibration = wishes.calibration
        if self.calibration is None:
            first = None
            if bag.topics.get(self.info_topic, ('',))[0] == INFO:
                first = next(bag.read([self.info_topic]), None)
            if first is None:
                raise AnnotateError(
                    f'{bag.path} has no CameraInfo on {self.info_topic} for {topic}: without it '
                    'there are no metres; give --camera CALIBRATION.yaml')
            try:
                self.calibration = _calibration(first)
            except DriveError as error:
                raise AnnotateError(f'{self.info_topic} of {bag.path}: {error}') from None
            self.infos = {self.info_topic}
        else:
            self.infos = set()
        of = partial(settings.of, self.name)
        self.range_topic = _full(of('range_topic'))
        if self.range_topic and bag.topics.get(self.range_topic, ('',))[0] not in RANGES:
            raise AnnotateError(f'{bag.path} has no PointCloud2 or Range on {self.range_topic}, '
                                'which range_topic names: take it away, or name another')
        self._estimator = estimator
        self._begin_scale()
        self._ranges = RangeHistory()
        self._depth = CameraDepth(
            self.name, topic, self.info_topic, estimator, lambda: self._scale, self._begin_scale,
            lambda _, sentence: self._remark(sentence))
        self._levels = Levels(settings.image_bits)
        self._pinhole: PinholeCamera | None = None
        self._packed = '' if wishes.depth_format == '32FC1' else wishes.depth_format
        if self._packed:
            self._settings = replace(settings, depth=replace(settings.depth,
                                                             depth_encoding='16UC1'))
        self._outputs = frozenset(wishes.write)

    def _begin_scale(self) -> None:
        self._scale = CameraScale(self._estimator.network.contract,
                                  self._settings.scale(self.name, _full))

    def topics(self) -> list[str]:
        """Return the topics that are written."""
        return [self._topic(output) for output in ('camera_info', *sorted(self._outputs))]

    def _topic(self, output: str) -> str:
        transport = '/compressedDepth' if self._packed and output == 'depth' else ''
        return f'{self.namespace}/{TOPICS[output][0]}{transport}'

    def hear(self, message: Message) -> None:
        """Take what its range sensor measured."""
        try:
            heard = _decoded(message, RANGES[message.type])
            points, cone = messages.read_ranges(heard)
            self._ranges.add(messages.stamp_of(heard), heard.header.frame_id, points, cone)
        except (DriveError, EncodingError) as error:
            self._remark(f'{message.topic}: {error}')

    def calibrate(self, message: Message) -> None:
        """Take a CameraInfo, for the pictures after it."""
        try:
            self.calibration = _calibration(message)
        except DriveError as error:
            self._remark(f'{message.topic}: {error}')

    def unpack(self, picture: _Picture) -> _Ready | None:
        """Return a picture ready for the estimator, or None, with a remark, where it is none."""
        message = picture.message
        kind, read = ((CompressedImage, messages.read_compressed_image) if self.compressed else
                      (Image, messages.read_image))
        try:
            heard = _decoded(message, kind)
            image = read(heard, self._settings.max_pixels, self._levels)
            wanted = self._settings.rectified
            calibration = picture.calibration
            pinhole = calibration.camera(image.width, image.height, wanted == 'true' or (
                wanted == 'auto' and calibration.is_rectified(self._base)))
        except (DriveError, EncodingError) as error:
            return self._drop('bad image', f'{self.topic}: {error}')
        except CameraError as error:
            return self._drop('bad camera_info', f'{self.info_topic}: {error}')
        if self._pinhole and self._pinhole.is_nearly(pinhole):
            pinhole = self._pinhole
        self._pinhole = pinhole
        return _Ready(self, message.stamp, heard.header, image, pinhole)

    def depth(self, ready: _Ready, tree: FrameTree) -> Estimate | None:
        """Return what a picture becomes, or None where nothing does, and learn from it."""
        settings, stamp = self._settings, messages.stamp_of(ready)
        # To the last digit as the node has it: it is subtracted from others.
        seconds = ready.header.stamp.sec + ready.header.stamp.nanosec * 1e-9

        def look_up(target: str) -> Pose:
            return tree.look_up(target, ready.header.frame_id, stamp)

        try:
            request = self._depth.request(settings, seconds, ready.image, ready.pinhole,
                                          self._outputs, look_up)
        except CameraError as error:
            return self._drop('bad camera_info', f'{self.info_topic}: {error}')
        if request is None:
            return self._drop('no pose')
        made = self._estimator.prepare([request])
        self._estimator.read(made)
        request = self._depth.scaled(settings, request)
        [estimate] = self._estimator.finish(made, [request])
        void = self._depth.void(estimate)
        if estimate.unscaled:
            self._depth.learn(settings, seconds, estimate.unscaled, look_up, lambda pose: (
                self._ranges.at(stamp, pose, lambda frame: tree.look_up(
                    ready.header.frame_id, frame, stamp))))
        if void:
            return self._drop('scene changed')
        return estimate if request.outputs else self._drop('no scale')

    def write(self, bag: Recorder, ready: _Ready, estimate: Estimate) -> None:
        """
        Append the depth of a picture.

        The messages are made by drives/bag_messages.py: ROS leaves what was in memory in the gaps
        between fields, and equal depth shall be equal bytes.
        """
        where = bag.make, messages.stamp_of(ready), ready.header.frame_id
        encoding, made = self._settings.depth.depth_encoding, {}
        made['camera_info'] = bag_messages.camera_info(
            *where, pinhole_calibration(estimate.camera))
        if estimate.depth is not None:
            made['depth'] = bag_messages.compressed(
                *where, f'16UC1; compressedDepth {self._packed}', HEADER + (
                    encode_rvl(estimate.depth) if self._packed == 'rvl' else
                    cv2.imencode('.png', estimate.depth)[1].tobytes()),
            ) if self._packed else bag_messages.image(*where, estimate.depth, encoding)
        if estimate.confidence is not None:
            made['confidence'] = bag_messages.image(*where, estimate.confidence, '32FC1')
        if estimate.color is not None:
            made['color'] = bag_messages.image(*where, estimate.color, 'bgr8')
        if estimate.cloud is not None:
            made['points'] = bag_messages.made_cloud(*where, estimate.cloud)
        for output, message in made.items():
            bag.write_message(self._topic(output), ready.recorded, message)

    def scale_values(self) -> dict[str, str]:
        """Return where its metres came from, as text."""
        return self._scale.values()

    def _drop(self, reason: str, remark: str = '') -> None:
        self._outcome.dropped[f'{self.topic}: {reason}'] += 1
        if remark:
            self._remark(remark)

    def _remark(self, sentence: str) -> None:
        if len(self._outcome.remarks) < 100:
            self._outcome.remarks.setdefault(sentence)


def annotate(bag: Bag, recorder: Recorder, settings: Settings, wishes: Wishes,
             estimator: DepthEstimator,
             progress: Callable[[Iterator], Iterator] = iter) -> Outcome:
    """
    Write the depth of all pictures of a recording into another, under the pictures' stamps.

    A camera's topics are below its pictures' namespace: of /front/image_raw they are
    /front/depth/image_rect and so on.

    :param settings: the node's parameters. estimator: made of them.
    :param progress: is given the pictures as they come and passes them on, such as tqdm.
    :raises ValueError: of this package, one sentence, where nothing can be made of it.
    """
    outcome = Outcome()
    cameras = [_Camera(bag, topic, settings, wishes, estimator, outcome)
               for topic in _picture_topics(bag, wishes)]
    outcome.topics = [topic for camera in cameras for topic in camera.topics()]
    for topic in outcome.topics:
        if topic in bag.topics:
            raise AnnotateError(f'{bag.path} has {topic} already, which would be written: '
                                'it was recorded with depth; name other pictures by --image')
    tree = FrameTree()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        behind: deque[Future] = deque()
        try:
            def write(work: Callable, *what) -> None:
                behind.append(writer.submit(work, *what))
                if len(behind) > AHEAD:
                    behind.popleft().result()

            events = _ahead(_events(bag, cameras, wishes.merge), reader)
            for item in progress(_pictures(events, cameras, tree, lambda message: write(
                    recorder.copy, message, bag.connection))):
                estimate = item.camera.depth(item, tree)
                if estimate is not None:
                    outcome.written[item.camera.topic] += 1
                    write(item.camera.write, recorder, item, estimate)
            for future in behind:
                future.result()
        finally:
            for pool in (reader, writer):
                pool.shutdown(cancel_futures=True)
    outcome.scales = {camera.topic: camera.scale_values() for camera in cameras}
    return outcome


class _Transforms(NamedTuple):
    message: Any
    static: bool


def _picture_topics(bag: Bag, wishes: Wishes) -> list[str]:
    """Return the topics of pictures, of one that is there raw and compressed the raw one."""
    if wishes.images:
        bag.check(wishes.images)
        for topic in wishes.images:
            if bag.topics[topic].type not in (IMAGE, COMPRESSED):
                raise AnnotateError(f'{topic} of {bag.path} is a {bag.topics[topic].type}, no '
                                    'picture: give another --image')
        return _of_one_space_each(bag, list(dict.fromkeys(wishes.images)))
    pictures = [name for name in picture_topics(bag) if bag.topics[name].count]
    found = [topic for topic in pictures if topic.removesuffix('/compressed') not in
             set(pictures) - {topic}]
    with_info = [topic for topic in found if wishes.calibration or bag.topics.get(
        topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info', ('',))[0] == INFO]
    if not found:
        raise AnnotateError(f'{bag.path} has no pictures: its topics are '
                            f'{", ".join(sorted(bag.topics))}')
    if not with_info:
        raise AnnotateError(f'{bag.path} has pictures on {", ".join(found)}, and no CameraInfo '
                            'beside any: without it there are no metres; give --camera '
                            'CALIBRATION.yaml')
    return _of_one_space_each(bag, with_info)


def _of_one_space_each(bag: Bag, topics: list[str]) -> list[str]:
    spaces = Counter(topic.removesuffix('/compressed').rpartition('/')[0] for topic in topics)
    for space, count in spaces.items():
        if count > 1:
            raise AnnotateError(f'{bag.path} has {count} topics of pictures in {space or "/"}, '
                                'whose depth would have one name: say which with --image')
    return topics


def _events(bag: Bag, cameras: list[_Camera], merge: bool) -> Iterator[tuple[str, Any]]:
    """
    Yield what is needed of a recording: transforms and measurements, then pictures of before.

    Pictures come unpacked, BEHIND after their moment, in their order.
    """
    by_topic = {camera.topic: camera for camera in cameras}
    infos = {topic: camera for camera in cameras for topic in camera.infos}
    ranges = {camera.range_topic for camera in cameras} - {''}
    frames = {topic for topic in (TF, TF_STATIC) if topic in bag.topics}
    waiting: deque[_Picture] = deque()

    def due(until: float) -> Iterator[tuple[str, Any]]:
        while waiting and (waiting[0].message.stamp < until or len(waiting) > MOST_BEHIND):
            picture = waiting.popleft()
            ready = picture.camera.unpack(picture)
            if ready:
                yield 'picture', ready

    needed = {*by_topic, *infos, *ranges, *frames}
    for message in bag.read(None if merge else needed):
        if merge:
            yield 'copy', message
        if message.topic not in needed:
            continue
        if message.topic in infos:
            infos[message.topic].calibrate(message)
        elif message.topic in ranges:
            yield 'range', message
        elif message.topic in frames:
            yield 'tf', _Transforms(bag.decode(message), message.topic == TF_STATIC)
        else:
            camera = by_topic[message.topic]
            waiting.append(_Picture(camera, message, camera.calibration))
        yield from due(message.stamp - BEHIND)
    yield from due(float('inf'))


def _pictures(events: Iterator[tuple[str, Any]], cameras: list[_Camera], tree: FrameTree,
              copy: Callable[[Message], None]) -> Iterator[_Ready]:
    """Yield the pictures of events; what else there is goes where it is asked for."""
    for kind, item in events:
        if kind == 'picture':
            yield item
        elif kind == 'copy':
            copy(item)
        elif kind == 'tf':
            for transform in item.message.transforms:
                tree.add(transform, item.static)
        else:
            for camera in cameras:
                if camera.range_topic == item.topic:
                    camera.hear(item)


def _ahead(items: Iterator, pool: ThreadPoolExecutor) -> Iterator:
    """Yield the items of an iterator that a pool of one thread runs ahead."""
    waiting = deque(pool.submit(next, items, END) for _ in range(AHEAD))
    while (item := waiting.popleft().result()) is not END:
        waiting.append(pool.submit(next, items, END))
        yield item


def _decoded(message: Message, kind):
    try:
        return deserialize_message(message.data, kind)
    except Exception as error:  # of the C layer, without a type of its own
        raise DriveError(f'a message is no {message.type} '
                         f'({" ".join(str(error).split())[:100]})') from error


def _calibration(message: Message) -> Calibration:
    return messages.read_camera_info(_decoded(message, CameraInfo))


def _full(topic: str) -> str:
    return topic and f'/{topic.lstrip("/")}'
