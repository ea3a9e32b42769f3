"""Embed + Core + Readout: the four parts of every model, put together as its architecture says.

    inputs (N, T) or (N, T, I) -> Embed (N, T, I) -> Core (N, T, D*H) -> Readout (N, F) -> Linear (N, outputs)

With the readout `every` the last two keep the steps: (N, T, F) -> (N, T, outputs).
`rekur.inference` computes the same without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from rekur.architecture import Architecture, check
from rekur.evidence import Ballot, Evidence
from rekur.models import embeds, forecasters
from rekur.models.embeds import OneHot, TokenEmbedding, TokensWithCharacters, TokensWithEvidence, Values
from rekur.models.encoder_decoder import EncoderDecoder
from rekur.models.forecasters import Forecaster
from rekur.models.sequence import CellLoop, Figures, SequenceModel, WithBallot, WithFigures

__all__ = [
    "CellLoop",
    "EncoderDecoder",
    "Forecaster",
    "OneHot",
    "SequenceModel",
    "TokenEmbedding",
    "TokensWithCharacters",
    "TokensWithEvidence",
    "Values",
    "WithBallot",
    "WithFigures",
    "build",
    "fill",
    "parameters",
]


def build(architecture: Architecture, evidence: Evidence | None = None) -> nn.Module:
    """Return the untrained model; the caller has seeded torch.

    `evidence` is what was fitted with the data; None makes room for what a run's weights will fill.
    """
    if architecture.settings.forecaster:
        return forecasters.make(architecture)
    if architecture.features and evidence is None:
        evidence = Evidence(architecture.features, architecture.settings.evidence, architecture.outputs)
    if architecture.settings.readout == "decoder":
        return EncoderDecoder(architecture, embeds.make(architecture, evidence))
    model = SequenceModel(architecture, embeds.make(architecture, evidence))
    if architecture.settings.figures:
        return WithFigures(model, Figures(architecture))
    if evidence is None or not architecture.settings.ballot:
        return model
    return WithBallot(model, Ballot(evidence, architecture.settings.dropout_words))


def fill(model: nn.Module, weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Put the weights of the run at `path` into `model`; raises RefusedModelError unless they are the model's."""
    expected = model.state_dict()
    check({name: (tuple(w.shape), str(w.dtype).removeprefix("torch.")) for name, w in expected.items()}, weights, path)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})


def parameters(model: nn.Module) -> int:
    """Return how many numbers training adjusts."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
