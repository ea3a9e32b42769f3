"""The errors rekur raises on purpose. Each message says who, what was expected, what came, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RekurError(Exception):
    """The work failed for a reason rekur understands."""

    exit_code = 1


class RequestError(RekurError):
    """The request, the settings or the data are wrong; changing them mends it."""

    exit_code = 2


class ConfigError(RequestError):
    """Settings that do not exist, have the wrong type or contradict each other."""


class DataError(RequestError):
    """Data that is absent, damaged, empty or of the wrong form."""


class MissingPackage(DataError):
    """A package that only some work needs, and that is not installed."""


class ShapeError(RequestError, ValueError):
    """An array whose sizes do not fit."""


class RefusedModelError(RekurError):
    """A model folder that is damaged, unsafe or written by a newer rekur."""

    exit_code = 5


class Interrupted(RekurError):
    """The user stopped the work; a checkpoint was written first."""

    exit_code = 130


def in_a_line(error: object, most: int = 400) -> str:
    """Return the words of an error in one line of at most `most` characters, without their full stop."""
    said = " ".join(str(error).split())
    return (said if len(said) <= most else f"{said[:most]}...").rstrip(".")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean `x`?`` for the known name closest to `name`, or the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(names)}."
