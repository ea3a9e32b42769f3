"""The cases of the bench: a function that returns the parts of a patient, and what the doctor should find there."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.patient import ByHand, Classes, Forecast, Patient, Source, Tables

Parts = dict[str, Any]
Build = Callable[[], Parts]
KINDS: Mapping[str, Callable[..., Any]] = {
    "forecast": Forecast,
    "classes": Classes,
    "tables": Tables,
    "by_hand": ByHand,
}
MODEL = ("model", "batch", "target", "loss", "optimizer", "lengths", "causal")


@dataclass(frozen=True)
class Case:
    """One patient of the bench."""

    name: str
    codes: tuple[str, ...]  # any of these, as a fault or a warning, counts as found; none: the case is sound
    build: Build

    @property
    def file(self) -> str:
        """The file beside this one that holds it."""
        return self.name.split(".")[0]

    def parts(self) -> Parts:
        """Build the case: the same one each time."""
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch itself warns of some of the faults
            return self.build()

    def patient(self) -> Patient:
        """Return what the doctor examines."""
        return as_patient(self.parts())


FAULTY: list[Case] = []
SOUND: list[Case] = []


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


def given(**parts: Any) -> Parts:
    """Return the arguments of `doctor.examine`, or another part of a patient by its name."""
    return parts


def load() -> None:
    """Import every file of cases here and below; each registers what it holds."""
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("*/*.py")]):
        if path.stem not in ("__init__", "registry", "score", "material"):
            place = ".".join(path.relative_to(here).with_suffix("").parts)
            importlib.import_module(f"{__package__}.{place}")


def as_patient(parts: Parts) -> Patient:
    """Turn the parts of a case into a patient."""
    from rekur.doctor.model.subject import Subject

    known: Parts = {name: kind(**parts[name]) for name, kind in KINDS.items() if name in parts}
    if "source" in parts:
        known["source"] = Source({Path("train.py"): parts["source"]})
    if "model" in parts:
        try:
            known["model"] = Subject(**{name: parts[name] for name in MODEL if name in parts})
        except CannotExamineError as reason:
            known["not_known"] = {"every check of the model": str(reason)}
    return Patient(**known)


def _name(build: Build) -> str:
    return f"{build.__module__.rsplit('.', 1)[-1]}.{build.__name__}"
