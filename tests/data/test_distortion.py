"""A distorted image is the image under an affine map; strength 0 is no change, and ink never vanishes."""

from __future__ import annotations

import numpy as np

from rekur.data import distortion
from rekur.data.datasets import digits


def scans(count: int) -> np.ndarray:
    return (digits.load("train")[0][:count] * 15).astype(np.uint8)


def test_no_strength_is_no_change() -> None:
    images = scans(20)
    np.testing.assert_array_equal(distortion.distorted(images, 0.0, np.random.default_rng(1)), images)


def test_a_map_of_our_own_moves_pixels_where_it_says() -> None:
    images = np.zeros((1, 5, 7), dtype=np.uint8)
    images[0, 1, 2] = 80
    moved = distortion._warped(images, np.eye(2, dtype=np.float32)[None], np.array([[-1, 0.5]], dtype=np.float32))
    expected = np.zeros((5, 7))
    expected[2, 1:3] = 40  # each pixel comes from a row above and half a column to the right
    np.testing.assert_array_equal(moved[0], expected)


def test_a_quarter_turn_is_a_transpose_and_a_flip() -> None:
    image = scans(1)
    turn = np.array([[[0, 1], [-1, 0]]], dtype=np.float32)
    turned = distortion._warped(image, turn, np.zeros((1, 2), dtype=np.float32))
    np.testing.assert_array_equal(turned[0], np.rot90(image[0]))


def test_it_is_a_function_of_the_generator_and_changes_what_it_should() -> None:
    images = scans(50)
    first, again, other = (distortion.distorted(images, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).all()
    assert first.any(axis=(1, 2)).all()
    assert abs(first.mean() / images.mean() - 1) < 0.1


def test_an_image_that_lost_its_ink_stays_as_it_was(monkeypatch) -> None:
    monkeypatch.setattr(distortion, "MOVE", 100.0)
    images = scans(5)
    np.testing.assert_array_equal(distortion.distorted(images, 1.0, np.random.default_rng(1)), images)
