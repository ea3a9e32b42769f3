"""Sentences beside their translations, where each word looked, and how quality falls with length."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Picture, Section, Size
from rekur.report.plot import Floats, Plot, width_of

MAPS = 6  # attention maps shown
MOST = 16  # tokens a side that a map has room for
ROW = 21  # height of a row, in pixels
SLANT = 0.77  # sine of the angle at which source words stand above a map


def section(facts: Facts) -> Section | None:
    """Build examples, maps and lengths; None for other tasks."""
    examples = facts.table("translations")
    if examples is None:
        return None
    items = [_item(row) for row in examples.to_dicts()]
    signatures = [f"{words.name_of(name)} {text}" for name, text in facts.part("signatures").items()]
    note = "Test sentences drawn at random, none chosen; BLEU of a sentence is rough."
    lengths, looked = facts.table("lengths"), facts.table("attention")
    pictures = [] if lengths is None else [lengths_picture(lengths)]
    pictures += [] if looked is None else _maps(looked)
    block = Block("translations.html.jinja", {"items": items, "signatures": signatures})
    return Section(
        "Translations", note, pictures, [block], key=Block(block.template, {"items": items[:2], "signatures": ()})
    )


def _item(row: dict[str, Any]) -> dict[str, str]:
    texts = {name: str(row.get(name) or "") for name in ("source", "truth", "prediction", "rival")}
    return {**texts, "bleu": words.show("bleu", words.number(row.get("bleu")))}


def lengths_picture(table: pl.DataFrame) -> Picture:
    """Draw the BLEU of sentences of like length, ours and the rival's."""
    rows = table.to_dicts()
    places = np.arange(len(rows)) + 0.5
    labels = [f"{row['from']}-{row['to']}" if row["from"] < row["to"] else str(row["from"]) for row in rows]
    ours, rival = (np.array([row[name] for row in rows]) for name in ("bleu", "rival"))

    def draw(size: Size) -> Plot:
        legend = [("ours", "", "this model"), ("rival", "", "word-by-word dictionary")]
        top = max(1.0, 1.1 * float(max(ours.max(), rival.max())))
        plot = Plot(size, (0, len(rows)), (0, top), legend=legend, x_title="words of the source")
        plot.x_ticks(places.tolist(), labels)
        plot.line(places, rival, "rival")
        plot.line(places, ours, "ours")
        return plot

    told = "; ".join(
        f"{label} words, {row['sentences']:,} sentences: {row['bleu']:.1f}, rival {row['rival']:.1f}"
        for label, row in zip(labels, rows, strict=True)
    )
    best, worst = int(ours.argmax()), int(ours.argmin())
    ends = (
        f"Sentences of {labels[best]} words go best ({ours[best]:.1f}), of {labels[worst]} worst ({ours[worst]:.1f})."
    )
    caption = ends if best != worst else ""
    return Picture("lengths", "BLEU by length", f"BLEU by words of the source. {told}.", draw, caption)


def _maps(table: pl.DataFrame) -> list[Picture]:
    fitting = [row for row in table.to_dicts() if row["weight"] and max(len(row["source"]), len(row["target"])) <= MOST]
    return [attention_picture(row) for row in fitting[:MAPS]]


def attention_picture(row: dict[str, Any]) -> Picture:
    """Draw the weights of one sentence: a row a target token, a column a source token, the shade the weight."""
    source, target = row["source"], ["(end)" if word == "</s>" else word for word in row["target"]]
    weights: Floats = np.array(row["weight"], dtype=np.float64).reshape(len(target), len(source))

    def draw(size: Size) -> Plot:
        left = min(max(map(width_of, target)) + 10, size[0] * 0.34)
        top = max(map(width_of, source)) * SLANT + 12
        side = (size[0] - left - 44) / len(source)  # room for the last slanted word
        plot = Plot((size[0], round(top + ROW * len(target) + 8)), (0, 1), (0, 1), left=left)
        for s, word in enumerate(source):
            plot.slanted(left + (s + 0.5) * side, top - 6, word, "axis")
        for t, word in enumerate(target):
            plot.text(left - 8, top + (t + 0.7) * ROW, word, "axis", anchor="end")
            for s, weight in enumerate(weights[t]):
                plot.box(
                    left + s * side + 0.5,
                    top + t * ROW + 0.5,
                    side - 1,
                    ROW - 1,
                    "ours cell",
                    0.05 + 0.9 * float(weight),
                )
        return plot

    most = [f"{word} looks at {source[int(looked.argmax())]}" for word, looked in zip(target, weights, strict=True)]
    words_of_map = f"Attention of test sentence {row['id']}: {'; '.join(most)}."
    return Picture(f"attention-{row['id']}", f"Where it looked: sentence {row['id']}", words_of_map, draw)
