"""Times: how they are read, their frequency, and how they go on."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import calendar
from rekur.data.calendar import Frequency
from rekur.errors import DataError

FREQUENCIES = [
    Frequency("count", 1),
    Frequency("count", 3),
    Frequency("second", 60),
    Frequency("second", 3600),
    Frequency("second", 86400),
    Frequency("month", 1),
    Frequency("month", 3),
    Frequency("month", 12),
    Frequency("weekday"),
]


def start(frequency, days):
    if frequency.unit == "count":
        return days
    first = np.datetime64("1999-02-26T00:00:00") + np.timedelta64(days, "D")
    return np.datetime64(np.busday_offset(first.astype("datetime64[D]"), 0, roll="forward"), "s")


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=str)
@given(days=st.integers(0, 3000), steps=st.integers(12, 40))
@settings(max_examples=25, deadline=None)
def test_the_frequency_of_times_that_go_on_is_their_own(frequency, days, steps):
    times = frequency.after(start(frequency, days), steps, 0)
    assert (np.diff(times.astype(np.int64)) > 0).all()
    assert Frequency.of([times]) == frequency
    assert frequency.places(times, times[0]).tolist() == list(range(steps))
    assert Frequency.from_json(frequency.to_json()) == frequency


def test_a_month_end_stays_one_and_29_february_is_met():
    monthly = Frequency("month").after(np.datetime64("2023-12-31"), 3)
    assert calendar.written(monthly) == ["2024-01-31", "2024-02-29", "2024-03-31"]
    yearly = Frequency("month", 12).after(np.datetime64("2024-02-29"), 4)
    assert calendar.written(yearly) == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    daily = Frequency("second", 86400).after(np.datetime64("2024-02-28"), 2)
    assert calendar.written(daily) == ["2024-02-29", "2024-03-01"]


def test_a_change_of_the_offset_is_no_gap():
    column = pl.Series("ds", ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"])
    times = calendar.moments(column)
    assert np.diff(times.astype(np.int64)).tolist() == [3600, 3600]
    zoned = pl.Series("ds", [datetime.datetime(2024, 10, 27, h) for h in (0, 1, 2)]).dt.replace_time_zone("UTC")
    there = calendar.moments(zoned.dt.convert_time_zone("Europe/Berlin"))
    assert np.diff(there.astype(np.int64)).tolist() == [3600, 3600]


@pytest.mark.parametrize(
    ("written", "first"),
    [
        (["1949-01", "1949-02"], np.datetime64("1949-01-01")),
        (["2024-01-02 03:04", "2024-01-02 03:05"], np.datetime64("2024-01-02T03:04")),
        (["2024/01/02", "2024/01/03"], np.datetime64("2024-01-02")),
        (["20240102", "20240103"], np.datetime64("2024-01-02")),
        (["2024-01-02T03:04:05.5", "2024-01-02T03:04:06.5"], np.datetime64("2024-01-02T03:04:05")),
        (["7", " 8 "], 7),
    ],
)
def test_forms_of_times(written, first):
    assert calendar.moments(pl.Series("ds", written))[0] == first


@pytest.mark.parametrize("written", [["01/02/2024", "01/03/2024"], ["2024-02-30", "2024-03-01"], ["soon", "later"]])
def test_what_is_no_time_is_named(written):
    with pytest.raises(DataError, match=r"Column `ds`.*no time.*row 1"):
        calendar.moments(pl.Series("ds", written))


def test_features_go_round_once_a_cycle():
    hourly = Frequency("second", 3600)
    found = calendar.features(hourly.after(np.datetime64("2023-05-01"), 24 * 7 * 2, 0), hourly)
    assert found.shape == (336, 6)
    np.testing.assert_allclose(found[0, :4], found[168, :4], atol=1e-6)
    np.testing.assert_allclose(np.hypot(found[:, 0], found[:, 1]), 1, rtol=1e-6)
    assert calendar.features(np.arange(3), Frequency("count")).shape == (3, 0)


def test_one_time_has_no_frequency():
    with pytest.raises(DataError, match="how far apart"):
        Frequency.of([np.array([5])])
