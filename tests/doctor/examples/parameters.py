"""An encoder whose state is detached before the head reads it, and the same with its graph kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Classifier(nn.Module):
    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.rnn = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)
        self.detached = detached

    def forward(self, ids: Tensor) -> Tensor:
        h = self.rnn(self.table(ids))[1][0][-1]
        return self.head(h.detach() if self.detached else h)


def patient(detached: bool) -> Patient:
    torch.manual_seed(0)
    model = Classifier(detached)
    batch = torch.randint(1, 50, (16, 20)), torch.randint(0, 2, (16,))
    return Patient(model=Subject(model, *batch, optimizer=torch.optim.Adam(model.parameters())))


def faulty() -> Patient:
    return patient(detached=True)


def sound() -> Patient:
    return patient(detached=False)
