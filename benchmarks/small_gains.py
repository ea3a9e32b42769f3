"""What small choices of the code gain in a training step, each beside what it stands for.

    python benchmarks/small_gains.py [denormals memory adam]

`threads.flush_denormals` for an LSTM on long texts, `threads.keep_memory` for a GRU's step over large arrays, and the
fused Adam of `training/optimizers.py`. One process, one thread, milliseconds of the processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from rekur.bench.memory import held
from rekur.bench.timing import Form, take_turns
from rekur.nn import GRU, threads
from rekur.nn.initialise import keras_

T, N, FEATURES, H, ROUNDS = 600, 64, 128, 256, 5
LONG, ROWS, UNITS = 1500, 32, 128  # of the denormals
WEIGHTS = 6_000_000


def main(*parts: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print(threads.describe())
    for part in parts or PARTS:
        PARTS[part]()


def denormals() -> None:
    """An LSTM's training step before and after, its last state read at the end of long texts.

    With the forget gate open, as Keras starts it, the gradient shrinks by a quarter a step. Below 1e-38 it
    becomes denormal and, as any factor above 1/2 rounds the smallest number to itself, stays so to the first step.
    Both layers are torch's: rekur's engine flushes by itself.
    """
    lstm, x = nn.LSTM(FEATURES, UNITS), torch.randn(LONG, ROWS, FEATURES, requires_grad=True)
    keras_(lstm)

    def step() -> None:
        lstm(x)[1][0].sum().backward()

    (before,) = milliseconds(step)  # not in turns: what is flushed stays so
    threads.flush_denormals()
    (after,) = milliseconds(step)
    show(f"torch's LSTM, T={LONG} N={ROWS}, denormals flushed, not", after, before)


def memory() -> None:
    threads.flush_denormals()
    gru, x = GRU(FEATURES, H), torch.randn(T, N, FEATURES)

    def step() -> None:
        gru(x)[0].sum().backward()

    (before,) = milliseconds(step)  # not in turns: memory once kept stays kept
    peak = held()
    threads.keep_memory()
    (after,) = milliseconds(step)
    show(f"GRU, T={T} N={N} I={FEATURES} H={H}, memory kept, handed back", after, before)
    print(f"peak memory {held():.0f} MB, before {peak:.0f} MB")


def adam() -> None:
    weight = nn.Parameter(torch.randn(WEIGHTS))
    weight.grad = torch.randn(WEIGHTS)
    rules = [torch.optim.Adam([weight], fused=fused, foreach=False) for fused in (True, False)]
    show("Adam, fused, one by one", *milliseconds(*(rule.step for rule in rules)))


def milliseconds(*steps: Callable[[], object]) -> list[float]:
    """Return the median of each step, taken in turns."""
    forms = [Form(str(place), step) for place, step in enumerate(steps)]
    return [1000 * timing.seconds for timing in take_turns(forms, ROUNDS, time.process_time).values()]


def show(what: str, ours: float, other: float) -> None:
    print(f"{what}: {ours:.1f}, {other:.1f} ms, {other / ours:.2f} times", flush=True)


PARTS = {"denormals": denormals, "memory": memory, "adam": adam}

if __name__ == "__main__":
    main(*sys.argv[1:])
