"""What the doctor found in the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Picture, Section, Size
from rekur.report.plot import Plot, plain, span

QUICK = "These are the quick checks of a finished run; rekur doctor runs all of them on its folder."
ALL_CHECKS = "Every check ran that had something to read."
SIGNS = {"fault": ("worse", "✗"), "warning": ("even", "!"), "note": ("none", "·")}


def section(facts: Facts) -> Section | None:
    """Build the list and its pictures; None for a run that was not examined, or had nothing to say."""
    found = [finding for finding in facts.metrics.get("findings") or () if isinstance(finding, Mapping)]
    return section_of(found, QUICK) if found else None


def section_of(found: Sequence[Mapping[str, Any]], which: str) -> Section:
    """Build the list and its pictures; `which` says what was examined."""
    told = [_told(finding) for finding in found if finding.get("severity") != "note"]
    notes = [_told(finding) for finding in found if finding.get("severity") == "note"]
    pictures = [drawn for finding in found if (drawn := picture(finding))]
    block = Block("findings.html.jinja", {"findings": told, "notes": notes})
    return Section("What the doctor found", _note(told, which), pictures, [block])


def _note(told: list[dict[str, Any]], which: str) -> str:
    if not told:
        return f"No fault. {which}"
    faults = sum(finding["severity"] == "fault" for finding in told)
    counted = f"Faults: {faults}; warnings: {len(told) - faults}."
    return f"{counted} {which}"


def _told(finding: Mapping[str, Any]) -> dict[str, Any]:
    severity = str(finding.get("severity", "note"))
    tone, sign = SIGNS.get(severity, SIGNS["note"])
    texts = {key: str(finding.get(key, "")) for key in ("code", "sentence", "cure", "page")}
    evidence = words.evidence(finding.get("evidence") or {})
    return {**texts, "evidence": evidence, "severity": severity, "tone": tone, "sign": sign}


def picture(finding: Mapping[str, Any]) -> Picture | None:
    """Draw the evidence of a finding as it stands in the metrics; None where there is none to draw."""
    curve = finding.get("curve")
    if not isinstance(curve, Mapping) or finding.get("severity") == "note":
        return None
    x, y = (np.array([words.number(value) for value in curve.get(axis, ())]) for axis in ("x", "y"))
    dots = bool(curve.get("dots"))
    log = bool(curve.get("log")) and bool((y > 0).any())
    if len(x) != len(y) or not np.isfinite(y).any():
        return None
    x_name, y_name = str(curve.get("x_name", "")), str(curve.get("y_name", ""))

    def draw(size: Size) -> Plot:
        legend = [("ours", "dot" if dots else "", y_name)]
        plot = Plot(size, span(x, whole=True), span(y, log=log), legend=legend, log=log, x_title=x_name, y_label=plain)
        plot.x_numbers(least=1.0 if (x == np.round(x)).all() else 0.0)
        (plot.dots if dots else plot.line)(x, y, "ours")
        return plot

    code, title = str(finding.get("code", "")), str(curve.get("title", ""))
    caption = f"{words.capital(y_name)} against {x_name}.{' The scale is logarithmic.' if log else ''}"
    known = y[np.isfinite(y)]
    said = f"{title}: {y_name} from {words.figure(float(known[0]))} to {words.figure(float(known[-1]))}."
    return Picture(f"finding-{words.slug(code)}", f"{code}: {title}", said, draw, caption)
