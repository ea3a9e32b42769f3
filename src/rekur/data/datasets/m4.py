"""M4: the hourly series of the fourth Makridakis competition, 414 of 700 to 960 values and the 48 that followed."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file

_URL = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/6c1067e5a57161249b17289a565178dc7a3fb3ca/Dataset/"

SET = DataSet(
    name="m4",
    title="M4 competition, hourly: 414 series",
    licence="none stated by its repository; data of a public competition",
    source="https://github.com/Mcompetitions/M4-methods",
    citation="S. Makridakis, E. Spiliotis, V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 "
    "forecasting methods, International Journal of Forecasting 36(1), 2020",
    files=(
        File(
            "Hourly-train.csv.gz",
            2_347_115,
            "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
            url=_URL + "Train/Hourly-train.csv",
            transfer=2_347_115,
        ),
        File(
            "Hourly-test.csv.gz",
            132_820,
            "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
            url=_URL + "Test/Hourly-test.csv",
            transfer=132_820,
        ),
    ),
    publish=fetch_file,
)


def load(data_dir: Path | None = None) -> pl.DataFrame:
    """Return all values in a long table: unique_id, ds (from 1), y; the last 48 of each series are the official test.

    Raises:
        DataError: a file is missing and cannot be fetched, or is damaged.
    """
    parts = [_long(f"Hourly-{part}.csv.gz", data_dir) for part in ("train", "test")]
    return pl.concat(parts).with_columns(ds=pl.int_range(1, pl.len() + 1).over("unique_id"))


def _long(name: str, data_dir: Path | None) -> pl.DataFrame:
    wide = pl.read_csv(io.BytesIO(read(SET, name, data_dir)), infer_schema=False)
    long = wide.unpivot(wide.columns[1:], index="V1", variable_name="place", value_name="y")
    return (
        long.with_columns(pl.col("y").cast(pl.Float64), place=pl.col("place").str.strip_prefix("V").cast(pl.Int64))
        .drop_nulls("y")
        .sort(pl.col("V1").str.strip_prefix("H").cast(pl.Int64), "place")
        .select(unique_id="V1", y="y")
    )
