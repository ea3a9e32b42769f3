"""UD English EWT: sentences of the English web, tagged by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rekur.data import columns
from rekur.data.columns import Sentence
from rekur.data.datasets.base import DataSet, File, locate, read
from rekur.data.datasets.publishers import fetch_file

_URL = "https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/r2.16/"


def _file(part: str, size: int, sha256: str) -> File:
    name = f"en_ewt-ud-{part}.conllu"
    return File(f"{name}.xz", size, sha256, url=_URL + name, transfer=size)


SET = DataSet(
    name="ud_english_ewt",
    title="Universal Dependencies, English Web Treebank, release 2.16",
    licence="CC BY-SA 4.0",
    source="https://github.com/UniversalDependencies/UD_English-EWT, tag r2.16",
    citation="N. Silveira, T. Dozat, M.-C. de Marneffe, S. Bowman, M. Connor, J. Bauer, C. Manning, A Gold Standard "
    "Dependency Corpus for English, LREC 2014",
    files=(
        _file("train", 14_203_025, "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b"),
        _file("dev", 1_805_545, "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6"),
        _file("test", 1_804_515, "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd"),
    ),
    publish=fetch_file,
)

Part = Literal["train", "dev", "test"]


def load(part: Part, data_dir: Path | None = None, column: int = 0) -> list[Sentence]:
    """Return the sentences of a part: 12,544 to train on, 2,001 of dev, 2,077 to test on.

    Args:
        part: "train", "dev" or "test".
        data_dir: the folder `--data` names.
        column: of the tag; 0: UPOS. XPOS is 5.

    Raises:
        DataError: the file is missing and cannot be fetched, or is damaged.
    """
    name = f"en_ewt-ud-{part}.conllu.xz"
    content = read(SET, name, data_dir)
    return columns.parse(content, locate(SET, name, data_dir).with_suffix(""), column)
