"""A trained model as an ONNX graph, written by hand around ONNX's own recurrent operators.

    inputs (N, T) or (N, T, I) -> Embed (N, T, I) -> Core (N, T, D*H) -> Readout (N, F) -> Head (N, outputs)

What `rekur.inference` computes in NumPy, any ONNX runtime computes from the graph: N and T stay free, and `lengths`
becomes the operators' `sequence_lens`. A model that writes is two graphs (`writing`); a forecaster reads raw histories
and gives quantiles in their own unit (`forecasters`, `windows`).
"""

from rekur.graphs.forecasters import forecaster
from rekur.graphs.model import graph
from rekur.graphs.writing import writer

__all__ = ["forecaster", "graph", "writer"]
