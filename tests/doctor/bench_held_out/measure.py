"""Run the doctor once on every case held out and write down what it said.

cd tests/doctor && python -m bench_held_out.measure bench_held_out/first_run.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from bench.score import alarmed, findings, is_found

from rekur.doctor.catalogue import BY_NAME, CHECKS
from rekur.doctor.findings import Finding

from .registry import FAULTY, SOUND, Case, load

SLOW = 10.0  # seconds


def main(path: str) -> None:
    """Examine every case, print the table, and save everything that was said."""
    torch.set_num_threads(1)
    load()
    seconds, refused = _examine([*FAULTY, *SOUND])
    faulty = [case for case in FAULTY if case.name not in refused]
    sound = [case for case in SOUND if case.name not in refused]
    parts = {case.name: set(case.parts()) for case in sound}
    alarms = [case for case in sound if alarmed(case)]
    report = {
        "date": date.today().isoformat(),
        "faulty": len(faulty),
        "found": sum(map(is_found, faulty)),
        "sound": len(sound),
        "sound with a fault or warning": len(alarms),
        "checks": {check.name: _line(check.name, faulty, sound, parts) for check in CHECKS},
        "missed": {c.name: {"wants": c.codes, "got": _told(findings(c))} for c in faulty if not is_found(c)},
        "false alarms": {c.name: _told(alarmed(c)) for c in alarms},
        "not examined": refused,
        "slower than 10 s": {name: round(s, 1) for name, s in seconds.items() if s > SLOW},
        "said": {c.name: _told(findings(c)) for c in [*faulty, *sound]},
    }
    Path(path).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, line in report["checks"].items():
        print(f"{name:15} found {line['found']}/{line['faulty']}  alarms {line['alarms']}/{line['sound']}")
    print(f"recall {report['found']}/{report['faulty']}, alarmed {len(alarms)}/{len(sound)}")


def _examine(cases: Sequence[Case]) -> tuple[dict[str, float], dict[str, str]]:
    seconds, refused = {}, {}
    for case in cases:
        start = time.perf_counter()
        try:
            findings(case)
        except Exception as error:  # doctor.examine() turns this into a note
            refused[case.name] = f"{type(error).__name__}: {error}"
        seconds[case.name] = time.perf_counter() - start
    return seconds, refused


def _line(check: str, faulty: Sequence[Case], sound: Sequence[Case], parts: dict[str, set[str]]) -> dict[str, int]:
    wanted = [case for case in faulty if case.codes[0] in BY_NAME[check].codes]
    read = [case for case in sound if parts[case.name] & set(BY_NAME[check].reads)]
    alarms = [case for case in read if any(finding.check == check for finding in alarmed(case))]
    return {"found": sum(map(is_found, wanted)), "faulty": len(wanted), "alarms": len(alarms), "sound": len(read)}


def _told(said: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "code": f.code,
            "severity": f.severity,
            "sentence": f.sentence,
            "cure": f.cure,
            "evidence": repr(f.evidence)[:400],
        }
        for f in said
    ]


if __name__ == "__main__":
    main(sys.argv[1])
