"""What `rekur fit` takes for tables of 100, 10 thousand and 1 million rows: time, memory, verdict.

    python benchmarks/sizes.py [--kind KIND]... [--rows N]... [--threads N]

Tables are made by rule (`made_tables.py`) in the folder of temporary files, fitted in a process each, and removed.
Printed for each: the time the plan tells, the time spent by phase, the most memory, the figure and the verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import made_tables

ROWS = (100, 10_000, 1_000_000)
FIT = ("-c", "import sys; from rekur.cli import main; sys.exit(main())", "fit")


def fit(path: Path, out: Path, threads: int, *more: str) -> tuple[dict[str, Any], float, float]:
    """Run `rekur fit`; return what it prints, its seconds and its largest memory in MB."""
    command = [sys.executable, *FIT, str(path), "--json", "--quiet", "--threads", str(threads), *more]
    began = time.monotonic()
    with subprocess.Popen([*command, *([] if more else ["--out", str(out)])], stdout=subprocess.PIPE) as process:
        said = process.stdout.read()  # type: ignore[union-attr]
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{path.name}: exit code {process.returncode}")
    return json.loads(said), time.monotonic() - began, used.ru_maxrss / 1024


def measure(kind: str, rows: int, threads: int) -> None:
    """Make a table, plan, fit, print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{kind}.csv"
        made_tables.write(kind, rows, path)
        size = path.stat().st_size / 1e6
        plan, spent, _ = fit(path, Path(folder) / "run", threads, "--dry-run")
        found, whole, peak = fit(path, Path(folder) / "run", threads)
    phases = ", ".join(f"{name} {seconds:,.0f}" for name, seconds in found["seconds"].items() if name != "total")
    metric = found["versus"]["metric"] if found.get("versus") else next(iter(found["test"]))
    print(
        f"{kind:>13} {rows:>9,} {size:8,.1f} MB | plan in {spent:,.0f} s: train {plan['seconds']:,.0f} s | "
        f"{whole:,.0f} s ({phases}) | {peak:,.0f} MB | {metric} {found['test'][metric]:.4g}: {found['verdict']}",
        flush=True,
    )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", action="append", choices=list(made_tables.MAKERS))
    parser.add_argument("--rows", action="append", type=int)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for rows in options.rows or ROWS:
        for kind in options.kind or made_tables.MAKERS:
            measure(kind, rows, options.threads)


if __name__ == "__main__":
    main()
