"""Texts, windows and characters for the cases, small and with something to learn in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

PAD = 0


def texts(N: int = 8, T: int = 10, V: int = 20, side: str = "right", *, full: bool = False, seed: int = 0) -> Any:
    """Return ids (N, T) padded with 0, lengths (N,) from long to short, and labels (N,) that the words tell."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N) % 2
    half = V // 2
    words = torch.randint(1, half, (N, T), generator=generator) + labels.unsqueeze(1) * (half - 1)
    mixed = torch.rand(N, T, generator=generator) < 0.25
    words = torch.where(mixed, torch.randint(1, V, (N, T), generator=generator), words)
    if full:
        return words, torch.full((N,), T), labels
    lengths = torch.linspace(T, max(2, T // 3), N).round().long()
    steps = torch.arange(T)
    if side == "right":
        words[steps >= lengths.unsqueeze(1)] = PAD
    else:
        words[steps < T - lengths.unsqueeze(1)] = PAD
    return words, lengths, labels


def windows(N: int = 10, T: int = 12, horizon: int = 1, seed: int = 0, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Return windows (N, T, 1) of a noisy season and the next `horizon` values (N, horizon), of unit scale."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(3 * N + T + horizon, dtype=torch.float32)
    series = 1.3 * torch.sin(2 * math.pi * time / 9) + noise * torch.randn(len(time), generator=generator)
    x = torch.stack([series[3 * n : 3 * n + T] for n in range(N)]).unsqueeze(-1)
    y = torch.stack([series[3 * n + T : 3 * n + T + horizon] for n in range(N)])
    return x, y


def stepwise(N: int = 8, T: int = 15, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return windows (N, T, 1) and, for every step, the value after it (N, T, 1)."""
    x, y = windows(N, T, 1, seed)
    return x, torch.cat([x[:, 1:], y.unsqueeze(-1)], 1)


def images(N: int = 10, T: int = 8, features: int = 8, C: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return pictures (N, T, I) in [0, 1] read row by row, and their classes (N,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N) % C
    means = torch.rand(C, T, features, generator=generator)
    return (0.7 * means[labels] + 0.3 * torch.rand(N, T, features, generator=generator)), labels


TEXT = "the quick brown fox jumps over the lazy dog while the cat sleeps under an old wooden table near a window "


def characters(N: int = 6, T: int = 14) -> tuple[Tensor, Tensor, int]:
    """Return ids (N, T) of a text, the next character of each (N, T), and how many characters there are."""
    signs = sorted(set(TEXT))
    ids = torch.tensor([signs.index(sign) for sign in TEXT * 2])
    x = torch.stack([ids[n * T : (n + 1) * T] for n in range(N)])
    y = torch.stack([ids[n * T + 1 : (n + 1) * T + 1] for n in range(N)])
    return x, y, len(signs)


def pairs(N: int = 6, S: int = 9, T: int = 7, V: int = 18, *, full: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return source ids (N, S), their lengths (N,), and translations (N, T + 1) that begin with 1 and end with 2."""
    source, lengths, _ = texts(N, S, V, full=full, seed=3)
    generator = torch.Generator().manual_seed(4)
    inner = torch.randint(3, V, (N, T - 1), generator=generator)
    goal = torch.cat([torch.full((N, 1), 1), inner, torch.full((N, 1), 2)], 1)
    return source, lengths, goal


def fitted(
    model: nn.Module, batch: Any, target: Tensor, loss: Callable[..., Tensor], steps: int = 40, rate: float = 0.02
) -> nn.Module:
    """Train a model on its batch for a moment."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(*batch) if isinstance(batch, tuple) else model(batch)
        loss(output, target).backward()
        optimizer.step()
    return model
