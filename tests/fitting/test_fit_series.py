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
from rekur.config import check
from rekur.data.calendar import Frequency, written
from rekur.data.panel import Panel, Series
from rekur.fitting import series, work
from rekur.tasks.forecasting import linear, sets
from rekur.tasks.forecasting import parts as cutting
from rekur.tasks.forecasting.settings import ForecastData

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


def judged_parts(monkeypatch: pytest.MonkeyPatch, judge: Callable[[], Any]) -> list[tuple[Any, Any]]:
    """Return the series and the parts that settings are compared on while `judge` runs."""
    compared, original = [], linear.fitted

    def noted(windows: Any, parts: Any, *rest: Any) -> Any:
        compared.append((windows.panel, parts))
        return original(windows, parts, *rest)

    monkeypatch.setattr(linear, "fitted", noted)
    judge()
    return compared


def test_changes_of_the_parts_are_changes_of_what_settings_are_chosen_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--set data.test=...` no setting is chosen on steps of that test part."""
    y = 50 + DRAW.normal(size=600)
    table(map(str, np.datetime64("2015-01-01") + np.arange(600)), y).write_csv(tmp_path / "t.csv")
    cases: list[tuple[dict[str, Any], int, int]] = [  # where the validation begins and ends
        ({"data.test": 300}, 240, 300),
        ({"data.test": 300, "data.validation": 100}, 200, 300),
        ({"data.test": 100, "data.validation": 50, "data.horizon": 20, "data.horizons": [5]}, 450, 500),
    ]
    for changes, begin, end in cases:
        fitting: list[work.Fitting] = []
        with monkeypatch.context() as patch:
            compared = judged_parts(
                patch,
                lambda: fitting.append(work.prepare([tmp_path / "t.csv"], settings=changes)),  # noqa: B023
            )
        data = fitting[0].config.data
        assert {key: data[key.removeprefix("data.")] for key in changes} == changes
        assert compared
        for _, parts in compared:
            steps = parts.validation[:, 1]
            assert (steps.min(), steps.max() + data["horizon"]) == (begin, end)
            assert parts.train[:, 1].max() + data["horizon"] <= begin


def test_settings_of_many_series_are_chosen_before_the_date_on_which_all_are_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few of them are looked at, and cut where all of them are."""
    lengths = [400, 1000] * 5  # by themselves, the shorter would be tested from an earlier date on
    found = Panel(
        tuple(
            Series(f"s{i}", np.datetime64("2020-01-01T00:00:00"), 9 + DRAW.normal(size=L), np.zeros((L, 0)))
            for i, L in enumerate(lengths)
        ),
        Frequency("second", 86400),
    )
    data = {"set": "files", "path": "t.csv", "horizon": 7}
    whole = cutting.cut(found, check(ForecastData, {**data, "window": 14}, "data"))
    monkeypatch.setattr(series, "ENOUGH", 5000)
    monkeypatch.setattr(sets, "load", lambda *_: found)
    looked = series.look(data)
    compared = judged_parts(monkeypatch, lambda: looked.sizes({**data, "window": 14, "normalise": "changes"}, 14))
    assert compared
    for some, parts in compared:
        ids = [one.id for one in some.series]
        assert 0 < len(ids) < 5
        assert set(ids) <= {f"s{i}" for i in range(1, 10, 2)}  # the others end before they could validate
        for name in ("train", "validation"):
            kept = {(ids[place], step) for place, step in getattr(parts, name).tolist()}
            all_of = {(f"s{place}", step) for place, step in getattr(whole, name).tolist()}
            assert kept == {one for one in all_of if one[0] in ids}
            moments = parts.clock.at(*getattr(parts, name).T)
            assert moments.max() + 7 <= 0
