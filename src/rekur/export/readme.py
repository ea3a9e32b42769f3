"""README.md of an exported folder: what its graphs take and give, and how they are run, for whoever has it alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekur.export.examples import example
from rekur.predict import Predictor
from rekur.report.card import plain

NAME = "README.md"
KINDS = {1: "float32", 7: "int64", 11: "float64"}  # of onnx's TensorProto
MEANINGS = {
    "tokens": "ids by the vocabulary",
    "characters": "ids of each word's characters, 0 behind its last",
    "images": "pixels, divided as preprocessing.json says",
    "lengths": "valid steps of each row; what lies behind is not read",
    "previous": "the id written last; at first `start`",
    "memory": "what was read of each step",
    "keys": "what attention compares with",
    "outputs": "numbers before softmax; `answer` in preprocessing.json says what they mean",
    "log_probabilities": "of the next id",
    "attention": "how much it looked at each step",
    "forecast": "one number a step to come, in the unit of the series",
    "quantiles": "at `levels` of preprocessing.json, in the unit of the series, corrected as the run's",
    "series": "the place of the name in `series` of preprocessing.json; -1 for a series never seen",
    "known": "covariates known ahead, of history and horizon, in their own units; NaN where missing in the history",
    "observed": "covariates of the history, in their own units; NaN where missing",
    "times": "of history and horizon: seconds since 1970, UTC",
    "static": "of each column its number, or the place of its word in `words` of preprocessing.json; -1 for another",
    "before": "the value before the next one, in the size of its window",
    "last": "the value that the reader gave as `before`",
    "ahead": "what is known of the step",
    "shift": "of each window: value * scale + shift is in the unit of the series",
    "scale": "of each window, see `shift`",
    "spread": "the deviation in which corrections are counted",
    "parameters": "of the next value's distribution, in the size of its window",
}
STATE = "the state: what comes back as `{0}_n` is given as `{0}_0` next"


def markdown(predictor: Predictor, files: Mapping[str, bytes], about: Mapping[str, Any]) -> str:
    """Return the README of an exported run; `files` are its graphs, `about` is its preprocessing.json."""
    parts = [
        _head(predictor),
        *(_graph(name, graph, predictor) for name, graph in files.items()),
        _running(predictor, about),
    ]
    return "\n".join(parts)


def _head(predictor: Predictor) -> str:
    recipe = predictor.config.recipe
    return f"""# {plain(recipe.title)}

A model of the task `{recipe.task}`, as ONNX: opset 18, for onnxruntime 1.14 and later. It needs nothing of rekur.
`MODEL_CARD.md` says what it was trained on, how good it is and where it is not; `preprocessing.json` what it reads and
answers. Sizes called by letters are free, from one call to the next: N is the batch.
"""


def _graph(name: str, content: bytes, predictor: Predictor) -> str:
    import onnx

    graph = onnx.load_from_string(content).graph
    lines = [f"## {name}", "", "| | name | type | shape | |", "|---|---|---|---|---|"]
    for way, parts in (("in", graph.input), ("out", graph.output)):
        for part in parts:
            kind = part.type.tensor_type
            sizes = [size.dim_param or str(size.dim_value) for size in kind.shape.dim]
            shape = f"{sizes[0]}," if len(sizes) == 1 else ", ".join(sizes)
            meaning = _meaning(part.name, predictor)
            lines.append(f"| {way} | `{part.name}` | {KINDS[kind.elem_type]} | ({shape}) | {meaning} |")
    return "\n".join(lines) + "\n"


def _meaning(name: str, predictor: Predictor) -> str:
    if name == "values":
        if predictor.task.architecture().settings.forecaster:
            return "the history of each series in its own unit, oldest first, NaN where missing and before shorter ones"
        return "steps of numbers, scaled as preprocessing.json says"
    part, _, end = name.rpartition("_")
    return STATE.format(part) if end in ("0", "n") and part else MEANINGS[name]


def _running(predictor: Predictor, about: Mapping[str, Any]) -> str:
    lines = example(predictor.config.recipe.task, predictor.task.architecture(), dict(about))
    return "\n".join(["## Running it", "", *_notes(about), "```python", lines, "```", ""])


def _notes(about: Mapping[str, Any]) -> Iterator[str]:
    if "window" in about and "quantiles" in about:
        yield (
            f"The last {about['window']} steps ({about['step']}) are read; give more where some at their beginning are "
            f"missing. {about['horizon']} are forecast, behind the last one given."
        )
        yield ""
    if "above" in about:
        yield "Every value must be above 0: its logarithm is read."
        yield ""
