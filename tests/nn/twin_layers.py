"""torch's layer and the engine's side by side, for the tests of the native operation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rekur import nn as ours_nn

T, N, INPUTS, H = 4, 3, 5, 6
every_layer = pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])


def both(name: str, **options: Any) -> tuple[Any, Any]:
    """torch's layer and ours with the same weights, in float64 unless told."""
    torch.manual_seed(0)
    theirs, ours = (getattr(module, name)(INPUTS, H, **{"dtype": torch.float64, **options}) for module in (nn, ours_nn))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)
