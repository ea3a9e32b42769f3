"""Faulty: the state is read, kept or handed on wrongly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..registry import faulty, given
from .material import ids, labels, token_cross_entropy, windows


class BothAtTheEnd(nn.Module):
    """The last step of both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 12)
        self.lstm = nn.LSTM(12, 16, 2, dropout=0.2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(self.embed(x))
        return self.fc(out[:, -1, :])


@faulty("RK-STATE-01")
def backward_direction_read_at_its_start() -> dict:
    return given(model=BothAtTheEnd(), batch=ids(12, 14, 40), target=labels(12), loss=nn.CrossEntropyLoss())


class LastStateOnly(nn.Module):
    """h_n[-1] of two directions is the backward one alone."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(5, 16, bidirectional=True, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.gru(x)
        return self.fc(h[-1])


@faulty("RK-STATE-02", "RK-DEAD-01")
def one_direction_of_two() -> dict:
    return given(model=LastStateOnly(), batch=torch.randn(10, 9, 5), target=labels(10, 3), loss=nn.CrossEntropyLoss())


class KeepsItsState(nn.Module):
    """The state of the last batch is kept in self; a flag says whether it is detached."""

    def __init__(self, detach: bool) -> None:
        super().__init__()
        self.lstm, self.linear, self.detach = nn.LSTM(1, 20, batch_first=True), nn.Linear(20, 1), detach
        self.hidden: Any = None

    def forward(self, x: Tensor) -> Tensor:
        if self.hidden is not None and self.hidden[0].size(1) != x.size(0):
            self.hidden = None
        if self.detach and self.hidden is not None:
            self.hidden = tuple(h.detach() for h in self.hidden)
        out, self.hidden = self.lstm(x, self.hidden)
        return self.linear(out[:, -1])


@faulty("RK-STATE-03", "RK-STATE-04")
def state_kept_between_shuffled_windows() -> dict:
    x, y = windows(12, 10)
    return given(model=KeepsItsState(True), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-STATE-04", "RK-STATE-03")
def state_kept_with_its_graph() -> dict:
    x, y = windows(12, 10)
    return given(model=KeepsItsState(False), batch=x, target=y, loss=nn.MSELoss())


class IgnoresState(nn.Module):
    """Takes a state, and forgets to hand it on."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn, self.fc = nn.Embedding(30, 12), nn.GRU(12, 20, batch_first=True), nn.Linear(20, 30)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        out, hidden = self.rnn(self.embed(x))
        return self.fc(out), hidden


@faulty("RK-STATE-05", "RK-STATE-07")
def state_taken_and_not_used() -> dict:
    text = ids(9, 11, 30, 0)
    return given(
        model=IgnoresState(),
        batch=(text[:, :-1], torch.zeros(1, 9, 20)),
        target=text[:, 1:],
        loss=token_cross_entropy,
        causal=True,
    )


class WrongStateBack(IgnoresState):
    """Uses the state, and gives back the one it was given."""

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        out, _ = self.rnn(self.embed(x), hidden)
        return self.fc(out), hidden


@faulty("RK-STATE-07", "RK-STATE-05")
def old_state_given_back() -> dict:
    text = ids(9, 11, 30, 0)
    return given(
        model=WrongStateBack(),
        batch=(text[:, :-1], torch.zeros(1, 9, 20)),
        target=text[:, 1:],
        loss=token_cross_entropy,
        causal=True,
    )


class RandomStart(nn.Module):
    """The first state is drawn anew for each batch, in evaluation as well."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.fc = nn.Embedding(30, 12), nn.LSTM(12, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        h0, c0 = torch.randn(1, x.size(1), 16), torch.randn(1, x.size(1), 16)
        return self.fc(self.lstm(self.embed(x), (h0, c0))[0])


@faulty("RK-STATE-06")
def random_first_state_of_a_tagger() -> dict:
    return given(model=RandomStart(), batch=ids(6, 9, 30), target=torch.randint(0, 4, (6, 9)), loss=token_cross_entropy)
