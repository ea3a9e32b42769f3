"""Recipes by name from Python; measured figures beside published ones."""

import json
import os
import shutil

import pytest

import rekur
from finished_runs import finished
from rekur import config, shelf
from rekur.cli import run as run_command
from rekur.errors import RequestError
from rekur.report.facts import Facts
from rekur.runs import Run
from rekur.training.events import Listener

TINY = {"training.epochs": 2}


class Ear(Listener):
    def __init__(self):
        self.stages = []

    def on_stage(self, name):
        self.stages.append(name)


def test_run_gives_metrics_a_verdict_and_a_report(tmp_path):
    ear = Ear()
    result = rekur.run("kospi-gru", out=tmp_path / "a", settings=TINY, threads=1, listeners=[ear])
    assert result.path == tmp_path / "a"
    assert result.metrics["epochs"] == 2
    assert result.verdict == "worse"
    assert "yesterday" in result.sentence
    assert result.report.exists()
    assert ear.stages == ["data", "train", "test", "baselines", "doctor"]


def test_runs_never_overwrite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (rekur.run("hello-rnn", settings=TINY, threads=1) for _ in range(2))
    assert first.path != second.path
    assert {path.parent.name for path in (first.path, second.path)} == {"runs"}
    with pytest.raises(RequestError, match="not empty"):
        rekur.run("hello-rnn", out=first.path, settings=TINY)


def test_epochs_stand_above_settings(tmp_path):
    result = rekur.run("hello-rnn", out=tmp_path / "a", settings=TINY, epochs=3, threads=1)
    assert result.metrics["epochs"] == 3


def test_the_same_seed_gives_the_same_bits(tmp_path):
    one, two, other = (
        Run.open(rekur.run("hello-rnn", out=tmp_path / str(i), settings=TINY, threads=1, seed=seed).path).load_model()
        for i, seed in enumerate((1, 1, 2))
    )
    assert all((one[name] == two[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_a_recipe_of_ones_own_runs_from_its_file(tmp_path):
    text = config.dump(config.override(config.load("hello-rnn"), TINY)).replace('"hello-rnn"', '"mine"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    result = rekur.run(str(tmp_path / "mine.toml"), out=tmp_path / "a", threads=1)
    assert result.metrics["recipe"] == "mine"


def test_a_finished_run_is_resumed_to_itself(tmp_path):
    run = shutil.copytree(finished("hello-rnn"), tmp_path / "run")
    before = (run / "model.safetensors").read_bytes()
    result = rekur.run(resume=run)
    assert result.path == run
    assert (run / "model.safetensors").read_bytes() == before


def test_the_starter_shelf_ends_with_one_page(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "STARTER", ("hello-rnn", "kospi-gru"))
    results, page = shelf.starter(out=tmp_path / "s", epochs=2, threads=1)
    assert [result.metrics["recipe"] for result in results] == ["hello-rnn", "kospi-gru"]
    assert page == tmp_path / "s" / "report.html"
    shown = page.read_text(encoding="utf-8")
    assert "kospi-gru/report.html" in shown
    assert "<svg" in shown
    with pytest.raises(RequestError, match="new or empty"):
        shelf.starter(out=tmp_path / "s")


# figures


def test_figures_are_of_the_published_part_and_metric():
    run = Run.open(finished("kospi-rnn"))
    assert shelf.figures(config.load("kospi-rnn"), run) == {"loss": run.history()[-1]["loss"]}
    run = Run.open(finished("hello-rnn"))
    assert (
        shelf.figures(config.load("hello-rnn"), run)["right_from_epoch"]
        == run.metrics()["training"]["right_from_epoch"]
    )
    run = Run.open(finished("imdb-lstm"))
    assert shelf.figures(config.load("imdb-lstm"), run) == {"accuracy": run.metrics()["validation"]["accuracy"]}
    run = Run.open(finished("nsmc-sample"))
    assert shelf.figures(config.load("nsmc-sample"), run) == {"accuracy": run.metrics()["test"]["accuracy"]}


def whole(root, name, run_name, **metrics):
    """Put a run on disk that claims to be its recipe as shipped."""
    source = finished(name)
    place = shutil.copytree(source, root / run_name)
    text = config.dump(config.load(name))
    about = Run.open(source).about()
    (place / "config.toml").unlink()
    shutil.move(Run.create(root / "new", text, **about).path / "config.toml", place / "config.toml")
    shutil.rmtree(root / "new")
    found = json.loads((place / "metrics.json").read_text(encoding="utf-8"))
    (place / "metrics.json").write_text(json.dumps({**found, **metrics}), encoding="utf-8")
    return place


def measured(root, name):
    return next(entry.measured for entry in shelf.entries(root) if entry.config.recipe.name == name)


def test_a_recipe_as_shipped_is_known_with_its_settings_resolved_or_not():
    from rekur.training.experiment import resolved

    for name in ("kospi-gru", "nsmc-sample", "digits-rows"):
        given = config.load(name)
        whole = config.parse(config.dump(resolved(given)), name)
        assert whole.data.keys() > given.data.keys() or name == "digits-rows"
        assert shelf.as_shipped(given)
        assert shelf.as_shipped(whole)
    assert not shelf.as_shipped(config.override(config.load("nsmc-sample"), {"data.max_train": 100}))
    assert shelf.as_shipped(config.override(config.load("nsmc-sample"), {"data.max_train": 0}))  # the default


def test_the_newest_run_of_the_recipe_as_shipped_stands_on_the_shelf(tmp_path):
    recorded = measured(None, "nsmc-sample")
    older = whole(tmp_path, "nsmc-sample", "a", test={"accuracy": 0.5})
    whole(tmp_path, "nsmc-sample", "b", test={"accuracy": 0.75}, date="2031-05-06T07:08:09+09:00")
    os.utime(older / "metrics.json", (1, 1))
    shutil.copytree(finished("nsmc-sample"), tmp_path / "changed")  # a smoke run is not the recipe
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "metrics.json").write_text("{", encoding="utf-8")
    found = measured(tmp_path, "nsmc-sample")
    assert found["metrics"] == {"accuracy": 0.75}
    assert found["date"] == "2031-05-06"
    assert found["command"] == "rekur run nsmc-sample --seed 1"
    assert measured(None, "nsmc-sample") == recorded


def test_chance_is_the_verdict_where_a_model_learnt_nothing(tmp_path):
    chance = {"verdict": "not distinguishable from chance", "rate": 0.5, "p_value": 0.3, "interval": [0.4, 0.6]}
    run = whole(tmp_path, "nsmc-sample", "a", chance=chance)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics.pop("verdict") in ("better", "not distinguishable", "worse", "worse than chance", chance["verdict"])
    (run / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")  # as an older rekur wrote it
    opened = Run.open(run)
    said = {shelf.record(opened)["verdict"], shelf.Result(opened).verdict, Facts(opened).verdict}
    assert said == {"not distinguishable from chance"}
    assert run_command.rows(shelf.Result(opened))[0][5] == "not distinguishable from chance"
