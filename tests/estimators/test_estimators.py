"""The estimators beyond scikit-learn's checks: lists, arrays, texts, pickles, folders, grids; beating a dummy."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import rekur
from rekur import cli
from rekur.errors import RequestError

QUICK = {"hidden": 8, "epochs": 12, "random_state": 0}
TEXTS = [f"{'a lovely' if n % 2 else 'an awful'} film, number {n % 7}" for n in range(40)]


class Names(pickle.Unpickler):
    """Reads a pickle, and keeps the names of the packages it needs."""

    def __init__(self, file):
        super().__init__(file)
        self.modules = set()

    def find_class(self, module, name):
        self.modules.add(module.partition(".")[0])
        return super().find_class(module, name)


def walks(count=90, seed=0):
    """Sequences of different lengths and two columns; the first one's slope is what they are told apart by."""
    draw = np.random.default_rng(seed)
    slopes = draw.normal(size=count)
    lengths = draw.integers(6, 14, count)
    rows = [
        np.stack([s * np.arange(T) + draw.normal(0, 1, T), draw.normal(size=T)], axis=1)
        for s, T in zip(slopes, lengths, strict=True)
    ]
    return rows, slopes


@pytest.mark.parametrize("form", ["list", "array", "texts"])
def test_every_form_is_learned_by_both(form):
    rows, slopes = walks(40)
    X = {"list": rows, "array": np.stack([row[:6] for row in rows]), "texts": TEXTS}[form]
    y = np.arange(40) % 2 if form == "texts" else slopes
    numbers = rekur.SequenceRegressor(**QUICK).fit(X, y).predict(X[:3])
    assert numbers.shape == (3,)
    model = rekur.SequenceClassifier(**QUICK).fit(X, np.where(y > 0, "up", "down"))
    chances = model.predict_proba(X[:3])
    assert chances.shape == (3, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert set(model.predict(X[:3])) <= {"up", "down"}
    assert model.classes_.tolist() == ["down", "up"]


def test_better_than_a_dummy_on_sequences_it_has_not_seen():
    rows, slopes = walks()
    train, test = slice(0, 70), slice(70, 90)
    names = np.where(slopes > 0, 1, -1)
    model = rekur.SequenceClassifier(**QUICK).fit(rows[train], names[train])
    dummy = DummyClassifier().fit(names[train], names[train])
    assert model.score(rows[test], names[test]) > dummy.score(names[test], names[test]) + 0.2
    model = rekur.SequenceRegressor(**{**QUICK, "epochs": 25}).fit(rows[train], slopes[train])
    dummy = DummyRegressor().fit(slopes[train], slopes[train])
    assert model.score(rows[test], slopes[test]) > dummy.score(slopes[test], slopes[test]) + 0.5


def test_a_text_classifier_of_two_classes_reads_n_grams_where_there_are_enough():
    texts = [f"{'not bad at all' if n % 2 else 'at all not good'} {n % 11} {n % 13}" for n in range(220)]
    labels = np.arange(220) % 2
    model = rekur.SequenceClassifier(**{**QUICK, "epochs": 3}).fit(texts, labels)
    assert model.fitted_.config.model.evidence == 2
    assert model.score(texts, labels) > 0.9


def test_the_columns_of_probabilities_are_the_classes_whatever_their_names():
    draw = np.random.default_rng(0)
    y = draw.choice([2, 10, 100], 60)  # as words 10 comes before 2
    X = np.log(y)[:, None] + draw.normal(0, 0.05, (60, 5))
    model = rekur.SequenceClassifier(**{**QUICK, "epochs": 30}).fit(X, y)
    assert model.classes_.tolist() == [2, 10, 100]
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_a_pickle_holds_plain_data_and_predicts_the_same(dump):
    rows, slopes = walks(30)
    model = rekur.SequenceRegressor(**QUICK).fit(rows, slopes)
    place = io.BytesIO()
    dump(model, place)
    place.seek(0)
    np.testing.assert_array_equal(joblib.load(place).predict(rows), model.predict(rows))
    named = Names(io.BytesIO(pickle.dumps(model)))
    named.load()
    assert named.modules <= {"builtins", "rekur", "numpy"}
    unfitted = pickle.loads(pickle.dumps(rekur.SequenceRegressor(**QUICK)))
    with pytest.raises(NotFittedError):
        unfitted.predict(rows)


def test_the_same_seed_fits_the_same_bits_and_torch_is_as_it_was():
    rows, slopes = walks(30)
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first, again = (rekur.SequenceRegressor(**QUICK).fit(rows, slopes) for _ in range(2))
    np.testing.assert_array_equal(first.predict(rows), again.predict(rows))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    other = rekur.SequenceRegressor(**{**QUICK, "random_state": np.random.RandomState(7)}).fit(rows, slopes)
    assert (other.predict(rows) != first.predict(rows)).any()


def test_rows_are_held_out_to_stop_by_where_there_are_enough():
    rows, slopes = walks(60)
    model = rekur.SequenceRegressor(**{**QUICK, "epochs": 40, "patience": 1}).fit(rows, slopes)
    assert model.n_iter_ < 40
    assert model.validation_["rmse"] > 0
    few = rekur.SequenceRegressor(**QUICK).fit(rows[:20], slopes[:20])
    assert few.validation_ == {}


def test_grids_pipelines_and_clones(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(40, 5))
    y = np.where(X[:, 0] > 0, "a", "b")
    chain = make_pipeline(StandardScaler(), FunctionTransformer(), rekur.SequenceClassifier(**{**QUICK, "epochs": 3}))
    grid = GridSearchCV(chain, {"sequenceclassifier__cell": ["rnn", "gru"]}, cv=2).fit(X, y)
    assert grid.best_params_["sequenceclassifier__cell"] in ("rnn", "gru")
    assert len(cross_val_score(clone(grid.best_estimator_), X, y, cv=2)) == 2
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_missing_values_are_read():
    X = np.random.default_rng(0).normal(size=(30, 6))
    X[::3, 2], X[::4, -1], X[0] = np.nan, np.nan, np.nan
    model = rekur.SequenceRegressor(**QUICK).fit(X, np.nan_to_num(X[:, 0]))
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("kind", ["class", "number", "text"])
def test_what_is_saved_is_a_folder_that_predicts_the_same(tmp_path, capsys, kind):
    rows, slopes = (TEXTS, np.arange(40) % 2) if kind == "text" else walks(30)
    said = np.where(slopes > 0, "up", "down") if kind == "class" else slopes.astype(float)
    of = rekur.SequenceClassifier if kind == "class" else rekur.SequenceRegressor
    model = of(**{**QUICK, "epochs": 2}).fit(rows, said)
    found = rekur.load(model.save(tmp_path / "model")).predict(rows)
    values = [item["prediction"] for item in found]
    if kind == "class":
        assert values == model.predict(rows).tolist()
    else:
        np.testing.assert_array_equal(values, model.predict(rows))
    with pytest.raises(RequestError, match="not empty"):
        model.save(tmp_path / "model")
    np.save(tmp_path / "new.npy", np.zeros((2, 4, 2)))
    source = "a film" if kind == "text" else str(tmp_path / "new.npy")
    assert cli.main(["predict", str(tmp_path / "model"), source]) == 0
    assert len(capsys.readouterr().out.splitlines()) == (1 if kind == "text" else 2)


FAULTS = {
    "lengths of X and y": (lambda m: m.fit([np.ones(3)], [1, 2]), "inconsistent"),
    "other widths": (lambda m: m.fit([np.ones((3, 2)), np.ones((3, 1))], [1, 2]), "sequence 1"),
    "an empty sequence": (lambda m: m.fit([np.ones(3), np.ones(0)], [1, 2]), "sequence 1"),
    "no sequence": (lambda m: m.fit(np.ones((0, 3, 2)), []), "sizes 0"),
    "infinite": (lambda m: m.fit(np.full((2, 3, 2), np.inf), [1, 2]), "infinity"),
    "texts and none": (lambda m: m.fit(["a film", 3.0], [1, 2]), "text 1"),
    "one class": (lambda m: m.fit([np.ones(3), np.ones(2)], [1, 1]), "1 class"),
    "a wrong cell": (lambda m: m.set_params(cell="qru").fit([np.ones(3), np.ones(2)], [1, 2]), "cell"),
    "no number": (lambda m: m.set_params(hidden="8").fit([np.ones(3), np.ones(2)], [1, 2]), "hidden"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be_is_refused_as_scikit_learn_does(case):
    wrong, words = FAULTS[case]
    with pytest.raises(ValueError, match=words):
        wrong(rekur.SequenceClassifier(**QUICK))


def test_another_form_than_fitted_to_is_refused():
    rows, slopes = walks(20)
    model = rekur.SequenceRegressor(**{**QUICK, "epochs": 1}).fit(rows, slopes)
    assert model.predict([row[:4] for row in rows]).shape == (20,)  # of one length by chance
    with pytest.raises(ValueError, match="a list of arrays; got texts"):
        model.predict(["a film"])
    with pytest.raises(ValueError, match="I=2"):
        model.predict([np.ones((3, 1))])
    texts = rekur.SequenceRegressor(**{**QUICK, "epochs": 1}).fit(TEXTS, np.arange(40.0))
    with pytest.raises(ValueError, match="no step"):
        texts.predict(["..."])


def test_importing_rekur_and_its_estimators_loads_no_torch():
    code = (
        "import sys, rekur; assert 'sklearn' not in sys.modules and 'polars' not in sys.modules\n"
        "rekur.SequenceClassifier().get_params(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
