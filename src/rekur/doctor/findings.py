"""What the doctor says: one finding a fault, with its evidence and its cure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["fault", "warning", "note"]
ORDER: tuple[Severity, ...] = ("fault", "warning", "note")


@dataclass(frozen=True)
class Curve:
    """Evidence as a picture: y against x, drawn in the report and told in the JSON."""

    title: str
    x_name: str
    y_name: str
    x: Sequence[float]
    y: Sequence[float]
    log: bool = False  # the scale of y
    dots: bool = False  # points that no line joins

    def as_json(self) -> dict[str, Any]:
        """Return the object of `rekur doctor --json`."""
        return {
            "title": self.title,
            "x_name": self.x_name,
            "y_name": self.y_name,
            "x": [float(value) for value in self.x],
            "y": [float(value) for value in self.y],
            "log": self.log,
            "dots": self.dots,
        }


@dataclass(frozen=True)
class Finding:
    """One thing the doctor noticed.

    `code` is stable, as RK-PAD-01; a fault makes results wrong or training useless, a warning may, a note says what
    was not examined or what to know.
    """

    code: str
    severity: Severity
    sentence: str  # what happened
    cure: str  # what to do
    evidence: Mapping[str, Any] = field(default_factory=dict)  # plain numbers, words and lists of them
    curve: Curve | None = None
    check: str = ""  # the file in doctor/checks that found it; the examination fills it in

    @property
    def page(self) -> str:
        """The page of the docs that explains it."""
        return f"docs/doctor/{self.check.replace('_', '-') or 'README'}.md"

    def as_json(self) -> dict[str, Any]:
        """Return the object of `rekur doctor --json`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "check": self.check,
            "sentence": self.sentence,
            "evidence": dict(self.evidence),
            "cure": self.cure,
            "page": self.page,
            "curve": self.curve.as_json() if self.curve else None,
        }


class CannotExamineError(Exception):
    """A check cannot say anything here; its message is the reason, and becomes a note."""


def reason_of(error: BaseException) -> str:
    """Return why something could not be examined, in one line."""
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, CannotExamineError):
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__
