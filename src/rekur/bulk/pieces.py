"""The rows of whatever a model takes, some at a time: what is kept of them, and what a prediction reads of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rekur.data import columns, files, images, sequences, sources
from rekur.errors import DataError, RequestError
from rekur.predict import Predictor

BATCH = 5_000  # inputs of a part, at most
SLOW = {"generate": 50, "translate": 500, "describe": 500}  # of tasks that write: some seconds, too
TABLES = ("text", "tag", "generate", "translate", "sequences")  # tasks whose input is a text of a table
Piece = tuple[pl.DataFrame, list[Any]]  # what is kept of some rows, and what a prediction reads of them


def size_of(predictor: Predictor) -> int:
    """Return how many inputs make a part."""
    return min(BATCH, SLOW.get(predictor.config.recipe.task, BATCH))


def of(source: Path, predictor: Predictor) -> Iterator[Piece]:
    """Yield the rows of a file or folder; raises DataError for inputs that are none."""
    task, kind = predictor.config.recipe.task, source.suffix.lower()
    data: Any = predictor.task.data
    if task == "forecast":
        raise RequestError(f"This run forecasts: use `rekur forecast RUN --history {source.name} --out FILE`.")
    if task == "sequences" and not data.text:
        yield from _sequences(source, predictor)
    elif kind == ".npy":
        yield from _arrays(source, predictor)
    elif (task == "rows" and data.set == "files") or (task == "describe" and predictor.task.architecture().image):
        yield from _pictures(source, predictor)
    elif task == "describe":
        yield from _described(source, predictor)
    elif task == "tag" and not _is_table(source):
        yield from _sentences(source)
    elif task == "series":
        yield from _windows(files.read_table(source), predictor)
    elif task == "translate" and not _is_table(source) and source.is_file():
        lines = files.read_lines(source)
        yield from _some(pl.DataFrame({"source": lines}), lines, predictor)
    elif task in TABLES:
        yield from _texts(source, predictor, predictor.column)
    elif task in ("rows", "frames"):
        what = "images" if task == "rows" else "strips"
        raise DataError(f"{source} is no .npy file of {what}, (N, height, width) numbers. Write it with numpy.save.")
    else:
        raise RequestError(f"--out does not take {source.name} for the task {task}. Leave --out away.")


def _some(frame: pl.DataFrame, inputs: Sequence[Any], predictor: Predictor) -> Iterator[Piece]:
    """Cut rows that are there already into parts."""
    size = size_of(predictor)
    for at in range(0, len(frame), size):
        yield frame[at : at + size], list(inputs[at : at + size])


def _is_table(source: Path) -> bool:
    try:
        files.kind(source)
    except DataError:
        return False
    return True


def _texts(source: Path, predictor: Predictor, name: str) -> Iterator[Piece]:
    if source.is_dir() and (alone := sources.texts(source)):
        for frame, paths in _some(pl.DataFrame({"file": [one.name for one in alone]}), alone, predictor):
            yield frame, [_written(path) for path in paths]
        return
    for frame in sources.batches(source):
        yield from _some(frame, files.first_text_column(frame, name, "text").to_list(), predictor)


def _written(path: Path) -> str | None:
    """Return what is written in a file; None where it is no UTF-8."""
    with contextlib.suppress(DataError):
        return files.decode(sources.content(path), path)
    return None


def _described(source: Path, predictor: Predictor) -> Iterator[Piece]:
    """Yield names of classes, or rows of numbers; one that is none is left to the model to refuse."""
    task: Any = predictor.task
    if task.data.set != "vectors":
        yield from _texts(source, predictor, "class")
        return
    for frame in sources.batches(source):
        files.numeric_columns(frame.head(0), task.columns)  # they must be there
        numbers = frame.select(pl.col(name).cast(pl.Float64, strict=False).fill_null(np.nan) for name in task.columns)
        yield from _some(frame, list(numbers.to_numpy()), predictor)


def _pictures(source: Path, predictor: Predictor) -> Iterator[Piece]:
    if not source.is_dir() and source.suffix.lower() not in images.ENDINGS:
        raise DataError(f"{source} is no picture ({', '.join(images.ENDINGS)}), no folder of them and no .npy file.")
    found = images.listed(source) if source.is_dir() else [source]
    yield from _some(pl.DataFrame({"image": [path.name for path in found]}), found, predictor)


def _arrays(source: Path, predictor: Predictor) -> Iterator[Piece]:
    found = sequences.array(source, mapped=True)
    found = found[None] if found.ndim == 2 else found
    if found.ndim not in (3, 4):
        raise DataError(f"{source} must hold images, (N, height, width) numbers; got {found.shape}.")
    size = size_of(predictor)
    for at in range(0, len(found), size):
        some = found[at : at + size]
        yield pl.DataFrame({"id": np.arange(at, at + len(some))}), list(np.array(some))


def _sequences(source: Path, predictor: Predictor) -> Iterator[Piece]:
    task: Any = predictor.task
    found = task.reader.read(source, ())
    size = size_of(predictor)
    for at in range(0, len(found.values), size):
        some = found.named(at, at + size)
        yield pl.DataFrame({"id": [one.id for one in some]}), some


def _sentences(source: Path) -> Iterator[Piece]:
    sentences = [list(sentence.words) for sentence in columns.read(source, tagged=False)]
    for at in range(0, len(sentences), BATCH):
        some = sentences[at : at + BATCH]
        yield pl.DataFrame({"words": some}, schema={"words": pl.List(pl.String)}), some


def _windows(frame: pl.DataFrame, predictor: Predictor) -> Iterator[Piece]:
    """Yield every row with the window that ends in it; the first rows have none."""
    settings: Any = predictor.task.data
    values = files.series(frame, settings.inputs)
    short: list[Any] = [None] * min(len(values), settings.window - 1)
    whole = [values[at - settings.window : at] for at in range(settings.window, len(values) + 1)]
    yield from _some(frame, short + whole, predictor)
