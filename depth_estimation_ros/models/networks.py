# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the name of a network to the network with its weights, wherever those are."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
import re

from depth_estimation_ros.models import catalogue, downloads, huggingface
from depth_estimation_ros.models.contract import Entry, Network
from depth_estimation_ros.models.weights import file_sha256, load_checkpoint, WeightsError

SIDE = (32, 4096)  # pixels that a side of an input may have


class InputSizeError(ValueError):
    """An input_size that says no size; the message says what it may be."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network, what the catalogue says of it, where its weights are, their SHA-256 by file."""

    network: Network
    entry: Entry
    path: Path
    sha256: dict[str, str]


def open_network(model: str, weights: str | Path = '', input_size: str = 'auto',
                 download: bool = False) -> Loaded:
    """
    Return the network `model`, ready to run.

    :param model: a name of the catalogue, `huggingface:<id or folder>` or `onnx:<file>`.
    :param weights: its checkpoint; empty: what comes with this package, or was fetched.
    :param input_size: `auto`, the network's own size, or `WxH`, rounded to its multiple.
    :param download: weights that are missing may be fetched, unless their licence must be
        accepted first.
    :raises ValueError: of this package, one sentence.
    """
    size = parse_size(input_size)
    entry = catalogue.find(model)
    if entry.open:
        path = _opened(entry, str(weights).strip(), download)
        network, digests = entry.open(path), _digests(path)
    else:
        if not str(weights).strip() and entry.downloads:
            weights = _fetched(entry, download)
        _refuse_namesake(entry, Path(weights).name)
        checkpoint = load_checkpoint(weights, entry.files, entry.shipped, entry.folder)
        network = catalogue.build(entry.name, checkpoint.files)
        path, digests = checkpoint.path, checkpoint.sha256
    if entry.rooms and path == entry.shipped[0]:
        rooms = open_network(entry.rooms)
        digests = {**digests, **rooms.sha256}
        network = replace(network, rooms=rooms.network, description=(
            f'{network.description}; in rooms {rooms.network.description}'))
    return Loaded(network.resized(*size) if size else network, entry, path, digests)


def parse_size(text: str) -> tuple[int, int] | None:
    """Return (width, height) of `WxH`, None of `auto`; or raise InputSizeError."""
    if text == 'auto':
        return None
    found = re.fullmatch(r'(\d{1,5})x(\d{1,5})', text)
    if not found or not all(SIDE[0] <= int(side) <= SIDE[1] for side in found.groups()):
        raise InputSizeError(f"input_size '{text}' is neither auto nor a width and height such as "
                             f'640x192, each from {SIDE[0]} to {SIDE[1]}')
    return int(found[1]), int(found[2])


def _refuse_namesake(entry: Entry, name: str) -> None:
    """Refuse a file by its name where the same network has other units on another camera."""
    for other in catalogue.CATALOGUE.values():
        if (other.marks == entry.marks and name in other.files and name not in entry.files
                and entry.files):
            raise WeightsError(f"weights '{name}' are those of '{other.name}', not of "
                               f"'{entry.name}': set model or weights to the other")


def _opened(entry: Entry, weights: str, download: bool) -> Path:
    door, _, rest = entry.name.partition(':')
    if door in catalogue.DOORS:
        if weights:
            raise WeightsError(f"model '{entry.name}' names its weights itself: leave weights "
                               'empty')
        return huggingface.find_folder(rest) if door == 'huggingface' else _expanded(rest)
    if not weights:
        return _fetched(entry, download)
    path = _expanded(weights)
    if not path.exists():
        raise WeightsError(f"weights '{path}' does not exist: set weights to the checkpoint of "
                           f"'{entry.name}', or leave it empty")
    return path


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # no such user in ~user
        raise WeightsError(f"'{path}' cannot be found ({error}): give its full path") from error


def _fetched(entry: Entry, download: bool) -> Path:
    if downloads.present(entry):
        downloads.verify(entry)
        return downloads.checkpoint(entry)
    if download:
        return downloads.fetch(entry)
    accept = '' if entry.commercial else ' --accept-license'
    what = 'FILE' if len(entry.downloads) == 1 else 'FOLDER'
    raise WeightsError(
        f"the weights of '{entry.name}' are not on this machine: fetch them by 'depth_estimation "
        f"models fetch {entry.name}{accept}', or without a network by 'depth_estimation models "
        f"fetch {entry.name}{accept} --from {what}'")


def _digests(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else [
        file for kind in ('*.onnx', '*.safetensors', '*.bin') for file in sorted(path.glob(kind))]
    return {file.name: file_sha256(file) for file in files}
