# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`depth_estimation predict`: what it writes is right, whole or not there."""
from __future__ import annotations

import itertools
import os
from pathlib import Path
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import cv2
from depth_estimation_ros import cli
from depth_estimation_ros.cloud.points import PointOptions
from depth_estimation_ros.commands import outputs, predict
from depth_estimation_ros.commands.progress import progress
from depth_estimation_ros.drives.film_writing import FilmWriter
from depth_estimation_ros.drives.folder import find_optics
from depth_estimation_ros.drives.kitti import annotated_depth
from depth_estimation_ros.drives.video import Film
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, OUTPUTS
from depth_estimation_ros.evaluation.metrics import evaluate_depth, garg_crop
from depth_estimation_ros.models import catalogue, weights as checkpoints
from films import drawing, flag_rotation, FPS, HEIGHT, number, WIDTH, write_film
from harness import be_the_command, FORKS, REPOSITORY, wait
from key_init import write_monodepth2_checkpoint
import numpy as np
import pytest

LENS = """image_width: 320
image_height: 96
camera_matrix: {rows: 3, cols: 3, data: [185.6, 0, 156.8, 0, 184.3, 45.1, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.05, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [150, 0, 156.8, 0, 0, 150, 45.1, 0, 0, 0, 1, 0]}
"""
# As on a machine without ROS.
COMMAND = ('import sys; sys.modules.update(rclpy=None, sensor_msgs=None); '
           'from depth_estimation_ros.cli import main; sys.exit(main())')
ALL = ','.join(predict.CONTENTS)
VERTEX = np.dtype([('xyz', '<f4', 3), ('rgb', 'u1', 3)])


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Return a checkpoint; in this process its network is built once for all tests."""
    folder = write_monodepth2_checkpoint(tmp_path_factory.mktemp('r18'), width=320, height=96)
    files = checkpoints.load_checkpoint(folder, catalogue.find('monodepth2').files).files
    with pytest.MonkeyPatch.context() as patch:
        build = catalogue.build
        network = build('monodepth2', files)
        patch.setattr(catalogue, 'build', lambda name, files: (
            network if name == 'monodepth2' else build(name, files)))
        yield folder


@pytest.fixture
def film(tmp_path):
    """Return a film of 8 frames."""
    return write_film(tmp_path / 'street.mp4', 8)


def run(inputs, weights, output, **options) -> str:
    """Run predict as the command does, on a camera that is guessed; it writes all there is."""
    options = {'fov': 81.5, 'write': tuple(predict.CONTENTS), **options}
    return predict.run([str(i) for i in inputs], 'monodepth2', str(weights), output, **options)


def read_ply(path: Path) -> np.ndarray:
    """Read a PLY file by its own header, as any viewer must."""
    head, body = path.read_bytes().split(b'end_header\n', 1)
    lines = [line for line in head.decode('ascii').splitlines() if not line.startswith('comment')]
    assert lines[:2] == ['ply', 'format binary_little_endian 1.0']
    count = int(lines[2].removeprefix('element vertex '))
    assert lines[3:] == ['property float x', 'property float y', 'property float z',
                         'property uchar red', 'property uchar green', 'property uchar blue']
    assert len(body) == count * VERTEX.itemsize
    points = np.frombuffer(body, VERTEX).copy()
    points['xyz'] *= [1, -1, -1]  # y is up in the file, and z back
    return points


def read_film(path: Path) -> list[np.ndarray]:
    """Return the pictures of a film."""
    return [frame.image for frame in Film(path)]


def test_every_output_of_a_film_is_the_estimators_depth(film, weights, tmp_path):
    # At this scale some depth is within PNG's range, some beyond it, some beyond max_depth.
    scale = 240.0
    options = DepthOptions(metres_per_unit=scale, points=PointOptions(max_points=10**6))
    said = run([film], weights, tmp_path / 'out', depth_scale=scale)
    assert said.startswith('frames: 8 in') and 'metres are as good as this guess' in said

    estimator = DepthEstimator(catalogue.build('monodepth2', {}), 'cpu')
    source = Film(film)
    camera = find_optics('', 81.5, source).camera(WIDTH, HEIGHT)
    side_by_side = read_film(tmp_path / 'out/street_depth.mp4')
    assert len(side_by_side) == 8
    assert Film(tmp_path / 'out/street_depth.mp4').fps == FPS
    for i, frame in enumerate(source):
        [truth] = estimator.estimate([(frame.image[..., ::-1], camera)],
                                     options, OUTPUTS - {'scan'})  # as the sheet asks
        metres = truth.depth
        assert (metres < 60).any() and ((metres > 66) & (metres < 80)).any()
        assert np.isinf(metres).any()

        png = cv2.imread(str(tmp_path / f'out/depth/{frame.name}.png'), cv2.IMREAD_UNCHANGED)
        assert png.dtype == np.uint16
        millimetres = np.rint(metres * np.float32(1000))
        np.testing.assert_array_equal(
            png, np.where(millimetres < 65535, millimetres, 0).astype(np.uint16))

        color = cv2.imread(str(tmp_path / f'out/color/{frame.name}.png'))
        np.testing.assert_array_equal(color, truth.color)
        np.testing.assert_array_equal(color.any(-1), np.isfinite(metres))

        points = read_ply(tmp_path / f'out/points/{frame.name}.ply')
        x, y, z = points['xyz'].T.astype(float)
        u = np.rint(x / z * camera.fx + camera.cx).astype(int)
        v = np.rint(y / z * camera.fy + camera.cy).astype(int)
        np.testing.assert_array_equal(
            points['xyz'], truth.cloud.data[0, :, :3].copy().view(np.float32))
        assert 0 < len(points) < np.isfinite(metres).sum()  # less what floats at edges
        np.testing.assert_array_equal(z.astype(np.float32), metres[v, u])
        np.testing.assert_array_equal(points['rgb'], frame.image[v, u, ::-1])

        left, right = side_by_side[i][:, :WIDTH], side_by_side[i][:, WIDTH:]
        assert left.shape == right.shape == (HEIGHT, WIDTH, 3) and number(left) == i
        assert np.abs(right.astype(int) - color).mean() < 12


def test_without_a_model_or_weights_it_is_the_network_of_the_package(film, tmp_path, capsys):
    assert cli.main(['predict', str(film), '--fov', '80', '--max-depth', '1000', '--write',
                     'depth', '--output', str(tmp_path / 'out')]) == 0
    said = capsys.readouterr().out
    assert 'with compact' in said and '1 model unit = 1 m (metric from intrinsics' in said
    depth = cv2.imread(str(tmp_path / 'out/depth/street_000003.png'), cv2.IMREAD_UNCHANGED)
    assert depth.shape == (HEIGHT, WIDTH) and depth.any()
    assert cli.main(['predict', str(film), '--fov', '30', '--write', 'depth', '--output',
                     str(tmp_path / 'tele')]) == 0
    assert 'note: this camera' in capsys.readouterr().out


def test_pictures_of_a_lens_are_rectified(tmp_path, weights, film):
    calibration = tmp_path / 'front.yaml'
    calibration.write_text(LENS)
    said = run([film], weights, tmp_path / 'out', fov=0, camera=str(calibration), depth_scale=12.0)
    assert f'calibration {calibration}' in said and 'guess' not in said
    camera = find_optics(str(calibration), 0, None).camera(WIDTH, HEIGHT)
    left = read_film(tmp_path / 'out/street_depth.mp4')[3][:, :WIDTH].astype(int)
    raw = list(Film(film))[3].image
    rectified = cv2.remap(raw, camera.rectification_map(), None, cv2.INTER_LINEAR)
    assert np.abs(left - rectified).mean() < 8 < 16 < np.abs(left - raw).mean()
    points = read_ply(tmp_path / 'out/points/street_000003.ply')
    u = points['xyz'][:, 0] / points['xyz'][:, 2] * 150 + 156.8
    np.testing.assert_allclose(u, np.rint(u), atol=1e-2)


def test_only_what_is_wanted_is_written(film, weights, tmp_path):
    picture = tmp_path / 'photo.jpg'
    cv2.imwrite(str(picture), drawing(200))
    said = run([film, picture], weights, tmp_path / 'film', write=('film',))
    assert sorted(p.name for p in (tmp_path / 'film').iterdir()) == [
        outputs.MANIFEST, 'street_depth.mp4']
    assert 'side by side' in said and '.ply' not in said
    said = run([picture], weights, tmp_path / 'cloud', write=('points', 'film'), max_points=500)
    assert [p.name for p in (tmp_path / 'cloud').rglob('*.ply')] == ['photo.ply']
    assert not list((tmp_path / 'cloud').rglob('*.png'))
    assert 'side by side' not in said
    assert 100 < len(read_ply(tmp_path / 'cloud/points/photo.ply')) <= 500
    run([picture], weights, tmp_path / 'near', write=('depth',), max_depth=5.0)
    depth = cv2.imread(str(tmp_path / 'near/depth/photo.png'), cv2.IMREAD_UNCHANGED)
    assert 0 < depth.max() <= 5000


def test_what_a_user_should_know_of_a_film_is_said(tmp_path, weights):
    film = write_film(tmp_path / 'upright.mp4', 2)
    flag_rotation(film, 90)
    cut = write_film(tmp_path / 'cut.avi', 20, 'MJPG')
    cut.write_bytes(cut.read_bytes()[:cut.stat().st_size // 2])
    said = run([film, cut], weights, tmp_path / 'out', write=('film',)).splitlines()
    assert any('upright.mp4 was turned by 90 degrees' in line for line in said)
    assert any('cut.avi claims 20 frames' in line for line in said)
    assert any('is not like the KITTI camera' in line for line in said)
    assert read_film(tmp_path / 'out/upright_depth.mp4')[0].shape == (WIDTH, 2 * HEIGHT, 3)
    assert len(read_film(tmp_path / 'out/cut_depth.mp4')) == len(read_film(cut))


def test_what_another_made_is_replaced_only_when_told(film, weights, tmp_path):
    output = tmp_path / 'out'
    of_user = output / 'depth/street_000003.png'
    of_user.parent.mkdir(parents=True)
    of_user.write_text('mine')
    with pytest.raises(ValueError, match='street_000003.png is there already.*--overwrite'):
        run([film], weights, output, write=('depth',))
    assert [path for path in output.rglob('*') if path.is_file()] == [of_user]
    assert of_user.read_text() == 'mine'
    run([film], weights, output, write=('depth',), overwrite=True)
    before = of_user.read_bytes()
    run([film], weights, output, write=('depth',), depth_scale=2.0)  # its own
    assert of_user.read_bytes() not in (b'mine', before)
    of_user.write_text('mine again')
    with pytest.raises(ValueError, match='no earlier predict made it as it is'):
        run([film], weights, output, write=('depth',))


def test_an_input_is_never_in_the_way(film, weights, tmp_path):
    (tmp_path / 'photos').mkdir()
    photo = tmp_path / 'photos/a.png'
    cv2.imwrite(str(photo), drawing(100))
    for given, output in ((photo, tmp_path / 'photos'), (tmp_path / 'photos', tmp_path / 'photos'),
                          (film, tmp_path), (photo, tmp_path), (film, film)):
        with pytest.raises(ValueError, match='the input .* never written to|cannot be made'):
            run([given], weights, output, overwrite=True)
    run([tmp_path / 'photos'], weights, tmp_path / 'photos/depth_of_them')
    assert (tmp_path / 'photos/depth_of_them/depth/a.png').exists()


def test_what_failed_leaves_nothing(film, weights, tmp_path):
    output = tmp_path / 'new/out'
    for options in ({'fov': 0.0}, {'device': 'cuda:7'}, {'input_size': '1x1'}):
        with pytest.raises(ValueError):
            run([film], weights, output, **options)
        assert not (tmp_path / 'new').exists(), options
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad/a.png').write_bytes(b'no picture')
    with pytest.raises(ValueError):
        run([tmp_path / 'bad'], weights, output)
    assert not (tmp_path / 'new').exists()


def test_of_a_film_the_film_is_made_and_of_pictures_the_files(film, weights, tmp_path, capsys):
    picture = tmp_path / 'photo.jpg'
    cv2.imwrite(str(picture), drawing(200))
    run([film, picture], weights, tmp_path / 'out', write=None)
    assert {path.name for path in (tmp_path / 'out').rglob('*.*')} == {
        outputs.MANIFEST, 'street_depth.mp4', 'photo.png', 'photo.ply', 'photo.jpg'}
    assert '9 frames become about' in capsys.readouterr().err


def test_some_frames_of_a_film_keep_their_numbers_and_their_time(film, weights, tmp_path):
    run([film], weights, tmp_path / 'out', frames=(1, 6), every=2, write=('film', 'depth'))
    assert sorted(path.stem for path in (tmp_path / 'out/depth').iterdir()) == [
        'street_000001', 'street_000003', 'street_000005']
    made = tmp_path / 'out/street_depth.mp4'
    assert [number(image[:, :WIDTH]) for image in read_film(made)] == [1, 3, 5]
    assert Film(made).fps == FPS / 2
    for options, words in (({'every': 0}, '--every 0'), ({'frames': (3, 3)}, '--frames 3:3')):
        with pytest.raises(ValueError, match=words):
            run([film], weights, tmp_path / 'none', **options)


def test_a_disk_that_is_too_small_is_said_before_it_starts(film, weights, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage._replace(free=10**5))
    with pytest.raises(ValueError, match='8 frames become about .* MB .* 0.1 MB are free'):
        run([film], weights, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def interrupt_after(count, monkeypatch):
    """Let Ctrl-C come in the frame after `count`."""
    estimate, seen = DepthEstimator.estimate_all, []

    def interrupted(*arguments):
        seen.append(1)
        if len(seen) == count + 1:
            raise KeyboardInterrupt
        return estimate(*arguments)

    monkeypatch.setattr(DepthEstimator, 'estimate_all', interrupted)
    return seen


def test_ctrl_c_finishes_the_film_and_resume_goes_on_from_there(
        film, weights, tmp_path, monkeypatch):
    whole, output = tmp_path / 'whole', tmp_path / 'out'
    run([film], weights, whole)
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        with pytest.raises(KeyboardInterrupt, match='after 5 of the 8 frames.*--resume') as end:
            run([film], weights, output)
    assert str(end.value).startswith('frames: 5 in')
    made = output / 'street_depth.mp4'
    assert [number(image[:, :WIDTH]) for image in read_film(made)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match='--resume goes on with the same only: max-depth is 9'):
        run([film], weights, output, resume=True, max_depth=9.0)
    with monkeypatch.context() as patch:
        seen = interrupt_after(99, patch)
        said = run([film], weights, output, resume=True)
    assert len(seen) == 3 and said.startswith('frames: 3 in') and '5 were there already' in said
    assert [number(image[:, :WIDTH]) for image in read_film(made)] == list(range(8))
    for path in whole.rglob('*.p*'):
        assert (output / path.relative_to(whole)).read_bytes() == path.read_bytes()
    before = made.read_bytes()
    assert '8 were there already' in run([film], weights, output, resume=True)
    assert made.read_bytes() == before


def test_pictures_that_hang_otherwise_get_the_depth_of_upright_ones(film, weights, tmp_path):
    picture = list(Film(film))[0].image
    for name, turned in (('up', picture), ('down', np.rot90(picture, 2))):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.ascontiguousarray(turned))
    run([tmp_path / 'up.png'], weights, tmp_path / 'a', write=('depth',))
    run([tmp_path / 'down.png'], weights, tmp_path / 'b', write=('depth',), rotation=180)
    up, down = (cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
                for name in ('a/depth/up.png', 'b/depth/down.png'))
    np.testing.assert_allclose(np.rot90(down, 2), up, rtol=0.01)


def test_two_runs_do_not_write_into_one_folder(film, weights, tmp_path):
    with outputs.Outputs(tmp_path / 'out', 'predict') as other:
        other.write_bytes('a', b'')
        with pytest.raises(ValueError, match='another run is writing'):
            run([film], weights, tmp_path / 'out')


def test_bad_input_is_one_sentence(film, weights, tmp_path):
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad/a.png').write_bytes(b'no picture')
    (tmp_path / 'file').write_text('')
    (tmp_path / 'nothing').mkdir()
    output = tmp_path / 'out'
    for inputs, options, said in (
            (['0'], {}, '0 is a webcam'),
            ([film, film], {}, 'several inputs are named street'),
            ([film], {'fov': 0}, 'nothing is known of the camera'),
            ([film], {'write': ('mesh',)}, '--write mesh is not one of depth, color'),
            ([film], {'max_depth': 0.0}, '--max-depth 0 is out of range'),
            ([film], {'depth_scale': -1.0}, '--depth-scale -1 is out of range'),
            ([film], {'max_points': 0}, '--max-points 0 is out of range'),
            ([tmp_path / 'bad'], {}, 'a.png cannot be read as a picture'),
            ([tmp_path / 'nothing'], {}, 'holds no images'),
            ([tmp_path / 'absent.mp4'], {}, 'absent.mp4 is not there')):
        with pytest.raises(ValueError) as error:
            run(inputs, weights, output, **options)  # none is in the next one's way
        assert said in str(error.value) and '\n' not in str(error.value)
    with pytest.raises(ValueError, match='file cannot be made a folder'):
        run([film], weights, tmp_path / 'file')


def test_progress_without_tqdm_is_a_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'tqdm', None)
    monkeypatch.setattr('depth_estimation_ros.commands.progress.LINE_EVERY', 0.0)
    assert list(progress('abc', 3, 'street.mp4')) == ['a', 'b', 'c']
    assert 'street.mp4: 2 of 3 frames\n' in capsys.readouterr().err


# -- whole or not there --

def check_whole(output: Path, count: int) -> int:
    """Check that every file with its final name is whole, and count them."""
    files = [path for path in output.rglob('*') if path.is_file() and path.name[0] != '.'
             and path.name != outputs.MANIFEST]
    for path in files:
        if path.suffix == '.png':
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[:2] == (HEIGHT, WIDTH)
            assert path.read_bytes()[-8:-4] == b'IEND'
        elif path.suffix == '.ply':
            assert len(read_ply(path)) > 0
        elif path.suffix == '.jpg':
            assert min(cv2.imread(str(path)).shape[:2]) > 500
            assert path.read_bytes()[-2:] == b'\xff\xd9'
        else:
            assert len(read_film(path)) == count
    return len(files)


def test_ctrl_c_at_any_moment_leaves_no_half_file(weights, tmp_path):
    film = write_film(tmp_path / 'street.mp4', 120)
    moments = [(begun, delay) for begun in (False, True) for delay in (0.0, 0.02, 0.06, 0.13, 0.3)]
    for begun, delay in moments:
        output, log = tmp_path / f'{begun}{delay}', tmp_path / f'{begun}{delay}.log'
        process = FORKS.Process(target=be_the_command, args=(
            ['predict', str(film), '--model', 'monodepth2', '--weights', str(weights), '--fov',
             '80', '--write', ALL, '--output', str(output)], log, log, {}))
        process.start()
        wait((lambda: list(output.glob('depth/*'))) if begun else output.exists, 60,
             lambda: f'it did not begin: {log.read_text()}')
        time.sleep(delay)
        os.kill(process.pid, signal.SIGINT)
        process.join(20)
        assert process.exitcode == 130
        count = int(re.findall('interrupted after ([0-9]+) of', log.read_text() + (
            '' if list(output.glob('*.mp4')) else 'interrupted after 0 of'))[0])
        assert 4 * count <= check_whole(output, count) - bool(count) < 4 * 120
        assert not list(output.rglob('.*'))


def interrupt_third(monkeypatch, late):
    """Let Ctrl-C come with the third picture of a film, before or after it is written."""
    write, count = FilmWriter.write, itertools.count(1)

    def interrupted(self, image):
        last = next(count) == 3
        if late or not last:
            write(self, image)
        if last:
            raise KeyboardInterrupt

    monkeypatch.setattr(FilmWriter, 'write', interrupted)


@pytest.mark.parametrize('when', ['writing', 'written', 'renaming'])
def test_ctrl_c_while_a_file_is_written_leaves_no_half_file(
        film, weights, tmp_path, monkeypatch, when):
    def interrupt(*_):
        raise KeyboardInterrupt

    if when == 'renaming':
        monkeypatch.setattr(outputs.os, 'replace', interrupt)
    elif when == 'writing':
        def half(path, data):
            with path.open('wb') as file:
                file.write(data[:len(data) // 2])
                file.flush()
                raise KeyboardInterrupt

        monkeypatch.setattr(Path, 'write_bytes', half)
    for write in ('film',) if when == 'written' else predict.CONTENTS:
        if write == 'film' and when != 'renaming':
            interrupt_third(monkeypatch, late=when == 'written')
        with pytest.raises(KeyboardInterrupt):
            run([film], weights, tmp_path / write, write=(write,))
        for path in (tmp_path / write).rglob('*.*'):
            assert path.name == outputs.MANIFEST or len(read_film(path)) == (
                3 if when == 'written' else 2)


def test_the_command_runs_without_ros_and_ends_at_ctrl_c(weights, tmp_path):
    film = write_film(tmp_path / 'long.mp4', 250)
    output = tmp_path / 'out'
    process = subprocess.Popen(
        [sys.executable, '-c', COMMAND, 'predict', str(film), '--model', 'monodepth2',
         '--weights', str(weights), '--fov', '80', '--output', str(output), '--write', ALL],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait(lambda: len(list(output.rglob('*.ply'))) > 2 or process.poll() is not None, 60,
             lambda: 'it wrote nothing')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    [count] = map(int, re.findall('interrupted after ([0-9]+) of the 250 frames', out))
    assert process.returncode == 130 and err.count('\n') == 1 and 'frames become about' in err
    assert 4 * count <= check_whole(output, count) - 1 < 1000
    assert not list(output.rglob('.*'))


@pytest.mark.parametrize(('write', 'limit'), [('depth,color,points', 100_000), ('film', 4_000)])
def test_full_disk_is_one_sentence(weights, tmp_path, write, limit):
    film = write_film(tmp_path / 'street.mp4', 8)
    output = tmp_path / 'out'
    # Files that may not grow fail as on a full disk, and need no disk of their own.
    done = subprocess.run(
        [sys.executable, '-c', COMMAND, 'predict', str(film), '--model', 'monodepth2',
         '--weights', str(weights), '--fov', '80', '--output', str(output), '--write', write],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
        env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'})
    assert done.returncode == 1 and done.stderr.count('\n') == 2, done.stderr
    assert 'cannot be written' in done.stderr and 'make room' in done.stderr
    check_whole(output, 8)
    assert not list(output.glob('*.mp4')) and not list(output.rglob('.*'))


def test_film_stops_when_the_disk_is_nearly_full(film, weights, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(predict.shutil, 'disk_usage', lambda _: usage._replace(free=10**6))
    with pytest.raises(ValueError, match='street_depth.mp4 cannot be written .*4 MiB'):
        run([film], weights, tmp_path / 'out', write=('film',))
    assert not (tmp_path / 'out').exists()


def test_real_depth_keeps_its_accuracy_on_disk(ms_weights, shared, tmp_path):
    folder = shared / 'data/kitti_annotated'
    calibration = tmp_path / 'kitti.yaml'
    calibration.write_text(
        'image_width: 1242\nimage_height: 375\n'
        'camera_matrix: {data: [721.5377, 0, 609.5593, 0, 721.5377, 172.854, 0, 0, 1]}\n'
        'distortion_coefficients: {data: []}\n'
        'rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {data: [721.5377, 0, 609.5593, 0, 0, 721.5377, 172.854, 0, '
        '0, 0, 1, 0]}\n')
    predict.run([str(folder / 'image')], 'rt_monodepth_s', str(ms_weights), tmp_path / 'out',
                camera=str(calibration))
    truth = annotated_depth(folder / 'depth/0000000005.png')
    png = cv2.imread(str(tmp_path / 'out/depth/0000000005.png'), cv2.IMREAD_UNCHANGED)
    depth = np.where(png > 0, png / 1000, np.inf)
    metrics = evaluate_depth(depth, truth, crop=garg_crop(*truth.shape))
    assert metrics.n == 87504 and metrics.abs_rel == pytest.approx(0.040, abs=0.002)
    assert len(read_ply(tmp_path / 'out/points/0000000005.ply')) > 140_000
