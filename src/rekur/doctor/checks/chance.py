"""Chance, or too good: what guessing reaches, what one feature alone reaches, what memory alone reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, stats

from rekur.doctor.findings import CannotExamineError, Curve, Finding, Severity
from rekur.doctor.patient import Classes, RunRecord, Tables
from rekur.doctor.tables import probes
from rekur.doctor.tables.probes import Probe
from rekur.evaluation import verdict
from rekur.evaluation.outcomes import Outcome
from rekur.wording import counted, form

FEWEST = 100  # rows to probe
ROWS, CELLS = 4000, 2_000_000  # rows that are probed, and rows times features
SLIGHT, POOR = (
    0.2,
    0.05,
)  # skill, and Cohen's kappa, up to which agreement is slight (Landis and Koch 1977); next to none
KNOWS = 0.01  # two-sided, that the predictions go with the truth at all
TOO_GOOD, OF_THE_WAY = 0.97, 0.8  # accuracy, and share of the way there from the commonest class
GIVEN_AWAY, NEARLY = 0.98, 0.92  # skill of one feature alone: a fault, a warning
ALONE = 5  # more features as good as the best one make an easy task
REPEATS = 0.1  # of the rows asked lie among those remembered


def of_classes(part: Classes) -> Iterator[Finding]:
    """Yield what guessing explains; where the accuracy is very high, what one feature or memory explains."""
    truth, prediction = np.asarray(part.truth), np.asarray(part.prediction)
    if truth.shape != prediction.shape or truth.ndim != 1 or not len(truth):
        raise CannotExamineError(f"truth {truth.shape} and prediction {prediction.shape} are not two rows of classes")
    truth, prediction = np.unique(np.concatenate([truth, prediction]), return_inverse=True)[1].reshape(2, -1)
    right = (truth == prediction).astype(np.float64)
    accuracy = float(right.mean())
    found = verdict.chance(Outcome({"accuracy": accuracy}, right), truth)
    rate = found["rate"]
    if rate == 1.0:
        raise CannotExamineError("the test part holds one class alone")
    if stats.binomtest(len(truth), len(truth), rate).pvalue >= verdict.ALPHA:
        raise CannotExamineError(
            f"{counted(len(truth), 'test example')} {form(len(truth), 'is', 'are')} too few: "
            "even all right could be chance"
        )
    yield from _guessing(part, truth, prediction, found)
    if part.features is not None and accuracy >= TOO_GOOD and probes.skill(accuracy, rate) >= OF_THE_WAY:
        yield from _too_good(part, accuracy)


def of_run(record: RunRecord) -> Iterator[Finding]:
    """Yield that the part which chose the weights was hardly better than guessed, however the test part came out."""
    accuracy = (record.metrics.get("validation") or {}).get("accuracy")
    rate = (record.metrics.get("chance") or {}).get("rate")
    if accuracy is None or rate is None or probes.skill(accuracy, rate) >= POOR:
        return
    evidence = {"validation_accuracy": accuracy, "rate_of_the_commonest_class": rate}
    yield _hardly_better(" validation", accuracy, rate, "warning", evidence)


def of_tables(part: Tables) -> Iterator[Finding]:
    """Yield which column or word gives the label away, and what repeats so often that memory is right."""
    rows = _labelled(part)
    if rows is None:
        return
    frame, y = rows
    found = list(_columns(frame, y, part))
    yield from _given_away([probe for probe in found if probe.kind != "column"], y, 1.0)
    beside = [probe for probe in found if probe.kind == "column"]
    yield from _given_away(beside, y, 1.0, read=part.text is None)
    if part.text is not None and part.test is None:
        texts = frame[part.text].cast(pl.String).fill_null("").str.to_lowercase().str.strip_chars()
        whole = texts.str.count_matches(r"\s") >= 4  # "ok" and "thanks" are said more than once
        yield from _memory(texts.filter(whole).rank("dense").to_numpy().astype(np.int64) - 1, int(y.max()) + 1)


def _guessing(part: Classes, truth: Any, prediction: Any, found: dict[str, Any]) -> Iterator[Finding]:
    accuracy, rate = float(np.mean(truth == prediction)), found["rate"]
    kappa, p_value = agreement(truth, prediction)
    evidence = {
        "accuracy": accuracy,
        "rate_of_the_commonest_class": rate,
        "p_value": found["p_value"],
        "kappa": kappa,
        "examples": len(truth),
    }
    curve = _recall(truth, prediction)
    knows = kappa > 0 and p_value < KNOWS
    if found["verdict"] != "better":
        than = "worse than" if found["verdict"] == "worse than chance" else "no better than"
        but = "; the predictions do go with the truth, so look at the recall of each class" if knows else ""
        yield Finding(
            "RK-CHANCE-01",
            "note" if part.said or knows else "fault",
            f"The accuracy of {accuracy:.1%} on {len(truth)} examples is {than} naming the commonest class every time "
            f"({rate:.1%}){but}.",
            "Say so beside the result; then look for what keeps the model from learning, or for labels that do not "
            "belong to their rows.",
            evidence,
            curve,
        )
    elif (gain := probes.skill(accuracy, rate)) < SLIGHT and kappa < SLIGHT:
        yield _hardly_better(
            "", accuracy, rate, "warning" if gain < POOR and not part.said else "note", evidence, curve
        )


def _hardly_better(
    where: str, accuracy: float, rate: float, severity: Severity, evidence: dict[str, Any], curve: Curve | None = None
) -> Finding:
    return Finding(
        "RK-CHANCE-04",
        severity,
        f"The{where} accuracy of {accuracy:.1%} is hardly better than naming the commonest class every time "
        f"({rate:.1%}).",
        "Say so beside the result, and compare with a simple model on the same rows.",
        evidence,
        curve,
    )


def agreement(truth: NDArray[np.int64], prediction: NDArray[np.int64]) -> tuple[float, float]:
    """Return Cohen's kappa and the two-sided p-value of kappa = 0 (Fleiss, Cohen and Everitt 1969), both (N,) classes.

    kappa = (a - e) / (1 - e): a the accuracy, e what the same predictions reach in another order.
    """
    N, C = len(truth), int(max(truth.max(), prediction.max())) + 1
    p, q = np.bincount(truth, minlength=C) / N, np.bincount(prediction, minlength=C) / N
    accuracy, expected = float(np.mean(truth == prediction)), float(np.dot(p, q))
    variance = expected + expected**2 - float(np.sum(p * q * (p + q)))
    if variance <= 0 or expected == 1:
        return 0.0, 1.0
    return (accuracy - expected) / (1 - expected), float(
        2 * stats.norm.sf(abs(accuracy - expected) / np.sqrt(variance / N))
    )


def _recall(truth: NDArray[np.int64], prediction: NDArray[np.int64]) -> Curve:
    classes = np.unique(truth)
    recall = [float(np.mean(prediction[truth == c] == c)) for c in classes]
    return Curve("Share of each class that is found", "class", "recall", classes.tolist(), recall)


def _too_good(part: Classes, accuracy: float) -> Iterator[Finding]:
    """Look for the reason of a very high accuracy among the single features, and among repeats."""
    assert part.features is not None
    X, labels = part.features()
    y = np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)
    if len(y) < FEWEST or y.max() == 0 or X.shape[0] != len(y):
        return
    rows = _sample(len(y), min(ROWS, max(FEWEST * 5, CELLS // max(X.shape[1], 1))) if not sparse.issparse(X) else ROWS)
    y = y[rows]
    if sparse.issparse(X):
        X = sparse.csr_matrix(X)[rows]
        found = probes.of_presence(X, y, part.feature_names, "feature")
    else:
        X = np.asarray(X)[rows].reshape(len(rows), -1).astype(np.float64)
        found = probes.of_numbers(X, y, part.feature_names)
    yield from _given_away(found, y, accuracy)
    yield from _memory(_distinct(X), int(y.max()) + 1)


def _given_away(found: Sequence[Probe], y: NDArray[np.int64], accuracy: float, read: bool = True) -> Iterator[Finding]:
    """`accuracy` is the model's; `read` says whether a model reads what was probed."""
    ranked = sorted(found, key=lambda probe: -probe.accuracy)
    if not ranked or ranked[0].skill < NEARLY or ranked[0].accuracy < min(TOO_GOOD, accuracy):
        return
    best = ranked[0]
    rivals = [probe for probe in ranked[1:] if probe.kind == best.kind and probe.skill > best.skill - 0.05]
    spelling = not read and best.accuracy == 1.0 and best.values <= int(y.max()) + 1
    severity: Severity = "fault" if best.skill >= GIVEN_AWAY and read else "warning"
    if len(rivals) > ALONE or spelling:
        severity = "note"
    many = f", and {len(rivals)} others nearly as well: the task may be easy" if len(rivals) > ALONE else ""
    yield Finding(
        "RK-CHANCE-02",
        severity,
        f"{best.name[0].upper()}{best.name[1:]} alone names the class of {best.accuracy:.1%} of the rows; the "
        f"commonest class is {probes.rate(y):.1%} of them{many}.",
        "Take it out of what the model reads, or make sure that it is known before the label is.",
        {
            "feature": best.name,
            "accuracy_alone": best.accuracy,
            "rate_of_the_commonest_class": probes.rate(y),
            "next_best": ranked[1].name if len(ranked) > 1 else "",
            "accuracy_of_the_next_best": ranked[1].accuracy if len(ranked) > 1 else 0.0,
            "rows_probed": len(y),
        },
        Curve(
            "What one feature alone reaches",
            "features, the best first",
            "accuracy",
            list(range(1, len(ranked[:20]) + 1)),
            [probe.accuracy for probe in ranked[:20]],
        ),
    )


def _memory(contents: NDArray[np.int64], classes: int) -> Iterator[Finding]:
    if len(contents) < FEWEST:
        return
    accuracy, share, asked = probes.remembered(contents, classes)
    p_value = float(stats.binomtest(round(accuracy * asked), asked, 1 / classes, alternative="greater").pvalue)
    if share < REPEATS or p_value > 0.001:
        return
    yield Finding(
        "RK-CHANCE-03",
        "warning",
        f"Memory alone is right on {accuracy:.1%} of the held-out rows though the labels were shuffled among the "
        f"distinct rows (chance: {1 / classes:.1%}): {share:.0%} of them stand in the other half, too.",
        "Drop the repeats before the split, or keep all copies of a row on one side of it.",
        {"accuracy_on_shuffled_labels": accuracy, "chance": 1 / classes, "share_repeated": share, "rows_asked": asked},
    )


def _labelled(part: Tables) -> tuple[pl.DataFrame, NDArray[np.int64]] | None:
    """Return at most ROWS rows that have a label, and the label's number (N,); None where there are no classes."""
    if part.label is None or part.label not in part.train.columns:
        return None
    frame = part.train.filter(pl.col(part.label).is_not_null())
    column = frame[part.label]
    if len(frame) < FEWEST or (column.dtype.is_float() and bool((column != column.round()).any())):
        return None
    y = column.cast(pl.String).rank("dense").to_numpy().astype(np.int64) - 1
    if not 2 <= y.max() + 1 <= min(50, len(frame) / 10):
        return None
    rows = _sample(len(frame), ROWS)
    return frame[rows], np.unique(y[rows], return_inverse=True)[1].astype(np.int64)


def _columns(frame: pl.DataFrame, y: NDArray[np.int64], part: Tables) -> Iterator[Probe]:
    aside = {part.label, part.text, part.time, part.group}
    if part.text is not None:
        yield from probes.of_texts(frame[part.text], y, part.text)
    for name in frame.columns:
        if name in aside:
            continue
        column, dtype = frame[name], frame[name].dtype
        if dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean:
            numbers = column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
            yield probes.of_number("column", f"the column `{name}`", numbers, y)
        elif dtype == pl.String or dtype == pl.Categorical or dtype == pl.Enum:
            words = column.cast(pl.String).fill_null("")
            codes = words.rank("dense").to_numpy().astype(np.int64) - 1
            yield probes.of_codes("column", f"the column `{name}`", codes, y)
            if part.text is None and words.n_unique() > probes.VALUES:
                yield from probes.of_texts(words, y, name)


def _sample(N: int, most: int) -> NDArray[np.int64]:
    """Return the places of at most `most` of N rows, in an order that owes nothing to theirs."""
    return np.random.default_rng(0).permutation(N)[:most]


def _distinct(X: Any) -> NDArray[np.int64]:
    """Number the distinct rows of X (N, F), sparse or not."""
    if not sparse.issparse(X):
        return np.unique(X, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    X.sort_indices()
    keys = [(X.indices[a:b].tobytes(), X.data[a:b].tobytes()) for a, b in zip(X.indptr[:-1], X.indptr[1:], strict=True)]
    known: dict[Any, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)
