"""A Ragged is a list of rows: whatever a list can do, it does alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.ragged import Ragged, positions
from rekur.errors import ShapeError

ROWS = st.lists(st.lists(st.integers(0, 99), max_size=7), max_size=8)


def plain(ragged: Ragged) -> list[list[int]]:
    return [row.tolist() for row in ragged]


@given(ROWS)
def test_holds_the_rows(rows: list[list[int]]) -> None:
    ragged = Ragged.of(rows)
    assert plain(ragged) == rows
    assert len(ragged) == len(rows)
    assert ragged.lengths.tolist() == [len(row) for row in rows]


@given(ROWS, st.integers(0, 8))
def test_cuts_like_a_slice(rows: list[list[int]], length: int) -> None:
    assert plain(Ragged.of(rows).cut(length)) == [row[:length] for row in rows]
    assert plain(Ragged.of(rows).cut(length, side="left")) == [row[max(0, len(row) - length) :] for row in rows]


@given(ROWS)
def test_keeps_marked_values_and_every_row(rows: list[list[int]]) -> None:
    ragged = Ragged.of(rows)
    assert plain(ragged.where(ragged.values % 2 == 0)) == [[v for v in row if v % 2 == 0] for row in rows]
    assert plain(ragged.map(lambda values: values + 1)) == [[v + 1 for v in row] for row in rows]


def test_a_row_is_a_view() -> None:
    ragged = Ragged.of([[1, 2], [3]])
    assert np.shares_memory(ragged[1], ragged.values)
    assert ragged[-1].tolist() == [3]
    with pytest.raises(IndexError, match=r"N=2 rows; got row 2"):
        ragged[2]


@pytest.mark.parametrize("offsets", [[0, 2], [1, 3], [0, 4, 3], [], [0.0, 3.0]])
def test_refuses_offsets_that_do_not_fit(offsets: list[float]) -> None:
    with pytest.raises(ShapeError, match="offsets must be"):
        Ragged(np.zeros(3), np.array(offsets))


def test_refuses_a_negative_length() -> None:
    with pytest.raises(ShapeError, match="got -1"):
        Ragged.of([[1]]).cut(-1)


def test_positions_of_nothing() -> None:
    assert positions(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
