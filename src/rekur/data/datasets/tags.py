"""Tags: 160 short invented sentences with their parts of speech and entities, to try a tagger on."""

from __future__ import annotations

from rekur.data import columns
from rekur.data.columns import Sentence
from rekur.data.datasets.base import DataSet, File, locate, read

SET = DataSet(
    name="tags",
    title="Invented sentences, tagged",
    licence="Apache-2.0, as rekur",
    source="rekur",
    citation="The rekur authors, 2026",
    files=(File("sample.conll", 16041, "624d5a8657079ef466205da04ff20fa1d177ffaaf5cc9a250f31ec94cb944734"),),
)


def load(column: int = 0) -> list[Sentence]:
    """Return the sentences with their entities in BIO, or (column 2) with universal parts of speech."""
    return columns.parse(read(SET, "sample.conll"), locate(SET, "sample.conll"), column)
