"""A character model whose target is the character it reads, and one whose target is the next."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Characters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 16)
        self.rnn = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 30)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.rnn(self.table(ids))[0])


def patient(shift: int) -> Patient:
    torch.manual_seed(0)
    text = torch.randint(0, 30, (16, 21))
    return Patient(model=Subject(Characters(), text[:, :-1], text[:, shift : 20 + shift]))


def faulty() -> Patient:
    return patient(shift=0)


def sound() -> Patient:
    return patient(shift=1)
