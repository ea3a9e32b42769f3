"""Time from the parquet file of 25,000 IMDB reviews to ready batches, beside the same work in plain Python.

Both read the file, lower-case, split on white space, count, keep words seen five times or more, number them, put
reviews of similar length together and pad each batch of 64 to an int64 array. Both give the same arrays, which is
checked first; then they take turns in one process.

    REKUR_DATA=DIR python benchmarks/text_pipeline.py [--rounds 5] [--cpu]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data.batches import bucketed, pad
from rekur.data.datasets import imdb
from rekur.data.vocabulary import SPECIALS, Vocabulary

BATCH, POOL, MIN_COUNT = 64, 100, 5
Batches = list[NDArray[np.int64]]


def ours(path: Path) -> tuple[list[str], Batches]:
    """rekur's way, as the text task takes it."""
    texts = pl.read_parquet(path, columns=["text"])["text"]
    vocabulary = Vocabulary.fit(texts, "spaces", min_count=MIN_COUNT)
    ids = vocabulary.encode(texts)
    rows = bucketed(ids.lengths, BATCH, np.random.default_rng(0), POOL)
    return list(vocabulary.words), [pad(ids, batch)[0] for batch in rows]


def plain(path: Path) -> tuple[list[str], Batches]:
    """The same with `str.split`, `Counter` and a dict."""
    texts = pl.read_parquet(path, columns=["text"])["text"].to_list()
    tokens = [text.lower().split() for text in texts]
    counts: Counter[str] = Counter()
    for row in tokens:
        counts.update(row)
    kept = [word for word, count in counts.items() if count >= MIN_COUNT]
    words = [*SPECIALS, *sorted(kept, key=lambda word: (-counts[word], word))]
    ids = {word: i for i, word in enumerate(words)}
    coded = [[ids.get(word, 1) for word in row] for row in tokens]
    return words, [_padded([coded[row] for row in batch]) for batch in _similar([len(row) for row in coded])]


def _similar(lengths: list[int]) -> list[list[int]]:
    generator = np.random.default_rng(0)  # the same draws as `bucketed`, so that the batches are the same
    order = generator.permutation(len(lengths)).tolist()
    batches = []
    for start in range(0, len(order), BATCH * POOL):
        pool = sorted(order[start : start + BATCH * POOL], key=lengths.__getitem__)
        batches += [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
    return [batches[place] for place in generator.permutation(len(batches))]


def _padded(rows: list[list[int]]) -> NDArray[np.int64]:
    longest = max(len(row) for row in rows)
    return np.array([row + [0] * (longest - len(row)) for row in rows], dtype=np.int64)


def check(path: Path) -> int:
    """Return the size of the vocabulary; raise unless both ways give the same words and arrays."""
    (words, batches), (plain_words, plain_batches) = ours(path), plain(path)
    if words != plain_words or not all(map(np.array_equal, batches, plain_batches)):
        raise SystemExit("The two ways do not give the same batches: the times would compare different work.")
    return len(words)


def measure(path: Path, rounds: int, cpu: bool = False) -> dict[str, list[float]]:
    """Return the seconds of each round, by the wall or of the processor, the two ways taking turns."""
    clock = time.process_time if cpu else time.perf_counter
    seconds: dict[str, list[float]] = {"rekur": [], "plain Python": []}
    for _ in range(rounds):
        for name, way in (("rekur", ours), ("plain Python", plain)):
            start = clock()
            way(path)
            seconds[name].append(clock() - start)
    return seconds


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None, help="folder of data (else REKUR_DATA)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="processor seconds, for a machine others use, too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    path = imdb.path("train", arguments.data)
    vocabulary = check(path)
    report(measure(path, arguments.rounds, arguments.cpu), vocabulary, as_json=arguments.json)


def report(seconds: dict[str, list[float]], vocabulary: int, as_json: bool) -> None:
    """Print the figures for people, or as one JSON object."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["plain Python"] / medians["rekur"]
    if as_json:
        print(json.dumps({"median_seconds": medians, "ratio": ratio, "seconds": seconds, "vocabulary": vocabulary}))
        return
    print(f"25,000 IMDB training reviews to ready batches of {BATCH}; vocabulary {vocabulary:,}")
    for name, values in seconds.items():
        print(f"{name:12}  median {medians[name]:.2f} s   all: {' '.join(f'{value:.2f}' for value in values)}")
    print(f"ratio         {ratio:.2f} times as fast")
    unit = 1024 if sys.platform != "darwin" else 1
    print(f"peak memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6:.0f} MB (both ways)")


if __name__ == "__main__":
    main()
