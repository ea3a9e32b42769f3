"""Copies of a model: one whole, for the doctor to own, and light ones that share its weights, a probe each."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def whole(model: nn.Module) -> nn.Module:
    """Return a copy of everything in `model`; a tensor that carries a graph, as a kept state does, loses it."""
    return copy.deepcopy(model, _without_graphs(model))


def light(model: nn.Module) -> nn.Module:
    """Return a copy that shares the parameters alone: what a run leaves behind in it is gone with it."""
    shared: dict[int, Any] = {id(parameter): parameter for parameter in model.parameters()}
    return copy.deepcopy(model, {**_without_graphs(model), **shared})


def _without_graphs(model: nn.Module) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for module in model.modules():
        for tensor in _held(list(vars(module).values())):
            if not tensor.is_leaf:
                found[id(tensor)] = tensor.detach().clone()
    return found


def _held(values: list[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _held(list(value))
        elif isinstance(value, dict):
            yield from _held(list(value.values()))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed every generator a model may draw from, for the block; outside, they go on as if nothing had been."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 - models in the wild draw from it
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
