"""Batches that the cases of the third sample share."""

from __future__ import annotations

import torch


def padded(n=10, t=14, v=40, seed=3):
    g = torch.Generator().manual_seed(seed)
    lens = torch.randint(3, t + 1, (n,), generator=g)
    lens[0] = t
    x = torch.randint(1, v, (n, t), generator=g)
    x[torch.arange(t)[None] >= lens[:, None]] = 0
    return x, lens


def waves(n=16, t=24, seed=0):
    g = torch.Generator().manual_seed(seed)
    ph = torch.rand(n, 1, generator=g) * 6.28
    fr = 0.2 + 0.3 * torch.rand(n, 1, generator=g)
    return torch.sin(ph + fr * torch.arange(t + 6)) + 0.05 * torch.randn(n, t + 6, generator=g)


def G(s):  # noqa: N802
    return torch.Generator().manual_seed(s)
