"""Models that do not train as they seem to: gradients that fade, explode or are wrong, dropout that does nothing."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cells import TanhStep
from .classifiers import Packed
from .faulty_classifiers import LastStep
from .forecasters import Window
from .material import images, texts, windows
from .registry import Parts, faulty, given

FADING = ("RK-GRAD-01", "RK-GRAD-02", "RK-GRAD-04")


@faulty(*FADING)
def plain_rnn_on_long_texts() -> Parts:
    ids, _, labels = texts(N=6, T=200, full=True)
    return given(model=LastStep(nn.RNN), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty(*FADING)
def lstm_on_longer_texts() -> Parts:
    ids, _, labels = texts(N=6, T=300, full=True)
    return given(model=LastStep(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty(*FADING)
def state_detached_at_every_step() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(8, 12)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.zeros(len(x), 12)
            for x_t in x.unbind(1):
                h = self.cell(x_t, h.detach())
            return self.fc(h)

    x, y = images(N=9, T=12)
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-GRAD-03", "RK-LEARN-02")
def relu_recurrence_too_large() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(1, 24, nonlinearity="relu", batch_first=True)
            nn.init.normal_(self.rnn.weight_hh_l0, std=0.5)
            self.fc = nn.Linear(24, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0][:, -1])

    x, y = windows(N=8, T=60)
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-GRAD-03")
def linear_recurrence_above_one() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.i2h, self.h2o = nn.Linear(2, 12), nn.Linear(12, 1)
            self.W = nn.Parameter(1.3 * torch.linalg.qr(torch.randn(12, 12))[0])

        def forward(self, x: Tensor) -> Tensor:
            h = torch.zeros(len(x), 12)
            for x_t in x.unbind(1):
                h = h @ self.W + 0.01 * self.i2h(x_t)
            return self.h2o(h)

    x = torch.randn(8, 80, 2)
    return given(model=Model(), batch=x, target=x.mean((1, 2)).unsqueeze(1), loss=nn.MSELoss())


@faulty("RK-REG-01")
def result_of_dropout_thrown_away() -> Parts:
    class Model(Packed):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.5)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            output = super().forward(ids, lengths)
            self.dropout(output)
            return output

    ids, lengths, labels = texts()
    return given(model=Model(), batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-REG-01", "RK-REG-03")
def dropout_of_the_outputs_and_the_state_read() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(8, 12, batch_first=True)
            self.dropout = nn.Dropout(0.4)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            output, (h_n, _) = self.rnn(x)
            output = self.dropout(output)
            return self.fc(h_n[-1])

    x, y = images()
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-REG-02")
def dropout_between_the_layers_of_one() -> Parts:
    x, y = windows()
    return given(model=Window(num_layers=1, dropout=0.3), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-REG-04")
def functional_dropout_without_training() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(8, 12, batch_first=True)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.dropout(self.rnn(x)[0][:, -1], 0.5))

    x, y = images()
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-REG-03", "RK-REG-01", "RK-DEAD-01")
def dropout_made_and_never_called() -> Parts:
    class Model(LastStep):
        def __init__(self) -> None:
            super().__init__(nn.GRU)
            self.dropout = nn.Dropout(0.5)

    ids, _, labels = texts(full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-BACK-01")
def own_backward_without_the_transpose() -> Parts:
    class Wrong(TanhStep):
        @staticmethod
        def backward(ctx: Any, d_new: Tensor) -> tuple[Tensor, ...]:
            x, h, W, U, new = ctx.saved_tensors
            d_a = d_new * (1 - new**2)
            return d_a @ W.t(), d_a @ U, x.t() @ d_a, h.t() @ d_a

    return _with_step(Wrong)


@faulty("RK-BACK-01")
def own_backward_without_the_slope() -> Parts:
    class Wrong(TanhStep):
        @staticmethod
        def backward(ctx: Any, d_new: Tensor) -> tuple[Tensor, ...]:
            x, h, W, U, _ = ctx.saved_tensors
            return d_new @ W.t(), d_new @ U.t(), x.t() @ d_new, h.t() @ d_new

    return _with_step(Wrong)


def _with_step(function: type[TanhStep]) -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Parameter(torch.randn(1, 8)), nn.Parameter(torch.randn(8, 8) * 0.4)
            self.out = nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = x.new_zeros(len(x), 8)
            for x_t in x.unbind(1):
                h = function.apply(x_t, h, self.W, self.U)
            return self.out(h)

    x, y = windows(N=8, T=9)
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss())
