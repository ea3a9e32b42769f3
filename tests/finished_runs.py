"""Finished smoke runs, made once, for the tests of what comes after training."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import rekur
from rekur import config


@cache
def finished(name: str) -> Path:
    """Return the folder of a finished smoke run of the recipe `name`; copy it before changing it."""
    place = Path(tempfile.mkdtemp(prefix="rekur-test-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return rekur.run(name, out=place / name, settings=dict(config.load(name).smoke), threads=1).path
