"""`rekur bench infer`: a text classifier's forward pass by torch.nn, rekur.nn, NumPy and onnxruntime, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import rekur.nn
from rekur import engine, graphs
from rekur.architecture import Architecture
from rekur.bench.timing import Form, Request, Timing, compute_on, take_turns
from rekur.config import ModelSettings

BATCHES = (1, 64)
BOUND = 1e-3  # of the largest difference of the logits, relative to the largest logit
MISSING = "onnxruntime is not here to compare with: python -m pip install 'rekur[onnx]'"

Row = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
Forward = Callable[[], NDArray[Any]]


class Sizes(NamedTuple):
    """Sizes of the model and its texts."""

    V: int = 20_000
    E: int = 128
    T: int = 200
    H: int = 128  # of all directions together


FULL, QUICK = Sizes(), Sizes(V=50, E=8, T=10, H=16)


class Classifier(nn.Module):
    """Embedding, one recurrent layer, its last state, Linear."""

    def __init__(self, layers: Any, cell: str, both_ways: bool, sizes: Sizes) -> None:
        super().__init__()
        self.embedding = nn.Embedding(sizes.V, sizes.E)
        self.layer = getattr(layers, cell.upper())(sizes.E, sizes.H // (1 + both_ways), bidirectional=both_ways)
        self.linear = nn.Linear(sizes.H, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (N, 2) of tokens (T, N)."""
        _, state = self.layer(self.embedding(tokens))
        last = state[0] if isinstance(state, tuple) else state
        logits: Tensor = self.linear(last.transpose(0, 1).flatten(1))
        return logits


def measure(asked: Request, sizes: Sizes = FULL) -> Iterator[Row]:
    """Yield a row for each number of threads, model and batch size; an LSTM is run both ways, too."""
    for count in asked.threads:
        clock = compute_on(count)
        for cell in asked.cells:
            for both_ways in (False, True) if cell == "lstm" else (False,):
                theirs, ours = _twins(cell, both_ways, sizes)
                for N in BATCHES:
                    tokens = np.random.default_rng(1).integers(0, sizes.V, (sizes.T, N))
                    forward = forms(cell, theirs, ours, tokens, count)
                    found = errors(forward)
                    turns = [Form(name, step, step) for name, step in forward.items()]  # idle threads of others rest
                    row = {"cell": cell, "directions": 1 + both_ways, "N": N, "T": sizes.T, "threads": count}
                    yield {**row, **figures(take_turns(turns, asked.repeats, clock)), **found}


def forms(
    cell: str, theirs: Classifier, ours: Classifier, tokens: NDArray[np.int64], threads: int
) -> dict[str, Forward]:
    """Return the forward passes that run here, each from tokens (T, N) to logits (N, 2) in NumPy."""
    weights = {name: weight.numpy() for name, weight in theirs.state_dict().items()}
    found: dict[str, Forward] = {"torch": partial(_by_torch, theirs, tokens), "rekur": partial(_by_torch, ours, tokens)}
    if engine.selected() != "torch":
        found["rekur, NumPy"] = by_numpy(cell, weights, tokens, threads)
    if has_onnxruntime():
        found["onnxruntime"] = _by_onnxruntime(cell, weights, tokens, threads)
    return found


def has_onnxruntime() -> bool:
    """Say whether onnx, which writes graphs, and onnxruntime, which runs them, are installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def by_numpy(cell: str, weights: Arrays, tokens: NDArray[np.int64], threads: int) -> Forward:
    """Return the forward pass by the engine, without torch."""
    ways = [way for way in ("", "_reverse") if f"layer.weight_ih_l0{way}" in weights]
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    parts = [tuple(weights[f"layer.{name}{way}"] for name in names) for way in ways]

    def forward() -> NDArray[Any]:
        x = weights["embedding.weight"][tokens]  # (T, N, E)
        _, state = engine.layer(engine.MODES[cell], x, None, parts, threads=threads)
        last = state[0].transpose(1, 0, 2).reshape(tokens.shape[1], -1)  # (N, D*H)
        logits: NDArray[Any] = last @ weights["linear.weight"].T + weights["linear.bias"]
        return logits

    return forward


def errors(forward: dict[str, Forward]) -> Row:
    """Return each form's largest difference from torch's logits, and whether all of them are those of rounding."""
    right = forward["torch"]()
    found = {name: float(np.abs(step() - right).max() / np.abs(right).max()) for name, step in forward.items()}
    return {"errors": found, "agrees": all(error <= BOUND for error in found.values())}


def figures(taken: dict[str, Timing]) -> Row:
    """Return the seconds of each form, and how many times those of rekur torch's and onnxruntime's are."""
    seconds = {name: timing.seconds for name, timing in taken.items()}
    ratios = {
        ours: {name: seconds[name] / seconds[ours] for name in ("torch", "onnxruntime") if name in seconds}
        for ours in ("rekur", "rekur, NumPy")
        if ours in seconds
    }
    return {"seconds": seconds, "ratios": ratios}


def _twins(cell: str, both_ways: bool, sizes: Sizes) -> tuple[Classifier, Classifier]:
    torch.manual_seed(1)
    theirs, ours = (Classifier(layers, cell, both_ways, sizes).eval() for layers in (nn, rekur.nn))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@torch.no_grad()
def _by_torch(model: Classifier, tokens: NDArray[np.int64]) -> NDArray[Any]:
    logits: NDArray[Any] = model(torch.from_numpy(tokens)).numpy()
    return logits


def _by_onnxruntime(cell: str, weights: Arrays, tokens: NDArray[np.int64], threads: int) -> Forward:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(_graph(cell, weights), options, providers=["CPUExecutionProvider"])
    rows = np.ascontiguousarray(tokens.T)  # (N, T)

    def forward() -> NDArray[Any]:
        (logits,) = session.run(None, {"tokens": rows})
        found: NDArray[Any] = logits
        return found

    return forward


def _graph(cell: str, weights: Arrays) -> bytes:
    """Return the classifier as an ONNX graph, as `rekur export` would write it."""
    (V, E), ways = weights["embedding.weight"].shape, 1 + ("layer.weight_ih_l0_reverse" in weights)
    H = weights["layer.weight_hh_l0"].shape[1]
    settings = ModelSettings(cell=cell, embedding=E, hidden=H, bidirectional=ways == 2)  # type: ignore[arg-type,call-arg]
    named = {"embedding": "embed.table", "layer": "core", "linear": "head.0"}
    renamed = {f"{named[name.partition('.')[0]]}.{name.partition('.')[2]}": array for name, array in weights.items()}
    return graphs.graph(Architecture(settings, 2, tokens=V), renamed, padded=False)
