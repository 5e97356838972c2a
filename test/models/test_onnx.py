# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An exported network on ONNX Runtime, and the YAML that says how to read it."""
import copy
import dataclasses
import pathlib
import re
import sys
import warnings

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.requests import DepthOptions
from depth_estimation_ros.estimation.runtime import DeviceError
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models import catalogue, onnx as onnx_reader
from depth_estimation_ros.models.contract import ModelError, ScaleKind
from depth_estimation_ros.models.onnx import entry_for, open_file, Reading
import numpy as np
from onnx_files import ANY, ANY_SIZE, catalogue_network, export, METRIC, WEIGHTS, write
import pytest
import torch

onnx = pytest.importorskip('onnx', reason='the tests export networks with onnx')
onnxruntime = pytest.importorskip('onnxruntime', reason='exported networks need onnxruntime')


def pictures(count=1, height=16, width=32):
    """Return RGB (B, 3, H, W) in 0..1."""
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def weighted(rgb, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)):
    """Return what the network of `write` makes of RGB (B, 3, H, W)."""
    rgb = (rgb - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    return (rgb * torch.tensor(WEIGHTS)[:, None, None]).sum(1, keepdim=True)


def refusal(path):
    """Return the one sentence with which that file is refused."""
    with pytest.raises(ModelError) as caught:
        network = open_file(path)
        network.module(pictures(1, network.input_height, network.input_width))
    sentence = str(caught.value)
    assert '\n' not in sentence and not sentence.endswith('.')
    return sentence


# -- a network of the catalogue, exported --

@pytest.fixture(scope='module')
def network():
    """Return the network that is exported."""
    return catalogue_network()


@pytest.fixture(scope='module')
def dynamic(network, tmp_path_factory):
    """Return the path of the network exported for any batch and size."""
    return export(network, tmp_path_factory.mktemp('dynamic') / 'net.onnx', ANY)


def test_an_exported_network_says_what_the_network_says(network, dynamic):
    exported = open_file(dynamic)
    assert (exported.input_width, exported.input_height, exported.multiple) == (96, 64, 16)
    assert exported.inverse and not exported.takes_camera and not exported.has_confidence
    for batch, height, width in ((1, 64, 96), (2, 64, 96), (2, 96, 160)):
        rgb = pictures(batch, height, width)
        values, confidence = exported.module(rgb)
        expected, _ = network(rgb)
        assert confidence is None and values.dtype == torch.float32
        torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-5)


def test_a_network_exported_for_one_picture_of_one_size_takes_a_batch_too(network, tmp_path):
    exported = open_file(export(network, tmp_path / 'fixed.onnx'))
    assert (exported.input_width, exported.input_height, exported.multiple) == (96, 64, None)
    rgb = pictures(2, 64, 96)
    torch.testing.assert_close(exported.module(rgb)[0], network(rgb)[0], rtol=1e-4, atol=1e-5)
    assert exported.resized(96, 64) is exported
    with pytest.raises(ModelError, match='fixed.onnx .* takes 96x64 only'):
        exported.resized(128, 64)


def test_its_size_can_be_set_to_multiples(network, dynamic):
    small = open_file(dynamic).resized(70, 50)
    assert (small.input_width, small.input_height) == (64, 48)
    rgb = pictures(1, 48, 64)
    torch.testing.assert_close(small.module(rgb)[0], network(rgb)[0], rtol=1e-4, atol=1e-5)


def test_it_can_be_copied_and_moved_as_any_module(network, dynamic):
    exported = open_file(dynamic)
    assert exported.fixed_precision and not list(exported.module.parameters())
    rgb = pictures(1, 64, 96)
    expected, _ = network(rgb)
    clone = copy.deepcopy(exported.module).eval().requires_grad_(False)
    clone = clone.to(device='cpu', dtype=torch.bfloat16, memory_format=torch.channels_last)
    torch.testing.assert_close(clone(rgb)[0], expected, rtol=1e-4, atol=1e-5)


def test_metres_are_those_of_the_camera_that_looks(tmp_path):
    network = open_file(write(
        tmp_path, 'output: depth\nscale: metric from intrinsics\nmetres_per_unit: 10\n'
        'canonical_focal: 300\ninput_size: 32x16\n', shape=(1, 3, 'h', 'w')))
    estimator = DepthEstimator(network, 'cpu')
    estimator.warm_up()
    white = np.full((32, 64, 3), 255, np.uint8)
    estimates = estimator.estimate([(white, PinholeCamera(64, 32, focal, focal, 31.5, 15.5))
                                    for focal in (600.0, 1200.0)])
    # White is 0.875 units, and a camera of 600 pixels is one of 300 at half its size.
    for estimate, metres in zip(estimates, (8.75, 17.5)):
        np.testing.assert_allclose(estimate.depth, np.full((32, 64), metres), rtol=1e-5)
    with pytest.raises(DeviceError, match='precision to auto'):
        DepthEstimator(network, 'cpu', 'bf16')


def test_the_runtime_has_as_many_threads_as_torch(dynamic, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 3)
    options = open_file(dynamic).module.session(torch.device('cpu')).get_session_options()
    assert options.intra_op_num_threads == 3


# -- what the YAML says --

def test_the_picture_is_normalised_as_the_yaml_says(tmp_path):
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    network = open_file(write(tmp_path, METRIC + f'mean: {mean}\nstd: {std}\n'))
    rgb = pictures(2)
    torch.testing.assert_close(network.module(rgb)[0], weighted(rgb, mean, std))


@pytest.mark.parametrize(('words', 'kind', 'metres', 'reason'), [
    ('output: depth\nscale: metric\nmetres_per_unit: 0.1\n', ScaleKind.METRIC, 0.1,
     'net.yaml says that a unit is 0.1 m'),
    ('output: depth\nscale: metric on its training camera\nmetres_per_unit: 1\n'
     'training_camera: {fx: 0.8, fy: 1.1}\n', ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0,
     'net.yaml says that a unit is 1.0 m to the camera of its training'),
    ('output: depth\nscale: metric from intrinsics\nmetres_per_unit: 1\ncanonical_focal: 300\n',
     ScaleKind.METRIC_FROM_INTRINSICS, 1.0,
     'net.yaml says that a unit is 1.0 m at a focal length of 300.0 pixels of its input, and '
     'grows with it'),
    ('output: inverse_depth\nscale: up to scale\n', ScaleKind.UP_TO_SCALE, None,
     'net.yaml says that its unit of depth is open'),
    ('output: inverse_depth\nscale: relative inverse depth\n', ScaleKind.RELATIVE_INVERSE, None,
     'net.yaml says that its scale and shift are open'),
])
def test_the_scale_is_what_the_yaml_says(tmp_path, words, kind, metres, reason):
    network = open_file(write(tmp_path, words))
    contract = network.contract
    assert (contract.kind, contract.metres_per_unit) == (kind, metres)
    assert contract.reason == reason
    assert network.inverse == ('inverse_depth' in words)
    assert (network.training_camera is not None) == ('training_camera' in words)
    assert network.takes_camera == ('canonical_focal' in words)


def test_the_training_camera_is_in_parts_of_the_picture(tmp_path):
    camera = open_file(write(
        tmp_path, 'output: depth\nscale: metric on its training camera\nmetres_per_unit: 1\n'
        'training_camera: {fx: 0.8, fy: 1.1, cx: 0.4}\n')).training_camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (0.8, 1.1, 0.4, 0.5)


@pytest.mark.parametrize('output', ['depth', 'inverse_depth'])
def test_metres_from_intrinsics_grow_with_the_focal_length_of_the_input(tmp_path, output):
    network = open_file(write(
        tmp_path, f'output: {output}\nscale: metric from intrinsics\nmetres_per_unit: 1\n'
        'canonical_focal: 300\n', shape=('b', 3, 16, 32)))
    rgb = pictures(2)
    # 600 px: twice as far. 150 and 450: their mean, as Depth Anything 3 has it.
    cameras = torch.tensor([[600.0, 600, 16, 8], [150, 450, 16, 8]])
    values, _ = network.module(rgb, cameras)
    depth = 1 / values if network.inverse else values
    same = 1 / weighted(rgb) if network.inverse else weighted(rgb)
    torch.testing.assert_close(depth, same * torch.tensor([2.0, 1.0])[:, None, None, None])


def test_confidence_is_an_output_of_its_own(tmp_path):
    network = open_file(write(tmp_path, METRIC + 'confidence: sure\n',
                              outputs=('sure', 'depth')))
    assert network.has_confidence
    rgb = pictures(2)
    values, confidence = network.module(rgb)
    torch.testing.assert_close(values, weighted(rgb))
    torch.testing.assert_close(confidence, weighted(rgb).sigmoid())


def test_a_confidence_that_is_no_probability_is_refused(tmp_path):
    path = write(tmp_path, METRIC + 'confidence: raw\n', outputs=('depth', 'raw'),
                 weights=(3.0, 3.0, 3.0))
    assert 'instead of 0 to 1' in refusal(path)


@pytest.mark.parametrize('output', ['depth', 'inverse_depth'])
def test_the_sky_is_beyond_all_and_the_rest_as_it_was(tmp_path, output):
    recipe = f'output: {output}\nscale: metric\nmetres_per_unit: 0.5\noutput_name: depth\n'
    path = write(tmp_path, recipe + 'sky: sure\nsky_above: 0.6\n', outputs=('depth', 'sure'))
    rgb = pictures(2)
    values, confidence = open_file(path).module(rgb)
    sky = weighted(rgb).sigmoid() >= 0.6
    assert confidence is None and 0 < sky.float().mean() < 1
    metres = values * 0.5 if output == 'depth' else 0.5 / values
    assert (metres[sky] > 1e6).all() and torch.isfinite(values).all()
    torch.testing.assert_close(values[~sky], weighted(rgb)[~sky])


def test_depth_anything_3_as_its_page_says(tmp_path):
    """Metres = value x focal / 300 of two cameras, +Inf in the sky, through the estimator."""
    path = write(tmp_path, 'output: depth\nscale: metric from intrinsics\nmetres_per_unit: 1.0\n'
                 'canonical_focal: 300\noutput_name: depth\nsky: sure\nsky_above: 0.72\n',
                 outputs=('depth', 'sure'), weights=(3.0, 0, 0))
    estimator = DepthEstimator(open_file(path), 'cpu', 'fp32')
    red = np.full((16, 32, 3), 51, np.uint8)  # 0.6
    red[:4] = 255
    for focal in (20.0, 45.0):
        [estimate] = estimator.estimate([(red, PinholeCamera(32, 16, focal, focal, 15.5, 7.5))],
                                        DepthOptions(min_depth=1e-3))
        np.testing.assert_allclose(estimate.depth[5:], 0.6 * focal / 300, rtol=1e-5)
        assert np.isposinf(estimate.depth[:4]).all()


def test_metric3d_as_its_page_says(tmp_path):
    """Metres of its canonical camera, whose focal length is 1000 pixels, on two cameras."""
    path = write(tmp_path, 'output: depth\nscale: metric from intrinsics\nmetres_per_unit: 1.0\n'
                 'canonical_focal: 1000\nstd: [0.00392157, 0.00392157, 0.00392157]\n',
                 weights=(1.0, 0, 0))
    estimator = DepthEstimator(open_file(path), 'cpu', 'fp32')
    red = np.full((16, 32, 3), 200, np.uint8)
    for focal in (20.0, 45.0):
        [estimate] = estimator.estimate([(red, PinholeCamera(32, 16, focal, focal, 15.5, 7.5))])
        np.testing.assert_allclose(estimate.depth, 200 * focal / 1000, rtol=1e-4)


def test_one_of_several_outputs_is_chosen_by_name(tmp_path):
    names = ('sure', 'depth')
    rgb = pictures()
    network = open_file(write(tmp_path, METRIC + 'output_name: depth\n', outputs=names))
    torch.testing.assert_close(network.module(rgb)[0], weighted(rgb))
    for line, words in (('', 'has several outputs: set output_name in'),
                        ('output_name: depht\n', "has no output 'depht'"),
                        ('output_name: depth\nconfidence: conf\n', "has no output 'conf'"),
                        ('output_name: depth\nconfidence: depth\n', 'names one output twice')):
        sentence = refusal(write(tmp_path, METRIC + line, outputs=names))
        assert words in sentence and 'sure, depth' in sentence


def test_an_output_may_be_without_its_channel(tmp_path):
    network = open_file(write(tmp_path, squeeze=True, shape=('b', 3, 16, 32)))
    rgb = pictures(2)
    torch.testing.assert_close(network.module(rgb)[0], weighted(rgb))


def test_a_network_in_half_precision_is_given_that(tmp_path):
    network = open_file(write(tmp_path, kind='FLOAT16'))
    rgb = pictures(2)
    values, _ = network.module(rgb)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, weighted(rgb), rtol=2e-3, atol=1e-3)


def test_its_catalogue_entry_opens_it(tmp_path):
    path = write(tmp_path)
    entry = catalogue.find(f'onnx:{path}')
    assert entry == entry_for(str(path))
    assert entry.name == f'onnx:{path}' and entry.open(path).name == 'onnx'


# -- what is wrong is one sentence that says what to change --

@pytest.mark.parametrize(('words', 'said'), [
    ('', 'holds no keys'),
    ('- output', 'holds no keys'),
    ('output: [depth', 'cannot be read as YAML'),
    ('scale: metric\nmetres_per_unit: 1\n', 'has no output: set it to depth, inverse_depth or'),
    ('output: depth\n', 'has no scale: set it to metric, metric on its training camera'),
    ('output: disparity\n', 'says output: disparity, but it must be depth, inverse_'),
    ('output: depth\nscale: meters\n', 'says scale: meters, but it must be metric, '),
    (METRIC + 'scael: 1\n', 'says scael, which is no key: use output, scale, '),
    ('output: depth\nscale: metric\n', 'has no metres_per_unit, but scale: metric needs it'),
    ('output: depth\nscale: up to scale\nmetres_per_unit: 1\n',
     'says metres_per_unit, but scale: up to scale has no use for it: take it out'),
    (METRIC + 'canonical_focal: 300\n', 'has no use for it'),
    (METRIC + 'training_camera: {fx: 1, fy: 1}\n', 'has no use for it'),
    ('output: depth\nscale: metric from intrinsics\nmetres_per_unit: 1\n',
     'has no canonical_focal'),
    ('output: depth\nscale: metric on its training camera\nmetres_per_unit: 1\n',
     'has no training_camera'),
    ('output: depth\nscale: metric on its training camera\nmetres_per_unit: 1\n'
     'training_camera: {fx: 721, fy: 721}\n', 'says training_camera: {'),
    ('output: depth\nscale: metric on its training camera\nmetres_per_unit: 1\n'
     'training_camera: {fx: 0.58}\n', 'in parts of'),
    ('output: depth\nscale: relative inverse depth\n', 'set output to inverse_depth'),
    ('output: depth\nscale: metric\nmetres_per_unit: 1e-3\n',  # YAML 1.1: that is a text
     'says metres_per_unit: 1e-3, but it must be a number above 0'),
    *((f'output: depth\nscale: metric\nmetres_per_unit: {value}\n', 'a number above 0')
      for value in ('0', '-1', '.nan', '.inf', 'true', '1' + '0' * 400)),
    (METRIC + 'mean: [123.675, 116.28, 103.53]\n', 'of RGB in 0 to 1'),
    (METRIC + 'mean: 0.5\n', 'must be three numbers'),
    (METRIC + 'std: [0.2, 0.2]\n', 'must be three numbers above 0'),
    (METRIC + 'std: [0, 0.2, 0.2]\n', 'must be three numbers above 0'),
    (METRIC + 'input_size: 640\n', 'must be width x height in pixels, such as 640x192'),
    (METRIC + 'input_size: 0x16\n', 'must be width x height'),
    (METRIC + 'multiple: 0\n', 'must be a whole number from 1'),
    (METRIC + 'output_name:\n', "must be the name of one of the network's outputs"),
    (METRIC + 'sky_above: 0.3\n', 'has sky_above and no sky'),
    ('output: inverse_depth\nscale: relative inverse depth\nsky: a\n', 'take sky out'),
    (METRIC + 'confidence: ""\n', "must be the name of one of the network's outputs"),
    (METRIC + 'output_name: 3\n', "must be the name of one of the network's outputs"),
    (METRIC + 'input_size: 64x32\n', 'says input_size: 64x32, but the network takes 32x16'),
    (METRIC + 'multiple: 14\n', 'says multiple: 14, but the network takes 32x16'),
])
def test_a_yaml_that_is_wrong(tmp_path, words, said):
    sentence = refusal(write(tmp_path, words))
    assert said in sentence and str(tmp_path / 'net.yaml') in sentence
    assert len(sentence) < 500


def test_a_missing_yaml_is_answered_with_what_to_write(tmp_path):
    sentence = refusal(write(tmp_path, recipe=None))
    assert f"'{tmp_path / 'net.yaml'}' is missing" in sentence
    for words in ('output: depth', 'scale: metric', 'metres_per_unit: 1.0', 'docs/onnx.md'):
        assert words in sentence


def test_dynamic_axes_need_a_size(tmp_path):
    path = write(tmp_path, METRIC, shape=('b', 3, 'h', 'w'))
    assert "net.yaml' has no input_size, and the network takes any size" in refusal(path)
    path = write(tmp_path, ANY_SIZE + 'multiple: 14\n', shape=('b', 3, 'h', 'w'))
    assert 'set both sides to multiples of it' in refusal(path)
    path = write(tmp_path, METRIC + 'input_size: 32x20\n', shape=(1, 3, 16, 'w'))
    assert 'the network takes anyx16' in refusal(path)
    network = open_file(write(tmp_path, ANY_SIZE, shape=(1, 3, 16, 'w')))
    assert (network.input_width, network.input_height, network.multiple) == (32, 16, None)


@pytest.mark.parametrize(('changes', 'said'), [
    ({'inputs': 2}, 'takes 2 inputs (image, other) instead of the picture alone'),
    ({'shape': (1, 4, 16, 32), 'weights': (1, 1, 1, 1)}, 'of shape (1, 4, 16, 32) instead of'),
    ({'shape': (2, 3, 16, 32)}, 'of shape (2, 3, 16, 32) instead of'),
    ({'kind': 'DOUBLE'}, 'takes tensor(double)'),
    ({'outputs': ('flat',)}, "gives 'flat' as torch.float32 of shape (1, 512)"),
    ({'opset': 99}, 'cannot be loaded by ONNX Runtime'),
])
def test_a_network_that_is_no_picture_to_depth(tmp_path, changes, said):
    sentence = refusal(write(tmp_path, **changes))
    assert said in sentence and str(tmp_path / 'net.onnx') in sentence


def test_a_file_that_is_no_network(tmp_path):
    path = write(tmp_path)
    whole = path.read_bytes()
    for content in (b'', b'no network', whole[:len(whole) // 2]):
        path.write_bytes(content)
        assert f"'{path}' cannot be loaded by ONNX Runtime" in refusal(path)
    assert 'is not a file' in refusal(tmp_path)
    assert 'is not a file' in refusal(tmp_path / 'other.onnx')


def test_weights_beside_the_file_are_read(tmp_path):
    network = open_file(write(tmp_path, outside='net.data'))
    torch.testing.assert_close(network.module(pictures())[0], weighted(pictures()))
    (tmp_path / 'net.data').unlink()
    assert 'net.data' in refusal(tmp_path / 'net.onnx')


@pytest.mark.skipif(
    tuple(map(int, onnxruntime.__version__.split('.')[:2])) < (1, 24),
    reason='ONNX Runtime looks after that from 1.24 on')
@pytest.mark.parametrize('way', ['above', 'absolute', 'link'])
def test_weights_outside_of_the_folder_are_not_read(tmp_path, way):
    folder = tmp_path / 'model'
    folder.mkdir()
    place = {'above': '../data', 'absolute': tmp_path / 'data', 'link': 'data'}[way]
    if way == 'link':
        (folder / 'data').symlink_to(tmp_path / 'data')
    path = write(folder, outside=place)
    assert (tmp_path / 'data').stat().st_size == 12
    assert 'xternal data path' in refusal(path)


def test_a_size_that_the_network_cannot_take(tmp_path):
    path = write(tmp_path, ANY_SIZE, shape=('b', 3, 'h', 'w'), rows=16)
    torch.testing.assert_close(open_file(path).module(pictures(2))[0], weighted(pictures(2)))
    sentence = refusal(write(tmp_path, METRIC + 'input_size: 32x24\n',
                             shape=('b', 3, 'h', 'w'), rows=16))
    assert f"'{path}' cannot run at 32x24 (" in sentence and 'set input_size' in sentence


def test_onnxruntime_is_an_extra(tmp_path, monkeypatch):
    path = write(tmp_path)
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    assert "needs onnxruntime" in refusal(path)
    assert "pip install 'depth_estimation_ros[onnx]'" in refusal(path)


@pytest.mark.skipif('CUDAExecutionProvider' in onnxruntime.get_available_providers(),
                    reason='this onnxruntime has CUDA')
def test_the_cpu_never_stands_in_for_cuda(dynamic):
    module = open_file(dynamic).module
    with pytest.raises(ModelError) as caught:
        module.session(torch.device('cuda', 0))
    assert 'install onnxruntime-gpu' in str(caught.value)
    assert "set device to 'cpu'" in str(caught.value)


@pytest.mark.skipif(
    not (torch.cuda.is_available()
         and 'CUDAExecutionProvider' in onnxruntime.get_available_providers()),
    reason='needs CUDA in torch and in onnxruntime')
def test_on_cuda_it_says_the_same(network, dynamic):
    rgb = pictures(2, 64, 96)
    values, _ = open_file(dynamic).module(rgb.cuda())
    assert values.is_cuda
    torch.testing.assert_close(values.cpu(), network(rgb)[0], rtol=1e-3, atol=1e-4)


# -- docs/onnx.md --

def examples(kind):
    """Return the page's code of that kind."""
    page = pathlib.Path(__file__).resolve().parents[2] / 'docs/onnx.md'
    return re.findall(rf'```{kind}\n(.*?)```', page.read_text(), re.DOTALL)


@pytest.mark.parametrize('recipe', examples('yaml'))
def test_the_yamls_of_the_page_are_accepted(tmp_path, recipe):
    # What the file of these tests is.
    recipe = recipe.replace('640x192', '32x16').replace('sky: sky', 'sky: sure')
    outputs = ('depth', 'sure') if 'sky' in recipe else ('depth',)
    assert open_file(write(tmp_path, recipe, outputs=outputs)).contract.metres_per_unit == 1


def test_the_export_of_the_page_works(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        exec(examples('python')[0], {'network': network})
    (tmp_path / 'net.yaml').write_text(examples('yaml')[0])
    rgb = pictures(2, 192, 640)
    values, _ = open_file(tmp_path / 'net.onnx').module(rgb)
    torch.testing.assert_close(values, network(rgb)[0], rtol=1e-4, atol=1e-5)


def test_the_page_has_every_key_and_kind_of_scale():
    page = (pathlib.Path(__file__).resolve().parents[2] / 'docs/onnx.md').read_text()
    keys = set(re.findall(r'^\| `([\w`, ]+)` \| (?:always|for|if|where)', page, re.MULTILINE))
    assert {key for text in keys for key in text.split('`, `')} == {
        field.name for field in dataclasses.fields(Reading)}
    for kind in ScaleKind:
        assert f'| `{kind.value}` |' in page


@pytest.mark.parametrize('text', [20_000 * '[', 'scale: ' + 2_000_000 * 'x',
                                  'metres_per_unit: .inf'])
def test_a_sidecar_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / 'net.onnx').write_bytes(b'')
    (tmp_path / 'net.yaml').write_text(text)
    with pytest.raises(ModelError) as caught:
        onnx_reader._read(tmp_path / 'net.yaml')
    assert len(str(caught.value)) < 1000
