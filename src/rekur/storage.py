"""Files that are whole or absent, and safetensors that say when they are damaged. Never pickle."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from rekur.errors import RefusedModelError, RekurError, RequestError

try:
    import fcntl
except ImportError:  # Windows has none, and cannot lock a folder
    fcntl = None  # type: ignore[assignment]

SCHEMA = 1
Arrays = dict[str, NDArray[Any]]
Explain = Callable[[Path], contextlib.AbstractContextManager[None]]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LARGEST_TEXT = 1 << 26  # bytes of a JSON or TOML file that are read; vocabularies take a few millions
LARGEST_HEADER = 1 << 24  # bytes that say what a safetensors file holds


def write_whole(path: Path, content: str | bytes, explain: Explain | None = None) -> None:
    """Write `content` to `path`, whole or not at all.

    Raises what `explain` makes of the system's refusal: unless another is given, RekurError (full disk) or
    RequestError (no permission to write); what stood at `path` stays.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with (explain or explained)(path):
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


def check_free(out: Path) -> None:
    """Raise RequestError where something is at `out`: what a command was told to write never replaces a file."""
    if out.exists():
        raise RequestError(f"{out} is there already, and nothing is overwritten. Remove it, or name another --out.")


def check_plain(path: Path, most: int | None = None) -> None:
    """Raise RefusedModelError unless `path` is a file of its own, of at most `most` bytes; OSError if it is absent.

    A link may point anywhere, and a pipe or a device is read without end.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise RefusedModelError(f"{path} is a symbolic link, and a run is of its own files. Copy the file there.")
    if not stat.S_ISREG(found.st_mode):
        raise RefusedModelError(f"{path} must be a file; it is a folder, a pipe or a device. Remove it.")
    if most is not None and found.st_size > most:
        raise RefusedModelError(f"{path} must have {most:,} bytes at most; got {found.st_size:,}. It is not ours.")


def read_text(path: Path) -> str:
    """Return a file of a run as text; raises RefusedModelError for what is no plain file, OSError and ValueError."""
    check_plain(path, LARGEST_TEXT)
    return path.read_text(encoding="utf-8")


def pack(arrays: Mapping[str, NDArray[Any]], **about: Any) -> bytes:
    """Return `arrays`, and `about` as JSON, as the bytes of a safetensors file with its schema and a checksum."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps({**about, "schema": SCHEMA})
    # one key: safetensors writes several in random order, and the same run should give the same bytes
    whole = json.dumps({"about": text, "crc32": _checksum(text, contiguous)})
    return bytes(safetensors.numpy.save(contiguous, {"rekur": whole}))


def unpack(path: Path, most: int | None = None) -> tuple[Arrays, dict[str, Any]]:
    """Read what `pack` wrote: (arrays, about); raises RefusedModelError if it is damaged or newer.

    With `most`, the bytes of the arrays that may be in it, a larger file is refused before memory is taken for it.
    """
    try:
        check_plain(path, None if most is None else most + LARGEST_HEADER)
        _check_header(path)
        with safetensors.safe_open(path, framework="numpy") as file:
            whole = json.loads((file.metadata() or {})["rekur"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        about = json.loads(whole["about"])
        schema, damaged = int(about["schema"]), whole["crc32"] != _checksum(whole["about"], arrays)
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RefusedModelError(f"The model file {path} is damaged or not ours: {error!r}.") from None
    check_schema(schema, path)
    if damaged:
        raise RefusedModelError(f"The model file {path} is damaged: its checksum does not fit its content.")
    return arrays, about


def _check_header(path: Path) -> None:
    """Raise ValueError where what is said of the arrays takes more bytes than could be."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise ValueError(f"its header is said to take {length:,} bytes")


def to_json(value: Any, indent: int | None = None) -> str:
    """Write `value` as JSON that every reader takes: NumPy numbers as numbers, NaN and infinity as null."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent, allow_nan=False)


def check_schema(schema: int, path: Path) -> None:
    if schema > SCHEMA:
        raise RefusedModelError(f"{path} has schema {schema}; this rekur reads up to {SCHEMA}. Install a newer rekur.")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Lock `folder` for the block, and give True; False if another process has locked it."""
    if fcntl is None:
        yield True
        return
    with explained(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError as error:  # other errors: some network file systems lock no folders
        free = error.errno not in (errno.EAGAIN, errno.EACCES)
    try:
        yield free
    finally:
        os.close(handle)


@contextlib.contextmanager
def explained(path: Path, then: str = "continue with `rekur run --resume RUN`") -> Iterator[None]:
    """Turn the system's refusal to write into an error that says what to do: `then`, where there is space again."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise RekurError(
                f"No space to write {path} ({error.strerror}). Nothing already written was lost: "
                f"free some space, then {then}."
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


def _checksum(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    value = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        value = zlib.crc32(f"{name} {array.dtype.str} {array.shape} ".encode(), value)
        value = zlib.crc32(array.reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"
