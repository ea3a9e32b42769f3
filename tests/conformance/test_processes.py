"""Threads, forked children and workers: the same numbers everywhere."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from twins import (
    F32,
    INPUTS,
    H,
    draw,
    every_layer,
    flat,
    loss,
    same,
    twins,
)

from rekur import engine

Act = Callable[[Any, torch.Tensor], list[torch.Tensor]]
ROWS, STEPS, UNITS = 24, 8, 33  # enough work for a kernel to share it between threads
forks = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
no_fork_warning = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def learned(layer: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """Results and gradients of one forward and backward that leave no trace in the layer."""
    x = x.clone().requires_grad_()
    result = layer(x)
    slopes = torch.autograd.grad(loss(result), [x, *layer.parameters()])
    return [part.detach() for part in (*flat(result), *slopes) if part is not None]


def case(name: str) -> tuple[Any, Any, torch.Tensor]:
    theirs, ours = twins(name, dtype=F32, hidden_size=UNITS, num_layers=2, bidirectional=True)
    return theirs, ours, draw(STEPS, ROWS, INPUTS, dtype=F32)


@every_layer
def test_the_number_of_threads_changes_no_result(name: str) -> None:
    theirs, ours, x = case(name)
    expected = learned(theirs, x)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        first = learned(ours, x)
        same(first, expected)
        same(learned(ours, x), first, tolerance=0.0)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (3, 2)])
@every_layer
def test_threads_changed_between_forward_and_backward(name: str, before: int, after: int) -> None:
    theirs, ours, x = case(name)
    slopes = []
    for layer in (theirs, ours):
        torch.set_num_threads(before)
        total = loss(layer(x))
        torch.set_num_threads(after)
        slopes.append(torch.autograd.grad(total, list(layer.parameters())))
    same(slopes[1], slopes[0])


@every_layer
def test_four_threads_at_once(name: str) -> None:
    _, ours, x = case(name)
    inputs = [(k + 1) * x[: STEPS - k, : ROWS - 5 * k] for k in range(4)]
    expected = [learned(ours, one) for one in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            same(list(pool.map(lambda one: learned(ours, one), inputs)), expected)


@every_layer
def test_gradients_added_up_by_many_threads(name: str) -> None:
    _, ours, x = case(name)
    loss(ours(x)).backward()
    once = [weight.grad.clone() for weight in ours.parameters()]
    ours.zero_grad()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: loss(ours(x)).backward(), range(4)))
    same([weight.grad / 4 for weight in ours.parameters()], once)


def send(act: Act, layer: Any, x: torch.Tensor, pipe: Any) -> None:
    """In a child: compute and send the arrays."""
    pipe.send([part.numpy() for part in act(layer, x)])
    pipe.close()


def in_a_child(act: Act, layer: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """What `act` makes in a forked child; EOFError when that dies."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=send, args=(act, layer, x, theirs))
    child.start()
    theirs.close()
    try:
        assert ours.poll(30), "the child hangs"
        return [torch.from_numpy(np.array(part)) for part in ours.recv()]
    finally:
        child.kill()
        child.join(10)


@forks
@no_fork_warning
@every_layer
def test_a_forked_child_computes_the_same(name: str) -> None:
    _, ours, x = case(name)
    expected = learned(ours, x)
    same(in_a_child(learned, ours, x), expected)
    same(learned(ours, x), expected, tolerance=0.0)  # and the parent goes on


@forks
@no_fork_warning
@pytest.mark.skipif(engine.selected() == "torch", reason="torch's own OpenMP threads do not survive a fork")
@every_layer
def test_a_forked_child_may_use_as_many_threads(name: str) -> None:
    _, ours, x = case(name)
    torch.set_num_threads(2)
    expected = learned(ours, x)
    same(in_a_child(learned, ours, x), expected)
    same(learned(ours, x), expected, tolerance=0.0)


@forks
@no_fork_warning
@every_layer
def test_the_default_device_is_not_the_layers(name: str) -> None:
    """In a child, as a buffer made on the wrong device is an address of nothing."""

    def act(layer: Any, x: torch.Tensor) -> list[torch.Tensor]:
        with torch.device("meta"):
            result = layer(x.requires_grad_())
            return [
                part.detach() for part in (*flat(result), *torch.autograd.grad(result[0].sum(), x)) if part is not None
            ]

    theirs, ours, x = case(name)
    same(in_a_child(act, ours, x), in_a_child(act, theirs, x))


class Features(Dataset[torch.Tensor]):
    """Rows that each need a forward of the layer."""

    def __init__(self, layer: Any, rows: torch.Tensor) -> None:
        self.layer, self.rows = layer, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> torch.Tensor:
        with torch.no_grad():
            return self.layer(self.rows[row])[1]


@forks
@no_fork_warning
def test_workers_of_a_data_loader_run_the_layer() -> None:
    theirs, ours = twins("GRU", dtype=F32)
    rows = draw(4, 7, INPUTS, dtype=F32)
    loaded = list(DataLoader(Features(ours, rows), batch_size=2, num_workers=1, multiprocessing_context="fork"))
    assert [tuple(part.shape) for part in loaded] == [(2, 1, H)] * 2
    same(torch.cat(loaded), torch.stack([theirs(row)[1] for row in rows]))
