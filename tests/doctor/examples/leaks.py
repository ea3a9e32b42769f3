"""Reviews oversampled before the split, so that copies of one lie on both sides; and the same split in time."""

from __future__ import annotations

import numpy as np
import polars as pl

from rekur.doctor.patient import Patient, Tables

WORDS = [first + last for first in ("ba", "de", "fi", "go", "lu", "me", "no") for last in ("n", "r", "st", "l", "x")]


def reviews(n: int, seed: int = 0, words: int = 30) -> pl.DataFrame:
    """Return `n` texts of about `words` words each, and labels."""
    generator = np.random.default_rng(seed)
    texts = [" ".join(generator.choice(WORDS, size=max(6, generator.poisson(words)))) for _ in range(n)]
    return pl.DataFrame({"text": texts, "label": generator.choice(["negative", "positive"], size=n)})


def edited(text: str, generator: np.random.Generator) -> str:
    """Change one word, as a later version of a text does."""
    words = text.split()
    words[int(generator.integers(len(words)))] = "edited"
    return " ".join(words)


def faulty() -> Patient:
    """A tenth of the rows copied, another tenth edited a little, and only then split."""
    frame, generator = reviews(400, words=60), np.random.default_rng(1)
    changed = frame[40:80].with_columns(text=pl.Series([edited(text, generator) for text in frame["text"][40:80]]))
    whole = pl.concat([frame, frame[:40], changed]).sample(fraction=1, shuffle=True, seed=0)
    return Patient(tables=Tables(whole[:360], whole[360:], text="text", label="label"))


def sound() -> Patient:
    """Split first."""
    frame = reviews(400, words=60)
    return Patient(tables=Tables(frame[:300], frame[300:], text="text", label="label"))
