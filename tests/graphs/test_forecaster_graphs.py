"""onnxruntime forecasts from raw histories what rekur forecasts, in the series' own units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from rekur import distributions, engine, graphs, inference
from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.data.calendar import Frequency, features
from rekur.data.panel import Columns, Panel, Series
from rekur.evaluation.forecasting.conformal import Corrections
from rekur.evaluation.forecasting.metrics import pairs_of
from rekur.graphs import calendar
from rekur.graphs.builder import Builder
from rekur.tasks.forecasting import exported
from rekur.tasks.forecasting.predicting import Predicting
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Windows, fitted

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
T, H = 9, 5  # of the model
LENGTHS = (4, T, 20)  # of histories: shorter than what is read, as long, longer
FORECASTERS = ("direct", "segments", "dilated", "decoder")
DISTRIBUTIONS = ("point", "median", "quantiles", "normal", "student_t", "negative_binomial")
NORMALISED = ("none", "last", "mean", "standard", "season", "seasonal_changes", "changes")
COVARIATES = Columns(known=("price", "holiday"), observed=("rain",), static=("kind", "size"))


def panel_of(lengths, counts: bool, covariates: bool, frequency: Frequency) -> Panel:
    """Draw series with gaps, each beginning at another time; what is observed is not known ahead."""
    draw, found = np.random.default_rng(5), []
    for place, length in enumerate(lengths):
        values = np.exp(draw.normal(0, 0.3, length)) * (5 + 10 * place) + 2
        values = values.round() if counts else values
        values[1:-1][draw.random(max(0, length - 2)) < 0.2] = np.nan
        beside = draw.normal(3, 4, (length + H, 3 if covariates else 0))
        beside[:length][draw.random(beside[:length].shape) < 0.2] = np.nan
        first: Any = 1 if frequency.unit == "count" else np.datetime64(f"2023-12-{20 + place}T05:00:00")
        static = (("b" if place % 2 else "a"), 3.5 * place) if covariates else ()
        found.append(Series(f"s{place}", first, values, beside, static))
    return Panel(tuple(found), frequency, COVARIATES if covariates else Columns())


class Case:
    """A forecaster with drawn weights, its histories, and its graphs."""

    def __init__(self, model: dict[str, Any], data: dict[str, Any], frequency: Frequency, covariates: bool) -> None:
        settings = ModelSettings(hidden=4, segment=4, dilations=((1, 2), (3, 12)), **model)
        self.data = ForecastData(window=T, horizon=H, **data)
        counts = settings.distribution == "negative_binomial"
        panel = panel_of(LENGTHS, counts, covariates, frequency)
        scales = fitted(panel, self.data, [len(one.values) for one in panel.series], season=3)
        self.scales = replace(scales, marked=True)
        self.windows = Windows(panel, self.data, self.scales)
        levels, draw = self.data.levels, np.random.default_rng(3)
        self.made = Architecture(
            settings,
            distributions.make(settings.distribution, levels).parameters,
            values=self.windows.features,
            steps=T,
            horizon=H,
            future=self.windows.ahead,
            static=self.windows.static.shape[1],
            levels=levels,
        )
        shapes = self.made.weights().items()
        self.weights = {name: draw.uniform(-0.5, 0.5, shape).astype(kind) for name, (shape, kind) in shapes}
        self.corrections = Corrections(levels, draw.normal(0, 0.1, (len(pairs_of(levels)), H)))
        self.network = inference.make(self.made, self.weights)

    def sessions(self) -> dict[str, onnxruntime.InferenceSession]:
        panel = self.windows.panel
        reading = exported.reading(self.data, self.scales, panel.columns, panel.frequency)
        saying = exported.saying(self.data, self.corrections)
        files = graphs.forecaster(self.made, self.weights, reading, saying, {})
        given: Any = {"providers": ["CPUExecutionProvider"]}
        return {name: onnxruntime.InferenceSession(graph, **given) for name, graph in files.items()}

    def forecast(self, windows: Windows, origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        predicting = Predicting(self.network, self.data, np.random.default_rng)
        return predicting.forecast(windows, origins, corrections=self.corrections)


def run(session: Any, given: dict[str, Any]) -> dict[str, np.ndarray]:
    names = [part.name for part in session.get_outputs()]
    wanted = {part.name: given[part.name] for part in session.get_inputs()}
    return dict(zip(names, session.run(names, wanted), strict=True))


def agrees(case: Case, windows: Windows) -> None:
    """Hold both against each other at batches of one, two and three histories, shorter and longer ones."""
    session = case.sessions()["model.onnx"]
    ends = np.array([(place, len(one.values)) for place, one in enumerate(windows.panel.series)])
    for origins in (ends[:1], ends[1:], ends):
        point, quantiles = case.forecast(windows, origins)
        said = run(session, exported.inputs(windows, origins))
        assert said["quantiles"].dtype == np.float32
        np.testing.assert_allclose(said["forecast"], point, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(said["quantiles"], quantiles, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("forecaster", FORECASTERS)
def test_every_forecaster_and_distribution(forecaster, distribution):
    place = FORECASTERS.index(forecaster) + DISTRIBUTIONS.index(distribution)
    counts = distribution == "negative_binomial"
    model = {
        "forecaster": forecaster,
        "distribution": distribution,
        "cell": ("gru", "lstm", "rnn")[place % 3],
        "layers": 1 + place % 2,
        "highway": (0, 4, 12)[place % 3],
        "residual": place % 2 == 0,
        "attention": ("none", "dot", "general", "additive")[place % 4] if forecaster == "decoder" else "none",
    }
    normalise = ("none", "mean")[place % 2] if counts else NORMALISED[place % 7]
    data = {"normalise": normalise, "lags": (3, 1), "calendar": True, "identity": place % 3 == 0}
    data |= {"scaled": place % 2 == 0, "standardise": not counts and place % 3 == 1}
    case = Case(model, data, Frequency("second", 3600), covariates=place % 4 != 3)
    agrees(case, case.windows)


@pytest.mark.parametrize("normalise", NORMALISED)
def test_every_size_of_a_window_and_a_logarithm(normalise):
    data = {"normalise": normalise, "log": True, "levels": (0.1, 0.4, 0.6, 0.9)}
    case = Case({"forecaster": "direct", "distribution": "normal"}, data, Frequency("count"), covariates=False)
    agrees(case, case.windows)


def test_series_and_words_never_seen_are_none_of_those_known():
    data = {"standardise": True, "identity": True}
    case = Case({"forecaster": "direct", "distribution": "quantiles"}, data, Frequency("count"), covariates=True)
    panel = case.windows.panel
    new = tuple(replace(one, id=f"new {one.id}", static=("c", None)) for one in panel.series)
    agrees(case, Windows(replace(panel, series=new), case.data, case.scales))


@pytest.mark.parametrize("distribution", [name for name in DISTRIBUTIONS if name != "quantiles"])
@pytest.mark.parametrize("residual", [False, True])
def test_a_forecast_value_after_value_says_the_same_of_each_step(distribution, residual):
    model = {"forecaster": "autoregressive", "distribution": distribution, "residual": residual, "layers": 2}
    model["cell"] = "lstm" if residual else "gru"
    case = Case(model, {"normalise": "mean", "calendar": True, "scaled": True}, Frequency("second", 3600), residual)
    sessions = case.sessions()
    ends = np.array([(place, len(one.values)) for place, one in enumerate(case.windows.panel.series)])
    for origins in (ends[:1], ends[1:], ends):
        batch = case.windows.cut(origins)
        standing, before = case.network.begin(batch.inputs, None)
        read = run(sessions["reader.onnx"], exported.inputs(case.windows, origins))
        np.testing.assert_allclose(read["before"], before, rtol=1e-5)
        np.testing.assert_allclose(
            before * read["scale"] + read["shift"],
            case.windows.back(before, batch.shift, batch.scale, origins),
            rtol=1e-5,
        )
        read["last"] = read["before"]
        for place in range(H):
            ours, standing = case.network.advance(before, place, standing)
            said = run(sessions["step.onnx"], {**read, "ahead": read["ahead"][:, place], "before": before})
            np.testing.assert_allclose(said["parameters"], ours, rtol=1e-5, atol=1e-5)
            read |= {name.replace("_n", "_0"): part for name, part in said.items() if name.endswith("_n")}
            before = ours[:, 0]


def test_days_of_leap_years_and_of_others_stand_where_the_calendar_has_them():
    days = ["1899-12-31", "1900-02-28", "1900-03-01", "1969-12-31", "1970-01-01", "2000-02-29", "2023-12-31"]
    days += ["2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31", "2100-02-28", "2100-03-01", "2100-12-31"]
    times = np.array(days, dtype="datetime64[s]") + np.arange(len(days)) * 4001
    hourly = Frequency("second", 3600)
    graph = Builder()
    moments = graph.takes("times", "INT64", ["N", "L"])
    graph.gives("waves", calendar.features(graph, moments, hourly.cycles), ["N", "L", 6])
    (found,) = onnxruntime.InferenceSession(graph.written("days", {})).run(
        None, {"times": times.astype(np.int64)[None]}
    )
    np.testing.assert_allclose(found[0], features(times, hourly), atol=2e-6)


def test_students_quantiles_are_scipys_from_two_degrees_of_freedom_to_all():
    from scipy.special import stdtrit

    levels, freedom = (0.005, 0.3, 0.5, 0.95), np.geomspace(2.0001, 1e9, 200)
    graph = Builder()
    given = graph.takes("p", "FLOAT", ["N", 200, 3])
    found = graphs.distributions.read(graph, distributions.make("student_t"), given, levels, "")
    graph.gives("q", graph.cast(found, "FLOAT"), ["N", 200, 4])
    parameters = np.stack([np.zeros(200), np.ones(200), freedom], axis=1).astype(np.float32)[None]
    (said,) = onnxruntime.InferenceSession(graph.written("t", {})).run(None, {"p": parameters})
    np.testing.assert_allclose(said[0], stdtrit(parameters[0, :, 2:].astype(np.float64), levels), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("mean", [1e-6, 0.4, 30.0, 4000.0])
@pytest.mark.parametrize("spread", [1e-4, 0.5, 20.0])
def test_counts_are_the_least_that_are_as_probable(mean, spread):
    levels, negative = (0.05, 0.5, 0.9, 0.99), distributions.make("negative_binomial")
    parameters = np.array([[[mean, spread]]], np.float32)
    graph = Builder()
    given, scale = graph.takes("p", "FLOAT", ["N", 1, 2]), graph.takes("s", "DOUBLE", ["N", 1])
    graph.gives("q", graph.cast(graphs.distributions.read(graph, negative, given, levels, scale), "FLOAT"), ["N", 1, 4])
    (said,) = onnxruntime.InferenceSession(graph.written("c", {})).run(None, {"p": parameters, "s": np.ones((1, 1))})
    np.testing.assert_array_equal(said, negative.quantiles(parameters, levels).astype(np.float32))
