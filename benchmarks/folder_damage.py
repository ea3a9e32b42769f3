"""What a stranger could do to a run folder: bits, structure, numbers, headers, links, files too large or too deep."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import shutil
import struct
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from rekur.storage import pack, unpack

Change = Callable[[random.Random, Path], None]

STORED = Path(__file__).resolve().parent.parent / "tests" / "stored" / "1"
BASES: list[str] = sorted(path.name for path in STORED.iterdir() if path.is_dir())
EXPLODED = Path(tempfile.gettempdir()) / "rekur-fuzz-exploded"
HUGE = (0, -1, 1, 2, 2**31, 2**63, -(2**63), 2**64, 10**12, 10**30, 10**400)
FLOATS = (0.0, -1.5, 1e308, 5e-324, float("nan"), float("inf"))
TEXTS = ("", "x" * 100_000, "../../../etc/passwd", "/etc/passwd", "\x00", "\ud800", "<unk>", "한글")
WORDS = ("gru", "lstm", "rnn", "every", "last", "flatten", "decoder", "numpy", "cell", "bpe", "jamo")
DEEP = 100_000  # brackets in brackets


class Bomb:
    """A pickle that would leave a file behind if anybody loaded it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {EXPLODED}",))


BOMBS = (
    pickle.dumps(Bomb()),
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * 900 + b"]" * 900,
    b"a = " + b"[" * DEEP,
    b"a" + b".a" * 5_000 + b" = 1",
    b"[" + b"a." * 5_000 + b"a]",
    b"a = 0x" + b"f" * 50_000,
    b"9" * 100_000,
    b'"' + b"\\ud800" * 100 + b'"',
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"\x00" * 1000,
    b"{" + b",".join(b'"%d":0' % n for n in range(5_000)) + b"}",
)


def odd(draw: random.Random) -> Any:
    """Return a value that nobody expects."""
    kinds: list[Callable[[], Any]] = [
        lambda: draw.choice(HUGE),
        lambda: draw.choice(FLOATS),
        lambda: draw.choice(TEXTS),
        lambda: draw.choice([True, False, [], {}, [[]], [1, "a", {}], {"a": {"b": []}}, ["a", "a"]]),
        lambda: [draw.choice(HUGE)] * draw.choice([1, 3, 1000]),
        lambda: draw.choice(WORDS),
        lambda: draw.randrange(-3, 12),
    ]
    return draw.choice(kinds)()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON value, of a long list of its first ones alone."""
    items: list[Any] = list(value.items()) if isinstance(value, dict) else []
    items = list(enumerate(value))[:20] if isinstance(value, list) else items
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(draw: random.Random, value: Any) -> Any:
    """Return a JSON value with something in it replaced, dropped, doubled or added."""
    paths = list(places(value))
    if not paths:
        return odd(draw)
    *inner, key = draw.choice(paths)
    holder = value
    for step in inner:
        holder = holder[step]
    kind = draw.random()
    if kind < 0.7:
        holder[key] = odd(draw)
    elif kind < 0.85:
        del holder[key]
    elif isinstance(holder, dict):
        holder[str(odd(draw))[:50]] = odd(draw)
    else:
        holder.insert(draw.randrange(len(holder) + 1), draw.choice([odd(draw), holder[key]]))
    return value


def one(draw: random.Random, folder: Path, pattern: str = "*") -> Path | None:
    """Return one of the folder's own files that is not yet blown up."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())
    files = [path for path in files if path.stat().st_size < 1 << 20]
    return draw.choice(files) if files else None


# any file


def flip(draw: random.Random, folder: Path) -> None:
    """Change some bytes."""
    if (path := one(draw, folder)) and (content := bytearray(path.read_bytes())):
        for _ in range(draw.choice([1, 1, 3, 30])):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)


def cut(draw: random.Random, folder: Path) -> None:
    """Leave the end out."""
    if path := one(draw, folder):
        content = path.read_bytes()
        path.write_bytes(content[: draw.randrange(len(content) + 1)])


def splice(draw: random.Random, folder: Path) -> None:
    """Put a piece of one file into another."""
    path, other = one(draw, folder), one(draw, folder)
    if path and other:
        first, second = path.read_bytes(), other.read_bytes()
        at = draw.randrange(len(first) + 1)
        path.write_bytes(first[:at] + second[: draw.randrange(1, 2000)] + first[at:])


def swap(draw: random.Random, folder: Path) -> None:
    """Take the file of another model."""
    if (path := one(draw, folder)) and (other := STORED / draw.choice(BASES) / path.name).is_file():
        path.write_bytes(other.read_bytes())


def drop(draw: random.Random, folder: Path) -> None:
    """Remove a file."""
    if path := one(draw, folder):
        path.unlink()


def bomb(draw: random.Random, folder: Path) -> None:
    """Put something in a file's place that breaks careless readers."""
    if path := one(draw, folder):
        path.write_bytes(draw.choice(BOMBS))


def no_file(draw: random.Random, folder: Path) -> None:
    """Put a link, a pipe or a folder in a file's place."""
    if path := one(draw, folder):
        path.unlink()
        kind = draw.randrange(5)
        if kind < 3:
            path.symlink_to(("/etc/passwd", "/dev/zero", STORED / draw.choice(BASES) / path.name)[kind])
        elif kind == 3:
            os.mkfifo(path)
        else:
            path.mkdir()


def sparse(draw: random.Random, folder: Path) -> None:
    """Make a file enormous, of zeros that take no room on the disk."""
    if path := one(draw, folder):
        os.truncate(path, draw.choice([2**27, 2**31, 2**40]))


def more_files(draw: random.Random, folder: Path) -> None:
    """Add a file."""
    name = draw.choice(["a.json", "evidence.json", "..json", "x" * 100 + ".json"])
    (folder / name).write_text(json.dumps(str(odd(draw))[:99]))


# what a file says


def in_json(draw: random.Random, folder: Path) -> None:
    """Change a value of a JSON file."""
    if path := one(draw, folder, "*.json"):
        value = changed(draw, json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(value), encoding="utf-8", errors="surrogatepass")


def in_toml(draw: random.Random, folder: Path) -> None:
    """Change settings."""
    if path := one(draw, folder, "config.toml"):
        value = tomllib.loads(path.read_text(encoding="utf-8"))
        for _ in range(draw.choice([1, 1, 2, 4])):
            value = changed(draw, value)
        path.write_text(tomli_w.dumps(value), encoding="utf-8")


def in_weights(draw: random.Random, folder: Path) -> None:
    """Write other arrays, with a checksum that is right."""
    if not (path := one(draw, folder, "model.safetensors")):
        return
    arrays, about = unpack(path)
    name = draw.choice(sorted(arrays))
    if draw.random() < 0.15:
        arrays[draw.choice(["x", "../x", "", name + " "])] = arrays[name]
    elif draw.random() < 0.15:
        del arrays[name]
    else:
        arrays[name] = unlike(draw, arrays[name])
    schema = {"schema": odd(draw)} if draw.random() < 0.1 else {}
    path.write_bytes(pack(arrays, **{"task": about.get("task"), **schema}))


def unlike(draw: random.Random, array: Any) -> Any:
    """Return an array that does not fit where `array` did, or is of odd numbers."""
    if array.dtype.kind == "f" and draw.random() < 0.3:
        return np.full_like(array, draw.choice([np.nan, np.inf, -np.inf, 3e38, 1e-40]))
    kinds: list[Callable[[], Any]] = [
        lambda: array[..., :1],
        lambda: array.astype(draw.choice([np.float64, np.float16, np.int64, np.uint8, bool])),
        lambda: np.zeros((0,) * draw.randrange(1, 4), np.float32),
        lambda: np.moveaxis(array, -1, 0),
        lambda: (array * draw.choice([1e3, 1e30, 0, -1])).astype(array.dtype),
    ]
    return draw.choice(kinds)()


def in_header(draw: random.Random, folder: Path) -> None:
    """Lie about what a safetensors file holds."""
    if not (path := one(draw, folder, "model.safetensors")):
        return
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, rest = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = draw.randrange(4)
    if kind == 0:
        header = changed(draw, header)
    elif kind == 1:
        name = draw.choice([name for name in header if name != "__metadata__"])
        header[name]["shape"] = [draw.choice(HUGE[:9])] * draw.randrange(1, 4)
    elif kind == 2:
        header["__metadata__"] = {"rekur": json.dumps({"about": json.dumps({"schema": odd(draw)}), "crc32": "0"})}
    told = json.dumps(header).encode()
    size = len(told) if kind < 3 else draw.choice([0, 2**62, 2**64 - 1, 2**24 + 1, length + 1])
    path.write_bytes(struct.pack("<Q", size) + told + rest)


CHANGES: dict[Change, int] = {  # and how often each is taken
    flip: 3,
    cut: 2,
    splice: 2,
    swap: 2,
    drop: 1,
    bomb: 2,
    no_file: 1,
    sparse: 1,
    more_files: 1,
    in_json: 6,
    in_toml: 10,
    in_weights: 4,
    in_header: 3,
}


def case(draw: random.Random, folder: Path) -> tuple[str, list[str]]:
    """Make a damaged folder; return whose it was, and what was done to it."""
    name = draw.choice(BASES)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STORED / name, folder)
    done = draw.choices(list(CHANGES), list(CHANGES.values()), k=draw.choice([1, 1, 1, 2, 3]))
    for change in done:
        with contextlib.suppress(Exception):  # what an earlier change left may be past changing
            change(draw, folder)
    return name, [change.__name__ for change in done]
