"""How much memory a file larger than memory takes until it is learned from, and how long that is.

    python benchmarks/large_file.py [MEGABYTES] [--kind KIND] [--memory MEGABYTES] [--limit MEGABYTES] [--fit]

A table made by rule (`made_tables.py`) is written into the folder of temporary files (TMPDIR), read as `rekur fit`
reads it, and removed. Printed are its size, the seconds of each phase, and the most memory the process held: what is
its own, libraries included, and what it held in all, pages of files among them, which the system takes back when it
needs them. With --limit the system refuses it more of its own than that beyond what the libraries take (RLIMIT_DATA).
With --fit all of `rekur fit` is done.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import made_tables
from rekur import shelf, tasks
from rekur.fitting import work
from rekur.training import machine

WORDS = 150  # of a review
SIZED = 100_000  # rows written to see how large one is


class Held:
    """The most memory that is the process's own, looked at twenty times a second; MB."""

    def __init__(self) -> None:
        self.most, self.over = 0.0, threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self.over.wait(0.05):
            self.most = max(self.most, status("RssAnon"))


def status(name: str) -> float:
    """Return a line of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def write(kind: str, megabytes: int, path: Path) -> None:
    """Write a table of about so many megabytes."""
    if kind == "texts":
        made_tables.MAKERS["texts"] = lambda rows: made_tables.texts(rows, WORDS)
    made_tables.write(kind, SIZED, path)
    made_tables.write(kind, int(SIZED * megabytes * 1e6 / path.stat().st_size), path)


def main() -> None:
    """Write, read and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("megabytes", nargs="?", type=int, default=1024)
    parser.add_argument("--kind", default="texts", choices=list(made_tables.MAKERS))
    parser.add_argument("--ending", default=".csv", choices=(".csv", ".csv.gz", ".jsonl", ".parquet"))
    parser.add_argument("--memory", type=int, default=128, help="data.memory")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    seconds: dict[str, float] = {}

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        seconds[name] = time.monotonic() - began

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{options.ending}"
        write(options.kind, options.megabytes, path)
        importlib.import_module("sklearn.linear_model")  # which some tasks load only when they have read
        size, before = path.stat().st_size / 1e6, status("RssAnon")
        if options.limit:
            most = (int(status("VmData")) + options.limit) << 20
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        held = Held()
        with phase("plan"):
            fitting = work.prepare([path], settings={"data.memory": options.memory})
        if options.fit:
            with phase("fit"):
                found = shelf.train(fitting.config, out=Path(folder) / "run", threads=1)
            print(found.sentence, found.metrics["seconds"])
        else:
            with phase("read"):
                task = tasks.create(fitting.config, 1)
                task.load()
            with phase("first epoch's batches"):
                model = task.build()
                batches = task.batches(0)
            with phase("20 batches trained"):
                for rows in batches[:20]:
                    task.step(model, rows, None).loss.backward()
            print(*task.warnings, sep="\n")
        held.over.set()
    print(f"{options.kind}{options.ending}: {size:,.0f} MB, data.memory {options.memory} MB")
    print(", ".join(f"{name} {spent:,.1f} s" for name, spent in seconds.items()))
    print(f"its own: {held.most:,.0f} MB at most, {before:,.0f} MB before; in all: {machine.peak_memory():,.0f} MB")


if __name__ == "__main__":
    main()
