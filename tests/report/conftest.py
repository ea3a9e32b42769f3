"""One folder of every kind, its page written once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_runs

from rekur.report import page
from rekur.runs import Run


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Return kind -> run, each with its report."""
    root: Path = tmp_path_factory.mktemp("shelf")
    runs = {kind: make(root / kind) for kind, make in report_runs.KINDS.items()}
    for run in runs.values():
        page(run)
    return runs
