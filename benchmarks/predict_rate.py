"""How many texts of 200 words a second one core predicts, from the text to its class: tokens, padding, layers, answer.

    OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 python benchmarks/predict_rate.py

20,000 words, embedding 128, 128 hidden units of all directions together, one layer, its last state; words drawn as in
texts, a few often and most seldom. Seconds are of processor time, the best of three: whatever else runs is left out.
"""

from __future__ import annotations

import json
import time

import numpy as np

from rekur import config, inference, tasks
from rekur.inference import Network
from rekur.tasks.base import Task

V, E, H, T, N = 20_000, 128, 128, 200, 2_000
WORDS = [f"w{number}" for number in range(V)]
SETTINGS = {
    "model.embedding": E,
    "model.readout": "last",
    "model.dropout_thrown_away": 0.0,
    "data.tokenizer": "words",
    "data.max_words": 0,
    "data.length": 0,
    "data.fixed": False,
    "data.mask": True,
}


def texts() -> list[str]:
    """Draw N texts of T words each, the n-th word with a chance of 1 / n."""
    draw, chance = np.random.default_rng(1), 1 / np.arange(1, V + 1)
    return [" ".join(WORDS[word] for word in row) for row in draw.choice(V, (N, T), p=chance / chance.sum())]


def classifier(cell: str, both_ways: bool) -> tuple[Task, Network]:
    """Return a text classifier of drawn weights, ready to predict."""
    sizes = {"model.cell": cell, "model.hidden": H // (1 + both_ways), "model.bidirectional": both_ways}
    task = tasks.create(config.override(config.load("imdb-gru"), {**SETTINGS, **sizes}))
    specials = ["<pad>", "<unk>"]
    vocabulary = json.dumps({"tokenizer": "words", "specials": specials, "words": [*specials, *WORDS]})
    task.restore({"classes.json": '["negative", "positive"]', "vocabulary.json": vocabulary})
    made, draw = task.architecture(), np.random.default_rng(1)
    weights = {name: draw.normal(0, 0.1, shape).astype(kind) for name, (shape, kind) in made.weights().items()}
    return task, inference.make(made, weights)  # type: ignore[return-value]


def main() -> None:
    """Print a line for each cell."""
    given = texts()
    for cell, both_ways in (("rnn", False), ("gru", False), ("lstm", False), ("gru", True), ("lstm", True)):
        task, model = classifier(cell, both_ways)
        task.predict(model, given[:200])
        took = []
        for _ in range(3):
            began = time.process_time()
            task.predict(model, given)
            took.append(time.process_time() - began)
        ways = "both ways, 64 each" if both_ways else "one way"
        print(f"{cell}, {ways}: {N / min(took):,.0f} texts a second", flush=True)


if __name__ == "__main__":
    main()
