# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Any depth network of `transformers`, `huggingface:<id or folder>`, and metric Depth Anything V2.

A checkpoint is a folder: config.json, model.safetensors (or pytorch_model.bin), and the
preprocessor_config.json that says how a picture becomes an input. Opening one never asks the
network and never runs code that lies in it. Neither torchvision nor timm is needed.

Depth Anything V2 (L. Yang et al., NeurIPS 2024) is read from its authors' .pth files as well.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
import json
import math
from pathlib import Path
import re
from typing import Any

import torch
from torch import nn
import torch.nn.functional as F

from depth_estimation_ros.models.contract import (
    Download, Entry, ModelError, near, Network, ScaleContract, ScaleKind, TrainingCamera)
from depth_estimation_ros.models.monodepth2 import HeadConv2d, load_strictly

# Mean and standard deviation of RGB in 0..1.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5,) * 3, (0.5,) * 3)
UNCHANGED = ((0.0,) * 3, (1.0,) * 3)

# The weights of a folder, the first that is there; and what of a repository is fetched of them.
WEIGHTS = ('model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin',
           'pytorch_model.bin.index.json')
SAFE, PICKLED = ['*.json', '*.safetensors'], ['*.json', '*.bin']

# The first fusion layer of the DPT decoders has this and never uses it: some published
# checkpoints (Intel/dpt-large) come without.
UNUSED = re.compile(r'fusion_stage\.(layers|intermediate)\.0\.residual_layer1\.')

# The kinds whose numbers, input sizes and normalisation were held against the library's own code.
KINDS = ('depth_anything', 'depth_pro', 'dpt', 'glpn', 'tipsv2_dpt', 'zoedepth')
# And those that are known not to be for a camera alone.
UNFIT = {
    'chmv2': 'gives the heights of trees as satellites see them, no depth of a camera',
    'prompt_depth_anything': 'needs the depth of another sensor as its prompt'}

# What GLPN saw, by its farthest depth in metres: NYU whole, and of KITTI the lower middle of
# 1216x352 pixels (GLPDepth, code/dataset/kitti.py).
GLPN_CAMERAS = {
    10: (TrainingCamera('NYU camera', fx=518.8579 / 640, fy=519.46961 / 480,
                        cx=325.58245 / 640, cy=253.73617 / 480), (640, 480)),
    80: (TrainingCamera("KITTI camera's lower part", fx=721.5377 / 1216, fy=721.5377 / 352,
                        cx=(609.5593 - 13) / 1216, cy=(172.854 - 23) / 352), (1216, 352)),
}


@dataclass(frozen=True)
class Domain:
    """What a metric Depth Anything V2 was trained on: its camera, and the farthest in metres."""

    name: str
    camera: TrainingCamera
    max_depth: int


# The focal length in metric_depth/dataset/hypersim.py, and the calibration of Virtual KITTI 2.
INDOOR = Domain('Indoor', TrainingCamera(
    'Hypersim camera', fx=886.81 / 1024, fy=886.81 / 768), 20)
OUTDOOR = Domain('Outdoor', TrainingCamera(
    'Virtual KITTI 2 camera', fx=725.0087 / 1242, fy=725.0087 / 375, cx=620.5 / 1242,
    cy=187 / 375), 80)


@dataclass(frozen=True)
class Size:
    """
    One of the sizes of Depth Anything V2, told by the width of its embedding.

    `taps` are the layers that the decoder reads, counted from 1; `parameters` is in millions.
    """

    name: str
    parameters: float
    embedding: int
    layers: int
    heads: int
    decoder: int
    neck: tuple[int, int, int, int]
    taps: tuple[int, int, int, int]
    licence: str
    commercial: bool
    published: str


SIZES = (
    Size('Small', 24.8, 384, 12, 6, 64, (48, 96, 192, 384), (3, 6, 9, 12),
         'Apache-2.0', True, 'NYU 0.073, KITTI 0.053'),
    Size('Base', 97.5, 768, 12, 12, 128, (96, 192, 384, 768), (3, 6, 9, 12),
         'CC-BY-NC-4.0', False, 'NYU 0.063, KITTI 0.048'),
    Size('Large', 335.3, 1024, 24, 16, 256, (256, 512, 1024, 1024), (5, 12, 18, 24),
         'CC-BY-NC-4.0', False, 'NYU 0.056, KITTI 0.045'),
)
PATCH, TRAINED_SIDE = 14, 518  # pixels; positions are learned for a square of 37 patches


class DepthModule(nn.Module):
    """A network of `transformers` behind this package's face."""

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.model = model
        self.mean, self.std = mean, std
        for convolution in _last_convolutions(model):
            convolution.__class__ = HeadConv2d  # the same parameters, which stay in float32

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return values (B, 1, h, w) float32 of RGB (B, 3, H, W) in 0..1, and no confidence."""
        return self.predict(rgb).predicted_depth.float()[:, None], None

    def predict(self, rgb: torch.Tensor):
        """Return what the library's network says of RGB in 0..1."""
        planes = [(plane - mean) / std
                  for plane, mean, std in zip(rgb.unbind(1), self.mean, self.std)]
        dtype = next(self.model.parameters()).dtype
        return self.model(pixel_values=torch.stack(planes, 1).to(dtype))


class ZoeModule(DepthModule):
    """
    ZoeDepth, which is bad at the borders of a picture and is given reflected ones to lose.

    Its processor adds them to the picture before it is resized; here they are added after, and
    the whole is resized to as many pixels again.
    """

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return metres (B, 1, H, W) float32 of RGB (B, 3, H, W) in 0..1, and no confidence."""
        x, y = (int(3 * math.sqrt(side / 2)) for side in (rgb.shape[3], rgb.shape[2]))
        padded = F.pad(rgb, (x, x, y, y), mode='reflect')
        shrink = math.sqrt(rgb[0, 0].numel() / padded[0, 0].numel())
        sides = [max(round(side * shrink / 32), 1) * 32 for side in padded.shape[2:]]
        depth, _ = super().forward(
            F.interpolate(padded, sides, mode='bilinear', align_corners=True))
        depth = F.interpolate(depth, padded.shape[2:], mode='bilinear', align_corners=False)
        return depth[:, :, y:-y, x:-x], None


class DepthProModule(DepthModule):
    """
    Depth Pro, whose `predicted_depth` is canonical inverse depth C, no depth.

    Metres are focal length / (width * C), both in pixels. The field of view that it estimates
    gives their ratio, or in a checkpoint without that head the camera does.
    """

    def forward(self, rgb: torch.Tensor,
                camera: torch.Tensor | None = None) -> tuple[torch.Tensor, None]:
        """Return 1 / metres (B, 1, h, w) float32 in 1e-4..1e4, and no confidence."""
        output = self.predict(rgb)
        if camera is None:
            ratio = 2 * (output.field_of_view.float().deg2rad() / 2).tan()
        else:
            ratio = rgb.shape[3] / camera[:, 0]
        inverse = output.predicted_depth.float() * ratio.view(-1, 1, 1)
        return inverse.clamp(1e-4, 1e4)[:, None], None


def open_folder(path: Path, title: str = '') -> Network:
    """
    Return the network of a local folder as `save_pretrained` writes it.

    Entries of the weights that the network has not are ignored, as `transformers` does; one that
    it needs and that is missing, of another shape or not finite raises ModelError, as does any
    other fault, in one sentence. `title` names it in descriptions; default: the folder.
    """
    folder = _expanded(path)
    config = _read_json(folder, 'config.json')
    processor = {}
    if (folder / 'preprocessor_config.json').is_file():
        processor = _read_json(folder, 'preprocessor_config.json')
    _check_kind(config, str(folder))
    transformers = _library(f'huggingface:{path}')
    kinds = transformers.models.auto.modeling_auto.MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES
    kind = config['model_type']
    if kind not in kinds:
        raise ModelError(f"'{folder}' is of the kind '{kind}', which transformers "
                         f'{transformers.__version__} does not know yet: update transformers')
    if config.get('backbone') and not config.get('backbone_config'):
        raise ModelError(
            f"'{folder}' does not describe its backbone but names it ({config['backbone']!r} in "
            'config.json), which would have to be fetched: save it again with its '
            'backbone_config')
    model = _load(folder, transformers)
    try:
        return _network(model, processor, title or folder.name)
    except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise ModelError(f"'{folder}' has a config.json or preprocessor_config.json that cannot "
                         f'be used ({_brief(error)}): take them as published') from error


def _check_kind(config: Mapping[str, Any], name: str) -> None:
    """Raise ModelError where a config.json is of a kind whose numbers are not known here."""
    kind = config.get('model_type')
    if isinstance(kind, str) and kind in UNFIT:
        raise ModelError(f"'{name}' is of the kind '{kind}', which {UNFIT[kind]}: take another "
                         'network')
    if kind not in KINDS:
        raise ModelError(
            f"'{name}' is of no kind whose numbers are known here (its config.json says "
            f'model_type {kind!r}): take one of {", ".join(KINDS)}, or export it to ONNX and say '
            'beside it what its numbers are (docs/onnx.md)')


def from_official(state: Mapping[str, Any], domain: Domain,
                  file: str = 'the checkpoint') -> Network:
    """
    Return Depth Anything V2 with the weights of its authors' metric .pth files.

    The size is told by the weights; whether they are for INDOOR or OUTDOOR no key says, and
    neither whether they are metric at all. Raises ModelError naming `file` unless all fit.
    """
    transformers = _library('depth_anything_v2')
    token = state.get('pretrained.cls_token')
    width = token.shape[-1] if torch.is_tensor(token) and token.ndim else None
    size = next((size for size in SIZES if size.embedding == width), None)
    if size is None:
        found = 'has no pretrained.cls_token' if width is None else f'has embeddings of {width}'
        raise ModelError(f'{file} is not that of a small, base or large Depth Anything V2: it '
                         f'{found}; set weights to a checkpoint of its metric_depth')
    config = transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            hidden_size=size.embedding, num_hidden_layers=size.layers,
            num_attention_heads=size.heads, image_size=TRAINED_SIDE, patch_size=PATCH,
            out_indices=list(size.taps), apply_layernorm=True, reshape_hidden_states=False),
        patch_size=PATCH, reassemble_hidden_size=size.embedding,
        neck_hidden_sizes=list(size.neck), fusion_hidden_size=size.decoder,
        depth_estimation_type='metric', max_depth=domain.max_depth)
    with _quiet(), torch.device('meta'):  # random weights would take seconds
        model = transformers.DepthAnythingForDepthEstimation(config)
    load_strictly(_Official(model), state, file, f'Depth Anything V2 {size.name}')
    embeddings = model.backbone.embeddings
    embeddings.interpolate_pos_encoding = partial(_positions, embeddings)
    return _on_camera(_network(model.float(), {}, f'Depth Anything V2 {size.name}'), domain)


def find_folder(name: str) -> Path:
    """
    Return the folder `name`, or that of the hub's model `name` in the local Hugging Face cache.

    Raises ModelError where neither is on this machine; asks no network.
    """
    folder = _expanded(name)
    if folder.is_dir():
        return folder
    hub = _hub(name)
    for patterns in (SAFE, PICKLED):
        try:
            # Newer releases miss what was not fetched of a repository unless told the patterns;
            # older ones take any part of it for the whole.
            folder = Path(hub.snapshot_download(name, local_files_only=True,
                                                allow_patterns=patterns))
        except (OSError, ValueError) as error:  # not there; no possible id
            cause = error
        else:
            if any((folder / file).is_file() for file in WEIGHTS):
                return folder
            cause = None
    accept = '' if entry_for(name).commercial else ' --accept-license'
    raise ModelError(
        f"'{name}' is neither a folder nor a model, whole, of the Hugging Face cache on this "
        f"machine: fetch it by 'depth_estimation models fetch huggingface:{name}{accept}', or "
        'copy its folder here and set model to huggingface:<folder>') from cause


def fetch_snapshot(name: str) -> Path:
    """
    Fetch the hub's model `name` into the Hugging Face cache; return its folder there.

    Raises ModelError where that fails or it has no weights that `open_folder` reads.
    """
    hub = _hub(name)
    try:
        files = hub.HfApi().list_repo_files(name)
        found = next((file for file in WEIGHTS if file in files), None)
        if found:  # what it is is known before gigabytes are fetched
            _check_kind(_read_json(Path(hub.hf_hub_download(name, 'config.json')).parent,
                                   'config.json'), name)
            return Path(hub.snapshot_download(
                name, allow_patterns=SAFE if 'safetensors' in found else PICKLED))
    except ModelError:
        raise
    except Exception as error:  # the types differ by version and by what fails
        raise ModelError(f"'{name}' could not be fetched from the Hugging Face hub "
                         f'({_brief(error)}): check the name and the network, or copy its folder '
                         'here and set model to huggingface:<folder>') from error
    raise ModelError(f"'{name}' has no {WEIGHTS[0]} and no {WEIGHTS[2]} on the Hugging Face hub: "
                     'take a model that transformers opens')


def entry_for(name: str) -> Entry:
    """
    Return the entry of `huggingface:<name>`: a folder, or an id of the hub in its cache.

    It is opened with what `find_folder` finds of `name`.
    """
    here = _expanded(name).is_dir()
    source = name if here else f'https://huggingface.co/{name}'
    for entry in ENTRIES:
        if entry.source == source:
            return replace(entry, name=f'huggingface:{name}', downloads=())
    return Entry(
        name=f'huggingface:{name}', parameters=None,
        input_size="as many pixels as its preprocessor_config.json says, in the camera's shape",
        training='see source', scale=None,
        licence='see source' if here else 'not known here: see source', commercial=here,
        source=source, published='see source', scenes='-', open=partial(open_folder, title=name))


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # no such user in ~user
        raise ModelError(f"'{path}' cannot be found ({_brief(error)}): give the folder's full "
                         'path') from error


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    if not (folder / name).is_file():
        raise ModelError(f"'{folder}' holds no {name}: take a whole folder of the Hugging Face "
                         'hub, with config.json and model.safetensors')
    try:
        content = json.loads((folder / name).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ModelError(f"'{folder / name}' cannot be read ({_brief(error)}): fetch it again"
                         ) from error
    if not isinstance(content, dict):
        raise ModelError(f"'{folder / name}' is no JSON object: fetch it again")
    return content


def _load(folder: Path, transformers) -> nn.Module:
    """Return the network of a folder with all its weights, float32, on the CPU."""
    name = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if name is None:
        raise ModelError(f"'{folder}' holds no weights: put its {WEIGHTS[0]} (or {WEIGHTS[2]}) "
                         'there')
    safe = 'safetensors' in name
    if not safe:
        _refuse_old_torch(folder / name)
    try:
        with _quiet():
            model, report = transformers.AutoModelForDepthEstimation.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=safe,
                output_loading_info=True, ignore_mismatched_sizes=True)
    except Exception as error:  # the types differ by version and by what is broken
        raise ModelError(f"'{folder}' cannot be opened by transformers "
                         f'{transformers.__version__} ({_brief(error)}): fetch it again, or '
                         'update transformers') from error
    faults = []
    for mismatch in report['mismatched_keys']:  # with both shapes, in transformers 4 not always
        key, *shapes = [mismatch] if isinstance(mismatch, str) else mismatch
        faults.append(f'has {key} of another shape'
                      + ' ({} instead of {})'.format(*map(tuple, shapes)) * bool(shapes))
    faults += [f'has no {key}' for key in sorted(report['missing_keys'])
               if not UNUSED.search(key)]
    faults = faults or [f'has NaN or infinity in {key}'
                        for key, value in model.named_parameters() if not value.isfinite().all()]
    if faults:
        more = f', and {len(faults) - 1} more such' if len(faults) > 1 else ''
        raise ModelError(f"'{folder / name}' is not for the config.json beside it: it "
                         f'{min(faults)}{more}; take both from one checkpoint')
    return model.float()


def _network(model: nn.Module, processor: Mapping[str, Any], title: str) -> Network:
    """Return a network as its config and its image processor's say that it is used."""
    config = model.config
    contract, inverse, camera = _scale(config)
    multiple = _multiple(config, processor)
    width, height, shaped = _own_size(config, processor)
    kind, size_for = config.model_type, None
    takes_camera = kind == 'depth_pro' and not config.use_fov_model
    if shaped and multiple:
        size_for = partial(near, width * height, multiple)
        width, height = size_for(4, 3, 1, 1)
    elif multiple:
        width, height = (max(round(side / multiple), 1) * multiple for side in (width, height))
    module = DepthProModule if kind == 'depth_pro' else DepthModule
    if kind == 'zoedepth' and processor.get('do_pad') is not False:
        module = ZoeModule
    return Network(
        name='huggingface', module=module(model, *_normalisation(config, processor)).eval()
        .requires_grad_(False), input_width=width, input_height=height, inverse=inverse,
        contract=contract, training_camera=camera, description=f'{kind}, {title}',
        takes_camera=takes_camera, size_for=size_for, multiple=multiple)


def _last_convolutions(model: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions that a network's numbers end in."""
    metric = getattr(model, 'metric_head', None)
    if isinstance(metric, nn.Module):  # ZoeDepth: all that bins of metres and their odds are of
        return [part for name, part in metric.named_modules() if type(part) is nn.Conv2d
                and name.partition('.')[0] not in ('conv2', 'patch_transformer')]
    head = getattr(model, 'head', getattr(model, 'decoder', None))
    parts = head.modules() if isinstance(head, nn.Module) else ()
    return [part for part in parts if type(part) is nn.Conv2d][-1:]


def _scale(config) -> tuple[ScaleContract, bool, TrainingCamera | None]:
    """Return what the numbers are, whether they are inverse, and the camera of the training."""
    kind, farthest = config.model_type, getattr(config, 'max_depth', None)
    answer = getattr(config, 'depth_estimation_type', None)
    on_camera = partial(ScaleContract, ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0)
    if kind == 'glpn':
        camera, _ = GLPN_CAMERAS.get(farthest, (None, None))
        where = f'the {camera.name}' if camera else 'a camera that is not known here'
        return on_camera(f'trained on metres up to {farthest:g} with {where}'), False, camera
    if answer == 'metric' or kind in ('dpt', 'tipsv2_dpt') and farthest:
        reach = f' up to {farthest:g}' if farthest else ''
        return on_camera(f'trained on metres{reach} with one kind of camera, which its config '
                         'does not name and is not known here'), False, None
    if kind == 'zoedepth':
        reach = max(heads['max_depth'] for heads in config.bin_configurations)
        return ScaleContract(
            ScaleKind.METRIC, 1.0, f'trained on metres up to {reach:g} without being told the '
            'camera'), False, None
    if kind == 'depth_pro' and config.use_fov_model:
        return ScaleContract(ScaleKind.METRIC, 1.0, 'it estimates the field of view itself, '
                             'whatever the camera says'), True, None
    if kind == 'depth_pro':
        return ScaleContract(ScaleKind.METRIC_FROM_INTRINSICS, 1.0, 'it answers for a focal '
                             "length of one width, and the camera's makes metres of it"
                             ), True, None
    if kind == 'depth_anything' or kind == 'dpt' and not _is_dino(config):
        return ScaleContract(
            ScaleKind.RELATIVE_INVERSE, None, 'trained on inverse depth whose scale and shift '
            'differ from picture to picture'), True, None
    return ScaleContract(ScaleKind.UP_TO_SCALE, None, 'its config does not say in which unit it '
                         'answers'), False, None


def _is_dino(config) -> bool:
    backbone = getattr(config, 'backbone_config', None)
    return getattr(backbone, 'model_type', '').startswith('dino')


def _multiple(config, processor: Mapping[str, Any]) -> int | None:
    """Return what the sides of an input are multiples of, or None where one size only works."""
    kind, backbone = config.model_type, getattr(config, 'backbone_config', None)
    # A DPT of its own vision transformer takes its patches for a square.
    if kind == 'depth_pro' or kind == 'dpt' and (backbone is None or config.is_hybrid):
        return None
    multiple = 32
    if kind == 'depth_anything':
        multiple = config.patch_size
    elif _is_dino(config) or kind == 'tipsv2_dpt':
        multiple = backbone.patch_size
        if not isinstance(multiple, int):  # of either axis
            multiple = math.lcm(*multiple)
    given = processor.get('ensure_multiple_of') or processor.get('size_divisor')
    # ZoeDepth's processor says 1/32 where its config does not.
    return math.lcm(multiple, given) if isinstance(given, int) else multiple


def _own_size(config, processor: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Return width, height and whether they stand for as many pixels of the camera's shape."""
    kind = config.model_type
    shaped = processor.get('keep_aspect_ratio', kind != 'dpt')
    size = processor.get('size')
    if kind == 'glpn':  # its processor keeps the picture's own size
        camera, (width, height) = GLPN_CAMERAS.get(config.max_depth, (None, (640, 480)))
        return width, height, camera is None
    if processor.get('do_resize') is False:
        size, shaped = None, True
    if isinstance(size, Mapping):
        side = size.get('shortest_edge')
        size = (size.get('width', side), size.get('height', side))
    if size is None:
        backbone = getattr(config, 'backbone_config', None)
        size = {'zoedepth': (512, 384), 'tipsv2_dpt': 448}.get(kind) or getattr(
            backbone, 'image_size', None) or getattr(config, 'image_size', None) or 384
    if kind == 'depth_pro' and processor.get('size') is None:
        size = round(config.patch_size / min(config.scaled_images_ratios))
    width, height = (size, size) if isinstance(size, int) else size
    if not all(isinstance(side, int) and 1 <= side <= 4096 for side in (width, height)):
        raise ValueError(f'its input size is {width} x {height}')
    return width, height, shaped


def _normalisation(config, processor: Mapping[str, Any]) -> tuple[tuple[float, ...], ...]:
    """Return mean and standard deviation of RGB in 0..1."""
    kind = config.model_type
    default = HALVES if kind in ('depth_pro', 'zoedepth') or (
        kind == 'dpt' and not _is_dino(config)) else IMAGENET
    wanted = processor.get('do_normalize')
    if wanted is False or wanted is None and kind in ('glpn', 'tipsv2_dpt'):
        mean, std = UNCHANGED
    else:
        mean, std = (
            (value,) * 3 if isinstance(value, (int, float)) else tuple(value)
            for value in (processor.get('image_mean') or default[0],
                          processor.get('image_std') or default[1]))
    if not (len(mean) == len(std) == 3 and all(math.isfinite(value) for value in mean)
            and all(math.isfinite(value) and value > 0 for value in std)):
        raise ValueError(f'its image_mean is {mean} and its image_std {std}')
    # Processors scale 0..255 first, nearly always by 1/255.
    factor = 255 * processor.get('rescale_factor', 1 / 255) if processor.get(
        'do_rescale', True) else 255.0
    if not 0 < factor < math.inf:
        raise ValueError(f'its rescale_factor is {factor / 255:g}')
    return tuple(value / factor for value in mean), tuple(value / factor for value in std)


def _open_depth_anything(size: Size, domain: Domain, path: Path) -> Network:
    """Return that Depth Anything V2 of a folder of the hub, or of its authors' .pth file."""
    title = f'Depth Anything V2 Metric {domain.name} {size.name}'
    if path.is_dir():
        network = _on_camera(open_folder(path), domain)
    else:
        network = from_official(_read_pth(path), domain, f"weights '{path}'")
    config = network.module.model.config
    found = (config.model_type, getattr(config, 'depth_estimation_type', None),
             getattr(config, 'max_depth', None),
             getattr(getattr(config, 'backbone_config', None), 'hidden_size', None))
    wanted = ('depth_anything', 'metric', domain.max_depth, size.embedding)
    if found != wanted:
        words = ('{0}, {1}, up to {2}, embeddings of {3}'.format(*facts)
                 for facts in (found, wanted))
        raise ModelError(f"weights '{path}' is not {title}: it is {next(words)} instead of "
                         f'{next(words)}; set model to the network that it is for, or weights to '
                         'a checkpoint of this one')
    return replace(network, name=_name(size, domain),
                   description=f'{title}, trained with the {domain.camera.name}')


def _on_camera(network: Network, domain: Domain) -> Network:
    """Return it for the camera that it was trained with, and with that camera's shape."""
    width, height = near(TRAINED_SIDE**2, network.multiple, 1, 1, domain.camera.fx,
                         domain.camera.fy)
    return replace(
        network, input_width=width, input_height=height, size_for=None,
        training_camera=domain.camera, contract=ScaleContract(
            ScaleKind.METRIC_ON_TRAINING_CAMERA, 1.0, f'trained on rendered metres up to '
            f'{domain.max_depth} with the {domain.camera.name}'))


class _Official:
    """Depth Anything V2 under the keys of its authors' files, as `load_strictly` wants one."""

    RULES = tuple((re.compile(pattern), official) for pattern, official in (
        (r'^backbone\.embeddings\.position_embeddings', r'pretrained.pos_embed'),
        (r'^backbone\.embeddings\.patch_embeddings\.projection', r'pretrained.patch_embed.proj'),
        (r'^backbone\.embeddings\.', r'pretrained.'),
        (r'^backbone\.layernorm', r'pretrained.norm'),
        (r'^backbone\.encoder\.layer\.', r'pretrained.blocks.'),
        # Two spellings: up to transformers 4 and since 5.
        (r'\.attention\.(attention\.)?(query|key|value|[qkv]_proj)\.', r'.attn.qkv.'),
        (r'\.attention\.(output\.dense|o_proj)\.', r'.attn.proj.'),
        (r'\.layer_scale(\d)\.lambda1', r'.ls\1.gamma'),
        (r'^neck\.reassemble_stage\.layers\.(\d)\.projection', r'depth_head.projects.\1'),
        (r'^neck\.reassemble_stage\.layers\.(\d)\.resize', r'depth_head.resize_layers.\1'),
        (r'\.residual_layer(\d)\.convolution(\d)', r'.resConfUnit\1.conv\2'),
        (r'^(neck\.fusion_stage\.layers\.\d\.)projection', r'\1out_conv'),
        (r'^head\.conv1', r'depth_head.scratch.output_conv1'),
        (r'^head\.conv2', r'depth_head.scratch.output_conv2.0'),
        (r'^head\.conv3', r'depth_head.scratch.output_conv2.2'),
    ))
    COUNTED = ((re.compile(r'^neck\.convs\.(\d)'), 'depth_head.scratch.layer{}_rn', 1, 1),
               (re.compile(r'^neck\.fusion_stage\.layers\.(\d)'), 'depth_head.scratch.refinenet{}',
                4, -1))
    PARTS = re.compile(r'\.(query|key|value|[qkv]_proj)\.')

    def __init__(self, model: nn.Module):
        self._model = model
        self._official = {key: self._key(key) for key in model.state_dict()}

    def _key(self, key: str) -> tuple[str, int | None]:
        """Return the official key, and which third of that tensor this one is."""
        part = self.PARTS.search(key)
        for pattern, official in self.RULES:
            key = pattern.sub(official, key)
        for pattern, official, first, step in self.COUNTED:
            key = pattern.sub(lambda found: official.format(first + step * int(found[1])), key)
        return key, part and 'qkv'.index(part[1][0])

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return tensors of the official keys and shapes."""
        state = {}
        for key, value in self._model.state_dict().items():
            official, part = self._official[key]
            shape = value.shape if part is None else (3 * value.shape[0], *value.shape[1:])
            state[official] = value.new_empty(shape)
        return state

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Give the network the weights of official keys."""
        weights = {}
        for key, (official, part) in self._official.items():
            value = state[official]
            weights[key] = value if part is None else value.chunk(3)[part]
        self._model.load_state_dict(weights, assign=True)


def _positions(embeddings: nn.Module, tokens: torch.Tensor, height: int,
               width: int) -> torch.Tensor:
    """
    Return the positions (1, 1 + rows * columns, C) of an input of height x width pixels.

    As the authors' code resizes them, by a factor that is 0.1 patches too large; `transformers`
    leaves those out. Equal where the input is as large as in the training.
    """
    positions = embeddings.position_embeddings
    side = math.isqrt(positions.shape[1] - 1)
    rows, columns = height // PATCH, width // PATCH
    if rows == columns == side:
        return positions
    grid = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2).float()
    grid = F.interpolate(grid, scale_factor=((rows + 0.1) / side, (columns + 0.1) / side),
                         mode='bicubic')
    grid = grid.permute(0, 2, 3, 1).flatten(1, 2).to(positions.dtype)
    return torch.cat((positions[:, :1], grid), 1)


def _read_pth(path: Path) -> Mapping[str, Any]:
    _refuse_old_torch(path)
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # the types differ by torch's version and by what is broken
        raise ModelError(f"weights '{path}' is no checkpoint of plain tensors ({_brief(error)}): "
                         'set weights to a .pth as published, or to a folder with config.json '
                         'and model.safetensors') from error
    if not isinstance(state, Mapping):
        raise ModelError(f"weights '{path}' is no dict of tensors by name: set weights to a .pth "
                         'as published')
    return state


def _refuse_old_torch(path: Path) -> None:
    """Raise ModelError where this torch might run code in a pickle (CVE-2025-32434)."""
    if tuple(int(number) for number in torch.__version__.split('.')[:2]) < (2, 6):
        raise ModelError(f"'{path}' is a pickle, which torch reads safely from 2.6 on and this "
                         f'is {torch.__version__}: update torch, or take a model.safetensors')


def _library(model: str):
    try:
        import transformers
    except ImportError as error:
        raise ModelError(f"model '{model}' needs transformers: pip install "
                         "'depth_estimation_ros[transformers]'") from error
    return transformers


def _hub(name: str):
    _library(f'huggingface:{name}')
    import huggingface_hub
    return huggingface_hub


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing progress bars and giving advice, in here."""
    from transformers.utils import logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip('. ')


def _name(size: Size, domain: Domain) -> str:
    return f'depth_anything_v2_metric_{domain.name.lower()}_{size.name.lower()}'


def _entry(size: Size, domain: Domain) -> Entry:
    camera = domain.camera
    source = ('https://huggingface.co/depth-anything/'
              f'Depth-Anything-V2-Metric-{domain.name}-{size.name}-hf')
    width, height = near(TRAINED_SIDE**2, PATCH, 1, 1, camera.fx, camera.fy)
    return Entry(
        name=_name(size, domain), parameters=size.parameters,
        input_size=f'{width}x{height}, as many pixels as {TRAINED_SIDE}x{TRAINED_SIDE} in the '
                   'shape of the training camera',
        training=f'pictures rendered with the {camera.name} (fx/W {camera.fx:.3f}, fy/H '
                 f'{camera.fy:.3f}), up to {domain.max_depth} m; encoder: DINOv2 on 62 million '
                 'real pictures',
        scale=ScaleKind.METRIC_ON_TRAINING_CAMERA, licence=size.licence,
        commercial=size.commercial, source=source,
        published='none of these weights; of the same network trained on each data set itself '
                  f'AbsRel {size.published} (paper, table 4)',
        scenes='rooms' if domain is INDOOR else 'streets',
        open=partial(_open_depth_anything, size, domain),
        downloads=tuple(Download(f'{source}/resolve/main/{name}', name) for name in (
            'config.json', 'preprocessor_config.json', 'model.safetensors')))


ENTRIES = tuple(_entry(size, domain) for domain in (INDOOR, OUTDOOR) for size in SIZES)
