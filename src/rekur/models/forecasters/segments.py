"""Segment recurrence: the steps are segments of w values, and all segments of the horizon are decoded at once.

    s_1 ... s_S = the past in segments of w steps          the first begins with zeros where T is no multiple of w
    h_i = core(relu(E s_i), h_{i-1})
    g_m = core(place_m + W [future_m; static], h_S)        one step for each segment m of the horizon, side by side
    y_m = O g_m                                            w values

A long history is few steps, and no forecast is read to make another. With series as one-hot features, W [static] is
the channel's embedding. Source: Lin et al. 2023 (SegRNN), which joins the embeddings where they are added up here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.models.forecasters.base import Forecaster, Known, beside
from rekur.sizes.forecaster import ForecasterSizes


class Segments(Forecaster):
    """A recurrent layer over segments, and its parallel decoding."""

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__(sizes)
        H, w = self.settings.hidden, self.settings.segment
        self.embed = nn.Linear(w * sizes.values, H)
        self.core = self.layer(H)
        self.place = nn.Parameter(torch.randn(sizes.segments, H))
        if read := w * sizes.future + sizes.static:
            self.step = nn.Linear(read, H)
        self.output = nn.Linear(H, w * sizes.parameters)

    def ends(self) -> tuple[nn.Linear, ...]:
        """See `Forecaster`."""
        return (self.output,)

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return (N, h, P); see `Forecaster`."""
        N, M, H = len(past), self.sizes.segments, self.settings.hidden
        segments, count = cut(past, lengths, self.settings.segment)
        _, state = self.core(torch.relu(self.embed(segments)), None, lengths=count)
        x = self._places(known).expand(N, M, H).reshape(N * M, 1, H)
        many = [part.repeat_interleave(M, dim=1) for part in (state if isinstance(state, tuple) else (state,))]
        outputs, _ = self.core(x, many[0] if len(many) == 1 else tuple(many))
        made = self.output(self.dropped(outputs)).view(N, -1, self.sizes.parameters)
        return made[:, : self.sizes.horizon]  # type: ignore[no-any-return]

    def _places(self, known: Known) -> Tensor:
        """Return (N or 1, M, H), what is read at each segment of the horizon."""
        future, static = known
        M, w = self.sizes.segments, self.settings.segment
        if future is not None:
            future = F.pad(future, (0, 0, 0, M * w - future.shape[1])).reshape(len(future), M, -1)
        read = beside((future, static), M)
        return self.place.unsqueeze(0) if read is None else self.place + self.step(read)


def cut(past: Tensor, lengths: Tensor | None, size: int) -> tuple[Tensor, Tensor | None]:
    """Return the histories as segments (N, S, size*I) that end where they end, and how many (N,) each has.

    Zeros stand before the first value of a history that is no whole number of segments.
    """
    N, T, I = past.shape  # noqa: E741
    if lengths is None:
        return F.pad(past, (0, 0, -T % size, 0)).reshape(N, -1, size * I), None
    count = (lengths + size - 1).div(size, rounding_mode="floor")
    place = torch.arange(-(-T // size) * size, device=past.device)
    source = place - (count * size - lengths).unsqueeze(1)  # (N, S*size) step that stands at each place
    inside = (source >= 0) & (source < lengths.unsqueeze(1))
    moved = past.gather(1, source.clamp(0, T - 1).unsqueeze(2).expand(-1, -1, I))
    return torch.where(inside.unsqueeze(2), moved, 0).reshape(N, -1, size * I), count
