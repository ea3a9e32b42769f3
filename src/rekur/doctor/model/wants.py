"""What a loss wants of the outputs, found by asking it: logits, probabilities, log-probabilities, or numbers.

cross_entropy   logits over classes: a constant added to all classes of an example changes nothing
bce_logits      a logit an output: the slope runs from one end to the other as a sigmoid does
bce             probabilities, of an output or over classes
nll             log-probabilities over classes: the loss is linear in them, and falls as they rise
squared, absolute   numbers near the target
other           none of these
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model.inputs import first_tensor

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Ran, Subject

Loss = Callable[..., Any]
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, AttributeError)
FAR = 1e5  # from any target: there a loss of errors is a straight line


def log_of_probabilities(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of probabilities over classes."""
    return F.nll_loss(output.clamp(min=1e-12).log(), target)


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
    log_of_probabilities: "bce",
}


def named(loss: Any) -> str | None:
    """Return what one of torch's own losses wants, bare or with some arguments bound; None of any other."""
    if isinstance(loss, functools.partial):
        loss = loss.func
    if isinstance(loss, nn.Module):
        kinds = (
            kind
            for known, kind in NAMED.items()
            if isinstance(known, type) and isinstance(loss, known) and type(loss).forward is vars(known).get("forward")
        )
        return next(kinds, None)
    try:
        return NAMED.get(loss)
    except TypeError:
        return None


def loss_of(subject: Subject, ran: Ran) -> Tensor:
    """Return the loss of what the model returned; raises CannotExamineError if none can be computed."""
    if subject.target is None:
        raise CannotExamineError("no target was given")
    reasons = []
    for attempt in _attempts(subject, ran):
        try:
            value = attempt()
        except FAILURES as error:
            reasons.append((str(error).strip().splitlines() or [type(error).__name__])[0])
            continue
        if isinstance(value, Tensor):
            return value if value.dim() == 0 else value.mean()
    raise CannotExamineError(f"the loss could not be computed: {reasons[0] if reasons else 'it gave no number'}")


def _attempts(subject: Subject, ran: Ran) -> Iterator[Callable[[], Any]]:
    """The ways people write the call: a loss of the caller's own as it is, torch's as its sizes want it."""
    loss, target = subject.loss, subject.target
    if loss is None:
        loss = guessed(ran.prediction, target, subject)
    prediction = as_returned(ran)
    if subject.loss is not None and prediction is not ran.raw:
        yield lambda: loss(ran.raw, target)
    if not isinstance(target, Tensor):
        yield lambda: loss(prediction, target)
        return
    if subject.loss is None or named(loss) in ("cross_entropy", "nll"):
        yield from _fitted(loss, prediction, target)
    yield lambda: loss(prediction, target)
    if prediction.dim() == 3:
        yield lambda: loss(prediction.flatten(0, 1), target.flatten(0, 1))
        yield lambda: loss(prediction.transpose(1, 2), target)
    yield lambda: loss(prediction, target.reshape(-1))
    if prediction.dim() == target.dim() + 1 and prediction.shape[-1] == 1:
        yield lambda: loss(prediction.squeeze(-1), target.to(prediction.dtype))
    yield lambda: loss(prediction, target.to(prediction.dtype))
    yield lambda: loss(prediction, target.long())


def _fitted(loss: Loss, prediction: Tensor, target: Tensor) -> Iterator[Callable[[], Any]]:
    """A bare loss of steps: outputs (N, T, C) with targets (N, T), either perhaps steps first, or one number each."""
    first_two = prediction.shape[:2]
    swapped = tuple(first_two)[::-1] == tuple(target.shape[:2])
    if prediction.dim() >= 2 and target.dim() >= 2 and first_two != target.shape[:2] and swapped:
        prediction = prediction.transpose(0, 1)
    if prediction.dim() == 3 and target.shape == prediction.shape[:2] and prediction.shape[2] > 1:
        yield lambda: loss(prediction.flatten(0, 1), target.flatten())
    elif prediction.numel() == target.numel() and prediction.shape != target.shape:
        yield lambda: loss(prediction.reshape(target.shape), target.to(prediction.dtype))


def as_returned(ran: Ran) -> Tensor:
    """Return the prediction in the model's own layout."""
    found = first_tensor(ran.raw)
    return ran.prediction if found is None else found


def guessed(prediction: Tensor, target: Any, subject: Subject | None = None) -> Loss:
    """Return the loss that these sizes and types usually mean; raises CannotExamineError if they mean none.

    A model that gives probabilities, or their logs, is taken to be trained with a loss that wants those.
    """
    if not isinstance(target, Tensor):
        raise CannotExamineError("the target is no tensor, and no loss was given")
    ends = None if subject is None else subject.squash
    within = ends is not None and ends.is_probability
    of_one = F.binary_cross_entropy if within else F.binary_cross_entropy_with_logits
    if target.is_floating_point():
        binary = bool(((target == 0) | (target == 1)).all()) and int(target.max()) != int(target.min())
        return of_one if binary and prediction.numel() == target.numel() else F.mse_loss
    if prediction.numel() == target.numel():
        return of_one
    if ends is not None and ends.log:
        return F.nll_loss
    return log_of_probabilities if ends is not None and ends.over_classes else F.cross_entropy


def kind(subject: Subject) -> str:
    """Return what the loss wants; raises CannotExamineError if there is none."""
    if subject.loss is not None:
        return named(subject.loss) or _behaviour(Asked(subject))
    if subject.target is None:
        raise CannotExamineError("no target was given")
    return NAMED.get(guessed(subject.base, subject.target, subject), "other")


class Asked:
    """The loss as a function of the model's outputs alone, in the layout the model returns them in."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        with torch.no_grad():
            self.ran = subject.run()
        self.outputs = as_returned(self.ran).detach()

    def at(self, outputs: Tensor) -> tuple[float, Tensor]:
        """Return the loss at these outputs, and its slope there, of their size."""
        with torch.enable_grad():
            leaf = outputs.detach().clone().requires_grad_()
            whole = _put(self.ran.raw, as_returned(self.ran), leaf)
            value = loss_of(self.subject, replace(self.ran, raw=whole, prediction=leaf))
            if not value.requires_grad:
                raise CannotExamineError("the loss does not depend on the outputs")
            (slope,) = torch.autograd.grad(value, [leaf], allow_unused=True)
        return float(value.detach()), torch.zeros_like(leaf) if slope is None else slope

    def random(self, seed: int = 3) -> Tensor:
        """Return outputs drawn from a normal distribution."""
        return torch.randn(self.outputs.shape, generator=torch.Generator().manual_seed(seed)).to(self.outputs.dtype)

    def class_axis(self) -> int | None:
        """Return the axis along which a constant may be added to each example's outputs, None if there is none."""
        a = self.random()
        value, _ = self.at(a)
        for axis in dict.fromkeys((1 if a.dim() > 1 else 0, a.dim() - 1)):
            if a.shape[axis] < 2:
                continue
            shift = self.random(4).narrow(axis, 0, 1)
            if abs(self.at(a + shift)[0] - value) < 1e-4 * max(1.0, abs(value)):
                return axis
        return None


def _put(raw: Any, old: Tensor, new: Tensor) -> Any:
    """What a model returned, with another prediction in its place."""
    if raw is old:
        return new
    if isinstance(raw, Mapping):
        return {key: _put(value, old, new) for key, value in raw.items()}
    if isinstance(raw, tuple) and hasattr(raw, "_replace"):
        return raw._replace(**{name: _put(getattr(raw, name), old, new) for name in raw._fields})  # type: ignore[attr-defined]
    if isinstance(raw, tuple | list):
        return type(raw)(_put(item, old, new) for item in raw)
    if getattr(raw, "logits", None) is old:
        raw = copy.copy(raw)
        raw.logits = new
    return raw


def _behaviour(asked: Asked) -> str:
    a = asked.random()
    try:
        value, slope = asked.at(a)
    except (CannotExamineError, *FAILURES):
        return _bounded(asked, a)
    if not torch.isfinite(slope).all() or value != value:
        return _bounded(asked, a)
    if asked.class_axis() is not None:
        return "cross_entropy"
    if torch.allclose(slope, asked.at(2 * a + 0.7)[1], rtol=1e-4, atol=1e-9):
        return "nll" if bool((slope <= 0).all()) and bool((slope < 0).any()) else "other"
    return _pointwise(asked, a)


def _bounded(asked: Asked, a: Tensor) -> str:
    """A loss that refuses numbers outside [0, 1] wants probabilities."""
    try:
        value, _ = asked.at(a.sigmoid() * 0.8 + 0.1)
    except (CannotExamineError, *FAILURES):
        return "other"
    return "bce" if value == value else "other"


def _pointwise(asked: Asked, a: Tensor) -> str:
    """Tell the losses of one number an output apart by their slopes on a line through all outputs."""

    def slope(step: float) -> Tensor:
        return asked.at(torch.full_like(a, step))[1]

    low, high = slope(-40.0), slope(40.0)
    if not (torch.isfinite(low).all() and torch.isfinite(high).all()):
        return "bce"
    if not (low.any() or high.any()):  # clipped outside [0, 1]
        return "bce" if bool(slope(0.5).any()) else "other"
    if _as_a_sigmoid(slope, low, high):
        return "bce_logits"
    near, far = slope(40.0) - slope(0.0), slope(80.0) - slope(40.0)
    if torch.allclose(near, far, rtol=1e-3, atol=1e-6 * float(near.abs().max())) and bool(near.max() > 0):
        return "squared"
    left, right = slope(-FAR), slope(FAR)
    used = (left != 0) | (right != 0)
    return "absolute" if bool((left[used] < 0).all() and (right[used] > 0).all() and used.any()) else "other"


def _as_a_sigmoid(slope: Callable[[float], Tensor], low: Tensor, high: Tensor) -> bool:
    """Whether each output's slope goes its way from the lowest to the highest as a sigmoid of the output."""
    way = high - low
    used = way.abs() > 1e-12
    if not bool(used.any()):
        return False
    for step in (-2.0, -0.5, 0.0, 1.0):
        gone = ((slope(step) - low)[used] / way[used]).double()
        if float((gone - torch.sigmoid(torch.tensor(step, dtype=torch.double))).abs().max()) > 1e-3:
            return False
    return True
