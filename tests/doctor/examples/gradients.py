"""A plain RNN of torch's first weights over 200 steps, read at the last one, and the same read at every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Classifier(nn.Module):
    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.rnn = nn.RNN(4, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x)
        return self.head(outputs.mean(1) if self.pooled else outputs[:, -1])


def patient(pooled: bool) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(Classifier(pooled), torch.randn(8, 200, 4), torch.randint(0, 2, (8,))))


def faulty() -> Patient:
    return patient(pooled=False)


def sound() -> Patient:
    return patient(pooled=True)
