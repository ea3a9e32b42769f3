"""A classifier that is always right because one feature is the label, and one that is right four times in five."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekur.doctor.patient import Classes, Patient


def readings(with_the_label: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return features (400, 12) that know a little of their class each, and the classes (400,)."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 400)
    X = draw.normal(size=(400, 12)) + 0.5 * y[:, None]
    if with_the_label:
        X[:, 7] = 10 * y + draw.random(400)
    return X, y


def answers(right: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, 300)
    return truth, np.where(draw.random(300) < right, truth, 1 - truth)


def faulty() -> Patient:
    return Patient(classes=Classes(*answers(1.0), features=lambda: readings(True)))


def sound() -> Patient:
    return Patient(classes=Classes(*answers(0.8), features=lambda: readings(False)))
