"""Which embedding of a model reads which input: its size is the vocabulary, its padding_idx the padding."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.model.inputs import Path

Read = list[tuple[nn.Embedding, Tensor]]  # in the order of the calls: the table, and the ids it was given


@contextlib.contextmanager
def watched(model: nn.Module) -> Iterator[Read]:
    """Note the ids that every embedding of `model` is given in the block."""
    read: Read = []

    def note(table: nn.Embedding, inputs: tuple[Any, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor):
            read.append((table, inputs[0].detach().clone()))

    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    handles = [table.register_forward_pre_hook(note) for table in tables]
    try:
        yield read
    finally:
        for handle in handles:
            handle.remove()


def matched(read: Read, tensors: Mapping[Path, Tensor]) -> dict[Path, nn.Embedding]:
    """Return the table of each input whose ids, transposed perhaps, one was given; the first that was."""
    found: dict[Path, nn.Embedding] = {}
    for table, ids in read:
        for path, tensor in tensors.items():
            if path not in found and not tensor.is_floating_point() and _same(ids, tensor):
                found[path] = table
    return found


def _same(ids: Tensor, tensor: Tensor) -> bool:
    if ids.shape == tensor.shape and torch.equal(ids, tensor.to(ids.dtype)):
        return True
    return tensor.dim() == 2 and ids.shape == tensor.T.shape and torch.equal(ids, tensor.T.to(ids.dtype))
