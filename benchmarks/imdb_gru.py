"""Seconds to train `imdb-gru` as published: plain torch, plain torch with denormals flushed, and rekur.

    python benchmarks/imdb_gru.py [--batches 24] [--threads 2]

Each contestant lives in a process of its own, since flushing denormals cannot be taken back in the threads
that have it; only one computes at a time, and all take turns on the same training batches, spread evenly over
an epoch. Needs the IMDB reviews (REKUR_DATA or `rekur data get imdb`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

CONTESTANTS = ("plain torch", "plain torch, flushed", "rekur")


def plain(task: Any) -> Callable[[Any], float]:
    """Return a training step written the way a tutorial writes it."""
    import torch
    from torch import nn

    class Plain(nn.Module):
        def __init__(self, V: int, outputs: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(V, 128)
            self.gru = nn.GRU(128, 256, batch_first=True)
            self.linear = nn.Linear(256, outputs)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            outputs, _ = self.gru(self.embedding(tokens))
            return self.linear(outputs[:, -1])

    model = Plain(task.coding.size, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=task.config.training.learning_rate)
    criterion = nn.CrossEntropyLoss()
    labels = torch.from_numpy(task.labels["train"])

    def step(rows: Any) -> float:
        tokens, _ = task.inputs("train", rows)
        optimizer.zero_grad()
        loss = criterion(model(tokens), labels[torch.from_numpy(rows)])
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def ours(task: Any) -> Callable[[Any], float]:
    """Return the step `rekur run imdb-gru` takes."""
    from rekur.nn.threads import flush_denormals, keep_memory
    from rekur.training.events import Audience
    from rekur.training.loop import Training

    flush_denormals()
    keep_memory()
    training = Training(task, task.build().train(), task.config.training, None, Audience(()), 1e9)
    return lambda rows: training.learn(rows, 313).loss


def contestant(name: str, threads: int, pipe: Connection) -> None:
    """Prepare, then time one batch for each row list that comes through the pipe."""
    import torch

    from rekur import config, tasks

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if name == "plain torch, flushed":
        torch.set_flush_denormal(True)
    task = tasks.create(config.load("imdb-gru"), seed=1)
    task.load()
    step = ours(task) if name == "rekur" else plain(task)
    pipe.send(task.batches(0))
    while (rows := pipe.recv()) is not None:
        began = time.perf_counter()
        step(rows)
        pipe.send(time.perf_counter() - began)


def main() -> None:
    """Let the contestants take turns and print seconds an epoch and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=24, help="batches of the epoch that each one trains on")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipes, seconds = {}, {name: [] for name in CONTESTANTS}
    for name in CONTESTANTS:
        pipes[name], end = context.Pipe()
        context.Process(target=contestant, args=(name, arguments.threads, end), daemon=True).start()
        batches = pipes[name].recv()
    chosen = batches[:: max(1, len(batches) // arguments.batches)]
    for turn, rows in enumerate([chosen[0], *chosen]):  # the first turn warms up and is not counted
        for name in CONTESTANTS:
            pipes[name].send(rows)
            taken = pipes[name].recv()
            if turn:
                seconds[name].append(taken)
    for pipe in pipes.values():
        pipe.send(None)
    report(seconds, len(batches))


def report(seconds: dict[str, list[float]], batches: int) -> None:
    """Print, for each contestant, the seconds of an epoch of `batches` and its ratio to rekur."""
    print(f"{'':22}{'s an epoch':>12}{'median s a batch':>18}{'times rekur':>13}")
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds["rekur"], strict=True))
        epoch = statistics.mean(taken) * batches
        print(f"{name:22}{epoch:12.1f}{statistics.median(taken):18.3f}{ratio:13.2f}")


if __name__ == "__main__":
    main()
