"""One answer for each sequence: whatever batches they are asked in, the answers come in the order of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rekur.tasks.answers import OneAnswer
from rekur.tasks.classification import Classification
from rekur.tasks.regression import Regression


class Numbers(OneAnswer):
    """Rows 0 to N - 1, each its own number."""

    def __init__(self, chunks: list[list[int]]) -> None:
        self.batches_of = [np.array(rows, np.int64) for rows in chunks]

    def chunks(self, part: str) -> Any:
        return self.batches_of if part == "test" else []

    def inputs(self, part: str, rows: Any) -> Any:
        return 10.0 * rows + (part == "train"), rows + 1

    def examples(self, rows: Any) -> Any:
        raise NotImplementedError


Numbers.__abstractmethods__ = frozenset()  # of the rest of a task nothing is asked here


@pytest.mark.parametrize("chunks", [[[0, 1, 2, 3]], [[3, 1], [0, 2]], [[2], [0], [3], [1]]])
@pytest.mark.parametrize("columns", [1, 3])
def test_answers_come_in_the_order_of_the_rows(chunks: list[list[int]], columns: int) -> None:
    def answer(inputs: Any, lengths: Any) -> Any:
        return (inputs + lengths)[:, None] * np.arange(1, columns + 1)

    found = Numbers(chunks).in_order("test", answer, np.zeros((0, columns)))
    np.testing.assert_array_equal(found, (11.0 * np.arange(4) + 1)[:, None] * np.arange(1, columns + 1))


def test_a_part_without_rows_has_the_shape_it_would_have() -> None:
    found = Numbers([[0]]).in_order("validation", lambda *_: pytest.fail("nothing to ask"), np.zeros((0, 2)))
    assert found.shape == (0, 2)


def test_training_sees_the_training_part() -> None:
    values, lengths = Numbers([]).training_inputs(np.array([2, 0]))
    assert (np.asarray(values).tolist(), lengths is not None and lengths.tolist()) == ([21.0, 1.0], [3, 1])


@pytest.mark.parametrize("kind", [Classification, Regression])
@pytest.mark.parametrize("name", ["inputs", "chunks", "examples", "in_order", "weights"])
def test_classes_and_numbers_share_what_they_share(kind: type[OneAnswer], name: str) -> None:
    assert issubclass(kind, OneAnswer)
    assert name not in vars(kind)
