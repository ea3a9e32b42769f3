"""Bringing a file from its publisher into the user's cache."""

from __future__ import annotations

from pathlib import Path

from rekur.data.datasets.base import File
from rekur.errors import DataError


def fetch_file(file: File, target: Path) -> None:
    """Fetch `file` to `target`."""
    raise DataError(f"{file} is missing. Download {file.url} and put it at {target}.")


def fetch_imdb(file: File, target: Path) -> None:
    """Fetch `file` to `target`."""
    raise DataError(f"{file} is missing. Download {file.url} and put it at {target}.")
