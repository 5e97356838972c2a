# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
`depth_estimation calibrate`: walls at taped distances, in bags and before a live camera.

The walls are rendered, with exact depth. What a learned network makes of a bare wall nobody knows,
so the network here reads the depth that the red of the picture holds, in its own units.
"""
from array import array
from functools import partial
import re
import threading
from types import SimpleNamespace

from benchmarks.walls import walls
import cv2
from depth_estimation_ros import cli
from depth_estimation_ros.drives.folder import pinhole_calibration
from depth_estimation_ros.estimation.requests import Unscaled
from depth_estimation_ros.imaging.intrinsics import PinholeCamera, Window
from depth_estimation_ros.node.live_pictures import LiveCamera
from depth_estimation_ros.node.parameters import BY_NAME
from depth_estimation_ros.scale import taping
from depth_estimation_ros.scale.taping import CalibrationError
from depth_estimation_ros.synthetic.drawing.render import Renderer
from harness import command, depth_array, image, info, NodeProcess, Robot, wait
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
import yaml

onnx = pytest.importorskip('onnx', reason='the network of known scale is exported with onnx')
pytest.importorskip('onnxruntime', reason='exported networks need onnxruntime')
pytest.importorskip('rosbags', reason='rosbags (the extra cli) is not installed')
from depth_estimation_ros.drives import bag_messages  # noqa: E402
from depth_estimation_ros.drives.bag_pictures import bag_pictures  # noqa: E402
from depth_estimation_ros.drives.bag_writing import from_video, Recorder  # noqa: E402

CAMERA = PinholeCamera(320, 192, 228.5, 228.5, 159.5, 95.5)
TAPED = (2.0, 3.0, 5.0)
UNIT = 12.75  # metres of red 255 over 0.5, the network's weight: 20 steps a metre, halved
UP_TO_SCALE = 'output: depth\nscale: up to scale\n'
RELATIVE = 'output: inverse_depth\nscale: relative inverse depth\n'


def depth_code(metres):
    """Return the red of depth: a network without a scale of its own sees it."""
    return 20 * metres


def relative_code(metres):
    """Return the red of inverse depth with a scale and a shift: value = 1/Z * 180/510 + 40/510."""
    return 180 / metres + 40


@pytest.fixture(scope='module')
def rendered():
    """Return (picture RGB, depth) of a wall by its distance."""
    found = walls(Renderer(0), 0, TAPED, CAMERA)
    return dict(zip(TAPED, found))


def picture(rendered, metres, code=depth_code):
    """Return the BGR picture of the wall, its depth in the red."""
    rgb, depth = rendered[metres]
    red = np.clip(code(np.minimum(depth, 12.0)), 0, 255).round().astype(np.uint8)
    return np.dstack([rgb[..., 2], rgb[..., 1], red])


def write_bag(path, pictures, camera=CAMERA, topic='/camera/image_raw'):
    from_video(((i * 10**8, one) for i, one in enumerate(pictures)), pinhole_calibration(camera),
               path, topic)
    return str(path)


@pytest.fixture
def bags(rendered, tmp_path):
    """Return what writes a bag of the wall at a distance, three frames long."""
    return lambda metres, code=depth_code: write_bag(
        tmp_path / f'wall{metres:g}', [picture(rendered, metres, code)] * 3)


@pytest.fixture
def network(tmp_path):
    """Return what writes the network, half of its picture's red, and returns its name."""
    from onnx import helper, numpy_helper, TensorProto

    def write(recipe=UP_TO_SCALE):
        kernel = numpy_helper.from_array(
            np.array([0.5, 0, 0], np.float32).reshape(1, 3, 1, 1), 'kernel')
        graph = helper.make_graph(
            [helper.make_node('Conv', ['image', 'kernel'], ['depth'])], 'net',
            [helper.make_tensor_value_info('image', TensorProto.FLOAT, (1, 3, 96, 160))],
            [helper.make_tensor_value_info('depth', TensorProto.FLOAT, None)], [kernel])
        (tmp_path / 'net.onnx').write_bytes(helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8).SerializeToString())
        (tmp_path / 'net.yaml').write_text(recipe)
        return f'onnx:{tmp_path / "net.onnx"}'

    return write


@pytest.fixture
def calibrate(tmp_path, capsys):
    """Return what types `depth_estimation calibrate` here; it returns (exit code, text, file)."""
    def run(*arguments):
        output = tmp_path / 'calibration.yaml'
        code = cli.main(['calibrate', '--output', str(output), *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.err if code else said.out, output

    return run


def refusal(result):
    """Return the one sentence of a run that left nothing."""
    code, said, output = result
    assert code == 1 and not output.exists() and said.count('\n') == 1, said
    return said


def parameters(file):
    [of_node] = yaml.safe_load(file.read_text()).values()
    return of_node['ros__parameters']


def compressed(header, pixels, make=CompressedImage):
    """Return the PNG of BGR pixels as a message."""
    data = cv2.imencode('.png', pixels)[1].reshape(-1)
    return make(header=header, format='bgr8; png compressed bgr8',
                data=data if make is not CompressedImage else array('B', data.tobytes()))


# -- it must show --

@pytest.mark.parametrize(('recipe', 'code', 'taped'), [
    (UP_TO_SCALE, depth_code, (3.0,)),
    pytest.param(RELATIVE, relative_code, (2.0, 5.0), marks=pytest.mark.skipif(
        'depth_shift' not in BY_NAME, reason='the node has no depth_shift')),
])
def test_calibrated_on_a_wall_the_node_reads_others_right(bags, rendered, network, tmp_path,
                                                          recipe, code, taped):
    output = tmp_path / 'calibration.yaml'
    boards = [option for m in taped for option in ('--distance', m, '--bag', bags(m, code))]
    done = command('calibrate', '--model', network(recipe), *boards, '--output', output)
    assert done.returncode == 0, done.stderr
    assert f'params_file:={output}' in done.stdout
    for metres in taped:
        line = re.search(rf'{metres:g} m: .*, read as {metres:.2f} m .*over 3 frames', done.stdout)
        assert f'#   {line[0]}' in output.read_text()

    node = NodeProcess({}, ['--params-file', str(output)])
    robot = Robot(node, outputs=('depth/image_rect',))
    try:
        robot.wait_for_node()
        robot.send_info(info(CAMERA))
        for metres in set(TAPED) - set(taped):
            assert np.abs(rendered[metres][1][:96] / metres - 1).max() < 1e-4  # the upper half
            depth = depth_array(robot.ask(image(picture(rendered, metres, code))))
            assert np.abs(depth[:96] / metres - 1).max() < 0.03
    finally:
        robot.close()
        node.stop()


def test_a_camera_on_its_side_is_measured_as_it_hangs(rendered, network, calibrate, tmp_path):
    hung = [write_bag(tmp_path / f'hung{metres:g}', [np.ascontiguousarray(
        np.rot90(picture(rendered, metres)))] * 3, CAMERA.turned(-1)) for metres in (2.0, 5.0)]
    code, said, output = calibrate(
        '--model', network(), '--distance', 2, '--bag', hung[0], '--distance', 5, '--bag',
        hung[1], '--rotation', 90)
    assert code == 0, said
    found = parameters(output)
    assert found['rotation'] == 90 and 'network input' not in said
    upright = calibrate('--overwrite', '--model', network(), '--distance', 2, '--bag', write_bag(
        tmp_path / 'up2', [picture(rendered, 2.0)] * 3), '--distance', 5, '--bag', write_bag(
            tmp_path / 'up5', [picture(rendered, 5.0)] * 3))
    assert upright[0] == 0 and 'rotation' not in parameters(output)
    assert found['depth_scale'] == pytest.approx(parameters(output)['depth_scale'], rel=1e-3)


def test_relative_inverse_depth_gets_a_scale_and_a_shift_of_two_distances(bags, network,
                                                                          calibrate):
    code, said, output = calibrate(
        '--model', network(RELATIVE), '--distance', 2, '--bag', bags(2.0, relative_code),
        '--distance', 5, '--bag', bags(5.0, relative_code))
    assert code == 0, said
    found = parameters(output)
    assert found['depth_scale'] == pytest.approx(510 / 180, rel=1e-4)
    assert found['depth_shift'] == pytest.approx(-40 / 180, rel=1e-3)
    assert 'nothing says whether others are read right' in said


@pytest.mark.parametrize(('topic', 'kind', 'message', 'more'), [
    ('front/image_raw', Image, image, {}),
    ('front/image_raw/compressed', CompressedImage, lambda pixels: compressed(
        Header(frame_id='camera'), pixels), {'image_transport': 'compressed'}),
])
def test_before_a_live_camera_enter_takes_the_next_board(rendered, network, calibrate, topic,
                                                         kind, message, more, monkeypatch):
    """The operator hangs the next board when told to, and presses Enter."""
    hung, asked, sent, over = [2.0], [], [], threading.Event()
    camera = Robot(SimpleNamespace(domain=None), outputs=(), image=topic,
                   info='front/camera_info', image_type=kind)

    def publish():
        while not over.wait(0.05):
            camera.info_publisher.publish(info(CAMERA))
            sent.append(camera.send(message(picture(rendered, hung[0]))))

    def hang(prompt):
        asked.append(prompt)
        hung[0] = 3.0 if ' 3 m' in prompt else 5.0
        end = len(sent) + 2  # the next one may still be of the last board
        wait(lambda: len(sent) >= end, 15, lambda: 'the camera does not publish')

    monkeypatch.setattr('builtins.input', hang)
    thread = threading.Thread(target=publish)
    thread.start()
    try:
        code, said, output = calibrate('--model', network(), '--distance', 3, '--distance', 5,
                                       '--frames', 4, '--timeout', 60, '--image', topic)
    finally:
        over.set()
        thread.join()
        camera.close()
    assert code == 0, said
    assert [' 3 m' in prompt for prompt in asked] == [True, False]
    assert parameters(output) == {'model': network(), **more,
                                  'depth_scale': pytest.approx(2 * UNIT, rel=1e-3)}
    assert said.count('over 4 frames') == 2 and 'image:=front/image_raw\n' in said


# -- one sentence each --

@pytest.fixture
def driver():
    """Return a camera, and what makes it publish a CameraInfo and pictures, or one of them."""
    camera = Robot(SimpleNamespace(domain=None), outputs=(), image='cam/image', info='cam/info')
    over, threads = threading.Event(), []

    def publish(calibration=None, image=None):
        def go_on():
            while not over.wait(0.1):
                if calibration is not None:
                    camera.info_publisher.publish(calibration)
                if image is not None:
                    camera.send(image)

        threads.append(threading.Thread(target=go_on))
        threads[-1].start()

    yield publish
    over.set()
    for thread in threads:
        thread.join()
    camera.close()


@pytest.mark.parametrize(('topic', 'images', 'sentence'), [
    ('rear/image', False, r'nobody publishes /rear/image, for 1 s: .* \(there are: /cam/image\)'),
    ('cam/image', False, '/cam/image: no image within 1 s, though there is a publisher'),
    ('cam/image', True, '/cam/info: no CameraInfo within 1 s while images come'),
])
def test_what_a_live_camera_lacks(driver, rendered, topic, images, sentence):
    driver(image=image(picture(rendered, 3.0)) if images else None)
    with LiveCamera(topic, 'cam/info') as camera:
        def said():
            camera.spin()
            return re.match(sentence, camera.missing(1))

        wait(said, 15, lambda: camera.missing(1))


def test_a_topic_that_nobody_publishes(network, calibrate):
    assert 'nobody publishes /nowhere, for 0.2 s: give --image' in refusal(calibrate(
        '--model', network(), '--distance', 3, '--timeout', 0.2, '--image', 'nowhere'))
    assert 'must not contain characters other than' in refusal(calibrate(
        '--model', network(), '--distance', 3, '--image', 'no where'))


def test_a_live_camera_that_is_not_calibrated(driver, network, calibrate, rendered):
    driver(info(CAMERA, k=[0.0] * 9, p=[0.0] * 12), image(picture(rendered, 3.0)))
    assert '/cam/info: neither K nor P holds a focal length' in refusal(calibrate(
        '--model', network(), '--distance', 3, '--image', 'cam/image', '--camera-info',
        'cam/info'))


@pytest.mark.parametrize(('arguments', 'sentence'), [
    ((), 'give --image, a photo or the topic of a live camera, or --bag'),
    (('--height', 1.2, '--bag', 'a'), 'of the camera above the ground: not both'),
    (('--image', 'a', '--fov', 60), 'are for a photo, and --image names none'),
    (('--bag', 'nowhere'), 'nowhere is not there'),
    (('--bag', 'a', '--bag', 'b'), '2 times --bag for 1 times --distance'),
    (('--distance', 5, '--bag', 'a'), 'give as many --board, or a --bag for each'),
    (('--distance', -1, '--bag', 'a'), '--distance -1 is out of range'),
    (('--distance', 'nan', '--bag', 'a'), '--distance nan is out of range'),
    (('--image', 'a', '--frames', 0), '--frames begins with 1'),
])
def test_options_that_make_no_sense(calibrate, arguments, sentence):
    assert sentence in refusal(calibrate('--distance', 3, *arguments))


@pytest.mark.parametrize(('arguments', 'sentence'), [
    ((), 'give --distance METRES of a board or wall, or --height'),
    (('--height', 'nan'), '--height nan --pitch 0 is out of range'),
    (('--height', 1.2, '--pitch', 95), '--height 1.2 --pitch 95 is out of range'),
    (('--height', 1.2, '--board', 1, 1, 9, 9), 'without --board'),
])
def test_heights_that_make_no_sense(calibrate, arguments, sentence):
    assert sentence in refusal(calibrate('--bag', 'a', *arguments))


@pytest.fixture(scope='module')
def floor():
    """Return (picture RGB, depth, metres of the camera above the ground)."""
    [(rgb, depth)] = walls(Renderer(0), 0, (9.0,), CAMERA)
    return rgb, depth, float(depth[-1, 160]) * (CAMERA.height - 1 - CAMERA.cy) / CAMERA.fy


def photo_of(path, rgb, depth, code=depth_code):
    assert cv2.imwrite(str(path), picture({0: (rgb, depth)}, 0, code))
    return path


@pytest.mark.parametrize('rotation', [0, 90])
def test_a_photo_of_a_wall_is_enough(rendered, network, calibrate, tmp_path, rotation):
    """The same as of a bag; the field of view is that of the photo as it lies there."""
    rgb, depth = rendered[3.0]
    photo = photo_of(tmp_path / 'photo.png', np.rot90(rgb, -(rotation // 90)),
                     np.rot90(depth, -(rotation // 90)))
    width = 192 if rotation else 320
    code, said, output = calibrate(
        '--model', network(), '--image', photo, '--distance', 3, '--rotation',
        (360 - rotation) % 360, '--fov', 2 * np.degrees(np.arctan(width / 2 / 228.5)))
    assert code == 0, said
    assert 'camera: --fov' in said and 'image:=<topic of the camera>' in said
    bag = calibrate('--overwrite', '--model', network(), '--distance', 3, '--bag', write_bag(
        tmp_path / 'bag', [picture(rendered, 3.0)]))
    assert bag[0] == 0
    assert parameters(output)['depth_scale'] == pytest.approx(
        1 / (10 / 255), rel=0.02)


def test_the_ground_is_enough_where_the_height_is_known(floor, network, calibrate, tmp_path):
    rgb, depth, height = floor
    photo = photo_of(tmp_path / 'photo.png', rgb, depth)
    fov = ('--fov', 2 * np.degrees(np.arctan(160 / 228.5)))
    code, said, output = calibrate('--model', network(), '--image', photo, '--height', height,
                                   *fov)
    assert code == 0, said
    assert f'the ground {height:g} m below: each frame tells the scale to' in said
    assert parameters(output)['depth_scale'] == pytest.approx(25.5, rel=0.02)
    # Of a bag too, and a camera twice as high makes all twice as far.
    bag = write_bag(tmp_path / 'bag', [picture({0: (rgb, depth)}, 0)] * 3)
    code, said, output = calibrate('--overwrite', '--model', network(), '--bag', bag, '--height',
                                   2 * height)
    assert code == 0 and 'over 3 frames' in said
    assert parameters(output)['depth_scale'] == pytest.approx(51, rel=0.02)


def test_what_the_ground_does_not_tell(floor, rendered, network, calibrate, tmp_path):
    rgb, depth, height = floor
    photo = photo_of(tmp_path / 'photo.png', rgb, depth)
    fov = ('--fov', 70)
    assert 'the ground alone does not tell it' in refusal(calibrate(
        '--model', network(RELATIVE), '--image', photo, '--height', height, *fov))
    up = photo_of(tmp_path / 'up.png', rgb[:96], depth[:96])  # a wall, no ground
    said = refusal(calibrate('--model', network(), '--image', up, '--height', height, *fov))
    assert 'shows the ground well enough' in said and 'give boards' in said
    assert 'one photo has boards at several distances' in refusal(calibrate(
        '--model', network(), '--image', photo, '--distance', 2, '--distance', 3, *fov))
    (tmp_path / 'text.jpg').write_text('no picture')
    assert 'cannot be read as a picture' in refusal(calibrate(
        '--model', network(), '--image', tmp_path / 'text.jpg', '--height', 1, *fov))


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (('--image', '/nowhere'), 'has no topic /nowhere'),
    (('--image', '/camera/camera_info'), 'is a sensor_msgs/msg/CameraInfo, no picture'),
    (('--camera-info', '/other'), 'has no CameraInfo on /other for /camera/image_raw'),
    (('--board', 300, 0, 40, 40), 'is not inside the picture, which has 320x192'),
    (('--board', 10, 10, 3, 3), 'take a larger --board'),
    (('--board', 140, 60, 40, 130), 'the board at 3 m is not flat'),  # the ground below it too
])
def test_a_bag_in_which_there_is_no_board(bags, network, calibrate, arguments, sentence):
    # 5 m away, but that is the tape's: the ground is seen below it.
    assert sentence in refusal(calibrate('--model', network(), '--distance', 3, '--bag',
                                         bags(5.0), *arguments))


def test_pictures_are_spread_evenly_over_the_bag(tmp_path):
    bag = write_bag(tmp_path / 'seven', [
        np.full((CAMERA.height, CAMERA.width, 3), 20 * number, np.uint8) for number in range(7)])

    def taken(count):
        return [int(image.pixels[0, 0, 0]) // 20 for image, _ in bag_pictures(
            bag, '', '', 'true', count)]

    assert taken(4) == [0, 2, 4, 5] and taken(1) == [0] and taken(9) == list(range(7))


def test_what_was_measured_before_is_not_overwritten(bags, calibrate, tmp_path):
    (tmp_path / 'calibration.yaml').write_text('mine')
    code, said, output = calibrate('--distance', 3, '--bag', bags(3.0))
    assert code == 1 and 'is there already' in said and output.read_text() == 'mine'


def test_boards_that_contradict_one_another(bags, network, calibrate):
    said = refusal(calibrate('--model', network(), '--distance', 3, '--bag', bags(3.0),
                             '--distance', 4, '--bag', bags(5.0)))
    assert 'the boards contradict one another (3 m reads 2.' in said


def test_a_board_that_moves(rendered, network, calibrate, tmp_path):
    bag = write_bag(tmp_path / 'moves', [picture(rendered, m) for m in (2.0, 3.0, 3.0, 5.0)])
    said = refusal(calibrate('--model', network(), '--distance', 3, '--bag', bag))
    assert 'the board at 3 m does not keep still' in said


def test_boards_of_different_cameras(bags, rendered, network, calibrate, tmp_path):
    other = PinholeCamera(320, 192, 300.0, 300.0, 159.5, 95.5)
    bag = write_bag(tmp_path / 'other', [picture(rendered, 5.0)], other)
    said = refusal(calibrate('--model', network(), '--distance', 3, '--bag', bags(3.0),
                             '--distance', 5, '--bag', bag))
    assert 'are of different cameras (320x192, fx/W 0.71' in said and 'fx/W 0.94' in said


def test_one_distance_is_not_enough_for_relative_inverse_depth(bags, network, calibrate):
    said = refusal(calibrate('--model', network(RELATIVE), '--distance', 3, '--bag',
                             bags(3.0, relative_code)))
    assert 'give boards at two or more --distance' in said


def test_enter_needs_a_terminal(network, calibrate, monkeypatch):
    def gone(prompt):
        raise EOFError

    monkeypatch.setattr('builtins.input', gone)
    said = refusal(calibrate('--model', network(), '--distance', 3, '--distance', 5, '--image',
                             'image'))
    assert 'need a terminal to press Enter on' in said


# -- what else it does --

def test_a_metric_model_that_is_far_off_is_warned_of(bags, network, calibrate):
    recipe = 'output: depth\nscale: metric\nmetres_per_unit: 10.0\n'
    code, said, _ = calibrate('--model', network(recipe), '--distance', 3, '--bag', bags(3.0))
    assert code == 0 and 'warning: that is 2.55 times what the model says itself' in said


def test_several_boards_in_one_bag_are_seen_at_once(rendered, network, calibrate, tmp_path):
    both = picture(rendered, 2.0)
    both[:, 160:] = picture(rendered, 5.0)[:, 160:]
    code, said, output = calibrate(
        '--model', network(), '--bag', write_bag(tmp_path / 'both', [both]),
        '--distance', 2, '--board', 40, 40, 40, 40, '--distance', 5, '--board', 220, 40, 40, 40)
    assert code == 0, said
    assert parameters(output)['depth_scale'] == pytest.approx(2 * UNIT, rel=1e-3)


def test_a_bag_may_hold_compressed_pictures(rendered, network, calibrate, tmp_path):
    with Recorder(tmp_path / 'bag') as bag:
        bag.write_message('/cam/camera_info', 1, bag_messages.camera_info(
            bag.make, 1, 'camera', pinhole_calibration(CAMERA)))
        bag.write_message('/cam/image/compressed', 2, compressed(
            bag_messages.header(bag.make, 2, 'camera'), picture(rendered, 3.0),
            partial(bag.make, 'sensor_msgs/msg/CompressedImage')))
    code, said, output = calibrate('--model', network(), '--distance', 3, '--bag',
                                   tmp_path / 'bag')
    assert code == 0 and 'over 1 frame\n' in said
    assert parameters(output)['depth_scale'] == pytest.approx(2 * UNIT)


def test_the_parameters_that_the_scale_belongs_to_are_written_too(bags, network, calibrate):
    _, _, output = calibrate('--model', network(), '--distance', 3, '--bag', bags(3.0),
                             '--rectified', 'true', '--input-size', '160x96')
    assert parameters(output) == {
        'model': network(), 'input_size': '160x96', 'rectified': 'true',
        'depth_scale': pytest.approx(2 * UNIT)}


def test_a_few_wrong_pixels_and_frames_do_not_count():
    frames = [np.full(100, 2.0, np.float32) for _ in range(40)]
    for frame in frames:
        frame[:4] = 50.0
    frames[0] = np.full(100, 70.0, np.float32)
    board = taping.board(3.0, frames)
    assert (board.value, board.count) == (2.0, 40)
    assert taping.fit([board], False).scale == pytest.approx(1.5)


def test_a_model_that_sees_nearer_boards_farther_has_no_line():
    boards = [taping.board(metres, [np.full(9, value)])
              for metres, value in ((2.0, 0.2), (5.0, 0.5))]
    with pytest.raises(CalibrationError, match='does not see nearer boards nearer'):
        taping.fit(boards, True)


def test_a_board_is_where_it_is_in_the_networks_grid():
    """The grid is that of a training camera: another focal length, another centre."""
    grid = PinholeCamera(64, 32, 40.0, 30.0, 31.5, 14.0)
    camera = PinholeCamera(400, 300, 200.0, 200.0, 190.0, 160.0)
    rows, columns = np.mgrid[:32, :64]
    place = Window(250, 180, 100, 60)
    # Its corners in the grid: (u - 190) / 200 * 40 + 31.5, (v - 160) / 200 * 30 + 14.
    there = taping.cut(Unscaled(grid, (100 * rows + columns).astype(np.float32)), camera,
                       place)
    assert {(int(v) // 100, int(v) % 100) for v in there} == {
        (row, column) for row in range(17, 26) for column in range(44, 63)}
    depth = np.full((32, 64), np.nan, np.float32)
    with pytest.raises(CalibrationError, match='gives no depth for most of the board'):
        taping.cut(Unscaled(grid, depth), camera, place)
