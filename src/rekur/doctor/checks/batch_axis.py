"""Batch taken for time: which outputs move when one example, or one step, is changed.

A layer that takes the axis of examples for time reads the examples of a batch one after the other: the first
example's prediction knows nothing of its own later steps, and the last one's knows all the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model.subject import Subject


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what says that the model and its batch disagree on which axis counts examples."""
    if subject.N < 2:
        raise CannotExamineError("the batch holds one example; two or more are needed")
    if subject.layout.N == subject.layout.T and not subject.layout.sure:
        raise CannotExamineError("the batch is as long as it is wide; take a batch of another size")
    if subject.output_axis is None and len(subject.base) != subject.N:
        yield from _lost_rows(subject)
        return
    if subject.trusted:
        yield _undecided(subject)
    if not any(_mixed(subject, row) for row in (0, subject.N - 1)):
        return
    layer = subject.layer_along_examples
    if layer is not None:  # another mixture of examples is told by the check `padding`
        yield _taken_for_time(subject, _who_moves(subject), layer)


def _mixed(subject: Subject, row: int) -> bool:
    moved = _movers(subject, row)
    return bool(moved.sum() > moved[row])


def _lost_rows(subject: Subject) -> Iterator[Finding]:
    """The model answers once a step where an answer an example is wanted, or at neither."""
    got, target = tuple(subject.base.shape), subject.target
    wanted = isinstance(target, Tensor) and target.dim() > 0 and len(target) == subject.N
    if len(subject.base) != subject.T or not (wanted or subject.layout.sure):
        return
    yield Finding(
        "RK-AXIS-02",
        "fault",
        f"The model gives {len(subject.base)} predictions, one a step, for a batch of {subject.N} examples of "
        f"{subject.T} steps.",
        "Give the recurrent layer batch_first=True, or transpose the batch to (T, N, ...) before it.",
        {"prediction": list(got), "examples": subject.N, "steps": subject.T},
    )


def _who_moves(subject: Subject) -> Tensor:
    """Change one example at a time; return which predictions (changed, moved) noticed."""
    return torch.stack([_movers(subject, row) for row in range(subject.N)])


def _movers(subject: Subject, row: int) -> Tensor:
    changed = torch.arange(subject.N) == row
    return subject.moved(subject.predict(subject.rows_changed(changed))) > 1


def _undecided(subject: Subject) -> Finding:
    N = subject.whole.layout.N
    return Finding(
        "RK-AXIS-03",
        "note",
        f"The recurrent layer reads the second axis ({N}) as the examples and the first ({subject.T}) as the "
        "steps; nothing given says whether that is meant.",
        "If the first axis counts your examples, give the layer batch_first=True. A target a row would tell.",
        {"examples": N, "steps": subject.T},
    )


def _taken_for_time(subject: Subject, moves: Tensor, layer: tuple[str, Any]) -> Finding:
    (name, module), N = layer, subject.whole.layout.N
    moved = moves.float().sum(1)
    cure = "Loop over the second axis: the first one counts the examples."
    if hasattr(module, "batch_first"):
        option = "True on an input that is laid out (T, N, ...)" if module.batch_first else "False"
        cure = (
            f"The layer has batch_first={option}. Make the two agree: batch_first=True for (N, T, I), or a transpose."
        )
    return Finding(
        "RK-AXIS-01",
        "fault",
        f"`{name or type(module).__name__}` takes the batch for time: it reads the {N} examples as {N} steps of "
        f"{subject.T} sequences, and one changed example moves the predictions of up to {int(moved.max())} of "
        f"{subject.N} that were tried.",
        cure,
        {"examples": N, "steps": subject.T, "moved_by_each_example": moved.tolist()},
        Curve(
            "Predictions that move when one example changes",
            "the example changed",
            "predictions that moved",
            list(range(subject.N)),
            moved.tolist(),
        ),
    )
