# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The catalogue of networks: what a name stands for, and how its checkpoint becomes a Network."""
from __future__ import annotations

from collections.abc import Mapping
import difflib
import re
from typing import Any

from depth_estimation_ros.models import (
    compact, densedepth, exports, huggingface, meter, monodepth2, onnx, rt_monodepth)
from depth_estimation_ros.models.contract import Entry, ModelError, Network

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for family in (compact, rt_monodepth, monodepth2, densedepth, meter, huggingface, exports)
    for entry in family.ENTRIES}

# Networks that are not in the catalogue: `<door>:<what it opens>`.
DOORS = {'huggingface': huggingface.entry_for, 'onnx': onnx.entry_for}


# What people ask for by other names: what is in the name, without what separates its words.
ONNX = 'export one and open it with onnx:FILE (docs/onnx.md#networks-by-this-door)'
ELSEWHERE = {
    'da3': 'did you mean depth_anything_3_metric_large, of its networks the one that is metric? '
           f'Of the others {ONNX}',
    'depthanything3': 'did you mean depth_anything_3_metric_large, of its networks the one that '
                      f'is metric? Of the others {ONNX}',
    'metric3d': f'did you mean metric3d_v2_small or metric3d_v2_large? Of others {ONNX}',
    'moge': 'did you mean moge_2_small, moge_2_base or moge_2_large?',
    'unidepth': f'UniDepth V2 is CC BY-NC 4.0, not for commercial use; {ONNX}',
    'depthpro': 'Depth Pro is for research only and is opened with '
                'huggingface:apple/DepthPro-hf (docs/other-models.md)',
    'zoedepth': 'ZoeDepth (MIT) is opened with huggingface:Intel/zoedepth-nyu-kitti',
    'midas': 'MiDaS gives relative inverse depth, no metres: huggingface:Intel/dpt-large with '
             'depth_scale and depth_shift, or take a metric network',
    'yolo': 'YOLO networks with a depth head are AGPL-3.0 and scale a whole picture by one fit: '
            'they give no metres of a camera; take a metric network of the table',
    'marigold': 'Marigold gives depth up to scale and shift, in many steps a picture: take a '
                'metric network of the table',
    'videodepthanything': 'Video Depth Anything keeps a state between pictures, for which there '
                          'is no door here: take depth_anything_v2_metric_..., and '
                          'temporal.window (docs/steadiness.md)'}
OTHERS = ("'depth_estimation models' lists what there is; others are huggingface:<id or folder> "
          'and onnx:<file>')


def find(name: str) -> Entry:
    """Return the entry of that name, or raise ModelError with the names there are."""
    door, _, rest = name.partition(':')
    if door in DOORS and rest:
        return DOORS[door](rest)
    if name not in CATALOGUE:
        for known, advice in ELSEWHERE.items():
            if known in re.sub(r'[^a-z0-9]', '', name.lower()):
                raise ModelError(f"model '{name}' is not in the catalogue: {advice}. {OTHERS}")
        near = difflib.get_close_matches(name, CATALOGUE, 3, 0.5)
        raise ModelError(
            f"model '{name}' is not in the catalogue"
            + (f': did you mean {" or ".join(near)}?' if near else ':')
            + f' {OTHERS}')
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
