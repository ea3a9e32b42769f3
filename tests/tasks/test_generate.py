"""The task of the next character: chunks, carried states, and when a text is read right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from rekur import config, tasks
from rekur.data.datasets import shakespeare
from rekur.errors import ConfigError, DataError


def task(name: str, **changes):
    made = tasks.create(config.override(config.load(name), changes), seed=1)
    made.load()
    return made


def short(**changes):
    return task("shakespeare-short", **{"data.characters": 12_000, "data.chunk": 16, "training.batch": 4, **changes})


@pytest.mark.parametrize(
    ("right", "first", "since"),
    [
        ([True, True], 0, 0),
        ([False, True, True], 1, 1),
        ([False, True, False, True], 1, 3),
        ([True, False], 0, None),
        ([False], None, None),
    ],
)
def test_a_text_counts_as_right_from_the_last_epoch_that_turned_right(right, first, since):
    history = [{"epoch": epoch, "loss": 1.0, "right": value} for epoch, value in enumerate(right)]
    found = task("hello-rnn").training_metrics(history)
    assert (found.get("first_right_epoch"), found.get("right_from_epoch")) == (first, since)


def test_the_chunks_of_a_stream_follow_each_other():
    starts = short().batches(0)
    assert all((after - before == 16).all() for before, after in itertools.pairwise(starts))


def test_streams_never_run_into_each_other():
    made = short()
    starts = np.stack(made.batches(3))  # (chunks, streams)
    assert (starts[-1, :-1] + 16 <= starts[0, 1:] + 16).all()
    assert starts[-1, -1] + 16 < len(made.ids["train"])


def test_the_carried_state_makes_two_chunks_one_long_read():
    made = short()
    model = made.build().eval()
    rows = made.batches(0)[0]
    first = made.step(model, rows, None)
    second = made.step(model, rows + 16, first.state)
    inputs, targets = made._read("train", rows, 32)
    output, _ = model(inputs)
    whole = torch.nn.functional.cross_entropy(output.flatten(0, 1), torch.from_numpy(targets.flatten()))
    assert float((first.loss + second.loss).detach() / 2) == pytest.approx(float(whole.detach()), rel=1e-5)
    assert not second.state.requires_grad


def test_every_test_character_is_scored_once_and_given_what_came_before():
    made = short()
    model = made.build().eval()
    nats = made.test(model).outcome.items
    assert len(nats) == len(made.ids["test"]) - 1
    inputs, targets = made._read("test", np.zeros(1, dtype=np.int64), 40)
    output, _ = model(inputs)
    direct = torch.nn.functional.cross_entropy(output[0].double(), torch.from_numpy(targets[0]), reduction="none")
    np.testing.assert_allclose(nats[:40], direct.detach().numpy(), rtol=1e-5)


def test_the_parts_follow_each_other_and_only_training_names_characters():
    made = short()
    whole = shakespeare.load()[:12_000]
    assert "".join(made.text[part] for part in ("train", "validation", "test")) == whole
    assert set(made.units.kinds) == set(made.text["train"])


def test_the_validation_part_can_stand_before_the_training_text():
    made = short(**{"data.validation_at": "start"})
    whole = shakespeare.load()[:12_000]
    assert "".join(made.text[part] for part in ("validation", "train", "test")) == whole
    assert made.text["test"] == short().text["test"]


def test_a_target_that_is_its_own_input_stands_beside_copying():
    assert task("hello-rnn").baselines()["repeat the character read"].metrics["nats"] == 0
    assert "repeat the character read" not in task("hello-rnn-mended").baselines()


def test_a_continuation_is_repeatable_and_an_empty_prompt_is_refused():
    made = short()
    model = made.build().eval()
    assert made.predict(model, ["Citizen "]) == made.predict(model, ["Citizen "])
    with pytest.raises(DataError, match="at least one character"):
        made.predict(model, [""])


def test_a_text_too_short_is_refused():
    with pytest.raises(ConfigError, match="at least two characters"):
        task("hello-rnn", **{"data.text": "h"})


@pytest.mark.parametrize("name", ["hello-rnn", "hello-rnn-mended"])
def test_figures_of_the_text_trained_on_say_so(name):
    assert any("same text" in warning for warning in task(name).warnings)
    assert not short().warnings


def test_a_text_too_short_for_three_parts_is_refused():
    with pytest.raises(ConfigError, match="two or more characters"):
        short(**{"data.characters": 9})


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_looped_cell_carries_its_state_as_a_layer_does(cell):
    made = short(**{"model.api": "cell", "model.cell": cell})
    model = made.build().eval()
    rows = made.batches(0)[0]
    first = made.step(model, rows, None)
    second = made.step(model, rows + 16, first.state)
    inputs, targets = made._read("train", rows, 32)
    whole = torch.nn.functional.cross_entropy(model(inputs)[0].flatten(0, 1), torch.from_numpy(targets.flatten()))
    assert float((first.loss + second.loss).detach() / 2) == pytest.approx(float(whole.detach()), rel=1e-5)
