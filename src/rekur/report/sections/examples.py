"""The test items the model was most wrong about, as a person would read or see them."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Section
from rekur.report.sections.classes import class_names

FIRST = 260  # characters of a text shown at once
MOST = 6000  # characters of a text kept in the page
TEXTS = 12


def section(facts: Facts) -> Section | None:
    """Build the cards; None where the task left no examples."""
    table = facts.table("examples")
    if table is None or not {"truth", "prediction"} <= set(table.columns):
        return None
    rows = table.to_dicts()
    names = class_names(facts, 1 + max(int(row[key]) for row in rows for key in ("truth", "prediction")))
    if "pixels" in table.columns:
        block = Block("images.html.jinja", {"items": _images(rows, names)})
    elif "text" in table.columns:
        block = Block("texts.html.jinja", {"items": [_text(row, names) for row in rows[:TEXTS]]})
    else:
        return None
    return Section("Most wrong", "Test items whose true class the model thought least likely.", blocks=[block])


def _answer(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    sure = words.number(row.get("probability"))
    return {
        "id": row.get("id", ""),
        "truth": names[int(row["truth"])],
        "prediction": names[int(row["prediction"])],
        "sure": f"{100 * sure:.1f} %" if sure == sure else words.ABSENT,
    }


def _text(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    text = str(row["text"] or "")
    first, rest = text[:FIRST], text[FIRST:MOST]
    if rest and " " in first[FIRST // 2 :]:
        at = first.rindex(" ")
        first, rest = text[:at], text[at:MOST]
    return {**_answer(row, names), "first": first, "rest": rest, "cut": max(len(text) - MOST, 0)}


def _images(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    largest = max((max(row["pixels"], default=0) for row in rows), default=0) or 1
    items = []
    for row in rows:
        pixels = np.asarray(row["pixels"], dtype=np.float64)
        height = int(row.get("height") or np.sqrt(len(pixels)))
        if height and len(pixels) and len(pixels) % height == 0:
            image = (255 * pixels.reshape(height, -1) / largest).clip(0, 255).astype(np.uint8)
            items.append({**_answer(row, names), "source": data_uri(image)})
    return items


def data_uri(image: NDArray[np.uint8]) -> str:
    """Return an image, grey (height, width) or of three colours (height, width, 3), as a PNG inside the page."""
    height, width = image.shape[:2]
    flat = image.reshape(height, -1)
    lines = np.hstack([np.zeros((height, 1), np.uint8), flat]).tobytes()  # a filter byte of 0 before each line
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if image.ndim == 3 else 0, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND", b"")]
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
