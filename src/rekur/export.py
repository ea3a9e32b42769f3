"""A finished run as files that other programs read: `rekur export RUN --onnx`.

The folder holds the graph, what the run keeps to read an input (vocabulary.json, scaler.json ...), preprocessing.json,
which says how an input becomes what the graph takes and its outputs an answer, and the model card.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur import __version__, engine, graphs, predict
from rekur.architecture import Architecture
from rekur.errors import RekurError, RequestError
from rekur.inference import Network
from rekur.predict import Predictor
from rekur.report import card
from rekur.runs import to_json
from rekur.storage import explained, write_whole

GRAPH = "model.onnx"
SCHEMA = 1  # of preprocessing.json
APART = 1e-4  # more than this between rekur and onnxruntime is no rounding
DRAWN = (3, 7)  # N and T of the inputs that both read once


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    bytes: int  # of the graph
    difference: float | None  # largest between rekur and onnxruntime on drawn inputs; None without onnxruntime

    def as_json(self) -> dict[str, Any]:
        """Return the object of `rekur export --json`."""
        return {"folder": str(self.folder), "files": self.files, "bytes": self.bytes, "difference": self.difference}


def onnx(path: Path | str, out: Path | str | None = None) -> Exported:
    """Write the model of the run at `path` as an ONNX graph, and what it needs beside it.

    Args:
        path: a finished run.
        out: a new or empty folder; by default `onnx` inside the run.

    Raises RequestError for a model that a graph cannot say and for a folder that is taken, MissingPackage without the
    package onnx, RefusedModelError for a damaged run.
    """
    predictor = predict.load(path)
    place = Path(out) if out is not None else predictor.run.path / "onnx"
    made, about = predictor.task.architecture(), predictor.task.preprocessing()
    named = {"recipe": predictor.config.recipe.name, "task": predictor.config.recipe.task, "rekur": __version__}
    padded, state = bool(about["lengths"]), bool(about.get("state"))
    graph = graphs.graph(made, predictor.weights, padded=padded, state=state, about=named)
    difference = _difference(predictor, made, graph, padded)
    with _whole(place) as folder:
        write_whole(folder / GRAPH, graph)
        for name, text in predictor.run.files().items():
            write_whole(folder / name, text)
        write_whole(folder / "preprocessing.json", to_json(_described(predictor, named, about), indent=2) + "\n")
        write_whole(folder / card.NAME, card.markdown(predictor.run))
        if predictor.config.model.crf:
            write_whole(folder / "transitions.json", to_json(_transitions(predictor)) + "\n")
        files = tuple(sorted(entry.name for entry in folder.iterdir()))
    return Exported(place, files, len(graph), difference)


def _described(predictor: Predictor, named: dict[str, str], about: dict[str, Any]) -> dict[str, Any]:
    made = predictor.task.architecture()
    every, crf = made.settings.readout == "every", made.settings.crf
    shape = f"outputs ({'N, T' if every else 'N'}, {made.outputs})"
    kept = {"transitions": "transitions.json"} if crf else {}
    return {"schema": SCHEMA, **named, "graph": GRAPH, "gives": shape, **kept, **about}


def _transitions(predictor: Predictor) -> dict[str, Any]:
    """Return what turns emissions into the best chain: start (C,), transitions (C, C) from row to column, end (C,)."""
    return {part: predictor.weights[f"crf.{part}"] for part in ("start", "transitions", "end")}


@contextlib.contextmanager
def _whole(place: Path) -> Iterator[Path]:
    """Give a folder to fill beside `place`, and put it there when all is written."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise RequestError(f"--out must be a new or empty folder; got {place}, which is neither. Name another.")
    with explained(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent))
    try:
        yield folder
        with explained(place):
            folder.chmod(0o777 & ~_umask())
            os.replace(folder, place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _difference(predictor: Predictor, made: Architecture, graph: bytes, padded: bool) -> float | None:
    """Return how far rekur and onnxruntime are apart on drawn inputs; raises RekurError where they contradict."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return None
    if engine.selected() == "torch":
        return None
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    inputs, T = _drawn(made)
    lengths = np.array([T, 1, T // 2 + 1]) if padded else None
    given: Any = tuple(inputs.values())
    network = predictor.network
    assert isinstance(network, Network)  # no other is written as a graph
    ours, _ = (network.emissions if made.settings.crf else network)(given if len(given) > 1 else given[0], lengths)
    states = {part.name: _zeros(part.shape) for part in session.get_inputs() if part.name in ("h_0", "c_0")}
    told = {} if lengths is None else {"lengths": lengths}
    (theirs,) = session.run(["outputs"], {**inputs, **states, **told})
    difference = float(np.abs(theirs - ours).max() / max(1.0, np.abs(ours).max()))
    if not difference <= APART:
        raise RekurError(
            f"The graph differs from the model by {difference:.2g}, which is no rounding. Please report it."
        )
    return difference


def _zeros(shape: list[Any]) -> NDArray[np.float32]:
    """Return the state that a sequence begins in, (K*D, N, H)."""
    return np.zeros((shape[0], DRAWN[0], shape[2]), np.float32)


def _drawn(made: Architecture) -> tuple[dict[str, NDArray[Any]], int]:
    """Draw N rows of inputs for a model, by the names of the graph's inputs; return them and their steps T."""
    draw, (N, T) = np.random.default_rng(1), DRAWN
    T = made.steps if made.settings.readout == "flatten" and made.steps else T
    if made.image:
        return {"images": draw.random((N, *made.image, T << len(made.settings.convolution)), np.float32)}, T
    if made.values:
        return {"values": draw.random((N, T, made.values), np.float32)}, T
    found = {"tokens": draw.integers(0, made.tokens, (N, T))}
    if made.spelling:
        found["characters"] = draw.integers(1, made.letters, (N, T, 4))
    return found, T
