"""Beam search against every sequence there is, on models small enough to try them all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rekur import search
from rekur.notation import END, PAD, START

V, LONGEST = 6, 4  # two words of its own beside padding, unknown, start and end: 3 + 9 + ... sequences
WORDS = tuple(word for word in range(V) if word not in (PAD, START, END))


class Toy:
    """Scores of the next word drawn from the source and all words before: nothing a search could foresee."""

    def __init__(self, seed: int, steps: int = 3) -> None:
        self.seed, self.steps = seed, steps

    def scores(self, source: int, prefix: tuple[int, ...]) -> np.ndarray:
        return np.random.default_rng([self.seed, source, *prefix]).normal(0, 2, V)

    def attention(self, source: int, prefix: tuple[int, ...]) -> np.ndarray:
        drawn = np.random.default_rng([self.seed, source, 99, *prefix]).random(self.steps)
        return drawn / drawn.sum()

    def begin(self, source, lengths=None):  # noqa: ARG002
        return [(int(number), ()) for number in source]

    def write(self, ids, state):
        now = [(source, (*prefix, int(word))) for (source, prefix), word in zip(state, ids, strict=True)]
        return (
            np.stack([self.scores(*one) for one in now]),
            np.stack([self.attention(*one) for one in now]),
            now,
        )

    def pick(self, state, rows):
        return [state[row] for row in rows]


def log_p(toy: Toy, source: int, words: tuple[int, ...]) -> float:
    """What a sequence of words, the END among them, is worth; padding and start can never be written."""
    total, prefix = 0.0, (START,)
    for word in words:
        scores = toy.scores(source, prefix)
        total += scores[word] - np.log(np.exp(scores).sum())
        prefix = (*prefix, word)
    return total


def best(toy: Toy, source: int, penalty: float, longest: int) -> tuple[tuple[int, ...], float]:
    """The best of all sequences that end within `longest` words."""
    ended = [(*words, END) for length in range(longest) for words in itertools.product(WORDS, repeat=length)]
    scores = {words: log_p(toy, source, words) / len(words) ** penalty for words in ended}
    winner = max(scores, key=scores.__getitem__)
    return winner, scores[winner]


def written(one: search.Written) -> tuple[int, ...]:
    return (*one.ids, *([END] if one.ended else []))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_a_beam_as_wide_as_all_sequences_finds_the_best_of_them(seed, penalty):
    toy = Toy(seed)
    found = search.beam(toy, np.array([3, 8]), width=len(WORDS) ** LONGEST * 2, longest=LONGEST, penalty=penalty)
    for source, one in zip((3, 8), found, strict=True):
        expected, score = best(toy, source, penalty, LONGEST)
        assert written(one) == expected
        assert one.score(penalty) == pytest.approx(score)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("width", [1, 2, 5])
def test_what_is_found_is_worth_what_it_says_and_never_more_than_the_best(seed, width):
    toy = Toy(seed)
    one = search.beam(toy, np.array([1]), width=width, longest=LONGEST, penalty=1.0)[0]
    assert one.log_probability == pytest.approx(log_p(toy, 1, written(one)))
    assert one.score(1.0) <= best(toy, 1, 1.0, LONGEST)[1] + 1e-9 or not one.ended


@pytest.mark.parametrize("seed", range(12))
def test_a_width_of_one_is_greedy(seed):
    toy, prefix = Toy(seed), (START,)
    one = search.beam(toy, np.array([5]), width=1, longest=LONGEST)[0]
    for word in written(one):
        scores = toy.scores(5, prefix)
        scores[[PAD, START]] = -np.inf
        assert word == scores.argmax()
        prefix = (*prefix, word)


def test_wider_beams_find_better_sentences():
    """A wider beam may lose a single sentence; over many, the mean score must rise with the width."""
    toy = Toy(2)
    sources = np.arange(60)
    means = [
        np.mean([one.score(1.0) for one in search.beam(toy, sources, width=width, longest=LONGEST)])
        for width in (1, 2, 4, 16)
    ]
    assert means == sorted(means)
    assert means[0] < means[-1]


@pytest.mark.parametrize("width", [1, 3])
def test_a_batch_is_written_as_each_source_alone(width):
    toy, sources = Toy(7), np.arange(9)
    together = search.beam(toy, sources, width=width, longest=LONGEST)
    for source, one in zip(sources, together, strict=True):
        alone = search.beam(toy, np.array([source]), width=width, longest=LONGEST)[0]
        assert (alone.ids, alone.ended) == (one.ids, one.ended)
        assert alone.log_probability == pytest.approx(one.log_probability)
        np.testing.assert_allclose(alone.attention, one.attention)


def test_attention_is_that_of_the_sequence_found():
    toy = Toy(4)
    one = search.beam(toy, np.array([6]), width=4, longest=LONGEST)[0]
    prefix, rows = (START,), []
    for word in written(one):
        rows.append(toy.attention(6, prefix))
        prefix = (*prefix, word)
    np.testing.assert_allclose(one.attention, np.stack(rows))


def test_each_source_has_its_own_longest_length_and_neither_padding_nor_start_is_written():
    class Endless(Toy):
        def scores(self, source, prefix):
            scores = super().scores(source, prefix)
            scores[END], scores[PAD], scores[START] = -50, 50, 60
            return scores

    found = search.beam(Endless(1), np.array([0, 1]), width=2, longest=np.array([2, 4]))
    assert [len(one.ids) for one in found] == [2, 4]
    assert not any(one.ended for one in found)
    assert not {PAD, START} & {word for one in found for word in one.ids}


def test_a_penalty_of_length_prefers_longer_sentences():
    toy, sources = Toy(3), np.arange(40)
    lengths = [
        sum(one.length for one in search.beam(toy, sources, width=8, longest=LONGEST, penalty=penalty))
        for penalty in (0.0, 1.0, 2.0)
    ]
    assert lengths[0] < lengths[1] < lengths[2]
