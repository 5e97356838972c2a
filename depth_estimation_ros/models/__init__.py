# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The catalogue of networks: what a name stands for, and how its checkpoint becomes a Network."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_estimation_ros.models import compact, monodepth2, rt_monodepth
from depth_estimation_ros.models.contract import ModelError, Network


# Of the compact.npz beside this file.
COMPACT_SHA256 = 'a68c2ae4d6bfde8e0db91fcdb5221d84e6b0d82a6287ef321255ae8ebd942920'


@dataclass(frozen=True)
class Entry:
    """
    A family of networks, in the words that a user chooses by.

    `files` names the files of its checkpoint; `marks` has for each of them a key that no other
    family's file has, by which a wrong checkpoint is told. `shipped` is the checkpoint that comes
    with this package, one file, and its SHA-256; None where none does.
    """

    name: str
    build: Callable[[Mapping[str, Mapping[str, Any]]], Network]
    files: tuple[str, ...]
    marks: tuple[str, ...]
    licence: str
    source: str
    training: str
    published: str
    scale: str
    shipped: tuple[Path, str] | None = None


CATALOGUE: dict[str, Entry] = {family.name: family for family in (
    Entry(
        name='compact',
        build=compact.build,
        files=('compact.npz',),
        marks=('stem.0.weight',),
        licence='Apache-2.0, code and weights',
        source='this package: training/ makes it, docs/model-card.md describes it',
        training='generated streets only, no real picture; pinhole cameras of '
                 f'{compact.FIELD_OF_VIEW[0]:g} to {compact.FIELD_OF_VIEW[1]:g} degrees; input '
                 f'at a focal length of {compact.FOCAL:g} pixels',
        published='docs/model-card.md',
        scale='metres from intrinsics',
        shipped=(Path(__file__).with_name('compact.npz'), COMPACT_SHA256)),
    Entry(
        name='monodepth2',
        build=monodepth2.build,
        files=('encoder.pth', 'depth.pth'),
        marks=('encoder.layer1.0.conv1.weight', 'decoder.10.conv.weight'),
        licence='code and weights for non-commercial use',
        source='https://github.com/nianticlabs/monodepth2',
        training='KITTI raw driving, fx/W 0.58, fy/H 1.92; 640x192 or 1024x320',
        published='KITTI Eigen AbsRel 0.106 (mono+stereo) to 0.115 (mono), delta1 0.874 to 0.879; '
                  'ResNet-50 mono 0.110',
        scale='metres on its training camera where trained with stereo pairs, else up to scale'),
    Entry(
        name='rt_monodepth_s',
        build=rt_monodepth.build,
        files=('encoder.pth', 'depth.pth'),
        marks=('convs.0.0.weight', 'decoder.8.conv3.weight'),
        licence='code and weights for non-commercial use',
        source='https://github.com/Ecalpal/RT-MonoDepth',
        training='KITTI raw driving, fx/W 0.58, fy/H 1.92; 640x192',
        published='30.5 frames/s on a Jetson Nano, 364.1 on a Jetson AGX Orin (640x192)',
        scale='metres on its training camera where trained with stereo pairs, else up to scale'),
)}


def find(name: str) -> Entry:
    """Return the catalogue's entry of that name, or raise ModelError with the names there are."""
    if name not in CATALOGUE:
        raise ModelError(f"model '{name}' is not in the catalogue: set model to one of "
                         f"{', '.join(CATALOGUE)}")
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
