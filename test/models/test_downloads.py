# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fetching weights, with a server on loopback in the place of their owners'."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
import errno
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import io
from pathlib import Path
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from urllib.error import URLError
from urllib.request import Request
import zipfile

from depth_estimation_ros.models import catalogue, downloads, networks
from depth_estimation_ros.models.contract import Download, Entry, ScaleKind
from depth_estimation_ros.models.downloads import checkpoint, DownloadError, fetch, place, present
from depth_estimation_ros.models.weights import load_checkpoint, WeightsError
import pytest
import torch

FILES = ('encoder.pth', 'depth.pth')
DATA = random.Random(5).randbytes(3_000_000)
OTHER = random.Random(6).randbytes(3_000_000)
HALF = 1_400_000

CHILD = """
import sys
from types import SimpleNamespace
from depth_estimation_ros.models.downloads import fetch
published = SimpleNamespace(url=sys.argv[1], name='net.pth', size=None, sha256=None, md5=None)
entry = SimpleNamespace(name='net', downloads=(published,), files=('net.pth',), commercial=True,
                        shipped=None)
print('starts', flush=True)
print(fetch(entry))
assert 'torch' not in sys.modules and 'rclpy' not in sys.modules
"""


@dataclass
class Page:
    """What the server has at an address, and how well it serves it."""

    data: bytes = DATA
    headers: dict[str, str] = field(default_factory=lambda: {'ETag': '"one"'})
    status: int = 200
    has_ranges: bool = True
    framing: str = 'length'  # or 'chunked', or 'none': the end is where the connection closes
    breaks_after: int | None = None
    waits_after: int | None = None  # for `site.go_on`
    content_range: str | None = None  # a wrong one


class Site:
    """A server: its pages by path, and what it was asked: (path, Range, If-Range)."""

    def __init__(self):
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.agents: list[str] = []
        self.go_on = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                site.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        page = self.pages[request.path]
        wanted, if_range = (request.headers[name] for name in ('Range', 'If-Range'))
        self.asked.append((request.path, wanted, if_range))
        self.agents.append(request.headers['User-Agent'])
        start, status, headers = 0, page.status, dict(page.headers)
        if wanted and page.has_ranges and if_range in (None, page.headers.get('ETag')):
            start = int(wanted.removeprefix('bytes=').removesuffix('-'))
            status = 206 if start < len(page.data) else 416
            total = len(page.data)
            headers['Content-Range'] = page.content_range or (
                f'bytes {start}-{total - 1}/{total}' if status == 206 else f'bytes */{total}')
        body = page.data[start:]
        if page.framing == 'length':
            headers['Content-Length'] = str(len(body))
        elif page.framing == 'chunked':
            headers['Transfer-Encoding'] = 'chunked'
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.close_connection = True
        if page.framing == 'chunked':
            request.wfile.write(f'{len(body):x}\r\n'.encode())
        if page.waits_after is not None:
            request.wfile.write(body[:page.waits_after])
            self.go_on.wait(30)
            body = body[page.waits_after:]
        try:
            request.wfile.write(body[:page.breaks_after])
            if page.framing == 'chunked' and page.breaks_after is None:
                request.wfile.write(b'\r\n0\r\n\r\n')
        except ConnectionError:
            pass  # the other side was killed


@pytest.fixture
def site(monkeypatch, tmp_path):
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    site = Site()
    yield site
    site.go_on.set()
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def one(site) -> Entry:
    """Return an entry of one file, without a published checksum."""
    site.pages['/net.pth'] = Page()
    return entry(Download(f'{site.url}/net.pth', 'net.pth'), files=('net.pth',))


def entry(*published: Download, files: tuple[str, ...] = FILES, **changes) -> Entry:
    return replace(Entry(
        'net', 1.0, '640x192', 'streets', ScaleKind.UP_TO_SCALE, 'A licence', True,
        'https://owner.example/net', '', files=files, downloads=published), **changes)


def with_sums(of: Entry, **sums) -> Entry:
    return replace(of, downloads=(replace(of.downloads[0], **sums),))


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def zipped(site: Site, data: bytes, name: str = 'mono.zip') -> Entry:
    site.pages[f'/{name}'] = Page(data)
    return entry(Download(f'{site.url}/{name}', name))


def good_members() -> dict[str, bytes]:
    file = io.BytesIO()
    torch.save({'weight': torch.arange(1000.0)}, file)
    return {'mono/': b'', **{f'mono/{name}': file.getvalue() for name in FILES}}


def left(of: Entry) -> list[str]:
    """Return the files in an entry's folder, but for the lock."""
    return sorted(path.name for path in place(of).glob('*'))


def refused(of: Entry, *words: str, **how) -> str:
    """Fetch what must not be taken: one sentence with `words`, nothing of it under its name."""
    with pytest.raises(DownloadError) as caught:
        fetch(of, **how)
    message = str(caught.value)
    assert '\n' not in message and not message.endswith('.')
    for word in words:
        assert word in message
    assert not present(of)
    assert not any((place(of) / download.name).exists() for download in of.downloads)
    return message


def break_off(site: Site, of: Entry) -> None:
    """Let a fetch of /net.pth end after HALF of it."""
    site.pages['/net.pth'].breaks_after = HALF
    refused(of, 'broke off after 1.4 MB of 3.0 MB', 'fetch again')
    assert (place(of) / 'net.pth.part').read_bytes() == DATA[:HALF]
    site.pages['/net.pth'].breaks_after = None
    site.asked.clear()


def child(of: Entry) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, '-c', CHILD, of.downloads[0].url], text=True, stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2])
    assert process.stdout.readline() == 'starts\n'
    return process


# Where weights lie

def test_the_cache_is_where_the_user_or_xdg_says(monkeypatch, tmp_path):
    monkeypatch.delenv('DEPTH_ESTIMATION_CACHE', raising=False)
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setenv('HOME', '/home/robot')
    assert downloads.cache_folder() == Path('/home/robot/.cache/depth_estimation_ros')
    monkeypatch.setenv('XDG_CACHE_HOME', '/var/cache/robot')
    assert downloads.cache_folder() == Path('/var/cache/robot/depth_estimation_ros')
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', '~/weights')
    assert downloads.cache_folder() == Path('/home/robot/weights')
    assert place(entry()) == Path('/home/robot/weights/net')


# Good files

def test_a_file_is_fetched_recorded_and_told_of(site, one):
    told = []
    assert not present(one)
    assert fetch(one, progress=lambda *numbers: told.append(numbers)) == place(one)
    assert (place(one) / 'net.pth').read_bytes() == DATA
    assert present(one) and left(one) == ['SHA256SUMS', 'net.pth']
    assert downloads.record(one) == {'net.pth': hashlib.sha256(DATA).hexdigest()}
    subprocess.run(['sha256sum', '--strict', '-c', 'SHA256SUMS'], cwd=place(one), check=True,
                   capture_output=True)
    assert told[-1] == (len(DATA), len(DATA)) and sorted(told) == told
    assert site.asked == [('/net.pth', None, None)]
    assert site.agents == [f'depth_estimation_ros/{downloads.__version__}']


def test_what_is_there_is_not_fetched_again_unless_it_is_damaged(site, one):
    fetch(one)
    fetch(one)
    assert len(site.asked) == 1
    (place(one) / 'net.pth').write_bytes(DATA[:HALF])
    fetch(one)
    assert len(site.asked) == 2
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_a_file_that_was_put_there_by_hand_is_not_taken_for_fetched(site, one):
    place(one).mkdir(parents=True)
    (place(one) / 'net.pth').write_bytes(DATA[:HALF])
    assert not present(one)
    fetch(one)
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_a_published_zip_stays_one_and_is_loaded_as_it_is(site):
    mono = zipped(site, archive(good_members()))
    path = fetch(mono)
    assert path == checkpoint(mono) == place(mono) / 'mono.zip'
    assert left(mono) == ['SHA256SUMS', 'mono.zip']
    loaded = load_checkpoint(path, FILES)
    assert torch.equal(loaded.files['depth.pth']['weight'], torch.arange(1000.0))


def test_a_checkpoint_of_two_files_is_present_when_both_are(site):
    both = entry(*(Download(f'{site.url}/{name}', name) for name in FILES))
    site.pages['/encoder.pth'] = Page(DATA)
    site.pages['/depth.pth'] = Page(b'', status=404)
    with pytest.raises(DownloadError, match='404'):
        fetch(both)
    assert not present(both)
    site.pages['/depth.pth'] = Page(OTHER)
    assert fetch(both) == checkpoint(both) == place(both)
    assert present(both) and sorted(downloads.record(both)) == ['depth.pth', 'encoder.pth']
    assert [path for path, *_ in site.asked] == ['/encoder.pth', '/depth.pth', '/depth.pth']


def test_the_published_sums_are_compared(site, one):
    right = {'size': len(DATA), 'md5': hashlib.md5(DATA).hexdigest(),
             'sha256': hashlib.sha256(DATA).hexdigest()}
    for what, wrong in (('md5', 'MD5'), ('sha256', 'SHA-256')):
        refused(with_sums(one, **{**right, what: '0' * 32}), f'{site.url}/net.pth has the {wrong}',
                right[what], '0' * 32, '--from FILE')
        assert left(one) == []
    fetch(with_sums(one, **right))
    assert present(with_sums(one, **right))
    assert not present(with_sums(one, **{**right, 'sha256': '0' * 64}))  # a newer one is out


def test_a_file_of_another_size_than_published_is_not_even_fetched(site, one):
    refused(with_sums(one, size=1000), '3000000 bytes', '1000')
    assert left(one) == []


def test_a_file_that_changed_on_the_server_is_kept_out(site, one):
    fetch(one)
    (place(one) / 'net.pth').unlink()
    site.pages['/net.pth'] = Page(OTHER)
    refused(one, 'is not what was fetched the first time', f'delete {place(one)}')
    assert left(one) == ['SHA256SUMS']
    shutil.rmtree(place(one))
    fetch(one)
    assert (place(one) / 'net.pth').read_bytes() == OTHER


def test_a_newly_published_checksum_outweighs_the_record(site, one):
    fetch(one)
    site.pages['/net.pth'] = Page(OTHER)
    newer = with_sums(one, md5=hashlib.md5(OTHER).hexdigest())
    fetch(newer)
    assert (place(one) / 'net.pth').read_bytes() == OTHER
    assert downloads.record(one)['net.pth'] == hashlib.sha256(OTHER).hexdigest()


# Connections that break

def test_a_broken_connection_is_resumed_where_it_broke(site, one):
    break_off(site, one)
    with pytest.raises(WeightsError, match='holds no file net.pth'):
        load_checkpoint(checkpoint(one), ('net.pth',))
    fetch(one)
    assert site.asked == [('/net.pth', f'bytes={HALF}-', '"one"')]
    assert (place(one) / 'net.pth').read_bytes() == DATA
    assert left(one) == ['SHA256SUMS', 'net.pth']


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(site, one):
    break_off(site, one)
    site.pages['/net.pth'] = Page(OTHER, {'ETag': '"two"'})
    fetch(one)
    assert site.asked == [('/net.pth', f'bytes={HALF}-', '"one"')]  # If-Range: a 200 came
    assert (place(one) / 'net.pth').read_bytes() == OTHER


def test_a_server_without_ranges_is_asked_for_all(site, one):
    break_off(site, one)
    site.pages['/net.pth'].has_ranges = False
    fetch(one)
    assert len(site.asked) == 1
    assert (place(one) / 'net.pth').read_bytes() == DATA


@pytest.mark.parametrize('content_range', [
    'bytes 0-2999999/3000000', f'bytes {HALF}-3999999/4000000', f'bytes {HALF}-2000000/3000000',
    f'bytes {HALF}-2999999/*', 'none'])
def test_an_answer_that_is_not_the_rest_is_not_joined_on(site, one, content_range):
    break_off(site, one)
    site.pages['/net.pth'].content_range = content_range
    fetch(one)
    assert [wanted for _, wanted, _ in site.asked] == [f'bytes={HALF}-', None]
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_a_rest_with_another_etag_is_not_joined_on(site, one, monkeypatch):
    break_off(site, one)
    site.pages['/net.pth'] = Page(OTHER, {'ETag': '"two"'})
    answer = site.answer

    def deaf(request):  # to If-Range, as some servers are
        del request.headers['If-Range']
        answer(request)

    monkeypatch.setattr(site, 'answer', deaf)
    fetch(one)
    assert [wanted for _, wanted, _ in site.asked] == [f'bytes={HALF}-', None]
    assert (place(one) / 'net.pth').read_bytes() == OTHER


def test_without_a_validator_only_a_checksum_lets_it_go_on(site, one):
    site.pages['/net.pth'].headers = {}
    break_off(site, one)
    fetch(one)
    assert site.asked == [('/net.pth', None, None)]
    shutil.rmtree(place(one))
    known = with_sums(one, md5=hashlib.md5(DATA).hexdigest())
    break_off(site, known)
    fetch(known)
    assert site.asked == [('/net.pth', f'bytes={HALF}-', None)]
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_two_halves_of_different_files_are_told_by_the_checksum_and_not_kept(site, one):
    site.pages['/net.pth'].headers = {}
    known = with_sums(one, md5=hashlib.md5(DATA).hexdigest())
    break_off(site, known)
    site.pages['/net.pth'] = Page(OTHER, {})
    refused(known, 'MD5')
    assert left(one) == []


def test_a_part_beyond_the_end_is_dropped(site, one):
    site.pages['/net.pth'].framing = 'chunked'  # so that the size is not known
    site.pages['/net.pth'].breaks_after = HALF
    refused(one, 'broke off after 1.4 MB (')
    site.pages['/net.pth'] = Page(DATA[:1000])
    site.asked.clear()
    fetch(one)
    assert [wanted for _, wanted, _ in site.asked] == [f'bytes={HALF}-', None]  # 416 came
    assert (place(one) / 'net.pth').read_bytes() == DATA[:1000]


def test_a_part_of_another_address_is_not_gone_on_with(site, one):
    break_off(site, one)
    site.pages['/newer.pth'] = Page(OTHER)
    fetch(with_sums(one, url=f'{site.url}/newer.pth'))
    assert site.asked == [('/newer.pth', None, None)]
    assert (place(one) / 'net.pth').read_bytes() == OTHER


def test_a_download_that_was_killed_after_its_last_byte_needs_no_network(site, one):
    break_off(site, one)
    (place(one) / 'net.pth.part').write_bytes(DATA)
    assert not present(one)
    fetch(one)
    assert site.asked == [] and (place(one) / 'net.pth').read_bytes() == DATA


@pytest.mark.parametrize('name', ['SHA256SUMS', 'net.pth'])
def test_a_kill_before_the_record_or_the_name_leaves_nothing(site, one, monkeypatch, name):
    real = downloads._replace

    def killed(part, path):
        if path.name == name:
            raise KeyboardInterrupt
        real(part, path)

    with monkeypatch.context() as patch:
        patch.setattr(downloads, '_replace', killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(one)
    assert not present(one) and 'net.pth' not in left(one)
    fetch(one)
    assert present(one) and len(site.asked) == 1


def test_chunked_answers_are_taken_whole(site, one):
    site.pages['/net.pth'].framing = 'chunked'
    fetch(one)
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_an_end_that_cannot_be_told_from_a_break_is_refused(site, one):
    site.pages['/net.pth'].framing = 'none'
    refused(one, 'how long')
    sized = with_sums(one, size=len(DATA))
    site.pages['/net.pth'].breaks_after = HALF
    refused(sized, f'has the size {HALF}')
    site.pages['/net.pth'].breaks_after = None
    fetch(sized)
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_a_killed_process_leaves_a_part_that_the_next_goes_on_with(site, one):
    site.pages['/net.pth'].waits_after = HALF
    process = child(one)
    part = place(one) / 'net.pth.part'
    until = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > HALF - 100_000):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not present(one)
    process.kill()
    process.communicate(timeout=20)
    assert not present(one) and 'net.pth' not in left(one)
    came = part.stat().st_size
    assert part.read_bytes() == DATA[:came]
    site.pages['/net.pth'].waits_after = None
    site.asked.clear()
    fetch(one)
    assert site.asked == [('/net.pth', f'bytes={came}-', '"one"')]
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_of_two_processes_at_once_one_fetches_and_the_other_waits(site, one):
    site.pages['/net.pth'].waits_after = HALF
    processes = [child(one), child(one)]
    time.sleep(0.3)
    assert not present(one)
    assert all(process.poll() is None for process in processes)
    site.go_on.set()
    for process in processes:
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0 and said == f'{place(one)}\n'
    assert site.asked == [('/net.pth', None, None)]
    assert present(one) and (place(one) / 'net.pth').read_bytes() == DATA


# Servers that answer otherwise

def test_a_web_page_is_told_from_the_file(site, one):
    page = b' <!DOCTYPE html><html><title>Cannot scan for viruses</title></html>'
    site.pages['/net.pth'] = Page(page, {'Content-Type': 'text/html; charset=utf-8'})
    refused(one, 'web page', f'get {site.url}/net.pth by hand', 'models fetch net --from FILE')
    site.pages['/net.pth'] = Page(page, {'Content-Type': 'application/octet-stream'})
    refused(one, 'web page', 'models fetch net --from FILE')
    site.pages['/net.pth'] = Page(b'')
    refused(one, 'is empty')
    assert left(one) == []


def test_a_web_page_in_between_costs_nothing_of_what_has_come(site, one):
    break_off(site, one)
    site.pages['/net.pth'] = Page(b'<html>Log in</html>', {'Content-Type': 'text/html'})
    refused(one, 'web page')
    assert (place(one) / 'net.pth.part').read_bytes() == DATA[:HALF]


@pytest.mark.parametrize('status', [403, 404, 503, 204])
def test_an_error_of_the_server_is_one_sentence(site, one, status):
    site.pages['/net.pth'] = Page(b'', status=status)
    refused(one, f'answered {status}', f'{site.url}/net.pth', '--from FILE')


def test_a_server_that_is_not_there_is_one_sentence(one):
    with socket.socket() as bound:
        bound.bind(('127.0.0.1', 0))
        away = with_sums(one, url=f'http://127.0.0.1:{bound.getsockname()[1]}/net.pth')
        refused(away, 'cannot be reached', 'refused', 'network', '--from FILE')


def test_a_server_that_falls_silent_is_one_sentence(site, one, monkeypatch):
    monkeypatch.setattr(downloads, 'TIMEOUT', 0.2)
    site.pages['/net.pth'].waits_after = HALF
    refused(one, 'broke off after 1.4 MB of 3.0 MB', 'nothing came for 0.2 s')
    with socket.create_server(('127.0.0.1', 0)) as mute:
        refused(with_sums(one, url=f'http://127.0.0.1:{mute.getsockname()[1]}/net.pth'),
                'cannot be reached', 'nothing came for 0.2 s')


def test_redirects_are_followed_to_http_only(site, one):
    for target, reason in (('file:///etc/hostname', 'not allowed'), ('data:,net', 'not allowed'),
                           ('ftp://127.0.0.1/net.pth', 'unknown url type')):
        site.pages['/moved'] = Page(b'', {'Location': target}, status=302)
        refused(with_sums(one, url=f'{site.url}/moved'), '/moved', reason)
    site.pages['/moved'] = Page(b'', {'Location': '/net.pth'}, status=302)
    moved = with_sums(one, url=f'{site.url}/moved')
    site.pages['/net.pth'].breaks_after = HALF
    refused(moved, 'broke off')
    site.pages['/net.pth'].breaks_after = None
    fetch(moved)
    assert site.asked[-1] == ('/net.pth', f'bytes={HALF}-', '"one"')
    assert (place(one) / 'net.pth').read_bytes() == DATA


def test_no_redirect_leads_out_of_https():
    redirects, old = downloads._Redirects(), Request('https://owner.example/net.pth')
    for target, allowed in (('https://other.example/net.pth', True),
                            ('http://owner.example/net.pth', False)):
        def follow():
            return redirects.redirect_request(old, None, 302, 'Found', {}, target)
        if allowed:
            assert follow().full_url == target
        else:
            with pytest.raises(URLError, match='which is not encrypted'):
                follow()


def test_fetched_weights_are_compared_at_every_load(site, one, monkeypatch):
    fetch(one)
    downloads.verify(one)
    monkeypatch.setattr(catalogue, 'find', lambda name: one)
    file = place(one) / 'net.pth'
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DownloadError, match="changed since.* 'depth_estimation models fetch net'"):
        networks.open_network('net')
    fetch(one)
    downloads.verify(one)


@pytest.mark.parametrize('url', ['file:///etc/hostname', 'ftp://127.0.0.1/net.pth', 'net.pth'])
def test_other_addresses_than_http_are_refused(one, url):
    refused(with_sums(one, url=url), url, 'no http or https address')


# Archives

def test_a_truncated_archive_is_refused(site):
    data = archive(good_members())
    for length in (len(data) - 1, len(data) // 2, 10):
        mono = zipped(site, data[:length])
        refused(mono, 'truncated or broken archive')
        assert left(mono) == []


def test_a_damaged_member_is_refused(site):
    data = bytearray(archive({name: DATA[:5000] for name in FILES}))
    data[len(data) // 3] ^= 1
    refused(zipped(site, bytes(data)), 'truncated or broken archive', 'CRC')


@pytest.mark.parametrize('name', [
    '../encoder.pth', 'mono/../../evil', 'mono/..', '/etc/passwd', '..\\evil', 'mono\\..\\evil',
    'C:\\evil', 'c:evil', 'a\n/../evil'])
def test_an_archive_that_reaches_out_of_its_folder_is_refused(site, name):
    mono = zipped(site, archive({**good_members(), name: b'x'}))
    message = refused(mono, 'is refused', 'outside of its folder')
    assert message.count('evil') == name.count('evil')
    assert left(mono) == []


def test_names_with_dots_are_no_way_out(site):
    assert fetch(zipped(site, archive({**good_members(), 'mono/..a/b..': b'x', '...': b''})))


def test_an_archive_without_a_file_or_with_two_of_it_is_refused(site):
    members = good_members()
    refused(zipped(site, archive({**members, 'other/depth.pth': b'x'})),
            'holds 2 files depth.pth instead of one')
    del members['mono/depth.pth']
    refused(zipped(site, archive(members)), 'holds 0 files depth.pth instead of one')


def test_an_archive_of_several_checkpoints_must_hold_the_one_in_its_folder(site):
    other = {name.replace('mono/', 's/ms/'): data for name, data in good_members().items()}
    several = zipped(site, archive({**good_members(), **other}))
    refused(several, 'holds 2 files encoder.pth')
    ms = replace(several, folder='s/ms')
    assert load_checkpoint(fetch(ms), FILES, folder='s/ms').sha256
    del other['s/ms/depth.pth']
    shutil.rmtree(place(ms))
    twice = {**good_members(), 'm/depth.pth': b'x', **other}
    refused(replace(zipped(site, archive(twice)), folder='s/ms'), 'holds 2 files depth.pth')


def test_no_broken_archive_ends_in_another_error(site, tmp_path):
    generator = random.Random(1)
    good = archive({name: DATA[:500] for name in FILES})
    path = tmp_path / 'mono.zip'
    refusals = 0
    for _ in range(150):
        data = bytearray(good)
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        path.write_bytes(data)
        try:
            downloads._check_archive(path, FILES)
        except downloads._UnfitError:
            refusals += 1
    assert refusals > 100


# No space

def test_a_file_that_does_not_fit_is_not_begun(site, one, monkeypatch):
    usage = shutil.disk_usage(place(one).parents[1])
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(free=1_000_000))
    refused(one, 'net.pth needs 3.0 MB', 'has 1.0 MB left', 'DEPTH_ESTIMATION_CACHE')
    assert left(one) == []


def test_a_rest_needs_only_its_own_space(site, one, monkeypatch):
    break_off(site, one)
    usage = shutil.disk_usage(place(one))
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(free=2_000_000))
    fetch(one)
    assert present(one)


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='there is no /dev/full here')
def test_a_disk_that_fills_up_is_one_sentence_and_gets_its_space_back(site, one, tmp_path):
    for how in ({}, {'source': tmp_path / 'net.pth'}):
        place(one).mkdir(parents=True)
        (tmp_path / 'net.pth').write_bytes(DATA)
        (place(one) / 'net.pth.part').symlink_to('/dev/full')
        refused(one, 'no space is left', 'make room', str(place(one)), **how)
        assert not place(one).exists()


def test_a_quota_that_is_used_up_is_no_space_too(site, one, monkeypatch):
    def full(descriptor):
        raise OSError(errno.EDQUOT, 'Disk quota exceeded')

    monkeypatch.setattr(downloads.os, 'fsync', full)
    refused(one, 'no space is left')
    assert 'net.pth.part' not in left(one)


def test_a_cache_that_cannot_be_written_is_one_sentence(site, one, monkeypatch, tmp_path):
    (tmp_path / 'a file').write_text('')
    monkeypatch.setenv('DEPTH_ESTIMATION_CACHE', str(tmp_path / 'a file'))
    refused(one, str(tmp_path / 'a file'), 'set DEPTH_ESTIMATION_CACHE to a folder')


# Without a network

def test_an_offline_robot_takes_the_file_or_its_folder(site, tmp_path):
    mono = zipped(site, archive(good_members()))
    brought = tmp_path / 'stick'
    brought.mkdir()
    (brought / 'mono.zip').write_bytes(site.pages['/mono.zip'].data)
    (brought / 'mono (1).zip').write_bytes(site.pages['/mono.zip'].data)
    for source in (brought / 'mono.zip', brought, brought / 'mono (1).zip'):
        assert load_checkpoint(fetch(mono, source=source), FILES).path == checkpoint(mono)
        assert present(mono) and left(mono) == ['SHA256SUMS', 'mono.zip']
        shutil.rmtree(place(mono))
    assert site.asked == [] and len(list(brought.iterdir())) == 2


def test_two_files_come_from_a_folder(site, tmp_path):
    both = entry(*(Download(f'{site.url}/{name}', name) for name in FILES))
    (tmp_path / 'encoder.pth').write_bytes(DATA)
    refused(both, 'is one file of more', 'encoder.pth and depth.pth',
            source=tmp_path / 'encoder.pth')
    with pytest.raises(DownloadError, match='depth.pth is not there'):
        fetch(both, source=tmp_path)
    assert not present(both)
    (tmp_path / 'depth.pth').write_bytes(OTHER)
    assert fetch(both, source=tmp_path) == place(both) and present(both)


def test_a_wrong_file_is_not_taken(site, one, tmp_path):
    brought = tmp_path / 'net.pth'
    refused(one, f'{brought} is not there', source=brought)
    brought.write_bytes(DATA[:HALF])
    refused(with_sums(one, size=len(DATA)), f'{brought} has the size {HALF}', f'{site.url}/net',
            source=brought)
    refused(with_sums(one, md5=hashlib.md5(DATA).hexdigest()), 'has the MD5', source=brought)
    brought.write_bytes(b'<html>saved by a browser</html>')
    refused(one, 'is a web page', source=brought)
    (tmp_path / 'net.zip').write_bytes(DATA)
    refused(one, 'net.zip is no .pth', source=tmp_path / 'net.zip')
    mono = zipped(site, b'')
    (tmp_path / 'mono.zip').write_bytes(archive(good_members())[:-30])
    refused(mono, 'truncated or broken archive', source=tmp_path / 'mono.zip')
    assert brought.exists() and left(one) == []


def test_a_brought_file_must_be_the_recorded_one(site, one, tmp_path):
    fetch(one)
    (tmp_path / 'net.pth').write_bytes(OTHER)
    with pytest.raises(DownloadError, match='not what was fetched the first time'):
        fetch(one, source=tmp_path)
    assert present(one) and (place(one) / 'net.pth').read_bytes() == DATA


def test_a_copy_that_broke_off_is_not_gone_on_with_as_a_download(site, one, tmp_path,
                                                                 monkeypatch):
    def killed(file, part, size):
        part.write(file.read(HALF // 2))
        raise KeyboardInterrupt

    break_off(site, one)
    (tmp_path / 'net.pth').write_bytes(OTHER)
    monkeypatch.setattr(shutil, 'copyfileobj', killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(one, source=tmp_path)
    assert not present(one)
    fetch(one)
    assert site.asked == [('/net.pth', None, None)]
    assert (place(one) / 'net.pth').read_bytes() == DATA


# What is not fetched

def test_non_commercial_weights_ask_for_their_licence(site, one):
    strict = replace(one, commercial=False, licence='CC BY-NC 4.0')
    refused(strict, 'CC BY-NC 4.0', 'https://owner.example/net', '--accept-license')
    assert site.asked == [] and not place(one).exists()
    fetch(strict, accept_license=True)
    fetch(strict)  # there, so accepted
    assert len(site.asked) == 1
    site.pages['/net.pth'] = Page(b'', status=404)
    shutil.rmtree(place(one))
    refused(strict, 'models fetch net --accept-license --from FILE', accept_license=True)


def test_an_entry_without_downloads_says_what_to_do(site):
    assert not present(entry())
    for of, words in ((entry(), 'by hand, see https://owner.example/net, and set weights'),
                      (entry(shipped=(Path('net.npz'), '0' * 64)), 'comes with this package')):
        with pytest.raises(DownloadError, match=words):
            fetch(of)
