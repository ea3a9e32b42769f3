"""Squashed twice: what the last layer does to its outputs, beside what the loss wants of them.

Cross-entropy squashes by itself. Outputs that already lie between 0 and 1 leave its softmax undecided for ever: with
two classes it can never say more than e / (1 + e) = 73 %, and its loss never falls below 0.313.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model.squash import Ends, with_other_weights
from rekur.doctor.model.subject import Subject
from rekur.doctor.model.wants import FAILURES, Asked

BEYOND = 0.01  # of the way between the ends a target may lie outside them
MANY = 0.01  # of the targets outside make a fault; fewer may be outliers that are cut on purpose
AT_STAKE = 0.05  # a loss that can fall this low is as good as free
SOFTENED = {"cross_entropy": "softmax", "bce_logits": "sigmoid"}
NAMES = {"cross_entropy": "cross-entropy", "bce_logits": "binary cross-entropy with logits"}


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what the loss and the last layer have against each other."""
    wants, ends = subject.wanted, subject.squash
    if subject.loss is None and ends.over_classes and wants == "bce":
        yield _to_know(ends)
    elif wants in SOFTENED:
        yield from _before_logits(subject, ends, wants)
    elif wants == "bce":
        yield from _not_probabilities(subject, ends)
    elif wants == "nll":
        yield from _not_logarithms(ends)
    elif wants in ("squared", "absolute"):
        yield from _out_of_reach(subject, ends)


def _to_know(ends: Ends) -> Finding:
    return Finding(
        "RK-SQUASH-01",
        "note",
        f"The outputs are probabilities already ({ends.name}), and no loss was given.",
        "Train them with NLLLoss on their logarithm; before CrossEntropyLoss leave the softmax out.",
        {"squashed_by": ends.name},
    )


def _before_logits(subject: Subject, ends: Ends, wants: str) -> Iterator[Finding]:
    if not math.isfinite(ends.low) or ends.log:
        return
    if ends.high == math.inf and wants == "cross_entropy":
        return  # one class may still outgrow the others
    reach = _reach(subject, ends)
    least = reach[1][-1] if reach else None
    if ends.is_probability:
        yield _twice(ends, wants, reach, subject.loss is not None)
    elif ends.high == math.inf:
        yield Finding(
            "RK-SQUASH-03",
            "fault",
            f"No output can fall below 0 ({ends.name}), and the sigmoid in the loss makes 0.5 or more of it: no "
            "example can be called negative.",
            f"Leave the {ends.name} behind the last layer out.",
            {"squashed_by": ends.name, "least_loss": least},
        )
    elif least is None or least > AT_STAKE:
        yield _never_sure(ends, reach)


def _twice(ends: Ends, wants: str, reach: tuple[list[float], list[float]] | None, given: bool) -> Finding:
    told = f" It cannot fall below {reach[1][-1]:.3f} here, however right the model is." if reach else ""
    return Finding(
        "RK-SQUASH-01",
        "fault" if given else "warning",
        f"The outputs are squashed twice: by {ends.name} behind the last layer, and by the {SOFTENED[wants]} "
        f"inside the loss ({NAMES[wants]}).{told}",
        f"Give the loss the logits: leave {ends.name} out of `forward`, and apply it where probabilities are read.",
        _evidence(ends, reach),
        _curve(reach),
    )


def _never_sure(ends: Ends, reach: tuple[list[float], list[float]] | None) -> Finding:
    least = f": the loss cannot fall below {reach[1][-1]:.3f} on this batch" if reach else ""
    return Finding(
        "RK-SQUASH-03",
        "warning",
        f"The outputs lie between {ends.low:g} and {ends.high:g} ({ends.name}) and are read as logits, so that no "
        f"class can be sure{least}.",
        "Put a linear layer behind the state, or behind the tanh, and give the loss what it returns.",
        _evidence(ends, reach),
        _curve(reach),
    )


def _evidence(ends: Ends, reach: tuple[list[float], list[float]] | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {"squashed_by": ends.name, "outputs_between": [ends.low, ends.high]}
    if reach:
        evidence |= {"least_loss": reach[1][-1], "loss_at_no_opinion": reach[1][0]}
    return evidence


def _curve(reach: tuple[list[float], list[float]] | None) -> Curve | None:
    if reach is None:
        return None
    return Curve("The loss that can be reached", "how right the outputs are (0 to 1)", "loss", *reach)


def _reach(subject: Subject, ends: Ends) -> tuple[list[float], list[float]] | None:
    """Return how far the outputs go from no opinion to the rightest there is, and the loss on the way.

    The loss's own slope says which output should rise and which should fall.
    """
    if subject.target is None:
        return None
    high = ends.high if math.isfinite(ends.high) else ends.low + 10
    try:
        asked = Asked(subject)
        middle = torch.full_like(asked.outputs, (ends.low + high) / 2)
        _, slope = asked.at(middle)
        right = torch.where(slope < 0, high, ends.low).to(middle.dtype)
        steps = [step / 20 for step in range(21)]
        return steps, [asked.at(middle + step * (right - middle))[0] for step in steps]
    except (CannotExamineError, *FAILURES):
        return None


def _not_probabilities(subject: Subject, ends: Ends) -> Iterator[Finding]:
    if ends.is_probability or subject.loss is None:
        return
    P = subject.base
    outside = float(((P < 0) | (P > 1)).double().mean())
    if ends.name == "" and outside == 0 and not _leaves(subject):
        return
    yield Finding(
        "RK-SQUASH-02",
        "fault",
        f"The loss wants probabilities and gets numbers from {float(P.min()):.2g} to {float(P.max()):.2g}: "
        f"{'nothing keeps them' if not ends.name else ends.name + ' does not keep them'} between 0 and 1.",
        "Use BCEWithLogitsLoss (or CrossEntropyLoss), or put the sigmoid back behind the last layer.",
        {"least_output": float(P.min()), "largest_output": float(P.max()), "share_outside": outside},
    )


def _leaves(subject: Subject) -> bool:
    """Whether the outputs leave [0, 1] once the weights are larger."""
    P = with_other_weights(subject, 30.0)
    return bool(((P < -1e-4) | (P > 1 + 1e-4)).any())


def _not_logarithms(ends: Ends) -> Iterator[Finding]:
    if ends.log or (ends.high <= 0 and ends.name):
        return
    got = f"probabilities ({ends.name})" if ends.is_probability else "outputs that are no logarithms of probabilities"
    bound = "at best -1 instead of 0" if ends.is_probability else "and can fall without end"
    yield Finding(
        "RK-SQUASH-02",
        "fault",
        f"The loss wants log-probabilities and gets {got}: it is then not a likelihood, {bound}.",
        "Use log_softmax before NLLLoss, or CrossEntropyLoss on the last layer's outputs as they are.",
        {"squashed_by": ends.name or "nothing"},
    )


def _out_of_reach(subject: Subject, ends: Ends) -> Iterator[Finding]:
    target = subject.whole.target
    if not ends.name or not isinstance(target, Tensor) or ends.log:
        return
    y = target.double().flatten()
    y = y[y.isfinite()]
    bounded = math.isfinite(ends.high)
    slack = BEYOND * (ends.high - ends.low if bounded else float(y.abs().max()) if len(y) else 0.0)
    outside = (y < ends.low - slack) | (y > ends.high + slack)
    share = float(outside.double().mean()) if len(y) else 0.0
    if share == 0:
        return
    upper = f"{ends.high:g}" if bounded else "infinity"
    yield Finding(
        "RK-SQUASH-03",
        "fault" if share >= MANY else "warning",
        f"The outputs lie between {ends.low:g} and {upper} ({ends.name}), and {share:.0%} of the targets outside, "
        f"from {float(y.min()):.3g} to {float(y.max()):.3g}: those can never be met.",
        f"Leave {ends.name} behind the last layer out, or scale the targets into its range.",
        {"squashed_by": ends.name, "share_of_targets_outside": share, "targets": [float(y.min()), float(y.max())]},
        Curve("The targets, sorted", "rank", "target", list(range(len(y))), y.sort().values.tolist())
        if len(y) <= 2000
        else None,
    )
