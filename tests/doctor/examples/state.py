"""A bidirectional classifier that reads its last step, and one that joins both final states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 3)


class LastStep(Classifier):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class BothEnds(Classifier):
    def forward(self, x: Tensor) -> Tensor:
        _, (h_n, _) = self.lstm(x)
        return self.head(torch.cat([h_n[-2], h_n[-1]], dim=1))


def patient(model: type[Classifier]) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(model(), torch.randn(8, 15, 5), torch.randint(0, 3, (8,))))


def faulty() -> Patient:
    return patient(LastStep)


def sound() -> Patient:
    return patient(BothEnds)
