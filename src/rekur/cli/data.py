"""`rekur data`: the data sets, where they are, and fetching them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Data, Json
from rekur.errors import DataError

if TYPE_CHECKING:
    from rekur.data.datasets import DataSet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _data() -> None:
    """List the data sets, or fetch one.

    Example: rekur data list
    """


@app.command("list")
def show(data: Data = None, as_json: Json = False) -> None:
    """List the data sets, with licence and place.

    Example: rekur data list
    """
    from rekur.data.datasets import DATASETS

    found = [describe(dataset, data) for dataset in DATASETS.values()]
    if as_json:
        output.emit({"datasets": found})
        return
    columns = ("name", "title", "licence", "where")
    output.table(columns, [[entry[column] for column in columns] for entry in found])


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A set of `rekur data list`.", metavar="NAME")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch a data set and print where its files are.

    Nothing is fetched that is here already. A download that broke off goes on where it stopped.

    Example: rekur data get imdb
    """
    from rekur.data.datasets import find, locate, named

    dataset = named(name)
    paths = []
    for file in dataset.files:
        try:
            paths.append(locate(dataset, file.name, data))
        except DataError as missing:
            if not (file.by_hand and any(find(dataset, other.name, data) for other in dataset.files)):
                raise
            output.warn(str(missing))
    if as_json:
        output.emit({"name": dataset.name, "files": [str(path) for path in paths]})
        return
    output.say("\n".join(str(path) for path in paths) or f"{dataset.title}: nothing to fetch, {dataset.source}.")


@app.command()
def examples(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")] = Path("examples"),
    as_json: Json = False,
) -> None:
    """Write small made-up files of every kind that `rekur fit` reads, to try it on.

    Example: rekur data examples
    """
    from rekur.data import examples as made

    names = made.write(folder)
    if as_json:
        output.emit({"files": [str(folder / name) for name in names]})
    else:
        output.say("\n".join(str(folder / name) for name in names))


def describe(dataset: DataSet, data_dir: Path | None) -> dict[str, Any]:
    """Return what is known of a set and where its files are; ``where`` is for people."""
    from rekur.data.datasets import find, to_fetch

    paths = {file.name: find(dataset, file.name, data_dir) for file in dataset.files}
    absent = to_fetch(dataset, data_dir)
    folders = sorted({str(path.parent) for path in paths.values() if path})
    return {
        "name": dataset.name,
        "title": dataset.title,
        "licence": dataset.licence,
        "source": dataset.source,
        "citation": dataset.citation,
        "files": {name: str(path) if path else None for name, path in paths.items()},
        "where": ", ".join([*folders, *([f"{absent / 1e6:.0f} MB to fetch"] if absent else [])]) or "in a library",
    }
