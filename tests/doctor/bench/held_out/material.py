"""Batches that several cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ids(N: int, T: int, V: int, low: int = 1) -> Tensor:
    """Return whole rows of token ids, (N, T)."""
    return torch.randint(low, V, (N, T))


def ragged(N: int, T: int, V: int, pad: int = 0, left: bool = False) -> tuple[Tensor, Tensor]:
    """Return padded token ids (N, T) and the true lengths (N,); one row is full."""
    lengths = torch.randint(3, T + 1, (N,))
    lengths[0] = T
    lengths[1] = 3
    tokens = torch.randint(2, V, (N, T))
    steps = torch.arange(T)
    real = steps >= T - lengths[:, None] if left else steps < lengths[:, None]
    return tokens.masked_fill(~real, pad), lengths


def labels(N: int, C: int = 2) -> Tensor:
    """Return classes in no order, each about equally often."""
    return (torch.arange(N) % C)[torch.randperm(N)]


def windows(N: int, T: int, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Return windows (N, T, 1) of noisy sine waves and the value behind each, (N, 1)."""
    phase, pace = torch.rand(N, 1) * 6, 0.2 + 0.3 * torch.rand(N, 1)
    wave = torch.sin(phase + pace * torch.arange(T + 1)) + noise * torch.randn(N, T + 1)
    return wave[:, :T, None], wave[:, T:]


def first_cross_entropy(output: Any, target: Tensor) -> Tensor:
    """Cross-entropy of what a model returns first."""
    return F.cross_entropy(output[0], target)


def token_cross_entropy(output: Any, target: Tensor) -> Tensor:
    """Cross-entropy of logits (N, T, C), or of the first of several outputs, at every step."""
    logits = output[0] if isinstance(output, tuple) else output
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def trained(model: nn.Module, step: Callable[[], Tensor], rounds: int = 15, rate: float = 0.01) -> nn.Module:
    """Train for a moment with clipped gradients."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(rounds):
        optimizer.zero_grad()
        step().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model
