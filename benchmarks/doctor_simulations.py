"""Measure on simulated series and labels how often two of the doctor's checks are right: benchmarks/doctor.json.

    python benchmarks/doctor_simulations.py

Every case is drawn from its own generator, of (SEED, kind, number); thresholds were chosen on other seeds.
"""

from __future__ import annotations

import datetime
import json
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from rekur.doctor import examination
from rekur.doctor.patient import Classes, Forecast, Patient
from rekur.storage import to_json, write_whole

FILE = pathlib.Path(__file__).parent / "doctor.json"
SEED = 47110815
COUNT = 200
LAGS = range(1, 21)
EPOCHS = (50, 100)
Floats = NDArray[np.float64]
Generator = np.random.Generator


def cases(kind: str, count: int, seed: int) -> Iterator[Generator]:
    """Yield a generator for each of `count` cases."""
    for number in range(count):
        yield np.random.default_rng([seed, *kind.encode(), number])


def found(forecast: Forecast, *severities: str) -> bool:
    """Whether the doctor says, as gravely as `severities`, that the forecast is a value of the past."""
    findings = examination.examine(Patient(forecast=forecast), only=["RK-SHIFT-01", "RK-SHIFT-04"])
    return any(f.severity in severities for f in findings)


# Series


def random_walk(generator: Generator, n: int) -> Floats:
    """Return n steps of a random walk, far from zero as prices are."""
    return 100 + np.cumsum(generator.standard_normal(n))


def ar2(generator: Generator, n: int) -> tuple[Floats, Floats]:
    """Return n steps of an AR(2), drawn evenly from all stationary ones, and the true model's forecast of them."""
    while True:
        a, b = generator.uniform(-2, 2), generator.uniform(-1, 1)
        if a + b < 1 and b - a < 1:
            return autoregression(generator, n, a, b)


def slow_ar1(generator: Generator, n: int) -> tuple[Floats, Floats]:
    """Return n steps of y_t = 0.9 y_{t-1} + noise and the true forecast, which is a value of the past, scaled."""
    return autoregression(generator, n, 0.9, 0.0)


def autoregression(generator: Generator, n: int, a: float, b: float) -> tuple[Floats, Floats]:
    """Return n steps of y_t = a y_{t-1} + b y_{t-2} + noise, once it has settled, and the true forecast."""
    burn = 300
    y, forecast, noise = np.zeros(n + burn), np.zeros(n + burn), generator.standard_normal(n + burn)
    for t in range(2, n + burn):
        forecast[t] = a * y[t - 1] + b * y[t - 2]
        y[t] = forecast[t] + noise[t]
    return y[burn:], forecast[burn:]


def seasonal(generator: Generator, n: int) -> tuple[Floats, Floats]:
    """Return n steps of a season of 4 to 24 steps with trend and noise, or of a seasonal AR, and the true forecast."""
    period, t = int(generator.integers(4, 25)), np.arange(n)
    noise = generator.standard_normal(n)
    kind = generator.integers(3)
    if kind == 0:
        forecast = generator.uniform(0.5, 5) * np.sin(2 * np.pi * t / period) + generator.uniform(-0.05, 0.05) * t
        return forecast + noise, forecast
    if kind == 1:
        forecast = generator.uniform(0.5, 5) * generator.standard_normal(period)[t % period]
        return forecast + noise, forecast
    share = generator.uniform(0.3, 0.95)
    y, forecast = np.zeros(n + 20 * period), np.zeros(n + 20 * period)
    noise = generator.standard_normal(len(y))
    for step in range(len(y)):
        forecast[step] = share * y[step - period] if step >= period else 0.0
        y[step] = forecast[step] + noise[step]
    return y[-n:], forecast[-n:]


class Tutorial(nn.Module):
    """The LSTM of a hundred tutorials: a window in, the next value out."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.lstm(x)[0][:, -1])[:, 0]


def tutorial_lstm(generator: Generator, epochs: tuple[int, ...] = EPOCHS) -> Forecast:
    """Forecast the last part of a random walk of 250 to 500 steps with an LSTM trained on what is before it."""
    n = int(generator.integers(250, 501))
    y = random_walk(generator, n)
    train, window = int(n * generator.choice([0.67, 0.8])), int(generator.integers(5, 11))
    rate, batch = float(generator.choice([1e-3, 1e-2])), int(generator.choice([16, 32]))
    low, high = y[:train].min(), y[:train].max()
    scaled = torch.tensor((y - low) / (high - low), dtype=torch.float32)
    x, target = scaled.unfold(0, window, 1)[:-1].unsqueeze(2), scaled[window:]
    torch.manual_seed(int(generator.integers(2**31)))
    model = Tutorial(int(generator.choice([4, 8, 16, 32])))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(int(generator.choice(epochs))):
        for rows in torch.randperm(train - window).split(batch):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[rows]), target[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        forecast = model(x[train - window :]).double().numpy() * (high - low) + low
    return Forecast(y[train:], forecast, before=float(y[train - 1]))


def copy(series: Floats, lag: int) -> Forecast:
    """Return the forecast that is the value `lag` steps before."""
    return Forecast(series[lag:], series[:-lag])


def walks(count: int, seed: int = SEED, epochs: tuple[int, ...] = EPOCHS) -> float:
    """Return the share of random walks whose LSTM forecast is found to be shifted."""
    return _share(tutorial_lstm(g, epochs) for g in cases("lstm", count, seed))


def true_models(make: Callable[[Generator, int], tuple[Floats, Floats]], n: int, count: int, seed: int = SEED) -> float:
    """Return the share of true models' forecasts that are taken for shifted ones."""
    return _share(Forecast(*make(g, n)) for g in cases(f"{make.__name__} {n}", count, seed))


def copies(
    make: Callable[[Generator, int], Floats], count: int, *severities: str, seed: int = SEED, n: int = 100
) -> dict[str, float]:
    """Return the share of delayed copies that are found as gravely as that, by lag; n steps are left to compare.

    A copy that beats the last value and the mean is a seasonal naive forecast: RK-SHIFT-04, a warning.
    """
    return {
        str(lag): _share((copy(make(g, n + lag), lag) for g in cases(f"copy {lag}", count, seed)), *severities)
        for lag in LAGS
    }


def _share(forecasts: Iterator[Forecast], *severities: str) -> float:
    return float(np.mean([found(forecast, *severities or ("fault",)) for forecast in forecasts]))


# Labels


def labelled(generator: Generator, shuffle: bool) -> Classes:
    """Fit a logistic regression to classes of 2 to 5 kinds, with their labels shuffled or not, and test it."""
    n, classes = int(generator.integers(200, 2001)), int(generator.integers(2, 6))
    y = generator.choice(classes, n, p=generator.dirichlet(np.full(classes, 5.0)))
    x = generator.standard_normal((n, 10)) + generator.standard_normal((classes, 10))[y]
    if shuffle:
        y = generator.permutation(y)
    half = n // 2
    model = LogisticRegression(max_iter=200).fit(x[:half], y[:half])
    return Classes(y[half:], model.predict(x[half:]))


def called_better(shuffle: bool, count: int, seed: int = SEED) -> float:
    """Return the share of classifiers that are called better than the commonest class."""
    patients = [Patient(classes=labelled(g, shuffle)) for g in cases(f"labels {shuffle}", count, seed)]
    calls = [examination.examine(patient, only=["RK-CHANCE-01"]) for patient in patients]
    return float(np.mean([not any(f.code == "RK-CHANCE-01" for f in findings) for findings in calls]))


def measure(count: int = COUNT, seed: int = SEED) -> dict[str, object]:
    """Return every share, printed as it is found."""
    figures: dict[str, object] = {"date": datetime.date.today().isoformat(), "seed": seed, "cases": count}

    def tell(name: str, value: object) -> None:
        figures[name] = value
        print(f"{name}: {value}", flush=True)

    for n in (50, 100, 200):
        tell(f"seasonal series of {n} steps by their true model, called shifted", true_models(seasonal, n, count, seed))
        tell(f"AR(2) of {n} steps by their true model, called shifted", true_models(ar2, n, count, seed))
    tell("AR(1) of 0.9 and 100 steps by its true model, called shifted", true_models(slow_ar1, 100, count, seed))
    for name, make in (("random walks", random_walk), ("AR(2)", lambda g, n: ar2(g, n)[0])):
        tell(f"delayed copies of {name}, a fault, by lag", copies(make, count, seed=seed))
        tell(
            f"delayed copies of {name}, a fault or a warning, by lag",
            copies(make, count, "fault", "warning", seed=seed),
        )
    tell("label-shuffled data called better than chance", called_better(True, count, seed))
    tell("the same data with their own labels called better than chance", called_better(False, count, seed))
    tell("random walks by a tutorial LSTM, called shifted", walks(count, seed))
    return figures


def main() -> None:
    """Measure and put on record."""
    torch.set_num_threads(1)
    record = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    record["simulations"] = measure()
    write_whole(FILE, to_json(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
