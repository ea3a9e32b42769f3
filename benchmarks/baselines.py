"""What the cheap rivals reach on the full data sets, and what they cost; the table of docs/evaluation.md.

    OMP_NUM_THREADS=1 REKUR_DATA=DIR python benchmarks/baselines.py
    OMP_NUM_THREADS=1 REKUR_DATA=DIR python benchmarks/baselines.py held-out --sets imdb

They are fitted on all training rows; in a recipe that holds out a validation part they learn from the rest alone, and
reach a little less. `held-out` never reads a test part: it fits on four fifths of the training rows and scores each
choice of the text rivals' settings on the last fifth. Seconds are the processor's: of counting, which two rivals share,
of fitting and of scoring.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data import splits
from rekur.data.datasets import imdb, mnist, nsmc, shakespeare
from rekur.evaluation import outcomes
from rekur.evaluation.baselines import kneser_ney, rows, text

Row = tuple[str, str, float]  # rival, metric, figure
SETS = {"imdb": (imdb, "word"), "nsmc": (nsmc, "char")}
TRUSTS, BETAS = (1.0, 3.0, 10.0, 30.0, 100.0), (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("test", "held-out"), default="test")
    parser.add_argument("--sets", nargs="+", choices=("imdb", "nsmc", "mnist", "tinyshakespeare"))
    parser.add_argument("--rows", type=int, help="held-out: take this many training rows")
    options = parser.parse_args()
    if options.what == "held-out":
        for name in options.sets or SETS:
            held_out(name, options.rows)
        return
    for name in options.sets or (*SETS, "mnist", "tinyshakespeare"):
        start = time.process_time()
        for rival, metric, figure in _rivals(name):
            print(f"{name:16} {rival:30} {metric} {figure:.4f}  {time.process_time() - start:6.1f} s", flush=True)
            start = time.process_time()


def _rivals(name: str) -> Iterator[Row]:
    if name in SETS:
        yield from _text(name)
    elif name == "mnist":
        (x, y), (test, truth) = (mnist.load(part) for part in ("train", "test"))  # type: ignore[arg-type]
        flat, tests = (images.reshape(len(images), -1) for images in (x, test))
        yield "logistic regression on pixels", "accuracy", _accuracy(truth, rows.logistic(flat, y, tests, 10))
    else:
        ids = np.unique(list(shakespeare.load()), return_inverse=True)[1]
        train, last = np.split(ids, [len(ids) - round(len(ids) / 10)])
        for order, rival in ((1, "unigram"), (5, "5-gram Kneser-Ney")):
            yield rival, "nats", float(kneser_ney.ngram(train, last, V=65, order=order).mean())


def _text(name: str) -> Iterator[Row]:
    load, analyzer = SETS[name][0].load, SETS[name][1]
    train, test = load("train"), load("test")
    counts = text.count(train.texts.to_list(), test.texts.to_list(), analyzer)  # type: ignore[arg-type]
    yield "(reading, and counting once)", "n-grams", counts.train.shape[1]
    for rival, learn in (("TF-IDF + logistic regression", text.tfidf_logistic), ("NB-SVM", text.naive_bayes_svm)):
        yield rival, "accuracy", _accuracy(test.labels, learn(counts, train.labels, 2))


def held_out(name: str, limit: int | None) -> None:
    """Score settings of the text rivals on a fifth of the training rows."""
    whole, analyzer = SETS[name][0].load("train"), SETS[name][1]
    picked = np.random.default_rng(0).permutation(len(whole))[:limit]
    kept, held = (picked[part] for part in splits.holdout(len(picked), 0.2, seed=0))
    texts, labels = whole.texts.to_list(), whole.labels
    counts = text.count([texts[i] for i in kept], [texts[i] for i in held], analyzer)  # type: ignore[arg-type]
    shipped = text.CHOICES[analyzer]
    print(f"{name}: {len(kept):,} rows to fit, {len(held):,} to score; shipped: {shipped}")

    def score(rival: Callable[..., NDArray[Any]], **change: float) -> None:
        text.CHOICES[analyzer] = shipped._replace(**change)  # type: ignore[arg-type]
        figure = _accuracy(labels[held], rival(counts, labels[kept], 2))
        print(f"  {rival.__name__:16} {change}  accuracy {figure:.4f}", flush=True)

    for trust in TRUSTS:
        score(text.tfidf_logistic, trust=trust)
    for beta in BETAS:
        score(text.naive_bayes_svm, beta=beta)


def _accuracy(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> float:
    return outcomes.classification(truth, probability).metrics["accuracy"]


if __name__ == "__main__":
    main()
