"""The learning rate of each step, from `[training]`."""

from __future__ import annotations

import math

from rekur.config import TrainingSettings

WARM_UP = 0.3  # one_cycle: share of the steps in which the rate rises
START, END = 1 / 25, 1 / 250_000  # one_cycle: first and last rate as shares of the highest


def rate(settings: TrainingSettings, epoch: int, done: float) -> float:
    """Return the learning rate of a step in `epoch` (from 0), after the share `done` of all steps.

    none:       r
    step:       r * step_factor^floor(epoch / step_epochs)
    one_cycle:  by half cosines from r/25 up to r over the first 30 % of the steps, then down to r/250,000
                (Smith and Topin 2018)
    """
    r = settings.learning_rate
    if settings.schedule == "step":
        return r * settings.step_factor ** (epoch // settings.step_epochs)
    if settings.schedule == "one_cycle":
        done = min(done, 1.0)
        if done < WARM_UP:
            return r * _between(START, 1.0, done / WARM_UP)
        return r * _between(1.0, END, (done - WARM_UP) / (1 - WARM_UP))
    return r


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
