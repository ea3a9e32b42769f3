"""Series read in pieces are the series read whole, and name the same faults."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import disk, panels, sources
from rekur.data.panel import Columns
from rekur.data.sources import Source
from rekur.errors import DataError


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(sources, "BYTES", 256)


def both(path, *asked):
    return panels.read(Source(path, 1), *asked), panels.read(Source(path, 1 << 30), *asked)


def outcome(*asked):
    """Return the panel, or the words of the error."""
    try:
        return panels.read(*asked)
    except DataError as error:
        return str(error)


def same(piecewise, whole):
    assert all(disk.on_disk(one.values) for one in piecewise.series)
    assert (piecewise.frequency, piecewise.columns, piecewise.notes) == (
        whole.frequency,
        whole.columns,
        whole.notes,
    )
    assert len(piecewise.series) == len(whole.series)
    for ours, theirs in zip(piecewise.series, whole.series, strict=True):
        assert (ours.id, ours.first, ours.static) == (theirs.id, theirs.first, theirs.static)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)
        assert np.array_equal(ours.covariates, theirs.covariates, equal_nan=True)
        assert np.array_equal(ours.dates, theirs.dates) if theirs.dates is not None else ours.dates is None


def table(days):
    return pl.DataFrame(
        {
            "unique_id": [f"s{place}" for place, _, _ in days],
            "ds": [str(np.datetime64("2024-01-01") + day) for _, day, _ in days],
            "y": [value for _, _, value in days],
            "price": [7.0 * day for _, day, _ in days],
            "town": ["Ulm" if place % 2 else None for place, _, _ in days],
        }
    )


@settings(max_examples=8)
@given(
    days=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.floats(-1e6, 1e6) | st.none()),
        min_size=12,
        max_size=80,
        unique_by=lambda row: row[:2],
    )
)
def test_long_tables_in_any_order_with_gaps_and_covariates(tmp_path_factory, days):
    path = tmp_path_factory.mktemp("long") / "sales.csv"
    table(days).write_csv(path)
    asked = (Columns("unique_id", "ds", "y", observed=("price",), static=("town",)),)
    found = [outcome(Source(path, memory), *asked) for memory in (1, 1 << 30)]
    if isinstance(found[1], str):  # as where two times lie closer than the series' frequency
        assert found[0] == found[1]
    else:
        same(*found)


@pytest.mark.parametrize("time", ["ds", ""])
def test_a_column_a_series(tmp_path, time):
    rng = np.random.default_rng(2)
    frame = pl.DataFrame(rng.normal(size=(90, 3)), schema=["a", "b", "c"])
    times = pl.Series("ds", np.datetime64("2024-02-20") + np.arange(90)).cast(pl.String)
    path = tmp_path / "side.csv"
    (frame.insert_column(0, times) if time else frame).write_csv(path)
    same(*both(path, Columns(time=time), "columns"))


def test_a_row_a_series(tmp_path):
    values = np.random.default_rng(3).normal(size=(60, 8)).round(3).astype(object)
    values[::2, 5:] = None
    frame = pl.DataFrame({"name": [f"n{n}" for n in range(60)]} | {f"V{n}": values[:, n].tolist() for n in range(8)})
    path = tmp_path / "rows.csv"
    frame.write_csv(path)
    same(*both(path, Columns(id="name"), "rows"))
    pl.concat([frame, frame[:1]]).write_csv(path)
    with pytest.raises(DataError, match="Two rows have the name `n0`"):
        panels.read(Source(path, 1), Columns(id="name"), "rows")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("s0", "2024-01-01", "1", "0", "Ulm"), "Series `s0` has the time 2024-01-01 twice, in rows 1 and 201"),
        (("s0", "2024-09-01", "?1", "0", "Ulm"), "behind its first .* rows: Column `y`: 1 of"),
        (("s0", "monday", "1", "0", "Ulm"), "behind its first .* rows: Column `ds`: 1 of"),
        (("s0", "2024-09-01", "1", "0", "Bonn"), "Column `town` is static, one value a series; series `s0` has 2"),
    ],
)
def test_faults_far_on(tmp_path, row, said):
    days = [(0, day, float(day)) for day in range(200)]
    frame = table(days).with_columns(pl.lit("Ulm").alias("town")).cast(pl.String)
    path = tmp_path / "sales.csv"
    pl.concat([frame, pl.DataFrame([row], schema=frame.columns, orient="row")]).write_csv(path)
    with pytest.raises(DataError, match=said):
        panels.read(Source(path, 1), Columns("unique_id", "ds", "y", static=("town",)))


def test_objects_with_flags_and_static_numbers(tmp_path):
    days = [(place, day, day / 4) for day in range(40) for place in range(2)]
    frame = table(days).with_columns(price=pl.col("price") > 70, town=pl.when(pl.col("unique_id") == "s0").then(3.5))
    path = tmp_path / "sales.jsonl"
    frame.write_ndjson(path)
    same(*both(path, Columns("unique_id", "ds", "y", observed=("price",), static=("town",))))


HOURS = np.datetime64("2024-03-30T20:00") + np.arange(61) * np.timedelta64(1, "h")


@pytest.mark.parametrize(
    "times",
    [
        [f"{hour}:00+09:00" for hour in HOURS],  # the last frame has one hour of the day alone
        [f"{np.datetime64('2024-01-01') + day}T00:00:00+09:00" for day in range(60)],
        [str(9_999_970 + n) for n in range(60)],  # eight digits in the last frames, and no days
        [str(np.datetime64("2024-01-01") + day).replace("-", "") for day in range(60)],
    ],
    ids=["hours of a zone", "days of a zone", "counts", "days in eight digits"],
)
def test_what_times_are_is_said_of_all_frames_together(tmp_path, times):
    path = tmp_path / "times.csv"
    pl.DataFrame({"ds": times, "y": [n / 4 for n in range(len(times))]}).write_csv(path)
    frames = [len(frame) for frame in sources.batches(path)]
    assert len(frames) > 2
    same(*both(path, Columns(time="ds", target="y")))
    last = sum(frames[:-1]) + 1  # the last frame has a row
    pl.DataFrame({"ds": times[:last], "y": [n / 4 for n in range(last)]}).write_csv(path)
    same(*both(path, Columns(time="ds", target="y")))


@pytest.mark.parametrize("step", ["1h", "1d"])
def test_times_of_a_zone_where_summer_begins(tmp_path, step):
    begin, end = pl.datetime(2024, 3, 25), pl.datetime(2024, 4, 10)
    times = pl.select(pl.datetime_range(begin, end, step, time_zone="Europe/Berlin").alias("ds"))
    path = tmp_path / "zone.parquet"
    times.with_columns(y=pl.int_range(pl.len()) / 4).write_parquet(path)
    same(*both(path, Columns(time="ds", target="y")))


@pytest.mark.parametrize("last", ["2024-03-01T00:00:00+09:00", "2024-02-28T00:00:00+10:00"])
def test_a_day_twice_is_one_fault_on_the_clocks_of_its_zone(tmp_path, last):
    days = [f"{np.datetime64('2024-01-01') + day}T00:00:00+09:00" for day in range(61)]
    path = tmp_path / "twice.csv"
    pl.DataFrame({"ds": [*days, last], "y": [n / 4 for n in range(62)]}).write_csv(path)
    found = [outcome(Source(path, memory), Columns(time="ds", target="y")) for memory in (1, 1 << 30)]
    assert found[0] == found[1]
    assert "twice, in rows" in found[0]


def test_offsets_from_one_frame_on_are_a_fault(tmp_path):
    path = tmp_path / "mixed.csv"
    plain = pl.DataFrame({"ds": [f"{hour}:00" for hour in HOURS], "y": [n / 4 for n in range(61)]})
    plain.write_csv(path)
    first = len(next(sources.batches(path)))
    plain.with_columns(ds=pl.col("ds") + pl.Series(["", "Z"])[[int(n >= first) for n in range(61)]]).write_csv(path)
    for memory, said in ((1, "with an offset from UTC and times without"), (1 << 30, "are no times")):
        with pytest.raises(DataError, match=f"`ds`.*{said}"):
            panels.read(Source(path, memory), Columns(time="ds", target="y"))
