"""What a language model says of a text, and what it writes behind one: with torch, or without."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur import tied
from rekur.arithmetic import log_softmax
from rekur.config import ModelSettings
from rekur.data.running import Units
from rekur.errors import DataError
from rekur.inference import Forecaster, Network
from rekur.sampling import Sampling
from rekur.tasks.base import State, computed

if TYPE_CHECKING:
    from rekur.tasks.base import Model

Ids = NDArray[np.int64]


def nats(
    model: Model, settings: ModelSettings, inputs: Ids, targets: Ids, state: State
) -> tuple[NDArray[np.float64], State]:
    """Return -ln p (N, T) of the units `targets` (N, T) behind `inputs` (N, T), and the state the model ends in."""
    if not settings.tied:
        output, state = computed(model, inputs, None, state)
        chosen = np.take_along_axis(log_softmax(output.astype(np.float64)), targets[..., None], axis=2)
        return -chosen[..., 0], state
    read, state = _features(model, inputs, state)
    weights = _weights(model)
    flat = read.reshape(-1, read.shape[-1])
    found = tied.nats(flat, targets.ravel(), weights, weights["embed.table.weight"], settings.cutoffs)
    return found.reshape(targets.shape), state


def write(
    model: Model, units: Units, prompt: Sequence[str], sampling: Sampling, generator: np.random.Generator
) -> Iterator[str]:
    """Yield the text of one unit after the other behind those of `prompt`, without end."""
    drawn = _drawn(model, units, units.encode(prompt), sampling, generator)
    pieces = units.joined(itertools.chain(prompt[-1:], drawn))
    next(pieces)  # the prompt's own last unit
    return pieces


def checked(units: Units, prompt: str) -> Sequence[str]:
    """Return the units of a prompt; the start of a line where it has none.

    Raises DataError for a character never seen in training, and for a word where the training text had no <unk>.
    """
    found = units.cut(prompt) or [units.start]
    unseen = units.unseen(found)
    if unseen and units.unknown >= len(units.kinds):
        some = units.kinds[:: max(1, len(units.kinds) // 4)][:4]
        raise DataError(
            f"The prompt holds {units.name}s that the training text did not: {', '.join(map(repr, unseen[:5]))}. "
            f"The model knows {len(units.kinds):,}, such as {', '.join(map(repr, some))}. "
            "Leave the others out, or train with them."
        )
    return found


def _drawn(model: Model, units: Units, ids: Ids, sampling: Sampling, generator: np.random.Generator) -> Iterator[str]:
    state: State = None
    if len(ids) > 1:  # only the last unit's scores are asked for, and a tied model has V of them a word
        _, state = _features(model, ids[None, :-1], None)
    while True:
        output, state = computed(model, ids[None, -1:], None, state)
        scores = output[0, -1, : len(units.kinds)].astype(np.float64)
        scores[units.unknown : units.unknown + 1] = -np.inf  # "any other" is nothing to write
        ids = np.array([sampling.draw(scores, generator.random())])
        yield units.kinds[int(ids[0])]


def _features(model: Model, inputs: Ids, state: State) -> tuple[NDArray[Any], State]:
    """Return what the head of the model reads (N, T, F), and the state."""
    if isinstance(model, Network):
        return model.features(inputs, None, state)
    import torch

    from rekur.models import SequenceModel

    assert isinstance(model, SequenceModel)
    with torch.inference_mode():
        features, state = model.features(inputs, state)
    return features.cpu().numpy(), state


def _weights(model: Model) -> Mapping[str, NDArray[Any]]:
    if isinstance(model, Network | Forecaster):
        return model.weights
    return {name: weight.detach().cpu().numpy() for name, weight in model.state_dict().items()}
