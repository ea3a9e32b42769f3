"""How many characters a second a language model writes, one by one, without torch and with it, in one process.

    OMP_NUM_THREADS=1 python benchmarks/writing_rate.py [--hidden 512] [--layers 2]

LSTM layers of drawn weights over 65 characters; both sides write turn by turn. Seconds are of processor time, the best
of three: whatever else runs is left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import string
import time
from typing import Any

import numpy as np

from rekur import config, inference, models, tasks
from rekur.sampling import Sampling
from rekur.tasks.generate import Generate

KINDS = "\n !$&',-.3:;?" + string.ascii_letters
LENGTH = 300


def both(hidden: int, layers: int) -> tuple[Generate, dict[str, Any]]:
    """Return the task, and one model of drawn weights in NumPy and in torch."""
    import torch

    sizes = {"model.hidden": hidden, "model.layers": layers}
    task = tasks.create(config.override(config.load("shakespeare-lstm"), sizes))
    assert isinstance(task, Generate)
    task.restore({"vocabulary.json": json.dumps({"characters": list(KINDS)})})
    made, draw = task.architecture(), np.random.default_rng(1)
    weights = {name: draw.normal(0, 0.05, shape).astype(kind) for name, (shape, kind) in made.weights().items()}
    module = models.build(made)
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return task, {"without torch": inference.make(made, weights), "with torch": module.eval()}


def main() -> None:
    """Print a line for each side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=2)
    given = parser.parse_args()
    task, sides = both(given.hidden, given.layers)
    took: dict[str, list[float]] = {name: [] for name in sides}
    for name in [*sides] * 4:
        written = task.write(sides[name], "A", Sampling(1.0), np.random.default_rng(1))
        began = time.process_time()
        "".join(itertools.islice(written, LENGTH))
        took[name].append(time.process_time() - began)
    for name, seconds in took.items():
        print(f"{name}: {LENGTH / min(seconds[1:]):,.0f} characters a second")


if __name__ == "__main__":
    main()
