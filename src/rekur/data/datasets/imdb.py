"""IMDB: 25,000 film reviews to train on, 25,000 to test on, half of each negative; 50,000 without a label."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from rekur.data.datasets.base import DataSet, File, check, damaged, locate
from rekur.data.datasets.publishers import fetch_imdb
from rekur.data.text import Texts

_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
_ARCHIVE_BYTES = 84_125_825
_ARCHIVE = "sha256:c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"

# Size and checksum of a part are of its texts, in order, a line break between two.
SET = DataSet(
    name="imdb",
    title="Large Movie Review Dataset v1.0",
    licence="None stated; free for research, cite the paper; the texts are their writers'",
    source="https://ai.stanford.edu/~amaas/data/sentiment/",
    citation="A. Maas, R. Daly, P. Pham, D. Huang, A. Ng, C. Potts, Learning Word Vectors for Sentiment "
    "Analysis, ACL 2011",
    files=(
        File(
            "imdb_train.parquet",
            33_157_822,
            "14f6168a4110f2f916f46c6a766db5ca3781313acbe201ed9e12cd1a4e59b840",
            url=_URL,
            transfer=_ARCHIVE_BYTES,
            published=_ARCHIVE,
        ),
        File(
            "imdb_test.parquet",
            32_375_684,
            "759d96ef5f728587d1761e24f96050fcde2f73de3139c0262ed631a23c39d678",
            url=_URL,
            transfer=_ARCHIVE_BYTES,
            published=_ARCHIVE,
        ),
        File(
            "imdb_unsup.parquet",
            66_556_793,
            "fcd64d46bd8696181284ba433f8c6ea2407f57f0f34a28d682ae664abd0faa4b",
            url=_URL,
            transfer=_ARCHIVE_BYTES,
            published=_ARCHIVE,
        ),
    ),
    publish=fetch_imdb,
)


def path(part: Literal["train", "test", "unsup"], data_dir: Path | None = None) -> Path:
    """Return the path of a part: parquet with the columns split, label, rating, id and text."""
    return locate(SET, f"imdb_{part}.parquet", data_dir)


def load(part: Literal["train", "test", "unsup"], data_dir: Path | None = None) -> Texts:
    """Return reviews, as written, and labels: 0 negative, 1 positive, -1 not labelled.

    Args:
        part: "train" or "test" (25,000 each, the negative first), or "unsup" (50,000).
        data_dir: the folder `--data` names.

    Raises:
        DataError: the file is missing and cannot be fetched, or is damaged.
    """
    file = SET.file(f"imdb_{part}.parquet")
    found = path(part, data_dir)
    try:
        frame = pl.read_parquet(found, columns=["label", "text"])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(found, "a parquet file with label and text", str(error).splitlines()[0]) from None
    # Not of the file's own bytes: they depend on what wrote the parquet.
    check(file, "\n".join(frame["text"].fill_null("")).encode(), found)
    labels = frame["label"].cast(pl.Int64, strict=False).fill_null(-2).to_numpy(writable=True)
    rising = np.full(len(labels), -1) if part == "unsup" else np.arange(len(labels)) * 2 // len(labels)
    if not np.array_equal(labels, rising):
        raise damaged(found, "the negative reviews, then as many positive", "labels in another order")
    return Texts(frame["text"], labels)
