"""Recall over the faulty cases and the share of alarms among the sound ones, check by check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from rekur.doctor import examination
from rekur.doctor.catalogue import BY_NAME, CHECKS
from rekur.doctor.findings import Finding

from .registry import FAULTY, SOUND, Case, load

RECALL, ALARMS = 0.95, 0.02

load()


@dataclass(frozen=True)
class Line:
    """One check: of `faulty` cases `found` were found; of `sound` cases it reads, `alarms` were not left in peace."""

    check: str
    found: int
    faulty: int
    alarms: int
    sound: int


@cache
def findings(case: Case) -> tuple[Finding, ...]:
    """Examine a case once; notes are left in."""
    return tuple(examination.examine(case.patient()))


def alarmed(case: Case) -> list[Finding]:
    """Return the faults and warnings of a case."""
    return [finding for finding in findings(case) if finding.severity != "note"]


def is_found(case: Case) -> bool:
    """Whether a faulty case got a fault or a warning with one of its codes."""
    return any(finding.code in case.codes for finding in alarmed(case))


def missed() -> list[str]:
    """Return the faulty cases that were not found, and what was found instead."""
    return [f"{case.name}: wants {_words(case.codes)}, got {_got(case)}" for case in FAULTY if not is_found(case)]


def false_alarms() -> list[str]:
    """Return what was said against sound cases."""
    return [
        f"{case.name}: {finding.code} ({finding.severity}) {finding.sentence}"
        for case in SOUND
        for finding in alarmed(case)
    ]


def recall() -> float:
    """Return the share of faulty cases that were found."""
    return sum(map(is_found, FAULTY)) / len(FAULTY)


def noisy() -> list[str]:
    """Return the checks that alarm at more than ALARMS of the sound cases they read."""
    return [check.name for check in CHECKS if len(_alarming(check.name)) > ALARMS * len(_read(check.name))]


def lines() -> list[Line]:
    """Return the figures of every check; a faulty case counts for the check of its first code."""
    return [_line(check.name) for check in CHECKS]


def _line(check: str) -> Line:
    wanted = [case for case in FAULTY if case.codes[0] in BY_NAME[check].codes]
    return Line(check, sum(map(is_found, wanted)), len(wanted), len(_alarming(check)), len(_read(check)))


def _alarming(check: str) -> list[Case]:
    return [case for case in _read(check) if any(finding.check == check for finding in alarmed(case))]


def _read(check: str) -> list[Case]:
    return [case for case in SOUND if _parts(case) & set(BY_NAME[check].reads)]


@cache
def _parts(case: Case) -> set[str]:
    return set(case.parts())


def _got(case: Case) -> str:
    return _words(f"{finding.code} ({finding.severity})" for finding in findings(case)) or "nothing"


def _words(parts: Iterable[str]) -> str:
    return ", ".join(parts)
