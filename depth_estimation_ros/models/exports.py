# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Networks of the catalogue that are published as ONNX files, with the YAML that each is read by.

None of these files could be had where this was written: what is in them is told by their pages
and by projects that read them. The tests run files of our own with the same inputs and outputs.
"""
from __future__ import annotations

from functools import partial
from pathlib import Path

from depth_estimation_ros.models.contract import Download, Entry, Network, ScaleKind
from depth_estimation_ros.models.onnx import open_file

READINGS = Path(__file__).with_name('readings')
FILE = 'model.onnx'
HUB = 'https://huggingface.co'
NOT_RUN = 'not run by us: the file could not be had'


def _open(recipe: str, path: Path) -> Network:
    """Return the network of `path`, a file or the folder that a fetched one lies in."""
    return open_file(path / FILE if path.is_dir() else path, READINGS / recipe)


def _entry(name: str, parameters: float | None, recipe: str, where: str, size: int | None = None,
           sha256: str | None = None, **facts: str) -> Entry:
    """`where` is repository, commit and path on the hub: bytes that nobody can change."""
    repository, commit, file = where.split(' ')
    return Entry(
        name=name, parameters=parameters, scale=ScaleKind.METRIC_FROM_INTRINSICS,
        commercial=True, source=f'{HUB}/{repository}', scenes='streets, rooms',
        open=partial(_open, recipe),
        downloads=(Download(f'{HUB}/{repository}/resolve/{commit}/{file}', FILE, size, sha256),),
        **facts)


def _metric3d(name: str, parameters: float | None, where: str) -> Entry:
    return _entry(
        name, parameters, 'metric3d_v2.yaml', where,
        input_size="as many pixels as 1064x616, in the camera's shape",
        training='16 million pictures of thousands of cameras, as if of focal length 1000',
        licence='BSD-2-Clause (the hub says CC0-1.0 of these files)',
        published=f'arXiv:2404.15506; {NOT_RUN}')


def _moge(name: str, parameters: float, where: str, size: int, sha256: str) -> Entry:
    return _entry(
        name, parameters, 'moge_2.yaml', where, size, sha256,
        input_size="as many pixels as 686x518, in the camera's shape",
        training='see its paper; encoder: DINOv2',
        licence='MIT', published=f'arXiv:2507.02546; {NOT_RUN}')


ENTRIES = (
    _entry('depth_anything_3_metric_large', 350, 'depth_anything_3_metric_large.yaml',
           'Heliosoph/da3metric-large-onnx 159aa982e543db46b672e196d3658f1d39a258b6 model.onnx',
           1337201123, 'ba0fd3c613901450c60f29ca7be63512ff06d0b8cd1601a60f4918726ea1a9cb',
           input_size='504x504, with a border about a picture of another shape',
           training='see its paper',
           licence='Apache-2.0', published=f'arXiv:2511.10647; {NOT_RUN}'),
    _metric3d('metric3d_v2_small', 38, 'onnx-community/metric3d-vit-small '
              '672e63a9d45ee93c39a3f59cdfd0edf648187f37 onnx/model.onnx'),
    _metric3d('metric3d_v2_large', None, 'onnx-community/metric3d-vit-large '
              '7d679e55ebc155d3f7c919371f0784080fb5f5bd onnx/model.onnx'),
    _moge('moge_2_small', 35, 'Ruicheng/moge-2-vits-normal-onnx '
          'e50ffda41565591092adea54c6ac83d6212e1e23 model.onnx', 140852051,
          '24eacb5dc7a2c54c7bc98f7de085ffbed79ad006ea5b664c2c2cdc02ff3a52f0'),
    _moge('moge_2_base', 104, 'Ruicheng/moge-2-vitb-normal-onnx '
          '2d247a122ada42ce700fe59273cd62e076da1f32 model.onnx', 419411850,
          'bbf14e07a30f11e69d36ab861590123f5598ababcbc8946a063eb4a966f35a21'),
    _moge('moge_2_large', 331, 'Ruicheng/moge-2-vitl-normal-onnx main model.onnx', 1324265014,
          'afbc4ccc3450298f3afb35b90f015f4c4f552dea21dc6470d5f7b78b77e2d751'),
)
