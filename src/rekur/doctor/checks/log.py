"""Training log oddities: a test read again and again, a loss divided by the wrong count, a choice made on the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import RunRecord, Source
from rekur.doctor.scripts import mean_losses, testing_loops
from rekur.doctor.scripts.sources import Scripts
from rekur.wording import counted

TOLERANCE = 0.05  # by which a printed loss may differ from that of the same weights on the same items
NEAR = 1.5  # a factor within this of the batch size is that of batches taken for examples

CHOICES = {
    "model": "decides which model is kept",
    "figure": "of the best epoch is kept",
    "rate": "steers the learning rate",
    "stop": "decides when to stop",
}


def of_source(source: Source) -> Iterator[Finding]:
    """Yield tests in vain, wrong divisors and choices on the test part, as the scripts have them."""
    scripts = Scripts(source)
    for odd in testing_loops.repeated(scripts):
        times = f"{odd.other} times" if odd.other else "again and again"
        yield Finding(
            "RK-LOG-01",
            "fault",
            f"The loop at {odd.where} reads the test part {times}, by `{odd.name}`, and trains nothing between: every "
            "round tests the same weights.",
            _TEST_ONCE,
            {"line": odd.where, "reads": odd.name, "times": odd.other},
        )
    for odd in mean_losses.divided(scripts):
        yield Finding(
            "RK-LOG-02",
            "fault",
            f"The sum `{odd.name}` adds up the batches' mean losses, and {odd.where} divides it by `{odd.other}`, a "
            "number of examples: the loss told is too small by about the batch size.",
            "Divide by the number of batches, or add `loss.item() * len(batch)` and divide by the number of examples.",
            {"line": odd.where, "sum": odd.name, "divided_by": odd.other},
        )
    for choice in testing_loops.chosen(scripts):
        yield _of_choice(choice)


_TEST_ONCE = "Test once, when the training is over; follow the epochs on a validation part."


def _of_choice(choice: testing_loops.Chosen) -> Finding:
    certain = choice.what != "figure" and not choice.validated
    return Finding(
        "RK-LOG-03",
        "fault" if certain else "warning",
        f"The figure `{choice.figure}` of the test part {CHOICES[choice.what]} at {choice.where}: the test part is "
        "then no longer unseen, and its result flatters.",
        "Split a validation part from the training part, choose by it, and read the test part once at the end.",
        {"line": choice.where, "figure": choice.figure, "decides": choice.what, "validation": choice.validated},
    )


# runs


def of_run(record: RunRecord) -> Iterator[Finding]:
    """Yield repeated tests, a printed loss that is another one, and epochs that nothing chose."""
    evaluations = record.metrics.get("evaluations") or []
    yield from _repeated(evaluations)
    yield from _divided(record, evaluations)
    yield from _unvalidated(record)


def _repeated(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    counts = Counter((entry.get("part"), entry.get("epoch")) for entry in evaluations)
    for (part, epoch), count in counts.items():
        if count < 2:
            continue
        same = [entry for entry in evaluations if (entry.get("part"), entry.get("epoch")) == (part, epoch)]
        figure = next((name for name in same[0] if name not in ("part", "epoch")), None)
        told = [entry.get(figure) for entry in same] if figure else []
        numbers = [float(value) for value in told if isinstance(value, int | float)]
        curve = None
        if len(numbers) == count:
            curve = Curve("The same weights, tested again", "evaluation", str(figure), range(1, count + 1), numbers)
        yield Finding(
            "RK-LOG-01",
            "fault" if part == "test" else "warning",
            f"The {part} part was evaluated {count} times with the weights of epoch {epoch}, with no training between: "
            "the figures repeat one result.",
            _TEST_ONCE,
            {"part": part, "epoch": epoch, "times": count, str(figure): told},
            curve,
        )


def _divided(record: RunRecord, evaluations: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    true = (record.metrics.get("test") or {}).get("log_loss")
    told = next((e["log_loss"] for e in reversed(evaluations) if e.get("part") == "test" and e.get("log_loss")), None)
    if not true or not told or abs(true / told - 1) <= TOLERANCE:
        return
    factor = true / told
    batch = float(record.config.get("training", {}).get("batch", 0))
    by_batch = batch > 1 and 1 / NEAR <= factor / batch <= NEAR
    why = ": the batches' means were divided by the number of examples" if by_batch else ""
    yield Finding(
        "RK-LOG-02",
        "fault" if by_batch else "warning",
        f"The loss told of the test, {told:.4g}, is not that of its predictions, {true:.4g}: {factor:.3g} times "
        f"{'too small' if factor > 1 else 'as large'}, at {counted(round(batch), 'example')} a batch{why}.",
        "Divide the sum of the batches' means by the number of batches, or weight each by its size.",
        {"told": told, "true": true, "factor": factor, "batch": batch},
    )


def _unvalidated(record: RunRecord) -> Iterator[Finding]:
    epochs = len(record.history)
    if epochs < 2 or record.metrics.get("validation"):
        return
    if any(key.startswith("validation") for entry in record.history for key in entry):
        return
    yield Finding(
        "RK-LOG-04",
        "note",
        f"Trained over {epochs} epochs without a validation part: nothing says that {epochs} is the right number.",
        "Split a validation part from the training part and keep the weights of its best epoch.",
        {"epochs": epochs},
    )
