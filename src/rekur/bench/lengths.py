"""`rekur bench layers --lengths`: rows of unlike lengths, as IMDB's, by `lengths=`, packed and padded, in turns.

The loss sees each row's last valid state, as a classifier's does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from rekur.bench.steps import Read, Training, errors, twins
from rekur.bench.timing import Request, Timing, compute_on, take_turns
from rekur.data.batches import bucketed

# Words of the 25,000 training reviews of IMDB (Maas et al. 2011; `rekur data get imdb`), split at white space without
# their `<br />`: the least, every per cent, and the largest.
# fmt: off
QUANTILES = (
    10, 42, 48, 53, 58, 64, 69, 74, 80, 84, 90, 94, 99, 103, 106, 109, 111, 113, 115, 117,
    119, 120, 122, 123, 124, 126, 127, 129, 130, 132, 133, 135, 136, 138, 140, 141, 143, 145, 146, 148,
    150, 152, 154, 156, 158, 161, 163, 166, 168, 170, 173, 176, 178, 181, 184, 187, 190, 193, 197, 200,
    204, 208, 212, 216, 220, 225, 229, 234, 239, 244, 249, 255, 261, 267, 275, 281, 289, 296, 304, 312,
    321, 331, 340, 351, 361, 373, 387, 403, 417, 433, 454, 473, 497, 523, 556, 592, 640, 699, 782, 907,
    2459,
)
# fmt: on
POOL = 100  # batches sorted together, as `rekur.data.batches.bucketed` does by default
PICKED = 5  # bucketed batches that stand for all, each for a fifth of them by length

Row = dict[str, Any]
Lengths = NDArray[np.int64]


class Sizes(NamedTuple):
    """Sizes of the layer, its batches, and where texts are cut."""

    N: int = 64
    longest: int = 1000
    I: int = 128  # noqa: E741 - the letter of docs/notation.md
    H: int = 256


FULL, QUICK = Sizes(), Sizes(N=8, longest=400, I=8, H=16)


def measure(asked: Request, sizes: Sizes = FULL) -> Iterator[Row]:
    """Yield a row for each number of threads, cell and batch."""
    for count in asked.threads:
        clock = compute_on(count)
        for cell in asked.cells:
            for name, lengths in batches(sizes):
                trainings = trained(cell, lengths, sizes, asked.precision)
                T = int(lengths.max())
                row = {"cell": cell, "batch": name, "T": T, "filled": float(lengths.mean()) / T}
                row |= {"threads": count, "precision": asked.precision}
                row |= errors(trainings["lengths"], trainings["padded"])
                forms = [training.form(form) for form, training in trainings.items()]
                yield {**row, **figures(take_turns(forms, asked.repeats, clock))}


def batches(sizes: Sizes) -> list[tuple[str, Lengths]]:
    """Return the lengths (N,) of bucketed batches of all lengths, of the longest one, and of an unsorted one."""
    generator = np.random.default_rng(1)
    lengths = draw(sizes.N * POOL, sizes.longest, generator)
    found = [lengths[rows] for rows in bucketed(lengths, sizes.N, generator, POOL)]
    found.sort(key=lambda batch: int(batch.max()))
    middles = [int((i + 0.5) * POOL / PICKED) for i in range(PICKED)]
    chosen = [("bucketed", found[place]) for place in middles]
    return [*chosen, ("longest", found[-1]), ("unsorted", lengths[: sizes.N])]


def draw(count: int, longest: int, generator: np.random.Generator) -> Lengths:
    """Draw `count` lengths of IMDB's texts, cut at `longest`."""
    words = np.interp(generator.random(count), np.linspace(0, 1, len(QUANTILES)), QUANTILES)
    return np.minimum(words.round(), longest).astype(np.int64)


def trained(cell: str, lengths: Lengths, sizes: Sizes, precision: str) -> dict[str, Training]:
    """Return a training step of each form, on the same numbers."""
    theirs, ours = twins(cell, sizes.I, sizes.H)
    x, d = torch.randn(int(lengths.max()), len(lengths), sizes.I), torch.randn(len(lengths), sizes.H)
    ends = torch.from_numpy(lengths)
    return {
        "packed": Training(theirs, x, packed(ends), d),
        "padded": Training(theirs, x, padded(ends), d),
        "lengths": Training(ours, x, by_lengths(ends), d, precision),
    }


def packed(lengths: Tensor) -> Read:
    """Return the last valid state, (N, H), as torch's packed sequences give it."""
    return lambda layer, x: _state(layer(pack_padded_sequence(x, lengths, enforce_sorted=False)))


def padded(lengths: Tensor) -> Read:
    """Return the last valid state gathered from a run over the padding, too."""
    rows = torch.arange(len(lengths))

    def read(layer: nn.RNNBase, x: Tensor) -> Tensor:
        outputs: Tensor = layer(x)[0]
        return outputs[lengths - 1, rows]

    return read


def by_lengths(lengths: Tensor) -> Read:
    """Return the last valid state as `lengths=` gives it."""
    return lambda layer, x: _state(layer(x, lengths=lengths))


def figures(taken: dict[str, Timing]) -> Row:
    """Return the seconds of each form, how often it was timed, and how many times those of `lengths=` they are."""
    return {
        "seconds": {name: timing.seconds for name, timing in taken.items()},
        "repeats": {name: len(timing.turns) for name, timing in taken.items()},
        **_ratios({name: timing.seconds for name, timing in taken.items()}),
    }


def together(rows: Sequence[Row]) -> list[Row]:
    """Add up the bucketed batches of each cell and number of threads: what an epoch of them takes."""
    found = []
    for key in dict.fromkeys((row["threads"], row["cell"]) for row in rows):
        mine = [row for row in rows if (row["threads"], row["cell"]) == key and row["batch"] == "bucketed"]
        seconds = {name: sum(row["seconds"][name] for row in mine) for name in ("packed", "padded", "lengths")}
        row = {"cell": key[1], "batch": "bucketed, together", "threads": key[0]}
        found.append({**row, "seconds": seconds, **_ratios(seconds)})
    return found


def _ratios(seconds: dict[str, float]) -> Row:
    return {f"ratio_{name}": seconds[name] / seconds["lengths"] for name in ("packed", "padded")}


def _state(run: tuple[Any, Any]) -> Tensor:
    state = run[1][0] if isinstance(run[1], tuple) else run[1]
    last: Tensor = state[0]
    return last
