"""The checker itself: it must find what is wrong, and name it."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.errors import RekurError, ShapeError
from rekur.reference import gradcheck


def cubes():
    """Return arrays, their loss and its right gradients."""
    generator = np.random.default_rng(0)
    arrays = {"v": generator.normal(size=(3, 2)), "w": generator.normal(size=4)}
    gradients = {name: 3 * array**2 for name, array in arrays.items()}
    return arrays, lambda: float(sum((array**3).sum() for array in arrays.values())), gradients


def test_right_gradients_pass_and_the_arrays_come_back_unchanged():
    arrays, loss, gradients = cubes()
    before = {name: array.copy() for name, array in arrays.items()}
    assert gradcheck.check(loss, arrays, gradients) < 1e-8
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_the_worst_parameter_and_entry_are_named():
    arrays, loss, gradients = cubes()
    gradients["v"][2, 1] += 5.0
    gradients["w"][3] += 0.01
    worst = gradcheck.differences(loss, arrays, gradients)[0]
    assert (worst.name, worst.index) == ("v", (2, 1))
    assert worst.by_hand - worst.by_difference == pytest.approx(5.0, abs=1e-6)
    with pytest.raises(RekurError, match=r"gradient of v is wrong: at \(2, 1\).*Other wrong gradients: w\."):
        gradcheck.check(loss, arrays, gradients)


def test_a_gradient_that_is_not_a_number_is_wrong():
    arrays, loss, gradients = cubes()
    gradients["w"][0] = np.nan
    with pytest.raises(RekurError, match="gradient of w is wrong"):
        gradcheck.check(loss, arrays, gradients)


def test_missing_and_misshapen_gradients_are_named():
    arrays, loss, gradients = cubes()
    with pytest.raises(ShapeError, match=r"gradient of v must be \(3, 2\); got \(2, 3\)"):
        gradcheck.differences(loss, arrays, {**gradients, "v": gradients["v"].T})
    with pytest.raises(ShapeError, match=r"gradient of w must be \(4,\); got none"):
        gradcheck.differences(loss, arrays, {"v": gradients["v"]})


def test_entries_limits_the_work():
    arrays, loss, gradients = cubes()
    calls = []

    def counted():
        calls.append(1)
        return loss()

    gradcheck.check(counted, arrays, gradients, entries=2)
    assert len(calls) == 2 * 2 * len(arrays)  # two losses an entry


def test_empty_arrays_are_passed_over():
    assert gradcheck.check(lambda: 0.0, {"w": np.zeros(0)}, {"w": np.zeros(0)}) == 0.0
