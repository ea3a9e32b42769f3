"""Tables as people bring them: reviews, prices, sensors; clean ones, and ones with a fault."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from .registry import Parts, faulty, given, sound

GOOD = ["wonderful", "moving", "clever", "funny", "warm", "brilliant", "charming", "gripping", "fresh", "superb"]
BAD = ["dull", "boring", "awful", "clumsy", "tired", "weak", "stupid", "slow", "empty", "wooden"]
WORDS = """
the film story actor scene director music camera ending plot dialogue script cast editing sound light set voice
screen minute hour viewer audience studio budget costume joke drama thriller sequel role hero villain friend
family city village summer winter night morning road train letter secret money garden house window
"""
PLAIN = WORDS.split()
MONDAY = dt.date(2019, 1, 7)


def reviews(N: int = 240, seed: int = 0, balance: float = 0.5) -> pl.DataFrame:
    """Return N reviews, no two alike, with their sentiment."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(N) < balance).astype(int)
    rows = []
    for label in labels:
        words = list(draw.choice(PLAIN, draw.integers(15, 40)))
        for _ in range(4):
            tone = GOOD if (label == 1) == (draw.random() < 0.8) else BAD
            words.insert(draw.integers(len(words)), str(draw.choice(tone)))
        rows.append(" ".join(words) + ".")
    return pl.DataFrame({"review": rows, "sentiment": labels})


def of_reviews(train: pl.DataFrame, test: pl.DataFrame | None = None, **more: Any) -> Parts:
    return given(tables={"train": train, "test": test, "text": "review", "label": "sentiment", **more})


def days(N: int, start: dt.date = MONDAY, seed: int = 0) -> pl.DataFrame:
    """Return N trading days with a price that wanders."""
    draw = np.random.default_rng(seed)
    dates = [start + dt.timedelta(days=7 * (n // 5) + n % 5) for n in range(N)]
    close = 2000 * np.exp(np.cumsum(draw.normal(0, 0.01, N)))
    return pl.DataFrame(
        {
            "Date": dates,
            "Open": close * (1 + draw.normal(0, 0.003, N)),
            "Close": close,
            "Volume": draw.integers(300_000, 900_000, N),
        }
    )


# sound


@sound
def reviews_split_cleanly() -> Parts:
    return of_reviews(reviews(), reviews(80, seed=1))


@sound
def reviews_with_words_as_labels() -> Parts:
    names = {0: "negative", 1: "positive"}
    named = reviews(200, 2).with_columns(pl.col("sentiment").replace_strict(names))
    return of_reviews(named, length=64)


@sound
def trading_days_without_weekends() -> Parts:
    prices = days(300)
    return given(tables={"train": prices[:220], "test": prices[220:], "time": "Date"})


@sound
def hours_of_a_sensor() -> Parts:
    draw = np.random.default_rng(3)
    hours = [dt.datetime(2024, 3, 1) + dt.timedelta(hours=n) for n in range(400)]
    warm = 15 + 6 * np.sin(np.arange(400) * 2 * np.pi / 24) + draw.normal(0, 0.5, 400)
    rain = np.where(draw.random(400) < 0.15, draw.exponential(2.0, 400), 0.0)
    table = pl.DataFrame({"time": hours, "temperature": warm, "rain": rain})
    return given(tables={"train": table[:300], "test": table[300:], "time": "time"})


@sound
def patients_split_by_person() -> Parts:
    draw = np.random.default_rng(4)
    person = np.repeat(np.arange(40), 6)
    values = draw.normal(size=(240, 3)) + draw.normal(size=(40, 3))[person]
    table = pl.DataFrame({"person": person, "a": values[:, 0], "b": values[:, 1], "c": values[:, 2]})
    table = table.with_columns(ill=pl.Series((person % 2).astype(int)))
    train, test = table.filter(pl.col("person") < 30), table.filter(pl.col("person") >= 30)
    return given(tables={"train": train, "test": test, "label": "ill", "group": "person"})


@sound
def short_messages_somewhat_unbalanced() -> Parts:
    return of_reviews(reviews(300, 5, balance=0.35), reviews(90, 6, balance=0.35))


@sound
def texts_with_accents_and_other_scripts() -> Parts:
    extra = ["café crème à l'été", "정말 재미있는 영화", "größer als früher", "naïve façade"]
    table = reviews(200, 7)
    texts = [f"{text} {extra[n % 4]}" if n % 3 == 0 else text for n, text in enumerate(table["review"])]
    return of_reviews(table.with_columns(review=pl.Series(texts)), reviews(60, 8))


# faulty


@faulty("RK-LEAK-01")
def a_third_of_the_test_was_trained_on() -> Parts:
    train, test = reviews(), reviews(60, 1)
    return of_reviews(train, pl.concat([test, train.sample(30, seed=0)]))


@faulty("RK-LEAK-01")
def rows_of_numbers_copied_by_oversampling_before_the_split() -> Parts:
    draw = np.random.default_rng(0)
    table = pl.DataFrame({"a": draw.normal(size=90), "b": draw.normal(size=90), "y": draw.integers(0, 2, 90)})
    mixed = pl.concat([table, table, table]).sample(fraction=1.0, shuffle=True, seed=1)
    return given(tables={"train": mixed[:200], "test": mixed[200:], "label": "y"})


@faulty("RK-LEAK-02", "RK-LEAK-01")
def test_texts_changed_by_a_word() -> Parts:
    train, test = reviews(), reviews(40, 1)
    near = train[:30].with_columns(pl.col("review").str.replace(r"\w+\.$", "indeed!").str.to_titlecase())
    return of_reviews(train, pl.concat([test, near]))


@faulty("RK-LEAK-05")
def the_same_people_on_both_sides() -> Parts:
    draw = np.random.default_rng(4)
    person = np.repeat(np.arange(40), 6)
    table = pl.DataFrame({"person": person, "a": draw.normal(size=240), "ill": (person % 2).astype(int)})
    table = table.sample(fraction=1.0, shuffle=True, seed=0)
    return given(tables={"train": table[:180], "test": table[180:], "label": "ill", "group": "person"})


@faulty("RK-LEAK-06")
def days_split_at_random() -> Parts:
    prices = days(300).sample(fraction=1.0, shuffle=True, seed=0)
    train, test = prices[:220].sort("Date"), prices[220:].sort("Date")
    return given(tables={"train": train, "test": test, "time": "Date"})


@faulty("RK-CHANCE-02")
def the_answer_among_the_columns() -> Parts:
    draw = np.random.default_rng(5)
    y = draw.integers(0, 2, 260)
    table = pl.DataFrame(
        {"a": draw.normal(size=260) + 0.3 * y, "b": draw.normal(size=260), "score": y * 2.0 + draw.random(260), "y": y}
    )
    return given(tables={"train": table[:200], "test": table[200:], "label": "y"})


@faulty("RK-DATA-02")
def labels_in_several_spellings() -> Parts:
    spelled = ["positive", "Positive", "positive "], ["negative", "NEGATIVE", "negative"]
    table = reviews(200, 9)
    labels = [spelled[1 - label][n % 3] for n, label in enumerate(table["sentiment"])]
    return of_reviews(table.with_columns(sentiment=pl.Series(labels)))


@faulty("RK-DATA-01")
def accents_read_in_the_wrong_encoding() -> Parts:
    table = reviews(200, 10)
    broken = "une soirée à l'opéra, très réussie, déjà vue".encode().decode("cp1252")
    texts = [f"{text} {broken}" if n % 4 == 0 else text for n, text in enumerate(table["review"])]
    return of_reviews(table.with_columns(review=pl.Series(texts)))


@faulty("RK-DATA-03")
def one_class_in_fifty() -> Parts:
    return of_reviews(reviews(600, 11, balance=0.02))


@faulty("RK-DATA-04")
def most_of_each_text_cut_off() -> Parts:
    return of_reviews(reviews(200, 12), length=8)


@faulty("RK-DATA-06")
def a_month_missing_and_a_day_twice() -> Parts:
    prices = days(300)
    holed = pl.concat([prices[:120], prices[119:121], prices[145:]])
    return given(tables={"train": holed, "time": "Date"})


@faulty("RK-DATA-07")
def prices_in_another_unit_from_the_middle_on() -> Parts:
    prices = days(300)
    first = pl.int_range(pl.len()) < 150
    jumped = prices.with_columns(pl.when(first).then(pl.col("Close")).otherwise(pl.col("Close") / 1000).alias("Close"))
    return given(tables={"train": jumped, "time": "Date"})


@faulty("RK-DATA-08")
def a_column_that_never_changes() -> Parts:
    return given(tables={"train": days(200).with_columns(Dividends=pl.lit(0.0)), "time": "Date"})


@faulty("RK-DATA-09")
def empty_texts_and_missing_labels() -> Parts:
    table = reviews(200, 13)
    texts = ["" if n % 9 == 0 else text for n, text in enumerate(table["review"])]
    labels = [None if n % 11 == 0 else label for n, label in enumerate(table["sentiment"])]
    return of_reviews(table.with_columns(review=pl.Series(texts), sentiment=pl.Series(labels)))
