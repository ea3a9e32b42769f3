"""What was written of images and vectors, where the decoder looked, and what was drawn of each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Section
from rekur.report.sections.examples import data_uri

SHOWN = 12  # described sources, wrong ones first
ROW, LEFT, WIDE = 9.0, 44.0, 110.0  # of a picture WIDE pixels wide: height of a unit's row, room for its name
DRAWN = 9  # texts of a class


def section(facts: Facts) -> Section | None:
    """Build the described sources or the classes; None for other tasks."""
    blocks = [block for block in (_described(facts), _classes(facts)) if block]
    return Section("What it writes", _note(facts), blocks=blocks, key=_short(blocks[0])) if blocks else None


def _note(facts: Facts) -> str:
    test = facts.test
    if "drawn_right" in test:
        drawn, held, new = (f"{100 * test[key]:.1f} %" for key in ("drawn_right", "held_out_right", "drawn_new"))
        return (
            f"A classifier trained on the training part takes {drawn} of what was drawn for its class, and {held} of "
            f"people's own held-out texts; {new} of what was drawn is not in the training part. Means over classes."
        )
    return ""


def _short(block: Block) -> Block:
    """Return what a card has room for."""
    return Block(block.template, {**block.values, "items": block.values["items"][:2], "short": True})


def _described(facts: Facts) -> Block | None:
    frame = facts.table("described")
    if frame is None or not {"truth", "prediction", "right", "units"} <= set(frame.columns):
        return None
    rows = frame.to_dicts()
    chosen = [*[row for row in rows if not row["right"]][: SHOWN // 2], *[row for row in rows if row["right"]]][:SHOWN]
    return Block("described.html.jinja", {"items": [_item(row) for row in chosen]})


def _item(row: dict[str, Any]) -> dict[str, Any]:
    item = {
        "id": row["id"],
        "right": row["right"],
        "truth": row["truth"].split("\n"),
        "prediction": row["prediction"].split("\n"),
        "source": row.get("source") or "",
        "image": "",
    }
    return {**item, **_picture(row)} if row.get("pixels") else item


def _picture(row: dict[str, Any]) -> dict[str, Any]:
    """Return the image, below it a row a unit written: bright where the decoder looked when it wrote that."""
    image = np.asarray(row["pixels"], dtype=np.uint8).reshape(row["height"], -1, row.get("channels") or 1)
    height, width = image.shape[:2]
    scale = max(1.0, width / WIDE)
    picture = {
        "image": data_uri(image[..., 0] if image.shape[2] == 1 else image),
        "width": width,
        "height": height,
        "left": LEFT * scale,
        "row": ROW * scale,
        "whole": float(height),
        "units": [],
    }
    looked = _looked(row)
    if looked is None:
        return picture
    names = [unit.strip() or "↵" for unit in row["units"]]
    top = height + 2 * scale
    units = [{"y": top + ROW * scale * (n + 0.75), "name": name} for n, name in enumerate(names)]
    return {**picture, "units": units, "heat": data_uri(looked), "top": top, "whole": top + ROW * scale * len(units)}


def _looked(row: dict[str, Any]) -> NDArray[np.uint8] | None:
    """Return the attention (T, S) as shades, the largest of each row white; None where there is none."""
    weights = np.asarray(row.get("attention") or [], dtype=np.float64)
    T = len(row["units"])
    if not weights.size or weights.size % T or weights.size == T:
        return None
    weights = weights.reshape(T, -1)
    shades: NDArray[np.uint8] = (255 * weights / weights.max(axis=1, keepdims=True).clip(min=1e-9)).astype(np.uint8)
    return shades


def _classes(facts: Facts) -> Block | None:
    frame, drawn = facts.table("by_class"), facts.table("drawn")
    if frame is None or drawn is None or not {"class", "text", "taken_for", "new"} <= set(drawn.columns):
        return None
    items = [_class(row, drawn.filter(pl.col("class") == row["class"])) for row in frame.to_dicts()]
    return Block("drawn.html.jinja", {"items": items})


def _class(row: dict[str, Any], drawn: pl.DataFrame) -> dict[str, Any]:
    shares = {
        key: f"{100 * row[key]:.0f} %" if row[key] is not None else words.ABSENT
        for key in ("drawn_right", "held_out_right", "new")
    }
    return {
        "name": row["class"],
        "train": f"{row['train']:,}",
        "nats": f"{row['nats']:.2f}" if row["nats"] is not None else words.ABSENT,
        **shares,
        "texts": drawn.head(DRAWN).select("text", "taken_for", "new").to_dicts(),
    }
