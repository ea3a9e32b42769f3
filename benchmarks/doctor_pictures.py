"""Draw the picture of each check's page from what the doctor finds in its faulty example.

python benchmarks/doctor_pictures.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from rekur.doctor import CHECKS, examination
from rekur.report.page import alone
from rekur.report.sections import findings

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images" / "doctor"
sys.path.insert(0, str(ROOT / "tests" / "doctor"))

from doctor_examples import example  # noqa: E402


def main() -> None:
    """Write docs/images/doctor/<page>.svg for every check."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for check in CHECKS:
        found = examination.examine(example(check.name).faulty(), only=[check.name])
        drawn = next(picture for finding in found if (picture := findings.picture(finding.as_json())))
        path = PICTURES / f"{check.name.replace('_', '-')}.svg"
        path.write_text(alone(drawn), encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
