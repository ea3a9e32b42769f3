"""`rekur export` writes a folder that onnxruntime and a JSON reader alone turn into rekur's own predictions."""

import json
import re
import shutil
import sys

import numpy as np
import onnxruntime
import pytest

import rekur
from finished_runs import finished
from rekur import engine, export
from rekur.cli import main
from rekur.data.datasets import digits, kospi, nsmc
from rekur.errors import RequestError
from rekur.runs import Run

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
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
