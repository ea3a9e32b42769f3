"""`rekur predict`: a trained model on new input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json, RunFolder
from rekur.errors import DataError, RequestError
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.predict import Predictor


def predict(
    run: RunFolder,
    source: Annotated[
        str,
        typer.Argument(help="A text, a file (.txt, .csv, .npy), or - for stdin.", metavar="INPUT|FILE|-"),
    ] = "-",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the predictions of a FILE here: .parquet, .csv or .jsonl.", metavar="FILE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict new input with a finished run.

    A text file has one text a line; a .csv file has a column `text`, or for a series the columns of its
    training, oldest row first; a .npy file holds images, strips or sequences; a file of sequences is of the form the
    run learned from; a .conllu file has a word a line. What describes classes takes the name of one, what describes
    images a picture or a folder of them. Texts on stdin are answered line by line, each at once. With --out a file of
    any size is predicted in batches, its columns beside the predictions; a command that was killed goes on where it
    stopped when it is given again.

    Example: rekur predict runs/nsmc-sample-1 "정말 재미있는 영화"
    """
    from rekur import predict as predictions
    from rekur.cli import inputs

    predictor = predictions.load(run)
    if out is not None:
        _to_file(predictor, source, out, as_json)
        return
    if source == "-" and not as_json and inputs.by_the_line(predictor):
        _line_by_line(predictor)
        return
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


def _to_file(predictor: Predictor, source: str, out: Path, as_json: bool) -> None:
    from rekur import bulk

    if source == "-":
        raise RequestError("--out needs a FILE: what comes from stdin cannot be gone on with. Leave --out away.")
    found = bulk.write(predictor, Path(source), out, output.warn)
    if as_json:
        output.emit({**vars(found), "rate": found.rate})
        return
    output.warn(f"{counted(found.rows, 'row')} in {found.seconds:.1f} s, {found.rate:,.0f} a second")
    if found.unread:
        output.warn(f"{found.unread:,} of them the model cannot read; their prediction is empty.")
    output.say(str(out))


def _line_by_line(predictor: Predictor) -> None:
    """Answer each line of stdin as soon as it is there; one the model cannot read gets an empty line."""
    from rekur.cli import inputs

    for number, text in enumerate(inputs.stdin_lines(), 1):
        try:
            (item,) = predictor.predict([text])
        except DataError as error:
            output.warn(f"Line {number}: {error}")
            item = {"prediction": ""}
        print(line(item), flush=True)


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
