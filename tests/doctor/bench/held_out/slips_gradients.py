"""Faulty: gradients that do not arrive, saturation, backward passes by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..registry import faulty, given
from .material import first_cross_entropy, ids, labels


class PlainLong(nn.Module):
    """A plain RNN over 200 words, the last step read."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn, self.fc = nn.Embedding(60, 16), nn.RNN(16, 32, batch_first=True), nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.embed(x))[1][-1])


@faulty("RK-GRAD-01", "RK-GRAD-02")
def plain_rnn_over_200_words() -> dict:
    return given(model=PlainLong(), batch=ids(12, 200, 60), target=labels(12), loss=nn.CrossEntropyLoss())


class DetachedLoop(nn.Module):
    """The state is detached at every step, to save memory."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = nn.GRUCell(3, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 16)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h.detach())
        return self.fc(h)


@faulty("RK-GRAD-01")
def detached_at_every_step() -> dict:
    return given(model=DetachedLoop(), batch=torch.randn(12, 12, 3), target=labels(12), loss=nn.CrossEntropyLoss())


class LoudRelu(nn.Module):
    """ReLU units with recurrent weights of spread 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.RNN(2, 32, nonlinearity="relu", batch_first=True), nn.Linear(32, 1)
        nn.init.normal_(self.rnn.weight_hh_l0, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


@faulty("RK-GRAD-03")
def relu_units_that_explode() -> dict:
    x = torch.randn(10, 40, 2)
    return given(model=LoudRelu(), batch=x, target=x[..., 0].sum(1, keepdim=True) / 6, loss=nn.MSELoss())


class Prices(nn.Module):
    """Plain forecaster."""

    def __init__(self, inputs: int = 1) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(inputs, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x)[0][:, -1])


@faulty("RK-SAT-03", "RK-SAT-01")
def prices_never_scaled() -> dict:
    """Prices near 30,000, and the change of the next day as the target."""
    walk = 30000 + 400 * torch.randn(60).cumsum(0)
    w = walk.unfold(0, 13, 4)
    return given(model=Prices(), batch=w[:, :-1, None], target=(w[:, -1:] - w[:, -2:-1]) / 400, loss=nn.MSELoss())


@faulty("RK-SAT-03", "RK-SAT-01")
def pixels_from_0_to_255() -> dict:
    class Rows(Prices):
        def __init__(self) -> None:
            super().__init__(28)
            self.fc = nn.Linear(24, 10)

    pictures = torch.randint(0, 256, (12, 28, 28)).float() * (torch.rand(12, 28, 28) > 0.6)
    return given(model=Rows(), batch=pictures, target=labels(12, 10), loss=nn.CrossEntropyLoss())


@faulty("RK-SAT-01")
def weights_drawn_far_too_large() -> dict:
    """normal_(0, 3) for every weight, taken over from another network."""
    model = Prices(3)
    for name, weight in model.lstm.named_parameters():
        if "weight" in name:
            nn.init.normal_(weight, 0, 3)
    return given(model=model, batch=torch.randn(12, 15, 3), target=torch.randn(12, 1), loss=nn.MSELoss())


@faulty("RK-SAT-02", "RK-GRAD-01", "RK-GRAD-02")
def forget_bias_with_the_wrong_sign() -> dict:
    model = Prices(2)
    with torch.no_grad():
        for bias in (model.lstm.bias_ih_l0, model.lstm.bias_hh_l0):
            bias[24:48] = -2.0
    x = torch.randn(12, 30, 2)
    return given(model=model, batch=x, target=x[:, 0, :1], loss=nn.MSELoss())


class WrongTanh(torch.autograd.Function):
    """A hyperbolic tangent with 1 - y for its slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad * (1 - y)


class WrongProduct(torch.autograd.Function):
    """A product whose backward pass forgets the transpose of a square matrix."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, W: Tensor) -> Tensor:
        ctx.save_for_backward(h, W)
        return h @ W.t()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        h, W = ctx.saved_tensors
        return grad @ W.t(), grad.t() @ h


class ByFunction(nn.Module):
    """A plain network of functions with backward passes of their own."""

    def __init__(self, tanh: Any, product: Any) -> None:
        super().__init__()
        self.tanh, self.product = tanh, product
        self.inp, self.out = nn.Linear(3, 10), nn.Linear(10, 2)
        self.W = nn.Parameter(torch.randn(10, 10) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.size(0), 10)
        for t in range(x.size(1)):
            h = self.tanh(self.inp(x[:, t]) + self.product(h, self.W))
        return self.out(h)


@faulty("RK-BACK-01")
def slope_of_tanh_mistaken() -> dict:
    model = ByFunction(WrongTanh.apply, lambda h, W: h @ W.t())
    return given(model=model, batch=torch.randn(8, 5, 3), target=labels(8), loss=nn.CrossEntropyLoss())


@faulty("RK-BACK-01")
def transpose_forgotten() -> dict:
    model = ByFunction(torch.tanh, WrongProduct.apply)
    return given(model=model, batch=torch.randn(8, 5, 3), target=labels(8), loss=nn.CrossEntropyLoss())


class HalfDetached(nn.Module):
    """Only the last three steps are learned from, the rest runs without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gru, self.fc = nn.Embedding(30, 12), nn.GRU(12, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            _, h = self.gru(self.embed(x[:, :-3]))
        out, h = self.gru(self.embed(x[:, -3:]), h)
        return self.fc(out[:, -1]), h


@faulty("RK-GRAD-01")
def most_steps_without_gradients() -> dict:
    return given(model=HalfDetached(), batch=ids(12, 20, 30), target=labels(12), loss=first_cross_entropy)
