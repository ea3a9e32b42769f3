"""Words are drawn with the probabilities that temperature, top-k and top-p leave them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.errors import RefusedModelError, RequestError
from rekur.sampling import Sampling

SCORES = np.log([0.4, 0.3, 0.2, 0.1])
scores = st.lists(st.floats(-30, 30), min_size=1, max_size=9).map(np.array)
samplings = st.builds(Sampling, st.floats(0, 4), st.integers(0, 5), st.floats(0.01, 1))


@given(scores=scores, sampling=samplings, chance=st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_has_a_chance_and_the_chances_add_up_to_one(scores, sampling, chance):
    p = sampling.probabilities(scores)
    assert p.sum() == pytest.approx(1)
    assert p[sampling.draw(scores, chance)] > 0
    assert np.count_nonzero(p) <= (sampling.top_k or len(scores))


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(top_k=2), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(top_p=0.7), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(top_p=0.71), [4 / 9, 3 / 9, 2 / 9, 0]),
        (Sampling(top_k=3, top_p=0.5), [4 / 7, 3 / 7, 0, 0]),  # of the three kept, the first holds 4/9
        (Sampling(top_p=1e-9), [1, 0, 0, 0]),
        (Sampling(temperature=0), [1, 0, 0, 0]),
        (Sampling(temperature=0.5), np.array([16, 9, 4, 1]) / 30),
    ],
)
def test_the_probabilities_of_four_words(sampling, expected):
    np.testing.assert_allclose(sampling.probabilities(SCORES), expected)
    mixed = [2, 0, 3, 1]  # whatever their order
    np.testing.assert_allclose(sampling.probabilities(SCORES[mixed]), np.array(expected)[mixed])


def test_drawing_often_gives_the_probabilities():
    drawn = [Sampling().draw(SCORES, chance) for chance in (np.arange(1000) + 0.5) / 1000]
    np.testing.assert_allclose(np.bincount(drawn) / 1000, [0.4, 0.3, 0.2, 0.1], atol=0.002)


def test_a_word_ruled_out_is_never_drawn():
    ruled = np.array([-np.inf, 0.0, -np.inf, 0.0])
    assert {Sampling().draw(ruled, chance) for chance in np.linspace(0, 0.999, 50)} == {1, 3}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": np.nan}, "temperature"),
        ({"top_k": -1}, "top-k"),
        ({"top_p": 0}, "top-p"),
        ({"top_p": 1.1}, "top-p"),
    ],
)
def test_what_cannot_be_is_refused(settings, word):
    with pytest.raises(RequestError, match=word):
        Sampling(**settings)


@pytest.mark.parametrize("scores", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_no_numbers_are_refused(scores, temperature):
    with pytest.raises(RefusedModelError, match="no numbers"):
        Sampling(temperature=temperature).draw(np.array(scores), 0.5)
