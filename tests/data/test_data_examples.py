"""The examples in the docstrings of the data room are true."""

import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import rekur.data
from rekur.data.datasets import DATASETS
from rekur.data.text import TOKENIZERS

MODULES = [name for _, name, _ in pkgutil.walk_packages(rekur.data.__path__, "rekur.data.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_example_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["tokens"].shape == (2, 3)


def test_the_page_names_every_set_and_tokeniser() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    missing = [name for name in (*DATASETS, *TOKENIZERS) if f"| `{name}` |" not in page]
    assert not missing
