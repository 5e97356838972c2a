# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Published checkpoints: fetched, checked, and kept in a cache folder.

A file gets its final name only when it is whole and checked, and after its SHA-256 is recorded;
until then it is `<name>.part`, with what the server said of it in `<name>.part.note`. Nothing is
unpacked. Importing this needs the standard library only.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import errno
import fcntl
import hashlib
from http.client import HTTPException, HTTPResponse
import os
from pathlib import Path
import re
import shutil
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (HTTPDefaultErrorHandler, HTTPErrorProcessor, HTTPHandler,
                            HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler,
                            Request, UnknownHandler)
import zipfile

from depth_estimation_ros import __version__

if TYPE_CHECKING:  # that package imports torch
    from depth_estimation_ros.models.contract import Download, Entry

CHUNK = 1 << 20  # bytes in memory at once
TIMEOUT = 30.0  # seconds without a byte
SUMS = 'SHA256SUMS'
FULL = (errno.ENOSPC, errno.EDQUOT)

Progress = Callable[[int, 'int | None'], None]


class DownloadError(ValueError):
    """Weights that could not be fetched; the message says why and what to do."""


class _UnfitError(Exception):
    """A file that is not the published one: a clause on it, and what helps if not the usual."""

    def __init__(self, clause: str, way_out: str = ''):
        super().__init__(clause)
        self.way_out = way_out


def cache_folder() -> Path:
    """Return where fetched weights lie: $DEPTH_ESTIMATION_CACHE, or a folder of the XDG cache."""
    try:
        if own := os.environ.get('DEPTH_ESTIMATION_CACHE'):
            return Path(own).expanduser()
        base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
        return Path(base).expanduser() / 'depth_estimation_ros'
    except RuntimeError as error:  # a user without a home, as in containers
        raise DownloadError('there is no home folder to keep weights in: set '
                            'DEPTH_ESTIMATION_CACHE to a folder') from error


def place(entry: Entry) -> Path:
    """Return the folder of an entry in the cache; it need not exist."""
    return cache_folder() / entry.name


def checkpoint(entry: Entry) -> Path:
    """Return what `weights.load_checkpoint` takes: the .zip if that is all, else the folder."""
    if len(entry.downloads) == 1 and _is_zip(entry.downloads[0]):
        return place(entry) / entry.downloads[0].name
    return place(entry)


def record(entry: Entry) -> dict[str, str]:
    """Return the SHA-256 of the files of an entry, by name, as they were fetched."""
    try:
        text = (place(entry) / SUMS).read_text(encoding='utf-8', errors='replace')
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DownloadError(f"the weights of '{entry.name}' cannot be looked up ({error}): make "
                            'the folder readable, or set DEPTH_ESTIMATION_CACHE to another '
                            'one') from error
    return {found[2]: found[1] for found in re.finditer('^([0-9a-f]{64})  (.+)$', text, re.M)}


def present(entry: Entry) -> bool:
    """Return whether all that is published of an entry is in the cache, whole and checked."""
    digests = record(entry)
    return bool(entry.downloads) and all(
        download.name in digests and (place(entry) / download.name).is_file()
        and download.sha256 in (None, digests[download.name]) for download in entry.downloads)


def verify(entry: Entry) -> None:
    """Raise DownloadError unless the files of an entry are, byte by byte, what was fetched."""
    digests = record(entry)
    for download in entry.downloads:
        if not _Item(entry, download).is_intact(digests):
            raise DownloadError(
                f"the weights '{place(entry) / download.name}' are not what was fetched: they "
                'have changed since, by a disk that fails or by somebody; mend them with '
                f"'depth_estimation models fetch {entry.name}"
                f"{'' if entry.commercial else ' --accept-license'}'")


def fetch(entry: Entry, accept_license: bool = False, source: Path | None = None,
          progress: Progress | None = None) -> Path:
    """
    Get all that is published of an entry into the cache, and return its `checkpoint`.

    What is there and undamaged is not fetched again. What broke off goes on where it was. A
    second process that fetches the same waits for the first.

    :param accept_license: asked for where the owner of the weights allows no commercial use.
    :param source: instead of the network: the file, or a folder with the files.
    :param progress: is told the bytes there are of a file, and of how many (None: not known).
    :raises DownloadError: one sentence, whatever is wrong; then no wrong file is kept.
    """
    if not entry.downloads:
        raise DownloadError(
            f"'{entry.name}' comes with this package, there is nothing to fetch" if entry.shipped
            else f"no address is known to fetch the weights of '{entry.name}' from: get them "
            f'by hand, see {entry.source}, and set weights (--weights) to where they are')
    items = [_Item(entry, download) for download in entry.downloads]
    digests = record(entry)
    if source is None and all(item.is_intact(digests) for item in items):
        return checkpoint(entry)
    if not (entry.commercial or accept_license):
        raise DownloadError(f"the weights of '{entry.name}' are not for commercial use "
                            f'({entry.licence}, {entry.source}): read the licence, and fetch '
                            "them with 'depth_estimation models fetch "
                            f"{entry.name} --accept-license'")
    folder = place(entry)
    try:
        with _locked(folder):
            for item in items:
                with item.gone_if_full():
                    if source is not None:
                        item.settle(item.copy(source))
                    elif not item.is_intact(record(entry)):  # the one before may have got it
                        item.download_rest(progress or (lambda done, total: None))
                        item.settle(item.download.url)
    except OSError as error:
        if error.errno not in FULL:
            raise DownloadError(f"the weights of '{entry.name}' cannot be put into {folder} "
                                f'({error}): mend that, or set DEPTH_ESTIMATION_CACHE to a '
                                'folder that this user may write') from error
        raise DownloadError(f"no space is left for the weights of '{entry.name}' in {folder}: "
                            'make room, or set DEPTH_ESTIMATION_CACHE to a folder on another '
                            'disk') from error
    return checkpoint(entry)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, but from https to https only."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(req.full_url).scheme == 'https' and urlsplit(newurl).scheme != 'https':
            raise URLError(f'it redirects to {newurl}, which is not encrypted')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Have a folder for oneself; made for it, and gone again where nothing came into it."""
    path = folder / '.lock'
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open('w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not (path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())):
                continue  # the one that was waited for has taken it away
            try:
                yield
            finally:
                path.unlink()
                with suppress(OSError):  # something is in it
                    folder.rmdir()
            return


@dataclass(frozen=True)
class _Item:
    """A file to fetch: where it goes, and whether what came is what was published."""

    entry: Entry
    download: Download

    @property
    def file(self) -> Path:
        return place(self.entry) / self.download.name

    @property
    def part(self) -> Path:
        return self.file.with_name(f'{self.file.name}.part')

    @property
    def note(self) -> Path:
        """URL, validator and size of what `part` is of, a line each; the last two may be ''."""
        return self.file.with_name(f'{self.file.name}.part.note')

    def by_hand(self) -> str:
        accept = '' if self.entry.commercial else ' --accept-license'
        what = 'FILE' if len(self.entry.downloads) == 1 else 'FOLDER'
        return (f"get {self.download.url} by hand and run 'depth_estimation models fetch "
                f"{self.entry.name}{accept} --from {what}'")

    def drop(self) -> None:
        self.note.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)

    @contextmanager
    def gone_if_full(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in FULL:  # a robot needs its disk for other things
                self.drop()
            raise

    def is_intact(self, digests: dict[str, str]) -> bool:
        try:
            return (self.download.name in digests and self.file.is_file()
                    and self.check(self.file, digests) == digests[self.download.name])
        except (OSError, _UnfitError):
            return False

    def check(self, path: Path, digests: dict[str, str]) -> str:
        """Return the SHA-256 of a file, or raise _UnfitError where it is not the published."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        size, start = 0, b''
        with path.open('rb') as file:
            while chunk := file.read(CHUNK):
                start = start or chunk[:64].lstrip().lower()
                size += len(chunk)
                sha256.update(chunk)
                if self.download.md5:
                    md5.update(chunk)
        if not size or start.startswith((b'<!doctype html', b'<html')):
            raise _UnfitError('is a web page, not the file' if size else 'is empty')
        published = self.download
        for what, found, wanted in (('size', size, published.size),
                                    ('MD5', md5.hexdigest(), published.md5),
                                    ('SHA-256', sha256.hexdigest(), published.sha256)):
            if wanted is not None and found != wanted:
                raise _UnfitError(f'has the {what} {found} instead of the published {wanted}')
        digest, first = sha256.hexdigest(), digests.get(published.name)
        if not (published.md5 or published.sha256) and first not in (None, digest):
            raise _UnfitError(f'is not what was fetched the first time (SHA-256 {digest[:16]} '
                              f'instead of {first[:16]}) and is kept out',
                              f'if you trust the new one, delete {path.parent} and fetch again')
        if _is_zip(published):
            _check_archive(path, self.entry.files, self.entry.folder)
        return digest

    def settle(self, origin: str | Path) -> None:
        """Give what came from `origin` its final name, or delete it and raise DownloadError."""
        digests = record(self.entry)
        try:
            digest = self.check(self.part, digests)
        except _UnfitError as error:
            self.drop()
            way_out = error.way_out or (
                f'fetch again, or {self.by_hand()}' if origin == self.download.url
                else f'give what {self.download.url} has')
            raise DownloadError(f'{origin} {error}: {way_out}') from error
        # Recorded first: killed between the two, `part` is whole, and nothing has its name.
        _write_record(self.file.with_name(SUMS), {**digests, self.download.name: digest})
        _replace(self.part, self.file)
        self.note.unlink(missing_ok=True)

    def copy(self, source: Path) -> Path:
        names = ' and '.join(download.name for download in self.entry.downloads)
        path = source / self.download.name if source.is_dir() else source
        if not path.is_file():
            raise DownloadError(f'{path} is not there: --from takes {names}, or the folder that '
                                'holds it')
        if path == source and len(self.entry.downloads) > 1:
            raise DownloadError(f"{path} is one file of more: '{self.entry.name}' needs --from "
                                f'with the folder that holds {names}')
        if path.suffix != self.file.suffix:
            raise DownloadError(f"{path} is no {self.file.suffix}: '{self.entry.name}' needs "
                                f'--from with {names}')
        self.note.unlink(missing_ok=True)
        self._need_space(path.stat().st_size)
        with path.open('rb') as file, self.part.open('wb') as part:
            shutil.copyfileobj(file, part, CHUNK)
        return path

    def download_rest(self, progress: Progress) -> None:
        """Fetch into `part` what is missing of the file."""
        start, validator, size = self._resume_point()
        if start and start == size:
            return  # killed after its last byte
        for at in dict.fromkeys((start, 0)):
            with self._ask(at, validator) as response:
                total = response.length
                if at and response.status != 200:
                    total = _total_after(response, at)
                    if (response.status != 206 or total is None or total != (size or total)
                            or _validator(response) not in ('', validator)):
                        continue  # this is no rest of what is here
                elif response.status != 200:
                    raise DownloadError(f'{self.download.url} answered {response.status} instead '
                                        f'of 200: try later, or {self.by_hand()}')
                self._receive(response, at if response.status == 206 else 0, total, progress)
                return

    def _resume_point(self) -> tuple[int, str, int | None]:
        """Return how much is here of what, as its validator and size; 0 where none can go on."""
        try:
            url, validator, size, end = self.note.read_text(encoding='utf-8').split('\n')
            known_size = int(size) if size else None
            start = self.part.stat().st_size
        except (FileNotFoundError, ValueError):
            return 0, '', None
        # Without a validator only a checksum tells that both halves are of one file.
        checked = (self.download.sha256 or self.download.md5
                   or self.download.name in record(self.entry))
        if url != self.download.url or not (validator or checked):
            return 0, '', None
        return start, validator, known_size

    def _ask(self, start: int, validator: str) -> HTTPResponse | HTTPError:
        url = self.download.url
        if urlsplit(url).scheme not in ('http', 'https'):
            raise DownloadError(f"'{url}' is no http or https address: {self.by_hand()}")
        headers = {'User-Agent': f'depth_estimation_ros/{__version__}'}
        if start:
            headers['Range'] = f'bytes={start}-'
            if validator:
                headers['If-Range'] = validator
        # build_opener's would also follow redirects to ftp.
        opener = OpenerDirector()
        for handler in (ProxyHandler, UnknownHandler, HTTPHandler, HTTPSHandler,
                        HTTPDefaultErrorHandler, _Redirects, HTTPErrorProcessor):
            opener.add_handler(handler())
        try:
            return opener.open(Request(url, headers=headers), timeout=TIMEOUT)
        except HTTPError as error:
            if start and error.code == 416:
                return error
            error.close()
            raise DownloadError(f'{url} answered {error.code} ({_brief(error.reason)}): try '
                                f'later, or {self.by_hand()}') from error
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise DownloadError(f'{url} cannot be reached ({_brief(reason)}): check the network, '
                                f'or {self.by_hand()}') from error

    def _receive(self, response: HTTPResponse, start: int, total: int | None,
                 progress: Progress) -> None:
        url, published = self.download.url, self.download
        if response.headers.get_content_type() == 'text/html':
            raise DownloadError(f'{url} answered with a web page instead of the file, perhaps to '
                                f'ask for a confirmation: {self.by_hand()}')
        if None not in (total, published.size) and total != published.size:
            raise DownloadError(f'{url} has {total} bytes now instead of the published '
                                f'{published.size}: {self.by_hand()}')
        if total is None and not (response.chunked or published.size or published.md5
                                  or published.sha256):
            raise DownloadError(f'{url} does not say how long the file is, so it cannot be told '
                                f'when it is whole: {self.by_hand()}')
        self._need_space((total or published.size or 0) - start)
        with self.part.open('ab' if start else 'wb') as file:
            if not start:  # not before the old part is gone
                self.note.write_text(f"{url}\n{_validator(response)}\n{total or ''}\n",
                                     encoding='utf-8')
            for chunk in self._chunks(response, start, total):
                file.write(chunk)
                start += len(chunk)
                progress(start, total)

    def _chunks(self, response: HTTPResponse, done: int, total: int | None) -> Iterator[bytes]:
        of = f' of {_megabytes(total)}' if total else ''
        while done != total:
            try:
                chunk = response.read1(CHUNK if total is None else min(CHUNK, total - done))
                if not chunk and total is not None:
                    raise ConnectionError('closed by the server')
            except (OSError, HTTPException) as error:
                raise DownloadError(
                    f'{self.download.url} broke off after {_megabytes(done)}{of} '
                    f'({_brief(error)}): fetch again, it goes on from there where the server '
                    'can') from error
            if not chunk:
                return
            done += len(chunk)
            yield chunk

    def _need_space(self, size: int) -> None:
        free = shutil.disk_usage(self.file.parent).free
        if size > free:
            raise DownloadError(
                f'{self.download.name} needs {_megabytes(size)} and {self.file.parent} has '
                f'{_megabytes(free)} left: make room, or set DEPTH_ESTIMATION_CACHE to a folder '
                'on another disk')


def _is_zip(download: Download) -> bool:
    return download.name.endswith('.zip')


def _check_archive(path: Path, names: tuple[str, ...], folder: str = '') -> None:
    """Raise _UnfitError where a .zip is broken, reaches out of its folder or lacks a file."""
    from depth_estimation_ros.models.weights import members  # that module imports torch
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if re.match(r'(?s)[\\/]|[A-Za-z]:|(.*[\\/])?\.\.([\\/]|$)', member.filename):
                    raise _UnfitError(f"is refused because its entry {member.filename!r} lies "
                                      'outside of its folder')
            for name in names:
                found = members(archive, folder, name)
                if len(found) != 1:
                    raise _UnfitError(f'holds {len(found)} files {name} instead of one')
                with archive.open(found[0]) as file:
                    while file.read(CHUNK):  # compares the CRC at the end
                        pass
    except _UnfitError:
        raise
    except Exception as error:  # the types differ by what is broken and by Python's version
        raise _UnfitError(f'is a truncated or broken archive ({_brief(error)})') from error


def _write_record(path: Path, digests: dict[str, str]) -> None:
    new = path.with_name(f'{path.name}.part')
    new.write_text(''.join(f'{digest}  {name}\n' for name, digest in sorted(digests.items())),
                   encoding='utf-8')
    _replace(new, path)


def _replace(part: Path, path: Path) -> None:
    """Rename, so that after a power cut there is all of it or nothing."""
    with part.open('r+b') as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _validator(response: HTTPResponse | HTTPError) -> str:
    """Return what names this very file to the server (RFC 9110, If-Range), or ''."""
    tag = response.headers.get('ETag', '')
    return tag if tag.startswith('"') else response.headers.get('Last-Modified', '')


def _total_after(response: HTTPResponse | HTTPError, start: int) -> int | None:
    """Return the size of the whole where an answer is all that comes after `start`, or None."""
    found = re.fullmatch(r'bytes (\d+)-(\d+)/(\d+)', response.headers.get('Content-Range', ''))
    if not found or int(found[1]) != start or int(found[2]) != int(found[3]) - 1:
        return None
    return int(found[3])


def _megabytes(size: int) -> str:
    return f'{size / 1e6:.1f} MB'


def _brief(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f'nothing came for {TIMEOUT:g} s'
    return (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip('. ')
