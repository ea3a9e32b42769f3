"""Weights of a run folder against the model its settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rekur.errors import RefusedModelError


def check(expected: Mapping[str, Tensor], weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Raise RefusedModelError unless `weights` are the `expected` ones: names, shapes, types, and finite.

    Of `expected` only names, shapes and types count: they may lie on the meta device.
    """
    faults = [f"{name} is missing" for name in sorted(expected.keys() - weights.keys())]
    faults += [f"{name} does not belong to it" for name in sorted(weights.keys() - expected.keys())]
    for name in sorted(expected.keys() & weights.keys()):
        wanted, array = expected[name], weights[name]
        if tuple(wanted.shape) != array.shape:
            faults.append(f"{name} must be {tuple(wanted.shape)}; got {array.shape}")
        elif str(wanted.dtype) != f"torch.{array.dtype}":
            faults.append(f"{name} must be {str(wanted.dtype).removeprefix('torch.')}; got {array.dtype}")
        elif not np.isfinite(array).all():
            faults.append(f"{name} holds numbers that are not finite")
    if faults:
        raise RefusedModelError(f"The weights in {path} do not fit its settings: {'; '.join(faults[:5])}.")


def fill(model: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put weights that `check` let through into `model`."""
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
