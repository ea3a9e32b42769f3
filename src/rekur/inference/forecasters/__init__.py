"""What `rekur.models.forecasters` computes, in NumPy around the engine."""

from __future__ import annotations

from rekur.architecture import Architecture
from rekur.inference.arrays import Weights
from rekur.inference.forecasters.autoregressive import Autoregressive
from rekur.inference.forecasters.base import Forecaster
from rekur.inference.forecasters.parallel import DecoderForecaster, Dilated, Direct, Segments

__all__ = ["FORECASTERS", "Autoregressive", "DecoderForecaster", "Dilated", "Direct", "Forecaster", "Segments", "make"]

FORECASTERS: dict[str, type[Forecaster]] = {
    "direct": Direct,
    "autoregressive": Autoregressive,
    "segments": Segments,
    "dilated": Dilated,
    "decoder": DecoderForecaster,
}


def make(architecture: Architecture, weights: Weights) -> Forecaster:
    """Return the forecaster of that architecture with these weights."""
    return FORECASTERS[architecture.settings.forecaster](architecture.forecaster, weights)
