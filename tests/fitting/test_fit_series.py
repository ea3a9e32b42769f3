"""Files of series as people have them: each is read rightly, or refused in one sentence that names fault and cure."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rekur import tasks
from rekur.cli import main
from rekur.data.calendar import written
from rekur.fitting import work

N = 90
DRAW = np.random.default_rng(0)
VALUES = np.round(50 + 10 * np.sin(np.arange(N) * 2 * np.pi / 7) + DRAW.normal(size=N), 3)
DATES = [f"{day}" for day in np.datetime64("2023-12-15") + np.arange(N)]
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
HOURS = [datetime.datetime(2023, 10, 27, tzinfo=datetime.UTC) + datetime.timedelta(hours=i) for i in range(N)]
MIDNIGHTS = [datetime.datetime(2023, 10, 1) + datetime.timedelta(days=i) for i in range(N)]
ORDER = DRAW.permutation(N)
WEEKDAYS = np.busday_offset("2023-06-01", np.arange(N + 1), roll="forward")
MONTH_ENDS = [f"{day}" for day in (np.datetime64("2016-02") + np.arange(N)).astype("datetime64[D]") - 1]


def table(ds: Any, y: Any = VALUES, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({**columns, "ds": list(ds), "y": list(y)}, strict=False)


def both(ds: Any, y: Any, more_ds: Any, more_y: Any) -> pl.DataFrame:
    return table([*ds, *more_ds], [*y, *more_y], unique_id=["a"] * len(ds) + ["b"] * len(more_ds))


READ: dict[str, tuple[pl.DataFrame, str, str, str, int, int]] = {  # frequency, first time, next time, values, missing
    "days": (table(DATES), "days", "2023-12-15", "2024-03-14", N, 0),
    "no order": (table(np.array(DATES)[ORDER], VALUES[ORDER]), "days", "2023-12-15", "2024-03-14", N, 0),
    "day.month.year": (
        table(f"{d[8:]}.{d[5:7]}.{d[:4]}" for d in DATES), "days", "2023-12-15", "2024-03-14", N, 0
    ),
    "no 29 February": (
        table([d for d in DATES if d[5:] != "02-29"], VALUES[1:]), "days", "2023-12-15", "2024-03-14", N, 1
    ),
    "both ends missing": (
        table(DATES, [None] * 3 + VALUES[3:-4].tolist() + [None] * 4), "days", "2023-12-18", "2024-03-10", N - 7, 0
    ),
    "NaN and infinite": (
        table(DATES, [1.0, "NaN", "inf", "-inf", *VALUES[4:]]), "days", "2023-12-15", "2024-03-14", N, 3
    ),
    "weekdays": (table(map(str, WEEKDAYS[:-1])), "weekdays", "2023-06-01", str(WEEKDAYS[-1]), N, 0),
    "month ends": (table(MONTH_ENDS), "months", "2016-01-31", "2023-07-31", N, 0),
    "months": (table(d[:7] for d in MONTH_ENDS), "months", "2016-01-01", "2023-07-01", N, 0),
    "years": (table(range(1930, 1930 + N)), "steps", "1930", "2020", N, 0),
    "hours with offsets": (
        table(h.astimezone(BERLIN).isoformat() for h in HOURS),
        "hours", "2023-10-27", "2023-10-30 18:00:00", N, 0,
    ),
    "local midnights": (
        table(d.replace(tzinfo=BERLIN).isoformat() for d in MIDNIGHTS), "days", "2023-10-01", "2023-12-30", N, 0
    ),
    "constant": (table(DATES, [5] * N), "days", "2023-12-15", "2024-03-14", N, 0),
    "zeros": (table(DATES, [0] * N), "days", "2023-12-15", "2024-03-14", N, 0),
    "counts, mostly 0": (
        table(DATES, DRAW.integers(0, 3, N) * (DRAW.random(N) < 0.3)), "days", "2023-12-15", "2024-03-14", N, 0
    ),
    "negative": (table(DATES, VALUES - 80), "days", "2023-12-15", "2024-03-14", N, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", list(READ))
def test_each_is_read_as_it_is_meant(name: str, tmp_path: Path) -> None:
    frame, frequency, first, following, length, missing = READ[name]
    frame.write_csv(tmp_path / "t.csv")
    found: Any = tasks.create(work.prepare([tmp_path / "t.csv"]).config)
    found.load()
    series = found.panel.series[0]
    times = [written(found.panel.times(0, step, 1))[0] for step in (0, len(series.values))]
    assert (str(found.frequency), *times) == (frequency, first, following)
    assert (len(series.values), int(np.isnan(series.values).sum())) == (length, missing)
    assert len(found.parts.test)


FAULTS: dict[str, tuple[Callable[[], pl.DataFrame], list[str], tuple[str, ...]]] = {
    "a date twice": (lambda: table([*DATES[:-1], DATES[3]]), [], ("has the time 2023-12-18 twice", "rows 4 and 90")),
    "an id for two": (lambda: table(DATES * 2, [*VALUES, *VALUES], unique_id=["a"] * 2 * N), [], ("`a`", "89 others")),
    "a series of one": (lambda: both(DATES, VALUES, DATES[:1], [1.0]), [], ("`b` has one value", "data.shortest")),
    "one row": (lambda: table(DATES[:1], [1.0]), ["--time", "ds", "--target", "y"], ("two values",)),
    "a long horizon": (lambda: table(DATES), ["--horizon", "80"], ("has 90 values; a horizon of 80 needs 242",)),
    "a date missing": (lambda: table([None, *DATES[1:]]), [], ("`ds`", "without a time", "row 1")),
    "month/day/year": (
        lambda: table(f"{d[5:7]}/{d[8:]}/{d[:4]}" for d in DATES), [], ("`12/15/2023` in row 1", "2024-03-31")
    ),
    "summer time ends": (
        lambda: table(h.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") for h in HOURS), [], ("twice", "offset from UTC")
    ),
    "two frequencies": (
        lambda: both(DATES, VALUES, np.datetime64("2023-12-15") + np.arange(20) * 7, VALUES[:20]),
        [], ("`b` has a row every 7 steps", "others", "each by itself"),
    ),
    "close rows": (
        lambda: table([f"{d} 00:00" for d in DATES] + ["2024-01-05 03:00"], [*VALUES, 1]),
        [], ("closer than half", "2024-01-05 03:00"),
    ),
    "text": (lambda: table(DATES, [*VALUES[:-1], "closed"]), [], ("`closed` in row 90", "leave them empty")),
    "decimal commas": (
        lambda: table(DATES, (f"{v:.2f}".replace(".", ",") for v in VALUES)),
        ["--time", "ds", "--target", "y"], ("`y`", "no numbers", "row 1"),
    ),
    "a huge value": (lambda: table(DATES, [*VALUES[:-1], 1e200]), [], ("1e+200 in row 90 is too large",)),
    "no value": (lambda: table(DATES, [None] * N), ["--time", "ds", "--target", "y"], ("No series has a value",)),
    "a logarithm of less than 0": (
        lambda: table(DATES, VALUES - 80), ["--set", "data.log=true"], ("no logarithm", "Set data.log to false")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_each_fault_is_one_message(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, options, words = FAULTS[name]
    make().write_csv(tmp_path / "t.csv")
    assert main(["fit", str(tmp_path / "t.csv"), "--dry-run", *options]) == 2
    said = capsys.readouterr().err.strip()
    assert "Traceback" not in said
    assert all(word in said for word in words), said
    assert sum(line.startswith("rekur: ") for line in said.splitlines()) == 1


def test_what_is_known_ahead_must_be_known_while_it_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price = [*np.arange(N - 10.0), *[None] * 10]
    table(DATES, price=price).write_csv(tmp_path / "t.csv")
    options = ["--target", "y", "--covariates", "known=price", "--dry-run"]
    assert main(["fit", str(tmp_path / "t.csv"), *options]) == 2
    assert "Column `price` is known ahead, but series `series` has no value of it at 2024-" in capsys.readouterr().err
