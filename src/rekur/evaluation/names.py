"""How each metric is called and counted: the one table that verdicts, reports and the command line read."""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """What people are told of a metric."""

    name: str
    unit: str = ""  # of a difference: "0.8 points of accuracy"; "in RMSE" stands behind "3.1 ahead"
    higher: bool = False  # more is better
    share: bool = False  # from 0 to 1, told in per cent; a difference in points of a hundred
    whole: bool = False  # told without decimals


METRICS = {
    "accuracy": Metric("accuracy", "points of accuracy", higher=True, share=True),
    "bits": Metric("bits a character", "bits a character"),
    "bleu": Metric("BLEU", "BLEU", higher=True),
    "chrf": Metric("chrF", "chrF", higher=True),
    "coverage_50": Metric("coverage of 50 % intervals", "points of coverage", share=True),
    "coverage_80": Metric("coverage of 80 % intervals", "points of coverage", share=True),
    "coverage_90": Metric("coverage of 90 % intervals", "points of coverage", share=True),
    "coverage_95": Metric("coverage of 95 % intervals", "points of coverage", share=True),
    "crps": Metric("CRPS", "in CRPS"),
    "cer": Metric("character error rate", "points of character error rate", share=True),
    "exact_english": Metric("exact matches in English", "points of exact matches in English", higher=True, share=True),
    "exact_korean": Metric("exact matches in Korean", "points of exact matches in Korean", higher=True, share=True),
    "exact_match": Metric("exact matches", "points of exact matches", higher=True, share=True),
    "drawn_distinct": Metric("distinct among those drawn", share=True, higher=True),
    "drawn_new": Metric("drawn, not in the training part", share=True, higher=True),
    "drawn_right": Metric("drawn, and taken for their class", share=True, higher=True),
    "held_out_right": Metric("held out, and taken for their class", share=True, higher=True),
    "ece": Metric("calibration error", share=True),
    "f1_macro": Metric("macro F1", "points of macro F1", higher=True, share=True),
    "frame_accuracy": Metric("frame accuracy", "points of frame accuracy", higher=True, share=True),
    "log_loss": Metric("log loss", "nats of log loss"),
    "mae": Metric("mean absolute error", "in mean absolute error"),
    "mase": Metric("MASE", "in MASE"),
    "mse": Metric("mean squared error", "in mean squared error"),
    "owa": Metric("OWA", "in OWA"),
    "pinball": Metric("quantile loss", "in quantile loss"),
    "smape": Metric("sMAPE", "in sMAPE"),
    "width_50": Metric("width of 50 % intervals", "in width"),
    "width_80": Metric("width of 80 % intervals", "in width"),
    "width_90": Metric("width of 90 % intervals", "in width"),
    "width_95": Metric("width of 95 % intervals", "in width"),
    "mixed": Metric("other words moved", share=True),
    "nats": Metric("nats a character", "nats a character"),
    "perplexity": Metric("perplexity", "in perplexity"),
    "r2": Metric("R²", "in R²", higher=True),
    "right_from_epoch": Metric("right from epoch", whole=True),
    "rmse": Metric("RMSE", "in RMSE"),
    "sentence_accuracy": Metric("whole sentences right", "points of sentences", higher=True, share=True),
    "span_f1": Metric("span F1", "points of span F1", higher=True, share=True),
    "span_precision": Metric("span precision", "points of span precision", higher=True, share=True),
    "span_recall": Metric("span recall", "points of span recall", higher=True, share=True),
    "word_bits": Metric("bits a word", "bits a word"),
    "word_nats": Metric("nats a word", "nats a word"),
    "word_perplexity": Metric("perplexity a word", "in perplexity a word"),
    "state_N": Metric("rows of the state", whole=True),
    "string_accuracy": Metric("whole strips right", "points of strips", higher=True, share=True),
    "token_accuracy": Metric("token accuracy", "points of token accuracy", higher=True, share=True),
}


def of(metric: str) -> Metric:
    """Return what the table says; an unknown metric is called by its key, and less of it is better.

    >>> of("f1_macro").name, of("validation_loss").name
    ('macro F1', 'validation loss')
    """
    return METRICS.get(metric) or Metric(metric.replace("_", " "))
