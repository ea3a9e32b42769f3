"""KOSPI: the daily index of the Korean stock exchange over the 431 days of chapter D, and over 1996 to 2023."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rekur.data.datasets.base import DataSet, File, read

LONG = "kospi_1996_2023.csv"

SET = DataSet(
    name="kospi",
    title="KOSPI index, daily, 2019-01-30 to 2020-10-29; also 1996 to 2023",
    licence="Market data: facts, no licence; a window of 431 rows is embedded",
    source="Yahoo Finance, symbol ^KS11; volume in thousands of shares",
    citation="Korea Exchange, KOSPI index; by Yahoo Finance (^KS11)",
    files=(
        File(
            "kospi.csv",
            33_699,
            "dbb9f709a311b88dfd58124c6af9e000326e15cd42efd001228b6c3c83dedf92",
        ),
        File(
            LONG,
            500_476,
            "288c52f9023d3829c7f5a80c494705c3eddd6f8a16784c6021d14a8c1f702cfe",
            by_hand="Yahoo Finance, ^KS11, the days from 1996-12-11 to 2023-07-10 that have values; prices are not "
            "ours to give away",
        ),
    ),
)

COLUMNS = {
    "Date": pl.Date,
    "Open": pl.Float64,
    "High": pl.Float64,
    "Low": pl.Float64,
    "Close": pl.Float64,
    "Adj Close": pl.Float64,
    "Volume": pl.Int64,
}


def load(data_dir: Path | None = None) -> pl.DataFrame:
    """Return the 431 days, oldest first: Date, Open, High, Low, Close, Adj Close (index points), Volume.

    Raises:
        DataError: the file is damaged.
    """
    return pl.read_csv(read(SET, "kospi.csv", data_dir), schema=COLUMNS)


def load_long(data_dir: Path | None = None) -> pl.DataFrame:
    """Return the 6,551 days of trade from 1996-12-11 to 2023-07-10, columns as `load` gives them.

    Raises:
        DataError: the file is not there, or is damaged.
    """
    return pl.read_csv(read(SET, LONG, data_dir), schema=COLUMNS)
