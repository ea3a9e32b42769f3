"""Seconds from the shell's command to its end, for one first prediction of each kind, without torch and with it.

    python benchmarks/cold_start.py [--runs N]

The runs are those of `tests/stored`, read by a process of its own each time, turn by turn: the torch side has
`REKUR_ENGINE=torch`. Printed are medians of wall time, and the least processor time, which other work on the machine
moves less.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rekur.data.datasets import digits

STORED = Path(__file__).resolve().parents[1] / "tests" / "stored" / "1"
REKUR = ("-c", "import sys; from rekur.cli import main; sys.exit(main())")


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is timed, by name; files that a command reads are written into `folder`."""
    np.save(folder / "images.npy", digits.load("test")[0][:3])
    history = folder / "history.csv"
    history.write_text("unique_id,ds,y\n" + "".join(f"a,2024-01-01 {hour:02}:00,{hour % 4}\n" for hour in range(24)))
    return {
        "rekur --help": ["--help"],
        "rekur recipes": ["recipes"],
        "a text": ["predict", str(STORED / "text"), "재미있는 영화"],
        "a text, with n-grams": ["predict", str(STORED / "text-evidence"), "재미있는 영화"],
        "tags of a sentence": ["predict", str(STORED / "tags"), "재미있는 영화"],
        "a translation": ["predict", str(STORED / "translations"), "재미있는 영화"],
        "a forecast from a table": ["forecast", str(STORED / "forecast"), "--history", str(history)],
        "three images": ["predict", str(STORED / "rows"), str(folder / "images.npy")],
    }


def once(words: list[str], with_torch: bool) -> tuple[float, float]:
    """Return the wall and the processor seconds of one process."""
    environment = {**os.environ, **({"REKUR_ENGINE": "torch"} if with_torch else {})}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *REKUR, *words], env=environment, check=True, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(Path(folder)).items():
            sides = (False, True) if words[0] in ("predict", "forecast") else (False,)
            timed = [[once(words, side) for side in sides] for _ in range(runs + 1)][1:]  # the first fills the cache
            told = []
            for side, torch in enumerate(sides):
                walls, processor = zip(*(row[side] for row in timed), strict=True)
                told.append(
                    f"{'with torch' if torch else 'without'} {statistics.median(walls):.2f} s "
                    f"(processor {min(processor):.2f})"
                )
            print(f"{name:24} " + ", ".join(told), flush=True)


if __name__ == "__main__":
    main()
