"""Settings that nothing would read, and bounds: refused before any data is read."""

from __future__ import annotations

import pytest

from rekur import config, tasks
from rekur.errors import ConfigError

IGNORED = {
    "two layers of a looped cell": ("imdb-rnncell", {"model.layers": 2}, r"model\.layers needs model\.api"),
    "two ways of a looped cell": ("imdb-rnncell", {"model.bidirectional": True}, r"bidirectional needs model\.api"),
    "dropout in a looped cell": ("imdb-rnncell", {"model.dropout_layers": 0.1}, "2 or more: it stands between"),
    "dropout above one layer": ("digits-rows", {"model.dropout_layers": 0.1}, "2 or more: it stands between"),
    "an embedding of pixels": ("digits-rows", {"model.embedding": 8}, "task `rows` does not read"),
    "evidence of pixels": ("digits-rows", {"model.evidence": 2}, "does not read"),
    "a ballot of pixels": ("digits-rows", {"model.ballot": True}, "does not read"),
    "segments of pixels": ("digits-rows", {"model.segment": 4, "model.readout": "mean"}, "does not read"),
    "dropped words of a series": ("kospi-gru", {"model.dropout_words": 0.1}, "does not read"),
    "evidence of a series": ("kospi-gru", {"model.evidence": 1}, "does not read"),
    "segments of characters": ("shakespeare-short", {"model.segment": 8}, "does not read"),
    "a change from the last word": ("nsmc-sample", {"model.residual": True}, "does not read"),
    "evidence of unit vectors": ("nsmc-sample", {"model.embedding": 0}, r"evidence needs model\.embedding"),
    "dropped unit vectors": ("imdb-simplernn-onehot", {"model.dropout_words": 0.1}, r"needs model\.embedding"),
    "truncation of a layer": ("imdb-gru", {"training.truncate": 10}, r"needs model\.api"),
    "momentum of Adam": ("imdb-gru", {"training.momentum": 0.9}, r"needs training\.optimizer"),
    "steps of no schedule": ("imdb-gru", {"training.step_factor": 0.5}, r"needs training\.schedule"),
    "segments of the last state": ("nsmc-sample", {"model.segment": 9, "model.readout": "last"}, "readout of mean"),
    "a head before no output": ("hello-rnn", {"model.head": [4]}, r"needs model\.linear"),
    "the fault of another network": ("imdb-gru", {"model.transpose_fault": True}, r"needs model\.api"),
    "a forecaster of one step": ("kospi-gru", {"model.forecaster": "direct"}, "does not read"),
    "a distribution of none": ("kospi-gru", {"model.distribution": "normal"}, "does not read"),
    "a series from scratch": ("kospi-rnn", {"model.api": "numpy"}, "no network in NumPy"),
    "an LSTM from scratch": ("imdb-numpy", {"model.cell": "lstm"}, "must be 'rnn'"),
    "an embedding from scratch": ("imdb-numpy", {"model.embedding": 8}, "must be 0"),
    "a mask from scratch": ("imdb-numpy", {"data.mask": True}, r"needs data\.mask = false"),
    "a ballot of nothing": ("imdb-best", {"model.evidence": 0}, r"ballot needs model\.evidence"),
    "a ballot of three": ("imdb-best", {"data.classes": 3}, "of the classes there are"),
    "padding to no length": ("imdb-gru", {"data.fixed": True}, r"needs data\.length"),
    "texts of all lengths flattened": ("imdb-gru", {"model.readout": "flatten"}, r"needs data\.fixed"),
    "a class a token": ("imdb-gru", {"model.readout": "every"}, "a class a token"),
    "a class a row": ("digits-rows", {"model.readout": "every"}, "a class a row"),
    "a forecast a day": ("kospi-gru", {"model.readout": "every"}, "a forecast a step"),
}

BEYOND = {
    "shift": ("digits-rows", {"data.shift": -1}),
    "share below 0": ("digits-rows", {"data.validation": -0.1}),
    "share of all": ("digits-rows", {"data.validation": 1.0}),
    "training images": ("digits-rows", {"data.max_train": -1}),
    "test images": ("digits-rows", {"data.max_test": -1}),
    "no test part of a text": ("shakespeare-short", {"data.test": 0.0}),
    "nothing left of a text": ("shakespeare-short", {"data.test": 0.5, "data.validation": 0.5}),
    "nothing left of a series": ("kospi-gru", {"data.validation": 200}),
    "validation below 0": ("kospi-gru", {"data.validation": -1}),
    "windows below 1": ("kospi-gru", {"data.train": -5}),
    "layers": ("kospi-gru", {"model.layers": 17}),
    "hidden": ("kospi-gru", {"model.hidden": 16_385}),
    "embedding": ("imdb-gru", {"model.embedding": 16_385}),
    "width of the head": ("imdb-gru", {"model.head": [10**9]}),
    "truth as a number": ("kospi-gru", {"training.epochs": True}),
    "a number as truth": ("kospi-gru", {"data.shuffle": 1}),
    "no finite rate": ("kospi-gru", {"training.learning_rate": float("inf")}),
}


def create(name, changes):
    return tasks.create(config.override(config.load(name), changes), seed=1)


@pytest.mark.parametrize("fault", IGNORED)
def test_a_setting_that_would_be_ignored_is_refused(fault):
    name, changes, message = IGNORED[fault]
    with pytest.raises(ConfigError, match=message):
        create(name, changes)


@pytest.mark.parametrize("fault", BEYOND)
def test_a_setting_out_of_bounds_is_refused(fault):
    name, changes = BEYOND[fault]
    with pytest.raises(ConfigError):
        create(name, changes)


def test_whole_numbers_are_numbers_and_lists_are_tuples():
    changed = create("imdb-gru", {"training.learning_rate": 1, "model.head": [3, 4]})
    assert changed.config.training.learning_rate == 1.0
    assert changed.config.model.head == (3, 4)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError) as found:
        create("kospi-gru", {"data.validation": 200, "model.evidence": 1, "training.momentum": 0.5})
    assert len(str(found.value).splitlines()) == 3


def test_a_language_model_does_not_read_its_answer():
    with pytest.raises(ConfigError, match="its own answer"):
        create("shakespeare-short", {"model.bidirectional": True})


def test_a_state_read_as_logits_has_their_size():
    made = create("hello-rnn", {"model.hidden": 12})
    made.load()
    with pytest.raises(ConfigError, match="9 numbers are needed, and the state has 12"):
        made.build()


@pytest.mark.parametrize("name", config.names())
def test_every_recipe_and_its_smoke_run_pass(name):
    create(name, {})
    create(name, dict(config.load(name).smoke))
