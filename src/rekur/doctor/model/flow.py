"""How much of the loss's gradient reaches each step of a batch.

For torch's and our layers and cells it is dL/dh_t, exactly: the layer's call is computed again step by step, in the
graph, and every state keeps its gradient. For other recurrences it is dL/dx_t, of the input or of the embedding's
output; and where the ids are read by indexing a weight, the gradient of the weight's rows that step t alone reads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.overrides import TorchFunctionMode

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model import recurrent, twins
from rekur.doctor.model.inputs import first_tensor
from rekur.doctor.model.subject import SEED, Ran, Subject

MOST_STEPS = 600  # times layers and directions that are walked step by step; beyond, dL/dx_t


@dataclass(frozen=True)
class Flow:
    """The gradient's norm at every step of every row."""

    norms: Tensor  # (N, T) float64, not finite where the gradient is not
    what: str  # "dL/dh_t of `rnn`"
    zeros: float  # the share of exact zeros among the gradient's numbers at valid steps
    denormals: float  # the share of numbers too small for float32's full precision, but not zero
    gated: bool  # whether the recurrence has gates, which may learn to keep what a plain one forgets


def measured(subject: Subject) -> Flow | None:
    """Return the flow of the loss's gradient, or None if no gradient reaches any step: frozen or detached."""
    for way in (_through_states, _through_vectors, _through_rows):
        found = way(subject)
        if found is not None and bool((found.norms != 0).any()):
            return found
    return None


def objective(subject: Subject, ran: Ran) -> Tensor:
    """Return the loss, or where there is none a random sum of the predictions, each row's as large as another's."""
    try:
        return subject.loss_of(ran)
    except CannotExamineError:
        generator = torch.Generator().manual_seed(SEED)
        weights = torch.randn(ran.prediction.shape[1:], generator=generator).to(ran.prediction.dtype)
        return (ran.prediction * weights).sum()


# dL/dh_t


def _through_states(subject: Subject) -> Flow | None:
    """Run a twin whose layers are computed step by step; take the lowest that walks along the batch's own steps."""
    if sum(_steps(layer) for layer in subject.layers.values()) * subject.T > MOST_STEPS:
        return None
    seen: list[tuple[str, recurrent.Recurrent, list[Tensor]]] = []
    with torch.enable_grad():
        model = twins.light(subject.model)
        with _stepped(model, seen):
            ran = subject.run(model=model)
        states = _of_subject(subject, seen)
        if states is None or not _same(subject, ran.prediction):
            return None
        name, layer, steps = states
        slopes = _slopes(subject, ran, steps)
    if not slopes:
        return None
    per_step = [torch.zeros_like(h) if slope is None else slope for h, slope in zip(steps, slopes, strict=True)]
    directions = len(steps) // subject.T
    gradient = torch.stack(per_step).view(directions, subject.T, *per_step[0].shape)  # (D, T, N, H)
    gated = not recurrent.mode(layer).startswith("RNN")
    return _flow(
        subject, gradient.permute(2, 1, 0, 3).flatten(2), f"dL/dh_t of `{name or type(layer).__name__}`", gated
    )


def _steps(layer: recurrent.Recurrent) -> int:
    return layer.num_layers * (2 if layer.bidirectional else 1) if isinstance(layer, nn.RNNBase) else 1


def _of_subject(
    subject: Subject, seen: list[tuple[str, recurrent.Recurrent, list[Tensor]]]
) -> tuple[str, recurrent.Recurrent, list[Tensor]] | None:
    """Return the first layer with as many steps and rows as the batch, in one call or in a call a step."""
    cells: dict[str, list[Tensor]] = {}
    for name, layer, steps in seen:
        if isinstance(layer, nn.RNNBase) and len(steps) in (subject.T, 2 * subject.T) and len(steps[0]) == subject.N:
            return name, layer, steps
        if len(steps) in (1, 2) and len(steps[0]) == subject.N:
            cells.setdefault(name, []).append(steps[0])
    for name, steps in cells.items():
        if len(steps) == subject.T:
            return name, subject.layers[name], steps
    return None


@contextlib.contextmanager
def _stepped(model: nn.Module, seen: list[tuple[str, recurrent.Recurrent, list[Tensor]]]) -> Iterator[None]:
    """Let the model's layers be computed by `recurrent.walk`, and note the states of the lowest of each call."""
    known = {name: layer for name, layer in recurrent.layers(model).items() if _known(layer)}

    def walked(name: str, layer: nn.RNNBase) -> Callable[..., Any]:
        def forward(*inputs: Any, **kwargs: Any) -> Any:
            return _walked(recurrent.Call(name, layer, inputs, kwargs, None), seen)

        return forward

    def noted(name: str, cell: nn.RNNCellBase) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:  # noqa: ARG001
            h = output[0] if isinstance(output, tuple) else output
            seen.append((name, cell, [h]))

        return hook

    handles = []
    for name, layer in known.items():
        if isinstance(layer, nn.RNNBase):
            layer.forward = walked(name, layer)
        else:
            handles.append(layer.register_forward_hook(noted(name, layer)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for layer in known.values():
            vars(layer).pop("forward", None)


def _known(layer: recurrent.Recurrent) -> bool:
    """Whether the layer is computed as torch and we do: another `forward` may do anything."""
    where = type(layer).forward.__module__.split(".")[0]
    return where in ("torch", "rekur") and not getattr(layer, "proj_size", 0)


def _walked(call: recurrent.Call, seen: list[tuple[str, recurrent.Recurrent, list[Tensor]]]) -> Any:
    """Compute a layer's call by a walk; return what the layer would."""
    layer, x = call.layer, call.x
    assert isinstance(layer, nn.RNNBase)
    lengths = call.inputs[2] if len(call.inputs) > 2 else call.kwargs.get("lengths")
    outputs, walks = recurrent.walk(call, None if lengths is None else torch.as_tensor(lengths).view(-1))
    D = 2 if layer.bidirectional else 1
    lowest = [walk.states[::-1] if d else walk.states for d, walk in enumerate(walks[:D])]
    seen.append((call.name, layer, [h for states in lowest for h in states]))
    parts = tuple(torch.stack(part) for part in zip(*(walk.last for walk in walks), strict=True))  # (K*D, N, H) each
    single = isinstance(x, Tensor) and x.dim() == 2
    state = tuple(part.squeeze(1) for part in parts) if single else parts
    return _as_given(x, outputs, layer.batch_first), state if isinstance(layer, nn.LSTM) else state[0]


def _as_given(x: Tensor | PackedSequence, outputs: Tensor, batch_first: bool) -> Any:
    """Lay outputs (T, N, D*H) out as the input x is."""
    if isinstance(x, PackedSequence):
        _, lengths = pad_packed_sequence(x)
        again = pack_padded_sequence(outputs, lengths, enforce_sorted=x.sorted_indices is None)
        return PackedSequence(again.data, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
    if x.dim() == 2:
        return outputs.squeeze(1)
    return outputs.transpose(0, 1) if batch_first else outputs


def _same(subject: Subject, prediction: Tensor) -> bool:
    """Whether the stepwise twin predicts what the model does, up to rounding."""
    if prediction.shape != subject.base.shape:
        return False
    return float((prediction.detach() - subject.base).abs().nan_to_num(0.0).max()) < 100 * subject.tolerance()


# dL/dx_t


def _through_vectors(subject: Subject) -> Flow | None:
    """Differentiate by what the steps are read as: the input's numbers, or the first vectors made of the ids."""
    sigmoids = _Sigmoids()
    with torch.enable_grad():
        if subject.layout.V is None and subject.x.is_floating_point():
            leaf = subject.x.clone().requires_grad_()
            with sigmoids:
                ran = subject.run(subject.with_sequence(leaf))
            read: list[Tensor] = [leaf]
        else:
            model = twins.light(subject.model)
            with sigmoids, _probed(model, subject) as read:
                ran = subject.run(model=model)
        if not read:
            return None
        slopes = _slopes(subject, ran, read[:1])
    if not slopes or slopes[0] is None:
        return None
    gradient = slopes[0] if read[0].shape[:2] == (subject.N, subject.T) else slopes[0].transpose(0, 1)
    return _flow(
        subject,
        gradient.flatten(2) if gradient.dim() > 2 else gradient.unsqueeze(2),
        "dL/dx_t",
        _gated(subject, sigmoids),
    )


def _gated(subject: Subject, sigmoids: _Sigmoids) -> bool:
    known = [recurrent.mode(layer) for layer in subject.layers.values()]
    return any(not mode.startswith("RNN") for mode in known) or sigmoids.count >= subject.T


class _Sigmoids(TorchFunctionMode):
    """Counts the sigmoids of a run: a recurrence with gates has one a step or more."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("sigmoid", "sigmoid_", "hardsigmoid"):
            self.count += 1
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _probed(model: nn.Module, subject: Subject) -> Iterator[list[Tensor]]:
    """Add a zero that keeps its gradient to the output of every embedding of the batch's ids."""
    read: list[Tensor] = []

    def probe(module: nn.Module, inputs: Any, output: Any) -> Any:  # noqa: ARG001
        ids, vectors = first_tensor(inputs, lambda _: True), first_tensor(output)
        sizes = {(subject.N, subject.T), (subject.T, subject.N)}
        if ids is None or ids.is_floating_point() or vectors is None or not isinstance(output, Tensor):
            return output
        if tuple(ids.shape) not in sizes or output.dim() != 3:
            return output
        read.append(torch.zeros_like(output).requires_grad_())
        return output + read[-1]

    leaves = [module for module in model.modules() if not list(module.children())]
    handles = [module.register_forward_hook(probe) for module in leaves]
    try:
        yield read
    finally:
        for handle in handles:
            handle.remove()


# the gradient of the rows of a weight


def _through_rows(subject: Subject) -> Flow | None:
    """Let every step (or every few) hold a token of its own: the gradient of what a token reads is that of its step."""
    V, T = subject.layout.V, subject.T
    if V is None or subject.x.dim() != 2:
        return None
    tokens = [token for token in range(V) if subject.layout.padding is None or token != subject.layout.padding.token]
    block = -(-T // len(tokens))
    ids = torch.tensor(tokens)[torch.arange(T) // block].to(subject.x.dtype)
    model = twins.whole(subject.model).requires_grad_()
    with torch.enable_grad():
        ran = subject.run(subject.with_sequence(ids.expand(subject.N, T).clone()), model=model)
        weights = [weight for weight in ran.model.parameters() if weight.dim() == 2 and max(weight.shape) >= V]
        if not weights or not ran.prediction.requires_grad:
            return None
        slopes = torch.autograd.grad(objective(subject, ran), weights, allow_unused=True)
    for slope in slopes:
        for by_row in () if slope is None else (slope, slope.T):
            if _is_table(by_row, ids, V):
                return _flow(subject, by_row[ids.long()].expand(subject.N, T, -1), "dL/dx_t", gated=False)
    return None


def _is_table(slope: Tensor, ids: Tensor, V: int) -> bool:
    """Whether a gradient by row is that of a table of tokens: zero where a token was not read."""
    if len(slope) < V:
        return False
    read = torch.zeros(len(slope), dtype=torch.bool)
    read[ids.long()] = True
    return bool((slope[read] != 0).any()) and not bool((slope[~read] != 0).any())


# all


def _slopes(subject: Subject, ran: Ran, at: list[Tensor]) -> list[Tensor | None]:
    """Return the loss's gradient at each tensor; [] where none can flow."""
    loss = objective(subject, ran)
    if not loss.requires_grad or not all(tensor.requires_grad for tensor in at):
        return []
    return list(torch.autograd.grad(loss, at, allow_unused=True))


def _flow(subject: Subject, gradient: Tensor, what: str, gated: bool) -> Flow:
    """Sum a gradient (N, T, F) up."""
    inside = gradient[subject.valid]
    tiny = (inside != 0) & (inside.abs() < torch.finfo(torch.float32).tiny)
    zeros, denormals = (float(part.double().mean()) if part.numel() else 0.0 for part in (inside == 0, tiny))
    return Flow(gradient.double().norm(dim=2), what, zeros, denormals, gated)
