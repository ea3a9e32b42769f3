"""State carried wrongly: which final states are read, what is kept between batches, whether a given one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import flow, reading, recurrent, twins
from rekur.doctor.model.draws import Draws
from rekur.doctor.model.given import of_given
from rekur.doctor.model.inputs import Inputs
from rekur.doctor.model.subject import SEED, Ran, Subject

AT_THE_END = 0.999  # of what a prediction takes from a backward direction: it is all read at one step
RESETS = ("reset", "init_hidden", "init_state", "clear", "zero_state", "initialize_hidden", "init_h")
LITTLE = 0.05  # of the predictions' spread: a random state that moves them less only blurs them


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the states that are read, kept, given and drawn."""
    yield from _directions(subject)
    yield from _kept(subject)
    yield from of_given(subject)
    yield from _random(subject)


# what is read of two directions


def _directions(subject: Subject) -> Iterator[Finding]:
    if not any(getattr(layer, "bidirectional", False) for layer in subject.layers.values()):
        return
    by_layer: dict[str, list[reading.Read]] = {}
    for read in reading.of(subject):
        if read.outputs.shape[0] == 2 and float(read.outputs.sum() + read.state.sum()) > 0:
            by_layer.setdefault(read.call.name, []).append(read)
    for name, reads in by_layer.items():
        who = name or type(reads[0].call.layer).__name__
        if all(_only_at_the_end(subject, read) for read in reads):
            yield _last_of_backward(who, reads[0])
        total = sum((read.outputs.sum((1, 2)) + read.state for read in reads), torch.zeros(2))
        if float(total.min()) == 0:
            yield _one_unread(who, "backward" if float(total[1]) == 0 else "forward")


def _only_at_the_end(subject: Subject, read: reading.Read) -> bool:
    """Whether the backward outputs count at each row's last step alone, where they have read one step, and h_n not."""
    backward = read.outputs[1]  # (T, N)
    T, N = backward.shape
    if float(read.state[1]) > 0 or float(backward.sum()) == 0:
        return False
    lengths = reading.valid(subject, read.call, T, N).sum(0)
    rows = torch.arange(N)
    ends = torch.maximum(backward[T - 1], backward[(lengths - 1).clamp(min=0), rows])
    return bool((ends >= AT_THE_END * backward.sum(0)).all())


def _last_of_backward(who: str, read: reading.Read) -> Finding:
    backward = read.outputs[1].sum(1)
    T = len(backward)
    return Finding(
        "RK-STATE-01",
        "fault",
        f"The last step of `{who}` is read in both directions, and its backward direction begins there: of {T} steps "
        "it has read one.",
        "Read the final state of both, `torch.cat([h_n[-2], h_n[-1]], dim=1)`, or a mean or maximum over all steps.",
        {"layer": who, "steps": T, "steps_the_backward_half_has_read": 1},
        Curve(
            "Where the backward outputs are read",
            "step",
            "gradient of the prediction",
            list(range(T)),
            backward.tolist(),
        ),
    )


def _one_unread(who: str, direction: str) -> Finding:
    hint = " (`h_n[-1]` is the backward one alone)" if direction == "forward" else ""
    return Finding(
        "RK-STATE-02",
        "fault",
        f"`{who}` reads in both directions, and the prediction takes nothing from the {direction} one{hint}.",
        "Join both final states, `torch.cat([h_n[-2], h_n[-1]], dim=1)`, or set bidirectional=False.",
        {"layer": who, "direction_not_read": direction},
    )


# what is kept between calls


def _kept(subject: Subject) -> Iterator[Finding]:
    """Run one twin on other rows and then on the batch: a prediction must not know what was read before."""
    others = subject.rows_changed(torch.ones(subject.N, dtype=torch.bool))
    twin = twins.light(subject.model).eval()
    with torch.no_grad():
        after_others, after_itself = (_second(subject, first) for first in (others, subject.inputs))
    carried = subject.moved(after_others, after_itself)
    if float(carried.max()) <= 1:
        return
    yield from _graph_kept(subject)
    reset = _reset(subject, twin)
    size, spread = float(carried.max()) * subject.tolerance(after_others), float(subject.base.std())
    beside = f"{size:.2g} (the predictions of the batch spread by {spread:.2g})"
    evidence = {"largest_change": size, "spread_of_predictions": spread, "reset": reset}
    if subject.causal or reset:
        told = f"until `{reset}` is called" if reset else "as a language model may"
        yield Finding(
            "RK-STATE-03",
            "note",
            f"The model keeps its state between calls, {told}: what it read before moves a prediction by {beside}.",
            "Begin with a fresh state wherever a batch does not continue the one before, evaluation included.",
            evidence,
        )
        return
    yield Finding(
        "RK-STATE-03",
        "fault",
        f"The state is carried between unrelated batches: with another batch read before, the same input's prediction "
        f"moves by {beside}.",
        "Begin every batch with a fresh state: pass none to the layer, or zeros made in `forward`.",
        evidence,
        _forgetting(subject, others),
    )


def _second(subject: Subject, first: Inputs) -> Tensor:
    """Return the prediction of the batch by a twin that has read `first` before."""
    twin = twins.light(subject.model).eval()
    with twins.seeded(SEED):
        first.call(twin)
    return _again(subject, twin).prediction


def _again(subject: Subject, twin: nn.Module, train: bool = False) -> Ran:
    """Run a twin as it is, its kept state and all."""
    with twins.seeded(SEED):
        raw = subject.inputs.call(twin.train(train))
    return Ran(raw, subject.laid_out(raw), twin)


def _forgetting(subject: Subject, others: Inputs) -> Curve:
    """How far the prediction stands from a fresh model's, call after call on the same batch."""
    twin, moves = twins.light(subject.model).eval(), []
    with torch.no_grad():
        for inputs in (others, *[subject.inputs] * 5):
            with twins.seeded(SEED):
                raw = inputs.call(twin)
            moves.append(float((subject.laid_out(raw) - subject.base).abs().max()))
    return Curve(
        "The same input, call after call", "call", "distance from a fresh model's answer", [1, 2, 3, 4, 5], moves[1:]
    )


def _graph_kept(subject: Subject) -> Iterator[Finding]:
    """Take two training steps in a row on one twin."""
    twin = twins.light(subject.model)
    with torch.enable_grad():
        try:
            _gradients(subject, _again(subject, twin, train=True))
        except (RuntimeError, CannotExamineError):
            return  # it cannot be trained at all; other checks say why
        try:
            _gradients(subject, _again(subject, twin, train=True))
        except RuntimeError as error:
            if "second time" not in str(error) and "inplace" not in str(error):
                return
            yield Finding(
                "RK-STATE-04",
                "fault",
                "The carried state keeps its graph: the second training step fails, as it goes back through the first.",
                "Detach what is carried, `state = state.detach()` (both parts of an LSTM's), before the next batch.",
                {"error": str(error).strip().splitlines()[0][:200]},
            )


def _gradients(subject: Subject, ran: Ran) -> None:
    parameters = [p for p in ran.model.parameters() if p.requires_grad]
    torch.autograd.grad(flow.objective(subject, ran), parameters, allow_unused=True)


def _reset(subject: Subject, twin: nn.Module) -> str | None:
    """Return the name of a method of the model after which it has forgotten what it read, None if there is none."""
    names = [name for name in dir(type(twin)) if any(word in name.lower() for word in RESETS)]
    for name in names:
        for arguments in ((), (subject.N,), (subject.inputs.args[0],) if subject.inputs.args else ()):
            fresh = twins.light(subject.model).eval()
            try:
                with torch.no_grad():
                    subject.rows_changed(torch.ones(subject.N, dtype=torch.bool)).call(fresh)
                    returned = getattr(fresh, name)(*arguments)
                    _put_back(fresh, returned)
                    if float(subject.moved(_again(subject, fresh).prediction).max()) <= 1:
                        return name
            except Exception:
                continue
    return None


def _put_back(model: nn.Module, state: Any) -> None:
    """Put a state that a method returned where the model keeps one of its sizes: the loop outside would."""
    if state is None:
        return
    for name, value in list(vars(model).items()):
        if _sizes(value) == _sizes(state) and _sizes(state):
            setattr(model, name, state)


def _sizes(state: Any) -> list[tuple[int, ...]]:
    if isinstance(state, Tensor):
        return [tuple(state.shape)]
    return [size for part in state for size in _sizes(part)] if isinstance(state, tuple | list) else []


# what is drawn


def _random(subject: Subject) -> Iterator[Finding]:
    """Predict with other seeds: in evaluation nothing may differ. Dropout left on is another check's business."""
    with Draws() as draws:
        moved = float(subject.moved(subject.predict(seed=SEED + 1)).max())
    if moved <= 1 or draws.dropped:
        return
    name = _drawn_at_start(subject)
    if name is None:
        return
    size, spread = moved * subject.tolerance(), float(subject.base.std())
    yield Finding(
        "RK-STATE-06",
        "fault" if size > LITTLE * spread else "warning",
        f"The initial state of `{name}` is drawn at random in evaluation too: the same input's prediction moves by "
        f"{size:.2g} from call to call (the predictions of the batch spread by {spread:.2g}).",
        "Begin with zeros (pass no state), or with a state that is a parameter.",
        {"layer": name, "largest_change": size, "spread_of_predictions": spread},
        _by_seed(subject),
    )


def _by_seed(subject: Subject) -> Curve:
    row = [float(subject.predict(seed=seed)[0].flatten()[-1]) for seed in range(1, 9)]
    return Curve("The same input, eight times", "call", "prediction of the first row", list(range(1, 9)), row)


def _drawn_at_start(subject: Subject) -> str | None:
    """Return the first layer or cell whose initial state differs between seeds, whatever the input holds."""
    others = subject.rows_changed(torch.ones(subject.N, dtype=torch.bool))
    runs = [_starts(subject, *given) for given in ((subject.inputs, 1), (subject.inputs, 2), (others, 1))]
    for name, start in runs[0].items():
        other_seed, other_input = runs[1].get(name), runs[2].get(name)
        if _differ(start, other_seed) and not _differ(start, other_input):
            return name or "the layer"
    return None


def _starts(subject: Subject, inputs: Inputs, seed: int) -> dict[str, Any]:
    """Return the state that each layer and cell was first given, by name."""
    with torch.no_grad(), recurrent.watched(model := twins.light(subject.model).eval()) as calls, twins.seeded(seed):
        inputs.call(model)
    found: dict[str, Any] = {}
    for call in calls:
        given = call.inputs[1] if len(call.inputs) > 1 else call.kwargs.get("hx")
        found.setdefault(call.name, given)
    return found


def _differ(one: Any, other: Any) -> bool:
    pairs: Callable[[Any], list[Tensor]] = lambda s: [] if s is None else [s] if isinstance(s, Tensor) else list(s)  # noqa: E731
    ones, others = pairs(one), pairs(other)
    return any(a.shape == b.shape and not torch.equal(a, b) for a, b in zip(ones, others, strict=False))
