"""The vote of n-grams beside a network that gives a text a number: a ridge of its own, computed alike everywhere."""

from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch
from sklearn.linear_model import Ridge

import rekur
from rekur import config, engine, export, tasks
from rekur.data import evidence
from rekur.data.ragged import Ragged
from rekur.errors import ConfigError, DataError
from rekur.tasks.base import computed
from rekur.tasks.sequencing import ngrams
from rekur.training import experiment

WORDS = ["good", "bad", "fine", "poor", "film", "plot", "the", "a", "of", "tale"]
WORTH = np.array([2.0, -2, 1, -1, 0, 0, 0, 0, 0, 0])
SETTINGS = {"model.hidden": 4, "model.embedding": 4, "model.evidence": 2, "model.ballot": True, "training.batch": 16}


def planned(tmp_path, **changes):
    draw = np.random.default_rng(0)
    drawn = [draw.integers(0, len(WORDS), draw.integers(3, 12)) for _ in range(150)]
    texts, stars = [" ".join(WORDS[w] for w in row) for row in drawn], [float(WORTH[row].sum()) for row in drawn]
    pl.DataFrame({"review": texts, "stars": stars}).write_csv(tmp_path / "reviews.csv")
    data = {"set": "files", "path": str(tmp_path / "reviews.csv"), "text": "review", "label": "stars"}
    plain = config.load("waves").model_copy(update={"data": {**data, "predicts": "number"}})
    return config.override(plain, {**SETTINGS, **changes})


def made(tmp_path, **changes):
    task = tasks.create(planned(tmp_path, **changes), seed=1)
    task.load()
    return task


def tokens(draw, count=60, kinds=40):
    lengths = draw.integers(1, 9, count)
    return Ragged.from_lengths(draw.integers(2, kinds, lengths.sum()), lengths)


def test_an_untrained_model_already_says_what_the_vote_says(tmp_path):
    task = made(tmp_path)
    assert task.validate(task.build().eval())["loss"] < 0.5


def test_the_weights_are_those_of_a_ridge_on_the_table_written_out():
    draw = np.random.default_rng(1)
    texts, answers = tokens(draw), draw.normal(size=60)
    vote, _, _ = ngrams.fit(texts, answers, 2, draw)
    rows = [texts.values[a:b] for a, b in zip(texts.offsets[:-1], texts.offsets[1:], strict=True)]
    grams = [{(int(word),) for word in row} | {*itertools.pairwise(map(int, row))} for row in rows]
    held = {gram: sum(gram in row for row in grams) for row in grams for gram in row}
    kept = sorted(gram for gram, count in held.items() if count >= 2)
    rarity = np.array([1 + np.log(61 / (1 + held[gram])) for gram in kept])
    table = np.array([[float(gram in row) for gram in kept] for row in grams])
    table /= np.sqrt(np.maximum(1, table.sum(axis=1, keepdims=True)))
    models = [Ridge(alpha=penalty).fit(table * rarity, answers) for penalty in ngrams.RIDGE]
    assert len(vote.keys) == len(kept) + 1  # and NONE
    near = min(np.abs(np.sort(model.coef_ * rarity) - np.sort(vote.weights[vote.keys != 0])).max() for model in models)
    assert near < 0.01


def test_in_training_neither_ballot_nor_evidence_of_a_text_ever_saw_it(monkeypatch):
    monkeypatch.setattr(ngrams, "RIDGE", (3.0,))
    draw = np.random.default_rng(2)
    texts, answers = tokens(draw, 80), draw.normal(size=80)
    vote, read, said = ngrams.fit(texts, answers, 2, np.random.default_rng(0))
    answers[7] += 100
    moved, later, again = ngrams.fit(texts, answers, 2, np.random.default_rng(0))
    own = slice(texts.offsets[7], texts.offsets[8])
    assert said[7] == again[7]
    assert (read[own] == later[own]).all()
    assert (np.abs(again - said) > 1).any()  # others did
    assert np.abs(vote.weights - moved.weights).max() > 1


def test_texts_of_a_group_are_left_out_together(monkeypatch):
    monkeypatch.setattr(ngrams, "RIDGE", (3.0,))
    draw = np.random.default_rng(2)
    texts, answers, pairs = tokens(draw, 80), draw.normal(size=80), np.arange(80) // 2
    said = ngrams.fit(texts, answers, 2, np.random.default_rng(0), pairs)[2]
    answers[7] += 100
    again = ngrams.fit(texts, answers, 2, np.random.default_rng(0), pairs)[2]
    assert (said[6:8] == again[6:8]).all()
    assert (np.abs(again - said) > 1).any()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_texts_too_few_for_folds_are_borne(count):
    draw = np.random.default_rng(3)
    vote, read, said = ngrams.fit(tokens(draw, count), np.arange(count) - 1.0, 2, draw)
    assert all(np.isfinite(found).all() for found in (vote.weights, read, said, vote.bias))


def test_only_the_network_learns(tmp_path):
    task = made(tmp_path)
    torch.manual_seed(0)
    model = task.build()
    assert not any(name.startswith("ballot") for name, part in model.named_parameters() if part.requires_grad)
    inputs, lengths = task.training_inputs(np.arange(4))
    assert torch.equal(model(inputs, lengths)[0], torch.from_numpy(task.voted[:4]) / 2)  # the network adds nothing yet
    assert set(model.state_dict()) == set(task.architecture().weights())


@pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
@pytest.mark.parametrize("segment", [0, 4])
def test_a_folder_says_the_same_by_torch_by_numpy_and_by_onnx(tmp_path, segment):
    from rekur.inference import Network

    asked = planned(tmp_path, **{"training.epochs": 2, "model.segment": segment, "model.readout": "mean_max"})
    run = experiment.run(asked, out=tmp_path / "run", threads=1, seed=1).path
    found = rekur.load(run)
    assert export.onnx(run, tmp_path / "out").difference < 1e-5
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / export.GRAPH), providers=["CPUExecutionProvider"])
    coded = found.task.reader.encode(pl.Series(["good film", "a bad bad tale of the plot, a new one", "fine"]))
    ids, lengths = found.task.padded(coded, np.arange(3))
    by_torch = computed(found.model, ids, lengths)[0]
    by_numpy = computed(Network(found.task.architecture(), found.weights), ids, lengths)[0]
    (by_onnx,) = session.run(["outputs"], {"tokens": ids, "lengths": lengths})
    np.testing.assert_allclose(by_numpy, by_torch, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_onnx, by_torch, rtol=1e-5, atol=1e-5)


def test_what_does_not_fit_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.evidence needs model\.ballot"):
        made(tmp_path, **{"model.ballot": False})
    numbers = config.override(config.load("waves"), {"model.evidence": 2, "model.ballot": True})
    with pytest.raises(ConfigError, match=r"model\.evidence: numbers are read as they are"):
        tasks.create(numbers)
    with pytest.raises(DataError, match="from 1 to"):
        evidence.from_json('{"features": true}')
