"""What a language model writes, where it is surprised, and how it came to read its text."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rekur.report.facts import Facts
from rekur.report.layout import Block, Section

PASSAGE = {"characters": 700, "words": 180}  # of the test text shown with their surprise
LEVELS = {"characters": (1.0, 2.0, 3.5, 5.0), "words": (3.0, 5.0, 8.0, 11.0)}  # nats at which the shade deepens
STAGES = 16  # steps of the decoded text shown at once


def section(facts: Facts) -> Section | None:
    """Build samples, surprise and stages; None for other tasks."""
    blocks = [block for block in (_stages(facts), _samples(facts), _surprise(facts)) if block]
    if not blocks:
        return None
    return Section("What it reads and writes", "", blocks=blocks, key=_first(blocks[0]))


def _first(block: Block) -> Block:
    """Return what a card has room for."""
    short = {"samples": 1, "stages": STAGES // 2, "rest": 0, "runs": 40}
    values = {key: value[: short[key]] if key in short else value for key, value in block.values.items()}
    return Block(block.template, values)


def _samples(facts: Facts) -> Block | None:
    samples = [_sample(sample) for sample in facts.extra.get("samples", ())]
    return Block("samples.html.jinja", {"samples": samples}) if samples else None


def _sample(sample: Any) -> dict[str, str]:
    if isinstance(sample, dict):
        return {"prompt": str(sample.get("prompt", "")), "text": str(sample.get("text", ""))}
    return {"prompt": "", "text": str(sample)}


def _surprise(facts: Facts) -> Block | None:
    frame = facts.predictions
    if frame is None or not {"truth", "nats"} <= set(frame.columns) or frame["truth"].dtype != pl.String:
        return None
    if "decoded" in facts.extra or not len(frame):
        return None
    unit = str(facts.config.get("data", {}).get("unit", "characters"))
    part, bounds = frame.head(PASSAGE[unit]), LEVELS[unit]
    levels = np.digitize(part["nats"].fill_null(np.nan).to_numpy(), bounds)
    shown = part["truth"].to_list() if unit == "characters" else [f"{_line_end(word)} " for word in part["truth"]]
    values = {"runs": _runs(shown, levels.tolist()), "levels": bounds, "unit": unit.removesuffix("s")}
    return Block("surprise.html.jinja", values)


def _line_end(word: str) -> str:
    return "↵\n" if word == "<eos>" else word


def _runs(characters: list[str], levels: list[int]) -> list[tuple[int, str]]:
    """Join neighbours of one level, because a tag around every character would triple the page."""
    runs: list[tuple[int, str]] = []
    for character, level in zip(characters, levels, strict=True):
        if runs and runs[-1][0] == level:
            runs[-1] = (level, runs[-1][1] + character)
        else:
            runs.append((level, character))
    return runs


def _stages(facts: Facts) -> Block | None:
    entries = [entry for entry in facts.history if isinstance(entry.get("decoded"), str)]
    if not entries:
        return None
    target = str(facts.config.get("data", {}).get("text", ""))
    changed = [
        e
        for e, before in zip(entries, [None, *entries], strict=False)
        if not before or e["decoded"] != before["decoded"]
    ]
    stages = [{"epoch": entry.get("epoch", ""), "marks": _marks(entry["decoded"], target)} for entry in changed]
    right = facts.trained.get("right_from_epoch")
    values = {"stages": stages[:STAGES], "rest": stages[STAGES:], "right": right, "target": target}
    return Block("stages.html.jinja", values)


def _marks(decoded: str, target: str) -> list[tuple[bool, str]]:
    """Return each character and whether it is right; the first characters of `target` may have no reading."""
    aligned = target[-len(decoded) :] if decoded else ""
    if len(aligned) != len(decoded):
        return [(True, decoded)]
    return [(a == b, a) for a, b in zip(decoded, aligned, strict=True)]
