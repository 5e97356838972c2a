# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`depth_estimation view`: what the page is sent, who may look, and the page in a real browser."""
from contextlib import contextmanager
from http.client import HTTPConnection
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

from depth_estimation_ros.commands.view import Player
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.synthetic.bag import synthesize
from depth_estimation_ros.synthetic.drive import drive_camera, Mount, Plan, SyntheticDrive
from depth_estimation_ros.viewing.screen import codes, FARTHEST, Frame, NEAREST, Screen, STEPS
from depth_estimation_ros.viewing.server import MOST, Server, ViewError
from films import write_film
from harness import depth_array, image, info, REPOSITORY, served, wait
from key_init import synth
import numpy as np
import pytest

CAMERA = PinholeCamera(320, 96, 185.6, 184.3, 156.8, 45.1)


def frame(metres=5.0, size=(320, 96), **more):
    depth = np.full(size[::-1], metres, np.float32)
    return Frame(np.full((*size[::-1], 3), 77, np.uint8), depth, CAMERA, **more)


def parts(data):
    """Return head, JPEG, codes and confidence of a frame as it is sent."""
    lengths = struct.unpack('<4I', data[:16])
    at = np.cumsum([16, *lengths])
    assert at[-1] == len(data)
    head, jpeg, depth, sure = (data[a:b] for a, b in zip(at, at[1:]))
    return json.loads(head), jpeg, np.frombuffer(depth, '<u2'), np.frombuffer(sure, np.uint8)


def metres(code):
    return NEAREST * np.exp((code.astype(float) - 1) / STEPS * np.log(FARTHEST / NEAREST))


def test_depth_comes_through_to_a_hundredth_of_a_percent():
    depth = np.geomspace(NEAREST, FARTHEST, 96 * 320).reshape(96, 320).astype(np.float32)
    np.testing.assert_allclose(metres(codes(depth)), depth, rtol=1e-4)
    odd = codes(np.array([[np.nan, -np.inf, 0, np.inf, 1e9, 1e-9]], np.float32))
    assert odd.tolist() == [[0, 0, 0, 65535, 65535, 1]]


def test_a_frame_is_encoded_once_for_all_and_only_if_somebody_looks():
    screen, made = Screen(), []

    def make(value):
        made.append(value)
        return frame(value, confidence=np.full((96, 320), 0.5), position=3, length=9,
                     facts={'model': 'x'}, complaints=['look here'])

    for value in (1.0, 2.0, 3.0):
        screen.show(lambda value=value: make(value))
    first, again = screen.wait(0, 1), screen.wait(0, 1)
    assert made == [3.0] and first is again and screen.wait(3, 0.01) == b''
    head, jpeg, depth, sure = parts(first)
    assert (head['number'], head['width'], head['height']) == (3, 320, 96)
    assert head['camera'] == [185.6, 184.3, 156.8, 45.1] and head['complaints'] == ['look here']
    assert head['facts'] == [['model', 'x']] and (head['position'], head['length']) == (3, 9)
    assert jpeg[:2] == b'\xff\xd8' and (sure == 128).all()
    np.testing.assert_allclose(metres(depth), 3.0, rtol=1e-3)


def test_large_pictures_are_thinned_and_the_bar_only_grows():
    screen = Screen()
    ranges = []
    for value in (3.0, 30.0, 0.3, 3.0):
        screen.show(lambda value=value: frame(value, (2000, 600)))
        head, _, depth, _ = parts(screen.wait(0, 1))
        ranges.append((head['near'], head['far']))
    assert (head['width'], head['height'], len(depth)) == (667, 200, 667 * 200)
    assert head['camera'] == pytest.approx([v / 3 for v in (185.6, 184.3, 156.8, 45.1)])
    assert ranges == [(2.0, 5.0), (2.0, 40.0), (0.2, 40.0), (0.2, 40.0)]


@contextmanager
def serving(screen, control=lambda wanted: None, host='127.0.0.1'):
    server = Server(screen, host, 0, control)
    address = server.start()
    try:
        yield server, int(address.rpartition(':')[2])
    finally:
        server.close()


def ask(port, path='/', method='GET', body=None, timeout=20, **headers):
    """Return status and body."""
    connection = HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request(method, path, body, {
            name.replace('_', '-'): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_only_its_own_name_is_answered_and_nothing_else_is_served():
    with serving(Screen()) as (_, port):
        status, page = ask(port)
        assert status == 200 and b'<title>depth_estimation view' in page
        # Nothing is fetched from elsewhere.
        assert not re.search(rb'(src|href)=|https?://|@import|url\(', page)
        for host, expected in ((f'localhost:{port}', 200), ('127.0.0.1', 200), ('[::1]', 200),
                               ('evil.example', 403), (f'evil.example:{port}', 403), ('', 403)):
            assert ask(port, Host=host)[0] == expected, host
        for path in ('/etc/passwd', '/../setup.py', '/page.html'):
            assert ask(port, path)[0] == 404


def test_visitors_control_a_recording_and_other_sites_do_not():
    heard = []
    with serving(Screen(), heard.append) as (_, port):
        def post(body, kind='application/json', path='/control', **headers):
            return ask(port, path, 'POST', body, Content_Type=kind, **headers)[0]

        assert post('{"pause": true}') == 204 and post('{"position": 7, "x": 1}') == 204
        assert heard == [{'pause': True}, {'position': 7}]
        for answer in (post('{"pause": 1}', 'text/plain'), post('{}', path='/'),
                       post('{}', Host='evil.example'), post('1' * 2000)):
            assert answer == 403
        for body in ('', '{', '[' * 900, '{"position": 1e999}', '{"position": []}', '3'):
            assert post(body) == 400, body
        assert len(heard) == 2


def test_ten_browsers_see_each_newest_frame_and_too_many_are_turned_away():
    screen, seen = Screen(), [[] for _ in range(10)]
    with serving(screen) as (server, port):
        def look(mine):
            after = 0
            while after < 20:
                status, body = ask(port, f'/frame?after={after}')
                assert status == 200
                after = parts(body)[0]['number']
                mine.append(after)

        threads = [threading.Thread(target=look, args=(mine,)) for mine in seen]
        for thread in threads:
            thread.start()
        for number in range(20):
            time.sleep(0.05)
            screen.show(lambda number=number: frame(1.0 + number))
        for thread in threads:
            thread.join(20)
        assert all(mine == sorted(set(mine)) and mine[-1] == 20 for mine in seen)
        # Browsers that hang leave room after a while, not threads.
        idle = [HTTPConnection('127.0.0.1', port, timeout=5) for _ in range(MOST)]
        for connection in idle:
            connection.connect()
        wait(lambda: server._room._value == 0, 10, lambda: 'not all are connected')
        with pytest.raises(OSError):
            ask(port)
        for connection in idle:
            connection.close()
        wait(lambda: server._room._value == MOST, 10, lambda: 'not all are gone')
        assert ask(port)[0] == 200


def test_a_port_that_is_taken_is_one_sentence():
    with serving(Screen()) as (_, port), pytest.raises(ViewError, match='--port'):
        Server(Screen(), '127.0.0.1', port, print)
    with pytest.raises(ViewError, match='--port 70000'):
        Server(Screen(), '127.0.0.1', 70000, print)


def test_a_player_stands_still_and_goes_where_it_is_told():
    player, start = Player(), time.monotonic()
    player.control({'pause': True})
    waiting = threading.Thread(target=player.wait, args=(0.0,))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()
    player.control({'position': 4})
    waiting.join(5)
    assert not waiting.is_alive() and player.taken() == 4 and player.taken() is None
    assert player.paused and time.monotonic() - start < 5


@contextmanager
def command(*arguments, domain=None):
    """Run `view`, give the address that it prints; it ends at Ctrl-C with code 0."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'view', '--port', '0',
         *map(str, arguments)], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **({'ROS_DOMAIN_ID': str(domain)} if domain else {})})
    try:
        line = process.stdout.readline()
        assert line.startswith('http://127.0.0.1:'), process.stderr.read()
        yield line.split()[0]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0 and 'Traceback' not in errors, errors
    finally:
        process.kill()


def number_of(address, after=0):
    status, body = ask(int(address.rpartition(':')[2]), f'/frame?after={after}', timeout=60)
    assert status == 200
    return parts(body)


def test_a_film_is_shown_over_and_over_and_from_where_one_likes(tmp_path):
    film = write_film(tmp_path / 'street.mp4', 6)
    with command(film, '--fov', 80) as address:
        head, _, depth, sure = number_of(address)
        assert head['length'] == 6 and head['width'] == 320 and sure.any() and depth.any()
        assert dict(head['facts'])['scene'] in ('street', 'room')
        port = int(address.rpartition(':')[2])

        def post(**wanted):
            ask(port, '/control', 'POST', json.dumps(wanted), Content_Type='application/json')

        post(pause=True)
        post(position=4)
        wait(lambda: number_of(address)[0]['position'] == 4, 30, lambda: 'it did not go there')
        assert ask(port, f'/frame?after={number_of(address)[0]["number"]}')[0] == 204
        post(pause=False)
        wait(lambda: number_of(address)[0]['position'] == 1, 30, lambda: 'it did not begin again')


def test_a_generated_room_is_shown_from_its_bag(tmp_path):
    bag = tmp_path / 'living'
    synthesize(SyntheticDrive(Plan(seed=5, frames=3, kind='living', mount=Mount(0.9)),
                              drive_camera('', 80.0, (160, 128))), bag, lidar=False)
    with command(bag) as address:
        head, _, depth, _ = number_of(address)
        assert head['length'] == 3 and head['width'] == 160 and depth.any()


def test_what_cannot_be_shown_is_one_sentence(tmp_path):
    for arguments, words in (([tmp_path / 'none.mp4', '--fov', 80], 'is not there'),
                             ([write_film(tmp_path / 'a.mp4', 2)], '--fov'),
                             ([tmp_path, '--scene', 'room', '--model', 'monodepth2'], 'weights')):
        done = subprocess.run([sys.executable, '-m', 'depth_estimation_ros.cli', 'view',
                               *map(str, arguments)], cwd=REPOSITORY, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 1 and words in done.stderr and done.stderr.count('\n') == 1


def test_the_page_of_a_running_node_in_a_browser(browser):
    """It opens, turns points, and says the distance that the node has published there."""
    from selenium.webdriver.common.action_chains import ActionChains
    with served({'max_depth': 1000.0}, outputs=('depth/image_rect',)) as (node, robot):
        robot.send_info(info(CAMERA))
        depth = depth_array(robot.ask(image(synth(96, 320)[..., ::-1])))
        with command(domain=node.domain) as address:
            browser.get(address)

            def shown():
                robot.send(image(synth(96, 320)[..., ::-1]))
                time.sleep(0.2)
                return browser.execute_script('return window.shown || 0')

            wait(lambda: shown() > 2, 60, lambda: browser.find_element('id', 'complaints').text)
            picture = browser.find_element('id', 'depth')
            for x, y in ((0.5, 0.9), (0.21, 0.43), (0.8, 0.7)):
                ActionChains(browser).move_to_element_with_offset(
                    picture, round((x - 0.5) * picture.size['width']),
                    round((y - 0.5) * picture.size['height'])).perform()
                u, v, said = browser.execute_script(
                    'return [Math.floor(mouse[0] * frame.width), Math.floor(mouse[1] * '
                    "frame.height), document.getElementById('distance').textContent]")
                found = re.match(r'([\d.]+) m ahead', said)
                assert float(found[1]) == pytest.approx(depth[v, u], rel=0.01, abs=0.006)
            count, width = browser.execute_script('return [buffers.count, frame.width]')
            assert count > 0.5 * 320 * 96 and width == 320
            # Something is drawn, and dragging turns it.
            ends = []
            for _ in range(2):
                ends.append(browser.execute_script(
                    "cloud(); return document.getElementById('cloud').toDataURL()"))
                ActionChains(browser).drag_and_drop_by_offset(
                    browser.find_element('id', 'cloud'), 120, 0).perform()
            assert len(set(ends)) == 2 and len(ends[0]) > 5000
            facts = browser.find_element('id', 'facts').text
            assert 'scale source' in facts and 'age p50 (ms)' in facts
            assert not [entry for entry in browser.get_log('browser')
                        if entry['level'] == 'SEVERE' and 'favicon' not in entry['message']]
