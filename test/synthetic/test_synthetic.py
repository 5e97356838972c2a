# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic drives: exact depth, equal from equal seeds, and what a LiDAR and a bag hold."""
from dataclasses import replace
import signal
import subprocess
import sys
import time

from depth_estimation_ros.cli import main
from depth_estimation_ros.drives import DriveError
from depth_estimation_ros.drives.kitti import project_velodyne
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.drawing import textures
from depth_estimation_ros.synthetic.drawing.light import Lamp, random_light
from depth_estimation_ros.synthetic.drawing.mesh import join, quads
from depth_estimation_ros.synthetic.drawing.render import Renderer, Views
from depth_estimation_ros.synthetic.drawing.sensor import expose, Sensor
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.drive import (
    drive_camera, LIDAR_MOUNT, Plan, ROOMS, SyntheticDrive)
from depth_estimation_ros.synthetic.frames import Mount, take
from depth_estimation_ros.synthetic.rooms import kinds as rooms
from depth_estimation_ros.synthetic.rooms.builder import DOOR
from depth_estimation_ros.synthetic.streets.kinds import KINDS
from depth_estimation_ros.synthetic.things import household
from depth_estimation_ros.synthetic.things.objects import library
from depth_estimation_ros.synthetic.things.parts import boxes
from harness import REPOSITORY
import numpy as np
import pytest
import torch
import yaml

CAMERA = PinholeCamera(160, 96, 90.0, 95.0, 78.0, 45.0)
# World (x ahead, y left, z up) to optical frame (right, down, ahead).
AHEAD = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float32)


@pytest.fixture(scope='module')
def renderer():
    return Renderer(0)


def render(renderer, mesh, position=(0.0, 0.0, 1.5), rotation=AHEAD):
    """Return colour and depth of a mesh on an ordinary day."""
    scene = renderer.scene(mesh, random_light(np.random.default_rng(1)), (20.0, 0.0, 0.0))
    color, depth = scene.render(Views(
        torch.tensor(rotation)[None], torch.tensor([position], dtype=torch.float32),
        torch.tensor([[CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy]]), CAMERA.width,
        CAMERA.height))
    return color[0].numpy(), depth[0].numpy()


def plate(x, half=1.0, **options):
    """Return a square across the view at x metres."""
    return quads([[[x, -half, 1.5 - half], [x, half, 1.5 - half], [x, half, 1.5 + half],
                   [x, -half, 1.5 + half]]], (0.5, 0.5, 0.5), **options)


def test_depth_of_the_ground_is_that_of_a_plane_up_to_the_lens(renderer):
    ground = quads([[[-50, -500, 0], [900, -500, 0], [900, 500, 0], [-50, 500, 0]]],
                   (0.2, 0.2, 0.2))
    _, depth = render(renderer, ground)
    v = np.arange(CAMERA.height)[:, None]
    expected = np.where(v > CAMERA.cy, 1.5 * CAMERA.fy / np.maximum(v - CAMERA.cy, 1e-9), np.inf)
    near = (expected < 800) & np.ones_like(depth, bool)
    np.testing.assert_allclose(depth[near], np.broadcast_to(expected, depth.shape)[near],
                               rtol=1e-4)
    assert np.isinf(depth[v[:, 0] <= CAMERA.cy]).all()


def test_a_quad_covers_the_pixels_whose_centres_it_contains(renderer):
    _, depth = render(renderer, plate(10.0, 1.04))
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    inside = (np.abs((u - CAMERA.cx) / CAMERA.fx * 10) < 1.04) & (
        np.abs((v - CAMERA.cy) / CAMERA.fy * 10) < 1.04)
    np.testing.assert_array_equal(np.isfinite(depth), inside)
    np.testing.assert_allclose(depth[inside], 10.0, rtol=1e-5)


def test_a_triangle_is_whole(renderer):
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b, c = rng.uniform([8, -4, 0], [12, 4, 4], (3, 3))
        _, whole = render(renderer, quads([[a, b, c, (a + c) / 2]], (0.5,) * 3))
        for corners in ([a, b, c, a], [a, a, b, c], [a, b, b, c]):
            _, depth = render(renderer, quads([corners], (0.5,) * 3))
            assert np.isfinite(depth).sum() == pytest.approx(np.isfinite(whole).sum(), abs=3)


def test_the_nearest_wins_whatever_the_order(renderer):
    for order in ((plate(10.0), plate(6.0, 0.3)), (plate(6.0, 0.3), plate(10.0))):
        _, depth = render(renderer, join(order))
        assert depth[45, 78] == pytest.approx(6.0) and depth[45, 70] == pytest.approx(10.0)


def test_what_lies_behind_the_camera_is_not_seen(renderer):
    color, depth = render(renderer, plate(-5.0))
    assert np.isinf(depth).all() and np.isfinite(color).all()


def test_a_cutout_has_holes_that_show_what_is_behind(renderer):
    bars = plate(5.0, 1.0, texture=Texture.BARS, cell=(0, 0))
    _, depth = render(renderer, join([bars, plate(10.0, 3.0)]))
    middle = depth[30:60, 62:94]
    near, far = np.isclose(middle, 5.0, rtol=1e-4), np.isclose(middle, 10.0, rtol=1e-4)
    assert (near | far).all() and near.mean() > 0.05 and far.mean() > 0.3


def test_paint_wins_over_the_road_it_lies_on(renderer):
    road = quads([[[-5, -20, 0], [200, -20, 0], [200, 20, 0], [-5, 20, 0]]], (0.05,) * 3)
    paint = quads([[[3, -1, 0.005], [100, -1, 0.005], [100, 1, 0.005], [3, 1, 0.005]]],
                  (0.8,) * 3, lift=0.08)
    color, depth = render(renderer, join([road, paint]))
    for row in (50, 60, 80):
        assert color[row, 78].mean() > 3 * color[row, 20].mean()
        assert depth[row, 78] == pytest.approx(depth[row, 20], rel=0.005)


def test_a_box_throws_a_shadow(renderer):
    ground = quads([[[-5, -60, 0], [200, -60, 0], [200, 60, 0], [-5, 60, 0]]], (0.3,) * 3)
    light = replace(random_light(np.random.default_rng(1)), sun=(0.0, 0.7071, 0.7071),
                    sun_color=(3.0, 3.0, 3.0), cloud=0.0, fog=0.0)
    box = quads(boxes((12, 0, 0), (2, 2, 3)), (0.5,) * 3)
    scene = renderer.scene(join([ground, box]), light, (12, 0, 0))
    points = torch.tensor([[12.0, -2.5, 0.0], [12.0, 2.5, 0.0]])
    lit = scene._lit(points, torch.tensor([[0, 0, 1.0]] * 2))
    assert lit[0] < 0.1 and lit[1] > 0.9


def test_a_sensor_gives_a_picture_of_the_asked_brightness():
    rng = np.random.default_rng(0)
    light = torch.rand(2, 48, 64, 3) * 5
    dark, bright = expose(light, [Sensor(exposure=0.05), Sensor(exposure=0.4)], rng)
    assert dark.dtype == np.uint8 and 20 < dark.mean() < 90 < 130 < bright.mean() < 220


@pytest.fixture(scope='module')
def drive():
    return SyntheticDrive(Plan(seed=3, frames=20, kind='residential'), CAMERA)


def test_equal_seeds_give_equal_frames_and_others_do_not(drive):
    again = SyntheticDrive(drive.plan, CAMERA)
    a, b = drive.frame(7), again.frame(7)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.depth, b.depth)
    assert not np.array_equal(a.image, drive.frame(8).image)
    other = SyntheticDrive(replace(drive.plan, seed=4), CAMERA)
    assert not np.array_equal(a.depth, other.frame(7).depth)


def test_the_camera_moves_at_its_speed(drive):
    first, last = drive.frame(0), drive.frame(19)
    way = np.linalg.norm(last.position - first.position)
    assert way == pytest.approx(drive.speed * 1.9, rel=0.02)
    np.testing.assert_allclose(first.rotation @ first.rotation.T, np.eye(3), atol=1e-9)
    assert first.position[2] == pytest.approx(drive.plan.mount.height, abs=0.05)


def test_the_camera_has_one_place_on_the_car(drive):
    places = []
    for number in (0, 10, 19):
        turn, position = drive.car(number)
        frame = drive.frame(number)
        places.append(turn.T @ (frame.position - position))
        # and the car is on the road
        assert np.linalg.norm(position - drive.place.spine.at(
            drive.speed * number / drive.plan.rate, drive._course._lane)) < 0.2
    np.testing.assert_allclose(places, [[0, 0, drive.plan.mount.height]] * 3, atol=1e-9)


def test_nothing_stands_where_the_car_drives():
    # A lorry was parked across the lane.
    parked = SyntheticDrive(Plan(seed=3, kind='car park'), CAMERA)
    assert np.median(parked.frame(0).depth) > 2


def test_the_lidar_sees_what_the_camera_sees(drive):
    frame, scan = drive.frame(5), drive.scan(5)
    turn, position = drive.car(5)
    lidar = position + turn @ (LIDAR_MOUNT + [0, 0, drive.plan.mount.height])
    to_camera = np.eye(4)
    to_camera[:3, :3] = frame.rotation @ turn
    to_camera[:3, 3] = frame.rotation @ (lidar - frame.position)
    assert scan.dtype == np.float32 and len(scan) > 30000
    points = scan.copy()
    seen = project_velodyne(points, to_camera, CAMERA)
    both = (seen > 0) & np.isfinite(frame.depth)
    ratio = seen[both] / frame.depth[both]
    # A pixel of so small a picture spans more of the road than the LiDAR's noise.
    assert both.sum() > 2000 and np.median(np.abs(ratio - 1)) < 0.05
    assert np.linalg.norm(scan[:, :3], axis=1).max() < 100.5
    assert 0 <= scan[:, 3].min() < scan[:, 3].max() <= 1


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_of_street_can_be_driven(kind):
    street = SyntheticDrive(Plan(seed=11, frames=2, rate=1.0, kind=kind), CAMERA)
    frame = street.frame(1)
    assert frame.image.shape == (96, 160, 3) and frame.image.std() > 5
    assert 0.3 < np.median(frame.depth) < 1000 and (frame.depth < 80).mean() > 0.3


@pytest.mark.parametrize('kind', ROOMS)
def test_a_robot_drives_through_every_kind_of_room(kind):
    """It comes somewhere, at its speed at most, and nothing stands where it is."""
    plan = Plan(seed=11, frames=120, rate=4.0, kind=kind, mount=Mount(0.5))
    room = SyntheticDrive(plan, CAMERA)
    places = np.array([room.car(number)[1] for number in range(120)])
    yaws = np.unwrap([np.arctan2(*room.car(number)[0][1::-1, 0]) for number in range(120)])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert np.ptp(places[:, :2], axis=0).max() > 0.6 and np.abs(places[:, 2]).max() < 1e-9
    assert steps.max() <= 0.4 / 4 + 1e-9 and np.abs(np.diff(yaws)).max() < 0.2
    assert all(room.place.free(x, y, 0.3) for x, y, _ in places)
    frame = room.frame(60)
    assert frame.image.std() > 5 and 0.3 < np.median(frame.depth) < 30
    assert room.scan(60).shape[1] == 4


def test_height_pitch_and_roll_are_those_of_the_mount():
    plan = Plan(seed=3, frames=1, kind='square')
    level, tilted = (SyntheticDrive(replace(plan, mount=m), CAMERA).frame(0) for m in (
        Mount(1.2), Mount(1.2, pitch=0.1)))
    assert level.position[2] - tilted.position[2] == pytest.approx(0, abs=1e-6)
    down = np.arcsin(level.rotation[2, 2]) - np.arcsin(tilted.rotation[2, 2])
    assert down == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize('changes, word', [
    ({'kind': 'river'}, 'river'), ({'frames': 0}, 'frame'), ({'rate': 0.0}, 'rate'),
    ({'frames': 5000, 'rate': 1.0}, 'longer'), ({'seed': -1}, 'seed'),
    ({'speed': float('nan')}, 'speed'), ({'mount': Mount(1.6, pitch=float('nan'))}, 'pitched')])
def test_what_cannot_be_driven_is_said(changes, word):
    with pytest.raises(DriveError, match=word):
        SyntheticDrive(replace(Plan(), **changes), CAMERA)


def test_a_bag_holds_what_a_robot_records_and_the_truth(tmp_path, capsys):
    pytest.importorskip('rosbags', reason='rosbags (the extra cli) is not installed')
    from depth_estimation_ros.evaluation.bag_samples import bag_samples
    bag = tmp_path / 'bag'
    assert main(['bag', 'synthesize', str(bag), '--frames', '3', '--seed', '2', '--size',
                 '480x144', '--kind', 'avenue']) == 0
    said = capsys.readouterr().out
    for topic in ('/camera/image_rect', '/camera/camera_info', '/truth/depth/image_rect',
                  '/truth/depth/camera_info', '/tf', '/tf_static', '/velodyne_points'):
        assert f'{topic} ' in said
    exact = [s.truth for s in bag_samples(bag, bag, '', '/truth/depth/image_rect',
                                          '/camera/image_rect', 'auto')]
    lidar = [s.truth for s in bag_samples(bag, bag, '', '/velodyne_points',
                                          '/camera/image_rect', 'auto')]
    assert len(exact) == len(lidar) == 3
    for depth, sparse in zip(exact, lidar):
        both = (depth > 0) & (sparse > 0)
        assert both.sum() > 1000
        assert np.median(np.abs(sparse[both] / depth[both] - 1)) < 0.03
    for wrong, words in ((('--size', 'big'), '--size big'), (('--size', '4096x4096'), 'million'),
                         (('--fov', '0'), 'give --camera'), (('--device', 'foo'), "'foo'")):
        assert main(['bag', 'synthesize', str(bag), *wrong]) == 1
        assert words in capsys.readouterr().err


def test_a_calibration_is_the_camera_of_the_street(tmp_path):
    file = tmp_path / 'camera.yaml'
    file.write_text(yaml.safe_dump({
        'image_width': 320, 'image_height': 128, 'distortion_model': 'plumb_bob',
        'camera_matrix': {'data': [200.0, 0, 170.0, 0, 210.0, 60.0, 0, 0, 1]},
        'distortion_coefficients': {'data': [0.0] * 5},
        'rectification_matrix': {'data': [1.0, 0, 0, 0, 1, 0, 0, 0, 1]},
        'projection_matrix': {'data': [200.0, 0, 170, 0, 0, 210, 60, 0, 0, 0, 1, 0]}}))
    assert drive_camera(str(file), None, None) == PinholeCamera(320, 128, 200, 210, 170, 60)
    assert drive_camera(str(file), None, (640, 256)).fx == 400
    assert drive_camera('', None, None).width == 640
    with pytest.raises(DriveError, match='give one of them'):
        drive_camera(str(file), 82.0, None)


def test_sigterm_leaves_nothing_half_made(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'bag', 'synthesize',
         str(tmp_path / 'bag'), '--frames', '200', '--size', '160x96'], cwd=REPOSITORY)
    while not list(tmp_path.rglob('*.mcap')):
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    # Python itself gives the second where the interrupt came while code was being exec'd.
    assert process.wait(30) in (130, -signal.SIGINT) and not list(tmp_path.iterdir())


# -- rooms --

@pytest.fixture(scope='module')
def things():
    return library(0)


@pytest.mark.parametrize('kind', rooms.KINDS)
def test_every_kind_of_room_is_closed_and_can_be_looked_at(kind, renderer, things):
    rng = np.random.default_rng([3, list(rooms.KINDS).index(kind)])
    room = rooms.random_room(rng, things, kind)
    places = [room.random_place(rng) for _ in range(3)]
    for _, position in places:
        assert 0.15 <= position[2] < room.height and room.free(*position)
    frames = take(renderer, room, places, [CAMERA] * 3, [Sensor()] * 3, rng)
    for frame in frames:
        assert frame.image.std() > 2 and np.median(frame.depth) < 40
        if kind not in rooms.BETWEEN:  # sky is seen through windows only
            assert np.isinf(frame.depth).mean() < 0.35


def test_equal_seeds_give_equal_rooms(things):
    one, other = (rooms.random_room(np.random.default_rng(5), things) for _ in range(2))
    assert one.kind == other.kind
    np.testing.assert_array_equal(one.fixed.corners, other.fixed.corners)


def test_what_gives_the_scale_has_its_size():
    """Tables, seats, doors, worktops: DIN 68840, EN 1335, DIN 18101."""
    rng = np.random.default_rng(1)

    def top(mesh):
        return mesh.corners[..., 2].max()

    for _ in range(20):
        bare = household.table(rng, 0.8, 1.4, 0.74).corners
        assert bare[..., 2].min() == 0 and 0.739 < np.sort(bare[..., 2].ravel())[-1] < 1.1
        assert 0.8 <= top(household.chair(rng)) <= 1.0
        assert 1.8 <= top(household.wardrobe(rng)) <= 2.36
        assert 0.3 < top(household.sofa(rng)) < 1.1
    assert DOOR == (0.9, 2.03)


def test_a_lamp_lights_what_it_sees_and_nothing_behind_a_board(renderer):
    """Twice as far away its light is a quarter; a board between throws a shadow."""
    floor = quads([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]], (0.5, 0.5, 0.5))
    board = boxes((6.0, -1.0, 1.0), (1.6, 1.6, 0.02), bottom=True)
    mesh = join([floor, quads(board, (0.5, 0.5, 0.5))])

    def lit(height):
        light = replace(random_light(np.random.default_rng(1)), sun_color=(0.0, 0.0, 0.0),
                        horizon=(0.0,) * 3, zenith=(0.0,) * 3, fog=0.0, lamps=(
                            Lamp((6.0, 0.0, height), (0.0, 0.0, -1.0), (1.0, 1.0, 1.0)),))
        roof = quads([[-20, -20, 30], [20, -20, 30], [20, 20, 30], [-20, 20, 30]], (0.5,) * 3)
        scene = renderer.scene(join([mesh, roof]), light, (6.0, 0.0, 0.0))
        points = torch.tensor([[6.0, 0.5, 0.0], [6.0, -1.2, 0.0]])
        return scene._from_lamps(points, torch.tensor([[0.0, 0.0, 1.0]] * 2))[:, 0]

    near, far = lit(2.0), lit(4.0)
    assert near[0] == pytest.approx((4 / 4.25) / 4.25, rel=0.06)
    assert far[0] == pytest.approx((16 / 16.25) / 16.25, rel=0.06)
    assert near[1] == far[1] == 0


def test_a_branch_is_drawn_where_it_is_and_nowhere_else(monkeypatch):
    drawn = textures._branches(None, np.random.default_rng(3))
    monkeypatch.setattr(textures, '_window', lambda *_: slice(None))  # all pixels, each stroke
    np.testing.assert_array_equal(drawn, textures._branches(None, np.random.default_rng(3)))
