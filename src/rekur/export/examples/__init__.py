"""How to run an exported model with onnxruntime: the lines of Python in the folder's README, of each kind of model.

Each leaves what it found in `answer`; `tests/test_export.py` runs them all.
"""

from __future__ import annotations

from typing import Any

from rekur.architecture import Architecture
from rekur.export.examples import forecasting, reading, writing

OPENED = """about = json.loads(Path("preprocessing.json").read_text(encoding="utf-8"))
"""
MODEL = """model = onnxruntime.InferenceSession("model.onnx")
"""
STANDARD = ("import base64", "import json", "import re", "import unicodedata")


def example(task: str, made: Architecture, about: dict[str, Any]) -> str:
    """Return the lines of Python that run the model of a task, `about` being its preprocessing.json."""
    lines = OPENED + _lines(task, made, about)
    modules = {"import json", "import numpy as np", "import onnxruntime"}
    modules |= {line for line in lines.split("\n") if line.startswith("import ")}
    standard, other = (sorted(line for line in modules if (line in STANDARD) is which) for which in (True, False))
    body = [line for line in lines.strip("\n").split("\n") if line not in modules]
    return "\n".join([*standard, "from pathlib import Path", "", *other, "", *body])


def _lines(task: str, made: Architecture, about: dict[str, Any]) -> str:
    if made.settings.forecaster == "autoregressive":
        return forecasting.drawn(made, about)
    if made.settings.readout == "decoder":
        return writing.translated(made, about) if task == "translate" else writing.described(made, about)
    if made.settings.forecaster:
        return MODEL + forecasting.forecast(about)
    if task == "generate":
        return MODEL + reading.continued(made)
    if task == "tag":
        return MODEL + reading.tagged(made)
    return MODEL + (reading.text(made, about) if "vocabulary" in about else reading.numbers(task, made, about))
