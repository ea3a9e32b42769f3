"""A forecaster that is given prices as they are, some 2,000, and one that is given them to scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Forecaster(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 16, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def patient(scaled: bool) -> Patient:
    torch.manual_seed(0)
    prices = 2000 + torch.randn(60).cumsum(0) * 10
    if scaled:
        prices = (prices - prices.mean()) / prices.std()
    windows = prices.unfold(0, 11, 1)[:32].unsqueeze(2)
    return Patient(model=Subject(Forecaster(), windows[:, :-1], windows[:, -1]))


def faulty() -> Patient:
    return patient(scaled=False)


def sound() -> Patient:
    return patient(scaled=True)
