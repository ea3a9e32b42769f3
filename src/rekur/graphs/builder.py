"""A graph in the making: nodes are added one by one, and each gives the name of what it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import MissingPackage

OPSET, FORMAT = 18, 8  # onnxruntime has read them since 1.14, of February 2023
Shape = Sequence[str | int]  # a name is a size that stays free


def package() -> Any:
    """Return the package onnx; raises MissingPackage where it is not installed."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingPackage("An ONNX graph needs the package onnx. Run `pip install 'rekur[onnx]'`.") from None
    return onnx


class Builder:
    """The nodes, constants, inputs and outputs of one graph."""

    def __init__(self) -> None:
        self.onnx = package()
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def takes(self, name: str, kind: str, shape: Shape) -> str:
        """Declare an input of the graph; `kind` is FLOAT, DOUBLE or INT64."""
        self.inputs.append(self._described(name, kind, shape))
        return name

    def gives(self, name: str, value: str, shape: Shape) -> None:
        """Declare `value`, float32, to be the graph's output `name`."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._described(name, "FLOAT", shape))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output; an input of no name is left out."""
        return self.several(operator, *inputs, outputs=1, **attributes)[0]

    def several(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node of several outputs and return their names."""
        names = [f"{operator.lower()}_{len(self.nodes)}{f'_{place}' if place else ''}" for place in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def constant(self, values: Any, name: str = "") -> str:
        """Return the name of an array: weights (float32) under their own `name`, or integers."""
        array = np.asarray(values)
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        return name

    def exact(self, values: Any) -> str:
        """Return the name of an array of float64."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype=np.float64)
        return name

    def cast(self, value: str, kind: str) -> str:
        """Return `value` as FLOAT, DOUBLE, INT64 or INT32."""
        return self.add("Cast", value, to=getattr(self.onnx.TensorProto, kind))

    def between(self, value: str, begin: int, end: int, axis: int) -> str:
        """Return `value` from `begin` to `end` along `axis`; counted from the end where negative."""
        return self.add("Slice", value, *(self.constant([at]) for at in (begin, end, axis)))

    def size(self, value: str, axis: int) -> str:
        """Return the size (1,) of `value` along `axis`."""
        return self.add("Gather", self.add("Shape", value), self.constant([axis]), axis=0)

    def scalar(self, value: str) -> str:
        """Return the number of a value (1,) without its axis."""
        return self.add("Squeeze", value, self.constant([0]))

    def written(self, name: str, about: Mapping[str, str]) -> bytes:
        """Return the whole graph as the bytes of an .onnx file, `about` among its metadata."""
        helper, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        kept = [numpy_helper.from_array(np.array(array, order="C"), key) for key, array in self.constants.items()]
        made = helper.make_graph(self.nodes, name, self.inputs, self.outputs, kept)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(made, opset_imports=opset, ir_version=FORMAT, producer_name="rekur")
        helper.set_model_props(model, dict(about))
        self.onnx.checker.check_model(model)
        found: bytes = model.SerializeToString()
        return found

    def _described(self, name: str, kind: str, shape: Shape) -> Any:
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        return helper.make_tensor_value_info(name, getattr(kinds, kind), list(shape))
