"""Cheap rivals of a translator: the source as it stands, and each word by its commonest partner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sentences = Sequence[Sequence[str]]

ROUNDS = 10  # of expectation and maximisation; more change few words


def copied(sources: Sentences) -> list[list[str]]:
    """Return the source sentences themselves: names, numbers and full stops are right."""
    return [list(words) for words in sources]


def word_by_word(sources: Sentences, dictionary: dict[str, str]) -> list[list[str]]:
    """Replace each word by its entry, in the order of the source; a word without one stays."""
    return [[dictionary.get(word, word) for word in words] for words in sources]


def dictionary(sources: Sentences, targets: Sentences) -> dict[str, str]:
    """Return the likeliest target word of each source word, learned from which words share a pair of sentences.

    It is the first model of Brown et al. 1993: each target word t comes from one source word s of its sentence, or
    from none, with p(t | s). EM from a uniform start:

        p(t | s) = c(s, t) / sum_t' c(s, t'),    c(s, t) = sum over pairs of p(t | s) / sum_s' p(t | s')

    A word that mostly comes of no source word is no translation of one. Words of equal chance: the first by alphabet.
    """
    (S, source, source_lengths), (V, target, target_lengths) = _coded(sources, from_nothing=True), _coded(targets)
    pair, word = _side_by_side(source_lengths, target_lengths)
    first, place = np.unique(source[pair] * len(V) + target[word], return_inverse=True)  # each (s, t) that occurs, once
    chance = np.ones(len(first))
    for _ in range(ROUNDS):
        of_pair = chance[place]
        share = of_pair / np.bincount(word, of_pair, len(target))[word]
        count = np.bincount(place, share, len(first))
        chance = count / np.bincount(first // len(V), count, len(S))[first // len(V)]
    best = np.lexsort((first, -chance))
    found, at = np.unique((first // len(V))[best], return_index=True)
    return {S[s]: V[t] for s, t in zip(found, first[best][at] % len(V), strict=True) if S[s]}


def _coded(sentences: Sentences, from_nothing: bool = False) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return the words there are, the place of each word of the text among them, and the sentences' lengths."""
    nothing = [""] if from_nothing else []
    lengths = np.array([len(words) + len(nothing) for words in sentences], dtype=np.int64)
    kinds, codes = np.unique([word for words in sentences for word in (*nothing, *words)], return_inverse=True)
    return kinds.tolist(), codes, lengths


def _side_by_side(source: NDArray[np.int64], target: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of both words of every pair of words that share a pair of sentences."""
    ends = np.cumsum(source)
    word = np.repeat(np.arange(target.sum()), np.repeat(source, target))
    sentence = np.repeat(np.arange(len(source)), source * target)
    at = np.arange(len(word)) - np.repeat(np.cumsum(source * target) - source * target, source * target)
    return ends[sentence] - source[sentence] + at % source[sentence], word
