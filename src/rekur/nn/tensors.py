"""Tensors as the native engine takes them: checked where their addresses are taken.

`READER.inputs` and `READER.results` take a problem of the engine and a list of its tensors, None for what is absent,
and return its arrays; or None where a tensor has other sizes, another type or strides than the engine can read, is not
on the CPU, or is of a class that may have ways of its own. `READER.bytes` takes a buffer and the number of its bytes,
and returns its address or 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from rekur import engine

CLASSES = (Tensor, Parameter)
TYPES = (torch.float32, torch.float64)  # in the engine's order


class Asking:
    """Reads tensors by asking them from Python, for an older torch without DLPack's C exchange.

    At small sizes this takes a tenth of a step.
    """

    def inputs(self, problem: Any, tensors: Sequence[Tensor | None]) -> Any:
        return self._arrays(problem, tensors, problem.shapes_of_inputs())

    def results(self, problem: Any, tensors: Sequence[Tensor | None]) -> Any:
        return self._arrays(problem, tensors, problem.shapes_of_results())

    def bytes(self, buffer: Tensor, count: int) -> int:
        return 0 if buffer.data_ptr() % 64 or not _readable(buffer, torch.uint8, [count]) else buffer.data_ptr()

    def _arrays(self, problem: Any, tensors: Sequence[Tensor | None], shapes: Sequence[list[int]]) -> Any:
        if len(tensors) != len(shapes):
            return None
        for i, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True)):
            if tensor is not None and not _readable(tensor, TYPES[problem.type], shape, any_steps=i == 0):
                return None
        first, *others = (0 if tensor is None else tensor.data_ptr() for tensor in tensors)
        step, row = (0, 0) if tensors[0] is None else tensors[0].stride()[:2]
        return engine.arrays(first, step, row, others)


def _readable(tensor: Tensor, dtype: torch.dtype, shape: list[int], any_steps: bool = False) -> bool:
    """Whether the tensor's address is that of numbers of this type and these sizes on the CPU, beside each other."""
    if type(tensor) not in CLASSES or tensor.layout is not torch.strided or not tensor.is_cpu or tensor.is_neg():
        return False
    if tensor.dtype is not dtype or list(tensor.shape) != shape:
        return False
    beside = tensor.is_contiguous() or (any_steps and (tensor.stride(2) == 1 or shape[2] == 1))
    return beside and (tensor.data_ptr() != 0 or 0 in shape)


def _reader() -> Any:
    exchange = getattr(Tensor, "__dlpack_c_exchange_api__", None)
    if exchange is None or not engine.SETS:
        return Asking()
    return engine.reader(exchange, CLASSES)


READER = _reader()
