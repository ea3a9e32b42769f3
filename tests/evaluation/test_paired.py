"""Paired tests agree with the literature, and cry wolf no more often than they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rekur.errors import DataError, ShapeError
from rekur.evaluation import paired


def _rights(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    a, b = np.array(cells, dtype=float).T
    return a, b


def test_mcnemar_equals_agresti():
    # Agresti, Categorical Data Analysis, the prime minister's ratings: 150 and 86 of 1,600 changed their mind;
    # difference 0.04, Wald interval 0.021 to 0.059; (|150 - 86| - 1)^2 / 236 = 16.82 with Edwards' correction.
    found = paired.mcnemar(*_rights(794, 150, 86, 570))
    assert found.difference == pytest.approx(0.04)
    assert found.statistic == pytest.approx(16.818, abs=1e-3)
    assert found.p_value == pytest.approx(stats.chi2.sf(16.818, 1), rel=1e-3)
    assert found.interval == pytest.approx((0.021, 0.059), abs=1e-3)


def test_mcnemar_is_exact_for_few_discordant_pairs():
    assert paired.mcnemar(*_rights(50, 9, 1, 0)).p_value == pytest.approx(2 * (1 + 10) / 2**10)
    assert paired.mcnemar(*_rights(5, 0, 0, 5)).p_value == 1.0


def test_mcnemar_does_not_jump_where_the_formula_changes():
    for first in (18, 19, 20):
        exact = stats.binomtest(first, 25).pvalue
        assert paired.mcnemar(*_rights(100, first, 25 - first, 9)).p_value == pytest.approx(exact, abs=0.01)


def test_mcnemar_seldom_finds_a_difference_that_is_not_there():
    generator = np.random.default_rng(0)
    found = [paired.mcnemar(*(generator.random((2, 300)) < 0.8)).p_value < 0.05 for _ in range(1500)]
    assert 0.02 < np.mean(found) < 0.06


def test_diebold_mariano_of_one_step_is_students_t_test():
    # With h = 1 the Harvey correction turns V into the unbiased variance of the mean, exactly.
    a, b = np.random.default_rng(1).exponential(size=(2, 23))
    expected = stats.ttest_rel(a, b)
    found = paired.diebold_mariano(a, b)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    bounds = expected.confidence_interval()
    assert found.interval == pytest.approx((bounds.low, bounds.high))


@pytest.mark.parametrize(
    ("d", "weight"), [([1.0, 2.0, 2.5, 0.0, -1.0, 2.0], 1.0), ([1.0, -1.0, 2.0, -2.0, 1.0, -0.5], 0.5)]
)
def test_diebold_mariano_by_hand_for_two_steps(d, weight):
    c = np.array(d) - np.mean(d)
    full = c @ c + 2 * (c[1:] @ c[:-1])
    assert (full > 0) == (weight == 1.0)  # the second series swings so much that the full weight gives no variance
    variance = (c @ c + 2 * weight * (c[1:] @ c[:-1])) / 36
    factor = np.sqrt((6 + 1 - 4 + 2 / 6) / 6)
    found = paired.diebold_mariano(d, np.zeros(6), horizon=2)
    assert found.statistic == pytest.approx(factor * np.mean(d) / np.sqrt(variance))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), 5))


@pytest.mark.parametrize(("horizon", "n", "most"), [(1, 16, 0.065), (1, 120, 0.065), (2, 64, 0.09), (4, 200, 0.09)])
def test_diebold_mariano_seldom_finds_a_difference_that_is_not_there(horizon, n, most):
    # Forecasts h steps ahead make errors that depend on each other over h - 1 steps, as in the paper's simulation.
    generator = np.random.default_rng(horizon * n)
    noise = generator.normal(size=(2, 2000, n + horizon - 1))
    errors = np.stack([noise[:, :, k : k + n] for k in range(horizon)]).sum(axis=0) / np.sqrt(horizon)
    found = [paired.diebold_mariano(a**2, b**2, horizon).p_value < 0.05 for a, b in zip(*errors, strict=True)]
    assert 0.03 < np.mean(found) < most


def test_diebold_mariano_finds_a_difference_that_is_there():
    a, b = np.random.default_rng(2).normal(size=(2, 200))
    found = paired.diebold_mariano(a**2, (1.5 * b) ** 2)
    assert found.p_value < 0.01
    assert found.interval[1] < 0


def test_diebold_mariano_where_nothing_varies():
    assert paired.diebold_mariano(np.ones(5), np.ones(5)).p_value == 1.0
    assert paired.diebold_mariano(np.ones(5), np.zeros(5)).p_value == 0.0


def test_paired_bootstrap_equals_the_normal_approximation():
    generator = np.random.default_rng(3)
    a = generator.normal(size=500)
    b = a + generator.normal(0.1, 0.5, size=500)
    found = paired.paired_bootstrap(a, b, seed=0)
    error = (a - b).std() / np.sqrt(500)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.interval == pytest.approx((found.difference - 1.96 * error, found.difference + 1.96 * error), abs=0.01)
    assert found.p_value < 0.01
    assert found == paired.paired_bootstrap(a, b, seed=0)


def test_paired_bootstrap_of_a_function_of_means():
    a, b = np.random.default_rng(4).exponential(size=(2, 300))
    found = paired.paired_bootstrap(a, b, statistic=np.exp)
    assert found.difference == pytest.approx(np.exp(a.mean()) - np.exp(b.mean()))
    assert found.interval[0] < found.difference < found.interval[1]


def test_paired_bootstrap_seldom_finds_a_difference_that_is_not_there():
    generator = np.random.default_rng(5)
    found = [paired.paired_bootstrap(*generator.normal(size=(2, 60)), seed=s).p_value < 0.05 for s in range(300)]
    assert 0.02 < np.mean(found) < 0.09


def test_equal_items_are_not_distinguishable():
    items = np.random.default_rng(6).exponential(size=50)
    found = paired.paired_bootstrap(items, items.copy())
    assert (found.p_value, found.interval) == (1.0, (0.0, 0.0))


@pytest.mark.parametrize("test", [paired.mcnemar, paired.diebold_mariano, paired.paired_bootstrap])
def test_the_items_must_be_the_same(test):
    with pytest.raises(ShapeError, match=r"\(N=3\); got \(2,\)"):
        test([1.0, 0.0, 1.0], [1.0, 0.0])
    with pytest.raises(DataError, match="N=0"):
        test([], [])


def test_a_horizon_longer_than_the_series_is_refused():
    with pytest.raises(DataError, match=r"1..N-1 \(N=3\); got 3"):
        paired.diebold_mariano([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], horizon=3)
