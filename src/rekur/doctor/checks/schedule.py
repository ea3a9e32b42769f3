"""Learning rate and schedule that do nothing: what is set and never used, made and never stepped, stepped in vain."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.patient import RunRecord, Source
from rekur.doctor.scripts import loops, stale
from rekur.doctor.scripts.sources import Scripts
from rekur.doctor.scripts.unread import Unread, role_of, unread
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject

EPOCHS = 3  # fewer say nothing of a trend
GAIN = 0.01  # share of a guess's loss that the later epochs must gain
STILL = 1e-6  # relative change of the loss over all epochs: below it nothing moved
SECTIONS = ("training", "model", "data")

SLIPS = {
    "not called": (
        "The call `{name}` at {where} is written without parentheses, so it is never called.",
        "Write `{name}()`.",
    ),
    "no step": (
        "Gradients are computed at {where}, and no optimizer ever steps: the weights stay as they were drawn.",
        "Call `{name}.step()` after `backward()`.",
    ),
    "never cleared": (
        "The gradients computed at {where} are never cleared: each step at {other} follows the sum of all before it.",
        "Call `{name}.zero_grad()` before each backward pass.",
    ),
    "cleared": (
        "The call `{name}.zero_grad()` at {where} stands between the backward pass and the step: the step finds no "
        "gradients.",
        "Move `{name}.zero_grad()` before `backward()`, or behind the step.",
    ),
    "stale": (
        "The model `{name}` is made anew at {where}, after its optimizer was built at {other}: the optimizer goes on "
        "stepping the weights of the old one, and the new one never learns.",
        "Build the optimizer after the model it should train.",
    ),
}


def of_source(source: Source) -> Iterator[Finding]:
    """Yield settings nobody reads, schedules nobody steps, and steps that move nothing."""
    scripts = Scripts(source)
    for setting in unread(scripts):
        yield _of_setting(setting)
    for slip in loops.never_stepped(scripts):
        yield Finding(
            "RK-RATE-02",
            "fault",
            f"The schedule `{slip.name}` of {slip.where} is never stepped: the learning rate stays where it starts.",
            "Call its `step()` after each epoch, or after each batch if it counts batches.",
            {"schedule": slip.name, "line": slip.where},
        )
    for slip in (*stale.stale(scripts), *loops.not_called(scripts), *loops.gradients(scripts)):
        yield _of_slip(slip)


def _of_slip(slip: loops.Slip) -> Finding:
    conditional = slip.kind == "stale if"
    sentence, cure = SLIPS["stale" if conditional else slip.kind.removesuffix(" of a schedule")]
    words = {"name": slip.name, "where": slip.where, "other": slip.other}
    return Finding(
        "RK-RATE-03" if slip.kind.startswith("stale") else "RK-RATE-02" if "schedule" in slip.kind else "RK-RATE-05",
        "warning" if conditional else "fault",
        sentence.format(**words),
        cure.format(**words),
        {"name": slip.name, "lines": [place for place in (slip.where, slip.other) if place]},
    )


def _of_setting(setting: Unread) -> Finding:
    """A fault where another value is certainly in use, else a warning."""
    evidence = {"name": setting.name, "value": setting.value, "line": setting.where}
    sentence = f"The setting `{setting.name} = {setting.value!r}` of {setting.where} is never used"
    values = sorted({value for value in setting.used if value is not None})
    if setting.role and values and None not in setting.used:
        if any(_same(setting.value, value) for value in values):
            return Finding("RK-RATE-01", "warning", f"{sentence}; the same value is written again.", _CURE, evidence)
        said = " and ".join(f"{value:g}" for value in values)
        return Finding(
            "RK-RATE-01",
            "fault",
            f"{sentence}; the {setting.role} in use is {said}.",
            f"Pass `{setting.name}` on where {said} stands, or delete it.",
            {**evidence, "in_use": values},
        )
    return Finding("RK-RATE-01", "warning", f"{sentence}: changing it changes nothing.", _CURE, evidence)


_CURE = "Pass it on where it was meant, or delete it."


def _same(a: object, b: object) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return a == b


# runs


def of_run(record: RunRecord) -> Iterator[Finding]:
    """Yield constants of the script that contradict its settings, and a training that never left a guess."""
    constants = record.config.get("script", {}).get("constants", {})
    for name, value in constants.items():
        yield _of_constant(name, value, record.config)
    yield from _flat(record)


def _of_constant(name: str, value: float, config: Mapping[str, Any]) -> Finding:
    used = _setting(name, config)
    evidence: dict[str, Any] = {"name": name, "value": value}
    if used is None:
        return Finding(
            "RK-RATE-01", "warning", f"The script defines `{name} = {value:g}` and never uses it.", _CURE, evidence
        )
    evidence["in_use"] = used
    if _same(value, used):
        sentence = f"The script defines `{name} = {value:g}`, never uses it, and writes the same value again."
        return Finding("RK-RATE-01", "warning", sentence, _CURE, evidence)
    return Finding(
        "RK-RATE-01",
        "fault",
        f"The script defines `{name} = {value:g}` and never uses it; {used:g} is in use.",
        f"Pass `{name}` on where {used:g} stands, or delete it.",
        evidence,
    )


def _setting(name: str, config: Mapping[str, Any]) -> float | None:
    """Return the number in use for a setting of this name, whatever its spelling."""
    wanted = {name.lower(), role_of(name).replace(" ", "_") or name.lower()}
    for section in SECTIONS:
        for key, value in config.get(section, {}).items():
            if key in wanted and isinstance(value, int | float):
                return float(value)
    return None


def _flat(record: RunRecord) -> Iterator[Finding]:
    """The loss of the later half of the epochs, beside the first and that of a guess."""
    losses = [float(epoch["loss"]) for epoch in record.history if epoch.get("loss") is not None]
    if len(losses) < EPOCHS or len(losses) < len(record.history):
        return
    curve = Curve("The loss over the epochs", "epoch", "training loss", range(len(losses)), losses)
    change = max(losses) - min(losses)
    if change <= STILL * abs(losses[0]) and losses[0] > 0.01:
        yield Finding(
            "RK-RATE-04",
            "fault",
            f"The training loss is {losses[0]:.4g} in all {len(losses)} epochs: nothing learns.",
            "See whether the optimizer has the model's parameters and a learning rate that moves them.",
            {"loss": losses[0], "largest_change": change, "epochs": len(losses)},
            curve,
        )
        return
    guess = _guess(record)
    validation = [float(epoch["validation_loss"]) for epoch in record.history if epoch.get("validation_loss")]
    if guess is None or not _no_better(losses, guess) or (validation and not _no_better(validation, guess)):
        return
    later = _later(losses)
    yield Finding(
        "RK-RATE-04",
        "fault",
        f"The loss never left that of a guess, {guess:.4f}: over the later half of {len(losses)} epochs it is "
        f"{later:.4f}.",
        "Train on one batch alone until the loss falls: a learning rate, padding read by the readout, or a squashed "
        "output may hold it.",
        {"guess": guess, "first": losses[0], "later": later, "epochs": len(losses)},
        curve,
    )


def _later(losses: Sequence[float]) -> float:
    return statistics.median(losses[len(losses) // 2 :])


def _no_better(losses: Sequence[float], guess: float) -> bool:
    return _later(losses) > (1 - GAIN) * guess


def _guess(record: RunRecord) -> float | None:
    """The loss of naming how common each class, or each character, is."""
    baselines = record.metrics.get("baselines") or {}
    for name, metric in (("majority", "log_loss"), ("unigram", "nats")):
        value = (baselines.get(name) or {}).get(metric)
        if isinstance(value, int | float) and value > 0.01:
            return float(value)
    return None


# models


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield groups whose learning rate is 0, and an optimizer whose step changes no weight."""
    if subject.optimizer is None:
        return
    from rekur.doctor.model import steps

    copies = steps.copied(subject)
    still = [rates for rates in copies.rates if rates.current == 0 and not rates.initial]
    if still:
        every = len(still) == len(copies.rates)
        weights = sum(rates.weights for rates in still)
        yield Finding(
            "RK-RATE-06",
            "fault" if every else "warning",
            f"The optimizer's learning rate is 0 for {counted(weights, 'weight')}{', all it has' if every else ''}: no "
            "step moves them.",
            "Give the group a learning rate, or leave its weights out and set `requires_grad` to False.",
            {"groups": [rates.at for rates in still], "weights": weights},
        )
        if every:
            return
    if subject.target is None:
        raise CannotExamineError("without a target no step of the optimizer can be tried")
    moved = steps.moved(subject, copies)
    if moved is not None and moved.share == 0:
        yield Finding(
            "RK-RATE-06",
            "fault",
            f"A step of the optimizer changes none of the {counted(moved.weights, 'weight')} with a gradient: with the "
            f"learning rate {moved.rate:g} it is lost in rounding.",
            "Raise the learning rate by powers of ten until the loss of one batch falls.",
            {"learning_rate": moved.rate, "weights": moved.weights, "gradient_norm": moved.norm},
        )
