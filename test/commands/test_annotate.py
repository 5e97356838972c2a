# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth for recordings: as the node publishes it, once, whole, and never over anything else."""
from __future__ import annotations

import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

from depth_estimation_ros.commands import annotate
from depth_estimation_ros.commands.annotate import run, SUMMARY
from depth_estimation_ros.commands.shelves import find_units, ShelfError
from depth_estimation_ros.drives import bag_messages
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import Recorder, write_picture
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.imaging.rvl import decode_rvl
from harness import (
    command, depth_array, image, info, nanoseconds, NodeProcess, REPOSITORY, Robot, wait)
from key_init import synth
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

CAMERA = PinholeCamera(160, 96, 120.0, 120.0, 80.0, 44.0)
BEGAN = 1_700_000_000 * 10**9
STEP = 10**8
# compact as it is on every CPU; the network is small, and so is its picture.
# One thread: the last digit of a sum depends on how many share it.
FAST = ['input_size:=64x64', 'precision:=fp32', 'threads:=1']


def scene(number: int) -> np.ndarray:
    return np.roll(synth(96, 160), 3 * number, 1)


def record(path: Path, frames: int = 4, space: str = '/camera', lidar: bool = False,
           calibrated: bool = True) -> Path:
    """Write a recording of a camera, and a LiDAR 20 m before a wall; return its path."""
    with Recorder(path) as bag:
        if lidar:
            bag.write_message('/tf_static', BEGAN, bag_messages.transforms(
                bag.make, BEGAN, ('velo', 'body', np.eye(4))), latched=True)
        for number in range(frames):
            stamp = BEGAN + number * STEP
            if lidar:
                y, z = (v.ravel() for v in np.meshgrid(np.linspace(-5, 5, 40),
                                                       np.linspace(-2, 2, 20)))
                wall = np.stack((np.full_like(y, 20.0), y, z, np.zeros_like(y)), 1)
                bag.write_message('/velo', stamp, bag_messages.cloud(
                    bag.make, stamp, 'velo', wall.astype(np.float32)))
            if calibrated:
                write_picture(bag, f'{space}/image_raw', 'camera', stamp, scene(number),
                              pinhole_calibration(CAMERA))
            else:
                bag.write_message(f'{space}/image_raw', stamp, bag_messages.image(
                    bag.make, stamp, 'camera', scene(number), 'bgr8'))
    return path


def read(path: Path, topic: str, kind=Image) -> dict[int, object]:
    """Return the messages of a topic by their stamps."""
    with Bag(path) as bag:
        heard = [deserialize_message(m.data, kind) for m in bag.read([topic])]
    found = {nanoseconds(m.header.stamp): m for m in heard}
    assert len(found) == len(heard), 'each once'
    return found


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*'))
            if p.is_file() and p.name != SUMMARY}


# -- the same as the live node --

@pytest.mark.parametrize('way', ['plain', 'range'])
def test_depth_and_scale_are_those_of_the_running_node_to_the_bit(tmp_path, way):
    source = record(tmp_path / 'drive', 6, lidar=way == 'range')
    parameters = {'precision': 'fp32', 'compile': False, 'threads': 1, 'input_size': '64x64'}
    if way == 'range':
        parameters.update(range_topic='/velo', range_extrinsics='0 0 0 0 0 0', scene='street')
    run([str(source)], tmp_path / 'out', parameters=[
        f'{name}:={str(value).lower() if isinstance(value, bool) else value}'
        for name, value in parameters.items()], write=['depth', 'confidence', 'points'])
    depths = read(tmp_path / 'out/drive', '/camera/depth/image_rect')
    clouds = read(tmp_path / 'out/drive', '/camera/points', PointCloud2)
    infos = read(tmp_path / 'out/drive', '/camera/depth/camera_info', CameraInfo)
    sure = read(tmp_path / 'out/drive', '/camera/depth/confidence')
    assert len(depths) == len(infos) == len(sure) == 6
    node = NodeProcess(parameters)
    robot = Robot(node, outputs=('depth/image_rect', 'points')[:1 + (way == 'plain')])
    velo = robot.node.create_publisher(PointCloud2, '/velo', 10)
    try:
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        robot.ask(image(scene(0)), stamp=BEGAN - 100 * STEP)  # again and again, until all match
        wait(lambda: way == 'plain' or velo.get_subscription_count(), 15, lambda: 'no reader')
        time.sleep(0.3)
        with Bag(source) as bag:
            for message in bag.read():
                if message.topic == '/velo':
                    velo.publish(deserialize_message(message.data, PointCloud2))
                    time.sleep(0.3)
                elif message.topic == '/camera/image_raw':
                    heard = deserialize_message(message.data, Image)
                    stamp = nanoseconds(heard.header.stamp)
                    live = robot.ask(heard, stamp=stamp)
                    np.testing.assert_array_equal(depth_array(live), depth_array(depths[stamp]))
                    if way == 'plain':
                        cloud = robot.wait_message('points', stamp)
                        assert bytes(cloud.data) == bytes(clouds[stamp].data)
                    time.sleep(0.2)
        values = robot.values()
    finally:
        robot.close()
        node.stop()
    summary = json.loads((tmp_path / 'out/drive' / SUMMARY).read_text())
    [scale] = summary['scale'].values()
    for name in ('scale (m per model unit)', 'scale source', 'scale state'):
        assert scale[name] == values[name]
    assert (scale['scale state'] == 'fixed') == (way == 'plain')


def test_both_play_together(tmp_path):
    source = record(tmp_path / 'drive')
    run([str(source)], tmp_path / 'out', parameters=FAST)
    beside = tmp_path / 'out/drive'
    with Bag(source) as first, Bag(beside) as second:
        assert not first.topics.keys() & second.topics.keys()
        assert (first.start, first.end) == (second.start, second.end)
    pictures = read(source, '/camera/image_raw')
    depths = read(beside, '/camera/depth/image_rect')
    assert {stamp: m.header.frame_id for stamp, m in depths.items()} == {
        stamp: m.header.frame_id for stamp, m in pictures.items()}


# -- once, and whole --

def shelf(folder: Path, count: int = 6, frames: int = 5) -> Path:
    for number in range(count):
        record(folder / f'day{number % 2}' / f'drive{number}', frames + number)
    return folder


def frames_of(folder: Path) -> dict[str, list[int]]:
    return {path.parent.name: sorted(read(path.parent, '/camera/depth/image_rect'))
            for path in folder.rglob('metadata.yaml')}


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    """Return a shelf of six recordings, and what one process makes of it."""
    place = tmp_path_factory.mktemp('shelf')
    shelf(place / 'shelf')
    said = run([str(place / 'shelf')], place / 'out', parameters=FAST)
    assert said.count('done') == 6
    assert {name: len(stamps) for name, stamps in frames_of(place / 'out').items()} == {
        f'drive{number}': 5 + number for number in range(6)}
    return place


def test_a_second_run_does_nothing_twice(undisturbed):
    before = {path: path.stat().st_mtime_ns for path in (undisturbed / 'out').rglob('*')}
    assert run([str(undisturbed / 'shelf')], undisturbed / 'out',
               parameters=FAST).count('was there') == 6
    assert before == {path: path.stat().st_mtime_ns for path in (undisturbed / 'out').rglob('*')}


def test_shards_make_what_one_process_makes(undisturbed, tmp_path):
    for number in (1, 2):
        said = run([str(undisturbed / 'shelf')], tmp_path / 'out', parameters=FAST,
                   shard=f'{number}/2')
        assert said.count('done') == 3
    assert bytes_of(tmp_path / 'out') == bytes_of(undisturbed / 'out')


def children(process: int) -> list[int]:
    return [int(entry) for entry in os.listdir('/proc') if entry.isdigit() and
            _parent(int(entry)) == process]


def _parent(process: int) -> int:
    try:
        return int(Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[1])
    except OSError:
        return 0


def test_what_is_killed_is_made_again_and_nothing_is_lost_or_doubled(undisturbed, tmp_path):
    """A worker is killed in the middle, then the driver; then it runs again."""
    arguments = [sys.executable, '-m', 'depth_estimation_ros.cli', 'annotate',
                 str(undisturbed / 'shelf'), '--output', str(tmp_path / 'out'), '--jobs', '2',
                 *(word for parameter in FAST for word in ('--param', parameter))]

    def start():
        return subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def begun() -> list[Path]:
        return list((tmp_path / 'out').rglob('.drive*'))

    def workers(driver) -> list[int]:
        return [child for child in children(driver.pid) if 'spawn_main' in Path(
            f'/proc/{child}/cmdline').read_text()]

    driver = start()
    try:
        end = time.monotonic() + 90
        while not begun() and time.monotonic() < end:
            time.sleep(0.002)
        assert begun(), 'a recording is being made'
        os.kill(workers(driver)[0], signal.SIGKILL)
        while len(list((tmp_path / 'out').rglob(SUMMARY))) < 2 and time.monotonic() < end:
            time.sleep(0.002)
        orphans = workers(driver)
        driver.kill()
        driver.communicate()
        while any(Path(f'/proc/{process}').exists() and _parent(process) for process in orphans):
            assert time.monotonic() < end, 'processes outlive the one that began them'
            time.sleep(0.05)
    finally:
        driver.kill()
        driver.communicate()
    for made in (tmp_path / 'out').rglob('drive*'):
        if made.is_dir() and '/.' not in str(made):
            assert (made / SUMMARY).is_file() and (made / 'metadata.yaml').is_file(), 'whole'
    again = start()
    said, complaints = again.communicate(timeout=120)
    assert again.returncode == 0, complaints
    assert said.count('done') + said.count('was there') == 6
    assert bytes_of(tmp_path / 'out') == bytes_of(undisturbed / 'out')
    assert not begun(), 'no half recording is left'


@pytest.mark.parametrize('jobs', [1, 2])
def test_ctrl_c_leaves_what_is_whole_and_nothing_else(undisturbed, tmp_path, jobs):
    driver = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'annotate', str(undisturbed / 'shelf'),
         '--output', str(tmp_path / 'out'), '--jobs', str(jobs),
         *(word for parameter in FAST for word in ('--param', parameter))],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)
    try:
        wait(lambda: list((tmp_path / 'out').rglob('.drive*')), 90, lambda: 'nothing was begun')
        os.killpg(driver.pid, signal.SIGINT)
        _, complaints = driver.communicate(timeout=30)
    finally:
        driver.kill()
        driver.communicate()
    assert driver.returncode == 130 and 'Traceback' not in complaints
    assert not list(tmp_path.rglob('.drive*'))
    for made in tmp_path.rglob('*.mcap'):
        assert (made.parent / SUMMARY).is_file()


RAY = {'RAY_USAGE_STATS_ENABLED': '0', 'RAY_AUTH_MODE': 'disabled'}  # who may is its matter
CLUSTER = """
import sys
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
print('cluster at', ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cluster():
    """Give the address of a Ray cluster of this test's own."""
    pytest.importorskip('ray', reason='Ray (the extra scale) is not installed')
    holder = subprocess.Popen([sys.executable, '-c', CLUSTER], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              cwd=REPOSITORY, env={**os.environ, **RAY})
    try:
        for line in holder.stdout:
            if line.startswith('cluster at '):
                yield line.split()[2]
                break
    finally:
        holder.stdin.close()
        holder.wait(30)
        holder.stdout.close()


def test_two_actors_of_a_ray_cluster_of_which_one_is_killed(undisturbed, tmp_path, cluster):
    driver = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'annotate', str(undisturbed / 'shelf'),
         '--output', str(tmp_path / 'out'), '--ray', cluster, '--jobs', '2',
         *(word for parameter in FAST for word in ('--param', parameter))],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **RAY})
    killed = []
    try:
        end = time.monotonic() + 120
        while not killed and time.monotonic() < end and driver.poll() is None:
            busy = list((tmp_path / 'out').rglob('.drive*'))
            actors = [process for process in map(int, filter(str.isdigit, os.listdir('/proc')))
                      if _title(process).startswith('ray::') and 'Worker' in _title(process)]
            if busy and actors:
                os.kill(actors[0], signal.SIGKILL)
                killed = actors[:1]
            time.sleep(0.005)
        said, complaints = driver.communicate(timeout=150)
    finally:
        driver.kill()
        driver.communicate()
    assert killed and driver.returncode == 0, complaints
    assert said.count('done') == 6
    assert bytes_of(tmp_path / 'out') == bytes_of(undisturbed / 'out')


def _title(process: int) -> str:
    try:
        return Path(f'/proc/{process}/cmdline').read_text().replace(chr(0), ' ')
    except (OSError, UnicodeDecodeError):
        return ''


def test_one_broken_recording_does_not_stop_the_rest(tmp_path):
    place = tmp_path / 'shelf'
    record(place / 'good')
    record(place / 'dark', calibrated=False)
    whole = record(place / 'cut', 8) / 'cut.mcap'
    whole.write_bytes(whole.read_bytes()[:-len(whole.read_bytes()) // 3])
    (place / 'cut/metadata.yaml').unlink()
    with Recorder(place / 'words') as bag:
        bag.write_message('/chatter', BEGAN, bag.make('std_msgs/msg/String', data='no picture'))
    (place / 'empty').mkdir()
    (place / 'empty/empty.mcap').write_bytes(b'')
    (place / 'lies').mkdir()
    (place / 'lies/lies.db3').write_bytes(b'no database at all')
    done = command('annotate', place, '--output', tmp_path / 'out', *(
        word for parameter in FAST for word in ('--param', parameter)))
    assert done.returncode == 1
    table = {line.split()[0]: line for line in done.stdout.splitlines()[1:-1]}
    assert 'done' in table['good'] and 'done, cut short' in table['cut']
    for name, words in (('dark', 'no CameraInfo beside any'), ('words', 'has no pictures'),
                        ('empty', 'empty'), ('lies', 'lies')):
        assert 'failed' in table[name]
        [sentence] = [line for line in done.stderr.splitlines() if line.startswith(f'{name}: ')]
        assert words in sentence
    assert '4 of 6 recordings failed: dark, empty, lies, words' in done.stderr
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == ['cut', 'good']
    summary = json.loads((tmp_path / 'out/cut' / SUMMARY).read_text())
    assert 'cut short' in summary['cut short'] and 0 < sum(summary['frames'].values()) < 8


@pytest.mark.parametrize('storage', ['SQLITE3', 'MCAP'])
def test_recordings_of_another_tool_with_a_type_that_nobody_knows(tmp_path, storage):
    """As rosbags writes them, messages compressed one by one; such a topic is not needed."""
    source, types = record(tmp_path / 'own'), get_typestore(Stores.ROS2_HUMBLE)
    types.register(get_types_from_msg('float64 secret\nuint8[] more\n', 'theirs/msg/Thing'))
    writer = Writer(tmp_path / 'theirs', version=8, storage_plugin=StoragePlugin[storage])
    writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with writer:
        strange = writer.add_connection('/strange', 'theirs/msg/Thing', typestore=types)
        connections = {}
        with Bag(source) as bag:
            for m in bag.read():
                if m.topic not in connections:
                    connections[m.topic] = writer.add_connection(m.topic, m.type, typestore=types)
                writer.write(connections[m.topic], m.stamp, m.data)
                writer.write(strange, m.stamp, bytes([0, 1]) + bytes(14))
    for folder, name in ((tmp_path / 'a', 'own'), (tmp_path / 'b', 'theirs')):
        run([str(tmp_path / name)], folder, parameters=FAST)
    run([str(tmp_path / 'theirs')], tmp_path / 'merged', parameters=FAST, merge=True)
    with Bag(tmp_path / 'theirs') as before, Bag(tmp_path / 'merged/theirs') as after, Bag(
            tmp_path / 'b/theirs') as depth:
        assert {**before.topics, **depth.topics}.keys() == after.topics.keys()
        for topic in before.topics:
            assert [m[1:] for m in after.read([topic])] == [m[1:] for m in before.read([topic])]
        for topic in depth.topics:
            assert [m[1:] for m in after.read([topic])] == [m[1:] for m in depth.read([topic])]
        assert after.decode(next(after.read(['/strange']))).secret == 0
    own, theirs = (read(tmp_path / folder, '/camera/depth/image_rect')
                   for folder in ('a/own', 'b/theirs'))
    assert own.keys() == theirs.keys() and len(own) == 4
    for stamp, message in own.items():
        np.testing.assert_array_equal(depth_array(message), depth_array(theirs[stamp]))


def test_one_broken_message_costs_itself(tmp_path):
    with Bag(record(tmp_path / 'whole', 5, lidar=True)) as whole, Recorder(
            tmp_path / 'drive') as bag:
        for number, m in enumerate(whole.read()):
            # A picture, a CameraInfo and a scan that are cut off, and one that lies of its size.
            data = m.data[:9] if number in (4, 5, 6) else m.data
            if number == 9:
                data = m.data.replace((96).to_bytes(4, 'little'), (9600).to_bytes(4, 'little'))
            bag.write(m.topic, m.type, m.stamp, data)
    run([str(tmp_path / 'drive')], tmp_path / 'out', parameters=[
        *FAST, 'range_topic:=velo', 'range_extrinsics:=0 0 0 0 0 0'])
    summary = json.loads((tmp_path / 'out/drive' / SUMMARY).read_text())
    dropped = summary['dropped']['/camera/image_raw: bad image']
    assert dropped in (1, 2) and summary['frames']['/camera/image_raw'] == 5 - dropped
    assert any('/camera/image_raw: a message is no' in remark for remark in summary['remarks'])
    assert len(read(tmp_path / 'out/drive', '/camera/depth/image_rect')) == 5 - dropped


# -- nothing of anybody else --

def test_what_another_made_is_never_written_over(tmp_path):
    source = record(tmp_path / 'drive')
    (tmp_path / 'out/drive').mkdir(parents=True)
    (tmp_path / 'out/drive/notes.txt').write_text('mine')
    for more in ([], ['--overwrite']):
        done = command('annotate', source, '--output', tmp_path / 'out', *more)
        assert done.returncode == 1 and 'was not made by this command' in done.stderr
    assert (tmp_path / 'out/drive/notes.txt').read_text() == 'mine'
    done = command('annotate', source, '--output', tmp_path)
    assert done.returncode == 1 and 'which is never written to' in done.stderr


def test_other_options_are_not_taken_for_the_same(tmp_path):
    source = record(tmp_path / 'drive')
    run([str(source)], tmp_path / 'out', parameters=FAST)
    for overwrite in (False, True):
        options = {'parameters': [*FAST, 'max_depth:=20'], 'overwrite': overwrite}
        if overwrite:
            assert ' done' in run([str(source)], tmp_path / 'out', **options)
        else:
            with pytest.raises(annotate.AnnotateError, match='1 of 1 recordings failed'):
                run([str(source)], tmp_path / 'out', **options)
    before = bytes_of(tmp_path / 'out')
    shutil.move(source, tmp_path / 'whole')
    record(source, space='/other').joinpath('drive.mcap').write_bytes(b'no recording')
    with pytest.raises(annotate.AnnotateError):
        run([str(source)], tmp_path / 'out', parameters=FAST, overwrite=True)
    assert bytes_of(tmp_path / 'out') == before, 'it stays until there is another'
    shutil.rmtree(source)
    shutil.move(tmp_path / 'whole', source)
    (tmp_path / 'out/drive/mine.txt').write_text('mine')
    with pytest.raises(annotate.AnnotateError):
        run([str(source)], tmp_path / 'out', parameters=FAST, overwrite=True)
    assert (tmp_path / 'out/drive/mine.txt').read_text() == 'mine'


# -- what is asked for --

@pytest.mark.parametrize('kind', ['png', 'rvl'])
def test_millimetres_are_what_image_transport_reads(tmp_path, kind):
    import cv2
    source = record(tmp_path / 'drive')
    run([str(source)], tmp_path / 'metres', parameters=FAST)
    run([str(source)], tmp_path / 'packed', parameters=FAST, depth_format=kind)
    metres = read(tmp_path / 'metres/drive', '/camera/depth/image_rect')
    packed = read(tmp_path / 'packed/drive', '/camera/depth/image_rect/compressedDepth',
                  CompressedImage)
    for stamp, message in packed.items():
        assert message.format == f'16UC1; compressedDepth {kind}'
        data = bytes(message.data)[12:]
        found = decode_rvl(data) if kind == 'rvl' else cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        depth = depth_array(metres[stamp])
        assert found.dtype == np.uint16 and (found > 0).any()
        there = np.isfinite(depth) & (depth < 65)
        np.testing.assert_allclose(found[there], depth[there] * 1000, atol=1)
        assert (found[~np.isfinite(depth)] == 0).all()


def test_two_cameras_and_compressed_pictures(tmp_path):
    import cv2
    with Recorder(tmp_path / 'drive') as bag:
        for number in range(3):
            stamp = BEGAN + number * STEP
            write_picture(bag, '/left/image_raw', 'left', stamp, scene(number),
                          pinhole_calibration(CAMERA))
            bag.write_message('/right/camera_info', stamp, bag_messages.camera_info(
                bag.make, stamp, 'right', pinhole_calibration(CAMERA)))
            jpeg = bag.make('sensor_msgs/msg/CompressedImage',
                            header=bag_messages.header(bag.make, stamp, 'right'), format='jpeg',
                            data=cv2.imencode('.jpg', scene(number))[1].reshape(-1))
            bag.write_message('/right/image_raw/compressed', stamp, jpeg)
    run([str(tmp_path / 'drive')], tmp_path / 'out', parameters=FAST)
    left = read(tmp_path / 'out/drive', '/left/depth/image_rect')
    right = read(tmp_path / 'out/drive', '/right/depth/image_rect')
    assert left.keys() == right.keys() and len(left) == 3
    assert {m.header.frame_id for m in right.values()} == {'right'}
    run([str(tmp_path / 'drive')], tmp_path / 'one', images=['/left/image_raw'], parameters=FAST)
    with Bag(tmp_path / 'one/drive') as bag:
        assert not any(topic.startswith('/right') for topic in bag.topics)


def test_a_calibration_serves_a_recording_without_camera_info(tmp_path):
    source = record(tmp_path / 'drive', calibrated=False)
    (tmp_path / 'camera.yaml').write_text(
        'image_width: 160\nimage_height: 96\ncamera_matrix: {rows: 3, cols: 3, data: '
        '[120, 0, 80, 0, 120, 44, 0, 0, 1]}\ndistortion_model: plumb_bob\n'
        'distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\n'
        'rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {rows: 3, cols: 4, data: [120, 0, 80, 0, 0, 120, 44, 0, 0, 0, 1, '
        '0]}\n')
    run([str(source)], tmp_path / 'out', camera=str(tmp_path / 'camera.yaml'), parameters=FAST)
    run([str(record(tmp_path / 'told/drive'))], tmp_path / 'same', parameters=FAST)
    found, same = (read(tmp_path / folder / 'drive', '/camera/depth/image_rect')
                   for folder in ('out', 'same'))
    for stamp, message in found.items():
        np.testing.assert_array_equal(depth_array(message), depth_array(same[stamp]))


@pytest.mark.parametrize(('options', 'words'), [
    ({'parameters': ['depth_scal:=2']}, "parameter 'depth_scal' is not known: did you mean"),
    ({'parameters': ['depth_scale']}, 'is no NAME:=VALUE'),
    ({'parameters': ['max_depth:=-1']}, 'is out of range'),
    ({'shard': '3/2'}, 'is no share'), ({'shard': 'a'}, 'is no share'),
    ({'jobs': -1}, 'is no number of processes'),
    ({'write': ['deph']}, '--write deph is not one of'),
    ({'depth_format': 'jpg'}, '--depth-format jpg is not one of'),
    ({'params_file': '/nowhere.yaml'}, 'is no parameter file of a node'),
    ({'camera': '/nowhere.yaml'}, '/nowhere.yaml')])
def test_what_cannot_be_is_one_sentence_before_anything_is_made(tmp_path, options, words):
    source = record(tmp_path / 'drive')
    with pytest.raises(ValueError) as error:
        run([str(source)], tmp_path / 'out', **options)
    assert words in str(error.value) and '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()


def test_names_of_recordings_on_a_shelf(tmp_path):
    record(tmp_path / 'shelf/a/drive')
    record(tmp_path / 'shelf/b/drive')
    shutil.copy(tmp_path / 'shelf/a/drive/drive.mcap', tmp_path / 'single.mcap')
    units = find_units([str(tmp_path / 'shelf'), str(tmp_path / '*.mcap')], tmp_path / 'out')
    assert [unit.target for unit in units] == [
        str(tmp_path / 'out' / name) for name in ('a/drive', 'b/drive', 'single')]
    with pytest.raises(ShelfError, match='would both become'):
        find_units([str(tmp_path / 'shelf/a/drive'), str(tmp_path / 'shelf/b/drive')], tmp_path)
    with pytest.raises(ShelfError, match='is no recording and holds none'):
        find_units([str(tmp_path / 'nothing')], tmp_path)


def test_a_recording_without_a_name_leads_nowhere(tmp_path):
    (tmp_path / '.mcap').write_bytes(b'')
    with pytest.raises(ShelfError, match='has no name that its depth could have'):
        find_units([str(tmp_path / '.mcap')], str(tmp_path / 'out'))


def test_the_parameter_file_of_the_node_serves(tmp_path):
    source = record(tmp_path / 'drive')
    (tmp_path / 'depth.yaml').write_text(
        '/**:\n  ros__parameters:\n    input_size: 64x64\n    depth_scale: 2.0\n'
        '    points: {max_points: 100}\n    use_sim_time: true\n')
    run([str(source)], tmp_path / 'out', params_file=str(tmp_path / 'depth.yaml'),
        parameters=['precision:=fp32'], write=['points'])
    for cloud in read(tmp_path / 'out/drive', '/camera/points', PointCloud2).values():
        assert 0 < cloud.width <= 100
    summary = json.loads((tmp_path / 'out/drive' / SUMMARY).read_text())
    assert summary['parameters']['depth_scale'] == 2.0
    [scale] = summary['scale'].values()
    assert scale['scale (m per model unit)'] == '2'


def test_pictures_before_the_first_camera_info_are_not_lost(tmp_path):
    with Recorder(tmp_path / 'drive') as bag:
        bag.write_message('/camera/image_raw', BEGAN, bag_messages.image(
            bag.make, BEGAN, 'camera', scene(0), 'bgr8'))
        write_picture(bag, '/camera/image_raw', 'camera', BEGAN + STEP, scene(1),
                      pinhole_calibration(CAMERA))
    run([str(tmp_path / 'drive')], tmp_path / 'out', parameters=FAST)
    assert len(read(tmp_path / 'out/drive', '/camera/depth/image_rect')) == 2
