"""The labels of steps: how well each is told, sentences and strips with their wrong labels, in their context."""

from __future__ import annotations

from typing import Any

import numpy as np

from rekur.report.facts import Facts
from rekur.report.layout import Block, Section
from rekur.report.sections.examples import data_uri

BLANK = "blank"
STRIP_GAP, STRIP_ROW = 2, 9  # of a drawn strip, in its own pixels
MOST = 60  # labels in the table


def section(facts: Facts) -> Section | None:
    """Build the table of labels and the examples; None for other tasks."""
    tables = [_table(facts, "spans", "Span"), _table(facts, "labels", "Label")]
    blocks = [block for block in (*tables, _sentences(facts), _strips(facts)) if block]
    return Section("The labels", _note(facts), blocks=blocks) if blocks else None


def _note(facts: Facts) -> str:
    test = facts.test
    whole = next(((w, test[k]) for k, w in WHOLES.items() if k in test), None)
    return f"{100 * whole[1]:.1f} % of the {whole[0]} have no wrong label at all." if whole else ""


WHOLES = {"sentence_accuracy": "sentences", "string_accuracy": "strips"}


def _table(facts: Facts, name: str, title: str) -> Block | None:
    frame = facts.table(name)
    if frame is None or not {"label", "true", "said", "right"} <= set(frame.columns):
        return None
    rows = [_row(row) for row in frame.sort("true", descending=True, maintain_order=True).head(MOST).to_dicts()]
    return Block("labels.html.jinja", {"title": title, "rows": rows})


def _row(row: dict[str, Any]) -> dict[str, Any]:
    def share(of: int) -> str:
        return f"{100 * row['right'] / of:.1f} %" if of else "-"

    f1 = share((row["true"] + row["said"]) / 2)
    return {
        "label": row["label"],
        "count": f"{row['true']:,}",
        "precision": share(row["said"]),
        "recall": share(row["true"]),
        "f1": f1,
    }


def _sentences(facts: Facts) -> Block | None:
    frame = facts.table("sentences")
    if frame is None or not {"words", "truth", "prediction"} <= set(frame.columns):
        return None
    items = [_sentence(row) for row in frame.to_dicts()]
    return Block("tagged.html.jinja", {"items": items})


def _sentence(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Join the words whose tags are right into one piece; each wrong one is a piece of its own."""
    pieces: list[dict[str, Any]] = []
    for word, truth, said in zip(row["words"], row["truth"], row["prediction"], strict=True):
        if truth != said:
            pieces.append({"words": word, "truth": truth, "said": said})
        elif pieces and not pieces[-1]["said"]:
            pieces[-1]["words"] += f" {word}"
        else:
            pieces.append({"words": word, "truth": "", "said": ""})
    return pieces


def _strips(facts: Facts) -> Block | None:
    frame = facts.table("strips")
    if frame is None or not {"pixels", "height", "truth", "prediction"} <= set(frame.columns):
        return None
    return Block("strips.html.jinja", {"items": [_strip(row, facts.classes) for row in frame.to_dicts()]})


def _strip(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    pixels = np.asarray(row["pixels"], dtype=np.float64).reshape(row["height"], -1)
    image = (255 * pixels / (pixels.max() or 1)).astype(np.uint8)
    truth, said = (np.asarray(row[name], dtype=np.int64) for name in ("truth", "prediction"))
    height = image.shape[0]
    return {
        "id": row["id"],
        "source": data_uri(image),
        "width": image.shape[1],
        "height": height,
        "whole": height + 2 * (STRIP_GAP + STRIP_ROW),
        "rows": [
            _runs(truth, names, height + STRIP_GAP, truth),
            _runs(said, names, height + 2 * STRIP_GAP + STRIP_ROW, truth),
        ],
        "row": STRIP_ROW,
        "wrong": f"{np.count_nonzero(truth != said)} of {len(truth)} columns wrong",
    }


def _runs(
    labels: np.ndarray[Any, Any], names: list[str], top: int, truth: np.ndarray[Any, Any]
) -> list[dict[str, Any]]:
    """Return the runs of one label, cut where right turns to wrong; blanks are left empty unless they are wrong."""
    right = labels == truth
    ends = np.flatnonzero((np.diff(labels) != 0) | (np.diff(right.astype(int)) != 0)) + 1
    found = []
    for begin, end in zip([0, *ends], [*ends, len(labels)], strict=True):
        name = names[labels[begin]] if labels[begin] < len(names) else "?"
        if name != BLANK or not right[begin]:
            text = "" if name == BLANK or end - begin < 4 else name
            found.append(
                {"x": int(begin), "y": top, "width": int(end - begin), "text": text, "right": bool(right[begin])}
            )
    return found
