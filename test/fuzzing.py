# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Bytes and numbers of any origin, thrown at everything that reads such: `make fuzz`.

    python test/fuzzing.py [--seconds 600] [--only bag] [--case 1234]

Each case is made of its target's name and its number, and is the same on every run. Only the
project's own exceptions may come out, within SECONDS, in a process whose memory is limited.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
import io
import itertools
import json
import math
import multiprocessing
import os
from pathlib import Path
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from types import SimpleNamespace
from typing import NamedTuple
import warnings

import cv2
from depth_estimation_ros.commands.outputs import MANIFEST, OutputError, Outputs
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.bag import Bag
from depth_estimation_ros.drives.folder import read_camera_yaml
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions, OUTPUTS, Request
from depth_estimation_ros.imaging.encodings import EncodingError, ENCODINGS, Levels, PLANES
from depth_estimation_ros.imaging.intrinsics import CameraError, PinholeCamera
from depth_estimation_ros.models import networks, onnx
from depth_estimation_ros.models.contract import ModelError
from depth_estimation_ros.models.weights import load_checkpoint, WeightsError
from depth_estimation_ros.node import messages
from depth_estimation_ros.scale import ranging
import numpy as np
import torch

SECONDS = 10  # of one case
MEMORY = 1 << 30  # bytes beyond what the process has when it begins
WHOLE = (0, 1, 2, 3, 4, 7, 8, 12, 255, 256, 4095, 40_000_000, 65535, 65536, 2**31 - 1, 2**31,
         2**32 - 2, 2**32 - 1)
REAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-310, 5e-324, 1e-9, 320.0, 721.5, 1e9, 1e38, 1e300, 1.7e308,
        -1e308, math.nan, math.inf, -math.inf, math.pi)
TEXTS = ('', 'bgr8', 'a\nb', 'x' * 5000, '\ud800'.encode('utf-8', 'replace').decode(), '%s{}',
         '../../etc', 'jpeg', 'png', '16UC1; compressedDepth', 'bayer_rggb8; png compressed ',
         'plumb_bob', 'equidistant', 'rational_polynomial', 'fisheye', 'camera', '/', '🤖')
WORDS = ('.inf', '-.inf', '.nan', '1e400', '9' * 400, '0x10', 'null', 'true', '~', '[]', '{}',
         '[' * 3000, '{a: ' * 2000, '&a [*a]', '!!python/object:os.system [x]', '- ' * 500,
         '"', "'", '\0', '\t', '|', '2001-01-01', '1_000', '640x192', '-1', '0', '1e-320')


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with a few changes, such as broken disks, networks and attackers make."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(8)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        elif kind == 2:
            del data[at:at + rng.choice((1, 2, 4, 8, 100, len(data)))]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 8, 100)))
        elif kind == 4:
            size = rng.choice((1, 4, 8, 50))
            other = rng.randrange(len(data) + 1)
            data[at:at + size] = data[other:other + size]
        elif kind == 5:
            form = rng.choice('<>') + rng.choice('HIQ')
            number = rng.choice((*WHOLE, 2**63, 2**64 - 1)) % (1 << 8 * struct.calcsize(form))
            data[at:at + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == 6:
            data[at:at] = data[at:at + rng.choice((4, 30, 1000))] * rng.choice((1, 2, 20))
        else:
            data[at:at + rng.choice((1, 16, 200))] = bytes(rng.choice((1, 16, 200)))
    return bytes(data)


def reword(text: str, rng: random.Random) -> bytes:
    """Return a text file with a few changes, most of which leave it one."""
    lines = text.split('\n')
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(lines))
        words = lines[at].split(' ')
        kind, word = rng.randrange(6), rng.randrange(len(words))
        if kind < 3:
            words[word] = rng.choice((*WORDS, repr(rng.choice(REAL)), str(rng.choice(WHOLE))))
            lines[at] = ' '.join(words)
        elif kind == 3:
            del lines[at]
            lines = lines or ['']
        elif kind == 4:
            lines.insert(at, rng.choice(lines))
        else:
            lines[at] = ' ' * rng.randrange(4) + lines[at] + rng.choice((':', ',', ']', '#', ''))
    data = '\n'.join(lines).encode()
    return mutate(data, rng) if rng.random() < 0.2 else data


def whole(rng: random.Random, usual: int) -> int:
    """Return a number that a message may state."""
    return usual if rng.random() < 0.6 else rng.choice(
        (rng.choice(WHOLE), max(usual + rng.randrange(-3, 4), 0), rng.randrange(64)))


def real(rng: random.Random, usual: float) -> float:
    """Return a number that a message may hold."""
    return usual if rng.random() < 0.7 else rng.choice((
        rng.choice(REAL), usual * rng.uniform(-2, 2), rng.gauss(0, 10.0 ** rng.randrange(-5, 8))))


def single(value: float) -> float:
    """Return a number as a float32 field holds it."""
    with np.errstate(over='ignore'):
        return float(np.float32(value))


class Target(NamedTuple):
    """
    A parser: `prepare` gives what all cases share, `run` does one; `errors` may come out of it.

    share: of all cases.
    """

    prepare: Callable[[Path], object]
    run: Callable[[object, random.Random, Path], None]
    errors: tuple[type[Exception], ...]
    share: int


def nothing(_: Path) -> None:
    """Prepare nothing."""


# -- messages --

def image(_, rng: random.Random, folder: Path) -> None:
    """Read an Image."""
    from sensor_msgs.msg import Image
    encoding = rng.choice((*ENCODINGS, *PLANES, *ENCODINGS, *PLANES, '8UC1', '8UC3', *TEXTS))
    width, height = whole(rng, rng.randrange(1, 40)), whole(rng, rng.randrange(1, 30))
    size = rng.choice((1, 2, 3, 4, 6, 8))
    message = Image(encoding=encoding, width=width, height=height,
                    step=whole(rng, width * size % 2**32), is_bigendian=rng.randrange(2))
    count = rng.choice((width * height * size, width * height * 3 // 2, message.step * height))
    message.data.frombytes(rng.randbytes(whole(rng, count) % 20_000))
    picture = messages.read_image(message, rng.choice((25_000_000, 100)), rng.choice(
        (Levels(), Levels(16))))
    assert (picture.height, picture.width) == (height, width)
    assert picture.bgr().shape == (height, width, 3)


def some_files(_: Path) -> list[bytes]:
    """Return pictures as cameras compress them."""
    rng, made = np.random.default_rng(0), []
    for shape in ((24, 32, 3), (24, 32), (8, 8, 4), (1, 1, 3)):
        for depth in (np.uint8, np.uint16):
            pixels = rng.integers(0, np.iinfo(depth).max, shape, depth)
            made += [cv2.imencode('.png', pixels)[1].tobytes()]
        made += [cv2.imencode('.jpg', pixels.astype(np.uint8)[..., :3])[1].tobytes()]
    made += [cv2.imencode('.jpg', np.zeros((64, 64, 3), np.uint8),
                          [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1]
             .tobytes()]
    return made


def compressed(made, rng: random.Random, folder: Path) -> None:
    """Read a CompressedImage."""
    from sensor_msgs.msg import CompressedImage
    message = CompressedImage(format=rng.choice(TEXTS))
    message.data.frombytes(mutate(rng.choice(made), rng))
    picture = messages.read_compressed_image(message, rng.choice((25_000_000, 500)), Levels())
    assert picture.bgr().size == 3 * picture.width * picture.height <= 75_000_000


def some_network(_: Path) -> DepthEstimator:
    """Return the package's own network."""
    torch.set_num_threads(1)
    return DepthEstimator(networks.open_network('compact').network, 'cpu', 'fp32', compiled=False)


def camera_info(estimator, rng: random.Random, folder: Path) -> None:
    """Read a CameraInfo, and make depth with some of those that are taken."""
    from sensor_msgs.msg import CameraInfo
    width, height = rng.choice(((32, 24), (2, 2), (64, 8), (1, 1), (97, 31)))
    k = [30.0, 0.0, width / 2, 0.0, 30.0, height / 2, 0.0, 0.0, 1.0]
    p = [*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0]
    model = rng.choice(('plumb_bob', 'rational_polynomial', 'equidistant', 'fisheye', *TEXTS))
    message = CameraInfo(
        width=whole(rng, width), height=whole(rng, height), distortion_model=model,
        d=[real(rng, rng.choice((0.0, -0.1))) for _ in range(rng.choice((0, 1, 4, 5, 8, 12, 14,
                                                                         300)))],
        k=[real(rng, x) for x in k] if rng.random() < 0.7 else [0.0] * 9,
        r=[real(rng, x) for x in np.eye(3).ravel()] if rng.random() < 0.7 else [0.0] * 9,
        p=[real(rng, x) for x in p] if rng.random() < 0.7 else [0.0] * 12,
        binning_x=whole(rng, rng.choice((0, 1))), binning_y=whole(rng, rng.choice((0, 1))))
    for name in ('x_offset', 'y_offset', 'width', 'height'):
        setattr(message.roi, name, whole(rng, 0))
    calibration = messages.read_camera_info(message)
    rectified = calibration.is_rectified(rng.choice(('/camera/image_raw', '/image_rect')))
    calibration.remark()
    camera = calibration.camera(width, height, rectified)
    camera.lost()
    rotation = rng.choice((0, 0, 90, 180, 270))
    options = DepthOptions(rotation=rotation, publish_size=rng.choice(('full', 'network')))
    estimator.mismatch(camera, rotation)
    estimator.check(camera, options)
    if rng.random() < 0.05:
        [estimate] = estimator.estimate_all([Request(
            np.full((height, width, 3), 90, np.uint8), camera, options, OUTPUTS - {'scan'})])
        assert not estimate.depth.size or estimate.depth.dtype == np.float32


GRID = PinholeCamera(32, 24, 30.0, 30.0, 16.0, 12.0)
DEPTH = np.full((24, 32), 4.0, np.float32)


def a_cloud(rng: random.Random):
    """Return a PointCloud2 that states this and that."""
    from sensor_msgs.msg import PointCloud2, PointField
    names = ['x', 'y', 'z', *rng.choice(([], ['intensity'], ['rgb', 'ring'], ['x'], ['']))]
    fields = [PointField(name=rng.choice(TEXTS) if rng.random() < 0.05 else name,
                         offset=whole(rng, 4 * i), datatype=whole(rng, 7) % 256,
                         count=whole(rng, 1)) for i, name in enumerate(names)]
    if rng.random() < 0.1:
        rng.shuffle(fields)
    width, height = whole(rng, rng.randrange(50)), whole(rng, rng.choice((1, 1, 4)))
    step = whole(rng, 4 * len(names))
    message = PointCloud2(
        fields=fields, width=width, height=height, point_step=step,
        row_step=whole(rng, width * step % 2**32), is_bigendian=rng.random() < 0.2)
    count = whole(rng, width * height * step) % 20_000
    message.data.frombytes(
        rng.randbytes(count) if rng.random() < 0.5 else
        np.random.default_rng(count).normal(0, 5, count // 4 + 1).astype('<f4').tobytes()[:count])
    return message


def cloud(_, rng: random.Random, folder: Path) -> None:
    """Read a PointCloud2, and hold its points against depth."""
    points = messages.read_points(a_cloud(rng), 1000)
    assert points.shape[1] == 3 and len(points) <= 1000
    ranging.measure(points, DEPTH, GRID, relative=rng.random() < 0.3)


def one_range(_, rng: random.Random, folder: Path) -> None:
    """Read a Range, and hold it against depth."""
    from sensor_msgs.msg import Range
    message = Range(**{name: single(real(rng, usual)) for name, usual in (
        ('field_of_view', 0.2), ('min_range', 0.1), ('max_range', 10.0), ('range', 3.0))})
    points, cone = messages.read_range(message)
    optical = np.roll(points, 1, axis=1)[:, [2, 0, 1]] if rng.random() < 0.5 else points[
        :, [1, 2, 0]]
    ranging.measure(optical, DEPTH, GRID, relative=rng.random() < 0.3, cone=cone)


# -- files --

CALIBRATION = """image_width: 32
image_height: 24
camera_name: front
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [30, 0, 16, 0, 30, 12, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.01, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [30, 0, 16, 0, 0, 30, 12, 0, 0, 0, 1, 0]}
"""


def camera_yaml(_, rng: random.Random, folder: Path) -> None:
    """Read a calibration file."""
    path = folder / 'camera.yaml'
    path.write_bytes(reword(CALIBRATION, rng))
    calibration = read_camera_yaml(path)
    calibration.camera(32, 24, rng.random() < 0.5).lost()


def an_onnx(folder: Path) -> tuple[bytes, list[str]]:
    """Return a network and what may lie beside it."""
    import onnx_files
    network = onnx_files.write(folder, onnx_files.ANY_SIZE).read_bytes()
    return network, [
        'output: depth\nscale: metric\nmetres_per_unit: 1.0\ninput_size: 32x16\nmultiple: 16\n',
        'output: inverse_depth\nscale: up_to_scale\ninput_size: 32x16\nresize: area\n'
        'mean: [0.4, 0.4, 0.4]\nstd: [0.2, 0.2, 0.2]\nchannels: rgb\nvalues: 255\n',
        'output: depth\nscale: metric\nmetres_per_unit: 1.0\ncanonical_focal: 500\n'
        'training_camera: {focal: [0.58, 1.92], name: kitti}\n']


def onnx_file(given, rng: random.Random, folder: Path) -> None:
    """Read an exported network and its words."""
    network, recipes = given
    path, side = folder / 'net.onnx', folder / 'net.yaml'
    broken = rng.random() < 0.3
    path.write_bytes(mutate(network, rng) if broken else network)
    recipe = rng.choice(recipes)
    side.write_bytes(recipe.encode() if broken else reword(recipe, rng))
    onnx.open_file(path)


def some_bags(folder: Path) -> list[tuple[str, dict[str, bytes]]]:
    """Return bags as (what to open, its files), in each form that is read."""
    from mcap.writer import CompressionType, Writer as McapWriter
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    from rosbags.typesys import get_typestore, Stores
    types, kind = get_typestore(Stores.ROS2_JAZZY), 'std_msgs/msg/String'
    texts = [types.serialize_cdr(types.types[kind](data='x' * i), kind) for i in range(12)]
    definition, _ = types.generate_msgdef(kind, ros_version=2)
    bags = []
    for options in ({'compression': CompressionType.ZSTD}, {'compression': CompressionType.LZ4},
                    {'compression': CompressionType.NONE, 'chunk_size': 100},
                    {'use_chunking': False, 'compression': CompressionType.NONE}):
        file = io.BytesIO()
        writer = McapWriter(file, **options)
        writer.start(profile='ros2')
        channel = writer.register_channel('/a', 'cdr', writer.register_schema(
            kind, 'ros2msg', definition.encode()), {'offered_qos_profiles': '- depth: 1\n'})
        for i, data in enumerate(texts):
            writer.add_message(channel, i * 10**9, data, i * 10**9)
        writer.finish()
        bags.append(('a.mcap', {'a.mcap': file.getvalue()}))
    for number, (storage, mode) in enumerate(itertools.product(
            (StoragePlugin.SQLITE3, StoragePlugin.MCAP),
            (CompressionMode.NONE, CompressionMode.FILE, CompressionMode.MESSAGE))):
        path = folder / f'made_{number}'
        writer = Writer(path, version=8, storage_plugin=storage)
        if mode != CompressionMode.NONE and storage == StoragePlugin.SQLITE3:
            writer.set_compression(mode, CompressionFormat.ZSTD)
        with writer:
            topic = writer.add_connection('/a', kind, typestore=types)
            for i, data in enumerate(texts):
                writer.write(topic, i * 10**9, data)
        bags.append(('', {file.name: file.read_bytes() for file in path.iterdir()}))
    bags += [(next(iter(files)), files) for name, files in bags[4:5]]
    return bags


def bag(bags, rng: random.Random, folder: Path) -> None:
    """Read a bag to its end."""
    for old in folder.iterdir():
        old.unlink()
    name, files = rng.choice(bags)
    victim = rng.choice(sorted(files))
    for file, data in files.items():
        if file == victim:
            data = (reword(data.decode(), rng) if file.endswith('.yaml') and rng.random() < 0.8
                    else mutate(data, rng))
        (folder / file).write_bytes(data)
    with Bag(folder / name) as opened:
        assert opened.topics
        for message in opened.read(start=rng.choice((0.0, 2.0))):
            try:
                opened.decode(message)
            except DriveError:
                pass


def some_checkpoints(folder: Path) -> list[tuple[str, bytes]]:
    """Return checkpoints as (name, bytes), in each form that is read."""
    state = {'a.weight': torch.rand(3, 4), 'a.bias': torch.zeros(3), 'steps': 5}
    made = []
    for old in (False, True):
        file = io.BytesIO()
        torch.save(state, file, _use_new_zipfile_serialization=not old)
        made.append(('net.pth', file.getvalue()))
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, a=np.zeros((3, 4), np.float32), b=np.arange(5))
        made.append(('net.npz', file.getvalue()))
    try:
        import h5py
        with h5py.File(folder / 'net.h5', 'w') as file:
            file['model_weights/conv/kernel'] = np.zeros((3, 4), np.float32)
            file['model_weights/conv/bias'] = np.zeros(4, np.float32)
        made.append(('net.h5', (folder / 'net.h5').read_bytes()))
    except ImportError:
        pass
    return made


def checkpoint(made, rng: random.Random, folder: Path) -> None:
    """Read a checkpoint."""
    name, data = rng.choice(made)
    (folder / name).write_bytes(mutate(data, rng))
    entries = load_checkpoint(folder / name, [name]).files[name]
    for value in entries.values():
        str(value)


def manifest(_, rng: random.Random, folder: Path) -> None:
    """Look what a manifest of any origin lets a command replace and remove: nothing."""
    (folder / 'photo.jpg').write_bytes(b'mine')
    seen = (folder / 'photo.jpg').stat()
    lines = [json.dumps({'command': 'predict', 'settings': {'every': 1}}),
             json.dumps({'command': 'predict', 'file': 'photo.jpg', 'size': seen.st_size + 1,
                         'time': seen.st_mtime_ns}),
             json.dumps({'command': 'predict', 'file': '..', 'size': 4096, 'time': 0})]
    (folder / MANIFEST).write_bytes(reword('\n'.join(lines), rng))
    outputs = Outputs(folder, 'predict')
    outputs.clear()
    outputs.check(['other.png', 'depth/x.png'])
    outputs.check(['photo.jpg'])


FILES = (DriveError, CameraError)
TARGETS = {
    'image': Target(nothing, image, (EncodingError,), 24),
    'compressed image': Target(some_files, compressed, (EncodingError,), 20),
    'camera info': Target(some_network, camera_info, (CameraError,), 16),
    'point cloud': Target(nothing, cloud, (EncodingError,), 16),
    'range': Target(nothing, one_range, (EncodingError,), 8),
    'camera yaml': Target(nothing, camera_yaml, FILES, 6),
    'onnx': Target(an_onnx, onnx_file, (ModelError,), 2),
    'bag': Target(some_bags, bag, (DriveError,), 4),
    'checkpoint': Target(some_checkpoints, checkpoint, (WeightsError,), 3),
    'manifest': Target(nothing, manifest, (OutputError,), 1)}


def one_case(name: str, number: int, given, folder: Path) -> str | None:
    """Run a case; return the trace of what should not have come out, or None."""
    target, rng = TARGETS[name], random.Random(f'{name} {number}')
    signal.alarm(SECONDS)
    try:
        target.run(given, rng, folder)
    except target.errors as error:
        if '\n' in str(error) or len(str(error)) > 6000:
            return f'the sentence is no line of a decent length: {str(error)[:300]!r}'
    except (Exception, RecursionError):
        return traceback.format_exc(limit=-6)
    finally:
        signal.alarm(0)
    return None


def late(*_):
    """End a case that takes too long."""
    raise TimeoutError(f'over {SECONDS} s')


def work(name: str, first: int, last: int, until: float, seen, results) -> None:
    """Run cases in this process, which is given little memory."""
    with open(os.devnull, 'w') as nowhere:  # what OpenCV and ONNX Runtime print of broken files
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    warnings.simplefilter('ignore')
    np.seterr(all='ignore')
    signal.signal(signal.SIGALRM, late)
    sys.setrecursionlimit(1000)
    with tempfile.TemporaryDirectory(prefix='fuzz_') as folder:
        folder = Path(folder)
        (folder / 'given').mkdir()
        given = TARGETS[name].prepare(folder / 'given')
        size = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)
        bad = []
        for number in range(first, last):
            if time.time() > until:
                break
            place = folder / 'case'
            place.mkdir(exist_ok=True)
            seen.value = number
            trace = one_case(name, number, given, place)
            if trace:
                bad.append((number, trace))
                if len(bad) == 5:
                    break
        results.put((seen.value - first + 1, bad))


def fuzz(name: str, first: int, count: int, until: float = math.inf) -> SimpleNamespace:
    """
    Run `count` cases of a target in a process of their own, or those that there is time for.

    Returns how many there were, and what should not have come out: [(number, trace)].
    """
    fork = multiprocessing.get_context('fork')
    seen, results = fork.Value('q', first), fork.SimpleQueue()
    process = fork.Process(target=work, args=(name, first, first + count, until, seen, results))
    process.start()
    process.join()
    if process.exitcode:
        return SimpleNamespace(cases=seen.value - first + 1, bad=[
            (seen.value, f'the process ended with {process.exitcode}')])
    cases, bad = results.get()
    return SimpleNamespace(cases=cases, bad=bad)


def main() -> int:
    """Run cases of all targets for a while, and print how many and what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--seconds', type=float, default=600.0)
    parser.add_argument('--first', type=int, default=0, help='the number of the first case')
    parser.add_argument('--only', choices=TARGETS, help='one target')
    parser.add_argument('--case', type=int, help='one case of it')
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else list(TARGETS)
    if chosen.case is not None:
        found = fuzz(names[0], chosen.case, 1)
        print(found.bad[0][1] if found.bad else 'nothing out of line')
        return bool(found.bad)
    end, total, bad, first = time.time() + chosen.seconds, dict.fromkeys(names, 0), 0, chosen.first
    while time.time() < end:
        for name in names:
            found = fuzz(name, first, TARGETS[name].share * 100, end)
            total[name] += found.cases
            bad += len(found.bad)
            for number, trace in found.bad:
                print(f'{name}, case {number}: {trace}', flush=True)
        first += 10_000
    print(', '.join(f'{name} {count}' for name, count in total.items()))
    print(f'{sum(total.values())} cases, {bad} out of line')
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
