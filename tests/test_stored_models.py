"""A model stored by any earlier schema is loaded and predicts what it predicted then.

The folders of tests/stored/<schema> are never written again once a release has that schema;
`python benchmarks/store_models.py` makes those of the current one.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import rekur
from rekur import report, tasks
from rekur.runs import SCHEMA, Run

STORED = Path(__file__).parent / "stored"
FOLDERS = sorted(path for path in STORED.glob("*/*") if path.is_dir())


def agree(found, expected):
    """Say whether two JSON values are the same, numbers to 1e-5."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(agree(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(agree, found, expected))
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    return found == expected


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stored_model_predicts_what_it_predicted(folder):
    stored = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
    inputs = [np.array(item, dtype=np.float64) if isinstance(item, list) else item for item in stored["given"]]
    found = json.loads(json.dumps(rekur.load(folder).predict(inputs)))
    assert len(found) == len(inputs)
    assert agree(found, stored["predictions"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stored_run_gets_its_report_and_its_card(folder, tmp_path):
    run = Run.open(shutil.copytree(folder, tmp_path / "run"))
    assert report.page(run).is_file()
    assert (run.path / "MODEL_CARD.md").is_file()


def test_every_schema_and_every_task_has_one():
    assert {path.parent.name for path in FOLDERS} == {str(schema) for schema in range(1, SCHEMA + 1)}
    stored = {Run.open(path).metrics()["task"] for path in FOLDERS if path.parent.name == str(SCHEMA)}
    assert stored == set(tasks.TASKS)
