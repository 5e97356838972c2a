# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The example of an SROS 2 policy names what the node has in the graph, and no more."""
from xml.etree import ElementTree

from harness import NodeProcess, REPOSITORY, served, wait
from sensor_msgs.msg import PointCloud2

NAME = '/depth_estimation'
KEYS = ('cert.pem', 'key.pem', 'governance.p7s', 'permissions.p7s', 'permissions.xml',
        'identity_ca.cert.pem', 'permissions_ca.cert.pem')
# By tf2_ros, which no bare machine has; since Jazzy.
ELSEWHERE = {'/tf', '/tf_static', f'{NAME}/get_type_description'}


def allowed() -> dict[str, set[str]]:
    """Return what the example allows: subscribe, publish and reply -> full names."""
    profile = ElementTree.parse(REPOSITORY / 'config/sros2.policy.xml').find('.//profile')
    names = {'subscribe': set(), 'publish': set(), 'reply': set()}
    for group in profile:
        [(action, rule)] = group.attrib.items()
        assert rule == 'ALLOW'
        names[action].update(
            entry.text.replace('~', NAME) if entry.text[0] in '~/' else f'/{entry.text}'
            for entry in group)
    return names


def test_the_example_of_a_policy_allows_what_the_node_has_and_no_more():
    with served({'range_topic': '/velodyne_points', 'range_extrinsics': '0 0 0 0 0 0',
                 'scan.frame': 'base_footprint', 'scan.extrinsics': '0 0 0 0 0 0',
                 'use_sim_time': True}) as (_, robot):
        node = robot.node
        node.create_publisher(PointCloud2, '/velodyne_points', 1)
        seen = {}

        def as_allowed() -> bool:
            for action, ask in (('subscribe', node.get_subscriber_names_and_types_by_node),
                                ('publish', node.get_publisher_names_and_types_by_node),
                                ('reply', node.get_service_names_and_types_by_node)):
                seen[action] = {name for name, _ in ask(NAME[1:], '/')}
            return all(seen[action] - ELSEWHERE == names - ELSEWHERE
                       for action, names in allowed().items())

        wait(as_allowed, 15, lambda: {action: seen[action] ^ names
                                      for action, names in allowed().items()})
        assert not node.get_client_names_and_types_by_node(NAME[1:], '/')


def test_keys_that_are_no_good_are_one_sentence_and_no_node_without_them(tmp_path):
    enclave = tmp_path / 'enclaves/depth_estimation'
    enclave.mkdir(parents=True)
    for name in KEYS:
        (enclave / name).touch()
    node = NodeProcess({}, ['--enclave', NAME], typed=True, environment={
        'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce',
        'ROS_SECURITY_KEYSTORE': str(tmp_path)})
    try:
        assert node.process.wait(30) == 1
        assert 'depth_node: ' in node.log and 'Traceback' not in node.log
    finally:
        node.stop()
