"""Profiles of hypothesis, and the reasons to skip what this machine cannot run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fast", max_examples=5, deadline=None, derandomize=True)  # for every run
settings.register_profile("slow", max_examples=200, deadline=None)  # --hypothesis-profile=slow: for a release
settings.load_profile("fast")


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
