"""What the estimators share: parameters, fitting in memory, plain state, and a model folder to save."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from rekur.config import Config, ModelSettings, RecipeInfo, TrainingSettings
from rekur.config import check as checked
from rekur.estimators import fitting, inputs
from rekur.estimators.fitting import Kept
from rekur.estimators.inputs import Form

Cell = Literal["rnn", "gru", "lstm"]
Floats = NDArray[np.float64]

ENOUGH = 50  # rows from which some are held out to stop by
EVIDENT = 200  # texts of two classes from which the log-count ratios of their n-grams are read, too
FIXED = 32  # steps up to which a model of sequences of one length weighs each step by its own
CLIP = 1.0
GIVEN = "(given in Python)"  # what stands for a file's path in a saved model


class Recurrent(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A recurrent model with scikit-learn's manners; `docs/estimators.md` describes the parameters."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop(
            "_opened", None
        )  # made of `fitted_` again: a torch module, where there is no engine, is no plain data
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "fitted_" in state:
            self._opened = self.fitted_.open()

    def _fit(self, config: Config, given: Any, kept: Kept | None = None, weights: Floats | None = None) -> Self:
        seed = fitting.seed_of(self.random_state)
        self.fitted_ = fitting.fit(config, given, seed, self.n_jobs or 1, self.verbose, kept, weights)
        self._opened = self.fitted_.open()
        self.n_iter_, self.validation_ = self.fitted_.epochs, self.fitted_.validation
        return self

    def save(self, path: Path | str) -> Path:
        """Write the fitted model to a folder that `rekur.load` and `rekur predict` read; return it.

        Raises RequestError unless `path` is free or an empty folder. Nothing in it is pickled.
        """
        from rekur.estimators import saving

        check_is_fitted(self)
        return saving.save(self.fitted_, Path(path))


class SequenceEstimator(Recurrent):
    """One answer for each sequence: what a classifier and a regressor share."""

    classes_: NDArray[Any]  # of a classifier, in rising order

    def __init__(
        self,
        *,
        cell: Cell = "gru",
        hidden: int = 32,
        layers: int = 1,
        bidirectional: bool = True,
        readout: Literal["auto", "last", "mean", "max", "mean_max", "attention", "flatten"] = "auto",
        dropout: float = 0.2,
        embedding: int = 32,
        tokenizer: str = "words",
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        batch: int = 32,
        epochs: int = 100,
        patience: int = 15,
        validation: float = 0.15,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden = hidden
        self.layers = layers
        self.bidirectional = bidirectional
        self.readout = readout
        self.dropout = dropout
        self.embedding = embedding
        self.tokenizer = tokenizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch = batch
        self.epochs = epochs
        self.patience = patience
        self.validation = validation
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.non_deterministic = False
        return tags

    def _learn(
        self, values: Any, form: Form, said: Any, predicts: Literal["class", "number"], weights: Floats | None
    ) -> Self:
        """Train on sequences as `_read` gave them, what is said of each, and how much it counts."""
        check_consistent_length(values, said)
        self.form_ = form
        self.columns_ = None if form == "texts" else int(values.values.shape[1])
        if form in ("array", "list"):
            self.n_features_in_ = self.columns_
        task = "text" if form == "texts" and predicts == "class" else "sequences"
        with fitting.refusing():
            config = self._config(task, values, predicts)
        given = inputs.given_texts(values, said) if task == "text" else inputs.given(values, said)
        return self._fit(config, given, weights=weights)

    def _read(self, X: Any, reset: bool) -> tuple[Any, Form]:
        form = inputs.form_of(X)
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):  # of an earlier fit, to another form
                self.__dict__.pop(name, None)
            return inputs.read(self, X, form, None, True), form
        check_is_fitted(self)
        wanted: Form = self.form_
        if {form, wanted} == {"table", "list"} and wanted == "list":
            form = "list"  # sequences that happen to have one length
        if form != wanted:
            raise ValueError(f"X must have the form the estimator was fitted to, {_NAMES[wanted]}; got {_NAMES[form]}.")
        return inputs.read(self, X, form, self.columns_, False), form

    def _config(self, task: str, values: Any, predicts: str) -> Config:
        texts = isinstance(values, list)
        held = self.validation if len(values) >= ENOUGH else 0.0
        data: dict[str, Any] = {"set": "files", "path": GIVEN, "split": "stratified", "test": 0.0, "validation": held}
        data |= {"predicts": predicts} if task == "sequences" else {}
        data |= {"text": "text", "tokenizer": self.tokenizer} if texts else {"layout": "wide"}
        return Config(
            recipe=RecipeInfo(name=type(self).__name__, title="Fitted in Python", task=task),  # type: ignore[call-arg]
            data=data,
            model=self._model(values, texts, predicts),
            training=checked(TrainingSettings, self._training(bool(held)), ""),
        )

    def _model(self, values: Any, texts: bool, predicts: str) -> ModelSettings:
        settings: dict[str, Any] = {
            "cell": self.cell,
            "hidden": self.hidden,
            "layers": self.layers,
            "bidirectional": self.bidirectional,
            "readout": self._readout(values, texts),
            "dropout_readout": self.dropout,
            "dropout_layers": self.dropout if self.layers > 1 else 0.0,
        }
        if texts:
            settings |= {"embedding": self.embedding, "dropout_embedding": self.dropout}
        if texts and predicts == "class" and len(self.classes_) == 2 and len(values) >= EVIDENT:
            settings |= {"evidence": 2, "ballot": True}
        return checked(ModelSettings, settings, "")

    def _readout(self, values: Any, texts: bool) -> str:
        if self.readout != "auto":
            return self.readout
        if texts:
            return "mean_max"
        longest = int(values.lengths.max())
        return "flatten" if longest <= FIXED and int(values.lengths.min()) == longest else "mean_max"

    def _training(self, held: bool) -> dict[str, Any]:
        return {
            "optimizer": "adamw",
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "batch": self.batch,
            "epochs": self.epochs,
            "patience": self.patience if held else 0,
            "keep": "best" if held else "last",
            "clip": CLIP,
        }


_NAMES: dict[Form, str] = {
    "table": "a table (n, T) of numbers",
    "array": "an array (N, T, I)",
    "list": "a list of arrays",
    "texts": "texts",
}
