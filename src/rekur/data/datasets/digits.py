"""Digits: 1,797 small handwritten digits, 8 rows of 8 pixels, that come with scikit-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rekur.data.datasets.base import DataSet
from rekur.data.splits import holdout

SET = DataSet(
    name="digits",
    title="Optical recognition of handwritten digits (test part), inside scikit-learn",
    licence="CC BY 4.0 (UCI); comes with scikit-learn, BSD-3-Clause",
    source="https://archive.ics.uci.edu/dataset/80",
    citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
)

TEST_SHARE = 0.2


def load(part: Literal["train", "test"] = "train", seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (N, 8, 8) uint8, 0 paper to 16 ink, and digits (N,) int64.

    The set has no parts of its own: a random fifth, drawn with `seed`, is the test part (359 images).
    """
    from sklearn.datasets import load_digits  # slow to import, and only this set needs it

    images, labels = load_digits(return_X_y=True)
    kept, held = holdout(len(labels), TEST_SHARE, seed)
    rows = kept if part == "train" else held
    return images[rows].reshape(-1, 8, 8).astype(np.uint8), labels[rows].astype(np.int64)
