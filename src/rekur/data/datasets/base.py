"""What a data set states about itself, and where its files are looked for."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import platformdirs
import polars as pl

from rekur.errors import DataError, nearest

Canonical: TypeAlias = Callable[[bytes], bytes]

EMBEDDED = Path(__file__).parent.parent / "embedded"


@dataclass(frozen=True)
class File:
    """One file of a data set. Size and checksum are of its content, unpacked: any packing of it will do."""

    name: str  # within the folder named after the set
    bytes: int  # of the content
    sha256: str  # of the content
    url: str = ""  # the publisher's address; "": shipped inside the package
    transfer: int = 0  # bytes to fetch from there
    published: str = ""  # "md5:..." of what stands there, when that is not the content itself
    by_hand: str = ""  # where a copy may be had, of a file that is neither shipped nor at an address to fetch
    canonical: Canonical = lambda content: content  # the form of the content that the checksum is of

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class DataSet:
    """A data set: what it is, whose it is, and the files it is made of."""

    name: str  # also the name of its folder
    title: str
    licence: str
    source: str
    citation: str
    files: tuple[File, ...] = ()
    publish: Callable[[File, Path], None] | None = None  # brings a file from the publisher to a path

    def __str__(self) -> str:
        return self.name

    def file(self, name: str) -> File:
        """Return the file called `name`."""
        for file in self.files:
            if file.name == name:
                return file
        raise DataError(f"{self.name} has no file `{name}`. {nearest(name, (f.name for f in self.files))}")


def cache_folder() -> Path:
    """Return the user's own folder of downloaded data."""
    return platformdirs.user_cache_path("rekur", appauthor=False) / "data"


def find(dataset: DataSet, name: str, data_dir: Path | None = None) -> Path | None:
    """Return the path of a file that is already on this machine, or None; see `locate` for the order."""
    for folder in _folders(data_dir):
        path = folder / dataset.name / name
        if path.is_file():
            return path
    return None


def to_fetch(dataset: DataSet, data_dir: Path | None = None) -> int:
    """Return how many bytes the files of `dataset` that are nowhere on this machine take to fetch."""
    absent = [file for file in dataset.files if find(dataset, file.name, data_dir) is None]
    return sum({file.url: file.transfer for file in absent}.values())  # parts of an archive share its address


def locate(dataset: DataSet, name: str, data_dir: Path | None = None) -> Path:
    """Return the path of a file of `dataset`, fetching it when it is nowhere.

    The order: `data_dir`, or else the folder the environment's REKUR_DATA names; the user's cache; the copies
    embedded in the package; the publisher's address, from where it goes into the cache.

    Args:
        dataset: the set.
        name: one of its files' names.
        data_dir: the folder `--data` names; it holds one folder a set.

    Raises:
        DataError: the folder does not exist, or the file is nowhere and cannot be fetched.
    """
    file = dataset.file(name)
    found = find(dataset, name, data_dir)
    if found is not None:
        return found
    target = cache_folder() / dataset.name / name
    if dataset.publish is None or not file.url:
        where = f" ({file.by_hand})" if file.by_hand else ""
        raise DataError(f"{dataset.title}: {name} is missing, and rekur cannot fetch it{where}. Put it at {target}.")
    dataset.publish(file, target)
    verify(dataset, name, target)
    return target


def verify(dataset: DataSet, name: str, path: Path) -> None:
    """Raise DataError unless `path` has exactly the content that file `name` of `dataset` should have."""
    check(dataset.file(name), unpack(path), path)


def check(file: File, content: bytes, path: Path) -> None:
    """Raise DataError unless `content`, read from `path`, is exactly what `file` should hold."""
    if len(content) != file.bytes:
        raise damaged(path, f"{file.bytes:,} bytes of content", f"{len(content):,}")
    checksum = hashlib.sha256(file.canonical(content)).hexdigest()
    if checksum != file.sha256:
        raise damaged(path, f"sha256 {file.sha256} of its content", checksum)


def read(dataset: DataSet, name: str, data_dir: Path | None = None) -> bytes:
    """Return the content of a file, unpacked; raise DataError unless it is exactly what it should be."""
    path = locate(dataset, name, data_dir)
    content = unpack(path)
    check(dataset.file(name), content, path)
    return content


def unpack(path: Path) -> bytes:
    """Return the content of a file: unpacked if .gz or .xz; of a .parquet its texts, one a line.

    Raises DataError when it is damaged.
    """
    try:
        return _UNPACK.get(path.suffix, bytes)(path.read_bytes())
    except (OSError, EOFError, lzma.LZMAError, zlib.error, pl.exceptions.PolarsError) as error:
        raise damaged(path, f"a whole {path.suffix} file", str(error) or type(error).__name__) from None


def _texts(packed: bytes) -> bytes:
    return "\n".join(pl.read_parquet(packed, columns=["text"])["text"]).encode()


_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".parquet": _texts,
}


def damaged(path: Path, expected: str, got: str) -> DataError:
    """Say that a file of a data set is not what it should be, and what to do."""
    return DataError(
        f"{path} is damaged: expected {expected}; got {got}. Delete it and run "
        f"`rekur data get {path.parent.name}`, or put a good copy in its place."
    )


def _folders(data_dir: Path | None) -> Iterator[Path]:
    given, who = (data_dir, "--data") if data_dir else (os.environ.get("REKUR_DATA"), "REKUR_DATA")
    if given:
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(f"{who} names {folder}, which is no folder. Name one that holds a folder a set.")
        yield folder
    yield cache_folder()
    yield EMBEDDED
