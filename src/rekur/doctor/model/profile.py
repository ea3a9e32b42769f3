"""The gradient by distance from the row's end: how far back it arrives, and whether it grows on its way."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from rekur.doctor.model import flow
from rekur.doctor.model.flow import Flow
from rekur.doctor.model.subject import Subject

ARRIVES = 1e-7  # of the largest: float32 keeps seven digits
GROWS = 1e3  # times as large at the far end as at the near one
LEAST_STEPS = 8


@dataclass(frozen=True)
class Profile:
    """The mean gradient by distance: how many real steps lie between a step and its row's last one."""

    norms: Tensor  # (T,) float64
    rows: Tensor  # (T,) rows that are so long

    @classmethod
    def of(cls, found: Flow, valid: Tensor) -> Profile:
        """Average a flow's norms (N, T) by the distance from each row's end."""
        lengths = valid.sum(1)
        total = torch.zeros(int(lengths.max()), dtype=torch.float64)
        rows = torch.zeros(len(total))
        for row, inside in zip(found.norms, valid, strict=True):
            back = row[inside].flip(0)
            total[: len(back)] += back
            rows[: len(back)] += 1
        return cls(total / rows.clamp(min=1), rows)

    @property
    def arrives(self) -> Tensor:
        """At which distances enough arrives to be learnt from."""
        return self.norms > ARRIVES * self.norms.max()

    @property
    def share(self) -> float:
        """Of all real steps, those where it arrives."""
        return float((self.arrives * self.rows).sum() / self.rows.sum())

    @property
    def reach(self) -> int:
        """Steps where it arrives."""
        return int(self.arrives.sum())

    @property
    def rate(self) -> float:
        """The factor a step, over the steps where anything arrives; 1 if it neither fades nor grows."""
        d = (self.norms > 0).nonzero().squeeze(1).double()
        if len(d) < 2:
            return 1.0
        y = self.norms[d.long()].log()
        return float((((d - d.mean()) * (y - y.mean())).sum() / ((d - d.mean()) ** 2).sum()).exp())

    @property
    def growth(self) -> float:
        """How many times it grows on its way back, from quarter to quarter; 1 if it does not do so steadily."""
        quarters = [float(part.mean()) for part in self.norms.tensor_split(4)]
        growth = quarters[3] / max(quarters[0], 1e-300)
        steady = all(after > 3 * before for before, after in itertools.pairwise(quarters))
        return growth if steady and growth >= GROWS else 1.0


def explodes(subject: Subject) -> bool:
    """Whether the loss's gradient is not finite, or grows at every stretch of its way back."""
    found = flow.measured(subject)
    if found is None:
        return False
    if not bool(found.norms[subject.valid].isfinite().all()):
        return True
    back = Profile.of(found, subject.valid)
    return len(back.norms) >= LEAST_STEPS and back.growth > 1
