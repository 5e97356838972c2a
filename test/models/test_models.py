# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks against the original codes' outputs, and checkpoints that are something else."""
from __future__ import annotations

import copy
import hashlib
import json

import cv2
from depth_estimation_ros.models import catalogue, compact, monodepth2, rt_monodepth
from depth_estimation_ros.models.contract import ModelError, ScaleKind
from depth_estimation_ros.models.weights import load_checkpoint
from key_init import fill, synth, uniform, write_monodepth2_checkpoint
import numpy as np
import pytest
import torch

FILES = ('encoder.pth', 'depth.pth')


@pytest.fixture(scope='module')
def resnet18_files(tmp_path_factory):
    folder = write_monodepth2_checkpoint(tmp_path_factory.mktemp('resnet18'))
    return load_checkpoint(folder, FILES).files


@pytest.fixture(scope='module')
def resnet18(resnet18_files):
    return catalogue.build('monodepth2', resnet18_files)


@pytest.fixture(scope='module')
def rt_files(shared):
    return load_checkpoint(shared / 'data/weights/rt_monodepth_s_ms_640x192', FILES).files


@pytest.fixture(scope='module')
def pictures(shared):
    real = cv2.cvtColor(cv2.imread(str(shared / 'reference/input_real_192x640.png')),
                        cv2.COLOR_BGR2RGB)
    return {'synth': tensor(synth(192, 640)), 'real': tensor(real)}


def tensor(picture: np.ndarray) -> torch.Tensor:
    """Return uint8 RGB (H, W, 3) as the networks take it: (1, 3, H, W) in 0..1."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 255


def with_entries(files, encoder=None, depth=None):
    """Return the files of a checkpoint with entries changed, or taken away by None."""
    changed = {}
    for name, changes in zip(FILES, (encoder, depth)):
        entries = {**files[name], **(changes or {})}
        changed[name] = {key: value for key, value in entries.items() if value is not None}
    return changed


def keys_and_shapes(module):
    return [(key, tuple(value.shape)) for key, value in module.state_dict().items()]


def reference_keys(entries):
    """Return (key, shape) in order, without the classifier that no depth network uses."""
    return [(entry['key'], tuple(entry['shape'])) for entry in entries
            if '.fc.' not in entry['key']]


def test_the_formula_gives_the_reference_values(shared):
    probes = json.loads((shared / 'reference/inputs_and_probe.json').read_text())
    for key, shape in (('encoder.conv1.weight', (64, 3, 7, 7)), ('encoder.bn1.running_var', (64,)),
                       ('decoder.0.conv.conv.bias', (256,))):
        values = fill({key: shape})[key].numpy().astype('<f4')
        assert values.ravel()[:6].tolist() == probes['init_probe'][key]['first6']
        assert (hashlib.sha256(values.tobytes()).hexdigest()
                == probes['init_probe'][key]['sha256_float32_le'])
    for height, width in ((192, 640), (480, 640)):
        assert (hashlib.sha256(synth(height, width).tobytes()).hexdigest()
                == probes['inputs'][f'synth_{height}x{width}']['sha256_of_raw_bytes'])
    assert 0 <= uniform('any', 1000).min() < 0.01 < 0.99 < uniform('any', 1000).max() < 1


@pytest.mark.parametrize(('network', 'file'), [
    (monodepth2.network(bottleneck=False), 'monodepth2_resnet18.json'),
    (monodepth2.network(bottleneck=True), 'monodepth2_resnet50.json'),
    (rt_monodepth.network(), 'rtmonodepth_s.json')])
def test_parameter_names_order_and_shapes_are_the_published_ones(shared, network, file):
    reference = json.loads((shared / 'reference' / file).read_text())
    assert keys_and_shapes(network.encoder) == reference_keys(reference['encoder_keys'])
    assert keys_and_shapes(network.decoder) == reference_keys(reference['decoder_keys'])


@pytest.mark.parametrize(('network', 'millions'), [
    (monodepth2.network(bottleneck=False), 14.33), (monodepth2.network(bottleneck=True), 32.52),
    (rt_monodepth.network(), 1.24)])
def test_number_of_parameters(network, millions):
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=5e-3)


@pytest.mark.parametrize('picture', ['synth', 'real'])
def test_resnet18_reproduces_the_original_at_all_scales(shared, pictures, resnet18, picture):
    expected = np.load(shared / 'reference/monodepth2_resnet18_expected.npz')
    disparities = resnet18.module.disparities(pictures[picture])
    assert len(disparities) == 4
    for scale, disparity in enumerate(disparities):
        np.testing.assert_allclose(disparity[0, 0], expected[f'{picture}_disp{scale}'],
                                   rtol=0, atol=1e-5)


def test_resnet50_reproduces_the_figures_of_the_original(shared, pictures, tmp_path):
    files = load_checkpoint(write_monodepth2_checkpoint(tmp_path, 50), FILES).files
    network = catalogue.build('monodepth2', files)
    assert network.description == 'monodepth2 ResNet-50 640x192, stereo-trained'
    reference = json.loads((shared / 'reference/monodepth2_resnet50.json').read_text())
    disparities = network.module.disparities(pictures['synth'])
    for scale, expected in reference['stats']['synth']['disp'].items():
        found = disparities[int(scale)]
        assert list(found.shape) == expected['shape']
        for figure in ('min', 'max', 'mean'):
            assert float(getattr(found, figure)()) == pytest.approx(expected[figure], abs=1e-5)


@pytest.mark.parametrize('picture', ['synth', 'real'])
def test_rt_monodepth_s_reproduces_the_original_with_its_trained_weights(
        shared, pictures, rt_files, picture):
    expected = np.load(shared / 'reference/rtmonodepth_s_ms_640_192_expected.npz')
    disparities = catalogue.build('rt_monodepth_s', rt_files).module.disparities(pictures[picture])
    assert len(disparities) == 3
    for scale in (0, 2):
        np.testing.assert_allclose(disparities[scale][0, 0],
                                   expected[f'{picture}_192x640_disp{scale}'], rtol=0, atol=1e-5)


def test_values_are_inverse_depth_of_a_tenth_to_a_hundred_units(resnet18, pictures):
    values, confidence = resnet18.module(pictures['synth'])
    disparity = resnet18.module.disparities(pictures['synth'])[0]
    assert resnet18.inverse
    assert confidence is None
    assert values.dtype == torch.float32
    assert values.shape == (1, 1, 192, 640)
    torch.testing.assert_close(values, 0.01 + 9.99 * disparity)


def test_a_batch_gives_what_its_pictures_give_alone(rt_files, pictures):
    module = catalogue.build('rt_monodepth_s', rt_files).module
    batch, _ = module(torch.cat(list(pictures.values())))
    alone = torch.cat([module(picture)[0] for picture in pictures.values()])
    torch.testing.assert_close(batch, alone)


@pytest.mark.parametrize('width', [64, 128])
@pytest.mark.parametrize('height', [64, 96])
def test_other_input_sizes(resnet18_files, width, height):
    network = catalogue.build('monodepth2', with_entries(
        resnet18_files, encoder={'width': width, 'height': height}))
    assert (network.input_width, network.input_height) == (width, height)
    values, _ = network.module(tensor(synth(height, width)))
    assert values.shape == (1, 1, height, width)


def test_a_stereo_trained_checkpoint_is_metric_on_kittis_camera(resnet18):
    contract, camera = resnet18.contract, resnet18.training_camera
    assert contract.kind is ScaleKind.METRIC_ON_TRAINING_CAMERA
    assert contract.metres_per_unit == 5.4
    assert '0.54 m' in contract.reason
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (0.58, 1.92, 0.49, 0.47)
    assert resnet18.description == 'monodepth2 ResNet-18 640x192, stereo-trained'


@pytest.mark.parametrize(('use_stereo', 'reason', 'words'), [
    (False, 'moving camera', 'mono-trained'), (None, 'use_stereo', 'training not stated')])
def test_without_stereo_pairs_there_is_no_scale(resnet18_files, use_stereo, reason, words):
    network = catalogue.build('monodepth2', with_entries(
        resnet18_files, encoder={'use_stereo': use_stereo}))
    assert network.contract.kind is ScaleKind.UP_TO_SCALE
    assert network.contract.metres_per_unit is None
    assert reason in network.contract.reason
    assert network.training_camera is None
    assert words in network.description


def test_the_classifier_may_be_absent(resnet18_files):
    files = with_entries(resnet18_files, encoder={
        'encoder.fc.weight': None, 'encoder.fc.bias': None})
    assert catalogue.build('monodepth2', files).input_width == 640


def test_building_leaves_the_files_as_they_are(resnet18_files):
    keys = {name: list(entries) for name, entries in resnet18_files.items()}
    catalogue.build('monodepth2', resnet18_files)
    assert {name: list(entries) for name, entries in resnet18_files.items()} == keys


@pytest.mark.parametrize('way', ['to', 'autocast'])
def test_bfloat16_stays_close_and_ends_in_float32(rt_files, pictures, way):
    module = catalogue.build('rt_monodepth_s', rt_files).module
    rgb = pictures['real'][..., :96, :192]
    exact, _ = module(rgb)
    before = copy.deepcopy(module.decoder.decoder[8].state_dict())
    if way == 'to':
        module = module.to(dtype=torch.bfloat16, memory_format=torch.channels_last)
        assert module.encoder.conv1.weight.dtype == torch.bfloat16
        values, _ = module(rgb)
    else:
        with torch.autocast('cpu', torch.bfloat16):
            values, _ = module(rgb)
    after = module.decoder.decoder[8].state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert values.dtype == torch.float32
    error = (values / exact - 1).abs()
    assert 0 < error.median() < 0.02
    # bfloat16 has few distinct values; a head in float32 gives nearly every pixel its own.
    assert values.unique().numel() > 0.5 * exact.unique().numel()


def test_channels_last_gives_the_same_values(resnet18, pictures):
    expected, _ = resnet18.module(pictures['real'])
    module = copy.deepcopy(resnet18.module).to(memory_format=torch.channels_last)
    values, _ = module(pictures['real'].contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(values, expected)


@pytest.mark.parametrize(('name', 'files'), [
    ('monodepth2', 'resnet18_files'), ('rt_monodepth_s', 'rt_files')])
def test_networks_compile_as_one_graph(request, name, files):
    module = catalogue.build(name, request.getfixturevalue(files)).module
    rgb = tensor(synth(64, 96))
    compiled = torch.compile(module, backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(rgb)[0], module(rgb)[0])


@pytest.fixture(scope='module')
def compact_files():
    """Return the checkpoint that comes with the package."""
    entry = catalogue.find('compact')
    return load_checkpoint('', entry.files, entry.shipped).files


@pytest.fixture(scope='module')
def compact_network(compact_files):
    return catalogue.build('compact', compact_files)


def seen(network, width, height, focal):
    """Return an input for a camera of that picture size, and the intrinsics in its pixels."""
    w, h = network.size_for(width, height, focal, focal)
    camera = torch.tensor([[focal * w / width, focal * h / height, w / 2, h / 2]])
    return tensor(synth(h, w)), camera


def test_compact_is_metric_from_intrinsics_and_comes_with_the_package(compact_network):
    contract = compact_network.contract
    assert contract.kind is ScaleKind.METRIC_FROM_INTRINSICS and contract.metres_per_unit == 1
    assert compact_network.training_camera is None and compact_network.inverse
    assert compact_network.takes_camera and compact_network.has_confidence
    assert compact_network.field_of_view == (50, 110)
    assert sum(p.numel() for p in compact_network.module.parameters()) <= 6e6


@pytest.mark.parametrize('width, height, focal', [
    (1242, 375, 721.5), (640, 480, 525.0), (1920, 1080, 1400.0), (320, 180, 200.0)])
def test_compact_sees_every_camera_at_one_focal_length(compact_network, width, height, focal):
    w, h = compact_network.size_for(width, height, focal, focal)
    assert w % 32 == h % 32 == 0 and min(w, h) >= 96
    for side, length in ((w, width), (h, height)):
        assert abs(side - length * compact.INPUT_FOCAL / focal) <= 16


@pytest.mark.parametrize('width, height, fx, fy', [
    (4000, 3000, 500.0, 500.0), (100, 100, 1e5, 1e5), (4000, 1, 1e-3, 1e3), (1, 4000, 1e4, 1e-4)])
def test_compacts_input_is_bounded_whatever_the_calibration_says(width, height, fx, fy):
    w, h = compact.input_size(width, height, fx, fy)
    assert w % 32 == h % 32 == 0 and min(w, h) >= 96 and w * h <= 1.2 * compact.MAX_PIXELS


@pytest.mark.parametrize('precision', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('view', [(1242, 375, 721.5), (320, 320, 150.0)])
def test_compact_answers_metres_and_a_probability(compact_files, view, precision):
    network = catalogue.build('compact', compact_files)
    exact, *_ = network.module(*seen(network, *view))
    depth, confidence, room = network.module.to(precision)(*seen(network, *view))
    assert room.dtype == torch.float32 and 0 <= room.item() <= 1
    assert depth.dtype == confidence.dtype == torch.float32
    assert depth.shape == confidence.shape and depth.shape[:2] == (1, 1)
    assert depth.isfinite().all() and (depth > 0).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (depth / exact - 1).abs().median() < 0.05


def test_compact_gives_in_a_batch_what_its_pictures_give_alone(compact_network):
    rgb, camera = seen(compact_network, 640, 480, 525.0)
    cameras = torch.cat([camera, camera * torch.tensor([1.1, 1.1, 1.0, 0.9])])
    rgb = torch.cat([rgb, rgb.flip(3)])
    batch = compact_network.module(rgb, cameras)
    for together, *alone in zip(batch, *(compact_network.module(rgb[i:i + 1], cameras[i:i + 1])
                                         for i in range(2))):
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-3, atol=1e-4)


def test_an_unknown_model_is_told_the_names_there_are():
    with pytest.raises(ModelError,
                       match="midas.*'depth_estimation models' lists .*huggingface:.*onnx:"):
        catalogue.build('midas', {})


def test_every_catalogue_entry_says_what_a_user_chooses_by():
    for name, entry in catalogue.CATALOGUE.items():
        assert entry.name == name == catalogue.find(name).name
        assert len(entry.marks) in (0, len(entry.files))
        assert entry.source.startswith('https://') or entry.shipped
        assert entry.licence and entry.training and entry.published and entry.input_size
        assert (entry.build is None) != (entry.open is None)


def test_another_familys_checkpoint_is_recognised(resnet18_files, rt_files):
    with pytest.raises(ModelError, match=r"encoder\.pth.*'rt_monodepth_s'.*monodepth2.*set model"):
        catalogue.build('rt_monodepth_s', resnet18_files)
    with pytest.raises(ModelError, match=r"encoder\.pth.*'monodepth2'.*rt_monodepth_s.*weights"):
        catalogue.build('monodepth2', rt_files)
    with pytest.raises(ModelError, match=r'depth\.pth.*looks like.*rt_monodepth_s'):
        catalogue.build('monodepth2', {**resnet18_files, 'depth.pth': rt_files['depth.pth']})


def test_swapped_files_are_recognised(resnet18_files):
    swapped = dict(zip(FILES, reversed([resnet18_files[name] for name in FILES])))
    with pytest.raises(ModelError, match=r'encoder\.pth.*looks like the depth\.pth'):
        catalogue.build('monodepth2', swapped)


def test_a_foreign_network_is_refused_by_its_first_entry():
    foreign = {'backbone.patch.weight': torch.zeros(1)}
    with pytest.raises(ModelError, match=r'encoder\.pth.*no network of.*backbone\.patch\.weight'):
        catalogue.build('monodepth2', dict.fromkeys(FILES, foreign))


KEY = 'encoder.layer4.1.bn2.running_mean'


@pytest.mark.parametrize(('encoder', 'words'), [
    ({KEY: None}, f'has no {KEY}'),
    ({KEY: torch.zeros(7)}, rf'{KEY} of shape \(7,\) instead of \(512,\)'),
    ({KEY: torch.full((512,), torch.nan)}, f'NaN or infinity in {KEY}'),
    ({KEY: 0.5}, f'float for {KEY}'),
    ({'encoder.layer1.2.conv1.weight': torch.zeros(1)}, r'has encoder\.layer1\.2\.conv1'),
    ({'epoch': 3}, 'has epoch'),
    ({'width': None}, 'has no width'),
    ({'height': None}, 'has no height'),
    ({'height': 192.0}, r'height 192\.0'),
    ({'width': 100}, 'width 100.*multiples of 32'),
    ({'height': 32}, 'height 32.*from 64'),
    ({'use_stereo': 'yes'}, "use_stereo 'yes'")])
def test_a_broken_encoder_is_refused_by_name(resnet18_files, encoder, words):
    with pytest.raises(ModelError, match=rf'^encoder\.pth .*{words}.*set .*weights') as caught:
        catalogue.build('monodepth2', with_entries(resnet18_files, encoder=encoder))
    assert '\n' not in str(caught.value)


def test_a_decoder_of_the_other_resnet_is_refused_by_shape(resnet18_files):
    key = 'decoder.0.conv.conv.weight'
    files = with_entries(resnet18_files, depth={key: torch.zeros(256, 2048, 3, 3)})
    with pytest.raises(ModelError, match=rf'^depth\.pth is not that of .*ResNet-18.*{key}.*2048'):
        catalogue.build('monodepth2', files)
