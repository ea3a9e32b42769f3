"""What is timed: a training step of a layer, in torch's form and in ours, with the same weights and inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import rekur.nn
from rekur import engine
from rekur.bench.timing import Form
from rekur.errors import RequestError

Read = Callable[[nn.RNNBase, Tensor], Tensor]

BOUNDS = {"highest": 1e-3, "high": 1e-3, "medium": 0.2}  # of `difference`: beyond it a kernel is wrong, not imprecise


class Shape(NamedTuple):
    """Sizes of a layer and its batch."""

    N: int
    T: int
    I: int  # noqa: E741 - the letter of docs/notation.md
    H: int

    def __str__(self) -> str:
        return "x".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read `64x200x128x256`; raises RequestError for anything else."""
        sizes = [int(part) if part.isdecimal() else 0 for part in text.strip().split("x")]
        if len(sizes) != 4 or min(sizes) < 1:
            raise RequestError(
                f"--shapes: expected NxTxIxH, four sizes of 1 or more; got `{text}`. Example: 64x200x128x256"
            )
        return cls(*sizes)

    def flop(self, cell: str) -> int:
        """Return the multiplications and additions of a training step's products, its forward pass a third of them."""
        return 3 * 2 * self.N * self.T * engine.GATES[engine.MODES[cell]] * self.H * (self.I + self.H)


class Training:
    """A layer's training step: forward, and back to the gradients of its input and of all its parameters."""

    def __init__(self, layer: nn.RNNBase, x: Tensor, read: Read, d: Tensor, precision: str = "highest") -> None:
        """Prepare the step.

        Args:
            layer: whose step it is.
            x: (T, N, I); copied, in the layer's type.
            read: what the loss sees of the layer's run over x.
            d: the loss's gradient by that.
            precision: of products in float32, as `torch.set_float32_matmul_precision` names it.
        """
        kind = next(layer.parameters()).dtype
        self.layer, self.read, self.d, self.precision = layer, read, d.to(kind), precision
        self.x = x.detach().clone().to(kind).requires_grad_()
        self.leaves = [self.x, *layer.parameters()]

    def __call__(self) -> Tensor:
        for leaf in self.leaves:
            leaf.grad = None
        seen = self.read(self.layer, self.x)
        seen.backward(self.d)  # type: ignore[no-untyped-call]
        return seen

    def before(self) -> None:
        """Set the precision the step is meant for."""
        torch.set_float32_matmul_precision(self.precision)

    def results(self) -> tuple[list[Tensor], list[Tensor]]:
        """Run once, and return what the loss sees and the gradients of the input and of every parameter."""
        self.before()
        seen = self().detach()
        return [seen], [leaf.grad for leaf in self.leaves if leaf.grad is not None]

    def form(self, name: str) -> Form:
        """Return the step as one that takes turns."""
        return Form(name, self, self.before)


def twins(cell: str, inputs: int, hidden: int) -> tuple[nn.RNNBase, nn.RNNBase]:
    """Return torch's layer and ours, with the same weights."""
    torch.manual_seed(1)
    ours: nn.RNNBase = rekur.nn.LAYERS[cell](inputs, hidden)
    theirs: nn.RNNBase = getattr(nn, type(ours).__name__)(inputs, hidden)
    theirs.load_state_dict(ours.state_dict())
    return theirs, ours


def errors(ours: Training, theirs: Training) -> dict[str, Any]:
    """Run both once; return the largest differences of outputs and of gradients, and whether rounding explains them."""
    mine, right = ours.results(), theirs.results()
    found = {name: difference(mine[i], right[i]) for i, name in enumerate(("outputs", "gradients"))}
    return {"errors": found, "agrees": all(value <= BOUNDS[ours.precision] for value in found.values())}


def difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of two lists of arrays, each relative to its array's largest number."""
    found = []
    for a, b in zip(ours, theirs, strict=True):
        largest = b.double().abs().max().clamp(min=torch.finfo(torch.float32).tiny)
        found.append((a.double() - b.double()).abs().max() / largest)
    return float(torch.stack(found).max())  # NaN when there is one
