"""How far `highest`, `high` and `medium` lead from float64, over many steps, in outputs and in gradients.

    python benchmarks/precision.py [T]

One layer of each cell, weights and biases as torch draws them, and a loss that weighs every output at random. Printed
for each array: the greatest difference from torch.nn in float64 and, in brackets, the root mean square of the
differences, both beside the root mean square of the array. `high` is another arithmetic on AMX alone; a build with
REKUR_EMULATE=ON (native/CMakeLists.txt) measures it anywhere: REKUR_ENGINE=amx_emulated.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

from rekur import engine
from rekur import nn as rekur_nn

T, N, FEATURES, H = 500, 16, 64, 128
CELLS = ("RNN", "GRU", "LSTM")
PRECISIONS = ("highest", "high", "medium")
ARRAYS = ("output", "d_x", "d_w_ih", "d_w_hh", "d_b_ih", "d_b_hh")


def main(steps: int = T) -> None:
    print(f"{engine.selected()}: T={steps} N={N} I={FEATURES} H={H}, beside float64")
    print(f"{'cell':5} {'precision':10}", *(f"{name:17}" for name in ARRAYS))
    for cell in CELLS:
        oracle, x, d_output = drawn(cell, steps)
        expected = trained(oracle, x, d_output)
        highest: list[Tensor] = []
        for precision in PRECISIONS:
            layer = getattr(rekur_nn, cell)(FEATURES, H, precision=precision)
            layer.load_state_dict(oracle.state_dict())
            got = trained(layer, x.float(), d_output.float())
            highest = highest or got
            same = precision != "highest" and all(map(torch.equal, got, highest))
            print(f"{cell:5} {precision:10}", *(["as highest"] if same else map(apart, got, expected)))


def drawn(cell: str, steps: int) -> tuple[nn.RNNBase, Tensor, Tensor]:
    """A layer in float64 of numbers that float32 holds, x (T, N, I) and d_output (T, N, H)."""
    torch.manual_seed(1)
    layer: nn.RNNBase = getattr(nn, cell)(FEATURES, H).double()
    x, d_output = torch.randn(steps, N, FEATURES), torch.randn(steps, N, H)
    return layer, x.double(), d_output.double()


def trained(layer: nn.RNNBase, x: Tensor, d_output: Tensor) -> list[Tensor]:
    """The outputs, and the gradients of x and every weight."""
    x = x.requires_grad_()
    output = layer(x)[0]
    weights = list(layer.parameters())
    return [output.detach(), *torch.autograd.grad(output, [x, *weights], d_output)]


def apart(got: Tensor, expected: Tensor) -> str:
    size = expected.square().mean().sqrt()
    difference = (got.double() - expected) / size
    return f"{difference.abs().max():.1e} ({difference.square().mean().sqrt():.1e})"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
