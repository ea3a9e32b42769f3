"""`rekur.Forecaster`."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from rekur.config import Config, ModelSettings, RecipeInfo, TrainingSettings
from rekur.config import check as checked
from rekur.estimators.base import CLIP, GIVEN, Cell, Recurrent
from rekur.estimators.fitting import refusing
from rekur.tasks.forecasting.coming import OPEN

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

LEAST_WINDOW = 24  # steps read where nothing is said, if the series have them: two horizons, and no fewer than these
TRAINED = 0.6  # share of a series that windows are cut from, or thereabouts
FORMS = {"table": "a table", "array": "series of numbers"}


class Forecaster(Recurrent):
    """The next h values of many series in one model, and how sure it is.

    X is a table of series (`unique_id`, `ds`, `y`, of pandas or polars), an array (N, L), or a list of series (L,).

    >>> import numpy as np, rekur
    >>> X = np.sin(np.arange(120) / 3 + np.arange(8)[:, None])
    >>> model = rekur.Forecaster(horizon=6, hidden=8, epochs=3, random_state=0).fit(X)
    >>> model.predict().shape, model.predict(X[:2, :100]).shape, model.predict_quantiles().shape
    ((8, 6), (2, 6), (8, 6, 7))
    """

    def __init__(
        self,
        *,
        horizon: int = 12,
        window: int = 0,
        season: int = 0,
        id: str = "",
        time: str = "",
        target: str = "",
        known: tuple[str, ...] = (),
        observed: tuple[str, ...] = (),
        static: tuple[str, ...] = (),
        calendar: bool = False,
        normalise: Literal["none", "last", "mean", "standard", "season", "seasonal_changes", "changes"] = "changes",
        levels: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95),
        cell: Cell = "gru",
        hidden: int = 32,
        dropout: float = 0.1,
        learning_rate: float = 0.005,
        batch: int = 32,
        epochs: int = 30,
        patience: int = 6,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.season = season
        self.id = id
        self.time = time
        self.target = target
        self.known = known
        self.observed = observed
        self.static = static
        self.calendar = calendar
        self.normalise = normalise
        self.levels = levels
        self.cell = cell
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch = batch
        self.epochs = epochs
        self.patience = patience
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.allow_nan = False, True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on series; the last of each are held out to stop by and to calibrate the quantiles.

        y (N, h), where it is given with series of numbers, is what came behind each.
        """
        self.form_ = _form(X)
        frame = _table(X, self.form_, y)
        with refusing():
            config = self._config(_steps(frame, self.id))
        return self._fit(config, frame, _kept)

    def predict(self, X: Any = None) -> Any:
        """Return what comes behind each series of X, or, without X, of those it was fitted to.

        Series of numbers give (N, h) numbers; a table gives one, of its own library, with the columns unique_id, ds,
        forecast, and the quantiles q05 to q95. What is known ahead stands in rows whose target is empty.
        """
        found = self._forecast(X)
        if self.form_ == "array":
            return found["forecast"].to_numpy().reshape(-1, self._opened.task.data.horizon).astype(np.float64)
        if hasattr(X, "iloc"):
            return type(X)(found.to_dict(as_series=False))  # a pandas.DataFrame, as X is
        return found

    def predict_quantiles(self, X: Any = None) -> Floats:
        """Return the quantiles (N, h, Q) of what comes behind each series, at `levels`."""
        found = self._forecast(X)
        data = self._opened.task.data
        wanted = found.columns[-len(data.levels) :]
        return found.select(wanted).to_numpy().reshape(-1, data.horizon, len(wanted)).astype(np.float64)

    def score(self, X: Any, y: Any) -> float:
        """Return R² of the forecasts behind X, over all series and steps: y (N, h) is what came."""
        truth, found = np.asarray(y, dtype=np.float64), self.predict(X)
        if not isinstance(found, np.ndarray) or truth.shape != found.shape:
            raise ValueError(
                f"score needs X as series of numbers and y as (N, h) numbers that came; got {truth.shape}."
            )
        spread = float(np.square(truth - truth.mean()).sum())
        return 1.0 - float(np.square(truth - found).sum()) / spread if spread else 0.0

    def _forecast(self, X: Any) -> pl.DataFrame:
        check_is_fitted(self)
        import polars as pl

        from rekur.evaluation.forecasting.conformal import Corrections

        if X is not None and _form(X) != self.form_:
            raise ValueError(f"X must be {FORMS[self.form_]}, as the estimator was fitted to; got {FORMS[_form(X)]}.")
        kept = self.fitted_.extra
        frame = pl.read_parquet(kept["history"]) if X is None else _table(X, self.form_)
        corrections = None if kept["conformal"] is None else Corrections.from_json(kept["conformal"])
        task, model = self._opened.task, self._opened.model
        with refusing():
            found: pl.DataFrame = task.forecast(model, frame, corrections, own=X is None)
        return found

    def _config(self, steps: float) -> Config:
        data = {
            "set": "files",
            "path": GIVEN,
            "layout": "long",
            "horizon": self.horizon,
            "window": self.window or _window(steps, self.horizon),
            "season": self.season,
            "calendar": self.calendar,
            "normalise": self.normalise,
            "levels": list(self.levels),
            **{name: getattr(self, name) for name in ("id", "time", "target")},
            **{name: list(getattr(self, name)) for name in ("known", "observed", "static")},
        }
        model = {
            "cell": self.cell,
            "hidden": self.hidden,
            "forecaster": "direct",
            "distribution": "quantiles",
            "dropout_readout": self.dropout,
        }
        training = {
            "optimizer": "adamw",
            "weight_decay": 0.01,
            "learning_rate": self.learning_rate,
            "batch": self.batch,
            "epochs": self.epochs,
            "patience": self.patience,
            "keep": "best",
            "clip": CLIP,
        }
        return Config(
            recipe=RecipeInfo(name="Forecaster", title="Fitted in Python", task="forecast"),  # type: ignore[call-arg]
            data=data,
            model=checked(ModelSettings, model, ""),
            training=checked(TrainingSettings, training, ""),
        )


def _kept(task: Any, model: Any) -> dict[str, Any]:
    """Return what a forecaster keeps besides its weights: corrections of its quantiles, and the end of each series."""
    from rekur.tasks.forecasting import coming

    corrections = task.calibrated(model)
    buffer = io.BytesIO()
    coming.history(task.panel, task.data.window, task.scales.marked).write_parquet(buffer)
    return {"conformal": None if corrections is None else corrections.to_json(), "history": buffer.getvalue()}


def _form(X: Any) -> str:
    return "table" if hasattr(X, "columns") else "array"


def _table(X: Any, form: str, y: Any = None) -> pl.DataFrame:
    """Return X as a long table of polars; y (N, h) is joined behind series of numbers."""
    import polars as pl

    if form == "table":
        if y is not None:
            raise ValueError("y is for series of numbers; a table has what came in its own rows. Leave y out.")
        return X if isinstance(X, pl.DataFrame) else pl.DataFrame([_column(str(name), X[name]) for name in X.columns])
    series = _series(X)
    if y is not None:
        if len(y) != len(series):
            raise ValueError(
                f"y must hold (N={len(series)}, h) numbers, what came behind each series; got {len(y)} rows."
            )
        series = [
            np.concatenate([row, np.asarray(came, dtype=np.float64)]) for row, came in zip(series, y, strict=True)
        ]
    lengths = [len(row) for row in series]
    names = np.repeat(np.arange(1, len(series) + 1), lengths).astype(str)
    steps = np.concatenate([np.arange(length) for length in lengths])
    return pl.DataFrame({"unique_id": names, "ds": steps, "y": np.concatenate(series)})


def _column(name: str, column: Any) -> pl.Series:
    """Return a column of pandas: numbers, times as they are written, or words; None where missing."""
    import polars as pl

    values = np.asarray(column)
    if values.dtype.kind == "M" and np.datetime_data(values.dtype)[0] not in ("ms", "us", "ns"):
        values = values.astype("datetime64[ms]")  # polars takes no seconds
    if values.dtype.kind in "fiubM":
        return pl.Series(name, values)
    cells = [None if gone else value for value, gone in zip(values.tolist(), np.asarray(column.isna()), strict=True)]
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and all(issubclass(kind, date) for kind in kinds):
        return pl.Series(name, [None if cell is None else cell.isoformat() for cell in cells], dtype=pl.String)
    if kinds and all(issubclass(kind, (int, float)) for kind in kinds):
        return pl.Series(name, cells, strict=False)
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def _series(X: Any) -> list[Floats]:
    alone = getattr(X, "ndim", 0) == 1 and np.asarray(X).dtype.kind in "fiub"
    rows = [X] if alone else list(X)
    series = [np.asarray(row, dtype=np.float64) for row in rows]
    for place, row in enumerate(series):
        if row.ndim != 1 or not np.isfinite(row).any():
            raise ValueError(
                f"X must be (N, L) numbers or a list of (L,); series {place} is {row.shape}, or has no value."
            )
        if not np.isfinite(row[-1]):
            raise ValueError(f"X, series {place}: {OPEN}")
    if not series:
        raise ValueError("X holds no series; got N=0. Give one or more.")
    return series


def _steps(frame: pl.DataFrame, id: str) -> float:
    """Return the steps of the shortest series, as far as its table says."""
    name = id or ("unique_id" if "unique_id" in frame.columns else "")
    return float(frame.group_by(name).len()["len"].min()) if name in frame.columns else float(len(frame))  # type: ignore[arg-type]


def _window(steps: float, horizon: int) -> int:
    room = max(1, int(TRAINED * steps) - horizon)
    return max(1, min(max(2 * horizon, LEAST_WINDOW), room // 2 if room > 1 else 1))
