"""What tasks share that give one answer for each sequence, a class or a number."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.tasks.base import Inputs, Task

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Answer = Callable[[Inputs, Rows | None], Floats]

MOST_WRONG = 24  # test items that are shown to people


class OneAnswer(Task):
    """A task whose answer is one class, or one number, for each sequence."""

    given_weights: Floats | None = None  # (N,) how much each example a caller gives counts; None: alike
    weights: Mapping[str, NDArray[np.float32]] = MappingProxyType({})  # part -> (N,), where they are given

    @abc.abstractmethod
    def inputs(self, part: str, rows: Rows) -> tuple[Inputs, Rows | None]:
        """Return the model's inputs for `rows` of `part`, and lengths where the model may know them."""

    @abc.abstractmethod
    def chunks(self, part: str) -> Sequence[Rows]:
        """Return the rows of `part` in the batches they are evaluated in."""

    @abc.abstractmethod
    def examples(self, rows: Rows) -> dict[str, Any]:
        """Return columns that show the test items `rows` to people."""

    def training_inputs(self, rows: Rows) -> tuple[Inputs, Rows | None]:
        """Return what a training batch sees; a task that augments its data overrides this."""
        return self.inputs("train", rows)

    def in_order(self, part: str, answer: Answer, none: Floats) -> Floats:
        """Return what `answer` says of every row of `part` (N, ...), in order; `none` where the part is empty."""
        chunks = self.chunks(part)
        if not chunks:
            return none
        gathered = np.concatenate([answer(*self.inputs(part, rows)) for rows in chunks])
        ordered = np.empty_like(gathered)
        ordered[np.concatenate(chunks)] = gathered
        return ordered
