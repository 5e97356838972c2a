# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Resizing is pillow's LANCZOS, however it is carried out."""
from depth_estimation_ros.imaging import resize
import numpy as np
import pytest
import torch

SIZES = [((64, 96), (32, 64)), ((375, 1242), (192, 640)), ((40, 50), (96, 64)), ((7, 9), (7, 9)),
         ((1, 1), (5, 4)), ((33, 70), (2, 2))]


def matrices(planes, height, width, monkeypatch):
    """Resize without torch's own filter."""
    with monkeypatch.context() as patch:
        patch.setattr(resize, '_native', lambda device: False)
        return resize.resize(planes, height, width)


@pytest.mark.parametrize('size_in, size_out', SIZES)
def test_both_ways_agree(size_in, size_out, monkeypatch):
    if not resize._native('cpu'):
        pytest.skip(f'torch {torch.__version__} has no Lanczos filter: there is one way only')
    planes = torch.randint(0, 256, (3, *size_in), dtype=torch.uint8)
    ours = matrices(planes, *size_out, monkeypatch)
    # Whole numbers after each axis, as in pillow.
    assert (resize.resize(planes, *size_out) - ours).abs().max() <= 2


@pytest.mark.parametrize('size_in, size_out', SIZES)
def test_it_is_pillows(size_in, size_out, monkeypatch):
    pillow = pytest.importorskip('PIL.Image', reason='pillow is not installed')
    rgb = np.random.default_rng(0).integers(0, 256, (*size_in, 3), np.uint8)
    theirs = np.asarray(pillow.fromarray(rgb).resize(size_out[::-1], pillow.Resampling.LANCZOS))
    planes = torch.from_numpy(rgb).permute(2, 0, 1)
    for ours in (resize.resize(planes, *size_out), matrices(planes, *size_out, monkeypatch)):
        assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).max() <= 2


@pytest.mark.parametrize('size_in, size_out', SIZES)
def test_bilinear_is_pillows_too(size_in, size_out):
    pillow = pytest.importorskip('PIL.Image', reason='pillow is not installed')
    rgb = np.random.default_rng(0).integers(0, 256, (*size_in, 3), np.uint8)
    theirs = np.asarray(pillow.fromarray(rgb).resize(size_out[::-1], pillow.Resampling.BILINEAR))
    ours = resize.resize(torch.from_numpy(rgb).permute(2, 0, 1), *size_out, 'bilinear')
    assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).max() <= 1


def test_values_stay_in_range(monkeypatch):
    """Lanczos overshoots at edges."""
    planes = torch.zeros(1, 32, 32)
    planes[..., 16:] = 255
    for small in (resize.resize(planes, 24, 24), matrices(planes, 24, 24, monkeypatch)):
        assert small.min() >= 0 and small.max() <= 255
        assert small.dtype == torch.float32
