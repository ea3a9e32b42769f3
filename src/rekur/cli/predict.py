"""`rekur predict`: a trained model on new input."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json, RunFolder
from rekur.errors import DataError

if TYPE_CHECKING:
    from rekur.predict import Predictor


def predict(
    run: RunFolder,
    source: Annotated[
        str,
        typer.Argument(help="A text, a file (.txt, .csv, .npy), or - for stdin.", metavar="INPUT|FILE|-"),
    ] = "-",
    as_json: Json = False,
) -> None:
    """Predict new input with a finished run.

    A text file has one text a line; a .csv file has a column `text`, or for a series the columns of its
    training, oldest row first; a .npy file holds images, strips or sequences; a file of sequences is of the form the
    run learned from; a .conllu file has a word a line. What describes
    classes takes the name of one, what describes images a picture or a folder of them.

    Example: rekur predict runs/nsmc-sample-1 "정말 재미있는 영화"
    """
    with _without_collector():
        from rekur import predict as predictions

        predictor = predictions.load(run)
        found = _predicted(predictor, source)
    if as_json:
        output.emit({"run": str(run), "recipe": predictor.config.recipe.name, "predictions": found})
        return
    for item in found:
        output.say(line(item))
        if "warning" in item:
            output.warn(item["warning"])


def _predicted(predictor: Predictor, source: str) -> list[dict[str, Any]]:
    """Predict what `source` means; where a line of a file is at fault, the error names the file, too."""
    from rekur.cli import inputs

    given = inputs.read(source, predictor)
    try:
        return predictor.predict(given)
    except DataError as error:
        if not os.path.isfile(source) or source in str(error):
            raise
        raise DataError(f"{source}: {error}") from None


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Leave cycles alone: to look for them while modules load and at the end is a quarter of so short a process."""
    gc.disable()
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.enable()


def line(item: dict[str, Any]) -> str:
    """Return one prediction for people: the answer, then how sure the model is."""
    answer, sure = item["prediction"], item.get("probability")
    if isinstance(answer, list):
        return " ".join(f"{word}/{tag}" for word, tag in zip(item["words"], answer, strict=True))
    if "log_probability" in item:
        return "\t".join([*filter(None, [item.get("image")]), *answer.split("\n")])
    name = f"{item['id']}\t" if "id" in item else ""
    if isinstance(answer, float):
        return f"{name}{answer:.6g}"
    return f"{name}{answer}\t{sure[answer]:.3f}" if isinstance(sure, dict) else f"{item.get('prompt', '')}{answer}"
