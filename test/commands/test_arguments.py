# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `--help` says, what Tab completes, and that neither waits for torch."""
import argparse
import os
import shlex
import subprocess
import sys

from depth_estimation_ros import cli
from depth_estimation_ros.commands.arguments import parser, PROGRAM
from harness import REPOSITORY
import pytest


def commands(of=None):
    """Yield each parser that runs something, with the name that a user types."""
    for action in (of or parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                if command.get_default('run'):
                    yield command
                yield from commands(command)


COMMANDS = {command.prog.removeprefix(f'{PROGRAM} '): command for command in commands()}


@pytest.mark.parametrize('name', COMMANDS)
def test_every_option_says_what_it_is_and_its_default(name):
    command = COMMANDS[name]
    text = ' '.join(command.format_help().split())
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction) or action.dest == 'help':
            continue
        assert action.help, (name, action.dest)
        if action.default not in (None, '', False, [], ()):
            said = COMMANDS[name]._get_formatter()._get_help_string(action)
            assert 'default' in said, (name, action.dest)
    assert 'examples:' in text
    assert all(len(line) <= 80 for line in command.format_help().splitlines()
               if not line.startswith('  depth_estimation ')
               and '--camera-preset NAME |' not in line)


@pytest.mark.parametrize('name', COMMANDS)
def test_the_examples_are_understood(name):
    lines = [line.strip() for line in COMMANDS[name].epilog.splitlines()[1:]]
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[0] == PROGRAM
        chosen = parser().parse_args(cli._split(words[1:])[0])
        assert chosen.name == name or chosen.name.startswith(f'{name} '), line


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_is_there_to_run(name):
    """The module imports, and the function takes what the options give."""
    import inspect
    command = COMMANDS[name]
    if name == 'camera':
        pytest.skip('its module joins ROS when it is imported; test_camera_command runs it')
    run = cli._function(command.get_default('run'), False)
    takes = inspect.signature(run).parameters
    if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        return
    gives = {action.dest for action in command._actions
             if not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction))}
    assert gives <= set(takes), gives - set(takes)


def test_help_waits_for_nothing():
    code = ('import sys\nfrom depth_estimation_ros import cli\ntry:\n    cli.main(["predict", '
            '"--help"])\nexcept SystemExit:\n    pass\nprint(sorted({"torch", "cv2", "rclpy", '
            '"numpy"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, capture_output=True,
                          text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == '[]'


def completed(line):
    """Return what Tab would offer after `line`."""
    pytest.importorskip('argcomplete', reason='argcomplete (the extra cli) is not installed')
    read, write = os.pipe()
    code = (f'import os, sys\nos.dup2({write}, 8)\nsys.argv = ["depth_estimation"]\n'
            'from depth_estimation_ros.cli import main\nsys.exit(main())')
    subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, pass_fds=(write,), timeout=60,
                   capture_output=True, env={
                       **os.environ, '_ARGCOMPLETE': '1', '_ARGCOMPLETE_IFS': '\n',
                       'COMP_LINE': line, 'COMP_POINT': str(len(line)), 'COMP_TYPE': '9'})
    os.close(write)
    with os.fdopen(read) as pipe:
        return {word.strip() for word in pipe.read().split('\n')}


@pytest.mark.parametrize(('typed', 'offered'), [
    ('depth_estimation pre', {'predict'}),
    ('depth_estimation bag s', {'synthesize'}),
    ('depth_estimation predict --cam', {'--camera', '--camera-preset'}),
    ('depth_estimation predict --camera-preset oak', {'oak_d', 'oak_d_wide'}),
    ('depth_estimation predict --scene r', {'room'}),
    ('depth_estimation models show meter', {'meter_kitti', 'meter_nyu'}),
])
def test_tab_completes(typed, offered):
    assert completed(typed) == offered


def test_an_error_names_the_whole_command(capsys):
    assert cli.main(['models', 'fetch', 'compcat']) == 1
    said = capsys.readouterr().err
    assert said.startswith('depth_estimation models fetch: ') and 'did you mean compact' in said


def test_what_is_for_ros_is_never_dropped(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['stats', '--ros-args', '-r', 'a:=b'])
    assert end.value.code == 2 and 'stats takes no --ros-args' in capsys.readouterr().err


def test_launch_may_end_a_command_line_with_ros_args(tmp_path, capsys):
    bag = tmp_path / 'bag'
    assert cli.main(['bag', 'play', str(bag), '--ros-args']) == 1
    assert f'{bag} is not there' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['broken.png', 'broken.jpg', 'broken.mp4'])
def test_opencv_says_nothing_beside_our_sentence(tmp_path, name):
    """It writes warnings of its own about files that it cannot read."""
    (tmp_path / name).write_bytes({'png': b'\x89PNG\r\n\x1a\n' + bytes(60),
                                   'jpg': b'\xff\xd8\xff\xe0' + bytes(60),
                                   'mp4': b'\0\0\0\x18ftypmp42' + bytes(60)}[name[-3:]])
    done = subprocess.run([sys.executable, '-m', 'depth_estimation_ros.cli', 'predict', name,
                           '--fov', '60'], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, env={**os.environ, 'PYTHONPATH': str(REPOSITORY)})
    assert done.returncode == 1 and done.stderr.count('\n') == 1, done.stderr
    assert done.stderr.startswith('depth_estimation predict: ')
