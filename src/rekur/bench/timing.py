"""Forms of the same work take turns in one process, so that a busy or throttled machine slows all of them alike."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import torch

from rekur import engine
from rekur.nn import threads as threads_here

LEAST = 0.03  # seconds a turn lasts at least: shorter work is repeated within it
TOO_LONG = 15.0  # seconds of work after which a form has no further turns

Clock = Callable[[], float]


class Request(NamedTuple):
    """What is to be measured."""

    cells: Sequence[str]
    threads: Sequence[int]
    precision: str = "highest"  # of rekur's products in float32, as torch names it
    repeats: int = 7


class Form(NamedTuple):
    """One way to do the work."""

    name: str
    step: Callable[[], object]
    before: Callable[[], object] = lambda: None  # what begins a turn and is not timed


@dataclass(frozen=True)
class Timing:
    """What the turns of a form took."""

    turns: tuple[float, ...]  # seconds of one step

    @property
    def seconds(self) -> float:
        """The median."""
        return median(self.turns)


def take_turns(forms: Sequence[Form], repeats: int, clock: Clock = time.perf_counter) -> dict[str, Timing]:
    """Time each form `repeats` times, by turns, after a warm-up; return the timings by name.

    The order is drawn anew for each round, or a form would always meet the caches of the same neighbour. A form whose
    warm-up takes longer than `TOO_LONG` is not run again: the warm-up is its one turn.
    """
    steps, seconds = {}, {}
    for form in forms:
        steps[form.name], took = _warm_up(form, clock)
        seconds[form.name] = [took] if took > TOO_LONG else []
    timed = [form for form in forms if not seconds[form.name]]
    draw = random.Random(repeats)
    for _ in range(repeats):
        for form in draw.sample(timed, len(timed)):
            form.before()
            if steps[form.name] > 1:
                form.step()  # short work would feel who came before
            seconds[form.name].append(_mean(form.step, steps[form.name], clock))
    return {name: Timing(tuple(turns)) for name, turns in seconds.items()}


def compute_on(count: int) -> Clock:
    """Let `count` threads compute, denormals flushed in each, and return the clock to time them by.

    One thread is timed by the seconds the processor gives this process, so that other work on the machine is not
    counted; more than one by the wall, for what they wait for each other counts.
    """
    torch.set_num_threads(count)
    threads_here.flush_denormals()
    return time.process_time if count == 1 else time.perf_counter


def machine() -> dict[str, Any]:
    """Return what computes: versions, processor, and the engine behind `rekur.nn`."""
    return {**threads_here.describe(), "torch": str(torch.__version__), "engine": engine.selected()}


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the mean that treats twice as fast and half as fast alike."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _warm_up(form: Form, clock: Clock) -> tuple[int, float]:
    """Run the form, and return how many steps fill a turn and the seconds of the last one."""
    form.before()
    took = _mean(form.step, 1, clock)
    if took < 1.0:  # the first step also made what later ones find
        took = _mean(form.step, 1, clock)
    return max(1, math.ceil(LEAST / max(took, 1e-6))), took


def _mean(step: Callable[[], object], steps: int, clock: Clock) -> float:
    began = clock()
    for _ in range(steps):
        step()
    return (clock() - began) / steps
