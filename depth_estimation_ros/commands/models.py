# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `depth_estimation models` says of the networks there are, and how it fetches weights."""
from __future__ import annotations

import os
from pathlib import Path
import re

from depth_estimation_ros.commands.progress import progress_bytes
from depth_estimation_ros.models import catalogue, downloads, huggingface
from depth_estimation_ros.models.contract import Entry, ModelError, ScaleKind

# Whose metres a network gives, in the table.
METRES = {ScaleKind.METRIC: 'own', ScaleKind.METRIC_FROM_INTRINSICS: 'own',
          ScaleKind.METRIC_ON_TRAINING_CAMERA: 'camera', ScaleKind.UP_TO_SCALE: 'none',
          ScaleKind.RELATIVE_INVERSE: 'none', None: '?'}


def table() -> str:
    """Return all networks of the catalogue, one a line."""
    rows = [('name', 'scenes', 'M', 'metres', 'licence', 'here')]
    rows += [(entry.name, 'both' if ',' in entry.scenes else entry.scenes,
              f'{entry.parameters:.0f}' if entry.parameters else '-', METRES[entry.scale],
              re.split(r',| \(', entry.licence)[0].replace('non-commercial', 'non-comm.'),
              _here(entry)) for entry in catalogue.CATALOGUE.values()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    return '\n'.join([
        *lines, '', 'M: million parameters. metres: its own of any camera, of its training',
        'camera (others are made to look like it), none until it is calibrated, or ? as',
        'the checkpoint says.', '',
        'Any other: huggingface:ID or FOLDER, onnx:FILE (docs/other-models.md).',
        "More of one: 'depth_estimation models show NAME'. Weights are kept in",
        str(downloads.cache_folder())])


def show(model: str) -> str:
    """Return all that the catalogue says of one network."""
    entry = catalogue.find(model)
    door = model.partition(':')[0] in catalogue.DOORS
    facts = {
        'name': entry.name, 'million parameters': entry.parameters, 'input': entry.input_size,
        'scenes': entry.scenes, 'trained on': entry.training, 'scale contract': _scale(entry),
        'published': entry.published,
        'licence of the weights': entry.licence + (
            '' if entry.commercial else ' (fetch asks for --accept-license)'),
        'source': entry.source, 'here': None if door else _here(entry),
        'megabytes': None if door else _megabytes(entry),
        'weights': None if door else '\n'.join(
            download.url for download in entry.downloads) or (
            entry.shipped and str(entry.shipped[0])) or 'set the parameter weights'}
    width = max(map(len, facts))
    return '\n'.join(f'{fact.ljust(width)}  ' + str(value).replace('\n', '\n' + ' ' * (width + 2))
                     for fact, value in facts.items() if value is not None)


def fetch(model: str, source: Path | None, accept_license: bool) -> str:
    """Fetch the weights of a network, or take them from `source`; return where they are."""
    entry = catalogue.find(model)
    door, _, rest = model.partition(':')
    if door == 'onnx' or door == 'huggingface' and (source or os.path.isdir(
            os.path.expanduser(rest))):
        raise ModelError(f"what lies on this machine needs no fetching: set model to '{door}:"
                         f"{source or rest}'")
    if door == 'huggingface':
        if not (entry.commercial or accept_license):
            raise ModelError(f"the licence of the weights of '{model}' is {entry.licence}: read "
                             f'it at {entry.source}, and say --accept-license if you may use them')
        return f'{model}: in {huggingface.fetch_snapshot(rest)}'
    if entry.shipped:
        return f'{model} comes with this package: {entry.shipped[0]}'
    with progress_bytes(model) as progress:
        path = downloads.fetch(entry, accept_license, source, progress)
    digests = (f'SHA-256 {digest}  {file}' for file, digest in downloads.record(entry).items())
    return '\n'.join([f'{model}: {path}', *digests])


def _scale(entry: Entry) -> str:
    return entry.scale.value if entry.scale else 'as the checkpoint says'


def _here(entry: Entry) -> str:
    return 'yes' if entry.shipped or entry.downloads and downloads.present(entry) else 'no'


def _megabytes(entry: Entry) -> str:
    if entry.shipped:
        return f'{entry.shipped[0].stat().st_size / 1e6:.0f}'
    sizes = [download.size for download in entry.downloads]
    if entry.downloads and downloads.present(entry):
        sizes = [(downloads.place(entry) / download.name).stat().st_size
                 for download in entry.downloads]
    return f'{sum(sizes) / 1e6:.0f}' if sizes and None not in sizes else '-'
