"""The models that forecast a horizon of many steps, from many series; `rekur.inference.forecasters` has them in NumPy.

    past (N, T, I), future (N, h, F), static (N, S) -> one of five forecasters -> parameters (N, h, P)

The last axis holds the parameters of `rekur.distributions`. A file each.
"""

from __future__ import annotations

from rekur.architecture import Architecture
from rekur.models.forecasters.autoregressive import Autoregressive
from rekur.models.forecasters.base import Forecaster
from rekur.models.forecasters.decoder import DecoderForecaster
from rekur.models.forecasters.dilated import Dilated
from rekur.models.forecasters.direct import Direct
from rekur.models.forecasters.segments import Segments
from rekur.nn.initialise import keras_

__all__ = ["FORECASTERS", "Autoregressive", "DecoderForecaster", "Dilated", "Direct", "Forecaster", "Segments", "make"]

FORECASTERS: dict[str, type[Forecaster]] = {
    "direct": Direct,
    "autoregressive": Autoregressive,
    "segments": Segments,
    "dilated": Dilated,
    "decoder": DecoderForecaster,
}


def make(architecture: Architecture) -> Forecaster:
    """Return the untrained forecaster that the architecture names; the caller has seeded torch."""
    model = FORECASTERS[architecture.settings.forecaster](architecture.forecaster)
    if architecture.settings.init == "keras":
        keras_(model)
    return model
