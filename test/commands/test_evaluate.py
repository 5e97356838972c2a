# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`depth_estimation evaluate`: a drive, pairs, bags; and the whole circle over real DDS."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import cv2
from depth_estimation_ros.cli import main
from depth_estimation_ros.commands.evaluate import run
from depth_estimation_ros.evaluation.metrics import DepthMetrics
from depth_estimation_ros.evaluation.verdict import verdict
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.dds import dds_profile
from depth_estimation_ros.synthetic.bag import synthesize
from depth_estimation_ros.synthetic.drive import drive_camera, Plan, SyntheticDrive
from harness import image, info, nanoseconds, NodeProcess, REPOSITORY, Robot, wait
from key_init import synth, write_monodepth2_checkpoint
import numpy as np
import pytest
from rclpy.serialization import serialize_message

pytest.importorskip('rosbags', reason='rosbags (the extra cli) is not installed')
DRIVE = 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync'


def figures(report, row):
    """Return the columns of a row of the first table."""
    line = next(line for line in report.splitlines() if line.startswith(f'{row} '))
    heads = next(line for line in report.splitlines() if ' abs_rel ' in line).split()
    return {'none': 0, **dict(zip(heads, map(float, line.split()[1:])))}


@pytest.fixture(scope='module')
def kitti_bag(shared, tmp_path_factory):
    """Return a bag of the drive."""
    from depth_estimation_ros.drives.bag_writing import from_kitti
    bag = tmp_path_factory.mktemp('bags') / 'kitti'
    from_kitti(shared / DRIVE, bag)
    return bag


def test_a_drive_gives_the_figures_of_the_original_code(shared, ms_weights, tmp_path):
    report = run(str(shared / DRIVE), 'rt_monodepth_s', str(ms_weights), output=tmp_path)
    mean, scaled = figures(report, 'mean'), figures(report, 'scaled')
    assert (mean['n'], mean['none']) == (214896, 0)
    assert (mean['abs_rel'], mean['d1']) == pytest.approx((0.206, 0.752), abs=5e-4)
    assert scaled['abs_rel'] == pytest.approx(0.236, abs=5e-4)
    written = json.loads((tmp_path / 'metrics.json').read_text())
    assert len(written['frames']) == 16 and len(list(tmp_path.glob('*.jpg'))) == 16
    assert written['mean']['abs_rel'] == pytest.approx(mean['abs_rel'], abs=5e-4)
    assert 0 < written['scale_drift'] < 0.1 and 0 < written['scale_spread'] < 0.1


def test_pictures_with_annotated_depth_to_the_digit(shared, ms_weights, tmp_path):
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(
        'image_width: 1242\nimage_height: 375\n'
        'camera_matrix: {data: [721.5377, 0, 609.5593, 0, 721.5377, 172.854, 0, 0, 1]}\n'
        'distortion_coefficients: {data: [0, 0, 0, 0, 0]}\n'
        'rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {data: [721.5377, 0, 609.5593, 0, 0, 721.5377, 172.854, 0, 0, 0, 1, '
        '0]}\n')
    report = run(str(shared / 'data/kitti_annotated/image'), 'rt_monodepth_s', str(ms_weights),
                 truth=str(shared / 'data/kitti_annotated/depth'), truth_unit=256,
                 camera=str(calibration))
    mean = figures(report, 'mean')
    assert (mean['n'], mean['abs_rel'], mean['d1']) == (87504, 0.0398, 0.9895)
    assert figures(report, 'scaled')['abs_rel'] == 0.0360
    report = run(str(shared / 'data/kitti_annotated/image'), 'meter_kitti',
                 str(shared / 'data/weights/meter_xxs/build_model_best_kitti_xxs'),
                 truth=str(shared / 'data/kitti_annotated/depth'), truth_unit=256,
                 camera=str(calibration))
    mean = figures(report, 'mean')
    assert (mean['n'], mean['abs_rel']) == (87504, 0.0952)
    assert mean['d1'] == pytest.approx(0.974, abs=5e-4)


def test_a_room_with_nyus_crop(shared, tmp_path):
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(
        'image_width: 640\nimage_height: 480\n'
        'camera_matrix: {data: [518.8579, 0, 325.58245, 0, 519.46961, 253.73617, 0, 0, 1]}\n'
        'distortion_coefficients: {data: [0, 0, 0, 0, 0]}\n'
        'rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {data: [518.8579, 0, 325.58245, 0, 0, 519.46961, 253.73617, 0, 0, 0, '
        '1, 0]}\n')
    report = run(str(shared / 'data/nyu/image'), 'meter_nyu',
                 str(shared / 'data/weights/meter_xxs/build_model_best_nyu_xxs'),
                 truth=str(shared / 'data/nyu/depth'), truth_unit=1000, camera=str(calibration),
                 crop='nyu', max_depth=10.0)
    assert figures(report, 'mean')['abs_rel'] == pytest.approx(0.053, abs=0.001)


def test_nyu_protocol(shared, tmp_path):
    """The crop and the unit: 426 x 560 pixels, less those without depth."""
    weights = write_monodepth2_checkpoint(tmp_path, width=320, height=96)
    report = run(str(shared / 'data/nyu/image'), 'monodepth2', str(weights),
                 truth=str(shared / 'data/nyu/depth'), truth_unit=1000, fov=63.3, crop='nyu',
                 max_depth=10.0)
    depth = cv2.imread(str(shared / 'data/nyu/depth/00000.png'), -1)[45:471, 41:601] / 1000
    assert figures(report, 'mean')['n'] == ((depth > 1e-3) & (depth < 10)).sum()


def test_a_bag_against_a_model(kitti_bag, ms_weights):
    report = run(str(kitti_bag), 'rt_monodepth_s', str(ms_weights))
    mean = figures(report, 'mean')
    assert (mean['n'], mean['none']) == (214896, 0)
    assert mean['abs_rel'] == pytest.approx(0.206, abs=5e-4)


def record_the_node(kitti_bag, ms_weights, recording, rate):
    """Play the bag to the node and record its depth, by the commands."""
    profile = dds_profile({})[0]
    node = NodeProcess(
        {'model': 'rt_monodepth_s', 'weights': str(ms_weights), 'rectified': 'true',
         'use_sim_time': True},
        ['-r', 'image:=/kitti/camera_color_left/image_raw'], environment=profile)

    def bag(*arguments):
        return subprocess.Popen(
            [sys.executable, '-m', 'depth_estimation_ros.cli', 'bag', *map(str, arguments)],
            env={**os.environ, 'ROS_DOMAIN_ID': str(node.domain), **profile}, cwd=REPOSITORY,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    recorder = bag('record', recording, '/depth/image_rect', '/depth/camera_info')
    try:
        node.wait_for('waiting for images')
        robot = Robot(node, outputs=())
        wait(lambda: robot.node.count_subscribers('/depth/image_rect')
             and robot.node.count_subscribers('/depth/camera_info'), 30,
             lambda: 'the recorder does not read')
        robot.close()
        time.sleep(0.5)  # the node's side of the match
        player = bag('play', kitti_bag, '--rate', rate, '--wait-for',
                     '/kitti/camera_color_left/image_raw', '/kitti/camera_color_left/camera_info')
        said, _ = player.communicate(timeout=90)
        assert player.returncode == 0 and '48 messages' in said, said
        time.sleep(1)
        recorder.send_signal(signal.SIGINT)
        said, _ = recorder.communicate(timeout=30)
        assert recorder.returncode == 0, said
    finally:
        recorder.kill()
        node.stop()


def test_from_kitti_to_play_to_the_node_to_a_recording_to_figures(
        kitti_bag, ms_weights, tmp_path):
    from depth_estimation_ros.drives.bag import Bag
    with Bag(kitti_bag) as bag:
        sent = [m.stamp for m in bag.read(['/kitti/camera_color_left/image_raw'])]
    for rate in (0.3, 0.05):  # a node that a busy machine keeps from its work drops frames
        recording = tmp_path / f'rate_{rate}'
        record_the_node(kitti_bag, ms_weights, recording, rate)
        with Bag(recording) as bag:
            headers = [bag.decode(m).header for m in bag.read(['/depth/image_rect'])]
        stamps = [nanoseconds(header.stamp) for header in headers]
        if stamps == sent:
            break
    assert stamps == sent
    report = run(str(recording), '', '', depth_topic='/depth/image_rect', truth=str(kitti_bag))
    mean = figures(report, 'mean')
    assert mean['n'] == 214896
    assert mean['abs_rel'] == pytest.approx(0.206, abs=0.01)


def test_a_confidence_is_judged_too(pairs, capsys):
    code = main(['evaluate', str(pairs / 'image'), '--truth', str(pairs / 'truth'),
                 '--truth-unit', '1000', '--fov', '80', '--output', str(pairs / 'figures')])
    said = capsys.readouterr().out
    assert code == 0 and said.startswith('compact')
    [heading] = [line for line in said.splitlines() if 'by_range' in line]
    assert heading.split() == ['n', 'area', 'by_range', 'by_row', 'best', 'abs_rel', 'ece']
    written = json.loads((pairs / 'figures/metrics.json').read_text())
    of_all = written['confidence']['mean']
    assert of_all['abs_rel'] == pytest.approx(written['mean']['abs_rel'])
    assert of_all['best'] <= of_all['area'] and of_all['n'] == written['mean']['n']
    assert f"over all pixels: {written['confidence']['ece']:.4f}" in said
    code, said = evaluate(pairs, capsys, '--truth', pairs / 'truth', '--truth-unit', 1000,
                          '--fov', 81.6)
    assert code == 0 and said.startswith('monodepth2'), said
    assert 'confidence' in said  # that is concluded from its depth, for it gives none


def test_a_confidence_that_was_recorded_is_judged_with_its_depth(tmp_path):
    from depth_estimation_ros.drives.bag_writing import Recorder
    camera = PinholeCamera(40, 30, 40.0, 40.0, 20.0, 15.0)
    right = np.arange(40) < 30  # columns; the others are 50 % too far
    depth, sure = (np.tile(np.where(right, *of_right_and_wrong).astype(np.float32), (30, 1))
                   for of_right_and_wrong in ((10, 15), (0.9, 0.1)))
    with Recorder(tmp_path / 'bag') as bag:
        for second in range(1, 4):
            messages = {'depth/camera_info': info(camera),
                        'depth/image_rect': image(depth, '32FC1'),
                        'truth': image(np.full_like(depth, 10), '32FC1')}
            if second != 2:  # one is lost on the way
                messages['depth/confidence'] = image(sure, '32FC1')
            for topic, message in messages.items():
                message.header.stamp.sec = second
                bag.write(f'/{topic}', f'sensor_msgs/msg/{type(message).__name__}',
                          second * 10**9, serialize_message(message))
    report = run(str(tmp_path / 'bag'), '', '', depth_topic='/depth/image_rect',
                 truth_topic='/truth', crop='none', output=tmp_path / 'figures')
    assert figures(report, 'mean')['n'] == 3 * 1200
    judged = json.loads((tmp_path / 'figures/metrics.json').read_text())['confidence']
    assert list(judged['frames']) == ['1000000000', '3000000000']
    assert judged['mean']['area'] == judged['mean']['best'] < judged['mean']['abs_rel'] == 0.125
    assert judged['ece'] == pytest.approx(0.1)


@pytest.fixture
def pairs(tmp_path):
    """Return a folder of pictures, one of truths, and a small checkpoint."""
    for name in ('image', 'truth'):
        (tmp_path / name).mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'image/{i}.png'), synth(96, 320)[..., ::-1])
        cv2.imwrite(str(tmp_path / f'truth/{i}.png'), np.full((96, 320), 5000, np.uint16))
    write_monodepth2_checkpoint(tmp_path / 'r18', width=320, height=96)
    return tmp_path


def evaluate(pairs, capsys, *arguments, source='image'):
    """Run the command and return its exit code and what it said."""
    code = main(['evaluate', str(pairs / source), '--model', 'monodepth2', '--weights',
                 str(pairs / 'r18'), *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_model_without_scale_is_judged_after_scaling(pairs, capsys):
    write_monodepth2_checkpoint(pairs / 'r18', width=320, height=96, use_stereo=False)
    code, said = evaluate(pairs, capsys, '--truth', pairs / 'truth', '--truth-unit', 1000,
                          '--fov', 81.6)
    assert code == 0 and 'only the median-scaled figures mean anything' in said


def test_pictures_without_truth_are_counted_and_the_others_judged(pairs, capsys):
    (pairs / 'truth/1.png').unlink()
    code, said = evaluate(pairs, capsys, '--truth', pairs / 'truth', '--truth-unit', 1000,
                          '--fov', 81.6)
    assert code == 0 and 'frames without truth, left out: 1' in said
    assert re.search('^0 ', said, re.M) and not re.search('^1 ', said, re.M)


def test_the_object_benchmark_is_read_as_it_is(shared):
    report = run(str(shared / 'data/kitti_object/training'), 'compact', '')
    assert figures(report, 'mean')['n'] == 17495
    assert re.search(r'within 25 %: \d\d% of the pixels; 1\.\d\d x too near; ', report)


def test_the_depth_benchmark_is_read_as_it_is(shared, tmp_path, ms_weights):
    drive = '2011_09_26_drive_0002_sync'
    names = {'image': f'{drive}_image_0000000005_image_02.png',
             'groundtruth_depth': f'{drive}_groundtruth_depth_0000000005_image_02.png'}
    for folder, of in (('image', 'image'), ('groundtruth_depth', 'depth')):
        (tmp_path / folder).mkdir()
        shutil.copy(shared / f'data/kitti_annotated/{of}/0000000005.png',
                    tmp_path / folder / names[folder])
    (tmp_path / 'intrinsics').mkdir()
    file = tmp_path / 'intrinsics' / f'{names["image"][:-4]}.txt'
    with pytest.raises(ValueError, match=f'{file} does not hold the nine numbers of K'):
        run(str(tmp_path), 'rt_monodepth_s', str(ms_weights))
    file.write_text('721.5377 0 609.5593 0 721.5377 172.854 0 0 1 \n')
    mean = figures(run(str(tmp_path), 'rt_monodepth_s', str(ms_weights)), 'mean')
    assert (mean['n'], mean['abs_rel']) == (87504, 0.0398)
    (tmp_path / 'groundtruth_depth' / names['groundtruth_depth']).unlink()
    with pytest.raises(ValueError, match='holds no frame with truth: nothing to judge'):
        run(str(tmp_path), 'rt_monodepth_s', str(ms_weights))


def test_a_generated_drive_needs_no_option(tmp_path):
    bag = tmp_path / 'street'
    synthesize(SyntheticDrive(Plan(seed=3, frames=2), drive_camera('', 80.0, (320, 96))), bag)
    report = run(str(bag), 'compact', '')
    # All that is seen nearer than 80 m, not what a LiDAR hits.
    assert figures(report, 'mean')['n'] > 2 * 5000
    assert 'within 25 %: ' in report


def metrics_of(abs_rel=0.1, d1=0.9):
    return DepthMetrics(100, 0, abs_rel, 0.0, 0.0, 0.0, d1, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(('abs_rel', 'scaled', 'ratio', 'spread', 'metres', 'words'), [
    (0.10, 0.10, 1.02, 0.0, 1.0, ['within 25 %: 50% of the pixels; the median depth is right']),
    (0.75, 0.10, 0.57, 0.0, 1.0,
     ['50% of the pixels; 1.75 x too far; depth_scale 0.57 would mend it (90% within',
      'so far off is often a wrong unit']),
    (0.30, 0.10, 1.4, 0.0, 5.4, ['1.40 x too near; depth_scale 7.56 would mend it']),
    (0.30, 0.10, 1.4, 0.3, 5.4, ['1.40 x too near; each frame by another factor (spread 0.30)']),
    (0.30, 0.28, 1.4, 0.0, 1.0, ['1.40 x too near; no scale mends it (90% within 25 %']),
    (9.0, 0.10, 5.4, 0.0, None, ['once each frame is scaled: 90% of the pixels; a depth_scale '
                                 'of 5.4 is the median'])])
def test_the_verdict_says_what_would_help(abs_rel, scaled, ratio, spread, metres, words):
    said = verdict(metrics_of(abs_rel, 0.5), metrics_of(scaled), ratio, spread, metres)
    assert len(said) == len(words)
    for sentence, part in zip(said, words):
        assert part in sentence


def test_what_is_wrong_is_one_sentence(pairs, capsys):
    truth = ('--truth', pairs / 'truth', '--truth-unit', 1000)
    for arguments, words in (
            ((), '--truth'),
            (('--truth', pairs / 'truth'), '--truth-unit'),
            (truth, '--fov'),
            ((*truth, '--fov', 81.6, '--crop', 'nyu'), '640x480'),
            (('--truth', pairs / 'nothing', '--truth-unit', 1000, '--fov', 81.6),
             'nothing to judge')):
        code, said = evaluate(pairs, capsys, *arguments)
        assert code == 1 and words in said and len(said.strip().splitlines()) == 1, said
    cv2.imwrite(str(pairs / 'truth/1.png'), np.zeros((10, 10), np.uint16))
    assert '10x10' in evaluate(pairs, capsys, *truth, '--fov', 81.6)[1]
    cv2.imwrite(str(pairs / 'truth/0.png'), np.zeros((96, 320), np.uint16))
    assert 'no depth between' in evaluate(pairs, capsys, *truth, '--fov', 81.6)[1]
    assert 'not there' in evaluate(pairs, capsys, source='none')[1]
    shutil.rmtree(pairs / 'r18')
    assert 'weights' in evaluate(pairs, capsys, *truth, '--fov', 81.6)[1]
