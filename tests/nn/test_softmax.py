"""The tied softmax is a distribution, its short ways are the long ones, and the twin on arrays says the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from rekur import engine, tied
from rekur.nn import crossentropy
from rekur.nn.softmax import TiedSoftmax, lookup

V, E = 23, 5
CUTOFFS = [(), (4,), (1, 2), (7, 12, 20)]


def made(cutoffs: tuple[int, ...], features: int = 6, rows: int = 40):
    """A softmax with random biases and groups, its table, features (rows, F) and a target of every word."""
    torch.manual_seed(2)
    head = TiedSoftmax(features, E, V, cutoffs).double()
    torch.nn.init.normal_(head.bias)
    table = torch.randn(V, E, dtype=torch.float64, requires_grad=True)
    read = torch.randn(rows, features, dtype=torch.float64, requires_grad=True)
    return head, table, read, torch.arange(rows) % V


def weights(head: TiedSoftmax) -> dict[str, np.ndarray]:
    return {f"head.{name}": weight.detach().numpy() for name, weight in head.state_dict().items()}


def by_hand(head: TiedSoftmax, table: torch.Tensor, h: torch.Tensor) -> list[float]:
    """The probabilities of all words from the equations of the module, a word at a time."""
    h = head.projection(h)
    c, *rest = head.edges[1:]
    logits = [float(table[w] @ h + head.bias[w]) for w in range(V)]
    groups = [float(head.groups.weight[g] @ h + head.groups.bias[g]) for g in range(len(rest))]
    first = np.exp([*logits[:c], *groups])
    found = list(first[:c] / first.sum())
    for g, (begin, end) in enumerate(zip([c, *rest], rest, strict=False)):
        tail = np.exp(logits[begin:end])
        found += list(first[c + g] / first.sum() * tail / tail.sum())
    return found


@pytest.mark.parametrize("cutoffs", CUTOFFS[1:])
def test_heads_and_tails_follow_the_equations_and_add_up_to_one(cutoffs):
    head, table, read, _ = made(cutoffs, rows=3)
    with torch.no_grad():
        found = head(read, table).exp()
        expected = [by_hand(head, table, row) for row in read]
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("cutoffs", CUTOFFS)
@pytest.mark.parametrize("features", [E, 6])
def test_the_short_way_has_the_loss_and_the_gradients_of_the_long_one(cutoffs, features, monkeypatch):
    monkeypatch.setattr(crossentropy, "BLOCK", 7)  # several pieces, the last one shorter
    head, table, read, targets = made(cutoffs, features)
    of = [read, table, *head.parameters()]
    long = F.cross_entropy(head(read, table), targets)
    short = head.nats(read, targets, table)
    assert short.item() == pytest.approx(long.item(), rel=1e-12)
    for one, other in zip(torch.autograd.grad(3 * short, of), torch.autograd.grad(3 * long, of), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_the_twin_on_arrays_gives_the_same_scores_and_nats(cutoffs, monkeypatch):
    monkeypatch.setattr(tied, "ROWS", 7)
    head, table, read, targets = made(cutoffs)
    rows = table.detach().numpy()
    ours = tied.scores(read.detach().numpy(), weights(head), rows, cutoffs)
    np.testing.assert_allclose(ours, head(read, table).detach(), atol=1e-12)
    nats = tied.nats(read.detach().numpy(), targets.numpy(), weights(head), rows, cutoffs)
    expected = F.cross_entropy(head(read, table), targets, reduction="none")
    np.testing.assert_allclose(nats, expected.detach(), atol=1e-12)


def test_a_gradient_is_given_once():
    head, table, read, targets = made((4,))
    loss = head.nats(read, targets, table)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="taken already"):
        loss.backward()


def test_a_tail_without_a_word_leaves_its_gradient_zero():
    head, table, read, _ = made((4, 10))
    head.nats(read, torch.zeros(len(read), dtype=torch.int64), table).backward()
    assert not table.grad[4:].any()
    assert table.grad[:4].all()


@given(ids=st.lists(st.integers(0, V - 1), min_size=1, max_size=12))
def test_a_lookup_is_an_embedding_and_so_is_its_gradient(ids):
    table = torch.randn(V, E, requires_grad=True)
    d_rows = torch.randn(1, len(ids), E)
    ways = (lookup(table, torch.tensor([ids])), F.embedding(torch.tensor([ids]), table))
    torch.testing.assert_close(*((rows.detach(), *torch.autograd.grad(rows, table, d_rows)) for rows in ways))


@pytest.mark.skipif(not engine.multiplies("medium"), reason="the processor has no products of bfloat16")
def test_products_of_bfloat16_change_little():
    head, table, read, targets = made((4, 10), rows=300)
    head, table, read = head.float(), table.detach().float().requires_grad_(), read.detach().float()
    found = []
    for precision in ("highest", "medium"):
        torch.set_float32_matmul_precision(precision)
        loss = head.nats(read, targets, table)
        found.append((loss.detach(), *torch.autograd.grad(loss, table)))
    torch.set_float32_matmul_precision("highest")
    assert not torch.equal(found[0][1], found[1][1])
    torch.testing.assert_close(*found, rtol=0.02, atol=2e-4)
