"""A recipe in several forms: each is the run it would be alone, and stands beside the first on the same items."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rekur import config as configuration
from rekur.data.text import _kiwi
from rekur.errors import ConfigError, DataError
from rekur.report.sections import forms as section
from rekur.runs import Run
from rekur.training import experiment, forms

SMALL = dict(configuration.load("nsmc-units").smoke)
FORMS: dict[str, dict[str, Any]] = {"characters": {}, "jamo": {"data.tokenizer": "jamo"}}


def recipe(compare: dict[str, dict[str, Any]] = FORMS, **changes: Any) -> configuration.Config:
    small = configuration.override(configuration.load("nsmc-units"), {**SMALL, **changes})
    return small.model_copy(update={"compare": compare})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return experiment.run(recipe(), out=tmp_path_factory.mktemp("forms") / "run", threads=1)


def test_every_form_has_a_row_in_the_order_of_the_recipe(finished: Run) -> None:
    ours, jamo = finished.metrics()["compared"]
    assert (ours["form"], jamo["form"]) == ("characters", "jamo")
    assert (ours["versus"], jamo["versus"]["baseline"]) == (None, "nsmc-units")
    assert jamo["sizes"]["vocabulary"] < ours["sizes"]["vocabulary"]
    assert jamo["sizes"]["tokens_per_text"] > ours["sizes"]["tokens_per_text"]
    for row in (ours, jamo):
        low, high = row["interval"]["accuracy"]
        assert low <= row["test"]["accuracy"] <= high
        assert row["items_per_second"] > 0 < row["sizes"]["predictions_per_second"]
    difference = jamo["test"]["accuracy"] - ours["test"]["accuracy"]
    assert jamo["versus"]["difference"] == pytest.approx(difference)


def test_the_tables_say_it_in_words(finished: Run) -> None:
    compared = finished.metrics()["compared"]
    for table in section.tables("accuracy", compared):
        assert [row[0] for row in table.rows] == ["characters", "jamo"]
        assert {len(row) for row in table.rows} == {len(table.columns)}
    worth, cost = section.tables("accuracy", compared)
    assert worth.rows[0][3:] == ["ours", "", ""]
    assert worth.rows[1][1] == f"{100 * compared[1]['test']['accuracy']:.2f} %"
    assert cost.rows[1][1] == f"{compared[1]['sizes']['vocabulary']}"


def test_a_form_is_a_rival_and_fits_none_of_its_own(finished: Run) -> None:
    metrics, jamo = finished.metrics(), forms.finished(finished, recipe())["jamo"].metrics()
    assert metrics["baselines"]["jamo"] == jamo["test"]
    assert jamo["baselines"] == {}
    assert metrics["seconds"]["forms"] > 0


def test_a_form_is_the_run_it_would_be_alone(finished: Run, tmp_path: Path) -> None:
    alone = experiment.run(forms.others(recipe())["jamo"], out=tmp_path / "run", threads=1).load_model()
    inside = Run(forms.place(finished, "jamo")).load_model()
    assert alone.keys() == inside.keys()
    assert all(np.array_equal(alone[name], inside[name]) for name in alone)


def test_a_resume_keeps_the_forms_that_are_done(finished: Run) -> None:
    before, model = finished.metrics(), Run(forms.place(finished, "jamo")).path / "model.safetensors"
    (finished.path / "metrics.json").unlink()
    written = model.stat().st_mtime_ns
    after = experiment.run(None, resume=finished.path).metrics()
    assert (after["test"], after["baselines"]) == (before["test"], before["baselines"])
    assert model.stat().st_mtime_ns == written


def test_an_evaluation_sees_the_forms_again(finished: Run) -> None:
    assert experiment.evaluate(finished)["baselines"] == finished.metrics()["baselines"]


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ({"jamo": {"data.tokenizer": "jamo"}}, "needs one form without changes"),
        ({"a": {}, "b": {}}, "needs one form without changes"),
        ({"a": {}, "b": {"model.hiden": 3}}, "Did you mean `hidden`"),
        ({"a": {}, "b": {"training.step_factor": 0.5}}, "training.step_factor needs"),
    ],
)
def test_forms_that_cannot_be(compare: dict[str, dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment.run(recipe(compare), out=tmp_path / "run", threads=1)
    assert not (tmp_path / "run").exists()


def test_only_tasks_of_classes_have_forms(tmp_path: Path) -> None:
    series = configuration.load("kospi-gru").model_copy(update={"compare": FORMS})
    with pytest.raises(ConfigError, match="tasks that tell classes"):
        experiment.run(series, out=tmp_path / "run", threads=1)


def test_forms_are_tested_on_the_same_items(tmp_path: Path) -> None:
    fewer = recipe({"all": {}, "fewer": {"data.max_test": 50}})
    with pytest.raises(DataError, match="`fewer` was tested on other items"):
        experiment.run(fewer, out=tmp_path / "run", threads=1)


def test_a_form_whose_package_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    _kiwi.cache_clear()
    compare = {"characters": {}, "morphemes": {"data.tokenizer": "morphemes"}}
    metrics = experiment.run(recipe(compare), out=tmp_path / "run", threads=1).metrics()
    assert [row["form"] for row in metrics["compared"]] == ["characters"]
    assert "The form morphemes is left out" in metrics["warnings"][0]
    assert "pip install" in metrics["warnings"][0]
