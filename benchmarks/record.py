"""Put finished runs on record: src/rekur/recipes/measured.json, and the docs made from it.

    python benchmarks/record.py runs/imdb-gru-1 runs/mnist-bilstm-1

A run counts only if it is its recipe as shipped, with no --set and no --epochs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import docs
from rekur import config, shelf
from rekur.errors import RekurError, RequestError
from rekur.runs import Run
from rekur.storage import to_json, write_whole

RECORD = docs.ROOT / "src" / "rekur" / "recipes" / "measured.json"


def record(paths: Sequence[str]) -> None:
    """Add the runs at `paths` to the record; raises RequestError for a run that is not its recipe."""
    figures = shelf.measured()
    for path in paths:
        run = Run.open(path)
        found = config.parse(run.config_text(), path)
        name = found.recipe.name
        if not shelf.as_shipped(found):
            raise RequestError(f"{path} is not the recipe `{name}` as shipped: run it without --set and --epochs.")
        figures[name] = json.loads(to_json(shelf.record(run)))
    text = to_json(dict(sorted(figures.items())), indent=2) + "\n"
    write_whole(RECORD, text)


if __name__ == "__main__":
    try:
        record(sys.argv[1:])
    except RekurError as error:
        sys.exit(str(error))
    docs.main()
