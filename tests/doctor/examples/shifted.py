"""A forecast of a random walk that is yesterday's value, smoothed; and the true model's forecast of a season."""

from __future__ import annotations

import numpy as np

from rekur.doctor.patient import Forecast, Patient


def faulty() -> Patient:
    draw = np.random.default_rng(0)
    price = 2000 + np.cumsum(draw.normal(0, 10, 160))
    smoothed = 0.6 * price[2:-1] + 0.3 * price[1:-2] + 0.1 * price[:-3]
    return Patient(forecast=Forecast(price[3:], smoothed, before=float(price[2])))


def sound() -> Patient:
    draw, hour = np.random.default_rng(0), np.arange(160)
    load = 300 + 50 * np.sin(2 * np.pi * hour / 24)
    return Patient(forecast=Forecast(load + draw.normal(0, 10, 160), load))
