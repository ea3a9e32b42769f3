"""Every window ends before its target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import windows
from rekur.errors import DataError, ShapeError


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_windows_and_targets_line_up(length: int, horizon: int, more: int) -> None:
    T = length + horizon + more
    x = np.stack([np.arange(T), -np.arange(T)], axis=1).astype(float)
    found, target = windows.supervised(x, x[:, 0], length, horizon)
    assert found.shape == (more + 1, length, 2)
    for i, window in enumerate(found):
        assert window[:, 0].tolist() == list(range(i, i + length))
        assert target[i] == i + length + horizon - 1 > window[:, 0].max()


def test_sliding_copies_nothing() -> None:
    x = np.zeros((10, 2))
    assert np.shares_memory(windows.sliding(x, 3), x)


def test_refuses_series_that_are_too_short() -> None:
    with pytest.raises(DataError, match="does not fit 3 rows"):
        windows.sliding(np.zeros((3, 1)), 4)
    with pytest.raises(DataError, match="need 5 rows or more; got 4"):
        windows.supervised(np.zeros((4, 1)), np.zeros(4), 3, horizon=2)
    with pytest.raises(DataError, match="same T steps; got 4 and 5"):
        windows.supervised(np.zeros((4, 1)), np.zeros(5), 3)
    with pytest.raises(ShapeError):
        windows.sliding(np.zeros(4), 2)
