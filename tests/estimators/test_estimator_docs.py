"""The examples of docs/estimators.md and of the docstrings are true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from rekur.estimators import classifier, regressor

PAGE = Path(__file__).parents[2] / "docs" / "estimators.md"


def test_the_page_runs_from_top_to_bottom():
    found: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        exec(block, found)


def test_the_page_names_every_parameter_and_its_default():
    page = PAGE.read_text(encoding="utf-8")
    for name in classifier.SequenceClassifier().get_params():
        assert f"`{name}`" in page


@pytest.mark.parametrize("module", [classifier, regressor])
def test_examples_of_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
