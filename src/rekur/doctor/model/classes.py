"""Which axis of the outputs holds the classes: as the loss takes it, and as the model lays it out."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rekur.doctor.findings import Finding
from rekur.doctor.model import layout as layouts
from rekur.doctor.model.subject import Subject
from rekur.doctor.model.wants import FAILURES, Asked, as_returned, named

CLASSES = ("cross_entropy", "nll")  # what a loss over classes wants
MOST_STEPS = 8  # are changed, one after the other
CLEAR = 0.8  # of them move most the output that stands at their own place
TURN = (
    "Give it (N, C, T) by transpose(1, 2), or flatten outputs (N*T, C) and targets (N*T) alike; view() does not "
    "exchange axes."
)


def of_axes(subject: Subject, asked: Asked) -> Iterator[Finding]:
    """Ask the loss which output each target should raise, and the model which outputs a step moves."""
    y, outputs = subject.target, asked.outputs
    if not isinstance(y, Tensor) or y.is_floating_point():
        return
    yield from _folded_otherwise(subject, y)
    if outputs.dim() != 3:
        return
    yield from _normalised_elsewhere(subject)
    if subject.wanted not in (*CLASSES, "other"):
        return
    if subject.loss is not None and named(subject.loss) is None and y.dim() == 2 and y.shape != outputs.shape[1:]:
        share = _raised_elsewhere(asked, y)
        if share is not None and share > 0.01:
            yield Finding(
                "RK-LEARN-04",
                "fault",
                f"Cross-entropy runs over the wrong axis: for {share:.0%} of the steps it raises an output that "
                "does not belong to the step's own class.",
                TURN,
                {"outputs": list(outputs.shape), "targets": list(y.shape), "share_of_steps": share},
            )
    yield from _steps_for_classes(subject, asked)
    yield from _scrambled(subject, outputs)


def _folded_otherwise(subject: Subject, y: Tensor) -> Iterator[Finding]:
    """Flat outputs (N*T, C) and flat targets (N*T,) must run over examples and steps in the same order."""
    by_step = layouts.flat_by_step(subject.inputs, y, subject.layout)
    if by_step is None or subject.form != ("flat by row" if by_step else "flat by step"):
        return
    one, other = ("row by row", "step by step") if by_step else ("step by step", "row by row")
    yield Finding(
        "RK-LEARN-04",
        "fault",
        f"Outputs and targets are flattened in different orders: the outputs run {one}, the targets {other}, so that "
        "nearly every output is compared with the target of another step.",
        "Flatten both the same way: transpose one of them before it is flattened.",
        {"outputs": one, "targets": other, "examples": subject.N, "steps": subject.T},
    )


def _raised_elsewhere(asked: Asked, y: Tensor) -> float | None:
    """The share of targets whose own output is not the one the loss wants to rise."""
    shape = tuple(asked.outputs.shape)
    known = (shape[:2], 2), ((shape[0], shape[2]), 1), (shape[1::-1], 2)
    found = next(((sizes, axis) for sizes, axis in known if tuple(y.shape) == sizes), None)
    if found is None or int(y.max()) >= shape[found[1]]:
        return None
    classes, target = found[1], y if found[0] != shape[1::-1] or found[0] == shape[:2] else y.T
    slope = asked.at(torch.zeros(shape, dtype=asked.outputs.dtype))[1].movedim(classes, 2)
    counted = slope.abs().sum(2) > 0  # the others are ignored by the loss
    if not bool(counted.any()) or int((slope < 0).sum()) != int(counted.sum()):
        return None  # no cross-entropy of whole classes
    return float((slope.argmin(2) != target)[counted & (target >= 0)].double().mean())


def _normalised_elsewhere(subject: Subject) -> Iterator[Finding]:
    """A softmax over the steps, or the rows, of predictions (N, T, C)."""
    P = subject.base.double()
    if not subject.stepwise or P.dim() != 3 or P.shape[2] < 2:
        return
    for mass in (P, P.exp()) if bool((P <= 1e-6).all()) else (P,):
        axes = [axis for axis in range(3) if P.shape[axis] > 1 and bool(((mass.sum(axis) - 1).abs() < 1e-4).all())]
        if axes and 2 not in axes:
            over = ("the examples", "the steps")[axes[0]]
            yield Finding(
                "RK-LEARN-04",
                "fault",
                f"The probabilities sum to 1 over {over}, and not over the {P.shape[2]} classes: the softmax runs over "
                "the wrong axis.",
                "Write softmax(dim=-1) for outputs (N, T, C), or leave it to the cross-entropy.",
                {"sums_to_one_over_axis": axes, "outputs": list(P.shape)},
            )
            return


def _scrambled(subject: Subject, outputs: Tensor) -> Iterator[Finding]:
    """(N, C, T) made by view() where a transpose belongs: a changed last step moves some classes at several steps."""
    N, C, T = outputs.shape
    if (N, T) != (subject.N, subject.T) or C == T or C < 2 or tuple(subject.target.shape) != (N, T):
        return
    moved = _moves(subject, outputs, T - 1) > subject.tolerance()
    classes, steps = int(moved.any(0).any(1).sum()), int(moved.any(0).any(0).sum())
    if 0 < classes < C and steps > 1:
        yield Finding(
            "RK-LEARN-04",
            "fault",
            f"The outputs ({N}, {C}, {T}) mix classes with steps: changing the last step moves {classes} of {C} "
            f"classes, at {steps} steps.",
            "Use transpose(1, 2) to make (N, C, T) of (N, T, C); view() and reshape() do not exchange axes.",
            {"classes_moved": classes, "steps_moved": steps, "outputs": [N, C, T]},
        )


def _steps_for_classes(subject: Subject, asked: Asked) -> Iterator[Finding]:
    """A bare loss of outputs (N, T, C) with T = C: it takes the second axis for the classes, and nothing fails."""
    outputs, y = asked.outputs, subject.target
    bare = subject.loss is not None and named(subject.loss) in CLASSES
    if not bare or outputs.shape[1] != outputs.shape[2] or tuple(y.shape) != tuple(outputs.shape[:2]):
        return
    N, T, C = outputs.shape
    if (N, T) != (subject.N, subject.T) or subject.layout.rows_axis != 0 or not _steps_come_second(subject, outputs):
        return
    try:
        as_it_is = float(subject.loss(outputs, y))  # type: ignore[misc]
        by_step = float(subject.loss(outputs.flatten(0, 1), y.flatten()))  # type: ignore[misc]
    except FAILURES:
        return
    if abs(as_it_is - by_step) <= 1e-6 * abs(by_step):
        return
    yield Finding(
        "RK-LEARN-04",
        "fault",
        f"Cross-entropy runs over the wrong axis: of outputs ({N}, {T}, {C}) it takes the second axis for the classes, "
        f"and here that counts the steps. As there are as many steps as classes ({C}), nothing fails: the loss is "
        f"{as_it_is:.4g} instead of {by_step:.4g}.",
        TURN,
        {"outputs": [N, T, C], "targets": list(y.shape), "loss": as_it_is, "loss_of_the_classes": by_step},
    )


def _steps_come_second(subject: Subject, outputs: Tensor) -> bool:
    """Whether a changed step moves its own place on axis 1, and no place on axis 2 more than another step does."""
    T = subject.T
    tried = sorted({*range(0, T, max(1, T // MOST_STEPS)), T - 1})
    second, third = 0, 0
    for step in tried:
        moved = _moves(subject, outputs, step)
        second += int(moved.sum((0, 2)).argmax()) == step
        third += int(moved.sum((0, 1)).argmax()) == step
    return second >= CLEAR * len(tried) and third < CLEAR * len(tried)


def _moves(subject: Subject, outputs: Tensor, step: int) -> Tensor:
    """How far every output moves, laid out as the model returned it, if one step of every row is changed."""
    with torch.no_grad():
        after = subject.run(subject.steps_changed(torch.arange(subject.T) == step))
    return (as_returned(after) - outputs).abs().nan_to_num()
