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
Out = Annotated[
    Path | None,
    typer.Option(help="The run folder: new or empty. Default: a free place in ./runs.", metavar="DIR"),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Same seed, machine and threads: same bits. Default: 1.", metavar="N", min=0, max=2**32 - 1),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps. Default: auto, the CPU.", metavar="NAME")]
Threads = Annotated[int | None, typer.Option(help="Threads. Default: a short calibration.", metavar="N", min=1)]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting; may be repeated.", metavar="KEY=VALUE"),
]
