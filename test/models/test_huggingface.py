# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of `transformers` from a folder, and Depth Anything V2 from its authors' file."""
import json
from math import prod
import os
import pickle
import shutil
import socket
import sys

from depth_estimation_ros.models import huggingface, networks
from depth_estimation_ros.models.contract import ModelError, near, ScaleKind
from key_init import synth, uniform
import numpy as np
import pytest
import torch

transformers = pytest.importorskip('transformers', reason='these networks need transformers')

from tiny_transformers import (  # noqa: E402
    depth_anything, depth_pro, dinov2, dpt, dpt_dinov2, dpt_hybrid, glpn, IMAGENET, metric, NEW,
    save, tips, zoedepth, zoedepth_nk)


@pytest.fixture(autouse=True)
def nobody_asks_the_network(monkeypatch):
    """Let nothing connect to anywhere."""
    def connect(self, address):
        raise OSError(f'the test connected to {address}')

    monkeypatch.setattr(socket.socket, 'connect', connect)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return the folder of a metric Depth Anything; not to be changed."""
    return save(metric(), tmp_path_factory.mktemp('tiny') / 'tiny', **IMAGENET)


@pytest.fixture
def broken(folder, tmp_path):
    """Return a copy of that folder that may be changed."""
    return shutil.copytree(folder, tmp_path / 'broken')


def edit(folder, name='config.json', **changes):
    """Change entries of a JSON file."""
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


def picture(height, width, batch=1):
    """Return RGB in 0..1."""
    return torch.from_numpy(synth(height, width).copy()).permute(2, 0, 1)[None].expand(
        batch, -1, -1, -1).float() / 255


@torch.inference_mode()
def values(network, rgb, *camera):
    """Return the network's values and check what it owes the package."""
    out, confidence = network.module(rgb, *camera)
    assert out.shape[:2] == (len(rgb), 1) and out.dtype == torch.float32 and confidence is None
    assert out.std() > 0, 'a constant shows nothing'
    return out


def refusal(path):
    """Return the sentence that opening `path` ends with."""
    with pytest.raises(ModelError) as error:
        huggingface.open_folder(path)
    sentence = str(error.value)
    assert '\n' not in sentence and str(path) in sentence
    return sentence


@pytest.mark.parametrize('make, norm, size', [
    (metric, IMAGENET, (42, 98)), (depth_anything, IMAGENET, (84, 28)),
    (dpt, {'image_mean': [0.5] * 3, 'image_std': [0.5] * 3}, (64, 64)),
    (dpt_hybrid, {'image_mean': [0.5] * 3, 'image_std': [0.5] * 3}, (64, 64)),
    (dpt_dinov2, IMAGENET, (42, 98)),
    (glpn, {'image_mean': [0.0] * 3, 'image_std': [1.0] * 3}, (64, 96)),
    pytest.param(tips, {'image_mean': [0.0] * 3, 'image_std': [1.0] * 3}, (42, 98), marks=NEW)])
def test_its_values_are_those_of_transformers(tmp_path, make, norm, size):
    model = make()
    network = huggingface.open_folder(save(model, tmp_path / 'net'))  # no processor: its defaults
    rgb = picture(*size, batch=2)
    mean, std = (torch.tensor(norm[key])[:, None, None] for key in ('image_mean', 'image_std'))
    with torch.inference_mode():
        expected = model(pixel_values=(rgb - mean) / std).predicted_depth
    torch.testing.assert_close(values(network, rgb)[:, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('make, kind, unit, inverse, multiple', [
    (metric, ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0, False, 14),
    (depth_anything, ScaleKind.RELATIVE_INVERSE, None, True, 14),
    (dpt, ScaleKind.RELATIVE_INVERSE, None, True, None),
    (dpt_hybrid, ScaleKind.RELATIVE_INVERSE, None, True, None),
    (dpt_dinov2, ScaleKind.UP_TO_SCALE, None, False, 14),
    (glpn, ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0, False, 32),
    pytest.param(tips, ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0, False, 14, marks=NEW),
    (zoedepth, ScaleKind.METRIC, 1.0, False, 32),
    (depth_pro, ScaleKind.METRIC, 1.0, True, None),
    (lambda: depth_pro(fov=False), ScaleKind.METRIC_FROM_INTRINSICS, 1.0, True, None)])
def test_the_config_says_what_the_numbers_are(tmp_path, make, kind, unit, inverse, multiple):
    network = huggingface.open_folder(save(make(), tmp_path / 'net'))
    assert (network.contract.kind, network.contract.metres_per_unit) == (kind, unit)
    assert (network.inverse, network.multiple) == (inverse, multiple)
    assert network.takes_camera is (kind is ScaleKind.METRIC_FROM_INTRINSICS)
    assert not network.contract.reason.endswith('.')
    camera = network.training_camera
    assert (camera and camera.name) == ("KITTI camera's lower part" if make is glpn else None)


def test_half_precision_leaves_the_last_layer_alone(folder):
    rgb = picture(42, 98)
    exact = values(huggingface.open_folder(folder), rgb)
    network = huggingface.open_folder(folder)
    network.module.to(torch.bfloat16)
    half = values(network, rgb)
    assert (half / exact - 1).abs().max() < 0.05
    assert len(half.unique()) > 500, 'bfloat16 has 256 steps from 8 to 16 m'


@pytest.mark.parametrize('make', [zoedepth, zoedepth_nk])
def test_half_precision_leaves_what_makes_zoedepths_metres_alone(tmp_path, make):
    save(make(), tmp_path / 'net')
    rgb = picture(96, 128)
    exact = values(huggingface.open_folder(tmp_path / 'net'), rgb)
    network = huggingface.open_folder(tmp_path / 'net')
    network.module.to(torch.bfloat16)
    # In bfloat16 throughout 0.005 and 0.009.
    assert (values(network, rgb) / exact - 1).abs().max() < 0.002


def test_a_head_without_convolutions_has_none_to_keep():
    model = torch.nn.Module()
    model.head = torch.nn.Linear(2, 1)
    module = huggingface.DepthModule(model, (0.0,) * 3, (1.0,) * 3).to(torch.bfloat16)
    assert module.model.head.weight.dtype == torch.bfloat16


@pytest.mark.parametrize('width, height, focal, expected', [
    (1242, 375, 721.5, (938, 280)), (640, 480, 518.9, (602, 448)), (518, 518, 500.0, (518, 518)),
    (480, 640, 500.0, (448, 602))])
def test_the_input_has_the_cameras_shape_and_the_trainings_pixels(
        tmp_path, width, height, focal, expected):
    model = depth_anything(backbone_config=dinov2(image_size=518))
    network = huggingface.open_folder(save(model, tmp_path / 'net'))
    assert network.size_for(width, height, focal, focal) == expected
    assert network.resized(640, 190).input_width % 14 == 0


def test_an_endless_strip_is_no_endless_input():
    wide, tall = near(518**2, 14, 100000, 2, 1.0, 1.0)
    assert tall == 14 and wide * tall <= 518**2


def test_pixels_of_the_input_are_square():
    assert near(518**2, 14, 640, 960, 500.0, 1000.0) == (602, 448)


@pytest.mark.parametrize('changes', [
    {'image_mean': [0.1, 0.2, 0.3], 'image_std': [0.4, 0.5, 0.6]},
    {'image_mean': 0.1, 'image_std': 0.4}, {'do_normalize': False, **IMAGENET},
    {'rescale_factor': 1 / 127.5, 'image_mean': [1.0] * 3, 'image_std': [1.0] * 3}])
def test_the_processor_says_how_the_picture_is_normalised(tmp_path, changes):
    model = metric()
    network = huggingface.open_folder(save(model, tmp_path / 'net', **changes))
    rgb = picture(28, 42)
    plain = changes.get('do_normalize') is False
    mean, std = (torch.as_tensor(neutral if plain else changes[key]).view(-1, 1, 1)
                 for key, neutral in (('image_mean', 0.0), ('image_std', 1.0)))
    with torch.inference_mode():
        expected = model(pixel_values=(
            255 * rgb * changes.get('rescale_factor', 1 / 255) - mean) / std).predicted_depth
    torch.testing.assert_close(values(network, rgb)[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_the_processor_says_the_size(tmp_path):
    size = {'height': 384, 'width': 512}
    network = huggingface.open_folder(save(metric(), tmp_path / 'net', size=size))
    assert network.size_for(640, 480, 500.0, 500.0) == (518, 378)
    network = huggingface.open_folder(save(dpt(), tmp_path / 'square', size=64))
    assert network.size_for is None and (network.input_width, network.input_height) == (64, 64)
    with pytest.raises(ModelError, match='takes 64x64 only'):
        network.resized(96, 64)
    network = huggingface.open_folder(save(glpn(), tmp_path / 'kitti'))
    assert network.size_for is None and (network.input_width, network.input_height) == (1216, 352)


@pytest.mark.parametrize('make', [zoedepth, zoedepth_nk])
def test_zoedepth_gets_a_border_and_gives_it_back(tmp_path, make):
    model = make()
    save(model, tmp_path / 'net', do_pad=False)
    rgb = picture(96, 128)
    with torch.inference_mode():
        expected = model(pixel_values=(rgb - 0.5) / 0.5).predicted_depth
    plain = values(huggingface.open_folder(tmp_path / 'net'), rgb)
    torch.testing.assert_close(plain[:, 0], expected, rtol=1e-5, atol=1e-6)
    bordered = values(huggingface.open_folder(save(model, tmp_path / 'net', do_pad=True)), rgb)
    assert bordered.shape == plain.shape and not torch.equal(bordered, plain)


def test_depth_pro_answers_in_inverse_metres(tmp_path):
    model = depth_pro()
    rgb = picture(64, 64)
    network = huggingface.open_folder(save(model, tmp_path / 'net'))
    assert (network.input_width, network.input_height) == (64, 64)
    with torch.inference_mode():
        output = model(pixel_values=(rgb - 0.5) / 0.5)
    # As its image processor does it for a picture of any width (post_process_depth_estimation).
    focal = 0.5 * 1000 / torch.tan(0.5 * torch.deg2rad(output.field_of_view))
    metres = 1 / (output.predicted_depth * 1000 / focal).clamp(1e-4, 1e4)
    torch.testing.assert_close(1 / values(network, rgb)[:, 0], metres, rtol=1e-4, atol=1e-6)


def test_depth_pro_without_that_head_takes_the_cameras_focal_length(tmp_path):
    network = huggingface.open_folder(save(depth_pro(fov=False), tmp_path / 'net'))
    rgb = picture(64, 64)
    wide, narrow = (values(network, rgb, torch.tensor([[focal, 50.0, 31.5, 31.5]]))
                    for focal in (40.0, 80.0))
    near = narrow > 1e-4  # farther than 10 km is 10 km
    torch.testing.assert_close(wide[near], 2 * narrow[near])


def test_opening_is_silent_and_leaves_the_library_as_it_was(folder, capfd):
    from transformers.utils import logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    huggingface.open_folder(folder)
    assert capfd.readouterr() == ('', '')
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def to_pickle(folder):
    """Replace model.safetensors by pytorch_model.bin."""
    from safetensors.torch import load_file
    torch.save(load_file(folder / 'model.safetensors'), folder / 'pytorch_model.bin')
    (folder / 'model.safetensors').unlink()


def test_a_pickle_of_plain_tensors_is_read_too(folder, broken):
    to_pickle(broken)
    rgb = picture(42, 98)
    torch.testing.assert_close(values(huggingface.open_folder(broken), rgb),
                               values(huggingface.open_folder(folder), rgb))


def test_a_pickle_with_code_is_refused_and_not_run(broken):
    class Code:
        def __reduce__(self):
            return os.mkdir, (str(broken / 'ran'),)

    to_pickle(broken)
    (broken / 'pytorch_model.bin').write_bytes(pickle.dumps({'w': Code()}, 2))
    assert 'cannot be opened' in refusal(broken)
    assert not (broken / 'ran').exists()


def test_a_pickle_is_refused_where_torch_might_run_it(broken, monkeypatch):
    to_pickle(broken)
    monkeypatch.setattr(torch, '__version__', '2.5.1+cu124')
    assert 'safely from 2.6 on' in refusal(broken)


@pytest.mark.parametrize('changes, sentence', [
    ({'model_type': 'bert'}, "model_type 'bert'"),
    ({'model_type': None}, 'model_type None'),
    ({'model_type': 'prompt_depth_anything'}, 'depth of another sensor as its prompt'),
    ({'backbone': 'facebook/dinov2-small', 'backbone_config': None}, 'does not describe'),
    ({'fusion_hidden_size': 24}, 'of another shape'),
    ({'depth_estimation_type': 'wrong'}, 'cannot be opened')])
def test_a_config_that_is_for_something_else_is_one_sentence(broken, changes, sentence):
    edit(broken, **changes)
    assert sentence in refusal(broken)


@pytest.mark.parametrize('changes, sentence', [
    ({'image_std': [0.0, 1.0, 1.0]}, 'image_std'), ({'image_mean': [0.5]}, 'image_mean'),
    ({'image_mean': ['a', 'b', 'c']}, 'cannot be used'),
    ({'rescale_factor': 0}, 'rescale_factor is 0'),
    ({'rescale_factor': -0.5}, 'rescale_factor is -0.5'),
    ({'rescale_factor': 10**400}, 'cannot be used'), ({'size': {'height': 0}}, 'input size')])
def test_a_processor_that_makes_no_sense_is_one_sentence(broken, changes, sentence):
    edit(broken, 'preprocessor_config.json', **changes)
    assert sentence in refusal(broken)


@pytest.mark.parametrize('name, content, sentence', [
    ('config.json', None, 'holds no config.json'), ('config.json', b'{', 'cannot be read'),
    ('config.json', b'[]', 'no JSON object'), ('model.safetensors', None, 'holds no weights'),
    ('model.safetensors', b'version https://git-lfs.github.com/spec/v1\n', 'cannot be opened')])
def test_a_file_that_is_missing_or_broken_is_one_sentence(broken, name, content, sentence):
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_bytes(content)
    assert sentence in refusal(broken)


@pytest.mark.parametrize('key, change, sentence', [
    ('head.conv3.weight', lambda value: None, 'has no head.conv3.weight'),
    ('head.conv3.weight', lambda value: value[:, :4].clone(), 'conv3.weight of another shape'),
    ('head.conv3.weight', lambda value: value * torch.nan, 'NaN or infinity in head.conv3.weight'),
    ('neck.fusion_stage.layers.0.residual_layer1.convolution1.bias', lambda value: None, None)])
def test_weights_must_be_all_there(broken, key, change, sentence):
    from safetensors.torch import load_file, save_file
    state = load_file(broken / 'model.safetensors')
    state[key] = change(state[key])
    save_file({name: value for name, value in state.items() if value is not None},
              broken / 'model.safetensors', {'format': 'pt'})
    if sentence is None:  # what no pass uses is not missed
        values(huggingface.open_folder(broken), picture(42, 98))
    else:
        assert sentence in refusal(broken)


def test_without_transformers_the_sentence_is_the_pip_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    wanted = "needs transformers: pip install 'depth_estimation_ros[transformers]'"
    assert wanted in refusal(folder)
    with pytest.raises(ModelError) as error:
        huggingface.find_folder('org/name')
    assert str(error.value) == f"model 'huggingface:org/name' {wanted}"


# -- Depth Anything V2 --


@pytest.fixture(scope='module')
def official(shared):
    """Return a state dict of the small one, by formula under the official keys."""
    keys = shared / 'reference/depth_anything_v2_metric_vits_keys.json'
    listing = json.loads(keys.read_text())
    state = {}
    for entry in next(value for value in listing.values() if isinstance(value, list)):
        key, shape = entry['key'], entry['shape']
        u, leaf = uniform(key, prod(shape)), key.rpartition('.')[2]
        if leaf == 'gamma':
            u = 0.1 * (0.5 + u)
        elif leaf != 'weight':
            u = 0.1 * (2 * u - 1)
        elif len(shape) == 1:
            u = 0.5 + u
        else:
            u = (2 * u - 1) * np.sqrt(3 / prod(shape[1:]))
        state[key] = torch.from_numpy(u.astype(np.float32).reshape(shape))
    assert len(state) == 239
    return state


@pytest.fixture(scope='module')
def pth(official, tmp_path_factory):
    """Return the path of a .pth file as the authors publish it."""
    path = tmp_path_factory.mktemp('official') / 'depth_anything_v2_metric_hypersim_vits.pth'
    torch.save(official, path)
    return path


def entry(domain, size):
    """Return the entry of that name."""
    name = f'depth_anything_v2_metric_{domain}_{size}'
    return next(entry for entry in huggingface.ENTRIES if entry.name == name)


def test_official_weights_give_what_the_authors_code_gives(shared, pth):
    network = entry('indoor', 'small').open(pth)
    expected = np.load(shared / 'reference/depth_anything_v2_metric_vits_expected.npz')
    metres = values(network, picture(126, 168))[0, 0].numpy()
    # Range 3.4 to 17.5 m. Positions resized as transformers does it are off by 0.3 m.
    np.testing.assert_allclose(metres, expected['synth_126x168_depth'], atol=1e-4)
    assert network.name == 'depth_anything_v2_metric_indoor_small'
    assert network.training_camera.name == 'Hypersim camera'
    assert (network.input_width, network.input_height) == (602, 448)
    assert network.size_for is None, 'the picture is made that of the training camera'


def test_official_weights_keep_their_meaning_as_a_folder(official, pth, tmp_path):
    network = huggingface.from_official(official, huggingface.OUTDOOR)
    network.module.model.save_pretrained(tmp_path / 'hub')
    opened = entry('outdoor', 'small').open(tmp_path / 'hub')
    assert (opened.input_width, opened.input_height) == (938, 280)
    assert opened.training_camera == network.training_camera == huggingface.OUTDOOR.camera
    for (key, value), (other, again) in zip(network.module.state_dict().items(),
                                            opened.module.state_dict().items()):
        assert key == other and torch.equal(value, again)
    with pytest.raises(ModelError, match='up to 80, embeddings of 384 instead of .* up to 20'):
        entry('indoor', 'small').open(tmp_path / 'hub')


@pytest.mark.parametrize('changes, sentence', [
    ({'pretrained.cls_token': None}, 'has no pretrained.cls_token'),
    ({'pretrained.cls_token': torch.zeros(1, 1, 1536)}, 'has embeddings of 1536'),
    ({'pretrained.blocks.3.attn.qkv.weight': None}, 'has no pretrained.blocks.3.attn.qkv.weight'),
    ({'pretrained.blocks.3.attn.qkv.bias': torch.zeros(384)}, r'\(384,\) instead of \(1152,\)'),
    ({'depth_head.scratch.refinenet4.out_conv.bias': torch.full((64,), torch.inf)}, 'infinity'),
    ({'scale': torch.zeros(1)}, 'has scale, which that network has not')])
def test_official_weights_must_be_all_there(official, changes, sentence):
    state = {key: value for key, value in {**official, **changes}.items() if value is not None}
    with pytest.raises(ModelError, match=sentence):
        huggingface.from_official(state, huggingface.INDOOR)


def test_a_checkpoint_of_another_size_or_kind_is_refused(pth, folder, tmp_path):
    with pytest.raises(ModelError, match='is not Depth Anything V2 Metric Indoor Large'):
        entry('indoor', 'large').open(pth)
    with pytest.raises(ModelError, match='embeddings of 32 instead of .* embeddings of 384'):
        entry('indoor', 'small').open(folder)
    for content in (b'no pickle', pickle.dumps([1, 2], 2)):
        (tmp_path / 'other.pth').write_bytes(content)
        with pytest.raises(ModelError, match="weights '.*other.pth' is no"):
            entry('indoor', 'small').open(tmp_path / 'other.pth')


def test_the_catalogue_says_who_may_use_what():
    assert len(huggingface.ENTRIES) == 6
    for listed in huggingface.ENTRIES:
        small = listed.name.endswith('small')
        assert listed.commercial is small
        assert listed.licence == ('Apache-2.0' if small else 'CC-BY-NC-4.0')
        assert listed.scale is ScaleKind.METRIC_ON_TRAINING_CAMERA
        assert [download.name for download in listed.downloads] == [
            'config.json', 'preprocessor_config.json', 'model.safetensors']
    assert entry('outdoor', 'base').downloads[2].url == (
        'https://huggingface.co/depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf/resolve/'
        'main/model.safetensors')


# -- huggingface:<id or folder> --


def test_the_door_opens_a_folder(folder):
    loaded = networks.open_network(f'huggingface:{folder}')
    assert loaded.entry.name == f'huggingface:{folder}' and loaded.path == folder
    assert loaded.network.description == f'depth_anything, {folder}'
    assert list(loaded.sha256) == ['model.safetensors']
    assert loaded.entry.commercial, 'nothing is fetched'


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Return a function that makes the cache of org/tiny of `files`, and its snapshot."""
    import huggingface_hub
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path))
    place = tmp_path / 'models--org--tiny'

    def make(folder, files, tree):
        """As huggingface_hub writes it; with the repository's `tree` since its version 2."""
        snapshot = place / 'snapshots' / ('0' * 40)
        for part in (snapshot, place / 'refs', place / 'trees'):
            part.mkdir(parents=True)
        for name in files:
            shutil.copy(folder / name, snapshot)
        (place / 'refs/main').write_text('0' * 40)
        if tree:
            (place / 'trees' / f"{'0' * 40}.json").write_text(json.dumps({
                'format_version': 1, 'files': {
                    name: {'size': 1, 'blob_id': '1' * 40} for name in tree}}))
        return snapshot

    return make


JSON = ['config.json', 'preprocessor_config.json']
WHOLE = ['.gitattributes', 'README.md', *JSON, 'model.safetensors', 'pytorch_model.bin']


@pytest.mark.parametrize('weights, tree', [
    ('model.safetensors', WHOLE), ('model.safetensors', None), ('pytorch_model.bin', WHOLE),
    ('pytorch_model.bin', ['README.md', *JSON, 'pytorch_model.bin']), ('pytorch_model.bin', None)])
def test_the_door_opens_what_was_fetched_into_the_hugging_face_cache(
        broken, hub_cache, weights, tree):
    if weights == 'pytorch_model.bin':
        to_pickle(broken)
    snapshot = hub_cache(broken, [*JSON, weights], tree)
    loaded = networks.open_network('huggingface:org/tiny')
    assert loaded.path == snapshot and list(loaded.sha256) == [weights]
    assert loaded.network.description == 'depth_anything, org/tiny'


@pytest.mark.parametrize('files, tree', [
    (JSON, WHOLE), (JSON, ['README.md', *JSON]), (JSON, None),
    (['config.json', 'model.safetensors'], ['README.md', *JSON, 'model.safetensors'])])
def test_a_part_of_a_model_in_that_cache_is_to_be_fetched_again(folder, hub_cache, files, tree):
    hub_cache(folder, files, tree)
    with pytest.raises(ModelError, match="'depth_estimation models fetch huggingface:org/tiny "):
        networks.open_network('huggingface:org/tiny')


@pytest.mark.parametrize('name', ['org/absent', 'no such/thing/at all', '/nowhere/at/all', '..x'])
def test_what_is_not_here_is_one_sentence_with_the_ways_out(name, tmp_path, monkeypatch):
    import huggingface_hub
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(ModelError) as error:
        networks.open_network(f'huggingface:{name}', download=True)
    sentence = str(error.value)
    assert f"'depth_estimation models fetch huggingface:{name} --accept-license'" in sentence
    assert 'huggingface:<folder>' in sentence and '\n' not in sentence


def test_nobodys_home_is_one_sentence():
    path = '~no_such_user_here/net'
    for ask in (huggingface.open_folder, huggingface.find_folder, huggingface.entry_for):
        with pytest.raises(ModelError, match=f"^'{path}' cannot be found .*: give"):
            ask(path)


@pytest.mark.parametrize('there, wanted', [
    (['config.json', 'model.safetensors', 'pytorch_model.bin'], ['*.json', '*.safetensors']),
    (['config.json', 'pytorch_model.bin'], ['*.json', '*.bin'])])
def test_no_pickle_is_fetched_where_there_are_safetensors(monkeypatch, tmp_path, there, wanted):
    import huggingface_hub
    asked = {}
    monkeypatch.setattr(huggingface_hub.HfApi, 'list_repo_files', lambda self, name: there)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', lambda name, **options: (
        asked.update(options), tmp_path)[1])
    (tmp_path / 'config.json').write_text('{"model_type": "dpt"}')
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', lambda name, file: tmp_path / file)
    assert huggingface.fetch_snapshot('org/tiny') == tmp_path
    assert asked == {'allow_patterns': wanted}


@pytest.mark.parametrize(('kind', 'words'), [
    ('chmv2', 'heights of trees'), ('prompt_depth_anything', 'another sensor'),
    ('llama', 'no kind whose numbers are known'), (None, 'no kind'), (['dpt'], 'no kind')])
def test_what_it_is_is_judged_before_its_weights_are_fetched(monkeypatch, tmp_path, kind, words):
    import huggingface_hub
    monkeypatch.setattr(huggingface_hub.HfApi, 'list_repo_files',
                        lambda self, name: ['config.json', 'model.safetensors'])
    (tmp_path / 'config.json').write_text(json.dumps({'model_type': kind}))
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', lambda name, file: tmp_path / file)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', lambda *_, **__: pytest.fail('!'))
    with pytest.raises(ModelError, match=f"^'org/tiny' is of .*{words}"):
        huggingface.fetch_snapshot('org/tiny')


@pytest.mark.parametrize('kind', ['chmv2', 'prompt_depth_anything', 'sam3_depth'])
def test_a_kind_that_was_not_checked_never_becomes_metres(broken, kind):
    edit(broken, model_type=kind)
    assert f"'{kind}'" in refusal(broken)


def test_nothing_is_fetched_of_what_could_not_be_opened(monkeypatch):
    import huggingface_hub
    monkeypatch.setattr(huggingface_hub.HfApi, 'list_repo_files',
                        lambda self, name: ['config.json', 'depth.pt', 'onnx/model.safetensors'])
    with pytest.raises(ModelError, match='^.org/tiny. has no model.safetensors and no pytorch'):
        huggingface.fetch_snapshot('org/tiny')


def test_without_a_network_fetching_is_one_sentence(monkeypatch):
    import huggingface_hub
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)  # else it tries 20 s
    with pytest.raises(ModelError) as error:
        huggingface.fetch_snapshot('org/tiny')
    assert str(error.value).startswith("'org/tiny' could not be fetched from the Hugging Face hub")
    assert '\n' not in str(error.value)


def test_a_name_of_the_catalogue_keeps_its_licence_at_the_door():
    door = huggingface.entry_for('depth-anything/Depth-Anything-V2-Metric-Outdoor-Large-hf')
    assert not door.commercial and door.licence == 'CC-BY-NC-4.0' and not door.downloads
    door = huggingface.entry_for('depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf')
    assert door.commercial and door.licence == 'Apache-2.0'


@pytest.mark.parametrize('name', ['org/tiny', 'depth-anything/Depth-Anything-V2-Base-hf',
                                  'Depth-Anything-V2-Metric-Outdoor-Small-hf'])
def test_weights_whose_licence_is_not_known_here_must_be_accepted(name):
    door = huggingface.entry_for(name)
    assert not door.commercial and door.licence.startswith('not known here')
    assert door.source == f'https://huggingface.co/{name}'


def test_the_metric_depth_anything_of_the_hub_keeps_its_camera(official, hub_cache, tmp_path):
    network = huggingface.from_official(official, huggingface.OUTDOOR)
    network.module.model.save_pretrained(tmp_path / 'net')
    hub_cache(tmp_path / 'net', ['config.json', 'model.safetensors'], None)
    name = 'depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf'
    (tmp_path / 'models--org--tiny').rename(tmp_path / f"models--{name.replace('/', '--')}")
    network = networks.open_network(f'huggingface:{name}').network
    assert network.training_camera == huggingface.OUTDOOR.camera
    assert network.name == 'depth_anything_v2_metric_outdoor_small'
