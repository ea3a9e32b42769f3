"""The from-scratch network of `rekur.reference` as a torch module, so that the one training loop trains it.

NumPy computes the outputs and every gradient; torch only keeps the parameters and steps the optimizer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rekur.config import ModelSettings
from rekur.reference.network import Network


class ScratchNetwork(nn.Module):
    """Token ids (N, T) to one logit (N, 1), float64.

    Args:
        tokens: V.
        settings: `hidden` and `transpose_fault` of the recipe's `[model]`; the rest is fixed by the chapter.
        truncate: the last steps a gradient flows back over; 0 for all.
    """

    def __init__(self, tokens: int, settings: ModelSettings, truncate: int) -> None:
        super().__init__()
        seed = int(torch.randint(2**31, (), device="cpu"))  # the run has seeded torch
        self.network = Network(tokens, settings.hidden, seed)
        self.truncate, self.transpose_fault = truncate or None, settings.transpose_fault
        for name, values in self.network.parameters.items():
            self.register_parameter(name, nn.Parameter(torch.from_numpy(values)))

    def forward(self, inputs: Any, lengths: Any = None, state: Any = None) -> tuple[Tensor, None]:  # noqa: ARG002
        """Return the logits (N, 1); the network reads every step, padding too, as the chapter's does."""
        names = list(self.network.parameters)
        ids = torch.as_tensor(inputs)
        logits: Tensor = _ByHand.apply(self, ids, *(self.get_parameter(name) for name in names))  # type: ignore[no-untyped-call]
        return logits.unsqueeze(1), None


class _ByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, module: ScratchNetwork, inputs: Tensor, *weights: Tensor) -> Tensor:
        network = module.network
        network.parameters = {
            name: weight.detach().numpy() for name, weight in zip(network.parameters, weights, strict=True)
        }
        logits, ctx.last, ctx.walk = network.forward(inputs.numpy())
        ctx.module, ctx.ids = module, inputs.numpy()
        return torch.from_numpy(logits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_logits: Tensor) -> tuple[Tensor | None, ...]:
        module: ScratchNetwork = ctx.module
        gradients = module.network.backward(
            d_logits.numpy(), ctx.last, ctx.walk, ctx.ids, module.truncate, module.transpose_fault
        )
        return None, None, *(torch.from_numpy(gradient) for gradient in gradients.values())
