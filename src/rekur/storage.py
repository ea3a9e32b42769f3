"""Files that are whole or absent, and safetensors that say when they are damaged. Never pickle."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from rekur.errors import RefusedModelError, RekurError, RequestError

SCHEMA = 1
Arrays = dict[str, NDArray[Any]]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`, whole or not at all.

    Raises RekurError (full disk) or RequestError (no permission to write); what stood at `path` stays.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with explained(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def pack(arrays: Mapping[str, NDArray[Any]], **metadata: str) -> bytes:
    """Return `arrays` as the bytes of a safetensors file that carries its schema and a checksum."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    about = {"schema": str(SCHEMA), "crc32": _checksum(contiguous), **metadata}
    return bytes(safetensors.numpy.save(contiguous, about))


def unpack(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Read what `pack` wrote: (arrays, metadata); raises RefusedModelError if it is damaged or newer."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RefusedModelError(f"The model file {path} is damaged or no model: {error}.") from None
    if not about.get("schema", "").isdigit():
        raise RefusedModelError(f"The model file {path} names no schema: rekur did not write it.")
    check_schema(int(about["schema"]), path)
    if about.get("crc32") != _checksum(arrays):
        raise RefusedModelError(f"The model file {path} is damaged: its checksum does not fit its weights.")
    return arrays, about


def to_json(value: Any, indent: int | None = None) -> str:
    """Write `value` as JSON that every reader takes: NumPy numbers as numbers, NaN and infinity as null."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent, allow_nan=False)


def check_schema(schema: int, path: Path) -> None:
    if schema > SCHEMA:
        raise RefusedModelError(
            f"{path} has schema {schema}; this rekur reads up to {SCHEMA}. Install a newer rekur."
        )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise RekurError(
                f"No space to write {path} ({error.strerror}). Nothing already written was lost: "
                "free some space, then continue with `rekur run --resume RUN`."
            ) from None
        raise RequestError(
            f"Cannot write {path}: {error.strerror}. Choose a folder you may write to with --out."
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    value = 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        value = zlib.crc32(f"{name} {array.dtype.str} {array.shape} ".encode(), value)
        value = zlib.crc32(array.reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"
