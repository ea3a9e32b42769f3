"""Direct multi-horizon forecasts: a recurrent layer reads the past, and its last state says all steps at once.

    h_t = core(x_t, h_{t-1})
    y_1 ... y_h = head(h_T, static, future)            see `HorizonHead`

No forecast is read to make another, so errors do not add up over the horizon. Source: Wen et al. 2017 (MQ-RNN).
"""

from __future__ import annotations

from torch import Tensor, nn

from rekur.models.forecasters.base import Forecaster, HorizonHead, Known, top
from rekur.sizes.forecaster import ForecasterSizes


class Direct(Forecaster):
    """GRU, LSTM or RNN, and a head over the horizon."""

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__(sizes)
        self.core = self.layer(sizes.values)
        self.head = HorizonHead(sizes)

    def ends(self) -> tuple[nn.Linear, ...]:
        """See `Forecaster`."""
        return self.head.ends()

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return (N, h, P); see `Forecaster`."""
        _, state = self.core(past, None, lengths=lengths)
        return self.head(self.dropped(top(state)), known)  # type: ignore[no-any-return]
