"""The conditional random field against every tag sequence there is, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rekur import viterbi
from rekur.nn import crf

SIZES = {"N": st.integers(1, 3), "T": st.integers(1, 4), "C": st.integers(1, 4), "seed": st.integers(0, 999)}


def made(N, T, C, seed):
    """A field with weights drawn wide, emissions, and lengths from 0 to T."""
    torch.manual_seed(seed)
    field = crf.CRF(C).double()
    for weight in field.parameters():
        torch.nn.init.normal_(weight)
    lengths = torch.randint(0, T + 1, (N,))
    lengths[0] = T
    return field, torch.randn(N, T, C, dtype=torch.float64), lengths


def score(field, emissions, tags):
    """The score of one sequence, written out from the field's own weights."""
    if not tags:
        return 0.0
    found = field.start[tags[0]] + field.end[tags[-1]] + sum(emissions[t, tag] for t, tag in enumerate(tags))
    return float((found + sum(field.transitions[i, j] for i, j in itertools.pairwise(tags))).detach())


def every_sequence(length, C):
    return list(itertools.product(range(C), repeat=length))


@given(**SIZES)
def test_the_likelihood_and_the_best_path_are_those_of_brute_force(N, T, C, seed):
    field, emissions, lengths = made(N, T, C, seed)
    scores = field(emissions, lengths).detach()
    Z, paths = crf.log_partition(scores, lengths), viterbi.best(scores.numpy(), lengths.numpy())
    tags = torch.randint(0, C, (N, T))
    found = crf.log_likelihood(scores, tags, lengths)
    for n, length in enumerate(lengths.tolist()):
        sums = {tags: score(field, emissions[n], tags) for tags in every_sequence(length, C)}
        assert float(Z[n]) == pytest.approx(np.logaddexp.reduce(list(sums.values())), abs=1e-9)
        assert float(found[n]) == pytest.approx(sums[tuple(tags[n, :length].tolist())] - float(Z[n]), abs=1e-9)
        assert sums[tuple(paths[n, :length].tolist())] == pytest.approx(max(sums.values()), abs=1e-9)
        assert not paths[n, length:].any()


@given(**SIZES)
def test_probabilities_of_all_sequences_add_up_to_one(N, T, C, seed):
    field, emissions, _ = made(N, T, C, seed)
    lengths = torch.full((1,), T)
    scores = field(emissions[:1], lengths)
    each = [crf.log_likelihood(scores, torch.tensor([tags]), lengths) for tags in every_sequence(T, C)]
    assert float(torch.cat(each).exp().sum().detach()) == pytest.approx(1.0)


@given(**SIZES)
def test_what_lies_behind_a_length_changes_nothing(N, T, C, seed):
    field, emissions, lengths = made(N, T, C, seed)
    tags = torch.randint(0, C, (N, T))
    behind = torch.arange(T) >= lengths.unsqueeze(1)
    other = torch.where(behind.unsqueeze(2), 77.0, emissions)
    scores, moved = field(emissions, lengths), field(other, lengths)
    tags_moved = torch.where(behind, -100, tags)
    torch.testing.assert_close(
        crf.log_likelihood(scores, tags, lengths), crf.log_likelihood(moved, tags_moved, lengths)
    )
    paths = [viterbi.best(s.detach().numpy(), lengths.numpy()) for s in (scores, moved)]
    np.testing.assert_array_equal(*paths)


@given(**SIZES)
def test_a_batch_is_its_rows_one_by_one_and_in_any_order(N, T, C, seed):
    field, emissions, lengths = made(N, T, C, seed)
    tags, order = torch.randint(0, C, (N, T)), torch.randperm(N)
    whole = crf.log_likelihood(field(emissions, lengths), tags, lengths)
    turned = crf.log_likelihood(field(emissions[order], lengths[order]), tags[order], lengths[order])
    torch.testing.assert_close(turned, whole[order])
    for n in range(N):
        row = slice(n, n + 1)
        alone = crf.log_likelihood(field(emissions[row], lengths[row]), tags[row], lengths[row])
        torch.testing.assert_close(alone, whole[row])


def test_gradients_of_emissions_and_of_every_weight_are_those_of_differences():
    field, emissions, lengths = made(3, 4, 3, 5)
    tags = torch.randint(0, 3, (3, 4))

    def loss(emissions, *weights):
        names = [name for name, _ in field.named_parameters()]
        scores = torch.func.functional_call(field, dict(zip(names, weights, strict=True)), (emissions, lengths))
        return crf.log_likelihood(scores, tags, lengths)

    assert torch.autograd.gradcheck(loss, (emissions.requires_grad_(), *field.parameters()))


def test_no_lengths_are_full_lengths():
    field, emissions, _ = made(2, 4, 3, 6)
    torch.testing.assert_close(field(emissions), field(emissions, torch.tensor([4, 4])))
    scores = field(emissions).detach().numpy()
    np.testing.assert_array_equal(viterbi.best(scores), viterbi.best(scores, np.array([4, 4])))


def test_a_path_that_single_tags_would_not_take():
    scores = np.array([[[[0.0, 1.0]] * 2, [[9.0, 0.0], [0.0, 0.0]]]])  # tag 0 twice is worth most, tag 1 comes first
    assert viterbi.best(scores).tolist() == [[0, 0]]
    assert viterbi.best(np.zeros((2, 0, 3, 3))).shape == (2, 0)
