"""The loss over V words taken in blocks is torch's, its gradients too."""

import pytest
import torch
from torch.nn import functional as F

from rekur.nn import crossentropy
from rekur.nn.crossentropy import linear_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("steps", [1, 5, 13])
def test_it_is_torchs(monkeypatch, smoothing, steps):
    monkeypatch.setattr(crossentropy, "BLOCK", 5)
    draw = torch.Generator().manual_seed(steps)
    sizes = ((steps, 4), (7, 4), (7,))
    given = [torch.randn(size, generator=draw, dtype=torch.float64, requires_grad=True) for size in sizes]
    target = torch.randint(0, 7, (steps,), generator=draw)
    ours = linear_cross_entropy(*given, target, smoothing)
    h, weight, bias = given
    theirs = F.cross_entropy(F.linear(h, weight, bias), target, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(torch.autograd.grad(3 * ours, given), torch.autograd.grad(3 * theirs, given), strict=True):
        torch.testing.assert_close(mine, other)


def test_its_gradient_is_taken_once():
    h = torch.zeros(2, 3, requires_grad=True)
    loss = linear_cross_entropy(h, torch.ones(4, 3), torch.zeros(4), torch.tensor([0, 1]))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="taken already"):
        loss.backward()


def test_medium_is_near():
    before = torch.get_float32_matmul_precision()
    draw = torch.Generator().manual_seed(1)
    h, weight, bias = (torch.randn(size, generator=draw) for size in ((20, 16), (30, 16), (30,)))
    target = torch.randint(0, 30, (20,), generator=draw)
    exact = linear_cross_entropy(h, weight, bias, target)
    try:
        torch.set_float32_matmul_precision("medium")
        torch.testing.assert_close(linear_cross_entropy(h, weight, bias, target), exact, rtol=0.02, atol=0.02)
    finally:
        torch.set_float32_matmul_precision(before)
