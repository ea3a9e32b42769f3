"""Training in memory: no folder, no print, and torch's own settings as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur import config as configuration
from rekur import engine, inference, tasks
from rekur.config import Config
from rekur.errors import Interrupted, RequestError
from rekur.storage import Arrays

if TYPE_CHECKING:
    from rekur.tasks.base import Model, Task

Kept = Callable[[Any, Any], dict[str, Any]]  # of the task and its trained model, what `Fitted.extra` holds

NOWHERE = Path("the estimator")  # what errors call the place of weights that are in memory


@dataclass(frozen=True)
class Fitted:
    """A trained model as plain data: what `rekur.estimators` pickle, save and predict with."""

    recipe: str  # TOML, every setting resolved
    seed: int
    files: dict[str, str]  # vocabulary, scaler, classes
    weights: Arrays
    epochs: int
    validation: dict[str, float]  # figures of the rows held out; {} where none were
    extra: dict[str, Any] = field(default_factory=dict)  # what else its answers need

    @property
    def config(self) -> Config:
        """The settings that were trained with."""
        return configuration.parse(self.recipe, str(NOWHERE))

    def open(self) -> Opened:
        """Make the model ready to predict: without torch where there is an engine."""
        task = tasks.create(self.config, self.seed)
        task.restore(self.files)
        return Opened(task, self._model(task))

    def _model(self, task: Task) -> Model:
        if engine.selected() != "torch":
            return inference.make(task.architecture(), self.weights)
        from rekur.models import fill

        model = task.build()
        fill(model, self.weights, NOWHERE)
        return model.eval()


@dataclass(frozen=True)
class Opened:
    """A task that knows its scale and its words, and the model that answers."""

    task: Any
    model: Any


def fit(
    config: Config,
    given: Any,
    seed: int,
    threads: int,
    verbose: bool,
    kept: Kept | None = None,
    counts: NDArray[np.float64] | None = None,
) -> Fitted:
    """Train on what a caller gives in place of a file, each example counting as much as `counts` (N,) says.

    Raises ValueError for data or settings that cannot be, KeyboardInterrupt after Ctrl-C, RekurError where the
    training fails.
    """
    from rekur.tasks.base import seed_torch
    from rekur.training import loop
    from rekur.training.progress import Progress

    with refusing(), _computing_on(threads):
        task: Any = tasks.create(config, seed)
        task.given = given
        if counts is not None:
            task.given_weights = counts
        task.load()
        seed_torch(seed)
        model = task.build()
        try:
            found = loop.fit(task, model, config.training, seed=seed, listeners=[Progress()] if verbose else ())
        except Interrupted:
            raise KeyboardInterrupt from None
        weights = {name: tensor.detach().cpu().numpy().copy() for name, tensor in model.state_dict().items()}
        extra = kept(task, model.eval()) if kept else {}
        recipe, files = configuration.dump(task.config), task.files()
        return Fitted(recipe, seed, files, weights, found.epochs, found.validation, extra)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Say what is wrong with a request in the error that scikit-learn's callers expect."""
    try:
        yield
    except RequestError as error:
        raise ValueError(str(error)) from None


@contextlib.contextmanager
def _computing_on(threads: int) -> Iterator[None]:
    """Compute on so many threads, denormals flushed, with a generator of its own, for the block alone."""
    import torch

    from rekur.nn.threads import flush_denormals

    before = torch.get_num_threads()
    flushed = not bool(torch.full((1,), torch.finfo(torch.float32).tiny).mul(0.5).any())
    torch.set_num_threads(threads)
    flush_denormals()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(before)


def seed_of(random_state: Any) -> int:
    """Return the seed that `random_state` (an integer, a generator, or None for another one each time) gives."""
    from sklearn.utils import check_random_state

    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
