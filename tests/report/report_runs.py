"""Small run folders of every kind of task, as training leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli_w

from rekur.report.layout import Block, Section
from rekur.report.page import _environment
from rekur.runs import Run

HOSTILE = "</p><script>fetch('https://evil.example/x')</script><img src=x onerror=alert(1)> & \"quoted\" {{ 7*7 }}"
KOREAN = "정말 재미있는 영화였어요. 배우들의 연기가 훌륭하고 음악도 좋았습니다 ㅋㅋㅋ"


def metrics_of(**changes: Any) -> dict[str, Any]:
    """Return a whole metrics.json of a classification."""
    metrics: dict[str, Any] = {
        "recipe": "imdb-gru",
        "task": "text",
        "seed": 1,
        "device": "cpu",
        "engine": "torch 2.13.0",
        "threads": 2,
        "parameters": 6_214_658,
        "epochs": 6,
        "machine": "AMD EPYC",
        "date": "2026-11-22T01:44:54+00:00",
        "best_epoch": 2,
        "seconds": {"data": 3.1, "train": 512.4, "test": 11.7, "baselines": 31.4, "total": 558.6},
        "test": {"accuracy": 0.8912, "log_loss": 0.2731, "f1_macro": 0.8911},
        "interval": {"accuracy": [0.8873, 0.895], "log_loss": [0.266, 0.281], "f1_macro": [0.8872, 0.8949]},
        "validation": {"loss": 0.2812, "accuracy": 0.8876},
        "baselines": {
            "majority": {"accuracy": 0.5, "log_loss": 0.6931, "f1_macro": 0.3333},
            "TF-IDF + logistic regression": {"accuracy": 0.8831, "log_loss": 0.3012, "f1_macro": 0.8831},
            "NB-SVM with bigrams": {"accuracy": 0.9124, "log_loss": 0.2405, "f1_macro": 0.9124},
        },
        "versus": {
            "baseline": "NB-SVM with bigrams",
            "metric": "accuracy",
            "difference": -0.0212,
            "interval": [-0.0249, -0.0175],
            "p_value": 1e-28,
            "test": "mcnemar",
            "verdict": "worse",
        },
        "chance": {"rate": 0.5, "interval": [0.887, 0.895], "p_value": 0.0, "verdict": "better"},
        "published": {"accuracy": 0.86, "source": "chapter B, last cell"},
        "warnings": [],
        "sentence": "Worse than NB-SVM with bigrams by 2.1 points of accuracy (95 % interval 1.8 to 2.5, p < 0.0001).",
    }
    return metrics | changes


def config_of(name: str, title: str, task: str, **sections: Any) -> str:
    """Return a recipe as TOML."""
    recipe = {"name": name, "title": title, "task": task, **sections.pop("recipe", {})}
    return tomli_w.dumps({"recipe": recipe, "training": {"epochs": 6, "batch": 64}, **sections})


def make(path: Path, config: str, metrics: dict[str, Any], history: list[dict[str, Any]]) -> Run:
    """Write the parts every run has."""
    run = Run.create(path, config, seed=1, threads=2, device="cpu", rekur="0.1.0")
    run.write_metrics({"training": _last(history), **metrics})
    run.write_history(history)
    return run


def _last(history: list[dict[str, Any]]) -> dict[str, float]:
    last = history[-1] if history else {}
    return {name: last[name] for name in ("loss", "accuracy") if name in last}


def history_of(epochs: int, start: float, end: float, *, best: float = 0.0, **more: Any) -> list[dict[str, Any]]:
    """Return falling training loss, and a validation loss that turns up after a while when `best` is given."""
    entries: list[dict[str, Any]] = []
    for epoch in range(epochs):
        share = epoch / max(epochs - 1, 1)
        loss = end + (start - end) * np.exp(-5 * share)
        entry = {"epoch": epoch, "loss": float(loss), "learning_rate": 1e-3, "seconds": 85.0 * (epoch + 1)}
        if best:
            held = 0.28 + 0.3 * np.exp(-6 * share) + 0.12 * share**2
            entry["validation_loss"] = float(held)
            entry["validation_accuracy"] = float(best - 0.3 * np.exp(-6 * share))
            entry["accuracy"] = float(0.99 - 0.4 * np.exp(-4 * share))
        entries.append(entry | {key: value[epoch] for key, value in more.items()})
    return entries


def texts(path: Path, **changes: Any) -> Run:
    """A text classification with hostile, long, empty and Korean examples."""
    config = config_of(
        "imdb-gru",
        "Sentiment of film reviews with a GRU",
        "text",
        recipe={
            "chapter": "B",
            "faults": [
                "Right padding is read before the last step: the state forgets the text while it reads padding.",
                "Dropout is computed, and its result thrown away.",
            ],
        },
        published={"metrics": {"accuracy": 0.86}, "part": "test", "source": "chapter B, last cell"},
    )
    run = make(path, config, metrics_of(**changes), history_of(6, 0.62, 0.05, best=0.885))
    add_classes(run, ["negative", "positive"], 2000, 0.89)
    reviews = [
        HOSTILE,
        KOREAN,
        "",
        "I went in expecting nothing, and I must say it delivered. " * 40,
        "word" * 3000,
        "Not bad at all, not bad.\nI have seen far worse, and would sit through it again for the score.",
        "Everything I was promised: the plot of a cereal box, the wit of a parking ticket.",
        "A film about paint. It dries.",
    ]
    n = len(reviews)
    run.write_table(
        "examples",
        pl.DataFrame(
            {
                "id": np.arange(n),
                "truth": [i % 2 for i in range(n)],
                "prediction": [1 - i % 2 for i in range(n)],
                "probability": np.linspace(0.9999, 0.93, n),
                "text": reviews,
            }
        ),
    )
    return run


def add_classes(run: Run, classes: list[str], n: int, right: float) -> None:
    """Write predictions of a classifier that is right on a share of the items."""
    generator = np.random.default_rng(3)
    C = len(classes)
    truth = generator.integers(0, C, n)
    wrong = (truth + generator.integers(1, C, n)) % C
    prediction = np.where(generator.random(n) < right, truth, wrong)
    sure = np.clip(generator.beta(9, 1.1, n), 1 / C + 1e-3, 1)
    probability = np.repeat(((1 - sure) / (C - 1))[:, None], C, axis=1)
    probability[np.arange(n), prediction] = sure
    columns = {f"probability_{name}": probability[:, c] for c, name in enumerate(classes)}
    run.write_predictions(pl.DataFrame({"id": np.arange(n), "truth": truth, "prediction": prediction, **columns}))
    run.write_extra({"classes": classes})


def images(path: Path) -> Run:
    """Rows of digits: ten classes and most wrong images."""
    config = config_of(
        "digits-rows", "Small scanned digits, row by row", "rows", published={"reason": "No chapter has it."}
    )
    metrics = metrics_of(
        recipe="digits-rows",
        task="rows",
        parameters=28_410,
        test={"accuracy": 0.9711, "log_loss": 0.1021, "f1_macro": 0.971},
        interval={"accuracy": [0.952, 0.983], "log_loss": [0.07, 0.14], "f1_macro": [0.951, 0.982]},
        baselines={"majority": {"accuracy": 0.1}, "logistic regression on pixels": {"accuracy": 0.9656}},
        versus={
            "baseline": "logistic regression on pixels",
            "metric": "accuracy",
            "difference": 0.0055,
            "interval": [-0.012, 0.023],
            "p_value": 0.62,
            "test": "mcnemar",
            "verdict": "not distinguishable",
        },
        published=None,
        seconds={"data": 0.05, "train": 6.2, "test": 0.8, "total": 7.1},
        sentence="Not distinguishable from logistic regression on pixels: 0.6 points ahead (p = 0.62).",
    )
    rates = [1e-3 + 4e-3 * np.sin(np.pi * e / 40) for e in range(40)]
    run = make(path, config, metrics, history_of(40, 2.3, 0.01, best=0.975, learning_rate=rates))
    add_classes(run, [str(d) for d in range(10)], 450, 0.97)
    from sklearn.datasets import load_digits

    pixels = load_digits().data[:14].astype(np.uint8)
    run.write_table(
        "examples",
        pl.DataFrame(
            {
                "id": np.arange(14),
                "truth": np.arange(14) % 10,
                "prediction": (np.arange(14) + 3) % 10,
                "probability": np.linspace(0.98, 0.6, 14),
                "pixels": pixels.tolist(),
                "height": [8] * 14,
            }
        ),
    )
    return run


def series(path: Path) -> Run:
    """A forecast that mostly repeats yesterday, like the chapter's."""
    config = config_of(
        "kospi-gru",
        "The next day's close of the KOSPI index with a GRU",
        "series",
        recipe={"chapter": "D", "faults": ["The scaler is fitted on all rows, those of the test part among them."]},
        published={"metrics": {"loss": 0.0006}, "part": "train", "source": "chapter D, figure 4"},
    )
    generator = np.random.default_rng(5)
    T, boundary = 426, 200
    drop = -650 * np.exp(-(((np.arange(T) - 283) / 14) ** 2))
    truth = 2150 + np.cumsum(generator.normal(1.2, 14, T)) + drop
    before = np.r_[truth[0] - 4, truth[:-1]]
    forecast = 0.82 * before + 0.18 * np.r_[before[0], before[:-1]] + generator.normal(6, 9, T)
    first = np.datetime64("2019-02-08")
    dates = [str(np.busday_offset(first, i, roll="forward")) for i in range(T)]
    ours, rival = (np.sqrt(np.mean((v - truth)[boundary:] ** 2)) for v in (forecast, before))
    metrics = metrics_of(
        recipe="kospi-gru",
        task="series",
        parameters=793,
        epochs=301,
        test={"rmse": float(ours), "mae": 23.1, "r2": 0.971},
        interval={"rmse": [ours * 0.9, ours * 1.14], "mae": [20.5, 26.2], "r2": [0.962, 0.979]},
        validation={},
        baselines={
            "persistence": {"rmse": float(rival), "mae": 15.2, "r2": 0.985},
            "drift": {"rmse": float(rival * 1.01), "mae": 15.4, "r2": 0.984},
            "linear autoregression": {"rmse": float(rival * 1.2), "mae": 19.4, "r2": 0.979},
        },
        versus={
            "baseline": "persistence",
            "metric": "rmse",
            "difference": float(ours - rival),
            "interval": [4.1, 11.9],
            "p_value": 0.0004,
            "test": "diebold_mariano",
            "verdict": "worse",
        },
        chance=None,
        published={"loss": 0.0006, "part": "train", "source": "chapter D, figure 4"},
        seconds={"data": 0.02, "train": 9.4, "test": 0.1, "total": 9.6},
        warnings=["The scaler has seen the test part, as in the chapter: the error below is flattered."],
        sentence="Worse than repeating yesterday's value by 8.0 in RMSE (95 % interval 4.1 to 11.9, p = 0.0004).",
    )
    run = make(path, config, metrics, history_of(301, 0.0366, 0.00052))
    run.write_table(
        "series",
        pl.DataFrame(
            {
                "date": dates,
                "part": ["train"] * boundary + ["test"] * (T - boundary),
                "truth": truth,
                "forecast": forecast,
                "persistence": before,
            }
        ),
    )
    return run


SHAKESPEARE = """Second Servingman:
I would not be of that mind for the world, sir,
'Tis better thus: the gods are in their seats,
And we, poor mortals, in our kitchens still.

CORIOLANUS:
You common cry of curs! whose breath I hate
As reek o' the rotten fens, whose loves I prize
As the dead carcasses of unburied men
That do corrupt my air, I banish you;
And here remain with your uncertainty!
"""


def characters(path: Path) -> Run:
    """A character model: samples and surprise."""
    config = config_of("shakespeare", "The next character of Shakespeare", "generate")
    metrics = metrics_of(
        recipe="shakespeare",
        task="generate",
        parameters=212_033,
        test={"nats": 1.712, "bits": 2.47, "perplexity": 5.54},
        interval={"nats": [1.695, 1.731], "bits": [2.445, 2.497], "perplexity": [5.446, 5.646]},
        validation={"loss": 1.69},
        baselines={
            "unigram": {"nats": 3.31, "bits": 4.775, "perplexity": 27.4},
            "5-gram Kneser-Ney": {"nats": 1.801, "bits": 2.598, "perplexity": 6.06},
        },
        versus={
            "baseline": "5-gram Kneser-Ney",
            "metric": "nats",
            "difference": -0.089,
            "interval": [-0.101, -0.076],
            "p_value": 0.0005,
            "test": "bootstrap",
            "verdict": "better",
        },
        chance=None,
        published=None,
        sentence="Better than 5-gram Kneser-Ney by 0.089 nats a character (95 % interval 0.076 to 0.101, p = 0.0005).",
    )
    run = make(path, config, metrics, history_of(8, 2.9, 1.5, best=0.5))
    nats = np.random.default_rng(2).gamma(0.9, 1.6, len(SHAKESPEARE))
    run.write_predictions(pl.DataFrame({"id": np.arange(len(nats)), "truth": list(SHAKESPEARE), "nats": nats}))
    samples = [{"prompt": p, "text": SHAKESPEARE[20:320]} for p in ("The ", "KING ", "\n")]
    run.write_extra({"samples": samples})
    return run


def hello(path: Path) -> Run:
    """The notebook's twelve characters, decoded each epoch."""
    config = config_of(
        "hello-rnn",
        "An RNN that spells hello! world",
        "generate",
        recipe={"chapter": "E", "faults": ["The target of each step is the step's own character."]},
        data={"text": "hello! world", "target": "self"},
    )
    stages = ["llllllllllll", "lllo  llolld", "hlllo  worlo", "hello  world", "hello! world"]
    decoded = [stages[min(e // 2, 4)] for e in range(100)]
    metrics = metrics_of(
        recipe="hello-rnn",
        task="generate",
        parameters=180,
        epochs=100,
        test={"nats": 0.61, "bits": 0.88, "perplexity": 1.84},
        interval={"nats": [0.55, 0.7]},
        validation={},
        baselines={"unigram": {"nats": 2.09}, "5-gram Kneser-Ney": {"nats": 1.2}},
        versus={
            "baseline": "5-gram Kneser-Ney",
            "metric": "nats",
            "difference": -0.59,
            "interval": [-0.8, -0.3],
            "p_value": 0.01,
            "test": "bootstrap",
            "verdict": "better",
        },
        chance=None,
        training={"loss": 0.6, "right_from_epoch": 8},
        published={"right_from_epoch": 8, "part": "train", "source": "chapter E"},
        seconds={"data": 0.0, "train": 0.31, "test": 0.01, "total": 0.33},
        sentence="Better than 5-gram Kneser-Ney by 0.59 nats a character (95 % interval 0.30 to 0.80, p = 0.010).",
    )
    run = make(
        path, config, metrics, history_of(100, 2.2, 0.6, decoded=decoded, right=[d == stages[4] for d in decoded])
    )
    run.write_predictions(pl.DataFrame({"id": np.arange(12), "truth": list("hello! world"), "nats": np.full(12, 0.6)}))
    run.write_extra({"decoded": "hello! world"})
    return run


def shapes(path: Path) -> Run:
    """The layer that takes the batch for time; nothing trained, nothing to compare with."""
    config = config_of("hello-shapes", "Three words through a layer", "shapes", recipe={"chapter": "E"})
    metrics = metrics_of(
        recipe="hello-shapes",
        task="shapes",
        parameters=16,
        epochs=0,
        test={"mixed": 0.5, "state_N": 5.0},
        interval={},
        validation={},
        baselines={},
        versus=None,
        chance=None,
        published={"state_N": 5.0, "source": "chapter E"},
        seconds={"data": 0.0, "train": 0.0, "test": 0.01, "total": 0.01},
        sentence="There is no baseline to compare with.",
    )
    run = make(path, config, metrics, [])
    words = pl.DataFrame({"id": [0, 1, 2], "word": ["hello", "eolll", "lleel"], "others_moved": [1.0, 0.5, 0.0]})
    run.write_predictions(words)
    run.write_extra({"shapes": {"input": [3, 5, 4], "outputs": [3, 5, 2], "state": [1, 5, 2]}})
    return run


def bare(path: Path) -> Run:
    """A run with nothing but figures: no tables, no history, no rivals, nothing published."""
    config = config_of("bare", "Nothing but figures", "text")
    metrics = metrics_of(
        recipe="bare",
        baselines={},
        versus=None,
        chance=None,
        published=None,
        interval={},
        validation={},
        sentence="Nothing was compared.",
    )
    return make(path, config, metrics, [])


def broken(path: Path) -> Run:
    """One epoch whose figures are not finite, a metric that is null, Korean classes, an item of no class."""
    config = config_of("nsmc-broken", HOSTILE, "text", recipe={"faults": [HOSTILE], "mends": [KOREAN]})
    metrics = metrics_of(
        recipe="nsmc-broken",
        test={"accuracy": 0.512, "log_loss": float("nan"), "f1_macro": 0.34},
        validation={"loss": None},
        interval={"accuracy": [0.44, 0.58], "log_loss": None},
        baselines={"majority": {"accuracy": 0.5}, HOSTILE[:40]: {"accuracy": None}},
        versus={
            "baseline": "majority",
            "metric": "accuracy",
            "difference": 0.012,
            "interval": [None, None],
            "p_value": None,
            "test": "mcnemar",
            "verdict": "not distinguishable",
        },
        chance={"rate": 0.5, "interval": [0.44, 0.58], "p_value": 0.73, "verdict": "not distinguishable from chance"},
        warnings=[HOSTILE],
        published={"accuracy": 0.503, "source": HOSTILE},
        sentence="Not distinguishable from majority.",
    )
    history = [{"epoch": 0, "loss": None, "validation_loss": None, "validation_accuracy": 0.5, "seconds": None}]
    run = make(path, config, metrics, history)
    add_classes(run, ["부정", "긍정"], 200, 0.5)
    frame = run.predictions().with_columns(
        prediction=pl.when(pl.col("id") == 7).then(2).otherwise("prediction").cast(pl.Int64)
    )
    run.write_predictions(frame)
    return run


KINDS = {
    "texts": texts,
    "images": images,
    "series": series,
    "characters": characters,
    "hello": hello,
    "shapes": shapes,
    "bare": bare,
    "broken": broken,
}


def drawn(section: Section) -> str:
    """Return the HTML of a section's blocks and of its card, drawn as the pages draw them: no value may be missing."""
    blocks = [*section.blocks, *([section.key] if isinstance(section.key, Block) else [])]
    return "".join(_environment().get_template(block.template).render(values=block.values) for block in blocks)
