# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DenseDepth against the original code's outputs, and its weights in the files of Keras."""
from __future__ import annotations

import copy
import dataclasses
import json
import math
import re

import cv2
from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import densedepth
from depth_estimation_ros.models.contract import ModelError, ScaleKind
from depth_estimation_ros.models.weights import load_checkpoint
from key_init import fill, synth
import numpy as np
import pytest
import torch

# What the Keras files call a layer, from the parts of its name in the PyTorch code: DenseNet's
# names are those of keras.applications at the time (2018), the decoder's those of the
# repository's model.py; both are what a converter of the published nyu.h5 asks Keras for.
LAYERS = (
    (r'encoder\.original_model\.features\.conv0', lambda: 'conv1/conv'),
    (r'encoder\.original_model\.features\.norm0', lambda: 'conv1/bn'),
    (r'encoder\.original_model\.features\.norm5', lambda: 'bn'),
    (r'encoder\.original_model\.features\.transition(\d)\.(norm|conv)',
     lambda block, kind: f'pool{int(block) + 1}_{kind.replace("norm", "bn")}'),
    (r'encoder\.original_model\.features\.denseblock(\d)\.denselayer(\d+)\.norm([12])',
     lambda block, layer, part: f'conv{int(block) + 1}_block{layer}_{int(part) - 1}_bn'),
    (r'encoder\.original_model\.features\.denseblock(\d)\.denselayer(\d+)\.conv([12])',
     lambda block, layer, part: f'conv{int(block) + 1}_block{layer}_{part}_conv'),
    (r'decoder\.(up\d)\.(conv[AB])', lambda level, conv: f'{level}_{conv}'),
    (r'decoder\.(conv[23])', lambda conv: conv))
CONVOLUTION = {'weight': 'kernel', 'bias': 'bias'}
NORMALISATION = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'moving_mean',
                 'running_var': 'moving_variance'}
CONVA = 'model_weights/up1_convA/up1_convA/kernel:0'


def keras_entries(state, root='model_weights/'):
    """Return a state dict as Keras stores it: tensors by their path in the file, kernels HWIO."""
    entries = {}
    for key, value in state.items():
        module, leaf = key.rsplit('.', 1)
        if leaf == 'num_batches_tracked':
            continue
        [layer] = [name(*match.groups()) for pattern, name in LAYERS
                   if (match := re.fullmatch(pattern, module))]
        names = NORMALISATION if f'{module}.running_mean' in state else CONVOLUTION
        value = value.permute(2, 3, 1, 0).contiguous() if value.dim() == 4 else value
        # A layer's group holds its weights under their own names, which repeat the layer's.
        entries[f'{root}{layer}/{layer}/{names[leaf]}:0'] = value
    return entries


def tensor(picture):
    """Return uint8 RGB (H, W, 3) as the networks take it: (1, 3, H, W) in 0..1."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 255


@pytest.fixture(scope='module')
def state():
    """Return weights by the formula of the reference vectors."""
    shapes = {key: tuple(value.shape)
              for key, value in densedepth.network().state_dict().items()}
    return fill(shapes, gain=math.sqrt(2))


@pytest.fixture(scope='module')
def module(state):
    """Return the network with those weights."""
    module = densedepth.network()
    module.load_state_dict(state)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope='module')
def entries(state):
    """Return them as they are in a published file."""
    return keras_entries(state)


@pytest.fixture(scope='module')
def nyu(entries):
    return densedepth.build_nyu({'nyu.h5': entries})


@pytest.fixture
def unbuilt(monkeypatch, module):
    """Spare what is refused the second that a new network takes."""
    monkeypatch.setattr(densedepth, 'network', lambda largest: module)


@pytest.fixture(scope='module')
def reference(shared):
    return json.loads((shared / 'reference/densedepth_densenet169.json').read_text())


def test_parameter_names_order_and_shapes_are_those_of_the_original(reference, module):
    expected = [(entry['key'], tuple(entry['shape'])) for entry in reference['keys']
                if '.classifier.' not in entry['key']]  # in the original, of no use
    assert len(expected) == 1033
    assert [(key, tuple(value.shape)) for key, value in module.state_dict().items()] == expected


def test_number_of_parameters(module):
    assert sum(p.numel() for p in module.parameters()) == 42_657_689


@pytest.mark.parametrize('name', ['synth_480x640', 'real_192x640'])
def test_raw_output_and_features_are_those_of_the_original(shared, reference, module, name):
    picture = cv2.imread(str(shared / f'reference/input_{name}.png'))
    taps = []
    hook = module.encoder.register_forward_hook(lambda *args: taps.extend(args[-1]))
    raw = module.raw(tensor(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
    hook.remove()
    expected = np.load(shared / 'reference/densedepth_densenet169_expected.npz')
    np.testing.assert_allclose(raw[0, 0], expected[f'{name}_raw'], rtol=0, atol=5e-4)
    figures = reference['stats'][name]
    assert raw.dtype == torch.float32 and list(raw.shape) == figures['out_shape']
    for tap, expected in zip(taps, figures['features'], strict=True):
        assert list(tap.shape) == expected['shape']
        assert float(tap.mean()) == pytest.approx(expected['mean'], abs=1e-5)
        assert float(tap.std()) == pytest.approx(expected['std'], abs=1e-5)


@pytest.mark.parametrize(('height', 'width'), [(32, 32), (64, 160)])
def test_any_multiple_of_32_gives_half_the_size(module, height, width):
    values, confidence = module(tensor(synth(height, width)))
    assert values.shape == (1, 1, height // 2, width // 2)
    assert values.isfinite().all() and confidence is None


def test_a_batch_gives_what_its_pictures_give_alone(module):
    pictures = [tensor(synth(32, 64)), tensor(synth(32, 64)).flip(3)]
    torch.testing.assert_close(module.raw(torch.cat(pictures)),
                               torch.cat([module.raw(picture) for picture in pictures]),
                               rtol=0, atol=5e-4)


@pytest.mark.parametrize('way', ['to', 'autocast'])
def test_bfloat16_stays_close_and_ends_in_float32(module, way):
    rgb = tensor(synth(64, 96))
    exact = module.raw(rgb)
    half = copy.deepcopy(module)
    if way == 'to':
        half = half.to(dtype=torch.bfloat16, memory_format=torch.channels_last)
        assert half.encoder.original_model.features.conv0.weight.dtype == torch.bfloat16
        raw = half.raw(rgb)
    else:
        with torch.autocast('cpu', torch.bfloat16):
            raw = half.raw(rgb)
    assert half.decoder.conv3.weight.equal(module.decoder.conv3.weight)
    assert raw.dtype == torch.float32
    assert 0 < (raw - exact).abs().median() < 0.05 * exact.std()
    # bfloat16 has few distinct values; a head in float32 gives nearly every pixel its own.
    assert raw.unique().numel() > 0.5 * exact.unique().numel()


def test_channels_last_gives_the_same_values(module):
    rgb = tensor(synth(64, 96))
    other = copy.deepcopy(module).to(memory_format=torch.channels_last)
    torch.testing.assert_close(other.raw(rgb.contiguous(memory_format=torch.channels_last)),
                               module.raw(rgb), rtol=0, atol=5e-4)


@pytest.mark.parametrize(('path', 'shape'), [
    ('conv1/conv/conv1/conv/kernel:0', (7, 7, 3, 64)),
    ('conv1/bn/conv1/bn/gamma:0', (64,)),
    ('conv2_block1_0_bn/conv2_block1_0_bn/moving_variance:0', (64,)),
    ('conv4_block32_1_conv/conv4_block32_1_conv/kernel:0', (1, 1, 1248, 128)),
    ('conv5_block1_2_conv/conv5_block1_2_conv/kernel:0', (3, 3, 128, 32)),
    ('pool4_conv/pool4_conv/kernel:0', (1, 1, 1280, 640)),
    ('bn/bn/moving_mean:0', (1664,)),
    ('conv2/conv2/kernel:0', (1, 1, 1664, 1664)),
    ('up1_convA/up1_convA/kernel:0', (3, 3, 1920, 832)),
    ('up4_convB/up4_convB/bias:0', (104,)),
    ('conv3/conv3/kernel:0', (3, 3, 104, 1))])
def test_the_files_here_are_laid_out_as_keras_does(entries, path, shape):
    assert tuple(entries[f'model_weights/{path}'].shape) == shape


def test_a_published_file_gives_back_its_weights(tmp_path, state, entries, module):
    h5py = pytest.importorskip('h5py', reason='h5py reads the published weights')
    path = tmp_path / 'kitti.h5'
    with h5py.File(path, 'w') as file:
        for name, value in entries.items():
            file[name] = value.numpy()
        # Layers without weights have a group too, and training leaves its own numbers.
        file.create_group('model_weights/conv1/relu')
        file.create_group('model_weights/up1_concat')
        file['optimizer_weights/training/Adam/conv2/kernel/m:0'] = np.ones(3, np.float32)
    network = densedepth.build_kitti(load_checkpoint(path, ('kitti.h5',)).files)
    path.unlink()  # 171 MB
    rebuilt = network.module.state_dict()
    assert all(rebuilt[key].equal(value) for key, value in state.items())
    rgb = tensor(synth(32, 64))
    assert network.module.raw(rgb).equal(module.raw(rgb))


def test_a_file_of_the_weights_alone_gives_the_same(state, entries):
    alone = densedepth.from_keras(keras_entries(state, root=''))
    whole = densedepth.from_keras(entries)
    assert alone.keys() == whole.keys() == {key for key in state if 'num_batches' not in key}
    assert all(alone[key].equal(value) and value.equal(state[key])
               for key, value in whole.items())


def test_a_scope_that_keras_numbered_is_no_other_layer(entries, state):
    numbered = {path.replace('/up1_convA/kernel', '/up1_convA_1/kernel'): value
                for path, value in entries.items()}
    assert numbered.keys() != entries.keys()
    renamed = densedepth.from_keras(numbered)
    assert renamed.keys() == {key for key in state if 'num_batches' not in key}


@pytest.mark.parametrize(('changes', 'words'), [
    ({CONVA: None}, r'has no decoder\.up1\.convA\.weight'),
    ({CONVA: torch.zeros(3, 3, 1088, 416)},  # today's Keras code: half the width
     r'decoder\.up1\.convA\.weight of shape \(416, 1088, 3, 3\) instead of \(832, 1920, 3, 3\)'),
    ({CONVA: torch.zeros(3)}, r'convA\.weight of shape \(3,\)'),
    ({CONVA: torch.full((3, 3, 1920, 832), torch.nan)}, r'NaN or infinity in decoder\.up1'),
    ({'model_weights/up5_convA/up5_convA/bias:0': torch.zeros(52)},
     'has model_weights/up5_convA/up5_convA/bias:0, which that network has not'),
    ({'model_weights/conv1/conv/conv1/conv/bias:0': torch.zeros(64)},
     r'features\.conv0\.bias, which that network has not'),
    ({'model_weights/bn/bn_1/gamma:0': torch.zeros(1664)}, 'has model_weights/bn/bn_1/gamma:0')])
def test_a_file_that_does_not_fit_is_refused_by_name(unbuilt, entries, changes, words):
    changed = {path: value for path, value in {**entries, **changes}.items() if value is not None}
    with pytest.raises(ModelError, match=rf'^kitti\.h5 .*{words}.*set model') as caught:
        densedepth.build_kitti({'kitti.h5': changed})
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('foreign', [
    {}, {'encoder.conv1.weight': torch.zeros(64, 3, 7, 7), 'height': 192},
    {'model_weights/dense_1/dense_1/kernel:0': torch.zeros(3, 4)}])
def test_another_familys_file_is_refused(unbuilt, foreign):
    with pytest.raises(ModelError, match=r'^nyu\.h5 is not that of DenseDepth.*has no .*conv0'):
        densedepth.build_nyu({'nyu.h5': foreign})


def test_the_entries_say_what_their_numbers_mean(entries, nyu):
    kitti = densedepth.build_kitti({'kitti.h5': entries})
    assert [entry.name for entry in densedepth.ENTRIES] == [nyu.name, kitti.name]
    for entry, network, size, metres in zip(
            densedepth.ENTRIES, (nyu, kitti), ((640, 480), (1248, 384)), (10, 80)):
        assert network.inverse and network.multiple == 32
        assert (network.input_width, network.input_height) == size
        assert network.contract.kind is entry.scale is ScaleKind.METRIC_ON_TRAINING_CAMERA
        assert network.contract.metres_per_unit == metres
        assert entry.files == tuple(download.name for download in entry.downloads)
        assert 'GPL-3.0' in entry.licence
    camera = nyu.training_camera
    assert (640 * camera.fx, 480 * camera.fy) == pytest.approx((518.86, 519.47))
    assert (640 * camera.cx, 480 * camera.cy) == pytest.approx((325.58, 253.74))
    assert (kitti.training_camera.fx, kitti.training_camera.fy) == (0.58, 1.92)


class Known(densedepth.DenseDepth):
    """The network with a raw output that is known: these values in columns, left to right."""

    def __init__(self, largest, values):
        torch.nn.Module.__init__(self)
        self.largest = largest
        self.values = torch.tensor(values)

    def raw(self, rgb):
        """Return them at half of the input's size."""
        height, width = rgb.shape[2] // 2, rgb.shape[3] // 2
        columns = self.values.repeat_interleave(width // len(self.values))
        return columns.expand(len(rgb), 1, height, -1)


def test_metres_of_an_output_that_is_known(nyu):
    # No depth, none, beyond the training's 10 m, 10 m, 2 m, and nearer than the authors allow.
    outputs = [-3.0, 0.0, 0.5, 1.0, 5.0, 1000.0, 1.0, 1.0]
    network = dataclasses.replace(nyu, module=Known(nyu.module.largest, outputs))
    camera = PinholeCamera(640, 480, 518.86, 519.47, 325.58, 253.74)
    [estimate] = DepthEstimator(network, 'cpu').estimate(
        [(synth(480, 640), camera)], DepthOptions(min_depth=0.05), outputs={'depth'})
    depth = estimate.depth[240, 40::80]
    np.testing.assert_allclose(depth, [np.nan, np.nan, 20, 10, 2, 0.1, 10, 10], rtol=1e-6)


def test_the_nearest_depth_of_kitti_is_a_metre():
    known = Known(80.0, [-1.0, 0.5, 80.0, 81.0])
    values, confidence = known(torch.zeros(1, 3, 32, 32))
    assert values[0, 0, 0, ::4].tolist() == [-1.0, 0.5, 80.0, 80.0] and confidence is None
