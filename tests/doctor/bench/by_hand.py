"""Backward passes in NumPy, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .registry import Parts, faulty, given, sound

Array = NDArray[np.float64]
Gradients = dict[str, Array]
T, N, FEATURES, H, C = 5, 3, 4, 6, 3


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Elman:
    """Last state to logits, mean cross-entropy; the parts of the backward pass can be replaced."""

    def __init__(self, mean: bool = True) -> None:
        draw = np.random.default_rng(0)
        self.p: Gradients = {
            "W_x": draw.normal(size=(FEATURES, H)) * 0.5,
            "W_h": draw.normal(size=(H, H)) * 0.4,
            "b": draw.normal(size=H) * 0.1,
            "W_y": draw.normal(size=(H, C)) * 0.5,
        }
        self.x, self.y, self.mean = draw.normal(size=(T, N, FEATURES)), np.array([0, 2, 1]), mean

    def states(self) -> list[Array]:
        h = [np.zeros((N, H))]
        for x_t in self.x:
            h.append(np.tanh(x_t @ self.p["W_x"] + h[-1] @ self.p["W_h"] + self.p["b"]))
        return h

    def loss(self) -> float:
        probabilities = softmax(self.states()[-1] @ self.p["W_y"])
        losses = -np.log(probabilities[np.arange(N), self.y])
        return float(losses.mean() if self.mean else losses.sum())

    def slope(self, h: Array) -> Array:
        return 1 - h**2

    def back(self, d_a: Array) -> Array:
        return d_a @ self.p["W_h"].T

    def gradients(self) -> Gradients:
        h = self.states()
        d_z = softmax(h[-1] @ self.p["W_y"])
        d_z[np.arange(N), self.y] -= 1
        d_z = d_z / N if self.mean else d_z
        d = {name: np.zeros_like(value) for name, value in self.p.items()}
        d["W_y"] = h[-1].T @ d_z
        d_h = d_z @ self.p["W_y"].T
        for t in reversed(range(T)):
            d_a = d_h * self.slope(h[t + 1])
            d["W_x"] += self.x[t].T @ d_a
            d["W_h"] += h[t].T @ d_a
            d["b"] += d_a.sum(0)
            d_h = self.back(d_a)
        return d


def hand(net: Elman, gradients: Callable[[], Gradients] | None = None) -> Parts:
    return given(by_hand={"parameters": net.p, "loss": net.loss, "gradients": gradients or net.gradients})


@sound
def mean_loss() -> Parts:
    return hand(Elman())


@sound
def summed_loss() -> Parts:
    return hand(Elman(mean=False))


@sound
def linear_readout_squared_loss() -> Parts:
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(20, 3)), draw.normal(size=20)
    p = {"w": draw.normal(size=3), "b": np.zeros(1)}

    def loss() -> float:
        return float(((x @ p["w"] + p["b"] - y) ** 2).mean())

    def gradients() -> Gradients:
        rest = 2 * (x @ p["w"] + p["b"] - y) / len(y)
        return {"w": x.T @ rest, "b": np.array([rest.sum()])}

    return given(by_hand={"parameters": p, "loss": loss, "gradients": gradients})


@faulty("RK-BACK-01")
def recurrent_matrix_not_transposed() -> Parts:
    class Wrong(Elman):
        def back(self, d_a: Array) -> Array:
            return d_a @ self.p["W_h"]

    return hand(Wrong())


@faulty("RK-BACK-01")
def slope_of_tanh_taken_of_the_sum() -> Parts:
    class Wrong(Elman):
        def slope(self, h: Array) -> Array:
            return 1 - np.tanh(h) ** 2

    return hand(Wrong())


@faulty("RK-BACK-01")
def not_divided_by_the_examples() -> Parts:
    net = Elman()

    def gradients() -> Gradients:
        return {name: value * N for name, value in net.gradients().items()}

    return hand(net, gradients)


@faulty("RK-BACK-01")
def only_the_last_step() -> Parts:
    net = Elman()

    def gradients() -> Gradients:
        right, h = net.gradients(), net.states()
        d_z = softmax(h[-1] @ net.p["W_y"])
        d_z[np.arange(N), net.y] -= 1
        d_a = (d_z / N) @ net.p["W_y"].T * (1 - h[-1] ** 2)
        return {**right, "W_h": h[-2].T @ d_a}

    return hand(net, gradients)
