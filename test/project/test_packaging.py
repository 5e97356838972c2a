# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an installed package must hold, and what it must say about itself."""
import ast
from importlib import metadata
import os
import pathlib
import re
import sys
from xml.etree import ElementTree

import pytest
import yaml

import depth_estimation_ros
from depth_estimation_ros.models import catalogue
from depth_estimation_ros.models.weights import load_checkpoint
from depth_estimation_ros.node.parameters import BY_NAME
from depth_estimation_ros.node.stream import TOPICS

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = 'depth_estimation_ros'
MANIFEST = ElementTree.parse(ROOT / 'package.xml').getroot()
# What a robot has from elsewhere than ROS, by its rosdep keys.
ROSDEP = {'numpy': {'python3-numpy'}, 'cv2': {'python3-opencv'}, 'yaml': {'python3-yaml'},
          'tf2_ros': {'tf2_ros_py'},
          'torch': {'python3-torch'}}


@pytest.fixture
def prefix():
    """Return the prefix that the package is installed in, or skip."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', sys.prefix).split(os.pathsep)
    for folder in map(pathlib.Path, prefixes):
        if (folder / 'share/ament_index/resource_index/packages' / NAME).is_file():
            return folder
    pytest.skip(f'{NAME} is not installed in {prefixes}; `make test` installs it')


def dependencies(kind):
    return {element.text for element in MANIFEST.findall(kind)}


def in_setup(pattern):
    """Return the names in the list that setup.py has after `pattern`, without versions."""
    names = re.search(pattern + r'\[(.*?)\]', (ROOT / 'setup.py').read_text(), re.S).group(1)
    return set(re.findall(r"'(\w+)", names))


def imports(files):
    """Return the top-level modules that the files import, the standard library's left out."""
    names = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.split('.')[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split('.')[0])
    return names - set(sys.stdlib_module_names) - {NAME}


def test_the_version_is_the_same_everywhere():
    version = re.search(r"version='([^']+)'", (ROOT / 'setup.py').read_text()).group(1)
    assert MANIFEST.findtext('version') == version == depth_estimation_ros.__version__


def test_the_manifest_is_of_an_ament_python_package():
    assert MANIFEST.get('format') == '3'
    assert MANIFEST.findtext('name') == NAME
    assert MANIFEST.findtext('license') == 'Apache-2.0'
    assert MANIFEST.findtext('export/build_type') == 'ament_python'


def test_the_manifest_declares_all_that_a_robot_needs():
    files = [*(ROOT / NAME).rglob('*.py'), *(ROOT / 'launch').glob('*.py')]
    declared = dependencies('exec_depend')
    missing = {name for name in imports(files) if not ROSDEP.get(name, {name}) & declared}
    extras = set().union(*(in_setup(f"'{extra}': ") for extra in (
        'cli', 'h5', 'onnx', 'scale', 'transformers')))
    assert missing <= extras, 'neither in package.xml nor in an extra'


def test_pip_is_never_asked_for_what_it_cannot_see_on_a_robot():
    # apt's python3-opencv has no metadata: pip would install a second, newer one over it, with
    # which cv_bridge fails.
    assert in_setup('install_requires=') == {'numpy', 'pyyaml', 'torch'}


def test_all_data_files_are_installed(prefix):
    share = prefix / 'share' / NAME
    installed = {path.relative_to(share) for path in share.rglob('*') if path.is_file()}
    here = {path.relative_to(ROOT) for folder in ('launch', 'config')
            for path in (ROOT / folder).iterdir() if path.is_file()}
    assert here | {pathlib.Path('package.xml')} <= installed


@pytest.mark.parametrize('name', ['depth_node', 'depth_estimation'])
def test_ros2_run_finds_an_executable_of_the_python_that_is_active(prefix, name):
    script = prefix / 'lib' / NAME / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith('#!/usr/bin/env python3\n')


def test_the_weights_come_with_the_package_and_are_the_released_ones():
    entry = catalogue.find('compact')
    path, digest = entry.shipped
    assert path.stat().st_size <= 12 * 10**6
    assert load_checkpoint('', entry.files, entry.shipped).sha256 == {'compact.npz': digest}


def test_all_modules_and_weights_are_installed(prefix):
    here = {path.relative_to(ROOT) for kind in ('py', 'npz')
            for path in (ROOT / NAME).rglob(f'*.{kind}')}
    package = next(prefix.glob(f'lib/python3*/site-packages/{NAME}'), None)
    if package is None:
        pytest.skip(f'{NAME} is linked into {prefix}, not installed')
    assert here <= {path.relative_to(package.parent) for path in package.rglob('*.*')}


def test_the_commands_of_pip_can_be_loaded(prefix):
    (site,) = prefix.glob('lib/python3*/site-packages')
    (distribution,) = metadata.distributions(name=NAME, path=[str(site)])
    scripts = {point.name: point for point in distribution.entry_points
               if point.group == 'console_scripts'}
    assert set(scripts) == {'depth_node', 'depth_estimation'}
    for point in scripts.values():
        assert callable(point.load())


def test_the_dds_profile_is_the_default_one_with_64_mb_and_the_network():
    names = {'dds': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}
    root = ElementTree.parse(ROOT / 'config/fastdds.xml').getroot()
    transports = {element.findtext('dds:transport_id', namespaces=names): element
                  for element in root.iterfind('.//dds:transport_descriptor', names)}
    participant = root.find('.//dds:participant', names)
    assert participant.get('is_default_profile') == 'true'
    used = [transports[element.text]
            for element in participant.iterfind('.//dds:userTransports/dds:transport_id', names)]
    kinds = {element.findtext('dds:type', namespaces=names): element for element in used}
    assert set(kinds) == {'SHM', 'UDPv4'}
    assert int(kinds['SHM'].findtext('dds:segment_size', namespaces=names)) == 64 * 2**20


def test_kitti_yaml_holds_only_what_differs_from_the_defaults():
    values = yaml.safe_load((ROOT / 'config/kitti.yaml').read_text())['/**']['ros__parameters']
    for name, value in values.items():
        assert BY_NAME[name].check(value) != BY_NAME[name].default, name


def test_rviz_shows_topics_that_the_node_publishes():
    view = yaml.safe_load((ROOT / 'config/depth.rviz').read_text())['Visualization Manager']
    shown = {display['Topic']['Value'] for display in view['Displays'] if 'Topic' in display}
    assert shown == {TOPICS[output][0] for output in ('color', 'confidence', 'points')}


def test_the_image_and_the_workspace_without_apt_hold_what_the_manifest_names():
    """What ros-base has stands in neither; pixi has no such, and lists what launch needs too."""
    wanted = {name.replace('_', '-') for name in dependencies('exec_depend')
              if not name.startswith('python3-')}
    image = set(re.findall(r'ros-\$\{ROS_DISTRO\}-([a-z0-9-]+)',
                           (ROOT / 'docker/Dockerfile').read_text()))
    base = {'ament-index-python', 'launch', 'launch-ros', 'lifecycle-msgs', 'rcl-interfaces',
            'rclpy', 'ros2launch', 'rosgraph-msgs', 'sensor-msgs', 'std-msgs', 'tf2-ros'}
    assert image - {'base', 'v4l2-camera'} == wanted - base
    space = set(re.findall(r'^ros-jazzy-([a-z0-9-]+)', (ROOT / 'pixi.toml').read_text(), re.M))
    brought = {'ament-index-python', 'launch', 'lifecycle-msgs', 'rcl-interfaces',
               'rosgraph-msgs', 'sensor-msgs', 'std-msgs', 'tf2-ros'}  # by those that stand there
    assert space - {'ros2run', 'rviz2'} == wanted - brought
