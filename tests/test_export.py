"""`rekur export` writes a folder that onnxruntime and a JSON reader alone turn into rekur's own predictions."""

import json
import re
import resource
import shutil
import sys
import tomllib
import unicodedata
from datetime import datetime
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
import tomli_w

import rekur
from finished_runs import finished
from rekur import config as configuration
from rekur import engine, export, search, storage, tasks
from rekur.cli import main
from rekur.data.datasets import digits, kospi, nsmc
from rekur.data.text import TOKENIZERS, tokenize
from rekur.errors import RekurError, RequestError
from rekur.export.examples import shared
from rekur.runs import Run

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
DOCS = Path(__file__).parents[1] / "docs" / "export.md"
STORED = Path(__file__).parent / "stored" / "1"
EXPORTED = ("digits-rows", "kospi-gru", "shakespeare-short", "imdb-rnncell", "strip-frames-crf")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Export a smoke run once and return its folder, session and preprocessing."""
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "model"
            made[name] = folder, export.onnx(finished(name), folder)
        folder, _ = made[name]
        session = onnxruntime.InferenceSession(str(folder / export.GRAPH), providers=["CPUExecutionProvider"])
        return folder, session, json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))

    return get


@pytest.mark.parametrize("name", EXPORTED)
def test_a_run_is_written_whole_and_agrees_with_onnxruntime(name, tmp_path):
    run = Run.open(finished(name))
    found = export.onnx(run.path, tmp_path / "out")
    assert found.difference < 1e-5
    assert set(found.files) >= {export.GRAPH, "preprocessing.json", "MODEL_CARD.md", *run.files()}
    assert found.files == tuple(sorted(entry.name for entry in (tmp_path / "out").iterdir()))
    assert found.bytes == (tmp_path / "out" / export.GRAPH).stat().st_size
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_texts_are_predicted_from_the_folder_alone(exported):
    folder, session, about = exported("imdb-rnncell")
    words = json.loads((folder / about["vocabulary"]).read_text(encoding="utf-8"))["words"]
    place = {word: number for number, word in enumerate(words)}
    texts = nsmc.load("test", sample=True).texts[:5].to_list()
    for text, expected in zip(texts, rekur.load(finished("imdb-rnncell")).predict(texts), strict=True):
        tokens = re.sub("<br|[!-/:-@\\[-`{-~]", "", text.lower()).split()  # docs/data.md: chapter_a
        assert about["tokenizer"] == "chapter_a"
        ids = [place.get(token, about["unknown"]) for token in tokens][: about["longest"]]
        padding = [about["padding"]] * ((about["padded_to"] or len(ids)) - len(ids))
        row = padding + ids if about["padded_on"] == "left" else ids + padding
        (logits,) = session.run(["outputs"], {"tokens": np.array([row])})
        chance = np.exp(logits[0, : len(about["classes"])])
        for name, p in zip(about["classes"], chance / chance.sum(), strict=True):
            assert p == pytest.approx(expected["probability"][name], abs=1e-5)


def test_the_empty_folder_one_stands_in_is_filled(tmp_path, monkeypatch):
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    assert main(["export", str(STORED / "rows"), "--onnx", "--out", "."]) == 0
    assert export.GRAPH in {entry.name for entry in place.iterdir()}
    assert place.samefile(Path.cwd())
    assert list(tmp_path.iterdir()) == [place]
    assert main(["export", str(STORED / "rows"), "--onnx", "--out", "."]) == 2


def test_images_are_predicted_from_the_folder_alone(exported):
    _, session, about = exported("digits-rows")
    images = digits.load("test")[0][:6]
    (logits,) = session.run(["outputs"], {"values": images.astype(np.float32) / about["divided_by"]})
    expected = rekur.load(finished("digits-rows")).predict(images)
    assert [about["classes"][row.argmax()] for row in logits] == [item["prediction"] for item in expected]


def test_a_series_is_forecast_from_the_folder_alone(exported):
    _, session, about = exported("kospi-gru")
    window = kospi.load()[40 : 40 + about["window"]].select(about["inputs"]).to_numpy()
    scaled = (window - about["shift"]) / about["scale"]
    (output,) = session.run(["outputs"], {"values": scaled[None].astype(np.float32)})
    forecast = output[0, 0] * about["target"]["scale"] + about["target"]["shift"]
    assert forecast == pytest.approx(rekur.load(finished("kospi-gru")).predict([window])[0]["prediction"], rel=1e-5)


def test_a_chain_of_labels_is_the_best_path_through_what_is_written(exported):
    folder, session, about = exported("strip-frames-crf")
    chain = {name: np.array(part) for name, part in json.loads((folder / about["transitions"]).read_text()).items()}
    strip = np.hstack(list(digits.load("test")[0][:3]))
    values = strip.T[None].astype(np.float32) / about["divided_by"]
    (emissions,) = session.run(["outputs"], {"values": values, "lengths": np.array([values.shape[1]])})
    best, back = emissions[0, 0] + chain["start"], []
    for step in emissions[0, 1:]:
        before = best[:, None] + chain["transitions"]
        back.append(before.argmax(axis=0))
        best = before.max(axis=0) + step
    path = [int((best + chain["end"]).argmax())]
    for places in reversed(back):
        path.append(int(places[path[-1]]))
    named = [about["classes"][label] for label in reversed(path)]
    (expected,) = rekur.load(finished("strip-frames-crf")).predict([strip])
    assert ["" if name == "blank" else name for name in named] == expected["columns"]


# the lines of Python that stand in the folder


def given(name, predictor):
    """Return what a run is asked, the beginning of the line of its README that says so, and rekur's own answer."""
    if name in ("text", "text-evidence", "subwords"):
        asked, begin = nsmc.load("test", sample=True).texts[3], "text ="
    elif name == "tags":
        asked, begin = ["Mary", "reads", "a", "book", "quietly", "."], "sentence ="
    elif name == "rows":
        asked, begin = digits.load("test")[0][5], "image ="
    elif name == "chains":
        asked, begin = np.hstack(list(digits.load("test")[0][:3])), "strip ="
        return asked, begin, [column or "blank" for column in predictor.predict([asked])[0]["columns"]]
    elif name == "series":
        rows = kospi.load()[40 : 40 + predictor.task.data.window]
        asked, begin = rows.select(predictor.task.data.inputs).to_numpy(), "window ="
    elif name == "waves":
        asked, begin = np.sin(np.arange(60.0) / 4)[:, None], "sequence ="
        asked[7] = np.nan
    else:
        return written(name, predictor)
    return asked, begin, predictor.predict([asked])[0]["prediction"]


def written(name, predictor):
    """Return the same of models that write, their beam of one."""
    task, network = predictor.task, predictor.network
    if name == "translations":
        task.data = task.data.model_copy(update={"beam": 1})
        asked = "ein mann schläft auf dem sofa ."
        return asked, "text =", predictor.predict([asked])[0]["words"]
    if name == "captions":
        task.data = task.data.model_copy(update={"beam": 1})
        image = np.hstack(list(digits.load("test")[0][:2])) * 15.9375
        said = predictor.predict([image.astype(np.uint8)])[0]["prediction"]
        return image.astype(np.uint8)[None, None], "image =", said
    if name == "names":
        found = search.beam(network, np.array([[3]]), None, width=1, longest=task.data.longest)
        return task.classes[3], "name =", task.coding.decode([found[0].ids])[0]
    ids, state, text = task.units.encode("The "), None, list("The ")
    for _ in range(20):
        output, state = network(ids[None], None, state)
        ids = output[0, -1:, : len(task.units.kinds)].argmax(axis=1)
        text.append(task.units.kinds[int(ids[0])])
    return list("The "), "text =", text


def ran(folder, begin, asked, monkeypatch, **other):
    """Run the lines of the README in its folder, the one that begins so changed to what is asked."""
    lines = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    for start, word in {begin: "ASKED", **other}.items():
        assert len(re.findall(rf"^{re.escape(start)}", lines, re.MULTILINE)) == 1
        lines = re.sub(rf"^{re.escape(start)}.*$", lambda _, s=start, w=word: f"{s} {w}", lines, flags=re.MULTILINE)
    monkeypatch.chdir(folder)
    names = {"ASKED": asked}
    exec(compile(lines, str(folder / "README.md"), "exec"), names)
    return names["answer"]


ALONE = ("captions", "chains", "characters", "names", "rows", "series", "subwords", "tags", "text", "text-evidence")


@pytest.mark.parametrize("name", [*ALONE, "translations", "waves"])
def test_the_lines_of_the_readme_answer_as_rekur_does(name, tmp_path, monkeypatch):
    folder = export.onnx(STORED / name, tmp_path / "out").folder
    asked, begin, expected = given(name, rekur.load(STORED / name))
    answer = ran(folder, begin, asked, monkeypatch)
    assert answer == (pytest.approx(expected, rel=1e-5) if isinstance(expected, float) else expected)


def history(steps=40):
    values = 50 + 10 * np.sin(np.arange(steps) / 4) + np.arange(steps) % 5
    values[[3, steps - 4]] = np.nan
    return values


def told(predictor, values):
    """Return what `rekur forecast` writes of a history, as lists by column."""
    times = pl.datetime_range(datetime(2024, 1, 1), datetime(2024, 2, 1), "1h", eager=True)[: len(values)]
    table = pl.DataFrame({"unique_id": "mine", "ds": times, "y": values}).with_columns(pl.col("y").fill_nan(None))
    return predictor.forecast(table).drop("unique_id", "ds").to_dict(as_series=False)


def test_a_forecast_from_the_folder_alone_is_that_of_the_command(tmp_path, monkeypatch):
    folder = export.onnx(STORED / "forecast", tmp_path / "out").folder
    answer, expected = (
        ran(folder, "history =", history(), monkeypatch),
        told(rekur.load(STORED / "forecast"), history()),
    )
    assert answer.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name], values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["s2", "new"])
def test_the_lines_of_the_docs_forecast_what_the_command_writes(name, tmp_path, monkeypatch):
    export.onnx(STORED / "forecast", tmp_path / "onnx")
    times = pl.datetime_range(datetime(2024, 1, 1), datetime(2024, 2, 1), "1h", eager=True)[:40]
    table = pl.DataFrame({"unique_id": name, "ds": times, "y": history()}).with_columns(pl.col("y").fill_nan(None))
    table.write_csv(tmp_path / "now.csv")
    monkeypatch.chdir(tmp_path)
    assert main(["forecast", str(STORED / "forecast"), "--history", "now.csv", "--out", "next.csv"]) == 0
    lines = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    found = {}
    exec(next(code for code in lines if "now.csv" in code), found)
    written = pl.read_csv("next.csv").drop("unique_id", "ds").to_numpy()
    np.testing.assert_allclose(found["forecast"][0], written[:, 0], rtol=1e-5)
    unit = 1e-6 * np.abs(written).max()  # a quantile may lie next to 0, and is a difference then
    np.testing.assert_allclose(found["quantiles"][0], written[:, 1:], rtol=1e-5, atol=unit)


def drawing(place, model, data):
    """Make a finished run of an autoregressive forecaster with drawn weights, from the stored one."""
    shutil.copytree(STORED / "forecast", place)
    config = tomllib.loads((place / "config.toml").read_text(encoding="utf-8"))
    config["model"] |= {"forecaster": "autoregressive", "highway": 0, **model}
    config["data"] |= data
    (place / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    if not config["data"]["standardise"]:
        panel = json.loads((place / "panel.json").read_text(encoding="utf-8"))
        panel["scales"]["series"] = {name: [0.0, 1.0] for name in panel["scales"]["series"]}
        (place / "panel.json").write_text(json.dumps(panel), encoding="utf-8")
    run, draw = Run.open(place), np.random.default_rng(3)
    task = tasks.create(configuration.parse(run.config_text(), "config.toml"), 1)
    task.restore(run.files())
    shapes = task.architecture().weights().items()
    weights = {name: draw.uniform(-0.5, 0.5, shape).astype(kind) for name, (shape, kind) in shapes}
    (place / "model.safetensors").write_bytes(storage.pack(weights))
    return place


@pytest.mark.parametrize("distribution", ["point", "normal", "student_t", "negative_binomial"])
def test_paths_drawn_by_the_readme_are_those_that_rekur_draws(distribution, tmp_path, monkeypatch):
    residual = distribution in ("point", "normal")
    data = {"standardise": residual, "scaled": residual, "log": distribution == "student_t"}
    run = drawing(tmp_path / "run", {"distribution": distribution, "residual": residual}, data)
    folder = export.onnx(run).folder
    seed = "np.random.default_rng([1, 2, 0]), np.zeros(" + ("1" if distribution == "point" else "200") + ", int)"
    answer = ran(folder, "history =", history(), monkeypatch, **{"rng, places =": seed})
    for name, values in told(rekur.load(run), history()).items():
        np.testing.assert_allclose(answer[name], values, rtol=2e-5)


@pytest.mark.parametrize("unit", sorted(TOKENIZERS.keys() - {"morphemes"}))  # those are kiwipiepy's own
def test_texts_are_cut_by_the_readme_as_by_rekur(unit, tmp_path):
    texts = [
        "Don't stop! It's 3.5 <br /> times, t-shirt_x",
        "정말 재미있다 ㅋㅋ 2,000원",
        "café — naïve; (well-made)",
        unicodedata.normalize("NFD", "정말 재미있다 café"),  # as macOS writes it
        "हिन्दी में लिखा हुआ '३.५'",  # with vowel signs, which are no letters
        "한국-漢字 カタカナ ½ Ⅷ",
        "a\x1cb\x85c\u3000d e\x1ff\n",  # \x1c is white space to Python alone
    ]
    words = [
        [tokens.kinds[code] for code in tokens.codes] for tokens in (tokenize(pl.Series([t]), unit) for t in texts)
    ]
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(word for row in words for word in row))}
    (tmp_path / "v.json").write_text(json.dumps({"words": list(vocabulary)}), encoding="utf-8")
    lines = shared.coded(unit, str(tmp_path / "v.json"))
    for text, row in zip(texts, words, strict=True):
        found = {"text": text, "json": json, "Path": Path, "about": {"unknown": -1}}
        exec(lines, found)
        assert found["ids"] == [vocabulary[word] for word in row], text


# requests


def test_the_command_prints_one_object(tmp_path, capsys):
    assert main(["export", str(finished("digits-rows")), "--onnx", "--out", str(tmp_path / "o"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"folder", "files", "bytes", "difference"}


def test_what_no_graph_can_say_is_refused_by_the_name_of_its_setting(tmp_path, capsys):
    assert main(["export", str(finished("hello-shapes")), "--onnx", "--out", str(tmp_path / "o")]) == 2
    assert "model.batch_first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_taken_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RequestError, match="new or empty"):
        export.onnx(finished("digits-rows"), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_no_finished_run_or_no_place_is_one_sentence_each(tmp_path):
    run, file = shutil.copytree(STORED / "text", tmp_path / "run"), tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    (tmp_path / "several").mkdir()
    shutil.copytree(STORED / "text", tmp_path / "several" / "fold-1")
    stopped = shutil.copytree(STORED / "text", tmp_path / "stopped")
    (stopped / "metrics.json").unlink()
    for path, said in (
        (tmp_path / "none", "no run folder"),
        (file, "no run folder"),
        (tmp_path / "several", "fold-1"),
        (stopped, "rekur run --resume"),
    ):
        with pytest.raises(RequestError, match=said):
            export.onnx(path, tmp_path / "out")
    for out, said in ((file, "new or empty"), (file / "out", "Cannot write .*--out")):
        with pytest.raises(RequestError, match=said):
            export.onnx(run, out)
    export.onnx(run)
    with pytest.raises(RequestError, match="new or empty"):
        export.onnx(run)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
    try:
        with pytest.raises(RekurError, match=r"No space to write .*out\. Nothing of it is left"):
            export.onnx(STORED / "text", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_without_a_form_the_forms_are_named(capsys):
    assert main(["export", str(finished("digits-rows"))]) == 2
    assert "--onnx" in capsys.readouterr().err


def test_without_onnx_one_sentence_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", str(finished("digits-rows")), "--onnx", "--out", str(tmp_path / "o")]) == 2
    assert capsys.readouterr().err == "rekur: An ONNX graph needs the package onnx. Run `pip install 'rekur[onnx]'`.\n"


def test_a_run_keeps_loading_with_its_export_inside(tmp_path):
    run = shutil.copytree(finished("digits-rows"), tmp_path / "run")
    export.onnx(run)
    assert len(rekur.load(run).predict(digits.load("test")[0][:1])) == 1
