"""What a fit is about to do: the split, the rivals, the model and its size, and how long it will take."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from rekur import config as configuration
from rekur.fitting.work import Fitting

if TYPE_CHECKING:
    from torch import nn

    from rekur.tasks.base import Task

RIVALS: dict[str, tuple[str, ...]] = {  # a test holds them beside what the tasks fit
    "text": ("majority", "TF-IDF + logistic regression", "NB-SVM with bigrams"),
    "tag": ("commonest tag of the word", "logistic regression on a window"),
    "translate": ("copy the source", "word-by-word dictionary"),
    "generate": ("unigram", "5-gram Kneser-Ney"),
    "rows": ("majority", "logistic regression on pixels"),
    "sequences class": ("majority", "logistic regression on summary figures", "nearest sequences"),
    "sequences number": ("mean", "ridge regression on summary figures", "nearest sequences"),
    "sequences text": ("mean", "TF-IDF + ridge regression"),
    "forecast": ("persistence", "seasonal naive", "drift", "Naive2", "Theta", "ETS", "NLinear"),
}
TIMED = 3.0  # seconds of training that are enough to say how long all of it takes
MOST = 12  # batches timed
FORWARD = 0.4  # of the time of a training step, that reading alone takes


@dataclass(frozen=True)
class Plan:
    """What would happen; `rekur fit --dry-run` shows it."""

    said: str
    task: str
    split: str
    parts: dict[str, int]
    baselines: tuple[str, ...]
    model: str
    parameters: int
    epochs: int
    batches: int
    seconds: float  # of training, by a few timed batches, all runs together
    runs: int
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object of `rekur fit --dry-run --json`."""
        return asdict(self)


def make(
    fitting: Fitting, seed: int = 1, device: str = "auto", threads: int | None = None, folds: int = 0, runs: int = 1
) -> Plan:
    """Read the data, build the model and time some batches; nothing is kept, and no test part is read.

    With `folds` it is the first of them that is read; `runs` are all that would be trained.
    """
    from rekur.models import parameters
    from rekur.training import devices, experiment, machine

    first = {"data.folds": folds, "data.fold": 0} if folds else {}
    config = experiment.resolved(configuration.override(fitting.config, first))
    about = experiment.About(seed, str(devices.choose(device)), threads, **machine.versions())
    task, model = experiment.prepared(config, about, None)
    count = threads or machine.calibrated(task, model)
    parts, batches, epochs = sizes(task), task.batches(0), config.training.epochs
    seconds = _timed(task, model, count) * len(batches)
    seconds *= 1 + FORWARD * parts.get("validation", 0) / max(1, parts.get("train", 1))
    return Plan(
        fitting.kind.said,
        config.recipe.task,
        getattr(task, "split", "") or _split(config.data),
        parts,
        rivals(config.recipe.task, config.data),
        _described(config.model.model_dump()),
        parameters(model),
        epochs,
        len(batches),
        seconds * epochs * runs,
        runs,
        (*fitting.kind.notes, *task.warnings),
    )


def rivals(task: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the baselines that a task of these `[data]` fits."""
    if task == "sequences":
        task = f"sequences {'text' if data.get('text') else data['predicts']}"
    found = RIVALS.get(task, ())
    return tuple(name for name in found if name != "seasonal naive" or data.get("season", 0) > 1)


def sizes(task: Task) -> dict[str, int]:
    """Return how many examples each part has: rows, sequences, sentences, pairs, characters or windows."""
    for name in ("labels", "ids", "targets", "parts"):
        found = getattr(task, name, None)
        if is_dataclass(found):  # a forecaster's windows
            found = vars(found)
        if isinstance(found, Mapping) and "test" in found:
            return {part: len(found[part]) for part in ("train", "validation", "test") if part in found}
    texts = getattr(getattr(task, "text", None), "texts", None)
    if isinstance(texts, Mapping):
        return {part: len(found) for part, found in texts.items()}
    return {"train": sum(len(rows) for rows in task.batches(0))}


def _timed(task: Task, model: nn.Module, threads: int) -> float:
    """Return the mean seconds of a training step; neither the model nor any random state changes."""
    import torch

    tried, batches = copy.deepcopy(model).train(), task.batches(0)
    if not batches:
        return 0.0
    places = [batches[len(batches) * n // MOST] for n in range(min(MOST, len(batches)))]
    torch.set_num_threads(threads)
    spent: list[float] = []
    with torch.random.fork_rng(devices=[]):
        for rows in [places[0], *places]:
            began = time.perf_counter()
            tried.zero_grad()
            task.step(tried, rows, None).loss.backward()  # type: ignore[no-untyped-call]
            spent.append(time.perf_counter() - began)
            if sum(spent) > TIMED and len(spent) > 1:
                break
    return sum(spent[1:]) / max(1, len(spent) - 1)  # the first one warms up


def _split(data: Mapping[str, Any]) -> str:
    if "split" not in data:
        return "random parts validate and test"
    how = {
        "random": "at random",
        "stratified": "at random, every class in every part",
        "grouped": f"every `{data.get('group')}` whole",
        "time": f"the newest by `{data.get('time')}` test",
    }.get(str(data["split"]), str(data["split"]))
    if data.get("folds"):
        return f"fold {data['fold'] + 1} of {data['folds']}, {how}"
    return f"{how}: {data['validation']:.0%} validate, {data['test']:.0%} test"


def _described(model: Mapping[str, Any]) -> str:
    told = [str(model["cell"])]
    told += [f"hidden {model['hidden']}"]
    told += [
        f"{name} {model[name]}"
        for name in ("layers", "embedding", "evidence", "figures")
        if model[name] > (name == "layers")
    ]
    told += [word for word in ("bidirectional", "ballot") if model[word]]
    told += [str(model.get("forecaster") or f"readout {model['readout']}")]
    return ", ".join(told)
