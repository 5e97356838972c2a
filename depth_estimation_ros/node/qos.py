# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a camera and their quality of service: offers matched, refusals made readable."""
from __future__ import annotations

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.qos import (
    DurabilityPolicy, HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy)
from rclpy.qos_overriding_options import QoSOverridingOptions

from depth_estimation_ros.node.diagnostics import Complaints, ERROR

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

AUTO = 'auto'


class MatchedSubscription:
    """
    A KEEP_LAST 1 subscription with the reliability and durability that the publishers offer.

    Best effort loses most images over 512 kB on one host, so reliable is asked for until a
    publisher offers no more than best effort; durability is volatile until all publishers latch
    (a CameraInfo that is sent once). `rematch` looks again; call it a few times a second. The
    parameters `qos_overrides.<topic>.subscription.{reliability,durability,depth}` overrule.
    """

    def __init__(self, node, message_type, topic: str, callback, complaints: Complaints):
        self._node = node
        self._arguments = (message_type, topic, self._guarded)
        self._callback = callback
        self._topic = topic
        self._complaints = complaints
        self._overrides = {'reliability': self._override('reliability', AUTO),
                           'durability': self._override('durability', AUTO),
                           'depth': self._override('depth', 1)}
        self._subscription = None
        self._profile = None
        self.rematch()

    def _guarded(self, message) -> None:
        """Hand on a message; what nobody thought of may not end the executor, and so the node."""
        try:
            self._callback(message)
        except Exception as error:
            self._complaints.raise_(
                f'message {self._topic}', f'{self._topic}: a message is not read, for '
                f'{type(error).__name__}: {error}; look at what publishes it', ERROR)

    def _override(self, policy: str, default):
        name = f'qos_overrides.{self._topic}.subscription.{policy}'
        if not self._node.has_parameter(name):
            self._node.declare_parameter(name, default, ParameterDescriptor(
                description=f'{policy} of the subscription; {default} if not given',
                read_only=True, dynamic_typing=True))
        value = self._node.get_parameter(name).value
        if type(value) is not type(default) or value == 0 or isinstance(value, int) and value < 0:
            raise ValueError(f'parameter {name} = {value!r} is no {policy}')
        return value

    def _named(self, policies, policy: str):
        value = self._overrides[policy]
        try:
            return policies[value.upper()]
        except KeyError:
            raise ValueError(f'parameter qos_overrides.{self._topic}.subscription.{policy} = '
                             f'{value!r} is no such policy') from None

    def rematch(self) -> None:
        """Subscribe anew where the publishers want another profile; ValueError if it is none."""
        offers = [p.qos_profile for p in self._node.get_publishers_info_by_topic(self._topic)]
        reliability, durability = ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE
        if any(o.reliability == ReliabilityPolicy.BEST_EFFORT for o in offers):
            reliability = ReliabilityPolicy.BEST_EFFORT
        if offers and all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers):
            durability = DurabilityPolicy.TRANSIENT_LOCAL
        if self._overrides['reliability'] != AUTO:
            reliability = self._named(ReliabilityPolicy, 'reliability')
        if self._overrides['durability'] != AUTO:
            durability = self._named(DurabilityPolicy, 'durability')
        if not offers and self._subscription:
            return
        if self._profile == (reliability, durability):
            return
        self.destroy()
        self._profile = (reliability, durability)
        try:
            self._subscription = self._node.create_subscription(
                *self._arguments,
                QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=self._overrides['depth'],
                           reliability=reliability, durability=durability),
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._on_incompatible, use_default_callbacks=False))
        except Exception as error:  # rclpy's answers to overrides are of many types
            raise ValueError(f'the QoS of {self._topic} is no good, see the parameters '
                             f'qos_overrides.{self._topic}.subscription.*: {error}') from error

    def _on_incompatible(self, event) -> None:
        policy = _policy_name(event)
        if self._overrides.get(policy, AUTO) != AUTO:  # else `rematch` sees to it
            self._complaints.raise_(
                f'qos {self._topic}', f'{self._topic}: a publisher offers another {policy} than '
                f'qos_overrides.{self._topic}.subscription.{policy} asks for, so nothing arrives '
                'from it: take the override away')

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._subscription:
            self._node.destroy_subscription(self._subscription)
        self._subscription = self._profile = None


def camera_topics(node, prefix: str = '') -> tuple[str, str]:
    """
    Return where `<prefix>image` and `<prefix>camera_info` are, both resolved.

    The sibling rule: where only the image is remapped, the info is beside it.
    """
    image = node.resolve_topic_name(f'{prefix}image')
    info = node.resolve_topic_name(f'{prefix}camera_info')
    if info == node.resolve_topic_name(f'{prefix}camera_info', only_expand=True):
        info = image.rsplit('/', 1)[0] + '/camera_info'
    return image, info


def create_publisher(node, message_type, topic: str, complaints: Complaints):
    """Create a reliable KEEP_LAST 1 publisher: it serves readers of both reliabilities."""
    resolved = node.resolve_topic_name(topic)

    def on_incompatible(event) -> None:
        complaints.raise_(
            f'qos {resolved}', f'{resolved}: a subscriber asks for more {_policy_name(event)} '
            'than this node offers (reliable, volatile) and gets nothing: change its QoS, or set '
            f'qos_overrides.{resolved}.publisher.{_policy_name(event)}')

    try:
        return _create(node, message_type, topic, on_incompatible)
    except Exception as error:  # rclpy's answers to overrides are of many types
        raise ValueError(f'the QoS of {resolved} is no good, see the parameters qos_overrides.'
                         f'{resolved}.publisher.*: {error}') from error


def _create(node, message_type, topic: str, on_incompatible):
    return node.create_publisher(
        message_type, topic,
        QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1,
                   reliability=ReliabilityPolicy.RELIABLE,
                   durability=DurabilityPolicy.VOLATILE),
        event_callbacks=PublisherEventCallbacks(
            incompatible_qos=on_incompatible, use_default_callbacks=False),
        qos_overriding_options=QoSOverridingOptions((
            QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
            QoSPolicyKind.DURABILITY)))


def _policy_name(event) -> str:
    try:
        return QoSPolicyKind(event.last_policy_kind).name.lower()
    except ValueError:
        return 'QoS'
