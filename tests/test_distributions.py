"""Losses are densities, quantiles are inverses of distributions, and scaling moves both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from rekur import distributions
from rekur.errors import RequestError

NAMES = ("point", "median", "quantiles", "normal", "student_t", "negative_binomial")
LEVELS = (0.1, 0.5, 0.9)
CONTINUOUS = {
    "normal": lambda p: stats.norm(p[..., 0], p[..., 1]),
    "student_t": lambda p: stats.t(p[..., 2], p[..., 0], p[..., 1]),
}


def parameters(distribution: distributions.Distribution, seed: int, shape: tuple[int, ...] = (4, 3)) -> np.ndarray:
    """Return allowed parameters (..., P), counts near 5."""
    generator = np.random.default_rng(seed)
    return np.stack(
        [
            generator.normal(size=shape) if low is None else low + generator.gamma(2, 2, shape)
            for low in distribution.links
        ],
        axis=-1,
    )


def losses(distribution, given, values):
    return distribution.losses(torch.tensor(given), torch.tensor(values)).numpy()


@pytest.mark.parametrize("name", CONTINUOUS)
@given(st.integers(0, 99))
def test_a_loss_is_minus_the_logarithm_of_the_density(name, seed):
    distribution = distributions.make(name)
    p = parameters(distribution, seed)
    values = np.random.default_rng(seed + 1).normal(size=p.shape[:2]) * 3
    np.testing.assert_allclose(losses(distribution, p, values), -CONTINUOUS[name](p).logpdf(values), rtol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_quantiles_are_scipys(name):
    distribution = distributions.make(name)
    p = parameters(distribution, 1)
    expected = np.stack([CONTINUOUS[name](p).ppf(level) for level in LEVELS], axis=-1)
    np.testing.assert_allclose(distribution.quantiles(p, LEVELS), expected, rtol=1e-9)


@given(st.integers(0, 99), st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_counts_have_the_probabilities_and_quantiles_of_scipy(seed, levels):
    distribution = distributions.make("negative_binomial")
    p = parameters(distribution, seed)
    size, sure = 1 / p[..., 1], 1 / (1 + p[..., 0] * p[..., 1])
    values = np.random.default_rng(seed).integers(0, 30, p.shape[:2]).astype(float)
    np.testing.assert_allclose(losses(distribution, p, values), -stats.nbinom.logpmf(values, size, sure), rtol=1e-8)
    expected = stats.nbinom.ppf(np.asarray(levels), size[..., None], sure[..., None])
    np.testing.assert_array_equal(distribution.quantiles(p, levels), expected)


def test_the_mean_of_counts_is_the_first_parameter_and_the_second_spreads_them():
    p = np.tile([7.0, 0.3], (40_000, 1))
    drawn = distributions.make("negative_binomial").draw(p, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(7, rel=0.02)
    assert drawn.var() == pytest.approx(7 + 0.3 * 49, rel=0.04)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if distributions.make(name, LEVELS).random and name != "quantiles"]
)
def test_drawn_values_fall_below_each_quantile_as_often_as_it_says(name):
    distribution = distributions.make(name)
    p = np.broadcast_to(parameters(distribution, 3, ()), (20_000, distribution.parameters))
    drawn = distribution.draw(p, np.random.default_rng(2))
    for level, quantile in zip(LEVELS, distribution.quantiles(p[None, :1], LEVELS)[0, 0], strict=True):
        assert (drawn < quantile).mean() <= level + 0.012
        assert (drawn <= quantile).mean() >= level - 0.012


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_rise_with_their_levels(name):
    distribution = distributions.make(name, LEVELS)
    made = distribution.quantiles(parameters(distribution, 5), (0.01, 0.2, 0.5, 0.77, 0.99))
    assert made.shape == (4, 3, 5)
    assert (np.diff(made, axis=2) >= 0).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "negative_binomial"])
def test_scaling_parameters_scales_quantiles_and_mean(name):
    distribution = distributions.make(name, LEVELS)
    p, shift, scale = parameters(distribution, 6), np.array([0.0, 1, -2, 3]), np.array([1.0, 2, 0.5, 4])
    moved = distribution.rescaled(p, shift, scale)
    expected = distribution.quantiles(p, LEVELS) * scale[:, None, None] + shift[:, None, None]
    np.testing.assert_allclose(distribution.quantiles(moved, LEVELS), expected, rtol=1e-6, atol=1e-9)
    expected_mean = distribution.mean(p) * scale[:, None] + shift[:, None]
    np.testing.assert_allclose(distribution.mean(moved), expected_mean, rtol=1e-6, atol=1e-9)


def test_counts_scale_as_in_deepar():
    moved = distributions.make("negative_binomial").rescaled(np.array([[[2.0, 0.5]]]), np.zeros(1), np.array([4.0]))
    np.testing.assert_allclose(moved, [[[8.0, 0.25]]])


@pytest.mark.parametrize("name", NAMES)
def test_scaling_is_the_same_for_tensors(name):
    distribution = distributions.make(name, LEVELS)
    p, shift, scale = parameters(distribution, 6), np.array([0.0, 1, -2, 3]), np.array([1.0, 2, 0.5, 4])
    made = distribution.rescaled(torch.tensor(p), torch.tensor(shift), torch.tensor(scale))
    np.testing.assert_allclose(made.numpy(), distribution.rescaled(p, shift, scale), rtol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_the_pinball_loss_is_least_at_the_quantile(level):
    distribution, values = distributions.make("quantiles", (level,)), np.random.default_rng(1).normal(size=(1, 4001))
    tried = np.linspace(-2, 2, 81)
    found = [distribution.loss(torch.full((1, 4001, 1), q).double(), torch.tensor(values)).item() for q in tried]
    assert tried[np.argmin(found)] == pytest.approx(np.quantile(values, level), abs=0.06)


@pytest.mark.parametrize(("name", "statistic"), [("point", np.mean), ("median", np.median)])
def test_single_numbers_are_learned_as_mean_and_median(name, statistic):
    distribution, values = distributions.make(name), np.random.default_rng(1).exponential(size=(1, 4001))
    tried = np.linspace(0, 2, 201)
    found = [distribution.loss(torch.full((1, 4001, 1), q).double(), torch.tensor(values)).item() for q in tried]
    assert tried[np.argmin(found)] == pytest.approx(statistic(values), abs=0.02)


def test_a_quantile_between_two_levels_is_between_them():
    made = distributions.make("quantiles", (0.2, 0.4, 0.8)).quantiles(
        np.array([[[4.0, 1.0, 2.0]]]), (0.1, 0.2, 0.3, 0.6)
    )
    np.testing.assert_allclose(made[0, 0], [1.0, 1.0, 1.5, 3.0])  # 4, 1, 2 are 1, 2, 4 in order


@pytest.mark.parametrize("name", NAMES)
def test_values_of_weight_0_count_for_nothing(name):
    distribution = distributions.make(name, LEVELS)
    p = torch.tensor(parameters(distribution, 8))
    values, weight = torch.arange(12.0).double().view(4, 3), torch.ones(4, 3).double()
    weight[1:] = 0
    assert distribution.loss(p, values, weight).item() == pytest.approx(distribution.loss(p[:1], values[:1]).item())
    assert distribution.loss(p, values, weight * 0).item() == 0


def test_crps_of_many_quantiles_is_the_pinball_loss():
    levels = tuple(np.round(np.arange(0.01, 1, 0.01), 2))
    made = distributions.make("quantiles", levels)
    p = stats.norm.ppf(levels)[None, None]
    loss = made.loss(torch.tensor(p), torch.tensor([[0.7]], dtype=torch.float64)).item()
    crps = integrate.quad(lambda x: (stats.norm.cdf(x) - (x >= 0.7)) ** 2, -8, 8, points=[0.7])[0]
    assert loss == pytest.approx(crps, rel=0.02)


@pytest.mark.parametrize("levels", [(), (0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises(RequestError, match="must rise between 0 and 1"):
        distributions.make("quantiles", levels)


def test_an_unknown_distribution_is_told_the_nearest():
    with pytest.raises(RequestError, match="`student_t`"):
        distributions.make("studentt")
