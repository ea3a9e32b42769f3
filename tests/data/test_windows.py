"""A window holds steps that follow each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import windows
from rekur.errors import DataError, ShapeError


@given(st.integers(1, 6), st.integers(0, 9))
def test_every_window_is_there_in_order(length: int, more: int) -> None:
    T = length + more
    x = np.stack([np.arange(T), -np.arange(T)], axis=1).astype(float)
    found = windows.sliding(x, length)
    assert found.shape == (more + 1, length, 2)
    for i, window in enumerate(found):
        assert np.array_equal(window, x[i : i + length])


def test_sliding_copies_nothing() -> None:
    x = np.zeros((10, 2))
    assert np.shares_memory(windows.sliding(x, 3), x)


def test_refuses_series_that_are_too_short() -> None:
    with pytest.raises(DataError, match="does not fit 3 rows"):
        windows.sliding(np.zeros((3, 1)), 4)
    with pytest.raises(ShapeError):
        windows.sliding(np.zeros(4), 2)
