"""ETTh1: load and oil temperature of an electricity transformer, every hour of two years."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file

_URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/"

SET = DataSet(
    name="etth",
    title="ETTh1: an electricity transformer, hourly, 2016-07 to 2018-06",
    licence="CC BY-ND 4.0",
    source="https://github.com/zhouhaoyi/ETDataset",
    citation="H. Zhou, S. Zhang, J. Peng, S. Zhang, J. Li, H. Xiong, W. Zhang, Informer: Beyond Efficient Transformer "
    "for Long Sequence Time-Series Forecasting, AAAI 2021",
    files=(
        File(
            "ETTh1.csv.gz",
            2_589_657,
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
            url=_URL + "ETTh1.csv",
            transfer=2_589_657,
        ),
    ),
    publish=fetch_file,
)


def load(data_dir: Path | None = None) -> pl.DataFrame:
    """Return the 17,420 hours, oldest first: date, six loads (HUFL to LULL), and OT, the oil's temperature in degrees.

    Raises:
        DataError: the file is missing and cannot be fetched, or is damaged.
    """
    return pl.read_csv(io.BytesIO(read(SET, "ETTh1.csv.gz", data_dir)), schema_overrides={"date": pl.String})
