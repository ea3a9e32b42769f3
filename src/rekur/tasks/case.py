"""What a task shows the doctor: a batch with its target and loss, what was fitted on which part, single features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from rekur.tasks.base import Inputs


@dataclass(frozen=True)
class Case:
    """One training batch as the model and the loss see it; examples first."""

    inputs: Inputs
    lengths: NDArray[Any] | None = None  # where the model is told them
    target: NDArray[Any] | None = None
    loss: Callable[[Tensor, Tensor], Tensor] | None = None  # of what the model gives, and the target
    causal: bool | None = None  # whether an output may read earlier steps alone


@dataclass(frozen=True)
class Refit:
    """Something that was fitted with the data, fitted again on the training part alone."""

    what: str  # "scaler", "vocabulary", "document frequencies"
    used: Any  # JSON, or numbers
    train_only: Any
    beyond: Mapping[str, Any] = field(default_factory=dict)  # "all rows" -> as fitted on those, where `used` differs


@dataclass(frozen=True)
class Features:
    """The training part as a table, for probes of single features."""

    values: Any  # (N, F) numbers, or a sparse matrix of counts
    labels: NDArray[Any]  # (N,)
    name: Callable[[int], str]  # of a feature
