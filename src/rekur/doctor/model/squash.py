"""Between which ends a model's outputs lie, whatever its weights are: from its graph, or by trying other weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject

INF = math.inf
SCALES = (1.0, 10.0, 100.0)  # of all weights: a squashing function alone keeps its outputs between its ends
NOISE = 0.1  # of standard deviation is added, or a layer of zeros would seem to squash
SLACK = 1e-5
SPREAD = 0.3  # of the way between the ends must be seen before they are believed
CARRY = (  # nodes that hand values on as they are, or some of them
    *("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Select", "Slice"),
    *("Index", "IndexSelect", "Clone", "Alias", "Expand", "ToCopy", "AsStrided", "Split", "SplitWithSizes", "Unbind"),
    *("Clamp", "ClampMin", "ClampMax", "Gather", "Stack", "Cat", "Flip", "Chunk", "Narrow", "Contiguous"),
)
LINEAR = ("Addmm", "Mm", "Bmm", "Linear", "Baddbmm", "Addmv", "Mv")


@dataclass(frozen=True)
class Ends:
    """The least and the largest value an output can have."""

    name: str  # of the function behind the last layer, "" if there is none
    low: float = -INF
    high: float = INF
    over_classes: bool = False  # the outputs of an example sum to one
    log: bool = False  # their exponentials do

    @property
    def is_probability(self) -> bool:
        """Whether every output lies in [0, 1]."""
        return self.low >= 0 and self.high <= 1


NONE = Ends("")
KNOWN = {
    "Sigmoid": Ends("sigmoid", 0.0, 1.0),
    "Softmax": Ends("softmax", 0.0, 1.0, over_classes=True),
    "LogSoftmax": Ends("log_softmax", -INF, 0.0, log=True),
    "LogSigmoid": Ends("logsigmoid", -INF, 0.0),
    "Tanh": Ends("tanh", -1.0, 1.0),
    "Relu": Ends("ReLU", 0.0, INF),
    "Softplus": Ends("softplus", 0.0, INF),
}


def of(subject: Subject) -> Ends:
    """Return what the outputs are squashed by: by the last operation of the graph, else by values."""
    with torch.enable_grad():
        prediction = subject.run().prediction
    last = set(_last(prediction.grad_fn))
    if len(last) == 1 and (found := KNOWN.get(next(iter(last)))):
        return found
    if last and last <= set(LINEAR):
        return NONE
    return _by_values(subject)


def _last(node: Any) -> Iterator[str]:
    """The operations whose results the prediction is made of, views and the like looked through."""
    seen, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        name = type(node).__name__.split("Backward")[0]
        if name in CARRY:
            waiting += [before for before, _ in node.next_functions]
        else:
            yield name


def _by_values(subject: Subject) -> Ends:
    drawn = [P for scale in SCALES if (P := with_other_weights(subject, scale)).numel()]
    if all(torch.equal(P, drawn[0]) for P in drawn):
        return NONE  # the weights do not matter
    low = min(float(P.min()) for P in drawn) if drawn else -INF
    high = max(float(P.max()) for P in drawn) if drawn else INF
    within = low >= -SLACK and high <= 1 + SLACK
    if within and all(_sums_to_one(P) for P in drawn):
        return Ends("a softmax", 0.0, 1.0, over_classes=True)
    if within and high - low > SPREAD:
        return Ends("a function of your own", 0.0, 1.0)
    if low >= -1 - SLACK and high <= 1 + SLACK and low < -SPREAD and high > SPREAD:
        return Ends("tanh", -1.0, 1.0)
    if drawn and high <= SLACK and all(_sums_to_one(P.exp()) for P in drawn):
        return Ends("a logarithm of a softmax", -INF, 0.0, log=True)
    return NONE


def with_other_weights(subject: Subject, scale: float) -> Tensor:
    """The predictions at weights `scale` times as large, and a little off; nothing if they are not numbers."""
    model: nn.Module = copy.deepcopy(subject.model)
    generator = torch.Generator().manual_seed(int(scale))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                noise = torch.randn(parameter.shape, generator=generator).to(parameter)
                parameter.copy_(scale * (parameter + NOISE * noise))
        P = subject.run(model=model).prediction.detach()
    return P if bool(P.isfinite().all()) else P.new_zeros(0)


def _sums_to_one(P: Tensor) -> bool:
    axes = {1, P.dim() - 1} if P.dim() > 1 else set()
    return any(P.shape[axis] > 1 and bool(((P.sum(axis) - 1).abs() < 1e-3).all()) for axis in axes)
