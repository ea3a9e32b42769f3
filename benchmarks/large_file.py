"""How much memory a file of texts larger than memory takes until it is ids on disk, and how long that is.

    python benchmarks/large_file.py [MEGABYTES] [--memory MEGABYTES]

A table of made-up reviews is written into the folder of temporary files (TMPDIR), read as `rekur fit` reads it, and
removed. Printed are the size, the time and the most memory the process held, libraries included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from rekur import tasks
from rekur.fitting import work
from rekur.training import machine

ROWS = 20_000  # written at once
WORDS = 150  # of a review


def write(path: Path, megabytes: int) -> None:
    """Write reviews of some 150 words out of 30,000, the first ones often, each of one of three classes."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(30_000)], dtype=object)
    with path.open("w", encoding="utf-8") as file:
        file.write("review,sentiment\n")
        while path.stat().st_size < megabytes << 20:
            ranks = (rng.pareto(1.0, (ROWS, WORDS)) * 20).astype(np.int64).clip(0, len(words) - 1)
            ranks[:, 0] = rng.integers(0, len(words), ROWS)
            labels = rng.choice(["good", "fair", "bad"], ROWS)
            file.writelines(f"{' '.join(row)},{label}\n" for row, label in zip(words[ranks], labels, strict=True))
            file.flush()


def main() -> None:
    """Write, read and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("megabytes", nargs="?", type=int, default=1024)
    parser.add_argument("--memory", type=int, default=128, help="data.memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.csv"
        write(path, options.megabytes)
        size = path.stat().st_size / 1e6
        before, began = machine.peak_memory(), time.monotonic()
        fitting = work.prepare(
            [path], settings={"data.memory": options.memory, "model.evidence": 0, "model.ballot": False}
        )
        task = tasks.create(fitting.config)
        task.load()
        spent, peak = time.monotonic() - began, machine.peak_memory()
        count = sum(len(rows) for part in ("train", "validation", "test") for rows in [task.labels[part]])  # type: ignore[attr-defined]
    print(f"{size:,.0f} MB, {count:,} texts, data.memory {options.memory} MB")
    print(f"read in {spent:,.0f} s; peak {peak:,.0f} MB, {before:,.0f} MB before the file was opened")
    print(*task.warnings, sep="\n")


if __name__ == "__main__":
    main()
