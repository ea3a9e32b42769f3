"""What the docs say of the doctor: its checks, and from the record benchmarks/doctor.json how often it is right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine_tables import markdown
from rekur.doctor.catalogue import BY_NAME, CHECKS

RECORD = Path(__file__).with_name("doctor.json")
SHELF = ("recipe", "faults", "warnings", "epochs", "seconds of all checks", "quick checks' share of the run")
READS = {"model": "model and batch", "by_hand": "hand-written gradients", "tables": "data", "classes": "predictions"}


def parts() -> dict[str, str]:
    """Return the text between the marks of each name."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return {
        "checks": markdown(("check", "reads", "codes"), _checks()),
        "held-out": _bench(record),
        "simulations": markdown(("simulated", "share"), _simulated(record.get("simulations", {}))),
        "shelf-faults": _shelf(record.get("shelf", {})),
        "doctor": f"```text\n$ rekur doctor runs/imdb-rnn-1\n{record.get('shelf', {}).get('shown', '')}```\n",
    }


def _checks() -> Iterator[tuple[str, ...]]:
    for check in CHECKS:
        yield (
            f"[{check.title}]({check.name.replace('_', '-')}.md)",
            ", ".join(READS.get(part, part) for part in check.reads),
            "; ".join(f"`{code}` {words}" for code, words in check.codes.items()),
        )


def _simulated(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, share in found.items():
        if isinstance(share, Mapping):
            yield f"{name}, of 1 to {len(share)}", f"{min(share.values()):.1%} to {max(share.values()):.1%}"
        elif isinstance(share, float):
            yield name, f"{share:.1%}"


def _shelf(found: Mapping[str, Any]) -> str:
    table = markdown(SHELF, (_examined(name, run) for name, run in found.get("runs", {}).items()))
    return f"{table}\nMeasured {found.get('date', '')}, seed 1; -: made before runs were examined at their end.\n"


def _examined(name: str, run: Mapping[str, Any]) -> tuple[Any, ...]:
    share = f"{run['share_of_the_run']:.1%}" if run["share_of_the_run"] else "-"
    codes = (", ".join(run[kind]) or "none" for kind in ("faults", "warnings"))
    return (f"`{name}`", *codes, run["epochs"], run["seconds"], share)


def _bench(record: Mapping[str, Any]) -> str:
    now = record["bench"]
    blind = "".join(
        f"* `{sample['folder']}`, {sample['date']}: {sample['found']} of {sample['faulty']} faults found "
        f"({sample['found'] / sample['faulty']:.1%}); a fault or warning on {sample['alarmed']} of {sample['sound']} "
        f"sound models and data sets ({sample['alarmed'] / sample['sound']:.1%})\n"
        for sample in record["blind"]
    )
    rows = (
        (BY_NAME[name].title, f"{line['found']} of {line['faulty']}", f"{line['alarms']} of {line['sound']}")
        for name, line in now["checks"].items()
    )
    return (
        "Cases written by somebody who had not seen the checks, at their first run (`tests/doctor/bench`):\n\n"
        f"{blind}\nWhat they showed has been mended since, so the whole bench of today is no longer blind: "
        f"{now['found']} of {now['faulty']} found, {now['alarmed']} of {now['sound']} alarmed "
        f"(`python benchmarks/doctor_bench.py`, {now['date']}).\n\n"
        + markdown(("check", "faulty cases found", "alarms on sound cases"), rows)
    )
