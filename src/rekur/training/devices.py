"""Where the arithmetic happens."""

from __future__ import annotations

import torch

from rekur.errors import RequestError, nearest

NAMES = ("auto", "cpu", "cuda", "mps")


def choose(name: str = "auto") -> torch.device:
    """Return the device called `name`; raises RequestError if it is unknown or this machine has none.

    `auto` is the CPU: models of this size lose more by moving to a graphics card than they gain.

    >>> choose("cpu")
    device(type='cpu')
    """
    kind = name.partition(":")[0]
    if kind not in NAMES:
        raise RequestError(f"No device is called `{name}`. {nearest(kind, NAMES)}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise RequestError("There is no CUDA device here, or this torch was built without CUDA. Use --device cpu.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise RequestError("There is no Metal (mps) device here. Use --device cpu.")
    try:
        return torch.device("cpu" if kind == "auto" else name)
    except RuntimeError:
        raise RequestError(f"Device `{name}` has no such number. Use `{kind}` or `{kind}:0`.") from None
