"""A language model that reads in both directions, and one that reads forward only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class LanguageModel(nn.Module):
    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 16)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(48 if bidirectional else 24, 30)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.lstm(self.table(ids))[0])


def patient(bidirectional: bool) -> Patient:
    torch.manual_seed(0)
    text = torch.randint(0, 30, (8, 21))
    return Patient(model=Subject(LanguageModel(bidirectional), text[:, :-1], text[:, 1:]))


def faulty() -> Patient:
    return patient(bidirectional=True)


def sound() -> Patient:
    return patient(bidirectional=False)
