"""Cannot learn one batch: whether targets fit the outputs, where the loss begins, and whether training gets it down.

A model that learns can learn a dozen rows by heart; one that stays where a constant guess would be has a fault that
no amount of data mends.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import classes, overfit, profile
from rekur.doctor.model.classes import CLASSES
from rekur.doctor.model.subject import Subject
from rekur.doctor.model.wants import FAILURES, Asked
from rekur.wording import counted, times

FIRST = 3.0  # times the loss of no opinion make a first loss far from it
UNSCALED = 100.0  # times the targets' variance make a first squared error far from it
ROWS_A_CLASS = 10  # must be seen before a class that never comes counts as one too many
ALIKE = 1e-5  # of the size of the predictions: less than that between rows, and the model cannot tell them apart


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what keeps the model from learning the batch it was shown."""
    if subject.target is None:
        raise CannotExamineError("no target was given")
    asked = Asked(subject)
    try:
        first = float(subject.loss_of(subject.run()).detach())
    except CannotExamineError:
        found = list(_out_of_range(subject, asked, failed=True))
        yield from found
        if found:
            return
        raise
    yield from _out_of_range(subject, asked, failed=False)
    yield from _misfits(subject, asked)
    yield from classes.of_axes(subject, asked)
    yield from _first_loss(subject, asked, first)
    yield from _by_heart(subject, asked)


# targets beside outputs


def _out_of_range(subject: Subject, asked: Asked, failed: bool) -> Iterator[Finding]:
    """Classes that have no output, or targets that are no probabilities."""
    y = subject.whole.target
    if not isinstance(y, Tensor) or y.numel() == 0:
        return
    single = asked.outputs.dim() >= 2 and asked.outputs.shape[1] == 1 and asked.outputs.numel() == y.numel()
    if single and not failed and subject.wanted == "cross_entropy":
        yield _misfit(
            "Cross-entropy over a single output is 0 whatever the model says.",
            "Use BCEWithLogitsLoss with one output, or one output a class.",
            subject,
        )
        return
    if y.is_floating_point():
        if not failed and subject.wanted in ("bce_logits", "bce") and bool(((y < 0) | (y > 1)).any()):
            told = f"from {float(y.min()):g} to {float(y.max()):g}"
            yield _misfit(
                f"The loss wants targets between 0 and 1 and gets {told}.", "Code the classes as 0 and 1.", subject
            )
        return
    C = _outputs(subject, asked.outputs)
    known = y[y != getattr(subject.loss, "ignore_index", -100)]
    if C is None or not len(known) or (not failed and subject.wanted not in CLASSES):
        return
    low, high = int(known.min()), int(known.max())
    if high >= C or (low < 0 and failed):
        hint = f"Count from 0: y - {low}." if low > 0 and high - low < C else "Give the last layer an output a class."
        told = f"The classes run from {low} to {high}, and the model has {counted(C, 'output')}, for 0 "
        told += f"to {C - 1}." if C > 1 else "alone."
        yield _misfit(told, hint, subject)


def _outputs(subject: Subject, outputs: Tensor) -> int | None:
    """How many classes the model has an output for."""
    y = subject.target
    if outputs.dim() < 2:
        return None
    if outputs.dim() == 3 and y.dim() == 2 and tuple(y.shape) == (outputs.shape[0], outputs.shape[2]):
        return outputs.shape[1] if tuple(y.shape) != tuple(outputs.shape[:2]) else outputs.shape[2]
    return outputs.shape[-1] if outputs.numel() // outputs.shape[-1] == y.numel() else None


def _misfit(sentence: str, cure: str, subject: Subject, severity: str = "fault") -> Finding:
    y = subject.whole.target
    evidence = {
        "outputs": list(subject.base.shape),
        "targets": list(y.shape),
        "least_target": float(y.min()),
        "largest_target": float(y.max()),
        "type": str(y.dtype).removeprefix("torch."),
    }
    return Finding("RK-LEARN-03", severity, sentence, cure, evidence)  # type: ignore[arg-type]


def _misfits(subject: Subject, asked: Asked) -> Iterator[Finding]:
    y, outputs = subject.target, asked.outputs
    if not isinstance(y, Tensor):
        return
    if subject.wanted in CLASSES and not y.is_floating_point():
        yield from _off_by_one(subject, asked)
    if subject.loss is None or subject.wanted not in ("squared", "absolute") or y.shape == outputs.shape:
        return
    if outputs.shape[:2] == (subject.N, subject.T) and y.numel() == subject.N and subject.T > 1:
        yield _misfit(
            f"Outputs {tuple(outputs.shape)} are one a step, and the targets {tuple(y.shape)} one a row: every step is "
            "trained to give the row's one target.",
            "Read one step, the last valid one, or pool over them; if every step is meant, expand the target.",
            subject,
            "warning",
        )
        return
    if y.squeeze().shape != outputs.squeeze().shape or y.numel() < 2 or float(y.double().std()) == 0:
        return
    right = y.reshape(outputs.shape).to(outputs.dtype)
    at_best, at_mean = asked.at(right)[0], asked.at(torch.full_like(right, float(right.mean())))[0]
    if at_best <= 0.01 * at_mean:
        return
    yield _misfit(
        f"Outputs {tuple(outputs.shape)} and targets {tuple(y.shape)} are broadcast: the loss compares every "
        f"output with the targets of other examples, and is {at_best:.3g} where every output is right.",
        "Give both the same shape: `output.squeeze(-1)`, or `target.unsqueeze(-1)`.",
        subject,
    )


def _off_by_one(subject: Subject, asked: Asked) -> Iterator[Finding]:
    """A class 0 that never comes, below classes that all do."""
    y, C = subject.whole.target, _outputs(subject, asked.outputs)
    if C is None or C < 3 or y.dim() != 1 or len(y) != subject.whole.layout.N or len(y) < ROWS_A_CLASS * C:
        return
    if sorted(y.unique().tolist()) == list(range(1, C)):
        yield _misfit(
            f"The classes run from 1 to {C - 1}, and the model has {C} outputs: output 0 stands for nothing.",
            "Count the classes from 0, and leave one output out.",
            subject,
            "warning",
        )


# where the loss begins, and where it can get


def _first_loss(subject: Subject, asked: Asked, first: float) -> Iterator[Finding]:
    if subject.wanted in ("cross_entropy", "bce_logits"):
        guess, most, what = asked.at(torch.zeros_like(asked.outputs))[0], FIRST, "no opinion at all"
        cure = "Start with smaller last weights, so that the first logits lie near 0; tied embeddings want a small std."
    elif subject.wanted == "squared":
        found = overfit.constant_guess(subject, asked)
        guess, most, what = found or 0.0, UNSCALED, "the mean of the targets as every answer"
        cure = (
            LOUD if _outgrow(subject) else "Scale the targets to mean 0 and variance 1, and scale the forecasts back."
        )
    else:
        return
    if guess <= 1e-6 or first <= most * guess or profile.explodes(subject):
        return
    yield Finding(
        "RK-LEARN-02",
        "warning",
        f"The loss is {first:.3g} before training, {times(first / guess)} times that of {what} ({guess:.3g}): it will "
        "first be spent on unlearning.",
        cure,
        {"first_loss": first, "loss_of_a_guess": guess},
    )


def _outgrow(subject: Subject) -> bool:
    """Whether the outputs, not the targets, are what is far from 0."""
    y = subject.target
    return isinstance(y, Tensor) and float(subject.base.abs().max()) > float(y.abs().max())


LOUD = "Start with smaller weights, the last layer's first: the outputs lie further from 0 than any target."
ELSEWHERE = (
    "Look at the other findings first; then check that the loss reaches the weights, that targets stand in the rows' "
    "order, and that nothing averages the rows away."
)
EXPLODING = "Make the recurrent weights smaller (orthogonal ones neither shrink nor stretch); clip the gradient's norm."


def _by_heart(subject: Subject, asked: Asked) -> Iterator[Finding]:
    constant = overfit.constant_guess(subject, asked)
    if constant is None or subject.wanted == "other":
        return
    if constant < 1e-6 or _alike(subject.target):
        raise CannotExamineError("the targets of the batch are all alike: a constant guess is right")
    if subject.N > 1 and bool((subject.x == subject.x[:1]).all()):
        raise CannotExamineError("the rows of the batch are all alike")
    try:
        probe = overfit.probe(subject, constant)
    except FAILURES as error:
        raise CannotExamineError(f"the model could not be trained: {error}") from None
    if not probe.trainings or probe.learned or not probe.is_hopeless:
        return
    best, told_apart = probe.best, _tells_rows_apart(subject)
    rows = "" if told_apart else " Its untrained answers are the same for every row."
    exploding = profile.explodes(subject)
    rows += " The gradient explodes on its way back." if exploding else ""
    yield Finding(
        "RK-LEARN-01",
        "fault" if told_apart else "warning",
        f"The model cannot learn a single batch: after {counted(len(best.losses), 'step')} on "
        f"{counted(subject.N, 'row')} its loss is "
        f"{min(best.losses):.3g} at best, and one constant answer has {constant:.3g}.{rows}",
        EXPLODING if exploding else ELSEWHERE,
        {
            "constant_guess": constant,
            "lowest_loss": {f"{training.rate:g}": min(training.losses) for training in probe.trainings},
        },
        Curve("Training on one batch", "step", "loss", range(len(best.losses)), best.losses),
    )


def _alike(target: Tensor | object) -> bool:
    return isinstance(target, Tensor) and bool((target == target.flatten()[:1]).all())


def _tells_rows_apart(subject: Subject) -> bool:
    """Whether the untrained model answers differently to different rows."""
    P = subject.base.double()
    return len(P) < 2 or float(P.std(0).max()) > ALIKE * float(P.abs().max()) + 1e-9
