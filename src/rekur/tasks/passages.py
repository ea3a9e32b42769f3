"""The text a language model learns from, in its parts: training, validation, test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rekur.errors import ConfigError

if TYPE_CHECKING:
    from rekur.tasks.generate import GenerateData


def parts(data: GenerateData, data_dir: Path | None) -> dict[str, str]:
    """Return the text of each part; raises ConfigError or DataError where there is none."""
    found = {part: text[: data.characters or None] for part, text in _texts(data, data_dir).items()}
    return _divided(data, found)


def _texts(data: GenerateData, data_dir: Path | None) -> dict[str, str]:
    """Return the parts that stand apart already, by name."""
    if data.set == "given":
        if len(data.text) < 2:
            raise ConfigError("data.text: a text of at least two characters is needed; got a shorter one.")
        return {"train": data.text, "validation": "", "test": data.text}
    if data.set == "files":
        from rekur.data.files import running_text

        named = {"train": data.train, "test": data.held_out}
        return {part: running_text(Path(name)) for part, name in named.items() if name}
    if data.set == "wikitext2":
        from rekur.data.datasets import wikitext2

        named_parts = {"train": "train", "validation": "valid", "test": "test"}
        return {part: wikitext2.load(name, data_dir) for part, name in named_parts.items()}  # type: ignore[arg-type]
    from rekur.data.datasets import shakespeare

    return {"train": shakespeare.load(data_dir)}


def _divided(data: GenerateData, found: dict[str, str]) -> dict[str, str]:
    """Cut what does not stand apart from the training text: the test part from its end, then the validation."""
    whole = found["train"]
    held = len(whole)
    if "test" not in found:
        held -= round(len(whole) * data.test)
        found["test"] = whole[held:]
    if "validation" in found:
        given = found["validation"]
        return found | {"validation": given[: round(len(given) * data.validation)]}
    count = round(len(whole) * data.validation)
    first, last = (count, held) if data.validation_at == "start" else (0, held - count)
    validation = whole[:first] if data.validation_at == "start" else whole[last:held]
    return found | {"train": whole[first:last], "validation": validation}
