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


def example(page: str) -> dict[str, Any]:
    """Run the first Python block of a page and return what it defined."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], found)
    return found


def test_the_examples_of_the_pages() -> None:
    assert example("data.md")["tokens"].shape == (2, 3)
    assert example("korean.md")["jamo"].size == 23


def test_the_page_names_every_set_and_tokeniser() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    missing = [name for name in (*DATASETS, *TOKENIZERS) if f"| `{name}` |" not in page]
    assert not missing
