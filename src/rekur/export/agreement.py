"""Whether the graphs of a run compute what rekur does: both read inputs drawn for them, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.architecture import Architecture
from rekur.arithmetic import log_softmax
from rekur.errors import RekurError
from rekur.inference import Network, WritingNetwork
from rekur.inference.forecasters import Autoregressive, Forecaster
from rekur.predict import Predictor
from rekur.tasks.forecast import Forecasting
from rekur.tasks.forecasting import exported

APART = 1e-4  # more than this between rekur and onnxruntime is no rounding
N, T = 3, 7  # of the inputs that both read
STEPS = 3  # ids or values that both write

Arrays = dict[str, NDArray[Any]]
Pairs = list[tuple[Any, Any]]  # what rekur computes, what onnxruntime computes


def difference(predictor: Predictor, files: Mapping[str, bytes], padded: bool) -> float:
    """Return how far rekur and onnxruntime are apart; raises RekurError where they contradict each other."""
    import onnxruntime

    given = {"providers": ["CPUExecutionProvider"]}
    sessions = {name: onnxruntime.InferenceSession(graph, **given) for name, graph in files.items()}
    network = predictor.network
    if isinstance(network, Forecaster):
        pairs = _forecast(predictor, network, sessions)
    elif isinstance(network, WritingNetwork):
        pairs = _written(network, sessions, padded)
    else:
        pairs = _read(network, sessions["model.onnx"], padded)
    found = max(float(np.abs(theirs - ours).max() / max(1.0, np.abs(ours).max())) for ours, theirs in pairs)
    if not found <= APART:
        raise RekurError(f"The graph differs from the model by {found:.2g}, which is no rounding. Please report it.")
    return found


def _read(network: Network, session: Any, padded: bool) -> Pairs:
    made = network.architecture
    inputs, steps = _drawn(made)
    lengths = np.array([steps, 1, steps // 2 + 1]) if padded else None
    given: Any = tuple(inputs.values())
    ours, _ = (network.emissions if made.settings.crf else network)(given if len(given) > 1 else given[0], lengths)
    name = session.get_outputs()[-1].name
    if name == "log_probabilities":
        ours = log_softmax(ours)
    states = {part.name: _zeros(part.shape) for part in session.get_inputs() if part.name in ("h_0", "c_0")}
    told = {} if lengths is None else {"lengths": lengths}
    (theirs,) = session.run([name], {**inputs, **states, **told})
    return [(ours, theirs)]


def _zeros(shape: list[Any]) -> NDArray[np.float32]:
    """Return the state that a sequence begins in, (K*D, N, H)."""
    return np.zeros((shape[0], N, shape[2]), np.float32)


def _drawn(made: Architecture) -> tuple[Arrays, int]:
    """Draw N rows of inputs for a model, by the names of the graph's inputs; return them and their steps T."""
    draw, steps = np.random.default_rng(1), T
    steps = made.steps if made.settings.readout == "flatten" and made.steps else steps
    if made.image:
        wide = steps << len(made.settings.convolution)
        return {"images": draw.random((N, *made.image, wide), np.float32)}, steps
    if made.values:
        return {"values": draw.random((N, steps, made.values), np.float32)}, steps
    found = {"tokens": draw.integers(0, made.tokens, (N, steps))}
    if made.spelling:
        found["characters"] = draw.integers(1, made.letters, (N, steps, 4))
    return found, steps


def _written(network: WritingNetwork, sessions: Mapping[str, Any], padded: bool) -> Pairs:
    inputs, steps = _drawn(network.architecture)
    lengths = np.array([steps, 1, steps // 2 + 1]) if padded else None
    told = {} if lengths is None else {"lengths": lengths}
    standing = network.begin(next(iter(inputs.values())), lengths)
    read = _run(sessions["encoder.onnx"], {**inputs, **told})
    ids, pairs = np.arange(N) % network.sizes.written, []
    for _ in range(STEPS):
        scores, looked, standing = network.write(ids, standing)
        said = _run(sessions["decoder.onnx"], {**read, **told, "previous": ids})
        pairs.append((log_softmax(scores), said["log_probabilities"]))
        if looked is not None:
            pairs.append((looked, said["attention"]))
        read |= {name.replace("_n", "_0"): part for name, part in said.items() if name.endswith("_n")}
        ids = scores.argmax(axis=1)
    return pairs


def _forecast(predictor: Predictor, network: Forecaster, sessions: Mapping[str, Any]) -> Pairs:
    task = predictor.task
    assert isinstance(task, Forecasting)
    windows, origins = exported.drawn(task.windows, task.scales, N)
    given = exported.inputs(windows, origins)
    if isinstance(network, Autoregressive):
        return _stepped(network, sessions, windows.cut(origins).inputs, given)
    point, quantiles = task.predicting(network).forecast(windows, origins, corrections=predictor.corrections)
    said = _run(sessions["model.onnx"], given)
    return [(point, said["forecast"]), (quantiles, said["quantiles"])]


def _stepped(network: Autoregressive, sessions: Mapping[str, Any], inputs: Any, given: Arrays) -> Pairs:
    standing, before = network.begin(inputs, None)
    read = _run(sessions["reader.onnx"], given)
    pairs: Pairs = [(before, read["before"])]
    read["last"], ahead = read["before"], read.get("ahead")
    for place in range(min(STEPS, network.horizon)):
        numbers, standing = network.advance(before, place, standing)
        known = {} if ahead is None else {"ahead": ahead[:, place]}
        said = _run(sessions["step.onnx"], {**read, **known, "before": before})
        pairs.append((numbers, said["parameters"]))
        read |= {name.replace("_n", "_0"): part for name, part in said.items() if name.endswith("_n")}
        before = numbers[:, 0]
    return pairs


def _run(session: Any, given: Mapping[str, Any]) -> Arrays:
    """Return all outputs of a graph, by name, from those of `given` that it takes."""
    wanted = {part.name: given[part.name] for part in session.get_inputs()}
    names = [part.name for part in session.get_outputs()]
    return dict(zip(names, session.run(names, wanted), strict=True))
