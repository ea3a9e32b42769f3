"""The run folder: the only way results pass from training to everything after it.

`docs/run-folder.md` describes every file. Nothing here is ever loaded by pickle, and a file is written whole
or not at all: to a temporary file beside it, flushed to the disk, then renamed over the old one.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import itertools
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from numpy.typing import NDArray

from rekur.errors import RefusedModelError, RequestError, in_a_line
from rekur.storage import (
    SCHEMA,
    Arrays,
    check_plain,
    check_schema,
    explained,
    locked,
    pack,
    read_text,
    to_json,
    unpack,
    write_whole,
)
from rekur.wording import listed

if TYPE_CHECKING:
    import polars as pl  # where tables are read or written, and there alone: not every prediction has one

__all__ = ["SCHEMA", "Run", "free_place", "to_json", "write_whole"]

HALF_WRITTEN = ".*.tmp"  # what write_whole renames, or a kill leaves
SEVERAL = "repeats.json"  # in a folder that holds the runs of one fit: its folds, its seeds
RESERVED = ("metrics.json", "extra.json")  # the JSON files that are not part of a model


@dataclass(frozen=True)
class Run:
    """One training run on disk; make one with `Run.create` or `Run.open`."""

    path: Path

    @classmethod
    def create(cls, path: Path | str, config_toml: str, **about: Any) -> Run:
        """Make a run folder at `path`, which must be free or an empty folder; raises RequestError if not.

        `config_toml` is the whole recipe; `about` (seed, threads, device ...) joins it as the table `[run]`.
        """
        run = cls(Path(path))
        with explained(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
        values = tomllib.loads(config_toml)
        values["run"] = {"schema": SCHEMA, **_without_none(about)}
        with run.alone():
            if any(not entry.match(HALF_WRITTEN) for entry in run.path.iterdir()):
                raise RequestError(
                    f"The folder {run.path} is not empty, and a run never overwrites anything. "
                    f"Give another --out, or continue that run with `rekur run --resume {run.path}`."
                )
            run.sweep()  # of a process killed in this very place: without config.toml it cannot be resumed
            run._write("config.toml", tomli_w.dumps(values))
        return run

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open the run folder at `path`; raises RequestError if none is there, RefusedModelError if bad."""
        run = cls(Path(path))
        if not run.path.is_dir():
            raise RequestError(f"There is no run folder at {run.path}. `rekur fit FILE` and `rekur run NAME` make one.")
        if not any((run.path / name).exists() for name in ("config.toml", "metrics.json", "last")):
            inside = sorted(place.parent.name for place in run.path.glob("*/config.toml"))
            several = (run.path / SEVERAL).exists()
            more = f". What is unfinished goes on with `rekur fit --resume {run.path}`" if several else ""
            raise RequestError(
                f"{run.path} holds several runs: {listed(inside)}. Name one of them: {run.path / inside[0]}{more}"
                if inside
                else f"{run.path} is a folder, but no run is in it. Name the folder that `rekur run` printed."
            )
        schema = run.about().get("schema")
        if type(schema) is not int or schema < 1:
            raise run._damaged("config.toml", "it names no schema in [run]")
        check_schema(schema, run.path)
        return run

    # settings

    def config_text(self) -> str:
        """Return the recipe as TOML, without the table `[run]`: `rekur.config.parse` takes it."""
        values = self.settings()
        values.pop("run", None)
        try:
            return tomli_w.dumps(values)
        except (RecursionError, ValueError) as error:  # names in names without end, a number of thousands of digits
            raise self._damaged("config.toml", error) from None

    def about(self) -> dict[str, Any]:
        """Return the table `[run]`: schema, seed, threads, device, rekur."""
        about = self.settings().get("run", {})
        return about if isinstance(about, dict) else {}

    def update_about(self, **about: Any) -> None:
        """Add to the table `[run]` what became known after the folder was made, as the thread count."""
        values = self.settings()
        values["run"] = {**values.get("run", {}), **_without_none(about)}
        self._write("config.toml", tomli_w.dumps(values))

    def settings(self) -> dict[str, Any]:
        """Return all of config.toml, the table `[run]` among it."""
        return self._parsed("config.toml", self._read("config.toml"), lambda text: copy.deepcopy(_toml(text)))

    # history

    def history(self) -> list[dict[str, Any]]:
        """Return one object an epoch, oldest first; a line torn by a power cut is left out."""
        path = self.path / "history.jsonl"
        lines = self._read(path.name).encode().split(b"\n")[:-1] if path.exists() else []
        return [self._parsed(path.name, line, json.loads) for line in lines]

    def append_history(self, entry: Mapping[str, Any]) -> None:
        """Add one epoch's object."""
        with explained(self.path), (self.path / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(to_json(entry) + "\n")

    def write_history(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Replace the whole history, as a resumed run does."""
        self._write("history.jsonl", "".join(to_json(entry) + "\n" for entry in entries))

    # results

    def finished(self) -> bool:
        """Say whether the run came to its end."""
        return (self.path / "metrics.json").exists()

    def metrics(self) -> dict[str, Any]:
        """Return the object of `rekur run --json`; raises RequestError while the run is unfinished."""
        if not self.finished():
            raise RequestError(
                f"The run {self.path} is not finished. Continue it with `rekur run --resume {self.path}`."
            )
        return self._read_json("metrics.json")

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json; a number that is not finite becomes null."""
        self._write("metrics.json", to_json(metrics, indent=2) + "\n")

    def extra(self) -> dict[str, Any]:
        """Return what the task left for the report: class names, samples; {} if nothing."""
        return self._read_json("extra.json") if (self.path / "extra.json").exists() else {}

    def write_extra(self, extra: Mapping[str, Any]) -> None:
        """Write extra.json."""
        self._write("extra.json", to_json(extra, indent=2) + "\n")

    def predictions(self) -> pl.DataFrame:
        """Return the test items: id, truth, prediction, and probabilities or quantiles."""
        return self._read_parquet("predictions.parquet")

    def write_predictions(self, frame: pl.DataFrame) -> None:
        """Write predictions.parquet."""
        self._write("predictions.parquet", _parquet(frame))

    def tables(self) -> list[str]:
        """Return the names of the further tables, in alphabetical order."""
        return sorted(path.stem for path in (self.path / "tables").glob("*.parquet"))

    def table(self, name: str) -> pl.DataFrame:
        """Return the further table `name`."""
        return self._read_parquet(f"tables/{name}.parquet")

    def write_table(self, name: str, frame: pl.DataFrame) -> None:
        """Write tables/<name>.parquet."""
        with explained(self.path):
            (self.path / "tables").mkdir(exist_ok=True)
        self._write(f"tables/{name}.parquet", _parquet(frame))

    # the model

    def save_model(self, weights: Mapping[str, NDArray[Any]], task: str = "") -> None:
        """Write model.safetensors, its schema and task in the metadata."""
        self._write("model.safetensors", pack(weights, task=task))

    def load_model(self, most: int | None = None) -> Arrays:
        """Return the weights by name; raises RefusedModelError if the file is damaged, newer or above `most` bytes."""
        return unpack(self.path / "model.safetensors", most)[0]

    def files(self) -> dict[str, str]:
        """Return the JSON files a prediction needs beside the weights: name -> text."""
        paths = sorted(self.path.glob("*.json"))
        return {path.name: self._read(path.name) for path in paths if path.name not in RESERVED}

    def write_files(self, files: Mapping[str, str]) -> None:
        """Write the files a prediction needs; each name ends in .json."""
        for name, text in files.items():
            if name in RESERVED or not re.fullmatch(r"\w[\w-]*\.json", name):
                raise ValueError(f"a model's file is called <word>.json, none of {RESERVED}; got {name!r}")
            self._write(name, text)

    # places

    @property
    def report_path(self) -> Path:
        """Where the report goes."""
        return self.path / "report.html"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.path / "plots"

    @property
    def last_dir(self) -> Path:
        """The folder of the checkpoint."""
        return self.path / "last"

    def sweep(self) -> None:
        """Remove what a killed process left half-written; only whoever has the run alone may call this."""
        for path in (*self.path.glob(HALF_WRITTEN), *self.path.glob(f"*/{HALF_WRITTEN}")):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of the folder for the block; raises RequestError if one is in it.

        The lock is the system's, on the folder itself: it ends with the process, even one that is killed.
        """
        with locked(self.path) as free:
            if not free:
                raise RequestError(
                    f"Another process is at work in {self.path}. Wait for its end, or stop it, then try again."
                )
            yield

    def _write(self, name: str, content: str | bytes) -> None:
        write_whole(self.path / name, content)

    def _read(self, name: str) -> str:
        try:
            return read_text(self.path / name)
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged(name, error) from None

    def _read_json(self, name: str) -> dict[str, Any]:
        return self._parsed(name, self._read(name), json.loads)

    def _read_parquet(self, name: str) -> pl.DataFrame:
        import polars as pl

        try:
            check_plain(self.path / name)
            return pl.read_parquet(self.path / name)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._damaged(name, error) from None

    def _parsed(self, name: str, text: str | bytes, parse: Callable[[Any], Any]) -> dict[str, Any]:
        try:
            value = parse(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(name, error) from None
        if not isinstance(value, dict):
            raise self._damaged(name, f"it must hold an object; got {type(value).__name__}")
        return value

    def _damaged(self, name: str, why: object) -> RefusedModelError:
        return RefusedModelError(f"The run folder {self.path} is damaged: {name} cannot be read ({in_a_line(why)}).")


def free_place(name: str, root: Path | str = "runs") -> Path:
    """Make the first folder of <root>/<name>-1, <name>-2 ... that does not exist yet, and return it."""
    clean = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "run"
    for number in itertools.count(1):
        place = Path(root) / f"{clean}-{number}"
        with explained(place), contextlib.suppress(FileExistsError):  # another process may be as quick
            place.mkdir(parents=True)
            break
    return place


@functools.lru_cache(maxsize=1)
def _toml(text: str) -> dict[str, Any]:
    """Return what the text says: to open a run reads its settings several times. Copy before changing it."""
    return tomllib.loads(text)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}  # TOML has no null


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
