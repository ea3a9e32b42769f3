"""What two small choices of the code gain in a training step, each beside what it stands for.

    python benchmarks/small_gains.py

`threads.keep_memory` in a GRU's step over large arrays, and the fused Adam of `training/optimizers.py`. One process,
one thread, milliseconds of the processor.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from layers_lengths import take_turns
from rekur.nn import GRU, threads

T, N, FEATURES, H, ROUNDS = 600, 64, 128, 256, 5
WEIGHTS = 6_000_000


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print(threads.describe(), f"T={T} N={N} I={FEATURES} H={H}")
    threads.flush_denormals()
    step = trained()
    (before,) = take_turns([step], ROUNDS)  # not in turns: memory once kept stays kept
    peak = largest()
    threads.keep_memory()
    (after,) = take_turns([step], ROUNDS)
    show("GRU, memory kept, handed back", [after, before])
    print(f"peak memory {largest():.0f} MB, before {peak:.0f} MB")
    show("Adam, fused, one by one", take_turns([adam(fused=True), adam(fused=False)], ROUNDS))


def show(what: str, found: list[float]) -> None:
    print(f"{what:30} {found[0]:7.1f} {found[1]:7.1f} ms   {found[1] / found[0]:.2f} times", flush=True)


def largest() -> float:
    unit = 1024 if sys.platform != "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def trained() -> Callable[[], Tensor]:
    gru, x = GRU(FEATURES, H), torch.randn(T, N, FEATURES)
    return lambda: gru(x)[0].sum()


def adam(fused: bool) -> Callable[[], Tensor]:
    weight = nn.Parameter(torch.randn(WEIGHTS))
    weight.grad = torch.randn(WEIGHTS)
    optimizer = torch.optim.Adam([weight], fused=fused, foreach=False)
    nothing = torch.zeros((), requires_grad=True)  # `take_turns` goes backward; there is nothing to go through

    def step() -> Tensor:
        optimizer.step()
        return nothing * 1

    return step


if __name__ == "__main__":
    main()
