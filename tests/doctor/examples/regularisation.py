"""Dropout whose result is thrown away, and the same with its result used."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.rnn = nn.GRU(16, 32, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(32, 2)


class ThrownAway(Classifier):
    def forward(self, ids: Tensor) -> Tensor:
        h = self.rnn(self.table(ids))[1][-1]
        self.dropout(h)
        return self.head(h)


class Used(Classifier):
    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.dropout(self.rnn(self.table(ids))[1][-1]))


def patient(kind: type[nn.Module]) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(kind(), torch.randint(1, 50, (16, 20)), torch.randint(0, 2, (16,))))


def faulty() -> Patient:
    return patient(ThrownAway)


def sound() -> Patient:
    return patient(Used)
