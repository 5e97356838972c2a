# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small networks of `transformers` with weights by formula."""
import json
from math import prod

from key_init import uniform
import pytest
import torch

transformers = pytest.importorskip('transformers', reason='these networks need transformers')

NEW = pytest.mark.skipif(not hasattr(transformers, 'Tipsv2DptConfig'),
                         reason='this release of transformers does not know TIPSv2')
IMAGENET = {'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225]}


def dinov2(**changes):
    """Return a backbone of four layers, for pictures of 70 x 70 pixels."""
    return transformers.Dinov2Config(**{
        'hidden_size': 32, 'num_hidden_layers': 4, 'num_attention_heads': 2, 'image_size': 70,
        'patch_size': 14, 'out_indices': [1, 2, 3, 4], 'reshape_hidden_states': False,
        'apply_layernorm': True, **changes})


DECODER = {'neck_hidden_sizes': [8, 12, 16, 20], 'fusion_hidden_size': 16}


def depth_anything(**changes):
    """Return Depth Anything with weights that leave nothing at zero."""
    return shaken(transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(
        **{'backbone_config': dinov2(), 'reassemble_hidden_size': 32, 'head_hidden_size': 8,
           **DECODER, **changes})))


def metric(**changes):
    """Return one that answers in metres up to 20."""
    return depth_anything(depth_estimation_type='metric', max_depth=20, **changes)


def dpt():
    """Return MiDaS's DPT."""
    return shaken(transformers.DPTForDepthEstimation(transformers.DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3], **DECODER)))


def dpt_dinov2():
    """Return DPT on DINOv2, whose config says nothing of what it was trained on."""
    return shaken(transformers.DPTForDepthEstimation(transformers.DPTConfig(
        backbone_config=dinov2(), hidden_size=32, backbone_out_indices=None, **DECODER)))


def tips():
    """Return TIPSv2's depth network, to 10 m; only newer releases of the library know it."""
    backbone = transformers.Tipsv2VisionConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56,
        out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False)
    return shaken(transformers.Tipsv2DptForDepthEstimation(transformers.Tipsv2DptConfig(
        backbone_config=backbone, num_depth_bins=16, **DECODER)))


def glpn():
    """Return GLPN as for KITTI."""
    return shaken(transformers.GLPNForDepthEstimation(transformers.GLPNConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=8, max_depth=80)))


def zoedepth(**changes):
    """Return ZoeDepth with one head, to 10 m."""
    backbone = transformers.BeitConfig(
        image_size=64, patch_size=16, hidden_size=32, num_hidden_layers=4, num_attention_heads=2,
        intermediate_size=64, use_relative_position_bias=True, reshape_hidden_states=False,
        out_features=['stage1', 'stage2', 'stage3', 'stage4'])
    return shaken(transformers.ZoeDepthForDepthEstimation(transformers.ZoeDepthConfig(
        **{'backbone_config': backbone, 'bottleneck_features': 16, 'bin_embedding_dim': 8,
           'num_attractors': [4, 2, 2, 1], 'num_relative_features': 8, **DECODER, **changes})))


def zoedepth_nk():
    """Return ZoeDepth with two heads, to 10 and to 80 m."""
    return zoedepth(
        num_attractors=[4, 4, 4, 4], bin_configurations=[
            {'name': 'nyu', 'n_bins': 4, 'min_depth': 0.001, 'max_depth': 10.0},
            {'name': 'kitti', 'n_bins': 4, 'min_depth': 0.001, 'max_depth': 80.0}],
        patch_transformer_hidden_size=128, patch_transformer_num_attention_heads=4,
        patch_transformer_intermediate_size=64, num_patch_transformer_layers=4,
        bin_centers_type='softplus')


def dpt_hybrid():
    """Return MiDaS's DPT on a convolutional backbone."""
    return shaken(transformers.DPTForDepthEstimation(transformers.DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        image_size=64, patch_size=16, is_hybrid=True, backbone_out_indices=[0, 1, 2, 3],
        backbone_featmap_shape=[1, 64, 4, 4], neck_ignore_stages=[0, 1],
        backbone_config={
            'model_type': 'bit', 'global_padding': 'same', 'layer_type': 'bottleneck',
            'hidden_sizes': [64, 64, 64], 'embedding_size': 32, 'depths': [1, 1, 1],
            'out_features': ['stage1', 'stage2', 'stage3'],
            'embedding_dynamic_padding': True, 'num_groups': 4},
        **{**DECODER, 'neck_hidden_sizes': [64, 64, 16, 20]})))


def depth_pro(fov=True):
    """Return Depth Pro, with or without the head that estimates the field of view."""
    if not hasattr(transformers, 'DepthProConfig'):
        pytest.skip(f'transformers {transformers.__version__} has no Depth Pro')
    encoder = {'model_type': 'dinov2', 'hidden_size': 32, 'num_hidden_layers': 2,
               'num_attention_heads': 2, 'image_size': 16, 'patch_size': 4}
    return shaken(transformers.DepthProForDepthEstimation(transformers.DepthProConfig(
        patch_size=16, fusion_hidden_size=16, intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8], scaled_images_feature_dims=[12, 12, 8],
        merge_padding_value=0, num_fov_head_layers=1, use_fov_model=fov,
        image_model_config=dict(encoder), patch_model_config=dict(encoder),
        fov_model_config=dict(encoder))))


def shaken(model):
    """Return it with weights by formula: the library's own start near zero."""
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            spread = 0.1 if value.ndim < 2 else (3 / prod(value.shape[1:]))**0.5
            u = torch.from_numpy(uniform(key, value.numel())).float().view(value.shape)
            value.copy_(0.5 + u if key.endswith('running_var') else spread * (2 * u - 1)
                        + (key.endswith('bias') and 'head' in key) * 0.3)
    return model.eval()


def save(model, folder, **processor):
    """Write what `save_pretrained` writes and a preprocessor_config.json; return the folder."""
    model.save_pretrained(folder)
    if processor:
        (folder / 'preprocessor_config.json').write_text(json.dumps(processor))
    return folder
