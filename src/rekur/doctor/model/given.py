"""A state that a model takes and returns: whether it counts, and whether a sequence may be cut anywhere with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rekur.doctor.findings import Finding
from rekur.doctor.model import layout as layouts
from rekur.doctor.model import twins
from rekur.doctor.model.inputs import Inputs, parameters
from rekur.doctor.model.subject import SEED, Subject

NAMES = ("state", "hidden", "hx", "h0", "h_0", "h", "memory", "hc", "carry")
SHORT = 2  # steps read with and without a state: few, lest a memory that fades has forgotten it


def of_given(subject: Subject) -> Iterator[Finding]:
    """Yield a state that changes nothing, and one that does not go on where the sequence was cut."""
    name = _argument(subject)
    if name is None:
        return
    try:
        short = _steps(subject, 0, min(SHORT, subject.T))
        _, state = _called(subject, short)
    except Exception:  # a model of one fixed length
        short, (_, state) = subject.inputs, _called(subject, subject.inputs)
    if state is None:
        return
    try:
        with_state, _ = _called(subject, _with(subject, short, name, _mapped(state, _stirred)))
        with_zeros, _ = _called(subject, _with(subject, short, name, _mapped(state, torch.zeros_like)))
    except Exception:  # what it returns is not what it takes
        return
    if torch.equal(with_state, with_zeros) and (short is not subject.inputs or subject.T <= 20):
        yield _unused(name)
    else:
        yield from _cut(subject, name)


def _argument(subject: Subject) -> str | None:
    """Return the argument of `forward` that takes a state and may be left out, or is given in the batch by name."""
    try:
        found = inspect.signature(subject.given.forward).parameters
    except (TypeError, ValueError):
        return None
    for place, (name, argument) in enumerate(found.items()):
        words = name.lower().split("_")
        if not (name.lower() in NAMES or any(word in NAMES for word in words)):
            continue
        given = subject.inputs.args[place] if place < len(subject.inputs.args) else subject.inputs.kwargs.get(name)
        if _is_state(given) or (given is None and argument.default is not inspect.Parameter.empty):
            return name
    return None


def _with(subject: Subject, inputs: Inputs, name: str, state: Any) -> Inputs:
    place = parameters(subject.given).index(name)
    if place < len(inputs.args):
        return replace(inputs, args=(*inputs.args[:place], state, *inputs.args[place + 1 :]))
    return replace(inputs, kwargs={**inputs.kwargs, name: state})


def _called(subject: Subject, inputs: Inputs) -> tuple[Tensor, Any]:
    """Return what the model returned first, and the state beside it: tensors no larger in number than steps."""
    with torch.no_grad(), twins.seeded(SEED):
        raw = inputs.call(twins.light(subject.model).eval())
    if not isinstance(raw, tuple | list) or len(raw) < 2 or not isinstance(raw[0], Tensor):
        return raw if isinstance(raw, Tensor) else torch.zeros(()), None
    state = raw[1] if len(raw) == 2 else tuple(raw[1:])
    return raw[0], state if _is_state(state) else None


def _is_state(state: Any) -> bool:
    if isinstance(state, Tensor):
        return state.is_floating_point()
    return isinstance(state, tuple | list) and bool(state) and all(_is_state(part) for part in state)


def _mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(state, Tensor):
        return change(state)
    return type(state)(_mapped(part, change) for part in state)


def _stirred(state: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(SEED)
    return state + 0.5 * torch.randn(state.shape, generator=generator).to(state.dtype)


def _unused(name: str) -> Finding:
    return Finding(
        "RK-STATE-05",
        "fault",
        f"The state given is not used: with `{name}` as the model returned it, or all zeros, the outputs are the same.",
        f"Hand `{name}` to the recurrent layer, `self.rnn(x, {name})`.",
        {"argument": name},
    )


# cut anywhere


def _steps(subject: Subject, start: int, end: int) -> Inputs:
    """Return the inputs cut to the steps from `start` to before `end`, wherever they run along the main sequence."""
    lay, axis = subject.layout, 1 - subject.layout.rows_axis
    span = torch.arange(start, end)
    changes: dict[Any, Any] = {}
    for path in (*lay.sequences, *lay.masks):
        tensor = subject.inputs.tensors()[path]
        if tensor.shape[axis] == subject.T:
            changes[path] = layouts.narrowed(tensor, axis, span)
    if lay.lengths_at is not None:
        lengths = subject.inputs.tensors()[lay.lengths_at]
        changes[lay.lengths_at] = torch.full_like(lengths, end - start)
    if lay.packed:
        raise ValueError("a packed sequence is cut by its lengths")
    return subject.inputs.replaced(changes)


def _cut(subject: Subject, name: str) -> Iterator[Finding]:
    """Compare a run over the sequence with two runs over its halves, the state handed on."""
    if not subject.stepwise or subject.causal is not True or subject.T < 2 or subject.layout.lengths_at is not None:
        return
    half = subject.T // 2
    whole = subject.base
    try:
        first, state = _called(subject, _steps(subject, 0, half))
        second, _ = _called(subject, _with(subject, _steps(subject, half, subject.T), name, state))
    except Exception:
        return
    axis = 1 - subject.layout.rows_axis
    if state is None or first.dim() < 2 or first.shape[axis] != half:
        return
    along = [part if subject.layout.rows_axis == 0 else part.transpose(0, 1) for part in (first, second)]
    if along[1].shape != whole[:, half:].shape or float(subject.moved(along[0], whole[:, :half]).max()) > 1:
        return  # the first half knows what follows: the check `future` says so
    move = float(subject.moved(along[1], whole[:, half:]).max())
    if move <= 1:
        return
    size = move * subject.tolerance()
    yield Finding(
        "RK-STATE-07",
        "warning",
        f"Cut at step {half}, with the state handed on in `{name}`, the rest of the sequence is answered differently: "
        f"an output moves by {size:.2g}.",
        "Return the state after the last step of every layer, and begin with it where it is given.",
        {"cut_at": half, "largest_change": size, "spread_of_predictions": float(subject.base.std())},
    )
