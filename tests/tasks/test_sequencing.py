"""The task of sequences: what it reads and learns from; the same answers from a folder, with torch and without."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import rekur
from finished_runs import finished
from rekur import cli, config, engine, tasks
from rekur.data.sequences import Named
from rekur.errors import ConfigError, DataError
from rekur.tasks.base import computed
from rekur.training import experiment

SMALL = {"model.hidden": 6, "model.bidirectional": False, "training.batch": 16}


def waves(**changes):
    made = tasks.create(config.override(config.load("waves"), {**SMALL, **changes}), seed=1)
    made.load()
    return made


def own(data, **changes):
    """A task on files of one's own."""
    plain = config.load("waves")
    plain = plain.model_copy(update={"data": {"set": "files", **data}})
    return tasks.create(config.override(plain, {**SMALL, **changes}), seed=1)


def table(path, count=40, seed=0):
    """A long table: two columns, of which the first rises or falls, a value missing here and there."""
    draw = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        T = draw.integers(5, 9)
        slope = draw.normal()
        x = slope * np.arange(T) + draw.normal(0, 0.1, T)
        for t in range(T):
            missing = draw.random() < 0.05
            rows.append(
                (f"s{n}", t, None if missing else x[t], draw.normal(), "up" if slope > 0 else "down", slope, n % 7)
            )
    frame = pl.DataFrame(rows, schema=["id", "t", "x", "noise", "way", "slope", "site"], orient="row")
    frame.write_csv(path)
    return frame


def test_what_nothing_is_said_of_is_left_out_and_told(tmp_path):
    frame = pl.DataFrame({f"t{n}": np.arange(40.0) + n for n in range(4)})
    label = pl.Series([None if n in (3, 9) else "ab"[n % 2] for n in range(40)])
    frame.with_columns(label=label).write_csv(tmp_path / "wide.csv")
    made = own({"path": str(tmp_path / "wide.csv"), "layout": "wide"})
    made.load()
    assert sum(map(len, made.labels.values())) == 38
    assert any("2 of 40 rows have no `label` and were left out; the first is 4." in said for said in made.warnings)


LONG = {"id": "id", "time": "t", "values": ["x", "noise"]}


def test_what_is_missing_lies_at_the_training_mean_and_a_mask_says_so():
    made = waves()
    raw, coded = made.raw["train"], made.coded["train"]
    missing = np.isnan(raw.values[:, 0])
    assert missing.any()
    assert made.architecture().values == 2
    np.testing.assert_array_equal(coded.values[:, 1], missing)
    assert (coded.values[missing, 0] == 0).all()
    assert coded.values[~missing, 0].mean() == pytest.approx(0, abs=1e-5)
    assert coded.values[~missing, 0].std() == pytest.approx(1, abs=1e-3)


def test_the_scale_is_that_of_the_training_part_alone():
    made = waves()
    known = made.raw["train"].values[:, 0]
    assert made.reader.scaler.shift[0] == pytest.approx(np.nanmean(known))
    (refit,) = made.refits()
    assert refit.used == refit.train_only


def test_every_seed_is_tested_on_the_same_waves():
    first, second = (tasks.create(config.load("waves"), seed=seed) for seed in (1, 2))
    for each in (first, second):
        each.load()
    np.testing.assert_array_equal(first.raw["test"].values, second.raw["test"].values)


@pytest.mark.parametrize("readout", ["last", "mean_max", "attention", "flatten"])
@pytest.mark.parametrize("predicts", ["class", "number"])
def test_with_torch_and_without_the_answers_are_the_same(predicts, readout):
    if not engine.SETS:
        pytest.skip("the native engine was not built")
    from rekur.inference import Network

    made = waves(**{"model.readout": readout, "data.predicts": predicts})
    model = made.build().eval()
    network = Network(made.architecture(), {name: w.detach().numpy() for name, w in model.state_dict().items()})
    inputs, lengths = made.inputs("test", np.arange(9))
    np.testing.assert_allclose(
        computed(network, inputs, lengths)[0], computed(model, inputs, lengths)[0], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("predicts", ["class", "number"])
def test_padding_changes_no_answer(predicts):
    made = waves(**{"data.predicts": predicts})
    model, rows = made.build().eval(), made.raw["test"]
    some = [rows[n] for n in range(5)]
    together = made.predict(model, some)
    for one, expected in zip(some, together, strict=True):
        (found,) = made.predict(model, [one])
        for a, b in zip(_numbers(found), _numbers(expected), strict=True):
            assert a == pytest.approx(b, abs=1e-5)


def _numbers(item):
    return list(item["probability"].values()) if "probability" in item else [item["prediction"]]


@pytest.mark.parametrize(("predicts", "label"), [("class", "way"), ("number", "slope")])
def test_a_long_table_is_learned_and_the_folder_predicts_it_by_id(tmp_path, capsys, predicts, label):
    table(tmp_path / "train.csv")
    made = own({**LONG, "path": str(tmp_path / "train.csv"), "predicts": predicts, "label": label})
    run = experiment.run(
        config.override(made.config, {"training.epochs": 2}), out=tmp_path / "run", threads=1, seed=1
    ).path
    new = table(tmp_path / "new.csv", count=3, seed=5).drop("way", "slope", "site")
    new[::-1].write_csv(tmp_path / "shuffled.csv")
    assert cli.main(["predict", str(run), str(tmp_path / "shuffled.csv"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    assert [item["id"] for item in said] == ["s2", "s1", "s0"]
    assert cli.main(["predict", str(run), str(tmp_path / "new.csv")]) == 0
    assert capsys.readouterr().out.startswith("s0\t")
    predictor = rekur.load(run)
    by_torch = predictor.task.predict(
        predictor.model, [np.array(new.filter(pl.col("id") == "s1").select("x", "noise"), float)]
    )
    assert _numbers(by_torch[0]) == pytest.approx(_numbers(said[1]), abs=1e-5)
    assert cli.main(["evaluate", str(run), str(tmp_path / "train.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"].keys() == rekur.load(run).metrics["test"].keys()


def test_a_wide_table_and_an_array_are_learned_alike(tmp_path):
    values = np.random.default_rng(0).normal(size=(30, 6))
    labels = np.where(values[:, 0] > 0, "up", "down")
    frame = pl.DataFrame(values, schema=[f"t{t}" for t in range(6)], orient="row")
    frame.with_columns(label=pl.Series(labels)).write_parquet(tmp_path / "x.parquet")
    np.save(tmp_path / "x.npy", values)
    (tmp_path / "y.txt").write_text("\n".join(labels) + "\n")
    wide = own({"path": str(tmp_path / "x.parquet"), "layout": "wide"})
    array = own({"path": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.txt")})
    for made in (wide, array):
        made.load()
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(wide.coded[part].values, array.coded[part].values)
        np.testing.assert_array_equal(wide.labels[part], array.labels[part])


def test_groups_and_times_part_the_sequences(tmp_path):
    table(tmp_path / "x.csv")
    data = {**LONG, "path": str(tmp_path / "x.csv"), "label": "way"}
    grouped = own({**data, "split": "grouped", "group": "site"})
    grouped.load()
    sites = [set(grouped.about[part]["site"]) for part in ("train", "validation", "test")]
    assert all(sites)
    assert sum(map(len, sites)) == len(set.union(*sites))
    newest = own({**data, "split": "time"})
    newest.load()
    assert max(newest.about["train"]["t"]) <= min(newest.about["test"]["t"])


def test_copies_of_a_sequence_stay_in_one_part(tmp_path):
    values = np.repeat(np.random.default_rng(0).normal(size=(20, 4)), 2, axis=0)
    np.save(tmp_path / "x.npy", values)
    np.save(tmp_path / "y.npy", values[:, 0])
    made = own({"path": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy"), "predicts": "number"})
    made.load()
    firsts = {part: {row[0, 0] for row in made.raw[part]} for part in made.raw}
    assert not firsts["train"] & firsts["test"]


def test_a_text_gets_a_number(tmp_path, capsys):
    texts = [f"{'fine' if n % 3 else 'poor'} film number {n}" for n in range(40)]
    pl.DataFrame({"review": texts, "stars": [5.0 if n % 3 else 1.0 for n in range(40)]}).write_csv(tmp_path / "r.csv")
    data = {"path": str(tmp_path / "r.csv"), "text": "review", "label": "stars", "predicts": "number"}
    made = own(data, **{"model.embedding": 8, "training.epochs": 3})
    run = experiment.run(made.config, out=tmp_path / "run", threads=1).path
    found = rekur.load(run)
    assert set(found.metrics["baselines"]) == {"mean", "TF-IDF + ridge regression"}
    assert cli.main(["predict", str(run), "a fine film"]) == 0
    assert float(capsys.readouterr().out) == pytest.approx(found.predict(["a fine film"])[0]["prediction"], rel=1e-4)
    with pytest.raises(DataError, match="Text 2 of 2"):
        found.predict(["a film", 3])
    with pytest.raises(DataError, match="no step"):
        found.predict(["..."])


def test_the_doctor_finds_no_fault_in_the_waves_but_how_briefly_they_were_learned():
    found = rekur.load(finished("waves")).metrics["findings"]
    assert {finding["check"] for finding in found if finding["severity"] == "fault"} <= {"chance"}


SETTINGS = {
    "readout": ({"model.readout": "every"}, "one answer"),
    "squash": ({"model.squash": "sigmoid"}, "no part"),
    "embedding": ({"model.embedding": 8}, "read as they are"),
    "kind": ({"data.predicts": "colour"}, "class or a number"),
    "no path": ({"data.set": "files"}, "data.path"),
    "path of waves": ({"data.path": "x.csv"}, 'data.set = "files"'),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_contradict_each_other_are_refused(case):
    changes, words = SETTINGS[case]
    with pytest.raises(ConfigError, match=words):
        tasks.create(config.override(config.load("waves"), changes))


FILES = {
    "no id": ({"path": "x.csv"}, "data.id"),
    "no labels": ({"path": "x.npy"}, "data.labels"),
    "labels of a table": ({"path": "x.csv", "id": "id", "labels": "y.txt"}, "for a .npy file"),
    "groups of an array": ({"path": "x.npy", "labels": "y.npy", "split": "grouped", "group": "g"}, "no groups"),
    "unlike columns of a long table": ({"path": "x.csv", "id": "id", "alike": False}, "data.alike"),
    "unlike columns of an array": (
        {"path": "x.npy", "labels": "y.npy", "layout": "wide", "alike": False},
        "data.alike",
    ),
    "unlike columns of texts": (
        {"path": "x.csv", "text": "t", "layout": "wide", "predicts": "number", "alike": False},
        "data.alike",
    ),
    "class of a text": ({"path": "x.csv", "text": "t"}, "the task `text`"),
    "text without vectors": ({"path": "x.csv", "text": "t", "predicts": "number"}, "model.embedding"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_cannot_be_are_refused(case):
    data, words = FILES[case]
    with pytest.raises(ConfigError, match=words):
        own(data)


INPUTS = {
    "words": ("many", "not numbers"),
    "another width": (np.zeros((4, 3)), r"\(4, 3\)"),
    "no step": (np.zeros((0, 1)), r"\(0, 1\)"),
    "infinite": ([1.0, np.inf], "infinite"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_that_are_no_sequences_are_refused(case):
    made = waves()
    given, words = INPUTS[case]
    with pytest.raises(DataError, match=words):
        made.predict(made.build().eval(), [[1.0, 2.0], given])


@pytest.mark.parametrize("predicts", ["class", "number"])
def test_what_an_export_is_told_makes_the_inputs_the_model_reads(predicts):
    made = waves(**{"data.predicts": predicts})
    told = json.loads(json.dumps(made.preprocessing()))
    raw = made.raw["test"].values
    scaled = (raw - told["shift"]) / told["scale"]
    step = np.concatenate([np.nan_to_num(scaled), np.isnan(raw)], axis=1)
    assert told["mask"]
    np.testing.assert_allclose(made.coded["test"].values, step, atol=1e-6)


def test_the_report_draws_the_sequences_it_was_most_wrong_about():
    page = (finished("waves") / "report.html").read_text(encoding="utf-8")
    assert "The sequences" in page
    assert "the model said" in page


def test_the_report_draws_numbers_beside_the_truth(tmp_path):
    changes = {**SMALL, "data.predicts": "number", "training.epochs": 1}
    page = rekur.run("waves", out=tmp_path / "run", settings=changes, threads=1).report.read_text(encoding="utf-8")
    assert "Said, and true" in page
    assert "What is right lies on the dashed line" in page


def test_a_prediction_imports_neither_torch_nor_scikit_learn(tmp_path):
    if not engine.SETS:
        pytest.skip("the native engine was not built")
    np.save(tmp_path / "x.npy", np.zeros((2, 5)))
    code = (
        "import sys; from rekur.cli import main\n"
        f"assert main(['predict', {str(finished('waves'))!r}, {str(tmp_path / 'x.npy')!r}]) == 0\n"
        "assert not {'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def test_an_id_is_given_back():
    made = waves()
    (found,) = made.predict(made.build().eval(), [Named("a", np.zeros((3, 1)))])
    assert found["id"] == "a"
    assert made.predict(None, []) == []


DAMAGED = {
    "columns.json": [
        {"columns": ["a", "b"], "masked": True, "longest": 4},
        {"columns": ["v"], "masked": 1, "longest": 4},
    ],
    "classes.json": [["one"], [1, 2], "ab"],
}
DAMAGED["columns.json"].append({"columns": ["v"], "masked": True, "longest": 10**9})


@pytest.mark.parametrize(("name", "place"), [(name, n) for name, cases in DAMAGED.items() for n in range(len(cases))])
def test_damaged_files_of_a_folder_are_refused(name, place):
    files = {**waves().files(), name: json.dumps(DAMAGED[name][place])}
    with pytest.raises(DataError, match=name):
        tasks.create(config.load("waves")).restore(files)
