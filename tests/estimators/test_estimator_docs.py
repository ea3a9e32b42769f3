"""The examples of docs/estimators.md and of the docstrings are true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from rekur.estimators import Forecaster, SequenceClassifier, Tagger, classifier, forecaster, regressor, tagger

PAGE = Path(__file__).parents[2] / "docs" / "estimators.md"


def test_the_page_runs_from_top_to_bottom():
    found: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        exec(block, found)


@pytest.mark.parametrize("estimator", [SequenceClassifier, Forecaster, Tagger])
def test_the_page_names_every_parameter(estimator):
    page = PAGE.read_text(encoding="utf-8")
    missing = [name for name in estimator().get_params() if f"`{name}`" not in page]
    assert not missing


@pytest.mark.parametrize("module", [classifier, forecaster, regressor, tagger])
def test_examples_of_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
