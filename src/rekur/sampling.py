"""Drawing the next word from its scores: temperature, top-k and top-p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import RefusedModelError, RequestError


@dataclass(frozen=True)
class Sampling:
    """How words are drawn; raises RequestError for what cannot be.

    The logits are divided by `temperature` (0: always the likeliest word). Of the words in falling order of their
    probabilities p_1 >= p_2 >= ... the first `top_k` stay (0: all), and of those, made to add up to 1 again, the
    first whose sum reaches `top_p` (Holtzman et al. 2020).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.temperature) and self.temperature >= 0):
            raise RequestError(f"temperature must be 0 (the likeliest word) or more; got {self.temperature:g}.")
        if self.top_k < 0:
            raise RequestError(f"top-k must be 0 (all words) or more; got {self.top_k}.")
        if not 0 < self.top_p <= 1:
            raise RequestError(f"top-p must be above 0 and at most 1 (all words); got {self.top_p:g}.")

    def probabilities(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probabilities (V,) words are drawn with, of their logits (V,); -inf is never drawn.

        Raises RefusedModelError for logits that are no numbers, as of a model whose weights overflow.
        """
        scores = scores.astype(np.float64)
        if not np.isfinite(scores.max()):
            raise RefusedModelError(
                f"The model's scores of the next word are no numbers: the largest is {scores.max()}. "
                "Its weights are damaged, or its training diverged; train it again."
            )
        if self.temperature == 0:
            return np.where(np.arange(len(scores)) == scores.argmax(), 1.0, 0.0)
        p: NDArray[np.float64] = np.exp((scores - scores.max()) / self.temperature)
        p /= p.sum()
        if self.top_k == 0 and self.top_p == 1:
            return p
        order = np.argsort(-p, kind="stable")[: self.top_k or len(p)]
        share = np.cumsum(p[order]) / p[order].sum()
        kept = order[: int(np.searchsorted(share, self.top_p)) + 1]
        found = np.zeros_like(p)
        found[kept] = p[kept] / p[kept].sum()
        return found

    def draw(self, scores: NDArray[Any], chance: float) -> int:
        """Return the word that `chance`, uniform in [0, 1), falls on, of logits (V,)."""
        running = np.cumsum(self.probabilities(scores))
        return int(np.searchsorted(running, chance * running[-1], side="right"))
