"""The checkpoint: everything training needs to go on to the same bits, in one file, without pickle.

The file is safetensors; what is no array stands as JSON in its metadata. Being one file, it is replaced by
one rename: after `kill -9` at any moment the old checkpoint or the new one is there, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rekur.errors import RefusedModelError
from rekur.storage import Arrays, explained, pack, unpack, write_whole

NAME = "checkpoint.safetensors"


def save(folder: Path, state: Any) -> None:
    """Write `state`, a tree of dicts, lists, tuples, tensors, numbers, words and None, over the last one.

    Raises RekurError if the disk is full and RequestError if `folder` cannot be written; the last one stays.
    """
    arrays: Arrays = {}
    tree = _take_out(state, arrays)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / NAME, pack(arrays, state=tree))


def load(folder: Path) -> Any | None:
    """Return the state last saved, None if there is none; raises RefusedModelError if it is damaged."""
    path = folder / NAME
    if not path.exists():
        return None
    arrays, about = unpack(path)
    try:
        return _put_back(about["state"], arrays)
    except (KeyError, ValueError, TypeError) as error:
        raise RefusedModelError(f"The checkpoint {path} is damaged: {error!r}. Start the run anew.") from None


def random_state() -> dict[str, Any]:
    """Return the state of torch's global generators: what dropout draws next."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def set_random_state(state: Mapping[str, Any]) -> None:
    """Take back what `random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


def moved(value: Any, device: torch.device) -> Any:
    """Return a recurrent state, a tensor or a tuple of them, on `device`."""
    if isinstance(value, list | tuple):
        return type(value)(moved(part, device) for part in value)
    return value.to(device) if isinstance(value, Tensor) else value


def _take_out(value: Any, arrays: Arrays) -> Any:
    """Return `value` as JSON, its tensors moved to `arrays`. Each inner node is [kind, content]."""
    if isinstance(value, Tensor):
        return ["tensor", _place(value.detach().cpu().numpy(), arrays)]
    if isinstance(value, dict):
        return ["dict", [[key, _take_out(item, arrays)] for key, item in value.items()]]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [_take_out(item, arrays) for item in value]]
    if value is None or isinstance(value, str | int | float):
        return ["plain", value]
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _place(array: NDArray[Any], arrays: Arrays) -> str:
    """Put `array` among `arrays`, unless one of the same bits is there; return its name."""
    for name, other in arrays.items():
        if (array.shape, array.dtype) == (other.shape, other.dtype) and np.array_equal(_bits(array), _bits(other)):
            return name
    arrays[str(len(arrays))] = array
    return str(len(arrays) - 1)


def _bits(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _put_back(node: Any, arrays: Arrays) -> Any:
    kind, content = node
    if kind == "tensor":
        return torch.from_numpy(arrays[content]).clone()  # aligned as torch aligns: kernels then give the same bits
    if kind == "dict":
        return {key: _put_back(item, arrays) for key, item in content}
    if kind in ("list", "tuple"):
        items = [_put_back(item, arrays) for item in content]
        return tuple(items) if kind == "tuple" else items
    return content
