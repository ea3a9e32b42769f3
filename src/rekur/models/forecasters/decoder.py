"""Encoder and decoder: one recurrent layer reads the past, another walks through the horizon.

    h_t = encoder(x_t, h_{t-1})
    g_j = decoder(place_j + W [future_j; static], g_{j-1}),     g_0 = h_T
    c_j = attention(g_j, h_1 ... h_T)                           without attention y_j = O g_j
    y_j = O tanh(M [g_j; c_j])

The decoder reads what is known of each step and no forecast, so training and forecasting are the same pass.
Sources: Sutskever et al. 2014; Wen et al. 2017 for decoding without feeding forecasts back; Luong et al. 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.models.forecasters.base import Forecaster, Known, beside
from rekur.nn import attention, readouts
from rekur.sizes.forecaster import ForecasterSizes


class DecoderForecaster(Forecaster):
    """Two recurrent layers of one size, with or without attention between them."""

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__(sizes)
        H = self.settings.hidden
        self.core = self.layer(sizes.values)
        self.place = nn.Parameter(torch.randn(sizes.horizon, H))
        if sizes.future + sizes.static:
            self.step = nn.Linear(sizes.future + sizes.static, H)
        self.decoder = self.layer(H)
        self.attention = attention.make(self.settings.attention, H, H)
        if self.attention is not None:
            self.mix = nn.Linear(2 * H, H)
        self.output = nn.Linear(H, sizes.parameters)

    def ends(self) -> tuple[nn.Linear, ...]:
        """See `Forecaster`."""
        return (self.output,)

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return (N, h, P); see `Forecaster`."""
        memory, state = self.core(past, None, lengths=lengths)
        read = beside(known, self.sizes.horizon)
        x = self.place.expand(len(past), -1, -1) if read is None else self.place + self.step(read)
        hidden, _ = self.decoder(x, state)
        if self.attention is not None:
            inside = None if lengths is None else readouts.valid(memory, lengths)
            context, _ = self.attention(hidden, self.attention.keys(memory), memory, inside)
            hidden = torch.tanh(self.mix(torch.cat([hidden, context], dim=2)))
        return self.output(self.dropped(hidden))  # type: ignore[no-any-return]
