"""A fitted estimator as a run folder, which `rekur.load` and `rekur predict` read."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from rekur.estimators.fitting import Fitted
from rekur.runs import Run


def save(fitted: Fitted, path: Path) -> Path:
    """Write `fitted` to the folder `path`, which must be free or empty; raises RequestError if not."""
    recipe = fitted.config.recipe
    run = Run.create(path, fitted.recipe, seed=fitted.seed, device="cpu", rekur=metadata.version("rekur"))
    run.write_files(fitted.files)
    run.save_model(fitted.weights, recipe.task)
    if "history" in fitted.extra:
        import polars as pl

        run.write_extra({"conformal": fitted.extra["conformal"]})
        run.write_table("history", pl.read_parquet(fitted.extra["history"]))
    run.write_metrics(
        {
            "recipe": recipe.name,
            "task": recipe.task,
            "run": str(path),
            "seed": fitted.seed,
            "parameters": sum(array.size for array in fitted.weights.values()),
            "epochs": fitted.epochs,
            "validation": fitted.validation,
            "test": {},
            "interval": {},
            "baselines": {},
            "versus": None,
            "chance": None,
            "published": None,
            "verdict": "",
            "sentence": "Fitted in Python without a test part; nothing is claimed.",
            "findings": [],
            "warnings": [],
        }
    )
    return path
