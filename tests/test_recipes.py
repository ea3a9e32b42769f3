"""Every recipe of the shelf: it runs, says where its figure comes from, and stands in the docs."""

import re
from pathlib import Path

import pytest

import rekur
from rekur import config, shelf

ROOT = Path(__file__).parent.parent
RECIPES = config.names()


def smoke(name):
    return dict(config.load(name).smoke)


@pytest.mark.parametrize("name", RECIPES)
def test_it_runs_in_seconds_and_keeps_the_contract(name, tmp_path):
    result = rekur.run(name, out=tmp_path / name, settings=smoke(name), threads=1)
    found = result.metrics
    assert found["recipe"] == name
    assert found["task"] == config.load(name).recipe.task
    assert found["seed"] == 1
    assert found["test"]
    for metric, (low, high) in found["interval"].items():
        assert low <= found["test"][metric] <= high
    assert {"data", "train", "test", "total"} <= found["seconds"].keys()
    assert found["parameters"] > 0
    if found["baselines"]:
        assert found["versus"]["baseline"] in found["baselines"]
        of_chance = {"not distinguishable from chance", "worse than chance"}
        assert result.verdict in {"better", "not distinguishable", "worse", *of_chance}
    assert result.report.read_text(encoding="utf-8").count("<html") == 1
    assert result.sentence
    assert rekur.load(result.path).metrics == found


@pytest.mark.parametrize("name", RECIPES)
def test_it_has_a_smoke_run_and_a_published_figure_or_a_reason(name):
    recipe = config.load(name)
    assert recipe.recipe.name == name
    assert recipe.smoke, "a recipe without a smoke run is never tried"
    assert (recipe.published.metrics and recipe.published.source) or recipe.published.reason
    assert recipe.recipe.chapter in {"", *"ABCDE"}


@pytest.mark.parametrize("name", [name for name in RECIPES if name.endswith("-mended")])
def test_a_mended_recipe_says_what_it_mends_and_of_which(name):
    published = config.load(name.removesuffix("-mended"))
    assert config.load(name).recipe.mends
    assert published.recipe.faults or published.recipe.chapter


def test_every_recipe_stands_in_the_docs():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^### `(.+)`$", page, re.MULTILINE)) == RECIPES


def test_the_starter_shelf_needs_no_data_of_others():
    assert set(shelf.STARTER) <= set(RECIPES)
    sets = {config.load(name).data["set"] for name in shelf.STARTER}
    assert sets <= {"given", "kospi", "nsmc-sample", "digits", "shakespeare"}
