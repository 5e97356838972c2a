# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a range sensor's messages, and which of them belongs to a picture."""
import math
import time

from depth_estimation_ros.cloud.points import Cloud
from depth_estimation_ros.cloud.poses import FrameError, pose_from
from depth_estimation_ros.imaging.encodings import EncodingError
from depth_estimation_ros.node.diagnostics import Complaints, ERROR
from depth_estimation_ros.node.messages import (
    cloud_message, MOST_RANGES, read_points, read_range)
from depth_estimation_ros.node.qos import MatchedSubscription
from depth_estimation_ros.node.range_sensor import RangeSensor
from depth_estimation_ros.scale.range_history import KEPT_POINTS
from depth_estimation_ros.scale.tracker import Declined
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2, PointField, Range
from std_msgs.msg import Header

AHEAD = np.array([[4.0, 0.0, 0.0]])  # x is forward for a sensor
LEVEL = pose_from([0.0] * 6)


class MockNode:
    """A node on whose topic messages of these types are published."""

    def __init__(self, *types, reliability='auto'):
        self.subscribed = []  # types of the subscriptions that stand
        self._reliability = reliability
        self.publish(*types)

    def publish(self, *types):
        """Let publishers of these types take the place of what was there."""
        self._publishers = [type('', (), {'topic_type': name, 'qos_profile': QoSProfile(depth=1)})
                            for name in types]

    def get_publishers_info_by_topic(self, topic):
        """Return what the graph says of any topic."""
        return self._publishers

    def has_parameter(self, name):
        """Have the overrides of any QoS."""
        return True

    def get_parameter(self, name):
        """Return the override of a policy."""
        value = 1 if name.endswith('depth') else (
            self._reliability if name.endswith('reliability') else 'auto')
        return type('', (), {'value': value})

    def create_subscription(self, kind, topic, callback, profile, event_callbacks):
        """Subscribe."""
        self.subscribed.append(kind)
        return kind

    def destroy_subscription(self, subscription):
        """Unsubscribe."""
        self.subscribed.remove(subscription)


class MockFrames:
    """A tf whose answer comes late."""

    def look_up(self, target, source, stamp):
        """Know nothing yet."""
        raise FrameError(f"tf knows where '{source}' is in '{target}' only up to 0.20 s before")


def header(second, frame='lidar'):
    made = Header(frame_id=frame)
    made.stamp.sec, made.stamp.nanosec = divmod(round(second * 1e9), 10**9)
    return made


def cloud(points, second=0.0, fields=('x', 'y', 'z')):
    return cloud_message(header(second), Cloud(
        np.asarray(points, np.float32)[None], fields, is_dense=True))


def sensor(*messages):
    """Return a sensor that has heard these messages."""
    made = RangeSensor(MockNode(), '/lidar', None)
    for message in messages:
        made._on_message(message)
    return made


def at(made, second, extrinsics=LEVEL):
    return made.at(header(second, 'camera'), extrinsics, MockFrames())


def test_the_message_nearest_to_the_picture_counts_in_the_optical_frame():
    made = sensor(cloud(AHEAD, 1.00), cloud(2 * AHEAD, 1.10), cloud(3 * AHEAD, 1.20))
    assert at(made, 1.14).points == pytest.approx(np.array([[0.0, 0.0, 8.0]]))
    # 0.5 m to the left of the lens and turned to the left by a quarter.
    mounted = pose_from([0.0, 0.5, 0.0, 0.0, 0.0, math.pi / 2])
    assert at(made, 1.0, mounted).points == pytest.approx(np.array([[-4.5, 0.0, 0.0]]))


def test_a_slow_sensor_is_missed_in_between_and_a_silent_one_reported():
    made = sensor(cloud(AHEAD, 1.0))
    assert 'is 0.20 s newer, over 0.05 s' in at(made, 0.8).reason
    assert len(at(made, 1.04).points) == 1
    assert at(made, 1.5) is None
    assert at(made, 2.1) == Declined(
        'its message nearest to the picture is 1.10 s older, over 0.05 s: check that it runs, and '
        'that its clock is the clock of the camera', for_now=True)
    assert not at(made, 2.6).for_now and not at(made, 0.8).for_now  # none of their time will come


def test_late_tf_is_said_with_the_way_out():
    assert at(sensor(cloud(AHEAD, 1.0)), 1.0, None) == Declined(
        "tf knows where 'lidar' is in 'camera' only up to 0.20 s before, or set range_extrinsics",
        for_now=True)


@pytest.mark.parametrize('types, why', [
    ([], 'nobody publishes it'),
    (['sensor_msgs/msg/LaserScan'], 'it is a sensor_msgs/msg/LaserScan, neither')])
def test_what_does_not_come_is_said(types, why):
    assert at(RangeSensor(MockNode(*types), '/scan', None), 1.0).reason.startswith(why)


def test_a_sensor_that_comes_back_as_another_type_is_heard_again():
    node = MockNode('sensor_msgs/msg/PointCloud2')
    made = RangeSensor(node, '/velo', None)
    node.publish()  # it restarts
    made.watch()
    assert node.subscribed == [PointCloud2]
    node.publish('sensor_msgs/msg/Range')
    made.watch()
    made.watch()
    assert node.subscribed == [Range]
    node.publish('sensor_msgs/msg/LaserScan')
    made.watch()
    assert node.subscribed == [] and 'it is a sensor_msgs/msg/LaserScan' in at(made, 1.0).reason


def test_an_override_of_the_qos_that_is_no_good_is_said():
    made = RangeSensor(MockNode(), '/velo', None)
    made._node = MockNode('sensor_msgs/msg/PointCloud2', reliability='nonsense')
    made.watch()  # in a timer's callback, where an exception would end the node
    assert at(made, 1.0) == Declined('parameter qos_overrides./velo.subscription.reliability = '
                                     "'nonsense' is no such policy")


def test_a_cloud_without_coordinates_is_said():
    made = sensor(cloud(AHEAD, 1.0, fields=('a', 'b', 'c')))
    assert "no fields x, y and z, but 'a, b, c'" in at(made, 1.0).reason


def test_memory_is_bounded_and_a_bag_that_begins_again_begins_anew():
    points = np.ones((MOST_RANGES + 5000, 3))
    made = sensor(*(cloud(points, 10 + number / 10) for number in range(45)))
    assert sum(len(scan.points) for scan in made._history._scans) <= KEPT_POINTS
    made._on_message(cloud(AHEAD, 13.0))  # after 14.4
    assert len(at(made, 13.0).points) == 1 and len(made._history._scans) == 1


def test_points_are_thinned_over_the_whole_turn():
    points = np.arange(3000.0).reshape(-1, 3)
    assert len(read_points(cloud(points), 5000)) == 1000
    few = read_points(cloud(points), 100)
    assert few.dtype == np.float32 and len(few) == 100
    assert (few[0, 0], few[-1, 0]) == (0.0, 2997.0)
    with pytest.raises(EncodingError, match='fields'):
        read_points(PointCloud2(), 100)


@pytest.mark.parametrize('distance, there', [
    (2.0, True), (0.1, False), (9.0, False), (math.inf, False), (-math.inf, False),
    (math.nan, False)])
def test_a_range_counts_within_its_bounds(distance, there):
    points, cone = read_range(Range(
        range=distance, min_range=0.2, max_range=5.0, field_of_view=0.5))
    assert points.tolist() == ([[2.0, 0.0, 0.0]] if there else []) and cone == 0.25


@pytest.mark.parametrize('angle', [math.inf, math.nan, -0.1, math.pi, 30.0])
def test_a_field_of_view_that_no_cone_has_is_said(angle):
    made = sensor(Range(header=header(1.0), range=2.0, max_range=5.0, field_of_view=angle))
    assert f'its field_of_view is {angle:g}: give its driver' in at(made, 1.0).reason


@pytest.mark.parametrize('step, count', [(2**32 - 1, 40_000_000), (2**32 - 1, 1), (16, 40_000_000),
                                         (64, 2**32 - 1)])
def test_a_cloud_that_lies_about_itself_costs_nothing(step, count):
    fields = [PointField(name=name, offset=4 * i, datatype=7, count=1)
              for i, name in enumerate('xyz')]
    fields.append(PointField(name='more', offset=12, datatype=PointField.UINT8, count=count))
    for width in (0, 1):
        message = PointCloud2(header=header(1.0), fields=fields, point_step=step, width=width,
                              height=width)
        message.data.frombytes(bytes(64))
        began = time.monotonic()
        made = sensor(message)
        assert time.monotonic() - began < 1.0
        assert isinstance(at(made, 1.0), Declined)


def test_what_nobody_thought_of_is_a_complaint_and_no_end():
    class Logger:
        def error(self, sentence):
            """Take it."""

    complaints, node = Complaints(Logger()), MockNode('sensor_msgs/msg/Range')

    def fails(message):
        raise MemoryError('of a kind')

    MatchedSubscription(node, Range, '/range', fails, complaints)._guarded(Range())
    level, [sentence] = complaints.standing()
    assert level == ERROR and sentence.startswith('/range: a message is not read, for MemoryError')
