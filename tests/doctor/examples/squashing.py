"""A sigmoid behind the last layer and cross-entropy, which squashes by itself; and the same without the sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Classifier(nn.Module):
    def __init__(self, squash: nn.Module) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.rnn = nn.RNN(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)
        self.squash = squash

    def forward(self, ids: Tensor) -> Tensor:
        _, h_n = self.rnn(self.table(ids))
        return self.squash(self.head(h_n[-1]))


def patient(squash: nn.Module) -> Patient:
    torch.manual_seed(0)
    ids, classes = torch.randint(1, 50, (16, 20)), torch.randint(0, 2, (16,))
    return Patient(model=Subject(Classifier(squash), ids, classes, nn.CrossEntropyLoss()))


def faulty() -> Patient:
    return patient(nn.Sigmoid())


def sound() -> Patient:
    return patient(nn.Identity())
