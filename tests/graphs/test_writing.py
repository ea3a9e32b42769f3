"""onnxruntime reads a source and writes from it, an id at a time, as rekur does."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from rekur import engine, graphs, inference
from rekur.architecture import Architecture
from rekur.arithmetic import log_softmax
from rekur.config import ModelSettings

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
V, W = 9, 7  # ids read and written
BATCHES, LENGTHS, STEPS = (1, 2, 5), (1, 4, 7), 3
SOURCES = {"tokens": {"tokens": V}, "values": {"values": 4}, "images": {"image": (2, 11)}}


def made_of(source: str = "tokens", **settings: Any) -> Architecture:
    shared = settings.pop("shared", False)
    sizes = {"embedding": 3, "hidden": 5, "readout": "decoder", "convolution": (3, 2) if source == "images" else ()}
    return Architecture(ModelSettings(**{**sizes, **settings}), V if shared else W, shared=shared, **SOURCES[source])


def drawn(made: Architecture, N: int, T: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng([N, T])
    if made.image:
        return {"images": draw.normal(size=(N, *made.image, T << 2)).astype(np.float32)}
    if made.values:
        return {"values": draw.normal(size=(N, T, made.values)).astype(np.float32)}
    return {"tokens": draw.integers(0, V, (N, T))}


def run(session: Any, given: dict[str, Any]) -> dict[str, np.ndarray]:
    names = [part.name for part in session.get_outputs()]
    wanted = {part.name: given[part.name] for part in session.get_inputs()}
    return dict(zip(names, session.run(names, wanted), strict=True))


def agrees(made: Architecture, padded: bool) -> None:
    draw = np.random.default_rng(3)
    weights = {name: draw.uniform(-0.8, 0.8, shape).astype(kind) for name, (shape, kind) in made.weights().items()}
    files = graphs.writer(made, weights, padded=padded, about={})
    options: Any = {"providers": ["CPUExecutionProvider"]}
    encoder, decoder = (
        onnxruntime.InferenceSession(files[f"{name}.onnx"], **options) for name in ("encoder", "decoder")
    )
    network = inference.make(made, weights)
    for N, T in zip(BATCHES, LENGTHS, strict=True):
        source = drawn(made, N, T)
        told = {"lengths": np.maximum(T - np.arange(N), 1)} if padded else {}
        standing = network.begin(next(iter(source.values())), told.get("lengths"))
        read, ids = run(encoder, {**source, **told}), np.arange(N) % made.outputs
        for _ in range(STEPS):
            scores, looked, standing = network.write(ids, standing)
            said = run(decoder, {**read, **told, "previous": ids})
            np.testing.assert_allclose(said["log_probabilities"], log_softmax(scores), rtol=1e-5, atol=1e-5)
            assert (looked is None) is ("attention" not in said)
            if looked is not None:
                np.testing.assert_allclose(said["attention"], looked, rtol=1e-5, atol=1e-5)
            read |= {name.replace("_n", "_0"): part for name, part in said.items() if name.endswith("_n")}
            ids = (ids + 1) % made.outputs


@pytest.mark.parametrize("attention", ["none", "dot", "general", "additive"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_every_cell_and_attention_at_three_batch_sizes_and_three_lengths(cell, bidirectional, attention):
    decoder = {"decoder_hidden": 10 if bidirectional and attention == "dot" else 0}
    made = made_of(cell=cell, bidirectional=bidirectional, attention=attention, layers=2, **decoder)
    agrees(made, padded=bidirectional or cell == "gru")


@pytest.mark.parametrize(
    "settings",
    [
        {"attention": "general", "input_feeding": True},
        {"attention": "additive", "input_feeding": True, "tied": True, "cell": "lstm"},
        {"tied": True},
        {"shared": True, "tied": True, "attention": "dot"},
        {"shared": True},
        {"decoder_hidden": 6, "decoder_layers": 2, "cell": "lstm"},
    ],
    ids=str,
)
def test_what_else_a_decoder_may_have(settings):
    agrees(made_of(**settings), padded=True)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source):
    agrees(made_of(source, attention="general"), padded=source == "images")
