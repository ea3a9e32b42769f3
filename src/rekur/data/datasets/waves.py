"""Waves: made-up sequences whose pitch rises, falls or stays, of different lengths and with values missing.

Level, loudness and mean pitch are drawn alike for all three, so that only the order of the steps tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rekur.data.datasets.base import DataSet
from rekur.data.ragged import Ragged

SET = DataSet(
    name="waves",
    title="Made-up waves of rising, falling or steady pitch",
    licence="Apache-2.0, as rekur",
    source="rekur, generated",
    citation="The rekur authors, 2026",
)

COUNT, SEED = 900, 2026  # every run reads the same waves
KINDS = ("falling", "rising", "steady")
SHORTEST, LONGEST = 24, 48  # steps
PITCH = (0.08, 0.16)  # cycles a step, in the middle of a wave
CHANGE = (0.04, 0.12)  # cycles a step, from its begin to its end; half of that at least keeps a wave from being steady
NOISE, MISSING = 0.2, 0.02


@dataclass(frozen=True)
class Waves:
    """N waves, what each does, and by how much its pitch changes."""

    values: Ragged  # (S, 1) float64, NaN where a value is missing
    labels: NDArray[np.int64]  # (N,) places in KINDS
    changes: NDArray[np.float64]  # (N,) cycles in a hundred steps, from begin to end


def load(count: int = COUNT, seed: int = SEED) -> Waves:
    """Return `count` waves drawn with `seed`, x_t = level + loudness sin(phase_t) + noise."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, len(KINDS), count)
    lengths = draw.integers(SHORTEST, LONGEST + 1, count)
    middle, loudness, level = draw.uniform(*PITCH, count), draw.uniform(0.5, 1.5, count), draw.normal(0, 1, count)
    change = np.choose(labels, [-1.0, 1.0, 0.0]) * draw.uniform(*CHANGE, count) + draw.normal(0, 0.004, count)
    step = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = step / np.repeat(lengths - 1, lengths) - 0.5  # -1/2 to 1/2
    pitch = np.repeat(middle, lengths) + np.repeat(change, lengths) * place  # cycles a step
    cycles = np.cumsum(pitch) + np.repeat(draw.uniform(0, 1, count), lengths)  # where a wave begins does not matter
    sound = np.repeat(level, lengths) + np.repeat(loudness, lengths) * np.sin(2 * np.pi * cycles)
    values = sound + draw.normal(0, NOISE, len(sound))
    values[draw.random(len(values)) < MISSING] = np.nan
    return Waves(Ragged.from_lengths(values[:, None], lengths), labels, 100 * change)
