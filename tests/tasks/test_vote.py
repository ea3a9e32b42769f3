"""The linear vote beside a network: fitted without its own rows, kept in the run, and an aid where lines suffice."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from rekur import config, tasks
from rekur.data import figures
from rekur.errors import ConfigError
from rekur.tasks.sequencing import vote

SETTINGS = {"model.hidden": 4, "model.figures": 6, "training.batch": 16}


def made(tmp_path, predicts="class", **changes):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 6))
    label = np.where(x @ [1, -1, 2, 0, 0, 1] > 0, "up", "down") if predicts == "class" else x @ [1.0, -1, 2, 0, 0, 1]
    frame = pl.DataFrame({**{f"t{n}": x[:, n] for n in range(6)}, "label": label})
    frame.write_csv(tmp_path / "rows.csv")
    data = {"set": "files", "path": str(tmp_path / "rows.csv"), "layout": "wide", "predicts": predicts, **changes}
    plain = config.load("waves").model_copy(update={"data": data})
    task = tasks.create(config.override(plain, SETTINGS), seed=1)
    task.load()
    return task


@pytest.mark.parametrize("predicts", ["class", "number"])
def test_an_untrained_model_already_says_what_the_vote_says(tmp_path, predicts):
    task = made(tmp_path, predicts)
    found = task.validate(task.build().eval())
    assert found["accuracy"] > 0.75 if predicts == "class" else found["loss"] < 0.3


def test_in_training_the_vote_of_a_row_never_saw_the_row():
    draw = np.random.default_rng(2)
    told, labels = draw.normal(size=(60, 300)).astype(np.float32), draw.integers(0, 2, 60).astype(float)
    kernels = figures.draw(5, 1, draw)
    found, said = vote.fit(told, kernels, labels, 2, np.random.default_rng(0))
    knows = (figures.scaled(told, found.shift, found.scale) @ found.weight.T + found.bias).argmax(axis=1) == labels
    assert knows.mean() > 0.9  # labels are noise: by heart
    assert 0.3 < (said.argmax(axis=1) == labels).mean() < 0.7  # and not at all


@pytest.mark.parametrize("column", ["group", "copies"])
def test_the_vote_of_a_row_never_saw_its_group_or_its_copies(tmp_path, column, monkeypatch):
    draw = np.random.default_rng(7)
    x = np.repeat(draw.normal(size=(20, 6)), 6, axis=0)  # labels are noise, known by heart of whoever saw a copy
    who = np.repeat(np.arange(20), 6)
    noise = 0.0 if column == "copies" else 1e-3
    frame = pl.DataFrame(x + noise * draw.normal(size=x.shape), schema=[f"t{n}" for n in range(6)])
    frame = frame.with_columns(label=np.repeat(draw.permutation(20) % 2, 6).astype(str), who=who)
    frame.sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "rows.csv")
    grouped = {"split": "grouped", "group": "who"} if column == "group" else {"values": [f"t{n}" for n in range(6)]}
    data = {"set": "files", "path": str(tmp_path / "rows.csv"), "layout": "wide", **grouped}
    plain = config.load("waves").model_copy(update={"data": data})
    for most in (vote.MOST, 40):
        monkeypatch.setattr(vote, "MOST", most)
        task = tasks.create(config.override(plain, {**SETTINGS, "model.figures": 100}), seed=1)
        task.load()
        answers, _ = task.answers_to_learn()
        assert (task.voted.argmax(axis=1) == answers).mean() < 0.8


def test_rows_that_the_vote_is_fitted_to_are_whole_groups():
    order, groups = np.random.default_rng(1).permutation(60), np.arange(60) // 6
    shown, spare = vote.apart(order, groups, 20)
    assert len(shown) == 18
    assert not set(groups[shown]) & set(groups[spare])
    assert [len(part) for part in vote.apart(order, np.zeros(60, int), 20)] == [20, 40]
    for plain in (None, np.arange(60)):
        assert np.array_equal(vote.apart(order, plain, 20)[0], np.sort(order[:20]))


@pytest.mark.parametrize("classes", [2, 4])
def test_classes_that_a_fold_lacks_and_figures_that_never_vary_are_borne(classes):
    draw = np.random.default_rng(3)
    told = draw.normal(size=(21, 5)).astype(np.float32)
    told[:, 2] = 7
    labels = np.append(np.arange(20) % (classes - 1), classes - 1).astype(float)
    found, said = vote.fit(told, figures.draw(5, 1, draw), labels, classes, draw)
    assert said.shape == (21, classes)
    assert np.isfinite(said).all()
    assert found.scale[2] == 0


def test_a_ridge_finds_a_line_of_more_figures_than_rows():
    draw = np.random.default_rng(4)
    told = np.repeat(draw.normal(size=(30, 1)), 50, axis=1).astype(np.float32)
    found, said = vote.fit(told, figures.draw(5, 1, draw), told[:, 0].astype(float) * 2, 0, draw)
    np.testing.assert_allclose(said[:, 0], 2 * told[:, 0], atol=0.1)
    assert found.weight.shape == (1, 50)


def test_only_the_network_learns(tmp_path):
    task = made(tmp_path)
    torch.manual_seed(0)
    model = task.build()
    assert not any(name.startswith("figures") for name, _ in model.named_parameters())
    inputs, lengths = task.training_inputs(np.arange(4))
    assert torch.equal(model(inputs, lengths)[0], torch.from_numpy(task.voted[:4]))  # the network adds nothing yet
    assert set(model.state_dict()) == set(task.architecture().weights())


def test_texts_have_no_figures():
    plain = config.load("waves").model_copy(update={"data": {"set": "files", "path": "a.csv", "text": "t"}})
    with pytest.raises(ConfigError, match=r"model\.figures: they are of sequences of numbers"):
        tasks.create(config.override(plain, {"model.figures": 3, "model.embedding": 4, "data.predicts": "number"}))


def test_of_many_sequences_some_make_the_vote_and_all_are_told_it(tmp_path, monkeypatch):
    monkeypatch.setattr(vote, "MOST", 40)
    task = made(tmp_path)
    assert np.isfinite(task.voted).all()
    assert (task.voted.argmax(axis=1) == task.labels["train"]).mean() > 0.7
