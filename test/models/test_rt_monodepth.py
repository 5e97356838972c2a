# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RT-MonoDepth against its authors' code, and told apart from RT-MonoDepth-S."""
from __future__ import annotations

import copy

from depth_estimation_ros.models import catalogue, rt_monodepth
from depth_estimation_ros.models.contract import ModelError, ScaleKind
from depth_estimation_ros.models.weights import load_checkpoint
from key_init import fill, synth
import numpy as np
import pytest
import torch

NAMES = ('rt_monodepth', 'rt_monodepth_s')
ENTRY = {entry.name: entry for entry in rt_monodepth.ENTRIES}

# Mean, and eight values along the middle row, of each scale's disparity: what the authors' code
# (Ecalpal/RT-MonoDepth 3ccc225, networks/RTMonoDepth/RTMonoDepth.py) answers to synth(96, 320)
# with key_init's fill of gain sqrt(2). On six sizes and with four sets of weights, their own
# published depth.pth among them, its answers and this network's were equal to the last bit.
AUTHORS = (
    (0.330760, (0.463851, 0.605705, 0.529812, 0.591623, 0.401148, 0.624308, 0.294572, 0.419442)),
    (0.678479, (0.185209, 0.259299, 0.258218, 0.714483, 0.521023, 0.868191, 0.170944, 0.962765)),
    (0.146546, (0.017163, 0.228950, 0.003193, 0.055857, 0.033597, 0.351963, 0.120155, 0.012811)),
    (0.378848, (0.503608, 0.237417, 0.204622, 0.325442, 0.124548, 0.295637, 0.393250, 0.234453)))


def filled(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return fill({key: tuple(value.shape) for key, value in module.state_dict().items()}, 2**0.5)


def checkpoint_files(name: str, **entries) -> dict[str, dict]:
    """Return the files of a checkpoint by formula, with the plain entries of a published one."""
    network = rt_monodepth.network(full=name == 'rt_monodepth')
    plain = {'height': 96, 'width': 320, 'use_stereo': True, **entries}
    return {'encoder.pth': {**filled(network.encoder), **plain},
            'depth.pth': filled(network.decoder)}


@pytest.fixture(scope='module')
def files():
    return {name: checkpoint_files(name) for name in NAMES}


@pytest.fixture(scope='module')
def full(files):
    return rt_monodepth.build(files['rt_monodepth'], 'rt_monodepth')


def picture(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(synth(height, width)).permute(2, 0, 1)[None] / 255


def test_the_full_network_answers_what_the_authors_code_answers(full):
    disparities = full.module.disparities(picture(96, 320))
    assert len(disparities) == len(AUTHORS)
    for scale, (disparity, (mean, values)) in enumerate(zip(disparities, AUTHORS)):
        height, width = 96 >> scale, 320 >> scale
        assert disparity.shape == (1, 1, height, width)
        assert float(disparity.mean()) == pytest.approx(mean, abs=1e-5)
        row = disparity[0, 0, height // 2, ::width // 8]
        np.testing.assert_allclose(row, values, rtol=0, atol=2e-5)


def test_the_full_networks_parameters_are_those_of_the_published_files():
    network = rt_monodepth.network(full=True)
    encoder, decoder = network.encoder.state_dict(), network.decoder.state_dict()
    assert list(encoder) == [
        *(f'convs.{block}.{layer}.{leaf}' for block in range(3) for layer in (0, 2, 4)
          for leaf in ('weight', 'bias')), 'conv1.weight']
    assert list(decoder) == [
        *(f'decoder.{layer}.conv.{leaf}' for layer in range(8) for leaf in ('weight', 'bias')),
        *(f'decoder.{layer}.conv{index}.{leaf}' for layer in range(8, 12) for index in (1, 2, 3)
          for leaf in ('weight', 'bias'))]
    assert [tuple(decoder[f'decoder.{layer}.conv.weight'].shape[:2]) for layer in range(8)] == [
        (128, 256), (128, 128), (64, 128), (64, 64), (32, 64), (32, 96), (16, 32), (16, 16)]
    assert encoder['conv1.weight'].shape == (64, 3, 3, 3)


@pytest.mark.parametrize(('name', 'count'), [
    ('rt_monodepth', 2_776_804), ('rt_monodepth_s', 1_235_027)])
def test_number_of_parameters(name, count):
    network = rt_monodepth.network(full=name == 'rt_monodepth')
    assert sum(p.numel() for p in network.parameters()) == count
    assert ENTRY[name].parameters == round(count / 1e6, 1)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(('height', 'width'), [(32, 32), (48, 80), (64, 96)])
def test_any_multiple_of_16_from_32_is_an_input(files, name, height, width):
    network = rt_monodepth.build(files[name], name).resized(width + 7, height - 7)
    assert (network.input_width, network.input_height, network.multiple) == (width, height, 16)
    values, confidence = network.module(picture(height, width))
    assert values.shape == (1, 1, height, width) and values.dtype == torch.float32
    assert (values >= 0.01).all() and (values <= 10).all()
    assert confidence is None


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(('use_stereo', 'kind', 'words'), [
    (True, ScaleKind.METRIC_ON_TRAINING_CAMERA, 'stereo-trained'),
    (False, ScaleKind.UP_TO_SCALE, 'mono-trained')])
def test_a_checkpoint_on_disk_becomes_the_network_it_is(tmp_path, name, use_stereo, kind, words):
    for file, entries in checkpoint_files(name, use_stereo=use_stereo).items():
        torch.save(entries, tmp_path / file)
    network = catalogue.build(name, load_checkpoint(tmp_path, ENTRY[name].files).files)
    assert network.name == name
    assert network.description == f'{rt_monodepth.TITLES[name]} 320x96, {words}'
    assert network.contract.kind is kind


@pytest.mark.parametrize(('weights', 'kind'), [
    ('ms', ScaleKind.METRIC_ON_TRAINING_CAMERA), ('m', ScaleKind.UP_TO_SCALE)])
def test_what_is_published_of_s(shared, weights, kind):
    entry = ENTRY['rt_monodepth_s']
    folder = shared / f'data/weights/rt_monodepth_s_{weights}_640x192'
    network = entry.build(load_checkpoint(folder, entry.files).files)
    assert network.contract.kind is kind
    assert entry.input_size == f'{network.input_width}x{network.input_height}'


@pytest.mark.parametrize(('name', 'other'), [NAMES, NAMES[::-1]])
@pytest.mark.parametrize('way', ['build', 'catalogue'])
def test_a_checkpoint_of_the_other_one_is_told_by_name(files, name, other, way):
    build = ENTRY[name].build if way == 'build' else lambda files: catalogue.build(name, files)
    with pytest.raises(ModelError, match=r'^encoder\.pth is not that of .* looks like ') as caught:
        build(files[other])
    assert f"'{other}'" in str(caught.value) and 'set model to' in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('name', 'other'), [NAMES, NAMES[::-1]])
def test_a_decoder_of_the_other_one_is_refused(files, name, other):
    mixed = {**files[name], 'depth.pth': files[other]['depth.pth']}
    with pytest.raises(ModelError, match=r'^depth\.pth is not that of RT-MonoDepth.*set model'):
        ENTRY[name].build(mixed)


def test_no_mark_of_the_full_network_is_in_a_checkpoint_of_s(files):
    entry = rt_monodepth.ENTRIES[0]
    assert entry.name == 'rt_monodepth'
    for file, mark in zip(entry.files, entry.marks):
        assert mark in files['rt_monodepth'][file]
        assert mark not in files['rt_monodepth_s'][file]


def test_the_full_network_stays_close_in_bfloat16_and_ends_in_float32(full):
    rgb = picture(64, 96)
    exact, _ = full.module(rgb)
    values, _ = copy.deepcopy(full.module).to(torch.bfloat16)(rgb)
    assert values.dtype == torch.float32
    assert 0 < (values / exact - 1).abs().median() < 0.03
    assert values.unique().numel() > 0.5 * exact.unique().numel()


def test_the_full_network_compiles_as_one_graph(full):
    rgb = picture(32, 48)
    compiled = torch.compile(full.module, backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(rgb)[0], full.module(rgb)[0])
