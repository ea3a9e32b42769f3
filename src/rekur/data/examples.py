"""Small made-up files of every kind that `rekur fit` reads, to try it on: `rekur data examples`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from rekur.errors import RequestError
from rekur.storage import explained

GOOD, BAD = ("great", "lovely", "superb", "fine", "warm"), ("dull", "awful", "poor", "cold", "weak")
PLAIN = ("the", "film", "was", "and", "its", "story", "music", "end", "actor", "scene", "a", "very", "quite", "so")


def reviews(count: int, seed: int = 0) -> pl.DataFrame:
    """Return texts of some ten words, two or three of which tell the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    texts = []
    for label in labels:
        words = [*rng.choice(PLAIN, 7), *rng.choice(GOOD if label else BAD, 2)]
        texts.append(" ".join(rng.permutation(words)))
    return pl.DataFrame({"id": np.arange(count), "review": texts, "sentiment": np.where(labels, "good", "bad")})


def sensors(count: int, steps: int = 12, seed: int = 0) -> pl.DataFrame:
    """Return a long table of `count` machines: two values a step, and a state a machine."""
    rng = np.random.default_rng(seed)
    frames = []
    for machine in range(count):
        state = machine % 2
        time = np.arange(steps)
        wave = np.sin(time * (0.5 + 0.5 * state) + rng.random() * 6) + rng.normal(0, 0.1, steps)
        frames.append(
            pl.DataFrame(
                {
                    "machine": [f"m{machine}"] * steps,
                    "time": time,
                    "pressure": wave.round(3),
                    "heat": rng.normal(20, 1, steps).round(2),
                    "state": ["worn" if state else "sound"] * steps,
                }
            )
        )
    return pl.concat(frames)


def wide(count: int, steps: int = 16, seed: int = 0) -> pl.DataFrame:
    """Return a row a curve: its values side by side, and a class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    curves = np.cumsum(rng.normal(0, 0.2, (count, steps)) + np.where(labels, 0.2, -0.2)[:, None], axis=1)
    columns = {f"t{step}": curves[:, step].round(3) for step in range(steps)}
    return pl.DataFrame({**columns, "class": np.where(labels, "up", "down")})


def sales(series: int = 3, days: int = 120, seed: int = 0) -> pl.DataFrame:
    """Return a long table of daily series with a weekly season."""
    rng = np.random.default_rng(seed)
    dates = np.datetime64("2024-01-01") + np.arange(days)
    frames = [
        pl.DataFrame(
            {
                "unique_id": [f"shop{number}"] * days,
                "ds": dates.astype(str),
                "y": (20 * (1 + number) + 5 * np.sin(np.arange(days) * 2 * np.pi / 7) + rng.normal(0, 1, days)).round(
                    2
                ),
            }
        )
        for number in range(series)
    ]
    return pl.concat(frames)


def side_by_side(days: int = 120, seed: int = 0) -> pl.DataFrame:
    """Return the same series, a column each."""
    return sales(3, days, seed).pivot(on="unique_id", index="ds", values="y")


def tagged(count: int, seed: int = 0) -> str:
    """Return sentences in CoNLL's plain form, names of persons and places among them."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        who, where = rng.choice(["Anna", "Ben", "Clara", "Dora"]), rng.choice(["Rome", "Oslo", "Seoul"])
        words = [(who, "B-PER"), ("goes", "O"), ("to", "O"), (where, "B-LOC")]
        lines += [f"{word} {tag}" for word, tag in words] + [""]
    return "\n".join(lines) + "\n"


def conllu(count: int, seed: int = 0) -> str:
    """Return sentences in CoNLL-U."""
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(count):
        noun, verb = rng.choice(["dog", "cat", "child"]), rng.choice(["runs", "sleeps"])
        words = [("the", "DET"), (noun, "NOUN"), (verb, "VERB")]
        rows = [f"{n}\t{w}\t_\t{t}\t_\t_\t{0 if n == 3 else 3}\t_\t_\t_" for n, (w, t) in enumerate(words, 1)]
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


def pairs(count: int, seed: int = 0) -> tuple[str, str]:
    """Return two texts, sentence by sentence."""
    rng = np.random.default_rng(seed)
    words = {"hund": "dog", "katze": "cat", "kind": "child", "mann": "man"}
    verbs = {"schläft": "sleeps", "läuft": "runs", "isst": "eats"}
    sides: tuple[list[str], list[str]] = ([], [])
    for _ in range(count):
        noun, verb = rng.choice(list(words)), rng.choice(list(verbs))
        sides[0].append(f"der {noun} {verb} .")
        sides[1].append(f"the {words[noun]} {verbs[verb]} .")
    return "\n".join(sides[0]) + "\n", "\n".join(sides[1]) + "\n"


def texts_by_class(folder: Path, count: int, seed: int = 0) -> Path:
    """Write reviews as files, a folder a class."""
    for row in reviews(count, seed).iter_rows(named=True):
        place = folder / row["sentiment"]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{row['id']}.txt").write_text(row["review"], encoding="utf-8")
    return folder


def images_by_class(folder: Path, count: int, seed: int = 0) -> Path:
    """Write small pictures with a bar that lies or stands, a folder a class."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = ("lying", "standing")[number % 2]
        pixels = rng.integers(0, 60, (12, 12)).astype(np.uint8)
        at = int(rng.integers(2, 10))
        if number % 2:
            pixels[:, at] = 255
        else:
            pixels[at] = 255
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    return folder


def offers(count: int, seed: int = 0) -> pl.DataFrame:
    """Return texts of some ten words, and a price that two of them and chance make."""
    rng = np.random.default_rng(seed)
    sizes, things = (
        {"small": 1.0, "large": 2.0, "huge": 3.5},
        {"table": 60.0, "chair": 25.0, "lamp": 15.0, "bed": 110.0},
    )
    size, thing = rng.choice(list(sizes), count), rng.choice(list(things), count)
    state = rng.choice(["used", "new", "old", "painted"], count)
    price = [sizes[a] * things[b] + rng.normal(0, 4) for a, b in zip(size, thing, strict=True)]
    year = rng.integers(1950, 2024, count)
    told = zip(size, thing, state, year, strict=True)
    texts = [f"a {a} {b} of {y}, {c}, to be fetched soon" for a, b, c, y in told]
    return pl.DataFrame({"offer": texts, "price": np.round(price, 2)})


def novel(count: int, seed: int = 0) -> str:
    """Return `count` sentences of a few words each."""
    rng = np.random.default_rng(seed)
    who, does, where = ("The cat", "A dog", "Anna", "The old man"), ("sleeps", "waits", "sings"), ("here", "by the sea")
    return " ".join(f"{rng.choice(who)} {rng.choice(does)} {rng.choice(where)}." for _ in range(count)) + "\n"


def forecasts(days: int, seed: int = 0) -> pl.DataFrame:
    """Return a table of a forecast beside the truth: it repeats the value of the day before."""
    rng = np.random.default_rng(seed)
    y = 100 + np.cumsum(rng.normal(0, 1, days + 1))
    dates = np.datetime64("2024-01-01") + np.arange(days)
    return pl.DataFrame({"date": dates.astype(str), "y": y[1:].round(2), "yhat": y[:-1].round(2)})


def write(folder: Path, seed: int = 0) -> list[str]:
    """Write a file of every kind into a new or empty folder; return their names, a folder's with a slash behind.

    Raises RequestError where something is in the folder.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise RequestError(f"{folder} is not empty, and nothing is overwritten. Name another folder.")
    tables = {
        "reviews.csv": reviews(400, seed),
        "new.csv": reviews(20, seed + 1).drop("sentiment"),
        "test.csv": reviews(100, seed + 2),
        "table.csv": forecasts(200, seed),
        "offers.csv": offers(400, seed),
        "curves.csv": wide(200, seed=seed),
        "sales.csv": sales(seed=seed),
        "side.csv": side_by_side(seed=seed),
    }
    texts = {"names.bio": tagged(120, seed), "words.conllu": conllu(120, seed), "novel.txt": novel(800, seed)}
    texts |= dict(zip(("train.de", "train.en"), pairs(300, seed), strict=True))
    texts["tickets.jsonl"] = objects(reviews(400, seed))
    with explained(folder):
        for name, frame in tables.items():
            frame.write_csv(folder / name)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        sensors(80, seed=seed).write_parquet(folder / "sensors.parquet")
        texts_by_class(folder / "texts", 200, seed)
        images_by_class(folder / "images", 120, seed)
    return sorted([*tables, *texts, "sensors.parquet", "texts/", "images/"])


def objects(frame: pl.DataFrame) -> str:
    """Return a table as JSON, a line a row."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.iter_rows(named=True))
