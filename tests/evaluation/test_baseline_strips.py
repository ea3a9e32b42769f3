"""Digits cut apart at empty columns: as many as there are pieces, wherever they stand."""

from __future__ import annotations

import numpy as np

from rekur.data import strips
from rekur.data.datasets import digits
from rekur.evaluation.baselines.strips import _centred, _pieces, digit_by_digit


def test_pieces_are_what_empty_columns_part():
    strip = np.zeros((2, 9), dtype=np.uint8)
    strip[0, [1, 2, 4, 8]] = 1
    assert [piece.shape[1] for piece in _pieces(strip)] == [2, 1, 1]
    assert _pieces(np.zeros((2, 3), dtype=np.uint8)) == []


def test_the_middle_does_not_depend_on_what_is_empty_around():
    piece = np.arange(1, 7, dtype=np.uint8).reshape(2, 3)
    wide = np.pad(piece, ((0, 0), (4, 1)))
    np.testing.assert_array_equal(_centred(piece, 8), _centred(wide, 8))
    assert _centred(np.ones((1, 9), np.uint8), 4).tolist() == [1, 1, 1, 1]


def test_most_small_digits_are_read():
    images, labels = digits.load("train")
    tests, truth = digits.load("test")
    made = strips.lay(tests, truth, 60, np.random.default_rng(1), (1, 5), (1, 3))
    found = digit_by_digit(images, labels, made.images, made.widths)
    right = np.mean([read == digits.tolist() for read, digits in zip(found, made.digits, strict=True)])
    assert right > 0.6
