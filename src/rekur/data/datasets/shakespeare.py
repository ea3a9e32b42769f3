"""Tiny Shakespeare: 1,115,394 characters of his plays."""

from __future__ import annotations

from pathlib import Path

from rekur.data.datasets.base import DataSet, File, read

SET = DataSet(
    name="tinyshakespeare",
    title="Tiny Shakespeare",
    licence="Public domain",
    source="https://github.com/karpathy/char-rnn, data/tinyshakespeare/input.txt",
    citation="A. Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015",
    files=(
        File(
            "input.txt.gz",
            1_115_394,
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
)


def load(data_dir: Path | None = None) -> str:
    """Return the text, of 65 distinct characters.

    Raises:
        DataError: the file is damaged.
    """
    return read(SET, "input.txt.gz", data_dir).decode("ascii")
