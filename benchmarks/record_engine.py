"""Put the engine's figures on record: benchmarks/engine.json, and the docs and READMEs made from it.

    python benchmarks/record_engine.py                  # everything this processor has kernels for
    python benchmarks/record_engine.py layers ladder    # these parts

Each part is one of the commands below, run in a process of its own, and is on record as soon as it ends; a command that
fails, as where results differ from torch's, is not recorded. The machine should have nothing else to do. `train` needs
the data sets of its recipes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import docs
import engine_tables
from rekur import engine
from rekur.errors import RekurError, RequestError, nearest
from rekur.storage import to_json, write_whole

_WIDE = "--threads 1 --shapes 64x200x100x300,64x200x128x256,256x100x256x256,128x400x128x512"  # where products decide
PARTS = {
    "layers": "rekur bench layers --padded",
    "medium": f"rekur bench layers --padded --precision medium {_WIDE}",
    "high": f"rekur bench layers --padded --precision high {_WIDE}",
    "lengths": "rekur bench layers --lengths --threads 1 --cells gru",
    "memory": "rekur bench layers --memory --threads 1 --cells gru",
    "infer": "rekur bench infer",
    "train": "rekur bench train --batches 30",
    "ladder": "python benchmarks/ladder.py",
}
ONLY_WITH_TILES = ("high",)  # elsewhere it is `highest`


def chosen(names: Sequence[str]) -> Sequence[str]:
    """Return the parts asked for; without any, those that this processor has kernels for.

    Raises RequestError for a part that is not known.
    """
    for name in names:
        if name not in PARTS:
            raise RequestError(f"No part is called `{name}`. {nearest(name, PARTS)}")
    return names or [name for name in PARTS if "amx" in engine.SETS or name not in ONLY_WITH_TILES]


def record(name: str) -> None:
    """Run the command of one part and write what it found; raises RekurError where the command fails."""
    found = measured(PARTS[name])
    entry = {"date": date.today().isoformat(), "command": PARTS[name], "found": found}
    text = to_json(dict(sorted({**engine_tables.recorded(), name: entry}.items())), indent=1) + "\n"
    write_whole(engine_tables.RECORD, text)


def measured(command: str) -> Any:
    """Return the JSON that a command prints; its progress goes where this one's does."""
    program, *words = shlex.split(command)
    line = [str(Path(sys.executable).with_name(program)), *words, "--json"]
    ran = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False, cwd=docs.ROOT)
    if ran.returncode:
        raise RekurError(f"`{command}` ended with code {ran.returncode}: nothing is recorded.")
    return json.loads(ran.stdout)


def main() -> None:
    """Record the parts, and write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for name in chosen(parser.parse_args().parts):
        print(f"{name}: {PARTS[name]}", file=sys.stderr, flush=True)
        record(name)
    docs.main()


if __name__ == "__main__":
    try:
        main()
    except RekurError as error:
        sys.exit(str(error))
