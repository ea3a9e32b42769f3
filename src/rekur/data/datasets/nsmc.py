"""NSMC: short Korean film reviews from Naver, half of them negative, half positive."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file
from rekur.data.text import Texts

_URL = "https://raw.githubusercontent.com/e9t/nsmc/cc0670e872d4ac27bfe36c87456783004b39ef6c/"

SET = DataSet(
    name="nsmc",
    title="Naver sentiment movie corpus v1.0",
    licence="CC0 1.0",
    source="https://github.com/e9t/nsmc",
    citation="Lucy Park, Naver sentiment movie corpus v1.0, 2015",
    files=(
        File(
            "ratings_train.txt.xz",
            14_628_807,
            "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
            url=_URL + "ratings_train.txt",
            transfer=14_628_807,
        ),
        File(
            "ratings_test.txt.xz",
            4_893_335,
            "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
            url=_URL + "ratings_test.txt",
            transfer=4_893_335,
        ),
        File(
            "sample_train.txt.xz",
            964_990,
            "0a4aa298bf7533681b6ff9f0fa60c9718b1566368a12710efd95a757004cc787",
        ),
        File(
            "sample_test.txt.xz",
            192_282,
            "2f3557a83dab4e51a3eadf8149bc48a70f51e50ad1c754cdfabadf4e01b5a7d9",
        ),
    ),
    publish=fetch_file,
)

SAMPLE_SEED = 2015  # of the draw of the embedded sample; the year of the corpus
SAMPLE_ROWS = {"train": 10_000, "test": 2_000}


def load(part: Literal["train", "test"], data_dir: Path | None = None, sample: bool = False) -> Texts:
    """Return reviews and labels, 0 negative and 1 positive.

    Args:
        part: "train" (150,000 reviews) or "test" (50,000).
        data_dir: the folder `--data` names.
        sample: take the embedded random sample instead: 10,000 and 2,000 reviews.

    Returns:
        Texts; a few reviews of the full set are empty strings.

    Raises:
        DataError: a file is missing and cannot be fetched, or is damaged.
    """
    return _parse(read(SET, f"{'sample' if sample else 'ratings'}_{part}.txt.xz", data_dir))


def draw(lines: list[str], part: Literal["train", "test"]) -> list[str]:
    """Draw the embedded sample from the data lines of the full file; rows keep their order."""
    generator = np.random.default_rng([SAMPLE_SEED, len(lines)])
    rows = np.sort(generator.choice(len(lines), SAMPLE_ROWS[part], replace=False))
    return [lines[row] for row in rows]


def _parse(content: bytes) -> Texts:
    schema = {"id": pl.Int64, "document": pl.String, "label": pl.Int64}
    frame = pl.read_csv(content, separator="\t", quote_char=None, schema=schema)
    # Documents that hold a quotation mark were quoted twice when the corpus was written.
    document = pl.col("document").fill_null("")
    for _ in range(2):
        inner = document.str.slice(1, document.str.len_chars() - 2).str.replace_all('""', '"', literal=True)
        quoted = document.str.starts_with('"') & document.str.ends_with('"') & (document.str.len_chars() > 1)
        document = pl.when(quoted).then(inner).otherwise(document)
    frame = frame.with_columns(document)
    return Texts(frame["document"], frame["label"].to_numpy(writable=True))
