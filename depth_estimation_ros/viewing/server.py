# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The web server of the page: Python's own, for the page needs three addresses.

It answers its own name only, so that no other site can look through a visitor's browser, and so
many browsers at once. A browser asks for the next frame and waits for it: one that is slow asks
less often, and one that is gone asks no more.
"""
from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import ipaddress
import json
from pathlib import Path
import socket
import threading
from urllib.parse import parse_qs, urlsplit

from depth_estimation_ros.estimation.pictures import palette
from depth_estimation_ros.viewing.screen import FARTHEST, NEAREST, Screen, STEPS

PAGE = Path(__file__).with_name('page.html')
MOST = 24  # requests at once: ten browsers that wait for a frame, and what they ask besides
PATIENCE = 10.0  # seconds that a browser waits for a frame before it asks again
IDLE = 30.0  # seconds until a silent connection is closed
MOST_BODY = 1000  # bytes that a browser may send


class ViewError(ValueError):
    """The page cannot be served; the message says what to change."""


class Server(ThreadingHTTPServer):
    """
    Serves `screen` at host:port in threads of its own, from `start` to `close`.

    control: is told what a visitor wants of a recording: {'pause': bool} or {'position': int}.
    """

    daemon_threads = True

    def __init__(self, screen: Screen, host: str, port: int, control: Callable[[dict], None]):
        self.screen, self.control = screen, control
        self._room = threading.BoundedSemaphore(MOST)
        colors = json.dumps(palette().tolist())
        self.page = PAGE.read_text().replace('/*PALETTE*/[]', colors).replace(
            '/*CODES*/[]', json.dumps([NEAREST, FARTHEST, STEPS])).encode()
        try:
            if ':' in host:
                self.address_family = socket.AF_INET6
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ViewError(f'--host {host} --port {port} cannot be served '
                            f'({getattr(error, "strerror", None) or error}): give another '
                            '--port') from error
        self.names = {'localhost', host, socket.gethostname()}
        # A name that leads here may be anybody's; an address is what the user typed.
        self.is_local = _is_loopback(host)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)

    def start(self) -> str:
        """Begin; return the address of the page."""
        self._thread.start()
        host, port = self.server_address[:2]
        return f'http://{f"[{host}]" if ":" in host else host}:{port}'

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def knows(self, host: str) -> bool:
        """Tell whether a request's Host is a name of this server."""
        name = urlsplit(f'//{host}').hostname or ''
        try:
            return not self.is_local or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name in self.names

    def process_request(self, request, client_address) -> None:
        """Give a connection a thread, where there is room for one more."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request, client_address) -> None:
        """Pass over a browser that is gone."""


def _is_loopback(host: str) -> bool:
    try:
        return host == 'localhost' or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = IDLE

    def do_GET(self) -> None:  # noqa: N802
        url = urlsplit(self.path)
        if not self.server.knows(self.headers.get('Host', '')):
            self._answer(403, b'another name than that of this page', 'text/plain')
        elif url.path == '/':
            self._answer(200, self.server.page, 'text/html; charset=utf-8')
        elif url.path == '/frame':
            after = parse_qs(url.query).get('after', [''])[0]
            frame = self.server.screen.wait(int(after) if after.isdecimal() else 0, PATIENCE)
            self._answer(200 if frame else 204, frame, 'application/octet-stream')
        else:
            self._answer(404, b'there is only /', 'text/plain')

    def do_POST(self) -> None:  # noqa: N802
        length = self.headers.get('Content-Length', '')
        # Other sites' pages can send no JSON here without being asked first, which is refused.
        if (not self.server.knows(self.headers.get('Host', '')) or self.path != '/control'
                or self.headers.get('Content-Type') != 'application/json'
                or not length.isdecimal() or int(length) > MOST_BODY):
            self.close_connection = True
            self._answer(403, b'', 'text/plain')
            return
        try:
            wanted = json.loads(self.rfile.read(int(length)))
            wanted = {name: kind(wanted[name]) for name, kind in (
                ('pause', bool), ('position', int)) if name in wanted}
        except (ValueError, TypeError, RecursionError, OverflowError):
            self._answer(400, b'', 'text/plain')
            return
        self.server.control(wanted)
        self._answer(204, b'', 'text/plain')

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Cache-Control', 'no-store')
        self.send_header('X-Content-Type-Options', 'nosniff')
        self.send_header('Content-Security-Policy', "default-src 'none'; connect-src 'self'; "
                         "style-src 'unsafe-inline'; script-src 'unsafe-inline'")
        if status != 204:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Say nothing of each request."""
