"""Forecasts, classes and gradients by hand, faulty and sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..registry import faulty, given, sound


def random(seed: int) -> np.random.Generator:
    """Return a generator of its own for a case."""
    return np.random.default_rng(seed)


@faulty("RK-SHIFT-01", "RK-SHIFT-02")
def closing_price_of_yesterday() -> dict:
    rng = random(1)
    walk = 100 + rng.normal(0, 1, 401).cumsum()
    return given(forecast={"truth": walk[1:], "prediction": walk[:-1] + rng.normal(0, 0.15, 400)})


@faulty("RK-SHIFT-01", "RK-SHIFT-02", "RK-SHIFT-03")
def smoothed_price_of_the_last_days() -> dict:
    rng = random(2)
    walk = 50 + rng.normal(0, 0.8, 306).cumsum()
    prediction = 0.7 * walk[5:-1] + 0.3 * walk[4:-2]
    return given(forecast={"truth": walk[6:], "prediction": prediction, "before": walk[5]})


@faulty("RK-SHIFT-02", "RK-SHIFT-01")
def worse_than_the_last_value() -> dict:
    rng = random(3)
    series = 300 + 80 * np.sin(np.arange(200) / 20) + rng.normal(0, 2, 200)
    return given(forecast={"truth": series[1:], "prediction": 300 + 0.6 * (series[:-1] - 300)})


@sound
def seasonal_forecast() -> dict:
    rng = random(4)
    t = np.arange(240)
    mean = 100 + 0.5 * t + 20 * np.sin(2 * np.pi * t / 12)
    return given(forecast={"truth": mean + rng.normal(0, 3, 240), "prediction": mean + rng.normal(0, 0.5, 240)})


@sound
def autoregression_of_order_two() -> dict:
    rng = random(5)
    x = np.zeros(400)
    for t in range(2, 400):
        x[t] = 1.2 * x[t - 1] - 0.6 * x[t - 2] + rng.normal()
    return given(forecast={"truth": x[2:], "prediction": 1.2 * x[1:-1] - 0.6 * x[:-2], "before": x[1]})


@sound
def hourly_load() -> dict:
    """Two seasons and noise; the forecast knows both."""
    rng = random(6)
    t = np.arange(500)
    mean = 50 + 10 * np.sin(2 * np.pi * t / 24) + 5 * np.sin(2 * np.pi * t / 168)
    return given(forecast={"truth": mean + rng.normal(0, 1, 500), "prediction": mean})


@faulty("RK-CHANCE-01", "RK-CHANCE-04")
def nothing_but_the_commonest_class() -> dict:
    truth = (random(7).random(400) < 0.2).astype(np.int64)
    return given(classes={"truth": truth, "prediction": np.zeros(400, dtype=np.int64)})


@faulty("RK-CHANCE-01", "RK-CHANCE-04")
def up_or_down_by_a_coin() -> dict:
    rng = random(8)
    return given(classes={"truth": rng.integers(0, 2, 500), "prediction": rng.integers(0, 2, 500)})


@faulty("RK-CHANCE-02")
def one_column_says_it_all() -> dict:
    rng = random(9)
    truth = rng.integers(0, 2, 300)
    labels = rng.integers(0, 2, 800)
    features = np.column_stack([rng.normal(size=(800, 4)), labels * 3.0 + rng.normal(0, 0.01, 800)])
    return given(classes={"truth": truth, "prediction": truth, "features": lambda: (features, labels)})


@sound
def five_classes_well_told_apart() -> dict:
    rng = random(10)
    truth = rng.integers(0, 5, 400)
    wrong = rng.random(400) < 0.25
    prediction = np.where(wrong, rng.integers(0, 5, 400), truth)
    return given(classes={"truth": truth, "prediction": prediction, "names": list("abcde")})


@sound
def reviews_told_apart() -> dict:
    rng = random(11)
    truth = rng.integers(0, 2, 600)
    prediction = np.where(rng.random(600) < 0.14, 1 - truth, truth)
    return given(classes={"truth": truth, "prediction": prediction})


@sound
def rare_class_half_found() -> dict:
    rng = random(12)
    truth = (rng.random(1000) < 0.12).astype(np.int64)
    found = (truth == 1) & (rng.random(1000) < 0.7)
    prediction = (found | (rng.random(1000) < 0.02)).astype(np.int64)
    return given(classes={"truth": truth, "prediction": prediction})


def plain_network(slope: Callable[[np.ndarray], np.ndarray], carry: bool, clip: bool = False) -> dict:
    """A letter model in NumPy, in the manner of a hundred lines by hand."""
    rng = random(13)
    V, H, T = 6, 8, 7
    p = {
        "Wxh": rng.normal(0, 0.3, (H, V)),
        "Whh": rng.normal(0, 0.3, (H, H)),
        "Why": rng.normal(0, 0.3, (V, H)),
        "bh": np.zeros((H, 1)),
        "by": np.zeros((V, 1)),
    }
    text = rng.integers(0, V, T + 1)

    def forward() -> tuple[float, list[np.ndarray], list[np.ndarray]]:
        hs, ps, loss = [np.zeros((H, 1))], [], 0.0
        for t in range(T):
            hs.append(np.tanh(p["Wxh"][:, [text[t]]] + p["Whh"] @ hs[-1] + p["bh"]))
            y = p["Why"] @ hs[-1] + p["by"]
            ps.append(np.exp(y - y.max()) / np.exp(y - y.max()).sum())
            loss -= float(np.log(ps[-1][text[t + 1], 0]))
        return loss, hs, ps

    def gradients() -> dict[str, np.ndarray]:
        _, hs, ps = forward()
        d = {name: np.zeros_like(value) for name, value in p.items()}
        dhnext = np.zeros((H, 1))
        for t in reversed(range(T)):
            dy = ps[t].copy()
            dy[text[t + 1]] -= 1
            d["Why"] += dy @ hs[t + 1].T
            d["by"] += dy
            draw = slope(hs[t + 1]) * (p["Why"].T @ dy + dhnext)
            d["bh"] += draw
            d["Wxh"][:, [text[t]]] += draw
            d["Whh"] += draw @ hs[t].T
            if carry:
                dhnext = p["Whh"].T @ draw
        return {name: np.clip(value, -5, 5) for name, value in d.items()} if clip else d

    return given(by_hand={"parameters": p, "loss": lambda: forward()[0], "gradients": gradients})


@faulty("RK-BACK-01")
def slope_of_tanh_left_out() -> dict:
    return plain_network(np.ones_like, carry=True)


@faulty("RK-BACK-01")
def gradient_of_the_next_step_left_out() -> dict:
    return plain_network(lambda h: 1 - h * h, carry=False)


@sound
def letter_model_by_hand() -> dict:
    return plain_network(lambda h: 1 - h * h, carry=True)


@sound
def letter_model_by_hand_clipped() -> dict:
    """Gradients are clipped at 5, and none is as large."""
    return plain_network(lambda h: 1 - h**2, carry=True, clip=True)
