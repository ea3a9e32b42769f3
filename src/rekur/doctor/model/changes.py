"""Other content for a sequence: what a check puts in place of what it wants to know the effect of."""

from __future__ import annotations

import torch
from torch import Tensor

from rekur.doctor.findings import CannotExamineError


def other_numbers(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return numbers that differ from those of `x` (N, T, ...) by about their spread."""
    if not x.is_floating_point():
        return x + torch.randint(1, 3, x.shape, generator=generator)
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float32).to(x.dtype)
    spread = x.flatten(0, 1).std(0) if x.numel() > x.shape[-1] else x.abs().mean()
    return x + noise * (spread.nan_to_num() + 0.1 * x.abs().mean() + 1e-3)


def other_ids(x: Tensor, V: int, banned: int | None, generator: torch.Generator) -> Tensor:
    """Return other ids than those of `x`, below V, and none of `banned`, which pads."""
    if V - (banned is not None) < 2:
        raise CannotExamineError(f"the vocabulary has {V} entries, too few to change a token")
    moved = (x + torch.randint(1, V, x.shape, generator=generator)) % V
    if banned is not None:  # a changed token must not become padding
        moved = torch.where(moved == banned, (moved + 1) % V, moved)
        moved = torch.where((moved == x) | (moved == banned), (moved + 1) % V, moved)
        moved = torch.where(moved == banned, (moved + 1) % V, moved)
    return moved.to(x.dtype)
