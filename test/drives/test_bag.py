# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags: what is written, held against the official readers, and reading what is whole or cut."""
import ctypes
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag, info
from depth_estimation_ros.drives.bag_messages import quaternion
from depth_estimation_ros.drives.bag_writing import from_kitti, from_video, Recorder
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.drives.kitti import KittiDrive
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from mcap.stream_reader import CRCValidationError
from mcap.reader import make_reader
import mcap.writer
from mcap.writer import CompressionType
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
import sensor_msgs
import yaml

IMAGE = '/kitti/camera_color_left/image_raw'
INFO = '/kitti/camera_color_left/camera_info'
CLOUD = '/kitti/velo/pointcloud'
STRING = 'std_msgs/msg/String'
SECOND = 10**9
JAZZY = get_typestore(Stores.ROS2_JAZZY)


def text(number: int, length: int = 300) -> bytes:
    """Return a serialised String that says `number`."""
    message = JAZZY.types[STRING](data=f'{number:0{length}d}')
    return bytes(JAZZY.serialize_cdr(message, STRING))


TEXTS = [text(i) for i in range(40)]


def contents(path) -> list[bytes]:
    """Return the bytes of all messages."""
    with Bag(path) as bag:
        return [message.data for message in bag.read()]


def recorded(path, texts=TEXTS) -> pathlib.Path:
    """Return a bag of one topic with a message a second."""
    with Recorder(path) as bag:
        for i, data in enumerate(texts):
            bag.write('/text', STRING, (i + 1) * SECOND, data)
    return path


def mcap_file(path, texts=TEXTS, order=None, profile='ros2', qos='', **options) -> pathlib.Path:
    """Return an MCAP file as other programs write it."""
    with path.open('wb') as file:
        writer = mcap.writer.Writer(file, **options)
        writer.start(profile=profile)
        definition, _ = JAZZY.generate_msgdef(STRING, ros_version=2)
        channel = writer.register_channel(
            '/text', 'cdr', writer.register_schema(STRING, 'ros2msg', definition.encode()),
            {'offered_qos_profiles': qos})
        for i in order or range(len(texts)):
            stamp = (i + 1) * SECOND
            writer.add_message(channel, stamp, texts[i], stamp)
        writer.finish()
    return path


def sqlite_bag(path, texts=TEXTS, compression=None) -> pathlib.Path:
    """Return a bag in sqlite3."""
    writer = Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3)
    if compression:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection('/text', STRING, typestore=JAZZY)
        for i, data in enumerate(texts):
            writer.write(topic, (i + 1) * SECOND, data)
    return path


def sentence(error) -> str:
    """Return the message of a DriveError, which is one line."""
    assert '\n' not in str(error.value)
    return str(error.value)


# -- what is written --


@pytest.fixture(scope='module')
def drive(shared) -> KittiDrive:
    """Return 16 real frames with scans."""
    return KittiDrive(shared / 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync')


@pytest.fixture(scope='module')
def kitti(drive, tmp_path_factory) -> pathlib.Path:
    """Return them as a bag."""
    path = tmp_path_factory.mktemp('bags') / 'kitti'
    from_kitti(drive.folder, path)
    return path


def decoded(path) -> dict[str, list]:
    """Return (recorded at, message) a topic, as the official MCAP reader decodes them."""
    found = {}
    with (path / f'{path.name}.mcap').open('rb') as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for _, channel, message, fields in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append((message.log_time, fields))
    return found


def test_the_official_reader_decodes_a_kitti_bag_to_the_frames_of_the_drive(kitti, drive):
    found = decoded(kitti)
    assert {topic: len(m) for topic, m in found.items()} == {
        IMAGE: 16, INFO: 16, CLOUD: 16, '/tf_static': 1}
    for i, frame in enumerate(drive):
        (_, image), (_, camera), (_, cloud) = (found[t][i] for t in (IMAGE, INFO, CLOUD))
        assert (image.encoding, image.step) == ('bgr8', 3 * 1242)
        np.testing.assert_array_equal(
            np.frombuffer(image.data, np.uint8).reshape(375, 1242, 3), frame.image())
        assert (camera.width, camera.height) == (1242, 375)
        c = frame.camera
        assert tuple(camera.p) == (c.fx, 0, c.cx, 0, 0, c.fy, c.cy, 0, 0, 0, 1, 0)
        assert tuple(camera.k) == (c.fx, 0, c.cx, 0, c.fy, c.cy, 0, 0, 1)
        assert not any(camera.d)
        fields = [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields]
        assert fields == [('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1), ('intensity', 12, 7, 1)]
        np.testing.assert_array_equal(
            np.frombuffer(cloud.data, np.float32).reshape(-1, 4), frame.scan())


def test_every_message_of_a_frame_has_the_stamp_of_the_drive_in_the_header_and_in_the_bag(
        kitti, drive):
    found = decoded(kitti)
    for topic, frame_id in ((IMAGE, 'camera_color_left'), (INFO, 'camera_color_left'),
                            (CLOUD, 'velo_link')):
        stamps = [(m.header.stamp.sec * SECOND + m.header.stamp.nanosec, recorded_at)
                  for recorded_at, m in found[topic]]
        assert stamps == [(frame.stamp, frame.stamp) for frame in drive]
        assert {m.header.frame_id for _, m in found[topic]} == {frame_id}


def test_tf_static_takes_the_scan_to_where_the_drive_s_calibration_takes_it(kitti, drive):
    (_, message), = decoded(kitti)['/tf_static']
    transform, = message.transforms
    assert (transform.header.frame_id, transform.child_frame_id) == (
        'velo_link', 'camera_color_left')
    q, t = transform.transform.rotation, transform.transform.translation
    # Hamilton's product with a unit quaternion, written out: v + 2 w (q x v) + 2 q x (q x v).
    scan = drive[0].scan()[:, :3].astype(np.float64) - (t.x, t.y, t.z)
    inverse = np.array([-q.x, -q.y, -q.z])
    turned = np.cross(inverse, scan)
    seen = scan + 2 * q.w * turned + 2 * np.cross(inverse, turned)
    matrix = drive.velo_to_cam
    np.testing.assert_allclose(
        seen, drive[0].scan()[:, :3] @ matrix[:3, :3].T + matrix[:3, 3], atol=1e-4)
    with Bag(kitti) as bag:
        assert [name for name, topic in bag.topics.items() if topic.latched] == ['/tf_static']


@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, 0.8)])
@pytest.mark.parametrize('angle', [0.0, 0.5, 3.0, np.pi])
def test_a_quaternion_turns_as_its_matrix_does(axis, angle):
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    expected = np.array([*(np.sin(angle / 2) * np.array(axis)), np.cos(angle / 2)])
    got = np.array(quaternion(rotation))
    assert min(abs(got - expected).max(), abs(got + expected).max()) < 1e-9


def without_comments(definition: str) -> list[list[str]]:
    """Return the words of each line that declares something."""
    return [words for line in definition.splitlines() if (words := line.split('#')[0].split())]


@pytest.mark.parametrize('name', ['Image', 'CameraInfo', 'PointCloud2'])
def test_definitions_and_hashes_in_the_bag_are_those_of_the_installed_ros(kitti, name):
    type = f'sensor_msgs/msg/{name}'
    installed = next(file for parent in pathlib.Path(sensor_msgs.__file__).parents
                     if (file := parent / 'share' / type).with_suffix('.msg').exists())
    with (kitti / 'kitti.mcap').open('rb') as file:
        summary = make_reader(file).get_summary()
    schema = next(s for s in summary.schemas.values() if s.name == type)
    assert schema.encoding == 'ros2msg'
    own = schema.data.decode().split('=' * 80)[0]
    fields = [words for words in without_comments(installed.with_suffix('.msg').read_text())
              if '=' not in words]
    # A header may be written without its package.
    assert [[w.split('/')[-1] for w in words] for words in without_comments(own)
            if '=' not in words] == [[w.split('/')[-1] for w in words] for words in fields]
    metadata = yaml.safe_load((kitti / 'metadata.yaml').read_text())
    topics = metadata['rosbag2_bagfile_information']['topics_with_message_count']
    written = next(t['topic_metadata'] for t in topics if t['topic_metadata']['type'] == type)
    if not installed.with_suffix('.json').exists():
        pytest.skip('this ROS has no hashes: they came with Iron')
    hashes = json.loads(installed.with_suffix('.json').read_text())['type_hashes']
    real = next(h['hash_string'] for h in hashes if h['type_name'] == type)
    assert written['type_description_hash'] == real


def test_metadata_is_what_rosbag2_from_humble_on_reads(tmp_path):
    with Recorder(tmp_path / 'bag') as bag:
        bag.write('/latched', STRING, 3 * SECOND, TEXTS[0], latched=True)
        bag.write('/text', STRING, 5 * SECOND, TEXTS[1])
        bag.write('/text', STRING, 8 * SECOND, TEXTS[2])
    about = yaml.safe_load((tmp_path / 'bag/metadata.yaml').read_text())[
        'rosbag2_bagfile_information']
    # From version 9 on the profiles are no string any more, which Humble cannot read.
    assert (about['version'], about['storage_identifier']) == (8, 'mcap')
    assert about['relative_file_paths'] == ['bag.mcap'] == [f['path'] for f in about['files']]
    assert about['starting_time']['nanoseconds_since_epoch'] == 3 * SECOND
    assert about['duration']['nanoseconds'] == 5 * SECOND
    assert about['message_count'] == 3
    durability = {}
    for entry in about['topics_with_message_count']:
        topic = entry['topic_metadata']
        profile, = yaml.safe_load(topic['offered_qos_profiles'])
        assert (topic['type'], topic['serialization_format']) == (STRING, 'cdr')
        assert profile['reliability'] == 1  # RMW_QOS_POLICY_RELIABILITY_RELIABLE
        durability[topic['name'], entry['message_count']] = profile['durability']
    # RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL, _VOLATILE
    assert durability == {('/latched', 1): 1, ('/text', 2): 2}


def test_another_library_reads_the_folder(tmp_path):
    path = recorded(tmp_path / 'bag')
    with AnyReader([path]) as reader:
        assert [bytes(data) for _, _, data in reader.messages()] == TEXTS


def test_a_picture_without_a_scan_stays_without(drive, tmp_path):
    copy = tmp_path / '2011_09_26' / drive.folder.name
    shutil.copytree(drive.folder.parent, copy.parent)
    for scan in sorted((copy / 'velodyne_points/data').glob('*.bin'))[3:7]:
        scan.unlink()
    from_kitti(copy, tmp_path / 'bag')
    with Bag(tmp_path / 'bag') as bag:
        assert (bag.topics[IMAGE].count, bag.topics[CLOUD].count) == (16, 12)


PICTURES = [(i * 100_000_000, np.full((24, 32, 3), i, np.uint8)) for i in range(5)]
CAMERA = pinhole_calibration(PinholeCamera(32, 24, 30.0, 30.0, 15.5, 11.5))


def test_a_film_becomes_images_and_infos_that_share_stamp_and_frame(tmp_path):
    from_video(iter(PICTURES), CAMERA, tmp_path / 'bag', '/front/image_raw', 'front', start=SECOND)
    found = decoded(tmp_path / 'bag')
    assert found.keys() == {'/front/image_raw', '/front/camera_info'}
    for (stamp, picture), (at, image), (_, camera) in zip(
            PICTURES, found['/front/image_raw'], found['/front/camera_info']):
        for message in (image, camera):
            written = message.header.stamp
            assert written.sec * SECOND + written.nanosec == SECOND + stamp == at
            assert message.header.frame_id == 'front'
        assert bytes(image.data) == picture.tobytes()
        assert tuple(camera.p) == CAMERA.p


# -- all or nothing --


def test_a_bag_is_never_written_over(tmp_path):
    recorded(tmp_path / 'bag')
    with pytest.raises(DriveError) as error:
        recorded(tmp_path / 'bag', TEXTS[:1])
    assert f'{tmp_path / "bag"} exists already' in sentence(error)
    assert contents(tmp_path / 'bag') == TEXTS


@pytest.mark.parametrize('at_once', [True, False], ids=['exchanged', 'moved aside'])
def test_what_may_be_replaced_goes_when_the_new_one_is_whole(tmp_path, monkeypatch, at_once):
    if not at_once:  # a file system that cannot exchange two names
        monkeypatch.setattr(ctypes, 'CDLL', lambda *_, **__: object())
    asked = []
    recorded(tmp_path / 'bag')
    with pytest.raises(RuntimeError):
        with Recorder(tmp_path / 'bag', lambda: asked.append(1)) as bag:
            bag.write_message('/a', 1, bag.make('std_msgs/msg/String', data='x'))
            raise RuntimeError
    assert contents(tmp_path / 'bag') == TEXTS
    with Recorder(tmp_path / 'bag', lambda: asked.append(1)) as bag:
        bag.write_message('/a', 1, bag.make('std_msgs/msg/String', data='x'))
        assert contents(tmp_path / 'bag') == TEXTS
    assert len(contents(tmp_path / 'bag')) == 1 and len(asked) == 3, 'before each, and at the end'
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_ctrl_c_leaves_nothing(drive, tmp_path):
    def interrupted(frames):
        yield from frames[:3]
        assert list(tmp_path.iterdir()), 'it is written beside its final place'
        assert not (tmp_path / 'new/bag').exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r'not finished: the \d+ messages .* removed'):
        from_kitti(drive.folder, tmp_path / 'new' / 'bag', progress=interrupted)
    assert list(tmp_path.iterdir()) == []


def test_the_beginning_of_a_killed_process_goes_and_that_of_a_running_one_stays(tmp_path):
    begun = [subprocess.Popen(
        [sys.executable, '-c', 'import sys, time\n'
         'from depth_estimation_ros.drives.bag_writing import Recorder\n'
         'with Recorder(sys.argv[1]) as bag:\n'
         '    bag.write_message("/a", 1, bag.make("std_msgs/msg/String", data="x"))\n'
         '    print(flush=True)\n'
         '    time.sleep(60)', tmp_path / name], stdout=subprocess.PIPE)
        for name in ('dead', 'alive')]
    try:
        for process in begun:
            process.stdout.readline()
        begun[0].kill()
        begun[0].wait()
        (tmp_path / '.mine').mkdir()
        (tmp_path / '.mine/depth_estimation.lock').write_text('')
        (tmp_path / '.mine/photo.jpg').write_text('')
        assert len(list(tmp_path.glob('.dead.*'))) == 1
        with Recorder(tmp_path / 'bag') as bag:
            bag.write_message('/a', 1, bag.make('std_msgs/msg/String', data='x'))
        left = sorted(path.name.split('.')[1] for path in tmp_path.glob('.*'))
        assert left == ['alive', 'mine'] and (tmp_path / '.mine/photo.jpg').exists()
    finally:
        for process in begun:
            process.kill()


@pytest.mark.parametrize('frames, words', [
    ([], 'no message'),
    ([(0, np.zeros((24, 64, 3), np.uint8))], '64x24 but the calibration is for 32x24')])
def test_a_film_that_is_no_good_leaves_one_sentence_and_no_bag(tmp_path, frames, words):
    with pytest.raises(DriveError) as error:
        from_video(frames, CAMERA, tmp_path / 'bag')
    assert words in sentence(error) and str(tmp_path / 'bag') in sentence(error)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of one megabyte, or skip."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    if os.geteuid() or subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', str(disk)],
            capture_output=True).returncode:
        pytest.skip('a small file system cannot be mounted here')
    yield disk
    subprocess.run(['umount', str(disk)], check=True)


@pytest.mark.parametrize('messages', [3, 30])  # the disk is full at the end, or on the way
def test_a_full_disk_leaves_one_sentence_and_no_bag(small_disk, messages):
    with pytest.raises(DriveError) as error:
        recorded(small_disk / 'bag', [text(i, 400_000) for i in range(messages)])
    assert 'bag cannot be written, no space left on device' in sentence(error)
    assert list(small_disk.iterdir()) == []


def test_a_type_without_a_known_definition_is_named(tmp_path):
    with pytest.raises(DriveError) as error:
        with Recorder(tmp_path / 'bag') as bag:
            bag.write('/thing', 'made_up_msgs/msg/Thing', 1, b'\0\1\0\0')
    assert '/thing' in sentence(error) and 'made_up_msgs/msg/Thing' in sentence(error)
    assert list(tmp_path.iterdir()) == []


# -- reading --


def test_reading_a_part_by_topic_and_time(tmp_path):
    with Recorder(tmp_path / 'bag') as bag:
        for i in range(10):
            bag.write('/even' if i % 2 == 0 else '/odd', STRING, (i + 1) * SECOND, TEXTS[i])
    with Bag(tmp_path / 'bag') as bag:
        assert (bag.start, bag.end) == (SECOND, 10 * SECOND)
        messages = list(bag.read(['/odd'], start=4.0))
        assert [m.stamp for m in messages] == [6 * SECOND, 8 * SECOND, 10 * SECOND]
        assert {(m.topic, m.type) for m in messages} == {('/odd', STRING)}
        assert bag.decode(messages[0]).data == '5'.zfill(300)
        with pytest.raises(DriveError) as error:
            list(bag.read(['/od']))
        assert 'no topic /od: did you mean /odd? it has /even /odd' in sentence(error)


def test_info_lists_what_is_in_the_bag(tmp_path):
    with Recorder(tmp_path / 'bag') as bag:
        bag.write('/tf_static', STRING, 1_316_995_200 * SECOND, TEXTS[0], latched=True)
        for i in range(11):
            bag.write('/text', STRING, 1_316_995_200 * SECOND + i * SECOND // 5, TEXTS[i])
    lines = info(tmp_path / 'bag').splitlines()
    assert lines[0].startswith(
        f'{tmp_path / "bag"}: 12 messages, 2.00 s from 2011-09-26 00:00:00 UTC, ')
    assert lines[1].split() == ['/text', STRING, '11', '5.00', 'Hz']
    assert lines[2].split() == ['/tf_static', STRING, '1,', 'latched']
    assert len(lines) == 3


@pytest.mark.parametrize('compression', list(CompressionType))
def test_mcap_chunks_are_read_however_they_are_compressed(tmp_path, compression):
    path = mcap_file(tmp_path / 'a.mcap', compression=compression, chunk_size=2000)
    with Bag(path) as bag:
        assert [m.data for m in bag.read()] == TEXTS
        assert bag.cut is None


@pytest.mark.parametrize('compression', [
    None, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_sqlite3_is_read_however_it_is_compressed(tmp_path, compression):
    path = sqlite_bag(tmp_path / 'bag', compression=compression)
    with Bag(path) as bag:
        assert [m.data for m in bag.read()] == TEXTS
        assert bag.cut is None


def test_an_mcap_file_without_chunks_and_out_of_order_is_read_as_it_lies(tmp_path):
    order = [0, 2, 1, *range(3, 40)]
    path = mcap_file(tmp_path / 'a.mcap', order=order, use_chunking=False)
    with Bag(path) as bag:
        assert [m.data for m in bag.read()] == [TEXTS[i] for i in order]
        assert (bag.cut, bag.start, bag.end) == (None, SECOND, 40 * SECOND)


def test_a_folder_with_such_a_file_is_read_too(tmp_path):
    path = recorded(tmp_path / 'bag')
    order = [0, 2, 1, *range(3, 40)]
    mcap_file(path / 'bag.mcap', order=order, use_chunking=False)
    assert contents(path) == [TEXTS[i] for i in order]


def test_messages_compressed_one_by_one_are_read_without_metadata_too(tmp_path):
    path = sqlite_bag(tmp_path / 'bag', compression=CompressionMode.MESSAGE)
    assert contents(path / 'bag.db3') == TEXTS


def test_qos_that_nobody_understands_costs_no_message(tmp_path):
    path = mcap_file(tmp_path / 'a.mcap', qos='[{history: 1}]')
    with Bag(path) as bag:
        assert [m.data for m in bag.read()] == TEXTS
        assert bag.cut is None and not bag.topics['/text'].latched


def test_files_of_a_split_bag_are_read_in_the_order_of_their_numbers(tmp_path):
    for i in range(11):
        mcap_file(tmp_path / f'bag_{i}.mcap', TEXTS, order=[i])
    assert contents(tmp_path) == TEXTS[:11]


def test_definitions_that_the_bag_brings_decode_types_of_no_distribution(tmp_path):
    path = tmp_path / 'a.mcap'
    with path.open('wb') as file:
        writer = mcap.writer.Writer(file)
        writer.start(profile='ros2')
        for topic, definition in (('/known', b'std_msgs/String name\nint32 number\n' + b'=' * 80
                                   + b'\nMSG: std_msgs/String\nstring data\n'), ('/unknown', b'')):
            schema = writer.register_schema(f'my_msgs/msg/{topic[1:].title()}',
                                            'ros2msg' if definition else '', definition)
            writer.add_message(writer.register_channel(topic, 'cdr', schema), 1,
                               b'\0\1\0\0\3\0\0\0hi\0\0\7\0\0\0', 1)
        writer.finish()
    with Bag(path) as bag:
        known, unknown = sorted(bag.read())
        assert (bag.decode(known).name.data, bag.decode(known).number) == ('hi', 7)
        with pytest.raises(DriveError) as error:
            bag.decode(unknown)
        assert 'no definition of my_msgs/msg/Unknown (/unknown)' in sentence(error)
        with pytest.raises(DriveError) as error:
            bag.decode(known._replace(data=b'\0\1\0\0\xff\0\0\0'))
        assert '/known' in sentence(error) and 'my_msgs/msg/Known' in sentence(error)


def test_a_flipped_bit_is_found_by_the_official_reader_and_by_ours(tmp_path):
    path = recorded(tmp_path / 'bag')
    file = path / 'bag.mcap'
    data = bytearray(file.read_bytes())
    data[data.index(TEXTS[20]) + 100] ^= 1
    file.write_bytes(data)
    with pytest.raises(CRCValidationError), file.open('rb') as stream:
        list(make_reader(stream, validate_crcs=True).iter_messages())
    with pytest.raises(DriveError) as error:
        contents(path)
    assert f'{path} is damaged after 0 messages' in sentence(error)


# -- cut short --


def ends(data: bytes) -> list[int]:
    """Return where each of TEXTS ends in a file."""
    return [data.index(message) + len(message) for message in TEXTS]


@pytest.mark.parametrize('options', [
    {'compression': CompressionType.NONE, 'chunk_size': 4000},
    {'compression': CompressionType.NONE, 'chunk_size': 10**6},
    {'use_chunking': False}], ids=['chunks', 'one chunk', 'no chunks'])
def test_a_cut_mcap_file_is_read_to_its_last_whole_message_wherever_it_was_cut(tmp_path, options):
    whole = mcap_file(tmp_path / 'whole.mcap', **options).read_bytes()
    end = ends(whole)
    cut = tmp_path / 'cut.mcap'
    for size in [*range(end[0], end[-1] + 40, 131),
                 *(e + d for e in end[7::7] for d in (-1, 0, 1))]:
        cut.write_bytes(whole[:size])
        with Bag(cut) as bag:
            kept = [m.data for m in bag.read()]
            assert kept == TEXTS[:sum(e <= size for e in end)], size
            assert bag.topics['/text'].count == len(kept)
            assert f'{cut} was cut short (cut.mcap ends in the middle)' in bag.cut
    assert info(cut).splitlines()[-1].endswith('read to its last whole message')


@pytest.mark.parametrize('compression', [CompressionType.LZ4, CompressionType.ZSTD])
def test_of_a_compressed_chunk_that_was_cut_the_beginning_is_read(tmp_path, compression):
    noise = np.random.default_rng(0).integers(0, 256, 2_000_000, np.uint8).tobytes()
    texts = [noise[i:i + 50_000] for i in range(0, 2_000_000, 50_000)]
    whole = mcap_file(tmp_path / 'whole.mcap', texts, compression=compression,
                      chunk_size=10**7).read_bytes()
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole[:1_500_000])
    kept = contents(cut)
    # Both compress in blocks: what is in the last one, up to 4 MB in LZ4's largest, is lost.
    assert 20 <= len(kept) <= 30 and kept == texts[:len(kept)]


def test_zeros_that_a_power_loss_left_at_the_end_are_no_messages(tmp_path):
    whole = mcap_file(tmp_path / 'whole.mcap', chunk_size=4000,
                      compression=CompressionType.NONE).read_bytes()
    cut = tmp_path / 'cut.mcap'
    end = ends(whole)[24]
    cut.write_bytes(whole[:end] + bytes(5000))
    kept = contents(cut)
    assert 12 <= len(kept) <= 25 and kept == TEXTS[:len(kept)]


def test_of_a_cut_file_nothing_is_read_that_does_not_fit_its_checksum(tmp_path):
    whole = bytearray(mcap_file(tmp_path / 'whole.mcap', chunk_size=4000,
                                compression=CompressionType.NONE).read_bytes())
    whole[whole.index(TEXTS[20]) + 100] ^= 1
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole[:-500])
    kept = contents(cut)
    assert 0 < len(kept) <= 20 and kept == TEXTS[:len(kept)]


def test_a_folder_whose_recording_never_ended_is_read_without_metadata(tmp_path):
    path = recorded(tmp_path / 'bag')
    file = path / 'bag.mcap'
    data = file.read_bytes()
    file.write_bytes(data[:ends(data)[9] + 5])
    for _ in range(2):  # with the metadata of the whole bag, and without
        with Bag(path) as bag:
            assert [m.data for m in bag.read()] == TEXTS[:10] and bag.cut
            assert bag.decode(next(bag.read())).data == '0'.zfill(300)
        (path / 'metadata.yaml').unlink(missing_ok=True)


@pytest.mark.parametrize('mode', ['WAL', 'DELETE'])
def test_a_database_with_a_journal_is_read_to_its_last_commit_and_left_alone(tmp_path, mode):
    path = sqlite_bag(tmp_path / 'bag', TEXTS[:20])  # its metadata.yaml knows of these only
    database = sqlite3.connect(path / 'bag.db3', isolation_level=None)
    database.execute(f'PRAGMA journal_mode={mode}')
    database.execute('PRAGMA cache_size=1')  # so that what is not committed reaches the file
    insert = 'INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)'
    if mode == 'WAL':
        database.executemany(insert, [((i + 1) * SECOND, TEXTS[i]) for i in range(20, 30)])
    database.execute('BEGIN')
    database.executemany(insert, [((i + 1) * SECOND, TEXTS[i]) for i in range(30, 40)])
    lost = shutil.copytree(path, tmp_path / 'lost')  # what a power loss leaves
    database.close()
    before = {file.name: file.read_bytes() for file in lost.iterdir()}
    assert len(before) > 1, 'there is a journal'
    with Bag(lost) as bag:
        assert [m.data for m in bag.read()] == TEXTS[:30 if mode == 'WAL' else 20]
        assert 'bag.db3 was still being written' in bag.cut
    assert {file.name: file.read_bytes() for file in lost.iterdir()} == before


def test_a_database_that_ends_in_the_middle_is_read_to_its_last_whole_message(tmp_path):
    path = sqlite_bag(tmp_path / 'bag', [text(i, 9000) for i in range(40)]) / 'bag.db3'
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    with Bag(path) as bag:
        kept = [m.data for m in bag.read()]
        assert 10 < len(kept) < 30 and kept == [text(i, 9000) for i in range(len(kept))]
        assert bag.topics['/text'].count == len(kept)
        assert bag.decode(next(bag.read())).data == '0'.zfill(9000)
        assert 'was cut short' in bag.cut


# -- what is no bag --


def nothing(folder):
    return folder / 'not_there'


def empty_folder(folder):
    return folder


def foreign(folder):
    (folder / 'notes.txt').write_text('hello')
    return folder / 'notes.txt'


def empty_file(folder):
    (folder / 'a.mcap').touch()
    return folder / 'a.mcap'


def no_mcap(folder):
    (folder / 'a.mcap').write_text('hello, this is not what you think')
    return folder / 'a.mcap'


def no_database(folder):
    (folder / 'a.db3').write_text('hello, this is not what you think')
    return folder / 'a.db3'


def other_database(folder):
    sqlite3.connect(folder / 'a.db3').execute('CREATE TABLE t (i)').connection.close()
    return folder / 'a.db3'


def no_messages(folder):
    return mcap_file(folder / 'a.mcap', [])


def ros1(folder):
    return mcap_file(folder / 'a.mcap', profile='ros1')


def garbage(folder):
    (folder / 'a.mcap').write_bytes(
        b'\x89MCAP0\r\n' + np.random.default_rng(1).integers(0, 256, 5000, np.uint8).tobytes())
    return folder / 'a.mcap'


def metadata_alone(folder):
    recorded(folder / 'bag')
    (folder / 'bag/bag.mcap').unlink()
    return folder / 'bag'


@pytest.mark.parametrize('make, words', [
    (nothing, 'is not there'), (empty_folder, 'is no bag'), (foreign, 'is no bag'),
    (empty_file, 'it is empty'), (no_mcap, 'is no MCAP file'), (no_database, 'is no bag'),
    (other_database, 'is no bag'), (no_messages, 'holds no messages'), (ros1, "'ros1' messages"),
    (garbage, 'holds no messages'), (metadata_alone, 'is no bag')])
def test_what_is_no_bag_is_refused_in_one_sentence_that_names_it(tmp_path, make, words):
    path = make(tmp_path)
    with pytest.raises(DriveError) as error:
        info(path)
    assert words in sentence(error) and sentence(error).startswith(str(path))


def test_bags_need_no_ros():
    check = ('import sys; import depth_estimation_ros.drives.bag_writing, '
             'depth_estimation_ros.drives.bag; print([m for m in sys.modules if "rclpy" in m])')
    assert subprocess.run([sys.executable, '-c', check], capture_output=True, text=True,
                          check=True, cwd=pathlib.Path(__file__).parents[2]).stdout == '[]\n'
