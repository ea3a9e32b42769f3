"""Images read as sequences: convolutions, then each column of what they find is a step."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Columns(nn.Module):
    """Images (N, C, height, W) to steps (N, S, I): S = W // 2^k and I = K * (height // 2^k) after k convolutions.

    Each convolution is 3x3 with zeros around, then the largest of 2x2, then ReLU (LeCun et al. 1998; columns as
    steps: Shi, Bai and Yao 2015). The largest is taken before the ReLU, which gives the same in a quarter of the work.
    Without any, a step is a column of pixels.
    """

    def __init__(self, channels: int, sizes: Sequence[int]) -> None:
        super().__init__()
        pairs = itertools.pairwise((channels, *sizes))
        self.convolutions = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in pairs)
        # Channels last in memory: torch's convolutions and its pooling take half the time so.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            images = F.relu(F.max_pool2d(convolution(images), 2))
        return images.permute(0, 3, 1, 2).flatten(2)
