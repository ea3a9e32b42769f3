"""KOSPI: the daily index of the Korean stock exchange over the 431 days of chapter D."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rekur.data.datasets.base import DataSet, File, read

SET = DataSet(
    name="kospi",
    title="KOSPI index, daily, 2019-01-30 to 2020-10-29",
    licence="Market data: facts, no licence; a window of 431 rows is embedded",
    source="Yahoo Finance, symbol ^KS11; volume in thousands of shares",
    citation="Korea Exchange, KOSPI index; by Yahoo Finance (^KS11)",
    files=(
        File(
            "kospi.csv",
            33_699,
            "dbb9f709a311b88dfd58124c6af9e000326e15cd42efd001228b6c3c83dedf92",
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
