"""Denormals are made inside torch's parallel loops and its backward pass, and none may come out."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from rekur import engine
from rekur.errors import RequestError
from rekur.nn import LSTM, threads

TINY = torch.finfo(torch.float32).tiny
ROWS = 1 << 18  # enough numbers for several threads


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def in_new_thread(work: Callable[[], Any]) -> Any:
    """Run `work` in a thread with an OpenMP pool of its own, so that its mode ends with it."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def denormals(x: torch.Tensor) -> int:
    """Count them by their bits: a comparison would itself take them for zeros once they are flushed."""
    bits = x.detach().contiguous().view(torch.int32)
    return int((((bits & 0x7F800000) == 0) & ((bits & 0x007FFFFF) != 0)).sum())


def halves(x: torch.Tensor) -> tuple[int, int]:
    """Denormals in the part of each of two threads."""
    first, second = x.view(2, -1)
    return denormals(first), denormals(second)


def forward() -> torch.Tensor:
    return torch.full((ROWS,), TINY) * 0.5


def backward() -> torch.Tensor:
    x = torch.ones(ROWS, requires_grad=True)
    (x * 0.5).backward(torch.full((ROWS,), TINY))
    assert x.grad is not None
    return x.grad


def recurrent(kind: type[torch.nn.LSTM] = torch.nn.LSTM) -> torch.Tensor:
    """The gradient of a long text's first steps: it decays through every denormal on its way."""
    torch.manual_seed(0)
    lstm = kind(64, 64)
    x = torch.randn(120, 64, 64, requires_grad=True)
    _, (h_n, _) = lstm(x)
    (h_n * 1e-28).sum().backward()
    assert x.grad is not None
    return x.grad


needs_mode = pytest.mark.skipif(
    not in_new_thread(lambda: torch.set_flush_denormal(True)), reason="no flush mode on this processor"
)


@needs_mode
@pytest.mark.parametrize("make", [forward, backward])
def test_every_thread_flushes_even_those_born_before(make: Callable[[], torch.Tensor]) -> None:
    def work() -> tuple[tuple[int, int], bool, tuple[int, int]]:
        before = halves(make())  # starts the pool, as any earlier work would
        return before, threads.flush_denormals(), halves(make())

    assert in_new_thread(work) == ((ROWS // 2, ROWS // 2), True, (0, 0))


@needs_mode
def test_threads_born_later_flush_too() -> None:
    def work() -> tuple[bool, tuple[int, int]]:
        torch.set_num_threads(1)
        done = threads.flush_denormals()
        torch.set_num_threads(2)
        return done, halves(forward())

    assert in_new_thread(work) == (True, (0, 0))


@needs_mode
def test_an_lstm_over_long_rows_meets_denormals_and_flushes_them() -> None:
    def work() -> tuple[int, bool, int]:
        return denormals(recurrent()), threads.flush_denormals(), denormals(recurrent())

    before, done, after = in_new_thread(work)
    assert (before > 0, done, after) == (True, True, 0)


@pytest.mark.skipif(engine.selected() == "torch", reason="no native engine")
def test_the_native_engine_makes_no_denormals_and_gives_back_the_mode_it_found() -> None:
    inside, outside = in_new_thread(lambda: (denormals(recurrent(LSTM)), denormals(forward())))
    assert inside == 0
    assert outside == ROWS


@needs_mode
def test_in_the_main_thread_with_libraries_loaded_and_no_warning() -> None:
    code = (
        "import torch; torch.set_num_threads(2); torch.randn(500, 500) @ torch.randn(500, 500)\n"
        "from rekur.nn import threads; assert threads.flush_denormals()\n"
        "import numpy, scipy.stats, sklearn.linear_model; numpy.finfo('f4'), numpy.finfo('f8')\n"
        f"assert not (torch.full(({ROWS},), {TINY}) * 0.5).view(torch.int32).any()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_says_no_where_there_is_no_such_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_flush_denormal", lambda _: False)
    assert not threads.flush_denormals()


@pytest.mark.parametrize(("seconds", "chosen"), [({1: 3.0, 2: 1.0}, 2), ({1: 1.05, 2: 1.0}, 1)])
def test_calibrate_takes_the_fastest_and_fewer_when_nearly_as_fast(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], chosen: int
) -> None:
    clock = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: clock[0])

    def step() -> None:
        clock[0] += seconds[torch.get_num_threads()]

    assert threads.calibrate(step, (2, 1)) == chosen
    assert torch.get_num_threads() == chosen


def test_calibrate_without_a_choice_runs_nothing() -> None:
    assert threads.calibrate(lambda: pytest.fail("timed"), [1]) == 1


@pytest.mark.parametrize("candidates", [(), (0, 1)])
def test_calibrate_refuses_what_cannot_be_a_thread_count(candidates: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match="numbers of threads from 1"):
        threads.calibrate(lambda: None, candidates)


@pytest.mark.parametrize("name", [*engine.SETS, "torch"])
def test_describe(name: str) -> None:
    before = engine.selected()
    engine.select(name)
    try:
        description = threads.describe()
    finally:
        engine.select(before)
    version = f"torch {torch.__version__.partition('+')[0]}"
    assert description["engine"] == (version if name == "torch" else f"native {name}, {version}")
    assert description["threads"] == 2
    assert description["processor"]


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_describe_names_a_processor_on_other_systems(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(threads.platform, "system", lambda: system)
    monkeypatch.setattr(threads, "Path", lambda _: pytest.fail("no /proc here") if system == "Darwin" else NoFile())
    assert threads.describe()["processor"]


class NoFile:
    def read_text(self, encoding: str) -> str:
        raise FileNotFoundError(encoding)
