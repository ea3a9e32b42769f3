"""The doctor's sentences: one row is, two rows are, and each begins with a capital."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import doctor_examples
import polars as pl
import pytest

from rekur.doctor import examination
from rekur.doctor.patient import Patient, Tables

reviews = doctor_examples.example("leaks").reviews
ONE_AS_MANY = re.compile(r"(^|[^\d.,])1 (rows|values|texts|examples|test \w+s|of [^:;]* (are|have|stand|hold))\b")


def with_one(column: str, value: Any) -> Tables:
    """A sound table of texts with one value that is not."""
    frame = reviews(100)
    frame[7, column] = value
    return Tables(frame, text="text", label="label")


def dated(days: list[int]) -> Tables:
    return Tables(
        pl.DataFrame({"date": [date(2020, 1, 1) + timedelta(d) for d in days], "x": range(len(days))}), time="date"
    )


def split(test: pl.DataFrame, **names: Any) -> Tables:
    return Tables(reviews(100), pl.concat([reviews(50, seed=1), test]), text="text", label="label", **names)


ONE = {
    "replaced": with_one("text", "caf\ufffd"),
    "empty": with_one("text", ""),
    "no label": with_one("label", None),
    "another case": with_one("label", "POSITIVE"),
    "in pieces": with_one("text", "cafe\u0301"),
    "out of order": dated([*range(30), 12, *range(31, 60)]),
    "twice": dated([*range(30), *range(29, 60)]),
    "a gap": dated([*range(30), *range(31, 60)]),
    "copy": split(reviews(100)[:1]),
    "unseen": split(reviews(1, seed=2).with_columns(label=pl.lit("unsure"))),
}


@pytest.mark.parametrize("name", ONE)
def test_one_is_no_plural(name: str) -> None:
    findings = examination.examine(Patient(tables=ONE[name]), only=["data", "leaks"])
    assert findings
    for finding in findings:
        assert not ONE_AS_MANY.search(finding.sentence), finding.sentence
        assert re.match("[A-Z0-9]", finding.sentence)


@pytest.mark.parametrize("name", ["chance", "data", "leaks", "log", "schedule", "shifted"])
def test_a_sentence_begins_with_a_capital_and_ends_with_a_stop(name: str) -> None:
    for finding in examination.examine(doctor_examples.example(name).faulty(), only=[name]):
        assert re.match("[A-Z0-9]", finding.sentence)
        assert finding.sentence.endswith(".")
