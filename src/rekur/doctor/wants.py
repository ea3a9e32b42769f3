"""What a loss wants of the outputs, found by asking it: logits, probabilities, log-probabilities, or numbers.

cross_entropy   logits over classes: adding a constant to all classes changes nothing
bce_logits      a logit an output
bce             a probability an output
nll             log-probabilities over classes: the loss is linear in them
squared, absolute   numbers near the target
other           none of these
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.doctor.findings import CannotExamineError

if TYPE_CHECKING:
    from rekur.doctor.subject import Ran, Subject

Loss = Callable[..., Any]

NAMED: dict[Any, str] = {
    nn.CrossEntropyLoss: "cross_entropy",
    nn.BCEWithLogitsLoss: "bce_logits",
    nn.BCELoss: "bce",
    nn.NLLLoss: "nll",
    nn.MSELoss: "squared",
    nn.L1Loss: "absolute",
    nn.SmoothL1Loss: "absolute",
    nn.HuberLoss: "absolute",
    F.cross_entropy: "cross_entropy",
    F.binary_cross_entropy_with_logits: "bce_logits",
    F.binary_cross_entropy: "bce",
    F.nll_loss: "nll",
    F.mse_loss: "squared",
    F.l1_loss: "absolute",
    F.smooth_l1_loss: "absolute",
    F.huber_loss: "absolute",
}


def loss_of(subject: Subject, ran: Ran) -> Tensor:
    """Return the loss of what the model returned; raises CannotExamineError if none can be computed."""
    if subject.target is None:
        raise CannotExamineError("no target was given")
    reasons = []
    for attempt in _attempts(subject, ran):
        try:
            value = attempt()
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            reasons.append(str(error).strip().splitlines()[0])
            continue
        if isinstance(value, Tensor):
            return value if value.dim() == 0 else value.mean()
    raise CannotExamineError(f"the loss could not be computed: {reasons[0] if reasons else 'it gave no number'}")


def _attempts(subject: Subject, ran: Ran) -> Iterator[Callable[[], Any]]:
    """The ways people write the call, the caller's own first."""
    loss, target = subject.loss, subject.target
    if loss is None:
        loss = guessed(ran.prediction, target)
    prediction = _as_returned(subject, ran)
    if subject.loss is not None and prediction is not ran.raw:
        yield lambda: loss(ran.raw, target)
    yield lambda: loss(prediction, target)
    if not isinstance(target, Tensor):
        return
    if prediction.dim() == 3:
        yield lambda: loss(prediction.flatten(0, 1), target.flatten(0, 1))
        yield lambda: loss(prediction.transpose(1, 2), target)
    if prediction.dim() == target.dim() + 1 and prediction.shape[-1] == 1:
        yield lambda: loss(prediction.squeeze(-1), target.to(prediction.dtype))
    yield lambda: loss(prediction, target.to(prediction.dtype))
    yield lambda: loss(prediction, target.long())


def _as_returned(subject: Subject, ran: Ran) -> Tensor:
    """The prediction in the model's own layout."""
    from rekur.doctor.inputs import first_tensor

    found = first_tensor(ran.raw)
    return ran.prediction if found is None else found


def guessed(prediction: Tensor, target: Any) -> Loss:
    """Return the loss that these sizes and types usually mean; raises CannotExamineError if they mean none."""
    if not isinstance(target, Tensor):
        raise CannotExamineError("the target is no tensor, and no loss was given")
    if target.is_floating_point():
        binary = bool(((target == 0) | (target == 1)).all()) and len(target.unique()) == 2
        return F.binary_cross_entropy_with_logits if binary and prediction.numel() == target.numel() else F.mse_loss
    if prediction.numel() == target.numel():
        return F.binary_cross_entropy_with_logits
    return F.cross_entropy


def kind(subject: Subject) -> str:
    """Return what the loss wants; raises CannotExamineError if there is none."""
    if subject.loss is not None:
        try:
            named = NAMED.get(type(subject.loss)) or NAMED.get(subject.loss)
        except TypeError:
            named = None
        if named:
            return named
    elif subject.target is not None:
        return NAMED.get(guessed(subject.base, subject.target), "other")
    return _behaviour(subject)


def _behaviour(subject: Subject) -> str:
    from dataclasses import replace

    with torch.no_grad():
        ran = subject.run()

    def at(prediction: Tensor) -> tuple[float, Tensor]:
        with torch.enable_grad():
            leaf = prediction.detach().clone().requires_grad_()
            value = loss_of(subject, replace(ran, raw=leaf, prediction=leaf))
            value.backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        return float(value), leaf.grad

    shape = _as_returned(subject, ran).shape
    generator = torch.Generator().manual_seed(3)
    a = torch.randn(shape, generator=generator)
    try:
        value, slope = at(a)
        shifted, _ = at(a + 1.7)
        doubled, steeper = at(2 * a)
    except (CannotExamineError, RuntimeError):
        return _bounded(at, shape, generator)
    if abs(shifted - value) < 1e-4 * max(1, abs(value)) and shape[-1] > 1:
        return "cross_entropy"
    if torch.allclose(slope, steeper, atol=1e-6) and abs(doubled - 2 * value) < 1e-4 * max(1, abs(value)):
        return "nll"
    return _pointwise(at, a, slope)


def _bounded(at: Callable[[Tensor], tuple[float, Tensor]], shape: Any, generator: torch.Generator) -> str:
    """A loss that refuses numbers outside [0, 1] wants probabilities."""
    try:
        at(torch.rand(shape, generator=generator) * 0.8 + 0.1)
    except (CannotExamineError, RuntimeError):
        return "other"
    return "bce"


def _pointwise(at: Callable[[Tensor], tuple[float, Tensor]], a: Tensor, slope: Tensor) -> str:
    """Tell the losses of one number an output apart by the slope at three points on a line."""
    _, far = at(a + 40)
    _, farther = at(a + 80)
    if not (torch.isfinite(far).all() and torch.isfinite(farther).all()):
        return "bce"
    first, second = (far - slope).abs().max(), (farther - far).abs().max()
    if torch.allclose(far - slope, farther - far, rtol=1e-3, atol=1e-6) and float(first) > 1e-7:
        return "squared"
    if float(second) < 1e-6 * max(1.0, float(far.abs().max())):
        return "bce_logits" if float(slope.abs().unique().numel()) > 3 and _curved(at, a) else "absolute"
    return "other"


def _curved(at: Callable[[Tensor], tuple[float, Tensor]], a: Tensor) -> bool:
    """Whether the slope changes smoothly between -1 and 1, as a sigmoid's does."""
    slopes = [at(a * 0 + step)[1] for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    return all(float((after - before).abs().max()) > 1e-7 for before, after in zip(slopes, slopes[1:], strict=False))
