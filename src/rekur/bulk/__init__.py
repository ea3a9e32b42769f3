"""A file of inputs to a file of predictions, batch after batch: `rekur predict RUN FILE --out PREDICTIONS`.

Every batch becomes a part, written whole, in a folder beside the file to come; at the end the parts become that file,
whole or not at all. A command that was killed is given again and goes on behind the last part.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rekur.bulk import pieces
from rekur.data import sources
from rekur.errors import DataError, Interrupted, RekurError, RequestError
from rekur.predict import Predictor
from rekur.storage import FULL, check_free, locked, write_whole

FORMS = (".parquet", ".csv", ".jsonl")
TELL = 2.0  # seconds between two words of progress


@dataclass(frozen=True)
class Written:
    """What came of it."""

    out: Path
    rows: int
    unread: int  # rows the model cannot read; their prediction is empty
    taken_over: int  # rows predicted by an earlier command that did not come to its end
    seconds: float  # of this one

    @property
    def rate(self) -> float:
        """Rows predicted a second."""
        return (self.rows - self.taken_over) / self.seconds if self.seconds else 0.0


def write(predictor: Predictor, source: Path, out: Path, tell: Callable[[str], None]) -> Written:
    """Predict every row of `source` into the new file `out`, its own columns beside the predictions.

    Args:
        predictor: the model.
        source: a table, a .npy file of images or strips, a file of columns (tags), a folder of pictures.
        out: .parquet, .csv or .jsonl, not there yet.
        tell: given words of progress.

    Raises RequestError for a place that is taken, DataError for inputs that are none, Interrupted, and RekurError for a
    full disk; what was predicted by then is kept.
    """
    if out.suffix.lower() not in FORMS:
        raise RequestError(f"--out must end in {', '.join(FORMS)}; got {out.name}.")
    check_free(out)
    parts = out.with_name(f".{out.name}.parts")
    with _kept(parts):
        parts.mkdir(parents=True, exist_ok=True)
        with locked(parts) as free:
            if not free:
                raise RequestError(f"Another process is writing {out}. Wait for its end, or name another --out.")
            try:
                return _written(predictor, source, out, parts, tell)
            except (DataError, RequestError):
                if not any(parts.glob("*.parquet")):
                    shutil.rmtree(parts)
                raise


def _written(predictor: Predictor, source: Path, out: Path, parts: Path, tell: Callable[[str], None]) -> Written:
    before = _taken_over(predictor, source, parts, tell)
    began = told = time.monotonic()
    old = new = 0
    paths = []
    for place, (kept, inputs) in enumerate(pieces.of(source, predictor)):
        if place == 0:
            _check_form(kept, out)
        paths.append(parts / f"{place:06}.parquet")
        if place < before:
            old += len(kept)
            continue
        write_whole(paths[-1], _part(kept, _answers(predictor, inputs, place == 0)), explain=_plain)
        new += len(kept)
        if time.monotonic() - told > TELL:
            told = time.monotonic()
            tell(f"{old + new:,} rows, {new / (told - began):,.0f} a second")
    if not paths:
        raise DataError(f"{source} has no rows; expected at least one to predict.")
    whole = pl.concat([pl.scan_parquet(path) for path in paths], how="diagonal_relaxed")  # a part may have no answer
    unread = int(whole.select(pl.col("prediction").null_count()).collect().item())
    _join(whole, paths, parts, out)
    return Written(out, old + new, unread, old, time.monotonic() - began)


def _answers(predictor: Predictor, inputs: Sequence[Any], first: bool) -> list[dict[str, Any] | None]:
    """Predict inputs; None for one the model cannot read. Where the first batch has no other, its fault is raised."""
    faults: list[DataError] = []

    def asked(some: Sequence[Any]) -> list[dict[str, Any] | None]:
        if not some:
            return []
        try:
            return list(predictor.predict(some))
        except DataError as error:
            if len(some) == 1:
                faults.append(error)
                return [None]
            half = len(some) // 2
            return asked(some[:half]) + asked(some[half:])

    given = [place for place, item in enumerate(inputs) if item is not None]
    found: list[dict[str, Any] | None] = [None] * len(inputs)
    for place, answer in zip(given, asked([inputs[place] for place in given]), strict=True):
        found[place] = answer
    if first and faults and len(faults) == len(given):
        raise faults[0]
    return found


def _part(kept: pl.DataFrame, answers: Sequence[dict[str, Any] | None]) -> bytes:
    """Return the rows with their predictions as the bytes of a .parquet file."""
    said = predictions(answers)
    if both := set(kept.columns) & set(said.columns):
        raise DataError(f"The file has a column `{min(both)}` already, where the predictions go. Rename it.")
    buffer = io.BytesIO()
    pl.concat([kept, said], how="horizontal").write_parquet(buffer)
    return buffer.getvalue()


def predictions(answers: Sequence[dict[str, Any] | None]) -> pl.DataFrame:
    """Return predictions as columns: `prediction`, and `probability_<class>`, `probability` or `log_probability`."""
    known = next((answer for answer in answers if answer is not None), {"prediction": None})
    found: dict[str, list[Any]] = {"prediction": [answer and answer["prediction"] for answer in answers]}
    sure = known.get("probability")
    if isinstance(sure, dict):
        for name in sure:
            found[f"probability_{name}"] = [answer and answer["probability"][name] for answer in answers]
    for key in ("probability", "log_probability"):
        if key in known and not isinstance(known[key], dict):
            found[key] = [answer and answer[key] for answer in answers]
    return pl.DataFrame(found, strict=False)


def _taken_over(predictor: Predictor, source: Path, parts: Path, tell: Callable[[str], None]) -> int:
    """Return how many parts an earlier command left; those of another model or of another file are removed."""
    same: dict[str, Any] = {
        "source": str(source.resolve()),
        "state": _state(source),
        "batch": [pieces.size_of(predictor), sources.BYTES],
    }
    model = (predictor.run.path / "model.safetensors").stat()
    same |= {"model": str(predictor.run.path.resolve()), "trained": model.st_mtime_ns}
    note = parts / "about.json"
    with contextlib.suppress(OSError, ValueError):
        if json.loads(note.read_text(encoding="utf-8")) == same:
            count = 0
            while (parts / f"{count:06}.parquet").exists():
                count += 1
            if count:
                tell(f"Going on behind {count:,} parts that are written already.")
            return count
        tell("What an earlier command left is of another model or file, and is not used.")
    for part in parts.iterdir():
        part.unlink()
    write_whole(note, json.dumps(same), explain=_plain)
    return 0


def _state(source: Path) -> str:
    """Return what tells a file, or the files of a folder, from what they were before.

    Hidden files are no input; the parts are among them, where --out lies in the folder.
    """
    found = hashlib.sha256()
    try:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            name = path.relative_to(source)
            if path.is_dir() or any(part.startswith(".") for part in name.parts):
                continue
            about = path.stat()
            found.update(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\n".encode(errors="surrogateescape"))
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}. Give the path of a file.") from None
    return found.hexdigest()


def _check_form(kept: pl.DataFrame, out: Path) -> None:
    """Raise DataError for a column that the form of `out` cannot hold."""
    fits = {".csv": _in_csv, ".jsonl": _in_jsonl}.get(out.suffix.lower(), lambda _: True)
    for name, kind in kept.schema.items():
        if not fits(kind):
            raise DataError(
                f"The column `{name}` holds {kind}, which a {out.suffix.lower()} file cannot. Name an --out that "
                "ends in .parquet, or leave the column out of the file."
            )


def _in_csv(kind: pl.DataType) -> bool:
    if isinstance(kind, pl.List):
        return not kind.inner.is_nested() and _in_csv(kind.inner)  # type: ignore[arg-type]
    return not kind.is_nested() and kind not in (pl.Binary, pl.Duration, pl.Object)


def _in_jsonl(kind: pl.DataType) -> bool:
    if isinstance(kind, pl.Struct):
        return all(_in_jsonl(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    if isinstance(kind, pl.List | pl.Array):
        return _in_jsonl(kind.inner)  # type: ignore[arg-type]
    return kind not in (pl.Binary, pl.Object)


def _join(whole: pl.LazyFrame, paths: list[Path], parts: Path, out: Path) -> None:
    """Make one file of the parts, in their order, and remove their folder; `whole` is all of them."""
    temporary = parts / "joined.tmp"  # a part may be called as the file is
    kind = out.suffix.lower()
    if kind == ".parquet":
        whole.sink_parquet(temporary)
    else:
        form = whole.collect_schema().to_frame()
        with temporary.open("wb") as file:
            for path in paths:
                frame = pl.concat([form, pl.read_parquet(path)], how="diagonal_relaxed")
                file.write(_lines(frame) if kind == ".jsonl" else _separated(frame, path == paths[0]))
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, out)
    shutil.rmtree(parts)


def _lines(frame: pl.DataFrame) -> bytes:
    return frame.write_ndjson().encode()


def _separated(frame: pl.DataFrame, head: bool) -> bytes:
    """Return rows as .csv; what is a list is joined by blanks."""
    lists = [name for name, kind in frame.schema.items() if kind == pl.List]
    joined = frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in lists)
    return joined.write_csv(include_header=head).encode()


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[None]:  # noqa: ARG001 - the form of `write_whole`
    """Leave the system's words to `_kept`."""
    yield


@contextlib.contextmanager
def _kept(parts: Path) -> Iterator[None]:
    """Say what to do where the work stops: what is predicted by then is kept in the parts."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. Give the same command again to go on; what is predicted is kept.") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        number = getattr(error, "errno", None)
        if number in FULL or "os error 28" in str(error) or "os error 27" in str(error):
            raise RekurError(
                f"No space to write {parts.parent}. What is predicted is kept: free some space, then give the same "
                "command again to go on."
            ) from None
        if isinstance(error, OSError):
            raise RequestError(f"Cannot write beside {parts}: {error.strerror or error}. Name another --out.") from None
        raise
