"""WikiText-2: 2,088,628 words of Wikipedia's good articles to train on, 217,646 to choose by, 245,569 to test on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from rekur.data.datasets.base import DataSet, File, read

_COPIES = "the publisher's address is gone: take wiki.{}.tokens of any copy of wikitext-2-v1, as it is or as .xz"
_HEADING = re.compile(rb"(?m)^(?= = [^=])")


def articles(content: bytes) -> bytes:
    """Return the articles of a part in the order of their bytes: copies of the training part differ in theirs."""
    return b"".join(sorted(article.strip() for article in _HEADING.split(content)))


def _part(name: str, size: int, checksum: str) -> File:
    return File(f"wiki.{name}.tokens.xz", size, checksum, by_hand=_COPIES.format(name), canonical=articles)


SET = DataSet(
    name="wikitext2",
    title="WikiText-2",
    licence="CC BY-SA 3.0: Wikipedia's writers",
    source="https://huggingface.co/datasets/Salesforce/wikitext (wikitext-2-v1)",
    citation="S. Merity, C. Xiong, J. Bradbury, R. Socher, Pointer Sentinel Mixture Models, ICLR 2017",
    files=(
        _part("train", 10_797_148, "a032a34ddc7eb7fe29de8cc259d93afe7e21a8f8528b3cec03ceda016d11abbd"),
        _part("valid", 1_121_681, "0400fcc33f5f62bab340d6a3f0a08dc195a1b0d226af5293ca11dc268186fbdc"),
        _part("test", 1_256_449, "fca7c8b580822fbe734b75850e949a690de4ef6621de14a9ea518ca0b9399b48"),
    ),
)


def load(part: Literal["train", "valid", "test"], data_dir: Path | None = None) -> str:
    """Return a part: words apart by spaces, rare ones written <unk>.

    Raises:
        DataError: the file is missing, or damaged.
    """
    return read(SET, f"wiki.{part}.tokens.xz", data_dir).decode("utf-8")
