# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of parameters, and that the shipped files agree with it."""
from depth_estimation_ros.commands import arguments
from depth_estimation_ros.node.parameters import (
    ALWAYS, files_of_others, reference, settings_from, TABLE)
from harness import NodeProcess, REPOSITORY
import pytest
import yaml

DEFAULTS = {parameter.name: parameter.default for parameter in TABLE}


def flat(tree, prefix=''):
    """Return nested parameters by their dotted names."""
    return {name: value for key, inner in tree.items() for name, value in (
        flat(inner, f'{prefix}{key}.').items() if isinstance(inner, dict)
        else {f'{prefix}{key}': inner}.items())}


def test_depth_yaml_holds_every_parameter_with_its_default():
    text = (REPOSITORY / 'config/depth.yaml').read_text()
    assert flat(yaml.safe_load(text)['/**']['ros__parameters']) == DEFAULTS
    said = ' '.join(line.strip(' #') for line in text.splitlines() if line.strip()[0] == '#')
    for parameter in TABLE:
        assert parameter.description in said
        assert parameter.when == ALWAYS or f'({parameter.when})' in said


def test_the_reference_is_made_of_the_table():
    assert (REPOSITORY / 'docs/parameters.md').read_text() == reference()


def test_the_other_files_hold_parameters_that_exist():
    for path in (REPOSITORY / 'config').glob('*.yaml'):
        if path.name == 'nav2_costmap.yaml':  # Nav2's
            continue
        values = flat(yaml.safe_load(path.read_text())['/**']['ros__parameters'])
        for parameter in TABLE:
            if parameter.name in values:
                parameter.check(values.pop(parameter.name))
        assert not values, path


def test_defaults_pass_their_own_checks():
    for parameter in TABLE:
        assert parameter.check(parameter.default) == parameter.default
        assert type(parameter.check(parameter.default)) is type(parameter.default)
    assert settings_from(DEFAULTS).depth.points.max_points == 20000


def test_the_command_line_takes_the_same_model():
    assert DEFAULTS['model'] == arguments.MODEL


@pytest.mark.parametrize('changes, says', [
    ({'points.min_height': 2.0, 'points.max_height': 1.0}, 'points.min_height = 2 must not be'),
    ({'points.max_height': 2.0}, 'set points.frame, or camera_height and camera_pitch'),
    ({'points.ground': 'remove', 'cameras': ['left'], 'left.camera_height': 0.0},
     'or left.camera_height'),
    ({'confidence.range': False, 'confidence.flip': False}, 'confidence.range, confidence.flip')])
def test_parameters_that_contradict_one_another_are_one_sentence(changes, says):
    with pytest.raises(ValueError, match=says):
        settings_from({**DEFAULTS, **changes})


@pytest.mark.parametrize('name', ['bad topic!', '/velo//points', '/velo/', '1velo', '{velo}/a'])
def test_what_is_no_name_of_a_topic_is_one_sentence(name):
    [parameter] = (p for p in TABLE if p.name == 'range_topic')
    with pytest.raises(ValueError) as refused:
        parameter.check(name)
    assert str(refused.value).startswith(
        f"parameter range_topic: '{name}' is no name of a topic: between its slashes")
    for good in ('', '/velo', 'velo/points_raw', '~/points', '{ns}/points'):
        assert parameter.check(good) == good


def test_a_height_of_the_camera_or_a_frame_makes_heights_possible():
    band = {**DEFAULTS, 'points.min_height': 0.2, 'points.ground': 'label'}
    for known in ({'camera_height': 1.2}, {'points.frame': 'base_footprint'},
                  {'ground_frame': 'base_footprint'},
                  {'cameras': ['left'], 'left.camera_height': 1.2}):
        points = settings_from({**band, **known}).depth.points
        assert (points.min_height, points.ground) == (0.2, 'label')


@pytest.mark.parametrize('name, given, meant', [
    ('max_depth', 50, 50.0), ('rectified', True, 'true'), ('rectified', False, 'false')])
def test_what_yaml_makes_of_a_value_is_accepted(name, given, meant):
    [parameter] = (p for p in TABLE if p.name == name)
    assert parameter.check(given) == meant and type(parameter.check(given)) is type(meant)


@pytest.mark.parametrize('name, given', [
    ('max_depth', float('nan')), ('max_depth', float('inf')), ('max_depth', True),
    ('points.stride', 2.0), ('points.color', 1), ('weights', 7), ('points.max_points', -1)])
def test_what_cannot_be_meant_is_refused_by_name(name, given):
    [parameter] = (p for p in TABLE if p.name == name)
    with pytest.raises(ValueError, match=name):
        parameter.check(given)


def test_names_that_there_are_not_are_said_with_those_that_are_near():
    node = NodeProcess({'autostart': False, 'max_depht': 5.0, 'front.depth_scale': 2.0,
                        'nonsense': 1, 'cameras': ['left'], 'left.depth_scale': 2.0})
    try:
        node.wait_for("parameter 'nonsense' is not known and does nothing: docs/parameters.md")
        assert "'max_depht' is not known and does nothing: did you mean max_depth?" in node.log
        assert "'front.depth_scale' is not known and does nothing: did you mean" in node.log
        assert node.log.count('is not known') == 3
    finally:
        node.stop()


@pytest.mark.parametrize('keys, words', [
    ('depth_node: {', "parameters for 'depth_node', none for this node: the key above"),
    ('robot: {depth_node: {', "for 'robot/depth_node', none"),
    ('depth_estimation: {', ''), ('/**: {', ''), ('/robot/depth_estimation: {', ''),
    ('other: {ros__parameters: {}}\n/**: {', '')])
def test_a_file_for_another_node_is_said(tmp_path, keys, words):
    path = tmp_path / 'mine.yaml'
    path.write_text(f"{keys}ros__parameters: {{max_depth: 5.0}}"
                    + '}' * keys.splitlines()[-1].count('{'))
    arguments = ['depth_node', '--ros-args', '--params-file', str(path)]
    said = files_of_others(arguments, 'depth_estimation')
    assert len(said) == bool(words) and all(words in sentence for sentence in said)
    assert files_of_others([*arguments[:3], str(tmp_path / 'none.yaml')], 'node') == []
