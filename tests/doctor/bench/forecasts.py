"""Forecasts beside the truth, and a classifier's answers beside the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .registry import Parts, faulty, given, sound

Array = NDArray[np.float64]


def walk(N: int = 250, seed: int = 0) -> Array:
    return 2000 + np.cumsum(np.random.default_rng(seed).normal(0, 20, N))


def season(N: int = 250, seed: int = 0, noise: float = 1.0) -> tuple[Array, Array]:
    """Return a seasonal series with noise, and its noiseless part."""
    clean = 50 + 10 * np.sin(2 * np.pi * np.arange(N) / 12) + 0.05 * np.arange(N)
    return clean + np.random.default_rng(seed).normal(0, noise, N), clean


def ar2(N: int = 300, seed: int = 0, a: float = 1.4, b: float = -0.7) -> tuple[Array, Array]:
    """Return an AR(2) series and its one-step forecast by the true coefficients."""
    noise = np.random.default_rng(seed).normal(size=N + 2)
    y = np.zeros(N + 2)
    for t in range(2, N + 2):
        y[t] = a * y[t - 1] + b * y[t - 2] + noise[t]
    return y[2:], a * y[1:-1] + b * y[:-2]


def told(truth: Array, prediction: Array, **more: Any) -> Parts:
    return given(forecast={"truth": truth, "prediction": prediction, **more})


# sound


@sound
def season_without_its_noise() -> Parts:
    return told(*season())


@sound
def swinging_series_by_its_true_model() -> Parts:
    return told(*ar2())


@sound
def returns_by_a_weak_model() -> Parts:
    y, forecast = ar2(a=0.4, b=-0.3, seed=5)
    return told(y, 0.9 * forecast)


@sound
def season_with_a_bias() -> Parts:
    y, clean = season(seed=3)
    return told(y, clean + 0.8 + np.random.default_rng(9).normal(0, 0.5, len(y)))


@sound
def load_of_a_day_four_hours_ahead() -> Parts:
    hours = np.arange(480)
    load = 300 + 80 * np.sin(2 * np.pi * hours / 24) + 30 * np.sin(4 * np.pi * hours / 24)
    draw = np.random.default_rng(2)
    return told(load + draw.normal(0, 8, 480), load + draw.normal(0, 5, 480), horizon=4)


@sound
def short_test_part() -> Parts:
    y, clean = season(40, 7)
    return told(y, clean)


# faulty


@faulty("RK-SHIFT-01")
def yesterdays_price() -> Parts:
    y = walk()
    return told(y[1:], y[:-1] + np.random.default_rng(1).normal(0, 3, len(y) - 1), before=float(y[0]))


@faulty("RK-SHIFT-01")
def smoothed_price_of_yesterday() -> Parts:
    y = walk(300, 4)
    return told(y[3:], 0.8 * y[2:-1] + 0.15 * y[1:-2] + 0.05 * y[:-3])


@faulty("RK-SHIFT-01")
def price_of_five_days_ago() -> Parts:
    y = walk(280, 6)
    return told(y[5:], 0.97 * y[:-5] + 0.03 * y.mean(), horizon=5)


@faulty("RK-SHIFT-01", "RK-SHIFT-02")
def season_two_steps_late() -> Parts:
    y, _ = season(240, 8)
    return told(y[2:], y[:-2])


@faulty("RK-SHIFT-02", "RK-SHIFT-01")
def noisy_guesses_of_a_price() -> Parts:
    y = walk(260, 9)
    flat = 0.6 * y + 0.4 * y.mean() + np.random.default_rng(3).normal(0, 40, len(y))
    return told(y, flat)


# answers of classifiers


def answers(N: int, right: float, C: int = 2, seed: int = 0) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, C, N)
    wrong = (truth + draw.integers(1, C, N)) % C if C > 2 else 1 - truth
    return {"truth": truth, "prediction": np.where(draw.random(N) < right, truth, wrong)}


def bags(N: int, given_away: bool, seed: int = 0) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return word counts (N, F) and labels (N,); one word may tell them all."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 2, N)
    counts = draw.poisson(0.3, (N, 40))
    counts[:, :10] += draw.poisson(0.4 * y[:, None], (N, 10))
    if given_away:
        counts[:, 17] = y
    return counts, y


@sound
def four_of_five_right() -> Parts:
    return given(classes=answers(400, 0.8))


@sound
def sixty_per_cent_of_a_thousand() -> Parts:
    return given(classes=answers(1000, 0.6, seed=1))


@sound
def ten_classes_nearly_all_right_and_no_feature_to_blame() -> Parts:
    return given(classes={**answers(1000, 0.975, 10, 2), "names": [str(digit) for digit in range(10)]})


@sound
def very_good_with_many_weak_words() -> Parts:
    return given(classes={**answers(500, 0.96, seed=3), "features": lambda: bags(600, False)})


@faulty("RK-CHANCE-01")
def half_right() -> Parts:
    return given(classes=answers(300, 0.5, seed=4))


@faulty("RK-CHANCE-01")
def always_the_commonest_class() -> Parts:
    truth = (np.random.default_rng(5).random(400) < 0.85).astype(np.int64)
    return given(classes={"truth": truth, "prediction": np.ones(400, np.int64)})


@faulty("RK-CHANCE-01")
def three_quarters_right_where_three_quarters_are_one_class() -> Parts:
    draw = np.random.default_rng(6)
    truth = (draw.random(300) < 0.75).astype(np.int64)
    return given(classes={"truth": truth, "prediction": (draw.random(300) < 0.9).astype(np.int64)})


@faulty("RK-CHANCE-02")
def one_word_tells_the_label() -> Parts:
    return given(classes={**answers(500, 1.0, seed=7), "features": lambda: bags(600, True)})
