"""Intervals: how far a figure would move had other test items been drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rekur.errors import DataError, nearest
from rekur.evaluation import bleu, metrics
from rekur.evaluation.captions import error_rate
from rekur.evaluation.outcomes import Outcome

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]

LEVEL = 0.95
DRAWS = 2000
LEAST_RUNS = 10  # of one resample: of fewer, longer runs all resamples are alike, and the interval shrinks to nothing
SHARES = ("accuracy", "exact_match")  # metrics whose items are right or wrong, 1 or 0
CENTRAL = (50, 80, 90, 95)  # per cent: the central intervals whose coverage has an interval itself
CHUNK = 4_000_000  # indices held at once: 32 MB, whatever the number of items


def wilson(right: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the Wilson score interval of a share `right` / `n` (Wilson 1927).

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n); never leaves [0, 1], right also near 0 and 1.

    >>> [round(end, 3) for end in wilson(81, 263)]
    [0.255, 0.366]
    """
    if n < 1:
        raise DataError(f"wilson: an interval needs at least one item; got n={n}.")
    z = float(stats.norm.ppf(0.5 + level / 2))
    share, scale = right / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def resampled_means(items: Floats, seed: int, draws: int = DRAWS, block: int = 1) -> Floats:
    """Return the mean of every column of `items` (N,) or (N, k) in `draws` resamples: (draws,) or (draws, k).

    Items are drawn in runs of `block` neighbours, the end joined to the start (circular blocks, Politis and
    Romano 1992), so that items that depend on their neighbours keep that dependence; 1 = ordinary bootstrap.
    A block is never longer than a tenth of the items.
    """
    generator = np.random.default_rng(seed)
    n = len(items)
    block = max(1, min(block, n // LEAST_RUNS))
    whole, rest = divmod(n, block)
    twice = np.concatenate([np.zeros((1, *items.shape[1:])), items, items])
    running = np.cumsum(twice, axis=0)
    full_sums = running[block : block + n] - running[:n] if block > 1 else items
    rest_sums = running[rest : rest + n] - running[:n]
    means = np.empty((draws, *items.shape[1:]))
    rows = max(1, CHUNK // (whole * (items.size // n)))
    for begin in range(0, draws, rows):
        count = min(rows, draws - begin)
        total = full_sums[generator.integers(n, size=(count, whole))].sum(axis=1)
        means[begin : begin + count] = (total + rest_sums[generator.integers(n, size=count)]) / n
    return means


def bootstrap(
    items: Floats, statistic: Statistic, seed: int, level: float = LEVEL, draws: int = DRAWS, block: int = 1
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a function of means (Efron 1979).

    `statistic` maps means (draws,), or (draws, k) for items (N, k), to (draws,): ``np.sqrt`` of squared
    errors is the RMSE. For `block` see `resampled_means`.
    """
    return ends(statistic(resampled_means(items, seed, draws, block)), level)


def ends(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the two quantiles that hold the middle `level` of `values`."""
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _mean(means: Floats) -> Floats:
    return means


def _r2(means: Floats) -> Floats:
    spread = means[:, 2] - means[:, 1] ** 2
    return 1 - np.divide(means[:, 0], spread, out=np.ones(len(means)), where=spread > 0)


def _r2_columns(outcome: Outcome) -> Floats:
    truth = outcome.details["truth"] - outcome.details["truth"].mean()
    return np.stack([outcome.items, truth, truth**2], axis=1)


def _parts(*names: str) -> Callable[[Outcome], Floats]:
    return lambda outcome: np.stack([outcome.details[name] for name in names], axis=1)


def _ratio(means: Floats) -> Floats:
    return means[:, 0] / means[:, 1]  # of sequences drawn whole, long and short ones


def _ratio_of_some(means: Floats) -> Floats:
    return means[:, 0] / np.maximum(means[:, 1], np.finfo(np.float64).tiny)  # a resample may hold none that counts


def _f1(means: Floats) -> Floats:
    return 2 * means[:, 0] / np.maximum(means[:, 1] + means[:, 2], np.finfo(np.float64).tiny)


def _absolute(outcome: Outcome) -> Floats:
    if "absolute" in outcome.details:  # a forecast of many steps: the items are means of squares
        return outcome.details["absolute"]
    return np.sqrt(outcome.items)


def _owa(means: Floats) -> Floats:
    return 0.5 * (means[:, 0] / means[:, 2] + means[:, 1] / means[:, 3])  # both models on the series drawn


def _detail(name: str) -> Callable[[Outcome], Floats]:
    return lambda outcome: outcome.details[name]


def _sums_of(counts: str) -> Callable[[Outcome], Floats]:
    # N times each item's counts: the means that a statistic is given are then the sums over a resample
    return lambda outcome: outcome.details[counts].astype(np.float64) * len(outcome.items)


# metric -> its columns (N,) or (N, k) of items, and the function of their means that gives the metric
FORMS: dict[str, tuple[Callable[[Outcome], Floats], Statistic]] = {
    "accuracy": (lambda outcome: outcome.items, _mean),
    "exact_match": (lambda outcome: outcome.items, _mean),
    "exact_english": (lambda outcome: outcome.details["exact_english"], _mean),
    "exact_korean": (lambda outcome: outcome.details["exact_korean"], _mean),
    "cer": (lambda outcome: np.stack([outcome.details["distance"], outcome.details["length"]], axis=1), error_rate),
    "log_loss": (lambda outcome: outcome.details["nats"], _mean),
    "mae": (_absolute, _mean),
    "mse": (lambda outcome: outcome.items, _mean),
    "rmse": (lambda outcome: outcome.items, np.sqrt),
    "smape": (_detail("symmetric"), _mean),
    "mase": (_parts("scaled", "has_scale"), _ratio_of_some),
    "owa": (_parts("symmetric", "scaled", "symmetric_naive2", "scaled_naive2"), _owa),
    "crps": (_detail("crps"), _mean),
    "pinball": (_detail("pinball"), _mean),
    **{f"{name}_{share}": (_detail(f"{name}_{share}"), _mean) for name in ("coverage", "width") for share in CENTRAL},
    "r2": (_r2_columns, _r2),
    "nats": (lambda outcome: outcome.items, _mean),
    "bits": (lambda outcome: outcome.items / np.log(2), _mean),
    "perplexity": (lambda outcome: outcome.items, np.exp),
    "token_accuracy": (_parts("right", "steps"), _ratio),
    "frame_accuracy": (_parts("right", "steps"), _ratio),
    "sentence_accuracy": (lambda outcome: outcome.details["whole"], _mean),
    "string_accuracy": (lambda outcome: outcome.details["whole"], _mean),
    "span_f1": (_parts("hits", "said", "true"), _f1),
    "bleu": (_sums_of("bleu"), bleu.bleu),
    "chrf": (_sums_of("chrf"), bleu.chrf),
    "word_nats": (lambda outcome: outcome.items, _mean),
    "word_bits": (lambda outcome: outcome.items / np.log(2), _mean),
    "word_perplexity": (lambda outcome: outcome.items, np.exp),
}


def form(metric: str) -> tuple[Callable[[Outcome], Floats], Statistic]:
    """Return the item columns and the function of their means that give `metric`; DataError for another."""
    if metric not in FORMS:
        raise DataError(f"`{metric}` is no function of item means. {nearest(metric, FORMS)}")
    return FORMS[metric]


def interval_of(outcome: Outcome, metric: str, seed: int = 0, block: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of one metric of `outcome`: Wilson for accuracy, else the bootstrap.

    `block` is the length of the runs of neighbouring items that depend on each other (1: none do).
    """
    if metric in SHARES and block == 1:
        return wilson(int(outcome.items.sum()), len(outcome.items))
    if metric == "f1_macro":
        return _interval_of_f1(outcome, seed)
    columns, statistic = form(metric)
    return bootstrap(columns(outcome), statistic, seed, block=block)


def _interval_of_f1(outcome: Outcome, seed: int) -> tuple[float, float]:
    # Drawing N items with replacement is drawing the cells of the confusion table from a multinomial.
    truth, prediction = outcome.details["truth"], outcome.details["prediction"]
    classes = int(max(truth.max(), prediction.max())) + 1
    cells = metrics.confusion(truth, prediction, classes).ravel()
    tables = np.random.default_rng(seed).multinomial(len(truth), cells / len(truth), size=DRAWS)
    return ends(metrics.f1_of_confusion(tables.reshape(DRAWS, classes, classes)))
