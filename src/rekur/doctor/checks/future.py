"""The future leaks: in a causal model no output may move when only later steps are changed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.model import recurrent, twins
from rekur.doctor.model.inputs import Inputs, Path
from rekur.doctor.model.layout import is_next
from rekur.doctor.model.subject import SEED, Subject

CUTS = (0.1, 0.25, 0.5, 0.75, 0.95)  # of the steps, from which on all are changed


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what says that outputs know of steps to come."""
    if subject.causal is not True:
        return
    path, next_step = _aligned(subject)
    T = subject.rows_first(path).shape[1]
    base = _stepwise(subject, subject.base, T)
    if base is None or T < 2:
        return
    cuts = sorted({min(T - 1, max(1, round(share * T))) for share in CUTS})
    moves = {t: _moved_by_step(subject, base, path, t) for t in cuts}
    leaks = {t: float(move[:t].max()) for t, move in moves.items() if float(move[:t].max()) > 1}
    if not leaks:
        return
    worst = max(leaks, key=leaks.__getitem__)
    culprit = _culprit(subject, path, worst)
    if not next_step and culprit is None:
        return  # one number a step ahead, as many as there are steps: nothing says that outputs and steps are aligned
    yield _finding(subject, moves[worst], worst, culprit)


def _aligned(subject: Subject) -> tuple[Path, bool]:
    """Return the sequence whose next step is the target, and whether there is one; else the main sequence."""
    target = subject.target
    if isinstance(target, Tensor) and target.dim() >= 2:
        rows = target if subject.layout.rows_axis == 0 else target.transpose(0, 1)
        for path in subject.layout.sequences:
            x = subject.rows_first(path)
            if x.shape[:2] == rows.shape[:2] and is_next(x, rows):
                return path, True
    return subject.layout.main, _labels_a_step(subject)


def _labels_a_step(subject: Subject) -> bool:
    """Whether the target has classes for every step: (N, T) integers."""
    target = subject.target
    if not isinstance(target, Tensor) or target.is_floating_point():
        return False
    return target.numel() == subject.N * subject.T


def _stepwise(subject: Subject, P: Tensor, T: int) -> Tensor | None:
    """Return a prediction as (N, T, F), None if it has no output a step."""
    if P.dim() == 2 and len(P) == subject.N * T and T != subject.T:  # flattened, of a decoder
        P = P.view(subject.N, T, -1) if subject.layout.rows_axis == 0 else P.view(T, subject.N, -1).transpose(0, 1)
    if P.dim() == 2 and P.shape == (subject.N, T) and _one_number(subject, T):
        P = P.unsqueeze(2)
    return P.flatten(2) if P.dim() >= 3 and P.shape[:2] == (subject.N, T) else None


def _one_number(subject: Subject, T: int) -> bool:
    target = subject.target
    return isinstance(target, Tensor) and target.dim() >= 2 and T in target.shape[:2]


def _changed(subject: Subject, path: Path, t: int) -> Inputs:
    x = subject.rows_first(path)
    return subject.steps_changed(torch.arange(x.shape[1]) >= t, path)


def _moved_by_step(subject: Subject, base: Tensor, path: Path, t: int) -> Tensor:
    """Change the steps from t on; return how far the outputs of each step (T,) moved, in units of the tolerance."""
    after = _stepwise(subject, subject.predict(_changed(subject, path, t)), base.shape[1])
    if after is None:
        return torch.zeros(base.shape[1])
    moved = (after - base).abs().nan_to_num(0.0).amax(2) / subject.tolerance(after)
    return moved.amax(0)


def _culprit(subject: Subject, path: Path, t: int) -> tuple[str, recurrent.Recurrent] | None:
    """Return the first recurrent layer that read the same before t and gave something else there."""
    before, after = _watched(subject, subject.inputs), _watched(subject, _changed(subject, path, t))
    for one, other in zip(before, after, strict=False):
        if one.is_cell or one.outputs.dim() != 3 or one.outputs.shape != other.outputs.shape:
            continue
        read = [recurrent.steps_of(call)[:t] for call in (one, other)]
        gave = [call.steps_first[:t] for call in (one, other)]
        if _equal(read, 1e-7) and not _equal(gave, 1e-5):
            return one.name, one.layer
    return None


def _equal(pair: list[Tensor], tolerance: float) -> bool:
    one, other = pair
    return one.shape == other.shape and torch.allclose(one, other, atol=tolerance)


def _watched(subject: Subject, inputs: Inputs) -> list[recurrent.Call]:
    with torch.no_grad(), recurrent.watched(model := twins.light(subject.model).eval()) as calls, twins.seeded(SEED):
        inputs.call(model)
    return calls


def _finding(subject: Subject, moves: Tensor, t: int, culprit: tuple[str, recurrent.Recurrent] | None) -> Finding:
    moved = (moves[:t] > 1).nonzero().squeeze(1)
    earliest, scale = int(moved.min()), subject.tolerance()
    size = float(moves[:t].max()) * scale
    evidence = {
        "changed_from_step": t,
        "earliest_output_that_moved": earliest,
        "outputs_before_that_moved": len(moved),
        "largest_change": size,
        "spread_of_predictions": float(subject.base.std()),
    }
    curve = Curve(
        f"Outputs that move when the steps from {t} on are changed",
        "step",
        "largest change of its output",
        list(range(len(moves))),
        (moves * scale).tolist(),
    )
    told = f"with only the steps from {t} on changed, the output of step {earliest} moves (by up to {size:.2g})"
    if culprit is not None and getattr(culprit[1], "bidirectional", False):
        name = culprit[0] or type(culprit[1]).__name__
        return Finding(
            "RK-FUT-02",
            "fault",
            f"`{name}` is bidirectional in a causal model: {told}, so the answer stands in what is read.",
            "Set bidirectional=False; only an encoder of another sequence may read what is still to come.",
            {**evidence, "layer": name},
            curve,
        )
    return Finding(
        "RK-FUT-01",
        "fault",
        f"The future leaks: {told}.",
        "Look for a convolution padded on both sides, attention without a causal mask, a sequence turned round, or a "
        "mean over all steps.",
        {**evidence, **({"layer": culprit[0]} if culprit else {})},
        curve,
    )
