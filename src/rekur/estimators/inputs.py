"""The forms of X: a table (n, T), an array (N, T, I), a list of arrays of any length, or texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight, validate_data

from rekur.data.ragged import Ragged
from rekur.data.sequences import STEP, Sequences, Written, cut_behind, numbered

Form = Literal["table", "array", "list", "texts"]
Floats = NDArray[np.float64]


def form_of(X: Any) -> Form:
    """Return which form X has; what is none of them is taken for a table, whose checks say what is wrong."""
    if getattr(X, "ndim", None) == 3:
        return "array"
    if getattr(X, "ndim", 1) != 1 or not hasattr(X, "__len__") or hasattr(X, "toarray") or not len(X):
        return "table"
    first = next(iter(X))
    if isinstance(first, str):
        return "texts"
    if isinstance(first, np.ndarray) and first.ndim in (1, 2):
        return "list"
    if isinstance(first, list | tuple) and (_nested(first) or _ragged(X)):
        return "list"
    return "table"


def _nested(row: Sequence[Any]) -> bool:
    return bool(len(row)) and isinstance(row[0], list | tuple | np.ndarray)


def _ragged(X: Any) -> bool:
    return len({len(row) if isinstance(row, list | tuple) else -1 for row in X}) > 1


def read(estimator: Any, X: Any, form: Form, columns: int | None, reset: bool) -> Ragged | list[str]:
    """Return the sequences of X; raise ValueError or TypeError, as scikit-learn does, for what is none.

    Args:
        estimator: whose `n_features_in_` and `feature_names_in_` are set, or checked against.
        columns: I of the sequences the estimator was fitted to; None in fitting.
        reset: whether this is a fit.
    """
    if form == "table":
        table = validate_data(estimator, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        return cut_behind(np.asarray(table)[:, :, None])
    if form == "texts":
        return _texts(X)
    if form == "array":
        return _stacked(X, columns)
    return _listed(X, columns)


def _texts(X: Any) -> list[str]:
    texts = list(X)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X must hold texts; text {place} is {type(text).__name__}. Give strings alone.")
    return texts


def _stacked(X: Any, columns: int | None) -> Ragged:
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"X must be (N, T, I) numbers, none of the sizes 0; got {values.shape}.")
    _check(values, values.shape[2], columns)
    return cut_behind(values)


def _listed(X: Any, columns: int | None) -> Ragged:
    rows: list[Floats] = []
    for place, row in enumerate(X):
        values = np.asarray(row, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        wanted = columns or (rows[0].shape[1] if rows else values.shape[-1])
        if values.ndim != 2 or not len(values) or values.shape[1] != wanted:
            raise ValueError(
                f"X must be a list of (T, I={wanted}) arrays, T 1 or more; sequence {place} is {values.shape}."
            )
        rows.append(values)
    if not rows:
        raise ValueError("X holds no sequence; got N=0. Give one or more.")
    joined = np.concatenate(rows)
    _check(joined, joined.shape[1], columns)
    return Ragged.from_lengths(joined, np.array([len(row) for row in rows], dtype=np.int64))


def _check(values: Floats, got: int, columns: int | None) -> None:
    if columns is not None and got != columns:
        raise ValueError(f"X has I={got} values a step, but the estimator was fitted to {columns}.")
    if np.isinf(values).any():
        raise ValueError("Input X contains infinity. Write NaN for a value that is missing.")


def given_weights(sample_weight: Any, values: Ragged | list[str]) -> Floats | None:
    """Return the weight of each of the sequences (N,), None where all are alike; raise ValueError for what is none."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(
        sample_weight, np.empty((len(values), 0)), dtype=np.float64, ensure_non_negative=True
    )
    return np.asarray(weights, dtype=np.float64)


def counted_rows(values: Any, said: Any, weights: Floats | None) -> tuple[Any, Any, Floats | None]:
    """Leave out the sequences whose weight is 0; raise ValueError where none has another."""
    if weights is None or weights.all():
        return values, said, weights
    kept = np.flatnonzero(weights)
    if not len(kept):
        raise ValueError("Sample weights must contain at least one non-zero number; all weights are zero.")
    rest = [values[row] for row in kept] if isinstance(values, list) else values.take(kept)
    return rest, said[kept], weights[kept]


def given_texts(texts: list[str], labels: list[str]) -> tuple[Any, NDArray[np.int64], tuple[str, ...]]:
    """Return what the task `text` reads in place of a file: texts, the place of each label, and the classes."""
    import polars as pl

    classes, places = np.unique(np.array(labels, dtype=str), return_inverse=True)
    return pl.Series("text", texts, dtype=pl.String), places.astype(np.int64), tuple(classes.tolist())


def given(values: Ragged | list[str], said: Any) -> Sequences | Written:
    """Return what a task reads in place of a file: the sequences, and in the column `label` what is said of them."""
    import polars as pl

    about = numbered(len(values)).to_frame().with_columns(pl.Series("label", said))
    if isinstance(values, list):
        return Written(pl.Series("text", values, dtype=pl.String), about)
    names = (STEP,) if values.values.shape[1] == 1 else tuple(f"{STEP}_{i + 1}" for i in range(values.values.shape[1]))
    return Sequences(values, names, about)
