r"""Is a hand-written backward pass right? Ask the loss itself.

For each entry w of an array, moved a little either way,

    d_w  is about  (loss(w + step) - loss(w - step)) / (2 step)

The difference errs by step^2 times the third derivative, and by rounding of about 1e-16 / step; with
step = 1e-5 both stand near 1e-10. A right gradient agrees to six digits or more, a wrong one to none.

The error is measured against the largest gradient of the same array: an entry that should be 0 and comes out
as 1e-11 is right. Below 1e-3 that scale stops shrinking, for an array whose gradients all vanish.

A relu has no derivative at 0; an entry that steps across the corner differs although nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rekur.errors import RekurError, ShapeError
from rekur.reference.loop import Array


@dataclass(frozen=True)
class Difference:
    """The entry of one array where the two gradients differ most."""

    name: str
    index: tuple[int, ...]
    by_hand: float  # what the backward pass says
    by_difference: float  # what the loss says
    error: float  # |by_hand - by_difference| / largest gradient of the array


def differences(
    loss: Callable[[], float],
    arrays: Mapping[str, Array],
    gradients: Mapping[str, Array],
    *,
    entries: int | None = None,
    step: float = 1e-5,
    seed: int = 0,
) -> list[Difference]:
    """Compare `gradients` with finite differences of `loss`; one Difference an array, worst first.

    Args: loss, computes the loss from `arrays` as they stand; arrays, float64, moved in place and put back;
    gradients, under the same names; entries, how many of each array to try, drawn by `seed`, None for all.
    Raises ShapeError for a gradient that is missing or shaped otherwise than its array.
    """
    generator = np.random.default_rng(seed)
    found = []
    for name, array in arrays.items():
        if name not in gradients or gradients[name].shape != array.shape:
            got = gradients[name].shape if name in gradients else "none"
            raise ShapeError(f"gradcheck: the gradient of {name} must be {array.shape}; got {got}.")
        if array.size == 0:
            continue
        count = array.size if entries is None else min(entries, array.size)
        tried = generator.choice(array.size, size=count, replace=False)  # (count,)
        by_difference = np.array([_slope(loss, array, entry, step) for entry in tried])  # (count,)
        found.append(_worst(name, array.shape, tried, gradients[name].ravel()[tried], by_difference))
    return sorted(found, key=lambda difference: difference.error, reverse=True)


def check(
    loss: Callable[[], float],
    arrays: Mapping[str, Array],
    gradients: Mapping[str, Array],
    *,
    tolerance: float = 1e-6,
    entries: int | None = None,
) -> float:
    """Return the largest error, or raise RekurError naming the worst array if it is above `tolerance`.

    >>> w = np.array([2.0, 3.0])
    >>> check(lambda: float(w @ w), {"w": w}, {"w": 2 * w}) < 1e-9
    True
    """
    found = differences(loss, arrays, gradients, entries=entries)
    wrong = [difference for difference in found if not difference.error <= tolerance]
    if wrong:
        worst, others = wrong[0], ", ".join(difference.name for difference in wrong[1:]) or "none"
        raise RekurError(
            f"The gradient of {worst.name} is wrong: at {worst.index} the backward pass gives "
            f"{worst.by_hand:.6g}, the loss itself {worst.by_difference:.6g} (finite difference). "
            f"Other wrong gradients: {others}."
        )
    return found[0].error if found else 0.0


def _slope(loss: Callable[[], float], array: Array, entry: int, step: float) -> float:
    index = np.unravel_index(entry, array.shape)  # as many as array has axes, each ()
    middle = array[index]
    array[index] = middle + step
    above = loss()
    array[index] = middle - step
    below = loss()
    array[index] = middle
    return (above - below) / (2.0 * step)


def _worst(
    name: str, shape: tuple[int, ...], tried: NDArray[np.int64], by_hand: Array, by_difference: Array
) -> Difference:
    scale = max(1e-3, float(np.abs([by_hand, by_difference]).max()))  # ()
    errors = np.abs(by_hand - by_difference) / scale  # (count,)
    at = int(np.argmax(errors))
    index = tuple(int(i) for i in np.unravel_index(int(tried[at]), shape))  # each ()
    return Difference(name, index, float(by_hand[at]), float(by_difference[at]), float(errors[at]))
