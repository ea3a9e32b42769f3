"""A recurrent layer with a backward pass of its own, which multiplies by W_h where the transpose belongs, or not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient


class Elman(torch.autograd.Function):
    """x (T, N, I) to the last state (N, H)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_x: Tensor, w_h: Tensor, wrong: bool) -> Tensor:
        states = [x.new_zeros(x.shape[1], len(w_h))]
        for x_t in x:
            states.append(torch.tanh(x_t @ w_x + states[-1] @ w_h))
        ctx.save_for_backward(x, w_x, w_h, *states)
        ctx.wrong = wrong
        return states[-1]

    @staticmethod
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w_x, w_h, *states = ctx.saved_tensors
        d_x, d_w_x, d_w_h = torch.zeros_like(x), torch.zeros_like(w_x), torch.zeros_like(w_h)
        for t in reversed(range(len(x))):
            d_a = d_h * (1 - states[t + 1] ** 2)
            d_x[t], d_w_x, d_w_h = d_a @ w_x.T, d_w_x + x[t].T @ d_a, d_w_h + states[t].T @ d_a
            d_h = d_a @ (w_h if ctx.wrong else w_h.T)
        return d_x, d_w_x, d_w_h, None


class Classifier(nn.Module):
    def __init__(self, wrong: bool) -> None:
        super().__init__()
        self.w_x, self.w_h = nn.Parameter(torch.randn(5, 8) * 0.4), nn.Parameter(torch.randn(8, 8) * 0.4)
        self.head, self.wrong = nn.Linear(8, 2), wrong

    def forward(self, x: Tensor) -> Tensor:
        return self.head(Elman.apply(x.transpose(0, 1), self.w_x, self.w_h, self.wrong))


def patient(wrong: bool) -> Patient:
    torch.manual_seed(0)
    return Patient(model=Subject(Classifier(wrong), torch.randn(8, 12, 5), torch.randint(0, 2, (8,))))


def faulty() -> Patient:
    return patient(wrong=True)


def sound() -> Patient:
    return patient(wrong=False)
