"""Digits side by side: every pixel of every digit stands in its span, and the labels say so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import strips
from rekur.data.datasets import digits
from rekur.errors import DataError


def drawn(generator, count):
    images = generator.integers(0, 2, (count, 4, 5)).astype(np.uint8) * 200
    images[:, 0, 2] = 90  # none is empty
    return images, generator.integers(0, 10, count)


@given(seed=st.integers(0, 99), count=st.integers(0, 6), fewest=st.integers(1, 3), least=st.integers(0, 2))
def test_a_strip_holds_its_digits_and_nothing_else(seed, count, fewest, least):
    images, labels = drawn(np.random.default_rng(seed), 5)
    made = strips.lay(images, labels, count, np.random.default_rng(seed), (fewest, 4), (least, 3))
    assert len(made) == count
    for n in range(count):
        spans = made.spans[n]
        assert fewest <= len(spans) <= 4
        gaps = np.append(spans[:, 0], made.widths[n]) - np.insert(spans[:, 1], 0, 0)
        assert ((least <= gaps) & (gaps <= 3)).all()
        outside = np.ones(made.images.shape[2], dtype=bool)
        for digit, (begin, end) in zip(made.digits[n], spans, strict=True):
            outside[begin:end] = False
            cut = made.images[n, :, begin:end]
            assert cut[:, 0].any()
            assert cut[:, -1].any()
            assert any(
                labels[m] == digit and np.array_equal(image[:, image.any(axis=0)], cut[:, cut.any(axis=0)])
                for m, image in enumerate(images)
            )
        assert not made.images[n][:, outside].any()


def test_the_labels_of_the_columns_are_the_digits_of_the_spans():
    images, labels = digits.load("train")
    made = strips.lay(images, labels, 50, np.random.default_rng(0))
    columns = made.columns()
    np.testing.assert_array_equal(columns.lengths, made.widths)
    for n in range(50):
        assert strips.collapsed(columns[n]) == made.digits[n].tolist()
        for digit, (begin, end) in zip(made.digits[n], made.spans[n], strict=True):
            assert set(columns[n][begin:end].tolist()) == {digit}
        assert np.count_nonzero(columns[n] != strips.BLANK) == np.diff(made.spans[n]).sum()


def test_every_image_is_used_before_one_is_used_again():
    images, labels = drawn(np.random.default_rng(1), 7)
    made = strips.lay(images, np.arange(7), 7, np.random.default_rng(2), (2, 2))
    assert np.bincount(made.digits.values).tolist() == [2] * 7
    assert len(labels) == 7


def test_the_same_generator_lays_the_same_strips():
    images, labels = digits.load("test")
    one, two = (strips.lay(images, labels, 9, np.random.default_rng(4)) for _ in range(2))
    other = strips.lay(images, labels, 9, np.random.default_rng(5))
    np.testing.assert_array_equal(one.images, two.images)
    assert one.images.shape != other.images.shape or (one.images != other.images).any()


def test_an_empty_image_is_refused():
    images, labels = drawn(np.random.default_rng(1), 3)
    images[1] = 0
    with pytest.raises(DataError, match="Image 1 is empty"):
        strips.lay(images, labels, 1, np.random.default_rng(0))
