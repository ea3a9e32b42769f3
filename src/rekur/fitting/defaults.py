"""Which model and which training suit data of a size: small ones a small model, strongly held back.

The figures were chosen on generated tables, on validation parts of samples of public sets, and on the development half
of the public tables of docs/your-data.md, "Tables nobody tuned on". Of these every row was looked at; of the half kept
aside, none.
"""

from __future__ import annotations

from typing import Any

from rekur.config import Config, check
from rekur.fitting.kinds import MEMORY, OF_NUMBERS, Kind, Size

Settings = dict[str, Any]

LONG = 100  # words of a mean text from which on it is read in segments, side by side
SEGMENT = 50
LONGEST = 2000  # words or characters of a text: what lies behind is not read
BRIEF_WORDS, BRIEF_SIGNS = 400, 600  # the same where there is no room for more
MANY_TEXTS = 100_000  # from which on a batch of long ones takes memory, and the beginnings say as much
EVIDENCE = 60_000_000  # numbers that n-grams may say of the training texts: 240 MB
SEASONS, LAGS = 12, 4  # seasons read before a forecast, where there is room, and seasons back that are shown again
LONGEST_WINDOW, MOST_WINDOWS = 336, 100_000  # steps read before a forecast; windows that train
MOST_TESTED = 50_000  # examples: more make a test no sharper, and take long
MANY_CLASSES = 10  # of texts, from which on more epochs pay
POINTS, MOST_POINTS = 32, 96  # a sequence is told in, for the vote beside the network: some, or all of a row
SHARED = {"optimizer": "adam", "schedule": "one_cycle", "clip": 1.0}


def recipe(kind: Kind, name: str) -> Config:
    """Return the recipe of a path: its task, its `[data]`, and the model and training its size asks for."""
    data, model, training = CHOICES[kind.task](kind)
    values = {
        "recipe": {"name": name, "title": kind.said[:1].upper() + kind.said[1:], "task": kind.task},
        "data": {**kind.data, **data},
        "model": model,
        "training": {**SHARED, **training},
        "published": {"reason": "Made by `rekur fit` from a file."},
    }
    return check(Config, values, "")


def shares(examples: int) -> Settings:
    """Return the shares that test and validate: at most some ten thousand examples of each."""
    test, validation = 0.2, 0.15
    return {
        "test": round(min(test, max(0.02, MOST_TESTED / max(1, examples))), 4),
        "validation": round(min(validation, max(0.01, MOST_TESTED / 2 / max(1, examples))), 4),
    }


def _text(kind: Kind) -> tuple[Settings, Settings, Settings]:
    size = kind.size
    length, order = _heard(size)
    data = {
        **shares(size.examples),
        "tokenizer": "characters" if _by_sign(size) else "words",
        "min_count": 1 if size.examples < 2000 else 2 if size.examples < 50_000 else 5,
        "max_words": 50_000,
        "length": length,
        "memory": MEMORY,
    }
    N = size.examples
    model: Settings = {
        "cell": "gru" if N < 10_000 else "lstm",
        "embedding": 32 if N < 1000 else 64 if N < 10_000 else 128,
        "hidden": 24 if N < 1000 else 48 if N < 10_000 else 96,
        "bidirectional": True,
        "readout": "mean_max",
        "init": "keras",
        "dropout_embedding": 0.3,
        "dropout_words": 0.2,
        "dropout_readout": 0.5 if N < 10_000 else 0.4,
    }
    if size.steps > LONG:
        model["segment"] = SEGMENT
    if order:
        model |= {"evidence": order, "ballot": True}
    several = 50_000 if size.classes > MANY_CLASSES else 10_000  # texts: an epoch shows little of each of many classes
    training = {
        "learning_rate": 0.004 if N < 10_000 else 0.003,
        "batch": 16 if N < 1000 else 32 if N < 10_000 else 64 if N < 100_000 else 128,
        "epochs": 20 if N < 500 else 10 if N < 2000 else 6 if several > N else 3 if N < 200_000 else 2,
        "average": 0.98 if N < 2000 else 0.99,
        "keep": "best",
    }
    return data, model, training


def _by_sign(size: Size) -> bool:
    return size.characters or size.steps < 3  # names, codes


def _heard(size: Size) -> tuple[int, int]:
    """Return how many tokens of a text are read, and the longest n-gram that is evidence; 0: there is no room for it.

    Texts held in memory are read almost whole, as by rivals that count words. N-grams are what little data can say; of
    much, words do.
    """
    order, brief = (4, BRIEF_SIGNS) if _by_sign(size) else (2, BRIEF_WORDS)
    beside = order * (size.classes if size.classes > 2 else 1)  # numbers a token
    room = EVIDENCE // (max(1, size.examples) * beside)  # tokens of a mean text
    longest = LONGEST if size.examples < MANY_TEXTS else brief
    if not size.whole or room < min(size.steps, brief):
        return longest if size.whole else brief, 0
    return longest if size.steps <= room else min(longest, room), order


def _sequences(kind: Kind) -> tuple[Settings, Settings, Settings]:
    if "text" in kind.data:
        return _text_to_number(kind)
    N, steps = kind.size.examples, max(1, round(kind.size.steps))
    model = {
        "cell": "gru",
        "hidden": 24 if N < 500 else 48 if N < 10_000 else 96,
        "bidirectional": True,
        "readout": "mean_max",
        "figures": min(steps, MOST_POINTS if kind.data.get("layout") == "wide" else POINTS),
        "dropout_readout": 0.4 if N < 500 else 0.3 if N < 10_000 else 0.2,
    }
    training = {
        "optimizer": "adamw",
        "weight_decay": 0.05 if N < 500 else 0.01,
        "learning_rate": 0.01 if N < 10_000 else 0.004,
        "batch": 16 if N < 500 else 32 if N < 10_000 else 128,
        "epochs": 30 if N < 500 else 20 if N < 5000 else 10 if N < 100_000 else 4,
        "keep": "best",
    }
    return {**shares(N), "memory": OF_NUMBERS}, model, training


def _text_to_number(kind: Kind) -> tuple[Settings, Settings, Settings]:
    N = kind.size.examples
    length, order = _heard(kind.size)
    data = {
        **shares(N),
        "tokenizer": "characters" if _by_sign(kind.size) else "words",
        "min_count": 1 if N < 2000 else 2,
        "length": length,
    }
    model: Settings = {
        "cell": "gru",
        "embedding": 32 if N < 1000 else 64,
        "hidden": 24 if N < 1000 else 48,
        "bidirectional": True,
        "readout": "mean_max",
        "dropout_embedding": 0.5 if order else 0.3,
        "dropout_words": 0.3 if order else 0.1,
        "dropout_readout": 0.5 if order else 0.4,
    }
    if kind.size.steps > LONG:
        model["segment"] = SEGMENT
    if order:
        model |= {"evidence": order, "ballot": True}
    training = {
        "learning_rate": 0.004,
        "batch": 16 if N < 1000 else 32 if N < 10_000 else 64,
        "epochs": 30 if N < 1000 else 12 if N < 10_000 else 4,
        "keep": "best",
    }
    return data, model, training


def _tag(kind: Kind) -> tuple[Settings, Settings, Settings]:
    N = kind.size.examples
    small = N < 1000
    model = {
        "cell": "lstm",
        "embedding": 48 if small else 100,
        "characters": 32,
        "characters_hidden": 48,
        "hidden": 48 if small else 128,
        "bidirectional": True,
        "readout": "every",
        "variational": True,
        "dropout_embedding": 0.4,
        "dropout_words": 0.15,
        "dropout_readout": 0.4,
    }
    training = {
        "learning_rate": 0.005,
        "batch": 4 if N < 500 else 8 if small else 32,
        "epochs": 15 if N < 10_000 else 6,
        "clip": 5.0,
        "average": 0.98 if small else 0.99,
        "keep": "best",
    }
    return {"min_count": 1 if small else 2}, model, training


def _translate(kind: Kind) -> tuple[Settings, Settings, Settings]:
    N = kind.size.examples
    width = 64 if N < 2000 else 128 if N < 20_000 else 256
    model = {
        "cell": "gru",
        "embedding": width,
        "hidden": width,
        "bidirectional": True,
        "readout": "decoder",
        "decoder_hidden": 2 * width,
        "attention": "general",
        "tied": True,
        "dropout_embedding": 0.3,
        "dropout_readout": 0.4,
    }
    training = {
        "learning_rate": 0.003,
        "batch": 16 if N < 2000 else 64,
        "epochs": 40 if N < 1000 else 20 if N < 10_000 else 10 if N < 100_000 else 4,
        "label_smoothing": 0.1,
        "average": 0.99,
        "keep": "best",
    }
    share = max(0.01, min(0.1, 2000 / max(1, N)))
    data = {"min_count": 1 if N < 2000 else 2, "test": round(share, 4), "validation": round(share, 4)}
    return data, model, training


def _generate(kind: Kind) -> tuple[Settings, Settings, Settings]:
    N = kind.size.examples  # characters
    model = {
        "cell": "gru" if N < 300_000 else "lstm",
        "embedding": 32 if N < 100_000 else 64,
        "hidden": 64 if N < 30_000 else 128 if N < 1_000_000 else 256,
        "readout": "every",
        "dropout_readout": 0.4 if N < 100_000 else 0.2,
    }
    training = {
        "learning_rate": 0.005,
        "batch": 8 if N < 30_000 else 16 if N < 300_000 else 32 if N < 2_000_000 else 64,
        "epochs": 40 if N < 30_000 else 20 if N < 300_000 else 8 if N < 3_000_000 else 2,
        "keep": "best",
    }
    return {"chunk": 32 if N < 30_000 else 64 if N < 300_000 else 128}, model, training


def _rows(kind: Kind) -> tuple[Settings, Settings, Settings]:
    N = kind.size.examples
    model = {
        "cell": "gru" if N < 10_000 else "lstm",
        "hidden": 32 if N < 500 else 64 if N < 10_000 else 128,
        "bidirectional": True,
        "readout": "flatten",
        "dropout_readout": 0.5 if N < 500 else 0.3,
    }
    training = {
        "learning_rate": 0.005,
        "batch": 16 if N < 500 else 32 if N < 10_000 else 128,
        "epochs": 40 if N < 500 else 20 if N < 10_000 else 8,
        "average": 0.99,
        "keep": "best",
    }
    return {**shares(N), "shift": 1}, model, training


def _forecast(kind: Kind) -> tuple[Settings, Settings, Settings]:
    from rekur.fitting import series

    found, horizon = series.look(kind.data, kind.size.examples), int(kind.data["horizon"])
    W, seasonal = found.trained, 1 < found.season <= LONGEST_WINDOW
    window = max(SEASONS * found.season, horizon) if seasonal else max(24, 2 * horizon)
    room = max(found.shortest // 2, min(2 * found.season, found.shortest)) - horizon  # half is left to learn from
    window = max(2, min(window, LONGEST_WINDOW, room))
    seasonal = seasonal and found.season <= window
    data: Settings = {
        "memory": OF_NUMBERS,
        "window": window,
        "standardise": True,
        "normalise": "season" if seasonal else "changes",
        "lags": [found.season * back for back in range(1, min(LAGS, window // found.season) + 1)] if seasonal else [],
        "season": found.season,
        "calendar": W >= 2000 or found.season > window,
        "stride": max(1, W // MOST_WINDOWS),
        "every": max(1, found.tested // series.MOST_TESTED),
    }
    data |= found.sizes({**kind.data, **data}, window)
    model = {
        "cell": "gru",
        "forecaster": "direct",
        "distribution": "quantiles",
        "highway": window,
        "start": "linear",
        "hidden": 8 if W < 300 else 24 if W < 5000 else 48 if W < 50_000 else 96,
        "dropout_readout": 0.2 if W < 5000 else 0.1,
    }
    training = {
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "learning_rate": 0.01 if W < 2000 else 0.004,
        "batch": 16 if W < 1000 else 64 if W < 20_000 else 256,
        "epochs": 60 if W < 300 else 40 if W < 2000 else 20 if W < 10_000 else 8 if W < 100_000 else 4,
        "average": 0.98,
        "keep": "best",
    }
    return data, model, training


CHOICES = {
    "text": _text,
    "sequences": _sequences,
    "forecast": _forecast,
    "tag": _tag,
    "translate": _translate,
    "generate": _generate,
    "rows": _rows,
}
