"""The model of `rekur bench infer` as an ONNX graph, written by hand: torch's gates in ONNX's order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]

OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
ORDER = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}  # ONNX: z r h and i o f c; torch: r z n and i f g o
OPSET, FORMAT = 14, 8  # old enough for any onnxruntime of these years


def classifier(cell: str, weights: Arrays) -> bytes:
    """Return the graph tokens (T, N) -> Embedding -> recurrent layer -> last state -> Linear (N, C).

    Args:
        cell: rnn, gru or lstm.
        weights: as torch names them in `rekur.bench.infer.Classifier`.

    Raises ModuleNotFoundError without the package onnx.
    """
    from onnx import TensorProto, helper, numpy_helper

    arrays = {"table": weights["embedding.weight"], **recurrent(cell, weights), **_linear(weights)}
    D, _, H = arrays["R"].shape
    arrays["flat"] = np.array([0, D * H])  # 0: as many rows as there are
    resets: dict[str, Any] = (
        {"linear_before_reset": 1} if cell == "gru" else {}
    )  # the reset gate after the product, as in torch
    way = "bidirectional" if D == 2 else "forward"
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["x"]),
        helper.make_node(OPERATORS[cell], ["x", "W", "R", "B"], ["", "h_n"], hidden_size=H, direction=way, **resets),
        helper.make_node("Transpose", ["h_n"], ["rows"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["rows", "flat"], ["last"]),
        helper.make_node("Gemm", ["last", "linear", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["T", "N"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", None])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
    found: bytes = model.SerializeToString()
    return found


def recurrent(cell: str, weights: Arrays) -> dict[str, NDArray[Any]]:
    """Return W (D, G*H, I), R (D, G*H, H) and B (D, 2*G*H) of ONNX from torch's weights of one layer."""
    ways = [way for way in ("", "_reverse") if f"layer.weight_ih_l0{way}" in weights]

    def ordered(name: str, way: str) -> NDArray[Any]:
        gates = np.split(weights[f"layer.{name}_l0{way}"], len(ORDER[cell]))
        return np.concatenate([gates[place] for place in ORDER[cell]])

    return {
        "W": np.stack([ordered("weight_ih", way) for way in ways]),
        "R": np.stack([ordered("weight_hh", way) for way in ways]),
        "B": np.stack([np.concatenate([ordered("bias_ih", way), ordered("bias_hh", way)]) for way in ways]),
    }


def _linear(weights: Arrays) -> dict[str, NDArray[Any]]:
    return {"linear": weights["linear.weight"], "bias": weights["linear.bias"]}
