"""The cases held out: the same kind of case as on the first bench, in lists of their own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from bench.registry import Build, Case, given

__all__ = ["FAULTY", "SOUND", "Case", "faulty", "given", "load", "sound"]

FAULTY: list[Case] = []
SOUND: list[Case] = []
NO_CASES = ("__init__", "registry", "measure", "material")


def faulty(*codes: str) -> Callable[[Build], Build]:
    """Register a case in which one of `codes` should be found."""

    def register(build: Build) -> Build:
        FAULTY.append(Case(_name(build), codes, build))
        return build

    return register


def sound(build: Build) -> Build:
    """Register a case in which nothing should be found."""
    SOUND.append(Case(_name(build), (), build))
    return build


def load() -> None:
    """Import every file of cases beside this one; each registers what it holds."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in NO_CASES:
            importlib.import_module(f"{__package__}.{path.stem}")


def _name(build: Build) -> str:
    return f"{build.__module__.rsplit('.', 1)[-1]}.{build.__name__}"
