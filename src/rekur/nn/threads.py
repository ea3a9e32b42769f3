"""The threads that compute: denormals flushed in all of them, their number chosen by a short calibration."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from rekur import engine
from rekur.errors import RequestError

_OPENMP = (
    "libgomp*.so*",
    "libiomp5*.so*",
    "libomp*.so*",
    "libomp*.dylib",
    "libiomp5*.dylib",
    "libiomp5*.dll",
)
_HARD_PAUSE = 2  # omp_pause_hard of the OpenMP 5.0 standard
_GRAIN = 65536  # torch gives a thread no less than 32768 numbers, so this many keep each of them busy
_MALLOC = {-3: 1 << 30, -1: (1 << 31) - 1}  # glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, bytes
_NEARLY = 1.1  # thread counts within 10 % of the fastest count as equally fast


def flush_denormals() -> bool:
    """Make every thread that computes for the calling one treat denormal numbers (below 1e-38) as 0.

    Gradients through long texts and gates that stay shut decay into denormals, which Intel's processors handle
    many times slower. `torch.set_flush_denormal` acts on the calling thread alone. Its OpenMP workers inherit
    the mode when they are born, and the backward pass on CPU runs in the same threads; so workers born before
    are ended, and torch starts new ones at its next parallel loop.

    Call it in the thread that trains. It holds for everything else there too, NumPy's numbers among them.

    Returns:
        Whether denormals are flushed in all of them: tried out, not assumed. False also where the processor
        has no such mode; nothing is changed then.
    """
    for kind in (np.float32, np.float64):
        np.finfo(kind)  # kept from now on; NumPy 1 warns when it first measures without denormals
    if not torch.set_flush_denormal(True):
        return False
    if _flushed():
        return True
    for runtime in _runtimes():
        runtime.omp_pause_resource_all(_HARD_PAUSE)
        if _flushed():
            return True
    return False


def keep_memory() -> bool:
    """Let this process keep the memory it frees, so that the next step finds it warm.

    glibc hands large blocks back to the system when they are freed, and a training step frees the states of all its
    time steps. What that saves depends on sizes and machine, and the peak may grow: see `benchmarks/small_gains.py`.

    Returns:
        Whether the C library took the advice; False on systems with another one.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        return all(library.mallopt(setting, value) for setting, value in _MALLOC.items())
    return False


def calibrate(step: Callable[[], object], candidates: Sequence[int], rounds: int = 3) -> int:
    """Time `step` at each number of threads in turn, set the fastest one and return it.

    Args:
        step: one typical unit of work; it runs 2 * rounds times for each candidate.
        candidates: numbers of threads to try. Within 10 % of the fastest, the smallest is taken: the gain is
            noise, the threads are not.
        rounds: how often the candidates take turns; the best time of each counts, as noise only adds.

    Raises:
        RequestError: without a candidate, or with one below 1.
    """
    counts = sorted(set(candidates))
    if not counts or counts[0] < 1:
        raise RequestError(f"calibrate: candidates must be numbers of threads from 1; got {list(candidates)}.")
    seconds = dict.fromkeys(counts, float("inf"))
    for _ in range(rounds if len(counts) > 1 else 0):
        for count in counts:
            torch.set_num_threads(count)
            step()  # a change of threads starts new ones: not part of the time
            start = time.perf_counter()
            step()
            seconds[count] = min(seconds[count], time.perf_counter() - start)
    limit = _NEARLY * min(seconds.values())
    chosen = next(count for count in counts if seconds[count] <= limit)
    torch.set_num_threads(chosen)
    return chosen


def describe() -> dict[str, str | int]:
    """Return what computes: {"engine": "native avx512, torch 2.13.0", "threads": 2, "processor": "..."}.

    The layers are computed by the first, all else by torch; without the native engine torch is named alone.
    """
    version = f"torch {str(torch.__version__).partition('+')[0]}"
    layers = engine.selected()
    name = version if layers == "torch" else f"native {layers}, {version}"
    return {"engine": name, "threads": torch.get_num_threads(), "processor": _processor()}


def _flushed() -> bool:
    """Let every thread of this one's pool make denormals, and see whether any comes out."""
    smallest = torch.full((torch.get_num_threads() * _GRAIN,), torch.finfo(torch.float32).tiny)
    return not bool((smallest * 0.5).any())


def _runtimes() -> Iterator[ctypes.CDLL]:
    """Open the OpenMP libraries torch may compute with: those beside it, else the system's."""
    library = Path(torch.__file__).parent / "lib"
    beside = [str(path) for pattern in _OPENMP for path in sorted(library.glob(pattern))]
    for name in (*beside, "libgomp.so.1", "libomp.so.5", "libomp.dylib"):
        with contextlib.suppress(OSError):
            runtime = ctypes.CDLL(name)
            if hasattr(runtime, "omp_pause_resource_all"):
                yield runtime


def _processor() -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
