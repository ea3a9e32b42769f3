"""`rekur forecast`: what comes behind the end of each series, with its quantiles."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rekur.cli import output
from rekur.cli.options import Json, RunFolder
from rekur.errors import RequestError
from rekur.wording import counted

if TYPE_CHECKING:
    import polars as pl

SHOWN = 20  # rows that are printed where no file is named


def forecast(
    run: RunFolder,
    history: Annotated[
        Path | None,
        typer.Option(
            help="A table as the one it was trained on, with newer values; by default the end of its training file. "
            "What is known ahead stands in further rows whose target is empty.",
            metavar="FILE",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the table goes, a new file: .csv, .parquet or .jsonl.", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast the steps behind the end of each series: unique_id, ds, forecast, and the quantiles q05 to q95.

    The quantiles are those the run calibrated on its validation part.

    Example: rekur forecast runs/temperatures-1 --history now.csv --out next.csv
    """
    from rekur import predict
    from rekur.data.sources import MEGABYTE, Source
    from rekur.storage import check_free, explained, write_whole

    predictor = predict.load(run)
    if out is not None:
        if out.suffix.lower() not in WRITERS:
            raise RequestError(f"--out must end in {', '.join(WRITERS)}; got {out}.")
        check_free(out)
    memory = getattr(predictor.task.data, "memory", 1) * MEGABYTE
    given = Source(history, memory) if history is not None else None
    found = predictor.forecast(given)
    if out is not None:
        again = partial(explained, then="give the same command again")
        write_whole(out, WRITERS[out.suffix.lower()](found), again)
    if as_json:
        rows = written(found).to_dicts()
        output.emit({"run": str(run), "recipe": predictor.config.recipe.name, "forecasts": rows})
    elif out is not None:
        output.say(f"{counted(len(found), 'row')} of {found['unique_id'].n_unique():,} series in {out}")
    else:
        _show(found)


def _show(found: pl.DataFrame) -> None:
    rows = [
        [f"{value:.5g}" if isinstance(value, float) else str(value) for value in row] for row in written(found).rows()
    ]
    output.table(found.columns, rows[:SHOWN])
    if len(rows) > SHOWN:
        output.say(f"... and {counted(len(rows) - SHOWN, 'row')} more; --out FILE writes them all.")


def written(found: pl.DataFrame) -> pl.DataFrame:
    """Return the table with its times as words: 2024-03-31, or 2024-03-31 18:00:00."""
    kind = found["ds"].dtype
    if not kind.is_temporal():
        return found
    clock = "" if str(kind) == "Date" else " %H:%M:%S"
    return found.with_columns(found["ds"].dt.to_string("%Y-%m-%d" + clock))


def _csv(found: pl.DataFrame) -> bytes:
    return written(found).write_csv().encode()


def _parquet(found: pl.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    found.write_parquet(buffer)
    return buffer.getvalue()


def _jsonl(found: pl.DataFrame) -> bytes:
    return written(found).write_ndjson().encode()


WRITERS = {".csv": _csv, ".parquet": _parquet, ".jsonl": _jsonl}
