"""Models that write: torch's and the one without torch agree, step by step and whole, and padding changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rekur import engine, inference, models
from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.errors import ConfigError
from rekur.notation import START

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
V, S, T, N = 9, 5, 4, 3


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    attention = draw(st.sampled_from(["none", "dot", "general", "additive"]))
    both, hidden = draw(st.booleans()), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["tokens", "values"]))
    model = ModelSettings(
        readout="decoder",
        cell=draw(st.sampled_from(["rnn", "gru", "lstm"])),
        embedding=draw(st.integers(1, 4)),
        hidden=hidden,
        layers=draw(st.integers(1, 2)),
        bidirectional=both,
        decoder_hidden=(1 + both) * hidden if attention == "dot" else draw(st.sampled_from([0, 3])),
        decoder_layers=draw(st.sampled_from([0, 1, 2])),
        attention=attention,
        input_feeding=attention != "none" and draw(st.booleans()),
        tied=draw(st.booleans()),
    )
    sizes = {"tokens": V} if kind == "tokens" else {"values": 3}
    return Architecture(model, V, shared=kind == "tokens" and draw(st.booleans()), **sizes)


def source_of(made: Architecture) -> np.ndarray:
    draw = np.random.default_rng(5)
    return draw.normal(size=(N, S, made.values)).astype(np.float32) if made.values else draw.integers(0, V, (N, S))


def model_of(made: Architecture) -> models.EncoderDecoder:
    torch.manual_seed(3)
    model = models.build(made)
    for weight in model.parameters():  # drawn wide and never zero: a bias left out must show
        torch.nn.init.uniform_(weight, -0.8, 0.8)
    return model.eval()


def network_of(made: Architecture, model: models.EncoderDecoder) -> inference.WritingNetwork:
    return inference.make(made, {name: weight.detach().numpy() for name, weight in model.state_dict().items()})


def written(writer, source, lengths, read):
    """Scores (N, T, V) and attention of reading word after word, as a search does."""
    state, found, looked = writer.begin(source, lengths), [], []
    for words in read.T:
        scores, attention, state = writer.write(words, state)
        found.append(scores)
        looked.append(attention)
    return np.stack(found, axis=1), None if looked[0] is None else np.stack(looked, axis=1)


READ = np.concatenate([np.full((N, 1), START), np.random.default_rng(2).integers(1, V, (N, T - 1))], axis=1)
lengths_of = st.none() | st.lists(st.integers(1, S), min_size=N, max_size=N)


@given(made=architectures(), lengths=lengths_of)
@native
def test_whole_stepwise_and_without_torch_are_one(made, lengths):
    ends = None if lengths is None else np.array(lengths)
    model, source = model_of(made), source_of(made)
    whole = model((source, READ), ends)[0].detach().numpy()
    steps, looked = written(model, source, ends, READ)
    np.testing.assert_allclose(steps, whole, rtol=1e-4, atol=1e-5)
    plain, seen = written(network_of(made, model), source, ends, READ)
    np.testing.assert_allclose(plain, whole, rtol=1e-4, atol=1e-5)
    assert (looked is None) == (made.settings.attention == "none")
    if looked is not None:
        np.testing.assert_allclose(seen, looked, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(looked.sum(axis=2), 1, rtol=1e-5)


@given(made=architectures(), lengths=st.lists(st.integers(1, S), min_size=N, max_size=N))
@native
def test_what_lies_behind_a_source_changes_nothing(made, lengths):
    model, source, ends = model_of(made), source_of(made), np.array(lengths)
    other = np.where((np.arange(S) < ends[:, None]).reshape(N, S, *([1] * (source.ndim - 2))), source, 1)
    for writer in (model, network_of(made, model)):
        np.testing.assert_allclose(
            written(writer, source, ends, READ)[0], written(writer, other, ends, READ)[0], rtol=1e-4, atol=1e-5
        )


@given(made=architectures(), rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=5))
@native
def test_picked_rows_go_on_as_they_would_have(made, rows):
    model, source, picked = model_of(made), source_of(made), np.array(rows)
    for writer in (model, network_of(made, model)):
        _, _, state = writer.write(READ[:, 0], writer.begin(source))
        all_rows = writer.write(READ[:, 1], state)[0]
        some = writer.write(READ[picked, 1], writer.pick(state, picked))[0]
        np.testing.assert_allclose(some, all_rows[picked], rtol=1e-4, atol=1e-5)


@given(made=architectures())
def test_the_architecture_knows_every_weight(made):
    weights = {name: (tuple(w.shape), "float32") for name, w in models.build(made).state_dict().items()}
    assert made.weights() == weights


@given(made=architectures())
def test_every_weight_learns(made):
    model = model_of(made).train()
    model((source_of(made), READ), np.array([S, 2, 1]))[0].square().sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_a_single_step_is_a_source_too():
    made = Architecture(ModelSettings(readout="decoder", embedding=3, hidden=4), V, tokens=6)
    scores, attention, _ = (model := model_of(made)).write(READ[:, 0], model.begin(np.array([[1], [2], [5]])))
    assert scores.shape == (N, V)
    assert attention is None
    assert not np.allclose(scores[0], scores[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"embedding": 0}, "model.embedding must be 1 or more"),
        ({"attention": "dot", "decoder_hidden": 3}, "of one size; got 3 and 4"),
    ],
)
def test_sizes_that_contradict_each_other(change, said):
    settings = ModelSettings(**{"readout": "decoder", "embedding": 3, "hidden": 4, **change})
    with pytest.raises(ConfigError, match=said):
        models.build(Architecture(settings, V, tokens=6))
