"""Two series of the textbooks: airline passengers by the month, and the least temperature of a day in Melbourne."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import polars as pl

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file

_URL = "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/"


def _file(name: str, size: int, sha256: str) -> File:
    return File(name, size, sha256, url=_URL + name, transfer=size)


SET = DataSet(
    name="small_series",
    title="Airline passengers by the month, least temperatures by the day",
    licence="none stated by its repository; series printed in textbooks",
    source="https://github.com/jbrownlee/Datasets",
    citation="G. E. P. Box, G. M. Jenkins, Time Series Analysis: Forecasting and Control, 1976 (series G, airline "
    "passengers); Australian Bureau of Meteorology (daily minimum temperatures, Melbourne)",
    files=(
        _file("airline-passengers.csv", 2_180, "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621"),
        _file("daily-min-temperatures.csv", 67_921, "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da"),
    ),
    publish=fetch_file,
)
NAMES = {"airline": "airline-passengers.csv", "temperatures": "daily-min-temperatures.csv"}


def load(name: Literal["airline", "temperatures"], data_dir: Path | None = None) -> pl.DataFrame:
    """Return one series, oldest first: ds, y.

    `airline` is 144 months from 1949-01, in thousands of passengers; `temperatures` 3,650 days from 1981-01-01, in
    degrees Celsius, in which the two days 31 December of leap years are missing.

    Raises:
        DataError: the file is missing and cannot be fetched, or is damaged.
    """
    frame = pl.read_csv(io.BytesIO(read(SET, NAMES[name], data_dir)), infer_schema=False)
    day, value = frame.columns
    return frame.select(ds=pl.col(day), y=pl.col(value).cast(pl.Float64))
