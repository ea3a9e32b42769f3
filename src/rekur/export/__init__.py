"""A finished run as files that other programs read: `rekur export RUN --onnx`.

The folder holds the graphs, what the run keeps to read an input (vocabulary.json, scaler.json ...), preprocessing.json,
which says how an input becomes what they take and their outputs an answer, README.md with the lines of Python that do
it, and the model card.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekur import __version__, engine, graphs, predict
from rekur.architecture import Architecture
from rekur.errors import RekurError, RequestError
from rekur.export import readme
from rekur.predict import Predictor
from rekur.report import card
from rekur.runs import to_json
from rekur.storage import FULL, write_whole
from rekur.tasks.forecast import Forecasting
from rekur.tasks.forecasting import exported

GRAPH = "model.onnx"
SCHEMA = 2  # of preprocessing.json: a language model gives log-probabilities, `graphs` names the files


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    bytes: int  # of the graphs
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
    _check_free(place)
    made, about = predictor.task.architecture(), predictor.task.preprocessing()
    named = {"recipe": predictor.config.recipe.name, "task": predictor.config.recipe.task, "rekur": __version__}
    written = _graphs(predictor, made, about, named)
    difference = _difference(predictor, written, bool(about["lengths"]))
    about = {"schema": SCHEMA, **named, "graphs": list(written), **about, **_beside(predictor)}
    contents: dict[str, str | bytes] = {
        **written,
        **predictor.run.files(),
        "preprocessing.json": to_json(about, indent=2) + "\n",
        card.NAME: card.markdown(predictor.run, exported=True),
        readme.NAME: readme.markdown(predictor, written, about),
    }
    if predictor.config.model.crf:
        contents["transitions.json"] = to_json(_transitions(predictor)) + "\n"
    with _whole(place) as folder:
        for name, content in contents.items():
            write_whole(folder / name, content, explain=lambda _: _explained(place))
    files = tuple(sorted(contents))
    return Exported(place, files, sum(map(len, written.values())), difference)


def _graphs(
    predictor: Predictor, made: Architecture, about: Mapping[str, Any], named: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the graphs of a run by the names of their files."""
    task, weights, padded = predictor.task, predictor.weights, bool(about["lengths"])
    if isinstance(task, Forecasting):
        fitted = exported.reading(task.data, task.scales, task.columns, task.frequency)
        said = exported.saying(task.data, predictor.corrections)
        return graphs.forecaster(made, weights, fitted, said, named)
    if made.settings.readout == "decoder":
        return graphs.writer(made, weights, padded=padded, about=named)
    return {GRAPH: graphs.graph(made, weights, padded=padded, state=bool(about.get("state")), about=named)}


def _beside(predictor: Predictor) -> dict[str, Any]:
    """Return what preprocessing.json says of what else the run found."""
    found: dict[str, Any] = {"transitions": "transitions.json"} if predictor.config.model.crf else {}
    if predictor.config.model.forecaster == "autoregressive" and predictor.corrections is not None:
        found["corrections"] = predictor.corrections.shifts.tolist()
    return found


def _transitions(predictor: Predictor) -> dict[str, Any]:
    """Return what turns emissions into the best chain: start (C,), transitions (C, C) from row to column, end (C,)."""
    return {part: predictor.weights[f"crf.{part}"] for part in ("start", "transitions", "end")}


def _check_free(place: Path) -> None:
    with _explained(place):
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise RequestError(f"--out must be a new or empty folder; got {place}, which is neither. Name another.")


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn the system's refusal to write into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            said = f"No space to write {place}. Nothing of it is left there: free some space, then export again."
            raise RekurError(said) from None
        raise RequestError(f"Cannot write {place}: {error.strerror}. Name another folder with --out.") from None


@contextlib.contextmanager
def _whole(place: Path) -> Iterator[Path]:
    """Give a folder to fill beside `place`, and put it there when all is written."""
    place = place.resolve()  # no system puts a folder in the place of one called "."
    with _explained(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent))
    try:
        yield folder
        with _explained(place):
            folder.chmod(0o777 & ~_umask())
            if place == Path.cwd().resolve():  # whoever stands in it would be left in a folder that is gone
                for file in folder.iterdir():
                    os.replace(file, place / file.name)
                folder.rmdir()
            else:
                os.replace(folder, place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _difference(predictor: Predictor, written: Mapping[str, bytes], padded: bool) -> float | None:
    """Return how far rekur and onnxruntime are apart; None where one of them is not here."""
    if importlib.util.find_spec("onnxruntime") is None or engine.selected() == "torch":
        return None
    from rekur.export import agreement

    return agreement.difference(predictor, written, padded)
