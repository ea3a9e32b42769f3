"""The rivals of taggers: the commonest tag, and a window that looks no further than its sentence."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.evaluation.baselines import tags


def test_a_word_gets_its_commonest_tag_as_written_then_in_lower_case_then_by_its_end():
    train = [["Will", "will", "will", "run", "running", "eating"]]
    known = np.array([0, 1, 1, 2, 3, 3])
    test = [["Will", "will", "WILL", "sleeping", "xyz"]]
    # WILL was never written so: will and Will together are 1; -ing ends as 3 does; of xyz only the commonest is known
    assert tags.commonest(train, known, test).tolist() == [0, 1, 1, 3, 1]


def test_equal_counts_fall_to_the_first_tag():
    assert tags.commonest([["a", "a"]], np.array([1, 0]), [["a"]]).tolist() == [0]


def made(count, seed):
    """The tag says whether the word before is `to`: no word alone tells."""
    draw = np.random.default_rng(seed)
    sentences = [list(draw.choice(["to", "the", "run", "walk"], size=draw.integers(2, 6))) for _ in range(count)]
    labels = [1 if t and words[t - 1] == "to" else 0 for words in sentences for t in range(len(words))]
    return sentences, np.array(labels)


def test_the_window_reads_neighbours_and_never_another_sentence():
    train, known = made(300, 1)
    test, truth = made(60, 2)
    assert (tags.window(train, known, test, 2) == truth).mean() > 0.99
    assert (tags.commonest(train, known, test) == truth).mean() < 0.9
    said = tags.window(train, known, [["the", "to"], ["run"]], 2)
    assert said.tolist() == [0, 0, 0]  # the `to` before `run` ends another sentence


def test_a_single_tag_is_refused():
    with pytest.raises(DataError, match="at least 2 classes"):
        tags.window([["a", "b"]], np.array([0, 0]), [["a"]], 2)


def test_columns_are_told_by_their_neighbours_within_the_strip():
    draw = np.random.default_rng(3)
    values = draw.random((400, 2)).astype(np.float32)
    lengths = np.full(40, 10)
    strips = Ragged.from_lengths(values, lengths)
    before = np.where(np.arange(400) % 10 == 0, 0, np.roll(values[:, 0], 1))
    labels = (before > 0.5).astype(np.int64)  # the first column of a strip has none before it
    assert (tags.columns(strips, labels, strips, 2, seed=0) == labels).mean() > 0.95


def test_examples():
    assert doctest.testmod(tags).failed == 0
