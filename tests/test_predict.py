"""A run folder predicts what its model predicted in training, and from nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import rekur
from finished_runs import finished
from rekur import config, engine
from rekur.data.datasets import digits, kospi, nsmc
from rekur.errors import DataError, RefusedModelError, RequestError
from rekur.runs import Run


def test_texts_get_the_probabilities_of_the_test():
    run = finished("nsmc-sample")
    predictor = rekur.load(run)
    assert predictor.config.recipe.name == "nsmc-sample"
    assert predictor.metrics == Run.open(run).metrics()
    tested = Run.open(run).predictions()
    examples = Run.open(run).table("examples")
    again = predictor.predict(examples["text"].to_list())
    recorded = tested[examples["id"].to_list()]
    np.testing.assert_allclose(
        [p["probability"]["positive"] for p in again], recorded["probability_positive"], atol=1e-6
    )
    assert {p["prediction"] for p in again} <= {"negative", "positive"}


def test_a_text_alone_is_predicted_as_among_others():
    predictor = rekur.load(finished("nsmc-sample"))
    texts = nsmc.load("test", sample=True).texts[:9].to_list()
    together = predictor.predict(texts)
    for text, expected in zip(texts, together, strict=True):
        (alone,) = predictor.predict([text])
        assert alone["probability"]["positive"] == pytest.approx(expected["probability"]["positive"], abs=1e-6)


def test_a_window_gets_the_forecast_of_the_test():
    run = Run.open(finished("kospi-gru"))
    days, series = kospi.load(), run.table("series")
    columns = list(config.load("kospi-gru").data["inputs"])
    windows = [days[at : at + 5].select(columns).to_numpy() for at in (0, 210, 425)]
    forecasts = [p["prediction"] for p in rekur.load(run.path).predict(windows)]
    np.testing.assert_allclose(forecasts, series["forecast"][[0, 210, 425]], rtol=1e-5)


def test_an_image_gets_the_class_of_the_test():
    run = Run.open(finished("digits-rows"))
    images, _ = digits.load("test")
    found = rekur.load(run.path).predict(images[:20])
    assert [int(p["prediction"]) for p in found] == run.predictions()["prediction"][:20].to_list()


def test_a_beginning_is_continued_the_same_way_each_time():
    predictor = rekur.load(finished("shakespeare-short"))
    first, second = (predictor.predict(["Citizen", "O"]) for _ in range(2))
    assert first == second
    assert [p["prompt"] for p in first] == ["Citizen", "O"]


@pytest.mark.parametrize("name", ["hello-rnn", "hello-shapes", "imdb-numpy", "imdb-rnncell"])
def test_every_kind_of_model_loads(name):
    predictor = rekur.load(finished(name))
    given = "hello" if name.startswith("hello") else nsmc.load("test", sample=True).texts[0]
    assert len(predictor.predict([given])) == 1
    assert predictor.predict([]) == []
    assert not predictor.model.training


def test_what_is_no_input_is_named():
    with pytest.raises(DataError, match="must be a string; got int"):
        rekur.load(finished("nsmc-sample")).predict([7])
    with pytest.raises(DataError, match=r"T=5, I=4"):
        rekur.load(finished("kospi-gru")).predict([np.zeros((4, 4))])


def test_loading_reads_nothing_but_the_run(tmp_path, monkeypatch):
    run = shutil.copytree(finished("nsmc-sample"), tmp_path / "run")
    for part in ("last", "tables", "plots"):
        shutil.rmtree(run / part, ignore_errors=True)
    (run / "predictions.parquet").unlink()
    monkeypatch.setenv("REKUR_DATA", str(tmp_path / "nowhere"))
    assert len(rekur.load(run).predict(["좋다"])) == 1


def test_an_unfinished_run_has_no_model(tmp_path):
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run")
    (run / "model.safetensors").unlink()
    with pytest.raises(RefusedModelError, match=r"model\.safetensors"):
        rekur.load(run)


def test_loading_leaves_the_random_state_alone():
    import torch

    before = torch.random.get_rng_state()
    assert not rekur.load(finished("kospi-gru")).model.training
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("features", [10**12, 10**30, -1, 1.5, None])
def test_evidence_of_another_size_is_refused_before_memory_is_taken(tmp_path, features):
    run = shutil.copytree(finished("nsmc-sample"), tmp_path / "run")
    assert config.load("nsmc-sample").model.evidence
    (run / "evidence.json").write_text(json.dumps({"features": features}), encoding="utf-8")
    with pytest.raises(RefusedModelError, match=str(run)):
        rekur.load(run)


def test_settings_that_contradict_each_other_are_the_folders_fault(tmp_path):
    run = shutil.copytree(finished("nsmc-sample"), tmp_path / "run")
    text = (run / "config.toml").read_text(encoding="utf-8").replace("ballot = false", "ballot = true")
    (run / "config.toml").write_text(re.sub(r"^evidence = \d", "evidence = 0", text, flags=re.M), encoding="utf-8")
    with pytest.raises(RefusedModelError, match=r"damaged.*ConfigError"):
        rekur.load(run)


def test_a_file_is_scored_from_python(tmp_path):
    run = finished("nsmc-sample")
    (tmp_path / "t.csv").write_text("text,label\n재미있다,positive\n별로다,negative\n", encoding="utf-8")
    found = rekur.load(run).score(tmp_path / "t.csv")
    recorded = Run.open(run).metrics()
    assert found["epochs"] == recorded["epochs"]
    assert found["parameters"] == recorded["parameters"]
    assert (found["versus"], found["baselines"], found["published"]) == (None, {}, None)
    assert found["verdict"] == found["chance"]["verdict"]


def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path):
    run = shutil.copytree(finished("nsmc-sample"), tmp_path / "run")
    words = (run / "vocabulary.json").read_text(encoding="utf-8")
    other = Run.open(finished("imdb-rnncell")).files()["vocabulary.json"]
    assert words != other
    (run / "vocabulary.json").write_text(other, encoding="utf-8")
    with pytest.raises(RefusedModelError, match=r"must be|not one of characters"):
        rekur.load(run)


def test_an_unfinished_run_says_so_and_is_not_called_damaged(tmp_path):
    run = shutil.copytree(finished("hello-rnn"), tmp_path / "run")
    (run / "metrics.json").unlink()
    with pytest.raises(RequestError, match="not finished"):
        rekur.load(run)


# without torch

SLOW_TO_LOAD = ("torch", "sklearn", "scipy", "matplotlib", "pandas", "rich.console", "rekur.data.datasets")
GIVEN = {
    "nsmc-sample": "재미있다",
    "digits-rows": "images.npy",
    "kospi-gru": "days.csv",
    "shakespeare-short": "Citizen",
    "hello-shapes": "hello",
    "imdb-numpy": "재미있다 movie a great film",
    "imdb-rnncell": "재미있다 정말",
}
native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", digits.load("test")[0][:3])
    kospi.load().tail(9).write_csv("days.csv")


def command(run, given, **environment):
    """Run `rekur predict --json` in a process of its own; return its predictions, and what it loaded."""
    code = f"""
import sys
from rekur.cli import main
failed = main(["predict", {str(run)!r}, {given!r}, "--json"])
print([name for name in {SLOW_TO_LOAD} if name in sys.modules], file=sys.stderr)
sys.exit(failed)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)["predictions"], done.stderr.strip()


@native
@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.usefixtures("files")
def test_a_prediction_loads_nothing_slow(name):
    predictions, loaded = command(finished(name), GIVEN[name])
    assert len(predictions) == (3 if name == "digits-rows" else 1)
    assert loaded == "[]"


@pytest.mark.usefixtures("files")
def test_without_the_engine_torch_predicts_the_same():
    run = finished("digits-rows")
    through_torch, loaded = command(run, "images.npy", REKUR_ENGINE="torch")
    assert "torch" in loaded
    for item, expected in zip(through_torch, rekur.load(run).predict(np.load("images.npy")), strict=True):
        assert item["probability"] == pytest.approx(expected["probability"], abs=1e-6)


@native
@pytest.mark.parametrize("name", ["nsmc-sample", "imdb-numpy", "imdb-rnncell"])
def test_engine_and_torch_predict_the_same(name):
    predictor = rekur.load(finished(name))
    through_engine = predictor.predict([GIVEN[name]])[0]
    try:
        engine.select("torch")
        through_torch = predictor.predict([GIVEN[name]])[0]
    finally:
        engine.select(None)
    assert through_engine["probability"] == pytest.approx(through_torch["probability"], abs=1e-5)
