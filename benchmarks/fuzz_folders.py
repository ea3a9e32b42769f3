"""Damage small run folders in every way a stranger could, load each and predict: how many are refused, and how.

    python benchmarks/fuzz_folders.py [--cases 100000] [--seed 1] [--memory 1500] [--seconds 30]

Every case takes one of the folders of tests/stored, damages it in one to three ways (`folder_damage.py`), loads it and,
where it is accepted, predicts. All run in this one process, whose memory may grow by `--memory` MB and no
further (RLIMIT_AS). A case fails where anything but a refusal in one sentence with its exit code comes out, where it
opens a file outside of the folder or starts a program (an audit hook watches), or takes longer than `--seconds`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from folder_damage import BASES, EXPLODED, STORED, case
from rekur import predict
from rekur.errors import RefusedModelError, RequestError
from rekur.runs import Run
from rekur.tasks import generate

REFUSED, REQUEST, ACCEPTED, FAILED = "refused (exit 5)", "bad request (exit 2)", "accepted", "failed"
PROGRAMS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "pickle.find_class", "socket.connect")
CODE = (str(Path(predict.__file__).parent), "/proc", "/sys", "/usr", "/dev/null", sys.base_prefix)  # read by any case
IMPORTED = tuple(os.path.realpath(path) for path in sys.path if path.endswith("-packages"))


class Watch:
    """Notes what a case opens outside of its folder, and every program it would start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.on, self.seen = str(folder), False, set[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in PROGRAMS:
            self.seen.add(f"{event} {arguments[:1]}")
        if event == "open" and isinstance(arguments[0], str):
            path = os.path.realpath(arguments[0])
            if not path.startswith((self.folder, *CODE, *IMPORTED)):
                self.seen.add(f"open {path}")


class TooSlow(BaseException):
    """A case took longer than it may."""


@cache
def inputs_of(name: str) -> list[Any]:
    """Return what the stored run of `name` is asked."""
    given = json.loads((STORED / f"{name}.json").read_text(encoding="utf-8"))["given"]
    return [np.array(item, dtype=np.float64) if isinstance(item, list) else item for item in given]


def judge(folder: Path, name: str) -> tuple[str, str]:
    """Load the damaged folder of `name` and predict; return what came of it, and why."""
    try:
        predictor = predict.load(folder)
        with np.errstate(all="ignore"):
            predictor.predict(inputs_of(name))
        return ACCEPTED, ""
    except RefusedModelError as error:
        whole = error.exit_code == 5 and "\n" not in str(error) and str(error).endswith(".")
        return (REFUSED, "") if whole else (FAILED, f"no sentence: {str(error)[:150]!r}")
    except RequestError as error:
        return REQUEST, type(error).__name__


def table(folder: Path) -> tuple[str, str]:
    """Read the damaged table of predictions, as the report does."""
    try:
        len(Run(folder).predictions())
        return ACCEPTED, ""
    except RefusedModelError:
        return REFUSED, ""


def memory_now() -> int:
    """Return the address space this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


class Fuzz:
    """A row of cases in one process."""

    def __init__(self, seed: int = 1, memory: int = 1500, seconds: float = 30) -> None:
        self.seed, self.memory, self.seconds = seed, memory, seconds
        base = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = Path(tempfile.mkdtemp(prefix="rekur-fuzz-", dir=base)) / "run"
        self.watch, self.slowest = Watch(self.folder), 0.0
        self.counts, self.by, self.failures = Counter[str](), Counter[str](), list[dict[str, Any]]()

    def run(self, cases: int, tell: int = 0) -> dict[str, Any]:
        """Run the cases and return what came of them; `failures` has number, changes and words of each."""
        usual = generate.SAMPLE_LENGTH["characters"]
        generate.SAMPLE_LENGTH["characters"] = 20  # of 400: the time goes into the folders
        for name in BASES:  # whatever is loaded late is loaded now, before memory is limited
            assert judge(STORED / name, name)[0] == ACCEPTED, name
        table(STORED / BASES[0])
        before, signalled = resource.getrlimit(resource.RLIMIT_AS), signal.signal(signal.SIGALRM, _too_slow)
        resource.setrlimit(resource.RLIMIT_AS, (memory_now() + (self.memory << 20), before[1]))
        began = time.monotonic()
        try:
            for number in range(cases):
                self.one(number)
                if tell and (number + 1) % tell == 0:
                    said = f"{number + 1:,} cases, {time.monotonic() - began:.0f} s: {dict(self.counts)}"
                    print(said, file=sys.stderr, flush=True)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
            generate.SAMPLE_LENGTH["characters"] = usual
            signal.signal(signal.SIGALRM, signalled)
            shutil.rmtree(self.folder.parent, ignore_errors=True)
        return {
            "cases": cases,
            "seed": self.seed,
            "counts": dict(self.counts),
            "by_change": dict(sorted(self.by.items())),
            "seconds": round(time.monotonic() - began, 1),
            "slowest_case": round(self.slowest, 3),
            "peak_resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "memory_allowed_mb": self.memory,
            "code_run": EXPLODED.exists(),
            "failures": self.failures[:200],
        }

    def one(self, number: int) -> None:
        """Run one case, a function of the seed and its number."""
        draw = random.Random(f"{self.seed} {number}")
        name, done = case(draw, self.folder)
        started = time.monotonic()
        what, why = self.outcome(name, draw.random() < 0.05)
        self.slowest = max(self.slowest, time.monotonic() - started)
        if self.watch.seen:
            what, why = FAILED, f"reached out: {sorted(self.watch.seen)[:3]}"
            self.watch.seen.clear()
        self.counts[what] += 1
        self.by.update(f"{change}: {what}" for change in done)
        if what == FAILED:
            self.failures.append({"case": number, "folder": name, "changes": done, "why": why})
            print(self.failures[-1], file=sys.stderr, flush=True)

    def outcome(self, name: str, of_table: bool) -> tuple[str, str]:
        """Return what comes of the damaged folder of `name`, and why."""
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        self.watch.on = True
        try:
            return table(self.folder) if of_table else judge(self.folder, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of a library is no Exception
            self.watch.on = False
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {str(error)[:150]}"
            return FAILED, f"{said} ({Path(where.filename).name}:{where.lineno})"
        finally:
            self.watch.on = False
            signal.setitimer(signal.ITIMER_REAL, 0)


def _too_slow(*_: Any) -> None:
    raise TooSlow("longer than a case may take")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=int, default=1500, help="MB the process may grow by")
    parser.add_argument("--seconds", type=float, default=30, help="longest time of a case")
    asked = parser.parse_args()
    found = Fuzz(asked.seed, asked.memory, asked.seconds).run(asked.cases, tell=5000)
    print(json.dumps(found, indent=1))
    return 1 if found["failures"] or found["code_run"] else 0


if __name__ == "__main__":
    sys.exit(main())
