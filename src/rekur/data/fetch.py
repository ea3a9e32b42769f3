"""Downloads that continue where they broke off, show how far they are, and arrive whole or not at all."""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from rekur.errors import DataError, RekurError
from rekur.storage import FULL

PATIENCE = 4  # attempts in a row that bring no byte, before giving up
PAUSE = 1.0  # seconds before the next attempt after such a one
TIMEOUT = 30.0  # seconds without an answer
CHUNK = 1 << 16  # bytes


class _BrokenError(Exception):
    """The connection broke while it was read."""


class Bar(Protocol):
    """What shows the progress of one download."""

    def __call__(self, done: int, total: int | None) -> None: ...


def download(url: str, target: Path, known_hash: str, advice: str = "") -> Path:
    """Fetch `url` to `target`, unless the right file is there already.

    What has arrived is kept in `target` + ".part" and the next call asks only for the rest (HTTP Range).

    Args:
        url: the publisher's address, http or https.
        target: where the file is to be.
        known_hash: "sha256:..." or "md5:..." of the file.
        advice: what to do without a network, a sentence for the error.

    Returns:
        `target`.

    Raises:
        DataError: the publisher cannot be reached, has no such file, or sends another one than it should.
        RekurError: the disk is full or may not be written.
    """
    import pooch  # imports requests, which only a download needs

    pooch.get_logger().setLevel("ERROR")  # we say ourselves what is fetched
    with saving(target):
        target.parent.mkdir(parents=True, exist_ok=True)

    def fetch(url: str, output_file: str, _: Any) -> None:
        part = target.with_name(target.name + ".part")
        with _progress(f"Downloading {target.name}") as bar:
            _transfer(url, part, bar, advice)
        os.replace(part, output_file)

    try:
        pooch.retrieve(url, known_hash, fname=target.name, path=target.parent, downloader=fetch)
    except ValueError:
        raise DataError(
            f"{url} is not the file it should be: its checksum is not {known_hash}. It was deleted; "
            f"try again later. {advice}".rstrip()
        ) from None
    return target


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Say what to do when `path` cannot be written."""
    try:
        yield
    except OSError as error:
        cure = (
            "Free some space and run it again; it goes on where it stopped."
            if error.errno in FULL
            else "Set XDG_CACHE_HOME to a folder you may write to, or name a folder of data with --data."
        )
        raise RekurError(f"Cannot write {path}: {error.strerror or error}. {cure}") from None


def _transfer(url: str, part: Path, bar: Bar, advice: str) -> None:
    """Ask again for the missing rest until the file is whole or nothing comes any more."""
    failures, reason = 0, ""
    while failures < PATIENCE:
        before = _size(part)
        try:
            if _pull(url, part, bar):
                return
            reason = "the connection was cut"
        except urllib.error.HTTPError as error:
            if _already_whole(error, url, part, advice):
                return
            reason = f"the server answered {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, OSError, _BrokenError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        failures = 0 if _size(part) > before else failures + 1
        if 0 < failures < PATIENCE:
            time.sleep(PAUSE)
    raise DataError(f"{url} cannot be fetched: {reason}. {advice}".rstrip())


def _already_whole(error: urllib.error.HTTPError, url: str, part: Path, advice: str) -> bool:
    if error.code == 416:  # nothing behind what we have: it is whole, or belongs to another file
        if error.headers.get("Content-Range") == f"bytes */{_size(part)}":
            return True
        part.unlink(missing_ok=True)
    elif error.code < 500:
        raise DataError(f"{url} cannot be fetched: {error.code} {error.reason}. {advice}".rstrip()) from None
    return False


def _pull(url: str, part: Path, bar: Bar) -> bool:
    """Append to `part` what one connection brings; True when the file is whole."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity", "User-Agent": "rekur"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        if answer.status != 206:  # the server sends the whole file, whatever was asked
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with saving(part), part.open("ab" if have else "wb") as file:
            while chunk := _receive(answer):
                file.write(chunk)
                have += len(chunk)
                bar(have, total)
            file.flush()
            os.fsync(file.fileno())
    return total is None or have >= total


def _receive(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(CHUNK)
    except (http.client.HTTPException, OSError) as error:
        # Under another name, so that it is not taken for a disk that cannot be written.
        raise _BrokenError(str(error) or type(error).__name__) from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _no_bar(done: int, total: int | None) -> None:
    """Show nothing."""


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Bar]:
    """Show a bar on standard error, or one plain line when that is no terminal."""
    if not sys.stderr.isatty():
        print(what, file=sys.stderr, flush=True)
        yield _no_bar
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
