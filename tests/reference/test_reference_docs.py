"""The examples of the room run: those of its docstrings, and those of the pages about it."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import rekur.reference

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "notation.md", *(ROOT / "docs" / "cells" / f"{cell}.md" for cell in rekur.reference.LAYERS)]
MODULES = [module.name for module in pkgutil.iter_modules(rekur.reference.__path__)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page):
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(f"rekur.reference.{name}")
    assert not doctest.testmod(module).failed


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_the_places_a_page_names_exist(page):
    named = re.findall(r"`((?:src|tests)/[^`]+)`", page.read_text(encoding="utf-8"))
    assert len(named) >= 3
    assert [place for place in named if not (ROOT / place).exists()] == []
