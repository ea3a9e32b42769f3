"""Profiles of hypothesis, and the reasons to skip what this machine cannot run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fast", max_examples=5, deadline=None, derandomize=True)  # for every run
settings.register_profile("slow", max_examples=200, deadline=None)  # --hypothesis-profile=slow: for a release
settings.load_profile("fast")


@pytest.fixture(autouse=True)
def _denormals_again() -> Iterator[None]:
    """A training flushes them for good, and hypothesis draws no floats in a process without them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    data = os.environ.get("REKUR_DATA", "")
    missing = {
        "data": not (data and Path(data).is_dir()) and "set REKUR_DATA to the folder of the full data sets",
        "browser": not Path("/usr/bin/chromium").exists() and "needs /usr/bin/chromium",
    }
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
