"""Keep a tiny finished run of every task in tests/stored/<schema>, with what it predicts, for later versions to load.

    python benchmarks/store_models.py [NAME...]

A stored run is never made again for a schema that was released: a later rekur must read it as it is. Runs of the
current schema may be, as long as no release has it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import rekur
from rekur import config
from rekur.data.datasets import digits, kospi
from rekur.runs import SCHEMA, Run, to_json

PLACE = Path("tests/stored")
KEPT = ("config.toml", "metrics.json", "extra.json", "history.jsonl", "predictions.parquet", "model.safetensors")
TEXTS: dict[str, Any] = {"data.max_train": 80, "data.max_test": 20, "training.epochs": 1, "data.max_words": 120}
SMALL: dict[str, Any] = {"model.hidden": 4}

STORED: dict[str, tuple[str, Mapping[str, Any]]] = {  # name -> recipe, and what is changed to make it tiny
    "text": ("imdb-gru-mended", {**TEXTS, **SMALL, "data.set": "nsmc-sample", "model.embedding": 4, "model.evidence": 0,
             "model.ballot": False, "model.segment": 0, "data.tokenizer": "characters", "data.min_count": 2}),
    "text-evidence": ("nsmc-sample", {**TEXTS, **SMALL, "model.embedding": 4, "model.evidence": 2}),
    "rows": ("digits-rows", {**SMALL, "training.epochs": 1, "data.max_train": 80}),
    "series": ("kospi-gru", {**SMALL, "training.epochs": 1}),
    "characters": ("shakespeare-short", {**SMALL, "data.characters": 4000, "model.embedding": 4, "training.epochs": 1}),
    "shapes": ("hello-shapes", {}),
    "tags": ("ewt-pos", {**config.load("ewt-pos").smoke, **SMALL, "model.embedding": 4, "model.characters": 4,
             "model.characters_hidden": 4, "training.epochs": 1}),
    "chains": ("strip-frames-crf", {**config.load("strip-frames-crf").smoke, **SMALL, "training.epochs": 1}),
    "translations": ("multi30k-attention", {**config.load("multi30k-attention").smoke, "training.epochs": 1,
                     "model.embedding": 8, "model.decoder_hidden": 8}),
    "captions": ("digits-caption", {**config.load("digits-caption").smoke, "data.train_strips": 40,
                 "data.test_strips": 10, "model.hidden": 4,
                 "model.decoder_hidden": 4, "model.embedding": 4, "model.convolution": [2]}),
    "forecast": ("airline", {**config.load("airline").smoke, **SMALL, "data.horizon": 4,
                 "data.window": 16, "data.lags": [], "data.season": 4, "data.normalise": "mean"}),
    "waves": ("waves", {**SMALL, "training.epochs": 1}),
    "subwords": ("nsmc-sample", {**TEXTS, **SMALL, "model.embedding": 4, "model.evidence": 0, "data.tokenizer": "bpe",
                 "data.max_words": 520, "data.min_count": 1}),
    "names": ("names-by-language", {**config.load("names-by-language").smoke, "data.most": 12, "model.hidden": 4,
              "model.embedding": 4}),
}  # fmt: skip


def given(name: str) -> list[Any]:
    """Return what the stored run is asked, as JSON holds it."""
    texts = ["재미있는 영화", "정말 지루했다 ㅠㅠ", "좋다"]
    days = kospi.load().select("Open", "High", "Low", "Volume")
    images = digits.load("test")[0][:6]
    asked: dict[str, list[Any]] = {
        "text": texts,
        "text-evidence": texts,
        "rows": images[:3].tolist(),
        "series": [days[at : at + 5].to_numpy().tolist() for at in (0, 200, 426)],
        "characters": ["First Citizen", "O"],
        "shapes": ["hello", "lleel"],
        "tags": ["the dog sees a cat in Berlin", "Mary reads"],
        "chains": [np.hstack(list(images[:3])).tolist(), images[4].tolist()],
        "translations": ["ein mann liest", "die frau"],
        "captions": [np.hstack(list(images[:2])).tolist()],
        "names": ["Korean", "English"],
        "subwords": texts,
        "forecast": [np.sin(np.arange(48) / 2).tolist(), np.arange(30.0).tolist()],
        "waves": [np.sin(np.arange(30) / 3)[:, None].tolist(), np.linspace(0, 1, 12)[:, None].tolist()],
    }
    return asked[name]


def asked(inputs: list[Any]) -> list[Any]:
    """Return the inputs as a predictor takes them: numbers as arrays."""
    return [np.array(item, dtype=np.float64) if isinstance(item, list) else item for item in inputs]


def store(name: str) -> int:
    """Train the tiny run, keep what a prediction and a report need, and return its bytes."""
    recipe, settings = STORED[name]
    place = PLACE / str(SCHEMA) / name
    shutil.rmtree(place, ignore_errors=True)
    made = rekur.run(recipe, out=place, settings=dict(settings), threads=1)
    kept = {*KEPT, *made.run.files()}
    for entry in place.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    inputs = given(name)
    predictions = rekur.load(place).predict(asked(inputs))
    place.with_suffix(".json").write_text(
        to_json({"given": inputs, "predictions": predictions}) + "\n", encoding="utf-8"
    )
    assert Run.open(place).finished()
    return sum(file.stat().st_size for file in (*place.iterdir(), place.with_suffix(".json")))


if __name__ == "__main__":
    for one in sys.argv[1:] or STORED:
        print(f"{one}: {store(one):,} bytes", flush=True)
    print(json.dumps({"schema": SCHEMA, "runs": sorted(STORED)}))
