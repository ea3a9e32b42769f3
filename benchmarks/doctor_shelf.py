"""Examine finished runs of the shelf, and put what is found in them on record: benchmarks/doctor.json.

    python benchmarks/doctor_shelf.py RUN...

Each RUN is a folder of a recipe as shipped, trained in full or with fewer epochs; the record says with how many.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from rekur.cli.doctor import told
from rekur.doctor import examination, runs
from rekur.runs import Run
from rekur.storage import to_json, write_whole

SHOWN = "imdb-rnn"  # whose findings the README prints
FILE = Path(__file__).with_name("doctor.json")


def examined(path: str) -> dict[str, Any]:
    """Return what the doctor finds in a run, the seconds it takes, and its share of the run's own time."""
    folder = Run.open(path)
    metrics = folder.metrics()
    patient = runs.read(folder)
    began = time.monotonic()
    found = examination.run(patient)
    findings = found.findings
    return {
        "recipe": metrics["recipe"],
        "epochs": metrics["epochs"],
        "seconds": round(time.monotonic() - began, 1),
        "share_of_the_run": round(metrics["seconds"].get("doctor", 0.0) / metrics["seconds"]["total"], 4),
        "faults": [finding.code for finding in findings if finding.severity == "fault"],
        "warnings": [finding.code for finding in findings if finding.severity == "warning"],
        "not_run": [finding.sentence for finding in findings if finding.code == "RK-NOTE-01"],
        "told": told(found),
    }


def main() -> None:
    """Examine the runs named on the command line."""
    record = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    shelf, shown = dict(record.get("shelf", {}).get("runs", {})), record.get("shelf", {}).get("shown", "")
    for path in sys.argv[1:]:
        found = examined(path)
        name, words = found.pop("recipe"), found.pop("told")
        shelf[name] = found
        shown = f"{words}\n" if name == SHOWN else shown
        print(path, found, flush=True)
    record["shelf"] = {"date": date.today().isoformat(), "runs": dict(sorted(shelf.items())), "shown": shown}
    write_whole(FILE, to_json(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
