# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""On CUDA a network is a graph for each size and batch. Needs no ROS: GPU machines have none."""
import threading

from depth_estimation_ros.estimation.runtime import Runtime, SIZES
from depth_estimation_ros.models.contract import Network, ScaleContract, ScaleKind
import pytest
from small_network import Small
import torch

pytestmark = pytest.mark.gpu


class WithItem(Small):
    """One that waits for the device, which no graph can hold."""

    def forward(self, rgb, cameras):
        """Return both, by the mean of the picture."""
        return super().forward(rgb + rgb.mean().item(), cameras)


def on_cuda(module):
    return Runtime(Network(
        name='small', module=module.cuda(), input_width=64, input_height=32, inverse=False,
        contract=ScaleContract(ScaleKind.METRIC, 1.0, 'made so'), training_camera=None,
        description='small', takes_camera=True, has_confidence=True), torch.device('cuda', 0),
        ['fp32'], compiled=True)


def test_a_capture_that_fails_leaves_the_device_as_it_was():
    stream = torch.cuda.current_stream()
    made = on_cuda(WithItem())
    rgb, cameras = torch.rand(1, 3, 32, 64, device='cuda'), torch.rand(1, 4, device='cuda')
    for _ in range(2):
        values, _ = made(rgb, cameras)
    [remark] = made.remarks
    assert 'is not compiled' in remark and made.form == 'fp32' and values.isfinite().all()
    assert torch.cuda.current_stream() == stream
    assert torch.rand(8, device='cuda').std() > 0
    torch.cuda.empty_cache()
    other = on_cuda(Small())
    other(rgb, cameras)
    assert other.form == 'fp32, compiled' and other.remarks == []


def test_one_thread_captures_while_another_works():
    failed, forms = [], []

    def work():
        try:
            made = on_cuda(Small())
            for batch in [1, 2, 3, 4] * 10:  # CUDA draws no random numbers during a capture
                made(torch.rand(batch, 3, 32, 64).cuda(),
                     torch.rand(batch, 4).cuda())[0].sum().item()
            forms.append((made.form, made.remarks))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and forms == [('fp32, compiled', [])] * 3


def test_the_graph_that_was_not_used_for_longest_goes_first():
    made = on_cuda(Small())
    cameras = torch.rand(1, 4, device='cuda')
    for height in (32, *range(64, 64 + 32 * SIZES, 32)):
        for one in (height, 32):
            made(torch.rand(1, 3, one, 64, device='cuda'), cameras)
    assert len(made._programs) == SIZES and (1, 32, 64) in made._programs


def test_on_cuda_it_is_a_graph_for_each_size_and_batch():
    module = Small().cuda()
    made = on_cuda(module)
    for batch, height in ((1, 32), (2, 32), (1, 64), (2, 32)):
        rgb = torch.rand(batch, 3, height, 64, device='cuda')
        cameras = torch.rand(batch, 4, device='cuda')
        with torch.inference_mode():
            torch.testing.assert_close(made(rgb, cameras), module(rgb, cameras))
    assert made.form == 'fp32, compiled' and made.remarks == []
