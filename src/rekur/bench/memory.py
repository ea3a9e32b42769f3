"""`rekur bench layers --memory`: the largest memory a process holds while it takes training steps.

    python -m rekur.bench.memory rekur gru 128x400x128x512 1 highest

Each contestant has a process of its own, since a process never gives its high-water mark back.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rekur.bench import layers
from rekur.bench.steps import Shape
from rekur.bench.timing import Request, compute_on
from rekur.errors import RekurError

SHAPE = Shape(128, 400, 128, 512)
STEPS = 2  # the second meets what the first left behind
FORMS = ("torch", "rekur")


def measure(asked: Request, shapes: Sequence[Shape]) -> Iterator[Any]:
    """Yield a row for each number of threads, cell and shape: megabytes held at most, and more than before the steps.

    Raises RekurError when a process of its own fails.
    """
    for count in asked.threads:
        for cell in asked.cells:
            for shape in shapes:
                found = {form: _alone(form, cell, str(shape), str(count), asked.precision) for form in FORMS}
                row = {"cell": cell, **shape._asdict(), "threads": count, "precision": asked.precision}
                yield {**row, "megabytes": found, "ratio": found["rekur"]["peak"] / found["torch"]["peak"]}


def held() -> float:
    """Return the largest memory this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage, on Linux, hands the parent's mark on to its child
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _alone(*words: str) -> dict[str, float]:
    command = [sys.executable, "-m", "rekur.bench.memory", *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = (ran.stderr.strip() or "nothing").splitlines()[-1]
        raise RekurError(f"The process that measures memory ended with code {ran.returncode}: {said}")
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main(form: str, cell: str, shape: str, threads: str, precision: str) -> None:
    """Take the steps and print the megabytes as JSON."""
    compute_on(int(threads))
    training = layers.trained(cell, Shape.parse(shape), precision)[form]
    before = held()
    training.before()
    for _ in range(STEPS):
        training()
    print(json.dumps({"peak": held(), "steps": held() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
