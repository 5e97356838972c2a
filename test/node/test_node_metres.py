# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real frames and real weights through the real node over DDS: the published metres are right."""
import cv2
from depth_estimation_ros.drives.kitti import annotated_depth, kitti_object, KittiDrive
from depth_estimation_ros.evaluation.metrics import evaluate_depth, garg_crop, mean
from depth_estimation_ros.imaging.encodings import ENCODINGS
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.node.messages import read_cloud
from harness import depth_array, image, info, OUTPUTS, REPOSITORY, served
import numpy as np
import pytest
import yaml

KITTI = PinholeCamera(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)


@pytest.fixture(scope='module')
def running(ms_weights):
    """Run the node with the KITTI parameters that the package ships."""
    shipped = yaml.safe_load((REPOSITORY / 'config/kitti.yaml').read_text())
    parameters = {**shipped['/**']['ros__parameters'], 'model': 'rt_monodepth_s',
                  'weights': str(ms_weights), 'points.max_points': 20000}
    with served(parameters) as (node, robot):
        robot.send_info(info(KITTI))
        robot.ask(image(np.zeros((375, 1242, 3), np.uint8)))
        yield node, robot


@pytest.fixture
def robot(running):
    """Return the robot around the running node, with nothing received yet."""
    _, robot = running
    robot.set(publish_size='full', depth_encoding='32FC1', rectified='true',
              points__organized=False, points__stride=1, points__min_range=0.0,
              points__max_range=0.0, points__color=True, points__edge=0.0, depth_scale=0.0,
              max_depth=80.0)
    robot.forget()
    return robot


@pytest.fixture(scope='module')
def annotated(shared):
    """Return the annotated frame and its official depth."""
    folder = shared / 'data/kitti_annotated'
    return (cv2.imread(str(folder / 'image/0000000005.png')),
            annotated_depth(folder / 'depth/0000000005.png'))


def metrics(message, truth):
    """Return the metrics of a published depth image under Garg's crop."""
    return evaluate_depth(depth_array(message), truth, crop=garg_crop(*truth.shape))


def test_annotated_frame(robot, annotated):
    picture, truth = annotated
    robot.send_info(info(KITTI))
    got = metrics(robot.ask(image(picture)), truth)
    assert got.n == 87504 and got.missing == 0
    assert got.abs_rel == pytest.approx(0.040, abs=0.002)


def test_object_frame(robot, shared):
    frame = kitti_object(shared / 'data/kitti_object/training', '000000')
    robot.send_info(info(frame.camera))
    got = metrics(robot.ask(image(frame.image())), frame.depth())
    assert got.n == 17495 and got.missing == 0
    assert got.abs_rel == pytest.approx(0.180, abs=0.01)


def test_drive(robot, shared):
    drive = KittiDrive(shared / 'data/kitti_raw/2011_09_26/2011_09_26_drive_0052_sync')
    robot.send_info(info(drive[0].camera))
    got = [metrics(robot.ask(image(frame.image())), frame.depth()) for frame in drive]
    total = mean(got)
    assert len(got) == 16 and total.n == 214896 and total.missing == 0
    assert total.abs_rel == pytest.approx(0.206, abs=0.01)


def test_outputs_of_one_frame_belong_together(robot, annotated):
    robot.send_info(info(KITTI, frame='other'))
    stamp = robot.send(image(annotated[0], frame='camera_optical'))
    messages = {topic: robot.wait_message(topic, stamp) for topic in OUTPUTS}
    assert {m.header.frame_id for m in messages.values()} == {'camera_optical'}
    depth, cloud = messages['depth/image_rect'], messages['points']
    assert (depth.encoding, depth.width, depth.height) == ('32FC1', 1242, 375)
    published = messages['depth/camera_info']
    assert (published.width, published.height) == (1242, 375)
    assert list(published.k) == pytest.approx(
        [KITTI.fx, 0, KITTI.cx, 0, KITTI.fy, KITTI.cy, 0, 0, 1])
    assert list(published.p) == pytest.approx(
        [KITTI.fx, 0, KITTI.cx, 0, 0, KITTI.fy, KITTI.cy, 0, 0, 0, 1, 0])
    assert not any(published.d) and list(published.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    color = messages['depth/image_color']
    assert (color.encoding, color.width, color.height) == ('bgr8', 1242, 375)

    points = read_cloud(cloud)
    assert (cloud.height, cloud.is_dense, cloud.point_step) == (1, True, 16)
    assert [(f.name, f.offset) for f in cloud.fields] == [
        ('x', 0), ('y', 4), ('z', 8), ('rgb', 12)]
    assert 15000 < len(points) <= 20000
    u = np.rint(points['x'] / points['z'] * KITTI.fx + KITTI.cx).astype(int)
    v = np.rint(points['y'] / points['z'] * KITTI.fy + KITTI.cy).astype(int)
    np.testing.assert_allclose(depth_array(depth)[v, u], points['z'], rtol=1e-3)
    packed = points['rgb'].copy().view(np.uint32)
    bgr = np.stack([packed & 255, packed >> 8 & 255, packed >> 16], -1)
    np.testing.assert_array_equal(bgr, annotated[0][v, u])
    robot.wait_status('frame_id')


def test_organised_clouds_keep_the_grid(robot, annotated):
    robot.set(points__organized=True, points__stride=4, points__color=False,
              points__max_range=30.0, points__min_range=8.0)
    robot.send_info(info(KITTI))
    stamp = robot.send(image(annotated[0]))
    cloud = robot.wait_message('points', stamp)
    depth = depth_array(robot.wait_message('depth/image_rect', stamp))[::4, ::4]
    assert (cloud.height, cloud.width, cloud.is_dense) == (94, 311, False)
    assert (cloud.point_step, cloud.row_step) == (12, 12 * 311)
    points = read_cloud(cloud).reshape(94, 311)
    distance = np.sqrt(points['x']**2 + points['y']**2 + points['z']**2)
    valid = np.isfinite(points['z'])
    assert 0.05 < valid.mean() < 0.95
    assert distance[valid].min() >= 8 and distance[valid].max() <= 30
    np.testing.assert_allclose(points['z'][valid], depth[valid], rtol=1e-6)
    assert np.isnan(points['x'][~valid]).all() and np.isnan(points['y'][~valid]).all()


def test_points_are_what_the_parameters_leave(robot, annotated):
    def cloud(**parameters):
        results = robot.set(**{f'points__{name}': value for name, value in parameters.items()})
        assert all(result.successful for result in results), results
        return read_cloud(robot.ask(image(annotated[0]), 'points'))

    robot.send_info(info(KITTI))
    every = cloud(confidence=True)
    assert every.dtype.names == ('x', 'y', 'z', 'rgb', 'confidence')
    assert every['confidence'].min() < 0.5 < every['confidence'].max()
    assert cloud(min_confidence=0.5)['confidence'].min() >= 0.5
    assert 0.5 * len(every) < len(cloud(min_confidence=0.0, edge=0.045)) < 0.9 * len(every)
    assert robot.values()['confidence'] == 'by range, flip'
    robot.set(confidence__flip=False)
    assert not np.array_equal(cloud(edge=0.0)['confidence'], every['confidence'])
    assert robot.values()['confidence'] == 'by range'
    robot.set(confidence__flip=True)
    thinned = cloud(voxel=1.0)
    cells = np.stack([np.floor(thinned[c]) for c in 'xyz'], 1)
    assert len(np.unique(cells, axis=0)) == len(thinned) < 0.5 * len(every)
    [result] = robot.set(points__min_height=0.3)
    assert not result.successful and 'camera_height' in result.reason
    cloud(confidence=False, voxel=0.0)


def test_network_size_comes_with_its_own_camera(robot, annotated):
    robot.send_info(info(KITTI))
    full = robot.ask(image(annotated[0]))
    robot.set(publish_size='network')
    stamp = robot.send(image(annotated[0]))
    small = robot.wait_message('depth/image_rect', stamp)
    published = robot.wait_message('depth/camera_info', stamp)
    assert (small.width, small.height) == (640, 192) == (published.width, published.height)
    expected = KITTI.resized(640, 192)
    assert list(published.k) == pytest.approx(
        [expected.fx, 0, expected.cx, 0, expected.fy, expected.cy, 0, 0, 1])
    a = depth_array(small)
    b = cv2.resize(depth_array(full), (640, 192), interpolation=cv2.INTER_NEAREST)
    both = np.isfinite(a) & np.isfinite(b)
    assert np.median(np.abs(a[both] / b[both] - 1)) < 0.02


def test_millimetres(robot, annotated):
    robot.send_info(info(KITTI))
    metres = depth_array(robot.ask(image(annotated[0])))
    robot.set(depth_encoding='16UC1')
    message = robot.ask(image(annotated[0]))
    assert message.encoding == '16UC1'
    millimetres = depth_array(message)
    held = np.isfinite(metres) & (metres < 65.534)
    np.testing.assert_allclose(millimetres[held], metres[held] * 1000, atol=1)
    assert not millimetres[~np.isfinite(metres) | (metres > 65.536)].any()


def test_a_scale_that_is_given_is_taken_as_it_is(robot, annotated):
    robot.send_info(info(KITTI))
    contract = depth_array(robot.ask(image(annotated[0])))
    assert robot.set(depth_scale=2.7)[0].successful
    halved = depth_array(robot.ask(image(annotated[0])))
    both = np.isfinite(contract)
    np.testing.assert_allclose(halved[both], contract[both] / 2, rtol=1e-5)
    robot.wait_status('2.7')


def test_beyond_max_depth_is_infinite_and_no_point(robot, annotated):
    robot.set(max_depth=20.0)
    robot.send_info(info(KITTI))
    stamp = robot.send(image(annotated[0]))
    depth = depth_array(robot.wait_message('depth/image_rect', stamp))
    assert np.isposinf(depth).any() and depth[np.isfinite(depth)].max() <= 20
    assert read_cloud(robot.wait_message('points', stamp))['z'].max() <= 20


def test_the_three_kitti_flavours_give_the_same_metres(robot, annotated):
    raw = info(KITTI, d=[-0.3691481, 0.1968681, 0.001353473, 0.0005677587, -0.06770705],
               k=[959.7910, 0.0, 696.0217, 0.0, 956.9251, 224.1806, 0.0, 0.0, 1.0])
    odometry = info(KITTI, d=[], k=[0.0] * 9, r=[0.0] * 9)
    newest = info(KITTI, frame='camera_gray_left', p=[
        KITTI.fx, 0.0, KITTI.cx, 44.85728, 0.0, KITTI.fy, KITTI.cy, 0.2163791, 0.0, 0.0, 1.0,
        0.002745884])
    depths = []
    for flavour in (raw, odometry, newest):
        robot.send_info(flavour)
        depths.append(depth_array(robot.ask(image(annotated[0]))))
    np.testing.assert_array_equal(depths[0], depths[1])
    np.testing.assert_array_equal(depths[0], depths[2])
    assert metrics(robot.ask(image(annotated[0])), annotated[1]).abs_rel < 0.042


@pytest.fixture(scope='module')
def expected_depths():
    """Return depth by the bytes of the BGR picture, as many encodings decode to the same."""
    return {}


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_gives_the_depth_of_the_picture_that_opencv_decodes(
        robot, annotated, expected_depths, encoding):
    bgr = annotated[0]
    wide = encoding.endswith('16')
    data = bgr.astype(np.uint16) * 257 if wide else bgr
    if encoding.startswith('mono'):
        data = cv2.cvtColor(data, cv2.COLOR_BGR2GRAY)
        decoded = cv2.cvtColor(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY) if not wide else
                               np.rint(data / 257).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    elif encoding.startswith('bayer'):
        colour_at = encoding[6:10]
        mosaic = np.empty(bgr.shape[:2], data.dtype)
        for i, letter in enumerate(colour_at):
            mosaic[i // 2::2, i % 2::2] = data[i // 2::2, i % 2::2, 'bgr'.index(letter)]
        code = {'rggb': cv2.COLOR_BayerBG2BGR, 'bggr': cv2.COLOR_BayerRG2BGR,
                'gbrg': cv2.COLOR_BayerGR2BGR, 'grbg': cv2.COLOR_BayerGB2BGR}[colour_at]
        data = mosaic
        decoded = cv2.cvtColor(mosaic, code)
        if wide:
            decoded = np.rint(decoded / 257.0).astype(np.uint8)
    elif encoding in ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'):
        yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)
        chroma = np.empty(bgr.shape[:2], np.uint8)
        chroma[:, ::2], chroma[:, 1::2] = yuv[:, ::2, 1], yuv[:, ::2, 2]
        first = encoding in ('uyvy', 'yuv422')
        data = np.stack([chroma, yuv[..., 0]] if first else [yuv[..., 0], chroma], -1)
        decoded = cv2.cvtColor(
            data, cv2.COLOR_YUV2BGR_UYVY if first else cv2.COLOR_YUV2BGR_YUY2)
    else:
        decoded = bgr
        if encoding.startswith('rgb'):
            data = data[..., ::-1]
        if 'a' in encoding[:4]:
            data = np.dstack([data, np.full(bgr.shape[:2], 9, data.dtype)])
    robot.send_info(info(KITTI))
    key = decoded.tobytes()
    if key not in expected_depths:
        expected_depths[key] = depth_array(robot.ask(image(decoded)))
    for bigendian in ((False, True) if wide else (False,)):
        sent = data.astype('>u2' if bigendian else '<u2') if wide else data
        got = depth_array(robot.ask(image(sent, encoding, padding=6, bigendian=bigendian)))
        np.testing.assert_array_equal(got, expected_depths[key])


def test_a_cut_to_4_3_gives_the_metres_of_the_whole(robot, annotated):
    robot.send_info(info(KITTI))
    whole = depth_array(robot.ask(image(annotated[0])))
    for left in (0, 371, 742):
        cut = PinholeCamera(500, 375, KITTI.fx, KITTI.fy, KITTI.cx - left, KITTI.cy)
        robot.send_info(info(cut))
        part = depth_array(robot.ask(image(annotated[0][:, left:left + 500])))
        both = np.isfinite(part) & np.isfinite(whole[:, left:left + 500])
        assert both.mean() > 0.8
        ratio = part[both] / whole[:, left:left + 500][both]
        assert np.median(ratio) == pytest.approx(1, abs=0.15)
        assert np.median(np.abs(ratio - 1)) < 0.15
    status = robot.wait_status('KITTI camera')
    assert '500x375' in status.message or any('500x375' in v.value for v in status.values)


def test_a_taller_camera_is_nan_where_the_training_camera_did_not_look(robot, annotated):
    tall = PinholeCamera(1242, 932, KITTI.fx, KITTI.fy, KITTI.cx, KITTI.cy + 278)
    picture = cv2.copyMakeBorder(annotated[0], 278, 279, 0, 0, cv2.BORDER_REFLECT)
    robot.send_info(info(tall))
    depth = depth_array(robot.ask(image(picture)))
    assert np.isnan(depth[:240]).all() and np.isnan(depth[-240:]).all()
    got = metrics_of(depth[278:653], annotated[1])
    assert got.abs_rel < 0.06


def test_a_lens_is_undone(robot, annotated):
    """The frame seen through a lens has the metres of the frame itself."""
    d = np.array([-0.2, 0.05, 0.0005, -0.0005, 0.0])
    k = np.array([[700.0, 0, 620], [0, 705, 180], [0, 0, 1]])
    v, u = np.mgrid[:375, :1242].astype(np.float64)
    flat = cv2.undistortPoints(np.stack([u, v], -1).reshape(-1, 1, 2), k, d).reshape(375, 1242, 2)
    where = (flat * KITTI.fx + (KITTI.cx, KITTI.cy)).astype(np.float32)
    raw = cv2.remap(annotated[0], where[..., 0], where[..., 1], cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REFLECT)
    robot.set(rectified='auto')
    robot.send_info(info(KITTI, d=list(d), k=list(k.ravel())))
    stamp = robot.send(image(raw))
    depth = depth_array(robot.wait_message('depth/image_rect', stamp))
    assert metrics_of(depth, annotated[1]).abs_rel == pytest.approx(0.040, abs=0.004)
    assert not any(robot.wait_message('depth/camera_info', stamp).d)
    robot.wait_status('rectified here')
    robot.set(rectified='true')  # and that it matters: as if the pixels were rectified
    wrong = depth_array(robot.ask(image(raw)))
    assert metrics_of(wrong, annotated[1]).abs_rel > 0.06


def metrics_of(depth, truth):
    """Return the metrics of a depth array under Garg's crop."""
    return evaluate_depth(depth, truth, crop=garg_crop(*truth.shape))
