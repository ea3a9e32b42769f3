"""Saturation: gates and tanh units that stand at an end of their range, where their gradient is next to nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.model import reading, recurrent, twins
from rekur.doctor.model.subject import SEED, Subject
from rekur.wording import counted, times

SHUT = 0.01  # a gate below it or above 1 less it; a tanh unit within it of -1 or 1
OVERWHELMING, MUCH = 0.9, 0.75  # of the numbers, where the inputs are out of scale: a fault, a warning
STUCK = 0.97  # a fault where they are not: what a small net has learnt may stand at the ends, too
CURED = 0.5  # of the saturation is gone when the input, or the weights, are brought to scale: that was the cause
OVERSIZED = 8.0  # times torch's first recurrent weights; what a small net has learnt may be 5 times as large
MANY = 0.5  # of the numbers, where the recurrent weights are oversized
MOST_STEPS = 200  # are walked
OPEN = 0.25  # a forget gate whose best units keep less a step was begun shut
KEPT = 0.01  # of the memory, counted as gone
LONG = 50  # steps
LEAST = 1e-30  # of a gate that has closed altogether: its logarithm


@dataclass(frozen=True)
class Seen:
    """One layer's gates, or a cell's over its calls."""

    name: str
    gates: dict[str, Tensor]  # gate -> (T, N, H) after its nonlinearity
    inside: Tensor  # (T, N)

    def saturated(self, gate: str) -> Tensor:
        """Which numbers (steps, H) of a gate stand at an end, at the valid steps."""
        return _stuck(gate, self.gates[gate][self.inside])

    @property
    def share(self) -> float:
        """The share of all numbers of all gates that are saturated."""
        return float(torch.cat([self.saturated(gate).flatten() for gate in self.gates]).double().mean())

    def at_steps(self) -> list[float]:
        """The share of each step that any row has."""
        all_gates = torch.cat([_stuck(gate, values) for gate, values in self.gates.items()], dim=2).double()
        counted = self.inside.any(1)
        by_step = (all_gates.mean(2) * self.inside).sum(1) / self.inside.sum(1).clamp(min=1)
        return [float(value) for value in by_step[counted]]

    def by_gate(self) -> dict[str, float]:
        """The share of each gate."""
        return {gate: float(self.saturated(gate).double().mean()) for gate in self.gates}


def _stuck(gate: str, values: Tensor) -> Tensor:
    if gate in ("h", "candidate"):
        return values.abs() > 1 - SHUT
    return (values < SHUT) | (values > 1 - SHUT)


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield the layers whose units are stuck, and forget gates that forget at once."""
    with torch.no_grad(), recurrent.watched(model := twins.light(subject.model).eval()) as calls:
        with twins.seeded(SEED):
            subject.inputs.call(model)
        layers = _first_of_each([call for call in calls if not call.is_cell])
        for call in layers:
            found = list(_of_layer(subject, call))
            yield from found or _forgets(subject, call)
        for name in dict.fromkeys(call.name for call in calls if call.is_cell):
            yield from _of_cell(subject, [call for call in calls if call.name == name])


def _first_of_each(calls: list[recurrent.Call]) -> list[recurrent.Call]:
    found: dict[str, recurrent.Call] = {}
    for call in calls:
        found.setdefault(call.name, call)
    return [call for call in found.values() if _readable(call.layer)]


def _readable(layer: recurrent.Recurrent) -> bool:
    return recurrent.mode(layer) != "RNN_RELU" and not getattr(layer, "proj_size", 0)


def _of_layer(subject: Subject, call: recurrent.Call) -> Iterator[Finding]:
    x, inside = _read(subject, call)
    if not bool(inside.any()):
        return
    worst = max(_walked(call, x, inside), key=lambda layer: layer.share)
    size = _oversized(call.layer)
    if worst.share < (MANY if size >= OVERSIZED else MUCH):
        return

    def again(call: recurrent.Call, x: Tensor) -> float:
        return next(layer.share for layer in _walked(call, x, inside) if layer.name == worst.name)

    after = again(call, _scaled(x, inside))
    if worst.share >= MUCH and after < (1 - CURED) * worst.share:
        yield _unscaled(worst, _typical(x, inside), after)
        return
    smaller = again(replace(call, layer=_usual(call.layer)), x) if size >= OVERSIZED else 1.0
    yield from _stuck_units(worst, _typical(x, inside), size, smaller)


def _read(subject: Subject, call: recurrent.Call) -> tuple[Tensor, Tensor]:
    """Return what a layer read (T, N, I), its first steps, and which of them are valid (T, N)."""
    x = recurrent.steps_of(call)
    return x[:MOST_STEPS], reading.valid(subject, call, *x.shape[:2])[:MOST_STEPS]


def _walked(call: recurrent.Call, x: Tensor, inside: Tensor) -> list[Seen]:
    """Walk a layer over x (T, N, I), whatever the layout and the lengths of its call."""
    laid = x.transpose(0, 1) if call.layer.batch_first else x
    hx = {key: value for key, value in call.kwargs.items() if key == "hx"}
    _, walks = recurrent.walk(replace(call, inputs=(laid, *call.inputs[1:2]), kwargs=hx))
    backward = [walk.name.endswith("backward") for walk in walks]
    return [
        Seen(walk.name, walk.gates, inside.flip(0) if turned else inside)
        for walk, turned in zip(walks, backward, strict=True)
    ]


def _scaled(x: Tensor, inside: Tensor) -> Tensor:
    """Bring every feature of x (T, N, I) to mean 0 and spread 1 over the valid steps."""
    values = x[inside]
    spread = values.std(0) if len(values) > 1 else torch.ones_like(values[0])
    return (x - values.mean(0)) / spread.clamp(min=1e-6)


def _typical(x: Tensor, inside: Tensor) -> float:
    return float(x[inside].abs().double().median())


def _of_cell(subject: Subject, calls: list[recurrent.Call]) -> Iterator[Finding]:
    calls = [call for call in calls if isinstance(call.x, Tensor) and call.x.dim() == 2][:MOST_STEPS]
    if not calls or not _readable(calls[0].layer) or len({call.x.shape for call in calls}) > 1:  # type: ignore[union-attr]
        return
    opened = [recurrent.cell_gates(call) for call in calls]
    gates = {gate: torch.stack([step[gate] for step in opened]) for gate in opened[0]}
    T, N = next(iter(gates.values())).shape[:2]
    inside = subject.valid.T[:T] if (len(calls), N) == (min(subject.T, MOST_STEPS), subject.N) else torch.ones(T, N) > 0
    seen = Seen(calls[0].name or type(calls[0].layer).__name__, gates, inside)
    size = _oversized(calls[0].layer)
    if seen.share < (MANY if size >= OVERSIZED else MUCH):
        return
    x = torch.stack([call.x for call in calls])  # type: ignore[misc]
    pre = nn.functional.linear(_scaled(x, inside), calls[0].layer.weight_ih, calls[0].layer.bias_ih)
    after = float((pre.abs() > _far(calls[0].layer)).double().mean())
    if seen.share >= MUCH and after < (1 - CURED) * seen.share:
        yield _unscaled(seen, _typical(x, inside), after)
        return
    smaller = _looped(_usual(calls[0].layer), calls, seen) if size >= OVERSIZED else 1.0
    yield from _stuck_units(seen, _typical(x, inside), size, smaller)


def _looped(cell: recurrent.Recurrent, calls: list[recurrent.Call], seen: Seen) -> float:
    """The share of saturated units of another cell that reads what these calls read, from zeros on."""
    state, opened = None, []
    for call in calls:
        opened.append(recurrent.cell_gates(replace(call, layer=cell, inputs=(call.x, state), kwargs={})))
        state = cell(call.x, state)
    gates = {gate: torch.stack([step[gate] for step in opened]) for gate in opened[0]}
    return replace(seen, gates=gates).share


def _matrices(layer: recurrent.Recurrent, kind: str = "weight") -> list[Tensor]:
    return [weight for name, weight in layer.named_parameters() if name.startswith(kind) and weight.dim() == 2]


def _size(weight: Tensor, H: int) -> float:
    """How many times as large as if drawn from -1/sqrt(H) to 1/sqrt(H), whose mean square is 1/(3H)."""
    return float((3 * H * weight.double().square().mean()).sqrt())


def _oversized(layer: recurrent.Recurrent) -> float:
    """How many times as large as usual the recurrent weights are, the smallest of all layers and directions."""
    return min(_size(weight, layer.hidden_size) for weight in _matrices(layer, "weight_hh"))


def _usual(layer: recurrent.Recurrent) -> recurrent.Recurrent:
    """The same layer, every weight matrix that is larger than usual made smaller by one factor."""
    layer = copy.deepcopy(layer)
    for weight in _matrices(layer):
        weight.div_(max(1.0, _size(weight, layer.hidden_size)))
    return layer


def _far(layer: recurrent.Recurrent) -> float:
    """Where a tanh, or else a sigmoid, comes within `SHUT` of its end."""
    return 2.65 if recurrent.mode(layer) == "RNN_TANH" else 4.6


def _unscaled(seen: Seen, size: float, after: float) -> Finding:
    return Finding(
        "RK-SAT-03",
        "fault" if seen.share > OVERWHELMING else "warning",
        f"The inputs are out of scale: {_told(seen)}, where hardly a gradient passes; with each feature at mean 0 and "
        f"spread 1 it would be {after:.0%}.",
        "Scale the inputs by the mean and the spread (or the smallest and the largest) of the training part.",
        {**_evidence(seen, size), "share_with_inputs_to_scale": after},
        _curve(seen),
    )


def _stuck_units(seen: Seen, size: float, times_usual: float, smaller: float) -> Iterator[Finding]:
    """Units stuck though the inputs are to scale; `smaller` is their share with weights of the usual size."""
    drawn = smaller < (1 - CURED) * seen.share
    if seen.share < MUCH and not drawn:
        return
    why = (
        f"The recurrent weights of `{seen.name}` are {times(times_usual)} times their usual size, and {_told(seen)}, "
        f"where hardly a gradient passes; with weights of the usual size it would be {smaller:.0%}."
    )
    yield Finding(
        "RK-SAT-01",
        "fault" if seen.share > STUCK else "warning",
        why if drawn else f"Saturated units: {_told(seen)}, where hardly a gradient passes.",
        "Make the first weights smaller (orthogonal recurrent ones, Glorot for the input's)"
        + ("; numbers from -1/sqrt(H) to 1/sqrt(H) are usual." if drawn else ", and the learning rate."),
        {**_evidence(seen, size), "recurrent_weights_times_usual": times_usual}
        | ({"share_with_usual_weights": smaller} if drawn else {}),
        _curve(seen),
    )


def _told(seen: Seen) -> str:
    return f"{seen.share:.0%} of the gates and tanh units of `{seen.name}` stand at an end of their range"


def _evidence(seen: Seen, size: float) -> dict[str, Any]:
    return {"layer": seen.name, "share_saturated": seen.share, "by_gate": seen.by_gate(), "typical_input": size}


def _curve(seen: Seen) -> Curve:
    shares = seen.at_steps()
    return Curve("Saturated units", "step read", "share of gates and units", list(range(len(shares))), shares)


# the forget gate


def _forgets(subject: Subject, call: recurrent.Call) -> Iterator[Finding]:
    """An LSTM read at one step whose best units keep next to nothing of what they read long before."""
    if not isinstance(call.layer, nn.LSTM):
        return
    x = recurrent.steps_of(call)
    T = int(reading.valid(subject, call, *x.shape[:2]).sum(0).max())
    found = [finding for seen in _walked(call, *_read(subject, call)) for finding in _forgetting(seen, T)]
    if found and all(read.steps <= 1 for read in reading.of(subject) if read.call.name == call.name):
        yield from found


def _forgetting(seen: Seen, T: int) -> Iterator[Finding]:
    keeps = float(
        seen.gates["forget gate"][seen.inside].clamp(min=LEAST).log().mean(0).quantile(0.9).exp()
    )  # of the best units
    memory = float(torch.tensor(KEPT).log() / torch.tensor(min(keeps, 0.9999)).log())
    if memory > 0.2 * T or (LONG if keeps > OPEN else LONG // 4) > T:
        return
    yield Finding(
        "RK-SAT-02",
        "note" if keeps > OPEN else "warning",
        f"The forget gate of `{seen.name}` keeps {keeps:.2f} of the cell a step even in its best units: after "
        f"{counted(max(1, round(memory)), 'step')} of {T} less than {KEPT:.0%} is left, and only the end is read.",
        "Set the forget gate's bias, `bias_ih_l0[H:2*H]` in torch, to 1 or more before training.",
        {"layer": seen.name, "kept_a_step": keeps, "steps_remembered": memory, "steps": T},
    )
