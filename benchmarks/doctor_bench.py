"""How often the doctor is right on the bench of faulty and sound cases in tests/doctor/bench.

    python benchmarks/doctor_bench.py

A faulty case is found if one of its codes is given as a fault or a warning, and counts for the check of its first
code; any fault or warning on a sound case is an alarm. Then the misses and the false alarms by name. The figures go
on record in benchmarks/doctor.json.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch

from rekur.storage import to_json, write_whole

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "doctor"))

from bench import score
from bench.registry import FAULTY, SOUND

FILE = Path(__file__).with_name("doctor.json")


def main() -> None:
    torch.set_num_threads(1)
    seconds = sorted(examined())
    print(f"{'check':16} {'found':>9} {'alarms':>9}")
    for line in score.lines():
        print(f"{line.check:16} {f'{line.found}/{line.faulty}':>9} {f'{line.alarms}/{line.sound}':>9}")
    found = sum(map(score.is_found, FAULTY))
    alarmed = sum(bool(score.alarmed(case)) for case in SOUND)
    print(f"{'in all':16} {f'{found}/{len(FAULTY)}':>9} {f'{alarmed}/{len(SOUND)}':>9}")
    print(f"{seconds[len(seconds) // 2]:.2f} s a case, {seconds[-1]:.1f} s at most\n")
    print("Missed", *score.missed(), "", "False alarms", *score.false_alarms(), sep="\n")
    record = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    record["bench"] = {
        "date": date.today().isoformat(),
        "found": found,
        "faulty": len(FAULTY),
        "alarmed": alarmed,
        "sound": len(SOUND),
        "checks": {line.check: asdict(line) for line in score.lines()},
    }
    write_whole(FILE, to_json(record, indent=2) + "\n")


def examined() -> list[float]:
    """Examine every case; return the seconds each took."""
    taken = []
    for case in FAULTY + SOUND:
        begin = time.perf_counter()
        score.findings(case)
        taken.append(time.perf_counter() - begin)
    return taken


if __name__ == "__main__":
    main()
