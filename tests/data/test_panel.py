"""Tables of many series: the layouts agree, gaps are filled on the grid, and each fault is named."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import panel
from rekur.data.panel import Columns
from rekur.errors import DataError

DAYS = pl.datetime_range(pl.datetime(2024, 2, 26), pl.datetime(2024, 3, 10), "1d", eager=True)


def long(ids="ab", days=DAYS):
    return pl.concat(
        pl.DataFrame({"unique_id": [name] * len(days), "ds": days, "y": np.arange(len(days)) + 100.0 * i})
        for i, name in enumerate(ids)
    )


@given(order=st.permutations(range(2 * len(DAYS))))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(order):
    found = panel.read(long()[order], Columns())
    for one in found.series:
        np.testing.assert_array_equal(one.values, np.arange(len(DAYS)) + 100.0 * (one.id == "b"))
        assert one.first == np.datetime64("2024-02-26")


def test_long_and_wide_tables_give_the_same_series():
    wide = pl.DataFrame({"date": DAYS, "a": np.arange(len(DAYS)) + 0.0, "b": np.arange(len(DAYS)) + 100.0})
    rows = pl.DataFrame({"V1": ["a", "b"], **{f"V{t + 2}": [float(t), t + 100.0] for t in range(len(DAYS))}})
    want = panel.read(long(), Columns())
    for other in (panel.read(wide, Columns()), panel.read(rows, Columns(), "rows")):
        assert [one.id for one in other.series] == ["a", "b"]
        for ours, theirs in zip(want.series, other.series, strict=True):
            np.testing.assert_array_equal(ours.values, theirs.values)
    assert panel.read(wide, Columns()).frequency == want.frequency


def test_gaps_are_steps_without_a_value_and_said():
    frame = (
        long("a")
        .filter(pl.col("ds").dt.day() != 29)
        .with_columns(y=pl.when(pl.col("ds").dt.day() == 2).then(None).otherwise(pl.col("y")))
    )
    found = panel.read(frame, Columns())
    assert np.flatnonzero(np.isnan(found.series[0].values)).tolist() == [3, 5]
    assert len(found.series[0].values) == len(DAYS)
    assert "2 of 14 values are missing (29 February among them)" in found.notes[0]


def test_days_of_trade_are_steps_and_the_next_one_is_monday():
    days = [day for day in DAYS if day.weekday() < 5 and day.day != 1]  # Friday, 1 March is a holiday
    found = panel.read(pl.DataFrame({"date": days, "y": np.arange(len(days)) + 1.0}), Columns())
    assert found.frequency.unit == "weekday"
    assert len(found.series[0].values) == len(days)
    assert found.times(0, len(days), 2).astype("datetime64[D]").tolist() == [
        day.astype(object) for day in np.array(["2024-03-11", "2024-03-12"], "datetime64[D]")
    ]


def test_rows_to_come_hold_what_is_known_ahead():
    frame = long("a").with_columns(
        price=pl.Series(np.arange(len(DAYS)) * 2.0), y=pl.when(pl.col("ds").dt.day() == 10).then(None).otherwise("y")
    )
    found = panel.read(frame, Columns(known=("price",))).series[0]
    assert len(found.values) == len(DAYS) - 1
    assert found.covariates[:, 0].tolist() == [2.0 * t for t in range(len(DAYS))]


def test_words_and_numbers_may_be_static_but_not_change():
    frame = long().with_columns(place=pl.col("unique_id") + "-town")
    assert panel.read(frame, Columns(static=("place",))).series[1].static == ("b-town",)
    with pytest.raises(DataError, match="is static"):
        panel.read(frame.with_columns(place=pl.col("ds").cast(pl.String)), Columns(static=("place",)))


def doubled():
    return pl.concat([long("a"), long("a")[:1]])


@pytest.mark.parametrize(
    ("frame", "columns", "words"),
    [
        (doubled(), Columns(), "`a` has the time 2024-02-26 twice, in rows 1 and 15"),
        (long("a").with_columns(y=pl.lit("high")), Columns(), "no numbers; the first is `high` in row 1"),
        (
            long("a").rename({"y": "sales"}).with_columns(x=1.0),
            Columns(time="ds", target="sale"),
            "Did you mean `sales`",
        ),
        (long("a").with_columns(ds=pl.lit("03/31/2024")), Columns(), "are no times"),
        (long("a").with_columns(y=None), Columns(), "No series has a value"),
        (pl.DataFrame({"a": [1.0], "b": [2.0]}), Columns(), "neither a column of values"),
        (long("a")[:1], Columns(), "No series has two values"),
        (pl.DataFrame({"ds": [0, 1, 2, 1_000_000], "y": [1.0] * 4}), Columns(), "too far apart"),
        (long("a"), Columns(target="y", known=("y",)), "two parts to play"),
        (
            pl.DataFrame({"ds": ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00"], "y": [1.0] * 3}),
            Columns(),
            "summer time ends",
        ),
        (
            pl.DataFrame({"ds": [f"2024-01-0{day} 00:00" for day in (1, 2, 3)] + ["2024-01-03 01:00"], "y": [1.0] * 4}),
            Columns(),
            "closer than half",
        ),
        (pl.DataFrame({"V1": ["a", "a"], "V2": [1.0, 2.0]}), "rows", "Two rows have the name `a`"),
        (pl.DataFrame({"V1": ["a", "b"]}), "rows", "has no values: 2 rows of names in `V1` and nothing beside"),
        (pl.DataFrame({"V1": [], "V2": []}), "rows", "has no values: 0 rows"),
        (pl.DataFrame(), "rows", "There is no column ``"),
        (pl.DataFrame({"V1": ["a"], "V2": [None]}), "rows", "Series `a` has no value"),
        (pl.DataFrame({"date": DAYS}), Columns(), "no column of values beside `date`"),
        (pl.DataFrame({"ds": [], "y": []}), Columns(), "Column `ds` must hold times"),
        (long("a").with_columns(y=pl.lit(1e300)), Columns(), "1e+300 in row 1 is too large"),
        (
            pl.concat([long("a"), long("b")[::5], long("b", DAYS + datetime.timedelta(days=15))[::5]]),
            Columns(),
            "`b` has a row every 5 steps, where the others have one at each: days",
        ),
    ],
)
def test_each_fault_is_one_clear_error(frame, columns, words):
    given = (Columns(), "rows") if columns == "rows" else (columns,)
    with pytest.raises(DataError) as caught:
        panel.read(frame, *given)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "given", [{"time": "V2"}, {"target": "V2"}, {"known": ("V2",)}, {"observed": ("V2",)}, {"static": ("V2",)}], ids=str
)
def test_columns_that_a_row_a_series_cannot_have_are_refused(given):
    frame = pl.DataFrame({"V1": ["a", "b"], "V2": [1.0, 2.0], "V3": [1.0, 2.0]})
    with pytest.raises(DataError, match="no column has a part to play but the one of names; got `V2`"):
        panel.read(frame, Columns(**given), "rows")


def test_rows_that_are_series_may_be_too_short_too():
    frame = pl.DataFrame({"id": ["a", "b", "c"], **{f"V{t}": [1.0, 1.0 if t < 3 else None, None] for t in range(8)}})
    found = panel.read(frame, Columns(id="id"), "rows", shortest=4)
    assert [one.id for one in found.series] == ["a"]
    assert "2 series of fewer than 4 values are left out." in found.notes
    with pytest.raises(DataError, match="No series has 9 values; the longest has 8"):
        panel.read(frame, Columns(id="id"), "rows", shortest=9)


def test_a_series_without_a_value_is_left_out_and_said():
    found = panel.read(pl.concat([long("a"), long("b").with_columns(y=pl.lit(None, pl.Float64))]), Columns())
    assert [one.id for one in found.series] == ["a"]
    assert found.notes == ("1 series without a value is left out.",)


def test_a_sparse_series_has_gaps_and_no_frequency_of_its_own():
    frame = pl.concat([long("a"), long("b")[[0, 1, 6, 8, 13]]])
    assert np.isnan(panel.read(frame, Columns()).series[1].values).sum() == 9


def test_columns_side_by_side_may_be_called_as_those_of_a_long_table():
    frame = pl.DataFrame({"date": DAYS, "y": np.arange(14.0), "unique_id": np.arange(14.0) + 1})
    found = panel.read(frame, Columns(time="date"), "columns")
    assert [one.id for one in found.series] == ["y"]  # `unique_id` is what it says
    both = panel.read(frame.rename({"unique_id": "price"}), Columns(time="date"), "columns")
    assert [one.id for one in both.series] == ["y", "price"]


def test_short_series_are_left_out_where_it_is_asked_for():
    frame = pl.concat([long("a"), long("c")[:1]])
    found = panel.read(frame, Columns(), shortest=5)
    assert [one.id for one in found.series] == ["a"]
    assert "1 series of fewer than 5" in found.notes[0]


@pytest.mark.data
def test_the_sets_of_series_have_the_counts_of_their_publishers():
    from rekur.data.datasets import etth, kospi, m4, small_series

    assert etth.load().shape == (17_420, 8)
    hourly = m4.load()
    assert (len(hourly), hourly["unique_id"].n_unique()) == (353_500 + 414 * 48, 414)
    assert [len(small_series.load(name)) for name in ("airline", "temperatures")] == [144, 3_650]
    assert len(kospi.load_long()) == 6_551
