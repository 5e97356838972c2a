# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line, as a user types it."""
import re
import subprocess
import sys

import cv2
from depth_estimation_ros import cli
from domains import free_domain
from films import CALIBRATION
from harness import command, REPOSITORY
from key_init import synth, write_monodepth2_checkpoint
import pytest
import rclpy
from sensor_msgs.msg import Image
import torch


def test_doctor_prints_what_a_bug_report_needs():
    context = rclpy.Context()
    domain = free_domain()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('driver', context=context)
    publisher = node.create_publisher(Image, '/front/image_raw', rclpy.qos.qos_profile_sensor_data)
    try:
        done = command('doctor', '--listen', 6, environment={'ROS_DOMAIN_ID': str(domain)})
    finally:
        node.destroy_publisher(publisher)
        node.destroy_node()
        context.try_shutdown()
    assert done.returncode == 0, done.stderr
    for fact in ('depth_estimation_ros:', 'python:', 'numpy:', 'opencv:', 'torch:', 'gpu',
                 'c++ compiler:', 'rclpy:', 'rmw in use:', 'cv_bridge:', 'sensor_msgs_py:',
                 'tf2_ros:', '/dev/shm:', 'FASTRTPS_DEFAULT_PROFILES_FILE:',
                 f'ROS_DOMAIN_ID:           {domain}',
                 '/front/image_raw', '/driver: best_effort, volatile'):
        assert fact in done.stdout, fact


def test_a_parameter_file_that_is_not_there_is_one_sentence():
    done = subprocess.run([sys.executable, '-m', 'depth_estimation_ros', '--ros-args',
                           '--params-file', '/nowhere.yaml'], capture_output=True, text=True,
                          cwd=REPOSITORY, timeout=60)
    assert done.returncode == 1 and '/nowhere.yaml' in done.stderr
    ours = [line for line in done.stderr.splitlines() if '[rcl]' not in line]
    assert len(ours) == 1 and ours[0].startswith('depth_node: ')


def listing(folder):
    """Return what is in a folder, with its bytes."""
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None
            for path in folder.rglob('*')}


@pytest.mark.parametrize(('theirs', 'words'), [
    ('input/thesis.tex', 'thesis.tex is in the way of a bag'),
    ('output/metadata.yaml', 'metadata.yaml is there already'),
    ('0003.jpg', '0003.jpg is there already'),
    ('node.log', 'node.log is there already'),
    ('demo.mp4/a', 'demo.mp4 is there already')])
def test_demo_replaces_nothing_that_it_did_not_make(tmp_path, theirs, words):
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text('mine')
    (tmp_path / '1234.jpg').write_text('mine')
    before = listing(tmp_path)
    done = command('demo', '--output', tmp_path)
    assert done.returncode == 1 and words in done.stderr and '--output' in done.stderr
    assert listing(tmp_path) == before


def test_demo_never_writes_to_its_input(folder):
    (folder / 'camera.yaml').write_text(CALIBRATION)
    before = listing(folder)
    for output in (folder, folder.parent):
        done = command('demo', '--images', folder, '--output', output, '--overwrite')
        assert done.returncode == 1 and 'the input' in done.stderr, done.stderr
    assert listing(folder) == before


def test_demo_generates_a_street_and_judges_what_the_node_made_of_it(tmp_path):
    done = command('demo', '--frames', 6, '--rate', 2, '--output', tmp_path)
    assert done.returncode == 0, done.stderr
    figures = dict(re.findall(r'(.*?)  +(.*)', done.stdout))
    assert figures['frames sent'] == figures['depth images'] == '6'
    assert figures['answered'].startswith('6 of 6 pictures, p50')
    assert 'nan' not in done.stdout
    mean = next(line.split() for line in done.stdout.splitlines() if line.startswith('mean'))
    assert 0 < float(mean[-8]) < 1
    assert cv2.imread(str(tmp_path / '0005.jpg')).shape[1] > 800
    assert cv2.VideoCapture(str(tmp_path / 'demo.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == int(
        figures['depth images'])
    for bag in ('input', 'output'):
        assert (tmp_path / bag / 'metadata.yaml').exists()
    (tmp_path / 'notes.txt').write_text('mine')
    (tmp_path / '0005.jpg').write_text('mine')
    (tmp_path / '1234.jpg').write_text('mine')
    done = command('demo', '--frames', 2, '--output', tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.glob('*.jpg')) == [
        '0000.jpg', '0001.jpg', '0005.jpg', '1234.jpg']
    for name in ('notes.txt', '0005.jpg', '1234.jpg'):
        assert (tmp_path / name).read_text() == 'mine'


@pytest.fixture
def folder(tmp_path):
    """Return a folder of three images, its camera.yaml yet to come."""
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), synth(96, 320)[..., ::-1])
    return tmp_path


def test_demo_shows_the_main_job(folder, tmp_path_factory):
    weights = write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'), width=320, height=96)
    arguments = ('demo', '--model', 'monodepth2', '--weights', weights, '--images', folder,
                 '--output', folder / 'out', '--rate', 2)
    done = command(*arguments)
    assert done.returncode == 1 and 'nothing is known of the camera of' in done.stderr

    (folder / 'camera.yaml').write_text(CALIBRATION.replace('data: [185.6', 'data: [oops'))
    assert 'camera.yaml is no calibration' in command(*arguments).stderr

    (folder / 'camera.yaml').write_text(CALIBRATION)
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert 'frames sent             3' in done.stdout
    assert 'depth images            3' in done.stdout
    assert 'answered                3 of 3 pictures' in done.stdout
    for i in range(3):
        assert cv2.imread(str(folder / f'out/000{i}.jpg')).shape[1] > 800

    done = command('demo', '--model', 'rt_monodepth_s', '--weights', weights, '--images', folder,
                   '--output', folder / 'out')
    assert done.returncode == 1 and "looks like the encoder.pth of 'monodepth2'" in done.stderr


@pytest.mark.parametrize('count', [1, 2])
def test_demo_counts_what_it_sent_and_what_came(tmp_path, count):
    photos = tmp_path / 'photos'
    photos.mkdir()
    for i in range(count):
        cv2.imwrite(str(photos / f'{i}.jpg'), synth(96, 320)[..., ::-1])
    done = command('demo', '--images', photos, '--fov', 80, '--output', tmp_path / 'out')
    assert done.returncode == 0, done.stderr
    assert f'frames sent             {count}\ndepth images            {count}\n' in done.stdout
    assert 'nan' not in done.stdout


def test_demo_on_a_kitti_drive_prints_accuracy(ms_weights, shared, tmp_path):
    drive = shared / 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'
    done = command('demo', '--model', 'rt_monodepth_s', '--weights', ms_weights, '--images', drive,
                   '--output', tmp_path, '--rate', 4)
    assert done.returncode == 0, done.stderr
    mean = next(line.split() for line in done.stdout.splitlines() if line.startswith('mean'))
    assert float(mean[-8]) == pytest.approx(0.206, abs=0.01)
    assert len(list(tmp_path.glob('*.jpg'))) == 16 and 'answered                16 of 16' in (
        done.stdout)


def test_a_reader_that_has_enough_ends_nothing_badly():
    process = subprocess.Popen([sys.executable, '-m', 'depth_estimation_ros.cli', 'models'],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.wait(60) == 0 and process.stderr.read() == ''


def test_the_node_has_a_help(capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['depth_node', '--help'])
    assert cli.depth_node() == 0
    assert 'image:=/camera/image_raw' in capsys.readouterr().out


def test_a_torch_that_is_too_old_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['depth_node'])
    monkeypatch.setattr(cli, '_ends', tuple)  # the signals of pytest stay as they are
    monkeypatch.setattr(torch, '__version__', '1.8.0a0')
    assert cli.depth_node() == 1
    assert capsys.readouterr().err.startswith('depth_node: torch 1.8.0a0 of ')
