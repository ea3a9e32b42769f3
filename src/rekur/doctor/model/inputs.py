"""A batch as a model takes it: tensors somewhere in tuples, lists and dicts, found, replaced, and told apart.

A leaf is named by its path: the keys and places that lead to it. Packed sequences count as their padded form.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

Path = tuple[Any, ...]
NAMES_OF_OUTPUTS = ("logits", "output", "outputs", "prediction", "predictions")
LENGTH_NAMES = re.compile(r"(seq|x|input|text|src)?_?len(s|gth|gths)?")


@dataclass(frozen=True)
class Packed:
    """A packed sequence unpacked, to be packed again: `padded` (N, T, ...), `lengths` (N,)."""

    padded: Tensor
    lengths: Tensor
    enforce_sorted: bool

    def packed(self) -> PackedSequence:
        """Return it as the model takes it."""
        order = self.lengths.cpu()
        return pack_padded_sequence(self.padded, order, batch_first=True, enforce_sorted=self.enforce_sorted)


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call: `args` and `kwargs`, whose leaves are tensors, `Packed` or anything else."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def tensors(self) -> dict[Path, Tensor]:
        """Return every tensor by its path; a packed sequence gives its padded form."""
        found = dict(_leaves((self.args, dict(self.kwargs)), ()))
        return {path: leaf.padded if isinstance(leaf, Packed) else leaf for path, leaf in found.items()}

    def leaf(self, path: Path) -> Any:
        """Return what stands at `path`, packed sequences as `Packed`."""
        node: Any = (self.args, self.kwargs)
        for key in path:
            node = node[key]
        return node

    def replaced(self, changes: Mapping[Path, Any]) -> Inputs:
        """Return the same arguments with other tensors at some paths; `Packed` leaves keep their lengths."""
        args, kwargs = _rebuilt((self.args, dict(self.kwargs)), (), changes)
        return replace(self, args=args, kwargs=kwargs)

    def call(self, model: nn.Module) -> Any:
        """Run the model on these arguments."""
        args, kwargs = _rebuilt((self.args, dict(self.kwargs)), (), {}, final=True)
        return model(*args, **kwargs)


def of(batch: Any, model: nn.Module, lengths: Any) -> Inputs:
    """Turn a batch into arguments: a tuple or list are the positional ones, a dict the named ones, else the only one.

    `lengths` is added under the name the model's `forward` has for it, if it has one and the batch does not fill it.
    """
    if isinstance(batch, Mapping):
        inputs = Inputs((), {str(key): _own(value) for key, value in batch.items()})
    elif isinstance(batch, tuple | list) and not isinstance(batch, PackedSequence):
        inputs = Inputs(tuple(_own(value) for value in batch))
    else:
        inputs = Inputs((_own(batch),))
    name = length_name(model)
    if lengths is None or name is None or name in inputs.kwargs or _filled(model, inputs, name):
        return inputs
    return replace(inputs, kwargs={**inputs.kwargs, name: torch.as_tensor(lengths).clone()})


def length_name(model: nn.Module) -> str | None:
    """Return the name under which `forward` takes lengths, None if it takes none."""
    names = parameters(model)
    return next((name for name in names if LENGTH_NAMES.fullmatch(name)), None)


def parameters(model: nn.Module) -> list[str]:
    """Return the names of the arguments of `forward`."""
    try:
        return list(inspect.signature(model.forward).parameters)
    except (TypeError, ValueError):
        return []


def _filled(model: nn.Module, inputs: Inputs, name: str) -> bool:
    return parameters(model).index(name) < len(inputs.args)


def _own(value: Any) -> Any:
    """Return a copy that probing cannot change for its owner; arrays become tensors."""
    if isinstance(value, PackedSequence):
        padded, lengths = pad_packed_sequence(value, batch_first=True)
        return Packed(padded.detach().clone(), lengths, value.sorted_indices is None)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return _made(type(value), [_own(item) for item in value])
    return value


def _made(kind: Any, items: list[Any]) -> Any:
    """Return a tuple, a list or a namedtuple of the items."""
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _leaves(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Tensor | Packed):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(node, tuple | list):
        for place, value in enumerate(node):
            yield from _leaves(value, (*path, place))


def _rebuilt(node: Any, path: Path, changes: Mapping[Path, Any], final: bool = False) -> Any:
    if path in changes:
        changed = changes[path]
        return replace(node, padded=changed) if isinstance(node, Packed) and isinstance(changed, Tensor) else changed
    if isinstance(node, Packed):
        return node.packed() if final else node
    if isinstance(node, Mapping):
        return {key: _rebuilt(value, (*path, key), changes, final) for key, value in node.items()}
    if isinstance(node, tuple | list):
        return _made(type(node), [_rebuilt(value, (*path, place), changes, final) for place, value in enumerate(node)])
    return node.clone() if final and isinstance(node, Tensor) else node


def first_tensor(result: Any, wanted: Callable[[Tensor], bool] = torch.is_floating_point) -> Tensor | None:
    """Return the prediction in whatever a model returned, packed sequences padded.

    It is what is called the logits or the outputs, or the first floating tensor that is no single number; a single
    number, a loss perhaps, only where there is nothing else.
    """
    found = _first(result, lambda tensor: wanted(tensor) and tensor.dim() > 0)
    return _first(result, wanted) if found is None else found


def _first(result: Any, wanted: Callable[[Tensor], bool]) -> Tensor | None:
    if isinstance(result, PackedSequence):
        return pad_packed_sequence(result, batch_first=True)[0]
    if isinstance(result, Tensor):
        return result if wanted(result) else None
    fields: Mapping[str, Any] = result if isinstance(result, Mapping) else {}
    if is_dataclass(result) or isinstance(result, Distribution):
        fields = vars(result)
    for name in NAMES_OF_OUTPUTS:
        named = fields.get(name)
        if isinstance(named, Tensor) and wanted(named):
            return named
    items = result if isinstance(result, tuple | list) else fields.values()
    return next((within for item in items if (within := _first(item, wanted)) is not None), None)


def every_tensor(result: Any) -> list[Tensor]:
    """Return every tensor of numbers in whatever a model returned, in order, packed sequences by their data."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, Tensor):
        return [result] if result.is_floating_point() else []
    if isinstance(result, Mapping):
        result = tuple(result.values())
    elif not isinstance(result, tuple | list):
        result = tuple(vars(result).values()) if hasattr(result, "__dict__") else ()
    return [tensor for item in result for tensor in every_tensor(item)]
