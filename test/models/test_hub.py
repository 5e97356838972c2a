# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fetching from a hub: a server on this machine that answers as Hugging Face's does."""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import hashlib
import json
import os
import subprocess
import sys
import threading

import pytest

pytest.importorskip('transformers', reason='these networks need transformers')

from tiny_transformers import depth_anything, save  # noqa: E402

COMMIT = 'a' * 40


class Hub(BaseHTTPRequestHandler):
    """Answers for the repositories of `server.repositories`: name -> file -> bytes."""

    def do_HEAD(self):  # noqa: N802, the name that http.server wants
        self.answer()

    def do_GET(self):  # noqa: N802
        self.answer()

    def answer(self):
        parts = self.path.split('?')[0].strip('/').split('/')
        api = parts[:2] == ['api', 'models']
        name = '/'.join(parts[2:4] if api else parts[:2])
        files = self.server.repositories.get(name, {})
        headers = {'X-Repo-Commit': COMMIT}
        if api and files:
            rows = [{'rfilename': file, 'path': file, 'type': 'file', 'size': len(content),
                     'oid': hashlib.sha1(content).hexdigest()} for file, content in files.items()]
            body = json.dumps(rows if 'tree' in parts else {
                'id': name, 'modelId': name, 'sha': COMMIT, 'private': False, 'tags': [],
                'downloads': 0, 'siblings': rows}).encode()
            headers['Content-Type'] = 'application/json'
        elif not api and parts[2:3] == ['resolve'] and parts[-1] in files:
            body = files[parts[-1]]
            headers['ETag'] = f'"{hashlib.sha256(body).hexdigest()}"'
            if self.command == 'GET':
                self.server.fetched.append((name, parts[-1]))
        else:
            self.send_error(404)
            return
        self.send_response(200)
        for key, value in {**headers, 'Content-Length': len(body)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope='module')
def hub(tmp_path_factory):
    """Give a hub with a depth network and with what is none, that records what it gave."""
    folder = save(depth_anything(), tmp_path_factory.mktemp('hub') / 'net')
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}

    def of_kind(**entries):
        config = {**json.loads(whole['config.json']), **entries}
        return {**whole, 'config.json': json.dumps(
            {key: value for key, value in config.items() if value is not None}).encode()}

    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.fetched = []
    server.repositories = {
        'org/depth': whole, 'org/trees': of_kind(model_type='chmv2'),
        'org/unheard': of_kind(model_type='depth_of_tomorrow'),
        'org/nameless': of_kind(model_type=None), 'org/llama': of_kind(model_type='llama'),
        'org/empty': {'README.md': b'nothing'}}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(hub, name, cache):
    """Run `depth_estimation models fetch` of it; return the process that has ended."""
    environment = {**os.environ, 'HF_ENDPOINT': f'http://127.0.0.1:{hub.server_port}',
                   'HF_HUB_CACHE': str(cache), 'HF_HUB_DISABLE_XET': '1', 'HF_HUB_OFFLINE': '0'}
    return subprocess.run(
        [sys.executable, '-m', 'depth_estimation_ros.cli', 'models', 'fetch',
         f'huggingface:{name}', '--accept-license'],
        env=environment, capture_output=True, text=True, timeout=120)


def test_a_depth_network_is_fetched_whole(hub, tmp_path):
    done = fetch(hub, 'org/depth', tmp_path)
    assert done.returncode == 0, done.stderr
    given = [file for name, file in hub.fetched if name == 'org/depth']
    assert sorted(given) == ['config.json', 'model.safetensors']
    assert str(tmp_path) in done.stdout


@pytest.mark.parametrize(('name', 'words', 'read'), [
    ('org/trees', 'heights of trees', ['config.json']),
    ('org/unheard', "model_type 'depth_of_tomorrow'", ['config.json']),
    ('org/nameless', 'model_type None', ['config.json']),
    ('org/llama', "model_type 'llama'", ['config.json']),
    ('org/empty', 'has no model.safetensors', []), ('org/absent', 'could not be fetched', [])])
def test_of_what_is_no_depth_network_no_weights_are_fetched(hub, tmp_path, name, words, read):
    done = fetch(hub, name, tmp_path)
    assert done.returncode == 1 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [file for of, file in hub.fetched if of == name] == read
