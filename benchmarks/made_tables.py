"""Tables of any size for the measures of size: made by rule with a fixed seed, written piece by piece.

`write` takes a path (.csv, .csv.gz, .jsonl or .parquet) and a number of rows; equal arguments give equal files.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 20_000  # written at once
WORDS = 30_000  # there are
KINDS = np.array(["good", "fair", "bad"])
STEPS = 50  # of a sequence
FIRST = np.datetime64("2020-01-01T00:00", "ms")


def texts(rows: int, words: int = 30) -> Iterator[pl.DataFrame]:
    """Yield reviews and their sentiments: the first words often, one word in eight of a class's own."""
    rng = np.random.default_rng(0)
    known = np.array([f"word{number}" for number in range(WORDS)])
    for at in range(0, rows, ROWS):
        N = min(ROWS, rows - at)
        ranks = (rng.pareto(1.0, (N, words)) * 20).astype(np.int64).clip(0, WORDS - 1)
        label = rng.integers(0, len(KINDS), N)
        own = rng.random((N, words)) < 1 / 8
        ranks = np.where(own, 3 * rng.integers(0, 300, (N, words)) + label[:, None], ranks)
        yield pl.DataFrame({"review": [" ".join(row) for row in known[ranks]], "sentiment": KINDS[label]})


def _waves(rng: np.random.Generator, N: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences (N, T) and the class of each: a slow, a middling or a fast wave under noise."""
    label = rng.integers(0, len(KINDS), N)
    turns = (3 + 0.5 * label)[:, None] * np.linspace(0, 1, STEPS) + rng.random((N, 1))
    return np.sin(2 * np.pi * turns) + rng.normal(0, 0.8, (N, STEPS)), label


def steps(rows: int) -> Iterator[pl.DataFrame]:
    """Yield a row a step: id, time, value, label."""
    rng, each = np.random.default_rng(1), ROWS // STEPS
    count = max(1, rows // STEPS)
    for at in range(0, count, each):
        N = min(each, count - at)
        values, label = _waves(rng, N)
        yield pl.DataFrame(
            {
                "machine": np.repeat([f"m{number}" for number in range(at, at + N)], STEPS),
                "time": np.tile(np.arange(STEPS), N),
                "value": values.ravel().round(4),
                "state": np.repeat(KINDS[label], STEPS),
            }
        )


def amounts(rows: int) -> Iterator[pl.DataFrame]:
    """Yield a row a step, and of each sequence how high its wave is."""
    rng, each = np.random.default_rng(2), ROWS // STEPS
    count = max(1, rows // STEPS)
    for at in range(0, count, each):
        N = min(each, count - at)
        values, _ = _waves(rng, N)
        height = rng.uniform(0.5, 2.0, N)
        yield pl.DataFrame(
            {
                "machine": np.repeat([f"m{number}" for number in range(at, at + N)], STEPS),
                "time": np.tile(np.arange(STEPS), N),
                "value": (values * height[:, None]).ravel().round(4),
                "target": np.repeat(height.round(4), STEPS),
            }
        )


def curves(rows: int) -> Iterator[pl.DataFrame]:
    """Yield a row a sequence: its steps side by side, and its label."""
    rng = np.random.default_rng(3)
    for at in range(0, rows, ROWS):
        values, label = _waves(rng, min(ROWS, rows - at))
        yield pl.DataFrame({f"t{step}": values[:, step].round(4) for step in range(STEPS)} | {"state": KINDS[label]})


def series(rows: int, length: int = 5_000) -> Iterator[pl.DataFrame]:
    """Yield a row a value: hours of series with a daily wave, a level and noise of their own."""
    rng = np.random.default_rng(4)
    length = min(length, max(50, rows))
    hours = np.arange(length)
    for number in range(max(1, rows // length)):
        wave = 1 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * (hours / 24 - rng.random()))
        values = rng.uniform(20, 200) * wave * np.exp(rng.normal(0, 0.08, length))
        yield pl.DataFrame(
            {
                "unique_id": [f"s{number}"] * length,
                "ds": FIRST + hours.astype("timedelta64[h]"),
                "y": values.round(3),
            }
        ).with_columns(pl.col("ds").dt.to_string("%Y-%m-%d %H:%M"))


def short_series(rows: int) -> Iterator[pl.DataFrame]:
    """Yield a row a value: series of 50 hours."""
    yield from series(rows, 50)


def series_beside(rows: int, width: int = 20) -> Iterator[pl.DataFrame]:
    """Yield a column a series beside the hour; `rows` values in all."""
    rng = np.random.default_rng(5)
    level, phase, length = rng.uniform(20, 200, width), rng.random(width), max(50, rows // width)
    for at in range(0, length, ROWS):
        hours = np.arange(at, min(at + ROWS, length))
        wave = 1 + 0.3 * np.sin(2 * np.pi * (hours[:, None] / 24 - phase))
        values = (level * wave * np.exp(rng.normal(0, 0.08, (len(hours), width)))).round(3)
        times = pl.Series("ds", FIRST + hours.astype("timedelta64[h]")).dt.to_string("%Y-%m-%d %H:%M")
        yield pl.DataFrame({f"s{place}": values[:, place] for place in range(width)}).insert_column(0, times)


MAKERS: dict[str, Callable[[int], Iterator[pl.DataFrame]]] = {
    "texts": texts,
    "steps": steps,
    "amounts": amounts,
    "curves": curves,
    "series": series,
    "short_series": short_series,
    "series_beside": series_beside,
}


def write(kind: str, rows: int, path: Path) -> None:
    """Write a table of about `rows` rows."""
    if path.suffix == ".parquet":
        pl.concat(MAKERS[kind](rows)).write_parquet(path)
        return
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as file:
        for number, frame in enumerate(MAKERS[kind](rows)):
            if ".jsonl" in path.suffixes:
                file.write(frame.write_ndjson().encode())
            else:
                file.write(frame.write_csv(include_header=number == 0).encode())
