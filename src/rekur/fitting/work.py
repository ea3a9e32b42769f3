"""`rekur.fit`: from a path to a finished run, or to several of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekur import shelf
from rekur.config import Config
from rekur.errors import RequestError
from rekur.fitting import defaults, kinds
from rekur.fitting.kinds import Given, Kind

if TYPE_CHECKING:
    from rekur.training.events import Listener


CUTS = ("test", "validation", "cut", "horizon", "horizons", "shortest", "season", "folds", "fold")


@dataclass(frozen=True)
class Fitting:
    """A path understood, and the recipe made from it."""

    kind: Kind
    config: Config


def prepare(
    paths: Sequence[Path | str],
    given: Given = Given(),  # noqa: B008 - it is frozen
    settings: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seed: int = 1,
    folds: int = 0,
) -> Fitting:
    """Make the recipe of the file, the folder or the two files at `paths`; nothing is trained.

    Args:
        paths: what to learn from.
        given: what the caller says of it.
        settings: changes of the recipe by dotted keys: ``{"model.hidden": 64}``.
        epochs: in place of those the size asks for.
        seed: of the split, where the task splits rows: seeds trained later are tested on the same rows.
        folds: of a cross-validation in time: the recipe is then made of what the first of them trains on.

    Raises RequestError, ConfigError or DataError (exit code 2) for what the caller can mend.
    """
    places = [Path(path).absolute() for path in paths]
    kind = kinds.recognise(places, given)
    if kind.task == "forecast":
        kind = replace(kind, data={**kind.data, **_cuts(settings or {}), **({"folds": folds} if folds > 1 else {})})
    name = places[0].name.split(".")[0] or "fit"
    config = defaults.recipe(kind, name)
    if "split" in kind.data:
        config = config.model_copy(update={"data": {**config.data, "split_seed": seed}})
    return Fitting(kind, shelf.changed(config, settings, epochs))


def _cuts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that say where series are cut: settings chosen on a validation part must know which it is."""
    return {name: settings[key] for name in CUTS if (key := f"data.{name}") in settings}


def fit(
    *paths: Path | str,
    given: Given = Given(),  # noqa: B008 - it is frozen
    out: Path | str | None = None,
    seed: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    listeners: Sequence[Listener] = (),
) -> shelf.Result:
    """Train and test a model of your own file, and write its report; see `prepare`, and `rekur.run` for the rest.

    >>> rekur.fit("reviews.csv").sentence  # doctest: +SKIP
    """
    if not paths:
        raise RequestError("Give a file or a folder to learn from.")
    fitting = prepare(paths, given, settings, epochs, 1 if seed is None else seed)
    options: dict[str, Any] = {"seed": seed, "device": device, "threads": threads, "listeners": listeners}
    return shelf.train(fitting.config, out=out, **options)
