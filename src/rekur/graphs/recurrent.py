"""Recurrent layers by ONNX's operators RNN, GRU and LSTM: torch's weights in ONNX's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.graphs.builder import Builder

Weights = Sequence[NDArray[Any]]  # w_ih (G*H, I), w_hh (G*H, H), b_ih and b_hh (G*H,), torch's gates in their order

OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
ORDER = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}  # ONNX: z r h and i o f c; torch: r z n and i f g o


def parts_of(cell: str) -> tuple[str, ...]:
    """Return the parts of a state: h, and of an LSTM c."""
    return ("h", "c") if cell == "lstm" else ("h",)


def layer(
    graph: Builder,
    cell: str,
    x: str,
    weights: Sequence[Weights],
    name: str,
    lengths: str = "",
    state: Sequence[str] = (),
) -> tuple[str, list[str]]:
    """Add one layer of D directions over x (T, N, I); return its outputs (T, N, D*H) and final state, (D, N, H) each.

    Args:
        weights: of each direction.
        name: of the layer, before the names of its weights.
        lengths: int32 (N,), none where every row has T steps. Outputs behind one are 0, the state is the one at it.
        state: h_0, and c_0 of an LSTM; none for zeros.
    """
    D, H = len(weights), weights[0][1].shape[1]
    w, r = (np.stack([_ordered(cell, way[part]) for way in weights]) for part in (0, 1))
    b = np.stack([np.concatenate([_ordered(cell, way[part]) for part in (2, 3)]) for way in weights])
    given = [graph.constant(array, f"{name}.{kind}") for kind, array in (("W", w), ("R", r), ("B", b))]
    resets = {"linear_before_reset": 1} if cell == "gru" else {}  # the reset gate after the product, as in torch
    way = "bidirectional" if D == 2 else "forward"
    outputs, *final = graph.several(
        OPERATORS[cell], x, *given, lengths, *state,
        outputs=3 if cell == "lstm" else 2, hidden_size=H, direction=way, **resets,
    )  # fmt: skip
    turned = graph.add("Transpose", outputs, perm=[0, 2, 1, 3])  # (T, D, N, H) to (T, N, D, H)
    return graph.add("Reshape", turned, graph.constant([0, 0, D * H])), final


def _ordered(cell: str, weight: NDArray[Any]) -> NDArray[Any]:
    gates = np.split(weight, len(ORDER[cell]))
    return np.concatenate([gates[place] for place in ORDER[cell]])
