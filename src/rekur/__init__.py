"""Recurrent networks, end to end, on an ordinary CPU.

>>> import rekur  # doctest: +SKIP
>>> result = rekur.run("kospi-gru")  # doctest: +SKIP
>>> print(result.sentence)  # doctest: +SKIP
>>> rekur.load("runs/nsmc-sample-1").predict(["재미있다"])  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rekur.estimators import Forecaster, SequenceClassifier, SequenceRegressor, Tagger
    from rekur.fitting.work import fit
    from rekur.predict import load
    from rekur.shelf import run

__version__ = "0.1.0"
__all__ = ["Forecaster", "SequenceClassifier", "SequenceRegressor", "Tagger", "__version__", "fit", "load", "run"]

_ESTIMATORS = ("Forecaster", "SequenceClassifier", "SequenceRegressor", "Tagger")
_HOMES = {"fit": "rekur.fitting.work", "run": "rekur.shelf", "load": "rekur.predict"}
_HOMES |= dict.fromkeys(_ESTIMATORS, "rekur.estimators")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rekur' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
