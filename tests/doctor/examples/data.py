"""A sensor whose unit changes, with labels written in two ways; and the same table mended."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from rekur.doctor.patient import Patient, Tables


def hourly(n: int = 500, seed: int = 0) -> pl.DataFrame:
    """Return `n` hours of a pressure in kilopascals that wanders about 100, and a state."""
    generator = np.random.default_rng(seed)
    pressure = np.empty(n)
    pressure[0] = 100.0
    for t in range(1, n):
        pressure[t] = 100 + 0.9 * (pressure[t - 1] - 100) + generator.normal()
    start = datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "time": [start + timedelta(hours=t) for t in range(n)],
            "pressure": pressure,
            "state": generator.choice(["Open", "Closed"], size=n),
        }
    )


def faulty() -> Patient:
    """Pascals from hour 300 on; a third of the open states in small letters."""
    rows = pl.int_range(500, eager=True)
    frame = hourly().with_columns(
        pressure=pl.when(rows >= 300).then(pl.col("pressure") * 1000).otherwise(pl.col("pressure")),
        state=pl.when(rows % 3 == 0).then(pl.col("state").str.replace("Open", "open ")).otherwise(pl.col("state")),
    )
    return Patient(tables=Tables(frame, time="time", label="state"))


def sound() -> Patient:
    """One unit, one spelling."""
    return Patient(tables=Tables(hourly(), time="time", label="state"))
