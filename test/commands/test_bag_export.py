# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs of pictures and depth for training, read back by readers that are not ours."""
import io
import json
import tarfile

import cv2
from depth_estimation_ros.commands.annotate import run as annotate
from depth_estimation_ros.commands.bag_export import run
from depth_estimation_ros.drives import bag_messages, DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.bag_writing import Recorder, write_picture
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.drives.kitti import depth_benchmark
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from harness import command
from key_init import synth
import numpy as np
import pytest

CAMERA = PinholeCamera(160, 96, 120.0, 120.0, 80.0, 44.0)
BEGAN, STEP = 1_700_000_000 * 10**9, 10**8


@pytest.fixture(scope='module')
def drive(tmp_path_factory):
    """Return a recording whose camera moves 1 m a picture, and the folder of its depth."""
    place = tmp_path_factory.mktemp('drive')
    with Recorder(place / 'drive') as bag:
        for number in range(5):
            stamp, moved = BEGAN + number * STEP, np.eye(4)
            moved[0, 3] = number
            bag.write_message('/tf', stamp, bag_messages.transforms(
                bag.make, stamp, ('odom', 'camera', moved)))
            write_picture(bag, '/camera/image_raw', 'camera', stamp,
                          np.roll(synth(96, 160), 3 * number, 1), pinhole_calibration(CAMERA))
    for kind in ('32FC1', 'png', 'rvl'):
        annotate([str(place / 'drive')], place / kind, depth_format=kind,
                 parameters=['input_size:=64x64', 'precision:=fp32'])
    return place


def truth(drive) -> dict[int, np.ndarray]:
    """Return the depth that was annotated, by stamp, 0 where there is none."""
    found = {}
    with Bag(drive / '32FC1/drive') as bag:
        for m in map(bag.decode, bag.read(['/camera/depth/image_rect'])):
            depth = m.data.view('<f4').reshape(m.height, m.width)
            found[m.header.stamp.sec * 10**9 + m.header.stamp.nanosec] = np.where(
                np.isfinite(depth), depth, 0)
    return found


@pytest.mark.parametrize('kind', ['32FC1', 'png', 'rvl'])
def test_kittis_layout_is_what_its_readers_take(drive, tmp_path, kind):
    said = run(drive / 'drive', drive / kind / 'drive', tmp_path / 'out', frame='odom')
    assert '5 pictures' in said
    frames = list(depth_benchmark(tmp_path / 'out'))  # our reader of KITTI's own files
    expected = truth(drive)
    assert [int(name) for name, *_ in frames] == sorted(expected)
    for number, (name, picture, camera, depth) in enumerate(frames):
        np.testing.assert_allclose(depth, expected[int(name)], atol=1 / 256 + 1e-3)
        np.testing.assert_array_equal(picture, np.roll(synth(96, 160), 3 * number, 1))
        assert camera == CAMERA
        # As KITTI's development kit says to read them.
        raw = cv2.imread(str(tmp_path / f'out/groundtruth_depth/{name}.png'), -1)
        np.testing.assert_allclose(raw / 256.0, depth)
        pose = np.loadtxt(tmp_path / f'out/poses/{name}.txt').reshape(3, 4)
        np.testing.assert_allclose(pose[:, 3], [number, 0, 0])


def test_a_webdataset_is_read_by_webdataset(drive, tmp_path):
    webdataset = pytest.importorskip('webdataset', reason='webdataset is not installed')
    said = run(drive / 'drive', drive / '32FC1/drive', tmp_path / 'out', 'webdataset',
               per_shard=2, frame='odom')
    assert '5 pairs in 3 tar files' in said
    shards = sorted(map(str, (tmp_path / 'out').glob('*.tar')))
    expected, count = truth(drive), 0
    for sample in webdataset.WebDataset(shards, shardshuffle=False):
        told = json.loads(sample['json'])
        depth = cv2.imdecode(np.frombuffer(sample['depth.png'], np.uint8), -1)
        np.testing.assert_allclose(depth / told['depth_steps_a_metre'],
                                   expected[int(sample['__key__'])], atol=1 / 512 + 1e-6)
        assert told['K'] == [120.0, 0, 80.0, 0, 120.0, 44.0, 0, 0, 1]
        assert told['pose']['translation'] == [count, 0, 0]
        assert cv2.imdecode(np.frombuffer(sample['png'], np.uint8), 1).shape == (96, 160, 3)
        count += 1
    assert count == 5


def test_equal_recordings_are_equal_tar_files(drive, tmp_path):
    for folder in ('one', 'two'):
        run(drive / 'drive', drive / '32FC1/drive', tmp_path / folder, 'webdataset')
    one, two = ((tmp_path / folder / '000000.tar').read_bytes() for folder in ('one', 'two'))
    assert one == two
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        assert len(tar.getnames()) == 15


def test_what_does_not_belong_together_is_one_sentence(drive, tmp_path):
    with Recorder(tmp_path / 'other') as bag:
        write_picture(bag, '/camera/image_raw', 'camera', BEGAN + 7 * 10**12, synth(96, 160),
                      pinhole_calibration(CAMERA))
    done = command('bag', 'export', tmp_path / 'other', drive / '32FC1/drive', '--output',
                   tmp_path / 'out')
    assert done.returncode == 1 and 'not of one recording' in done.stderr
    assert not (tmp_path / 'out').exists()
    with pytest.raises(DriveError, match='say which by --image'):
        run(drive / 'drive', drive / 'drive', tmp_path / 'out')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/000000.tar').write_bytes(b'mine')
    done = command('bag', 'export', drive / 'drive', drive / '32FC1/drive', '--output',
                   tmp_path / 'out', '--layout', 'webdataset')
    assert done.returncode == 1 and 'is there already' in done.stderr
    assert (tmp_path / 'out/000000.tar').read_bytes() == b'mine'
