"""The native engine as an operation of torch's autograd: one layer of D directions, forward and backward.

At small sizes the way to the engine takes longer than its work, so this file is as thin as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active, _is_tracing, _len_torch_dispatch_stack
from torch.autograd import forward_ad
from torch.nn import functional

from rekur import engine
from rekur.errors import RequestError
from rekur.nn import torch_kernels
from rekur.nn.tensors import READER
from rekur.nn.torch_kernels import Plan, State, Weights

KINDS = {torch.float32: "float32", torch.float64: "float64"}
LARGE = 1 << 20  # bytes; smaller memory is not given back to the system when it is freed

_NONE = (None,) * 4  # the gradients of what is no tensor


def layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State] | None:
    """Run K layers of D directions, as `kernels.native_layer`; None where the engine cannot read a tensor."""
    D, finals = plan.directions, []
    for k in range(0, plan.layers * D, D):
        if k > 0 and plan.dropout > 0:
            x = functional.dropout(x, plan.dropout)
        given = state if state is None or plan.layers == 1 else tuple(part[k : k + D] for part in state)
        results = _run(plan, x, given, weights[k : k + D], lengths)
        if results is None:
            return None
        x, *final = results
        finals.append(final)
    if len(finals) == 1:
        return x, tuple(final)
    return x, tuple(torch.cat(part) for part in zip(*finals, strict=True))


def transformed() -> bool:
    """Whether what runs here is traced, or differentiated other than backward: then each operation must be torch's."""
    return bool(
        _are_functorch_transforms_active()
        or _len_torch_dispatch_stack()
        or _is_tracing()
        or forward_ad._current_level >= 0
    )


def _run(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> Sequence[Tensor] | None:
    """Run one layer; return the outputs (T, N, D*H) and the parts of the final state, (D, N, H) each."""
    inputs: list[Any] = [x, *(*(state or ()), None, None)[:2]]
    for part in weights:
        inputs += part if plan.bias else (*part, None, None)
    sizes = (*x.shape, plan.hidden, plan.directions)
    problem = engine.problem(plan.mode, KINDS[x.dtype], sizes, torch.get_num_threads(), plan.precision)
    arrays = READER.inputs(problem, inputs)
    if arrays is None:  # which strides alone may be the reason of
        inputs = [None if tensor is None else tensor.contiguous() for tensor in inputs]
        arrays = READER.inputs(problem, inputs)
        if arrays is None:
            return None
    if not (torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in inputs)):
        return _forward(plan, problem, lengths, arrays, x, saving=False)[0]
    # past Function.apply's own care for torch.func, of which there is none here
    apply: Any = super(torch.autograd.Function, _Layer).apply
    results: Sequence[Tensor] = apply(plan, problem, lengths, arrays, *inputs)
    return results


def _forward(
    plan: Plan, problem: Any, lengths: Tensor | None, arrays: Any, x: Tensor, saving: bool
) -> tuple[list[Tensor], Tensor | None]:
    """Return the outputs and the final state, and what backward needs to know of the steps."""
    (T, N, _), D, H = x.shape, plan.directions, plan.hidden
    results = [x.new_empty(T, N, D * H), x.new_empty(D, N, H)]
    if plan.mode == "LSTM":
        results.append(x.new_empty(D, N, H))
    ends = 0 if lengths is None else lengths.data_ptr()
    saved = _room(problem.saved_bytes(ends)) if saving else None
    address = 0 if saved is None else READER.bytes(saved, saved.nbytes)
    problem.forward(arrays, READER.results(problem, results), ends, address)
    return results, saved


class _Layer(torch.autograd.Function):
    """Outputs (T, N, D*H) and final state of x, h_0, c_0 and w_ih, w_hh, b_ih, b_hh of each direction."""

    @staticmethod
    def forward(
        ctx: Any, plan: Plan, problem: Any, lengths: Tensor | None, arrays: Any, *inputs: Any
    ) -> tuple[Tensor, ...]:
        results, saved = _forward(plan, problem, lengths, arrays, inputs[0], saving=True)
        assert saved is not None
        ctx.call = plan, problem, lengths, saved.nbytes
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(saved, results[0], *inputs)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> tuple[Tensor | None, ...]:
        plan, problem, lengths, count = ctx.call
        saved, output, *inputs = ctx.saved_tensors
        wanted, given = ctx.needs_input_grad[4:], list(d_results)
        if torch.compiler.is_compiling():  # compiled autograd
            return *_NONE, *_by_torch(plan, lengths, inputs, d_results, wanted)
        # read again: modules move between forward and backward, hooks bring back other tensors, vmap many in one
        arrays, address = READER.inputs(problem, inputs), READER.bytes(saved, count)
        results = READER.results(problem, [output, None, None][: len(given)])
        d = READER.results(problem, given)
        if d is None:
            given = [None if tensor is None else tensor.contiguous() for tensor in given]
            d = READER.results(problem, given)
        if torch.is_grad_enabled() or transformed() or not (arrays and results and d and address):
            _check(plan, problem, inputs, output.dtype)
            return *_NONE, *_by_torch(plan, lengths, inputs, d_results, wanted)
        d_inputs = [torch.empty_like(tensor) if want else None for tensor, want in zip(inputs, wanted, strict=True)]
        d_arrays = READER.inputs(problem, d_inputs)
        if d_arrays is None:  # x has rows in common, as an expanded one, and its like has other strides
            d_inputs[0] = torch.empty_like(inputs[0], memory_format=torch.contiguous_format)
            d_arrays = READER.inputs(problem, d_inputs)
        ends = 0 if lengths is None else lengths.data_ptr()
        problem.backward(arrays, results, ends, address, d, d_arrays)
        return *_NONE, *d_inputs


def _check(plan: Plan, problem: Any, inputs: Sequence[Tensor | None], dtype: torch.dtype) -> None:
    """Raise unless sizes, type and device are still those of the forward pass: torch's kernels may crash on others."""
    for tensor, shape in zip(inputs, problem.shapes_of_inputs(), strict=True):
        if tensor is not None and (list(tensor.shape) != shape or tensor.dtype != dtype or not tensor.is_cpu):
            raise RequestError(
                f"{plan.mode}: the backward pass needs a tensor of {tuple(shape)}, {dtype} on cpu, as it was in the "
                f"forward pass; got {tuple(tensor.shape)}, {tensor.dtype} on {tensor.device}. Move or convert the "
                "module before the forward pass or after the backward pass; hooks on saved tensors must restore them."
            )


def _by_torch(
    plan: Plan, lengths: Tensor | None, inputs: Sequence[Any], d_results: Sequence[Any], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Return the same gradients by torch's kernels: slower, and they can be differentiated again."""
    one, again = plan._replace(layers=1, dropout=0.0), torch.is_grad_enabled()
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        # of their own, or the gradient by a weight would run on through an x that was made of this weight
        own: list[Any] = [None if tensor is None else tensor.view_as(tensor) for tensor in inputs]
        x, h_0, c_0, *weights = own
        parts = [[weight for weight in weights[i : i + 4] if weight is not None] for i in range(0, len(weights), 4)]
        state = tuple(part for part in (h_0, c_0) if part is not None) or torch_kernels.zeros(one, x, parts)
        output, final = torch_kernels.layer(one, x, state, parts, lengths)
        pairs = [pair for pair in zip((output, *final), d_results, strict=True) if pair[1] is not None]
        if not pairs:
            return [None for _ in wanted]
        asked = [tensor for tensor, want in zip(own, wanted, strict=True) if want]
        results, given = zip(*pairs, strict=True)
        found = iter(torch.autograd.grad(results, asked, given, create_graph=again, allow_unused=True))
    return [next(found) if want else None for want in wanted]


def _room(size: int) -> Tensor:
    """Return bytes aligned to 64; many of them come warm from the step before."""
    return torch.from_numpy(engine.block(size)) if size >= LARGE else torch.empty(size, dtype=torch.uint8, device="cpu")
