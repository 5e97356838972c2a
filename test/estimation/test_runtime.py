# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A faster precision is taken only where its depth is that of fp32, and who asks is told."""
from __future__ import annotations

import time

from depth_estimation_ros.estimation.estimator import DepthEstimator
from depth_estimation_ros.estimation.runtime import MAX_DIFFERENCE, Runtime
from depth_estimation_ros.imaging.intrinsics import PinholeCamera
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
import numpy as np
import pytest
import torch

CPU = torch.device('cpu')


class Half(torch.nn.Module):
    """Depth 1 + red, which in bfloat16 is `off` times as much, or an error where off is None."""

    def __init__(self, off):
        super().__init__()
        self.off = off
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, rgb):
        """Return the depth."""
        depth = 1 + rgb[:, :1].float()
        if self.weight.dtype == torch.bfloat16:
            if self.off is None:
                raise RuntimeError("no kernel for 'BFloat16'\nand more lines")
            depth = depth * self.off
        return depth, None


def runtime(off, precisions, inverse=False):
    return Runtime(Network(
        name='half', module=Half(off), input_width=64, input_height=32, inverse=inverse,
        contract=ScaleContract(ScaleKind.METRIC, 1.0, 'made so'), training_camera=None,
        description='half'), CPU, precisions)


@pytest.mark.parametrize('inverse', [False, True])
def test_what_is_close_enough_is_taken_and_measured(inverse):
    made = runtime(1 + MAX_DIFFERENCE / 2, ['bf16', 'fp32'], inverse)
    assert made.precision == 'bf16' and made.remarks == []
    assert made.difference == pytest.approx(MAX_DIFFERENCE / 2, rel=0.02)
    assert made.network.module.weight.dtype == torch.bfloat16


@pytest.mark.parametrize('off, words', [
    (1.5, '50.0% off'), (float('nan'), 'off its depth'), (None, "no kernel for 'BFloat16'")])
def test_what_is_not_gives_way_to_fp32_and_says_so(off, words):
    made = runtime(off, ['bf16', 'fp32'])
    assert made.precision == 'fp32' and made.difference == 0
    assert words in made.remarks[0] and "fp32 instead" in made.remarks[0]
    assert len(made.remarks[0].splitlines()) == 1
    rgb = torch.rand(1, 3, 32, 64)
    torch.testing.assert_close(made(rgb, torch.zeros(1, 4))[0], 1 + rgb[:, :1])


def test_what_was_asked_for_is_kept_with_a_word():
    made = runtime(1.5, ['bf16'])
    assert made.precision == 'bf16' and made.difference == pytest.approx(0.5, rel=0.01)
    assert 'set precision to auto' in made.remarks[0]


def test_fp32_needs_no_check():
    made = runtime(None, ['fp32'])
    assert made.precision == 'fp32' and made.remarks == []


def test_the_time_of_the_network_is_that_of_the_frame():
    network = runtime(1.0, ['fp32']).network
    estimator = DepthEstimator(network, 'cpu', 'bf16')
    estimator.warm_up()
    camera = PinholeCamera(64, 32, 50.0, 50.0, 31.5, 15.5)
    frame = np.zeros((32, 64, 3), np.uint8), camera
    began = time.perf_counter()
    [estimate] = estimator.estimate([frame], outputs={'depth'})
    took = time.perf_counter() - began
    assert 0 < estimate.forward < took, 'neither the check nor the warm-up is a frame'
    [estimate] = estimator.estimate([frame], outputs=())
    assert estimate.forward is None
