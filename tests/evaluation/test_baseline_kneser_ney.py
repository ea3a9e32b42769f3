"""The counts give probabilities, and the ones a slow dictionary of counts gives."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.errors import DataError
from rekur.evaluation.baselines import kneser_ney


@given(
    train=st.lists(st.integers(0, 4), min_size=1, max_size=80),
    before=st.lists(st.integers(0, 4), max_size=7),
    order=st.integers(1, 6),
)
def test_the_chances_of_all_next_characters_sum_to_one(train, before, order):
    total = sum(np.exp(-kneser_ney.ngram(train, [*before, x], 5, order)[-1]) for x in range(5))
    assert total == pytest.approx(1.0)


def test_the_chances_sum_to_one_with_estimated_discounts():
    train = np.random.default_rng(0).zipf(1.5, 5000) % 9
    for place in range(10, 16):
        before = train[place : place + 6]
        chances = [np.exp(-kneser_ney.ngram(train, [*before, x], 9)[-1]) for x in range(9)]
        assert sum(chances) == pytest.approx(1.0)
        assert min(chances) > 0


def _slow(train: list[int], test: list[int], V: int, order: int) -> list[float]:
    """Modified Kneser-Ney from its formula, one character at a time."""
    counts: list[Counter] = [Counter() for _ in range(order + 2)]
    for n in range(1, order + 2):
        counts[n] = Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1))
    tables, followers, discounts = {}, {}, {}
    for n in range(1, order + 1):
        kinds = Counter(gram[1:] for gram in counts[n + 1])
        tables[n] = counts[n] if n == order else Counter({g: max(kinds[g], 1) for g in counts[n]})
        followers[n] = defaultdict(list)
        for gram, times in tables[n].items():
            followers[n][gram[:-1]].append(times)
        found = Counter(tables[n].values())
        discounts[n] = [0.0, 0.5, 0.5, 0.5]
        if all(found[k] for k in (1, 2, 3, 4)):
            y = found[1] / (found[1] + 2 * found[2])
            raw = [k - (k + 1) * y * found[k + 1] / found[k] for k in (1, 2, 3)]
            discounts[n][1:] = [min(max(d, 0.1), k - 0.1) for k, d in zip((1, 2, 3), raw, strict=True)]

    def chance(context: tuple[int, ...], x: int, n: int) -> float:
        if n == 0:
            return 1 / V
        context = context[len(context) - (n - 1) :]
        lower = chance(context[1:], x, n - 1)
        seen = followers[n][context]
        if not seen:
            return lower
        times = tables[n][(*context, x)]
        spare = sum(discounts[n][min(t, 3)] for t in seen)
        return (times - discounts[n][min(times, 3)] + spare * lower) / sum(seen)

    return [-np.log(chance(tuple(test[:i]), x, min(order, i + 1))) for i, x in enumerate(test)]


@pytest.mark.parametrize("size", [3, 40, 1500])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_fast_counts_equal_the_slow_ones(size, order):
    generator = np.random.default_rng(size)
    ids = np.cumsum(generator.integers(0, 3, size + 200)) % 7
    train, test = ids[:size].tolist(), ids[size:].tolist()
    assert kneser_ney.ngram(train, test, 7, order) == pytest.approx(_slow(train, test, 7, order))


def test_unigram_equals_the_entropy_of_independent_characters():
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    ids = np.random.default_rng(1).choice(4, 60_000, p=shares)
    nats = kneser_ney.unigram(ids[:50_000], ids[50_000:], 4)
    assert nats.mean() == pytest.approx(-np.sum(shares * np.log(shares)), abs=0.02)
    assert nats.shape == (10_000,)


def test_longer_contexts_learn_what_a_unigram_cannot():
    text = "to be or not to be, that is the question; " * 60
    ids = np.unique(list(text), return_inverse=True)[1]
    train, test, V = ids[:2000], ids[2000:], int(ids.max()) + 1
    assert kneser_ney.ngram(train, test, V).mean() < 0.15 < 2.2 < kneser_ney.unigram(train, test, V).mean()


def test_many_kinds_of_characters_do_not_overflow():
    ids = np.random.default_rng(2).integers(0, 2_000_000, 500)
    assert np.isfinite(kneser_ney.ngram(ids, ids[::-1], 2_000_000)).all()


def test_ids_outside_the_alphabet_are_refused():
    with pytest.raises(DataError, match=r"test_ids must be 0\.\.2 \(V=3\); got 0\.\.3"):
        kneser_ney.ngram([0, 1], [0, 3], 3)
    with pytest.raises(DataError, match="train_ids is empty"):
        kneser_ney.unigram([], [0], 3)
