"""What is known ahead must be known: checked before a model reads it."""

from __future__ import annotations

import numpy as np

from rekur.data.calendar import written
from rekur.data.panel import Panel
from rekur.errors import DataError
from rekur.tasks.forecasting.parts import SOME
from rekur.tasks.forecasting.windows import Origins, Windows


def check_inside(windows: Windows, origins: Origins) -> None:
    """Raise DataError unless the known covariates are known for every step to forecast that lies in its series."""
    if not windows.given.shape[1]:
        return
    for at in range(0, len(origins), SOME):
        _check_inside(windows, origins[at : at + SOME])


def _check_inside(windows: Windows, origins: Origins) -> None:
    lengths = windows.lengths[origins[:, 0]]
    steps = origins[:, 1, None] + np.arange(windows.data.horizon)  # (N, h)
    absent = ~windows.given[windows.starts[origins[:, 0], None] + steps] & (steps < lengths[:, None])[..., None]
    if absent.any():
        row, step, column = (int(place[0]) for place in np.nonzero(absent))
        raise _missing(windows.panel, int(origins[row, 0]), int(steps[row, step]), column)


def check_ahead(windows: Windows, origins: Origins) -> None:
    """Raise DataError unless the known covariates are known behind the end of each series."""
    for place, step in origins.tolist():
        begin = int(windows.starts[place]) + step
        absent = ~windows.given[begin : begin + windows.data.horizon]
        if absent.any():
            later, column = (int(found[0]) for found in np.nonzero(absent))
            raise _missing(windows.panel, place, step + later, column)


def _missing(panel: Panel, place: int, step: int, column: int) -> DataError:
    name, when = panel.columns.known[column], written(panel.times(place, step, 1))[0]
    return DataError(
        f"Column `{name}` is known ahead, but series `{panel.series[place].id}` has no value of it at {when}. Give "
        "rows for the steps to come, their target left empty, or name the column under data.observed."
    )
