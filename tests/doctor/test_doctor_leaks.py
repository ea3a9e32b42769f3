"""Copies, groups, times and fits across a split; and the splits that look like them."""

from __future__ import annotations

from datetime import date
from typing import Any

import doctor_examples
import numpy as np
import polars as pl
import pytest

from rekur import config, tasks
from rekur.doctor import examination
from rekur.doctor.findings import Finding
from rekur.doctor.patient import Patient, Refit, RunRecord, Tables
from rekur.doctor.tables import copies

example = doctor_examples.example("leaks")
edited, reviews = example.edited, example.reviews


def found(tables: Tables, at_least: str = "warning") -> dict[str, Finding]:
    graver = ("fault", "warning", "note")[: {"fault": 1, "warning": 2, "note": 3}[at_least]]
    findings = examination.examine(Patient(tables=tables), only=["leaks"])
    assert "RK-NOTE-01" not in {finding.code for finding in findings}
    return {finding.code: finding for finding in findings if finding.severity in graver}


def of_run(*refits: Refit) -> list[Finding]:
    record = RunRecord({}, {}, [], refits=refits)
    return [f for f in examination.examine(Patient(run=record), only=["leaks"]) if f.code != "RK-NOTE-01"]


def days(n: int, start: date = date(2020, 1, 1)) -> pl.Series:
    return pl.date_range(start, interval="1d", eager=True, end=date.fromordinal(start.toordinal() + n - 1)).alias(
        "date"
    )


def series(n: int = 300) -> pl.DataFrame:
    return pl.DataFrame({"date": days(n), "y": np.random.default_rng(0).normal(size=n).cumsum()})


def both(train: pl.DataFrame, test: pl.DataFrame, **names: Any) -> Tables:
    return Tables(train, test, **names)


def test_the_example_has_copies_and_near_copies() -> None:
    patient = example.faulty()
    assert patient.tables is not None
    assert found(patient.tables, "fault").keys() == {"RK-LEAK-01", "RK-LEAK-02"}


@pytest.mark.parametrize("change", [str.upper, lambda t: f"  {t}\n", lambda t: t.replace(" ", "\t ")])
def test_copies_are_found_though_case_and_space_differ(change: Any) -> None:
    train, test = reviews(300), reviews(100, seed=1)
    test = pl.concat([test, train[:5].with_columns(text=pl.Series([change(text) for text in train["text"][:5]]))])
    finding = found(both(train, test, text="text", label="label"))["RK-LEAK-01"]
    assert finding.severity == "fault"
    assert finding.evidence["rows"] == 5
    assert finding.evidence["same_label"] == 1


def test_one_word_changed_is_a_near_copy_and_its_label_is_compared() -> None:
    train, test, generator = reviews(300), reviews(100, seed=1), np.random.default_rng(0)
    near = train[:10].with_columns(
        text=pl.Series([edited(text, generator) for text in train["text"][:10]]), label=pl.lit("neither")
    )
    finding = found(both(train, pl.concat([test, near]), text="text", label="label"))["RK-LEAK-02"]
    assert finding.evidence["rows"] >= 8  # of short texts one word is more than a fifth
    assert finding.evidence["same_label"] == 0


def test_near_copies_are_those_that_comparing_every_pair_gives() -> None:
    train, generator = reviews(120, words=50), np.random.default_rng(0)
    texts = train["text"][:40].to_list()
    for _ in range(6):
        texts = [edited(text, generator) if generator.random() < 0.7 else text for text in texts]
    test = pl.Series(texts)
    width = 3

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}

    known = [shingles(text) for text in train["text"]]
    expected = {
        row
        for row, text in enumerate(texts)
        if text not in set(train["text"])
        and max(len(a & (b := shingles(text))) / len(a | b) for a in known) >= copies.SIMILAR
    }
    assert 0 < len(expected) < len(texts)
    assert set(copies.similar(train["text"], test).test.tolist()) == expected


def test_short_texts_repeat_by_nature() -> None:
    short = pl.DataFrame({"text": ["good", "very good film", "재미있다", "최고의 영화"] * 50, "label": [0, 1] * 100})
    assert not found(both(short, short[:80], text="text", label="label"), "note")


def test_a_few_copies_among_many_are_a_note() -> None:
    train, test = reviews(1200), pl.concat([reviews(1000, seed=1)])
    test = pl.concat([test, reviews(1200)[:2]])
    assert not found(both(train, test, text="text"))
    assert "RK-LEAK-01" in found(both(train, test, text="text"), "note")


@pytest.mark.data
@pytest.mark.parametrize("name", ["imdb", "nsmc"])
def test_the_published_splits_get_no_more_than_notes(name: str) -> None:
    from rekur.data.datasets import imdb, nsmc

    module = {"imdb": imdb, "nsmc": nsmc}[name]
    train, test = (module.load(part).texts[:8000].alias("text").to_frame() for part in ("train", "test"))
    assert not found(both(train, test, text="text"))


def test_rows_of_numbers() -> None:
    generator = np.random.default_rng(0)
    train, test = (pl.DataFrame(generator.normal(size=(n, 4)), schema=list("abcd")) for n in (300, 100))
    assert not found(both(train, test), "note")
    copied = pl.concat([test, train[10:20]])
    assert found(both(train, copied))["RK-LEAK-01"].evidence["rows"] == 10
    counted = [frame.with_row_index("id") for frame in (train, copied)]
    assert found(both(*counted))["RK-LEAK-01"].evidence["rows"] == 10


def test_coarse_rows_are_equal_by_chance() -> None:
    generator = np.random.default_rng(0)
    train, test = (pl.DataFrame(generator.integers(0, 6, size=(n, 4)), schema=list("abcd")) for n in (300, 100))
    assert not found(both(train, test), "note")


@pytest.mark.parametrize(("given", "severity"), [("patient", "fault"), (None, "warning")])
def test_a_group_on_both_sides(given: str | None, severity: str) -> None:
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"patient": generator.integers(0, 30, 400), "x": generator.normal(size=400)})
    frame = frame if given else frame.rename({"patient": "patient_id"})
    assert found(both(frame[:300], frame[300:], group=given))["RK-LEAK-05"].severity == severity
    column = given or "patient_id"
    apart = [frame.filter(pl.col(column) < 20), frame.filter(pl.col(column) >= 20)]
    assert not found(both(*apart, group=given), "note")


def test_later_values_of_the_same_groups_are_a_forecast() -> None:
    stores = pl.concat([series(200).with_columns(store=pl.lit(f"s{n}")) for n in range(5)])
    cut = date(2020, 5, 1)
    parts = stores.filter(pl.col("date") < cut), stores.filter(pl.col("date") >= cut)
    assert not found(both(*parts, group="store", time="date"))


def test_a_random_split_of_a_series() -> None:
    frame = series()
    rows = np.random.default_rng(0).permutation(300)
    finding = found(both(frame[rows[:240]], frame[rows[240:]], time="date"))["RK-LEAK-06"]
    assert finding.severity == "fault"
    assert finding.curve is not None
    as_text = frame.with_columns(pl.col("date").cast(pl.String))
    assert "RK-LEAK-06" in found(both(as_text[rows[:240]], as_text[rows[240:]], time="date"), "fault")


def test_parts_that_overlap_are_a_warning() -> None:
    frame = series()
    assert found(both(frame[:220], frame[200:], time="date"))["RK-LEAK-06"].severity == "warning"
    assert found(both(frame[100:], frame[:100], time="date"))["RK-LEAK-06"].severity == "warning"


@pytest.mark.parametrize("at", [0, 5])
def test_a_split_at_a_moment_is_sound(at: int) -> None:
    frame = series()
    shuffled = frame[:240].sample(fraction=1, shuffle=True, seed=0)  # within a part the order says nothing
    assert not found(both(shuffled, frame[240 + at :], time="date"), "note")


def test_other_groups_may_be_of_any_time() -> None:
    patients = [series(100).with_columns(pid=pl.lit(n)) for n in range(6)]
    assert not found(both(pl.concat(patients[:4]), pl.concat(patients[4:]), time="date", group="pid"), "note")


def test_each_part_may_count_its_own_steps() -> None:
    parts = [pl.DataFrame({"t": range(n), "y": np.random.default_rng(n).normal(size=n)}) for n in (200, 100)]
    assert not found(both(*parts, time="t"), "note")


def test_a_scaler_fitted_on_all_rows() -> None:
    alone, everything = {"shift": [1.0, 2.0], "scale": [10.0, 5.0]}, {"shift": [1.0, 2.0], "scale": [10.0, 8.0]}
    (finding,) = of_run(Refit("scaler", everything, alone, {"all days": everything}))
    assert (finding.code, finding.severity) == ("RK-LEAK-03", "fault")
    assert "all days" in finding.sentence
    assert finding.evidence["largest"] == {"place": "the scale of column 2", "used": 8.0, "training_part": 5.0}
    assert "1 of its 4 numbers differs; the largest difference: the scale of column 2 is 8," in finding.sentence


def test_the_columns_of_a_series_are_named() -> None:
    task = tasks.create(config.load("kospi-gru"), seed=1)
    task.load()
    (finding,) = of_run(*task.refits())
    assert "9 of its 10 numbers differ; the largest difference: the range of `Close` is " in finding.sentence
    mended = tasks.create(config.load("kospi-gru-mended"), seed=1)
    mended.load()
    assert not of_run(*mended.refits())


@pytest.mark.parametrize("what", ["vocabulary", "document frequencies"])
def test_a_vocabulary_of_more_than_the_training_part(what: str) -> None:
    alone, everything = {"words": ["a", "b"]}, {"words": ["a", "c", "b"]}
    (finding,) = of_run(Refit(what, everything, alone, {"the validation texts, too": everything}))
    assert (finding.code, finding.severity) == ("RK-LEAK-04", "fault")
    assert finding.evidence["examples"] == ["c"]


def test_frequencies_alone_and_order_alone_are_told() -> None:
    (finding,) = of_run(Refit("document frequencies", {"a": 3, "b": 9}, {"a": 2, "b": 9}, {"all": {"a": 3, "b": 9}}))
    assert finding.evidence["that_differ"] == 1
    (finding,) = of_run(
        Refit("vocabulary", {"words": ["b", "a"]}, {"words": ["a", "b"]}, {"all": {"words": ["b", "a"]}})
    )
    assert finding.evidence["moved"] == 2


@pytest.mark.parametrize(
    ("used", "alone", "beyond"),
    [
        ([1.0, 2.0], [1.0, 2.0], [1.0, 3.0]),
        ([1.0, 2.0], [1.0, 2.0 * (1 + 1e-9)], [1.0, 2.0]),  # rounding
        ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]),
        ([0.0, 9.0], [1.0, 2.0], [1.0, 3.0]),  # fitted on nothing we know
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), np.array([2.0, np.nan])),
        (["a"], ["a"], ["a", "b"]),
    ],
)
def test_a_fit_on_the_training_part_alone_is_sound(used: Any, alone: Any, beyond: Any) -> None:
    assert not of_run(Refit("scaler", used, alone, {"all rows": beyond}))


def test_one_table_alone_has_no_split() -> None:
    assert not found(Tables(pl.concat([reviews(50), reviews(50)]), text="text"), "note")
