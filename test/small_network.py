# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network of two convolutions, for tests of what runs networks."""
import torch


class Small(torch.nn.Module):
    """Depth above 1 and a confidence, by two convolutions, of the picture and of fx."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.head = torch.nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, rgb, cameras):
        """Return both."""
        x = self.head(self.conv(rgb).relu()).sigmoid()
        return 1 + x[:, :1] * cameras[:, :1, None, None], x[:, 1:]
