"""Times: how they are read, their frequency, and how they go on."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import calendar, panel
from rekur.data.calendar import Frequency
from rekur.data.panel import Columns
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


@pytest.mark.parametrize(
    ("days", "following"),
    [
        (["2023-02-28", "2023-03-28", "2023-04-28", "2023-05-28"], ["2023-06-28", "2023-07-28"]),
        (["2023-04-30", "2023-05-30", "2023-06-30"], ["2023-07-30", "2023-08-30"]),
        (["2023-11-30", "2023-12-31", "2024-01-31"], ["2024-02-29", "2024-03-31"]),
        (["2023-11-30", "2023-12-30", "2024-01-30"], ["2024-02-29", "2024-03-30"]),
        (["2023-11-30", "2023-12-29", "2024-01-31", "2024-02-29", "2024-03-29"], ["2024-04-30", "2024-05-31"]),
        (["2023-01-12", "2023-02-15", "2023-03-14", "2023-04-16"], ["2023-05-14", "2023-06-14"]),
        (["2021-02-28", "2022-02-28", "2023-02-28"], ["2024-02-29", "2025-02-28"]),
        (["2022-02-28", "2023-02-28", "2024-02-28"], ["2025-02-28", "2026-02-28"]),
    ],
)
def test_months_go_on_at_the_day_on_which_the_series_has_its_values(days, following):
    frame = pl.DataFrame({"ds": days, "y": np.arange(len(days)) + 1.0})
    found = panel.read(frame, Columns())
    assert found.frequency.unit == "month"
    assert len(found.series[0].values) == len(days)
    assert calendar.written(found.times(0, len(days), 2)) == following


def test_spans_of_four_weeks_are_no_months():
    times = np.datetime64("2023-01-02T00:00:00") + np.arange(30) * np.timedelta64(28, "D")
    assert Frequency.of([times]) == Frequency("second", 28 * 86_400)


@pytest.mark.parametrize("month", [3, 10], ids=["a day of 23 hours", "a day of 25 hours"])
@pytest.mark.parametrize("written", [True, False], ids=["offsets", "a zone"])
def test_days_of_a_zone_are_its_dates_whatever_their_length(month, written):
    days = pl.datetime_range(datetime.datetime(2024, month, 20), datetime.datetime(2024, month, 31), "1d", eager=True)
    zoned = days.dt.replace_time_zone("Europe/Berlin")
    column = zoned.dt.to_string("%Y-%m-%dT%H:%M:%S%:z") if written else zoned
    found = calendar.moments(column.alias("ds"))
    assert calendar.written(found)[0] == f"2024-{month:02d}-20"
    assert np.unique(np.diff(found)).tolist() == [datetime.timedelta(days=1)]
    hours = pl.datetime_range(days[0], days[-1], "1h", eager=True, time_zone="UTC").dt.convert_time_zone(
        "Europe/Berlin"
    )
    column = hours.dt.to_string("%Y-%m-%dT%H:%M:%S%:z") if written else hours
    of_hours = calendar.moments(column.alias("ds"))
    assert calendar.written(of_hours[:1])[0] == f"2024-{month:02d}-20"  # midnight in UTC
    assert np.unique(np.diff(of_hours)).tolist() == [datetime.timedelta(hours=1)]


def test_days_before_months_with_points_between():
    found = calendar.moments(pl.Series("ds", ["01.02.2024", "2.2.2024", "29.02.2024"]))
    assert calendar.written(found) == ["2024-02-01", "2024-02-02", "2024-02-29"]
    assert calendar.written(calendar.moments(pl.Series("ds", ["31.12.2023 18:30"]))) == ["2023-12-31 18:30:00"]
