"""A forecast beside what came: the whole picture, the steepest days, and whether it is only yesterday, shifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.evaluation import metrics
from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Picture, Section, Size
from rekur.report.plot import Floats, Plot, plain, span, width_of

ZOOM = 60  # steps of the close-up
MOVE = 15  # steps over which the steepest move is looked for
LAGS = 5
NEEDED = ("part", "truth", "forecast", "persistence")
LEGEND = (("truth", "", "truth"), ("ours", "", "forecast"), ("rival", "dotted", "persistence (the value before)"))


@dataclass(frozen=True)
class Series:
    """The table `series`: one value a step, training part first."""

    dates: list[str]
    test: NDArray[np.bool_]  # (T,)
    truth: Floats  # (T,)
    forecast: Floats  # (T,)
    persistence: Floats  # (T,)

    @classmethod
    def of(cls, table: pl.DataFrame) -> Series:
        """Read the table."""
        values = [table[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy() for name in NEEDED[1:]]
        dates = (
            table["date"].cast(pl.String).to_list() if "date" in table.columns else [str(i) for i in range(len(table))]
        )
        return cls(dates, (table["part"] == "test").to_numpy(), *values)

    def cut(self, rows: slice) -> Series:
        """Return some steps."""
        parts = (self.test[rows], self.truth[rows], self.forecast[rows], self.persistence[rows])
        return Series(self.dates[rows], *parts)

    @property
    def boundary(self) -> int:
        """The first step of the test part."""
        return int(np.argmax(self.test)) if self.test.any() else len(self.test)


def section(facts: Facts) -> Section | None:
    """Build the pictures of a forecast; None for a run that forecasts nothing."""
    table = facts.table("series")
    if table is None or not set(NEEDED) <= set(table.columns):
        return None
    series = Series.of(table)
    tested = series.cut(slice(series.boundary, None))
    key = price_picture(series)
    pictures = [key]
    if len(tested.truth) > 2 * LAGS:
        key = zoom_picture(tested)
        pictures += [key, _error_picture(tested), lag_picture(tested), _change_picture(tested)]
    return Section("The forecast", _note(tested), pictures, key=key)


def _note(tested: Series) -> str:
    ours, rival = (_rmse(tested, values) for values in (tested.forecast, tested.persistence))
    if not np.isfinite([ours, rival]).all():
        return ""
    return (
        f"On the {len(tested.truth)} test steps the forecast is off by {words.figure(ours)} (RMSE); "
        f"repeating the value before is off by {words.figure(rival)}."
    )


def _rmse(series: Series, values: Floats) -> float:
    known = np.isfinite(series.truth) & np.isfinite(values)
    return metrics.rmse(series.truth[known], values[known]) if known.any() else np.nan


def price_picture(series: Series) -> Picture:
    """Draw the whole series, what was trained on shaded."""

    def draw(size: Size) -> Plot:
        legend = [*LEGEND, ("faint", "band", "trained on")]
        plot = _time_plot(series, size, legend, span(series.truth, series.forecast))
        if series.boundary > 0:
            plot.shade(0, series.boundary - 0.5)
            plot.upright(series.boundary - 0.5, "truth", "dashed")
        _draw_three(plot, series)
        return plot

    said = f"Truth, forecast and persistence over {len(series.truth)} steps"
    if series.test.any():
        said += f"; the test part begins at step {series.boundary} ({series.dates[series.boundary]})"
    return Picture("forecast", "Truth and forecast", f"{said}.", draw, f"{said}.", wide=True)


def zoom_picture(tested: Series) -> Picture:
    """Draw the test steps around the steepest move, where a forecast that only follows shows itself."""
    start = _steepest(tested.truth)
    near = tested.cut(slice(start, start + ZOOM))

    def draw(size: Size) -> Plot:
        plot = _time_plot(near, size, LEGEND, span(near.truth, near.forecast, near.persistence))
        _draw_three(plot, near)
        return plot

    said = f"The test part around its steepest move, {near.dates[0]} to {near.dates[-1]}"
    return Picture("forecast-zoom", "Close up: the steepest move", f"{said}.", draw, f"{said}.", wide=True)


def _steepest(truth: Floats) -> int:
    moves = np.abs(truth[MOVE:] - truth[:-MOVE])
    middle = int(np.nanargmax(moves)) + MOVE // 2 if np.isfinite(moves).any() else 0
    return max(0, min(middle - ZOOM // 2, len(truth) - ZOOM))


def _draw_three(plot: Plot, series: Series) -> None:
    steps = np.arange(len(series.truth))
    plot.line(steps, series.persistence, "rival", "dotted")
    plot.line(steps, series.truth, "truth")
    plot.line(steps, series.forecast, "ours")


def _error_picture(tested: Series) -> Picture:
    ours, rival = tested.forecast - tested.truth, tested.persistence - tested.truth

    def draw(size: Size) -> Plot:
        legend = [("ours", "", "forecast minus truth"), ("rival", "dotted", "persistence minus truth")]
        plot = _time_plot(tested, (size[0], round(size[1] * 0.75)), legend, span(ours, rival))
        plot.level(0, "truth", "")
        steps = np.arange(len(ours))
        plot.line(steps, rival, "rival", "dotted")
        plot.line(steps, ours, "ours")
        return plot

    bias = float(np.nanmean(ours)) if np.isfinite(ours).any() else np.nan
    said = f"On average the forecast lies {words.figure(abs(bias))} {'above' if bias > 0 else 'below'} the truth."
    return Picture(
        "forecast-error", "Error on the test part", f"Error of forecast and persistence. {said}", draw, said, wide=True
    )


def lag_profile(tested: Series) -> Floats:
    """Return (LAGS + 1,) RMSE of the forecast against the truth of 0, 1, ... steps earlier, on the same steps."""
    T = len(tested.truth)
    forecast = tested.forecast[LAGS:]
    shifted = [tested.truth[LAGS - lag : T - lag] for lag in range(LAGS + 1)]
    known = np.isfinite(forecast) & np.isfinite(shifted).all(axis=0)
    if not known.any():
        return np.full(LAGS + 1, np.nan)
    return np.array([metrics.rmse(truth[known], forecast[known]) for truth in shifted])


def lag_picture(tested: Series) -> Picture:
    """Draw the forecast's distance from the truth of each earlier step: a copy of yesterday is nearest at 1."""
    profile = lag_profile(tested)

    def draw(size: Size) -> Plot:
        plot = Plot(
            size, (-0.6, LAGS + 0.6), (0, span(profile, margin=0.2)[1]), x_title="steps the truth is shifted back"
        )
        plot.x_ticks(range(LAGS + 1), ["0", *(f"{lag}" for lag in range(1, LAGS + 1))])
        nearest = int(np.nanargmin(profile)) if np.isfinite(profile).any() else 0
        for lag, error in enumerate(profile):
            plot.bar(lag - 0.34, lag + 0.34, error, "ours" if lag == nearest else "faint")
            if np.isfinite(error):
                plot.text(plot.x.at(lag), plot.y.at(error) - 5, words.figure(float(error)), "axis", anchor="middle")
        return plot

    said = "; ".join(f"{lag} back {words.figure(float(e))}" for lag, e in enumerate(profile))
    title = "Is it yesterday, shifted?"
    return Picture(
        "forecast-lag", title, f"RMSE of the forecast against the truth shifted: {said}.", draw, lag_verdict(profile)
    )


def lag_verdict(profile: Floats) -> str:
    """Say what the profile means."""
    if not np.isfinite(profile).all():
        return "The forecast has no finite values."
    nearest = int(profile.argmin())
    shown = "RMSE against the truth of earlier steps."
    if nearest == 0:
        return f"{shown} The forecast is nearest to the step it is for: it is not a shifted copy."
    step = "one step" if nearest == 1 else f"{nearest} steps"
    return f"{shown} The forecast is nearest to {step} earlier: it mostly repeats what it has just seen, shifted."


def _change_picture(tested: Series) -> Picture:
    came, foretold = tested.truth - tested.persistence, tested.forecast - tested.persistence

    def draw(size: Size) -> Plot:
        low, high = span(came, foretold)
        edge = max(-low, high)
        plot = Plot(size, (-edge, edge), (-edge, edge), x_title="change that came")
        plot.x_numbers()
        plot.level(0, "grid", "")
        plot.upright(0, "grid", "")
        plot.line([-edge, edge], [-edge, edge], "truth", "dashed")
        plot.dots(came, foretold, "ours point")
        return plot

    said = _direction(came, foretold)
    words_ = f"Change forecast against the change that came, one dot a test step. {said}"
    return Picture("forecast-change", "Change forecast, and change that came", words_, draw, said)


def _direction(came: Floats, foretold: Floats) -> str:
    known = np.isfinite(came) & np.isfinite(foretold) & (came != 0)
    if not known.any():
        return ""
    right = float(np.mean(np.sign(came[known]) == np.sign(foretold[known])))
    found = f"The direction is right on {100 * right:.0f} % of {known.sum()} test steps."
    return f"A perfect forecast lies on the dashed line. {found}"


def _time_plot(series: Series, size: Size, legend: Sequence[tuple[str, str, str]], y: tuple[float, float]) -> Plot:
    last = max(len(series.truth) - 1, 1)
    plot = Plot(size, (0, last), y, legend=legend, y_label=plain)
    room = width_of(series.dates[0]) + 40
    count = max(2, int((plot.x.end - plot.x.start) / room))
    at = np.unique(np.linspace(0, len(series.truth) - 1, count).round().astype(int))
    plot.x_ticks(at.tolist(), [series.dates[i] for i in at])
    return plot
