"""What `models` computes, for predictions alone and without torch: NumPy around the engine's recurrent layers.

    inputs (N, T) or (N, T, I) -> Embed (N, T, I) -> Core (N, T, D*H) -> Readout (N, F) -> Head (N, outputs)

Half of the time of a short prediction would go into loading torch. Every model of the shelf is covered, the
from-scratch network too; dropout and initialisation have no part here.
"""

from rekur.architecture import Architecture
from rekur.inference import forecasters
from rekur.inference.arrays import Weights
from rekur.inference.decoder import WritingNetwork
from rekur.inference.forecasters import Forecaster
from rekur.inference.network import Network

__all__ = ["Forecaster", "Network", "WritingNetwork", "make"]


def make(architecture: Architecture, weights: Weights) -> Network | Forecaster:
    """Return the model of that architecture with these weights, checked by `rekur.architecture.check`."""
    if architecture.settings.forecaster:
        return forecasters.make(architecture, weights)
    kind = WritingNetwork if architecture.settings.readout == "decoder" else Network
    return kind(architecture, weights)
