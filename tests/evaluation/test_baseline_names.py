"""Counts of texts: each unit scored once, beginnings known, classes told apart; and the classifier that judges."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.evaluation.baselines import names
from rekur.evaluation.baselines.kneser_ney import ngram

END, V = 3, 8


def texts(*rows):
    return [np.array([*row, END]) for row in rows]


TRAIN = (texts([4, 5], [4, 5], [4, 6], [7, 7], [7, 7]), np.array([0, 0, 0, 1, 1]))


@pytest.mark.parametrize("order", [1, 2, 5])
def test_every_unit_of_every_text_is_scored_once(order):
    found = names.counted(TRAIN, (texts([4], [7, 7, 4]), np.array([0, 1])), V, END, order)
    assert found.shape == (2 + 4,)
    assert (found > 0).all()


def test_no_text_is_seen_through_another():
    one, other = texts([4, 5]), texts([7, 7], [4, 5])
    alone = names.counted(TRAIN, (one, np.array([0])), V, END, 5)
    behind = names.counted(TRAIN, (other, np.array([1, 0])), V, END, 5)
    np.testing.assert_allclose(behind[3:], alone)


def test_single_frequencies_are_those_of_the_stream():
    found = names.counted(TRAIN, (texts([7]), np.array([1])), V, END, 1)
    stream = np.concatenate([[END], *TRAIN[0]])
    np.testing.assert_allclose(found, ngram(stream, [7, END], V, 1))


def test_the_class_helps_where_classes_differ():
    test = (texts([4, 5], [7, 7]), np.array([0, 1]))
    mixed = names.mixed(TRAIN, test, test, V, END, 5)
    together = names.counted(TRAIN, test, V, END, 5)
    assert mixed.sum() < together.sum()
    assert np.isfinite(mixed).all()


def test_without_a_validation_part_both_counts_have_half():
    test, none = (texts([4, 5]), np.array([0])), ([], np.zeros(0, int))
    own = names._of_class(TRAIN, test, V, END, 5)
    every = names.counted(TRAIN, test, V, END, 5)
    expected = -np.log((np.exp(-own) + np.exp(-every)) / 2)
    np.testing.assert_allclose(names.mixed(TRAIN, none, test, V, END, 5), expected)


def test_a_class_without_training_texts_falls_back_on_all():
    test = (texts([4, 5]), np.array([2]))
    np.testing.assert_allclose(names._of_class(TRAIN, test, V, END, 5), names.counted(TRAIN, test, V, END, 5))


def test_the_classifier_knows_texts_by_their_characters():
    known = ["Kim", "Kang", "Kwak", "Rossi", "Bianchi", "Ferrari"]
    assert names.classified(known, np.array([0, 0, 0, 1, 1, 1]), ["Kwang", "Russi"]).tolist() == [0, 1]
