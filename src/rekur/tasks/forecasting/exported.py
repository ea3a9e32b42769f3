"""What a graph needs of a run to forecast raw histories: `rekur export RUN --onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.calendar import Frequency
from rekur.data.panel import Columns, Panel, Series
from rekur.graphs.forecasters import Saying
from rekur.graphs.windows import Reading
from rekur.tasks.forecasting import coming
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins, Scales, Windows

if TYPE_CHECKING:
    from rekur.evaluation.forecasting.conformal import Corrections


def reading(data: ForecastData, scales: Scales, columns: Columns, frequency: Frequency) -> Reading:
    """Return how the graph is to read histories."""
    known = len(columns.known)
    return Reading(
        window=data.window,
        horizon=data.horizon,
        season=scales.season,
        normalise=data.normalise,
        log=data.log,
        marked=scales.marked,
        identity=data.identity,
        lags=data.lags,
        series=len(scales.series),
        pairs=np.array(list(scales.series.values())) if data.standardise else None,
        known=scales.covariates[:, :known],
        observed=scales.covariates[:, known:],
        words=tuple(len(words) for words in scales.words),
        static=scales.static,
        cycles=frequency.cycles if data.calendar else (),
    )


def saying(data: ForecastData, corrections: Corrections | None) -> Saying:
    """Return what the graph is to say of the steps to come."""
    return Saying(data.levels, None if corrections is None else corrections.shifts, data.scaled)


def about(
    data: ForecastData, scales: Scales, columns: Columns, frequency: Frequency, autoregressive: bool
) -> dict[str, Any]:
    """Return what whoever runs the graphs needs to know, as JSON."""
    found: dict[str, Any] = {
        "window": data.window,
        "horizon": data.horizon,
        "step": str(frequency),
        "levels": list(data.levels),
        "quantiles": [coming.name_of(level) for level in data.levels],
        "target": columns.target,
        "lengths": False,
    }
    if data.identity or data.standardise:
        found["series"] = list(scales.series)
    named = (("known", columns.known), ("observed", columns.observed), ("static", columns.static))
    found |= {name: list(names) for name, names in named if names}
    if columns.static:
        pairs = zip(columns.static, scales.words, strict=True)
        found["words"] = {name: list(words) for name, words in pairs if words}
    if data.calendar and frequency.cycles:
        found["times"] = "seconds since 1970 of each step of the history and of the horizon, UTC"
    if data.log:
        found["above"] = 0
    if autoregressive:
        found["scaled"] = data.scaled
    return found


def drawn(windows: Windows, scales: Scales, count: int) -> tuple[Windows, Origins]:
    """Draw histories as a model reads them, some shorter than its window, and the origins at their ends."""
    generator, data, columns, frequency = (
        np.random.default_rng(1),
        windows.data,
        windows.panel.columns,
        windows.panel.frequency,
    )
    made, names = [], [*scales.series, *(f"unseen {place}" for place in range(count))]
    static = tuple(words[0] if words else 0.0 for words in scales.words)
    for place in range(count):
        steps = data.window + 3 - 4 * place if scales.marked else data.window + place
        values: NDArray[np.float64] = np.exp(generator.normal(1, 0.5, max(2, steps))).round(2)
        covariates = generator.normal(size=(len(values) + data.horizon, len(columns.varying)))
        first: Any = 1 if frequency.unit == "count" else np.datetime64("2024-02-26T00:00:00")
        made.append(Series(names[place], first, values, covariates, static))
    panel = Panel(tuple(made), frequency, columns)
    return Windows(panel, data, scales), coming.origins(panel, data, scales.marked)


def inputs(windows: Windows, origins: Origins) -> dict[str, NDArray[Any]]:
    """Return what the graph is given of the histories before the origins (N, 2): raw, with NaN before shorter ones."""
    panel, data, scales = windows.panel, windows.data, windows.scales
    N, L, h = len(origins), int(origins[:, 1].max()), data.horizon
    known, columns = len(panel.columns.known), panel.columns
    found: dict[str, NDArray[Any]] = {
        "values": np.full((N, L), np.nan),
        "known": np.full((N, L + h, known), np.nan),
        "observed": np.full((N, L, len(columns.observed)), np.nan),
        "times": np.zeros((N, L + h), dtype=np.int64),
        "static": np.full((N, len(columns.static)), np.nan),
        "series": np.full(N, -1),
    }
    names = list(scales.series)
    for row, (place, step) in enumerate(origins.tolist()):
        one, room = panel.series[place], slice(L - step, L)
        found["values"][row, room] = one.values[:step]
        ahead = one.covariates[: step + h, :known]
        found["known"][row, L - step : L - step + len(ahead)] = ahead
        found["observed"][row, room] = one.covariates[:step, known:]
        found["times"][row, L - step :] = panel.times(place, 0, step + h).astype(np.int64)
        for column, (words, value) in enumerate(zip(scales.words, one.static, strict=True)):
            number = words.index(str(value)) if words and str(value) in words else -1
            found["static"][row, column] = number if words else np.nan if value is None else float(value)
        found["series"][row] = names.index(one.id) if one.id in names else -1
    return found
