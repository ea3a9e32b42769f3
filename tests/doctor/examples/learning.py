"""A forecaster whose outputs (N, 1) are broadcast against targets (N,), and the same with both alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

mse = nn.MSELoss()


class Forecaster(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def patient(loss: Callable[[Tensor, Tensor], Tensor]) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(Forecaster(), torch.randn(32, 10, 3), torch.randn(32), loss))


def faulty() -> Patient:
    return patient(lambda output, target: mse(output, target))


def sound() -> Patient:
    return patient(lambda output, target: mse(output.squeeze(1), target))
