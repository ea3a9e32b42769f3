"""The target is its own input: a step that must repeat what it reads, or a window that holds its own answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model.inputs import Path
from rekur.doctor.model.subject import Subject

ALIKE = 0.99  # of the steps must have their own input as the target
LAGS = 5  # steps to either side, for the picture
CLOSE = 0.9999  # correlation of a copy, up to its scale
APART = 0.02  # what a copy leaves unexplained, of what the same feature leaves at any other step
LEAST_ROWS = 8
LEAST_LABELLED = 30  # rows, where the target is a class
COLUMNS = 16  # of the target that are looked at


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield the targets that can be read off the inputs."""
    if subject.target is None:
        raise CannotExamineError("no target was given")
    if not isinstance(subject.target, Tensor):
        return
    by_step = _by_step(subject)
    if by_step is not None:
        yield from _of_each_step(subject, by_step)
    else:
        yield from _of_each_row(subject)


# a target a step


def _by_step(subject: Subject) -> Tensor | None:
    """The target as (N, T, ...), None where there is not one a step."""
    target: Tensor = subject.target
    lay = subject.layout
    sizes = (lay.N, lay.T) if lay.rows_axis == 0 else (lay.T, lay.N)
    if target.dim() == 1 and len(target) == lay.N * lay.T and lay.T > 1:
        target = target.view(sizes)
    if target.dim() < 2:
        return None
    if tuple(target.shape[:2]) == sizes:
        return target if lay.rows_axis == 0 else target.transpose(0, 1)
    others = {tuple(subject.rows_first(path).shape[:2]) for path in lay.sequences}
    return target if tuple(target.shape[:2]) in others else None


def _of_each_step(subject: Subject, target: Tensor) -> Iterator[Finding]:
    for path in subject.layout.sequences:
        rows = subject.rows_first(path)
        x, T = _as_target(rows, target), rows.shape[1]
        if x is None or T < 3:
            continue
        inside = subject.valid if T == subject.T else torch.ones(subject.N, T, dtype=torch.bool)
        share = _share(x, target, inside)
        if share < ALIKE or _share(x[:, 1:], x[:, :-1], inside[:, 1:]) > 0.9 or not _reads_itself(subject, path):
            continue
        lags = list(range(-min(LAGS, T - 2), min(LAGS, T - 2) + 1))
        shares = [_at_lag(x, target, inside, lag) for lag in lags]
        yield Finding(
            "RK-TARGET-01",
            "fault",
            f"The target of a step is the step itself: {share:.0%} of the targets equal what the model reads at "
            "that very step. It need remember nothing to be right.",
            "Shift the target: y[:, t] = x[:, t + 1], with x[:, :-1] as the input.",
            {"share_equal": share, "steps": int(inside.sum())},
            Curve("Targets that equal the input", "steps from the target's own to the input's", "share", lags, shares),
        )
        return


def _as_target(x: Tensor, target: Tensor) -> Tensor | None:
    """The inputs in the target's form: ids, the ids of one-hot vectors, or numbers; None if they are unlike."""
    if not target.is_floating_point():
        if x.dim() == 3 and target.dim() == 2 and x.shape[2] > 1 and _one_hot(x):
            return x.argmax(2)
        return x if x.shape == target.shape and not x.is_floating_point() else None
    if x.is_floating_point() and x.numel() == target.numel():
        return x.reshape(target.shape)
    return None


def _one_hot(x: Tensor) -> bool:
    return bool(((x == 0) | (x == 1)).all()) and bool((x.sum(2) <= 1).all())


def _share(x: Tensor, target: Tensor, inside: Tensor) -> float:
    same = x == target if not x.is_floating_point() else (x - target).abs() <= 1e-6 * target.abs().clamp(min=1e-6)
    same = same.flatten(2).all(2) if same.dim() > 2 else same
    return float(same[inside].double().mean()) if bool(inside.any()) else 0.0


def _at_lag(x: Tensor, target: Tensor, inside: Tensor, lag: int) -> float:
    T = x.shape[1]
    here, there = slice(max(0, -lag), T - max(0, lag)), slice(max(0, lag), T - max(0, -lag))
    return _share(x[:, there], target[:, here], inside[:, here] & inside[:, there])


def _reads_itself(subject: Subject, path: Path) -> bool:
    """Whether an output sees its own step and no later one: squeezed through a code, the copy would be a task."""
    x, P = subject.rows_first(path), subject.base
    T = x.shape[1]
    if P.dim() < 2 or P.shape[:2] != (subject.N, T):
        return False
    middle = T // 2
    changed = x.clone()
    changed[:, middle] = x.roll(1, 0)[:, middle] if subject.N > 1 and x.dim() > 2 else _others(x)[:, middle]
    moved = (subject.predict(subject.with_sequence(changed, path)) - P).abs().reshape(subject.N, T, -1).amax((0, 2))
    own, before = moved[middle] > subject.tolerance(), moved[:middle] > subject.tolerance()
    return bool(own) and not bool(before.any())


def _others(x: Tensor) -> Tensor:
    """Other values of those that occur: the next larger one, the smallest for the largest."""
    if x.dim() > 2:  # one-hot vectors or numbers
        return x.roll(1, 1)
    values, places = torch.unique(x, return_inverse=True)
    return torch.index_select(values, 0, (places.flatten() + 1) % len(values)).view(x.shape)


# a target a row


@dataclass(frozen=True)
class _Copy:
    """An input that tells the target."""

    step: int | None  # None: it is the same at every step
    feature: int
    column: int  # of the target
    certain: bool
    correlations: list[float]  # of the feature at every step


def _of_each_row(subject: Subject) -> Iterator[Finding]:
    x, target, N = subject.whole.x, subject.whole.target, subject.whole.layout.N
    if not x.is_floating_point() or N < LEAST_ROWS or target.dim() == 0 or len(target) != N or target.numel() > 64 * N:
        return
    x = (x if x.dim() == 3 else x.unsqueeze(2)).double()
    y = target.double().view(N, -1)
    labels = not target.is_floating_point() or len(set(target.flatten().tolist())) < LEAST_ROWS
    if labels and (N < LEAST_LABELLED or y.shape[1] > 1):
        return
    copies = [copy for column in range(min(COLUMNS, y.shape[1])) for copy in _copies(x, y[:, column], column, labels)]
    if not copies or len({copy.column for copy in copies if copy.step is not None}) > y.shape[1] // 2 > 0:
        return  # most of the target is the input again: an autoencoder
    found = next((copy for copy in copies if copy.certain), copies[0])
    yield _leaked(found, subject, y.shape[1])


def _leaked(copy: _Copy, subject: Subject, columns: int) -> Finding:
    T = subject.T
    places = {None: "at every step", T - 1: f"at the last of {T} steps"}
    where = places.get(copy.step, f"at step {copy.step} (of 0 to {T - 1})")
    which = "the target" if columns == 1 else f"column {copy.column} of the target"
    return Finding(
        "RK-TARGET-02",
        "fault" if copy.certain else "warning",
        f"The target stands among the inputs: feature {copy.feature} {where} is {which}, up to scale "
        f"(correlation {max(copy.correlations):.6f}).",
        _cure(copy),
        {"feature": copy.feature, "step": copy.step, "column": copy.column, "correlations": copy.correlations},
        Curve("Each step beside the target", "step", "correlation, without its sign", range(T), copy.correlations),
    )


def _cure(copy: _Copy) -> str:
    if copy.step is None:
        return f"Take feature {copy.feature} out of the inputs, if it is not known before the target is."
    if copy.certain:
        return "End each window one step before its target, and take columns made of the target out of the inputs."
    return "If the task is to recall that step, this is meant; if it is to forecast, cut the windows before the target."


def _copies(x: Tensor, y: Tensor, column: int, labels: bool) -> Iterator[_Copy]:
    """Yield the inputs that are the target (N,), in another unit perhaps."""
    if len(set(y.tolist())) < (2 if labels else LEAST_ROWS) or not bool(y.isfinite().all()):
        return
    told = _correlation(x, y)  # (T, I)
    rest = (1 - told**2).clamp(min=0).sqrt()  # what a line through it leaves unexplained
    for feature in (told.amax(0) > CLOSE).nonzero().flatten().tolist():
        step, series = int(told[:, feature].argmax()), x[:, :, feature]
        row = told[:, feature].tolist()
        if x.shape[1] > 1 and bool((series == series[:, :1]).all()):
            yield _Copy(None, feature, column, True, row)
        elif not labels and _stands_out(rest[:, feature], step):
            last = step == x.shape[1] - 1
            if last or not _repeats(series):
                yield _Copy(step, feature, column, last, row)


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    """The correlation of each step and feature of x (N, T, I) with y (N,), without its sign (T, I)."""
    a, b = x - x.mean(0), y - y.mean()
    scale = a.square().sum(0).sqrt() * b.square().sum().sqrt()
    product = torch.einsum("nti,n->ti", a, b).abs()
    return torch.where(scale > 1e-12, product / scale.clamp(min=1e-300), 0.0).clamp(max=1.0).nan_to_num()


def _stands_out(rest: Tensor, step: int) -> bool:
    """Whether this step alone tells the target: on a straight line, or in a slow series, every step does."""
    others = torch.cat([rest[:step], rest[step + 1 :]])
    if not len(others):
        return float(rest[step]) < 1e-3
    return float(rest[step]) < APART * float(others.min())


def _repeats(series: Tensor) -> bool:
    """Whether steps of (N, T) tell each other: a periodic series without noise holds its next value, too."""
    among = torch.corrcoef(series.T).abs().nan_to_num() - torch.eye(series.shape[1])
    return bool((among > CLOSE).any()) or series.shape[1] < 3
