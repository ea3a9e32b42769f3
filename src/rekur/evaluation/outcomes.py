"""An outcome: the metrics of a model on the test part, and its score on every single item.

The items make intervals and paired tests possible: models are compared item by item, not by two averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError, RekurError
from rekur.evaluation import bleu, metrics
from rekur.evaluation.forecasting import metrics as ahead
from rekur.notation import check_shape

SPREAD = ("crps", "pinball", "coverage_", "width_")  # the figures of a forecast's quantiles


@dataclass(frozen=True)
class Outcome:
    """What one model did on the test items."""

    metrics: dict[str, float]
    items: NDArray[np.float64]  # (N,) score of the primary metric: 1/0 right, squared error, or nats
    details: dict[str, NDArray[Any]] = field(default_factory=dict)  # (N,) or (N, k) each: truth, prediction, ...
    signatures: dict[str, str] = field(default_factory=dict)  # metric -> how it was computed, where ways differ


def classification(truth: ArrayLike, probability: ArrayLike) -> Outcome:
    """Score probabilities (N, C) against true classes (N,): accuracy, log_loss, f1_macro; items 1/0.

    Raises ShapeError, DataError for a class outside 0..C-1 or rows that are no probabilities, and RekurError
    for values that are not finite.

    >>> classification([0, 1], [[0.9, 0.1], [0.8, 0.2]]).metrics["accuracy"]
    0.5
    """
    labels, chances = np.asarray(truth, dtype=np.int64), np.asarray(probability, dtype=np.float64)
    _check_items("classification", "truth", labels)
    check_shape("classification", "probability", chances.shape, N=len(labels), C=None)
    _check_finite("classification", "probability", chances)
    _check_probability(labels, chances)
    predicted = chances.argmax(axis=1)
    nats = metrics.nats_of_truth(labels, chances)
    figures = {
        "accuracy": metrics.accuracy(labels, predicted),
        "log_loss": float(nats.mean()),
        "f1_macro": metrics.f1(labels, predicted, chances.shape[1]),
    }
    details = {"truth": labels, "prediction": predicted, "nats": nats}
    return Outcome(figures, (predicted == labels).astype(np.float64), details)


def regression(truth: ArrayLike, forecast: ArrayLike) -> Outcome:
    """Score forecasts (N,) against the true values (N,): mae, rmse, r2; items are squared errors.

    >>> regression([1.0, 2.0], [1.0, 4.0]).metrics["mae"]
    1.0
    """
    true, guess = np.asarray(truth, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    _check_items("regression", "truth", true)
    check_shape("regression", "forecast", guess.shape, N=len(true))
    _check_finite("regression", "truth", true)
    _check_finite("regression", "forecast", guess)
    figures = {name: getattr(metrics, name)(true, guess) for name in ("mae", "rmse", "r2")}
    return Outcome(figures, np.square(guess - true), {"truth": true, "forecast": guess})


def forecast(
    truth: ArrayLike,
    forecast: ArrayLike,
    *,
    scales: ArrayLike | None = None,
    naive2: ArrayLike | None = None,
    quantiles: ArrayLike | None = None,
    levels: Sequence[float] = (),
) -> Outcome:
    """Score forecasts of h steps (N, h) against what came, by M4's rules; items are squared errors of a forecast.

    Always mae, rmse, mse, smape and crps, which is the mae where there are no quantiles; mase with `scales`, owa with
    `naive2`, too; with quantiles pinball and, for each central interval among the levels, coverage_90 and width_90.
    An item is the mean over the known steps of one forecast; one of whose truth (NaN) nothing is known is left out.

    Args:
        scales: (N,) MASE's scale of each forecast's series, by `forecasting.metrics.scales_of`; NaN: it has none.
        naive2: (N, h) Naive2's forecasts, which OWA counts from.
        quantiles, levels: (N, h, Q) and their (Q,) levels, rising.

    >>> forecast([[1.0, 2.0]], [[1.0, 4.0]]).metrics["mae"]
    1.0
    """
    true, guess = np.asarray(truth, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    check_shape("forecast", "truth", true.shape, N=None, h=None)
    check_shape("forecast", "forecast", guess.shape, N=len(true), h=true.shape[1])
    known = np.isfinite(true).any(axis=1)
    if not known.any():
        raise DataError("forecast: there is no known value to score against. Give at least one.")
    _check_finite("forecast", "forecast", guess)
    true, guess = true[known], guess[known]
    items = ahead.mean_of_steps(ahead.squared(true, guess))
    details = {
        "absolute": ahead.mean_of_steps(ahead.absolute(true, guess)),
        "symmetric": ahead.mean_of_steps(ahead.symmetric(true, guess)),
    }
    figures = {
        "mae": float(details["absolute"].mean()),
        "rmse": float(np.sqrt(items.mean())),
        "mse": float(items.mean()),
        "smape": float(details["symmetric"].mean()),
    }
    if scales is not None:
        rival = None if naive2 is None else np.asarray(naive2, dtype=np.float64)[known]
        figures |= _scaled(true, details, np.asarray(scales, dtype=np.float64)[known], rival)
    if quantiles is None:  # without spread: a rival's error stands beside the model's CRPS
        details["crps"] = details["absolute"]
        figures["crps"] = figures["mae"]
    else:
        figures |= _spread(true, details, np.asarray(quantiles, dtype=np.float64)[known], levels)
    return Outcome(figures, items, details)


def _scaled(
    truth: NDArray[np.float64], details: dict[str, NDArray[Any]], scales: NDArray[np.float64], naive2: Any
) -> dict[str, float]:
    """Add to `details` what MASE and OWA are made of; series without a scale count in neither."""
    has = np.isfinite(scales)
    if not has.any():
        return {}
    divisor = np.where(has, scales, 1.0)
    details["scaled"], details["has_scale"] = np.where(has, details["absolute"] / divisor, 0.0), has.astype(np.float64)
    figures = {"mase": float(details["scaled"].sum() / has.sum())}
    if naive2 is not None:
        absolute = ahead.mean_of_steps(ahead.absolute(truth, naive2))
        details["symmetric_naive2"] = ahead.mean_of_steps(ahead.symmetric(truth, naive2))
        details["scaled_naive2"] = np.where(has, absolute / divisor, 0.0)
        against = (float(details["symmetric_naive2"].mean()), float(details["scaled_naive2"].sum() / has.sum()))
        if min(against) > 0:
            figures["owa"] = ahead.owa(float(details["symmetric"].mean()), figures["mase"], *against)
    return figures


def _spread(
    truth: NDArray[np.float64],
    details: dict[str, NDArray[Any]],
    quantiles: NDArray[np.float64],
    levels: Sequence[float],
) -> dict[str, float]:
    _check_finite("forecast", "quantiles", quantiles)
    details["crps"] = ahead.crps_of_each(truth, quantiles, levels)
    details["pinball"] = ahead.pinball_of_each(truth, quantiles, levels)
    for nominal, (low, high) in ahead.pairs_of(levels).items():
        below, above = quantiles[..., low], quantiles[..., high]
        details[f"coverage_{100 * nominal:g}"] = ahead.mean_of_steps(ahead.inside(truth, below, above))
        details[f"width_{100 * nominal:g}"] = (above - below).mean(axis=1)
    return {name: float(values.mean()) for name, values in details.items() if name.startswith(SPREAD)}


def language(nats: ArrayLike, unit: str = "character") -> Outcome:
    """Score -ln p (N,) of each true next character: nats, bits and perplexity; items are nats a character.

    Of another `unit` the metrics bear its name, as figures of words and of characters do not compare: word_nats.

    >>> round(language([0.5, 1.5]).metrics["perplexity"], 3)
    2.718
    """
    cost = np.asarray(nats, dtype=np.float64)
    _check_items("language", "nats", cost)
    _check_finite("language", "nats", cost)
    if cost.min() < -1e-6:
        raise DataError(f"language: nats must be -ln p >= 0; got {cost.min():.4g}. Is the minus missing?")
    mean = float(cost.mean())
    figures = {"nats": mean, "bits": mean / float(np.log(2)), "perplexity": float(np.exp(mean))}
    return Outcome({name if unit == "character" else f"{unit}_{name}": f for name, f in figures.items()}, cost)


def translation(written: Sequence[str], references: Sequence[str], tokenised: bool) -> Outcome:
    """Score N translations beside one reference each: BLEU and chrF by sacrebleu; items are BLEU a sentence.

    Both are of the whole text, capitals not counted: bleu of Papineni et al. 2002 and chrf of Popović 2015, 0 to 100.
    `details` hold the counts of each sentence that their sums make the metrics of: see `evaluation.bleu`.

    Args:
        written, references: (N,) sentences each.
        tokenised: whether words and signs stand apart in both already; if not, sacrebleu's 13a cuts them.

    >>> round(translation(["a man sleeps ."], ["a man sleeps ."], tokenised=True).metrics["bleu"])
    100
    """
    check_shape("translation", "written", (len(written),), N=len(references))
    if not len(written):
        raise DataError("translation: there is no sentence to score; got N=0. Give at least one.")
    counted = bleu.count(written, references, tokenised)
    figures = {
        "bleu": float(bleu.bleu(counted.bleu.sum(0)[None])[0]),
        "chrf": float(bleu.chrf(counted.chrf.sum(0)[None])[0]),
    }
    details = {"bleu": counted.bleu, "chrf": counted.chrf}
    return Outcome(figures, bleu.bleu(counted.bleu, effective=True), details, counted.signatures)


def _check_items(who: str, what: str, values: NDArray[Any]) -> None:
    check_shape(who, what, values.shape, N=None)
    if len(values) == 0:
        raise DataError(f"{who}: there is no test item to score; got N=0. Give at least one.")


def _check_finite(who: str, what: str, values: NDArray[Any]) -> None:
    broken = int(np.count_nonzero(~np.isfinite(values)))
    if broken:
        raise RekurError(
            f"{who}: {what} must be finite; {broken} of {values.size} values are NaN or infinite. "
            "A model that diverged gives this: try a smaller learning rate or training.clip."
        )


def _check_probability(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> None:
    classes = probability.shape[1]
    if truth.min() < 0 or truth.max() >= classes:
        stray = truth[(truth < 0) | (truth >= classes)][0]
        raise DataError(
            f"classification: true classes must be 0..{classes - 1} (C={classes}); got {stray}. "
            "Was this label never seen in training?"
        )
    worst = float(np.abs(probability.sum(axis=1) - 1).max())
    if probability.min() < 0 or worst > 1e-3:
        raise DataError(
            "classification: every row of probability must be >= 0 and sum to 1; "
            f"smallest value {probability.min():.4g}, worst sum off by {worst:.4g}. Are these logits?"
        )
