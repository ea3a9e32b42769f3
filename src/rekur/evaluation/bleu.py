"""BLEU and chrF: sacrebleu counts each sentence, and the counts of any sentences add up to their metric.

That makes an interval, and a paired test, of a metric that is no mean over sentences: resample the counts.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import ConfigError

Floats = NDArray[np.float64]

ORDER = 4  # of BLEU's n-grams
BETA = 2.0  # chrF: recall weighs BETA times precision


@dataclass(frozen=True)
class Counts:
    """What N sentences and their references have in common."""

    bleu: Floats  # (N, 2+2*4): words written, words of the reference, n-grams shared, n-grams written, n = 1..4
    chrf: Floats  # (N, 3*6): of each order of characters, n-grams written, of the reference, shared
    signatures: dict[str, str]  # of sacrebleu, per metric


def require() -> None:
    """Raise ConfigError where sacrebleu is not installed: better before the training than after it."""
    if importlib.util.find_spec("sacrebleu") is None:
        raise ConfigError("Translations are scored by sacrebleu, which is not installed: pip install rekur[translate]")


def count(written: Sequence[str], references: Sequence[str], tokenised: bool) -> Counts:
    """Count N sentences beside one reference each; see `outcomes.translation`."""
    require()
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu = BLEU(lowercase=True, tokenize="none" if tokenised else "13a", force=True)
    chrf = CHRF(lowercase=True)
    both = _counts(bleu, written, references), _counts(chrf, written, references)
    return Counts(*both, {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())})


def _counts(metric: Any, written: Sequence[str], references: Sequence[str]) -> Floats:
    found = metric._extract_corpus_statistics(list(written), [list(references)])  # as sacrebleu's own tests do
    return np.array(found, dtype=np.float64)


def bleu(sums: Floats, effective: bool = False) -> Floats:
    """Return BLEU, 0 to 100, of summed counts (M, 10): M texts at once, (M,).

        BP exp(mean_n ln p_n),    BP = exp(min(0, 1 - reference / written))

    p_n is the share of n-grams written that the reference has (Papineni et al. 2002); the k-th order without one
    has 1 / 2^k in place of 0 (sacrebleu's "exp"). `effective` leaves out the orders longer than the text.
    """
    written, reference, shared, possible = sums[:, 0], sums[:, 1], sums[:, 2 : 2 + ORDER], sums[:, 2 + ORDER :]
    there, none = possible > 0, shared == 0
    smoothed = np.where(none, 0.5 ** np.cumsum(none & there, axis=1), shared)
    logs = np.log(smoothed, where=there, out=np.zeros_like(smoothed)) - np.log(
        possible, where=there, out=np.zeros_like(possible)
    )
    mean = logs.sum(axis=1) / np.maximum(there.sum(axis=1), 1) if effective else logs.mean(axis=1)
    penalty = np.minimum(0, 1 - reference / np.maximum(written, 1))
    sound = shared.any(axis=1) & (there.any(axis=1) if effective else there.all(axis=1))
    return np.where(sound, 100 * np.exp(mean + penalty), 0.0)


def chrf(sums: Floats) -> Floats:
    """Return chrF2, 0 to 100, of summed counts (M, 18): M texts at once, (M,).

        (1 + b^2) P R / (b^2 P + R),    b = 2

    P and R are precision and recall of character n-grams, means over the orders both sides have (Popović 2015).
    """
    written, reference, shared = (sums[:, kind::3] for kind in range(3))
    there = (written > 0) & (reference > 0)
    orders = np.maximum(there.sum(axis=1), 1)
    precision, recall = (
        np.divide(shared, side, where=there, out=np.zeros_like(shared)).sum(axis=1) / orders
        for side in (written, reference)
    )
    both = BETA**2 * precision + recall
    found: Floats = 100 * np.divide((1 + BETA**2) * precision * recall, both, where=both > 0, out=np.zeros_like(both))
    return found
