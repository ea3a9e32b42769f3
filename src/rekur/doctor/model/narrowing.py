"""A few rows of a batch, of unlike lengths, in place of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rekur.doctor.model import layout as layouts
from rekur.doctor.model.inputs import Inputs
from rekur.doctor.model.layout import Layout, narrowed


def few(inputs: Inputs, target: Any, layout: Layout, most: int) -> tuple[Inputs, Any, Layout] | None:
    """Return at most `most` rows of the inputs and the target, and their layout; None if there are no more than that.

    One row less is taken where there would be as many rows as steps: nothing could tell the two axes apart.
    """
    count = most - (most == layout.T)
    if count >= layout.N or layout.packed:
        return None
    order = torch.arange(layout.N)
    if layout.padding is not None:
        order = layout.padding.lengths.argsort(stable=True, descending=True)
    rows = order[torch.linspace(0, layout.N - 1, count).round().long()].sort().values
    tensors = inputs.tensors()
    changes = {path: narrowed(tensors[path], axis, rows) for path, axis in layout.by_row.items()}
    padding = layout.padding and replace(layout.padding, lengths=layout.padding.lengths[rows])
    if isinstance(target, Tensor) and layouts.flat_by_step(inputs, target, layout):
        target = target.view(layout.T, layout.N).index_select(1, rows).reshape(-1)
    else:
        target = _of_target(target, layout, rows)
    return inputs.replaced(changes), target, replace(layout, N=count, padding=padding)


def _of_target(target: Any, layout: Layout, rows: Tensor) -> Any:
    if isinstance(target, Mapping):
        return {key: _of_target(part, layout, rows) for key, part in target.items()}
    if isinstance(target, tuple | list):
        return type(target)(_of_target(part, layout, rows) for part in target)
    if not isinstance(target, Tensor) or target.dim() == 0:
        return target
    if target.dim() == 1 and len(target) == layout.N * layout.T:
        sizes = (layout.N, layout.T) if layout.rows_axis == 0 else (layout.T, layout.N)
        return target.view(*sizes).index_select(layout.rows_axis, rows).reshape(-1)
    by_step = target.dim() > layout.rows_axis and target.shape[layout.rows_axis] == layout.N
    axis = layout.rows_axis if by_step else 0
    return narrowed(target, axis, rows) if target.shape[axis] == layout.N else target
