# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Films that are written: by ffmpeg where there is one, by OpenCV where not; whole either way."""
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import os
import threading
import time

from depth_estimation_ros.drives import DriveError, film_writing
from depth_estimation_ros.drives.film_writing import codec, ffmpeg, FilmWriter, MPEG4, opencv, VP9
from depth_estimation_ros.drives.video import Film
from films import drawing, number
import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(not ffmpeg(), reason='ffmpeg with libx264 is not installed')
needs_vp9 = pytest.mark.skipif(opencv() != VP9, reason='this OpenCV does not encode VP9')
WAYS = [pytest.param('H.264', marks=needs_ffmpeg), pytest.param('VP9', marks=needs_vp9), 'MPEG-4']


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    if request.param != 'H.264':
        monkeypatch.setattr(film_writing, 'ffmpeg', lambda: None)
        monkeypatch.setattr(film_writing, 'opencv', lambda: {
            'VP9': VP9, 'MPEG-4': MPEG4}[request.param])
    return request.param


def write(path, count=6):
    first = drawing(0)
    film = FilmWriter(path, 12.5, first.shape[1::-1])
    for i in range(count):
        film.write(drawing(i))
    film.release()
    return film


def test_what_is_written_is_read_again(way, tmp_path):
    film = write(tmp_path / 'a.mp4')
    source = Film(tmp_path / 'a.mp4')
    assert [number(frame.image) for frame in source] == list(range(6))
    assert source.fps == pytest.approx(12.5) and len(source) == 6
    assert codec().startswith(way) and ('browsers do not play' in codec()) == (way == 'MPEG-4')
    film.release()  # a second time is no matter


def test_a_folder_that_is_not_there_is_one_sentence(way, tmp_path):
    with pytest.raises(DriveError):
        write(tmp_path / 'none' / 'a.mp4', 200)


@needs_ffmpeg
def test_ctrl_c_does_not_reach_the_encoder(tmp_path):
    film = FilmWriter(tmp_path / 'a.mp4', 10, drawing(0).shape[1::-1])
    film.write(drawing(0))
    assert os.getpgid(film._process.pid) != os.getpgid(0)
    film.write(drawing(1))
    film.release()
    assert len(list(Film(tmp_path / 'a.mp4'))) == 2


@needs_ffmpeg
def test_an_encoder_that_dies_is_one_sentence(tmp_path):
    film = FilmWriter(tmp_path / 'a.mp4', 10, (1920, 1080))
    film._process.kill()
    film._process.stdin.flush()
    with pytest.raises(DriveError, match='ffmpeg'):
        for _ in range(50):
            film.write(np.zeros((1080, 1920, 3), np.uint8))
            time.sleep(0.05)


def test_it_plays_in_a_browser(way, browser, tmp_path):
    if way == 'MPEG-4':
        pytest.skip('browsers do not play it, and codec() says so')
    write(tmp_path / 'a.mp4', 30)
    (tmp_path / 'index.html').write_text('<video id="film" src="a.mp4" muted></video>')

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        browser.get(f'http://127.0.0.1:{server.server_address[1]}/')
        ended = browser.execute_async_script("""
            const done = arguments[0], film = document.getElementById('film');
            film.onended = () => done([film.videoWidth, film.currentTime, null]);
            film.onerror = () => done([0, 0, film.error.message]);
            film.play().catch(error => done([0, 0, String(error)]));""")
    finally:
        server.shutdown()
        server.server_close()
    assert ended[2] is None and ended[0] == drawing(0).shape[1]
    assert ended[1] == pytest.approx(30 / 12.5, abs=0.2)
