"""Peak memory of chapter C's from-scratch network: reading and coding IMDB, then training, without torch.

    python benchmarks/numpy_memory.py [--epochs 1]

Needs the IMDB reviews (REKUR_DATA or `rekur data get imdb`). The ids are the chapter's; the one-hot array of them
would be 800 MB in float32.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def peak() -> float:
    """Return the largest memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def prepare(place: Path) -> None:
    """Write the ids (25,000, 100) and labels, in the order of the chapter's split."""
    from rekur.data import batches, coding, splits
    from rekur.data.datasets import imdb

    reviews = imdb.load("train")
    ids = coding.KerasCoding(num_words=100, skip_top=20).fit(reviews.texts).encode(reviews.texts).cut(100, "left")
    padded, _ = batches.pad(ids, splits.numpy_permutation(25_000, 42), length=100, side="left")
    np.save(place / "ids.npy", padded.astype(np.uint8))
    np.save(place / "labels.npy", reviews.labels[splits.numpy_permutation(25_000, 42)])
    print(f"reading and coding the reviews: {peak():.0f} MB")


def train(place: Path, epochs: int) -> None:
    """Train on the first 20,000 and print the validation of the rest."""
    from rekur.reference.network import Network

    ids, labels = np.load(place / "ids.npy"), np.load(place / "labels.npy")
    held = (ids[20_000:], labels[20_000:])
    for entry in Network(100, 32, seed=1).fit(ids[:20_000], labels[:20_000], held, epochs=epochs):
        print(f"epoch {entry['epoch']}: validation accuracy {entry['validation']['accuracy']:.4f}")
    print(f"training: {peak():.0f} MB, torch imported: {'torch' in sys.modules}")


def main() -> None:
    """Run both parts, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        part, place = arguments.part
        return prepare(Path(place)) if part == "prepare" else train(Path(place), arguments.epochs)
    with tempfile.TemporaryDirectory() as place:
        for part in ("prepare", "train"):
            command = [sys.executable, __file__, f"--epochs={arguments.epochs}", "--part", part, place]
            subprocess.run(command, check=True)
    return None


if __name__ == "__main__":
    main()
