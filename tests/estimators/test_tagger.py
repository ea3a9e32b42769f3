"""The tagger: sentences as texts or lists, probabilities, folders, grids, and what cannot be."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

import rekur

QUICK = {"hidden": 8, "embedding": 8, "characters": 4, "epochs": 10, "random_state": 0}
NOUNS, VERBS = ["cat", "dog", "house", "tree"], ["sleeps", "eats", "stands"]


def sentences(count=60, seed=0):
    draw = np.random.default_rng(seed)
    X = [
        ["the", str(draw.choice(NOUNS)), str(draw.choice(VERBS)), *["here"] * int(draw.integers(0, 2))]
        for _ in range(count)
    ]
    return X, [["DET", "NOUN", "VERB", "ADV"][: len(words)] for words in X]


def test_it_learns_and_a_text_is_the_list_of_its_words():
    X, y = sentences()
    model = rekur.Tagger(**{**QUICK, "epochs": 25}).fit(X[:50], y[:50])
    assert model.score(X[50:], y[50:]) > 0.9
    assert model.predict([" ".join(words) for words in X[50:]]) == model.predict(X[50:])
    assert model.validation_["accuracy"] > 0.5
    assert model.classes_.tolist() == ["ADV", "DET", "NOUN", "VERB"]


def test_probabilities_are_of_each_word_and_say_what_is_predicted():
    X, y = sentences(20)
    model = rekur.Tagger(**QUICK).fit(X, y)
    for words, chances, tags in zip(X, model.predict_proba(X), model.predict(X), strict=True):
        assert chances.shape == (len(words), 4)
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        assert model.classes_[chances.argmax(axis=1)].tolist() == tags


def test_a_conditional_random_field_has_no_probability_of_a_single_tag():
    X, y = sentences(20)
    model = rekur.Tagger(crf=True, **{**QUICK, "epochs": 2}).fit(X, y)
    assert [len(tags) for tags in model.predict(X)] == [len(words) for words in X]
    with pytest.raises(ValueError, match="conditional random field"):
        model.predict_proba(X)


def test_pickles_folders_clones_and_grids_predict_the_same(tmp_path):
    X, y = sentences(24)
    grid = GridSearchCV(rekur.Tagger(**{**QUICK, "epochs": 2}), {"cell": ["gru", "lstm"]}, cv=2).fit(X, y)
    model = grid.best_estimator_
    assert pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)
    again = clone(model).fit(X, y)
    assert again.predict(X) == model.predict(X)
    found = rekur.load(model.save(tmp_path / "model")).predict(X)
    assert [item["prediction"] for item in found] == model.predict(X)


FAULTS = {
    "no sentence": ([], [], "one or more"),
    "a text alone": ("a cat", [["DET", "NOUN"]], "list of sentences"),
    "no word": (["  "], [[]], "no word"),
    "a tag too few": (["a cat"], [["DET"]], "2 words"),
    "a text of tags": (["a cat"], ["DET NOUN"], "a text"),
    "no tags": (["a cat"], None, "y to be passed"),
    "one tag": (["a cat"], [["X", "X"]], "one tag only"),
    "numbers": ([[1, 2]], [["A", "B"]], "list of words"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be_is_refused(case):
    X, y, words = FAULTS[case]
    with pytest.raises(ValueError, match=words):
        rekur.Tagger(**QUICK).fit(X, y)


def test_before_a_fit_there_is_nothing_to_predict_with():
    with pytest.raises(NotFittedError):
        rekur.Tagger().predict(["a cat"])
