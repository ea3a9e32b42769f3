"""Dilated recurrent layers with residual links: each looks back by its own number of steps.

    h_t = cell(x_t, h_{t-d})            of a layer with dilation d
    block(x) = layers of its dilations, one above the other; every block but the first adds what it read
    y_1 ... y_h = head(top_T, static, future)

With dilations of a day and a week of hours, a season is one step long. A layer of dilation d is d sequences side by
side, each of every d-th step: they run as one batch of N*d rows, so the engine computes it like any other.
Sources: Chang et al. 2017 (dilated RNN); Smyl 2020 (ES-RNN) for blocks and links.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.models.forecasters.base import Forecaster, HorizonHead, Known, at_end
from rekur.sizes.forecaster import ForecasterSizes


class Dilated(Forecaster):
    """Blocks of dilated layers, and a head over the horizon."""

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__(sizes)
        H = self.settings.hidden
        self.core = nn.ModuleList(self.layer(H if k else sizes.values, 1) for k in range(len(sizes.dilations)))
        self.head = HorizonHead(sizes)

    def ends(self) -> tuple[nn.Linear, ...]:
        """See `Forecaster`."""
        return self.head.ends()

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return (N, h, P); see `Forecaster`."""
        x, layers = past, iter(self.core)
        for place, block in enumerate(self.settings.dilations):
            before = x
            for dilation in block:
                x = dilated(next(layers), x, dilation, lengths)
            x = x + before if place else x
        return self.head(self.dropped(at_end(x, lengths)), known)  # type: ignore[no-any-return]


def dilated(layer: nn.Module, x: Tensor, dilation: int, lengths: Tensor | None) -> Tensor:
    """Return the outputs (N, T, H) of `layer` over x (N, T, I), each step continuing from `dilation` steps before."""
    N, T, I = x.shape  # noqa: E741
    d = min(dilation, T)  # beyond T every step begins anew, as it does at T
    if d == 1:
        return layer(x, None, lengths=lengths)[0]  # type: ignore[no-any-return]
    phases = F.pad(x, (0, 0, 0, -T % d)).view(N, -1, d, I).transpose(1, 2).reshape(N * d, -1, I)
    ends = None
    if lengths is not None:  # of the steps φ, φ + d, ... below the length
        ends = (lengths.view(-1, 1) + d - 1 - torch.arange(d, device=x.device)).div(d, rounding_mode="floor").view(-1)
    outputs = layer(phases, None, lengths=ends)[0]
    H = outputs.shape[2]
    return outputs.reshape(N, d, -1, H).transpose(1, 2).reshape(N, -1, H)[:, :T]  # type: ignore[no-any-return]
