"""The task of the next character: chunks, carried states, and when a text is read right."""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np
import pytest
import torch

from rekur import config, tasks
from rekur.data.datasets import shakespeare
from rekur.errors import ConfigError, DataError
from rekur.inference import Network


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


# what the length of a text costs


def bytes_saved(path, letters: bytes, cell: str) -> set[int]:
    """How much each of the first chunks of a text holds for its backward pass."""
    made = of_files(path, letters, **{"model.cell": cell})
    model, state, found = made.build(), None, []
    for rows in made.batches(0)[:5]:
        held: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, held=held: held.append(x.nbytes) or x, lambda x: x):
            state = made.step(model, rows, state).state
        found.append(sum(held))
    return set(found[1:])  # the first has no state to begin with


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_a_step_holds_grows_neither_with_the_text_nor_with_the_steps_before(cell, tmp_path):
    small, large = (bytes_saved(tmp_path, b"abcdefghij" * times, cell) for times in (200, 5_000))
    assert len(small) == 1
    assert small == large


# words


def words(**changes):
    small = {"data.characters": 30_000, "model.hidden": 12, "model.embedding": 8, "model.cutoffs": [50, 300]}
    return task(
        "wikitext2-lstm", **{"data.set": "shakespeare", "data.chunk": 10, "training.batch": 4, **small, **changes}
    )


@pytest.mark.parametrize("cutoffs", [[], [50, 300]])
def test_the_loss_of_a_step_is_the_cross_entropy_of_all_words(cutoffs):
    made = words(**{"model.cutoffs": cutoffs})
    model, rows = made.build().eval(), made.batches(0)[0]
    case = made.case(rows)
    output, _ = model(case.inputs)
    expected = case.loss(output, torch.from_numpy(case.target))
    loss = made.step(model, rows, None).loss
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_words_are_scored_alike_with_torch_and_without_and_their_chances_add_up_to_one():
    made = words()
    model = made.build().eval()
    for weight in model.parameters():
        torch.nn.init.uniform_(weight, -0.5, 0.5)
    network = Network(made.architecture(), {n: w.detach().numpy() for n, w in model.state_dict().items()})
    np.testing.assert_allclose(made._nats(network, "test"), made._nats(model, "test"), rtol=1e-4, atol=1e-4)
    scores, _ = network(made.ids["test"][None, :7])
    np.testing.assert_allclose(np.exp(scores).sum(axis=2), 1, rtol=1e-5)
    first = -scores[0, np.arange(6), made.ids["test"][1:7]]
    np.testing.assert_allclose(made._nats(network, "test")[:6], first, rtol=1e-4)


def test_figures_of_words_are_called_so():
    made = words()
    model = made.build().eval()
    assert made.metric in made.test(model).outcome.metrics
    assert set(made.test(model).outcome.metrics) == {"word_nats", "word_bits", "word_perplexity"}
    assert set(made.baselines()) == {"unigram", "5-gram Kneser-Ney"}


def test_an_unknown_word_is_read_as_one_where_training_had_such_and_refused_elsewhere():
    lenient, strict = words(**{"data.min_count": 2}), words()
    (found,) = lenient.predict(lenient.build().eval(), ["First Xyzzy"])
    assert found["unknown"] == ["Xyzzy"]
    assert "<unk>" not in found["prediction"]
    with pytest.raises(DataError, match="words that the training text did not: 'Xyzzy'"):
        strict.predict(strict.build().eval(), ["First Xyzzy"])


def test_a_vocabulary_fits_the_training_part_alone():
    for made in (short(), words()):
        (refit,) = made.refits()
        assert refit.used == refit.train_only
    assert not set(words().units.kinds) >= set(words().units.cut(words().text["test"]))


# files of one's own


def of_files(tmp_path, train: bytes, test: bytes | None = None, **changes):
    names = {"data.set": "files", "data.train": str(tmp_path / "train.txt"), "data.chunk": 4}
    (tmp_path / "train.txt").write_bytes(train)
    if test is not None:
        (tmp_path / "test.txt").write_bytes(test)
        names["data.held_out"] = str(tmp_path / "test.txt")
    return task("shakespeare-short", **{"data.characters": 0, **names, **changes})


def test_a_text_of_ones_own_is_cut_or_stands_beside_its_test_part(tmp_path):
    one = of_files(tmp_path, b"abcdefghij" * 10)
    assert [len(one.text[part]) for part in ("train", "validation", "test")] == [85, 5, 10]
    two = of_files(tmp_path, b"abcdefghij" * 10, b"jihg")
    assert [len(two.text[part]) for part in ("train", "validation", "test")] == [95, 5, 4]


def test_composed_and_decomposed_letters_are_one_and_lines_end_alike(tmp_path):
    text = "한국어 é\n" * 20
    composed = of_files(tmp_path, text.encode())
    model = composed.build().eval()
    apart = of_files(tmp_path, unicodedata.normalize("NFD", text).replace("\n", "\r\n").encode("utf-8-sig"))
    assert composed.text == apart.text
    forms = [composed.predict(model, [unicodedata.normalize(form, "한국")])[0]["prediction"] for form in ("NFC", "NFD")]
    assert forms[0] == forms[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"ab\ncd\nx\xff", "not UTF-8: byte 0xff in line 3"),
        (b"abc", "two or more characters"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, said):
    with pytest.raises((DataError, ConfigError), match=said):
        of_files(tmp_path, content)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.set": "files"}, "data.train"),
        ({"data.min_count": 2}, "data.min_count"),
        ({"data.set": "given", "data.unit": "words"}, "data.unit"),
        ({"data.test": 0.0}, "data.test"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        tasks.create(config.override(config.load("shakespeare-short"), changes))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.txt cannot be read"):
        task("shakespeare-short", **{"data.set": "files", "data.train": str(tmp_path / "nowhere.txt")})
