"""A batch (N, T, I) given to a layer that reads (T, N, I), and the same layer told so."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class LastOutput(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 16, batch_first=batch_first)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x)
        return self.head(outputs[:, -1])


def patient(batch_first: bool) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(LastOutput(batch_first), torch.randn(8, 15, 4), torch.randint(0, 3, (8,))))


def faulty() -> Patient:
    return patient(batch_first=False)


def sound() -> Patient:
    return patient(batch_first=True)
