"""A cell is everywhere or nowhere: in recipes, layers, cells, the reference, the laws and the docs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from engines import CELLS

from rekur import nn, reference
from rekur.config import ModelSettings

NAMES = set(get_args(ModelSettings.model_fields["cell"].annotation))


def test_every_cell_a_recipe_can_name_is_there_and_under_law() -> None:
    assert NAMES == set(nn.LAYERS) == set(nn.CELLS) == set(reference.LAYERS)
    assert {options.cell for options in CELLS.values()} == NAMES


def test_every_cell_has_a_page() -> None:
    pages = (Path(__file__).parents[2] / "docs" / "cells").glob("*.md")
    assert {page.stem for page in pages} == NAMES
