"""A classifier that reads its last step behind right padding, and one that is told the lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient
from rekur.nn import GRU


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.core = GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)


class LastStep(Classifier):
    def forward(self, ids: Tensor) -> Tensor:
        outputs, _ = self.core(self.table(ids))
        return self.head(outputs[:, -1])


class AtEachEnd(Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        _, h_n = self.core(self.table(ids), lengths=lengths)
        return self.head(h_n[-1])


def texts() -> tuple[Tensor, Tensor, Tensor]:
    """Return ids (16, 20) padded with 0 behind, lengths (16,) and classes (16,)."""
    torch.manual_seed(0)
    ids, lengths = torch.randint(1, 50, (16, 20)), torch.randint(5, 21, (16,))
    ids[torch.arange(20) >= lengths.unsqueeze(1)] = 0
    return ids, lengths, torch.randint(0, 2, (16,))


def faulty() -> Patient:
    ids, _, classes = texts()
    return Patient(model=Subject(LastStep(), ids, classes))


def sound() -> Patient:
    ids, lengths, classes = texts()
    return Patient(model=Subject(AtEachEnd(), (ids, lengths), classes))
