"""What a prediction reads of each recurrent layer: which steps and which directions, found by differentiating it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rekur.doctor.model import recurrent, twins
from rekur.doctor.model.inputs import first_tensor
from rekur.doctor.model.subject import SEED, Subject


@dataclass(frozen=True)
class Read:
    """What of one call of a layer counts."""

    call: recurrent.Call
    outputs: Tensor  # (D, T, N) the gradient's norm at the outputs, by direction
    state: Tensor  # (D,) the gradient's norm at the final state of the top layer (and of all layers below)

    @property
    def steps(self) -> int:
        """The most steps of a row whose outputs are read."""
        return int((self.outputs.sum(0) > 0).sum(0).max())


def of(subject: Subject) -> list[Read]:
    """Return what the prediction reads of every call of a layer that walks more than one step, in order."""
    model = twins.whole(subject.model).requires_grad_()
    with torch.enable_grad(), recurrent.watched(model.eval()) as calls:
        with twins.seeded(SEED):
            prediction = first_tensor(subject.inputs.call(model))
        if prediction is None or not prediction.requires_grad:
            return []
        generator = torch.Generator().manual_seed(SEED)
        objective = (prediction * torch.randn(prediction.shape, generator=generator)).sum()
        found = [_read(objective, call) for call in calls if not call.is_cell]
    return [read for read in found if read is not None and read.outputs.shape[1] > 1]


def _read(objective: Tensor, call: recurrent.Call) -> Read | None:
    raw = call.output[0]
    packed = isinstance(raw, PackedSequence)
    at: Sequence[Any] = [raw.data if packed else raw, *call.states]
    if not all(tensor.requires_grad for tensor in at):
        return None
    first, *states = torch.autograd.grad(objective, at, allow_unused=True, retain_graph=True)
    D = 2 if call.layer.bidirectional else 1
    outputs = torch.zeros_like(at[0]) if first is None else first
    if packed:
        outputs = pad_packed_sequence(raw._replace(data=outputs))[0]
    elif outputs.dim() == 2:
        outputs = outputs.unsqueeze(1)
    elif call.layer.batch_first:
        outputs = outputs.transpose(0, 1)
    by_direction = torch.stack([part.norm(dim=2) for part in outputs.chunk(D, dim=2)])
    ends = torch.zeros(D)
    for state in states:
        if state is not None:  # (K*D, N, H)
            ends += state.reshape(-1, D, state[0].numel()).norm(dim=2).sum(0)
    return Read(call, by_direction, ends)


def valid(subject: Subject, call: recurrent.Call, T: int, N: int) -> Tensor:
    """Return which steps (T, N) the call's rows have; all where that is not known."""
    inside = torch.ones(T, N, dtype=torch.bool)
    if isinstance(call.x, PackedSequence):
        lengths = pad_packed_sequence(call.x)[1]
        return torch.arange(T).unsqueeze(1) < lengths.unsqueeze(0)
    return subject.valid.T if (T, N) == (subject.T, subject.N) else inside
