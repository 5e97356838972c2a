# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files: what each argument does to the node, and the real `ros2 launch`."""
import importlib.util
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from unittest import mock

from depth_estimation_ros.cloud.poses import pose_from, rotation_of
import numpy as np
import pytest
import yaml

# Not `launch`: a folder of this checkout has that name.
pytest.importorskip('launch_ros', reason='the ROS 2 launch stack is not installed (it has no '
                                         'wheels; a robot has it)')

from launch import LaunchContext  # noqa: E402
from launch.actions import (  # noqa: E402
    DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, LogInfo, TimerAction)
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node, SetRemap  # noqa: E402
from launch_ros.utilities import evaluate_parameters  # noqa: E402

from depth_estimation_ros.node import launching  # noqa: E402, I100

ARGUMENTS = {'model', 'weights', 'device', 'scene', 'image', 'camera_info', 'params_file',
             'namespace', 'use_sim_time', 'rviz', 'log_level', 'autostart'}
MARKER = 'share/ament_index/resource_index/packages/depth_estimation_ros'
SHARED_MEMORY = SimpleNamespace(free=2**30)


def load(name='depth'):
    path = pathlib.Path(__file__).resolve().parents[2] / f'launch/{name}.launch.py'
    spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def depth_launch(monkeypatch):
    """Return the launch file as a module, on a machine with shared memory and Fast DDS."""
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE',
                 'RMW_IMPLEMENTATION', 'ROS_LOCALHOST_ONLY', 'ROS_DISTRO'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SHARED_MEMORY)
    return load()


@pytest.fixture
def installed(monkeypatch):
    """Let ament find the installed package, which the wheels leave to the user, or skip."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', sys.prefix)
    if not any((pathlib.Path(p) / MARKER).is_file() for p in prefixes.split(os.pathsep)):
        pytest.skip(f'depth_estimation_ros is not installed in {prefixes}')
    monkeypatch.setenv('AMENT_PREFIX_PATH', prefixes)
    # Its executables run under the python3 that comes first.
    monkeypatch.setenv('PATH', f'{pathlib.Path(sys.executable).parent}:{os.environ["PATH"]}')


def start(depth_launch, **arguments):
    """Return what the launch file starts, and the command line of the node."""
    context = LaunchContext()
    context.launch_configurations.update({**dict.fromkeys(ARGUMENTS, ''), **arguments})
    actions = depth_launch.start(context)
    node = next(action for action in actions if isinstance(action, Node))
    with mock.patch.object(ExecuteProcess, 'execute', return_value=None):
        node.execute(context)  # all of it but the process
    return actions, [perform_substitutions(context, part) for part in node.cmd]


def remaps(command):
    return {command[at + 1] for at, part in enumerate(command) if part == '-r'}


def parameter_files(command):
    return [command[at + 1] for at, part in enumerate(command) if part == '--params-file']


def parameters(path):
    (of_node,) = yaml.safe_load(pathlib.Path(path).read_text()).values()
    return of_node['ros__parameters']


def said(actions):
    return [perform_substitutions(LaunchContext(), action.msg) for action in actions
            if isinstance(action, LogInfo)]


def test_each_argument_is_declared_with_a_description_and_no_value(depth_launch):
    declared = [entity for entity in depth_launch.generate_launch_description().entities
                if isinstance(entity, DeclareLaunchArgument)]
    assert {argument.name for argument in declared} == ARGUMENTS
    for argument in declared:
        assert len(argument.description) > 20, argument.name
        assert perform_substitutions(LaunchContext(), argument.default_value) == ''


def test_without_arguments_the_node_has_its_own_defaults(depth_launch, installed):
    _, command = start(depth_launch)
    assert command[0].endswith('lib/depth_estimation_ros/depth_node')
    assert parameter_files(command) == []
    assert remaps(command) == {'__node:=depth_estimation'}


def test_params_file_survives_but_for_the_arguments_that_are_given(depth_launch, installed,
                                                                   tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {model: monodepth2, device: cuda, autostart: true}}')
    _, command = start(depth_launch, params_file=str(file), device='cpu', weights='~/w',
                       use_sim_time='True', autostart='false', scene='room')
    first, second = parameter_files(command)  # the later one wins
    assert first == str(file)
    assert parameters(second) == {'device': 'cpu', 'weights': '~/w', 'use_sim_time': True,
                                  'autostart': False, 'scene': 'room'}


def test_an_argument_that_looks_like_a_number_stays_a_text(depth_launch, installed):
    _, command = start(depth_launch, model='5', weights='1e3')
    assert parameters(parameter_files(command)[0]) == {'model': '5', 'weights': '1e3'}


def test_params_file_may_be_the_name_of_one_in_config(depth_launch, installed):
    _, command = start(depth_launch, params_file='kitti.yaml')
    (file,) = parameter_files(command)
    assert parameters(file) == {'rectified': 'true'}


@pytest.mark.parametrize(('argument', 'value', 'sentence'), [
    ('params_file', 'nowhere.yaml', r'params_file:=nowhere\.yaml does not exist.*kitti\.yaml'),
    ('use_sim_time', 'maybe', 'use_sim_time:=maybe is neither true nor false'),
    ('autostart', '2', 'autostart:=2 is neither true nor false'),
    ('rviz', 'yes', 'rviz:=yes is neither true nor false'),
    ('log_level', 'loud', 'log_level:=loud is not one of debug, info, warn, error, fatal'),
])
def test_an_argument_that_is_no_good_is_named(depth_launch, argument, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        start(depth_launch, **{argument: value})


def test_image_alone_leaves_the_info_to_the_sibling_rule(depth_launch, installed):
    _, command = start(depth_launch, image='/front/image_raw')
    assert remaps(command) == {'__node:=depth_estimation', 'image:=/front/image_raw'}


def test_camera_info_can_be_remapped_on_its_own(depth_launch, installed):
    _, command = start(depth_launch, image='a/image', camera_info='b/camera_info')
    assert remaps(command) >= {'image:=a/image', 'camera_info:=b/camera_info'}


def test_namespace_and_log_level_reach_the_node(depth_launch, installed):
    _, command = start(depth_launch, namespace='front', log_level='debug')
    assert '__ns:=/front' in remaps(command)
    assert command[command.index('--log-level') + 1] == 'debug'


def test_rviz_that_is_not_installed_is_said_and_the_node_starts(depth_launch, installed,
                                                                monkeypatch):
    def no_rviz(name):
        raise depth_launch.PackageNotFoundError(name)

    monkeypatch.setattr(depth_launch, 'get_package_prefix', no_rviz)
    actions, _ = start(depth_launch, rviz='true')
    assert sum(isinstance(action, Node) for action in actions) == 1
    assert any('rviz2 is not installed' in sentence for sentence in said(actions))


def test_rviz_starts_in_the_same_namespace(depth_launch, installed, monkeypatch):
    monkeypatch.setattr(depth_launch, 'get_package_prefix', lambda name: '/opt')
    actions, _ = start(depth_launch, rviz='true', namespace='front')
    assert sum(isinstance(action, Node) for action in actions) == 2


def test_a_kitti_bag_is_played_when_this_node_reads(installed):
    player = load('kitti').replay('bag', '1.0', False, '/camera/image', False)
    context = LaunchContext()
    with mock.patch.object(ExecuteProcess, 'execute', return_value=None):
        player.execute(context)
    command = ' '.join(perform_substitutions(context, part) for part in player.cmd)
    assert 'lib/depth_estimation_ros/depth_estimation bag play bag --rate 1.0' in command
    assert '--wait-for /camera/image /camera/camera_info' in command
    assert '--reader /depth_estimation' in command and '--loop' not in command
    assert '--answered /camera/image /depth/image_rect' in command


@pytest.mark.parametrize('stay', [True, False])
def test_the_end_of_the_bag_is_the_end_of_the_launch_but_where_it_is_to_stay(stay):
    actions = load('kitti').end(stay, SimpleNamespace(returncode=0), LaunchContext())
    assert 'the bag has ended' in said(actions)[0]
    assert any(isinstance(action, TimerAction) for action in actions) is not stay


@pytest.fixture
def nav2_launch(monkeypatch):
    """Return the launch file as a module, on a machine with tf2_ros."""
    monkeypatch.setattr(launching, 'get_package_prefix', lambda name: '/opt')
    return load('nav2_depth')


def start_nav2(nav2_launch, **arguments):
    """Return what the launch file starts."""
    context = LaunchContext()
    context.launch_configurations.update(
        {**{name: default for name, (default, _) in nav2_launch.ARGUMENTS.items()}, **arguments})
    [group] = nav2_launch.start(context)
    return [action for action in group.get_sub_entities()
            if isinstance(action, (IncludeLaunchDescription, Node, SetRemap))]


def test_nav2_in_a_namespace_has_the_tf_of_that_namespace(nav2_launch):
    *remaps, included, transform = start_nav2(
        nav2_launch, namespace='robot1', camera_pose='0 0 1 0 0 0', camera_frame='camera')
    assert len(remaps) == 2 and all(isinstance(remap, SetRemap) for remap in remaps)
    context = LaunchContext()
    for remap in remaps:
        remap.execute(context)
    assert context.launch_configurations['ros_remaps'] == [
        ('/tf', 'tf'), ('/tf_static', 'tf_static')]
    assert dict(included.launch_arguments)['namespace'] == 'robot1'
    assert isinstance(transform, Node)


def test_nav2_starts_the_node_with_its_own_parameters_and_no_transform(nav2_launch):
    [included] = start_nav2(nav2_launch, image='/front/image_raw')
    passed = dict(included.launch_arguments)
    assert set(passed) < ARGUMENTS
    assert passed['params_file'] == 'nav2.yaml' and passed['image'] == '/front/image_raw'


def test_nav2_says_where_the_optical_frame_of_the_camera_is(nav2_launch):
    _, transform = start_nav2(nav2_launch, camera_pose='0.2 0 0.8 0 0.1 0',
                              camera_frame='camera_optical')
    command = [perform_substitutions(LaunchContext(), part) for part in transform.cmd[1:]]
    values = dict(zip(command[::2], command[1::2]))
    assert (values['--frame-id'], values['--child-frame-id']) == ('base_link', 'camera_optical')
    turn = rotation_of(*(float(values[f'--q{axis}']) for axis in 'xyzw'))
    assert [float(values[f'--{axis}']) for axis in 'xyz'] == [0.2, 0, 0.8]
    np.testing.assert_allclose(turn[:, 2], [math.cos(0.1), 0, -math.sin(0.1)], atol=1e-6)
    np.testing.assert_allclose(turn[:, 0], [0, -1, 0], atol=1e-6)


def test_a_turned_camera_is_its_body_and_then_the_optical_axes():
    turn = rotation_of(*launching.optical_quaternion(0.3, -0.2, 1.1))
    optical = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    np.testing.assert_allclose(
        turn, pose_from([0, 0, 0, 0.3, -0.2, 1.1]).rotation @ optical, atol=1e-12)


@pytest.mark.parametrize(('arguments', 'sentence'), [
    ({'camera_pose': '1 2 3'}, "camera_pose:='1 2 3' is not six numbers"),
    ({'camera_pose': '0 0 1 0 0 0'}, 'camera_pose:= takes camera_frame:= too'),
])
def test_a_camera_pose_that_is_no_good_is_named(nav2_launch, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        start_nav2(nav2_launch, **arguments)


PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def start_map(monkeypatch, name, **arguments):
    """Return the node, and what is started beside it by its executable: topics, parameters."""
    monkeypatch.setattr(launching, 'get_package_prefix', lambda name: '/opt')
    module = load(name)
    context = LaunchContext()
    context.launch_configurations.update(
        {**{name: default for name, (default, _) in module.ARGUMENTS.items()}, **arguments})
    included, *nodes = module.start(context)
    described = {}
    for node in nodes:
        node._perform_substitutions(context)
        parameters = evaluate_parameters(context, node._Node__parameters)
        described[node.node_executable] = (
            dict(node.expanded_remapping_rules or []),
            {name: value for part in parameters for name, value in part.items()})
    return dict(included.launch_arguments), described


def test_rtabmap_gets_each_picture_with_its_own_depth(monkeypatch):
    node, beside = start_map(monkeypatch, 'rtabmap', image='/front/image_raw',
                             use_sim_time='true')
    assert node['params_file'] == 'rtabmap.yaml' and node['image'] == '/front/image_raw'
    assert node['use_sim_time'] == 'true'
    topics, parameters = beside['rgbd_sync']
    assert topics == {'rgb/image': '/front/image_raw', 'rgb/camera_info': 'depth/camera_info',
                      'depth/image': 'depth/image_rect'}
    assert parameters['approx_sync'] is False
    assert all(parameters['use_sim_time'] for _, parameters in beside.values())
    assert beside['rgbd_odometry'][1]['frame_id'] == 'base_link'
    assert beside['rtabmap'][1]['subscribe_rgbd'] and not beside['rtabmap'][0]


def test_rtabmap_takes_the_robots_odometry_and_rectified_pictures(monkeypatch):
    _, beside = start_map(monkeypatch, 'rtabmap', image='/front/image_raw', odom='/wheels/odom',
                          rgb='/front/image_rect', base_frame='base')
    assert set(beside) == {'rgbd_sync', 'rtabmap'}
    assert beside['rgbd_sync'][0]['rgb/image'] == '/front/image_rect'
    topics, parameters = beside['rtabmap']
    assert topics == {'odom': '/wheels/odom'}
    assert parameters['approx_sync'] and parameters['frame_id'] == 'base'


def test_octomap_gets_the_points(monkeypatch):
    node, beside = start_map(monkeypatch, 'octomap', max_range='5', camera_frame='camera',
                             camera_pose='0 0 1 0 0 0')
    assert node['params_file'] == 'octomap.yaml'
    topics, parameters = beside['octomap_server_node']
    assert topics == {'cloud_in': 'points'} and 'static_transform_publisher' in beside
    assert parameters['sensor_model.max_range'] == 5.0 and parameters['resolution'] == 0.1
    for value in ('-1', 'nan', 'far', 'inf', '0'):
        with pytest.raises(ValueError, match=f'max_range:={value} is no number of metres'):
            start_map(monkeypatch, 'octomap', max_range=value)


@pytest.mark.parametrize(('name', 'sentence'), [
    ('rtabmap', 'rtabmap_slam, which is not installed: apt install ros-.ROS_DISTRO-rtabmap-ros'),
    ('octomap', 'octomap_server, which is not installed: apt install')])
def test_a_map_that_is_not_installed_is_one_sentence(monkeypatch, name, sentence):
    def missing(package):
        raise launching.PackageNotFoundError(package)

    module = load(name)
    context = LaunchContext()
    context.launch_configurations.update(
        {name: default for name, (default, _) in module.ARGUMENTS.items()})
    monkeypatch.setattr(launching, 'get_package_prefix', missing)
    with pytest.raises(ValueError, match=sentence):
        module.start(context)


@pytest.mark.parametrize(('distribution', 'names'), [
    ('humble', PROFILES[:1]), ('jazzy', PROFILES[:1]), ('kilted', PROFILES[1:]),
    ('lyrical', PROFILES[1:]), ('rolling', PROFILES[1:]),
])
def test_fast_dds_gets_the_large_shared_memory(depth_launch, distribution, names):
    environment, sentence = depth_launch.dds_profile({'ROS_DISTRO': distribution})
    assert set(environment) == set(names)
    (profile,) = set(environment.values())
    assert pathlib.Path(profile).name == 'fastdds.xml' and pathlib.Path(profile).is_file()
    assert profile in sentence


@pytest.mark.parametrize(('environment', 'reason'), [
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/mine.xml'}, 'is already /mine.xml'),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/mine.xml'}, 'is already /mine.xml'),
    ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, 'RMW_IMPLEMENTATION is rmw_cyclonedds_cpp'),
    ({'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}, 'RMW_IMPLEMENTATION is rmw_zenoh_cpp'),
    ({'ROS_LOCALHOST_ONLY': '1'}, 'ROS_LOCALHOST_ONLY is 1'),
])
def test_what_the_user_has_chosen_comes_before_the_profile(depth_launch, environment, reason):
    added, sentence = depth_launch.dds_profile(environment)
    assert added == {}
    assert reason in sentence


def test_a_container_with_little_shared_memory_gets_no_profile(depth_launch, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=64 * 2**20))
    added, sentence = depth_launch.dds_profile({})
    assert added == {}
    assert '64 MB free and 256 are wanted' in sentence


def test_a_machine_without_shared_memory_gets_no_profile(depth_launch, monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(shutil, 'disk_usage', missing)
    assert depth_launch.dds_profile({}) == ({}, 'Fast DDS profile: not set, there is no /dev/shm')


@pytest.fixture
def ros2(installed):
    """Return the path of the real `ros2`, or skip."""
    path = shutil.which('ros2')
    if not path:
        pytest.skip('there is no ros2 on the PATH')
    return path


@pytest.mark.parametrize(('file', 'argument'), [
    ('depth.launch.py', 'autostart:=false'),
    ('nav2_depth.launch.py', 'image:=/front/image_raw')])
def test_ros2_launch_starts_the_node_and_ends_well_on_ctrl_c(ros2, tmp_path, file, argument):
    log = tmp_path / 'log.txt'
    with log.open('w') as output:
        # A group of its own: a terminal sends Ctrl-C to launch and to the node, as below.
        process = subprocess.Popen(
            [ros2, 'launch', 'depth_estimation_ros', file, argument, 'namespace:=launched'],
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_for_node('depth_estimation', '/launched')
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert 'process has finished cleanly' in log.read_text()
    assert 'Traceback' not in log.read_text()


def test_ros2_launch_replays_a_bag_and_every_picture_is_answered(ros2, tmp_path):
    made = subprocess.run(['depth_estimation', 'bag', 'synthesize', tmp_path / 'bag', '--frames',
                           '3', '--size', '320x96'], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [ros2, 'launch', 'depth_estimation_ros', 'kitti.launch.py', f'bag:={tmp_path / "bag"}',
         'image:=/camera/image_rect'], capture_output=True, text=True, timeout=120)
    assert 'answered: 3 of 3 pictures' in done.stdout, done.stdout + done.stderr
    assert 'the bag has ended' in done.stdout and 'WARN' not in done.stdout
    assert done.returncode == 0


def wait_for_node(name, namespace):
    import rclpy
    context = rclpy.Context()
    rclpy.init(context=context)
    observer = rclpy.create_node('observer', context=context)
    try:
        end = time.monotonic() + 40
        while (name, namespace) not in observer.get_node_names_and_namespaces():
            assert time.monotonic() < end, f'{namespace}/{name} never came'
            time.sleep(0.1)
    finally:
        observer.destroy_node()
        rclpy.shutdown(context=context)


def test_ros2_run_finds_the_command_line(ros2):
    done = subprocess.run([ros2, 'run', 'depth_estimation_ros', 'depth_estimation', '--help'],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'doctor' in done.stdout
