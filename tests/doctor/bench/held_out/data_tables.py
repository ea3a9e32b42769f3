"""Tables of data, faulty and sound."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from ..registry import faulty, given, sound

WORDS = [
    "film",
    "story",
    "actor",
    "scene",
    "plot",
    "music",
    "camera",
    "ending",
    "dialogue",
    "hero",
    "villain",
    "cast",
    "script",
    "humour",
    "pace",
    "tone",
    "theme",
    "director",
    "editing",
    "light",
    "colour",
    "sound",
    "drama",
    "action",
    "romance",
    "mystery",
    "moment",
    "character",
    "world",
    "voice",
]
MOODS = {
    "pos": ["wonderful", "moving", "superb", "charming", "brilliant"],
    "neg": ["dull", "clumsy", "awful", "tedious", "weak"],
}


def reviews(n: int, seed: int, longest: int = 25) -> pl.DataFrame:
    """Return made-up reviews with a few words that lean to a side."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        label = ("pos", "neg")[k % 2]
        other = ("neg", "pos")[k % 2]
        words = [str(w) for w in rng.choice(WORDS, rng.integers(12, longest))]
        words[int(rng.integers(len(words)))] = str(rng.choice(MOODS[label if rng.random() < 0.8 else other]))
        rows.append({"review": " ".join(words), "sentiment": label})
    return pl.DataFrame(rows)


def days(n: int) -> list[date]:
    """Return days in a row."""
    return [date(2019, 1, 1) + timedelta(days=k) for k in range(n)]


def sales(n: int, seed: int) -> pl.DataFrame:
    """Return a shop's daily sales."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    y = 200 + 30 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 10, n)
    return pl.DataFrame({"date": days(n), "sales": y, "temperature": 15 + 10 * np.sin(t / 58) + rng.normal(0, 2, n)})


@sound
def reviews_in_two_parts() -> dict:
    return given(
        tables={"train": reviews(300, 1), "test": reviews(100, 2), "text": "review", "label": "sentiment", "length": 30}
    )


@sound
def daily_sales_split_at_a_day() -> dict:
    frame = sales(400, 3)
    return given(tables={"train": frame[:320], "test": frame[320:], "time": "date"})


@sound
def prices_on_working_days() -> dict:
    """Weekends are missing, as they are in prices."""
    rng = np.random.default_rng(4)
    every = [d for d in days(420) if d.weekday() < 5]
    close = 50 + rng.normal(0, 0.5, len(every)).cumsum()
    frame = pl.DataFrame({"Date": every, "Close": close, "Volume": rng.integers(10_000, 90_000, len(every))})
    return given(tables={"train": frame, "time": "Date"})


@sound
def sensors_by_machine() -> dict:
    rng = np.random.default_rng(5)
    parts = [
        pl.DataFrame({"unit": [k] * 40, "cycle": range(40), "s1": rng.normal(k, 1, 40), "s2": rng.normal(0, 1, 40)})
        for k in range(10)
    ]
    return given(tables={"train": pl.concat(parts[:7]), "test": pl.concat(parts[7:]), "time": "cycle", "group": "unit"})


@faulty("RK-LEAK-01", "RK-LEAK-02")
def copies_made_before_the_split() -> dict:
    frame = reviews(200, 6)
    doubled = pl.concat([frame, frame[:60]]).sample(fraction=1.0, shuffle=True, seed=1)
    return given(tables={"train": doubled[:200], "test": doubled[200:], "text": "review", "label": "sentiment"})


@faulty("RK-LEAK-02", "RK-LEAK-01")
def one_word_changed() -> dict:
    """Augmented by a changed word each, and split afterwards."""
    train, test = reviews(200, 7, 40), reviews(60, 8)
    near = train[:30].with_columns(pl.col("review").str.replace(r"^\w+ ", "picture "))
    return given(tables={"train": train, "test": pl.concat([test, near]), "text": "review", "label": "sentiment"})


@faulty("RK-LEAK-05")
def patients_on_both_sides() -> dict:
    rng = np.random.default_rng(9)
    frame = pl.DataFrame(
        {"patient_id": rng.integers(0, 25, 300), "pulse": rng.normal(70, 9, 300), "sick": rng.integers(0, 2, 300)}
    )
    return given(tables={"train": frame[:220], "test": frame[220:], "label": "sick", "group": "patient_id"})


@faulty("RK-LEAK-06", "RK-LEAK-01")
def days_shuffled_before_the_split() -> dict:
    frame = sales(300, 10).sample(fraction=1.0, shuffle=True, seed=2)
    return given(tables={"train": frame[:240], "test": frame[240:], "time": "date"})


@faulty("RK-DATA-01")
def korean_read_as_latin() -> dict:
    frame = reviews(80, 11).with_columns(
        pl.col("review") + " " + "정말 재미있는 영화".encode().decode("latin-1").replace("\x80", "€")
    )
    return given(tables={"train": frame, "text": "review", "label": "sentiment"})


@faulty("RK-DATA-02")
def labels_with_capitals_and_spaces() -> dict:
    frame = reviews(120, 12)
    changed = [("Pos" if k % 6 == 0 else "neg " if k % 9 == 1 else v) for k, v in enumerate(frame["sentiment"])]
    return given(
        tables={"train": frame.with_columns(pl.Series("sentiment", changed)), "text": "review", "label": "sentiment"}
    )


@faulty("RK-DATA-06")
def days_missing_and_twice() -> dict:
    frame = sales(200, 13)
    broken = pl.concat([frame[:60], frame[58:120], frame[150:]])
    return given(tables={"train": broken, "time": "date"})


@faulty("RK-DATA-07")
def grams_after_a_change_of_system() -> dict:
    frame = sales(200, 14)
    y = frame["sales"].to_numpy().copy()
    y[120:] *= 1000
    return given(tables={"train": frame.with_columns(pl.Series("sales", y)), "time": "date"})


@faulty("RK-DATA-08", "RK-DATA-09")
def column_that_never_changes() -> dict:
    return given(tables={"train": sales(150, 15).with_columns(shop=pl.lit(1.0)), "time": "date"})


@faulty("RK-CHANCE-02")
def rating_in_the_text() -> dict:
    frame = reviews(300, 16)
    scores = [("9/10 " if v == "pos" else "2/10 ") for v in frame["sentiment"]]
    return given(
        tables={
            "train": frame.with_columns(pl.Series("review", scores) + pl.col("review")),
            "text": "review",
            "label": "sentiment",
        }
    )
