"""The native engine as an operation of torch's autograd. What comes here is covered: `kernels.uncovered` has looked.

At small sizes the way to the engine takes longer than its work, so this file is as thin as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rekur import engine
from rekur.nn import torch_kernels
from rekur.nn.torch_kernels import Plan, State, Weights

_KINDS = {torch.float32: "float32", torch.float64: "float64"}

Inputs = Sequence[Any]  # x, h_0, c_0 and the weights of each direction; None for what is absent


def layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run K layers of D directions; as `kernels.layer`, which see."""
    D, finals = plan.directions, []
    for k in range(plan.layers):
        if k > 0 and plan.dropout > 0:
            x = functional.dropout(x, plan.dropout)
        given = (None, None) if state is None else (*(part[k * D : (k + 1) * D].contiguous() for part in state), None)
        flat = [weight.contiguous() for part in weights[k * D : (k + 1) * D] for weight in part]
        x, *final = _run(plan, [x if x.stride(2) == 1 else x.contiguous(), *given[:2], *flat], lengths)
        finals.append(final)
    if len(finals) == 1:
        return x, tuple(finals[0])
    return x, tuple(torch.cat(part) for part in zip(*finals, strict=True))


def _run(plan: Plan, inputs: Inputs, lengths: Tensor | None) -> Sequence[Tensor]:
    """Return the outputs (T, N, D*H) and the parts of the final state, (D, N, H) each."""
    saving = torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in inputs)
    if not saving:
        return _Call.open(plan, inputs).forward(inputs, lengths, saving=False)[0]
    # past Function.apply's own care for torch.func, which `uncovered` has ruled out
    outputs: Sequence[Tensor] = super(torch.autograd.Function, _Layer).apply(plan, lengths, *inputs)  # type: ignore[no-untyped-call]
    return outputs


class _Call(NamedTuple):
    """One layer of D directions at its sizes."""

    plan: Plan
    native: Any
    H: int

    @classmethod
    def open(cls, plan: Plan, inputs: Inputs) -> _Call:
        x, H = inputs[0], inputs[4].shape[1]
        sizes = (*x.shape, H, plan.directions)
        return cls(plan, engine.problem(plan.mode, _KINDS[x.dtype], sizes, torch.get_num_threads(), plan.precision), H)

    def forward(self, inputs: Inputs, lengths: Tensor | None, saving: bool) -> tuple[list[Tensor], Tensor | None]:
        """Return the outputs and parts of the final state, and what the backward pass needs of the steps."""
        x, D = inputs[0], self.plan.directions
        T, N, _ = x.shape
        output, h_n = x.new_empty(T, N, D * self.H), x.new_empty(D, N, self.H)
        c_n = x.new_empty(D, N, self.H) if self.plan.mode == "LSTM" else None
        ends = _address(lengths)  # aligned to 64 bytes, as all of torch's:
        saved = torch.empty(self.native.saved_bytes(ends), dtype=torch.uint8) if saving else None
        self.native.forward(
            *(self.addresses(inputs), x.stride(0), x.stride(1), output.data_ptr(), ends, _address(saved)),
            *(h_n.data_ptr(), _address(c_n)),
        )
        return [output, h_n] if c_n is None else [output, h_n, c_n], saved

    def addresses(self, tensors: Inputs) -> list[int]:
        """Of x, h_0, c_0 and four weights a direction; 0 for what is absent."""
        found = [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
        if self.plan.bias:
            return found
        weights = iter(found[3:])
        return found[:3] + [address for pair in zip(weights, weights, strict=True) for address in (*pair, 0, 0)]


class _Layer(torch.autograd.Function):
    """Outputs and final state of the plan's inputs."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, lengths: Tensor | None, *inputs: Tensor | None) -> tuple[Tensor, ...]:
        ctx.call = _Call.open(plan, inputs)
        outputs, saved = ctx.call.forward(inputs, lengths, saving=True)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(lengths, saved, outputs[0], *inputs)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, saved, output, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: the gradient must itself be differentiable
            return None, None, *_differentiable(ctx.call.plan, lengths, inputs, d_outputs)
        d_outputs = tuple(None if d is None else d.contiguous() for d in d_outputs)
        given = [_address(d) for d in (*d_outputs, None)]
        x, d_inputs = (
            inputs[0],
            [
                torch.empty_like(tensor, memory_format=torch.contiguous_format) if wanted else None
                for tensor, wanted in zip(inputs, ctx.needs_input_grad[2:], strict=True)
            ],
        )
        if lengths is not None and d_inputs[0] is not None:
            d_inputs[0].zero_()
        ctx.call.native.backward(
            *(ctx.call.addresses(inputs), x.stride(0), x.stride(1), output.data_ptr(), _address(lengths)),
            *(saved.data_ptr(), *given[:3], ctx.call.addresses(d_inputs)),
        )
        return None, None, *d_inputs


def _differentiable(
    plan: Plan, lengths: Tensor | None, inputs: Inputs, d_outputs: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Return the same gradients by torch's kernels, slower, in a way that can be differentiated again."""
    x, h_0, c_0, *weights = inputs
    one, part = plan._replace(layers=1, dropout=0.0), len(weights) // plan.directions
    groups = [weights[i : i + part] for i in range(0, len(weights), part)]
    state = torch_kernels.zeros(one, x, groups) if h_0 is None else (h_0,) if c_0 is None else (h_0, c_0)
    output, final = torch_kernels.layer(one, x, state, groups, lengths)
    reached = [(out, d) for out, d in zip((output, *final), d_outputs, strict=True) if d is not None]
    wanted = [tensor for tensor in inputs if tensor is not None and tensor.requires_grad]
    outs, ds = zip(*reached, strict=True)
    found = iter(torch.autograd.grad(outs, wanted, ds, create_graph=True, allow_unused=True))
    return [next(found) if tensor is not None and tensor.requires_grad else None for tensor in inputs]


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()
