# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: found, read as plain tensors and never as code, and known by their SHA-256."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import hashlib
import io
from pathlib import Path
import pickletools
import tarfile
from typing import Any, BinaryIO
import zipfile
import zlib

import numpy as np
import torch

# An archive may claim any size for a member of a few bytes. Published checkpoints of these
# networks stay below 0.2 GiB a file.
MAX_MEMBER_BYTES = 1 << 30
MAX_NPZ_BYTES = 1 << 28  # of all arrays; ours have 10 MB
MAX_PICKLE_BYTES = 1 << 26  # of the names and shapes of a .pth, without its numbers

# Modules whose names a pickled state dict of tensors needs; any other name in it is a call.
_TENSOR_MODULES = frozenset({'collections', 'torch', 'torch._utils', 'torch._tensor',
                             'torch.nn.parameter', 'torch.serialization', 'torch.storage'})


class WeightsError(ValueError):
    """Weights that cannot be read; the message says which and what to change."""


@dataclass(frozen=True)
class Checkpoint:
    """The files of a checkpoint: their entries (tensors on the CPU, plain values) and SHA-256."""

    path: Path
    files: dict[str, dict[str, Any]]
    sha256: dict[str, str]


def load_checkpoint(path: str | Path, names: Sequence[str],
                    shipped: tuple[Path, str] | None = None, folder: str = '') -> Checkpoint:
    """
    Read the files `names` of the checkpoint at `path`: its folder, one of the files, or a .zip.

    `~` is expanded. In a .zip the files may lie in any folder, or in one named `folder`, and
    nothing is unpacked to disk.
    A checkpoint that is one file may have any name. `Checkpoint.path` is the folder or the file.
    An .npz is read by NumPy, an .h5 (Keras) by h5py, else it is PyTorch's. An empty path asks for
    what `shipped` names, the package's own file and its SHA-256. Raises WeightsError with one
    sentence whatever is wrong; no file is ever executed.
    """
    wanted = None
    way_out = (f"set weights to {f'a {names[0]}, a folder' if len(names) == 1 else 'a folder'} or "
               f"a whole .zip that holds {' and '.join(names)}")
    if not str(path).strip():
        if shipped is None:
            raise WeightsError(f'weights is empty: {way_out}')
        path, wanted = shipped
        way_out = 'install the package again, or set weights to a checkpoint'
    try:
        place = Path(path).expanduser()
        try:
            place.stat()  # since Python 3.14 exists() takes what is forbidden for missing
        except (FileNotFoundError, NotADirectoryError):
            raise WeightsError(f"weights '{place}' does not exist: {way_out}") from None
        kind = Path(names[0]).suffix
        alone = len(names) == 1 and place.is_file() and place.suffix != '.zip' and (
            place.suffix == kind or not kind)
        if place.name in names and place.is_file() and not alone:
            place = place.parent
        checkpoint = Checkpoint(place, {}, {})
        for name in names:
            label = f"weights '{place if alone else place / name}'"
            with (place.open('rb') if alone else _open_file(place, name) if place.is_dir() else
                  _open_member(place, folder, name)) as file:
                checkpoint.sha256[name] = digest = _sha256(file)
                if wanted not in (None, digest):
                    raise WeightsError(f'{label} is not the file that this version of the '
                                       f'package came with (SHA-256 {digest[:16]} instead of '
                                       f'{wanted[:16]}): {way_out}')
                read = {'.npz': _read_npz, '.h5': _read_h5}.get(Path(name).suffix, _read)
                checkpoint.files[name] = read(file, label)
        return checkpoint
    except PermissionError as error:
        raise WeightsError(f"weights '{error.filename or path}' may not be read by this user: "
                           f'change its permissions, or {way_out}') from error
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        # No such user in ~user, a disk that fails, an archive that is broken or encrypted.
        raise WeightsError(f"weights '{path}' cannot be read ({_brief(error)}): "
                           f'{way_out}') from error


def _open_file(folder: Path, name: str) -> BinaryIO:
    try:
        return (folder / name).open('rb')
    except (FileNotFoundError, IsADirectoryError):
        raise WeightsError(f"weights '{folder}' holds no file {name}: set weights to the folder "
                           'or .zip of a whole checkpoint, or model to the network that it is '
                           'for') from None


def members(archive: zipfile.ZipFile, folder: str, name: str) -> list[zipfile.ZipInfo]:
    """Return the files of that name in an archive: those in `folder`, else those in any."""
    named = [member for member in archive.infolist()
             if f'/{member.filename}'.endswith(f'/{name}')]
    here = [member for member in named
            if folder and f'/{member.filename}'.endswith(f'/{folder}/{name}')]
    return here or named


def _open_member(archive_path: Path, folder: str, name: str) -> BinaryIO:
    with zipfile.ZipFile(archive_path) as archive:
        found = members(archive, folder, name)
        if len(found) != 1:
            raise WeightsError(f"weights '{archive_path}' holds {len(found)} files {name} "
                               'instead of one: set weights to the folder or .zip of one whole '
                               'checkpoint, or model to the network that it is for')
        if found[0].file_size > MAX_MEMBER_BYTES:
            raise WeightsError(
                f"weights '{archive_path}' holds a {name} of {found[0].file_size} bytes, more "
                f'than the {MAX_MEMBER_BYTES} that are read from an archive: unpack it and set '
                'weights to the folder')
        return io.BytesIO(archive.read(found[0]))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open('rb') as file:
        return _sha256(file)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _read(file: BinaryIO, label: str) -> dict[str, Any]:
    way_out = ('set weights to a checkpoint that is a plain state dict, as '
               'torch.save(network.state_dict(), ...) writes it')
    try:
        code = next(_code(file), None)
        if code is None:
            file.seek(0)
            entries = torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:  # the types differ by torch's version and by what is broken
        raise WeightsError(f'{label} is truncated, corrupt or no PyTorch file '
                           f'({_brief(error)}): fetch it again, or {way_out}') from error
    if code is not None:
        raise WeightsError(f'{label} is refused because it holds code ({code}), which reading '
                           f'it might run: {way_out}')
    if not (isinstance(entries, dict) and any(map(torch.is_tensor, entries.values()))
            and all(isinstance(key, str) for key in entries)
            and all(torch.is_tensor(value) or isinstance(value, (bool, int, float, str))
                    for value in entries.values())):
        raise WeightsError(f'{label} is not a dict of tensors by name: {way_out}')
    return dict(entries)


def _read_npz(file: BinaryIO, label: str) -> dict[str, torch.Tensor]:
    """Return the arrays of an .npz, which is a .zip of .npy, without NumPy's way to pickles."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total <= MAX_NPZ_BYTES:
                return {name.removesuffix('.npy'): torch.from_numpy(np.lib.format.read_array(
                            io.BytesIO(archive.read(name)), allow_pickle=False))
                        for name in archive.namelist()}
    except Exception as error:  # the types differ by NumPy's version and by what is broken
        raise WeightsError(f'{label} is truncated, corrupt or no .npz of plain numbers '
                           f'({_brief(error)}): fetch it again, or set weights to a checkpoint '
                           'of this model') from error
    raise WeightsError(f'{label} holds {total} bytes, more than the {MAX_NPZ_BYTES} that are '
                       'read: set weights to a checkpoint of this model')


def _read_h5(file: BinaryIO, label: str) -> dict[str, torch.Tensor]:
    """Return the numbers of an HDF5 file by their path in it, as stored."""
    try:
        import h5py
    except ImportError as error:
        raise WeightsError(f"{label} takes h5py to read: pip install 'depth_estimation_ros[h5]'"
                           ) from error
    file.seek(0)
    entries: dict[str, torch.Tensor] = {}
    total = 0

    def keep(path: str, item) -> None:
        nonlocal total
        # Links are not followed, nor what lies in other files.
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != 'f' or (
                item.external or item.is_virtual):
            return
        total += item.nbytes
        if total > MAX_MEMBER_BYTES:
            raise ValueError(f'it holds more than the {MAX_MEMBER_BYTES} bytes that are read')
        entries[path] = torch.from_numpy(np.asarray(item[()], np.float32))

    try:
        with h5py.File(file, 'r') as archive:
            archive.visititems(keep)
    except Exception as error:  # the types differ by h5py's version and by what is broken
        raise WeightsError(f'{label} is truncated, corrupt or no HDF5 file ({_brief(error)}): '
                           'fetch it again, or set weights to a checkpoint of Keras') from error
    return entries


def _code(file: BinaryIO) -> Iterator[str]:
    """
    Yield what torch.load might run in a .pth file.

    With weights_only=True it refuses pickled calls itself, in words that differ by version, but
    up to torch 2.5 there was a way around that (CVE-2025-32434). What newer releases refuse
    outright, tar archives and TorchScript programs, is refused here with every release.
    """
    file.seek(0)
    if file.read(4) == b'PK\x03\x04':  # how torch tells its formats apart
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            pickles = [member.filename for member in members if member.filename.endswith('.pkl')]
            if (sum(member.file_size for member in members) > 2 * file.seek(0, 2) + (1 << 20)
                    or sum(member.file_size for member in members
                           if member.filename in pickles) > MAX_PICKLE_BYTES):
                raise ValueError('it unpacks to far more than it is, which no checkpoint does')
            if any(name.endswith('constants.pkl') for name in pickles):
                yield 'a TorchScript program'
            for name in pickles:
                yield from _calls(io.BytesIO(archive.read(name)))
        return
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode='r:') as archive:
            if archive.next():
                yield "torch's oldest format, a tar archive"
    except tarfile.TarError:
        file.seek(0)
        yield from _calls(file)


def _calls(stream: BinaryIO) -> Iterator[str]:
    """Yield the names in a series of pickles that are no part of a state dict of tensors."""
    words = ['', '']
    try:
        while True:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name in ('GLOBAL', 'INST', 'STACK_GLOBAL'):
                    module, _, name = (argument or ' '.join(words[-2:])).partition(' ')
                    if module not in _TENSOR_MODULES:
                        yield f'{module}.{name}'
                elif isinstance(argument, str):
                    words.append(argument)
    except (ValueError, OverflowError, MemoryError):
        return  # the end, or no pickle from here on: whether that is right, torch.load knows


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip('. ')
