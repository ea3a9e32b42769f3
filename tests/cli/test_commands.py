"""Each command on finished runs: what it prints for people, and its one JSON object."""

import io
import json
import re
import shutil
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from finished_runs import finished
from rekur import config, engine, shelf
from rekur.cli import laws, main
from rekur.cli import run as run_command
from rekur.data.datasets import kospi
from rekur.nn import kernels
from rekur.runs import Run

KEYS = {"recipe", "task", "run", "seed", "device", "engine", "seconds", "test", "interval", "baselines", "versus"}
KEYS |= {"published", "parameters", "epochs", "sentence"}


@pytest.fixture
def ran(capsys):
    """Run a command that must succeed and return its stdout; `code` where it must not."""

    def run(*argv, code=0):
        capsys.readouterr()
        assert main([str(word) for word in argv]) == code
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return shown.out

    return run


def one_object(text):
    assert text.count("\n") == 1
    return json.loads(text)


# run


def test_run_prints_a_table_a_sentence_and_the_report(ran, tmp_path):
    shown = ran("run", "kospi-rnn", "--out", tmp_path / "a", "--epochs", "2", "--threads", "1", "--seed", "3")
    head, first, second = [
        line.split("  ") for line in shown.splitlines() if "recipe" in line or "rmse" in line or "loss" in line
    ][:3]
    assert [cell.strip() for cell in head if cell.strip()] == [
        "recipe", "metric", "ours", "95 % interval", "best baseline", "verdict", "published",
    ]  # fmt: skip
    assert {"kospi-rnn", "test rmse", "worse"} <= {cell.strip() for cell in first}
    assert {"train loss", "0.0005"} <= {cell.strip() for cell in second}
    assert "than repeating yesterday's value" in shown
    assert f"Report: {tmp_path / 'a' / 'report.html'}\n" in shown
    assert Run.open(tmp_path / "a").metrics()["seed"] == 3


def test_run_json_is_the_record_of_the_run(ran, tmp_path):
    found = one_object(ran("run", "hello-rnn", "--out", tmp_path / "a", "--set", "training.epochs=2", "--json"))
    assert found.keys() >= KEYS
    assert found == Run.open(tmp_path / "a").metrics()
    assert found["epochs"] == 2


def test_progress_goes_to_stderr_and_quiet_is_quiet(tmp_path, capsys):
    argv = ["run", "hello-rnn", "--epochs", "2", "--threads", "1", "--json", "--out"]
    assert main([*argv, str(tmp_path / "a")]) == 0
    assert "epoch 2/2" in capsys.readouterr().err
    assert main([*argv, str(tmp_path / "b"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_run_without_a_name_is_the_starter_shelf(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "STARTER", ("hello-rnn", "kospi-gru"))
    found = one_object(ran("run", "--out", tmp_path / "a", "--epochs", "2", "--threads", "1", "--json"))
    assert found.keys() == {"runs", "report"}
    assert [run["recipe"] for run in found["runs"]] == ["hello-rnn", "kospi-gru"]
    assert found["report"] == str(tmp_path / "a" / "report.html")
    shown = ran("run", "--out", tmp_path / "b", "--epochs", "2", "--threads", "1")
    assert shown.count("recipe") == 2  # the head of one table, and "2 recipes in"
    assert "hello-rnn" in shown
    assert "kospi-gru" in shown


def test_the_starter_runs_side_by_side_on_two_processors(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "STARTER", ("hello-rnn", "kospi-gru"))
    monkeypatch.setattr(run_command.os, "cpu_count", lambda: 8)
    found = one_object(ran("run", "--out", tmp_path / "a", "--epochs", "2", "--json", "--quiet"))
    assert [(run["recipe"], run["threads"]) for run in found["runs"]] == [("hello-rnn", 1), ("kospi-gru", 1)]


def test_resume_needs_no_name(ran, tmp_path):
    run = shutil.copytree(finished("hello-rnn"), tmp_path / "run")
    assert one_object(ran("run", "--resume", run, "--json"))["recipe"] == "hello-rnn"


# recipes


def test_recipes_lists_published_beside_measured(ran):
    shown = ran("recipes")
    for name in config.names():
        assert name in shown
    assert "validation accuracy 65.72 %" in shown


def test_one_recipe_is_shown_whole(ran):
    shown = ran("recipes", "imdb-rnn")
    recipe = config.load("imdb-rnn")
    for part in (recipe.recipe.title, *recipe.recipe.faults, recipe.published.source, "rekur run imdb-rnn"):
        assert part in shown
    found = one_object(ran("recipes", "imdb-rnn", "--json"))
    assert found["settings"]["model"]["cell"] == "rnn"
    assert found["published"]["metrics"] == {"accuracy": 0.53}


# predict


def test_predict_prints_a_line_a_text(ran, tmp_path):
    (tmp_path / "t.txt").write_text("재미있다\n별로다\n", encoding="utf-8")
    lines = ran("predict", finished("nsmc-sample"), tmp_path / "t.txt").splitlines()
    assert [line.split("\t")[0] in ("negative", "positive") for line in lines] == [True, True]


def test_predict_reads_composed_and_decomposed_unicode_alike(ran):
    run = finished("nsmc-sample")
    composed, apart = (unicodedata.normalize(form, "정말 재밌는 영화였다") for form in ("NFC", "NFD"))
    found = [one_object(ran("predict", run, text, "--json"))["predictions"] for text in (composed, apart)]
    assert found[0] == found[1]


def test_forms_of_a_recipe_are_a_table(ran, tmp_path, monkeypatch):
    whole = config.load("nsmc-units")
    small = config.override(whole, dict(whole.smoke))
    forms = {"characters": {}, "jamo": {"data.tokenizer": "jamo"}}
    monkeypatch.setattr(config, "load", lambda name: small.model_copy(update={"compare": forms}))  # noqa: ARG005
    shown = ran("run", "nsmc-units", "--out", tmp_path / "a", "--threads", "1", "--quiet")
    lines = [line.split() for line in shown.splitlines() if re.match(r" *(form|characters|jamo) ", line)]
    assert [line[0] for line in lines] == ["form", "characters", "jamo"] * 2
    assert {"accuracy", "ours", "vocabulary"} <= {*lines[0], *lines[1], *lines[3]}
    assert "The forms compared" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")


def test_predict_takes_a_text_a_file_a_column_or_stdin(ran, tmp_path, monkeypatch):
    run, text = finished("nsmc-sample"), "정말 재미있는 영화"
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    (tmp_path / "t.csv").write_text(f"id,text\n1,{text}\n", encoding="utf-8")
    found = [one_object(ran("predict", run, source, "--json")) for source in (text, *sorted(tmp_path.iterdir()))]
    for source in ("-", None):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        found.append(one_object(ran("predict", run, *([source] if source else []), "--json")))
    assert len(found) == 5
    assert all(item == found[0] for item in found)
    assert found[0]["predictions"][0].keys() == {"prediction", "probability"}


def test_predict_forecasts_the_day_after_the_last_rows(ran, tmp_path, monkeypatch):
    run, days = finished("kospi-gru"), kospi.load()
    days.write_csv(tmp_path / "all.csv")
    days.tail(5).write_csv(tmp_path / "five.csv")
    found = [one_object(ran("predict", run, tmp_path / f"{n}.csv", "--json")) for n in ("all", "five")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "five.csv").read_bytes())))
    found.append(one_object(ran("predict", run, "-", "--json")))
    assert found[0] == found[1] == found[2]
    assert float(ran("predict", run, tmp_path / "five.csv")) == pytest.approx(
        found[0]["predictions"][0]["prediction"], rel=1e-5
    )


def test_predict_reads_one_image_or_many(ran, tmp_path):
    run = finished("digits-rows")
    np.save(tmp_path / "one.npy", np.zeros((8, 8)))
    np.save(tmp_path / "two.npy", np.zeros((2, 8, 8)))
    assert len(ran("predict", run, tmp_path / "one.npy").splitlines()) == 1
    assert len(ran("predict", run, tmp_path / "two.npy").splitlines()) == 2


def test_predict_continues_a_text(ran):
    assert ran("predict", finished("shakespeare-short"), "Citizen").startswith("Citizen")


# evaluate and report


@pytest.mark.parametrize("name", ["kospi-gru", "nsmc-sample", "hello-rnn", "digits-rows"])
def test_figures_stand(ran, name):
    found = one_object(ran("evaluate", finished(name), "--json"))
    assert found["stands"] is True
    assert found["test"] == pytest.approx(Run.open(finished(name)).metrics()["test"])
    assert "The figures stand." in ran("evaluate", finished(name))


def test_figures_that_do_not_stand_are_code_1(ran, tmp_path):
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run")
    found = Run.open(run).metrics()
    found["test"]["rmse"] /= 2
    Run.open(run).write_metrics(found)
    assert "do NOT stand" in ran("evaluate", run, code=1)


def test_a_labelled_file_is_scored(ran, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n재미있다,positive\n별로다,negative\n좋다,positive\n", encoding="utf-8")
    found = one_object(ran("evaluate", finished("nsmc-sample"), tmp_path / "t.csv", "--json"))
    assert found["test"]["accuracy"] in (0, 1 / 3, 2 / 3, 1)
    low, high = found["interval"]["accuracy"]
    assert low <= found["test"]["accuracy"] <= high
    assert found["chance"]["rate"] == pytest.approx(2 / 3)
    assert found.keys() >= KEYS
    assert found["seconds"].keys() == {"data", "train", "test", "total"}


def test_a_series_is_scored_beside_persistence(ran, tmp_path):
    kospi.load().tail(60).write_csv(tmp_path / "days.csv")
    found = one_object(ran("evaluate", finished("kospi-gru"), tmp_path / "days.csv", "--json"))
    closes = kospi.load()["Close"].to_numpy()[-60:]
    moves = np.diff(closes)[4:]  # of the days that have five before them
    assert found.keys() >= KEYS
    assert found["baselines"]["persistence"]["rmse"] == pytest.approx(np.sqrt((moves**2).mean()))
    table = Run.open(finished("kospi-gru")).table("series").tail(55)
    errors = (table["truth"] - table["forecast"]).to_numpy()
    assert found["test"]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)


def test_report_is_written_again(ran, tmp_path):
    run = shutil.copytree(finished("hello-rnn"), tmp_path / "run")
    (run / "report.html").unlink()
    assert ran("report", run) == f"{run / 'report.html'}\n"
    assert (run / "report.html").exists()
    assert one_object(ran("report", run, "--json"))["report"] == str(run / "report.html")


# data and check


def test_data_list_names_licences_and_places(ran):
    found = {entry["name"]: entry for entry in one_object(ran("data", "list", "--json"))["datasets"]}
    assert {"imdb", "nsmc", "kospi", "mnist", "tinyshakespeare", "digits"} <= found.keys()
    assert all(entry["licence"] and entry["source"] for entry in found.values())
    assert found["kospi"]["files"]["kospi.csv"].endswith("kospi.csv")
    assert "CC0" in ran("data", "list")


def test_data_get_prints_where_the_files_are(ran):
    paths = ran("data", "get", "kospi").splitlines()  # the long file only where someone put it: nobody may give it away
    assert paths[0].endswith("kospi.csv")
    assert one_object(ran("data", "get", "kospi", "--json"))["files"] == paths
    assert "nothing to fetch" in ran("data", "get", "digits")


def test_data_get_says_which_file_must_be_put_there_by_hand(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("REKUR_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["data", "get", "kospi"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1
    assert "kospi_1996_2023.csv is missing" in shown.err
    assert main(["data", "get", "wikitext2"]) == 2


def test_check_holds_here(ran):
    found = one_object(ran("check", "--json"))
    assert {law["engine"] for law in found["laws"]} == {*engine.SETS, "torch"}
    assert len(found["laws"]) == 9 * (len(engine.SETS) + 1)
    assert all(law["holds"] for law in found["laws"])
    assert found["sets"] == list(engine.SETS)
    assert found["reason"] == engine.reason
    assert "torch 2." in found["engine"]["engine"]
    assert "BROKEN" not in ran("check")


def test_check_tells_what_is_left_to_torch(ran, monkeypatch):
    said = ran("check").splitlines()
    for what, _ in kernels.FALLBACKS if engine.SETS else ():
        assert sum(line.strip().startswith(f"{what}: ") for line in said) == 1
    monkeypatch.setattr(engine, "SETS", ())
    monkeypatch.setattr(engine, "reason", "no compiler was found")
    engine.select("torch")
    try:
        assert ran("check").endswith("torch's kernels compute:\n  everything: no compiler was found\n")
        found = one_object(ran("check", "--json"))
        assert found["torch_computes"] == [{"what": "everything", "why": "no compiler was found"}]
        assert {law["engine"] for law in found["laws"]} == {"torch"}
    finally:
        monkeypatch.undo()
        engine.select()


def test_check_finds_a_broken_engine(ran, monkeypatch):
    original = laws._torch

    def wrong(layer, x, lengths=None):
        outputs, gradients = original(layer, x, lengths)
        return outputs, [gradient * (1 + 1e-3 * (lengths is not None)) for gradient in gradients]

    monkeypatch.setattr(laws, "_torch", wrong)
    assert ran("check", code=1).count("BROKEN") == 6 * (len(engine.SETS) + 1)


def test_examples_of_every_kind_are_written_and_understood(ran, tmp_path):
    from rekur.fitting import kinds

    names = ran("data", "examples", tmp_path / "e").split()
    assert len(names) == len(set(names)) == 17
    alone = [name for name in map(Path, names) if not name.name.startswith(("train.", "new.", "table."))]
    found = {kinds.recognise([path]).task for path in alone}
    found.add(kinds.recognise([tmp_path / "e" / "train.de", tmp_path / "e" / "train.en"]).task)
    assert found == set(kinds.TASKS)
    ran("data", "examples", tmp_path / "e", code=2)
