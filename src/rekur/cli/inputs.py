"""From the words of a command line to the inputs a model takes, whatever its task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.wording import counted

if TYPE_CHECKING:
    import polars as pl

    from rekur.predict import Predictor

COLUMNS = (".conllu", ".conll", ".bio", ".iob", ".iob2", ".tags")  # a word a line, a blank line behind a sentence
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".txt", ".npy")


def read(source: str, predictor: Predictor) -> list[Any]:
    """Return the inputs `source` means: a text itself, the content of a file, or ``-`` for stdin."""
    task = predictor.config.recipe.task
    if task == "series":
        settings: Any = predictor.task.data
        if source != "-" and not source.endswith(SUFFIXES):
            raise DataError(
                f"This run forecasts a series: give a table file with {', '.join(settings.inputs)}; got `{source}`."
            )
        return [last_window(_table(source), settings.inputs, settings.window)]
    if task == "rows" and getattr(predictor.task.data, "set", "") == "files" and not source.endswith(".npy"):
        return _pictures(Path(source))
    if task == "forecast":
        raise DataError("This run forecasts many steps of series: use `rekur forecast RUN --history FILE`.")
    if task in ("rows", "frames"):
        return list(images(source))
    if task == "describe":
        return sources(source, predictor)
    if task == "sequences" and not predictor.task.data.text:  # type: ignore[attr-defined]
        return sequences(source, predictor)
    if task == "tag" and source.lower().endswith(COLUMNS):
        return sentences(Path(source))
    if source == "-":
        return texts(_table("-", ".txt"))
    if task == "translate" and os.path.isfile(source) and not source.endswith(SUFFIXES):
        return lines(Path(source))
    return texts(_table(source), predictor.column) if _is_file(source) else [source]


def by_the_line(predictor: Predictor) -> bool:
    """Return whether an input of this model is a line of text."""
    return predictor.config.recipe.task in ("text", "tag", "generate", "translate")


def stdin_lines() -> Iterator[str]:
    """Yield the lines of stdin as they come; raises DataError for one that is not UTF-8, and where there is none."""
    number = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"stdin, line {number}: not UTF-8 ({error.reason}). Convert it to UTF-8.") from None
    if not number:
        raise DataError("stdin is empty; expected a text a line.")


def sources(source: str, predictor: Predictor) -> list[Any]:
    """Return what a describer takes: names of classes, rows of numbers, or pictures."""
    settings: Any = predictor.task.data
    if settings.set in ("names", "classes"):
        if source == "-":
            return texts(_table("-", ".txt"))
        return texts(_table(source)) if _is_file(source) else [source]
    if settings.set == "vectors":
        from rekur.data import files

        return list(files.numeric_columns(_table(source), predictor.task.columns))  # type: ignore[attr-defined]
    if source.endswith(".npy"):
        return list(images(source))
    return _pictures(Path(source))


def sequences(source: str, predictor: Predictor) -> list[Any]:
    """Return the sequences of a file of the form the model learned from, each with its id."""
    task: Any = predictor.task
    if not source.endswith(SUFFIXES) or not _is_file(source):
        columns = ", ".join(task.reader.columns)
        raise DataError(
            f"This run reads sequences of numbers: give a table or a .npy file with {columns}; got `{source}`."
        )
    found: list[Any] = task.reader.read(Path(source), ()).named()
    return found


def _pictures(path: Path) -> list[Path]:
    from rekur.data.images import listed

    if path.is_dir():
        return listed(path)
    if not path.is_file():
        missing = "Pictures are not read from stdin" if str(path) == "-" else f"There is no picture {path}"
        raise DataError(f"{missing}. Give a picture, a folder of them, or a .npy file.")
    return [path]


def texts(frame: pl.DataFrame, name: str = "text") -> list[str]:
    """Return the column `name`, else `text`; raises DataError where the table has neither."""
    from rekur.data import files

    found: list[str] = files.first_text_column(frame, name, "text").to_list()
    return found


def lines(path: Path) -> list[str]:
    """Return the lines of a text file whatever its ending: train.de is one to whoever trained on it."""
    from rekur.data import files

    return files.read_lines(path)


def sentences(path: Path) -> list[tuple[str, ...]]:
    """Return the words of each sentence of a file of columns; their tags are not read."""
    from rekur.data import columns

    return [sentence.words for sentence in columns.read(path, tagged=False)]


def last_window(frame: pl.DataFrame, columns: tuple[str, ...], length: int) -> NDArray[np.float64]:
    """Return the last `length` rows of `columns`, (T, I), oldest first."""
    from rekur.data import files

    values = files.series(frame, columns)
    if len(values) < length:
        raise DataError(f"The model reads {counted(length, 'row')}, oldest first; got {len(values)}. Give more rows.")
    return values[-length:]


def images(source: str) -> NDArray[Any]:
    """Return the images (N, height, width) of a .npy file, which may hold a single one; with colours, (N, h, w, 3)."""
    if not source.endswith(".npy"):
        raise DataError(f"Images are read from a .npy file of (N, height, width) numbers; got `{source}`.")
    if not os.path.isfile(source):
        raise DataError(f"There is no file {source}. Give a .npy file of images, (N, height, width) numbers.")

    from rekur.data import sequences

    found = sequences.array(Path(source))
    whole = found[None] if found.ndim == 2 else found
    if whole.ndim not in (3, 4) or not len(whole):
        raise DataError(f"{source} must hold one image or more, (N, height, width) numbers; got {found.shape}.")
    return whole


def _is_file(source: str) -> bool:
    if os.path.isfile(source):
        return True
    if os.path.isdir(source):
        raise DataError(f"{source} is a folder; expected a file of texts. To predict its name, put a blank behind it.")
    if source.endswith(SUFFIXES) and " " not in source:
        raise DataError(f"There is no file {source}. To predict these words as a text, put a blank behind them.")
    return False


def _table(source: str, kind: str = ".csv") -> pl.DataFrame:
    """Read a file, or stdin as a file of that ending."""
    from rekur.data import files

    if source == "-":
        return files.table(sys.stdin.buffer.read(), Path("stdin"), kind)
    return files.read_table(Path(source))
