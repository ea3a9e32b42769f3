"""The model without torch gives what the torch model gives, whatever the settings can describe."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rekur import arithmetic, config, engine, inference, models, tasks
from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.data.ragged import Ragged
from rekur.evidence import Evidence
from rekur.inference import step
from rekur.nn import readouts
from rekur.tasks import checks
from rekur.tasks.base import computed

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
V, T = 9, 7


@pytest.fixture(autouse=True)
def _engine_again() -> Iterator[None]:
    before = engine.selected()
    yield
    engine.select(before)


def arrays(model: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: weight.detach().numpy() for name, weight in model.state_dict().items()}


def settings(draw: st.DrawFn, kind: str) -> ModelSettings:
    """Any `[model]` that the tasks let through."""
    readout = draw(st.sampled_from(sorted(readouts.READOUTS)))
    tokens, looped = kind == "tokens", draw(st.booleans())
    embedding = draw(st.sampled_from([0, 3])) if tokens else 0
    tied = bool(embedding) and readout == "every" and draw(st.booleans())
    evidence = draw(st.integers(0, 3)) if embedding and not tied else 0
    characters = draw(st.sampled_from([0, 2])) if embedding and not (evidence or tied) else 0
    return ModelSettings(
        cell=draw(st.sampled_from(["rnn", "gru", "lstm"])),
        api="cell" if looped else "layer",
        embedding=embedding,
        hidden=draw(st.integers(1, 5)),
        layers=1 if looped else draw(st.integers(1, 3)),
        bidirectional=not looped and draw(st.booleans()),
        readout=readout,
        tied=tied,
        cutoffs=draw(st.sampled_from([(), (2,), (3, 5)])) if tied else (),
        head=draw(st.sampled_from([(), (4,), (3, 2)])),
        linear=tied or draw(st.booleans()),
        squash=draw(st.sampled_from(["none", "sigmoid"])),
        residual=not tokens and readout != "every" and draw(st.booleans()),
        evidence=evidence,
        ballot=bool(evidence) and readout != "every" and draw(st.booleans()),
        segment=draw(st.sampled_from([0, 3])) if tokens and readout in checks.POOLED else 0,
        characters=characters,
        characters_hidden=draw(st.sampled_from([0, 3])) if characters else 0,
        crf=readout == "every" and draw(st.booleans()),
        figures=draw(st.sampled_from([0, 5])) if kind == "values" and readout != "every" else 0,
    )


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    kind = draw(st.sampled_from(["tokens", "values", "image"]))
    model = settings(draw, kind)
    sizes = {"tokens": {"tokens": V}, "values": {"values": 4}, "image": {"image": (2, 11)}}[kind]
    if kind == "image":
        kernels = draw(st.sampled_from([(), (3,), (3, 2), (2, 3, 1)]))
        model = model.model_copy(update={"convolution": kernels, "residual": False})
    features = len(fitted(model.evidence).keys) if model.evidence else 0
    if model.ballot or model.figures:
        model = model.model_copy(update={"linear": True})
    outputs = V if model.tied else draw(st.integers(1, 2))
    if not model.linear:
        outputs = Architecture(model.model_copy(update={"linear": True}), 1, steps=T, **sizes).pooled
    return Architecture(model, outputs, steps=T, features=features, anchor=1, letters=8, longest=40, **sizes)


def fitted(order: int) -> Evidence:
    tokens = Ragged.of([[1, 2, 3, 1], [4, 5, 1], [2, 3, 8], [7, 6, 5, 4]])
    return Evidence.fit(tokens, np.array([0, 1, 0, 1]), order, 1, np.array([0, 1, 1, 0]))[0]


def inputs_for(made: Architecture, N: int):
    draw = np.random.default_rng(N)
    if made.spelling:
        characters = draw.integers(2, made.letters, (N, T, 5))
        return draw.integers(0, V, (N, T)), characters * (np.arange(5) < draw.integers(0, 6, (N, T, 1)))
    if made.image:
        width = T << len(made.settings.convolution)
        return draw.normal(size=(N, *made.image, width)).astype(np.float32)
    return draw.normal(size=(N, T, made.values)).astype(np.float32) if made.values else draw.integers(0, V, (N, T))


def torch_model(made: Architecture) -> torch.nn.Module:
    torch.manual_seed(3)
    model = models.build(made, fitted(made.settings.evidence) if made.features else None)
    for weight in model.parameters():  # drawn wide and never zero: a bias or a vote left out must show
        torch.nn.init.uniform_(weight, -0.8, 0.8)
    for buffer in model.buffers() if made.settings.figures else ():
        torch.nn.init.uniform_(buffer, -0.1, 0.1)
    return model.eval()


@given(made=architectures(), lengths=st.none() | st.lists(st.integers(0, T), min_size=1, max_size=4).filter(any))
@native
def test_every_architecture_gives_what_torch_gives(made, lengths):
    model = torch_model(made)
    network = inference.Network(made, arrays(model))
    inputs = inputs_for(made, len(lengths or "abc"))
    ends = None if lengths is None else np.array(lengths)
    engine.select("torch")
    expected, state = computed(model, inputs, ends)
    engine.select(None)
    for many in (False, True):  # embedded and multiplied, or found multiplied
        network.many = many
        outputs, ours = network(inputs, ends)
        assert outputs.dtype == expected.dtype
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
        assert (ours is None) == (state is None)
        for part, other in zip(ours or (), state if isinstance(state, tuple) else (state,), strict=False):
            np.testing.assert_allclose(part, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [0, 48])
@native
def test_the_same_question_gets_the_same_bits_whatever_was_asked_before(size, monkeypatch):
    monkeypatch.setattr(inference.network, "SMALL", 0, raising=False)
    made = Architecture(ModelSettings(cell="lstm", embedding=size, hidden=32, readout="last"), 3, tokens=V)
    network, ids = inference.Network(made, arrays(torch_model(made))), np.arange(3)[None]
    first = network(ids)[0]
    for _ in range(V):
        np.testing.assert_array_equal(network(ids)[0], first)
    job = network.for_many(V)(ids)[0]
    for _ in range(V):
        np.testing.assert_array_equal(network(ids)[0], first)
        np.testing.assert_array_equal(network.for_many(V - 1)(ids)[0], first)
        np.testing.assert_array_equal(network.for_many(V)(ids)[0], job)
    np.testing.assert_allclose(job, first, atol=1e-5)


@native
def test_a_table_is_multiplied_once_for_all_jobs_of_many_ids_and_never_for_few():
    made = Architecture(ModelSettings(cell="gru", embedding=8, hidden=64, readout="last"), 3, tokens=2_000)
    network = inference.Network(made, arrays(torch_model(made)))
    network(np.zeros((1, 5), np.int64))
    assert "products" not in vars(network)
    many = network.for_many(2_000)
    many(np.zeros((1, 5), np.int64))
    assert network.for_many(5_000) is many
    assert network.for_many(1_999) is network
    assert "products" in vars(many)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@native
def test_a_state_is_carried(cell):
    made = Architecture(ModelSettings(cell=cell, hidden=4, layers=2, readout="every"), 3, tokens=V)
    network, ids = inference.Network(made, arrays(torch_model(made))), inputs_for(Architecture(made.settings, 3), 2)
    whole, end = network(ids)
    first, between = network(ids[:, :3])
    second, after = network(ids[:, 3:], None, between)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)
    for part, other in zip(after, end, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


@given(made=architectures())
def test_the_weights_of_every_architecture_are_those_of_the_torch_model(made):
    with torch.device("meta"):
        state = models.build(made).state_dict()
    found = {name: (tuple(weight.shape), str(weight.dtype).removeprefix("torch.")) for name, weight in state.items()}
    assert made.weights() == found


@pytest.mark.parametrize("name", [n for n in config.names() if not n.startswith(("imdb", "mnist"))] + ["imdb-numpy"])
def test_the_shelf_has_the_architecture_it_says(name):
    recipe = config.load(name)
    task = tasks.create(config.override(recipe, dict(recipe.smoke)))
    task.load()
    found = {n: (tuple(w.shape), str(w.dtype).removeprefix("torch.")) for n, w in task.build().state_dict().items()}
    assert task.architecture().weights() == found


def test_both_know_the_same_readouts():
    assert inference.readouts.READOUTS.keys() == readouts.READOUTS.keys()


@given(x=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=5))
def test_probabilities_are_torchs_and_never_overflow(x):
    x, tensor = np.array(x), torch.tensor(x, dtype=torch.float64)
    np.testing.assert_allclose(arithmetic.sigmoid(x), torch.sigmoid(tensor), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(arithmetic.softmax(x), torch.softmax(tensor, 0), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(arithmetic.log_softmax(x), torch.log_softmax(tensor, 0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("asked", "count"), [("3", 3), ("2,1", 2), ("0", None), ("many", None), (None, None)])
def test_the_number_of_threads_is_the_one_asked_for(monkeypatch, asked, count):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    free = inference.arrays.threads()
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert inference.arrays.threads() == (count or free) >= 1


@native
@pytest.mark.parametrize("projected", [False, True], ids=["vectors", "products"])
@pytest.mark.parametrize("mode", ["RNN_TANH", "GRU", "LSTM"])
def test_a_single_step_is_that_of_the_engine(mode, projected):
    """`rekur.inference.step` computes what the engine does, biases drawn, weights large enough to shut gates."""
    draw, H, features = np.random.default_rng(3), 33, 7
    rows = engine.GATES[mode] * H
    shapes = [(rows, features), (rows, H), (rows,), (rows,)]
    weights = [draw.normal(0, 2, shape).astype(np.float32) for shape in shapes]
    x = draw.normal(size=(1, 1, features)).astype(np.float32)
    state = tuple(draw.normal(size=(1, 1, H)).astype(np.float32) for _ in range(1 + (mode == "LSTM")))
    given = (x @ weights[0].T, [None, *weights[1:]]) if projected else (x, weights)
    outputs, expected = engine.layer(mode, given[0], state, [given[1]])
    found = step.layer(mode, given[0], state, given[1])
    np.testing.assert_allclose(found[0], outputs, atol=2e-6)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
