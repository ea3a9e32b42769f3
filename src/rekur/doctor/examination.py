"""Run the checks on a patient, and collect what they find."""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekur.doctor.catalogue import CHECKS, NOT_RUN, Check
from rekur.doctor.findings import ORDER, Finding, reason_of
from rekur.doctor.patient import Patient
from rekur.errors import RequestError, nearest


@dataclass(frozen=True)
class Examination:
    """What was found, the gravest first, and which checks could read something to its end."""

    findings: list[Finding]
    ran: tuple[str, ...]  # names of checks


def examine(
    patient: Patient, *, only: Sequence[str] = (), skip: Sequence[str] = (), cheap: bool = False
) -> list[Finding]:
    """Return the findings of `run`."""
    return run(patient, only=only, skip=skip, cheap=cheap).findings


def run(patient: Patient, *, only: Sequence[str] = (), skip: Sequence[str] = (), cheap: bool = False) -> Examination:
    """Run every check that has something to read.

    `only` and `skip` name checks or codes; `cheap` leaves out the checks that train or differentiate at length.
    Raises RequestError for a name that is neither.
    """
    _check_names([*only, *skip])
    found: list[Finding] = []
    reasons, ran = [(name, reason) for name, reason in patient.not_known.items()], []
    for check in _wanted(only, skip, cheap):
        for part in check.reads:
            if getattr(patient, part) is not None:
                findings, reason = _of(check, part, getattr(patient, part))
                found += findings
                if reason:
                    reasons.append((check.name, reason))
                if (findings or not reason) and part != "source":  # a script read beside a model is not the model
                    ran.append(check.name)
    kept = [finding for finding in found if _chosen(finding, only, skip)]
    kept.sort(key=lambda finding: ORDER.index(finding.severity))
    notes = [] if NOT_RUN in skip else list(_not_run(reasons))
    return Examination(kept + notes, tuple(dict.fromkeys(ran)))


def _of(check: Check, part: str, subject: Any) -> tuple[list[Finding], str]:
    """Run one check on one part; what it found until it could not go on, and why it could not."""
    function = getattr(importlib.import_module(f"rekur.doctor.checks.{check.name}"), f"of_{part}")
    found: list[Finding] = []
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):  # stdout is for what we say
            warnings.simplefilter("ignore")  # of the patient's own code, which is not ours to mend
            found.extend(replace(finding, check=check.name) for finding in function(subject))
    except (Exception, SystemExit) as error:  # a patient's code may raise anything; one check must not end the others
        return found, reason_of(error)
    return found, ""


def _not_run(reasons: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons:
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield Finding(
            NOT_RUN,
            "note",
            f"Not examined: {', '.join(names)} ({reason}).",
            "Give what is missing, or read the reason; the other checks ran.",
            {"checks": names, "reason": reason},
        )


def _wanted(only: Sequence[str], skip: Sequence[str], cheap: bool) -> Iterator[Check]:
    for check in CHECKS:
        asked = not only or check.name in only or any(code in check.codes for code in only)
        if asked and check.name not in skip and (check.cheap or not cheap):
            yield check


def _chosen(finding: Finding, only: Sequence[str], skip: Sequence[str]) -> bool:
    named = not only or finding.code in only or finding.check in only
    return named and finding.code not in skip


def _check_names(names: Iterable[str]) -> None:
    known = {check.name for check in CHECKS} | {code for check in CHECKS for code in check.codes} | {NOT_RUN}
    for name in names:
        if name not in known:
            raise RequestError(f"No check or code is called `{name}`. {nearest(name, known)}")
