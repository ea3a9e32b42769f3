"""Padding or neighbours change the answer: a row's prediction must depend on that row's own steps alone.

Behind a row's length nothing may count, however much of it there is and whatever it holds; and the other examples of
the batch are other people's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import recurrent, twins
from rekur.doctor.model.inputs import Inputs, Path, first_tensor
from rekur.doctor.model.layout import Padding
from rekur.doctor.model.subject import SEED, Subject

APPENDED = (1, 2, 5, 10, 20)  # steps of padding put behind a row
MOST = 0.9  # of what is read lies at padding: the readout reads the padding; less is a mean over it


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what padding and neighbours do to the predictions."""
    mixed = list(_neighbours(subject))
    if mixed and (subject.layer_along_examples is None or not subject.layout.sure):
        yield from mixed  # else the check of the batch axis tells the cause
    padding = subject.layout.padding
    if mixed or padding is None or padding.side == "left":
        return  # where examples mix, a change says nothing about padding
    yield from _appended(subject, padding)
    if padding.given and subject.layout.model_knows and not subject.layout.packed:
        yield from _behind(subject)


def _appended(subject: Subject, padding: Padding) -> Iterator[Finding]:
    """Put steps of padding behind the shortest row, from none on; its prediction must not notice."""
    row = int(padding.lengths.argmin())
    end = int(padding.lengths[row])
    try:
        answers = [_answer(subject, row, end, count) for count in (0, *APPENDED)]
    except CannotExamineError:
        raise
    except Exception as error:  # a model of one fixed length
        raise CannotExamineError(
            f"the amount of padding could not be changed: {type(error).__name__}: {error}"
        ) from None
    if any(answer.shape != answers[0].shape for answer in answers):
        raise CannotExamineError("the size of a prediction follows the amount of padding")
    shifts = [float((answer - answers[0]).abs().max()) for answer in answers[1:]]
    if max(shifts) <= subject.tolerance(*answers):
        return
    share = _share_read(subject)
    curve = Curve("Padding moves the prediction", "steps of padding appended", "largest change", APPENDED, shifts)
    evidence = {**_moved(subject, max(shifts)), "appended": APPENDED[-1]}
    if share is not None and share > MOST:
        yield Finding(
            "RK-PAD-01",
            "fault",
            f"The readout reads the padding: {share:.0%} of what the prediction takes from the recurrent layer comes "
            "from steps behind the rows' ends, and a row gets another answer when padding follows it.",
            "Give the layer the lengths (`rekur.nn` layers take `lengths=`, torch's take packed sequences) and read "
            "the state at each row's own last step.",
            {**evidence, "share_of_the_gradient_at_padding": share},
            curve,
        )
        return
    yield Finding(
        "RK-PAD-03",
        "fault",
        f"Padding changes the answer: {APPENDED[-1]} steps of it move a prediction by {max(shifts):.2g}.",
        "Leave padding out of what is read and pooled: give the lengths, or mask the steps behind them.",
        evidence,
        curve,
    )


def _answer(subject: Subject, row: int, end: int, count: int) -> Tensor:
    """Return the prediction of a row of `end` steps with `count` steps of padding behind it."""
    prediction = subject.predict(_of_steps(subject, end + count))[row]
    return prediction[:end] if subject.stepwise else prediction


def _behind(subject: Subject) -> Iterator[Finding]:
    """Put other content behind the lengths the model was told."""
    x = subject.x
    hidden = ~subject.valid
    if not bool(hidden.any()) or _all_padding(subject, x[hidden]):
        return
    chosen = hidden.view(*hidden.shape, *[1] * (x.dim() - 2))
    after = subject.predict(subject.with_sequence(torch.where(chosen, subject.other_values(x), x)))
    before = subject.base
    if subject.stepwise:
        after, before = _valid(subject, after), _valid(subject, before)
    move = float(subject.moved(after, before).max())
    if move <= 1:
        return
    change = move * subject.tolerance()
    yield Finding(
        "RK-PAD-02",
        "fault",
        f"The model is told each row's length, and what lies behind it still moves a prediction by {change:.2g}.",
        "Use the lengths where steps are read and pooled: pass `lengths=` to the layer, or mask before pooling.",
        _moved(subject, change),
    )


def _all_padding(subject: Subject, behind: Tensor) -> bool:
    """Whether one id alone stands behind the lengths: a model may know padding by its id, and other ids as words."""
    return subject.layout.V is not None and bool((behind == behind.flatten()[0]).all())


def _neighbours(subject: Subject) -> Iterator[Finding]:
    """Change every example but one; the prediction of that one must stay."""
    if subject.N < 2 or (subject.output_axis is None and len(subject.base) != subject.N):
        return
    moves = {}
    for row in sorted({0, subject.N // 2, subject.N - 1}):
        others = torch.arange(subject.N) != row
        move = float(subject.moved(subject.predict(subject.rows_changed(others)))[row])
        if move > 1:
            moves[row] = move * subject.tolerance()
    if not moves:
        return
    worst = max(moves, key=moves.__getitem__)
    movers = _movers_of(subject, worst)
    yield Finding(
        "RK-PAD-04",
        "fault",
        f"The other examples of the batch change the answer: with them replaced, the prediction of row {worst} moves "
        f"by {moves[worst]:.2g}, though its own input is the same.",
        _cure_of_mixing(worst, movers),
        {"rows_that_moved": list(moves), f"rows_that_move_row_{worst}": movers, **_moved(subject, moves[worst])},
    )


def _movers_of(subject: Subject, row: int) -> list[int]:
    """Return the rows that move the prediction of `row`, itself among them, if it does."""
    return [
        other
        for other in range(subject.N)
        if float(subject.moved(subject.predict(subject.rows_changed(torch.arange(subject.N) == other)))[row]) > 1
    ]


def _cure_of_mixing(row: int, movers: list[int]) -> str:
    if len(movers) == 1 and movers[0] != row:
        return f"Row {row} gets the answer of row {movers[0]}: put sorted rows back in their order."
    if row not in movers:
        return "Rows are exchanged: look for a `view` or `reshape` where axes should be transposed, or a sort."
    return (
        "Look for a softmax, a sum, a `view` or a state along the axis of examples, or a loop that takes it for time."
    )


def _moved(subject: Subject, change: float) -> dict[str, float]:
    return {"largest_change": change, "spread_of_predictions": float(subject.base.std())}


def _of_steps(subject: Subject, T: int) -> Inputs:
    """Return the inputs cut, or filled up with padding, to T steps."""
    lay, tensors = subject.layout, subject.inputs.tensors()
    changes: dict[Path, Any] = {}
    for path in (*lay.sequences, *lay.masks):
        x = subject.rows_first(path)
        if x.shape[1] != subject.T or not _padded_alike(subject, path, x):
            continue
        fill: Any = lay.padding.token if path in lay.sequences and lay.padding and lay.V else 0
        if path in lay.masks:
            fill = _outside(x)
        more = torch.full_like(x[:, :1], fill).repeat_interleave(max(T - subject.T, 0), dim=1)
        resized = torch.cat([x[:, :T], more], dim=1)
        changes[path] = resized if lay.rows_axis == 0 else resized.transpose(0, 1)
    if lay.lengths_at is not None:
        changes[lay.lengths_at] = tensors[lay.lengths_at].clamp(max=T)
    if lay.packed:
        leaf = subject.inputs.leaf(lay.main)
        changes[lay.main] = replace(leaf, padded=changes[lay.main], lengths=leaf.lengths.clamp(max=T))
    return subject.inputs.replaced(changes)


def _padded_alike(subject: Subject, path: Path, x: Tensor) -> bool:
    """Whether a sequence ends where the main one does: another text of the batch has lengths of its own."""
    if path == subject.layout.main or path in subject.layout.masks or x.is_floating_point():
        return True
    behind = x[~subject.valid]
    return len(behind) == 0 or bool((behind == behind.flatten()[0]).all())


def _outside(mask: Tensor) -> Any:
    """The value a mask has behind the rows: that of most of its last steps, False where rows are whole."""
    last = mask[:, -1]
    first = mask[:, 0]
    return (~first.bool())[0].item() if bool((last == first).all()) else last[last != first][0].item()


def _valid(subject: Subject, predictions: Tensor) -> Tensor:
    """Blank what is said behind the rows' ends: nobody reads it."""
    inside = subject.valid.view(*subject.valid.shape, *[1] * (predictions.dim() - 2))
    return torch.where(inside, predictions[:, : subject.T], 0.0)


def _share_read(subject: Subject) -> float | None:
    """Return how much of the prediction's gradient at the recurrent layer's outputs lies behind the rows' ends.

    None where the model answers at every step, or has no recurrent layer or cell that can be watched.
    """
    if subject.stepwise:
        return None
    with torch.enable_grad(), recurrent.watched(model := twins.light(subject.model).eval()) as calls:
        with twins.seeded(SEED):
            prediction = first_tensor(subject.inputs.call(model))
        layers, cells = [call for call in calls if not call.is_cell], [call for call in calls if call.is_cell]
        if prediction is None or not (layers or len(cells) == subject.T):
            return None
        if layers:
            return _share_of_layer(subject, prediction, layers[-1])
        slopes = torch.autograd.grad(prediction.sum(), [call.outputs for call in cells], allow_unused=True)
    direct = [torch.zeros(subject.N) if slope is None else slope.norm(dim=1) for slope in slopes]
    return _behind_share(subject, torch.stack(direct, dim=1))


def _share_of_layer(subject: Subject, prediction: Tensor, call: recurrent.Call) -> float | None:
    outputs, h_n = torch.autograd.grad(prediction.sum(), [call.outputs, call.states[0]], allow_unused=True)
    if outputs is None:  # the final state is read: of a layer that knows no lengths it is that of the last step
        told = call.kwargs.get("lengths") is not None or isinstance(call.x, PackedSequence)
        return None if h_n is None or told else 1.0
    rows_first = outputs if getattr(call.layer, "batch_first", False) else outputs.transpose(0, 1)
    per_step = rows_first.norm(dim=2)
    return _behind_share(subject, per_step) if per_step.shape == subject.valid.shape else None


def _behind_share(subject: Subject, per_step: Tensor) -> float | None:
    total = per_step.sum(1)
    padded = ~subject.valid.all(1)
    if not bool((padded & (total > 0)).any()):
        return None
    behind = (per_step * ~subject.valid).sum(1)[padded] / total[padded].clamp(min=1e-30)
    return float(behind.mean())
