# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The catalogue of networks: what a name stands for, and how its checkpoint becomes a Network."""
from __future__ import annotations

from collections.abc import Mapping
import difflib
from typing import Any

from depth_estimation_ros.models import (
    compact, densedepth, huggingface, meter, monodepth2, onnx, rt_monodepth)
from depth_estimation_ros.models.contract import Entry, ModelError, Network

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for family in (compact, rt_monodepth, monodepth2, densedepth, meter, huggingface)
    for entry in family.ENTRIES}

# Networks that are not in the catalogue: `<door>:<what it opens>`.
DOORS = {'huggingface': huggingface.entry_for, 'onnx': onnx.entry_for}


def find(name: str) -> Entry:
    """Return the entry of that name, or raise ModelError with the names there are."""
    door, _, rest = name.partition(':')
    if door in DOORS and rest:
        return DOORS[door](rest)
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, 3, 0.5)
        raise ModelError(
            f"model '{name}' is not in the catalogue"
            + (f': did you mean {" or ".join(near)}?' if near else ':')
            + " 'depth_estimation models' lists what there is; others are huggingface:<id or "
            'folder> and onnx:<file>')
    return CATALOGUE[name]


def build(name: str, files: Mapping[str, Mapping[str, Any]]) -> Network:
    """
    Return the network `name` with the weights in `files`: file name -> entries.

    Raises ModelError where there is no such name, or the files are those of something else.
    """
    entry = find(name)
    for file, mark in zip(entry.files, entry.marks):
        if mark not in files[file]:
            raise ModelError(f"{file} is not that of '{name}': it {_looks_like(files[file])}; set "
                             'model to the network that the checkpoint is for, or weights to a '
                             f"'{name}' checkpoint")
    return entry.build(files)


def _looks_like(state: Mapping[str, Any]) -> str:
    for other in CATALOGUE.values():
        for file, mark in zip(other.files, other.marks):
            if mark in state:
                return f"looks like the {file} of '{other.name}'"
    return f'looks like no network of the catalogue (its first entry is {next(iter(state), None)})'
