"""Chance is told from skill, and skill from an answer given away."""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from rekur.doctor import examination
from rekur.doctor.patient import Classes, Patient, RunRecord, Tables
from rekur.doctor.tables import probes

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import doctor_simulations as simulations

SEED = 5  # not that of the figures on record


def found(**parts):
    return {f.code: f.severity for f in examination.examine(Patient(**parts), only=["chance"])}


def answers(n, right, classes=2, seed=0, **more):
    """Return n answers, that share of them right, the rest spread over the other classes."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, n)
    wrong = (truth + draw.integers(1, classes, n)) % classes
    return Classes(truth, np.where(np.arange(n) < right * n, truth, wrong), **more)


def words(n, seed=0, tells=None, repeats=1):
    """Return n reviews of some sixty words each, some of them commoner in the good ones, and their labels."""
    draw = np.random.default_rng(seed)
    common, good, bad = ([f"{kind}{i}" for i in range(80)] for kind in ("word", "good", "bad"))
    texts, labels = [], []
    for _ in range(n // repeats):
        label = int(draw.integers(0, 2))
        mine, others = (good, bad) if label else (bad, good)
        text = [*draw.choice(common, 40), *draw.choice(mine, 12), *draw.choice(others, 6)]
        draw.shuffle(text)
        texts += [" ".join(text) + (tells(label, draw) if tells else "")] * repeats
        labels += [("negative", "positive")[label]] * repeats
    order = draw.permutation(len(texts))
    return pl.DataFrame({"review": [texts[i] for i in order], "sentiment": [labels[i] for i in order]})


def reviews(*more, **columns):
    frame = words(*more, **columns)
    return Tables(frame, text="review", label="sentiment")


# Chance


@pytest.mark.parametrize(
    ("classes", "severity"),
    [
        (answers(300, 0.5), "fault"),
        (answers(300, 0.5, said=False), "fault"),
        (answers(300, 0.5, said=True), "note"),
        (answers(400, 0.3), "fault"),
        (Classes(np.arange(300) % 10 // 8, np.zeros(300, int)), "fault"),
        (answers(500, 0.2, classes=5), "fault"),
    ],
)
def test_what_guessing_explains(classes, severity):
    assert found(classes=classes) == {"RK-CHANCE-01": severity}


@pytest.mark.parametrize("classes", [answers(300, 0.8), answers(60, 0.75), answers(500, 0.5, classes=5)])
def test_what_guessing_does_not_explain(classes):
    assert found(classes=classes) == {}


def test_a_rare_class_that_is_found_is_no_chance():
    truth = np.arange(1000) % 20 == 0
    prediction = (np.arange(1000) % 40 == 0) | (np.arange(1000) % 30 == 7)
    assert found(classes=Classes(truth.astype(int), prediction.astype(int))) == {"RK-CHANCE-01": "note"}


def test_hardly_better_is_said():
    assert found(classes=answers(25_000, 0.52)) == {"RK-CHANCE-04": "warning"}
    assert found(classes=answers(25_000, 0.52, said=True)) == {"RK-CHANCE-04": "note"}
    assert found(classes=answers(25_000, 0.58)) == {"RK-CHANCE-04": "note"}


def test_a_validation_part_at_chance_is_said():
    for accuracy, codes in ((0.511, {"RK-CHANCE-04": "warning"}), (0.83, {})):
        metrics = {"validation": {"accuracy": accuracy}, "chance": {"rate": 0.5}}
        assert found(run=RunRecord({}, metrics, [])) == codes
    assert found(run=RunRecord({}, {"validation": {"rmse": 3.0}, "chance": None}, [])) == {}


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [([0, 1, 1], [0, 1, 1], "too few"), ([1] * 50, [1] * 50, "one class"), ([0, 1], [0], "not two rows")],
)
def test_what_cannot_be_examined_says_why(truth, prediction, words):
    (note,) = examination.examine(Patient(classes=Classes(np.array(truth), np.array(prediction))), only=["chance"])
    assert note.severity == "note"
    assert words in note.sentence


def test_shuffled_labels_are_seldom_called_better():
    assert simulations.called_better(True, 20, SEED) <= 1 / 20
    assert simulations.called_better(False, 5, SEED) == 1


# Too good: a classifier's features


def counts(kind, n=600, classes=2, seed=0):
    """Return word counts (n, 300), sparse, and classes (n,)."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, classes, n)
    X = draw.poisson(0.3, (n, 300))
    X[:, :60] += draw.poisson(0.5 * (y[:, None] == np.arange(60) % classes))
    if kind == "one word":
        X[:, 42] = y == 1
    elif kind == "many words":
        X[:, :20] = np.where(draw.random((n, 20)) < 0.995, y[:, None], 1 - y[:, None])
    elif kind == "repeated":
        X, y = np.tile(X[:200], (3, 1)), np.tile(y[:200], 3)
    return sparse.csr_matrix(X), y


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("plain", {}),
        ("one word", {"RK-CHANCE-02": "fault"}),
        ("many words", {"RK-CHANCE-02": "note"}),
        ("repeated", {"RK-CHANCE-03": "warning"}),
    ],
)
def test_why_nearly_all_is_right(kind, codes, dense):
    X, y = counts(kind)
    features = (lambda: (X.toarray(), y)) if dense else (lambda: (X, y))
    assert found(classes=answers(400, 0.995, features=features)) == codes


def test_the_feature_is_named():
    (finding,) = examination.examine(
        Patient(classes=answers(400, 1.0, features=lambda: counts("one word"), feature_names="the word {}".format))
    )
    assert "The word 42 alone" in finding.sentence
    assert finding.curve.y[0] == 1


def test_features_are_not_asked_where_nothing_is_suspicious():
    def features():
        raise AssertionError

    assert found(classes=answers(400, 0.9, features=features)) == {}


def test_digits_pass():
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert found(classes=answers(500, 0.99, classes=10, features=lambda: (digits.data, digits.target))) == {}


# Too good: a table


@pytest.mark.parametrize(
    ("tells", "named"),
    [
        (lambda label, _: " spoiled" if label else "", "the word `spoiled`"),
        (lambda label, draw: f" rated {draw.integers(6, 11) if label else draw.integers(1, 5)}", "last word"),
        (lambda label, draw: f" stars {draw.integers(1, 4) + 5 * label} of many", "word behind `stars`"),
        (lambda label, draw: " and so on" * int(draw.integers(1, 4) + 5 * label), "number of words"),
    ],
)
def test_texts_that_hold_their_label(tells, named):
    (finding,) = examination.examine(Patient(tables=reviews(400, tells=tells)), only=["chance"])
    assert (finding.code, finding.severity) == ("RK-CHANCE-02", "fault")
    assert named in finding.sentence.lower() or named in finding.evidence["next_best"]


def test_ordinary_texts_pass():
    assert found(tables=reviews(600)) == {}
    assert found(tables=reviews(120)) == {}


def sensor(n=500):
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, n)
    return {"heat": y + draw.normal(size=n), "light": draw.normal(size=n), "day": np.arange(n)}, y


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        (lambda _: {}, {}),
        (lambda y: {"id": np.argsort(np.argsort(y, kind="stable"))}, {"RK-CHANCE-02": "fault"}),
        (lambda y: {"score": 10.0 * y + np.random.default_rng(1).random(len(y))}, {"RK-CHANCE-02": "fault"}),
        (lambda y: {"kind": np.array(["low", "middle", "high"])[y]}, {"RK-CHANCE-02": "fault"}),
        (lambda y: {"name": [f"row {i}" for i in range(len(y))]}, {}),
        (lambda y: {"gap": np.where(np.arange(len(y)) % 3, np.nan, 1.0)}, {}),
    ],
    ids=["plain", "sorted id", "score", "other words", "names", "missing"],
)
def test_columns_that_hold_the_label(more, codes):
    columns, y = sensor()
    assert found(tables=Tables(pl.DataFrame({**columns, **more(y), "label": y}), label="label")) == codes


def test_a_column_beside_the_text_is_no_fault():
    frame = words(300)
    good = (frame["sentiment"] == "positive").to_numpy()
    stars = frame.with_columns(stars=pl.Series(np.where(good, 7, 2) + np.random.default_rng(0).integers(0, 3, 300)))
    assert found(tables=Tables(stars, text="review", label="sentiment")) == {"RK-CHANCE-02": "warning"}
    code = frame.with_columns(code=pl.Series(good.astype(int)))
    assert found(tables=Tables(code, text="review", label="sentiment")) == {"RK-CHANCE-02": "note"}


def test_texts_that_repeat():
    assert found(tables=reviews(400, repeats=2)) == {"RK-CHANCE-03": "warning"}


def test_what_has_no_classes_passes():
    columns, _ = sensor()
    frame = pl.DataFrame(columns)
    for label in (None, "heat", "day", "missing"):
        assert found(tables=Tables(frame, label=label)) == {}


def test_large_tables_take_seconds():
    frame = words(500)
    large = pl.concat([frame.with_columns(review=pl.col("review") + f" {i}") for i in range(50)])
    begin = time.perf_counter()
    found(tables=Tables(large, text="review", label="sentiment", test=frame))
    assert time.perf_counter() - begin < 8


def test_memory_is_right_as_often_as_rows_repeat():
    alone = probes.remembered(np.arange(2000), 4)
    assert alone[0] == pytest.approx(0.25, abs=0.05)
    assert alone[1] == 0
    twice = probes.remembered(np.repeat(np.arange(1000), 2), 4)
    assert twice[0] == pytest.approx(0.25 + 0.75 * twice[1], abs=0.05)
