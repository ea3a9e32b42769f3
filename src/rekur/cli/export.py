"""`rekur export`: a trained model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rekur.cli import output
from rekur.cli.options import Json, RunFolder
from rekur.errors import RequestError


def export(
    run: RunFolder,
    onnx: Annotated[bool, typer.Option("--onnx", help="As an ONNX graph, which onnxruntime and others run.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="A new or empty folder. Default: `onnx` inside the run.", metavar="DIR")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a finished run as files that run without rekur.

    The folder holds the graphs, vocabulary or scaler, preprocessing.json, which says how an input is read and an output
    understood, a README with the lines of Python that run this model, and the model card. Where onnxruntime is
    installed, both must compute the same.

    Example: rekur export runs/nsmc-sample-1 --onnx
    """
    if not onnx:
        raise RequestError("Name what the model shall be written as: --onnx, the only form there is.")
    from rekur import export as exports

    found = exports.onnx(run, out)
    if as_json:
        output.emit(found.as_json())
        return
    output.say(f"{found.folder}: {', '.join(found.files)}")
    if found.difference is None:
        output.say("onnxruntime is not here to compare with.")
    else:
        output.say(f"onnxruntime and rekur agree: largest difference {found.difference:.1g} on drawn inputs.")
