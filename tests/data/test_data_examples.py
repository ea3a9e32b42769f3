"""The examples in the docstrings of the data room are true."""

import doctest
import importlib
import pkgutil

import pytest

import rekur.data

MODULES = [name for _, name, _ in pkgutil.walk_packages(rekur.data.__path__, "rekur.data.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
