"""From what a publisher offers to the files rekur reads."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl

from rekur.data import fetch
from rekur.data.datasets.base import File
from rekur.errors import DataError
from rekur.storage import write_whole

LONGEST_REVIEW = 1 << 20  # bytes; the longest is 13,704
_REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos|unsup)/(\d{1,6})_(\d{1,2})\.txt")
_PACK = {".xz": partial(lzma.compress, preset=1), ".gz": partial(gzip.compress, mtime=0)}
_LABELS = {"neg": 0, "pos": 1, "unsup": -1}
_SCHEMA = {"split": pl.String, "label": pl.Int8, "rating": pl.Int8, "id": pl.Int32, "text": pl.String}


def fetch_file(file: File, target: Path) -> None:
    """Fetch a file that is published as it is, or unpacked where we keep it as .xz or .gz."""
    arrived = _arrive(file, target)
    if arrived != target:
        write_whole(target, _PACK[target.suffix](arrived.read_bytes()), fetch.saving)
        arrived.unlink()


def fetch_imdb(file: File, target: Path) -> None:
    """Fetch the archive of reviews and make the parquet files of its three parts, `target` among them."""
    archive = _arrive(file, target)
    parts = read_reviews(archive)
    for part, frame in parts.items():
        packed = io.BytesIO()
        frame.write_parquet(packed, compression="zstd")
        write_whole(target.with_name(f"imdb_{part}.parquet"), packed.getvalue(), fetch.saving)
    archive.unlink()


def read_reviews(archive: Path) -> dict[str, pl.DataFrame]:
    """Read the reviews out of the archive, without writing any of its members to disk.

    Returns:
        a table for each part (train, test, unsup): split, label (0, 1, -1), rating (0: not given), id, text;
        sorted by label and id.

    Raises:
        DataError: it is no archive, is damaged, or holds a review that cannot be one.
    """
    rows: dict[str, list[tuple[str, int, int, int, str]]] = {"train": [], "test": [], "unsup": []}
    try:
        for split, kind, number, rating, text in _members(archive):
            part = "unsup" if kind == "unsup" else split
            rows[part].append((part, _LABELS[kind], int(rating), int(number), text))
    except (tarfile.TarError, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{archive} is damaged: {error}. Delete it and run this again.") from None
    frames = {part: pl.DataFrame(found, schema=_SCHEMA, orient="row") for part, found in rows.items()}
    return {part: frame.sort("label", "id") for part, frame in frames.items()}


def _members(archive: Path) -> Iterator[tuple[str, str, str, str, str]]:
    with tarfile.open(archive, mode="r:gz") as tar:
        for member in tar:
            name = _REVIEW.fullmatch(member.name)
            if name is None or not member.isreg():
                continue
            if member.size > LONGEST_REVIEW:
                raise tarfile.TarError(f"{member.name} has {member.size:,} bytes, which no review has")
            content = tar.extractfile(member)
            assert content is not None  # a regular file has content
            split, kind, number, rating = name.groups()
            yield split, kind, number, rating, content.read().decode("utf-8")


def _arrive(file: File, target: Path) -> Path:
    """Return the publisher's own file, fetched beside `target` unless it is there."""
    arrived = target.with_name(file.url.rpartition("/")[2])
    advice = (
        f"Without a network: get that file elsewhere and put it at {arrived}, or name a folder that holds "
        f"{target.parents[file.name.count('/')].name}/{file.name} with --data or REKUR_DATA."
    )
    return fetch.download(file.url, arrived, file.published or f"sha256:{file.sha256}", advice)
