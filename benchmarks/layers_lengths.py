"""Seconds of a training step over rows of unlike lengths: packed by torch.nn, and by lengths= of rekur.nn.

    python benchmarks/layers_lengths.py            the table of docs/layers.md
    python benchmarks/layers_lengths.py denormals  what flushing denormals gains an LSTM on long texts

All forms run in one process and take turns; a figure is the median of the rounds, a ratio is of two medians.
With one thread, seconds are those the processor spent on this process, so that other work does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rekur import nn as rekur_nn
from rekur.nn import threads
from rekur.nn.initialise import keras_


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    print(threads.describe(), f"T={options.T} N={options.N} I={options.I} H={options.H}")
    if options.what == "denormals":
        denormals(options)
        return
    threads.flush_denormals()
    heading = f"{'layer':10} {'rows':>7} {'dense':>7} {'lengths=':>9} {'packed':>7} {'packed, ours':>13}"
    print(f"{heading}   ms a step; packed / lengths=")
    for name in ("RNN", "GRU", "LSTM"):
        for both_ways in (False, True):
            for kind, shortest in (("alike", int(0.9 * options.T)), ("unlike", options.T // 10)):
                lengths = torch.randint(shortest, options.T + 1, (options.N,))
                lengths[0] = options.T
                dense, ours, packed, repacked = take_turns(forms(name, both_ways, lengths, options), options.rounds)
                label = f"{name}{' both' if both_ways else ''}"
                figures = f"{dense:7.0f} {ours:9.0f} {packed:7.0f} {repacked:13.0f}"
                print(f"{label:10} {kind:>7} {figures}   {packed / ours:.1f} times", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("lengths", "denormals"), default="lengths")
    for letter, size in (("T", 200), ("N", 64), ("I", 128), ("H", 128)):
        parser.add_argument(f"--{letter}", type=int, default=size)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def forms(name: str, both_ways: bool, lengths: Tensor, options: argparse.Namespace) -> list[Callable[[], Tensor]]:
    """The same loss: padding counted as steps, by lengths, packed for torch.nn, packed for rekur.nn."""
    x = torch.randn(options.N, options.T, options.I, requires_grad=True)
    theirs = getattr(nn, name)(options.I, options.H, batch_first=True, bidirectional=both_ways)
    ours = getattr(rekur_nn, name)(options.I, options.H, batch_first=True, bidirectional=both_ways)
    ours.load_state_dict(theirs.state_dict())

    def dense() -> Tensor:
        return theirs(x)[0].sum()

    def by_lengths() -> Tensor:
        return ours(x, lengths=lengths)[0].sum()

    def packed(layer: nn.RNNBase) -> Tensor:
        output, _ = layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(output, batch_first=True)[0].sum()

    torch.testing.assert_close(by_lengths(), packed(theirs), rtol=1e-3, atol=1e-1)
    return [dense, by_lengths, lambda: packed(theirs), lambda: packed(ours)]


def take_turns(losses: list[Callable[[], Tensor]], rounds: int) -> list[float]:
    """The median milliseconds of forward and backward of each."""
    seconds: list[list[float]] = [[] for _ in losses]
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for turn in range(rounds + 1):
        for loss, times in zip(losses, seconds, strict=True):
            start = clock()
            loss().backward()
            if turn:  # the first warms up
                times.append(clock() - start)
    return [1000 * median(times) for times in seconds]


def denormals(options: argparse.Namespace) -> None:
    """An LSTM's training step before and after, its last state read at the end of long texts.

    With the forget gate open, as Keras starts it, the gradient shrinks by a quarter a step. Below 1e-38 it
    becomes denormal and, as any factor above 1/2 rounds the smallest number to itself, stays so to the first step.
    """
    lstm = rekur_nn.LSTM(options.I, options.H, batch_first=True)
    keras_(lstm)
    x = torch.randn(options.N, options.T, options.I, requires_grad=True)

    def loss() -> Tensor:
        return lstm(x)[1][0].sum()

    (before,) = take_turns([loss], options.rounds)
    threads.flush_denormals()
    (after,) = take_turns([loss], options.rounds)
    print(f"before flush_denormals() {before:.0f} ms, after {after:.0f} ms: {before / after:.1f} times")


if __name__ == "__main__":
    main()
