"""The metrics of forecasts agree with utilsforecast, with closed forms, and with M4's published figures."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from rekur.errors import DataError, RekurError, ShapeError
from rekur.evaluation import intervals, outcomes, verdict
from rekur.evaluation.forecasting import metrics

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


@pytest.fixture(scope="module")
def drawn():
    generator = np.random.default_rng(0)
    histories = [generator.gamma(4.0, 5.0, size=n) for n in (40, 55, 31)]
    truth = generator.gamma(4.0, 5.0, size=(3, 6))
    forecast = generator.gamma(4.0, 5.0, size=(3, 6))
    quantiles = np.sort(generator.gamma(4.0, 5.0, size=(3, 6, 5)), axis=2)
    return histories, truth, forecast, quantiles


def _table(truth, **columns):
    N, h = truth.shape
    shown = {"unique_id": np.repeat(np.arange(N), h), "ds": np.tile(np.arange(h), N), "y": truth.ravel()}
    return pl.DataFrame({**shown, **{name: values.ravel() for name, values in columns.items()}})


def test_point_metrics_equal_utilsforecast(drawn):
    from utilsforecast import losses

    histories, truth, forecast, _ = drawn
    table = _table(truth, ours=forecast)
    rows = [(i, t, y) for i, history in enumerate(histories) for t, y in enumerate(history)]
    train = pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")
    scales = metrics.scales_of(histories, 7)
    assert metrics.mae(truth, forecast) == pytest.approx(losses.mae(table, ["ours"])["ours"].mean())
    assert metrics.mse(truth, forecast) == pytest.approx(losses.mse(table, ["ours"])["ours"].mean())
    assert metrics.smape(truth, forecast) == pytest.approx(200 * losses.smape(table, ["ours"])["ours"].mean())
    theirs = losses.mase(table, ["ours"], seasonality=7, train_df=train)["ours"].mean()
    assert metrics.mase(truth, forecast, scales) == pytest.approx(theirs)


def test_quantile_metrics_equal_utilsforecast(drawn):
    from utilsforecast import losses

    _, truth, _, quantiles = drawn
    table = _table(truth, **{f"q{q}": quantiles[..., q] for q in range(5)})
    names = [f"q{q}" for q in range(5)]
    theirs = losses.mqloss(table, {"ours": names}, LEVELS)["ours"].mean()
    assert metrics.pinball_of_each(truth, quantiles, LEVELS).mean() == pytest.approx(theirs)
    bounds = table.rename({"q0": "ours-lo-90", "q4": "ours-hi-90"})
    theirs = losses.coverage(bounds, ["ours"], level=90)["ours"].mean()
    assert metrics.coverage(truth, quantiles[..., 0], quantiles[..., 4]) == pytest.approx(theirs)
    assert metrics.width(quantiles[..., 0], quantiles[..., 4]) > 0


def test_crps_of_a_normal_is_its_closed_form():
    # Gneiting and Raftery (2007), eq. 21: sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))
    levels = (np.arange(199) + 1) / 200
    truth = np.linspace(-2, 2, 9)[:, None]
    quantiles = np.broadcast_to(stats.norm.ppf(levels), (9, 1, 199))
    z = truth[:, 0]
    closed = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)
    assert metrics.crps_of_each(truth, quantiles, levels) == pytest.approx(closed, abs=2e-3)


def test_crps_of_a_point_is_its_absolute_error(drawn):
    _, truth, forecast, _ = drawn
    same = np.repeat(forecast[..., None], 5, axis=2)
    assert metrics.crps(truth, same, LEVELS) == pytest.approx(metrics.mae(truth, forecast))


def test_steps_that_are_not_known_do_not_count():
    truth, forecast = np.array([[1.0, np.nan], [2.0, 5.0]]), np.array([[2.0, 99.0], [2.0, 7.0]])
    assert metrics.mae(truth, forecast) == pytest.approx((1.0 + 1.0) / 2)
    assert metrics.coverage(truth, forecast - 1, forecast + 1) == pytest.approx((1 + 0.5) / 2)
    left = outcomes.forecast([[np.nan, np.nan], [1.0, 2.0]], [[0.0, 0.0], [1.0, 3.0]])
    assert left.metrics["mae"] == 0.5
    assert len(left.items) == 1


def test_a_series_that_never_moves_has_no_scale():
    assert np.isnan(metrics.scale_of([3.0] * 9, 2))
    assert np.isnan(metrics.scale_of([1.0, 2.0], 2))
    scales = metrics.scales_of([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    truth, forecast = np.array([[4.0], [6.0]]), np.array([[6.0], [5.0]])
    assert metrics.mase(truth, forecast, scales) == 2.0
    found = outcomes.forecast(truth, forecast, scales=scales, naive2=truth + 1.0)
    assert found.metrics["mase"] == 2.0
    assert all(np.isfinite(intervals.interval_of(found, "mase")))


def test_outcome_has_the_metrics_and_their_intervals_and_tests(drawn):
    histories, truth, forecast, quantiles = drawn
    scales, naive2 = metrics.scales_of(histories), truth + 4.0
    ours = outcomes.forecast(truth, forecast, scales=scales, naive2=naive2, quantiles=quantiles, levels=LEVELS)
    rival = outcomes.forecast(truth, naive2, scales=scales, naive2=naive2)
    named = {"mae", "rmse", "mse", "smape", "mase", "owa", "crps", "pinball"}
    assert set(ours.metrics) == named | {"coverage_90", "width_90", "coverage_50", "width_50"}
    assert rival.metrics["owa"] == pytest.approx(1.0)
    assert rival.metrics["crps"] == rival.metrics["mae"]
    assert verdict.versus(ours, {"naive2": rival}, "crps", False, "bootstrap")["baseline"] == "naive2"
    assert ours.metrics["mase"] == pytest.approx(metrics.mase(truth, forecast, scales))
    assert ours.metrics["smape"] == pytest.approx(metrics.smape(truth, forecast))
    for name, value in ours.metrics.items():
        columns, statistic = intervals.form(name)
        assert float(statistic(columns(ours).mean(axis=0)[None])[0]) == pytest.approx(value), name
        low, high = intervals.interval_of(ours, name)
        assert low - 1e-9 <= value <= high + 1e-9
    found = verdict.versus(ours, {"naive2": rival}, "owa", False, "bootstrap")
    assert found["difference"] == pytest.approx(ours.metrics["owa"] - 1.0)


def test_faults_are_told(drawn):
    _, truth, forecast, quantiles = drawn
    with pytest.raises(ShapeError, match=r"forecast must be \(N=3, h=6\); got \(3, 5\)"):
        metrics.mae(truth, forecast[:, :5])
    with pytest.raises(DataError, match="levels must rise"):
        metrics.crps(truth, quantiles, LEVELS[::-1])
    with pytest.raises(RekurError, match="must be finite"):
        outcomes.forecast(truth, np.full_like(forecast, np.nan))
    with pytest.raises(DataError, match="no known value"):
        outcomes.forecast([[np.nan]], [[1.0]])


def test_series_of_zeros_and_short_ones_score_as_utilsforecast_says():
    """sMAPE of a step that is 0 and was forecast 0 is 0; a series without a scale counts in neither MASE nor OWA."""
    from utilsforecast import losses

    truth = np.array([[0.0, 0.0, 3.0], [0.0, 4.0, 0.0], [7.0, 7.0, 7.0]])
    ours = np.array([[0.0, 1.0, 3.0], [0.0, 0.0, 2.0], [7.0, 8.0, 9.0]])
    naive2 = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [7.0, 7.0, 7.5]])
    table = _table(truth, ours=ours, naive2=naive2)
    smape = losses.smape(table, ["ours", "naive2"])
    assert metrics.smape(truth, ours) == pytest.approx(200 * smape["ours"].mean())
    assert metrics.smape(np.zeros((1, 2)), np.zeros((1, 2))) == 0.0
    histories = [[0.0, 0.0, 2.0, 0.0, 1.0], [1.0, 5.0, 2.0, 0.0, 4.0], [7.0, 7.0]]  # the third never moves
    rows = [(i, t, y) for i, history in enumerate(histories[:2]) for t, y in enumerate(history)]
    train = pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")
    mase = losses.mase(table.filter(pl.col("unique_id") < 2), ["ours", "naive2"], seasonality=2, train_df=train)
    found = outcomes.forecast(truth, ours, scales=metrics.scales_of(histories, 2), naive2=naive2).metrics
    assert found["mase"] == pytest.approx(mase["ours"].mean())
    relative = [one["ours"].mean() / one["naive2"].mean() for one in (smape, mase)]
    assert found["owa"] == pytest.approx(np.mean(relative))
    assert "mase" not in outcomes.forecast(truth, ours, scales=np.full(3, np.nan), naive2=naive2).metrics
