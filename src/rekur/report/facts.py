"""What a run folder says, read once, and forgiving of what is absent."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from rekur.evaluation import names, telling
from rekur.report import words
from rekur.runs import Run

Metrics = dict[str, float]
NOT_FIGURES = ("epoch", "learning_rate", "seconds")  # the numbers of an epoch that are no figure of the model
HELD = "validation_"  # how the history names a figure of the validation part
PUBLISHED_WORDS = ("source", "part", "reason")  # the keys of `published` that are no metric


@dataclass(frozen=True)
class Facts:
    """One run, as the sections of the report want it. An absent part is empty; a damaged file raises."""

    run: Run

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The object of `rekur run --json`."""
        return self.run.metrics()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The recipe, as plain data: a report must not fail on a setting it does not know."""
        return tomllib.loads(self.config_text)

    @cached_property
    def config_text(self) -> str:
        """The recipe, as TOML."""
        return self.run.config_text()

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """One object an epoch."""
        return self.run.history()

    @cached_property
    def extra(self) -> dict[str, Any]:
        """What the task left beside its tables."""
        return self.run.extra()

    @cached_property
    def predictions(self) -> pl.DataFrame | None:
        """The test items."""
        return self.run.predictions() if (self.run.path / "predictions.parquet").exists() else None

    def table(self, name: str) -> pl.DataFrame | None:
        """Return the further table `name`, None if the task left none or an empty one."""
        if name not in self.run.tables():
            return None
        table = self.run.table(name)
        return table if len(table) else None

    def part(self, name: str) -> dict[str, Any]:
        """Return the object `name` of the metrics, {} if it is null or absent."""
        value = self.metrics.get(name)
        return dict(value) if isinstance(value, Mapping) else {}

    # what the head of the page says

    @property
    def recipe(self) -> dict[str, Any]:
        """The section `[recipe]`."""
        return dict(self.config.get("recipe", {}))

    @property
    def name(self) -> str:
        """The recipe's name."""
        return str(self.recipe.get("name") or self.metrics.get("recipe") or self.run.path.name)

    @property
    def title(self) -> str:
        """The recipe's title."""
        return str(self.recipe.get("title") or self.name)

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        return str(self.metrics.get("sentence") or "No verdict was written.")

    @property
    def verdict(self) -> str:
        """Say it in a word or two: of chance where it is no better than that, else of the best rival."""
        return telling.word(self.metrics)

    # figures

    @property
    def metric(self) -> str:
        """The metric the verdict is about."""
        return str(self.part("versus").get("metric") or next(iter(self.test), ""))

    @property
    def test(self) -> Metrics:
        """Ours, on the test part."""
        return numbers(self.part("test"))

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Return the 95 % interval of ours, None where there is none."""
        found = self.part("interval").get(metric)
        if not isinstance(found, list | tuple) or len(found) != 2:
            return None
        low, high = words.number(found[0]), words.number(found[1])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None

    @property
    def baselines(self) -> dict[str, Metrics]:
        """Each rival's figures on the test part, the best first."""
        found = {name: numbers(values) for name, values in self.part("baselines").items() if values}
        sign = -1 if names.of(self.metric).higher else 1

        def place(name: str) -> float:
            value = sign * found[name].get(self.metric, math.nan)
            return math.inf if math.isnan(value) else value

        return {name: found[name] for name in sorted(found, key=place)}

    @property
    def trained(self) -> Metrics:
        """Ours on the training part, at the last epoch."""
        return numbers(self.part("training"))

    @property
    def published(self) -> Metrics:
        """The chapter's own figures."""
        return numbers({k: v for k, v in self.part("published").items() if k not in PUBLISHED_WORDS})

    @property
    def published_part(self) -> str:
        """The part the chapter's figures were taken on."""
        said = self.part("published").get("part") or self.config.get("published", {}).get("part")
        return str(said or "test")

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return [str(name) for name in self.extra.get("classes", ())]


def curve(entry: Mapping[str, Any], part: str) -> Metrics:
    """Return the figures of one epoch on the part train or validation."""
    found = {key: words.number(value) for key, value in entry.items() if key not in NOT_FIGURES}
    if part == "validation":
        return {key.removeprefix(HELD): value for key, value in found.items() if key.startswith(HELD)}
    return {key: value for key, value in found.items() if not key.startswith(HELD) and math.isfinite(value)}


def numbers(values: Mapping[str, Any]) -> Metrics:
    """Return every value as a float, NaN where it is none."""
    return {key: words.number(value) for key, value in values.items()}
