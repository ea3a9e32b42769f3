"""The options several commands share, so that each means the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunFolder = Annotated[Path, typer.Argument(help="The folder of a finished run.", metavar="RUN")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the data sets; also taken from REKUR_DATA.",
        metavar="DIR",
        exists=True,
        file_okay=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
