"""The cheap translators: a dictionary learned from which words share a pair of sentences."""

from itertools import product

import numpy as np
import pytest

from rekur.evaluation.baselines import translation as rivals

WORDS = {"ein": "a", "hund": "dog", "katze": "cat", "schläft": "sleeps", "läuft": "runs", "rot": "red", "alt": "old"}
SOURCES = [
    [*start, animal, verb]
    for start, animal, verb in product(
        (["ein"], ["ein", "rot"], ["ein", "alt"]), ("hund", "katze"), ("schläft", "läuft")
    )
]
TARGETS = [[WORDS[word] for word in sentence] for sentence in SOURCES]


def test_words_that_go_together_become_entries():
    found = rivals.dictionary(SOURCES, TARGETS)
    assert found == WORDS
    assert rivals.word_by_word([["rot", "katze", "Xaver"]], found) == [["red", "cat", "Xaver"]]


def test_it_is_the_first_model_of_brown_and_others_round_by_round(monkeypatch):
    monkeypatch.setattr(rivals, "ROUNDS", 3)
    sources, targets = [["a", "b"], ["a", "c"], ["b", "b"]], [["x", "y"], ["x", "z", "x"], ["y"]]
    chance = {(s, t): 1.0 for s in ("", *"abc") for t in "xyz"}
    for _ in range(3):
        count = dict.fromkeys(chance, 0.0)
        for source, target in zip(sources, targets, strict=True):
            for t in target:
                total = sum(chance[s, t] for s in ("", *source))
                for s in ("", *source):
                    count[s, t] += chance[s, t] / total
        chance = {(s, t): n / max(1e-300, sum(count[s, u] for u in "xyz")) for (s, t), n in count.items()}
    expected = {s: max("xyz", key=lambda t: chance[s, t]) for s in "abc"}
    assert rivals.dictionary(sources, targets) == expected


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_pairs_changes_nothing(seed):
    order = np.random.default_rng(seed).permutation(len(SOURCES))
    again = rivals.dictionary([SOURCES[n] for n in order], [TARGETS[n] for n in order])
    assert again == rivals.dictionary(SOURCES, TARGETS)


def test_a_copy_is_the_source():
    assert rivals.copied(SOURCES[:2]) == SOURCES[:2]
