"""onnxruntime computes from the written graph what rekur predicts, whatever the settings can describe."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur import engine, graphs, inference
from rekur.architecture import Architecture
from rekur.arithmetic import log_softmax
from rekur.config import ModelSettings
from rekur.data import evidence
from rekur.errors import MissingPackage, RequestError
from rekur.inference.readouts import READOUTS
from rekur.tasks import checks

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
V, LETTERS = 9, 8
BATCHES, LENGTHS = (1, 2, 5), (1, 4, 7)
FLATTENED = 6  # T of the readout `flatten`, fixed

Inputs = dict[str, np.ndarray]


def weights_of(made: Architecture) -> dict[str, np.ndarray]:
    """Draw every weight wide and no bias zero: one left out must show."""
    draw = np.random.default_rng(3)
    return {name: draw.uniform(-0.8, 0.8, shape).astype(kind) for name, (shape, kind) in made.weights().items()}


def session_of(made: Architecture, weights: dict[str, np.ndarray], **options: Any) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graphs.graph(made, weights, **options), providers=["CPUExecutionProvider"])


def drawn(made: Architecture, N: int, T: int) -> Inputs:
    draw = np.random.default_rng([N, T])
    if made.image:
        width = T << len(made.settings.convolution)
        return {"images": draw.normal(size=(N, *made.image, width)).astype(np.float32)}
    if made.values:
        return {"values": draw.normal(size=(N, T, made.values)).astype(np.float32)}
    ids = {"tokens": draw.integers(0, V, (N, T))}
    if made.spelling:
        characters = draw.integers(1, made.letters, (N, T, 5))
        ids["characters"] = characters * (np.arange(5) < draw.integers(0, 6, (N, T, 1)))
    return ids


def both(made: Architecture, inputs: Inputs, lengths: np.ndarray | None, session: Any = None) -> tuple[Any, Any]:
    """Return what rekur predicts, of a conditional random field its emissions, and what onnxruntime computes."""
    weights = weights_of(made)
    session = session or session_of(made, weights, padded=lengths is not None)
    given = tuple(inputs.values())
    network = inference.make(made, weights)
    ours, _ = (network.emissions if made.settings.crf else network)(given if len(given) > 1 else given[0], lengths)
    (theirs,) = session.run(["outputs"], inputs if lengths is None else {**inputs, "lengths": lengths})
    return ours, theirs


def some_lengths(N: int, T: int) -> np.ndarray:
    lengths = np.random.default_rng(N * T).integers(1, T + 1, N)
    lengths[0] = T
    return lengths


@pytest.mark.parametrize("points", [1, 6])
@pytest.mark.parametrize("longest", [4, 40, 200])
def test_the_vote_of_figures(longest, points):
    made = Architecture(ModelSettings(cell="gru", hidden=3, figures=points), 3, values=2, longest=longest)
    for padded in (True, False):
        session = session_of(made, {**weights_of(made)}, padded=padded)
        for N, T in ((1, 1), (2, 4), (5, 30)):
            ours, theirs = both(made, drawn(made, N, T), some_lengths(N, T) if padded else None, session)
            np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-4)  # sums of some 500 figures


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("readout", sorted(READOUTS))
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_every_cell_and_readout_at_three_batch_sizes_and_three_lengths(cell, readout, bidirectional, layers):
    settings = ModelSettings(
        cell=cell, readout=readout, bidirectional=bidirectional, layers=layers, embedding=3, hidden=5, head=(4,)
    )
    made = Architecture(settings, 2, tokens=V, steps=FLATTENED)
    for padded in (True, False):
        session = session_of(made, weights_of(made), padded=padded)
        for N in BATCHES:
            for T in (FLATTENED,) if readout == "flatten" else LENGTHS:
                lengths = some_lengths(N, T) if padded else None
                ours, theirs = both(made, drawn(made, N, T), lengths, session)
                assert theirs.dtype == np.float32
                np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


def test_the_network_from_scratch_is_a_layer_with_one_bias():
    made = Architecture(ModelSettings(cell="rnn", api="numpy", readout="last_step", hidden=5), 1, tokens=V)
    session = session_of(made, weights_of(made), padded=False)
    for N, T in zip(BATCHES, LENGTHS, strict=True):
        ours, theirs = both(made, drawn(made, N, T), None, session)
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Any model that a graph can hold."""
    kind, readout = draw(st.sampled_from(["tokens", "values", "image"])), draw(st.sampled_from(sorted(READOUTS)))
    looped, tokens = draw(st.booleans()), kind == "tokens"
    embedding = draw(st.sampled_from([0, 3])) if tokens else 0
    tied = bool(embedding) and readout == "every" and draw(st.booleans())
    characters = draw(st.sampled_from([0, 2])) if embedding and not tied else 0
    settings = ModelSettings(
        cell=draw(st.sampled_from(["rnn", "gru", "lstm"])),
        api="cell" if looped else "layer",
        embedding=embedding,
        hidden=draw(st.integers(1, 5)),
        layers=1 if looped else draw(st.integers(1, 3)),
        bidirectional=not looped and draw(st.booleans()),
        readout=readout,
        tied=tied,
        cutoffs=draw(st.sampled_from([(), (2,), (3, 5)])) if tied else (),
        head=() if tied else draw(st.sampled_from([(), (4,), (3, 2)])),
        linear=tied or draw(st.booleans()),
        squash=draw(st.sampled_from(["none", "sigmoid"])),
        residual=kind == "values" and readout != "every" and draw(st.booleans()),
        segment=draw(st.sampled_from([0, 3])) if tokens and readout in checks.POOLED else 0,
        characters=characters,
        characters_hidden=draw(st.sampled_from([0, 3])) if characters else 0,
        convolution=draw(st.sampled_from([(), (3,), (3, 2), (2, 3, 1)])) if kind == "image" else (),
        crf=readout == "every" and draw(st.booleans()),
    )
    sizes = {"tokens": {"tokens": V}, "values": {"values": 4}, "image": {"image": (2, 11)}}[kind]
    outputs = V if tied else draw(st.integers(1, 2))
    if not settings.linear:
        outputs = Architecture(settings.model_copy(update={"linear": True}), 1, steps=FLATTENED, **sizes).pooled
    return Architecture(settings, outputs, steps=FLATTENED, anchor=1, letters=LETTERS, **sizes)


@given(
    made=architectures(),
    lengths=st.none() | st.lists(st.integers(0, FLATTENED), min_size=1, max_size=4).filter(any),
)
def test_every_architecture_gives_what_rekur_gives(made, lengths):
    ends = None if lengths is None else np.array(lengths)
    ours, theirs = both(made, drawn(made, len(lengths or "abc"), FLATTENED), ends)
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_state_is_carried(cell):
    settings = ModelSettings(cell=cell, hidden=4, layers=2, readout="every")
    made = Architecture(settings, 3, tokens=V)
    session = session_of(made, weights_of(made), padded=False, state=True)
    ids, parts = drawn(made, 2, 7)["tokens"], ("h", "c")[: 2 if cell == "lstm" else 1]
    state = {f"{part}_0": np.zeros((2, 2, 4), np.float32) for part in parts}
    found = []
    for piece in (ids[:, :3], ids[:, 3:]):
        names = ["log_probabilities", *(f"{part}_n" for part in parts)]
        outputs, *ends = session.run(names, {"tokens": piece, **state})
        state = dict(zip(state, ends, strict=True))
        found.append(outputs)
    whole, last = inference.make(made, weights_of(made))(ids)
    np.testing.assert_allclose(np.concatenate(found, axis=1), log_softmax(whole), atol=1e-5)
    for part, other in zip(state.values(), last, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("ballot", [True, False])
@pytest.mark.parametrize(("outputs", "order"), [(1, 1), (2, 3), (3, 2)])
def test_n_grams_are_hashed_found_and_counted_once(outputs, order, ballot, padded):
    seen = drawn(Architecture(ModelSettings(embedding=3), 2, tokens=V), 4, 6)["tokens"]
    keys = np.unique(np.append(evidence.keys_of_rows(seen, order), evidence.NONE))
    settings = ModelSettings(embedding=3, hidden=5, evidence=order, ballot=ballot, readout="mean_max")
    made = Architecture(settings, outputs, tokens=V, features=len(keys))
    weights = {name: keys if name.endswith("keys") else array for name, array in weights_of(made).items()}
    session, network = session_of(made, weights, padded=padded), inference.make(made, weights)
    twice = np.concatenate([seen, seen], axis=1)  # every n-gram stands twice, and votes once
    for ids in (seen, twice, drawn(made, 5, 9)["tokens"], seen[:, :1]):
        lengths = some_lengths(*ids.shape) if padded else None
        (theirs,) = session.run(
            ["outputs"], {"tokens": ids} if lengths is None else {"tokens": ids, "lengths": lengths}
        )
        np.testing.assert_allclose(theirs, network(ids, lengths)[0], rtol=1e-5, atol=1e-5)


def test_what_a_graph_cannot_say_is_refused_by_the_name_of_the_setting():
    made = Architecture(ModelSettings(batch_first=False), V, tokens=V)
    with pytest.raises(RequestError, match=r"model\.batch_first = false"):
        graphs.graph(made, {}, padded=True)


def test_without_onnx_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=r"pip install 'rekur\[onnx\]'"):
        graphs.graph(Architecture(ModelSettings(), 2, tokens=V), {}, padded=True)
