"""What a run computes on: the number of threads that suits it, and the versions its bits depend on."""

from __future__ import annotations

import copy
import os
import resource
import sys
import time
from importlib import metadata

import torch
from torch import nn

from rekur.nn import threads
from rekur.tasks.base import Task

TINY = 0.003  # seconds: a step this short is over before a second thread has begun
SLOW = 0.3  # seconds: a step this long is timed once only, at each number of threads


def calibrated(task: Task, model: nn.Module) -> int:
    """Return the number of threads that trains fastest; neither `model` nor any random state changes."""
    batches = task.batches(0)
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not batches or most == 1:
        return 1
    tried, rows = copy.deepcopy(model).train(), batches[len(batches) // 2]

    def step() -> None:
        tried.zero_grad()
        task.step(tried, rows, None).loss.backward()  # type: ignore[no-untyped-call]

    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        threads.flush_denormals()
        step()
        began = time.perf_counter()
        step()
        spent = time.perf_counter() - began
        if spent < TINY:
            return 1
        candidates = [count for count in (1, 2, 4, 8, 16, 32, 64) if count < most] + [most]
        return threads.calibrate(step, candidates, rounds=1 if spent > SLOW else 3)


def peak_memory() -> float:
    """Return the most memory this process has held so far, in MB: data, libraries and baselines included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def versions() -> dict[str, str]:
    """Return what must stay the same for a resumed run to give the same bits."""
    found = threads.describe()
    return {
        "engine": str(found["engine"]),
        "processor": str(found["processor"]),
        "rekur": metadata.version("rekur"),
    }
